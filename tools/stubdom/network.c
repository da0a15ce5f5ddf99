/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/common/log.h"

#define NETWORK_CLASS "/sys/class/net"

int network_tap_of(const char *argument, char *name_r, size_t size)
{
    const char *name = strstr(argument, ",ifname=");
    int devid, end = 0;
    size_t n;

    if (!name || !strstr(argument, "tap,"))
        return -1;
    name += strlen(",ifname=");
    n = strcspn(name, ",");
    if (sscanf(name, "vif%*u.%4d-emu%n", &devid, &end) != 1 ||
        (size_t)end != n || n >= size || devid < 0)
        return -1;
    memcpy(name_r, name, n);
    name_r[n] = '\0';
    return devid;
}

static void bridge_name(char *name, int devid)
{
    snprintf(name, IFNAMSIZ, "br%d", devid);
}

static int link_up(int fd, const char *name)
{
    struct ifreq ifr = { .ifr_flags = 0 };

    snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
    if (ioctl(fd, SIOCGIFFLAGS, &ifr))
        return -1;
    if (ifr.ifr_flags & IFF_UP)
        return 0;
    ifr.ifr_flags |= IFF_UP;
    return ioctl(fd, SIOCSIFFLAGS, &ifr);
}

/* Makes it a port of the devid's bridge. */
static int link_connect(int fd, const char *name, int devid)
{
    struct ifreq ifr = { .ifr_ifindex = (int)if_nametoindex(name) };

    bridge_name(ifr.ifr_name, devid);
    /* EBUSY: it is one already. */
    return ioctl(fd, SIOCBRADDIF, &ifr) && errno != EBUSY ? -1 : 0;
}

/* It stays when this descriptor is closed; QEMU opens it by its name. */
static int tap_make(const char *name)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), r;

    if (fd < 0)
        return -1;
    snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
    r = ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETPERSIST, 1) ? -1 : 0;
    close(fd);
    return r;
}

static void tap_connect(int fd, const char *tap, int devid)
{
    char bridge[IFNAMSIZ];

    bridge_name(bridge, devid);
    if (tap_make(tap) ||
        (ioctl(fd, SIOCBRADDBR, bridge) && errno != EEXIST) ||
        link_up(fd, bridge) || link_up(fd, tap) ||
        link_connect(fd, tap, devid))
        log_error("NIC %d: %s and its bridge cannot be made: %s", devid, tap,
                  strerror(errno));
}

static int link_readdress(int fd, const char *name)
{
    struct ifreq ifr = { .ifr_flags = 0 };

    snprintf(ifr.ifr_name, IFNAMSIZ, "%.15s", name);
    if (ioctl(fd, SIOCGIFHWADDR, &ifr))
        return -1;
    if (ifr.ifr_hwaddr.sa_data[0] == (char)0xfe)
        return 0;
    ifr.ifr_hwaddr.sa_data[0] = (char)0xfe;
    return ioctl(fd, SIOCSIFHWADDR, &ifr);
}

int network_link_prepare(int fd, const char *name)
{
    return link_readdress(fd, name) || link_up(fd, name) ? -1 : 0;
}

/* The devid of a frontend, which is the xenbus device vif-<devid>. */
static int frontend_devid(const char *name)
{
    char path[64], target[256];
    const char *last;
    ssize_t n;
    int devid;

    snprintf(path, sizeof(path), NETWORK_CLASS "/%.20s/device", name);
    n = readlink(path, target, sizeof(target) - 1);
    if (n < 0)
        return -1;
    target[n] = '\0';
    last = strrchr(target, '/');
    return sscanf(last ? last + 1 : target, "vif-%4d", &devid) == 1 ?
           devid : -1;
}

static void frontends_connect(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    DIR *class = opendir(NETWORK_CLASS);
    struct dirent *entry;
    char bridge[IFNAMSIZ];

    while (fd >= 0 && class && (entry = readdir(class))) {
        int devid = frontend_devid(entry->d_name);

        if (devid < 0)
            continue;
        bridge_name(bridge, devid);
        /* One without an emulated NIC is the guest's own affair. */
        if (if_nametoindex(bridge) &&
            (network_link_prepare(fd, entry->d_name) ||
             link_connect(fd, entry->d_name, devid)))
            log_error("NIC %d: %s cannot be connected to %s: %s", devid,
                      entry->d_name, bridge, strerror(errno));
    }
    if (class)
        closedir(class);
    if (fd >= 0)
        close(fd);
}

/* Some link has changed; which one is seen in sysfs. What is set here is told
 * here, too: only what is not so yet may be, or there is no end of it. */
static void link_changed(void *data, uint32_t events)
{
    struct network *network = data;
    char junk[8192];

    (void)events;
    while (recv(network->netlink, junk, sizeof(junk), 0) > 0)
        continue;
    frontends_connect();
}

static int netlink_open(void)
{
    struct sockaddr_nl addr = { .nl_family = AF_NETLINK,
                                .nl_groups = RTMGRP_LINK };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    NETLINK_ROUTE);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* No address of its own on links that are made from here on. */
static void ipv6_disable(void)
{
    int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6",
                  O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;                 /* a kernel without it */
    if (write(fd, "1", 1) != 1)
        log_error("IPv6 cannot be turned off: %s", strerror(errno));
    close(fd);
}

void network_init(struct network *network, struct loop *loop,
                  const struct arguments *arguments)
{
    char tap[IFNAMSIZ];
    bool any = false;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    for (size_t i = 0; fd >= 0 && i < arguments->n; i++) {
        int devid = network_tap_of(arguments->argv[i], tap, sizeof(tap));

        if (devid < 0)
            continue;
        if (!any) {
            ipv6_disable();
            network->load();
        }
        any = true;
        tap_connect(fd, tap, devid);
    }
    if (fd >= 0)
        close(fd);
    if (!any)
        return;
    network->netlink = netlink_open();
    if (network->netlink < 0 ||
        loop_add(loop, network->netlink, EPOLLIN, link_changed, network,
                 &network->netlink_id))
        log_error("changes of the network cannot be watched: %s",
                  strerror(errno));
    frontends_connect();
}
