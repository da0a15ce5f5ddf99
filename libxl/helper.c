/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-helper: what libxl starts in dom0 where it would have started a QEMU
 * for a stubdomain's PV backends (device_model_override). It makes the
 * stubdomain's consoles ours, takes the place of the QMP proxy, tells
 * libxl that all is well and then looks after its worker, the one process
 * that touches QMP (helper_worker.h).
 *
 * Rights of this process, which stays root, after the set-up:
 *   CAP_SETUID, CAP_SETGID, CAP_SYS_CHROOT: to start the worker again
 *   CAP_SETPCAP: for the worker to give up its bounding set
 *   CAP_KILL: the worker is another user's process
 *   CAP_DAC_OVERRIDE: the directory below /run/xenqmp holds its sockets
 *
 * Its life: libxl sends SIGHUP, twice, at xl destroy: the service ends, and
 * the process with its domain, so that the pid libxl has written down never
 * becomes a stranger's. SIGTERM ends it at once.
 */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "helper_args.h"
#include "helper_consoles.h"
#include "helper_devices.h"
#include "helper_proxy.h"
#include "helper_socket.h"
#include "helper_store.h"
#include "helper_worker.h"
#include "log.h"
#include "loop.h"

#define RUN_DIR         "/run/xenqmp"
#define XENCONSOLED     "/run/xen/xenconsoled.sock"
/* A worker's user where libxl's range is not set up: far above what
 * distributions give out, one for each domain. */
#define WORKER_UID_BASE 0x78650000u
/* libxl's user of that name begins a range with one user a domain. */
#define LIBXL_RANGE     "xen-qemuuser-range-base"
#define RESTART_MAX_MS  10000
/* A domain that libxl is destroying is gone by then. */
#define LINGER_MS       30000
/* xenconsoled greets as soon as it accepts. */
#define GREETING_MS     5000

static const char *const qemu_paths[] = {
    "/usr/libexec/xen-qemu-system-i386",
    "/usr/lib/xen/bin/qemu-system-i386",
};

struct helper {
    struct loop loop;
    struct xs_handle *xs;
    struct helper_args args;
    uint32_t guest, dm;
    uid_t uid;
    char root[64], guest_path[108];
    struct helper_socket clients, toolstack;
    struct worker_config worker_config;
    pid_t worker, qemu;
    int64_t worker_began_ms, restart_ms;
    int serial_ports, tty_known;        /* tty_known: a bit a port */
    bool ending;
    int signal_fd;
    loop_id signal_id, xs_id;
    struct loop_timer restart, linger;
};

/* Is the xenconsoled that runs ours? */
static int check_xenconsoled(uint32_t dm)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX,
                                .sun_path = XENCONSOLED };
    struct timeval limit = { .tv_sec = GREETING_MS / 1000 };
    char greeting[64];
    ssize_t n = -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
            n = read(fd, greeting, sizeof(greeting) - 1);
        close(fd);
    }
    greeting[n < 0 ? 0 : n] = '\0';
    if (!strncmp(greeting, "xenconsoled 1 ", 14))
        return 0;
    log_error("domain %u: the xenconsoled that runs is Xen's own, which "
              "cannot serve a stubdomain's consoles: start %s/xenconsoled in "
              "its place, as xenqmp's README says", dm, XENQMP_LIBEXECDIR);
    return -1;
}

static uid_t worker_uid(uint32_t dm)
{
    struct passwd *user = getpwnam(LIBXL_RANGE);

    return (user ? user->pw_uid : WORKER_UID_BASE) + dm;
}

/* Step 3 of the design: the proxy goes, our socket takes its place. */
static int take_proxys_place(struct helper *h)
{
    char *pid = store_read(h->xs, XBT_NULL,
                           "/local/domain/%u/image/qmp-proxy-pid", h->dm);
    char own[16];
    int r = 0;

    if (pid && atoi(pid) > 0)
        r = proxy_end(atoi(pid), h->dm);
    free(pid);
    if (r) {
        log_error("domain %u: its vchan-socket-proxy does not end", h->dm);
        return -1;
    }
    if (helper_socket_listen(&h->clients, h->guest_path)) {
        log_error("domain %u: cannot listen at %s: %s", h->guest,
                  h->guest_path, strerror(errno));
        return -1;
    }
    snprintf(own, sizeof(own), "%d", (int)getpid());
    return store_write(h->xs, XBT_NULL, own,
                       "/local/domain/%u/image/qmp-proxy-pid", h->dm) ?
           0 : -1;
}

static void worker_start(void *data);

