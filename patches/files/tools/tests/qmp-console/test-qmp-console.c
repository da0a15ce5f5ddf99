/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl's QMP sessions on a console of a stubdomain, against a peer that
 * plays xenconsoled and the stubdomain: it has the console's socket, and
 * says what a script has it say.  libxl is the real one up to what needs
 * Xen, which is in without-xen.c.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libxl.h>

#include "without-xen.h"

#define GREETING "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, " \
    "\"minor\": 2, \"major\": 7}}, \"capabilities\": []}}\r\n"
/* The longest that libxl would take of a message. */
#define MESSAGE_MAX (1 << 20)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static bool failed;

static void check(bool ok, const char *what)
{
    if (!ok) {
        printf("FAILED: %s\n", what);
        failed = true;
    }
}

/* --- What the peer does ------------------------------------------------ */

static bool say_bytes(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t r = send(fd, bytes, len, MSG_NOSIGNAL);

        if (r <= 0)
            return false;
        bytes += r;
        len -= r;
    }
    return true;
}

static bool say(int fd, const char *text)
{
    return say_bytes(fd, text, strlen(text));
}

/* A line, without its end; "" when libxl has gone. */
static void hear(int fd, char line[static 1024])
{
    size_t len = 0;
    char c;

    while (len < 1023 && recv(fd, &c, 1, 0) == 1 && c != '\n') {
        if (c != '\r')
            line[len++] = c;
    }
    line[len] = '\0';
}

static void hear_reset(int fd, char nonce[static 1024])
{
    char line[1024];

    hear(fd, line);
    if (sscanf(line, "\x18{\"execute\":\"qmp_reset\",\"id\":\"%1000[^\"]\"}",
               nonce) != 1) {
        check(false, "begins with CAN and qmp_reset");
        strcpy(nonce, "none");
    }
    check(strlen(nonce) >= 16, "with a nonce");
}

static void answer(int fd, const char *execute, const char *value)
{
    char line[1024], reply[256], *id;

    hear(fd, line);
    id = strstr(line, "\"id\":");
    check(strstr(line, execute) && id, execute);
    snprintf(reply, sizeof(reply), "{\"return\": %s, \"id\": %ld}\r\n", value,
             id ? strtol(id + strlen("\"id\":"), NULL, 10) : 0);
    say(fd, reply);
}

/* A command may take any time. */
static void command_answer(int fd)
{
    answer(fd, "\"human-monitor-command\"", "\"good\"");
    check(!xenless_timers, "has no time-out any more");
}

static void serve(int fd)
{
    say(fd, GREETING);
    answer(fd, "\"qmp_capabilities\"", "{}");
    command_answer(fd);
}

static void reset_answer(int fd, const char *nonce)
{
    char reply[1100];

    snprintf(reply, sizeof(reply), "{\"return\": {}, \"id\": \"%s\"}\r\n",
             nonce);
    say(fd, reply);
}

/* --- Scripts ------------------------------------------------------------ */

static void script_plain(int fd)
{
    char nonce[1024];

    hear_reset(fd, nonce);
    reset_answer(fd, nonce);
    serve(fd);
}

static void script_no_reset(int fd)
{
    serve(fd);
}

/* libxl's first ids are always these. */
static void script_old_session(int fd)
{
    char nonce[1024], line[1100];

    say(fd, "[    1.234567] a kernel's words\r\n"
        "{\"return\": {\"status\": \"runn");
    hear_reset(fd, nonce);
    say(fd, "\r\n"
        "{\"return\": {}, \"id\": 2020372736}\r\n"
        "{\"return\": \"late\", \"id\": 2020372737}\r\n"
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"late\"}, "
        "\"id\": 2020372737}\r\n"
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"late\"}}\r\n"
        "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, "
        "\"event\": \"STOP\"}\r\n"
        "{\"return\": {}, \"id\": \"libxl-0123456789abcdef\"}\r\n"
        GREETING "\r\n\n}{\r\n");
    say_bytes(fd, "\0\0{\"QMP\"\0\r\n", 12);
    /* A terminal that is not raw yet; and one that drops what it must. */
    snprintf(line, sizeof(line),
             "^X{\"execute\":\"qmp_reset\",\"id\":\"%s\"}\r\n", nonce);
    say(fd, line);
    say(fd, line + strlen("^X"));
    snprintf(line, sizeof(line),
             "{\"return\": \"%s\", \"id\": \"other\"}\r\n", nonce);
    say(fd, line);
    say(fd, "{\"return\": {\"half\": ");
    say(fd, "\r\n");
    reset_answer(fd, nonce);
    /* Events of the new session are no matter. */
    say(fd, GREETING
        "{\"event\": \"RESUME\", \"timestamp\": {\"seconds\": 1}}\r\n");
    answer(fd, "\"qmp_capabilities\"", "{}");
    say(fd, "{\"return\": \"stray\", \"id\": 1}\r\n");
    command_answer(fd);
}

/* The second reply of a client that is gone, in a byte at a time. */
static void script_byte_by_byte(int fd)
{
    const char *late = "{\"return\": \"late\", \"id\": 2020372737}\r\n\r\n\r";
    char nonce[1024];

    hear_reset(fd, nonce);
    for (; *late; late++)
        say_bytes(fd, late, 1);
    say(fd, "\n");
    reset_answer(fd, nonce);
    serve(fd);
}

/* A message that is longer than libxl would take. */
static void script_long(int fd)
{
    char *text = malloc(3 * MESSAGE_MAX);
    char nonce[1024];

    hear_reset(fd, nonce);
    memset(text, 'x', 3 * MESSAGE_MAX);
    say_bytes(fd, text, 3 * MESSAGE_MAX);
    say(fd, "\r\n");
    free(text);
    reset_answer(fd, nonce);
    serve(fd);
}

