/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exactly once: the daemon is killed at every place between ring, file and
 * index, each time with bytes in flight, and every byte is compared.
 *
 * The daemon is a child on fake_hv and fake_store, built with the places of
 * fault.h; the ring is shared memory. The guest is this process: it writes
 * all the time, and while no daemon runs it scribbles over out_cons, which
 * must not matter once there is a record. XENQMP_KILLS: kills a place.
 */
#define FIXTURE_HAS_PRIVILEGES
#include "console_fixture.h"
#include "fault_arm.h"

#include <sys/mman.h>
#include <zlib.h>

#define KILLS_DEFAULT 5
/* A daemon that got by its place that often is killed anyway. */
#define LIFE_BYTES 12000

enum command { NONE, BEGIN, SYNC };

static struct world {
    struct xencons_interface ring;
    char rest_of_page[4096 - sizeof(struct xencons_interface)];
    bool ready;
    enum command command;
    char answer[128];
} *world;

static const char *policy, *place;
static pid_t daemon_pid;
static unsigned int kills, wanted;  /* at the place */
/* The stream: byte i is stream(i). */
static uint32_t sent;

static char stream(uint32_t i)
{
    return (char)((i * 2654435761U) >> 24 ^ i);
}

static unsigned long stream_crc(uint32_t from, uint32_t n)
{
    unsigned long crc = 0;

    for (uint32_t i = 0; i < n; i++) {
        char byte = stream(from + i);

        crc = crc32(crc, (Bytef *)&byte, 1);
    }
    return crc;
}

/* --- the daemon --- */

static void command_run(void)
{
    struct console beside = console_beside(4);
    static bool again;
    struct qmp_buf reply;

    if (world->command == NONE)
        return;
    qmp_buf_init(&reply, 1 << 16);
    again = requests_console(&beside, 1, world->command == BEGIN ?
                             "save-begin a" : "sync a", again, &reply) ==
            CONTROL_LATER;
    if (!again) {
        snprintf(world->answer, sizeof(world->answer), "%.*s",
                 (int)reply.len, reply.data);
        __atomic_store_n(&world->command, NONE, __ATOMIC_SEQ_CST);
    }
    qmp_buf_dispose(&reply);
}

static void daemon_live(unsigned int nth)
{
    char output[128];

    fault_arm(place, nth);
    server_start();
    /* With no more system calls than the daemon has. */
    check(!privileges_filter(true));
    fake_hv.rings[5][8] = &world->ring;
    secondary_made("xenconsoled");
    fake_store_set("/local/domain/5/vm", "/vm/4711", 0);
    snprintf(output, sizeof(output), "%s:%s",
             strcmp(policy, "request") ? "file" : "pipe", save);
    fake_store_set(BE "/policy", policy, 0);
    fake_store_set(BE "/output", output, 0);
    ring_published("8", "4");
    for (;;) {
        xs_event(&server, EPOLLIN);
        fake_hv_kick(5, 4);
        hv_event(&server, EPOLLIN);
        check(!loop_run_once(&server.backend.loop, 0));
        domains_turn(&server.domains);
        ready_run(&server);
        lanes_run(&server.backend.lanes);
        check_int(console(3)->state, CONSOLE_SERVING);
        __atomic_store_n(&world->ready, true, __ATOMIC_SEQ_CST);
        command_run();
        sched_yield();
    }
}

/* --- its life and death --- */

/* A record by which the next daemon will know better than out_cons. */
static bool is_recorded(void)
{
    struct record r = { .domid = 5, .n = 3, .vm = "/vm/4711",
                        .ring_ref = 8, .port = 4 };
    struct stat st;

    return record_read(&r) && !stat(save, &st) && st.st_ino == r.ino &&
           r.length == RECORD_OPEN;
}

static void daemon_start(void)
{
    unsigned int nth = 1 + (unsigned int)rand() % 3;

    world->ready = false;
    fflush(stdout);
    daemon_pid = fork();
    check(daemon_pid >= 0);
    if (daemon_pid)
        return;
    check(freopen("/dev/null", "w", stderr));
    alarm(TAP_LIMIT_S);
    daemon_live(nth);
}

static void archive(void);

/* in_flight: there was something to lose. */
static void daemon_ended(int status, bool in_flight, bool by_us)
{
    check(WIFSIGNALED(status));
    check_int(WTERMSIG(status), SIGKILL);
    kills += in_flight && !by_us;
    archive();
    if (is_recorded() && rand() % 2)
        world->ring.out_cons = (uint32_t)rand();
}

