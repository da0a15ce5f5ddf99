/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/common/log.h"

static void mount_one(const char *type, const char *dir)
{
    mkdir(dir, 0755);
    /* EBUSY: the kernel has mounted it already. */
    if (mount(type, dir, type, 0, NULL) && errno != EBUSY)
        log_error("cannot mount %s: %s", dir, strerror(errno));
}

/* False: errno. */
static bool file_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return ok;
}

/* QEMU reserves for the guest's memory what it never uses, and Linux refuses
 * what is so much more than the stubdomain has. */
static void boot_allow_overcommit(void)
{
    if (!file_write("/proc/sys/vm/overcommit_memory", "1"))
        log_error("cannot allow QEMU to reserve memory (%s); it may fail "
                  "to start with \"failed to allocate\"", strerror(errno));
}

void boot_mount(void)
{
    int fd;

    mount_one("devtmpfs", "/dev");
    mount_one("proc", "/proc");
    mount_one("sysfs", "/sys");
    mount_one("tmpfs", "/run");
    boot_allow_overcommit();

    fd = open("/dev/hvc0", O_RDWR | O_NOCTTY);
    if (fd < 0)
        fd = open("/dev/null", O_RDWR);
    if (fd < 0)
        return;
    for (int i = 0; i <= 2; i++)
        if (fd != i)
            dup2(fd, i);
    if (fd > 2)
        close(fd);
}

void boot_mount_xenfs(void)
{
    mount_one("xenfs", "/proc/xen");
}

/* Each with its reason. */
static const struct {
    const char *file, *options;
} module_options[] = {
    /* QEMU's first device model operation names no domain, which a
     * restricted privcmd refuses. */
    { "/xen-privcmd.ko", "unrestricted=1" },
    /* Eight cost memory. */
    { "/loop.ko", "max_loop=1" },
    /* 4 MiB a disk, to copy through. */
    { "/xen-blkfront.ko", "feature_persistent=0" },
};

static const char *options_of(const char *path)
{
    for (size_t i = 0; i < sizeof(module_options) / sizeof(*module_options);
         i++)
        if (strstr(path, module_options[i].file))
            return module_options[i].options;
    return "";
}

static void load_module(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        log_error("cannot open module %s: %s", path, strerror(errno));
        return;
    }
    if (syscall(SYS_finit_module, fd, options_of(path), 0) &&
        errno != EEXIST)
        log_error("cannot load module %s: %s; kernel and initrd must be of "
                  "one mkstubdom", path, strerror(errno));
    close(fd);
}

/* The modules that the list of this kernel names. -1: there is no list. */
static int load_list(const char *dir, const char *list)
{
    struct utsname kernel;
    char path[256];
    FILE *f;

    uname(&kernel);
    snprintf(path, sizeof(path), "%s/%s/%s", dir, kernel.release, list);
    f = fopen(path, "re");
    if (!f)
        return -1;
    while (fgets(path, sizeof(path), f)) {
        path[strcspn(path, "\n")] = '\0';
        if (*path)
            load_module(path);
    }
    fclose(f);
    return 0;
}

int boot_load_modules(const char *dir)
{
    struct utsname kernel;

    if (access(dir, F_OK) || !load_list(dir, "list"))
        return 0;
    uname(&kernel);
    log_error("the kernel is %s, and the initrd has no modules for it: "
              "they are not of one mkstubdom, or it was at work just "
              "then; create the guest again, or run mkstubdom; powering "
              "off", kernel.release);
    return -1;
}

/* A loop device of that file. -1: errno. */
static int loop_open(const char *file, char *device_r, size_t size)
{
    struct loop_config config = {
        .info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
    };
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), n, fd = -1;
    int of_file = open(file, O_RDONLY | O_CLOEXEC);

    config.fd = (uint32_t)of_file;
    n = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
    if (n >= 0 && of_file >= 0) {
        snprintf(device_r, size, "/dev/loop%d", n);
        fd = open(device_r, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config)) {
            close(fd);
            fd = -1;
        }
    }
    if (of_file >= 0)
        close(of_file);
    if (control >= 0)
        close(control);
    return fd;
}

int boot_mount_image(const char *file, const char *dir)
{
    char device[64], ahead[128];
    int loop, r;

    if (access(file, F_OK))
        return 0;
    loop = loop_open(file, device, sizeof(device));
    /* One block of the squashfs (mkstubdom): what is read ahead of a program
     * that is mapped is mostly not used, but unpacked and kept. */
    snprintf(ahead, sizeof(ahead), "/sys/block/%s/queue/read_ahead_kb",
             loop < 0 ? "" : strrchr(device, '/') + 1);
    if (loop >= 0 && !file_write(ahead, "32"))
        log_error("cannot write to %s: %s; the start takes longer", ahead,
                  strerror(errno));
    r = loop < 0 ? -1 : mount(device, dir, "squashfs", MS_RDONLY, NULL);
    if (r)
        log_error("cannot mount %s on %s: %s; make the image anew with "
                  "mkstubdom", file, dir, strerror(errno));
    if (loop >= 0)
        close(loop);
    return r;
}

void boot_load_network(const char *dir)
{
    if (!access(dir, F_OK) && load_list(dir, "network"))
        log_error("this image has no drivers for NICs; make it anew with "
                  "mkstubdom");
}

int boot_load_pci(const char *dir)
{
    if (access(dir, F_OK) || !load_list(dir, "pci"))
        return 0;
    log_error("this image's kernel has no xen-pcifront: PCI devices will "
              "not be found; name a kernel that has it to mkstubdom");
    return -1;
}

/* The number behind a name at a line's beginning; 0: there is none. */
static unsigned long number_in(const char *file, const char *name)
{
    FILE *f = fopen(file, "re");
    unsigned long number = 0;
    size_t n = strlen(name);
    char line[128];

    while (f && fgets(line, sizeof(line), f))
        if (!strncmp(line, name, n))
            number = strtoul(line + n, NULL, 10);
    if (f)
        fclose(f);
    return number;
}

unsigned long boot_oom_kills(void)
{
    return number_in("/proc/vmstat", "oom_kill ");
}
