/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many domains of five consoles each before one xenconsoled, with either
 * xenstored. 200; in check-full $XENQMP_DOMAINS, 1,000, with which xenstored
 * has minutes to do.
 */
#include "component.h"

#include "tests/xensim/xensim.h"

#include <dirent.h>

#define DOMAINS_MAX 1000
#define CONSOLES    5
#define LIMIT_S     3600

static const char *const outputs[CONSOLES] = {
    NULL, "file:/run/files/%u", "null", "unix:/run/qmp/%u", "pty",
};
static unsigned int domains_n = 200;
static struct guest_console consoles[DOMAINS_MAX][CONSOLES];

static void all_create(void)
{
    for (unsigned int d = 0; d < domains_n; d++) {
        guest_create(d + 1);
        for (unsigned int n = 0; n < CONSOLES; n++) {
            char output[64];

            snprintf(output, sizeof(output), outputs[n] ? outputs[n] : "",
                     d + 1);
            consoles[d][n] = guest_console_add(d + 1, n, outputs[n] ?
                                               output : NULL);
            if (n)
                guest_console_publish(&consoles[d][n]);
        }
    }
}

/* Each console has a word of its own. */
static const char *word(unsigned int d, unsigned int n)
{
    static char text[32];

    snprintf(text, sizeof(text), "<%u:%u>", d, n);
    return text;
}

static void all_speak(void)
{
    for (unsigned int d = 0; d < domains_n; d++)
        for (unsigned int n = 0; n < CONSOLES; n++)
            put_all(&consoles[d][n], word(d, n), strlen(word(d, n)));
}

static void check_heard(unsigned int d)
{
    char file[64];
    int fd;

    fd = tty_open(&consoles[d][0]);
    check_reads(fd, word(d, 0), strlen(word(d, 0)));
    close(fd);
    fd = tty_open(&consoles[d][4]);
    check_reads(fd, word(d, 4), strlen(word(d, 4)));
    close(fd);
    snprintf(file, sizeof(file), "/run/files/%u:%s", d + 1, word(d, 1));
    check(host_wait(file_is, file));
    snprintf(file, sizeof(file), "/run/qmp/%u", d + 1);
    fd = unix_attach(&consoles[d][3], file);
    put_all(&consoles[d][3], word(d, 3), strlen(word(d, 3)));
    check_reads(fd, word(d, 3), strlen(word(d, 3)));
    close(fd);
}

/* xenstored takes its time with so many. */
static void wait_until(const char *what, bool (*fn)(void *data), void *data)
{
    for (int i = 0; i < 10; i++)
        if (host_wait(fn, data))
            return;
    tap_fail("that takes too long: %s", what);
}
#define wait_long(fn, data) wait_until(#fn "(" #data ")", fn, data)

static void all_connect(void)
{
    for (unsigned int d = 0; d < domains_n; d++) {
        wait_long(has_tty, &consoles[d][0]);
        for (unsigned int n = 1; n < CONSOLES; n++) {
            wait_long(is_connected, &consoles[d][n]);
            /* As Linux does. */
            guest_write(d + 1, "4", "%s/state", consoles[d][n].frontend);
        }
    }
}

/* Who is killed now has left to the next one what that needs. */
static bool is_handed_over(void *data)
{
    const char *text, *path = data;
    unsigned int n = 0;

    /* Strings, each with its 0. */
    static char bytes[65536];
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, bytes, sizeof(bytes));

    close(fd);
    for (text = bytes; text < bytes + size; text += strlen(text) + 1)
        n += !strncmp(text, "console ", 8);
    return n == CONSOLES;
}

static void all_handed_over(void)
{
    for (unsigned int d = 0; d < domains_n; d++) {
        char path[64];

        snprintf(path, sizeof(path), "/run/xen/xenconsoled/%u-keys", d + 1);
        wait_long(is_handed_over, path);
    }
}

/* Who answers is done with starting. */
static int control_open(void)
{
    int fd = unix_open("/run/xen/xenconsoled.sock");

    check_asks(fd, "list", "ok");
    return fd;
}

static unsigned int descriptors(void)
{
    char path[64];
    unsigned int n = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)ours);
    dir = opendir(path);
    check(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static bool all_unmapped(void *data)
{
    return xensim->mapped - xensim->unmapped == *(uint64_t *)data;
}

static bool descriptors_are(void *data)
{
    return descriptors() <= *(unsigned int *)data;
}

static void many_domains(void)
{
    const char *wanted = getenv("XENQMP_DOMAINS");
    uint64_t pages;
    unsigned int before;
    int control;

    if (wanted)
        domains_n = (unsigned int)atoi(wanted);
    check(domains_n && domains_n <= DOMAINS_MAX);
    alarm(LIMIT_S);
    start_ours(NULL);
    control = control_open();
    pages = xensim->mapped - xensim->unmapped;
    before = descriptors() + 2;     /* xensim's own, once it's in use */
    check(!mkdir("/run/files", 0700) && !mkdir("/run/qmp", 0700));
    all_create();
    all_connect();
    all_speak();
    for (unsigned int d = 0; d < domains_n; d++)
        check_heard(d);

    /* The next one takes all of them over. */
    all_handed_over();
    close(control);
    kill_ours();
    start_ours(NULL);
    all_speak();
    for (unsigned int d = 0; d < domains_n; d += 97) {
        char file[64];
        int n = snprintf(file, sizeof(file), "/run/files/%u:%s", d + 1,
                         word(d, 1));

        snprintf(file + n, sizeof(file) - (size_t)n, "%s", word(d, 1));
        wait_long(file_is, file);
    }
    control = control_open();
    for (unsigned int d = 0; d < domains_n; d++)
        guest_destroy(d + 1);
    pages += (uint64_t)domains_n * CONSOLES;  /* of who was killed */
    wait_long(all_unmapped, &pages);
    check(!ours_ended());
    wait_long(descriptors_are, &before);
    close(control);
}

TEST(many_domains_of_five_consoles)
{
    many_domains();
}

TEST(many_domains_with_oxenstored)
{
    xenstored = HOST_OXENSTORED;
    many_domains();
}

TAP_MAIN()
