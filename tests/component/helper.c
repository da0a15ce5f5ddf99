/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qmp-helper as libxl starts it, parent and worker, with xenconsoled and
 * Debian's xenstored on xensim. The test is libxl, the stubdomain with its
 * QEMU, and the clients.
 */
#include "helper.h"

#include <xen/sched.h>

#define GUEST "7"
#define DM    "8"

#define CLIENTS    "/run/xen/qmp-libxl-" GUEST
#define TOOLSTACK  "/run/xen/qmp-libxl-" DM
#define XENTOP     "/run/xen/qmp-libxenstat-" GUEST
#define MONITORING "/run/xenqmp/monitor-" GUEST
#define DISPLAY    "/run/xenqmp/vnc-" GUEST
#define SAVED      "/run/xensim/saved"

static pid_t helper;
static struct guest_console save;
static struct guest_console qmp = {
    .domid = 8, .devid = 3,
    .backend = "/local/domain/0/backend/console/" DM "/3",
    .frontend = "/local/domain/" DM "/device/console/3",
};

static void stubdomain_make(void)
{
    guest_create(7);
    guest_write(0, GUEST, "/local/domain/" GUEST "/domid");
    guest_create(8);
    guest_write(0, GUEST, "/local/domain/" DM "/target");
    guest_write(0, DM, "/local/domain/" DM "/domid");
    guest_write(0, "/vm/u", "/local/domain/" GUEST "/vm");
    guest_console_add(8, 0, NULL);
    save = guest_console_add(8, 1, NULL);
    guest_write(0, "file:" SAVED, "%s/output", save.frontend);
    guest_console_add(8, 2, NULL);
}

/* Where it says so. */
static const char *state_node = "/local/domain/0/device-model/" DM "/state";

static bool helper_runs(void *data)
{
    char *state = guest_read("%s", state_node);
    bool r = state && !strcmp(state, "running");

    (void)data;
    free(state);
    return r;
}

/* Which; or the patient one, where none of its limits may be up. */
static const char *program = "bin/qmp-helper";

#define PATIENT "tests/component/qmp-helper"

/* As libxl starts a QEMU in dom0. */
static void helper_spawn(void)
{
    const char *const argv[] = {
        in_build(program), "-xen-domid", DM, "-chardev",
        "socket,id=libxl-cmd,path=" TOOLSTACK ",server=on,wait=off",
        "-machine", "xenpv", "-name", "g-dm", NULL,
    };

    helper = host_spawn(argv);
}

static void helper_connect(void)
{
    if (!host_wait(helper_runs, NULL))
        tap_fail("%s", file_text("/run/xensim/log"));
    guest_console_publish(&save);
    guest_console_publish(&qmp);
    check_connects(&save);
    check_connects(&qmp);
}

static void helper_start(const char *config)
{
    start_ours(NULL);
    etc_make(config);
    stubdomain_make();
    helper_spawn();
    helper_connect();
}

/* --- stubdomd and QEMU ----------------------------------------------- */

/* The reply to a save, which takes its time. */
static char saved_reply[256];

/* One command: qmp_reset as stubdomd, the others as QEMU. */
static void peer_answer(const char *line)
{
    const char *id = strstr(line, "\"id\":");
    char text[256];

    check(id);
    id += 5 + (id[5] == ' ');
    snprintf(text, sizeof(text), "{\"return\": {}, \"id\": %.*s}\r\n%s",
             (int)strcspn(id + 1, "\"") + 2, id,
             strstr(line, "\"qmp_reset\"") ?
             "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n" :
             "");
    if (strstr(line, "\"xen-save-devices-state\""))
        strcpy(saved_reply, text);
    else
        put_all(&qmp, text, strlen(text));
}

static bool peer_is_dead;

/* What the console has now. */
static void peer_serve(void)
{
    static char text[4096];
    static size_t n;
    char *end;

    if (peer_is_dead)
        return;
    n += guest_console_get(&qmp, text + n, sizeof(text) - 1 - n);
    text[n] = '\0';
    while ((end = strchr(text, '\n'))) {
        *end++ = '\0';
        peer_answer(text);
        n -= (size_t)(end - text);
        memmove(text, end, n + 1);
    }
}

/* --- clients --------------------------------------------------------- */

/* The next line, with QEMU at work meanwhile; false at the end. */
static bool client_line(int fd, char *line, size_t size)
{
    struct pollfd ready[] = {
        { .fd = fd, .events = POLLIN },
        { .fd = guest_fd(), .events = POLLIN },
    };
    size_t n = 0;

    while (n < size - 1) {
        check(poll(ready, 2, HOST_WAIT_MS) > 0);
        guest_wait(0);
        peer_serve();
        if (!ready[0].revents)
            continue;
        if (read(fd, line + n, 1) != 1)
            return false;
        if (line[n++] == '\n')
            break;
    }
    line[n] = '\0';
    return true;
}