static void worker_ended(struct helper *h, int status)
{
    h->worker = 0;
    if (h->ending)
        return;
    log_error("domain %u: the QMP worker ended (%s %d) and is started "
              "again", h->dm,
              WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    /* At once if it had lived for a while, else ever later. */
    if (loop_now_ms() - h->worker_began_ms > RESTART_MAX_MS)
        h->restart_ms = 0;
    loop_timer_set(&h->loop, &h->restart, h->restart_ms, worker_start, h);
    h->restart_ms = h->restart_ms ? 2 * h->restart_ms : 500;
    if (h->restart_ms > RESTART_MAX_MS)
        h->restart_ms = RESTART_MAX_MS;
}

static void worker_start(void *data)
{
    struct helper *h = data;

    h->worker_began_ms = loop_now_ms();
    h->worker = fork();
    if (h->worker == 0)
        _exit(worker_run(&h->worker_config));
    if (h->worker < 0) {
        h->worker = 0;
        log_error("domain %u: cannot start its QMP worker: %s", h->dm,
                  strerror(errno));
        loop_timer_set(&h->loop, &h->restart, RESTART_MAX_MS, worker_start,
                       h);
    }
}

/* Step 5: a disk image has QEMU in dom0 as its backend. */
static int qemu_start(struct helper *h, char **argv)
{
    sigset_t none;

    log_warn("domain %u: a disk image needs QEMU in dom0 as its backend; a "
             "block device (phy:) would do without", h->dm);
    h->qemu = fork();
    if (h->qemu)
        return h->qemu < 0 ? -1 : 0;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (size_t i = 0; i < sizeof(qemu_paths) / sizeof(qemu_paths[0]); i++) {
        argv[0] = (char *)qemu_paths[i];
        execv(argv[0], argv);
    }
    log_error("domain %u: cannot run QEMU for its disks: %s; install "
              "qemu-system-xen", h->dm, strerror(errno));
    _exit(127);
}

static void service_end(struct helper *h)
{
    if (h->ending)
        return;
    h->ending = true;
    loop_timer_clear(&h->loop, &h->restart);
    if (h->worker)
        kill(h->worker, SIGKILL);
    if (h->qemu)
        kill(h->qemu, SIGTERM);
    helper_socket_dispose(&h->clients);
    helper_socket_dispose(&h->toolstack);
}

static bool domain_is_gone(struct helper *h)
{
    char *domid = store_read(h->xs, XBT_NULL, "/local/domain/%u/domid",
                             h->dm);
    bool gone = !domid && errno == ENOENT;

    free(domid);
    return gone;
}

static void lingered(void *data)
{
    loop_stop(&((struct helper *)data)->loop);
}

static void children_reap(struct helper *h)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == h->worker) {
            worker_ended(h, status);
        } else if (pid == h->qemu) {
            h->qemu = 0;
            if (!h->ending)
                log_error("domain %u: QEMU for its disks in dom0 ended",
                          h->dm);
        }
    }
}

static void signal_ready(void *data, uint32_t events)
{
    struct helper *h = data;
    struct signalfd_siginfo info;

    (void)events;
    while (read(h->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            children_reap(h);
            continue;
        }
        service_end(h);
        if (info.ssi_signo == SIGTERM || domain_is_gone(h))
            loop_stop(&h->loop);
        else if (!loop_timer_is_set(&h->linger))
            loop_timer_set(&h->loop, &h->linger, LINGER_MS, lingered, h);
    }
}

static void xs_ready(void *data, uint32_t events)
{
    struct helper *h = data;
    char **watch;

    (void)events;
    while ((watch = xs_check_watch(h->xs)))
        free(watch);
    for (int i = 0; i < h->serial_ports; i++)
        if (!(h->tty_known & 1 << i) &&
            consoles_forward_tty(h->xs, h->guest, h->dm, i))
            h->tty_known |= 1 << i;
    if (domain_is_gone(h)) {
        service_end(h);
        loop_stop(&h->loop);
    }
}

static int watch_all(struct helper *h)
{
    char path[STORE_PATH_MAX];

    if (!xs_watch(h->xs, "@releaseDomain", "release"))
        return -1;
    snprintf(path, sizeof(path), "/local/domain/%u/domid", h->dm);
    if (!xs_watch(h->xs, path, "domid"))
        return -1;
    for (int i = 0; i < h->serial_ports; i++) {
        snprintf(path, sizeof(path), "/local/domain/%u/device/console/%d/tty",
                 h->dm, CONSOLE_SERIAL + i);
        if (!xs_watch(h->xs, path, "tty"))
            return -1;
    }
    return loop_add(&h->loop, xs_fileno(h->xs), EPOLLIN, xs_ready, h,
                    &h->xs_id);
}

static int make_root(struct helper *h)
{
    snprintf(h->root, sizeof(h->root), RUN_DIR "/%u", h->dm);
    if ((mkdir(RUN_DIR, 0711) && errno != EEXIST) ||
        (mkdir(h->root, 0711) && errno != EEXIST)) {
        log_error("domain %u: cannot make %s: %s", h->dm, h->root,
                  strerror(errno));
        return -1;
    }
    return 0;
}

