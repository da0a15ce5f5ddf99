/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk that hangs, under the daemon's real loop and crew: its own
 * consoles wait or lose text, all others go on.
 *
 * The disk is every regular file of this process. The loop has no
 * descriptors of Xen's here, so a timer looks for events; it also runs the
 * script, one step after the other.
 */
#include "console_fixture.h"

#include <semaphore.h>

#define FE_SAVE "/local/domain/5/device/console/1"
#define BE_SAVE "/local/domain/0/backend/console/5/1"
#define ECHOES 200

static sem_t disk;
static unsigned int disk_writes;
static struct loop_timer poll;
static int client = -1;
static unsigned int echoes;

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    struct stat st;
    ssize_t r;

    /* Records are in RAM. */
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || n > RING_OUT_SIZE ||
        (n > 11 && !memcmp(bytes, "xenconsoled", 11)))
        return __real_write(fd, bytes, n);
    __atomic_add_fetch(&disk_writes, 1, __ATOMIC_SEQ_CST);
    sem_wait(&disk);
    r = __real_write(fd, bytes, n);
    sem_post(&disk);
    return r;
}

/* A folder whose file system hangs: whoever looks for a socket's name in it
 * waits. */
static const char *hangs;
static unsigned int looks;

int __real_lstat(const char *name, struct stat *st);
int __wrap_lstat(const char *name, struct stat *st);

int __wrap_lstat(const char *name, struct stat *st)
{
    if (hangs && strstr(name, hangs)) {
        __atomic_add_fetch(&looks, 1, __ATOMIC_SEQ_CST);
        sem_wait(&disk);
        sem_post(&disk);
    }
    return __real_lstat(name, st);
}

static void guest_fill(struct xencons_interface *ring)
{
    while (ring->out_prod - ring->out_cons < sizeof(ring->out))
        ring->out[MASK_XENCONS_IDX(ring->out_prod++, ring->out)] = 'x';
}

/* Another guest's console: a byte to and fro. True: often enough. */
static bool echo(void)
{
    char byte;

    if (!echoes || read(client, &byte, 1) == 1) {
        guest_write(&primary, "e");
        fake_hv_kick(5, 2);
        echoes++;
    }
    return echoes > ECHOES;
}

static void connect_client(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    strcpy(address.sun_path, path);
    check(!connect(client, (struct sockaddr *)&address, sizeof(address)));
}

