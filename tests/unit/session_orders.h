/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No reply and no event of an old session is ever delivered into a new one:
 * shown for a real client and the real server (tools/stubdom/relay.c), by
 * going through all orders in which a bounded number of things can happen
 * around them (session_world.h).
 *
 * Held to be true in every world that can be reached:
 *  - what leaves the server after the return of a reset is of a connection
 *    to QEMU that was made after that reset;
 *  - what the client delivers is of the connection whose greeting the
 *    session began with, and is the answer to the command that it is given
 *    to;
 *  - no command is executed twice, none after the client said that it
 *    wasn't and can't be, and none in a session later than its own;
 *  - a server that keeps to the protocol is never taken for one that
 *    doesn't;
 *  - from wherever nothing more happens by itself, the client is ready, and
 *    every command is answered, or becomes so by time-outs if bytes were
 *    lost.
 */
#ifndef XENQMP_TESTS_UNIT_SESSION_ORDERS_H
#define XENQMP_TESTS_UNIT_SESSION_ORDERS_H

#include "session_world.h"

/* The number behind a key, or -1. */
static int number_in(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at ? atoi(at + strlen(key)) : -1;
}

/* --- What the client delivers ------------------------------------------ */

/* The connection that the client believes to be in. */
static int client_connection(void)
{
    const char *greeting = client_greeting();

    return greeting ? number_in(greeting, "\"of\": ") : 0;
}

/* A command was answered; json is what QEMU returned. */
static void client_answered(int number, const char *json)
{
    struct command_fate *fate = &world->fate[number];

    check(!fate->called_back);
    fate->called_back = true;
    check_int(number_in(json, "\"of\": "), client_connection());
    check_int(number_in(json, "\"number\": "), number);
    check(fate->executed);
}

/* A command will not be answered. */
static void client_failed(int number, bool maybe_executed)
{
    struct command_fate *fate = &world->fate[number];

    check(!fate->called_back);
    fate->called_back = true;
    if (maybe_executed)
        return;
    check(!fate->executed);
    fate->said_not_executed = true;
}

static void client_event(const struct qmp_message *message)
{
    check_int(number_in(message->text, "\"of\": "), client_connection());
}

/* --- QEMU -------------------------------------------------------------- */

static void qemu_say(const char *fmt, int of, int number, const char *id)
{
    char text[256];
    int n = snprintf(text, sizeof(text), fmt, of, number, id);

    bytes_add(&world->qemu.out, text, (size_t)n);
}

static void qemu_connect(void)
{
    world->qemu.out.n = 0;
    world->qemu.connection++;
    relay_connected(&world->server);
    qemu_say("{\"QMP\": {\"version\": {\"of\": %d}, \"capabilities\": []}}"
             "\r\n", world->qemu.connection, 0, "");
}

static void qemu_read(void)
{
    struct qmp_buf *in = &world->server.to_qemu;
    char *text = strndup(in->data, in->len), *rest, *line;

    for (line = strtok_r(text, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        struct pending *p = &world->qemu.pending[world->qemu.pending_n++];

        check(world->qemu.pending_n <= 16);
        p->of = world->qemu.connection;
        p->number = number_in(line, "\"execute\":\"c");
        check(sscanf(strstr(line, "\"id\":") + 5, " %39[^,}]", p->id) == 1);
        if (p->number >= 0) {
            check(!world->fate[p->number].executed);
            check(!world->fate[p->number].said_not_executed);
            check_int(world->fate[p->number].heard_in, p->of);
            world->fate[p->number].executed = true;
        }
    }
    free(text);
    qmp_buf_consume(in, in->len);
}

/* The first pending command, of this connection or of an older one. */
static int qemu_pending(bool late)
{
    for (int i = 0; i < world->qemu.pending_n; i++)
        if ((world->qemu.pending[i].of < world->qemu.connection) == late)
            return i;
    return -1;
}

static void qemu_answer(bool late)
{
    int i = qemu_pending(late);
    struct pending p = world->qemu.pending[i];

    world->qemu.pending_n--;
    memmove(&world->qemu.pending[i], &world->qemu.pending[i + 1],
            (size_t)(world->qemu.pending_n - i) * sizeof(p));
    qemu_say("{\"return\": {\"of\": %d, \"number\": %d}, \"id\": %s}\r\n",
             p.of, p.number, p.id);
}

static void qemu_die(void)
{
    world->qemu.out.n = 0;
    world->qemu.pending_n = 0;
    check(!relay_disconnected(&world->server));
}

/* --- The console ------------------------------------------------------- */

/* Sees what the server has read. After a reset, what came of QEMU until
 * then is of the past. */
static void server_heard(const char *text, size_t n)
{
    int number;

    for (size_t i = 0; i < n; i++) {
        if (text[i] == 0x18)
            world->heard.n = 0;
        bytes_add(&world->heard, text + i, 1);
        if (text[i] != '}')
            continue;
        bytes_add(&world->heard, "", 1);
        number = number_in(world->heard.at, "\"execute\":\"c");
        if (strstr(world->heard.at, "qmp_reset"))
            world->floor = world->qemu.connection;
        else if (number >= 0)
            world->fate[number].heard_in = world->qemu.connection;
        world->heard.n = 0;
    }
}

static void server_said(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!world->said.n)
            world->said_floor = world->floor;
        bytes_add(&world->said, text[i] == '\n' ? "" : text + i, 1);
        if (text[i] != '\n')
            continue;
        if (strstr(world->said.at, "\"of\": "))
            check(number_in(world->said.at, "\"of\": ") >
                  world->said_floor);
        world->said.n = 0;
    }
}

