/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper/serial.c beside a xenconsoled that comes and goes: a process that
 * listens. What it passes on is test_helper_store.c's. */
#define SERIAL_LATE_MS 200
#include "libxl/helper/serial.c"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fake_store.h"
#include "tap.h"

#define SOURCE "/local/domain/6/device/console/4/tty"
#define PORT   "/local/domain/5/serial/0/tty"
/* One that there is, as if a service manager kept it; one that went. */
#define KEPT "/dev/null"
#define GONE "/dev/pts/none"

static char dir[] = "/tmp/test_serial.XXXXXX", path[64];
static struct loop loop;
static struct serial serial;
static pid_t daemon_pid;

static void address_set(struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    strcpy(address->sun_path, path);
}

static void daemon_start(int backlog)
{
    int ready[2], fd;
    struct sockaddr_un address;
    char byte;

    check(!pipe(ready));
    daemon_pid = fork();
    if (!daemon_pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        unlink(path);
        address_set(&address);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
            listen(fd, backlog) || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    check_int(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
}

/* As by kill -9: the socket stays. */
static void daemon_end(void)
{
    check(!kill(daemon_pid, SIGKILL));
    check_int(waitpid(daemon_pid, NULL, 0), daemon_pid);
}

static void begin(const char *tty)
{
    check(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    check(!loop_init(&loop));
    serial = (struct serial){ .loop = &loop, .xs = fake_store, .guest = 5,
                              .dm = 6, .ports = 1, .consoled = path };
    fake_store_set(SOURCE, tty, 0);
    fake_store_set("/local/domain/6/device/console/3/tty", "", 0);
}

static void end(void)
{
    serial_end(&serial);
    serial_end(&serial);
    unlink(path);
    check(!rmdir(dir));
}

static void check_port(const char *tty)
{
    check_str(fake_store_get(PORT), tty);
    check_str(fake_store_get("/local/domain/6/device/console/3/tty"), tty);
}

/* Until it has seen that the daemon ended. */
static void until_seen(void)
{
    while (serial.daemon_id != LOOP_NONE)
        check(!loop_run_once(&loop, -1));
}

static void until_empty(void)
{
    while (*fake_store_get(PORT))
        check(!loop_run_once(&loop, -1));
}

TEST(a_terminal_that_went_with_its_daemon_is_not_named)
{
    begin(GONE);
    daemon_start(8);
    serial_follow(&serial);
    check_port(GONE);
    daemon_end();
    until_seen();
    check_port("");
    end();
}

TEST(one_that_is_kept_is_named_for_the_next_daemon)
{
    begin(KEPT);
    daemon_start(8);
    serial_follow(&serial);
    check_port(KEPT);
    daemon_end();
    until_seen();
    check_port(KEPT);
    daemon_start(8);
    /* Which says so. */
    while (serial.daemon_id == LOOP_NONE) {
        serial_follow(&serial);
        /* At once, if the last time was long ago. */
        check(!loop_run_once(&loop, serial.daemon_id == LOOP_NONE ? -1 : 0));
    }
    check(!loop_timer_is_set(&serial.late));
    check_port(KEPT);
    daemon_end();
    end();
}

TEST(but_no_longer_than_one_takes_to_start)
{
    begin(KEPT);
    daemon_start(8);
    serial_follow(&serial);
    daemon_end();
    until_empty();
    check_port("");
    end();
}

/* The event of its first word may come before it is known that the other
 * one ended. */
TEST(the_next_daemon_may_be_there_already)
{
    begin(GONE);
    daemon_start(8);
    serial_follow(&serial);
    daemon_end();
    daemon_start(8);
    fake_store_set(SOURCE, "/dev/pts/next", 0);
    while (strcmp(fake_store_get(PORT), "/dev/pts/next"))
        check(!loop_run_once(&loop, -1));
    check(serial.daemon_id != LOOP_NONE);
    daemon_end();
    end();
}

/* Its backlog is full: it hangs, or has much to do. */
TEST(a_daemon_without_a_place_for_a_client_has_not_gone)
{
    struct sockaddr_un address;
    int fd;

    begin(KEPT);
    daemon_start(8);
    serial_follow(&serial);
    daemon_end();
    daemon_start(0);
    address_set(&address);
    do
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    while (!connect(fd, (struct sockaddr *)&address, sizeof(address)));
    check_int(errno, EAGAIN);
    until_seen();
    for (int i = 0; i < 3; i++) {
        check(loop_timer_is_set(&serial.late));
        check(!loop_run_once(&loop, -1));
    }
    check_port(KEPT);
    daemon_end();
    end();
}

/* A stubdomain that writes its key all the time. */
TEST(a_key_that_changes_all_the_time_is_read_now_and_then)
{
    unsigned int before;

    begin(KEPT);
    daemon_start(8);
    serial_follow(&serial);
    /* Just now, however slow this machine is. */
    serial.followed_ms = loop_now_ms() + 60000;
    before = fake_store_requests();
    for (int i = 0; i < 1000; i++)
        serial_follow(&serial);
    check_int(fake_store_requests(), before);
    check(loop_timer_is_set(&serial.again));
    daemon_end();
    end();
}

TAP_MAIN()
