/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a worker that has been taken over can't do. Another guest's worker
 * runs; a second sandbox is entered as its worker enters it, with the
 * rights that the parent has kept for that, and code of ours runs inside.
 *
 * The system call filter ends most of it. So each is tried twice, the
 * second time without the filter: users, chroot and limits must hold by
 * themselves. Needs root, as the sandbox does; without it only says so.
 */
#include <seccomp.h>

static int load_filter(scmp_filter_ctx filter);
#define seccomp_load load_filter
#include "libxl/child/sandbox.c"
#undef seccomp_load

#include <sched.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "libxl/helper/privileges.h"
#include "worker_fixture.h"
#include "libxl/child/process.h"

#define TAKEN_UID (WORKER_UID - 1)
#define MEMORY_MAX (256ul << 20)

static bool without_filter;

static int load_filter(scmp_filter_ctx filter)
{
    return without_filter ? 0 : seccomp_load(filter);
}

/* What those inside are after. */
static struct {
    struct fixture own, other;
    pid_t parent;
    char xenstore[64];
    int xenstore_fd;            /* as a parent might leave it open */
} world;

/* --- Inside: true if it has succeeded -------------------------------- */

static bool connects(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return fd >= 0 &&
           !connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static bool uses_its_own(void)
{
    return connects("/console-3") && connects("/console-3.ctl");
}

/* By its name outside, and by what a chroot might be left by. */
static bool reaches(const char *path)
{
    char up[128];

    snprintf(up, sizeof(up), "/../../../..%s", path);
    return connects(path) || connects(up) || connects(up + 1);
}

static bool reaches_the_other_console(void)
{
    return reaches(world.other.console_path);
}

static bool saves_into_the_others_file(void)
{
    return reaches(world.other.control_path);
}

static bool reaches_the_others_clients(void)
{
    return reaches(world.other.clients) || reaches(world.own.clients);
}

static bool reaches_xenstore(void)
{
    return reaches(world.xenstore) || reaches("/run/xenstored/socket") ||
           reaches("/var/run/xenstored/socket");
}

static bool opens_xenstore(void)
{
    return open("/dev/xen/xenbus", O_RDWR) >= 0 ||
           open("/proc/xen/xenbus", O_RDWR) >= 0;
}

static bool finds_an_open_descriptor(void)
{
    for (int fd = STDERR_FILENO + 1; fd < 4096; fd++)
        if (write(fd, "x", 1) == 1)
            return true;
    return false;
}

static bool signals_the_other(void)
{
    return !kill(world.other.worker, 0) ||
           !kill(world.other.worker, SIGTERM);
}

static bool signals_its_parent(void)
{
    return !kill(world.parent, 0) || !kill(world.parent, SIGTERM);
}

static bool signals_by_pidfd(void)
{
    int fd = pidfd_open(world.other.worker, 0);

    return fd >= 0 && (!pidfd_send_signal(fd, SIGTERM, NULL, 0) ||
                       pidfd_getfd(fd, STDERR_FILENO, 0) >= 0);
}

static bool traces_the_other(void)
{
    return !ptrace(PTRACE_SEIZE, world.other.worker, NULL, NULL) ||
           !ptrace(PTRACE_ATTACH, world.other.worker, NULL, NULL);
}

static bool reads_the_others_memory(void)
{
    static char page[64];
    struct iovec here = { page, sizeof(page) };
    struct iovec there = { page, sizeof(page) };    /* a fork's: mapped */

    return process_vm_readv(world.other.worker, &here, 1, &there, 1, 0) >
               0 ||
           process_vm_readv(world.parent, &here, 1, &there, 1, 0) > 0 ||
           process_vm_writev(world.parent, &here, 1, &there, 1, 0) > 0;
}

static bool writes_a_file(void)
{
    return open("/file", O_WRONLY | O_CREAT, 0600) >= 0 ||
           open("file", O_WRONLY | O_CREAT, 0600) >= 0 ||
           open("/tmp", O_WRONLY | O_TMPFILE, 0600) >= 0 ||
           open("/", O_WRONLY | O_TMPFILE, 0600) >= 0 ||
           !mkdir("/dir", 0700) || !unlink("/console-3");
}

static bool makes_a_socket_that_others_find(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX,
                                   .sun_path = "/socket" };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    return !bind(fd, (struct sockaddr *)&address, sizeof(address));
}

static bool becomes_another(void)
{
    return !setuid(0) || !setresuid(0, 0, 0) || !setuid(WORKER_UID) ||
           !setgid(0) || !setgid(WORKER_UID);
}

static bool leaves_its_root(void)
{
    return !chroot("/") || !unshare(CLONE_NEWUSER) ||
           !unshare(CLONE_NEWNS) ||
           !mount("proc", "/", "proc", 0, NULL);
}

static bool starts_a_process(void)
{
    return fork() >= 0;
}

