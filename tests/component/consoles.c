/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenconsoled as it is installed, with Debian's xenstored, on xensim: what
 * an administrator and a stubdomain see of it.
 */
#include "component.h"

#include "tests/xensim/xensim.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

TEST(the_primary_console_is_a_terminal)
{
    struct guest_console c;
    int tty;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 0, NULL);
    tty = tty_open(&c);
    put_all(&c, "hello\r\n", 7);
    check_reads(tty, "hello\r\n", 7);
    check_int(write(tty, "root\n", 5), 5);
    check_gets(&c, "root\n", 5);
    guest_destroy(5);
    check(host_wait(no_tty, &c));
}

static bool first_is_gone(void *data)
{
    char reply[256];

    control_ask(*(int *)data, "list 5", reply, sizeof(reply));
    return !strncmp(reply, "error", 5);
}

/* Of the patient daemon: the installed one gives a reader a few seconds. */
TEST(a_terminal_has_the_last_words_of_a_guest_that_is_destroyed)
{
    static char words[20000];
    struct guest_console c;
    int tty, fd;

    for (size_t i = 0; i < sizeof(words); i++)
        words[i] = (char)('a' + i * 31 % 26);
    xenconsoled = "tests/component/xenconsoled";
    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 0, NULL);
    tty = tty_open(&c);
    put_all(&c, words, sizeof(words));
    fd = unix_open("/run/xen/xenconsoled.sock");
    check_asks(fd, "list 5", "ok");
    guest_destroy(5);
    check(host_wait(first_is_gone, &fd));
    for (size_t i = 0; i < sizeof(words); i += 4000)
        check_reads(tty, words + i, 4000);
    check_ends(tty);
}

TEST(consoles_come_and_go_while_the_domain_runs)
{
    struct guest_console c[3];
    int fd;

    start_ours(NULL);
    guest_create(5);
    for (unsigned int round = 0; round < 3; round++) {
        c[0] = guest_console_add(5, 1, "file:/run/xensim/out");
        c[1] = guest_console_add(5, 3, "unix:/run/xensim/qmp");
        c[2] = guest_console_add(5, 4, "pty");
        for (int i = 0; i < 3; i++) {
            guest_console_publish(&c[i]);
            check_connects(&c[i]);
        }
        put_all(&c[0], "x", 1);
        fd = unix_attach(&c[1], "/run/xensim/qmp");
        put_all(&c[1], "greeting", 8);
        check_reads(fd, "greeting", 8);
        check_int(write(fd, "command", 7), 7);
        check_gets(&c[1], "command", 7);
        for (int i = 0; i < 3; i++)
            guest_console_remove(&c[i]);
        check_ends(fd);
    }
    check(host_wait(file_is, "/run/xensim/out:xxx"));
}

TEST(a_guest_that_resumes_gets_its_console_back)
{
    struct guest_console c;
    int fd;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 3, "unix:/run/xensim/qmp");
    guest_console_publish(&c);
    check_connects(&c);
    for (int i = 0; i < 3; i++) {
        fd = unix_attach(&c, "/run/xensim/qmp");
        put_all(&c, "before", 6);
        check_reads(fd, "before", 6);
        guest_console_publish(&c);
        check_connects(&c);
        check_ends(fd);         /* a new session for the reader */
        close(fd);
    }
}

TEST(a_console_of_another_backend_is_left_alone)
{
    struct guest_console c;
    char *state;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 1, "pty");
    guest_write(0, "ioemu", "%s/type", c.backend);
    guest_console_publish(&c);
    guest_create(6);
    c = guest_console_add(6, 0, NULL);
    close(tty_open(&c));        /* so the events before were seen */
    state = guest_read("/local/domain/0/backend/console/5/1/state");
    check_str(state, "1");
}

/* A stream with a save record, whose every byte says where it belongs. */
static size_t stream_put(struct guest_console *c, size_t from, size_t to)
{
    char bytes[2048];
    size_t n = to - from < sizeof(bytes) ? to - from : sizeof(bytes);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)((from + i) * 31 >> 3);
    return from + guest_console_put(c, bytes, n);
}