/* A QEMU that has the console as its monitor. */
static void script_unknown(int fd)
{
    char nonce[1024], reply[1200];

    hear_reset(fd, nonce);
    snprintf(reply, sizeof(reply), "{\"error\": {\"class\": "
             "\"CommandNotFound\", \"desc\": \"what?\"}, \"id\": \"%s\"}\r\n",
             nonce);
    say(fd, reply);
}

static void script_silent(int fd)
{
    char nonce[1024];

    hear_reset(fd, nonce);
}

/* Somebody else's nonce is none. */
static void script_other_nonce(int fd)
{
    char nonce[1024];

    hear_reset(fd, nonce);
    nonce[strlen(nonce) - 1] ^= 1;
    reset_answer(fd, nonce);
    say(fd, GREETING);
    hear(fd, nonce);
    check(!nonce[0], "a wrong nonce gets nothing");
}

static void script_no_greeting(int fd)
{
    char nonce[1024];

    hear_reset(fd, nonce);
    reset_answer(fd, nonce);
}

/* There is always more to read. */
static void script_endless(int fd)
{
    char nonce[1024];

    hear_reset(fd, nonce);
    xenless_endless = true;
    say(fd, "\n");
}

static void script_hang_up(int fd)
{
    char nonce[1024];

    hear_reset(fd, nonce);
    say(fd, "{\"return\"");
    shutdown(fd, SHUT_RDWR);
}

static const struct {
    const char *name;
    void (*script)(int fd);
    const char *transport;
    bool expires;
    int rc;
} tests[] = {
    { "a vchan begins without", script_no_reset, "vchan" },
    { "a console begins with qmp_reset", script_plain, "direct" },
    { "an older session's words", script_old_session, "direct" },
    { "byte by byte", script_byte_by_byte, "direct" },
    { "an older session's long message", script_long, "direct" },
    { "no qmp_reset there", script_unknown, "direct", false,
        ERROR_PROTOCOL_ERROR_QMP },
    { "hangs up", script_hang_up, "direct", false,
        ERROR_PROTOCOL_ERROR_QMP },
    { "silent", script_silent, "direct", true, ERROR_TIMEDOUT },
    { "another nonce", script_other_nonce, "direct", true, ERROR_TIMEDOUT },
    { "no greeting", script_no_greeting, "direct", true, ERROR_TIMEDOUT },
    { "never stops", script_endless, "direct", true, ERROR_TIMEDOUT },
    /* The lock and the socket are free again. */
    { "and then as ever", script_plain, "direct" },
};

/* --- Running them ------------------------------------------------------- */

struct peer {
    struct sockaddr_un addr;
    int listen_fd;
    void (*script)(int fd);
};

static void *peer_run(void *opaque)
{
    const struct peer *peer = opaque;
    int fd = accept(peer->listen_fd, NULL, NULL);
    char c;

    check(fd >= 0, "libxl connects");
    if (fd >= 0) {
        peer->script(fd);
        /* As xenconsoled, it stays as long as libxl does. */
        while (recv(fd, &c, 1, 0) == 1)
            ;
        close(fd);
    }
    return NULL;
}

static void run(libxl_ctx *ctx, unsigned int i)
{
    struct peer peer = {
        .addr = { .sun_family = AF_UNIX },
        .listen_fd = socket(AF_UNIX, SOCK_STREAM, 0),
        .script = tests[i].script,
    };
    bool direct = !strcmp(tests[i].transport, "direct");
    char *output = NULL;
    pthread_t thread;
    int rc;

    snprintf(peer.addr.sun_path, sizeof(peer.addr.sun_path), "%s/%s-%u",
             xenless_dir, direct ? "qmp-console" : "qmp-libxl",
             XENLESS_DOMID);
    xenless_transport = tests[i].transport;
    xenless_hurry = tests[i].expires;
    xenless_endless = false;
    xenless_timers = 0;
    if (bind(peer.listen_fd, (struct sockaddr *)&peer.addr,
             sizeof(peer.addr)) ||
        listen(peer.listen_fd, 1) ||
        pthread_create(&thread, NULL, peer_run, &peer)) {
        check(false, peer.addr.sun_path);
        return;
    }

    rc = libxl_qemu_monitor_command(ctx, XENLESS_DOMID, "info", &output,
                                    NULL);
    /* Should it never have come. */
    shutdown(peer.listen_fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(peer.listen_fd);
    unlink(peer.addr.sun_path);

    check(rc == tests[i].rc, "its rc");
    check(rc || (output && !strcmp(output, "good")), "its output");
    printf("%s: rc %d\n", tests[i].name, rc);
    free(output);
}

int main(void)
{
    xentoollog_logger *lg;
    libxl_ctx *ctx;
    unsigned int i;

    setvbuf(stdout, NULL, _IOLBF, 0);
    /* Of a libxl that never comes back. */
    alarm(120);
    lg = (void *)xtl_createlogger_stdiostream(
        stdout, getenv("VERBOSE") ? XTL_DEBUG : XTL_CRITICAL, 0);
    if (!mkdtemp(xenless_dir) || !lg ||
        libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, lg)) {
        printf("FAILED: cannot begin\n");
        return 1;
    }

    for (i = 0; i < ARRAY_SIZE(tests); i++)
        run(ctx, i);

    libxl_ctx_free(ctx);
    xtl_logger_destroy(lg);
    check(!rmdir(xenless_dir), "nothing is left over");
    printf(failed ? "FAILED\n" : "PASSED\n");
    return failed;
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
