/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp batch: many commands over one connection, one after the other.
 *
 * All lines are read and checked before the first command is sent: a typing
 * error must not leave the work half done. With --rate a command is due at
 * its time since the start, so that a slow answer doesn't lower the rate
 * for good.
 */
#include "files.h"
#include "latency.h"
#include "tools/common/log.h"
#include "output.h"
#include "request.h"
#include "target.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* More than that is a program's work; keeps due_us() from overflowing. */
#define REPEAT_MAX 1000000000ul
#define RATE_MAX   1000000ul

#define SECOND_US  1000000

struct batch {
    /* from the command line */
    const struct options *options;
    const char *target, *path;
    unsigned long repeat, rate;         /* rate 0: as fast as it goes */
    bool keep_going;
    /* the commands */
    struct step {
        struct request request;
        unsigned int line;
    } *steps;
    size_t n;
    /* what became of them */
    struct latency latency;
    uint64_t sent, errors;
    int64_t start_us;
    int rc;
};

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

static const char *path_name(const struct batch *batch)
{
    return strcmp(batch->path, "-") ? batch->path : "standard input";
}

static int no_memory(void)
{
    log_error("batch: out of memory");
    return XL_QMP_CONNECTION;
}

static int add_line(struct batch *batch, const char *text, unsigned int line)
{
    struct request request = { 0 };
    struct step *steps;

    if (!request_line(&request, text)) {
        log_error("batch: %s, line %u: %s", path_name(batch), line,
                  request.why);
        request_dispose(&request);
        return XL_QMP_USAGE;
    }
    if (!request.command)
        return XL_QMP_OK;
    steps = reallocarray(batch->steps, batch->n + 1, sizeof(*steps));
    if (!steps) {
        request_dispose(&request);
        return no_memory();
    }
    batch->steps = steps;
    steps[batch->n++] = (struct step){ request, line };
    return XL_QMP_OK;
}

static int read_steps(struct batch *batch)
{
    FILE *file = strcmp(batch->path, "-") ? fopen(batch->path, "re") : stdin;
    unsigned int line = 0;
    char *text = NULL;
    size_t size = 0;
    ssize_t n;
    int rc = XL_QMP_OK;

    if (!file) {
        log_error("batch: cannot read %s: %m", batch->path);
        return XL_QMP_USAGE;
    }
    while (!rc && (n = getline(&text, &size, file)) >= 0) {
        line++;
        if (memchr(text, '\0', (size_t)n)) {
            log_error("batch: %s, line %u: it has a NUL byte; is this a "
                      "file of commands?", path_name(batch), line);
            rc = XL_QMP_USAGE;
        } else {
            rc = add_line(batch, text, line);
        }
    }
    if (!rc && ferror(file)) {
        log_error("batch: cannot read %s: %m", path_name(batch));
        rc = XL_QMP_USAGE;
    }
    free(text);
    if (file != stdin)
        fclose(file);
    return rc;
}

/* Until the next command is due; the connection is served meanwhile. */
static void wait_due(const struct batch *batch, xlqmp_ctx *ctx)
{
    int64_t due, left;

    if (!batch->rate)
        return;
    due = batch->start_us + (int64_t)(batch->sent * SECOND_US / batch->rate);
    while ((left = due - now_us()) > 0 && xlqmp_is_open(ctx))
        xlqmp_process(ctx, (int)((left + 999) / 1000));
}

/* False: the batch is over. */
static bool run_step(struct batch *batch, xlqmp_ctx *ctx,
                     const struct step *step)
{
    struct xlqmp_error error;
    char *json = NULL, what[320];
    bool go_on = true;
    int64_t start;
    int rc;

    wait_due(batch, ctx);
    start = now_us();
    rc = xlqmp_command(ctx, step->request.command, step->request.arguments,
                       batch->options->timeout_ms, &json, &error);
    batch->sent++;
    if (!rc || rc == XLQMP_ERROR_QMP)
        latency_add(&batch->latency, (uint64_t)(now_us() - start));
    if (!rc) {
        if (!output_line(json)) {
            batch->rc = XL_QMP_CONNECTION;
            go_on = false;
        }
    } else {
        batch->errors++;
        snprintf(what, sizeof(what), "line %u: %.280s", step->line,
                 step->request.command);
        if (rc == XLQMP_ERROR_QMP) {
            log_error("%s: %s: %s", what, error.error_class, error.desc);
            rc = XL_QMP_ERROR;
        } else {
            rc = target_error(batch->target, what, &error);
        }
        /* The worst of all. */
        if (rc > batch->rc)
            batch->rc = rc;
        go_on = batch->keep_going && xlqmp_is_open(ctx);
    }
    free(json);
    return go_on;
}

