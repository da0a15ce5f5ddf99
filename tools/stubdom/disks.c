/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/common/log.h"
#include "libxl/qmp/message.h"

/* The kernel's multicast group; others are udev's. */
#define UEVENT_GROUP   1
/* The kernel's own limit is 2 KiB of variables behind a path. */
#define UEVENT_MAX     8192
/* Replies to the commands here, and events, which nobody reads. */
#define MONITOR_MESSAGE_MAX 65536
#define LOOK_MS        5

static void disks_next(struct disks *disks);

/* --- What is plugged in ---------------------------------------------- */

bool disks_parse_path(const char *path, int *devid_r, char name_r[32])
{
    const char *vbd = strstr(path, "/vbd-");
    int end = 0;

    return vbd && sscanf(vbd, "/vbd-%9d/block/%31[^/]%n", devid_r, name_r,
                         &end) == 2 && !vbd[end] && *devid_r >= 0;
}

static struct disk *disk_known(struct disks *disks, int devid)
{
    for (size_t i = 0; i < disks->known_n; i++)
        if (disks->known[i].devid == devid)
            return &disks->known[i];
    return NULL;
}

/* Marks the known ones that are plugged in no more. The first that is
 * plugged in and not known: true. */
static bool disks_look(struct disks *disks, int *devid_r, char name_r[32])
{
    bool present[DISKS_MAX] = { false }, found = false;
    DIR *dir = opendir(disks->sysfs);
    char target[PATH_MAX], name[32];
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target,
                               sizeof(target) - 1);
        struct disk *disk;
        int devid;

        target[n > 0 ? n : 0] = '\0';
        if (!disks_parse_path(target, &devid, name))
            continue;
        disk = disk_known(disks, devid);
        if (disk) {
            present[disk - disks->known] = true;
        } else if (!found && disks->known_n < DISKS_MAX) {
            found = true;
            *devid_r = devid;
            strcpy(name_r, name);
        }
    }
    for (size_t i = 0; dir && i < disks->known_n; i++)
        disks->known[i].gone |= !present[i];
    if (dir)
        closedir(dir);
    return found;
}

/* It is in /dev before it can be opened. */
static bool disk_is_coming(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0)
        close(fd);
    return fd < 0 && (errno == ENOENT || errno == ENXIO);
}

void disks_wait(const struct arguments *arguments, const char *dev,
                unsigned int ms)
{
    char begin[64], path[128];

    snprintf(begin, sizeof(begin), "file=%s/xvd", dev);
    for (size_t i = 0; i < arguments->n; i++) {
        const char *at = strstr(arguments->argv[i], begin);

        if (!at)
            continue;
        at += strlen("file=");
        snprintf(path, sizeof(path), "%.*s", (int)strcspn(at, ","), at);
        for (; disk_is_coming(path) && ms > LOOK_MS; ms -= LOOK_MS)
            usleep(LOOK_MS * 1000);
        if (disk_is_coming(path))
            log_error("%s is not there: its backend in dom0 has not "
                      "connected; QEMU starts all the same", path);
    }
}

/* --- QEMU ------------------------------------------------------------ */

static void disks_command(struct disks *disks, const char *command, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { .bytes = { 0 } };
    struct iovec text = { (char *)(uintptr_t)command, strlen(command) };
    struct msghdr msg = { .msg_iov = &text, .msg_iovlen = 1 };

    if (fd >= 0) {
        struct cmsghdr *head;

        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        head = CMSG_FIRSTHDR(&msg);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &fd, sizeof(int));
    }
    /* Nothing else is on its way, so it fits, or QEMU has gone, which
     * reading will tell. */
    if (sendmsg(disks->monitor.fd, &msg, MSG_NOSIGNAL) !=
        (ssize_t)text.iov_len)
        log_guest(0, LOG_LEVEL_ERROR, "QEMU's monitor takes no command: %s",
                  strerror(errno));
    disks->waiting = true;
}

static void disk_remove(struct disks *disks, struct disk *disk)
{
    char command[128];

    snprintf(command, sizeof(command), "{\"execute\": \"remove-fd\", "
             "\"arguments\": {\"fdset-id\": %d}}\n",
             DISKS_FDSET + disk->devid);
    *disk = disks->known[--disks->known_n];
    disks_command(disks, command, -1);
}

static void disk_add(struct disks *disks, int devid, const char *name)
{
    struct disk *disk = &disks->known[disks->known_n++];
    char command[192], path[PATH_MAX];
    int fd;

    *disk = (struct disk){ .devid = devid };
    snprintf(path, sizeof(path), "%s/%s", disks->dev, name);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENXIO || errno == ENOENT) &&
        disks->announced != devid) {
        /* It is in sysfs before it is made, and announced behind. */
        disk->early = true;
        return;
    }
    if (fd < 0) {
        log_guest(0, LOG_LEVEL_ERROR, "disk %d: cannot open %s: %s", devid,
                  path, strerror(errno));
        return;
    }
    snprintf(command, sizeof(command), "{\"execute\": \"add-fd\", "
             "\"arguments\": {\"fdset-id\": %d, "
             "\"opaque\": \"stub-devid:%d\"}}\n", DISKS_FDSET + devid,
             devid);
    disks->adding = devid;
    disks_command(disks, command, fd);
    close(fd);
}

