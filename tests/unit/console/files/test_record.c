/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/files/record.h"

#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>

static char dir[] = "/tmp/test_record.XXXXXX";
static char folder[64], path[80];
static struct record record = {
    .domid = 5, .n = 1, .vm = "/vm/4711", .ring_ref = 8, .port = 4,
    .dev = 1ULL << 40, .ino = 77, .base = 0xfffffff0, .length = RECORD_OPEN,
};

static void start(void)
{
    check(mkdtemp(dir));
    snprintf(folder, sizeof(folder), "%s/records", dir);
    snprintf(path, sizeof(path), "%s/5-1", folder);
    check(!record_init(folder));
    check(!record_init(folder));
}

static void finish(void)
{
    record_remove(5, 1);
    record_remove(5, 1);
    check(!rmdir(folder));
    check(!rmdir(dir));
}

/* As the daemon after us asks. */
static struct record ask(void)
{
    struct record r = record;

    r.dev = r.ino = r.length = r.base = 0;
    return r;
}

TEST(read_back)
{
    struct record r = ask();

    start();
    check(!record_read(&r));
    check(!record_write(&record));
    check(record_read(&r));
    check(!memcmp(&r, &record, sizeof(r)));
    record.base = 1;
    check(!record_write(&record));
    check(record_read(&r));
    check_int(r.base, 1);
    /* A save's. */
    record.crc = 0xffffffff;
    check(!record_write(&record));
    check(record_read(&r));
    check(!memcmp(&r, &record, sizeof(r)));
    strcpy(record.name, "0123456789abcdef0123456789abcdef");
    check(!record_write(&record));
    check(record_read(&r));
    check(!memcmp(&r, &record, sizeof(r)));
    finish();
}

TEST(another_ring_s)
{
    struct record r;

    start();
    check(!record_write(&record));
    r = ask();
    strcpy(r.vm, "/vm/4712");
    check(!record_read(&r));
    r = ask();
    r.ring_ref = 9;
    check(!record_read(&r));
    r = ask();
    r.port = 44;
    check(!record_read(&r));
    finish();
}

TEST(cut_and_garbled)
{
    struct record r = ask();
    struct stat st;
    int fd;

    start();
    check(!record_write(&record));
    check(!stat(path, &st));
    check_int(st.st_mode & 07777, 0600);
    for (off_t n = st.st_size - 1; n >= 0; n--) {
        check(!truncate(path, n));
        check(!record_read(&r));
    }
    check(!record_write(&record));
    fd = open(path, O_WRONLY | O_APPEND);
    check_int(write(fd, "x", 1), 1);
    check(!record_read(&r));
    finish();
}

static bool alive(void *data, uint32_t domid)
{
    return domid == *(uint32_t *)data;
}

TEST(those_of_the_dead_are_swept)
{
    uint32_t living = 5;
    struct record r = record;

    start();
    check(!record_write(&record));
    r.domid = 55;
    check(!record_write(&r));
    record_sweep(alive, &living);
    r = ask();
    check(record_read(&r));
    r.domid = 55;
    check(!record_read(&r));
    finish();
}

TEST(kept_when_the_daemon_stops)
{
    struct record r = ask();

    start();
    check(!record_write(&record));
    record_freeze();
    record_remove(5, 1);
    check(record_read(&r));
    unlink(path);
    finish();
}

TAP_MAIN()