static void check_stream(const char *path, size_t n)
{
    int fd = open(path, O_RDONLY);
    size_t at = 0;
    char bytes[4096];
    ssize_t r;

    check(fd >= 0);
    while ((r = read(fd, bytes, sizeof(bytes))) > 0)
        for (ssize_t i = 0; i < r; i++, at++)
            if (bytes[i] != (char)(at * 31 >> 3))
                tap_fail("byte %zu is wrong", at);
    check_int(at, n);
}

TEST(no_byte_of_a_save_is_lost_when_the_daemon_is_killed)
{
    const size_t size = 1 << 20;
    struct guest_console c, qmp;
    size_t sent = 0;
    int control;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 1, "file:/run/saved");
    guest_write(0, "save", "%s/policy", c.backend);
    guest_console_publish(&c);
    check_connects(&c);
    qmp = guest_console_add(5, 3, "unix:/run/xensim/qmp");
    guest_console_publish(&qmp);
    control = unix_open("/run/xensim/qmp.ctl");
    check_asks(control, "save-begin a", "ok");
    for (unsigned int kills = 0; sent < size; ) {
        size_t now = stream_put(&c, sent, size);

        if (now == sent)
            guest_wait(100);
        if (now / (size / 20) != sent / (size / 20)) {
            kill_ours();
            if (kills++ % 2)    /* writes go on without a daemon */
                now = stream_put(&c, now, size);
            start_ours(NULL);
        }
        sent = now;
    }
    close(control);
    control = unix_open("/run/xensim/qmp.ctl");
    check_asks(control, "sync b", "error");
    check_asks(control, "sync a", "ok");
    check_stream("/run/saved", size);
}

static bool save_begins(void *data)
{
    char answer[256];

    control_ask(*(int *)data, "save-begin", answer, sizeof(answer));
    return !strncmp(answer, "ok", 2);
}

/* Its client dies; and somebody else's console is of no use for it. */
TEST(a_save_is_its_clients_and_ends_with_it)
{
    struct guest_console c, qmp, serial;
    int control, other;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 1, "file:/run/saved");
    guest_write(0, "save", "%s/policy", c.backend);
    guest_console_publish(&c);
    check_connects(&c);
    qmp = guest_console_add(5, 3, "unix:/run/xensim/qmp");
    guest_console_publish(&qmp);
    serial = guest_console_add(5, 4, "unix:/run/xensim/serial");
    guest_console_publish(&serial);
    check_connects(&serial);
    control = unix_open("/run/xensim/qmp.ctl");
    check_asks(control, "save-begin", "ok");
    put_all(&c, "state", 5);
    other = unix_open("/run/xensim/serial.ctl");
    check_asks(other, "save-begin", "error");
    check_asks(other, "sync", "error");
    close(other);
    other = unix_open("/run/xensim/qmp.ctl");
    check_asks(other, "save-begin", "error");
    check_asks(other, "sync", "error");
    check_asks(control, "sync", "ok 5 ");
    check_asks(control, "save-begin", "ok");
    put_all(&c, "st", 2);
    close(control);
    check(host_wait(save_begins, &other));
    put_all(&c, "new", 3);
    check_asks(other, "sync", "ok 3 ");
    check_str(file_text("/run/saved"), "new");
}

/* The killed daemon's, of which xensim still knows. */
static uint32_t first_handle;

static bool no_records(void *data)
{
    bool r = !rmdir("/run/xen/xenconsoled");

    (void)data;
    return r && !mkdir("/run/xen/xenconsoled", 0700);
}

static bool is_bound(void *data)
{
    const struct guest_console *c = data;

    return xensim_port(c->domid, c->port)->state == XENSIM_BOUND &&
           xensim->ports[xensim_port(c->domid, c->port)->remote_port].handle
           != first_handle;
}

/* One of which the daemon has written down how far it is. */
static struct guest_console recorded_console(void)
{
    struct guest_console c;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 1, "file:/run/saved");
    guest_console_publish(&c);
    check_connects(&c);
    put_all(&c, "x", 1);
    check(host_wait(file_is, "/run/saved:x"));
    return c;
}

