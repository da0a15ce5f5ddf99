/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libxlqmp's public functions, against the fake server. */
#include "libxl_qmp.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <termios.h>

#include "fake_qmp.h"
#include "tap.h"

static struct fake_qmp fake;
static xlqmp_ctx *ctx;
static struct xlqmp_error error;
static char *json;

static void connect_to(const struct fake_qmp_step *script)
{
    fake_qmp_start(&fake, script);
    check_int(xlqmp_open_unix(NULL, fake.path, 5000, &ctx, &error), 0);
}

static void done(void)
{
    xlqmp_close(ctx);
    check(fake_qmp_end(&fake));
}

TEST(a_command_and_its_reply)
{
    static const struct fake_qmp_step script[] = {
        FAKE_NEGOTIATION,
        { FAKE_HEAR, "{\"execute\":\"stop\",\"arguments\":{\"a\":1}", 0 },
        { FAKE_SAY_SLOWLY, "{\"event\": \"STOP\"}\r\n"
                           "{\"return\": [1,  2], \"id\": $ID}\r\n", 0 },
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };

    connect_to(script);
    check(!xlqmp_greeting(ctx));
    check_int(xlqmp_command(ctx, "stop", "{\"a\":1}", 5000, &json, &error),
              0);
    check_str(json, "[1,  2]");
    check_str(xlqmp_greeting(ctx), FAKE_GREETING);
    check(xlqmp_is_open(ctx));
    done();
}

TEST(a_reply_before_a_hang_up_is_delivered)
{
    static const struct fake_qmp_step script[] = {
        FAKE_NEGOTIATION,
        { FAKE_HEAR, "\"quit\"", 0 }, { FAKE_SAY, FAKE_RETURN, 0 },
        { FAKE_END, NULL, 0 },
    };

    connect_to(script);
    check_int(xlqmp_command(ctx, "quit", NULL, 5000, NULL, &error), 0);
    check_int(xlqmp_command(ctx, "quit", NULL, 5000, NULL, &error),
              XLQMP_ERROR_LOST);
    check(!xlqmp_is_open(ctx));
    check_int(xlqmp_process(ctx, 5000), XLQMP_ERROR_LOST);
    done();
}

TEST(a_connection_lost_in_flight_says_so)
{
    static const struct fake_qmp_step script[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "\"a\"", 0 },
        { FAKE_SAY, "{\"return\": {", 0 }, { FAKE_END, NULL, 0 },
    };

    connect_to(script);
    check_int(xlqmp_command(ctx, "a", NULL, 5000, NULL, &error),
              XLQMP_ERROR_LOST);
    check(error.maybe_executed);
    check(strstr(error.desc, "closed"));
    done();
}

TEST(a_server_that_keeps_silent_times_out)
{
    static const struct fake_qmp_step script[] = {
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };

    connect_to(script);
    check_int(xlqmp_command(ctx, "a", NULL, 20, NULL, &error),
              XLQMP_ERROR_TIMEOUT);
    check(!error.maybe_executed);
    check_int(xlqmp_wait_ready(ctx, 20, &error), XLQMP_ERROR_TIMEOUT);
    check(xlqmp_is_open(ctx));
    done();
}

TEST(a_flood_ends_the_connection)
{
    static const struct fake_qmp_step script[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "\"a\"", 0 },
        { FAKE_SAY, "{\"return\": \"", 0 },
        { FAKE_FLOOD, "0123456789abcdef", 64u << 20 },
        { FAKE_END, NULL, 0 },
    };

    connect_to(script);
    check_int(xlqmp_command(ctx, "a", NULL, 20000, NULL, &error),
              XLQMP_ERROR_PROTOCOL);
    check(strstr(error.desc, "too long"));
    done();
}

TEST(a_reset_over_a_socket)
{
    static const struct fake_qmp_step script[] = {
        FAKE_NEGOTIATION,
        { FAKE_HEAR, "\x18{\"execute\":\"qmp_reset\"", 0 },
        { FAKE_SAY, FAKE_RETURN, 0 }, FAKE_NEGOTIATION,
        { FAKE_HEAR, "\"a\"", 0 }, { FAKE_SAY, FAKE_RETURN, 0 },
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };

    connect_to(script);
    check_int(xlqmp_wait_ready(ctx, 5000, &error), 0);
    check_int(xlqmp_reset(ctx, 5000, &error), 0);
    check_int(xlqmp_command(ctx, "a", NULL, 5000, NULL, &error), 0);
    done();
}