static bool takes_more_memory(void)
{
    size_t n = MEMORY_MAX;

    return !SANITIZED && mmap(NULL, n, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool reaches_the_network(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 ||
           socket(AF_NETLINK, SOCK_RAW, 0) >= 0;
}

static bool maps_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

/* --- Outside --------------------------------------------------------- */

/* Where those inside leave what they were refused. */
static int refused[2] = { -1, -1 };

/* Runs it in a sandbox. True if it has succeeded. */
static bool inside(bool (*attack)(void), bool filter)
{
    static const struct sandbox_limits limits = {
        .descriptors = 200, .memory = MEMORY_MAX,
    };
    struct child_config config = {
        .name = "QMP worker", .parent = getpid(),
        .guest_domid = 9, .dm_domid = 10, .root = world.own.dir,
        .uid = TAKEN_UID, .gid = TAKEN_UID, .sandbox = true,
        .refused_fd = refused[1],
    };
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (!pid) {
        alarm(0);
        without_filter = !filter;
        if (privileges_drop() || process_become_own(&config, NULL, 0) ||
            sandbox_enter(&config, &limits))
            _exit(3);
        /* What sanitizers do in _exit() is forbidden, too. */
        syscall(SYS_exit_group, attack() ? 1 : 2);
    }
    check(waitpid(pid, &status, 0) == pid);
    /* Refused while it blocks all signals, as some libc's fork() does. */
    if (filter && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return false;
    check(WIFEXITED(status));
    check(WEXITSTATUS(status) == 1 || WEXITSTATUS(status) == 2);
    return WEXITSTATUS(status) == 1;
}

/* As xenconsoled makes a console's sockets. */
static void give_console(struct fixture *f, uid_t uid)
{
    check(!chmod(f->console_path, 0600) && !chmod(f->control_path, 0600));
    check(!chown(f->console_path, uid, uid));
    check(!chown(f->control_path, uid, uid));
}

static void world_begin(void)
{
    int xenstore[2];

    fixture_make(&world.own);
    give_console(&world.own, TAKEN_UID);
    fixture_make(&world.other);
    give_console(&world.other, WORKER_UID);
    fixture_run(&world.other, true);
    peer_accept(&world.other);
    peer_session(&world.other);
    world.parent = getpid();
    snprintf(world.xenstore, sizeof(world.xenstore), "%s/xenstore",
             world.other.dir);
    close(listen_at(world.xenstore));
    check(!socketpair(AF_UNIX, SOCK_STREAM, 0, xenstore));
    world.xenstore_fd = xenstore[0];
}

static void world_end(void)
{
    check(!readable(world.xenstore_fd));
    /* Whatever it was, the other guest's worker has not noticed. */
    check_works(&world.other, client_start(&world.other));
    unlink(world.xenstore);
    fixture_end(&world.other);
    fixture_remove(&world.own);
}

/* Neither with the filter nor, if that isn't all there is, without. */
static void check_impossible(bool (*attack)(void), bool filter_only)
{
    world_begin();
    check(inside(uses_its_own, true));
    check(inside(uses_its_own, false));
    check(!inside(attack, true));
    if (!filter_only)
        check(!inside(attack, false));
    world_end();
}

#define IMPOSSIBLE(what) \
    TEST_AS_ROOT(worker_never_##what) { check_impossible(what, false); }
#define FILTERED(what) \
    TEST_AS_ROOT(worker_never_##what) { check_impossible(what, true); }

IMPOSSIBLE(reaches_the_other_console)
IMPOSSIBLE(saves_into_the_others_file)
IMPOSSIBLE(reaches_the_others_clients)
IMPOSSIBLE(reaches_xenstore)
IMPOSSIBLE(opens_xenstore)
IMPOSSIBLE(finds_an_open_descriptor)
IMPOSSIBLE(signals_the_other)
IMPOSSIBLE(signals_its_parent)
IMPOSSIBLE(signals_by_pidfd)
IMPOSSIBLE(traces_the_other)
IMPOSSIBLE(reads_the_others_memory)
IMPOSSIBLE(writes_a_file)
IMPOSSIBLE(makes_a_socket_that_others_find)
IMPOSSIBLE(becomes_another)
IMPOSSIBLE(leaves_its_root)
IMPOSSIBLE(starts_a_process)
IMPOSSIBLE(takes_more_memory)
FILTERED(reaches_the_network)
FILTERED(maps_code)

/* A filter that had let all through would pass the tests above. And what it
 * does not let through is told. */
TEST_AS_ROOT(worker_is_refused_a_call_and_says_so)
{
    int calls[3];

    world_begin();
    check_int(pipe2(refused, O_NONBLOCK), 0);
    check(inside(uses_its_own, true));
    check_int(read(refused[0], calls, sizeof(calls)), -1);
    check(!inside(reaches_the_network, true));
    check_int(read(refused[0], calls, sizeof(calls)), 2 * sizeof(int));
    check_int(calls[0], SYS_socket);
    check_int(calls[1], SYS_socket);
    check(inside(reaches_the_network, false));
    check(inside(maps_code, false));
    world_end();
}

TAP_MAIN()
