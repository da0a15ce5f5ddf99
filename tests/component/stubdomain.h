/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest, its stubdomain and qmp-helper as libxl starts it, parent and
 * worker, with xenconsoled and Debian's xenstored on xensim. The test is
 * libxl, the stubdomain with its QEMU, and the clients.
 */
#ifndef XENQMP_TESTS_COMPONENT_STUBDOMAIN_H
#define XENQMP_TESTS_COMPONENT_STUBDOMAIN_H

#include "helper.h"

#define GUEST "7"
#define DM    "8"

#define CLIENTS    "/run/xen/qmp-libxl-" GUEST
#define TOOLSTACK  "/run/xen/qmp-libxl-" DM
#define XENTOP     "/run/xen/qmp-libxenstat-" GUEST
#define MONITORING "/run/xenqmp/monitor-" GUEST
#define SAVED      "/run/xensim/saved"
#define LOG        "/run/xensim/console-0"
#define RUNS       "/local/domain/" DM "/device-model/" GUEST "/state"

static pid_t helper;
static struct guest_console save;
static struct guest_console qmp = {
    .domid = 8, .devid = 3,
    .backend = "/local/domain/0/backend/console/" DM "/3",
    .frontend = "/local/domain/" DM "/device/console/3",
};

COMPONENT void stubdomain_make(void)
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

COMPONENT bool helper_runs(void *data)
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
COMPONENT void helper_spawn(void)
{
    const char *const argv[] = {
        in_build(program), "-xen-domid", DM, "-chardev",
        "socket,id=libxl-cmd,path=" TOOLSTACK ",server=on,wait=off",
        "-machine", "xenpv", "-name", "g-dm", NULL,
    };

    helper = host_spawn(argv);
}

COMPONENT void helper_connect(void)
{
    if (!host_wait(helper_runs, NULL))
        tap_fail("%s", file_text("/run/xensim/log"));
    guest_console_publish(&save);
    guest_console_publish(&qmp);
    check_connects(&save);
    check_connects(&qmp);
}

/* --- stubdomd and QEMU ----------------------------------------------- */

static char save_reply[256];
static struct qemu qemu = { .returns = "{}", .save_reply = save_reply };

/* A client has QEMU save, whose reply takes its time: the test sends it. */
COMPONENT void save_begin(int client)
{
    check(dprintf(client, "{\"execute\": \"xen-save-devices-state\"}\n"));
    for (*save_reply = '\0'; !*save_reply; qemu_serve(&qemu, &qmp))
        check(guest_wait(HOST_WAIT_MS));
}

/* --- clients --------------------------------------------------------- */

/* The next line, with QEMU at work meanwhile; false at the end. */
COMPONENT bool client_line(int fd, char *line, size_t size)
{
    struct pollfd ready[] = {
        { .fd = fd, .events = POLLIN },
        { .fd = guest_fd(), .events = POLLIN },
    };
    size_t n = 0;

    while (n < size - 1) {
        check(poll(ready, 2, HOST_WAIT_MS) > 0);
        guest_wait(0);
        qemu_serve(&qemu, &qmp);
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

COMPONENT void client_expect(int fd, const char *part)
{
    char line[1024] = "";

    if (!client_line(fd, line, sizeof(line)) || !strstr(line, part))
        tap_fail("\"%s\" lacks \"%s\"", line, part);
}

/* A command that was not sent, as its time was up before the stubdomain's
 * QEMU was there, or there again: a machine may be busy. */
COMPONENT bool was_early(const char *line)
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
COMPONENT void client_ask(int fd, const char *command, const char *part)
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

COMPONENT int client_open(const char *path)
{
    int fd = unix_open(path);

    client_expect(fd, "{\"QMP\": ");
    client_ask(fd, "qmp_capabilities", "{\"return\": {}}");
    return fd;
}

/* With QEMU behind it: what it asks next is sent at once. */
COMPONENT int client_open_to_qemu(void)
{
    int fd = client_open(CLIENTS);

    client_ask(fd, "cont", "{\"return\": {}}");
    return fd;
}

COMPONENT void check_socket(const char *path, gid_t gid, mode_t mode)
{
    struct stat st;

    if (lstat(path, &st))
        tap_fail("%s: %s", path, strerror(errno));
    check_int(st.st_uid, 0);
    check_int(st.st_gid, gid);
    check_int(st.st_mode, S_IFSOCK | mode);
}

COMPONENT bool all_gone(void *data)
{
    (void)data;
    return access(CLIENTS, F_OK) && access(TOOLSTACK, F_OK) &&
           access(XENTOP, F_OK) && access(MONITORING, F_OK);
}

COMPONENT bool has_ended(void *data)
{
    return waitpid(helper, data, WNOHANG) == helper;
}

/* The parent's only child. */
COMPONENT pid_t worker_pid(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)helper,
             (int)helper);
    return atoi(file_text(path));
}

/* --- QEMU in dom0 ---------------------------------------------------- */

/* What disks need: a script that leaves words, of sh, and then does more. */
COMPONENT void dom0_qemu_make(const char *words, const char *then)
{
    static const char path[] = "/usr/libexec/xen-qemu-system-i386";
    char script[256];

    snprintf(script, sizeof(script), "#!/bin/sh\n"
             "echo %s >/run/xensim/qemu.new\n"
             "mv /run/xensim/qemu.new /run/xensim/qemu\n%s", words, then);
    check(!mount("xensim", "/usr/libexec", "tmpfs", 0, "mode=755"));
    file_write(path, script);
    check(!chmod(path, 0755));
}

COMPONENT bool dom0_qemu_was_started(void *data)
{
    (void)data;
    return !access("/run/xensim/qemu", F_OK);
}

#endif