/* One command, if there is something to do and none is in flight. Sets are
 * removed first: one to be added may be a successor's. */
static void disks_next(struct disks *disks)
{
    char name[32];
    int devid;

    while (disks->monitor.fd >= 0 && !disks->waiting) {
        bool found = disks_look(disks, &devid, name);
        size_t i = 0;

        while (i < disks->known_n && !disks->known[i].gone)
            i++;
        if (i < disks->known_n)
            disk_remove(disks, &disks->known[i]);
        else if (found)
            disk_add(disks, devid, name);
        else
            return;
    }
}

static void disks_reply(struct disks *disks,
                        const struct qmp_message *message)
{
    char class[64], desc[256];

    if (message->kind == QMP_ERROR && disks->adding >= 0) {
        qmp_message_error(message, class, sizeof(class), desc,
                          sizeof(desc));
        log_guest(0, LOG_LEVEL_ERROR, "disk %d: QEMU does not take it: %s",
                  disks->adding, desc);
    }
    /* A set that libxl has removed is not there any more: no matter. */
    disks->waiting = false;
    disks->adding = -1;
}

static void monitor_lost(struct disks *disks)
{
    monitor_close(&disks->monitor);
    monitor_connect(&disks->monitor);
}

static void monitor_readable(void *data, uint32_t events)
{
    struct disks *disks = data;
    enum qmp_framer_result what;
    struct qmp_message message;
    const char *text, *why;
    char bytes[4096];
    size_t len;
    ssize_t n = read(disks->monitor.fd, bytes, sizeof(bytes));

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || qmp_framer_push(&disks->from_qemu, bytes, (size_t)n)) {
        monitor_lost(disks);
        return;
    }
    while ((what = qmp_framer_next(&disks->from_qemu, &text, &len)) !=
           QMP_FRAMER_MORE)
        if (what == QMP_FRAMER_MESSAGE &&
            qmp_message_parse(&message, text, len, &why) &&
            (message.kind == QMP_RETURN || message.kind == QMP_ERROR))
            disks_reply(disks, &message);
    disks_next(disks);
}

/* QEMU may be the one from before, which has sets, or another. */
static void monitor_connected(void *data)
{
    struct disks *disks = data;

    qmp_framer_reset(&disks->from_qemu);
    for (size_t i = 0; i < disks->known_n; i++)
        disks->known[i].gone = true;
    disks->adding = -1;
    disks_command(disks, "{\"execute\": \"qmp_capabilities\"}\n", -1);
    disks->connected(disks->data);    /* must be last */
}

/* --- The kernel ------------------------------------------------------ */

int disks_uevents_open(void)
{
    struct sockaddr_nl addr = { .nl_family = AF_NETLINK,
                                .nl_groups = UEVENT_GROUP };
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    NETLINK_KOBJECT_UEVENT);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* "<action>@<path>", and variables behind it. */
static void uevent(struct disks *disks, const char *text)
{
    bool added = !strncmp(text, "add@", 4);
    struct disk *disk;
    char name[32];
    int devid;

    if ((!added && strncmp(text, "remove@", 7)) ||
        !disks_parse_path(text, &devid, name))
        return;
    disk = disk_known(disks, devid);
    if (added)
        disks->announced = devid;
    if (disk && added && disk->early)
        *disk = disks->known[--disks->known_n];
    else if (disk && !added)
        disk->gone = true;
}

/* Which were announced is not known: all are looked at again. */
static void uevents_lost(struct disks *disks)
{
    for (size_t i = disks->known_n; i-- > 0; )
        if (disks->known[i].early)
            disks->known[i] = disks->known[--disks->known_n];
}

static void uevents_ready(void *data, uint32_t events)
{
    struct disks *disks = data;
    char text[UEVENT_MAX];
    ssize_t n;

    (void)events;
    do {
        struct sockaddr_nl from = { .nl_pid = 0 };
        socklen_t size = sizeof(from);

        n = recvfrom(disks->uevents, text, sizeof(text) - 1, 0,
                     (struct sockaddr *)&from, &size);
        text[n > 0 ? n : 0] = '\0';
        /* The kernel's own; what it had no room for is seen in sysfs. */
        if (n < 0 && errno == ENOBUFS)
            uevents_lost(disks);
        else if (from.nl_pid == 0)
            uevent(disks, text);
    } while (n > 0 || (n < 0 && (errno == ENOBUFS || errno == EINTR)));
    disks_next(disks);
    /* Its successor may be seen early again. */
    disks->announced = -1;
}

int disks_start(struct disks *disks, const char *path)
{
    disks->adding = disks->announced = -1;
    disks->monitor = (struct monitor){
        .loop = disks->loop, .path = path, .fd = -1,
        .connected = monitor_connected, .readable = monitor_readable,
        .data = disks,
    };
    qmp_framer_init(&disks->from_qemu, QMP_FRAMER_SERVER,
                    MONITOR_MESSAGE_MAX);
    if (disks->uevents >= 0 &&
        loop_add(disks->loop, disks->uevents, EPOLLIN, uevents_ready, disks,
                 &disks->uevents_id))
        return -1;
    monitor_connect(&disks->monitor);
    return 0;
}
