/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "played_clock.h"

#include "console_fixture.h"

#include <sys/resource.h>

TEST(ioemu_is_not_touched_until_it_becomes_ours)
{
    start();
    secondary_made("ioemu");
    unix_output();
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_FOREIGN);
    check_str(fake_store_get(BE "/state"), "1");
    check_str(fake_store_get(FE "/tty"), "");
    check(access(path, F_OK));
    fake_store_set(BE "/type", "xenconsoled", 0);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check(!access(path, F_OK));
    fake_store_set(BE "/type", "ioemu", 0);
    settle();
    check_int(console(3)->state, CONSOLE_FOREIGN);
    check_int(fake_hv.mapped, 0);
    check(access(path, F_OK));
    finish();
}

TEST(a_guest_cannot_choose_the_output)
{
    start();
    secondary_made("xenconsoled");
    fake_store_set(FE "/output", "pipe:/etc/passwd", 5);
    ring_published("8", "4");
    settle();
    check_int(console(3)->settings.kind, OUTPUT_PTY);
    guest_write(&page, "?");
    fake_hv_kick(5, 4);
    settle();
    check_int(page.in_prod, 0);
    finish();
}

TEST(nonsense_settings)
{
    start();
    secondary_made("xenconsoled");
    fake_store_set(BE "/output", "file:relative", 0);
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_FAILED);
    check_str(fake_store_get(BE "/state"), "1");
    unix_output();
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    finish();
}

TEST(a_new_output_while_serving)
{
    start();
    serve_unix();
    fake_store_set(BE "/output", "null", 0);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check_int(console(3)->settings.kind, OUTPUT_NULL);
    check(access(path, F_OK));
    finish();
}

TEST(the_guest_s_log)
{
    char log[96], text[64] = "";
    int fd;

    start();
    options.log_guest = true;
    options.log_dir = dir;
    fake_store_set("/local/domain/5/name", "../evil", 0);
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    settle();
    check(!console(0)->log);
    fake_store_set("/local/domain/5/name", "good", 0);
    domains_each(&server.domains, logs_reopen, NULL);
    guest_write(&primary, "boot");
    fake_hv_kick(5, 2);
    settle();
    snprintf(log, sizeof(log), "%s/guest-good.log", dir);
    fd = open(log, O_RDONLY);
    check_int(read(fd, text, sizeof(text)), 4);
    check_str(text, "boot");
    unlink(log);
    finish();
}

/* A daemon that serves a terminal at both consoles. */
static void terminals_made(void)
{
    start();
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/tty", "", 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    secondary_made("xenconsoled");
    settle();
    check(!strncmp(fake_store_get(PRIMARY "/tty"), "/dev/pts/", 9));
    check(!strncmp(fake_store_get(FE "/tty"), "/dev/pts/", 9));
}

static void stopped(int signal)
{
    check(!signals_init(&server));
    check(!raise(signal));
    signal_event(&server, EPOLLIN);
    check(server.backend.stop);
    finish();
}

TEST(a_daemon_that_hears_of_no_events_ends)
{
    terminals_made();
    unix_output();
    settle();
    fake_hv.deaf = true;
    hv_event(&server, EPOLLERR);
    check(server.failed);
    check(server.backend.stop && server.backend.restarts);
    fake_hv.deaf = false;
    finish();
}

TEST(no_key_names_a_terminal_that_is_no_longer_served)
{
    terminals_made();
    unix_output();
    settle();
    check_str(fake_store_get(FE "/tty"), "");
    fake_store_set(BE "/output", "pty", 0);
    settle();
    check(!strncmp(fake_store_get(FE "/tty"), "/dev/pts/", 9));
    fake_store_set(BE "/type", "ioemu", 0);
    settle();
    check_str(fake_store_get(FE "/tty"), "");
    stopped(SIGTERM);
    check_str(fake_store_get(PRIMARY "/tty"), "");
}

TEST(a_key_that_names_anothers_terminal_stays)
{
    terminals_made();
    fake_store_set(FE "/tty", "/dev/pts/another's", 0);
    fake_store_set(PRIMARY "/tty", strdup(fake_store_get(PRIMARY "/tty")),
                   5);
    stopped(SIGTERM);
    check_str(fake_store_get(FE "/tty"), "/dev/pts/another's");
    check(!strncmp(fake_store_get(PRIMARY "/tty"), "/dev/pts/", 9));
}

/* Nobody is at that socket; the terminals are kept all the same, for all
 * that the daemon knows. */
static void kept_by_a_service_manager(const char *preserves)
{
    setenv("NOTIFY_SOCKET", "/nonexistent", 1);
    if (preserves)
        setenv("FDSTORE", preserves, 1);
    check(freopen("/dev/null", "w", stderr) != NULL);
    terminals_made();
}

