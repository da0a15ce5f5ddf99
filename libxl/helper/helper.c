/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-helper: what libxl starts in dom0 where it would have started a QEMU
 * for a domain's PV backends (device_model_override), or, if it has
 * xenqmp's patches, a proxy for the QMP of a stubdomain. In that slot the
 * consoles are made already, and who needs a QEMU gets one from libxl.
 *
 * For a stubdomain it makes the consoles ours, takes the place of the QMP
 * proxy, tells libxl that all is well and then looks after its worker, the
 * one process that touches QMP (worker/worker.h). For a PV or PVH guest it
 * gives the channels to xenconsoled and stays; the worker then has nothing
 * but libxl's own questions to answer.
 *
 * Its life: libxl sends SIGHUP, twice, at xl destroy: the service ends, and
 * the process with its domain, so that the pid libxl has written down never
 * becomes a stranger's. SIGTERM ends it at once, and takes its pid out of
 * xenstore.
 *
 *   args        what libxl says
 *   probe       its question before there is a domain
 *   consoled    is the xenconsoled that runs ours? (And is the Xen: stubdom)
 *   root        the directory of its sockets
 *   console(s), channels, devices: xenstore's part
 *   serial      where the serial ports' terminals are found
 *   display     where viewers connect (display/display.h)
 *   proxy, pids: in the proxy's place
 *   socket(s), conf: where clients connect
 *   children    the workers
 *   qemu        a QEMU in dom0, where devices need one
 *   startup, toolstack: a stubdomain that does not start, and where that,
 *               and each refusal, is told
 *   stubdom     one that ends while its guest runs
 *   privileges  what root's process keeps
 *   helper      (here) the order of the steps; its life
 */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config.h"
#include "args.h"
#include "channels.h"
#include "children.h"
#include "consoled.h"
#include "consoles.h"
#include "devices.h"
#include "display.h"
#include "pci.h"
#include "pids.h"
#include "privileges.h"
#include "libxl/worker/probe.h"
#include "proxy.h"
#include "qemu.h"
#include "root.h"
#include "serial.h"
#include "sockets.h"
#include "startup.h"
#include "store.h"
#include "stubdom.h"
#include "toolstack.h"
#include "tools/common/log.h"
#include "tools/common/loop.h"
#include "tools/common/stubdom_memory.h"

/* A worker's user where libxl's range is not set up: far above what
 * distributions give out, one for each domain. */
#define WORKER_UID_BASE 0x78650000u
/* libxl's user of that name begins a range with one user a domain. */
#define LIBXL_RANGE     "xen-qemuuser-range-base"
#define HELPER_CONFIG   XENQMP_CONFIG_DIR "/qmp-helper.conf"
/* A domain that libxl is destroying is gone by then. */
#define LINGER_MS       30000
/* The same of a guest whose stubdomain is gone. */
#ifndef GUEST_MS
#define GUEST_MS        5000
#endif
#define DOMID_TOKEN     "domid"

static const char help[] =
"Usage: qmp-helper [ARGUMENT]...\n"
"libxl starts it where a guest's configuration says\n"
"  device_model_override = \"" XENQMP_LIBEXECDIR "/qmp-helper\"\n"
"with the arguments of a QEMU for PV backends. These count:\n"
"\n"
"  -xen-domid DOMID   whose backends\n"
"  -machine xenpv\n"
"  -chardev socket,id=libxl-cmd,path=PATH,...\n"
"                     where libxl will ask for that QEMU\n"
"\n"
"A libxl with xenqmp's patches starts it as\n"
"  qmp-helper --state-path=NODE DOMID SOCKET\n"
"in the place of vchan-socket-proxy.\n"
"\n"
"      --check-config\n"
"                     whether " HELPER_CONFIG " and the\n"
"                     certificates that it names will do\n"
"      --help\n"
"      --version\n";

struct helper {
    struct loop loop;
    struct xs_handle *xs;
    struct helper_args args;
    uint32_t domid;             /* whose PV backends: a stubdomain's, or */
    uint32_t guest;             /* the same if there is no stubdomain */
    struct helper_config config;
    struct helper_root root;
    struct helper_sockets sockets;
    struct worker_config worker_config;
    struct children children;
    struct helper_display display;
    struct display_counts *counts;      /* of it; shared with the workers */
    struct display_config display_config;
    struct children display_children;
    struct qemu qemu;           /* in dom0, where a device needs one */
    struct startup startup;
    struct stubdom stubdom;
    struct serial serial;
    bool ending;                /* the service */
    bool gone;                  /* the stubdomain, but not its guest */
    int signal_fd;
    loop_id signal_id, xs_id;
    struct loop_timer linger;
};

