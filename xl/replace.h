/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that is replaced at once, in a directory that may be another
 * user's: who reads it finds the old one or all of the new one, and no link
 * that somebody put there leads out of the directory. Only that directory
 * is distrusted, not those above it.
 */
#ifndef XENQMP_XL_REPLACE_H
#define XENQMP_XL_REPLACE_H

#include <stddef.h>

/* By a file PATH.new beside it, which is removed if one was left there. -1:
 * errno; the file is as it was. */
int replace_file(const char *path, const void *bytes, size_t n);

#endif
