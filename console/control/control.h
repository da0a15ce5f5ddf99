/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control protocol on a listening socket: lines of text in, lines out,
 * as docs/console-control.md has it. Used for the host socket and for the
 * socket beside each unix console; they differ in the requests that the
 * owner answers.
 *
 * Requests are answered in order; one that has to wait for a file holds up
 * those behind it on its connection. A connection whose replies
 * wait is not read from; one that takes nothing for CONTROL_IDLE_MS while
 * they wait, or that breaks a limit, is closed.
 */
#ifndef XENQMP_CONSOLE_CONTROL_CONTROL_H
#define XENQMP_CONSOLE_CONTROL_CONTROL_H

#include "listener.h"
#include "tools/common/loop.h"
#include "libxl/qmp/buf.h"

/* Bytes of a request: the longest is "list" and a domain. */
#define CONTROL_LINE_MAX 256
/* Connections at a time: a helper, its successor, and a few commands. */
#define CONTROL_CONNECTIONS_MAX 16
/* A list of 4096 domains with six consoles each stays below this. */
#define CONTROL_REPLY_MAX (16U << 20)
#define CONTROL_IDLE_MS 30000

enum control_result {
    CONTROL_ANSWERED,
    /* Not yet, nothing was appended; it is asked again, with again set,
     * after control_ask_again(), as often as it takes. */
    CONTROL_LATER,
    /* Answered, and the connection is to be something else: once the client
     * has the answer, take() gets it. */
    CONTROL_TAKE,
};

struct control_ops {
    /* Answers one request: appends data lines and the last line, "ok" or
     * "error <text>", each with LF. request is without LF, printable. peer:
     * whose, a number that no other connection ever has; not 0. */
    enum control_result (*answer)(void *data, uint64_t peer,
                                  const char *request, bool again,
                                  struct qmp_buf *reply);
    /* Below may be NULL. */
    /* fd is the receiver's from here on; non-blocking. */
    void (*take)(void *data, const char *request, int fd);
    /* The connection has ended, whoever ended it. */
    void (*gone)(void *data, uint64_t peer);
};

struct control {
    /* the caller sets, after init */
    void (*failed)(void *data, int error);  /* it can't be listened to */
    /* private */
    struct loop *loop;
    struct listener listener;
    const struct control_ops *ops;
    void *data;
    struct control_peer *peers;
    unsigned int peers_n;
    struct loop_timer ask;
};

void control_init(struct control *control);
/* Begins to; root and uid may connect; domid: whose console it belongs to,
 * 0: none's. -1 with errno. */
int control_open(struct control *control, struct loop *loop,
                 struct lanes *lanes, const char *path, uint32_t domid,
                 uid_t uid, const struct control_ops *ops, void *data);
bool control_is_open(const struct control *control);
/* Disconnects all and removes the socket. Idempotent; not from answer(). */
void control_dispose(struct control *control);

/* What was put off may be answered now. From anywhere, ops included. */
void control_ask_again(struct control *control);

#endif