/* --- Its life -------------------------------------------------------- */

static void service_end(struct helper *h)
{
    if (h->ending)
        return;
    h->ending = true;
    startup_end(&h->startup);
    stubdom_end(&h->stubdom);
    serial_end(&h->serial);
    children_end(&h->children);
    children_end(&h->display_children);
    sockets_close(&h->sockets);
    display_close(&h->display);
}

/* Clients are told at once, by a socket that isn't there. */
static void worker_gave_up(void *data)
{
    service_end(data);
}

/* Its last worker can't say so any more; viewers are told at once. */
static void display_gave_up(void *data)
{
    struct helper *h = data;

    h->counts->viewers = 0;
    display_close(&h->display);
    display_withdraw(h->xs, h->guest);
}

static void lingered(void *data)
{
    loop_stop(&((struct helper *)data)->loop);
}

static void guest_is_left(void *data)
{
    struct helper *h = data;

    stubdom_tell_destroyed(&h->stubdom);
    loop_stop(&h->loop);
}

/* Events may have gone by: the first one comes at once. */
static bool domid_watch(struct helper *h, uint32_t domid)
{
    char path[STORE_PATH_MAX];

    snprintf(path, sizeof(path), "/local/domain/%u/domid", domid);
    return xs_watch(h->xs, path, DOMID_TOKEN);
}

/* The service has ended, and its domain is gone. If that was a stubdomain,
 * its guest goes as well, or somebody has destroyed the stubdomain alone. */
static void domain_gone(struct helper *h)
{
    if (h->guest == h->domid) {
        loop_stop(&h->loop);
    } else if (store_domain_is_gone(h->xs, h->guest)) {
        pci_end(h->xs, h->guest);
        loop_stop(&h->loop);
    } else if (!h->gone) {
        h->gone = true;
        domid_watch(h, h->guest);
        loop_timer_set(&h->loop, &h->linger, GUEST_MS, guest_is_left, h);
    }
}

static void signal_ready(void *data, uint32_t events)
{
    struct helper *h = data;
    struct signalfd_siginfo info;

    (void)events;
    while (read(h->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            children_reap(&h->children);
            children_reap(&h->display_children);
            continue;
        }
        service_end(h);
        if (info.ssi_signo == SIGTERM)
            loop_stop(&h->loop);
        else if (store_domain_is_gone(h->xs, h->domid))
            domain_gone(h);
        else if (!loop_timer_is_set(&h->linger))
            loop_timer_set(&h->loop, &h->linger, LINGER_MS, lingered, h);
    }
}

static int signals_open(struct helper *h)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    /* Under nohup it is ignored, and then no descriptor tells of it. */
    signal(SIGHUP, SIG_DFL);
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

/* asked: the worker is told in any case. */
static void stubdomain_look(struct helper *h, bool asked)
{
    bool changed = stubdom_look(&h->stubdom);

    if (h->stubdom.state == STUBDOM_DESTROYED)
        service_end(h);
    else if (changed || asked)
        children_tell(&h->children, h->stubdom.state);
}

static void xs_ready(void *data, uint32_t events)
{
    struct helper *h = data;
    char **watch;
    bool serial = false, pci = false, domid = false, end = false;

    (void)events;
    while ((watch = xs_check_watch(h->xs))) {
        domid = domid || !strcmp(watch[XS_WATCH_TOKEN], DOMID_TOKEN);
        end = end || !strcmp(watch[XS_WATCH_TOKEN], STUBDOM_TOKEN);
        serial = serial || !strcmp(watch[XS_WATCH_TOKEN], SERIAL_TOKEN);
        pci = pci || !strcmp(watch[XS_WATCH_TOKEN], PCI_TOKEN);
        free(watch);
    }
    if (serial && !h->ending)
        serial_follow(&h->serial);
    if (pci)
        pci_follow(h->xs, h->guest, h->domid);
    if (domid && store_domain_is_gone(h->xs, h->domid)) {
        service_end(h);
        domain_gone(h);
    } else if (end && !h->ending) {
        stubdomain_look(h, false);
    }
}

/* The worker's commands get no answer. */
static void worker_asked(void *data)
{
    struct helper *h = data;

    if (!h->ending)
        stubdomain_look(h, true);
}

static int watch_all(struct helper *h)
{
    if (!domid_watch(h, h->domid) || !serial_watch(&h->serial))
        return -1;
    if (h->guest != h->domid &&
        (!pci_watch(h->xs, h->domid) || !stubdom_watch(&h->stubdom)))
        return -1;
    return loop_add(&h->loop, xs_fileno(h->xs), EPOLLIN, xs_ready, h,
                    &h->xs_id);
}

