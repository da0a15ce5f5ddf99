/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ends while the guest runs: its stubdomain, its display, and the
 * qmp-helper whose process is QEMU's.
 */
#include "stubdomain.h"

#include <xen/sched.h>

#define DISPLAY "/run/xenqmp/vnc-" GUEST

/* --- Its stubdomain ------------------------------------------------------ */

/* With a command that its QEMU has not answered. */
static int stubdomain_with_a_command(void)
{
    char text[256];
    int fd;

    start_ours(NULL);
    etc_make(example());
    stubdomain_make();
    guest_write(0, "file:" LOG, "/local/domain/" DM "/console/output");
    guest_write(8, "running", RUNS);
    helper_spawn();
    helper_connect();
    fd = client_open_to_qemu();
    check(dprintf(fd, "{\"execute\": \"stop\", \"id\": 1}\n") > 0);
    while (!guest_console_get(&qmp, text, sizeof(text)))
        check(guest_wait(HOST_WAIT_MS));
    return fd;
}

static void check_refuses(int fd, const char *how)
{
    client_expect(fd, how);
    client_ask(fd, "cont", how);
    client_ask(client_open(XENTOP), "query-block", how);
    client_ask(fd, "cont", "the command was not sent");
}

/* QEMU was killed; its stubdomain powers off. */
TEST_AS_ROOT(its_end_is_told_and_commands_are_refused)
{
    int fd = stubdomain_with_a_command();
    pid_t worker = worker_pid();

    file_write(LOG, "stubdomd: QEMU was killed by signal 9\r\n");
    qemu.is_dead = true;
    guest_shut_down(8, SHUTDOWN_poweroff);
    check_refuses(fd, "QEMU in the stubdomain of domain 7 can't be reached: "
                  "the stubdomain has shut down, as it does when its QEMU "
                  "ends; the command ");
    check(host_wait(log_has, "domain 7: its stubdomain, domain 8, has shut "
                    "down, as it does when its QEMU ends: QEMU was killed by "
                    "signal 9 (its log is " LOG "); the guest has no "
                    "devices and no QMP any more: xl destroy it, and create "
                    "it again\n"));
    /* The next worker knows. */
    check(!kill(worker, SIGKILL));
    check_ends(fd);
    fd = client_open(CLIENTS);
    client_ask(fd, "cont", "the stubdomain has shut down");
    check(!kill(helper, SIGHUP));
    check(host_wait(all_gone, NULL));
}

TEST_AS_ROOT(its_end_is_told_by_the_next_xenconsoled)
{
    stubdomain_with_a_command();
    kill_ours();
    guest_shut_down(8, SHUTDOWN_poweroff);
    start_ours(NULL);
    check(host_wait(log_has, "domain 7: its stubdomain, domain 8, has shut "
                    "down"));
}

TEST_AS_ROOT(a_crash_is_called_a_crash)
{
    int fd = stubdomain_with_a_command();

    qemu.is_dead = true;
    guest_shut_down(8, SHUTDOWN_crash);
    check_refuses(fd, "the stubdomain has crashed; the command ");
    check(host_wait(log_has, "domain 7: its stubdomain, domain 8, has "
                    "crashed (its log is " LOG "); the guest"));
}

TEST_AS_ROOT(suspended_it_comes_back)
{
    int fd = stubdomain_with_a_command();

    guest_shut_down(8, SHUTDOWN_suspend);
    client_ask(fd, "cont", "{\"return\": {}}");
}

static void check_tells_of_the_destroyed(void)
{
    int status = -1;

    check(host_wait(all_gone, NULL));
    check(host_wait(log_has, "domain 7: its stubdomain, domain 8, has been "
                    "destroyed; the guest has no devices"));
    check(host_wait(has_ended, &status));
    check_int(status, 0);
}

/* By hand, and its guest stays. qmp-helper hears of it by xenstored,
 * xenconsoled by Xen: either may be first. */
TEST_AS_ROOT(a_stubdomain_that_is_destroyed_alone_is_told)
{
    int fd = stubdomain_with_a_command();

    check(!kill(ours, SIGSTOP));
    guest_destroy(8);
    client_expect(fd, "the stubdomain has been destroyed; the command may "
                  "have been executed");
    check_ends(fd);
    check(!kill(ours, SIGCONT));
    check_tells_of_the_destroyed();
}

