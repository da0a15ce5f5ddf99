/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/log.h"
#include "disks.h"
#include "options.h"

#define QEMU_MONITOR(name, path)                                           \
    "-chardev", "socket,id=" name ",path=" path ",server=on,wait=off",      \
    "-mon", "chardev=" name ",mode=control"

#define DISKS_WAIT_MS 30000

/* Where Debian and Xen's own build install it. */
static const char *const qemu_paths[] = {
    "/usr/libexec/xen-qemu-system-i386",
    "/usr/lib/xen/bin/qemu-system-i386",
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *read_node(struct xs_handle *xs, const char *fmt, const char *a)
{
    unsigned int n;
    char path[512];

    snprintf(path, sizeof(path), fmt, a);
    return xs_read(xs, XBT_NULL, path, &n);
}

int qemu_read_arguments(struct qemu *qemu, struct xs_handle *xs,
                        int (*hvc_of)(int n, void *data), void *data)
{
    char *guest = read_node(xs, "target", "");
    char *vm = guest ? read_node(xs, "/local/domain/%s/vm", guest) : NULL;
    char path[512], **names, *value;
    unsigned int n = 0;
    int r = -1;

    snprintf(path, sizeof(path), "%s/image/dm-argv", vm ? vm : "");
    names = vm ? xs_directory(xs, XBT_NULL, path, &n) : NULL;
    if (!names) {
        log_error("libxl left no arguments for QEMU in %s", path);
        goto out;
    }
    qsort(names, n, sizeof(*names), compare_names);
    r = arguments_add(&qemu->arguments, "qemu");
    for (unsigned int i = 0; !r && i < n; i++) {
        snprintf(path, sizeof(path), "%s/image/dm-argv/%s", vm, names[i]);
        value = read_node(xs, "%s", path);
        r = value ? arguments_add_translated(&qemu->arguments, value, hvc_of,
                                             data) : -1;
        free(value);
        if (r)
            log_error("cannot take QEMU's argument %s: it cannot be read, "
                      "or there are too many", path);
    }
    if (!r && (options_adapt(&qemu->arguments) ||
               options_add_file(&qemu->arguments, QEMU_ARGUMENTS))) {
        log_error("cannot take QEMU's arguments: %s cannot be read, or there "
                  "are too many", QEMU_ARGUMENTS);
        r = -1;
    }
    /* libxl names the guest to hvmloader only; query-uuid asks QEMU. */
    if (!r && !strncmp(vm, "/vm/", 4))
        r = arguments_add(&qemu->arguments, "-uuid") ||
            arguments_add(&qemu->arguments, vm + 4) ? -1 : 0;
out:
    free(names);
    free(vm);
    free(guest);
    return r;
}

static int add_own(struct arguments *a)
{
    static const char *const own[] = {
        QEMU_MONITOR("stubdomd-a", QEMU_MONITOR_A),
        QEMU_MONITOR("stubdomd-b", QEMU_MONITOR_B),
    };
    int r = 0;

    for (size_t i = 0; !r && i < sizeof(own) / sizeof(own[0]); i++)
        r = arguments_add(a, own[i]);
    return r;
}

int qemu_start(struct qemu *qemu, int incoming)
{
    sigset_t none;

    if (add_own(&qemu->arguments))
        return -1;
    qemu->pid = fork();
    if (qemu->pid)
        return qemu->pid < 0 ? -1 : 0;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (incoming >= 0)
        fcntl(incoming, F_SETFD, 0);
    disks_wait(&qemu->arguments, "/dev", DISKS_WAIT_MS);
    for (size_t i = 0; i < sizeof(qemu_paths) / sizeof(qemu_paths[0]); i++) {
        free(qemu->arguments.argv[0]);
        qemu->arguments.argv[0] = strdup(qemu_paths[i]);
        execv(qemu_paths[i], qemu->arguments.argv);
    }
    log_error("cannot run QEMU: %s; make the image anew with mkstubdom",
              strerror(errno));
    _exit(127);
}
