/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp create: runs xl create, with the settings for a stubdomain of
 * xenqmp's as further arguments. xl reads those behind the file, so what
 * the file or the command line sets is asked of libxlutil first, in the
 * same way, and left as it is.
 */
#include "config.h"
#include "creation.h"
#include "guest_config.h"
#include "guest_disks.h"
#include "guest_pci.h"
#include "host.h"
#include "tools/common/log.h"
#include "tools/common/stubdom_image.h"
#include "tools/common/stubdom_memory.h"
#include "xl_qmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Tests have an installation of their own. */
#ifndef CREATE_LIBEXECDIR
#define CREATE_LIBEXECDIR XENQMP_LIBEXECDIR
#define CREATE_STUBDOM_DIR XENQMP_STUBDOM_DIR
#endif
#define HELPER CREATE_LIBEXECDIR "/qmp-helper"
#define KERNEL CREATE_STUBDOM_DIR "/vmlinuz"
#define RAMDISK CREATE_STUBDOM_DIR "/initrd"

struct create {
    bool dry_run;
    const char *path;           /* the configuration's */
    char **args;                /* xl's, NULL at the end; room for all */
    size_t args_n;
    char *disks;                /* one of them, or NULL */
    struct guest_config config;
    struct guest_pci pci;
    const char *cmdline;        /* the argument, if none is set */
    char memory[40];            /* the same */
};

/* What is filled in unless it is set. */
static const struct setting {
    const char *key, *argument;
} settings[] = {
    { "device_model_version", "device_model_version=\"qemu-xen\"" },
    { "device_model_stubdomain_override",
      "device_model_stubdomain_override=1" },
    { "device_model_override", "device_model_override=\"" HELPER "\"" },
    { "stubdomain_kernel", "stubdomain_kernel=\"" KERNEL "\"" },
    { "stubdomain_ramdisk", "stubdomain_ramdisk=\"" RAMDISK "\"" },
};
#define CMDLINE_KEY "stubdomain_cmdline"
#define MEMORY_KEY "stubdomain_memory"
#define SETTINGS_N (sizeof(settings) / sizeof(settings[0]))

/* --- The command line --------------------------------------------------- */

static int usage_error(const char *what)
{
    log_error("create: %s; usage: xl-qmp create [-n] [XL OPTION]... CONFIG "
              "[KEY=VALUE]...", what);
    return XL_QMP_USAGE;
}

/* True if the option, xl's, has the configuration as its value: in the
 * same argument (*value_r) or in the next (*value_r NULL). */
static bool names_config(const char *option, const char **value_r)
{
    static const char long_name[] = "--defconfig";
    size_t n = sizeof(long_name) - 1;
    /* Among short options, which may stand in one argument. */
    const char *f = option[1] != '-' ? strchr(option, 'f') : NULL;

    *value_r = NULL;
    if (!strncmp(option, long_name, n) && option[n] == '=')
        *value_r = option + n + 1;
    else if (f && f[1])
        *value_r = f + 1;
    else
        return f || !strcmp(option, long_name);
    return true;
}

static int parse_arguments(struct create *create, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i], *value;

        if (!strcmp(arg, "-n") || !strcmp(arg, "--dry-run") ||
            !strcmp(arg, "--dryrun")) {
            create->dry_run = true;
            continue;
        }
        create->args[create->args_n++] = argv[i];
        if (*arg == '-' && arg[1]) {
            if (!names_config(arg, &value))
                continue;
            if (!value && ++i < argc)
                value = create->args[create->args_n++] = argv[i];
            if (!value)
                return usage_error("a configuration is missing after -f");
            create->path = value;
        } else if (strchr(arg, '=')) {
            if (guest_config_set(&create->config, arg))
                return usage_error("the settings are too long");
        } else if (create->path) {
            return usage_error("two configurations are given");
        } else {
            create->path = arg;
        }
    }
    return create->path ? XL_QMP_OK :
           usage_error("no configuration is given");
}

/* --- The configuration -------------------------------------------------- */

static const char *get(const struct create *create, const char *key)
{
    return guest_config_get(&create->config, key);
}

/* Devices of the host's USB: not with a stubdomain. */
static int check_usb(const struct create *create)
{
    const char *usb = get(create, "usbdevice"), *key = NULL;

    if (guest_config_count(&create->config, "usbdev"))
        key = "usbdev";
    if (usb && !strncmp(usb, "host:", 5))
        key = "usbdevice";
    if (!key)
        return XL_QMP_OK;
    log_error("create: %s names devices of the host, which can't be passed "
              "to a guest whose QEMU is in a stubdomain; remove it from %s, "
              "or use xl create with QEMU in dom0", key, create->path);
    return XL_QMP_USAGE;
}