static bool is_in_flight(void)
{
    const struct xencons_interface *r = &world->ring;

    return r->out_prod != r->out_cons || r->in_prod != r->in_cons ||
           !strcmp(policy, "request") || world->command != NONE;
}

/* Keeps a daemon alive. True: it has adopted the ring. */
static bool daemon_care(void)
{
    int status;
    bool in_flight;

    if (!daemon_pid)
        daemon_start();
    if (waitpid(daemon_pid, &status, WNOHANG) == daemon_pid) {
        in_flight = is_in_flight();
        daemon_ended(status, in_flight, false);
        daemon_start();
    }
    sched_yield();
    return __atomic_load_n(&world->ready, __ATOMIC_SEQ_CST);
}

static void daemon_kill(void)
{
    int status;

    kill(daemon_pid, SIGKILL);
    check_int(waitpid(daemon_pid, &status, 0), daemon_pid);
    daemon_ended(status, false, true);
    daemon_pid = 0;
}

/* --- the guest --- */

/* Writes up to n bytes of the stream as there is room. */
static uint32_t guest_stream(uint32_t n)
{
    struct xencons_interface *r = &world->ring;
    uint32_t used = r->out_prod - __atomic_load_n(&r->out_cons,
                                                  __ATOMIC_ACQUIRE);
    uint32_t room = sizeof(r->out) - used;

    check(used <= sizeof(r->out));
    n = n < room ? n : room;
    for (uint32_t i = 0; i < n; i++)
        r->out[MASK_XENCONS_IDX(r->out_prod + i, r->out)] =
            stream(sent + i);
    sent += n;
    __atomic_store_n(&r->out_prod, r->out_prod + n, __ATOMIC_RELEASE);
    return n;
}

static void guest_write_all(uint32_t n)
{
    while (n) {
        uint32_t some = 1 + (uint32_t)rand() % 3000;

        if (daemon_care())
            n -= guest_stream(some < n ? some : n);
    }
}

static void wait_until_empty(void)
{
    while (!daemon_care() ||
           world->ring.out_prod != __atomic_load_n(&world->ring.out_cons,
                                                   __ATOMIC_ACQUIRE))
        ;
}

static const char *ask(enum command command)
{
    bool asked = false;

    for (;;) {
        bool ready = daemon_care();

        if (!ready) {
            asked = false;
            world->command = NONE;
        } else if (!asked) {
            asked = true;
            world->answer[0] = '\0';
            __atomic_store_n(&world->command, command, __ATOMIC_SEQ_CST);
        } else if (__atomic_load_n(&world->command, __ATOMIC_SEQ_CST) ==
                   NONE && *world->answer) {
            return world->answer;
        }
    }
}

/* --- what the files have --- */

/* What was in files that were rotated away. */
static char *archived;
static size_t archived_n;
static ino_t archived_ino;

static size_t read_file(const char *name, char **bytes_r)
{
    int fd = open(name, O_RDONLY);
    struct stat st;

    check(fd >= 0);
    check(!fstat(fd, &st));
    *bytes_r = malloc((size_t)st.st_size + 1);
    check_int(read(fd, *bytes_r, (size_t)st.st_size), st.st_size);
    close(fd);
    return (size_t)st.st_size;
}

static void append(const char *name)
{
    char *bytes;
    size_t n = read_file(name, &bytes);

    archived = realloc(archived, archived_n + n + 1);
    memcpy(archived + archived_n, bytes, n);
    archived_n += n;
    free(bytes);
}

static void archive(void)
{
    struct stat st;
    char old[80];

    snprintf(old, sizeof(old), "%s.0", save);
    if (stat(old, &st) || st.st_ino == archived_ino)
        return;
    archived_ino = st.st_ino;
    append(old);
}

static void compare(const char *bytes, size_t n, uint32_t from)
{
    for (size_t i = 0; i < n; i++)
        check_int(bytes[i], stream(from + (uint32_t)i));
}

/* --- the cases --- */

static void world_start(const char *name, const char *how)
{
    const char *number = getenv("XENQMP_KILLS");

    place = name;
    policy = how;
    wanted = number ? (unsigned int)atoi(number) : KILLS_DEFAULT;
    check(mkdtemp(dir));
    snprintf(save, sizeof(save), "%s/save", dir);
    snprintf(records, sizeof(records), "%s/records", dir);
    check(!record_init(records));
    world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(world != MAP_FAILED);
    srand(1);
}

