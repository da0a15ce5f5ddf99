/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon stays root, because log directories, saved states and control
 * sockets are root's; of root's capabilities it keeps:
 *
 *   CAP_CHOWN         a unix console's sockets belong to its reader
 *   CAP_DAC_OVERRIDE  outputs named by a toolstack may lie in a directory
 *                     of another user, libvirt's for example
 *
 * The rights over guests' memory and event channels are in the open
 * descriptors of /dev/xen; no new privileges come by exec. Of system calls
 * it keeps those in the lists below. A call that is not among them fails
 * with EPERM: one that a library makes unforeseen must not end all
 * consoles. The tests have it end the process, so that they show it.
 */
#include "privileges.h"

#include "tools/common/log.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Four descriptors for each possible domain, and a thousand more: what
 * Xen's daemon asks for. */
#define LIMIT_FILES (0x7ff0 * 4 + 1000)

void privileges_raise_limits(void)
{
    struct rlimit limit = { LIMIT_FILES, LIMIT_FILES };
    struct rlimit now;

    if (getrlimit(RLIMIT_NOFILE, &now) || now.rlim_cur >= LIMIT_FILES)
        return;
    if (setrlimit(RLIMIT_NOFILE, &limit) && now.rlim_cur < now.rlim_max) {
        limit.rlim_cur = limit.rlim_max = now.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int privileges_drop_capabilities(void)
{
    static const cap_value_t kept[] = { CAP_CHOWN, CAP_DAC_OVERRIDE };
    const int n = sizeof(kept) / sizeof(kept[0]);
    cap_t caps = cap_init();
    int r = -1;

    if (caps && !cap_set_flag(caps, CAP_PERMITTED, n, kept, CAP_SET) &&
        !cap_set_flag(caps, CAP_EFFECTIVE, n, kept, CAP_SET) &&
        !cap_set_proc(caps) && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        r = 0;
    if (r)
        log_error("cannot give up privileges: %s", strerror(errno));
    cap_free(caps);
    return r;
}

/* With any arguments. */
static const int allowed[] = {
    /* the loop */
    SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(fcntl),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(readv), SCMP_SYS(writev),
    SCMP_SYS(dup2), SCMP_SYS(dup3),
    /* files: outputs, logs, records */
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(pread64), SCMP_SYS(lseek),
    SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat),
    SCMP_SYS(newfstatat), SCMP_SYS(statx),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
    SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(getdents64),
    SCMP_SYS(fchmod), SCMP_SYS(lchown), SCMP_SYS(fchownat),
    /* sockets; socket() itself below */
    SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept4),
    SCMP_SYS(connect), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
    SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    /* memory; mmap() and mprotect() below */
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    SCMP_SYS(mlock), SCMP_SYS(munlock),
    /* threads and time */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(pause), SCMP_SYS(gettid), SCMP_SYS(getpid),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(restart_syscall), SCMP_SYS(getrandom),
    SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* Linux' struct termios2, whose header and libc's exclude each other: four
 * masks, a line discipline, 19 characters, two speeds. */
#define TERMIOS2 char[4 * 4 + 1 + 19 + 2 * 4]

/* ioctl()s of /dev/xen's devices, by their type, and of terminals: glibc's
 * tcgetattr() and tcsetattr() are the second pair from 2.42 on. */
static const unsigned int ioctl_types[] = { 'E', 'G', 'P' };
static const unsigned int ioctls[] = {
    TCGETS, TCSETS, _IOR('T', 0x2a, TERMIOS2), _IOW('T', 0x2b, TERMIOS2),
    TIOCGPTN, TIOCSPTLCK, TIOCGPTPEER, FIONREAD, FIONBIO,
};

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))

static int filter_ioctls(scmp_filter_ctx filter)
{
    int r = 0;

    for (size_t i = 0; !r && i < ARRAY_N(ioctl_types); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                             SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00,
                                     ioctl_types[i] << 8));
    for (size_t i = 0; !r && i < ARRAY_N(ioctls); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                             SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff,
                                     ioctls[i]));
    return r;
}

/* What is allowed with some arguments only. */
static int filter_some(scmp_filter_ctx filter)
{
    const int signals[] = { SCMP_SYS(kill), SCMP_SYS(tgkill) };
    const int protects[] = { SCMP_SYS(mmap), SCMP_SYS(mprotect) };
    int r;

    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                         SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
    /* Threads, not processes. What clone3() is to do can't be seen; libc
     * falls back to clone(). */
    if (!r)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD,
                                     CLONE_THREAD));
    if (!r)
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                             SCMP_SYS(clone3), 0);
    for (size_t i = 0; !r && i < ARRAY_N(protects); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, protects[i], 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    for (size_t i = 0; !r && i < ARRAY_N(signals); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, signals[i], 1,
                             SCMP_A0(SCMP_CMP_EQ, (uint64_t)getpid(), 0));
    return r;
}

int privileges_filter(bool strict)
{
    scmp_filter_ctx filter = seccomp_init(strict ? SCMP_ACT_KILL_PROCESS :
                                          SCMP_ACT_ERRNO(EPERM));
    int r = filter ? 0 : -ENOMEM;

    for (size_t i = 0; !r && i < ARRAY_N(allowed); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    if (!r)
        r = filter_ioctls(filter);
    if (!r)
        r = filter_some(filter);
    if (!r)
        r = seccomp_load(filter);
    if (r)
        log_error("cannot restrict its system calls: %s; it needs a "
                  "kernel with seccomp filters", strerror(-r));
    seccomp_release(filter);
    return r ? -1 : 0;
}
