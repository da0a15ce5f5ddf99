/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every limit of qmp-helper's worker, with its reason. A test that waits
 * for one by the clock on the wall is compiled with a shorter one, and one
 * in which it must not be up with a longer one.
 */
#ifndef XENQMP_LIBXL_WORKER_LIMITS_H
#define XENQMP_LIBXL_WORKER_LIMITS_H

#include "libxl/qmp/message.h"

/* --- Clients --------------------------------------------------------- */

/* xl, libvirt and monitoring each hold one or a few; more is a leak
 * somewhere. One more is refused, and does not wait, lest it waits for
 * those for ever. */
#define WORKER_CLIENTS_MAX       128
/* One command. QEMU takes 64 MiB, but libxl caps a message at 1 MB, and
 * nothing that makes sense over a console is longer. */
#define WORKER_COMMAND_MAX       (1u << 20)
/* What all clients may hold of commands whose end has not come; who goes
 * beyond his fair share then is closed. */
#define WORKER_INPUT_TOTAL_MAX   (16u << 20)
#define WORKER_INPUT_FAIR        65536
/* A client that has more than this to read yet loses its events, and its
 * further commands wait. One large reply fits below. */
#define WORKER_OUTPUT_PAUSE      (256u << 10)
/* Kept free of replies: for an error, with its id, for everything in
 * flight, and for notices. */
#define WORKER_ERROR_MAX         4096u
#define WORKER_OUTPUT_RESERVE    (WORKER_CLIENT_FLIGHTS * \
                                  (WORKER_ID_MAX + WORKER_ERROR_MAX))
/* Most that waits for one client: the largest reply behind what was
 * there. */
#define WORKER_OUTPUT_MAX        (WORKER_OUTPUT_PAUSE + QMP_MESSAGE_MAX + \
                                  WORKER_ID_MAX + WORKER_OUTPUT_RESERVE)
/* Most that waits for all of them: a QEMU that answers everybody with
 * 8 MiB must not cost dom0 a gigabyte. */
#define WORKER_OUTPUT_TOTAL_MAX  (32u << 20)
/* A client that takes nothing of what waits for so long is closed. */
#define WORKER_STALL_MS          30000
/* libxl gives up 10 s after it connected. A client that finds no QEMU is
 * greeted on its behalf after this, so that it can be told why. */
#define WORKER_GREETING_WAIT_MS  6000
/* libxenstat gives up after 10 ms in which nothing comes: so often it gets
 * a blank, but for a second only, as xentop waits meanwhile. */
#define WORKER_BLANK_MS          4
#define WORKER_BLANKS_MAX        250
/* accept() failed for lack of something: try again after this. */
#define WORKER_ACCEPT_RETRY_MS   1000

/* --- Clients of the sockets for fewer commands ------------------------ */

/* They may be anybody's, and are held to what costs the others next to
 * nothing, whatever they do: see worker/policy.c. At each such socket: */
#define WORKER_LESSER_CLIENTS    16
/* One command: what monitoring asks fits into a line, and this much is
 * soon over the console. */
#define WORKER_LESSER_COMMAND_MAX 4096
/* Most that waits for one client, and for all of them. */
#define WORKER_LESSER_OUTPUT     (2u << 20)
#define WORKER_LESSER_OUTPUT_TOTAL_MAX (8u << 20)
/* Pieces read and messages handled for one client: so many at once, then
 * one each so many milliseconds. The same for clients at one socket. */
#define WORKER_LESSER_BURST      16
#define WORKER_LESSER_INTERVAL_MS 5
/* One that does not negotiate, and one that takes nothing of what waits,
 * is closed after this. */
#define WORKER_LESSER_PATIENCE_MS 10000
/* One that has asked nothing for so long keeps its place until somebody
 * else needs it. */
#define WORKER_LESSER_IDLE_MS    60000
/* Commands of all of them that QEMU has at a time: it works on one after
 * the other, so this is how many anybody else ever waits for. */
#define WORKER_LESSER_IN_BAND_MAX 1
/* After one of them QEMU and the console are free of them for so many
 * times what it took, but not for longer than: so that a client of the
 * full socket seldom finds one before it. */
#define WORKER_LESSER_REST       3
#define WORKER_LESSER_REST_MAX_MS 250

/* All clients that there can be. */
#define WORKER_PLACES_MAX        (WORKER_CLIENTS_MAX + \
                                  2 * WORKER_LESSER_CLIENTS)
/* The process: its clients, sockets of its own, and some more. */
#define WORKER_DESCRIPTORS_MAX   (WORKER_PLACES_MAX + 32)
/* Address space, program included. The bounded buffers, all full at once,
 * come to 16 (input) + 16 (input, fair shares) + 32 + 8 (output) + 8 (one
 * of QEMU's messages) + 4 (commands) MiB; buffers double as they grow, and
 * parsing a message takes up to three copies of it. */
#define WORKER_MEMORY_MAX        (256ull << 20)

