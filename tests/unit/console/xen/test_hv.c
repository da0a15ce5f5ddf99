/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xen/hv.c: whether the Xen that runs is the one that this is built for, and
 * events that Linux gives, or has lost. */
#include <sys/ioctl.h>
#include <unistd.h>

#define read  evtchn_read
#define ioctl evtchn_ioctl
static ssize_t evtchn_read(int fd, void *bytes, size_t size);
static int evtchn_ioctl(int fd, unsigned long request);
#include "console/xen/hv.c"
#undef read
#undef ioctl

#include "config.h"
#include "tap.h"

#define OURS (XENQMP_XEN_MAJOR << 16 | XENQMP_XEN_MINOR)

static int version;
static char nothing;

xc_interface *xc_interface_open(xentoollog_logger *logger,
                                xentoollog_logger *dombuild,
                                unsigned int flags)
{
    (void)logger, (void)dombuild, (void)flags;
    return (xc_interface *)&nothing;
}

int xc_interface_close(xc_interface *xc)
{
    check(xc == (xc_interface *)&nothing);
    return 0;
}

int xc_version(xc_interface *xc, int cmd, void *arg)
{
    (void)xc, (void)arg;
    check_int(cmd, XENVER_version);
    return version;
}

/* What comes next is not of interest. */
xenevtchn_handle *xenevtchn_open(xentoollog_logger *logger,
                                 unsigned int flags)
{
    (void)logger, (void)flags;
    errno = ENOENT;
    return NULL;
}

/* In its own line that is said, with both versions. */
static bool is_other(void)
{
    FILE *said = tmpfile();
    char line[512];
    bool other;

    check(said && dup2(fileno(said), STDERR_FILENO) >= 0);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_INFO);
    check(!hv_open(&other));
    rewind(said);
    check(fgets(line, sizeof(line), said));
    check(strstr(line, other ? "Xen 4.99 runs, and this xenqmp is built for "
                 : "cannot use event channels"));
    check(!fgets(line, sizeof(line), said));
    return other;
}

TEST(another_xen_is_refused_in_one_line)
{
    version = 4 << 16 | 99;
    check(is_other());
}

TEST(its_own_is_served)
{
    version = OURS;
    check(!is_other());
}

TEST(one_that_says_nothing_is_tried)
{
    version = -1;
    check(!is_other());
}

/* --- Events ---------------------------------------------------------- */

#define EVTCHN_FD 1000

static int evtchn_error = EAGAIN, next_port = 1;

static ssize_t evtchn_read(int fd, void *bytes, size_t size)
{
    (void)bytes;
    check_int(fd, EVTCHN_FD);
    check(size);
    errno = evtchn_error;
    return -1;
}

static int evtchn_ioctl(int fd, unsigned long request)
{
    check_int(fd, EVTCHN_FD);
    check(request == IOCTL_EVTCHN_RESET);
    evtchn_error = EAGAIN;
    return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    (void)xce;
    return EVTCHN_FD;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(
    xenevtchn_handle *xce, uint32_t domid, evtchn_port_t remote_port)
{
    (void)xce, (void)domid, (void)remote_port;
    return next_port += 2;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
    (void)xce, (void)port;
    return 0;
}

TEST(where_events_were_lost_each_port_may_have_had_one)
{
    enum { N = HV_PORTS_MAX + 44 };
    static uint32_t ports[HV_PORTS_MAX];
    static bool given[4 * N];
    struct hv hv = { .evtchn = NULL };
    ssize_t n;
    int sum = 0;

    for (int i = 0; i < N; i++)
        check(hv_bind(&hv, 1, 1, &nothing) > 0);
    hv_unbind(&hv, next_port);
    check_int(hv_pending(&hv, ports), 0);
    evtchn_error = EFBIG;
    do {
        n = hv_pending(&hv, ports);
        for (ssize_t i = 0; i < n; i++) {
            check(!given[ports[i]] && hv_port_data(&hv, ports[i]));
            given[ports[i]] = true;
        }
        sum += (int)n;
    } while (n == HV_PORTS_MAX);
    check_int(sum, N - 1);
    check_int(hv_pending(&hv, ports), 0);
}

TEST(event_channels_that_fail_say_so)
{
    uint32_t ports[HV_PORTS_MAX];
    struct hv hv = { .evtchn = NULL };

    evtchn_error = EINTR;
    check_int(hv_pending(&hv, ports), 0);
    evtchn_error = EIO;
    check_int(hv_pending(&hv, ports), -1);
    check_int(errno, EIO);
}

TAP_MAIN()