TEST(a_terminal_that_is_kept_over_a_restart_keeps_its_name)
{
    kept_by_a_service_manager(NULL);
    stopped(SIGINT);
    check(!strncmp(fake_store_get(PRIMARY "/tty"), "/dev/pts/", 9));
    check(!strncmp(fake_store_get(FE "/tty"), "/dev/pts/", 9));
}

TEST(one_that_is_not_kept_over_a_stop_loses_it)
{
    kept_by_a_service_manager(NULL);
    stopped(SIGTERM);
    check_str(fake_store_get(PRIMARY "/tty"), "");
    check_str(fake_store_get(FE "/tty"), "");
}

TEST(one_that_is_kept_over_a_stop_does_not)
{
    kept_by_a_service_manager("8192");
    stopped(SIGTERM);
    check(!strncmp(fake_store_get(PRIMARY "/tty"), "/dev/pts/", 9));
    check(!strncmp(fake_store_get(FE "/tty"), "/dev/pts/", 9));
}

TEST(descriptors_run_out_for_the_newest_only)
{
    struct rlimit limit;
    int fd;

    start();
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/tty", "", 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    settle();
    fd = open(fake_store_get(PRIMARY "/tty"),
              O_RDWR | O_NOCTTY | O_NONBLOCK);
    check(!getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = (rlim_t)fd + 2;
    check(!setrlimit(RLIMIT_NOFILE, &limit));
    secondary_made("xenconsoled");
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_FAILED);
    check_int(fake_hv.mapped, 1);
    /* The others don't notice. */
    guest_write(&primary, "on");
    fake_hv_kick(5, 2);
    settle();
    expect(fd, "on");
    limit.rlim_cur = limit.rlim_max;
    check(!setrlimit(RLIMIT_NOFILE, &limit));
    fake_store_set(BE "/name", "x", 0);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    finish();
}

/* A socket in a folder that is not there, and a guest that writes. */
TEST(an_output_that_cannot_be_opened_is_tried_ever_more_rarely)
{
    int log[2], lines = 0;
    char output[128], byte;

    start();
    check(!pipe2(log, O_NONBLOCK));
    check_int(dup2(log[1], 2), 2);
    secondary_made("xenconsoled");
    snprintf(output, sizeof(output), "unix:%s/missing/console", dir);
    fake_store_set(BE "/output", output, 0);
    settle();
    check_int(console(3)->state, CONSOLE_FAILED);
    check_int(console(3)->retry_ms, 1000);
    for (int i = 0; i < 200; i++) {
        fake_store_set(FE "/name", i % 2 ? "x" : "y", 0);
        ring_published("8", "4");
        settle();
    }
    /* The guest had nothing tried. */
    check_int(console(3)->retry_ms, 1000);
    for (int ms = 2000; ms < 100000; ms *= 2) {
        refresh_by_dom0(&console(3)->refresh, KEYS_ALL);
        settle();
        check_int(console(3)->retry_ms, ms < 32000 ? ms : 32000);
        check(loop_timer_is_set(&console(3)->retry));
    }
    while (read(log[0], &byte, 1) == 1)
        lines += byte == '\n';
    check_int(lines, 1);
    /* Another cause is another line, and another output is tried anew. */
    snprintf(output, sizeof(output), "unix:%s/missing/other", dir);
    fake_store_set(BE "/output", output, 0);
    settle();
    check_int(console(3)->retry_ms, 1000);
    while (read(log[0], &byte, 1) == 1)
        lines += byte == '\n';
    check_int(lines, 2);
    /* And it is opened when it can be, with no help of anybody. */
    snprintf(output, sizeof(output), "%s/missing", dir);
    check(!mkdir(output, 0700));
    clock_move(console(3)->retry_ms);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check(!loop_timer_is_set(&console(3)->retry));
    fake_store_remove(BE);
    settle();
    check(!rmdir(output));
    finish();
}

TEST(absurd_keys)
{
    static char huge[4000];

    start();
    secondary_made("xenconsoled");
    memset(huge, 'x', sizeof(huge) - 1);
    memcpy(huge, "file:/", 6);
    fake_store_set(BE "/output", huge, 0);
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_FAILED);
    fake_store_set(BE "/output", "pty", 0);
    fake_store_set(BE "/limit", "99999999999999999999999", 0);
    settle();
    check_int(console(3)->state, CONSOLE_FAILED);
    fake_store_set(BE "/limit", "18446744073709551615", 0);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check_int(console(3)->settings.limit, SETTINGS_LIMIT_MAX);
    fake_store_set(FE "/ring-ref", huge, 5);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    fake_store_set(FE "/state", "\x01\xff", 5);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    finish();
}

TAP_MAIN()
