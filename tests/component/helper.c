/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qmp-helper of a guest that runs: which socket is whose and serves what, and
 * that a save outlives xenconsoled.
 */
#include "stubdomain.h"

static void helper_start(const char *config)
{
    start_ours(NULL);
    etc_make(config);
    stubdomain_make();
    helper_spawn();
    helper_connect();
}

/* The worker becomes another user in all of them. */
TEST_AS_ROOT(each_socket_is_for_its_clients)
{
    int fd, status = -1;
    pid_t worker;

    helper_start(example());
    check_socket(CLIENTS, 0, 0600);
    check_socket(TOOLSTACK, 0, 0600);
    check_socket(XENTOP, 0, 0600);
    check_socket(MONITORING, GROUP, 0660);
    for (int i = 0; i < 2; i++) {
        client_ask(client_open(CLIENTS), "stop", "{\"return\": {}}");
        client_ask(client_open(XENTOP), "query-block", "{\"return\": {}}");
        fd = client_open(MONITORING);
        client_ask(fd, "query-status", "{\"return\": {}}");
        client_ask(fd, "stop", "not allowed on this socket");
        client_ask(fd, "__xenqmp_query-stats", "{\"up\": true, ");
        /* The sockets outlive the worker, and serve with the next one. */
        worker = worker_pid();
        check(worker > 1);
        check(!kill(worker, SIGKILL));
        check_ends(fd);
    }
    check(!kill(helper, SIGHUP));
    check(host_wait(all_gone, NULL));
    guest_destroy(8);
    check(host_wait(has_ended, &status));
    check_int(status, 0);
    check(access("/run/xenqmp", F_OK));
}

TEST_AS_ROOT(guest_starts_with_a_configuration_that_makes_no_sense)
{
    helper_start("monitoring_group = qemu-monitor\nmonitoring_mode = rw\n");
    check(access(MONITORING, F_OK));
    check(host_wait(log_has, "domain 8: it starts without a monitoring "
                    "socket: /etc/xenqmp/qmp-helper.conf, line 2: "
                    "monitoring_mode: it takes an octal mode"));
    client_ask(client_open(XENTOP), "query-block", "{\"return\": {}}");
    host_end(helper);
}

static bool reply_was_taken(void *data)
{
    (void)data;
    return *(volatile XENCONS_RING_IDX *)&qmp.ring->out_cons ==
           qmp.ring->out_prod;
}

/* Killed when QEMU has answered and the worker, stopped until then, has
 * not asked for sync, or not been answered. */
TEST_AS_ROOT(save_outlives_a_xenconsoled_that_is_killed)
{
    int fd, status;

    program = PATIENT;
    helper_start(example());
    fd = client_open_to_qemu();
    for (int i = 0; i < 20; i++) {
        save_begin(fd);
        put_all(&save, "QEVM", 4);
        check(!kill(worker_pid(), SIGSTOP));
        put_all(&qmp, save_reply, strlen(save_reply));
        check(host_wait(reply_was_taken, NULL));
        check(!kill(ours, SIGSTOP));
        check_int(waitpid(ours, &status, WUNTRACED), ours);
        put_all(&save, "state", 5);
        check(!kill(worker_pid(), SIGCONT));
        kill_ours();
        start_ours(NULL);
        client_expect(fd, "{\"return\": {}}");
        check_str(file_text(SAVED), "QEVMstate");
        client_ask(fd, "cont", "{\"return\": {}}");
    }
}

TAP_MAIN()
