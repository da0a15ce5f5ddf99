/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rights of qmp-helper's parent, which stays root, once all is set up:
 *
 *   CAP_SETUID, CAP_SETGID, CAP_SYS_CHROOT: to start the worker again
 *   CAP_SETPCAP: for the worker to give up its bounding set
 *   CAP_KILL: the worker is another user's process
 *
 * It removes its sockets and its directory as their owner.
 */
#ifndef XENQMP_LIBXL_HELPER_PRIVILEGES_H
#define XENQMP_LIBXL_HELPER_PRIVILEGES_H

#include <stdbool.h>

/* Of the calling thread and those that it makes: call it before
 * libxenstore makes one, which is at the first watch. -1: errno. */
int privileges_drop(void);
/* Files' modes count for root, too, as they do after privileges_drop(); or no
 * more. -1: errno. */
int privileges_heed_modes(bool on);

#endif