static void client_expect(int fd, const char *part)
{
    char line[1024] = "";

    if (!client_line(fd, line, sizeof(line)) || !strstr(line, part))
        tap_fail("\"%s\" lacks \"%s\"", line, part);
}

/* A command that was not sent, as its time was up before the stubdomain's
 * QEMU was there, or there again: a machine may be busy. */
static bool was_early(const char *line)
{
    static const char *const obstacles[] = {
        "xenconsoled does not serve its QMP console",
        "the stubdomain does not answer qmp_reset",
        "the stubdomain's QEMU has not started",
        "QEMU does not greet: it hangs, or has ended",
        "QEMU does not answer qmp_capabilities",
    };
    char text[128];

    for (size_t i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++) {
        snprintf(text, sizeof(text), "can't be reached: %s; the command was "
                 "not sent", obstacles[i]);
        if (strstr(line, text))
            return true;
    }
    return false;
}

/* Again and again until QEMU is there. */
static void client_ask(int fd, const char *command, const char *part)
{
    char line[1024];

    do {
        check(dprintf(fd, "{\"execute\": \"%s\"}\n", command) > 0);
        if (!client_line(fd, line, sizeof(line)))
            tap_fail("%s: no answer", command);
        if (strstr(line, part))
            return;
    } while (was_early(line));
    tap_fail("\"%s\" lacks \"%s\"", line, part);
}

static int client_open(const char *path)
{
    int fd = unix_open(path);

    client_expect(fd, "{\"QMP\": ");
    client_ask(fd, "qmp_capabilities", "{\"return\": {}}");
    return fd;
}

/* With QEMU behind it: what it asks next is sent at once. */
static int client_open_to_qemu(void)
{
    int fd = client_open(CLIENTS);

    client_ask(fd, "cont", "{\"return\": {}}");
    return fd;
}

static void check_socket(const char *path, gid_t gid, mode_t mode)
{
    struct stat st;

    if (lstat(path, &st))
        tap_fail("%s: %s", path, strerror(errno));
    check_int(st.st_uid, 0);
    check_int(st.st_gid, gid);
    check_int(st.st_mode, S_IFSOCK | mode);
}

static bool all_gone(void *data)
{
    (void)data;
    return access(CLIENTS, F_OK) && access(TOOLSTACK, F_OK) &&
           access(XENTOP, F_OK) && access(MONITORING, F_OK);
}

static bool has_ended(void *data)
{
    return waitpid(helper, data, WNOHANG) == helper;
}

/* The parent's only child. */
static pid_t worker_pid(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)helper,
             (int)helper);
    return atoi(file_text(path));
}

/* --------------------------------------------------------------------- */

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
        check(dprintf(fd, "{\"execute\": \"xen-save-devices-state\"}\n"));
        for (*saved_reply = '\0'; !*saved_reply; peer_serve())
            check(guest_wait(HOST_WAIT_MS));
        put_all(&save, "QEVM", 4);
        check(!kill(worker_pid(), SIGSTOP));
        put_all(&qmp, saved_reply, strlen(saved_reply));
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

/* --- A stubdomain that ends while its guest runs ------------------------ */

#define LOG   "/run/xensim/console-0"
#define RUNS  "/local/domain/" DM "/device-model/" GUEST "/state"

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
    peer_is_dead = true;
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

    peer_is_dead = true;
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

/* --- A stubdomain that does not start ---------------------------------- */

#define USER  "/run/xensim/user"
#define FAILS "[    0.9] Run /init as init process\r\n" \
              "qemu: -foo: invalid option\r\n" \
              "stubdomd: QEMU ended with status 1\r\n"
#define TOLD  "qmp-helper: domain " GUEST ": its QEMU does not run: QEMU " \
              "ended with status 1 (qemu: -foo: invalid option); all of " \
              "it is in " LOG "\n"

/* This process is libxl: what it has for its standard error, its user
 * reads. */
static void user_reads(void)
{
    check(freopen(USER, "w", stderr) != NULL);
}

static bool user_has(void *data)
{
    return strstr(file_text(USER), data);
}

/* Held until it is known whether QEMU runs, and no longer: there may be
 * one who waits for its end. */
static bool user_is_let_go(void *data)
{
    char path[64], file[64];
    int held = 0;

    (void)data;
    for (int fd = 0; fd < 64; fd++) {
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)helper, fd);
        n = readlink(path, file, sizeof(file) - 1);
        file[n > 0 ? n : 0] = '\0';
        held += !strcmp(file, USER);
    }
    return !held;
}