/* Of a display: a stubdomain's is a VNC server's. */
static int check_display(const struct create *create)
{
    static const char *const others[] = { "sdl", "spice" };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const char *value = get(create, others[i]);

        if (!value || !strcmp(value, "0"))
            continue;
        log_error("create: %s = %s: a stubdomain's display can be shown by "
                  "VNC only; remove it from %s, vnc is on without a word",
                  others[i], value, create->path);
        return XL_QMP_USAGE;
    }
    return XL_QMP_OK;
}

/* What is set and can't work. */
static int check_config(struct create *create)
{
    const char *type = get(create, "type");
    const char *builder = get(create, "builder");
    const char *version = get(create, "device_model_version");
    const char *override = get(create, "device_model_override");
    const char *stubdom = get(create, "device_model_stubdomain_override");

    if (!type)
        type = builder && !strcmp(builder, "hvm") ? "hvm" : NULL;
    if (!type || strcmp(type, "hvm")) {
        log_error("create: %s is no HVM guest, and only those have a QEMU; "
                  "set type = \"hvm\", or use xl create", create->path);
        return XL_QMP_USAGE;
    }
    if (version && strcmp(version, "qemu-xen")) {
        log_error("create: device_model_version = \"%s\" does not run in a "
                  "Linux stubdomain; remove it from %s", version,
                  create->path);
        return XL_QMP_USAGE;
    }
    if (override && strcmp(override, HELPER)) {
        log_error("create: device_model_override = \"%s\" is another's "
                  "device model; remove it from %s", override,
                  create->path);
        return XL_QMP_USAGE;
    }
    if (stubdom && !strcmp(stubdom, "0")) {
        log_error("create: device_model_stubdomain_override = 0 asks for "
                  "QEMU in dom0; remove it from %s, or use xl create",
                  create->path);
        return XL_QMP_USAGE;
    }
    if (check_usb(create) || check_display(create))
        return XL_QMP_USAGE;
    return guest_pci_read(&create->pci, &create->config);
}

/* --- The host ----------------------------------------------------------- */

/* The image that the guest will boot its stubdomain from. libxl looks for
 * plain names in a directory of its own. */
static int check_image(const struct create *create, const char *key,
                       const char *ours)
{
    const char *set = get(create, key), *path = set ? set : ours;

    if (*path != '/' || !access(path, R_OK))
        return XL_QMP_OK;
    if (set && strcmp(set, ours))
        log_error("create: %s = \"%s\": %m", key, path);
    else
        log_error("create: %s: %m; build the stubdomain's image with "
                  "mkstubdom", path);
    return XL_QMP_CONNECTION;
}

static int check_pci(const struct create *create,
                     const struct options *options)
{
    const char *initrd = get(create, "stubdomain_ramdisk");
    struct host host = { .logger = options->logger };
    bool ours = !initrd || !strcmp(initrd, RAMDISK);
    int rc = guest_pci_check(&create->pci, &host, ours ? RAMDISK : initrd,
                             ours);

    host_dispose(&host);
    return rc;
}

/* What libxl adds to stubdomain_memory: the guest's video memory, or what
 * its video adapter has without a word. */
static unsigned int video_mib(const struct create *create)
{
    const char *set = get(create, "videoram"), *vga = get(create, "vga");
    const char *stdvga = get(create, "stdvga");

    if (set)
        return (unsigned int)strtoul(set, NULL, 10);
    if (vga && !strcmp(vga, "none"))
        return 0;
    return (vga && strcmp(vga, "cirrus")) ||
           (!vga && stdvga && strcmp(stdvga, "0")) ? 16 : 8;
}

/* Without those that have no emulated NIC. */
static unsigned int nics_count(const struct guest_config *config)
{
    unsigned int n = 0;
    const char *nic;

    for (int i = 0; (nic = guest_config_item(config, "vif", i)); i++)
        n += !strstr(nic, "type=vif");
    return n;
}

/* What is set, or if nothing is, what is needed, and some more for the images
 * of later: it stays with the guest, also in a save. Devices are counted as
 * stubdom_memory.h has them. */
