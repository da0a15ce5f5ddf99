/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stubdomain's PV disks as fdsets of its QEMU.
 *
 * To change a CD, libxl from Xen 4.20 on (libxl_disk.c; Xen,
 * docs/misc/stubdom.txt) unplugs the old PV disk from the stubdomain and
 * plugs the new one in, asks query-fdsets until a descriptor's opaque is
 * "stub-devid:<devid>", and gives QEMU that set as the medium. libxl removes
 * the old disk's descriptor itself, and looks for the set of an empty
 * drive as well. So each PV disk has a set here for as long as it is
 * plugged in, opened for reading, which is what a CD's medium has to be.
 *
 * Disks are found in sysfs, as /sys/block/<name> -> .../vbd-<devid>/block/
 * <name>; the kernel's uevents only say when to look again, and which have
 * been unplugged: a CD's successor has its devid.
 *
 * This owns QEMU's monitor A, on which one command is in flight at a time.
 * A is connected always and always read, because QEMU before 9.1 closes the
 * unused descriptors of fdsets when its last monitor disconnects while the
 * guest runs.
 */
#ifndef XENQMP_TOOLS_STUBDOM_DISKS_H
#define XENQMP_TOOLS_STUBDOM_DISKS_H

#include "arguments.h"
#include "monitor.h"
#include "libxl/qmp/framer.h"

/* More than libxl emulates (26), and than anybody plugs in besides. */
#define DISKS_MAX  256
/* The set of devid n has this id + n: no one else's, since QEMU and libxl
 * count from 0, and within an int (Xen's devids are below 1 << 29). */
#define DISKS_FDSET (1 << 30)

struct disk {
    int devid;
    bool gone;                  /* its set is to be removed */
    bool early;                 /* seen before it could be opened */
};

struct disks {
    /* the caller sets */
    struct loop *loop;
    const char *sysfs, *dev;    /* "/sys/block", "/dev" */
    int uevents;                /* disks_uevents_open(); -1: none */
    /* After each connection of monitor A. */
    void (*connected)(void *data);
    void *data;
    /* readable */
    struct monitor monitor;
    /* private */
    struct disk known[DISKS_MAX];
    size_t known_n;
    bool waiting;               /* for the reply to a command */
    int adding;                 /* the devid that it is about, or -1 */
    int announced;              /* devid of the kernel's last, just now */
    struct qmp_framer from_qemu;
    loop_id uevents_id;
};

/* Where the kernel tells of devices; non-blocking. -1: errno. */
int disks_uevents_open(void);

/* Connects to the monitor at that path, once it is there, and again.
 * -1: errno; it hears no uevents. */
int disks_start(struct disks *disks, const char *path);

/* Until the disks that QEMU's arguments name, below that directory ("/dev"),
 * can be opened, which Linux does not wait for with STUBDOM_CMDLINE
 * (stubdom_image.h). A line for one that cannot after so many ms. */
void disks_wait(const struct arguments *arguments, const char *dev,
                unsigned int ms);

/* The devid and the name in ".../vbd-<devid>/block/<name>". False: it is
 * another path, a partition's for example. */
bool disks_parse_path(const char *path, int *devid_r, char name_r[32]);

#endif
