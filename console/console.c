/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console.h"

#include "domains.h"
#include "fdstore.h"
#include "flow.h"
#include "frontend.h"
#include "log.h"
#include "requests.h"
#include "store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An output that can't be opened, such as a socket in a folder that is not
 * there yet, is tried again after that, then after twice as long, and so
 * on. */
#define OPEN_RETRY_MS     1000
#define OPEN_RETRY_MAX_MS 32000

static const char *const state_names[] = {
    [CONSOLE_FOREIGN] = "foreign",
    [CONSOLE_FAILED] = "failed",
    [CONSOLE_WAITING] = "waiting",
    [CONSOLE_ADOPTING] = "adopting",
    [CONSOLE_SERVING] = "serving",
    [CONSOLE_PARKED] = "parked",
    [CONSOLE_CLOSED] = "closed",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) ==
              CONSOLE_CLOSED + 1, "one name per state");

const char *console_state_name(enum console_state state)
{
    return state_names[state];
}

void console_set_state(struct console *c, enum console_state state)
{
    bool has_output = state != CONSOLE_FOREIGN && state != CONSOLE_FAILED;

    assert(!c->output == !has_output);
    assert((c->port >= 0) == (state == CONSOLE_ADOPTING ||
                              state == CONSOLE_SERVING));
    if (c->state == state)
        return;
    log_debug("%s: %s -> %s", c->host.label, state_names[c->state],
              state_names[state]);
    c->state = state;
}

static void host_wake(void *data)
{
    struct console *c = data;

    server_queue(c->server, c);
}

static void host_drain(void *data)
{
    flow_drain(data);
}

static void host_located(void *data)
{
    frontend_located(data);
}

static enum control_result control_answer(void *data, uint64_t peer,
                                          const char *request, bool again,
                                          struct qmp_buf *reply)
{
    return requests_console(data, peer, request, again, reply);
}

static void control_gone(void *data, uint64_t peer)
{
    struct console *c = data;

    requests_gone(c->server, c->domid, peer);
}

static const struct control_ops control_ops = {
    .answer = control_answer, .gone = control_gone,
};

static void host_answer(void *data)
{
    struct console *c = data;

    requests_ask_again(c->server, c->domid);
}

struct console *console_new(struct server *server, uint32_t domid,
                            unsigned int n)
{
    struct console *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->server = server;
    c->domid = domid;
    c->n = n;
    c->port = -1;
    c->host = (struct output_host){
        .loop = &server->loop,
        .lanes = &server->lanes,
        .counters = &c->counters,
        .ring = { .domid = domid, .n = n },
        .keep = server->options->keep,
        .wake = host_wake,
        .drain = host_drain,
        .located = host_located,
        .control = &control_ops,
        .answer = host_answer,
        .data = c,
    };
    snprintf(c->host.label, sizeof(c->host.label),
             "domain %" PRIu32 " console %u", domid, n);
    return c;
}

void console_park(struct console *c)
{
    log_guest(c->domid, LOG_LEVEL_WARN, "%s: the counters in its ring make "
              "no sense; it is left alone until the guest publishes a new "
              "ring", c->host.label);
    frontend_abandon(c);
    console_set_state(c, CONSOLE_PARKED);
}

/* The terminal's number is the next one's who opens a terminal, and who
 * finds the key would have that one's; so this comes before the close. A
 * terminal that outlives the daemon keeps its number, and who reads from it
 * would miss something if the key changed. */
static void tty_withdraw(struct console *c)
{
    const struct server *server = c->server;
    char path[STORE_PATH_MAX];

    if (!c->tty_published ||
        (server->stop && fdstore_outlives(server->restarts)))
        return;
    keys_frontend_path(path, sizeof(path), c->domid, c->n, "tty");
    store_clear_owned(server->xs, path, output_tty(c->output));
}

static void output_drop(struct console *c)
{
    tty_withdraw(c);
    output_close(c->output);
    c->output = NULL;
    c->tty_published = false;
    logger_close(c->log);
    c->log = NULL;
}

void console_free(struct console *c)
{
    if (c->server->stop)
        frontend_leave(c);
    else
        frontend_disconnect(c);
    output_drop(c);
    loop_timer_clear(&c->server->loop, &c->retry);
    if (c->is_ready)
        TAILQ_REMOVE(&c->server->ready, c, ready);
    free(c->type);
    free(c->name);
    free(c);
}

static void log_open_named(struct console *c)
{
    const struct options *options = c->server->options;
    char path[PATH_MAX], name_path[STORE_PATH_MAX];
    char *name;

    if (c->n || !options->log_guest || !c->output)
        return;
    snprintf(name_path, sizeof(name_path), "/local/domain/%" PRIu32 "/name",
             c->domid);
    name = store_read(c->server->xs, XBT_NULL, name_path);
    logger_close(c->log);
    c->log = NULL;
    /* A name is a file's name here, nothing more. */
    if (name && *name && !strchr(name, '/')) {
        snprintf(path, sizeof(path), "%s/guest-%s.log", options->log_dir,
                 name);
        c->log = logger_open(&c->server->lanes, path, options->time_guest,
                             options->replace_escape, flow_log_written, c);
    }
    free(name);
}