TEST_AS_ROOT(and_so_it_is_if_its_console_is_gone_first)
{
    int fd = stubdomain_with_a_command();

    check(!kill(helper, SIGSTOP));
    guest_destroy(8);
    client_expect(fd, "The connection to QEMU in the stubdomain of domain 7 "
                  "was lost; the command may have been executed");
    check(!kill(helper, SIGCONT));
    check_ends(fd);
    check_tells_of_the_destroyed();
}

/* After qmp-helper has seen that the stubdomain is gone. */
static bool worker_is_reaped(void *data)
{
    (void)data;
    return !worker_pid();
}

TEST_AS_ROOT(but_not_of_a_guest_that_is_destroyed)
{
    int fd, status = -1;

    program = PATIENT;
    fd = stubdomain_with_a_command();
    guest_destroy(8);
    check_ends(fd);
    check(host_wait(worker_is_reaped, NULL));
    guest_destroy(7);
    check(host_wait(has_ended, &status));
    check(!log_has((void *)"its stubdomain, domain 8"));
}

/* --- Its display --------------------------------------------------------- */

/* The display worker: the user of the guest's number. */
static void display_worker_crash(void)
{
    char path[64], *pids;
    const char *uid;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)helper,
             (int)helper);
    pids = strdup(file_text(path));
    check(pids != NULL);
    for (char *pid = strtok(pids, " "); pid; pid = strtok(NULL, " ")) {
        snprintf(path, sizeof(path), "/proc/%s/status", pid);
        uid = strstr(file_text(path), "\nUid:");
        if (uid && strtoul(uid + 5, NULL, 10) == 0x78650000 + 7)
            kill(atoi(pid), SIGSEGV);
    }
    free(pids);
}

static bool has_no_display(void *data)
{
    char *port = guest_read("/local/domain/" GUEST "/console/vnc-port");
    bool r = !port;

    (void)data;
    free(port);
    if (!r)
        display_worker_crash();
    return r;
}

/* Viewers don't hang at a socket that nobody accepts from. */
TEST_AS_ROOT(a_display_that_ended_for_good_is_nowhere)
{
    start_ours(NULL);
    etc_make("");
    stubdomain_make();
    guest_write(0, "0", "/libxl/" DM "/device/vfb/0");
    guest_write(0, "1", "/local/domain/0/backend/vfb/" DM "/0/vnc");
    guest_write(0, "1", "/local/domain/0/backend/vfb/" DM "/0/vncunused");
    helper_spawn();
    helper_connect();
    check_socket(DISPLAY, 0, 0600);
    check(!has_no_display(NULL));
    check(host_wait(has_no_display, NULL));
    check(access(DISPLAY, F_OK));
    check(host_wait(log_has, "the guest runs on without a display"));
    client_ask(client_open(CLIENTS), "stop", "{\"return\": {}}");
    host_end(helper);
}

/* --- Its qmp-helper ------------------------------------------------------ */

/* The process that was libxl's device model is, and stays, QEMU. */
TEST_AS_ROOT(disks_outlive_a_helper_that_is_killed)
{
    int fd, status;
    char *pid;

    start_ours(NULL);
    etc_make(example());
    stubdomain_make();
    guest_write(0, "qcow2:/x", "/local/domain/0/backend/qdisk/" DM
                "/51712/params");
    dom0_qemu_make("$$", "exec sleep 1000\n");
    helper_spawn();
    check(host_wait(dom0_qemu_was_started, NULL));
    check_int(atoi(file_text("/run/xensim/qemu")), helper);
    guest_write(0, "running", "%s", state_node);
    helper_connect();
    fd = client_open(CLIENTS);

    pid = guest_read("/local/domain/" DM "/image/qmp-proxy-pid");
    check(pid && atoi(pid) > 1 && atoi(pid) != helper);
    check(!kill(atoi(pid), SIGKILL));
    check(host_wait(log_has, "domain 7: qmp-helper was killed; its worker "
                    "goes on"));
    client_ask(fd, "cont", "{\"return\": {}}");
    check_int(waitpid(helper, &status, WNOHANG), 0);
    free(pid);
}

TAP_MAIN()
