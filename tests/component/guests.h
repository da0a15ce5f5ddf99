/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests whose QEMU is in a stubdomain, each with a qmp-helper and its worker
 * as libxl starts them, on xensim. The test is libxl, the stubdomains with
 * their QEMUs, and the clients.
 */
#ifndef XENQMP_TESTS_COMPONENT_GUESTS_H
#define XENQMP_TESTS_COMPONENT_GUESTS_H

#include "helper.h"
#include "tests/xensim/xensim.h"

/* Consoles of a stubdomain, by number. */
enum { LOG, SAVE, RESTORE, QMP, SERIAL, CONSOLES_OF_A_GUEST };

struct hvm {
    uint32_t guest, dm;
    pid_t helper;
    struct guest_console consoles[CONSOLES_OF_A_GUEST];
    int client;                 /* a connection to its QMP; 0: none */
    struct qemu qemu;           /* each command returns whose it is */
};

/* As libxl waits: xenstored is asked when something has changed, however
 * long that takes. */
COMPONENT void store_wait(bool (*fn)(void *data), void *data,
                          const char *path)
{
    static struct xs_handle *store;
    struct pollfd changed = { .events = POLLIN };
    unsigned int n;

    if (!store)
        store = xs_open(0);
    check(store && xs_watch(store, path, path));
    changed.fd = xs_fileno(store);
    do {
        if (poll(&changed, 1, HOST_WAIT_MS) <= 0)
            tap_fail("%s: that takes too long; %s", path,
                     file_text("/run/xensim/log"));
        free(xs_read_watch(store, &n));
    } while (!fn(data));
    check(xs_unwatch(store, path, path));
}

COMPONENT bool hvm_runs(void *data)
{
    const struct hvm *hvm = data;
    char *state = guest_read("/local/domain/0/device-model/%u/state",
                             hvm->dm);
    bool r = state && !strcmp(state, "running");

    free(state);
    return r;
}

/* Both domains, as libxl has made them when it starts their device model.
 * log: console 0's output, or NULL. */
COMPONENT void hvm_make(struct hvm *hvm, uint32_t guest, uint32_t dm,
                        const char *log)
{
    char text[16];

    *hvm = (struct hvm){ .guest = guest, .dm = dm };
    snprintf(hvm->qemu.returns, sizeof(hvm->qemu.returns),
             "{\"name\": \"%u\"}", guest);
    guest_create(guest);
    guest_create(dm);
    snprintf(text, sizeof(text), "%u", guest);
    guest_write(0, text, "/local/domain/%u/domid", guest);
    guest_write(0, text, "/local/domain/%u/target", dm);
    snprintf(text, sizeof(text), "%u", dm);
    guest_write(0, text, "/local/domain/%u/domid", dm);
    snprintf(text, sizeof(text), "/vm/%u", guest);
    guest_write(0, text, "/local/domain/%u/vm", guest);
    guest_write(0, "", "%s", text);
    guest_type = "ioemu";
    hvm->consoles[LOG] = guest_console_add(dm, 0, log);
    hvm->consoles[SAVE] = guest_console_add(dm, 1, NULL);
    hvm->consoles[RESTORE] = guest_console_add(dm, 2, NULL);
    /* The serial port, which becomes console 4. */
    hvm->consoles[QMP] = guest_console_add(dm, 3, "pty");
    guest_type = "xenconsoled";
}

COMPONENT void hvm_start_helper(struct hvm *hvm)
{
    struct guest_console *serial = &hvm->consoles[SERIAL];
    char dm[16], chardev[128], state[64];
    const char *const argv[] = {
        in_build("bin/qmp-helper"), "-xen-domid", dm, "-chardev", chardev,
        "-machine", "xenpv", NULL,
    };

    snprintf(dm, sizeof(dm), "%u", hvm->dm);
    snprintf(chardev, sizeof(chardev), "socket,id=libxl-cmd,path=/run/xen/"
             "qmp-libxl-%u,server=on,wait=off", hvm->dm);
    hvm->helper = host_spawn(argv);
    snprintf(state, sizeof(state), "/local/domain/0/device-model/%u",
             hvm->dm);
    store_wait(hvm_runs, hvm, state);
    *serial = (struct guest_console){ .domid = hvm->dm, .devid = SERIAL };
    snprintf(serial->backend, sizeof(serial->backend),
             "/local/domain/0/backend/console/%u/%u", hvm->dm, SERIAL);
    snprintf(serial->frontend, sizeof(serial->frontend),
             "/local/domain/%u/device/console/%u", hvm->dm, SERIAL);
}