/* --- The steps, in the design's order -------------------------------- */

static uid_t worker_uid(uint32_t domid)
{
    struct passwd *user = getpwnam(LIBXL_RANGE);

    return (user ? user->pw_uid : WORKER_UID_BASE) + domid;
}

/* libxl started this in the place of the proxy itself. */
static bool in_proxys_slot(const struct helper *h)
{
    return h->args.state_path;
}

/* The proxy goes, our socket takes its place. */
static int take_proxys_place(struct helper *h)
{
    pid_t proxy = pids_proxy(h->xs, h->domid);

    if (!proxy)
        proxy = proxy_find(h->domid);
    if (proxy && proxy_end(proxy, h->domid)) {
        log_error("domain %u: its vchan-socket-proxy (process %d) does not "
                  "end; kill it, and create the guest again", h->domid,
                  (int)proxy);
        return -1;
    }
    if (sockets_listen_clients(&h->sockets))
        return -1;
    if (pids_replace_proxy(h->xs, h->domid))
        return 0;
    log_error("domain %u: cannot write its qmp-proxy-pid to xenstore: %s",
              h->domid, strerror(errno));
    return -1;
}

static int consoles_take(struct helper *h)
{
    bool native = in_proxys_slot(h);
    uint32_t uid = h->worker_config.child.uid;
    int ports = native ?
        consoles_check(h->xs, h->guest, h->domid, h->root.path, uid) :
        consoles_edit(h->xs, h->guest, h->domid, h->root.path, uid,
                      h->display.wanted ? worker_uid(h->guest) : 0);

    if (ports < 0 ||
        (native ? sockets_listen_clients(&h->sockets) : take_proxys_place(h)))
        return -1;
    h->serial = (struct serial){
        .loop = &h->loop, .xs = h->xs, .guest = h->guest, .dm = h->domid,
        .ports = ports, .consoled = CONSOLED_SOCKET,
    };
    sockets_listen_lesser(&h->sockets);
    return 0;
}

/* Frontends that nobody would serve go. If some device needs QEMU as its
 * backend, it gets the process that libxl has started, and this goes on in
 * another. */
static int devices_take(struct helper *h, char **argv)
{
    const char *device;

    if (in_proxys_slot(h))
        return 0;               /* libxl starts QEMU if need be */
    if (h->guest != h->domid) {
        if (display_read(&h->display, &h->config, h->xs, h->guest,
                         h->domid) ||
            (h->display.wanted && display_listen(&h->display, h->guest)))
            return -1;
        devices_prune(h->xs, h->domid, h->display.wanted);
    }
    device = devices_need_qemu(h->xs, h->domid);
    if (!device)
        return 0;
    log_warn("domain %u: a device (%s) needs QEMU in dom0 as its backend; "
             "for disks, a raw block device (phy:) does without",
             h->domid, device);
    return qemu_make_way(&h->qemu, h->domid, argv);
}

/* Where libxl asks a QEMU in dom0. If there is one, it has no say. */
static int toolstack_answer(struct helper *h)
{
    return in_proxys_slot(h) ? 0 : sockets_listen_toolstack(&h->sockets);
}

/* Domain numbers are below that. */
#define DOMIDS_MAX 0x8000

/* Each domain that has a folder here is looked for, but only those that
 * xenstored didn't list a moment ago one by one: most are alive. */
struct listed_domains {
    struct xs_handle *xs;
    uint8_t bits[DOMIDS_MAX / 8];
};

static void domains_list(struct listed_domains *listed)
{
    unsigned int n;
    char **names = store_list(listed->xs, XBT_NULL, &n, "/local/domain");

    for (unsigned int i = 0; i < n; i++) {
        unsigned long domid = strtoul(names[i], NULL, 10);

        if (domid < DOMIDS_MAX)
            listed->bits[domid / 8] |= (uint8_t)(1 << domid % 8);
    }
    free(names);
}

static bool domain_is_gone(void *data, uint32_t domid)
{
    const struct listed_domains *listed = data;
    bool has = domid < DOMIDS_MAX &&
               listed->bits[domid / 8] & 1 << domid % 8;

    return !has && store_domain_is_gone(listed->xs, domid);
}

static int root_make(struct helper *h)
{
    struct listed_domains listed = { .xs = h->xs };

    domains_list(&listed);
    helper_root_sweep(ROOT_BASE, domain_is_gone, &listed);
    if (!helper_root_make(&h->root, ROOT_BASE, h->domid))
        return 0;
    log_error("domain %u: cannot make a directory in %s: %s", h->domid,
              ROOT_BASE, strerror(errno));
    return -1;
}

