/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Domids above are special (Xen, public/xen.h, DOMID_FIRST_RESERVED). */
#define DOMID_LAST 0x7fef

#define STATE_PATH "--state-path="

static int parse_domid(struct helper_args *args, const char *value)
{
    unsigned long domid;
    char *end;

    errno = 0;
    domid = value ? strtoul(value, &end, 10) : 0;
    if (!value || errno || *end || !domid || domid > DOMID_LAST) {
        fprintf(stderr, "qmp-helper: '%s' is not the number of a "
                "stubdomain\n", value ? value : "");
        return -1;
    }
    args->domid = (uint32_t)domid;
    return 0;
}

/* TYPE or TYPE,OPTION...: there are others that begin alike. */
static bool is_machine(const char *value, const char *type)
{
    size_t n = strlen(type);

    return !strncmp(value, type, n) && (!value[n] || value[n] == ',');
}

/* "socket,id=libxl-cmd,path=PATH,...", or fd=N of a probe */
static void parse_chardev(struct helper_args *args, const char *value,
                          int *fd_r)
{
    const char *path = strstr(value, ",path=");
    size_t n;

    if (!strstr(value, "id=libxl-cmd"))
        return;
    if (!path) {
        path = strstr(value, ",fd=");
        if (!path || sscanf(path, ",fd=%d", fd_r) != 1)
            *fd_r = -1;
        return;
    }
    path += strlen(",path=");
    n = strcspn(path, ",");
    if (n < sizeof(args->toolstack)) {
        memcpy(args->toolstack, path, n);
        args->toolstack[n] = '\0';
    }
}

/* --state-path=PATH DOMID SOCKET */
static int parse_proxys(struct helper_args *args, int argc, char **argv)
{
    args->state_path = argv[1] + strlen(STATE_PATH);
    if (argc != 4 || args->state_path[0] != '/' || argv[3][0] != '/' ||
        strlen(argv[3]) >= sizeof(args->toolstack)) {
        fprintf(stderr, "qmp-helper: " STATE_PATH "PATH is followed by "
                "a stubdomain's number and a socket's path\n");
        return -1;
    }
    strcpy(args->toolstack, argv[3]);
    return parse_domid(args, argv[2]);
}

int helper_args_parse(struct helper_args *args, int argc, char **argv)
{
    bool probe = false;
    int fd = -1;

    *args = (struct helper_args){ .probe_fd = -1 };
    if (argc > 1 && !strncmp(argv[1], STATE_PATH, strlen(STATE_PATH)))
        return parse_proxys(args, argc, argv);
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        /* libvirt probes an emulator by QEMU's -help; what the text does
         * not say is that of the traditional device model. */
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-help")) {
            args->help = true;
            return 0;
        } else if (!strcmp(argv[i], "--version")) {
            args->version = true;
            return 0;
        } else if (!strcmp(argv[i], "--check-config")) {
            args->check_config = true;
            return 0;
        } else if (!strcmp(argv[i], "-xen-domid")) {
            if (parse_domid(args, value))
                return -1;
            i++;
        } else if (!strcmp(argv[i], "-chardev") && value) {
            parse_chardev(args, value, &fd);
            i++;
        } else if (!strcmp(argv[i], "-machine") && value) {
            args->pv_backends = is_machine(value, "xenpv");
            probe = is_machine(value, "none");
            i++;
        }
    }
    if (probe && !args->domid)
        args->probe_fd = fd;
    if (args->domid || args->probe_fd >= 0)
        return 0;
    fprintf(stderr, "qmp-helper: -xen-domid is missing: libxl starts this "
            "program, named in device_model_override\n");
    return -1;
}
