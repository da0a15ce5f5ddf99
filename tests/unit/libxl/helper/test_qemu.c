/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper/qemu.c, with a shell in the place of QEMU. */
#define HELPER_QEMU_PATHS "/nowhere/qemu", "/bin/sh"
#include "libxl/helper/qemu.c"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>

#include "fake_store.h"
#include "tap.h"

#define DM 6
#define STATE "/local/domain/0/device-model/6/state"

/* What the one who goes on as qmp-helper is to do, and who that is. */
static struct shared { volatile pid_t helper, parent; volatile bool go; } *shared;
static char dir[] = "/tmp/test_qemu.XXXXXX", out[64], said[64];

static void until_gone(pid_t pid)
{
    while (!kill(pid, 0))
        usleep(1000);
}

static const char *text_of(const char *path)
{
    static char text[512];
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* What libxl has started; in the new process it becomes, it waits. */
static pid_t start(void)
{
    char *argv[] = { "qmp-helper", "-c", NULL, "x", "-chardev",
                     "socket,id=libxl-cmd,path=/a", "-chardev",
                     "pty,id=libxl-channel0", "-mon",
                     "chardev=libxl-cmd,mode=control", "-name", "y", NULL };
    struct qemu qemu = QEMU_NONE;
    pid_t pid;

    check(mkdtemp(dir) != NULL);
    snprintf(out, sizeof(out), "%s/out", dir);
    check(asprintf(&argv[2], "echo \"$*\" >%s; kill -STOP $$", out) > 0);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid = fork();
    if (pid)
        return pid;
    if (qemu_make_way(&qemu, DM, argv))
        _exit(2);
    shared->parent = getppid();
    shared->helper = getpid();
    while (!shared->go)
        usleep(1000);
    qemu_go(&qemu);
    qemu_go(&qemu);
    for (;;)
        pause();
}

static void clean_up(void)
{
    unlink(out);
    unlink(said);
    rmdir(dir);
}

TEST(libxls_process_becomes_qemu_with_libxls_arguments)
{
    pid_t pid = start();
    int status;

    while (!shared->helper)
        usleep(1000);
    check(shared->helper != pid);
    check(shared->parent != pid);
    check(access(out, F_OK));
    shared->go = true;
    check_int(waitpid(pid, &status, WUNTRACED), pid);
    check(WIFSTOPPED(status));
    check_str(text_of(out), "-name y\n");
    /* Neither ends with the other. */
    check(!kill(shared->helper, SIGKILL));
    until_gone(shared->helper);
    check_int(waitpid(pid, &status, WNOHANG), 0);
    check(!kill(pid, SIGKILL));
    check_int(waitpid(pid, &status, 0), pid);
    clean_up();
}

TEST(a_qemu_is_found_in_the_path_as_well)
{
    char path[256], *qemu;

    check(mkdtemp(dir) != NULL);
    check(asprintf(&qemu, "%s/qemu-system-i386", dir) > 0);
    check(!symlink("/bin/sh", qemu));
    snprintf(path, sizeof(path), "/nowhere::.:%s", dir);
    setenv("PATH", path, 1);
    check_str(qemu_in_path(), qemu);
    /* Not the current folder's. */
    check(!chdir(dir));
    setenv("PATH", ".::qemu:/nowhere", 1);
    check(!qemu_in_path());
    unsetenv("PATH");
    check(!qemu_in_path());
    unlink(qemu);
    free(qemu);
    rmdir(dir);
}

TEST(a_guest_that_is_refused_gets_no_qemu)
{
    pid_t pid = start();
    int status;

    while (!shared->helper)
        usleep(1000);
    check(!kill(shared->helper, SIGKILL));
    check_int(waitpid(pid, &status, 0), pid);
    check(WIFEXITED(status));
    check_int(WEXITSTATUS(status), 1);
    check(access(out, F_OK));
    clean_up();
}

/* Its line, when a QEMU ends. */
static const char *line_at_the_end(void)
{
    struct loop loop;
    struct qemu qemu = QEMU_NONE;
    pid_t pid;

    check(mkdtemp(dir) != NULL);
    snprintf(said, sizeof(said), "%s/said", dir);
    check(freopen(said, "w", stderr) != NULL);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
    check_int(loop_init(&loop), 0);
    check_int(qemu_watch(&qemu, &loop, fake_store), 0);
    pid = fork();
    if (!pid)
        for (;;)
            pause();
    qemu.domid = DM;
    qemu.fd = pidfd_open(pid, 0);
    check_int(qemu_watch(&qemu, &loop, fake_store), 0);
    check(!kill(pid, SIGKILL));
    check_int(loop_run_once(&loop, -1), 0);
    check(qemu.id == LOOP_NONE);
    check(!fflush(stderr));
    return text_of(said);
}

TEST(its_end_is_told)
{
    fake_store_set(STATE, "running", 0);
    check_str(line_at_the_end(), "test: domain 6: QEMU for its devices in "
              "dom0 ended, its disks with it: see qemu-dm-*.log, and restart "
              "the guest\n");
    clean_up();
}

/* First of all it removes this node. */
TEST(but_not_if_libxl_has_ended_it)
{
    check_str(line_at_the_end(), "");
    clean_up();
}

TAP_MAIN()