/* Whether this is what libxl may start it for. */
static int check_slot(struct helper *h, char **argv)
{
    bool stubdomain = h->guest != h->domid;

    if (in_proxys_slot(h)) {
        if (!stubdomain)
            log_error("domain %u is no stubdomain; -xen-domid takes the "
                      "stubdomain's number, not its guest's", h->domid);
        return stubdomain ? 0 : -1;
    }
    if (!h->args.pv_backends || !strchr(h->args.toolstack, '/')) {
        log_error("domain %u is to have an emulated machine in dom0: set "
                  "device_model_stubdomain_override=1 in the guest's "
                  "configuration, or remove device_model_override",
                  h->domid);
        return -1;
    }
    if (!stubdomain || !consoles_are_native(h->xs, h->guest))
        return 0;
    /* Another of us is in the proxy's slot: here libxl wants a QEMU. */
    qemu_become(h->domid, argv);
    return -1;
}

/* Said by one that has ended since, and was started by hand again. */
static bool has_started(const struct helper *h)
{
    char *state = in_proxys_slot(h) ?
                  store_read(h->xs, XBT_NULL, "%s", h->args.state_path) :
                  NULL;
    bool r = state && !strcmp(state, "running");

    free(state);
    return r;
}

/* With too little a stubdomain may not even come to say so. Before anything
 * of it is changed: its devices are counted as libxl has made them. */
static int check_memory(struct helper *h)
{
    struct stubdom_memory memory;

    if (h->guest == h->domid || has_started(h) ||
        stubdom_memory_is_enough(&memory, h->xs, h->guest, h->domid))
        return 0;
    log_error("domain %u: its stubdomain has %u MiB of memory, and needs %u "
              "for this image and the guest's devices: set "
              "stubdomain_memory = %u in the guest's configuration, or "
              "remove it and use xl-qmp create", h->guest, memory.has_mib,
              memory.needs_mib, memory.needs_mib);
    return -1;
}

/* From here on it is the process that stays. */
static int begin(struct helper *h, char **argv)
{
    h->guest = store_guest_of(h->xs, h->domid);
    helper_config_read(&h->config, HELPER_CONFIG);
    if (check_slot(h, argv) || stubdom_check_xen(h->domid) ||
        consoled_check(CONSOLED_SOCKET, h->domid) || check_memory(h) ||
        devices_take(h, argv))
        return -1;
    if (!loop_init(&h->loop) && !signals_open(h) &&
        !qemu_watch(&h->qemu, &h->loop, h->xs))
        return 0;
    log_error("domain %u: cannot start: %s", h->domid, strerror(errno));
    return -1;
}

static bool display_may_start(void *data)
{
    struct helper *h = data;

    return display_has_tls(&h->display, h->guest);
}

static int display_worker_start(const void *config)
{
    return display_run(config);
}

