/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/files/handover.h"

#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>

static char dir[] = "/tmp/test_handover.XXXXXX";
static char path[80];
static char type[] = "xenconsoled", output[] = "file:/a=b\nconsole 1 2 3 4",
            empty[] = "";

static void start(void)
{
    check(mkdtemp(dir));
    check(!record_init(dir));
    snprintf(path, sizeof(path), "%s/5-keys", dir);
}

static void finish(void)
{
    handover_remove(5);
    check(!rmdir(dir));
}

static struct handover handover(void)
{
    struct handover h = { .domid = 5, .id = { 1, 2, 255 },
                          .vm = "/vm/4711" };

    h.consoles[0] = (struct keys){ .present = true, .ring_ref = 1ULL << 40,
                                   .port = 2 };
    h.consoles[63] = (struct keys){
        .text = { [KEY_TYPE] = type, [KEY_OUTPUT] = output,
                  [KEY_NAME] = empty },
        .present = true, .ring_ref = 8, .port = UINT32_MAX,
        .frontend_state = 4,
    };
    return h;
}

/* As the daemon after us asks. */
static struct handover ask(void)
{
    return (struct handover){ .domid = 5, .id = { 1, 2, 255 } };
}

static void dispose(struct handover *h)
{
    for (unsigned int n = 0; n < CONSOLES_MAX; n++)
        keys_dispose(&h->consoles[n]);
}

TEST(read_back)
{
    struct handover h = handover(), r = ask();
    uint64_t sum = 0;

    start();
    check(!handover_read(&r));
    check(!handover_write(&h, &sum));
    check(handover_read(&r));
    check_str(r.vm, "/vm/4711");
    for (unsigned int n = 1; n < 63; n++)
        check(!r.consoles[n].present);
    check(r.consoles[0].present && r.consoles[0].ring_known);
    check(r.consoles[0].ring_ref == 1ULL << 40);
    check_int(r.consoles[0].port, 2);
    check(!r.consoles[0].text[KEY_TYPE]);
    check_int(r.consoles[63].ring_ref, 8);
    check(r.consoles[63].port == UINT32_MAX);
    check_int(r.consoles[63].frontend_state, 4);
    check_str(r.consoles[63].text[KEY_TYPE], type);
    check_str(r.consoles[63].text[KEY_OUTPUT], output);
    check_str(r.consoles[63].text[KEY_NAME], "");
    check(!r.consoles[63].text[KEY_LIMIT]);
    dispose(&r);
    finish();
}

TEST(written_only_when_it_changes)
{
    struct handover h = handover();
    struct stat before, after;
    uint64_t sum = 0;

    start();
    check(!handover_write(&h, &sum) && !stat(path, &before));
    check(!handover_write(&h, &sum) && !stat(path, &after));
    check(before.st_ino == after.st_ino);
    h.consoles[0].port++;
    check(!handover_write(&h, &sum) && !stat(path, &after));
    check(before.st_ino != after.st_ino);
    /* And removed when nothing is connected. */
    h.consoles[0].present = h.consoles[63].present = false;
    check(!handover_write(&h, &sum));
    check(access(path, F_OK));
    check(!handover_write(&h, &sum));
    finish();
}

/* What can't be written any more must not be there as it was. */
TEST(a_full_disk)
{
    struct handover h = handover();
    uint64_t sum = 0;
    char fresh[90];

    start();
    check(!handover_write(&h, &sum));
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    check(!mkdir(fresh, 0700));
    h.consoles[0].port++;
    check(handover_write(&h, &sum));
    check(access(path, F_OK));
    check(!rmdir(fresh));
    check(!handover_write(&h, &sum));
    check(!access(path, F_OK));
    finish();
}

static void file_is(const char *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    check(write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}

TEST(another_domains_or_daemons)
{
    struct handover h = handover(), r = ask();
    static char bytes[65536];
    uint64_t sum = 0;
    ssize_t n;
    int fd;

    start();
    check(!handover_write(&h, &sum));
    r.id[15] = 1;
    check(!handover_read(&r));
    fd = open(path, O_RDONLY);
    n = read(fd, bytes, sizeof(bytes));
    close(fd);
    check(n > 0);
    r = ask();
    /* Of any length it is read or not, and nothing else. */
    for (ssize_t cut = 0; cut < n; cut++) {
        file_is(bytes, (size_t)cut);
        if (handover_read(&r))
            dispose(&r);
    }
    file_is(bytes, (size_t)n);
    check(handover_read(&r));
    dispose(&r);
    bytes[0] ^= 1;
    file_is(bytes, (size_t)n);
    check(!handover_read(&r));
    memset(bytes, 0, sizeof(bytes));
    file_is(bytes, sizeof(bytes));
    check(!handover_read(&r));
    finish();
}

TAP_MAIN()
