/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxlqmp and a server with StratoVirt's leaky bucket: when more than 100
 * commands are in it, of which 100 a second run out, all that can be read is
 * discarded, with one error that has no id, until a timer has fired
 * (machine_manager, handle_qmp()). Here nothing runs out but by the timer, so
 * that the limit is met on a slow machine too.
 */
#include "libxl/client/libxl_qmp.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "tap.h"

#define BUCKET   100
#define TIMER_MS 10             /* for each that is too many */
#define COMMANDS 115

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- The server ------------------------------------------------------ */

static struct {
    int level;
    int64_t open_ms;            /* when the timer fires; 0: not set */
    int errors;
} bucket;

static bool throttled(void)
{
    if (bucket.open_ms && now_ms() < bucket.open_ms)
        return true;
    if (bucket.open_ms)
        bucket.level = BUCKET;
    bucket.open_ms = 0;
    if (bucket.level > BUCKET) {
        bucket.open_ms = now_ms() + (bucket.level - BUCKET) * TIMER_MS;
        return true;
    }
    bucket.level++;
    return false;
}

static void execute(int fd, const char *line)
{
    const char *id = strstr(line, "\"id\":"), *n = strstr(line, "\"n\":");

    check(id != NULL);
    dprintf(fd, "{\"return\":{},%.*s}\r\n", (int)strcspn(id, "}"), id);
    if (n)
        dprintf(fd, "{\"event\":\"EXECUTED\",\"data\":{\"n\":%d}}\r\n",
                atoi(n + 4));
}

static void serve(int fd)
{
    char text[65536], *line, *rest;
    ssize_t n;

    dprintf(fd, "{\"QMP\":{\"version\":{\"StratoVirt\":{\"micro\":1,"
            "\"minor\":4,\"major\":2},\"package\":\"StratoVirt-2.4.1\"},"
            "\"capabilities\":[]}}\r\n");
    /* Commands are short: they come whole. */
    while ((n = read(fd, text, sizeof(text) - 1)) > 0) {
        text[n] = '\0';
        for (line = strtok_r(text, "\r\n", &rest); line;
             line = strtok_r(NULL, "\r\n", &rest)) {
            if (throttled()) {
                bucket.errors++;
                dprintf(fd, "{\"error\":{\"class\":\"OperationThrottled\","
                        "\"desc\":\"More than 100 requests received during "
                        "1 second\"}}\r\n");
                break;
            }
            execute(fd, line);
        }
    }
    /* It was met, or this tests nothing. */
    _exit(bucket.errors >= COMMANDS - BUCKET ? 0 : 1);
}

/* --- The client ------------------------------------------------------ */

static int submitted, answered, executed[COMMANDS];

static void on_executed(xlqmp_ctx *ctx, const char *name, const char *event,
                        void *user)
{
    const char *n = strstr(event, "\"n\":");

    (void)ctx;
    (void)name;
    (void)user;
    check(n && atoi(n + 4) < COMMANDS);
    executed[atoi(n + 4)]++;
}

static void on_reply(xlqmp_ctx *ctx, int rc, const char *json,
                     const struct xlqmp_error *error, void *user);

static void submit(xlqmp_ctx *ctx)
{
    char arguments[32];

    snprintf(arguments, sizeof(arguments), "{\"n\":%d}", submitted);
    check_int(xlqmp_send(ctx, "x", arguments, 300000, on_reply,
                         (void *)(intptr_t)submitted, NULL), 0);
    submitted++;
}

static void on_reply(xlqmp_ctx *ctx, int rc, const char *json,
                     const struct xlqmp_error *error, void *user)
{
    (void)json;
    if (rc)
        tap_fail("command %d: %s", (int)(intptr_t)user, error->desc);
    /* One at a time, in order. */
    check_int((intptr_t)user, answered);
    answered++;
    if (submitted < COMMANDS)
        submit(ctx);
}

TEST(every_command_is_executed_once_in_order_however_often_it_throttles)
{
    xlqmp_ctx *ctx;
    int fds[2], status;
    pid_t pid;

    check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    fflush(stdout);
    pid = fork();
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(fds[0]);
        serve(fds[1]);
    }
    close(fds[1]);
    check_int(xlqmp_open_fd(NULL, fds[0], 0, &ctx, NULL), 0);
    check_int(xlqmp_event_subscribe(ctx, "EXECUTED", on_executed, NULL,
                                    NULL), 0);
    for (int i = 0; i < XLQMP_COMMANDS_MAX; i++)
        submit(ctx);
    while (answered < COMMANDS)
        check_int(xlqmp_process(ctx, -1), 0);
    /* The last one's event, which follows the reply. */
    check_int(xlqmp_command(ctx, "y", NULL, 300000, NULL, NULL), 0);
    for (int i = 0; i < COMMANDS; i++)
        check_int(executed[i], 1);
    xlqmp_close(ctx);
    check_int(waitpid(pid, &status, 0), pid);
    check_int(status, 0);
}

TAP_MAIN()