TEST(opening_what_is_not_there)
{
    char path[200];

    check_int(xlqmp_open_unix(NULL, "/nonexistent/s", 100, &ctx, &error),
              XLQMP_ERROR_LOST);
    check_str(error.desc, "/nonexistent/s: No such file or directory");
    check_int(xlqmp_open_unix(NULL, "/nonexistent/s", 100, &ctx, NULL),
              XLQMP_ERROR_LOST);
    memset(path, 'p', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    check_int(xlqmp_open_unix(NULL, path, 100, &ctx, &error),
              XLQMP_ERROR_INVAL);
    check_int(xlqmp_open_fd(NULL, -1, 0, &ctx, &error), XLQMP_ERROR_LOST);
    check_int(xlqmp_open_fd(NULL, 0, 64, &ctx, &error), XLQMP_ERROR_INVAL);
    xlqmp_close(NULL);
}

static int calls;

static void count(xlqmp_ctx *c, int rc, const char *return_json,
                  const struct xlqmp_error *e, void *user)
{
    (void)return_json;
    (void)e;
    check(c == ctx);
    check_int(rc, *(int *)user);
    calls++;
    /* Allowed, and refused, while the context is being closed. */
    if (rc == XLQMP_ERROR_LOST)
        check_int(xlqmp_send(c, "b", NULL, -1, count, user, NULL),
                  XLQMP_ERROR_LOST);
}

TEST(closing_calls_back_what_waits_once)
{
    static const struct fake_qmp_step script[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "\"a\"", 0 },
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };
    int lost = XLQMP_ERROR_LOST;

    connect_to(script);
    check_int(xlqmp_wait_ready(ctx, 5000, &error), 0);
    for (int i = 0; i < 3; i++)
        check_int(xlqmp_send(ctx, "a", NULL, -1, count, &lost, NULL), 0);
    check_int(xlqmp_process(ctx, 100), 0);
    done();
    check_int(calls, 3);
}

static uint64_t first, second;
static char log_of_events[128];

static void on_event(xlqmp_ctx *c, const char *name, const char *event,
                     void *user)
{
    check(strstr(event, name));
    strcat(log_of_events, user);
    strcat(log_of_events, name);
    /* The first ends both at its second call. */
    if (*(char *)user == '1' && strstr(log_of_events, "1B")) {
        check(xlqmp_event_unsubscribe(c, first));
        check(xlqmp_event_unsubscribe(c, second));
        check(!xlqmp_event_unsubscribe(c, second));
        check_int(xlqmp_event_subscribe(c, NULL, on_event,
                                        (void *)"3", NULL), 0);
    }
}

TEST(events_reach_those_who_want_them)
{
    static const struct fake_qmp_step script[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "\"a\"", 0 },
        { FAKE_SAY, "{\"event\": \"A\"}\r\n{\"event\": \"B\"}\r\n"
                    "{\"event\": \"C\"}\r\n" FAKE_RETURN, 0 },
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };

    connect_to(script);
    check_int(xlqmp_event_subscribe(ctx, NULL, on_event, (void *)"1",
                                    &first), 0);
    check_int(xlqmp_event_subscribe(ctx, "B", on_event, (void *)"2",
                                    &second), 0);
    check_int(xlqmp_command(ctx, "a", NULL, 5000, NULL, &error), 0);
    check_str(log_of_events, "1A1B3C");
    done();
}

TEST(a_console_that_echoes)
{
    char line[256];
    int fds[2];
    ssize_t n;
    pid_t pid;
    FILE *peer;

    check_int(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pid = fork();
    if (!pid) {
        close(fds[0]);
        peer = fdopen(fds[1], "r+");
        setbuf(peer, NULL);
        for (int i = 0; i < 3 && fgets(line, sizeof(line), peer); i++) {
            char *id = strstr(line, "\"id\":");

            n = (ssize_t)strlen(line);
            /* Echoed as long as it is cooked. */
            if (i == 0)
                check_int(write(fds[1], line, (size_t)n), n);
            dprintf(fds[1], "{\"return\": {}, %s", id);
            if (i == 0)
                dprintf(fds[1], FAKE_GREETING "\r\n");
        }
        _exit(0);
    }
    close(fds[1]);
    check_int(xlqmp_open_fd(NULL, fds[0], XLQMP_CONSOLE, &ctx, &error), 0);
    check_int(xlqmp_command(ctx, "a", NULL, 5000, NULL, &error), 0);
    xlqmp_close(ctx);
    /* It was the context's. */
    check_int(fcntl(fds[0], F_GETFD), -1);
}

TEST(a_terminal_is_made_raw_and_keeps_what_has_come)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
    struct termios termios;
    struct pollfd fd;
    int timeout = -1;

    check(master >= 0 && !grantpt(master) && !unlockpt(master));
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    check(slave >= 0);
    check_int(write(master, "late\n", 5), 5);
    check_int(xlqmp_open_fd(NULL, slave, XLQMP_CONSOLE, &ctx, &error), 0);
    check_int(tcgetattr(slave, &termios), 0);
    check(!(termios.c_lflag & (ECHO | ICANON | ISIG)));
    check(!(termios.c_oflag & OPOST));
    check(fcntl(slave, F_GETFL) & O_NONBLOCK);
    xlqmp_beforepoll(ctx, &fd, &timeout);
    check_int(fd.fd, slave);
    check_int(fd.events, POLLIN | POLLOUT);
    /* The next qmp_reset. */
    check(timeout > 1000 && timeout <= 2000);
    check_int(poll(&fd, 1, 0), 1);
    check(fd.revents & POLLIN);
    /* Its other end goes. */
    close(master);
    check_int(xlqmp_wait_ready(ctx, 5000, &error), XLQMP_ERROR_LOST);
    xlqmp_close(ctx);
}

TAP_MAIN()