static void server_read(size_t n, bool echo)
{
    char text[LINE_SIZE];

    memcpy(text, world->to_server.at, n);
    bytes_drop(&world->to_server, n);
    if (echo)
        bytes_add(&world->to_client, text, n);
    check(!relay_console_input(&world->server, text, n));
    server_heard(text, n);
}

static void server_write(size_t n)
{
    const struct qmp_buf *out = &world->server.to_console;

    server_said(out->data, n);
    bytes_add(&world->to_client, out->data, n);
    relay_console_written(&world->server, n);
}

static void client_read(size_t n)
{
    char text[LINE_SIZE];

    memcpy(text, world->to_client.at, n);
    bytes_drop(&world->to_client, n);
    client_input(text, n);
}

static void client_write(size_t n)
{
    bytes_add(&world->to_server, client_out()->data, n);
    client_sent(n);
}

static void qemu_write(size_t n)
{
    char text[LINE_SIZE];

    memcpy(text, world->qemu.out.at, n);
    bytes_drop(&world->qemu.out, n);
    check(!relay_qemu_input(&world->server, text, n));
}

/* --- What can happen --------------------------------------------------- */

enum act {
    /* By itself, sooner or later. */
    CLIENT_WRITES, SERVER_READS, QEMU_CONNECTS, QEMU_READS, QEMU_ANSWERS,
    QEMU_WRITES, SERVER_WRITES, CLIENT_READS,
    ACTS_OF_ITSELF,
    /* Half of what there is. */
    CLIENT_WRITES_HALF = ACTS_OF_ITSELF, SERVER_READS_HALF,
    QEMU_WRITES_HALF, SERVER_WRITES_HALF, CLIENT_READS_HALF,
    /* As often as the budget says. */
    COMMAND, RESET, TICK, EVENT, LATE_ANSWER, DEATH, ECHO, LOSS,
    ACTS,
};

static const char *const names[ACTS] = {
    "client writes", "server reads", "QEMU connects", "QEMU reads",
    "QEMU answers", "QEMU writes", "server writes", "client reads",
    "client writes half", "server reads half", "QEMU writes half",
    "server writes half", "client reads half", "command", "reset", "tick",
    "event", "late answer", "death", "echo", "loss",
};

/* How many bytes there are for it. */
static size_t amount(enum act act)
{
    switch (act) {
    case CLIENT_WRITES: return client_out()->len;
    case SERVER_READS: return world->to_server.n;
    case QEMU_WRITES: return world->qemu.out.n;
    case SERVER_WRITES: return world->server.to_console.len;
    case CLIENT_READS: return world->to_client.n;
    case CLIENT_WRITES_HALF: return client_out()->len / 2;
    case SERVER_READS_HALF: return world->to_server.n / 2;
    case QEMU_WRITES_HALF: return world->qemu.out.n / 2;
    case SERVER_WRITES_HALF: return world->server.to_console.len / 2;
    case CLIENT_READS_HALF: return world->to_client.n / 2;
    default: return 0;
    }
}

static bool can(enum act act)
{
    const struct budget *left = &world->left;
    bool cooked = client_is_resetting() && world->to_server.n;

    switch (act) {
    case QEMU_CONNECTS:
        return world->server.want_connect;
    case QEMU_READS:
        return world->server.connected && world->server.to_qemu.len;
    case QEMU_ANSWERS:
        return world->server.connected && qemu_pending(false) >= 0;
    case COMMAND:
        return left->commands && client_is_ready();
    case RESET:
        return left->resets;
    case TICK:
        return left->ticks && client_deadline() != INT64_MAX;
    case EVENT:
        return left->events && world->qemu.connection;
    case LATE_ANSWER:
        return left->lates && world->server.connected &&
               qemu_pending(true) >= 0;
    case DEATH:
        return left->deaths && world->server.connected;
    case ECHO:
        return left->echoes && cooked;
    case LOSS:
        return left->losses && cooked;
    default:
        return amount(act) && (act < ACTS_OF_ITSELF || left->halves);
    }
}

static void tick(void)
{
    world->now = client_deadline();
    client_tick();
}

