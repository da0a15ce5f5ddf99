/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real worker in a child process, with the test as everything around it:
 * xenconsoled (console 3 and its control socket), the stubdomain's QEMU,
 * and the clients. All reads block, and while one does time passes, from one of
 * the worker's timers to the next; a test that waits in vain ends by the
 * harness's time limit. What it is busy with takes none of that time.
 */
#ifndef XENQMP_TESTS_UNIT_WORKER_FIXTURE_H
#define XENQMP_TESTS_UNIT_WORKER_FIXTURE_H

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "libxl/worker/worker.h"
#include "tools/common/log.h"
#include "played_clock.h"
#include "tap.h"

#define WORKER_UID 65533        /* any that is not root's */
#define LINE_MAX_BYTES (9u << 20)

/* AddressSanitizer keeps what is freed, and reserves terabytes: memory
 * can't be measured then. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED false
#endif

#define GREETING_VERSION                                                \
    "{\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, "          \
    "\"package\": \"Debian 1:7.2+dfsg\"}"
#define GREETING(capabilities)                                          \
    "{\"QMP\": {\"version\": " GREETING_VERSION ", "                    \
    "\"capabilities\": [" capabilities "]}}"
#define GREETING_OOB GREETING("\"oob\"")

struct fixture {
    char dir[32];
    char clients[64], toolstack[64], monitoring[64], xentop[64];
    char console_path[64], control_path[64];
    int log;                    /* what the worker writes to stderr */
    int parent;                 /* the worker's socket to its parent */
    int console_listener, control_listener;
    int console, control;       /* the worker's connections, or -1 */
    pid_t worker;
};

static char line[LINE_MAX_BYTES];

static inline int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    check(!bind(fd, (struct sockaddr *)&address, sizeof(address)));
    check(!chmod(path, 0666));
    check(!listen(fd, 128));
    return fd;
}

static inline int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    check(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
    return fd;
}

static inline void put(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t r = send(fd, bytes, n, MSG_NOSIGNAL);

        check(r > 0);
        bytes += r;
        n -= (size_t)r;
    }
}

#define put_text(fd, literal) put(fd, literal, sizeof(literal) - 1)

/* Sends one line and its CRLF, at once: who has read a whole message may
 * read no further. */
__attribute__((format(printf, 2, 3)))
static inline void say(int fd, const char *fmt, ...)
{
    char *text;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    check(n >= 0);
    text = realloc(text, (size_t)n + 2);
    check(text);
    memcpy(text + n, "\r\n", 2);
    put(fd, text, (size_t)n + 2);
    free(text);
}

/* Reads one line into `line`, without its end. False at the end. */
static inline bool next_line(int fd)
{
    size_t n = 0;

    for (;;) {
        ssize_t r;
        char *end;
        size_t take;

        clock_await(fd);
        /* Whole pieces for long lines: up to what peek shows. */
        r = recv(fd, line + n, sizeof(line) - 1 - n, MSG_PEEK);
        if (r <= 0)
            return false;
        end = memchr(line + n, '\n', (size_t)r);
        take = end ? (size_t)(end - (line + n)) + 1 : (size_t)r;
        check(recv(fd, line + n, take, 0) == (ssize_t)take);
        n += take;
        check(n < sizeof(line) - 1);
        if (end)
            break;
    }
    line[--n] = '\0';
    if (n && line[n - 1] == '\r')
        line[n - 1] = '\0';
    return true;
}

#define expect(fd, ought) do {                                          \
        check(next_line(fd));                                           \
        check_str(line, ought);                                         \
    } while (0)

#define expect_part(fd, ought) do {                                     \
        check(next_line(fd));                                           \
        if (!strstr(line, ought))                                       \
            tap_fail("\"%.300s\" lacks \"%s\"", line, ought);           \
    } while (0)

#define expect_end(fd) check(!next_line(fd))

static inline int accept_from(int listener)
{
    int fd;

    clock_await(listener);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    check(fd >= 0);
    return fd;
}

/* True if something can be read now. */
static inline bool readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, 0) > 0;
}

/* --- The worker ------------------------------------------------------ */

/* Of gcov: what has run, written down, also if the worker is ended. */
#ifdef XENQMP_COVERAGE
#define FIXTURE_KILL SIGUSR1
#else
#define FIXTURE_KILL SIGKILL
#endif