void console_reopen_logs(struct console *c)
{
    log_open_named(c);
    if (c->output)
        output_reopen(c->output);
}

bool console_wants_tty(const struct console *c)
{
    return c->output && output_tty(c->output) && !c->tty_published;
}

/* Tells xenconsole where the terminal is. */
static void tty_publish(struct console *c)
{
    const char *tty = output_tty(c->output);
    char path[STORE_PATH_MAX];

    if (!console_wants_tty(c))
        return;
    keys_frontend_path(path, sizeof(path), c->domid, c->n, "tty");
    c->tty_published = store_write_owned(c->server->xs, path, tty);
    if (!c->tty_published)
        log_guest(c->domid, LOG_LEVEL_DEBUG, "%s: cannot write %s to its "
                  "key 'tty': %s", c->host.label, tty, errno == EPERM ?
                  "it is missing or not dom0's" : strerror(errno));
}

/* One line for each key that a guest made for itself. */
static void foreign_report(struct console *c, const struct keys *keys)
{
    unsigned int fresh = keys->foreign & ~c->foreign;

    c->foreign = keys->foreign;
    for (int key = 0; fresh; key++, fresh >>= 1)
        if (fresh & 1)
            log_guest(c->domid, LOG_LEVEL_WARN, "%s: ignoring the key '%s' "
                      "in the frontend's directory: the guest owns it, not "
                      "dom0", c->host.label,
                      keys_text_name((enum keys_text)key));
}

static void console_leave(struct console *c, enum console_state state)
{
    frontend_disconnect(c);
    output_drop(c);
    loop_timer_clear(&c->server->loop, &c->retry);
    console_set_state(c, state);
}

static void open_again(void *data)
{
    refresh_by_dom0(data, KEYS_ALL);
}

/* One line for each cause, and a later try. */
static void open_failed(struct console *c, int error)
{
    if (error != c->open_error)
        output_complain(&c->host, &c->settings, error);
    c->open_error = error;
    c->retry_ms = !c->retry_ms ? OPEN_RETRY_MS :
                  2 * c->retry_ms < OPEN_RETRY_MAX_MS ? 2 * c->retry_ms :
                  OPEN_RETRY_MAX_MS;
    loop_timer_set(&c->server->loop, &c->retry, c->retry_ms, open_again, c);
}

/* Opens the output that the settings name, if it is another. A guest can't
 * have one tried that could not be opened. */
static bool output_follow(struct console *c, const struct settings *wanted,
                          bool by_dom0)
{
    bool same = settings_equal(&c->settings, wanted);

    if (same && (c->output || (c->open_error && !by_dom0)))
        return c->output;
    if (c->output)
        console_leave(c, CONSOLE_FAILED);
    if (!same) {
        c->open_error = 0;
        c->retry_ms = 0;
    }
    c->settings = *wanted;
    c->output = output_open(&c->host, wanted);
    if (!c->output) {
        open_failed(c, errno);
        console_set_state(c, CONSOLE_FAILED);
        return false;
    }
    c->open_error = 0;
    c->retry_ms = 0;
    loop_timer_clear(&c->server->loop, &c->retry);
    console_set_state(c, CONSOLE_WAITING);
    log_open_named(c);
    return true;
}

static void console_configure(struct console *c, struct keys *keys,
                              bool by_dom0, bool republished)
{
    const struct settings_text text = {
        .output = keys->text[KEY_OUTPUT],
        .policy = keys->text[KEY_POLICY],
        .limit = keys->text[KEY_LIMIT],
    };
    struct settings settings;
    const char *why = NULL;

    if (!keys_type_is_ours(keys, c->n)) {
        if (c->state != CONSOLE_FOREIGN)
            console_leave(c, CONSOLE_FOREIGN);
        return;
    }
    if (settings_parse(&text, &settings, &why)) {
        if (c->why_failed != why)
            log_error("%s is not served: %s", c->host.label, why);
        c->why_failed = why;
        console_leave(c, CONSOLE_FAILED);
        return;
    }
    c->why_failed = NULL;
    if (!output_follow(c, &settings, by_dom0))
        return;
    tty_publish(c);
    frontend_follow(c, keys, republished);
}

bool console_follow(struct console *c, struct keys_reading *reading,
                    bool by_dom0, bool republished)
{
    struct keys *keys = &reading->keys;

    if (reading->part == KEYS_RING) {
        if (c->output)
            frontend_follow(c, keys, republished);
        return true;
    }
    if (!reading->known) {
        log_guest(c->domid, LOG_LEVEL_WARN, "%s: cannot read its keys in "
                  "xenstore: %s; it stays as it is until they change",
                  c->host.label, strerror(reading->error));
        return true;
    }
    /* Before a primary console's ring is there, the toolstack is still
     * writing. */
    if (keys->present && (c->n || keys->ring_known)) {
        free(c->type);
        free(c->name);
        c->type = keys->text[KEY_TYPE];
        c->name = keys->text[KEY_NAME];
        foreign_report(c, keys);
        console_configure(c, keys, by_dom0, republished);
        keys->text[KEY_TYPE] = keys->text[KEY_NAME] = NULL;
    }
    /* And it lives as long as its domain. */
    return keys->present || !c->n;
}