TEST(a_console_that_was_taken_over_leaves_nothing_behind)
{
    struct guest_console c = recorded_console();

    first_handle = xensim->ports[xensim_port(5, c.port)->remote_port].handle;
    kill_ours();
    check(!no_records(NULL));
    start_ours(NULL);
    /* Not a byte more; but it is served again, and ends in order. */
    check(host_wait(is_bound, &c));
    guest_destroy(5);
    check(host_wait(no_records, NULL));
}

TEST(a_console_that_nobody_takes_over_leaves_nothing_behind)
{
    struct guest_console c = recorded_console(), other;

    kill_ours();
    /* As libxl does: the consoles go before the domain. */
    guest_console_remove(&c);
    guest_create(6);
    other = guest_console_add(6, 0, NULL);
    start_ours(NULL);
    close(tty_open(&other));
    check(!no_records(NULL));
    guest_destroy(5);
    guest_destroy(6);
    check(host_wait(no_records, NULL));
}

TEST(a_daemon_that_comes_back_makes_a_new_terminal)
{
    struct guest_console c;
    int tty;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 0, NULL);
    close(tty_open(&c));
    kill_ours();
    guest_write(0, "", "%s/tty", c.frontend);
    /* Without systemd's descriptor store. */
    start_ours(NULL);
    tty = tty_open(&c);
    put_all(&c, "on", 2);
    check_reads(tty, "on", 2);
}

#define PID_FILE "/run/xensim/pid"

static pid_t background;

static void background_kill(void)
{
    kill(background, SIGKILL);
}

static bool has_pid_file(void *data)
{
    (void)data;
    background = atoi(file_text(PID_FILE));
    return background > 0;
}

/* A daemon that is to be waited for here all the same. */
static void background_start(void)
{
    const char *const argv[] = { in_build("bin/xenconsoled"),
                                 "--pid-file=" PID_FILE, NULL };

    start_host();
    check(!prctl(PR_SET_CHILD_SUBREAPER, 1));
    host_spawn(argv);
    check(host_wait(has_pid_file, NULL));
    tap_on_failure = background_kill;
    check(host_wait_file("/run/xen/xenconsoled.sock"));
}

static void background_end(void)
{
    int status;

    check(!kill(background, SIGTERM));
    check_int(waitpid(background, &status, 0), background);
    check(WIFEXITED(status));
    tap_on_failure = NULL;
}

#define MANY 40

static struct guest_console many[MANY][2];

/* Which of the channels that were bound since then it is, from 1. */
static uint32_t turn_of(const struct guest_console *c, uint32_t since)
{
    return xensim_port(c->domid, c->port)->turn - since;
}

static bool is_taken(void *data)
{
    const struct guest_console *c = data;

    return *(volatile XENCONS_RING_IDX *)&c->ring->out_cons ==
           c->ring->out_prod;
}

static bool is_handed_over(void *data)
{
    const struct guest_console *c = data;
    char file[64], bytes[4096], text[16];
    ssize_t n;
    int fd;

    snprintf(file, sizeof(file), "/run/xen/xenconsoled/%u-keys", c->domid);
    fd = open(file, O_RDONLY);
    n = read(fd, bytes, sizeof(bytes));
    close(fd);
    snprintf(text, sizeof(text), "console %u ", c->devid);
    return n > 0 && memmem(bytes, (size_t)n, text, strlen(text));
}

static void many_connect(void)
{
    for (int d = 0; d < MANY; d++) {
        check(host_wait(has_tty, &many[d][0]));
        check_connects(&many[d][1]);
        guest_write(many[d][1].domid, "4", "%s/state", many[d][1].frontend);
    }
}