static inline void fixture_killed(int signal)
{
    (void)signal;
    __gcov_dump();
    _exit(1);
}

static inline void fixture_run(struct fixture *f, bool sandbox)
{
    struct worker_config config = {
        .child = {
            .name = "QMP worker", .parent = getpid(),
            .guest_domid = 7, .dm_domid = 8, .root = f->dir,
            .uid = WORKER_UID, .gid = WORKER_UID, .sandbox = sandbox,
        },
        .console = "/console-3",
    };
    int log[2], parent[2];

    check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, log));
    f->log = log[0];
    check(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parent));
    f->parent = parent[0];
    config.child.parent_fd = parent[1];
    config.listen_fd = listen_at(f->clients);
    config.toolstack_fd = listen_at(f->toolstack);
    config.sockets[0] = (struct worker_socket){
        .fd = listen_at(f->monitoring), .use = WORKER_FOR_MONITORING,
        .commands = "query-*,cont",
    };
    config.sockets[1] = (struct worker_socket){
        .fd = listen_at(f->xentop), .use = WORKER_FOR_XENTOP,
    };
    config.sockets_n = 2;
    fflush(stdout);
    f->worker = fork();
    if (!f->worker) {
        alarm(0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(FIXTURE_KILL, fixture_killed);   /* SIGKILL: never called */
        dup2(log[1], STDERR_FILENO);
        log_open("worker", LOG_TO_STDERR, LOG_LEVEL_DEBUG);
        _exit(worker_run(&config));
    }
    close(log[1]);
    close(config.child.parent_fd);
    close(config.listen_fd);
    close(config.toolstack_fd);
    close(config.sockets[0].fd);
    close(config.sockets[1].fd);
}

/* Its directory and consoles. */
static inline void fixture_make(struct fixture *f)
{
    strcpy(f->dir, "/tmp/worker-XXXXXX");
    check(mkdtemp(f->dir) != NULL);
    check(!chmod(f->dir, 0711));
    snprintf(f->clients, sizeof(f->clients), "%s/clients", f->dir);
    snprintf(f->toolstack, sizeof(f->toolstack), "%s/toolstack", f->dir);
    snprintf(f->monitoring, sizeof(f->monitoring), "%s/monitoring",
             f->dir);
    snprintf(f->xentop, sizeof(f->xentop), "%s/xentop", f->dir);
    snprintf(f->console_path, sizeof(f->console_path), "%s/console-3",
             f->dir);
    snprintf(f->control_path, sizeof(f->control_path), "%s/console-3.ctl",
             f->dir);
    f->console_listener = listen_at(f->console_path);
    f->control_listener = listen_at(f->control_path);
    f->console = f->control = -1;
}

static inline void fixture_start(struct fixture *f, bool sandbox)
{
    fixture_make(f);
    fixture_run(f, sandbox);
}

static inline void fixture_remove(struct fixture *f)
{
    unlink(f->clients);
    unlink(f->toolstack);
    unlink(f->monitoring);
    unlink(f->xentop);
    unlink(f->console_path);
    unlink(f->control_path);
    check(!rmdir(f->dir));
}

/* The worker must still be there: nothing may end it. */
static inline void fixture_end(struct fixture *f)
{
    int status;

    check_int(waitpid(f->worker, &status, WNOHANG), 0);
    kill(f->worker, FIXTURE_KILL);
    waitpid(f->worker, &status, 0);
    fixture_remove(f);
}

/* The number in a line of the worker's /proc/<pid>/status. */
static inline long fixture_status(const struct fixture *f, const char *key)
{
    char path[64], entry[256];
    long value = -1;
    FILE *status;

    snprintf(path, sizeof(path), "/proc/%d/status", f->worker);
    status = fopen(path, "r");
    check(status != NULL);
    while (value < 0 && fgets(entry, sizeof(entry), status))
        if (!strncmp(entry, key, strlen(key)))
            value = atol(entry + strlen(key));
    fclose(status);
    return value;
}

/* Reads the worker's log until a line has the text. */
static inline void expect_log(const struct fixture *f, const char *text)
{
    do
        check(next_line(f->log));
    while (!strstr(line, text));
}

/* --- The stubdomain -------------------------------------------------- */

static inline void peer_accept(struct fixture *f)
{
    f->console = accept_from(f->console_listener);
}