static void remove_root(struct helper *h)
{
    /* xenconsoled takes its sockets away with the console; what it left
     * when it was killed goes here. */
    static const char *const names[] = { "console-3", "console-3.ctl" };
    char path[128];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", h->root, names[i]);
        unlink(path);
    }
    rmdir(h->root);
    rmdir(RUN_DIR);
}

/* The six steps, in the design's order. */
static int set_up(struct helper *h, char **argv)
{
    char *target = store_read(h->xs, XBT_NULL, "/local/domain/%u/target",
                              h->dm);
    const char *slash = strrchr(h->args.toolstack, '/');
    int qdisks;

    if (!target || !slash) {
        log_error("domain %u is no stubdomain that libxl is starting: set "
                  "device_model_stubdomain_override=1 in the guest's "
                  "configuration", h->dm);
        free(target);
        return -1;
    }
    h->guest = (uint32_t)strtoul(target, NULL, 10);
    free(target);
    snprintf(h->guest_path, sizeof(h->guest_path), "%.*s/qmp-libxl-%u",
             (int)(slash - h->args.toolstack), h->args.toolstack, h->guest);
    h->uid = worker_uid(h->dm);

    if (check_xenconsoled(h->dm) || make_root(h))
        return -1;
    h->serial_ports = consoles_edit(h->xs, h->guest, h->dm, h->root, h->uid);
    if (h->serial_ports < 0 || take_proxys_place(h))
        return -1;
    qdisks = devices_prune(h->xs, h->dm);
    if (qdisks) {
        if (qemu_start(h, argv))
            return -1;
    } else if (helper_socket_listen(&h->toolstack, h->args.toolstack)) {
        log_error("domain %u: cannot listen at %s: %s", h->dm,
                  h->args.toolstack, strerror(errno));
        return -1;
    }
    h->worker_config = (struct worker_config){
        .parent = getpid(),
        .guest_domid = h->guest, .dm_domid = h->dm, .root = h->root,
        .console = "/console-3", .listen_fd = h->clients.fd,
        .toolstack_fd = h->toolstack.fd, .uid = h->uid, .gid = h->uid,
        .sandbox = true,
    };
    worker_start(h);
    /* QEMU, if there is one, says for itself that it runs. */
    if (!qdisks && !store_write(h->xs, XBT_NULL, "running",
                                "/local/domain/0/device-model/%u/state",
                                h->dm))
        return -1;
    return watch_all(h);
}

static void drop_privileges(void)
{
    static const cap_value_t kept[] = {
        CAP_SETUID, CAP_SETGID, CAP_SYS_CHROOT, CAP_SETPCAP, CAP_KILL,
        CAP_DAC_OVERRIDE,
    };
    cap_t caps = cap_init();

    if (!caps ||
        cap_set_flag(caps, CAP_PERMITTED, sizeof(kept) / sizeof(kept[0]),
                     kept, CAP_SET) ||
        cap_set_flag(caps, CAP_EFFECTIVE, sizeof(kept) / sizeof(kept[0]),
                     kept, CAP_SET) ||
        cap_set_proc(caps))
        log_warn("cannot give up capabilities: %s", strerror(errno));
    cap_free(caps);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int signals_open(struct helper *h)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    h->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (h->signal_fd < 0)
        return -1;
    return loop_add(&h->loop, h->signal_fd, EPOLLIN, signal_ready, h,
                    &h->signal_id);
}

int main(int argc, char **argv)
{
    static struct helper h = { .clients.fd = -1, .toolstack.fd = -1 };
    int r;

    if (helper_args_parse(&h.args, argc, argv))
        return 2;
    if (h.args.help || h.args.version) {
        printf(h.args.version ? "qmp-helper %s\n" :
               "qmp-helper %s: started by libxl where a guest's "
               "configuration says\n  device_model_override = \"%s/"
               "qmp-helper\"\n", XENQMP_VERSION, XENQMP_LIBEXECDIR);
        return 0;
    }
    closefrom(3);
    log_open("qmp-helper", LOG_TO_STDERR, LOG_LEVEL_INFO);
    h.dm = h.args.domid;
    h.xs = xs_open(0);
    if (!h.xs || loop_init(&h.loop) || signals_open(&h)) {
        log_error("domain %u: cannot start: %s", h.dm, h.xs ?
                  strerror(errno) : "xenstored does not answer");
        return 1;
    }
    r = set_up(&h, argv);
    if (!r) {
        drop_privileges();
        while (loop_run(&h.loop))
            continue;
    }
    service_end(&h);
    while (h.worker && waitpid(h.worker, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (*h.root)
        remove_root(&h);
    return r ? 1 : 0;
}
