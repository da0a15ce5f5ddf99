/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pid 1 of a Linux stubdomain: starts QEMU with the arguments that libxl
 * left in xenstore, relays QMP between console 3 and QEMU (relay.h), and
 * moves the device state by consoles 1 and 2 (stream.h).
 *
 * Two monitors: A is connected always and always read, because QEMU before
 * 9.1 closes the unused descriptors of fdsets when its last monitor
 * disconnects while the guest runs; B is the relay's, connected anew at
 * each qmp_reset.
 *
 * Order: file systems, modules, xenstore, consoles, QEMU, then the loop.
 * It ends when QEMU ends, by powering the stubdomain off.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenstore.h>

#include "arguments.h"
#include "boot.h"
#include "consoles.h"
#include "log.h"
#include "loop.h"
#include "relay.h"
#include "stream.h"

#define MONITOR_A "/run/monitor-a"
#define MONITOR_B "/run/monitor-b"
/* QEMU saves into this file through fdset 1, as libxl tells it to. */
#define SAVE_FILE "/run/qemu-save"
/* Until QEMU listens. */
#define RETRY_MS  50
/* After a hang-up of console 3: a resume brings it back, a removal doesn't. */
#define REOPEN_MS 500

static const char *const qemu_paths[] = {
    "/usr/libexec/xen-qemu-system-i386",
    "/usr/lib/xen/bin/qemu-system-i386",
};

struct stubdomd {
    struct loop loop;
    struct relay relay;
    char **consoles;            /* entries of device/console */
    unsigned int consoles_n;
    struct arguments arguments;
    int signal_fd, qmp_fd, save_fd, restore_fd, monitor_a, monitor_b;
    int state_write, state_read;    /* SAVE_FILE, one offset with QEMU's */
    int incoming[2];                /* -1 if nothing is to be restored */
    loop_id signal_id, qmp_id, monitor_a_id, monitor_b_id;
    struct loop_timer retry_a, retry_b, retry_qmp;
    struct stream save, restore;
    pid_t qemu;
};

static void update(struct stubdomd *d);

static int hvc_of(int n, void *data)
{
    struct stubdomd *d = data;

    return consoles_hvc(d->consoles, d->consoles_n, n);
}

static int open_console(struct stubdomd *d, int n)
{
    int hvc = hvc_of(n, d);
    int fd = hvc < 0 ? -1 : consoles_open(hvc);

    if (fd < 0)
        log_error("console %d cannot be opened: %s", n,
                  hvc < 0 ? "it has no tty" : strerror(errno));
    return fd;
}

/* Monitors. */

static int connect_monitor(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    strcpy(addr.sun_path, path);
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
        close(fd);
        return -1;
    }
    return fd;
}

static void monitor_a_connect(void *data);

static void monitor_a_read(void *data, uint32_t events)
{
    struct stubdomd *d = data;
    char junk[4096];
    ssize_t n = read(d->monitor_a, junk, sizeof(junk));

    (void)events;
    if (n > 0 || (n < 0 && errno == EAGAIN))
        return;
    loop_del(&d->loop, &d->monitor_a_id);
    close(d->monitor_a);
    d->monitor_a = -1;
    loop_timer_set(&d->loop, &d->retry_a, RETRY_MS, monitor_a_connect, d);
}

static void monitor_a_connect(void *data)
{
    struct stubdomd *d = data;

    d->monitor_a = connect_monitor(MONITOR_A);
    if (d->monitor_a < 0)
        loop_timer_set(&d->loop, &d->retry_a, RETRY_MS, monitor_a_connect,
                       d);
    else
        loop_add(&d->loop, d->monitor_a, EPOLLIN, monitor_a_read, d,
                 &d->monitor_a_id);
    update(d);
}

static void monitor_b_close(struct stubdomd *d)
{
    if (d->monitor_b < 0)
        return;
    loop_del(&d->loop, &d->monitor_b_id);
    close(d->monitor_b);
    d->monitor_b = -1;
}

static void start_afresh(const char *what)
{
    log_guest(LOG_LEVEL_ERROR, "%s; QMP starts afresh", what);
}

