/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/replace.c: a file in a directory that is another user's. */
#include "xl/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tap.h"

static char dir[] = "/tmp/test_replace.XXXXXX";

/* In it, from here on; "d" is the other user's, "victim" is not. */
static void start(void)
{
    FILE *file;

    check(mkdtemp(dir));
    check(!chdir(dir));
    check(!mkdir("d", 0755));
    check((file = fopen("victim", "w")));
    check(fputs("precious", file) >= 0 && !fclose(file));
    umask(022);
}

static const char *text(const char *path)
{
    static char bytes[64];
    int fd = open(path, O_RDONLY | O_NOFOLLOW);
    ssize_t n = read(fd, bytes, sizeof(bytes) - 1);

    close(fd);
    bytes[n > 0 ? n : 0] = '\0';
    return n < 0 ? "(none)" : bytes;
}

/* Nothing else may be in the directory, and nobody else's was touched. */
static void finish(void)
{
    unlink("d/f");
    check(!rmdir("d"));
    check_str(text("victim"), "precious");
    check(!unlink("victim"));
    check(!chdir("/") && !rmdir(dir));
}

static int replace(const char *path)
{
    return replace_file(path, "new", 3);
}

TEST(it_is_made_and_replaced)
{
    struct stat st;

    start();
    check_int(replace("d/f"), 0);
    check_str(text("d/f"), "new");
    check(!stat("d/f", &st));
    check_int(st.st_mode & 07777, 0644);
    check_int(replace_file("d/f", "newer", 5), 0);
    check_str(text("d/f"), "newer");
    check_int(replace_file("d/f", "", 0), 0);
    check_str(text("d/f"), "");
    finish();
}

TEST(names_have_all_forms)
{
    char path[64];

    start();
    snprintf(path, sizeof(path), "%s/d//f", dir);
    check_int(replace(path), 0);
    check_str(text("d/f"), "new");
    check(!unlink("d/f"));
    check(!chdir("d"));
    check_int(replace("f"), 0);
    check(!chdir(".."));
    check_str(text("d/f"), "new");
    check_int(replace("d/"), -1);
    check_int(replace(""), -1);
    check_int(replace("d"), -1);
    check_int(replace("none/f"), -1);
    check_int(errno, ENOENT);
    finish();
}

/* What a user puts there into whose directory root writes. */
TEST(no_link_is_followed)
{
    start();
    check(!symlink("../victim", "d/f.new"));
    check(!symlink("../victim", "d/f"));
    check_int(replace("d/f"), 0);
    check_str(text("d/f"), "new");
    /* A second name of it. */
    check(!link("victim", "d/f.new"));
    check_int(replace("d/f"), 0);
    check(!unlink("d/f") && !link("victim", "d/f"));
    check_int(replace("d/f"), 0);
    check_str(text("d/f"), "new");
    check(!unlink("d/f"));
    /* In the place of the directory. */
    check(!rename("d", "real") && !symlink("real", "d"));
    check_int(replace("d/f"), -1);
    check_int(replace("d//f"), -1);
    check(!unlink("d") && !rename("real", "d"));
    finish();
}

TEST(what_is_no_file_is_no_place_for_one)
{
    start();
    check(!mkdir("d/f", 0755));
    check_int(replace("d/f"), -1);
    check(!rmdir("d/f") && !mkdir("d/f.new", 0755));
    check_int(replace("d/f"), -1);
    check(!rmdir("d/f.new") && !mkfifo("d/f.new", 0644));
    check_int(replace("d/f"), 0);
    finish();
}

TEST(what_can_not_be_written_leaves_the_old_file)
{
    struct rlimit limit = { 2, 2 };

    start();
    check_int(replace_file("d/f", "o", 1), 0);
    signal(SIGXFSZ, SIG_IGN);
    check(!setrlimit(RLIMIT_FSIZE, &limit));
    check_int(replace("d/f"), -1);
    check_int(errno, EFBIG);
    check_str(text("d/f"), "o");
    finish();
}

TAP_MAIN()
