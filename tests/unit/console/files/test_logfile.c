/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/files/logfile.h"

#include "tap.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char dir[] = "/tmp/test_logfile.XXXXXX";
static char path[64], old[64], text[8192];
static struct logfile file;

static void start(void)
{
    check(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/log", dir);
    snprintf(old, sizeof(old), "%s/log.0", dir);
    logfile_init(&file);
}

static bool file_open(const char *name)
{
    check(!logfile_name(&file, name));
    logfile_reopen(&file);
    return logfile_prepare(&file);
}

static size_t file_write(const char *bytes, size_t n)
{
    return logfile_prepare(&file) ? logfile_write(&file, bytes, n) : 0;
}

static void finish(void)
{
    logfile_dispose(&file);
    unlink(path);
    unlink(old);
    rmdir(dir);
}

static const char *contents(const char *name)
{
    int fd = open(name, O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    return n < 0 ? NULL : text;
}

TEST(appends)
{
    start();
    check(file_open(path));
    check_int(file_write("one\n", 4), 4);
    logfile_reopen(&file);
    check_int(file_write("two\n", 4), 4);
    check_str(contents(path), "one\ntwo\n");
    finish();
}

TEST(capped_and_rotated_once)
{
    start();
    file.max = 10;
    check(file_open(path));
    for (int i = 0; i < 7; i++) {
        char line[8];

        snprintf(line, sizeof(line), "%d....", i);
        check_int(file_write(line, 5), 5);
    }
    check_str(contents(path), "6....");
    check_str(contents(old), "4....5....");
    finish();
}

TEST(a_size_from_before_counts)
{
    start();
    file.max = 10;
    check(file_open(path));
    file_write("0123456789", 10);
    logfile_reopen(&file);
    file_write("x", 1);
    check_str(contents(path), "x");
    finish();
}

/* Whoever puts logs away as well, in between. */
static bool put_away;

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_rename(const char *from, const char *to)
{
    char away[80];

    snprintf(away, sizeof(away), "%s.1", from);
    if (put_away)
        check(!__real_rename(from, away));
    return __real_rename(from, to);
}

TEST(put_away_by_another_in_the_same_moment)
{
    start();
    file.max = 10;
    check(file_open(path));
    file_write("0123456789", 10);
    put_away = true;
    check_int(file_write("x", 1), 1);
    check_str(contents(path), "x");
    check(access(old, F_OK));
    strcpy(old + strlen(old) - 1, "1");
    check_str(contents(old), "0123456789");
    finish();
}

TEST(replaces_escape)
{
    start();
    file.replace_escape = true;
    check(file_open(path));
    check_int(file_write("a\033[1mb", 6), 6);
    check_str(contents(path), "a.[1mb");
    finish();
}

TEST(time_stamps)
{
    const char *t;
    int year, n = 0;

    start();
    file.timestamps = true;
    check(file_open(path));
    check_int(file_write("one\n\rtw", 7), 7);
    check_int(file_write("o\n", 2), 2);
    t = contents(path);
    check_int(sscanf(t, "[%d-%*d-%*d %*d:%*d:%*d] Logfile Opened\n%n",
                     &year, &n), 1);
    check(year > 2020 && n);
    /* Three lines, each stamped once, no CR. */
    check(!strcmp(t + n + 22, "one\n" ) || !strncmp(t + n + 22, "one\n[", 5));
    check(!strchr(t, '\r'));
    check(strstr(t, "] two\n"));
    check_int(strlen(t), 3 * 22 + 15 + 4 + 4);
    finish();
}

TEST(a_link_is_not_followed)
{
    start();
    check(!symlink("/dev/null", path));
    check(!file_open(path));
    check_int(file_write("x", 1), 0);
    finish();
}

TEST(a_failing_disk_is_counted)
{
    struct rlimit limit = { 10, 10 };

    start();
    signal(SIGXFSZ, SIG_IGN);
    check(file_open(path));
    check(!setrlimit(RLIMIT_FSIZE, &limit));
    check_int(file_write("0123456789abc", 13), 10);
    check_int(file_write("x", 1), 0);
    check_str(contents(path), "0123456789");
    finish();
}

TEST(a_device_is_not_rotated)
{
    start();
    file.max = 2;
    check(file_open("/dev/null"));
    check_int(file_write("abc", 3), 3);
    check_int(file_write("abc", 3), 3);
    check(access("/dev/null.0", F_OK));
    finish();
}

TAP_MAIN()