static void monitor_b_ready(void *data, uint32_t events)
{
    struct stubdomd *d = data;
    char bytes[16384];
    ssize_t n;

    (void)events;
    n = read(d->monitor_b, bytes, sizeof(bytes));
    if (n > 0) {
        if (relay_qemu_input(&d->relay, bytes, (size_t)n)) {
            start_afresh("more than fits came from QEMU");
            monitor_b_close(d);
            relay_disconnected(&d->relay);
        }
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        monitor_b_close(d);
        relay_disconnected(&d->relay);
    }
    update(d);
}

static void monitor_b_connect(void *data)
{
    struct stubdomd *d = data;

    /* A first: there must never be a time without a monitor. */
    if (d->monitor_a >= 0)
        d->monitor_b = connect_monitor(MONITOR_B);
    if (d->monitor_b >= 0) {
        relay_connected(&d->relay);
        loop_add(&d->loop, d->monitor_b, EPOLLIN, monitor_b_ready, d,
                 &d->monitor_b_id);
    }
    update(d);
}

static void monitor_b_write(struct stubdomd *d)
{
    struct qmp_buf *buf = &d->relay.to_qemu;

    while (d->monitor_b >= 0 && buf->len) {
        ssize_t n = write(d->monitor_b, buf->data, buf->len);

        if (n <= 0)
            break;
        qmp_buf_consume(buf, (size_t)n);
    }
}

/* Console 3. */

static void qmp_reopen(void *data);

static void qmp_lost(struct stubdomd *d)
{
    /* Suspend and resume hang the tty up: a new peer afterwards. */
    loop_del(&d->loop, &d->qmp_id);
    close(d->qmp_fd);
    d->qmp_fd = -1;
    relay_console_renewed(&d->relay);
    log_guest(LOG_LEVEL_WARN, "console 3 was hung up; QMP starts afresh when "
              "it is back");
    loop_timer_set(&d->loop, &d->retry_qmp, REOPEN_MS, qmp_reopen, d);
}

static void qmp_ready(void *data, uint32_t events)
{
    struct stubdomd *d = data;
    char bytes[4096];
    ssize_t n = 0;

    if (events & EPOLLHUP) {
        qmp_lost(d);
    } else if (events & EPOLLIN) {
        n = read(d->qmp_fd, bytes, sizeof(bytes));
        if (n > 0) {
            if (relay_console_input(&d->relay, bytes, (size_t)n)) {
                start_afresh("more than fits came from console 3");
                relay_console_renewed(&d->relay);
            }
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            qmp_lost(d);
        }
    }
    update(d);
}

static void qmp_reopen(void *data)
{
    struct stubdomd *d = data;

    int hvc = hvc_of(CONSOLE_QMP, d);

    /* Without a word: the loss was told. */
    d->qmp_fd = hvc < 0 ? -1 : consoles_open(hvc);
    if (d->qmp_fd < 0)
        loop_timer_set(&d->loop, &d->retry_qmp, REOPEN_MS, qmp_reopen, d);
    else
        loop_add(&d->loop, d->qmp_fd, EPOLLIN, qmp_ready, d, &d->qmp_id);
    update(d);
}

static void qmp_write(struct stubdomd *d)
{
    struct qmp_buf *buf = &d->relay.to_console;

    while (d->qmp_fd >= 0 && buf->len) {
        ssize_t n = write(d->qmp_fd, buf->data, buf->len);

        if (n <= 0)
            break;
        relay_console_written(&d->relay, (size_t)n);
    }
}

/* Save. */

static void save_prepare(struct stubdomd *d)
{
    d->relay.want_save_prepare = false;
    /* One offset with QEMU's descriptor, which would go on behind the end
     * of the last save. */
    if (ftruncate(d->state_write, 0) || lseek(d->state_write, 0, SEEK_SET))
        log_error("the state file cannot be emptied: %s", strerror(errno));
}

static void save_done(void *data, int error)
{
    struct stubdomd *d = data;

    log_info("saved state: %llu bytes to console 1%s%s",
             (unsigned long long)d->save.copied, error ? ": " : "",
             error ? strerror(error) : "");
    relay_save_copied(&d->relay, error);
    update(d);
}

static void save_copy(struct stubdomd *d)
{
    d->relay.want_save_copy = false;
    stream_stop(&d->save);
    if (lseek(d->state_read, 0, SEEK_SET) < 0 || d->save_fd < 0 ||
        stream_start(&d->save, &d->loop, d->state_read, d->save_fd,
                     save_done, d))
        relay_save_copied(&d->relay, EIO);
}

