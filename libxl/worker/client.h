/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One client's connection: its messages in, bounded output back. What a
 * message means is another's (worker/monitor.h).
 */
#ifndef XENQMP_LIBXL_WORKER_CLIENT_H
#define XENQMP_LIBXL_WORKER_CLIENT_H

#include "libxl/qmp/framer.h"
#include "libxl/qmp/message.h"
#include "flight.h"
#include "pace.h"
#include "policy.h"

enum client_state {
    /* No client. */
    CLIENT_FREE,
    /* Connected; QEMU's greeting isn't known yet. Nothing is read. */
    CLIENT_GREETING,
    /* Greeted. Gets no events; all but qmp_capabilities is refused. */
    CLIENT_NEGOTIATING,
    /* Commands are executed, events are sent. */
    CLIENT_READY,
    /* Closed. The place is free after the batch of events, for a caller
     * may still be working on what it said. */
    CLIENT_DEAD,
};

enum client_taken {
    CLIENT_TAKEN,
    /* To be answered here, but earlier ones are in flight, and replies
     * keep their order: the message is offered again when none is. */
    CLIENT_LATER,
};

struct client;

/* What serves a client. All may call client_...() functions. */
struct service {
    /* The greeting, *n_r bytes with CRLF; NULL: not known yet. *oob_r: it
     * offers "oob". */
    const char *(*greeting)(void *server, size_t *n_r, bool *oob_r);
    /* True if one more command of the client's can be executed now. */
    bool (*has_room)(const struct client *client);
    /* Executes a command of a READY client. */
    enum client_taken (*execute)(struct client *client,
                                 const struct qmp_message *message,
                                 const char *name);
    /* Forgets what is in flight. Also once for a client that is DEAD. */
    void (*reset)(struct client *client);
};

/* What owns a client. */
struct client_hooks {
    /* What a message means: worker/monitor.h. */
    enum client_taken (*message)(struct client *client,
                                 const struct qmp_message *message);
    /* A client is DEAD; to be freed after this batch. */
    void (*dead)(void *owner);
    /* True if all clients hold too much of unfinished commands. */
    bool (*crowded)(void *owner);
};

struct client {
    /* the opener sets */
    struct loop *loop;
    const struct client_hooks *hooks;
    void *owner;
    const struct service *service;
    void *server;               /* service's own */
    const struct policy *policy;
    struct client_ref ref;
    uid_t uid;                  /* whose it is */
    pid_t pid;                  /* for log lines, as guest_domid */
    uint32_t guest_domid;
    uint64_t *events_lost_r;    /* counts up with all of the owner's */
    /* readable */
    enum client_state state;
    unsigned int in_flight;     /* the service counts */
    int64_t active_ms;          /* when it last said something whole */
    struct qmp_buf out;
    char who[64];               /* for log lines */
    /* private to monitor_...() */
    struct loop_timer greeting_timer;
    bool oob_offered, oob;      /* oob: it may send exec-oob */
    /* private */
    int fd;
    loop_id id;
    struct qmp_framer framer;
    enum qmp_framer_result next;    /* offered, not taken yet */
    bool has_next, eof;
    const char *text;           /* of next, in the framer */
    size_t len;
    unsigned int events_lost;
    struct loop_timer stall, blank, turn;
    struct pace pace;
    unsigned int blanks;        /* sent since the command */
};

/* Takes fd over, also when it fails (-1, errno); state GREETING. */
int client_open(struct client *client, int fd);
/* Closes the connection: DEAD. why: for the log, or NULL. Legal for any
 * client that is open or DEAD. */
void client_close(struct client *client, const char *why);
/* From DEAD to FREE. */
void client_dispose(struct client *client);

/* Open and not DEAD. */
bool client_is_live(const struct client *client);

/* Sends n bytes of whole lines; what doesn't fit closes the client. */
void client_put(struct client *client, const char *lines, size_t n);
void client_put_return(struct client *client, const char *json,
                       const char *id, size_t n);
void client_put_error(struct client *client, const char *class,
                      const char *desc, const char *id, size_t n);
/* A command of its is in flight: in_flight counts it. */
void client_expect_reply(struct client *client);
/* Bytes that it has sent and that wait here. */
size_t client_input(const struct client *client);
/* The longest reply that it may get at all. */
size_t client_reply_max(const struct client *client);
/* False if a reply of n bytes must not be put: too much is waiting. */
bool client_takes_reply(const struct client *client, size_t n);
/* Sends it to a READY client, or counts it as lost. */
void client_put_event(struct client *client, const char *event, size_t n);
/* Forgets that events were lost: a new session. */
void client_forget_events(struct client *client);

/* Handles what it has sent, as far as it may; to be called whenever a
 * command has ended or there's room again. */
void client_pump(struct client *client);

#endif
