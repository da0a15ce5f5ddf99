/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One output without ring and xenstore, for the tests of its kind.
 */
#ifndef XENQMP_TESTS_UNIT_OUTPUT_FIXTURE_H
#define XENQMP_TESTS_UNIT_OUTPUT_FIXTURE_H

#include "console/output/output.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char dir[] = "/tmp/test_output.XXXXXX";
static char path[64], spec[128];
static struct loop loop;
static struct lanes lanes;
static struct counters counters;
static struct output *output;
static unsigned int wakes, drains, locations, openings;
/* Of a ring that is to be adopted. */
static struct xencons_interface ring_page;

static inline void wake(void *data)
{
    (void)data;
    wakes++;
}

static inline void drain(void *data)
{
    (void)data;
    drains++;
    output_put(output, "old", 3);
    counters.received += 3;
}

static inline void located(void *data)
{
    (void)data;
    locations++;
}

static inline void opened(void *data, int error)
{
    (void)data;
    check_int(error, 0);
    openings++;
}

static inline enum control_result answer(void *data, uint64_t peer,
                                         const char *request, bool again,
                                         struct qmp_buf *reply)
{
    (void)data, (void)peer, (void)again;
    qmp_buf_printf(reply, "ok %s\n", request);
    return CONTROL_ANSWERED;
}

static const struct control_ops control_ops = { .answer = answer };

static struct output_host host = {
    .loop = &loop, .lanes = &lanes, .ring = { .domid = 5, .n = 3 },
    .counters = &counters, .label = "domain 5 console 3",
    .wake = wake, .drain = drain, .located = located, .opened = opened,
    .control = &control_ops,
};

static inline void files_settle(void)
{
    while (lanes_is_pending(&lanes))
        check(lanes_run(&lanes));
}

/* Where the record of an earlier daemon and the file say it stands. */
static inline bool position(uint32_t *r)
{
    unsigned int before = locations;
    enum output_answer answer = output_position(output, &ring_page, r);

    if (answer == OUTPUT_ANSWER_LATER) {
        files_settle();
        check_int(locations, before + 1);
        answer = output_position(output, &ring_page, r);
    }
    check(answer != OUTPUT_ANSWER_LATER);
    return answer == OUTPUT_ANSWER_OK;
}

static inline void finish(void)
{
    output_close(output);
    files_settle();
    record_remove(5, 3);
    unlink(path);
    rmdir(dir);
}

static inline void start(const char *kind, const char *policy,
                         const char *limit)
{
    struct settings_text text = { spec, policy, limit };
    struct settings settings;
    const char *why;

    check(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/f", dir);
    snprintf(spec, sizeof(spec), strchr(kind, ':') ? "%s%s" : "%s", kind,
             path);
    signal(SIGPIPE, SIG_IGN);
    check(!loop_init(&loop));
    lanes_init(&lanes, NULL);
    check(!record_init(dir));
    check(!settings_parse(&text, &settings, &why));
    output = output_open(&host, &settings);
    check(output);
    if (settings.kind == OUTPUT_UNIX) {
        check(!openings);
        files_settle();
        check_int(openings, 1);
    }
}

/* As flow.c does: what is taken counts as received. */
static inline size_t put_once(const char *bytes, size_t n)
{
    size_t taken = output_put(output, bytes, n);

    counters.received += taken;
    check_int(counters.received, counters.delivered + counters.dropped +
                                 output_buffered(output));
    return taken;
}

/* The same, until it is not busy. */
static inline size_t put(const char *bytes, size_t n)
{
    size_t taken = put_once(bytes, n);

    while (!taken && output_is_busy(output)) {
        files_settle();
        taken = put_once(bytes, n);
    }
    return taken;
}

static inline ssize_t file_size(void)
{
    struct stat st;

    return stat(path, &st) ? -1 : st.st_size;
}

static inline int client(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    strcpy(address.sun_path, path);
    check(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
    return fd;
}

static inline bool is_closed(int fd)
{
    char c;

    for (;;) {
        ssize_t r = read(fd, &c, 1);

        if (r == 0 || (r < 0 && errno != EAGAIN))
            return true;
        if (r < 0)
            return false;
    }
}

static inline int attach(void)
{
    int fd = client();

    while (!output_is_attached(output))
        loop_run_once(&loop, 10);
    output_poll(output, true);
    return fd;
}


static inline void read_all(int fd, const char *expected)
{
    char text[4096];
    size_t n = 0;

    while (n < strlen(expected)) {
        ssize_t r = read(fd, text + n, sizeof(text) - n);

        if (r > 0)
            n += (size_t)r;
        else
            loop_run_once(&loop, 10);
    }
    check_mem(text, n, expected, strlen(expected));
}

#endif