/* Does what the relay asks for and derives what is waited for. */
static void update(struct stubdomd *d)
{
    struct relay *relay = &d->relay;

    if (relay->want_save_prepare)
        save_prepare(d);
    if (relay->want_save_copy)
        save_copy(d);
    if (relay->want_connect) {
        monitor_b_close(d);
        if (!loop_timer_is_set(&d->retry_b))
            loop_timer_set(&d->loop, &d->retry_b,
                           d->monitor_a < 0 ? RETRY_MS : 0,
                           monitor_b_connect, d);
    }
    monitor_b_write(d);
    qmp_write(d);
    loop_mod(&d->loop, d->monitor_b_id,
             (relay->to_console.len < RELAY_EVENTS_MAX ? EPOLLIN : 0) |
             (relay->to_qemu.len ? EPOLLOUT : 0));
    /* Always read: a qmp_reset may come in any state. */
    loop_mod(&d->loop, d->qmp_id,
             (relay_takes_commands(relay) || !relay->connected ||
              relay->to_console.len ? EPOLLIN : 0) |
             (relay->to_console.len ? EPOLLOUT : 0));
}

/* Restore. */

static void restore_done(void *data, int error)
{
    struct stubdomd *d = data;

    log_info("restored state: %llu bytes from console 2%s%s",
             (unsigned long long)d->restore.copied,
             error && error != EPIPE ? ": " : "",
             error && error != EPIPE ? strerror(error) : "");
    close(d->incoming[1]);
    d->incoming[1] = -1;
}

static void restore_start(struct stubdomd *d)
{
    d->restore_fd = open_console(d, CONSOLE_RESTORE);
    /* The byte that asks xenconsoled for the state. */
    if (d->restore_fd < 0 || write(d->restore_fd, "\n", 1) != 1 ||
        stream_start(&d->restore, &d->loop, d->restore_fd, d->incoming[1],
                     restore_done, d))
        log_error("the state to restore cannot be read from console 2");
}

/* QEMU. */

static void power_off(void)
{
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

static void signal_ready(void *data, uint32_t events)
{
    struct stubdomd *d = data;
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    (void)events;
    while (read(d->signal_fd, &info, sizeof(info)) > 0)
        continue;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != d->qemu)
            continue;
        if (WIFSIGNALED(status))
            log_error("QEMU was killed by signal %d", WTERMSIG(status));
        else
            log_info("QEMU ended with status %d", WEXITSTATUS(status));
        power_off();
    }
}

