/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack.h"

#include "console/output/fdstore.h"
#include "flow.h"
#include "frontend.h"
#include "tools/common/log.h"
#include "console/xen/store.h"

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

/* The terminal's number is the next one's who opens a terminal, and who
 * finds the key would have that one's; so this comes before the close. A
 * terminal that outlives the daemon keeps its number, and who reads from it
 * would miss something if the key changed. */
static void tty_withdraw(struct console *c)
{
    const struct backend *backend = c->backend;
    char path[STORE_PATH_MAX];

    if (!c->tty_published ||
        (backend->stop && fdstore_outlives(backend->restarts)))
        return;
    keys_frontend_path(path, sizeof(path), c->domid, c->n, "tty");
    store_clear_owned(backend->xs, path, output_tty(c->output));
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

static void console_leave(struct console *c, enum console_state state)
{
    frontend_disconnect(c);
    output_drop(c);
    loop_timer_clear(&c->backend->loop, &c->retry);
    console_set_state(c, state);
}

static void open_again(void *data)
{
    struct console *c = data;

    refresh_by_dom0(&c->refresh, KEYS_ALL);
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
    loop_timer_set(&c->backend->loop, &c->retry, c->retry_ms, open_again, c);
}

static void open_succeeded(struct console *c)
{
    c->open_error = 0;
    c->retry_ms = 0;
    loop_timer_clear(&c->backend->loop, &c->retry);
}

static void host_wake(void *data)
{
    console_queue(data);
}

static void host_drain(void *data)
{
    if (!flow_drain(data))
        frontend_park(data);
}

static void host_located(void *data)
{
    frontend_located(data);
}

static void host_opened(void *data, int error)
{
    struct console *c = data;

    if (!error) {
        open_succeeded(c);
        return;
    }
    console_leave(c, CONSOLE_FAILED);
    open_failed(c, error);
}

static void host_answer(void *data)
{
    struct console *c = data;

    c->backend->control->ask_again(c);
}

struct console *toolstack_open(struct backend *backend, uint32_t domid,
                               unsigned int n, struct guest *guest)
{
    struct console *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->backend = backend;
    c->guest = guest;
    c->domid = domid;
    c->n = n;
    c->port = -1;
    c->host = (struct output_host){
        .loop = &backend->loop,
        .lanes = &backend->lanes,
        .counters = &c->counters,
        .ring = { .domid = domid, .n = n },
        .keep = backend->options->keep,
        .wake = host_wake,
        .drain = host_drain,
        .located = host_located,
        .opened = host_opened,
        .control = &backend->control->ops,
        .answer = host_answer,
        .data = c,
    };
    snprintf(c->host.label, sizeof(c->host.label),
             "domain %" PRIu32 " console %u", domid, n);
    c->refresh = (struct refresh_item){
        .refresh = &backend->refresh, .account = &guest->account,
        .console = c, .domid = domid, .n = n, .label = c->host.label,
    };
    return c;
}

static void texts_free(char *text[KEYS_TEXT_N])
{
    for (int key = 0; key < KEYS_TEXT_N; key++)
        free(text[key]);
}

void toolstack_close(struct console *c)
{
    if (c->backend->stop)
        frontend_leave(c);
    else
        frontend_disconnect(c);
    output_drop(c);
    loop_timer_clear(&c->backend->loop, &c->retry);
    if (c->is_ready)
        TAILQ_REMOVE(&c->backend->ready, c, ready);
    texts_free(c->text);
    free(c);
}

static void log_open_named(struct console *c)
{
    const struct options *options = c->backend->options;
    char path[PATH_MAX], name_path[STORE_PATH_MAX];
    char *name;

    if (c->n || !options->log_guest || !c->output)
        return;
    snprintf(name_path, sizeof(name_path), "/local/domain/%" PRIu32 "/name",
             c->domid);
    name = store_read(c->backend->xs, XBT_NULL, name_path);
    logger_close(c->log);
    c->log = NULL;
    /* A name is a file's name here, nothing more. */
    if (name && *name && !strchr(name, '/')) {
        snprintf(path, sizeof(path), "%s/guest-%s.log", options->log_dir,
                 name);
        c->log = logger_open(&c->backend->lanes, path, options->time_guest,
                             options->replace_escape, flow_log_written, c);
    }
    free(name);
}

void toolstack_reopen_logs(struct console *c)
{
    log_open_named(c);
    if (c->output)
        output_reopen(c->output);
}

bool toolstack_wants_tty(const struct console *c)
{
    return c->output && output_tty(c->output) && !c->tty_published;
}

void toolstack_name_tty(struct console *c)
{
    char path[STORE_PATH_MAX], *found;
    const char *tty;

    if (!toolstack_wants_tty(c))
        return;
    tty = output_tty(c->output);
    keys_frontend_path(path, sizeof(path), c->domid, c->n, "tty");
    found = store_read(c->backend->xs, XBT_NULL, path);
    c->tty_published = (found && !strcmp(found, tty)) ||
                       store_write_owned(c->backend->xs, path, tty);
    free(found);
    if (!c->tty_published)
        log_guest(c->domid, LOG_LEVEL_DEBUG, "%s: cannot write %s to its "
                  "key 'tty': %s", c->host.label, tty, errno == EPERM ?
                  "it is missing or not dom0's" : strerror(errno));
}

bool toolstack_wants_end(const struct console *c)
{
    return c->n && c->guest->shut_down && !c->end_published && c->output &&
           c->settings.kind == OUTPUT_UNIX;
}

void toolstack_name_end(struct console *c)
{
    char path[STORE_PATH_MAX];

    if (!toolstack_wants_end(c))
        return;
    keys_backend_path(path, sizeof(path), c->domid, c->n, "shut-down");
    c->end_published = store_write_owned(c->backend->xs, path, "1");
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
    /* A unix output says so by itself. */
    if (wanted->kind != OUTPUT_UNIX)
        open_succeeded(c);
    console_set_state(c, CONSOLE_WAITING);
    log_open_named(c);
    return true;
}

/* Takes the texts. False: it has no output now. */
static bool console_configure(struct console *c, struct keys *keys,
                              bool by_dom0)
{
    const struct settings_text text = {
        .output = keys->text[KEY_OUTPUT],
        .policy = keys->text[KEY_POLICY],
        .limit = keys->text[KEY_LIMIT],
    };
    bool is_ours = keys_type_is_ours(keys, c->n);
    struct settings settings;
    const char *why = NULL;

    texts_free(c->text);
    memcpy(c->text, keys->text, sizeof(c->text));
    memset(keys->text, 0, sizeof(keys->text));
    if (!is_ours) {
        if (c->state != CONSOLE_FOREIGN)
            console_leave(c, CONSOLE_FOREIGN);
        return false;
    }
    if (settings_parse(&text, &settings, &why)) {
        if (c->why_failed != why)
            log_error("%s is not served: %s", c->host.label, why);
        c->why_failed = why;
        console_leave(c, CONSOLE_FAILED);
        return false;
    }
    c->why_failed = NULL;
    return output_follow(c, &settings, by_dom0);
}

bool toolstack_take_over(struct console *c, struct keys *keys)
{
    if (console_configure(c, keys, true))
        frontend_take_over(c, keys);
    return c->port >= 0;
}

bool toolstack_follow(struct console *c, struct keys_reading *reading,
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
     * writing; of another's none is read. */
    if (keys->present && (c->n || keys->ring_known ||
                          !keys_type_is_ours(keys, c->n))) {
        foreign_report(c, keys);
        if (console_configure(c, keys, by_dom0)) {
            toolstack_name_tty(c);
            toolstack_name_end(c);
            frontend_follow(c, keys, republished);
        }
    }
    /* And it lives as long as its domain. */
    return keys->present || !c->n;
}