/* --- Commands in flight ---------------------------------------------- */

/* A client's id, kept while its command is in flight. Any JSON value is
 * allowed; this is far beyond any that is in use. */
#define WORKER_ID_MAX            65536
/* Commands of all clients that wait or were sent: one for each, so that
 * they take turns. */
#define WORKER_FLIGHTS_MAX       WORKER_CLIENTS_MAX
/* The same of the sockets for fewer commands: one of each client, and one
 * whose client has left. */
#define WORKER_LESSER_FLIGHTS    (2 * WORKER_LESSER_CLIENTS + \
                                  WORKER_LESSER_IN_BAND_MAX)
/* So that a few clients at once can't take them all. Above the eight that
 * QMP grants who means to send exec-oob as well. */
#define WORKER_CLIENT_FLIGHTS    16
/* Sent, in-band: with more than eight, those for fewer commands included,
 * QEMU would stop reading, and out-of-band commands would wait behind them
 * (qmp-spec, "Out-of-band execution"). All of these replies late: QEMU
 * hangs, and further commands fail at once. */
#define WORKER_IN_BAND_MAX       (8 - WORKER_LESSER_IN_BAND_MAX)
/* Sent, out-of-band. stubdomd has room for 64 in all. */
#define WORKER_OOB_MAX           32
/* QEMU hangs for so long: the session is made anew. QEMU then forgets what
 * it has not begun with, and lost replies are waited for no more. */
#define WORKER_HANG_MS           30000
/* Bytes of commands that wait to be sent: beyond it no client is read. */
#define WORKER_WAITING_MAX       (4u << 20)
/* A command that can't be sent for so long fails; below libxl's 10 s, so
 * that libxl reports the reason and not a time-out of its own. */
#define WORKER_SEND_LIMIT_MS     8000
/* The same as long as no QEMU has ever been seen: the client has been
 * waiting for a greeting before. */
#define WORKER_FIRST_LIMIT_MS    2000
/* A command that QEMU doesn't answer for so long fails. Longer than any
 * that QEMU handles in its main loop should ever take. */
#ifndef WORKER_REPLY_LIMIT_MS
#define WORKER_REPLY_LIMIT_MS    30000
#endif

/* While a command has had no answer for so long, so often the parent is
 * asked how the stubdomain is: when they fail, one that is paused is told from a QEMU that
 * hangs. */
#define WORKER_ASK_MS            1000
/* A stubdomain has ended; what it sent before is still on its way. */
#define WORKER_LAST_WORDS_MS     500

/* --- The console session --------------------------------------------- */

/* Without a parent: a console lost at two looks in a row is a domain that
 * has gone, not an upgrade of xenconsoled. */
#ifndef WORKER_LOOK_MS
#define WORKER_LOOK_MS           5000
#endif
/* Commands are handed to the console while less than this waits there, so
 * that what isn't sent yet is known not to be. */
#define WORKER_CONSOLE_PAUSE     (64u << 10)
#define WORKER_CONSOLE_MAX       (WORKER_CONSOLE_PAUSE + \
                                  2 * WORKER_COMMAND_MAX)
/* qmp_reset is repeated (a tty that is still cooked may have eaten it)
 * every 2 s for the first minute, which covers a stubdomain's boot, then
 * less often: an answer that takes longer than that must find its nonce
 * still current. */
#define WORKER_RESET_REPEAT_MS   2000
#define WORKER_RESET_REPEATS     30
#define WORKER_RESET_SLOW_MS     15000
/* stubdomd may answer before its QEMU is up: 30 s, as long as libxl waits
 * for that QEMU, then reset again. */
#define WORKER_HELLO_LIMIT_MS    30000
/* qmp_capabilities and the like: answered at once by a live QEMU. */
#define WORKER_NEGOTIATE_LIMIT_MS 10000
/* QEMU's is 200 bytes. Kept, and sent to each client. */
#define WORKER_GREETING_MAX      16384
/* After something that QMP doesn't allow the session is reset, the first
 * time at once, then after 100 ms doubling to 10 s: a peer that always
 * lies costs a reset each 10 s. A minute without wipes the slate. */
#define WORKER_OFFENCE_FIRST_MS  100
#define WORKER_OFFENCE_LAST_MS   10000
#define WORKER_OFFENCE_FORGET_MS 60000

/* --- The save barrier ------------------------------------------------ */

/* save-begin opens a file on the same host. */
#ifndef WORKER_SAVE_BEGIN_MS
#define WORKER_SAVE_BEGIN_MS     5000
#endif
/* sync writes what is left in a ring of 2 KB; a minute is a dead disk. */
#define WORKER_SAVE_SYNC_MS      60000
/* Between attempts to reach a xenconsoled that is being restarted. */
#define WORKER_SAVE_RETRY_MS     100
/* One line of xenconsoled's control protocol. */
#define WORKER_CONTROL_LINE_MAX  1024

#endif
