/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libxlqmp's public functions, against the fake server. */
#include "libxl/client/libxl_qmp.h"

#include "fake_qmp.h"
#include "tap.h"

static struct fake_qmp fake;
static xlqmp_ctx *ctx;
static struct xlqmp_error error;
static char *json;

static void connect_to(const struct fake_qmp_step *script)
{
    char address[80];

    fake_qmp_start(&fake, script);
    snprintf(address, sizeof(address), "unix:%s", fake.path);
    check_int(xlqmp_open(NULL, address, 60000, &ctx, &error), 0);
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
    check_int(xlqmp_command(ctx, "stop", "{\"a\":1}", 60000, &json, &error),
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
    check_int(xlqmp_command(ctx, "quit", NULL, 60000, NULL, &error), 0);
    check_int(xlqmp_command(ctx, "quit", NULL, 60000, NULL, &error),
              XLQMP_ERROR_LOST);
    check(!xlqmp_is_open(ctx));
    check_int(xlqmp_process(ctx, 60000), XLQMP_ERROR_LOST);
    done();
}

TEST(a_connection_lost_in_flight_says_so)
{
    static const struct fake_qmp_step script[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "\"a\"", 0 },
        { FAKE_SAY, "{\"return\": {", 0 }, { FAKE_END, NULL, 0 },
    };

    connect_to(script);
    check_int(xlqmp_command(ctx, "a", NULL, 60000, NULL, &error),
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
        { FAKE_FLOOD, "0123456789abcdef", 72u << 20 },
        { FAKE_END, NULL, 0 },
    };

    connect_to(script);
    check_int(xlqmp_command(ctx, "a", NULL, 300000, NULL, &error),
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
    check_int(xlqmp_wait_ready(ctx, 60000, &error), 0);
    check_int(xlqmp_reset(ctx, 60000, &error), 0);
    check_int(xlqmp_command(ctx, "a", NULL, 60000, NULL, &error), 0);
    done();
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
    check_int(xlqmp_wait_ready(ctx, 60000, &error), 0);
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
    check_int(xlqmp_command(ctx, "a", NULL, 60000, NULL, &error), 0);
    check_str(log_of_events, "1A1B3C");
    done();
}

/* An event loop of the caller's, with two connections in it. */
TEST(two_contexts_in_one_loop)
{
    static const struct fake_qmp_step slow[] = {
        { FAKE_SAY_SLOWLY, FAKE_GREETING "\r\n", 0 },
        { FAKE_HEAR, "qmp_capabilities", 0 }, { FAKE_SAY, FAKE_RETURN, 0 },
        { FAKE_HEAR, "\"a\"", 0 }, { FAKE_SAY_SLOWLY, FAKE_RETURN, 0 },
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };
    static const struct fake_qmp_step silent[] = {
        FAKE_NEGOTIATION, { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };
    int ok = XLQMP_OK, late = XLQMP_ERROR_TIMEOUT;
    struct fake_qmp fakes[2];
    struct pollfd fds[2];
    xlqmp_ctx *both[2];

    connect_to(silent);
    fakes[0] = fake;
    both[0] = ctx;
    /* So that its server has heard all that it is to hear. */
    check_int(xlqmp_wait_ready(ctx, 60000, &error), 0);
    check_int(xlqmp_send(both[0], "a", NULL, 50, count, &late, NULL), 0);
    connect_to(slow);
    fakes[1] = fake;
    both[1] = ctx;
    check_int(xlqmp_send(both[1], "a", NULL, 60000, count, &ok, NULL), 0);
    while (calls < 2) {
        int timeout = -1;

        for (int i = 0; i < 2; i++)
            xlqmp_beforepoll(both[i], &fds[i], &timeout);
        check(timeout >= 0);
        check(poll(fds, 2, timeout) >= 0);
        for (int i = 0; i < 2; i++) {
            ctx = both[i];
            xlqmp_afterpoll(both[i], &fds[i]);
        }
    }
    for (int i = 0; i < 2; i++) {
        check(xlqmp_is_open(both[i]));
        xlqmp_close(both[i]);
    }
    /* The second server was forked with the first one's connection. */
    check(fake_qmp_end(&fakes[1]));
    check(fake_qmp_end(&fakes[0]));
}

TAP_MAIN()