TEST(who_has_bytes_waiting_is_served_first_by_a_daemon_that_starts)
{
    uint32_t since;

    start_host();
    for (int d = 0; d < MANY; d++) {
        guest_create(5 + (uint32_t)d);
        many[d][0] = guest_console_add(5 + (uint32_t)d, 0, NULL);
        many[d][1] = guest_console_add(5 + (uint32_t)d, 3, "null");
        guest_console_publish(&many[d][1]);
    }
    /* Nobody has served them yet. */
    put_all(&many[MANY - 1][0], "x", 1);
    put_all(&many[MANY - 2][1], "x", 1);
    since = xensim->bound;
    start_ours(NULL);
    many_connect();
    check_int(turn_of(&many[MANY - 1][0], since), 1);
    check_int(turn_of(&many[MANY - 2][1], since), 2);
    check(host_wait(is_handed_over, &many[MANY - 3][1]));
    kill_ours();
    put_all(&many[MANY - 3][1], "x", 1);
    since = xensim->bound;
    start_ours(NULL);
    check(host_wait(is_taken, &many[MANY - 3][1]));
    /* All of its domain's are one step. */
    check(turn_of(&many[MANY - 3][1], since) <= 2);
}

TEST(the_pid_file_goes_with_its_daemon_and_anothers_stays)
{
    background_start();
    background_end();
    check(access(PID_FILE, F_OK));

    background_start();
    check(!rename(PID_FILE, "/run/xensim/moved"));
    check(!link("/run/xensim/log", PID_FILE));
    background_end();
    check(!access(PID_FILE, F_OK));
}

static bool feature_is(void *data)
{
    char *value = guest_read("/tool/xenconsoled/feature-secondary-consoles");
    bool r = data ? value && !strcmp(value, data) : !value;

    free(value);
    return r;
}

/* By this a libxl with the patches knows whom it has. */
TEST(while_it_runs_it_says_that_it_serves_secondary_consoles)
{
    background_start();
    check(host_wait(feature_is, "1"));
    background_end();
    check(feature_is(NULL));

    /* One that is killed takes nothing back; the next does. */
    background_start();
    check(host_wait(feature_is, "1"));
    check(!kill(background, SIGKILL));
    check_int(waitpid(background, NULL, 0), background);
    check(feature_is("1"));
    check(!unlink("/run/xen/xenconsoled.sock") && !unlink(PID_FILE));
    background_start();
    background_end();
    check(feature_is(NULL));
}

static bool no_file(void *data)
{
    return access(data, F_OK);
}

/* As when a guest migrates to its own host: both have the same outputs. */
TEST(who_goes_leaves_the_socket_of_another_domain_at_its_path)
{
    struct guest_console c[2];
    int fd;

    start_ours(NULL);
    for (uint32_t i = 0; i < 2; i++) {
        guest_create(5 + i);
        c[i] = guest_console_add(5 + i, 3, "unix:/run/xensim/port");
        guest_console_publish(&c[i]);
        check_connects(&c[i]);
    }
    guest_console_remove(&c[0]);
    guest_destroy(5);
    fd = unix_open("/run/xen/xenconsoled.sock");
    check(host_wait(first_is_gone, &fd));
    fd = unix_attach(&c[1], "/run/xensim/port");
    put_all(&c[1], "x", 1);
    check_reads(fd, "x", 1);
    fd = unix_open("/run/xensim/port.ctl");
    check_asks(fd, "sync", "error");
    guest_destroy(6);
    check(host_wait(no_file, "/run/xensim/port"));
}

/* What each of these does to its own ring, again and again. */
static void misbehave(struct guest_console *c, unsigned int how)
{
    static const char junk[2048];

    switch (how % 5) {
    case 0:                     /* floods */
        guest_console_put(c, junk, sizeof(junk));
        break;
    case 1:                     /* storms its event channel */
        for (int i = 0; i < 100; i++)
            guest_console_notify(c);
        break;
    case 2:                     /* far away */
        c->ring->out_prod = c->ring->out_cons + 0x80000000;
        guest_console_notify(c);
        break;
    case 3:                     /* moves our counters */
        c->ring->out_cons += 77;
        c->ring->in_prod -= 3;
        guest_console_put(c, junk, 100);
        break;
    case 4:                     /* connects again and again */
        guest_console_publish(c);
        break;
    }
}

