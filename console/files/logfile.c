/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "logfile.h"

#include "tools/common/fault.h"
#include "tools/common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Bytes of one write() while ESC is being replaced. */
#define LOGFILE_CHUNK 1024

void logfile_init(struct logfile *log)
{
    *log = (struct logfile){ .max = LOGFILE_MAX, .fd = -1 };
}

static void logfile_close(struct logfile *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

void logfile_dispose(struct logfile *log)
{
    logfile_close(log);
    free(log->path);
    logfile_init(log);
}

/* One line for the administrator until it works again. */
static void logfile_failed(struct logfile *log, const char *what)
{
    if (!log->failed)
        log_error("cannot %s log file %s: %s; "
                  "what guests print there is lost until that is mended",
                  what, log->path, strerror(errno));
    log->failed = true;
}

/* Plain write of everything; how many bytes were written. */
static size_t write_all(struct logfile *log, const char *bytes, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t r = write(log->fd, bytes + done,
                          FAULT_SHORT("log-half", n - done));

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            logfile_failed(log, "write");
            break;
        }
        FAULT("log-half");
        done += (size_t)r;
    }
    if (done == n)
        log->failed = false;
    log->size += (off_t)done;
    return done;
}

static int open_path(struct logfile *log)
{
    static const char opened[] = "Logfile Opened\n";
    struct stat st;

    logfile_close(log);
    /* O_NONBLOCK: a fifo or a terminal here must not stop the daemon. */
    log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW |
                   O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0644);
    if (log->fd < 0 || fstat(log->fd, &st)) {
        logfile_failed(log, "open");
        logfile_close(log);
        return -1;
    }
    log->regular = S_ISREG(st.st_mode);
    log->size = st.st_size;
    log->dev = st.st_dev;
    log->ino = st.st_ino;
    log->line_start = true;
    if (log->timestamps)
        logfile_write(log, opened, sizeof(opened) - 1);
    return 0;
}

int logfile_name(struct logfile *log, const char *path)
{
    char *copy = strdup(path);

    if (!copy)
        return -1;
    free(log->path);
    log->path = copy;
    log->failed = false;
    return 0;
}

void logfile_reopen(struct logfile *log)
{
    if (!log->path)
        return;
    log->failed = false;
    open_path(log);
}

/* False: what is at the path is another file by now, or none. */
static bool is_at_path(struct logfile *log)
{
    struct stat st;

    if (log->fd < 0 || lstat(log->path, &st) || st.st_dev != log->dev ||
        st.st_ino != log->ino)
        return false;
    log->size = st.st_size;
    return true;
}

/* The file was at the path just now. -1: it stays as it is, full. */
static int rotate(struct logfile *log)
{
    struct stat st;
    char *old;
    int r = -1;

    if (asprintf(&old, "%s" LOGFILE_OLD, log->path) < 0)
        return -1;
    if (!lstat(old, &st) && !S_ISREG(st.st_mode))
        errno = EEXIST;
    else
        r = rename(log->path, old);
    /* Somebody else was faster: a new one is to be made all the same. */
    if (r && errno == ENOENT)
        r = 0;
    if (r)
        logfile_failed(log, "rotate");
    free(old);
    FAULT("log-renamed");
    return r;
}

/* With ESC replaced; how many of the n bytes were written. */
static size_t write_text(struct logfile *log, const char *bytes, size_t n)
{
    char copy[LOGFILE_CHUNK];
    size_t done = 0, chunk, r;

    if (!log->replace_escape)
        return write_all(log, bytes, n);
    do {
        chunk = n - done < sizeof(copy) ? n - done : sizeof(copy);
        for (size_t i = 0; i < chunk; i++)
            copy[i] = bytes[done + i] == '\033' ? '.' : bytes[done + i];
        r = write_all(log, copy, chunk);
        done += r;
    } while (r == chunk && done < n);
    return done;
}

/* Line by line, each with the time at which it began to arrive. */
static size_t write_stamped(struct logfile *log, const char *bytes,
                            size_t n)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    size_t stamp_n, done = 0, lost = 0;

    localtime_r(&now, &tm);
    stamp_n = strftime(stamp, sizeof(stamp), "[%Y-%m-%d %H:%M:%S] ", &tm);
    while (done < n) {
        const char *nl = memchr(bytes + done, '\n', n - done);
        size_t line = nl ? (size_t)(nl + 1 - bytes) - done : n - done;

        /* A CR behind the newline belongs to the line before; as in
         * Xen's logs it is left out. */
        if (log->line_start && bytes[done] == '\r') {
            done++;
            continue;
        }
        if (log->line_start)
            write_all(log, stamp, stamp_n);
        lost += line - write_text(log, bytes + done, line);
        log->line_start = nl;
        done += line;
    }
    return n - lost;
}

bool logfile_look(struct logfile *log)
{
    return log->path && (is_at_path(log) || !open_path(log));
}

bool logfile_prepare(struct logfile *log)
{
    if (!logfile_look(log))
        return false;
    return !log->regular || log->size < log->max ||
           (!rotate(log) && !open_path(log));
}

size_t logfile_read(const struct logfile *log, off_t from, char *bytes,
                    size_t n)
{
    int fd = open(log->path, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK |
                  O_CLOEXEC);
    struct stat st;
    ssize_t r = -1;

    if (fd >= 0 && !fstat(fd, &st) && st.st_dev == log->dev &&
        st.st_ino == log->ino)
        r = pread(fd, bytes, n, from);
    if (fd >= 0)
        close(fd);
    return r > 0 ? (size_t)r : 0;
}

bool logfile_place(const struct logfile *log, uint64_t *dev_r,
                   uint64_t *ino_r, uint32_t *position)
{
    if (!log->regular || log->timestamps)
        return false;
    *dev_r = log->dev;
    *ino_r = log->ino;
    *position -= (uint32_t)log->size;
    return true;
}

size_t logfile_write(struct logfile *log, const char *bytes, size_t n)
{
    return log->timestamps ? write_stamped(log, bytes, n) :
                             write_text(log, bytes, n);
}