/* Of its own user: there is no other process of the guest's number. */
static int display_begin(struct helper *h)
{
    uint32_t uid = worker_uid(h->guest);

    if (display_listen_socket(&h->display, ROOT_BASE, h->guest))
        return -1;
    if (!display_publish(&h->display, h->xs, h->guest, h->domid)) {
        log_error("domain %u: cannot write to xenstore where its display is: "
                  "%s", h->guest, strerror(errno));
        return -1;
    }
    h->worker_config.vnc = h->display.reply;
    h->counts = mmap(NULL, sizeof(*h->counts), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (h->counts == MAP_FAILED) {
        log_error("domain %u: cannot start its display: %s", h->guest,
                  strerror(errno));
        return -1;
    }
    h->worker_config.display = h->counts;
    h->display_config = (struct display_config){
        .child = {
            .name = "display worker", .parent = getpid(),
            .guest_domid = h->guest, .dm_domid = h->domid,
            .root = h->root.path, .uid = uid, .gid = uid, .sandbox = true,
        },
        .console = "/console-8", .counts = h->counts,
    };
    display_pass(&h->display, &h->display_config);
    h->display_children = (struct children){
        .loop = &h->loop, .config = &h->display_config.child,
        .run = display_worker_start, .run_data = &h->display_config,
        .gives = "a display",
        .may_start = display_may_start, .gave_up = display_gave_up, .data = h,
    };
    children_start_worker(&h->display_children);
    return 0;
}

static int worker_start(const void *config)
{
    return worker_run(config);
}

static int set_up(struct helper *h)
{
    bool stubdomain = h->guest != h->domid;

    h->worker_config = (struct worker_config){
        .child = {
            .name = "QMP worker", .parent = getpid(),
            .guest_domid = h->guest, .dm_domid = h->domid,
            .uid = worker_uid(h->domid), .gid = worker_uid(h->domid),
            .root = h->root.path, .sandbox = true,
        },
        .console = stubdomain ? "/console-3" : NULL,
    };
    h->sockets.domid = h->domid;
    h->sockets.guest = h->guest;
    h->sockets.toolstack_path = h->args.toolstack;
    h->sockets.base = ROOT_BASE;
    h->sockets.config = &h->config;
    h->children = (struct children){
        .loop = &h->loop, .config = &h->worker_config.child,
        .run = worker_start, .run_data = &h->worker_config,
        .gives = "QMP, and can't be saved",
        .asked = worker_asked, .gave_up = worker_gave_up, .data = h,
    };
    h->stubdom = (struct stubdom){
        .loop = &h->loop, .xs = h->xs, .guest = h->guest, .dm = h->domid,
        .startup = &h->startup,
    };
    if (root_make(h) || (stubdomain && consoles_take(h)) ||
        (!in_proxys_slot(h) && channels_edit(h->xs, h->guest) < 0) ||
        toolstack_answer(h))
        return -1;
    if (h->display.wanted && display_begin(h))
        return -1;
    sockets_pass(&h->sockets, &h->worker_config);
    if (h->sockets.clients.fd >= 0 || h->sockets.toolstack.fd >= 0)
        children_start_worker(&h->children);
    return 0;
}

/* Watched first: what comes after is not missed. QEMU, if there is one,
 * says for itself that it runs. */
static int announce(struct helper *h)
{
    bool ours = in_proxys_slot(h) || h->qemu.fd < 0;
    char state[STORE_PATH_MAX];

    snprintf(state, sizeof(state), "/local/domain/0/device-model/%u/state",
             h->domid);
    if (privileges_drop()) {
        log_error("domain %u: cannot give up capabilities: %s", h->domid,
                  strerror(errno));
        return -1;
    }
    if (!watch_all(h) &&
        (!ours || store_write(h->xs, XBT_NULL, "running", "%s",
                              in_proxys_slot(h) ? h->args.state_path :
                              state)))
        return 0;
    log_error("domain %u: cannot go on: xenstore: %s", h->domid,
              strerror(errno));
    return -1;
}

/* From here on errors are the log's, but for one. */
static void startup(struct helper *h)
{
    h->startup = (struct startup){
        .loop = &h->loop, .xs = h->xs, .guest = h->guest, .dm = h->domid,
        .over = toolstack_close,
    };
    if (h->guest != h->domid)
        startup_begin(&h->startup);
    else
        toolstack_close();
}

static int check_config(void)
{
    static struct helper_config config;

    helper_config_read(&config, HELPER_CONFIG);
    if (*config.wrong)
        log_error("%s", config.wrong);
    return *config.wrong || display_check_tls(&config, "displays") ? 1 : 0;
}

int main(int argc, char **argv)
{
    static struct helper h = {
        .sockets = HELPER_SOCKETS_NONE, .qemu = QEMU_NONE,
        .display = HELPER_DISPLAY_NONE,
    };
    int r;

    if (helper_args_parse(&h.args, argc, argv))
        return 2;
    if (h.args.help || h.args.version) {
        fputs(h.args.version ? "qmp-helper " XENQMP_VERSION "\n" : help,
              stdout);
        return 0;
    }
    log_open("qmp-helper", LOG_TO_STDERR, LOG_LEVEL_INFO);
    if (h.args.check_config)
        return check_config();
    if (h.args.probe_fd >= 0)
        return probe_run(h.args.probe_fd) ? 1 : 0;
    closefrom(STDERR_FILENO + 1);
    toolstack_open();
    h.domid = h.args.domid;
    h.xs = xs_open(0);
    if (!h.xs) {
        log_error("domain %u: cannot start: xenstored does not answer",
                  h.domid);
        return 1;
    }
    if (begin(&h, argv))
        return 1;
    r = set_up(&h) || announce(&h) ? -1 : 0;
    if (!r) {
        qemu_go(&h.qemu);
        startup(&h);
        r = loop_run(&h.loop);
    }
    service_end(&h);
    serial_withdraw(&h.serial);
    children_wait(&h.children);
    children_wait(&h.display_children);
    pids_forget(h.xs, h.domid);
    helper_root_remove(&h.root);
    return r ? 1 : 0;
}
