/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qmp_stack DIR MONITOR: what lies between a client and QEMU, for tests of
 * peers: stubdomd's relay and qmp-helper's worker, both real. In place of
 * xenconsoled and the ring between them is the socket that xenconsoled
 * would offer, DIR/console-3; in place of stubdomd's pid 1 the few lines
 * here. MONITOR is QEMU's socket; clients find DIR/qmp.
 *
 * Prints "ready" when clients can connect. Ends with its standard input,
 * which takes words of one letter: "d" closes console 3 and its socket, as
 * when xenconsoled ends, "s" serves it again, "w" prints "in flight" when
 * QEMU has been given a command that it has not answered.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper_worker.h"
#include "log.h"
#include "loop.h"
#include "../../tools/stubdom/relay.h"

#define PATH_MAX_BYTES 108
#define WORKER_UID     65533
/* As stubdomd: until QEMU listens. */
#define RETRY_MS       50

struct stack {
    struct loop loop;
    struct relay relay;
    const char *monitor_path;
    char console_path[PATH_MAX_BYTES];
    int listener, console, monitor;     /* -1: none */
    loop_id listener_id, console_id, monitor_id, stdin_id;
    struct loop_timer retry;
    bool tell_flight;
};

__attribute__((noreturn)) static void die(const char *what)
{
    fprintf(stderr, "qmp_stack: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int socket_at(const char *path, bool listens)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
                    (listens ? 0 : SOCK_NONBLOCK), 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0)
        die(path);
    if (!listens && connect(fd, (struct sockaddr *)&address,
                            sizeof(address))) {
        close(fd);
        return -1;
    }
    if (listens && (bind(fd, (struct sockaddr *)&address,
                         sizeof(address)) ||
                    chmod(path, 0666) || listen(fd, 64)))
        die(path);
    return fd;
}

static void stack_update(struct stack *stack);