static int check_memory(struct create *create)
{
    const struct guest_config *config = &create->config;
    const char *initrd = get(create, "stubdomain_ramdisk");
    const char *vnc = get(create, "vnc"), *set = get(create, MEMORY_KEY);
    const char *cmdline = get(create, CMDLINE_KEY);
    struct stubdom_devices devices = {
        .displays = !vnc || strcmp(vnc, "0"),
        .nics = nics_count(config),
        .disks = guest_config_count(config, "disk"),
        .host_devices = guest_config_count(config, "pci"),
    };
    struct stubdom_image image;
    unsigned int need, video = video_mib(create);

    if (cmdline)
        stubdom_image_cmdline(&devices, cmdline);
    stubdom_image_read(&image, initrd ? initrd : RAMDISK);
    create->cmdline = image.waits ?
        CMDLINE_KEY "=\"" STUBDOM_CMDLINE "\"" :
        CMDLINE_KEY "=\"" STUBDOM_CMDLINE_PLAIN "\"";
    need = stubdom_image_memory(&image, &devices);
    if (need)
        need = need > video ? need - video : 1;
    snprintf(create->memory, sizeof(create->memory), MEMORY_KEY "=%u",
             need ? need + STUBDOM_MEMORY_SPARE_MIB : STUBDOM_MEMORY_MIB);
    if (!set || strtoul(set, NULL, 10) >= need)
        return XL_QMP_OK;
    log_error("create: " MEMORY_KEY " = %s is too little: the stubdomain's image "
              "needs %u MiB with this guest's devices; set it to that, or "
              "remove it from %s", set, need, create->path);
    return XL_QMP_USAGE;
}

static int check_host(const struct create *create,
                      const struct options *options)
{
    int rc = check_image(create, "stubdomain_kernel", KERNEL);

    if (!rc)
        rc = check_image(create, "stubdomain_ramdisk", RAMDISK);
    if (!rc && access(HELPER, X_OK)) {
        log_error("create: %s: %m; install xenqmp with make install, or "
                  "its package", HELPER);
        rc = XL_QMP_CONNECTION;
    }
    return rc ? rc : check_pci(create, options);
}

/* --- xl ----------------------------------------------------------------- */

/* As a shell would need it. */
static void print_word(const char *word)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        "_-+=./:,@%";

    if (*word && strspn(word, plain) == strlen(word)) {
        fputs(word, stdout);
        return;
    }
    putchar('\'');
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*word);
    putchar('\'');
}

/* Whether a drive can be the kernel's. */
static bool has_kernels_drives(const struct options *options)
{
    struct host host = { .logger = options->logger };
    int major, minor;
    bool r = host_version(&host, &major, &minor) &&
             (major > 4 || (major == 4 && minor >= 19));

    host_dispose(&host);
    return r;
}

/* Prints the command or runs it. */
static int run_xl(struct create *create, const struct options *options)
{
    create->disks = guest_disks_argument(&create->config);
    if (create->disks && has_kernels_drives(options))
        create->args[create->args_n++] = create->disks;
    for (size_t i = 0; i < SETTINGS_N; i++)
        if (!get(create, settings[i].key))
            create->args[create->args_n++] = (char *)settings[i].argument;

    if (!get(create, CMDLINE_KEY))
        create->args[create->args_n++] = (char *)create->cmdline;
    if (!get(create, MEMORY_KEY))
        create->args[create->args_n++] = create->memory;

    if (create->dry_run) {
        for (size_t i = 0; i < create->args_n; i++) {
            if (i)
                putchar(' ');
            print_word(create->args[i]);
        }
        putchar('\n');
        return fflush(stdout) ? XL_QMP_CONNECTION : XL_QMP_OK;
    }
    return creation_run(create->args, get(create, "name"));
}

int cmd_create(const struct options *options, int argc, char **argv)
{
    struct create create = { .dry_run = false };
    int rc, host;

    guest_config_init(&create.config);
    create.args = calloc((size_t)argc + SETTINGS_N + 5,
                         sizeof(*create.args));
    if (!create.args) {
        log_error("out of memory");
        return XL_QMP_CONNECTION;
    }
    create.args[create.args_n++] = (char *)"xl";
    create.args[create.args_n++] = (char *)"create";
    rc = parse_arguments(&create, argc, argv);
    if (!rc)
        rc = guest_config_read(&create.config, create.path);
    if (!rc)
        rc = check_config(&create);
    if (!rc)
        rc = check_memory(&create);
    if (rc)
        goto out;
    /* A dry run shows the command in any case. */
    host = check_host(&create, options);
    if (!host || create.dry_run)
        rc = run_xl(&create, options);
    if (!rc)
        rc = host;
out:
    guest_config_dispose(&create.config);
    free(create.disks);
    free(create.args);
    return rc;
}
