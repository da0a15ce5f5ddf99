/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenconsoled as it is installed, and outputs on a file system that hangs:
 * its consoles wait, all others don't, now and after each restart.
 */
#include "component.h"

#include "tests/xensim/hang.h"

#include <signal.h>

#define BAD_N 4

static struct guest_console good, bad[BAD_N];

static void bad_add(void)
{
    static const char *const outputs[BAD_N] = {
        "file:/run/hang/log", "file:/run/hang/save", "unix:/run/hang/socket",
        "pipe:/run/hang/pipe",
    };

    for (unsigned int i = 0; i < BAD_N; i++) {
        guest_create(6 + i);
        bad[i] = guest_console_add(6 + i, 1, outputs[i]);
        if (i == 1)
            guest_write(0, "save", "%s/policy", bad[i].backend);
        guest_console_publish(&bad[i]);
    }
}

/* The others' bytes come and go, whatever the bad ones write. */
static void check_others(int tty)
{
    char reply[256];
    int control;

    for (unsigned int round = 0; round < 50; round++) {
        for (unsigned int i = 0; i < BAD_N; i++)
            guest_console_put(&bad[i], "words", 5);
        put_all(&good, "ping", 4);
        check_reads(tty, "ping", 4);
        check_int(write(tty, "pong\n", 5), 5);
        check_gets(&good, "pong\n", 5);
    }
    control = unix_open("/run/xen/xenconsoled.sock");
    control_ask(control, "list", reply, sizeof(reply));
    close(control);
}


TEST_AS_ROOT(a_mount_that_hangs_costs_its_own_consoles_only)
{
    int tty;

    start_ours(NULL);
    guest_create(5);
    good = guest_console_add(5, 0, NULL);
    tty = tty_open(&good);
    hang_begin("/run/hang");
    bad_add();
    check_others(tty);
    close(tty);
    /* Killed, and started anew. The terminal's number is soon another's. */
    kill_ours();
    guest_write(0, "", "%s/tty", good.frontend);
    start_ours(NULL);
    tty = tty_open(&good);
    check_others(tty);
    close(tty);
    /* Asked to end: it does, though its threads can't. */
    check_int(kill(ours, SIGTERM), 0);
    check_int(waitpid(ours, NULL, 0), ours);
    start_ours(NULL);
    tty = tty_open(&good);
    check_others(tty);
    /* Domains whose output hangs come to their end. */
    guest_destroy(6);
    guest_destroy(9);
    check_others(tty);
    hang_end();
    check_others(tty);
    check(!ours_ended());
}

TEST_AS_ROOT(a_log_that_hangs_in_its_midst_costs_itself_only)
{
    int tty;

    start_ours(NULL);
    guest_create(5);
    good = guest_console_add(5, 0, NULL);
    tty = tty_open(&good);
    guest_create(6);
    check(!mkdir("/run/hang", 0755));
    bad[0] = guest_console_add(6, 1, "file:/run/hang/log");
    guest_console_publish(&bad[0]);
    check_connects(&bad[0]);
    put_all(&bad[0], "before", 6);
    check(host_wait(file_is, "/run/hang/log:before"));
    /* From now on it has the file, but its path hangs. */
    hang_begin("/run/hang");
    for (unsigned int i = 1; i < BAD_N; i++) {
        guest_create(6 + i);
        bad[i] = guest_console_add(6 + i, 1, "file:/run/hang/log");
        guest_console_publish(&bad[i]);
    }
    check_int(kill(ours, SIGHUP), 0);
    check_others(tty);
    hang_end();
    check_others(tty);
    check(!ours_ended());
}

TAP_MAIN()
