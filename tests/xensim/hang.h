/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file system that hangs, as a network mount whose server has gone: FUSE,
 * of which nobody reads a request. Who asks it for anything waits; a kill
 * ends the wait.
 */
#ifndef XENQMP_TESTS_XENSIM_HANG_H
#define XENQMP_TESTS_XENSIM_HANG_H

/* Mounts it on a directory, which it makes if there is none. Needs root, and ends the test if it can't. */
void hang_begin(const char *dir);
/* The server is back, and has nothing: who waits gets an error. */
void hang_end(void);

#endif