/* Reads the worker's own command of that name, and takes its id. */
static inline void peer_request(struct fixture *f, const char *command,
                                char *id_r)
{
    char execute[64], *id;

    snprintf(execute, sizeof(execute), "{\"execute\":\"%s\",", command);
    check(next_line(f->console));
    if (!strcmp(command, "qmp_reset"))
        check_int(line[0], 0x18);
    check(strstr(line, execute) != NULL);
    id = strstr(line, "\"id\":\"");
    check(id != NULL);
    check(sscanf(id, "\"id\":\"%63[^\"]", id_r) == 1);
}

static inline void peer_return(struct fixture *f, const char *id,
                               const char *value)
{
    say(f->console, "{\"return\": %s, \"id\": \"%s\"}", value, id);
}

/* Plays stubdomd: answers each qmp_reset, with that greeting, until the
 * worker has negotiated. */
static inline void peer_serve(struct fixture *f, const char *greeting)
{
    bool reset;
    char id[64];

    do {
        check(next_line(f->console));
        check(sscanf(strstr(line, "\"id\":"), "\"id\":\"%63[^\"]", id) ==
              1);
        reset = strstr(line, "\"qmp_reset\"");
        peer_return(f, id, "{}");
        if (reset)
            say(f->console, "%s", greeting);
        else
            check(strstr(line, "\"qmp_capabilities\",\"arguments\":"
                         "{\"enable\":[\"oob\"]},") ||
                  !strstr(greeting, "oob"));
    } while (reset);
}

static inline void peer_session(struct fixture *f)
{
    peer_serve(f, GREETING_OOB);
}

/* A worker up to its first qmp_reset, whose id it takes. */
static inline void peer_asks_reset(struct fixture *f, char *id_r)
{
    fixture_start(f, false);
    peer_accept(f);
    peer_request(f, "qmp_reset", id_r);
}

static inline void peer_start(struct fixture *f, bool sandbox)
{
    fixture_start(f, sandbox);
    peer_accept(f);
    peer_session(f);
}

/* Reads a client's command of that name off the console, and takes the id
 * that it carries. */
static inline void peer_command(struct fixture *f, const char *command,
                                char *id_r)
{
    char execute[128], *id;

    snprintf(execute, sizeof(execute), "\"execute\": \"%s\"", command);
    expect_part(f->console, execute);
    id = strstr(line, "\"id\": \"x");
    check(id != NULL);
    check(sscanf(id, "\"id\": \"%63[^\"]", id_r) == 1);
}

/* --- Clients --------------------------------------------------------- */

static inline void client_negotiate(int fd)
{
    say(fd, "{\"execute\": \"qmp_capabilities\", \"id\": 1}");
    expect(fd, "{\"return\": {}, \"id\": 1}");
}

/* Connects and negotiates. */
static inline int client_start_at(const char *path)
{
    int fd = connect_to(path);

    expect(fd, GREETING_OOB);
    client_negotiate(fd);
    return fd;
}

/* The same, at the socket for everything; and only as far as the
 * greeting. */
static inline int client_start(const struct fixture *f)
{
    return client_start_at(f->clients);
}

static inline int client_connect(const struct fixture *f)
{
    int fd = connect_to(f->clients);

    expect(fd, GREETING_OOB);
    return fd;
}

/* Until the worker has read all that was sent to it at fd. */
static inline void wait_read(int fd)
{
    int unread;

    do {
        sched_yield();
        check(!ioctl(fd, SIOCOUTQ, &unread));
    } while (unread);
}

/* A worker with a session and one client, negotiated. */
static inline int client_alone(struct fixture *f)
{
    peer_start(f, false);
    return client_start(f);
}

/* Sends a command, and takes the id with which it reaches QEMU. */
static inline void client_command(struct fixture *f, int fd,
                                  const char *command, int id, char *id_r)
{
    say(fd, "{\"execute\": \"%s\", \"id\": %d}", command, id);
    peer_command(f, command, id_r);
}

/* One command and its reply. */
static inline void check_works(struct fixture *f, int fd)
{
    char id[64];

    client_command(f, fd, "query-status", 7, id);
    peer_return(f, id, "{\"running\": true}");
    expect(fd, "{\"return\": {\"running\": true}, \"id\": 7}");
}

#endif
