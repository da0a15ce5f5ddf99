/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the user of the toolstack reads. libxl gives what it starts a log
 * for its standard error, and tells of nothing but an exit status; but the
 * process that it forks for the purpose, and which is this one's parent
 * until libxl has what it waits for, still has libxl's own. While that is
 * held, each error also goes there: to the terminal of xl create, to
 * libvirtd's journal.
 */
#ifndef XENQMP_LIBXL_HELPER_TOOLSTACK_H
#define XENQMP_LIBXL_HELPER_TOOLSTACK_H

/* Of the parent as it is now. What can't be had is done without. */
void toolstack_open(void);
/* Idempotent. */
void toolstack_close(void);

#endif