COMPONENT bool hvm_is_connected(void *data)
{
    const struct hvm *hvm = data;

    for (int n = SAVE; n < CONSOLES_OF_A_GUEST; n++)
        if (!guest_console_is_connected(&hvm->consoles[n]))
            return false;
    return true;
}

/* The stubdomain boots, and QEMU runs. */
COMPONENT void hvm_boot(struct hvm *hvm)
{
    char path[64];

    for (int n = SAVE; n < CONSOLES_OF_A_GUEST; n++)
        guest_console_publish(&hvm->consoles[n]);
    snprintf(path, sizeof(path), "/local/domain/0/backend/console/%u",
             hvm->dm);
    store_wait(hvm_is_connected, hvm, path);
    for (int n = SAVE; n < CONSOLES_OF_A_GUEST; n++)
        guest_write(hvm->dm, "4", "%s/state", hvm->consoles[n].frontend);
    guest_write(hvm->dm, "running", "/local/domain/%u/device-model/%u/state",
                hvm->dm, hvm->guest);
}

/* --- Its client ---------------------------------------------------------- */

/* The next line, with all QEMUs at work meanwhile. */
COMPONENT void hvm_line(struct hvm *hvm, struct hvm *all, size_t n,
                        char *line, size_t size)
{
    struct pollfd ready[] = {
        { .fd = hvm->client, .events = POLLIN },
        { .fd = guest_fd(), .events = POLLIN },
    };
    size_t got = 0;

    do {
        check(poll(ready, 2, HOST_WAIT_MS) > 0);
        if (ready[1].revents) {
            while (guest_wait(0))
                continue;
            for (size_t i = 0; i < n; i++)
                qemu_serve(&all[i].qemu, &all[i].consoles[QMP]);
        }
        if (!ready[0].revents)
            continue;
        check(got < size - 1);
        if (read(hvm->client, line + got, 1) != 1)
            tap_fail("domain %u: its QMP has ended", hvm->guest);
        got++;
    } while (!got || line[got - 1] != '\n');
    line[got] = '\0';
}

COMPONENT void hvm_ask(struct hvm *hvm, struct hvm *all, size_t n,
                       const char *command, char *line, size_t size)
{
    check(dprintf(hvm->client, "{\"execute\": \"%s\"}\n", command) > 0);
    hvm_line(hvm, all, n, line, size);
}

COMPONENT void hvm_connect(struct hvm *hvm, struct hvm *all, size_t n)
{
    char path[64], line[1024];

    snprintf(path, sizeof(path), "/run/xen/qmp-libxl-%u", hvm->guest);
    hvm->client = unix_open(path);
    hvm_line(hvm, all, n, line, sizeof(line));
    check(strstr(line, "{\"QMP\": "));
    hvm_ask(hvm, all, n, "qmp_capabilities", line, sizeof(line));
    check(strstr(line, "{\"return\": {}"));
}

/* Commands, one after the other, until one is executed: by its own QEMU. */
COMPONENT void hvm_check_answers(struct hvm *hvm, struct hvm *all, size_t n)
{
    char line[1024], wanted[64];

    do
        hvm_ask(hvm, all, n, "query-name", line, sizeof(line));
    while (strstr(line, "\"error\""));
    snprintf(wanted, sizeof(wanted), "{\"return\": {\"name\": \"%u\"}",
             hvm->guest);
    if (!strstr(line, wanted))
        tap_fail("domain %u: %s", hvm->guest, line);
}

/* --- Its end --------------------------------------------------------------- */

COMPONENT bool hvm_helper_ended(void *data)
{
    const struct hvm *hvm = data;
    siginfo_t info = { 0 };

    return !waitid(P_PID, (id_t)hvm->helper, &info,
                   WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/* All that libxl removes; not what qmp-helper and xenconsoled have to. */
COMPONENT void hvm_destroy(struct hvm *hvm)
{
    check(!kill(hvm->helper, SIGHUP));
    guest_destroy(hvm->dm);
    guest_destroy(hvm->guest);
    guest_remove("/local/domain/0/device-model/%u", hvm->dm);
    guest_remove("/libxl/%u", hvm->dm);
    guest_remove("/vm/%u", hvm->guest);
    if (hvm->client)
        close(hvm->client);
    hvm->client = 0;
}

/* Afterwards. */
COMPONENT void hvm_wait_helper(struct hvm *hvm)
{
    if (!host_wait(hvm_helper_ended, hvm))
        tap_fail("domain %u: its qmp-helper does not end", hvm->guest);
    host_end(hvm->helper);
    for (int n = 0; n < CONSOLES_OF_A_GUEST; n++)
        xensim_page_unmap(hvm->consoles[n].ring);
}

#endif
