/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include "tools/common/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Most bytes of a part of a record's text. */
#define RECORD_TEXT_MAX 256

static const char *record_folder = RECORD_FOLDER;
static bool record_frozen;

int record_init(const char *folder)
{
    record_folder = folder;
    return mkdir(folder, 0700) && errno != EEXIST ? -1 : 0;
}

static void path_of(char *path, uint32_t domid, const char *what,
                    const char *suffix)
{
    snprintf(path, PATH_MAX, "%s/%" PRIu32 "-%s%s", record_folder, domid,
             what, suffix);
}

int record_file_write(uint32_t domid, const char *what, const void *bytes,
                      size_t n)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    ssize_t done;
    int fd;

    path_of(path, domid, what, "");
    path_of(fresh, domid, what, ".new");
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
              0600);
    if (fd < 0)
        return -1;
    done = write(fd, bytes, n);
    close(fd);
    FAULT("record-new");
    if (done == (ssize_t)n && !rename(fresh, path)) {
        FAULT("record-in-place");
        return 0;
    }
    if (done >= 0 && done != (ssize_t)n)
        errno = ENOSPC;
    return -1;
}

int record_file_open(uint32_t domid, const char *what)
{
    char path[PATH_MAX];

    path_of(path, domid, what, "");
    return open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

void record_file_remove(uint32_t domid, const char *what)
{
    char path[PATH_MAX];

    path_of(path, domid, what, "");
    if (!record_frozen)
        unlink(path);
}

/* A record's name is its console's number. */
#define WHAT_MAX 16

static const char *what_of(unsigned int n, char *what)
{
    snprintf(what, WHAT_MAX, "%u", n);
    return what;
}

/* All of the ring first: read back, it is compared as text. */
static int ring_print(const struct record *r, char *text)
{
    return snprintf(text, RECORD_TEXT_MAX, "xenconsoled 1 %" PRIu32 " %u %s "
                    "%" PRIu64 " %" PRIu32 "\n", r->domid, r->n, r->vm,
                    r->ring_ref, r->port);
}

int record_write(const struct record *r)
{
    char text[3 * RECORD_TEXT_MAX], what[WHAT_MAX];
    int n = ring_print(r, text);

    n += snprintf(text + n, RECORD_TEXT_MAX, "%" PRIu64 " %" PRIu64
                  " %" PRIu32 " %" PRIu64 "\n", r->dev, r->ino, r->base,
                  r->length);
    if (*r->name || r->crc)
        n += snprintf(text + n, RECORD_TEXT_MAX, "%" PRIu32 " %s\n", r->crc,
                      *r->name ? r->name : "-");
    return record_file_write(r->domid, what_of(r->n, what), text, (size_t)n);
}

bool record_read(struct record *r)
{
    char text[3 * RECORD_TEXT_MAX], ring[RECORD_TEXT_MAX], what[WHAT_MAX];
    int fd, end = 0, n = ring_print(r, ring);
    ssize_t got;

    fd = record_file_open(r->domid, what_of(r->n, what));
    if (fd < 0)
        return false;
    got = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (got < n || memcmp(text, ring, (size_t)n))
        return false;
    text[got] = '\0';
    if (sscanf(text + n, "%" SCNu64 " %" SCNu64 " %" SCNu32 " %" SCNu64
               "\n%n", &r->dev, &r->ino, &r->base, &r->length, &end) != 4)
        return false;
    n += end;
    end = 0;
    /* The third line is a save's. */
    r->crc = 0;
    r->name[0] = '\0';
    if (n < got && sscanf(text + n, "%" SCNu32 " %32s\n%n", &r->crc, r->name,
                          &end) != 2)
        return false;
    if (!strcmp(r->name, "-"))
        r->name[0] = '\0';
    return n + end == got && text[got - 1] == '\n';
}

void record_remove(uint32_t domid, unsigned int n)
{
    char what[WHAT_MAX];

    record_file_remove(domid, what_of(n, what));
}

void record_freeze(void)
{
    record_frozen = true;
}

void record_sweep(bool (*alive)(void *data, uint32_t domid), void *data)
{
    DIR *folder = opendir(record_folder);
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        uint32_t domid;

        if (sscanf(entry->d_name, "%" SCNu32 "-", &domid) == 1 &&
            !alive(data, domid))
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
}
