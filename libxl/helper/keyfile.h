/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file of lines "key = value"; those that begin with # are comments. It
 * could be libxlutil's format, xl.conf's, but that library brings all of
 * libxenlight into a process that stays as long as its guest.
 *
 * A mistake must open nothing that was not meant: whoever reads such a file
 * takes all of it or nothing, and takes it only if root alone, or who reads
 * it, can have written it.
 */
#ifndef XENQMP_LIBXL_HELPER_KEYFILE_H
#define XENQMP_LIBXL_HELPER_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>

/* The whole file: it has room for the names of all commands that QEMU 7.2
 * has (5 KB), and a comment. */
#define KEYFILE_MAX 8192

/* Why a value is wrong, or NULL. */
typedef const char *keyfile_set_fn(void *data, const char *value);

struct keyfile_key {
    const char *name;
    keyfile_set_fn *set;
    bool required;              /* if the file sets anything at all */
};

/* 1: keys were set. 0: the file isn't there, or sets none. -1: a mistake;
 * why_r, which may be cut, names the file, the line, and what is wrong. */
int keyfile_read(const char *path, const struct keyfile_key *keys,
                 size_t n, void *data, char *why_r, size_t size);

#endif