static void world_end(void)
{
    printf("# %u kills at %s\n", kills, place);
}

static void world_clean(void)
{
    char command[96];

    snprintf(command, sizeof(command), "rm -rf %s", dir);
    check(!system(command));
}

static void log_survives(const char *name)
{
    world_start(name, "log");
    while (kills < wanted) {
        guest_write_all(LIFE_BYTES);
        daemon_kill();
    }
    world_end();
    place = NULL;
    daemon_start();
    wait_until_empty();
    daemon_kill();
    append(save);
    check_int(archived_n, sent);
    compare(archived, archived_n, 0);
    world_clean();
}

static void save_survives(const char *name)
{
    char expected[32], *bytes;

    world_start(name, "save");
    while (kills < wanted) {
        uint32_t from, n = (uint32_t)rand() % LIFE_BYTES;
        size_t length;

        /* What was there before is none of the save's. */
        guest_write_all((uint32_t)rand() % 100);
        check_str(ask(BEGIN), "ok\n");
        from = sent;
        guest_write_all(n);
        snprintf(expected, sizeof(expected), "ok %u %lu\n", n,
                 stream_crc(from, n));
        check_str(ask(SYNC), expected);
        guest_write_all((uint32_t)rand() % 100);
        length = read_file(save, &bytes);
        check_int(length, n);
        compare(bytes, length, from);
        free(bytes);
        daemon_kill();
    }
    world_end();
    world_clean();
}

static void restore_survives(const char *name)
{
    struct xencons_interface *r;

    world_start(name, "request");
    r = &world->ring;
    while (kills < wanted) {
        uint32_t n = 3000 + (uint32_t)rand() % LIFE_BYTES, got = 0;
        FILE *file = fopen(save, "w");

        for (uint32_t i = 0; i < n; i++)
            putc(stream(i), file);
        fclose(file);
        memset(r, 0, sizeof(*r));
        /* It asks, once. */
        r->out[r->out_prod++] = '?';
        while (got < n) {
            uint32_t prod;

            daemon_care();
            prod = __atomic_load_n(&r->in_prod, __ATOMIC_ACQUIRE);
            check(prod - got <= sizeof(r->in));
            for (; got != prod; got++)
                check_int(r->in[MASK_XENCONS_IDX(got, r->in)], stream(got));
            __atomic_store_n(&r->in_cons, got, __ATOMIC_RELEASE);
        }
        daemon_kill();
        check_int(r->in_prod, n);
    }
    world_end();
    world_clean();
}

#define LOG_PLACE(name, place) TEST(log_##name) { log_survives(place); }
#define SAVE_PLACE(name, place) TEST(save_##name) { save_survives(place); }
#define RESTORE_PLACE(name, place)                                      \
    TEST(restore_##name) { restore_survives(place); }

LOG_PLACE(ring_adopted, "ring-adopted")
LOG_PLACE(copied, "out-copied")
LOG_PLACE(prepared, "log-prepared")
LOG_PLACE(renamed, "log-renamed")
LOG_PLACE(record_new, "record-new")
LOG_PLACE(record_in_place, "record-in-place")
LOG_PLACE(recorded, "log-recorded")
LOG_PLACE(half, "log-half")
LOG_PLACE(written, "log-written")
LOG_PLACE(taken, "out-taken")
LOG_PLACE(index_private, "out-cons-private")
LOG_PLACE(consumed, "out-consumed")

SAVE_PLACE(ring_adopted, "ring-adopted")
SAVE_PLACE(opened, "save-opened")
SAVE_PLACE(begin_drained, "begin-drained")
SAVE_PLACE(record_new, "record-new")
SAVE_PLACE(record_in_place, "record-in-place")
SAVE_PLACE(copied, "out-copied")
SAVE_PLACE(half, "save-half")
SAVE_PLACE(written, "save-written")
SAVE_PLACE(taken, "out-taken")
SAVE_PLACE(index_private, "out-cons-private")
SAVE_PLACE(consumed, "out-consumed")
SAVE_PLACE(sync_complete, "sync-complete")
SAVE_PLACE(sync_recorded, "sync-recorded")

RESTORE_PLACE(ring_adopted, "ring-adopted")
RESTORE_PLACE(request_taken, "out-taken")
RESTORE_PLACE(request_consumed, "out-consumed")
RESTORE_PLACE(read, "in-read")
RESTORE_PLACE(copied, "in-copied")
RESTORE_PLACE(put, "in-put")

TAP_MAIN()
