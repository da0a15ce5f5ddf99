/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp events: shows what a server tells by itself, until SIGINT or
 * SIGTERM.
 *
 * Those signals are read from a descriptor beside the connection's, so that
 * none comes between a check and a wait. A connection that is lost (the
 * guest reboots, its helper is started again) is opened again, every second
 * and for no longer than --timeout; what happened meanwhile nobody can tell,
 * hence the notices.
 */
#include "event.h"
#include "tools/common/log.h"
#include "target.h"

#include <fnmatch.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 1000

struct events {
    const struct options *options;
    const char *target;
    char **patterns;            /* n 0: all events */
    int n;
    bool person;                /* standard output is a terminal */
    bool failed;                /* nobody can read it any more */
    int stop_fd;
};

static void show(xlqmp_ctx *ctx, const char *name, const char *event,
                 void *user)
{
    struct events *events = user;
    bool wanted = !events->n;

    (void)ctx;
    for (int i = 0; i < events->n && !wanted; i++)
        wanted = !fnmatch(events->patterns[i], name, 0);
    if (wanted && !event_print(name, event, events->person))
        events->failed = true;
}

/* True if it is to end. */
static bool wait_stop(const struct events *events, struct pollfd *line,
                      int timeout_ms)
{
    struct pollfd fds[2] = {
        { .fd = events->stop_fd, .events = POLLIN },
        { .fd = line ? line->fd : -1, .events = line ? line->events : 0 },
    };

    poll(fds, 2, timeout_ms);
    if (line)
        line->revents = fds[1].revents;
    return fds[0].revents;
}

/* True: it is to end. False: the connection was lost. */
static bool follow(struct events *events, xlqmp_ctx *ctx)
{
    while (xlqmp_is_open(ctx) && !events->failed) {
        struct pollfd line;
        int timeout = -1;

        xlqmp_beforepoll(ctx, &line, &timeout);
        if (wait_stop(events, &line, timeout))
            return true;
        xlqmp_afterpoll(ctx, &line);
    }
    return events->failed;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until there is a connection, *ctx_r. True: it is to end, with *rc_r. */
static bool connect_again(struct events *events, xlqmp_ctx **ctx_r,
                          int *rc_r)
{
    int64_t end = now_ms() + events->options->timeout_ms;

    log_line(LOG_LEVEL_WARN, "%s: the connection was lost, and events may "
             "be; trying again", events->target);
    do {
        if (wait_stop(events, NULL, RETRY_MS))
            return true;
        if (!target_try(events->options, events->target, RETRY_MS, ctx_r)) {
            log_line(LOG_LEVEL_WARN, "%s: connected again", events->target);
            return false;
        }
    } while (now_ms() < end);
    *rc_r = target_open(events->options, events->target, ctx_r);
    return *rc_r;
}

static int events_run(struct events *events, xlqmp_ctx *ctx)
{
    struct xlqmp_error error;
    int rc = XL_QMP_OK;
    sigset_t stop;
    bool ended;

    if (xlqmp_wait_ready(ctx, events->options->timeout_ms, &error)) {
        rc = target_error(events->target, NULL, &error);
        xlqmp_close(ctx);
        return rc;
    }
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    events->stop_fd = signalfd(-1, &stop, SFD_CLOEXEC);
    do {
        xlqmp_event_subscribe(ctx, NULL, show, events, NULL);
        ended = follow(events, ctx);
        xlqmp_close(ctx);
    } while (!ended && !connect_again(events, &ctx, &rc));
    close(events->stop_fd);
    return events->failed ? XL_QMP_CONNECTION : rc;
}

/* Patterns stand behind --filter: its value, and, after the domain, what
 * else is no option. */
static int arguments_parse(struct events *events, int argc, char **argv)
{
    static const struct option longs[] = {
        { "filter", required_argument, NULL, 'f' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    opterr = 0;
    optind = 0;
    while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
        if (c != 'f') {
            log_error("events: %s %s; see xl-qmp --help", c == ':' ?
                      "a value is missing after" : "unknown option",
                      argv[optind - 1]);
            return XL_QMP_USAGE;
        }
        /* There is room: each is an argument, and argv[0] none. */
        events->patterns[events->n++] = optarg;
    }
    if (optind == argc || (!events->n && argc - optind > 1)) {
        log_error("events: %s; usage: xl-qmp events DOMAIN "
                  "[--filter PATTERN...]", optind == argc ?
                  "no domain is given" : "too many arguments");
        return XL_QMP_USAGE;
    }
    events->target = argv[optind++];
    while (optind < argc)
        events->patterns[events->n++] = argv[optind++];
    return XL_QMP_OK;
}

int cmd_events(const struct options *options, int argc, char **argv)
{
    struct events events = {
        .options = options,
        .patterns = calloc((size_t)argc, sizeof(*events.patterns)),
        .person = isatty(STDOUT_FILENO),
    };
    xlqmp_ctx *ctx;
    int rc;

    if (!events.patterns) {
        log_error("events: out of memory");
        return XL_QMP_CONNECTION;
    }
    rc = arguments_parse(&events, argc, argv);
    if (!rc)
        rc = target_open(options, events.target, &ctx);
    if (!rc)
        rc = events_run(&events, ctx);
    free(events.patterns);
    return rc;
}
