/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "requests.h"

#include "console/guest/flow.h"

#include <inttypes.h>
#include <string.h>

/* A value with everything encoded that could end it. */
static void value_append(struct qmp_buf *reply, const char *text)
{
    for (; text && *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte > ' ' && byte < 0x7f && byte != '%')
            qmp_buf_append(reply, text, 1);
        else
            qmp_buf_printf(reply, "%%%02X", byte);
    }
}

static void key_append(struct qmp_buf *reply, const char *key,
                       const char *text)
{
    qmp_buf_printf(reply, " %s=", key);
    value_append(reply, text);
}

static void console_append(struct console *c, void *data)
{
    struct qmp_buf *reply = data;
    const struct counters *n = &c->counters;
    size_t buffered = 0;

    qmp_buf_printf(reply, "domid=%" PRIu32 " console=%u", c->domid, c->n);
    key_append(reply, "name", c->text[KEY_NAME]);
    key_append(reply, "type", c->text[KEY_TYPE] ? c->text[KEY_TYPE] :
                              c->n ? "" : "xenconsoled");
    key_append(reply, "state", console_state_name(c->state));
    qmp_buf_printf(reply, " output=");
    if (c->output) {
        qmp_buf_printf(reply, "%s", output_kind_name(c->settings.kind));
        if (*c->settings.path)
            qmp_buf_printf(reply, ":");
        value_append(reply, c->settings.path);
        buffered = output_buffered(c->output);
    }
    key_append(reply, "tty", c->output ? output_tty(c->output) : "");
    qmp_buf_printf(reply, " received=%" PRIu64 " sent=%" PRIu64
                   " dropped=%" PRIu64 " buffered=%zu attached=%d\n",
                   n->received, n->sent, n->dropped, buffered,
                   c->output && output_is_attached(c->output));
}

/* Counted since this daemon took the ring over: written = delivered +
 * dropped + buffered + ring, at every instant. */
static void stats_append(struct console *c, void *data)
{
    const struct counters *n = &c->counters;
    size_t ring = flow_pending(c);

    qmp_buf_printf(data, "domid=%" PRIu32 " console=%u state=%s"
                   " written=%" PRIu64 " delivered=%" PRIu64
                   " dropped=%" PRIu64 " buffered=%zu ring=%zu"
                   " sent=%" PRIu64 "\n", c->domid, c->n,
                   console_state_name(c->state), n->received + ring,
                   n->delivered, n->dropped,
                   c->output ? output_buffered(c->output) : 0, ring,
                   n->sent);
}

/* A line for each console, of one domain if argument names one. */
static void each_append(struct domains *domains, const char *argument,
                        void (*append)(struct console *, void *),
                        struct qmp_buf *reply)
{
    unsigned long long domid;
    struct domain *d;

    if (!*argument) {
        domains_each(domains, append, reply);
        qmp_buf_printf(reply, "ok\n");
        return;
    }
    if (!decimal_parse(argument, UINT32_MAX, &domid)) {
        qmp_buf_printf(reply, "error not a domain's number: %s\n",
                       argument);
        return;
    }
    d = domains_find(domains, (uint32_t)domid);
    for (size_t n = 0; d && n < CONSOLES_MAX; n++)
        if (d->guest.consoles[n])
            append(d->guest.consoles[n], reply);
    if (d)
        qmp_buf_printf(reply, "ok\n");
    else
        qmp_buf_printf(reply, "error there is no domain %llu\n", domid);
}

/* "<domid> <n>"; NULL: there is none. */
static struct console *console_named(struct domains *domains,
                                     const char *argument)
{
    size_t n = strcspn(argument, " ");
    unsigned long long domid, number;
    char first[16] = "";
    struct domain *d;

    if (!argument[n] || n >= sizeof(first))
        return NULL;
    memcpy(first, argument, n);
    if (!decimal_parse(first, UINT32_MAX, &domid) ||
        !decimal_parse(argument + n + 1, CONSOLES_MAX - 1, &number))
        return NULL;
    d = domains_find(domains, (uint32_t)domid);
    return d ? d->guest.consoles[number] : NULL;
}

static enum control_result attach(struct domains *domains,
                                  const char *argument,
                                  struct qmp_buf *reply)
{
    struct console *c = console_named(domains, argument);

    if (!c)
        qmp_buf_printf(reply, "error there is no such console; attach "
                       "takes a domain's and a console's number\n");
    else if (c->output && output_tty(c->output))
        qmp_buf_printf(reply, "ok tty %s\n", output_tty(c->output));
    else if (!c->output || c->settings.kind != OUTPUT_UNIX)
        qmp_buf_printf(reply, "error %s has no output to attach to, only "
                       "pty and unix have\n", c->host.label);
    else if (output_is_attached(c->output))
        qmp_buf_printf(reply, "error %s has a reader already\n",
                       c->host.label);
    else {
        qmp_buf_printf(reply, "ok stream\n");
        return CONTROL_TAKE;
    }
    return CONTROL_ANSWERED;
}

void requests_take(void *data, const char *request, int fd)
{
    struct console *c = console_named(data, request + strlen("attach "));

    output_attach(c->output, fd);
}

enum control_result requests_host(void *data, uint64_t peer,
                                  const char *request, bool again,
                                  struct qmp_buf *reply)
{
    struct domains *domains = data;

