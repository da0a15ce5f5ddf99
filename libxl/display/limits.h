/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every limit of the display worker, with its reason. */
#ifndef XENQMP_LIBXL_DISPLAY_LIMITS_H
#define XENQMP_LIBXL_DISPLAY_LIMITS_H

#include "libxl/link/link.h"

/* Who looks has a channel. As many again may be at the beginning; whoever
 * comes then takes a place of the host that has most of those, its oldest. */
#define DISPLAY_PLACES          (2 * LINK_CHANNELS)
/* The process: its viewers, and some more. */
#define DISPLAY_DESCRIPTORS_MAX (DISPLAY_PLACES + 32)
/* Address space, program included; of which viewers that don't read hold
 * LINK_CHANNELS * LINK_WINDOW_MASTER, 4 MiB, and twice that as buffers grow. */
#define DISPLAY_MEMORY_MAX      (128ull << 20)
/* From one step of the beginning to the next: somebody may have to type a
 * password. */
#ifndef DISPLAY_BEGIN_MS
#define DISPLAY_BEGIN_MS        30000
#endif
/* After a wrong password none is checked for so long, wherever it comes from:
 * two guesses a second at most. Who knows it waits for those only who came
 * earlier and don't, less than DISPLAY_PLACES of them. */
#ifndef DISPLAY_GUESS_GAP_MS
#define DISPLAY_GUESS_GAP_MS    500
#endif
/* Who is refused is told so late: it comes again later, and is logged less
 * often. */
#ifndef DISPLAY_WRONG_MS
#define DISPLAY_WRONG_MS        3000
#endif
/* Who hangs up and has no credit left for what it has typed keeps its place so
 * long, also if some comes: a stubdomain that gives none is not to keep places
 * that nobody has. */
#ifndef DISPLAY_LAST_MS
#define DISPLAY_LAST_MS         30000
#endif
/* A handshake of TLS costs a millisecond of a processor, and anybody can
 * begin one: so many milliseconds are between two. */
#ifndef DISPLAY_TLS_GAP_MS
#define DISPLAY_TLS_GAP_MS      50
#endif
/* Without a parent: a console lost at two looks in a row is a domain that
 * has gone, not an upgrade of xenconsoled. */
#ifndef DISPLAY_LOOK_MS
#define DISPLAY_LOOK_MS         5000
#endif
/* A reset of the link that nobody answers is repeated: the stubdomain may
 * still boot, its tty be cooked. */
#ifndef DISPLAY_RESET_MS
#define DISPLAY_RESET_MS        2000
#endif
/* Sessions begin so often at most, whatever a stubdomain says. */
#ifndef DISPLAY_RENEW_MS
#define DISPLAY_RENEW_MS        1000
#endif
/* What is given to xenconsoled at a time: what waits longer can still be
 * dropped. */
#define DISPLAY_CONSOLE_PAUSE   (16u << 10)
#define DISPLAY_CONSOLE_MAX     (DISPLAY_CONSOLE_PAUSE + LINK_OUT_MAX)

#endif