static void stubdomain_start(void)
{
    start_ours(NULL);
    etc_make(example());
    stubdomain_make();
    guest_write(0, "file:" LOG, "/local/domain/" DM "/console/output");
    file_write(LOG, "[    0.1] Linux\r\n");
    user_reads();
    helper_spawn();
    helper_connect();
}

TEST_AS_ROOT(who_created_the_guest_reads_why_its_qemu_does_not_run)
{
    stubdomain_start();
    check(!user_is_let_go(NULL));
    file_write(LOG, FAILS);
    check(host_wait(user_has, (void *)"\n"));
    check_str(file_text(USER), TOLD);
    check(host_wait(log_has, TOLD));
    check(host_wait(user_is_let_go, NULL));
    /* libxl cleans up. */
    check(!kill(helper, SIGHUP));
    check(host_wait(all_gone, NULL));
}

TEST_AS_ROOT(and_nothing_once_qemu_runs)
{
    stubdomain_start();
    guest_write(8, "running", RUNS);
    check(host_wait(user_is_let_go, NULL));
    file_write(LOG, FAILS);
    check(!kill(helper, SIGHUP));
    check(host_wait(all_gone, NULL));
    check_str(file_text(USER), "");
    check(!log_has((void *)"its QEMU does not run"));
}

/* xl-qmp create reads the log itself. */
TEST_AS_ROOT(and_nothing_where_another_tells)
{
    setenv("XENQMP_LOG_WATCHED", "1", 1);
    stubdomain_start();
    check(host_wait(user_is_let_go, NULL));
}

