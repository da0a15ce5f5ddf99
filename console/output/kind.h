/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kind of output is to its console, and the console to it; and the
 * kinds that there are, for output.c alone. output.h is for the others.
 */
#ifndef XENQMP_CONSOLE_OUTPUT_KIND_H
#define XENQMP_CONSOLE_OUTPUT_KIND_H

#include "console/control/control.h"
#include "console/files/lane.h"
#include "tools/common/loop.h"
#include "console/files/record.h"
#include "console/xen/ring.h"
#include "console/xen/settings.h"

#include <stdint.h>

struct counters {
    uint64_t received;          /* taken out of the guest's ring */
    uint64_t delivered, dropped;
    uint64_t sent;              /* put into the guest's ring */
};

/* What an output knows of its console. */
struct output_host {
    struct loop *loop;
    struct lanes *lanes;
    struct counters *counters;
    struct record ring;         /* whose it is; the ring, while it has one */
    char label[40];             /* "domain 5 console 3", for log lines */
    bool keep;                  /* overflow-data=keep */
    void (*wake)(void *data);   /* bytes can flow again */
    void (*drain)(void *data);  /* put() now all that the ring holds */
    void (*located)(void *data);    /* position() can be asked again */
    void (*opened)(void *data, int error);  /* a unix output's sockets are
                                             * there, or it is to be closed */
    const struct control_ops *control;  /* at a unix output's .ctl */
    void (*answer)(void *data); /* one that was put off can be answered */
    void *data;
};

enum output_answer {
    OUTPUT_ANSWER_OK,
    OUTPUT_ANSWER_ERROR,
    OUTPUT_ANSWER_LATER,        /* ask again when the host is told */
};

/* Who asks for a save: a connection, and the save's name or "". */
struct save_client {
    uint64_t peer;
    const char *name;
};

/* What a save's file has. */
struct save_sum {
    uint64_t bytes;
    uint32_t crc;
};

struct output {
    const struct output_ops *ops;
    struct output_host *host;
};

/* What output.h says of output_put() and so on is what each is called for. */
struct output_ops {
    /* Frees it, with all that it has; what it buffers is counted before. */
    void (*close)(struct output *output);
    /* How many were taken; fewer: full, the guest waits. */
    size_t (*put)(struct output *output, const char *bytes, size_t n);
    /* Those below may be NULL: nothing to do, or what stands there. */
    /* Up to n bytes for the guest; 0: none now. NULL: never any. */
    size_t (*get)(struct output *output, char *bytes, size_t n);
    /* After each turn: waits for its reader or writer anew. */
    void (*poll)(struct output *output, bool room);
    /* Before put(): it takes nothing, a write of what it was offered is not
     * over. NULL: never. */
    bool (*busy)(const struct output *output);
    /* The same: what it takes next is written. NULL: never. */
    bool (*written)(const struct output *output);
    /* Before the first ring is adopted. NULL: OUTPUT_ANSWER_ERROR. */
    enum output_answer (*position)(struct output *output,
                                   const struct xencons_interface *page,
                                   uint32_t *out_cons_r);
    /* A ring was adopted; it is borrowed until ring_lost(). */
    void (*ring_up)(struct output *output, const struct ring *ring);
    /* The last put()s follow; then ring_lost(). */
    void (*ring_ends)(struct output *output);
    /* The ring has gone, or can't be adopted where position() said. */
    void (*ring_lost)(struct output *output);
    /* Bytes that put() took and nobody has. NULL: 0. */
    size_t (*buffered)(const struct output *output);
    /* SIGHUP. */
    void (*reopen)(struct output *output);
};

extern const struct output_ops out_pty_ops, out_unix_ops;

/* NULL with errno. */
struct output *out_pty_open(const struct settings *settings,
                            struct output_host *host);
struct output *out_unix_open(const struct settings *settings,
                             struct output_host *host);
struct output *out_file_open(const struct settings *settings,
                             struct output_host *host);
struct output *out_save_open(const struct settings *settings,
                             struct output_host *host);
struct output *out_pipe_open(const struct settings *settings,
                             struct output_host *host);

const char *out_pty_path(const struct output *output);
bool out_unix_attached(const struct output *output);
void out_unix_ask_again(struct output *output);
/* fd is the output's, which closes it if it can't serve it. */
void out_unix_attach(struct output *output, int fd);
/* *why_r, with ERROR: a text that stays. */
enum output_answer out_save_begin(struct output *output,
                                  const struct save_client *client,
                                  bool again, const char **why_r);
enum output_answer out_save_sync(struct output *output,
                                 const struct save_client *client,
                                 size_t pending, struct save_sum *sum_r,
                                 const char **why_r);
void out_save_gone(struct output *output, uint64_t peer);

#endif