static void summary(const struct batch *batch)
{
    double seconds = (double)(now_us() - batch->start_us) / SECOND_US;
    const struct latency *latency = &batch->latency;

    fprintf(stderr, "%llu of %llu commands sent, %llu failed; %.2f s, "
            "%.0f/s; latency p50 %.3f ms, p99 %.3f ms, max %.3f ms\n",
            (unsigned long long)batch->sent,
            (unsigned long long)batch->n * batch->repeat,
            (unsigned long long)batch->errors, seconds,
            seconds > 0 ? (double)batch->sent / seconds : 0,
            (double)latency_percentile(latency, 50) / 1000,
            (double)latency_percentile(latency, 99) / 1000,
            (double)latency->max / 1000);
}

static int batch_run(struct batch *batch)
{
    struct xlqmp_error error;
    bool go_on = batch->n > 0;
    xlqmp_ctx *ctx;
    int rc = target_open(batch->options, batch->target, &ctx);

    if (rc)
        return rc;
    for (size_t i = 0; i < batch->n; i++)
        files_warn(batch->options, batch->target,
                   batch->steps[i].request.command);
    /* Its time is no command's. */
    if (xlqmp_wait_ready(ctx, batch->options->timeout_ms, &error)) {
        rc = target_error(batch->target, NULL, &error);
        xlqmp_close(ctx);
        return rc;
    }
    batch->start_us = now_us();
    for (unsigned long r = 0; go_on && r < batch->repeat; r++)
        for (size_t i = 0; go_on && i < batch->n; i++)
            go_on = run_step(batch, ctx, &batch->steps[i]);
    xlqmp_close(ctx);
    summary(batch);
    return batch->rc;
}

static int usage(const char *what, const char *argument)
{
    log_error("batch: %s%s; usage: xl-qmp batch [--repeat N] [--rate N] "
              "[--keep-going] DOMAIN [FILE]", what, argument);
    return XL_QMP_USAGE;
}

static bool number_parse(const char *text, unsigned long max,
                         unsigned long *n_r)
{
    char *end;

    errno = 0;
    *n_r = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *n_r &&
           *n_r <= max;
}

static int arguments_parse(struct batch *batch, int argc, char **argv)
{
    static const struct option longs[] = {
        { "repeat", required_argument, NULL, 'n' },
        { "rate", required_argument, NULL, 'r' },
        { "keep-going", no_argument, NULL, 'k' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    opterr = 0;
    optind = 0;
    while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
        switch (c) {
        case 'n':
            if (!number_parse(optarg, REPEAT_MAX, &batch->repeat))
                return usage("not a number of times: ", optarg);
            break;
        case 'r':
            if (!number_parse(optarg, RATE_MAX, &batch->rate))
                return usage("not a number per second: ", optarg);
            break;
        case 'k':
            batch->keep_going = true;
            break;
        case ':':
            return usage("a value is missing after ", argv[optind - 1]);
        default:
            return usage("unknown option ", argv[optind - 1]);
        }
    }
    if (optind == argc || argc - optind > 2)
        return usage(optind == argc ? "no domain is given" :
                     "too many arguments", "");
    batch->target = argv[optind];
    if (optind + 1 < argc)
        batch->path = argv[optind + 1];
    return XL_QMP_OK;
}

int cmd_batch(const struct options *options, int argc, char **argv)
{
    struct batch batch = { .options = options, .path = "-", .repeat = 1 };
    int rc = arguments_parse(&batch, argc, argv);

    if (!rc)
        rc = read_steps(&batch);
    if (!rc)
        rc = batch_run(&batch);
    for (size_t i = 0; i < batch.n; i++)
        request_dispose(&batch.steps[i].request);
    free(batch.steps);
    return rc;
}