static void side_close(struct stack *stack, int *fd, loop_id *id)
{
    loop_del(&stack->loop, id);
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void side_write(int fd, struct qmp_buf *buf, struct relay *console)
{
    while (fd >= 0 && buf->len) {
        ssize_t n = send(fd, buf->data, buf->len,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n <= 0)
            break;
        if (console)
            relay_console_written(console, (size_t)n);
        else
            qmp_buf_consume(buf, (size_t)n);
    }
}

static void monitor_ready(void *data, uint32_t events)
{
    struct stack *stack = data;
    char bytes[4096];
    ssize_t n = events & EPOLLIN ?
                recv(stack->monitor, bytes, sizeof(bytes), 0) : 1;

    if (n <= 0) {
        side_close(stack, &stack->monitor, &stack->monitor_id);
        if (relay_disconnected(&stack->relay))
            die("relay");
    } else if (events & EPOLLIN &&
               relay_qemu_input(&stack->relay, bytes, (size_t)n)) {
        die("relay");
    }
    stack_update(stack);
}

static void monitor_connect(void *data)
{
    struct stack *stack = data;

    stack->monitor = socket_at(stack->monitor_path, false);
    if (stack->monitor >= 0) {
        relay_connected(&stack->relay);
        if (loop_add(&stack->loop, stack->monitor, EPOLLIN, monitor_ready,
                     stack, &stack->monitor_id))
            die("loop");
    }
    stack_update(stack);
}

static void console_ready(void *data, uint32_t events)
{
    struct stack *stack = data;
    char bytes[4096];
    ssize_t n = events & EPOLLIN ?
                recv(stack->console, bytes, sizeof(bytes), 0) : 1;

    if (n <= 0) {
        side_close(stack, &stack->console, &stack->console_id);
        relay_console_renewed(&stack->relay);
    } else if (events & EPOLLIN &&
               relay_console_input(&stack->relay, bytes, (size_t)n)) {
        die("relay");
    }
    stack_update(stack);
}

static void listener_ready(void *data, uint32_t events)
{
    struct stack *stack = data;

    (void)events;
    side_close(stack, &stack->console, &stack->console_id);
    stack->console = accept4(stack->listener, NULL, NULL,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (stack->console < 0 ||
        loop_add(&stack->loop, stack->console, EPOLLIN, console_ready,
                 stack, &stack->console_id))
        die("console");
    stack_update(stack);
}

/* As stubdomd's update(). */
static void stack_update(struct stack *stack)
{
    struct relay *relay = &stack->relay;

    if (relay->want_connect) {
        bool had = stack->monitor >= 0;

        side_close(stack, &stack->monitor, &stack->monitor_id);
        if (!loop_timer_is_set(&stack->retry) &&
            loop_timer_set(&stack->loop, &stack->retry,
                           had ? 0 : RETRY_MS, monitor_connect, stack))
            die("loop");
    }
    side_write(stack->monitor, &relay->to_qemu, NULL);
    side_write(stack->console, &relay->to_console, relay);
    if (stack->tell_flight && relay->flight_n && !relay->to_qemu.len) {
        stack->tell_flight = false;
        printf("in flight\n");
        fflush(stdout);
    }
    loop_mod(&stack->loop, stack->monitor_id,
             (relay->to_console.len < RELAY_EVENTS_MAX ? EPOLLIN : 0) |
             (relay->to_qemu.len ? EPOLLOUT : 0));
    loop_mod(&stack->loop, stack->console_id,
             (relay_takes_commands(relay) || relay->to_console.len ||
              relay->want_connect ? EPOLLIN : 0) |
             (relay->to_console.len ? EPOLLOUT : 0));
}

static void console_serve(struct stack *stack)
{
    stack->listener = socket_at(stack->console_path, true);
    if (loop_add(&stack->loop, stack->listener, EPOLLIN, listener_ready,
                 stack, &stack->listener_id))
        die("loop");
}

static void console_drop(struct stack *stack)
{
    unlink(stack->console_path);
    side_close(stack, &stack->listener, &stack->listener_id);
    side_close(stack, &stack->console, &stack->console_id);
}

static void stdin_ready(void *data, uint32_t events)
{
    struct stack *stack = data;
    char word;

    (void)events;
    if (read(STDIN_FILENO, &word, 1) != 1)
        loop_stop(&stack->loop);
    else if (word == 'd')
        console_drop(stack);
    else if (word == 's')
        console_serve(stack);
    else if (word == 'w')
        stack->tell_flight = true;
    stack_update(stack);
}

static void start_worker(const char *dir)
{
    char clients[PATH_MAX_BYTES];
    struct worker_config config = {
        .parent = getpid(), .guest_domid = 1, .dm_domid = 2, .root = dir,
        .console = "/console-3", .toolstack_fd = -1, .uid = WORKER_UID,
        .gid = WORKER_UID, .sandbox = !geteuid(),
    };

    snprintf(clients, sizeof(clients), "%s/qmp", dir);
    config.listen_fd = socket_at(clients, true);
    switch (fork()) {
    case -1:
        die("fork");
    case 0:
        _exit(worker_run(&config));
    }
    close(config.listen_fd);
}

int main(int argc, char **argv)
{
    static struct stack stack = { .console = -1, .monitor = -1 };

    if (argc != 3) {
        fprintf(stderr, "usage: qmp_stack DIR MONITOR\n");
        return 2;
    }
    log_open("qmp_stack", LOG_TO_STDERR, LOG_LEVEL_WARN);
    snprintf(stack.console_path, PATH_MAX_BYTES, "%s/console-3", argv[1]);
    start_worker(argv[1]);
    stack.monitor_path = argv[2];
    relay_init(&stack.relay);
    if (loop_init(&stack.loop) ||
        loop_add(&stack.loop, STDIN_FILENO, EPOLLIN, stdin_ready, &stack,
                 &stack.stdin_id))
        die("loop");
    console_serve(&stack);
    stack_update(&stack);
    printf("ready\n");
    fflush(stdout);
    return loop_run(&stack.loop) ? 1 : 0;
}