static char *read_node(struct xs_handle *xs, const char *fmt, const char *a)
{
    unsigned int n;
    char path[512];

    snprintf(path, sizeof(path), fmt, a);
    return xs_read(xs, XBT_NULL, path, &n);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_arguments(struct stubdomd *d, struct xs_handle *xs)
{
    char *guest = read_node(xs, "target", "");
    char *vm = guest ? read_node(xs, "/local/domain/%s/vm", guest) : NULL;
    char path[512], **names, *value;
    unsigned int n, names_n = 0;
    int r = -1;

    snprintf(path, sizeof(path), "%s/image/dm-argv", vm ? vm : "");
    names = vm ? xs_directory(xs, XBT_NULL, path, &names_n) : NULL;
    if (!names) {
        log_error("libxl left no arguments for QEMU in %s", path);
        goto out;
    }
    qsort(names, names_n, sizeof(*names), compare_names);
    for (unsigned int i = 0; i < names_n; i++) {
        snprintf(path, sizeof(path), "%s/image/dm-argv/%s", vm, names[i]);
        value = xs_read(xs, XBT_NULL, path, &n);
        if (!value || arguments_add_translated(&d->arguments, value, hvc_of,
                                               d)) {
            log_error("cannot take QEMU's argument %s", path);
            free(value);
            goto out;
        }
        free(value);
    }
    /* libxl names the guest to hvmloader only; query-uuid asks QEMU. */
    if (!strncmp(vm, "/vm/", 4))
        r = arguments_add(&d->arguments, "-uuid") ||
            arguments_add(&d->arguments, vm + 4) ? -1 : 0;
out:
    free(names);
    free(vm);
    free(guest);
    return r;
}

static int add_own_arguments(struct stubdomd *d)
{
    struct arguments *a = &d->arguments;

    return arguments_add(a, "-add-fd") ||
           arguments_addf(a, "fd=%d,set=1", d->state_write) ||
           arguments_add(a, "-chardev") ||
           arguments_add(a, "socket,id=stubdomd-a,path=" MONITOR_A
                            ",server=on,wait=off") ||
           arguments_add(a, "-mon") ||
           arguments_add(a, "chardev=stubdomd-a,mode=control") ||
           arguments_add(a, "-chardev") ||
           arguments_add(a, "socket,id=stubdomd-b,path=" MONITOR_B
                            ",server=on,wait=off") ||
           arguments_add(a, "-mon") ||
           arguments_add(a, "chardev=stubdomd-b,mode=control");
}

static int start_qemu(struct stubdomd *d)
{
    sigset_t none;

    d->qemu = fork();
    if (d->qemu)
        return d->qemu < 0 ? -1 : 0;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    fcntl(d->state_write, F_SETFD, 0);
    if (d->incoming[0] >= 0)
        fcntl(d->incoming[0], F_SETFD, 0);
    for (size_t i = 0; i < sizeof(qemu_paths) / sizeof(qemu_paths[0]); i++) {
        free(d->arguments.argv[0]);
        d->arguments.argv[0] = strdup(qemu_paths[i]);
        execv(qemu_paths[i], d->arguments.argv);
    }
    log_error("cannot run QEMU: %s", strerror(errno));
    _exit(127);
}

static int prepare(struct stubdomd *d)
{
    struct xs_handle *xs = xs_open(0);
    sigset_t child;

    if (!xs) {
        log_error("cannot speak to xenstored");
        return -1;
    }
    d->consoles = xs_directory(xs, XBT_NULL, "device/console",
                               &d->consoles_n);
    d->state_write = open(SAVE_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    d->state_read = open(SAVE_FILE, O_RDONLY | O_CLOEXEC);
    d->save_fd = open_console(d, CONSOLE_SAVE);
    d->qmp_fd = open_console(d, CONSOLE_QMP);
    if (d->state_write < 0 || d->state_read < 0 ||
        arguments_add(&d->arguments, "qemu") || read_arguments(d, xs) ||
        add_own_arguments(d))
        return -1;
    if (!pipe2(d->incoming, O_CLOEXEC)) {
        if (!arguments_set_incoming(&d->arguments, d->incoming[0])) {
            close(d->incoming[0]);
            close(d->incoming[1]);
            d->incoming[0] = d->incoming[1] = -1;
        } else {
            fcntl(d->incoming[1], F_SETFL, O_NONBLOCK);
        }
    }
    xs_close(xs);

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    d->signal_fd = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop_init(&d->loop) || d->signal_fd < 0 ||
        loop_add(&d->loop, d->signal_fd, EPOLLIN, signal_ready, d,
                 &d->signal_id))
        return -1;
    return 0;
}

int main(int argc, char **argv)
{
    static struct stubdomd d = {
        .qmp_fd = -1, .save_fd = -1, .restore_fd = -1, .monitor_a = -1,
        .monitor_b = -1, .incoming = { -1, -1 },
    };

    log_open("stubdomd", LOG_TO_STDERR, LOG_LEVEL_INFO);
    if (getpid() != 1) {
        fprintf(stderr, "%s: runs as pid 1 of a stubdomain only; see "
                "mkstubdom\n", argc ? argv[0] : "stubdomd");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    boot_mount();
    boot_load_modules("/modules.list");
    boot_mount_xenfs();
    relay_init(&d.relay);
    if (prepare(&d) || start_qemu(&d)) {
        log_error("cannot start; powering off");
        power_off();
    }
    if (d.incoming[0] >= 0) {
        close(d.incoming[0]);
        restore_start(&d);
    }
    if (d.qmp_fd >= 0)
        loop_add(&d.loop, d.qmp_fd, EPOLLIN, qmp_ready, &d, &d.qmp_id);
    monitor_a_connect(&d);
    while (!loop_run(&d.loop))
        continue;
    log_error("the event loop failed: %s", strerror(errno));
    power_off();
}
