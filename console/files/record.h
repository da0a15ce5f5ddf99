/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a console's stream into a regular file stands, for the daemon after
 * this one.
 *
 * The ring's counters are free-running and outlive the daemon, as does the
 * file. While a file gets all that the guest writes, in order, the position
 * in the ring is the file's length and a constant, the base. So the base is
 * written down once, before the first byte, and after a kill -9 the daemon
 * that follows knows which bytes the file has, whatever the guest has
 * written into out_cons and whether or not the dying daemon got to it.
 *
 * A record belongs to one ring and one file: to another ring or file it
 * says nothing. Records are in /run: they don't outlive the rings.
 */
#ifndef XENQMP_CONSOLE_FILES_RECORD_H
#define XENQMP_CONSOLE_FILES_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_FOLDER "/run/xen/xenconsoled"
/* "/vm/" and a UUID, as the domain's key `vm` has it. */
#define RECORD_VM_MAX 48
/* Letters and digits. */
#define RECORD_NAME_MAX 32

struct record {
    /* the ring */
    uint32_t domid;
    unsigned int n;
    char vm[RECORD_VM_MAX];
    uint64_t ring_ref;
    uint32_t port;
    /* the file */
    uint64_t dev, ino;
    uint32_t base;              /* position in the ring - length */
    uint64_t length;            /* of a stream that is complete */
    uint32_t crc;               /* of its bytes; a save's */
    char name[RECORD_NAME_MAX + 1]; /* a save's, or "" */
};

/* The stream goes on; its length is the file's. */
#define RECORD_OPEN UINT64_MAX

/* Where records are kept, RECORD_FOLDER if never called. Makes the folder;
 * -1 with errno. folder is borrowed for ever. */
int record_init(const char *folder);
/* At once or not at all; -1 with errno. From any thread. */
int record_write(const struct record *record);
/* The ring's fields are given, the file's returned. False: none of this
 * ring. */
bool record_read(struct record *record);
void record_remove(uint32_t domid, unsigned int n);
/* Other files of a domain's in the folder; what: a name, without '/'. */
int record_file_write(uint32_t domid, const char *what, const void *bytes,
                      size_t n);
/* -1 with errno. */
int record_file_open(uint32_t domid, const char *what);
void record_file_remove(uint32_t domid, const char *what);
/* The daemon stops: nothing is removed from here on. */
void record_freeze(void);
/* Removes all files of domains of which alive() is false. */
void record_sweep(bool (*alive)(void *data, uint32_t domid), void *data);

#endif