    (void)peer, (void)again;
    if (!strcmp(request, "ping"))
        qmp_buf_printf(reply, "ok\n");
    else if (!strcmp(request, "list"))
        each_append(domains, "", console_append, reply);
    else if (!strncmp(request, "list ", 5))
        each_append(domains, request + 5, console_append, reply);
    else if (!strcmp(request, "stats"))
        each_append(domains, "", stats_append, reply);
    else if (!strncmp(request, "stats ", 6))
        each_append(domains, request + 6, stats_append, reply);
    else if (!strncmp(request, "attach ", 7))
        return attach(domains, request + 7, reply);
    else
        qmp_buf_printf(reply, "error unknown request; known are list "
                       "[<domid>], stats [<domid>], attach <domid> "
                       "<console> and ping\n");
    return CONTROL_ANSWERED;
}

/* The domain's console with policy save. */
static struct console *save_console(const struct guest *guest)
{
    for (size_t n = 0; n < CONSOLES_MAX; n++) {
        struct console *c = guest->consoles[n];

        if (c && c->output && c->settings.policy == POLICY_SAVE)
            return c;
    }
    return NULL;
}

/* A domain's save is asked for at one place, the first unix output behind
 * it: QMP's. Whoever may use a serial port has no say in it. */
static bool is_asked_here(const struct console *save,
                          const struct console *beside)
{
    struct console *const *consoles = save->guest->consoles;

    for (unsigned int n = save->n + 1; n < beside->n; n++)
        if (consoles[n] && consoles[n]->output &&
            consoles[n]->settings.kind == OUTPUT_UNIX)
            return false;
    return beside->n > save->n;
}

static enum control_result save_begin(struct console *c,
                                      const struct save_client *client,
                                      bool again, struct qmp_buf *reply)
{
    enum output_answer answer;
    const char *why;

    if (c->state != CONSOLE_SERVING && c->state != CONSOLE_ADOPTING) {
        qmp_buf_printf(reply, "error %s is not connected\n", c->host.label);
        return CONTROL_ANSWERED;
    }
    answer = output_save_begin(c->output, client, again, &why);
    if (answer == OUTPUT_ANSWER_OK)
        qmp_buf_printf(reply, "ok\n");
    else if (answer == OUTPUT_ANSWER_ERROR)
        qmp_buf_printf(reply, "error cannot open %s: %s\n",
                       c->settings.path, why);
    return answer == OUTPUT_ANSWER_LATER ? CONTROL_LATER :
           CONTROL_ANSWERED;
}

static enum control_result save_sync(struct console *c,
                                     const struct save_client *client,
                                     struct qmp_buf *reply)
{
    enum output_answer answer;
    struct save_sum sum;
    const char *why;

    answer = output_save_sync(c->output, client, flow_pending(c), &sum,
                              &why);
    if (answer == OUTPUT_ANSWER_OK)
        qmp_buf_printf(reply, "ok %" PRIu64 " %" PRIu32 "\n", sum.bytes,
                       sum.crc);
    else if (answer == OUTPUT_ANSWER_ERROR)
        qmp_buf_printf(reply, "error the state is not in %s: %s\n",
                       c->settings.path, why);
    else
        console_queue(c);
    return answer == OUTPUT_ANSWER_LATER ? CONTROL_LATER :
           CONTROL_ANSWERED;
}

/* "<word>" or "<word> <name>"; *name_r: the name, or "". */
static bool request_is(const char *request, const char *word,
                       const char **name_r)
{
    size_t n = strlen(word);

    if (strncmp(request, word, n) || (request[n] && request[n] != ' '))
        return false;
    *name_r = request + n + (request[n] == ' ');
    return true;
}

static bool name_is_valid(const char *name)
{
    size_t n = strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz"
                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return !name[n] && n <= RECORD_NAME_MAX;
}

enum control_result requests_console(void *data, uint64_t peer,
                                     const char *request, bool again,
                                     struct qmp_buf *reply)
{
    struct console *beside = data, *c = save_console(beside->guest);
    struct save_client client = { .peer = peer };
    bool begin = request_is(request, "save-begin", &client.name);

    if (!begin && !request_is(request, "sync", &client.name))
        qmp_buf_printf(reply, "error unknown request; known are "
                       "save-begin [<name>] and sync [<name>]\n");
    else if (!name_is_valid(client.name))
        qmp_buf_printf(reply, "error a save's name has at most %d letters "
                       "and digits\n", RECORD_NAME_MAX);
    else if (!c)
        qmp_buf_printf(reply, "error domain %" PRIu32 " has no console "
                       "with policy save\n", beside->domid);
    else if (!is_asked_here(c, beside))
        qmp_buf_printf(reply, "error domain %" PRIu32 "'s save is asked "
                       "for beside another console\n", beside->domid);
    else if (begin)
        return save_begin(c, &client, again, reply);
    else
        return save_sync(c, &client, reply);
    return CONTROL_ANSWERED;
}

void requests_gone(void *data, uint64_t peer)
{
    struct console *beside = data, *c = save_console(beside->guest);

    /* With the daemon all connections end: saves are the next one's. */
    if (c && !c->backend->stop)
        output_save_gone(c->output, peer);
}

void requests_ask_again(struct console *console)
{
    for (size_t n = 0; n < CONSOLES_MAX; n++) {
        struct console *c = console->guest->consoles[n];

        if (c && c->output)
            output_ask_again(c->output);
    }
}