TEST_AS_ROOT(who_created_the_guest_reads_why_it_is_refused)
{
    int status = -1;

    start_host();
    etc_make(example());
    stubdomain_make();
    user_reads();
    helper_spawn();
    check(host_wait(has_ended, &status));
    check(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    check(strstr(file_text(USER), "qmp-helper: domain 8: xenconsoled is "
                 "Xen's own"));
}

/* A pipe that is full and that nobody reads. */
TEST_AS_ROOT(nobody_holds_it_up_by_not_reading)
{
    static const char bytes[4096];
    int fds[2], status = -1;

    check(!pipe2(fds, O_NONBLOCK));
    while (write(fds[1], bytes, sizeof(bytes)) > 0)
        continue;
    check(!fcntl(fds[1], F_SETFL, 0));
    start_host();
    etc_make(example());
    stubdomain_make();
    check_int(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    helper_spawn();
    check(host_wait(has_ended, &status));
}

/* --- A libxl with the patches ----------------------------------------- */

/* The worker's user where libxl has no range of them: 0x78650000 + DM. */
#define QMP_OUTPUT  "unix:/run/xenqmp/" DM "/console-3,uid=2019885064"
#define PROXY_STATE "/local/domain/0/device-model/" DM "/qmp-proxy-state"

/* The consoles as that makes them, with one serial port. */
static void native_make(void)
{
    check(!mkdir("/run/xenqmp", 0711) && !mkdir("/run/xenqmp/" DM, 0711));
    guest_create(7);
    guest_create(8);
    guest_write(0, GUEST, "/local/domain/" DM "/target");
    guest_write(0, DM, "/local/domain/" DM "/domid");
    guest_write(0, "console", "/libxl/" GUEST "/stubdom-transport");
    guest_console_add(8, 0, NULL);
    save = guest_console_add(8, 1, "file:" SAVED);
    guest_write(0, "save", "%s/policy", save.backend);
    guest_console_add(8, 2, "null");
    guest_console_add(8, 3, QMP_OUTPUT);
    guest_console_add(8, 4, "pty");
}

static void native_start(void)
{
    const char *const argv[] = {
        in_build("bin/qmp-helper"), "--state-path=" PROXY_STATE, DM,
        CLIENTS, NULL,
    };

    state_node = PROXY_STATE;
    start_ours(NULL);
    etc_make(example());
    native_make();
    helper = host_spawn(argv);
    helper_connect();
}

static void check_node(const char *path, const char *value)
{
    char *found = guest_read("%s", path);

    if (!found || strcmp(found, value))
        tap_fail("%s is \"%s\", not \"%s\"", path, found ? found : "(none)",
                 value);
    free(found);
}

static bool serial_is_known(void *data)
{
    char *tty = guest_read("/local/domain/" GUEST "/serial/0/tty");
    bool r = tty && !strncmp(tty, "/dev/pts/", 9);

    (void)data;
    free(tty);
    return r;
}

TEST_AS_ROOT(in_the_proxys_slot_it_serves_qmp_and_moves_nothing)
{
    int fd, status = -1;

    native_start();
    check_socket(CLIENTS, 0, 0600);
    check_socket(XENTOP, 0, 0600);
    check_socket(MONITORING, GROUP, 0660);
    check(access(TOOLSTACK, F_OK));
    check(!guest_read("/local/domain/0/device-model/" DM "/state"));
    check_node("/local/domain/0/backend/console/" DM "/4/output", "pty");
    check_node("/local/domain/0/backend/console/" DM "/2/output", "null");
    check_node("/local/domain/0/backend/console/" DM "/3/output",
               QMP_OUTPUT);
    check(!guest_read("/local/domain/0/backend/console/" DM "/5/type"));
    check(host_wait(serial_is_known, NULL));
    check_node("/local/domain/" DM "/device/console/3/tty", "");

    fd = client_open_to_qemu();
    check(dprintf(fd, "{\"execute\": \"xen-save-devices-state\"}\n"));
    for (*saved_reply = '\0'; !*saved_reply; peer_serve())
        check(guest_wait(HOST_WAIT_MS));
    put_all(&save, "QEVM", 4);
    put_all(&qmp, saved_reply, strlen(saved_reply));
    client_expect(fd, "{\"return\": {}}");
    check_str(file_text(SAVED), "QEVM");

    check(!kill(helper, SIGHUP));
    check(host_wait(all_gone, NULL));
    guest_destroy(8);
    check(host_wait(has_ended, &status));
    check_int(status, 0);
}

static bool listens(void *data)
{
    (void)data;
    return !access(CLIENTS, F_OK);
}

/* An image of later needs more: a guest that runs is served all the same. */
TEST_AS_ROOT(it_takes_over_what_runs_whatever_todays_image_needs)
{
    const char *const argv[] = {
        in_build("bin/qmp-helper"), "--state-path=" PROXY_STATE, DM,
        CLIENTS, NULL,
    };
    int status = -1;

    start_ours(NULL);
    etc_make(example());
    native_make();
    file_write("/run/xensim/contents", "memory=106\n");
    guest_write(0, "/vm/u", "/local/domain/" DM "/vm");
    guest_write(0, "/run/xensim/initrd", "/vm/u/image/ramdisk");
    guest_write(0, "98304", "/local/domain/" DM "/memory/static-max");
    helper = host_spawn(argv);
    check(host_wait(has_ended, &status));
    check(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    guest_write(0, "running", PROXY_STATE);
    helper = host_spawn(argv);
    check(host_wait(listens, NULL));
}

static bool qemu_was_started(void *data)
{
    (void)data;
    return !access("/run/xensim/qemu", F_OK);
}

/* The process that was libxl's device model is, and stays, QEMU. */
TEST_AS_ROOT(disks_outlive_a_helper_that_is_killed)
{
    static const char qemu[] = "/usr/libexec/xen-qemu-system-i386";
    int fd, status;
    char *pid;

    start_ours(NULL);
    etc_make(example());
    stubdomain_make();
    guest_write(0, "qcow2:/x", "/local/domain/0/backend/qdisk/" DM
                "/51712/params");
    check(!mount("xensim", "/usr/libexec", "tmpfs", 0, "mode=755"));
    file_write(qemu, "#!/bin/sh\necho $$ >/run/xensim/qemu.new\n"
               "mv /run/xensim/qemu.new /run/xensim/qemu\n"
               "exec sleep 1000\n");
    check(!chmod(qemu, 0755));
    helper_spawn();
    check(host_wait(qemu_was_started, NULL));
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

/* A setting that stayed in a configuration, for a guest whose disk needs a
 * QEMU in dom0. */
TEST_AS_ROOT(in_qemus_slot_of_that_libxl_it_becomes_qemu)
{
    static const char qemu[] = "/usr/libexec/xen-qemu-system-i386";
    int status = -1;

    start_ours(NULL);
    etc_make(example());
    native_make();
    check(!mount("xensim", "/usr/libexec", "tmpfs", 0, "mode=755"));
    file_write(qemu, "#!/bin/sh\necho $* >/run/xensim/qemu.new\n"
               "mv /run/xensim/qemu.new /run/xensim/qemu\n");
    check(!chmod(qemu, 0755));
    helper_spawn();
    check(host_wait(qemu_was_started, NULL));
    check_str(file_text("/run/xensim/qemu"), "-xen-domid " DM " -chardev "
              "socket,id=libxl-cmd,path=" TOOLSTACK ",server=on,wait=off "
              "-machine xenpv -name g-dm\n");
    check(host_wait(has_ended, &status));
    check_int(status, 0);
    check_node("/local/domain/0/backend/console/" DM "/3/output",
               QMP_OUTPUT);
    check(access(TOOLSTACK, F_OK));
}

TAP_MAIN()