TEST(guests_that_misbehave_cost_the_others_nothing)
{
    struct guest_console bad[20], good;
    int tty;

    start_ours(NULL);
    guest_create(5);
    good = guest_console_add(5, 0, NULL);
    tty = tty_open(&good);
    for (unsigned int i = 0; i < 20; i++) {
        guest_create(10 + i);
        bad[i] = guest_console_add(10 + i, 1, i % 2 ? "pty" :
                                   "file:/run/xensim/bad");
        guest_console_publish(&bad[i]);
        check_connects(&bad[i]);
    }
    for (int round = 0; round < 200; round++) {
        for (unsigned int i = 0; i < 20; i++)
            if (i % 5 != 4 || round % 20 == 0)
                misbehave(&bad[i], i);
        put_all(&good, "ping", 4);
        check_reads(tty, "ping", 4);
        check_int(write(tty, "pong\n", 5), 5);
        check_gets(&good, "pong\n", 5);
    }
    check(!ours_ended());
}

/* A guest that has a directory longer than a message of xenstored's, and
 * changes it all the time. */
static pid_t directory_churn(const struct guest_console *c)
{
    struct xs_handle *xs;
    char path[160];
    pid_t pid;

    for (int i = 0; i < 900; i++)
        guest_write(c->domid, "", "%s/%060d", c->frontend, i);
    fflush(stdout);
    pid = fork();
    check(pid >= 0);
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    xs = xs_open(0);
    snprintf(path, sizeof(path), "%s/more", c->frontend);
    while (xs && xs_write(xs, XBT_NULL, path, "", 0) &&
           xs_rm(xs, XBT_NULL, path))
        continue;
    _exit(1);
}

TEST(a_guest_that_churns_its_directory_costs_the_others_nothing)
{
    struct guest_console bad, good;
    int tty;
    pid_t pid;

    start_ours(NULL);
    guest_create(5);
    good = guest_console_add(5, 0, NULL);
    tty = tty_open(&good);
    guest_create(6);
    bad = guest_console_add(6, 1, "pty");
    pid = directory_churn(&bad);
    for (int round = 0; round < 200; round++) {
        put_all(&good, "ping", 4);
        check_reads(tty, "ping", 4);
        /* Its console is still read, too. */
        if (round == 100)
            guest_console_publish(&bad);
    }
    check_connects(&bad);
    check_int(kill(pid, SIGKILL), 0);
    waitpid(pid, NULL, 0);
    check(!ours_ended());
}

TEST(a_shortage_of_descriptors_refuses_the_newest_only)
{
    struct rlimit few = { 64, 64 };
    struct guest_console c[60], late;
    int tty, refused = 0;

    start_ours(NULL);
    check(!prlimit(ours, RLIMIT_NOFILE, &few, NULL));
    for (unsigned int i = 0; i < 60; i++) {
        guest_create(5 + i);
        c[i] = guest_console_add(5 + i, 0, NULL);
    }
    tty = tty_open(&c[0]);
    check(host_wait(log_has, "all file descriptors are in use"));
    put_all(&c[0], "works", 5);
    check_reads(tty, "works", 5);
    close(tty);
    for (unsigned int i = 0; i < 60; i++)
        refused += no_tty(&c[i]);
    check(refused > 0 && refused < 60);
    for (unsigned int i = 0; i < 60; i++)
        guest_destroy(5 + i);
    /* What they had is free again. */
    guest_create(100);
    late = guest_console_add(100, 0, NULL);
    close(tty_open(&late));
    check(!ours_ended());
}

/* Whoever looks after it starts it again, and it says why. */
TEST(without_xenstored_the_daemon_ends_with_an_error)
{
    struct guest_console c;
    int status;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 0, NULL);
    close(tty_open(&c));
    host_end_store();
    check_int(waitpid(ours, &status, 0), ours);
    check(WIFEXITED(status));
    check_int(WEXITSTATUS(status), 1);
    check(host_wait(log_has, "lost xenstore"));
}

TEST(on_another_xen_it_ends_and_has_touched_nothing)
{
    const char *const argv[] = { in_build("bin/xenconsoled"), "-i", NULL };
    int status;

    start_host();
    xensim->version = 4 << 16 | 99;
    ours = host_spawn(argv);
    check_int(waitpid(ours, &status, 0), ours);
    check(WIFEXITED(status));
    check_int(WEXITSTATUS(status), 78);
    check(access("/run/xen/xenconsoled.sock", F_OK));
    check(!guest_read("/tool/xenconsoled/feature-secondary-consoles"));
}

TAP_MAIN()