static void consoles_made(const char *policy)
{
    char output[128];

    fake_store_set(PRIMARY, "", 0);
    snprintf(output, sizeof(output), "unix:%s", path);
    fake_store_set(PRIMARY "/output", output, 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    secondary_made("xenconsoled");
    snprintf(output, sizeof(output), "file:%s", save);
    fake_store_set(BE "/policy", policy, 0);
    fake_store_set(BE "/output", output, 0);
    ring_published("8", "4");
}

static bool file_has(off_t n)
{
    struct stat st;

    return !stat(save, &st) && st.st_size == n;
}

static int finished(void)
{
    return 0;
}

static void run(loop_timer_fn *script)
{
    start();
    check(!sem_init(&disk, 0, 1));
    check(!crew_init(&server.crew, &server.backend.loop, server_lead,
                     &server));
    lanes_init(&server.backend.lanes, &server.crew);
    check(!loop_timer_set(&server.backend.loop, &poll, 0, script, NULL));
    server_run(&server, finished);
}

/* What the script's timer does each time. */
static void again(loop_timer_fn *script)
{
    xs_event(&server, EPOLLIN);
    hv_event(&server, EPOLLIN);
    check(!loop_timer_set(&server.backend.loop, &poll, 1, script, NULL));
}

static void end(void)
{
    unlink(save);
    record_remove(5, 3);
    rmdir(records);
    unlink(path);
    strcat(path, ".ctl");
    unlink(path);
    rmdir(dir);
    server.backend.stop = true;
}

static void log_script(void *data)
{
    static int step;
    static uint32_t written;

    (void)data;
    again(log_script);
    switch (step) {
    case 0:
        consoles_made("log");
        sem_wait(&disk);
        step++;
        break;
    case 1:
        if (access(path, F_OK) || console(3)->state != CONSOLE_SERVING)
            break;
        connect_client();
        guest_fill(&page);
        fake_hv_kick(5, 4);
        step++;
        break;
    case 2:
        /* It hangs, and the other console does not notice. */
        if (!__atomic_load_n(&disk_writes, __ATOMIC_SEQ_CST) || !echo())
            break;
        check(file_has(0));
        step++;
        break;
    case 3:
        /* After a while its guest goes on as well. */
        if (page.out_cons != page.out_prod)
            break;
        guest_fill(&page);
        fake_hv_kick(5, 4);
        written = page.out_prod;
        step++;
        break;
    case 4:
        if (page.out_cons != page.out_prod)
            break;
        check(file_has(0));
        check_int(output_buffered(console(3)->output), written);
        sem_post(&disk);
        step++;
        break;
    case 5:
        if (!file_has(written) || output_buffered(console(3)->output))
            break;
        check_int(console(3)->counters.delivered, written);
        end();
    }
}

TEST(a_log_on_a_disk_that_hangs)
{
    run(log_script);
}

static void save_script(void *data)
{
    struct console beside = console_beside(4);
    static struct qmp_buf reply;
    static int step;

    (void)data;
    again(save_script);
    switch (step) {
    case 0:
        consoles_made("save");
        qmp_buf_init(&reply, 4096);
        step++;
        break;
    case 1:
        if (access(path, F_OK) || console(3)->state != CONSOLE_SERVING)
            break;
        connect_client();
        requests_console(&beside, 1, "save-begin", false, &reply);
        step++;
        break;
    case 2:
        if (requests_console(&beside, 1, "save-begin", true, &reply) ==
            CONTROL_LATER)
            break;
        check_mem(reply.data, reply.len, "ok\n", 3);
        qmp_buf_consume(&reply, reply.len);
        sem_wait(&disk);
        guest_fill(&page);
        fake_hv_kick(5, 4);
        step++;
        break;
    case 3:
        /* Lossless: nothing is taken, nothing is answered. */
        check_int(requests_console(&beside, 1, "sync", false, &reply),
                  CONTROL_LATER);
        check_int(page.out_cons, 0);
        if (!__atomic_load_n(&disk_writes, __ATOMIC_SEQ_CST) || !echo())
            break;
        sem_post(&disk);
        step++;
        break;
    case 4:
        if (requests_console(&beside, 1, "sync", true, &reply) ==
            CONTROL_LATER)
            break;
        check(reply.len > 8 && !memcmp(reply.data, "ok 2048 ", 8));
        check(file_has(2048));
        qmp_buf_dispose(&reply);
        end();
    }
}

TEST(a_save_on_a_disk_that_hangs)
{
    run(save_script);
}

static void socket_script(void *data)
{
    static char there[96];
    static int step;

    (void)data;
    again(socket_script);
    switch (step) {
    case 0:
        fake_store_set(PRIMARY, "", 0);
        snprintf(there, sizeof(there), "unix:%s", path);
        fake_store_set(PRIMARY "/output", there, 0);
        fake_store_set(PRIMARY "/ring-ref", "77", 0);
        fake_store_set(PRIMARY "/port", "2", 0);
        step++;
        break;
    case 1:
        if (access(path, F_OK))
            break;
        connect_client();
        /* Only now, and of the other console's. */
        hangs = "/there.s";
        sem_wait(&disk);
        snprintf(there, sizeof(there), "unix:%s/there.s", dir);
        secondary_made("xenconsoled");
        fake_store_set(BE "/output", there, 0);
        ring_published("8", "4");
        step++;
        break;
    case 2:
        if (!__atomic_load_n(&looks, __ATOMIC_SEQ_CST) || !echo())
            break;
        check(access(there + 5, F_OK));
        sem_post(&disk);
        step++;
        break;
    case 3:
        if (access(there + 5, F_OK))
            break;
        unlink(there + 5);
        strcat(there, ".ctl");
        unlink(there + 5);
        end();
    }
}

TEST(a_sockets_folder_that_hangs)
{
    run(socket_script);
}

TAP_MAIN()