static void happen(enum act act)
{
    size_t n = amount(act);

    if (act >= CLIENT_WRITES_HALF && act <= CLIENT_READS_HALF)
        world->left.halves--;
    switch (act) {
    case CLIENT_WRITES: case CLIENT_WRITES_HALF: client_write(n); break;
    case SERVER_READS: case SERVER_READS_HALF: server_read(n, false); break;
    case QEMU_WRITES: case QEMU_WRITES_HALF: qemu_write(n); break;
    case SERVER_WRITES: case SERVER_WRITES_HALF: server_write(n); break;
    case CLIENT_READS: case CLIENT_READS_HALF: client_read(n); break;
    case QEMU_CONNECTS: qemu_connect(); break;
    case QEMU_READS: qemu_read(); break;
    case QEMU_ANSWERS: qemu_answer(false); break;
    case COMMAND:
        world->left.commands--;
        check(world->sent < COMMANDS_MAX);
        client_command(world->sent++);
        break;
    case RESET: world->left.resets--; client_reset(); break;
    case TICK: world->left.ticks--; tick(); break;
    case EVENT:
        world->left.events--;
        qemu_say("{\"event\": \"E\", \"data\": {\"of\": %d}}\r\n",
                 world->qemu.connection, 0, "");
        break;
    case LATE_ANSWER: world->left.lates--; qemu_answer(true); break;
    case DEATH: world->left.deaths--; qemu_die(); break;
    case ECHO:
        world->left.echoes--;
        server_read(world->to_server.n, true);
        break;
    case LOSS: world->left.losses--; world->to_server.n = 0; break;
    case ACTS: break;
    }
}

/* --- All orders -------------------------------------------------------- */

#define WORLDS_BITS 23
static uint64_t *seen;
static size_t worlds, ends;
static bool may_offend;         /* QEMU's restart is seen as an offence */
static bool may_wait;           /* something was lost */
static enum act path[400];
static int depth;

/* False if it was there before. */
static bool remember(uint64_t hash)
{
    size_t mask = ((size_t)1 << WORLDS_BITS) - 1, i = hash & mask;

    for (; seen[i]; i = (i + 1) & mask)
        if (seen[i] == (hash | 1))
            return false;
    seen[i] = hash | 1;
    check(++worlds < mask / 2);
    return true;
}

/* Nothing more happens by itself: the client must be ready and be answered,
 * if bytes were lost by the resets that it repeats. */
static void check_end(void)
{
    ends++;
    world->left = (struct budget){ .commands = 1 };
    for (int i = 0; i < 1000; i++) {
        enum act act = 0;

        while (act < ACTS_OF_ITSELF && !can(act))
            act++;
        if (act < ACTS_OF_ITSELF)
            happen(act);
        else if (can(COMMAND))
            happen(COMMAND);
        else if (!client_is_ready() && may_wait)
            tick();
        else
            break;
    }
    check(client_is_ready());
    check_int(world->left.commands, 0);
    for (int i = 0; i < world->sent; i++)
        check(world->fate[i].called_back);
    if (!may_offend)
        check_int(client_offences(), 0);
}

static void explore(struct world *from)
{
    struct world *to = malloc(sizeof(*to));
    bool moves = false;

    check(depth < 400);
    for (enum act act = 0; act < ACTS; act++) {
        world = from;
        if (!can(act))
            continue;
        moves |= act < ACTS_OF_ITSELF;
        world_copy(to, from);
        world = to;
        path[depth++] = act;
        happen(act);
        if (remember(world_hash(to)))
            explore(to);
        depth--;
        world_dispose(to);
    }
    if (!moves) {
        world_copy(to, from);
        world = to;
        check_end();
        world_dispose(to);
    }
    free(to);
}

/* The way to a failure, for people. */
static void print_path(void)
{
    for (int i = 0; i < depth; i++)
        printf("%s%s", i % 5 ? ", " : "\n#   ", names[path[i]]);
    printf("\n");
}

static void explore_all(struct budget budget)
{
    static struct world first;

    tap_on_failure = print_path;
    seen = calloc((size_t)1 << WORLDS_BITS, sizeof(*seen));
    may_offend = budget.deaths;
    may_wait = budget.deaths || budget.losses || budget.echoes;
    world = &first;
    first.left = budget;
    relay_init(&first.server);
    client_init();
    explore(&first);
    printf("# %zu worlds, %zu ends\n", worlds, ends);
}

/* --- The bounds -------------------------------------------------------- */

TEST(reset_while_commands_are_answered)
{
    explore_all((struct budget){ .commands = 2, .resets = 1, .events = 1 });
}

TEST(reset_while_messages_are_half_sent)
{
    explore_all((struct budget){ .commands = 1, .resets = 1, .events = 1,
                                 .halves = 2 });
}

TEST(two_resets)
{
    explore_all((struct budget){ .commands = 1, .resets = 2, .events = 1,
                                 .halves = 1 });
}

TEST(a_command_that_answers_late)
{
    explore_all((struct budget){ .commands = 2, .resets = 1, .lates = 2,
                                 .halves = 1 });
}

TEST(qemu_restarts)
{
    explore_all((struct budget){ .commands = 2, .resets = 1, .deaths = 1,
                                 .events = 1 });
}

TEST(resets_are_repeated_and_echoed_and_lost)
{
    explore_all((struct budget){ .commands = 1, .resets = 1, .ticks = 1,
                                 .echoes = 1, .losses = 1 });
}

#endif
