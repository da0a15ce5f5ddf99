/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "consoled.h"

#include "config.h"
#include "tools/common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* The daemon's replies are shorter than 16 MiB. */
#define CONSOLED_REPLY_MAX (17u << 20)
#define CONSOLED_READ      65536
#define CONSOLED_GREETING  "xenconsoled 1 "

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads some bytes. -1: complained. */
static int consoled_read(struct consoled *consoled)
{
    struct pollfd fd = { .fd = consoled->fd, .events = POLLIN };
    int64_t wait = consoled->deadline_ms - now_ms();
    char *room;
    ssize_t r;

    r = poll(&fd, 1, wait > 0 ? (int)wait : 0);
    if (r < 0 && errno == EINTR)
        return 0;
    if (!r) {
        log_error("xenconsoled does not answer; see its log");
        return -1;
    }
    room = qmp_buf_reserve(&consoled->in, CONSOLED_READ);
    if (!room) {
        log_error("xenconsoled's reply is longer than it can be");
        return -1;
    }
    r = recv(consoled->fd, room, CONSOLED_READ, 0);
    if (r < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (r <= 0) {
        log_error("xenconsoled closed the connection%s%s; try again",
                  r ? ": " : "", r ? strerror(errno) : "");
        return -1;
    }
    qmp_buf_commit(&consoled->in, (size_t)r);
    return 0;
}

/* The next line, terminated; valid until the next call. */
static char *consoled_line(struct consoled *consoled)
{
    size_t scanned = 0;
    char *nl;

    qmp_buf_consume(&consoled->in, consoled->taken);
    consoled->taken = 0;
    while (!consoled->in.len ||
           !(nl = memchr((char *)consoled->in.data + scanned, '\n',
                         consoled->in.len - scanned))) {
        scanned = consoled->in.len;
        if (consoled_read(consoled))
            return NULL;
    }
    *nl = '\0';
    consoled->taken = (size_t)(nl - consoled->in.data) + 1;
    return (char *)consoled->in.data;
}

int consoled_open(struct consoled *consoled, const char *path,
                  int timeout_ms)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char *greeting;

    if (strlen(path) >= sizeof(address.sun_path)) {
        log_error("%s: longer than a socket's path can be", path);
        return -1;
    }
    strcpy(address.sun_path, path);
    *consoled = (struct consoled){
        .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
        .deadline_ms = now_ms() + timeout_ms,
    };
    qmp_buf_init(&consoled->in, CONSOLED_REPLY_MAX);
    if (consoled->fd < 0 ||
        connect(consoled->fd, (struct sockaddr *)&address,
                sizeof(address))) {
        if (errno == EACCES)
            log_error("%s: permission denied; run this as root", path);
        else
            log_error("%s: %m; the xenconsoled that runs, if any, is not "
                      "xenqmp's: stop it and start %s/xenconsoled", path,
                      XENQMP_LIBEXECDIR);
        goto fail;
    }
    greeting = consoled_line(consoled);
    if (!greeting)
        goto fail;
    if (strncmp(greeting, CONSOLED_GREETING, strlen(CONSOLED_GREETING))) {
        log_error("%s: not a xenconsoled that this xl-qmp knows; install "
                  "both from the same xenqmp", path);
        goto fail;
    }
    return 0;

fail:
    consoled_close(consoled);
    return -1;
}

void consoled_close(struct consoled *consoled)
{
    if (consoled->fd >= 0)
        close(consoled->fd);
    consoled->fd = -1;
    qmp_buf_dispose(&consoled->in);
}

/* True if the line is "word" or "word text"; *text_r is the text. */
static bool is_status(const char *line, const char *word,
                      const char **text_r)
{
    size_t n = strlen(word);

    if (strncmp(line, word, n) || (line[n] && line[n] != ' '))
        return false;
    *text_r = line[n] ? line + n + 1 : "";
    return true;
}

int consoled_request(struct consoled *consoled, const char *request,
                     consoled_line_fn *fn, void *data, char *text_r,
                     size_t size)
{
    char line[256];
    const char *text;
    char *reply;
    int n = snprintf(line, sizeof(line), "%s\n", request);

    /* Shorter than any socket's buffer. */
    if (send(consoled->fd, line, (size_t)n, MSG_NOSIGNAL) != n) {
        log_error("xenconsoled closed the connection: %m; try again");
        return -1;
    }
    while ((reply = consoled_line(consoled))) {
        if (is_status(reply, "ok", &text)) {
            snprintf(text_r, size, "%s", text);
            return 0;
        }
        if (is_status(reply, "error", &text)) {
            snprintf(text_r, size, "%s", text);
            return 1;
        }
        fn(reply, data);
    }
    return -1;
}

int consoled_stream(struct consoled *consoled, const void **bytes_r,
                    size_t *n_r)
{
    qmp_buf_consume(&consoled->in, consoled->taken);
    consoled->taken = 0;
    *bytes_r = consoled->in.data;
    *n_r = consoled->in.len;
    return consoled->fd;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void consoled_decode(char *value)
{
    char *to = value;

    for (; *value; value++, to++) {
        int high = *value == '%' ? hex_digit(value[1]) : -1;
        int low = high >= 0 ? hex_digit(value[2]) : -1;

        *to = *value;
        /* A NUL would end it; nothing sends one. */
        if (low >= 0 && (high || low)) {
            *to = (char)(high << 4 | low);
            value += 2;
        }
    }
    *to = '\0';
}
