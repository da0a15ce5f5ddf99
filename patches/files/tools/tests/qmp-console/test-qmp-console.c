/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl's QMP sessions on a console of a stubdomain, and its saves, against
 * a peer that plays xenconsoled and the stubdomain: it has the consoles'
 * sockets, and says what a script has it say.  libxl is the real one up to
 * what needs Xen, which is in without-xen.c.
 */
#include <pthread.h>
#include <sched.h>
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

static libxl_ctx *ctx;
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

/* The id of the command that has to come. */
static long hear_command(int fd, const char *execute)
{
    char line[1024], *id;

    hear(fd, line);
    id = strstr(line, "\"id\":");
    check(strstr(line, execute) && id, execute);
    return id ? strtol(id + strlen("\"id\":"), NULL, 10) : 0;
}

static void say_return(int fd, const char *value, long id)
{
    char reply[256];

    snprintf(reply, sizeof(reply), "{\"return\": %s, \"id\": %ld}\r\n", value,
             id);
    say(fd, reply);
}

static void answer(int fd, const char *execute, const char *value)
{
    say_return(fd, value, hear_command(fd, execute));
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

/* The time-out that there is, or is to come, is over. */
static void expire(int fd)
{
    while (!xenless_timers)
        sched_yield();
    xenless_expire(ctx);
    say(fd, "\n");
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

/* Replies to what libxl is about to send, and one that comes twice. */
static void script_early(int fd)
{
    char nonce[1024], replies[256];
    long id;

    hear_reset(fd, nonce);
    reset_answer(fd, nonce);
    say(fd, GREETING "{\"return\": {}, \"id\": 2020372737}\r\n");
    id = hear_command(fd, "\"qmp_capabilities\"");
    snprintf(replies, sizeof(replies),
             "{\"return\": {}, \"id\": %ld}\r\n"
             "{\"return\": \"early\", \"id\": %ld}\r\n"
             "{\"return\": \"early\", \"id\": %ld}\r\n", id, id, id - 1);
    say(fd, replies);
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
    expire(fd);
}

/* Somebody else's nonce is none. */
static void script_other_nonce(int fd)
{
    char nonce[1024];

    hear_reset(fd, nonce);
    nonce[strlen(nonce) - 1] ^= 1;
    reset_answer(fd, nonce);
    say(fd, GREETING);
    expire(fd);
    hear(fd, nonce);
    check(!nonce[0], "a wrong nonce gets nothing");
}

static void script_no_greeting(int fd)
{
    char nonce[1024];

    hear_reset(fd, nonce);
    reset_answer(fd, nonce);
    expire(fd);
}

/* There is always more to read. */
static void script_endless(int fd)
{
    char nonce[1024];

    hear_reset(fd, nonce);
    xenless_endless = true;
    expire(fd);
}

static void script_hang_up(int fd)
{
    char nonce[1024];

    hear_reset(fd, nonce);
    say(fd, "{\"return\"");
    shutdown(fd, SHUT_RDWR);
}

/* xenconsoled was not there when libxl came. */
static void script_started(int fd)
{
    char nonce[1024];

    hear_reset(fd, nonce);
    reset_answer(fd, nonce);
    say(fd, GREETING);
    answer(fd, "\"qmp_capabilities\"", "{}");
    answer(fd, "\"human-monitor-command\"", "\"good\"");
}

static void script_never(int fd)
{
    check(false, "nobody listens");
}

/* --- Scripts of a save --------------------------------------------------- */

/* A state, and its CRC-32. */
#define STATE     "123456789"
#define STATE_CRC "3421780262"

/* A larger one. */
static char large[5000];

static void large_make(void)
{
    size_t i;

    for (i = 0; i < sizeof(large); i++)
        large[i] = i * i >> 7;
}

static uint32_t large_crc32(void)
{
    uint32_t crc = ~0U;
    size_t i;
    int bit;

    for (i = 0; i < sizeof(large); i++) {
        crc ^= (uint8_t)large[i];
        for (bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static int state_listen_fd;

/* Up to the command that saves; console 1. */
static int save_begin(int fd, long *id_r)
{
    char nonce[1024];
    int state_fd;

    hear_reset(fd, nonce);
    reset_answer(fd, nonce);
    say(fd, GREETING);
    answer(fd, "\"qmp_capabilities\"", "{}");
    answer(fd, "\"stop\"", "{}");
    *id_r = hear_command(fd, "\"xen-save-devices-state\"");
    state_fd = accept(state_listen_fd, NULL, NULL);
    check(state_fd >= 0, "libxl has connected to console 1");
    return state_fd;
}

static void say_saved(int fd, const char *length, const char *crc, long id)
{
    char event[256];

    snprintf(event, sizeof(event), "{\"event\": \"__xenqmp_SAVED\", \"data\": "
             "{\"id\": %ld, \"length\": %s, \"crc32\": %s}}\r\n", id, length,
             crc);
    say(fd, event);
}

static void save_end(int fd, int state_fd)
{
    char c;

    while (recv(fd, &c, 1, 0) == 1)
        ;
    close(state_fd);
}

static void script_save(int fd)
{
    long id;
    int state_fd = save_begin(fd, &id);

    say(state_fd, STATE);
    say_saved(fd, "9", STATE_CRC, id);
    say_return(fd, "{}", id);
    save_end(fd, state_fd);
}

/* What an older save has left, then the reply, then the state. */
static void script_overtakes(int fd)
{
    long id;
    int state_fd = save_begin(fd, &id);

    say(state_fd, "an older save's bytes, " STATE);
    say(state_fd, STATE "and more 12345");
    say_saved(fd, "9", STATE_CRC, id);
    say_return(fd, "{}", id);
    say(state_fd, "1234");
    say(state_fd, "567");
    say(state_fd, "89");
    save_end(fd, state_fd);
}

/* What an older save has left, and the state, which libxl looks at after
 * each byte. */
static void script_drips(int fd)
{
    char length[16], crc[16], old[sizeof(large)];
    size_t i, summed;
    long id;
    int state_fd = save_begin(fd, &id);

    large_make();
    snprintf(length, sizeof(length), "%zu", sizeof(large));
    snprintf(crc, sizeof(crc), "%u", large_crc32());
    say_saved(fd, length, crc, id);
    say_return(fd, "{}", id);
    memset(old, 'x', sizeof(old));
    say_bytes(state_fd, old, sizeof(old));
    for (i = 0; i < sizeof(large); i++) {
        summed = xenless_summed;
        say_bytes(state_fd, &large[i], 1);
        while (xenless_summed == summed)
            sched_yield();
    }
    save_end(fd, state_fd);
    check(xenless_summed <= 2 * (sizeof(old) + sizeof(large)),
          "no byte is summed more than twice");
}

static void script_damaged(int fd)
{
    long id;
    int state_fd = save_begin(fd, &id);

    say(state_fd, "12345678 ");
    say_saved(fd, "9", STATE_CRC, id);
    say_return(fd, "{}", id);
    expire(state_fd);
    save_end(fd, state_fd);
}

static void script_cut(int fd)
{
    long id;
    int state_fd = save_begin(fd, &id);

    say(state_fd, "12345678");
    say_saved(fd, "9", STATE_CRC, id);
    say_return(fd, "{}", id);
    expire(state_fd);
    save_end(fd, state_fd);
}

/* The event is of another save. */
static void script_unsaid(int fd)
{
    long id;
    int state_fd = save_begin(fd, &id);

    say(state_fd, STATE);
    say_saved(fd, "9", STATE_CRC, id - 1);
    say_return(fd, "{}", id);
    save_end(fd, state_fd);
}

static void script_senseless(int fd)
{
    long id;
    int state_fd = save_begin(fd, &id);

    say(state_fd, STATE);
    say_saved(fd, "-1", STATE_CRC, id);
    say_return(fd, "{}", id);
    save_end(fd, state_fd);
}

static void script_too_much(int fd)
{
    long id;
    int state_fd = save_begin(fd, &id), i;
    char *text = calloc(1, MESSAGE_MAX);

    for (i = 0; i < 33 && say_bytes(state_fd, text, MESSAGE_MAX); i++)
        ;
    free(text);
    say_saved(fd, "9", STATE_CRC, id);
    say_return(fd, "{}", id);
    save_end(fd, state_fd);
}

static void script_console_gone(int fd)
{
    long id;
    int state_fd = save_begin(fd, &id);

    say(state_fd, "1234");
    shutdown(state_fd, SHUT_RDWR);
    say_saved(fd, "9", STATE_CRC, id);
    say_return(fd, "{}", id);
    save_end(fd, state_fd);
}

static void script_refused(int fd)
{
    char reply[256];
    long id;
    int state_fd = save_begin(fd, &id);

    snprintf(reply, sizeof(reply), "{\"error\": {\"class\": "
             "\"GenericError\", \"desc\": \"no\"}, \"id\": %ld}\r\n", id);
    say(fd, reply);
    save_end(fd, state_fd);
}

static const struct {
    const char *name;
    void (*script)(int fd);
    const char *transport;
    int rc;
    /* whether xenconsoled does, when libxl has found that it has not */
    enum { RUNS, STARTS, NEVER } starts;
    bool saves;
    const char *state;  /* STATE, if not said */
    size_t state_len;
} tests[] = {
    { "a vchan begins without", script_no_reset, "vchan" },
    { "a console begins with qmp_reset", script_plain, "direct" },
    { "an older session's words", script_old_session, "direct" },
    { "byte by byte", script_byte_by_byte, "direct" },
    { "an older session's long message", script_long, "direct" },
    { "replies that are early", script_early, "direct" },
    { "no qmp_reset there", script_unknown, "direct",
        ERROR_PROTOCOL_ERROR_QMP },
    { "hangs up", script_hang_up, "direct",
        ERROR_PROTOCOL_ERROR_QMP },
    { "xenconsoled starts", script_started, "direct", .starts = STARTS },
    { "xenconsoled does not start", script_never, "direct", ERROR_FAIL,
        .starts = NEVER },
    { "silent", script_silent, "direct", ERROR_TIMEDOUT },
    { "another nonce", script_other_nonce, "direct", ERROR_TIMEDOUT },
    { "no greeting", script_no_greeting, "direct", ERROR_TIMEDOUT },
    { "never stops", script_endless, "direct", ERROR_TIMEDOUT },
    { "a state", script_save, "direct", .saves = true },
    { "a reply that overtakes it", script_overtakes, "direct",
        .saves = true },
    { "a state that drips", script_drips, "direct", .saves = true,
        .state = large, .state_len = sizeof(large) },
    { "a state that is damaged", script_damaged, "direct",
        ERROR_TIMEDOUT, .saves = true },
    { "a state that is cut", script_cut, "direct",
        ERROR_TIMEDOUT, .saves = true },
    { "a state of a senseless length", script_senseless, "direct",
        ERROR_PROTOCOL_ERROR_QMP, .saves = true },
    { "a state without length and CRC-32", script_unsaid, "direct",
        ERROR_PROTOCOL_ERROR_QMP, .saves = true },
    { "too much state", script_too_much, "direct",
        ERROR_BUFFERFULL, .saves = true },
    { "console 1 hangs up", script_console_gone, "direct",
        ERROR_FAIL, .saves = true },
    { "QEMU cannot save", script_refused, "direct",
        ERROR_QMP_GENERIC_ERROR, .saves = true },
    /* The lock and the socket are free again. */
    { "and then as ever", script_plain, "direct" },
};

/* --- Running them ------------------------------------------------------- */

struct peer {
    int listen_fd;
    bool starts;
    void (*script)(int fd);
};

static void *peer_run(void *opaque)
{
    const struct peer *peer = opaque;
    char c;
    int fd;

    while (peer->starts && !xenless_timers)
        sched_yield();
    if (peer->starts && listen(peer->listen_fd, 1))
        check(false, "xenconsoled starts");
    fd = accept(peer->listen_fd, NULL, NULL);

    check(fd >= 0 || peer->script == script_never, "libxl connects");
    if (fd >= 0) {
        peer->script(fd);
        /* As xenconsoled, it stays as long as libxl does. */
        while (recv(fd, &c, 1, 0) == 1)
            ;
        close(fd);
    }
    return NULL;
}

static int listen_at(const char *name, bool listens)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s-%u", xenless_dir,
             name, XENLESS_DOMID);
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
        (listens && listen(fd, 1)))
        check(false, addr.sun_path);
    return fd;
}

/* Should nobody ever have come, that ends the wait for it. */
static void listen_end(int fd)
{
    struct sockaddr_un addr;
    socklen_t len = sizeof(addr);

    if (!getsockname(fd, (struct sockaddr *)&addr, &len))
        unlink(addr.sun_path);
    shutdown(fd, SHUT_RDWR);
}

/* Whether the file has the state; it goes. */
static bool file_is_state(const char *path, const char *state, size_t len)
{
    char text[sizeof(large) + 1];
    size_t found;
    FILE *f = fopen(path, "r");

    if (!f)
        return false;
    found = fread(text, 1, sizeof(text), f);
    fclose(f);
    unlink(path);
    return found == len && !memcmp(text, state, len);
}

static void run(unsigned int i)
{
    bool direct = !strcmp(tests[i].transport, "direct");
    struct peer peer = {
        .listen_fd = listen_at(direct ? "qmp-console" : "qmp-libxl",
                               tests[i].starts == RUNS),
        .starts = tests[i].starts == STARTS,
        .script = tests[i].script,
    };
    char path[64], *output = NULL;
    pthread_t thread;
    int rc;

    xenless_transport = tests[i].transport;
    xenless_endless = false;
    xenless_timers = 0;
    xenless_summed = 0;
    xenless_hasty = tests[i].starts == NEVER;
    state_listen_fd = listen_at("qemu-state", true);
    snprintf(path, sizeof(path), "%s/file", xenless_dir);
    if (pthread_create(&thread, NULL, peer_run, &peer))
        abort();

    if (tests[i].saves)
        rc = xenless_save(ctx, path);
    else
        rc = libxl_qemu_monitor_command(ctx, XENLESS_DOMID, "info", &output,
                                        NULL);
    listen_end(peer.listen_fd);
    listen_end(state_listen_fd);
    pthread_join(thread, NULL);
    close(peer.listen_fd);
    close(state_listen_fd);

    check(rc == tests[i].rc, "its rc");
    if (tests[i].saves)
        check(file_is_state(path, tests[i].state ?: STATE,
                            tests[i].state_len ?: strlen(STATE)) == !rc,
              "its file");
    else
        check(rc || (output && !strcmp(output, "good")), "its output");
    printf("%s: rc %d\n", tests[i].name, rc);
    free(output);
}

int main(void)
{
    xentoollog_logger *lg;
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
        run(i);

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
