/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is kept, besides the descriptors that are open:
 *   connect()  to the sockets in the root directory, which are its
 *              user's: console 3 and its control socket
 *   accept4()  on the sockets that it inherited
 *   getrandom(), the clock, memory up to a limit
 *
 * No capability, no other file, no other process, no signal to anybody. A
 * call that is not in the list fails as one that the kernel does not have,
 * and the parent is told which it was: a libc of another day may make one
 * for what is allowed here, and can do without it. One that is made while
 * all signals are blocked ends the worker. There is no limit on the size of
 * files, for the log is one; but none can be opened.
 */
#include "sandbox.h"

#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#include "tools/common/log.h"

#ifdef __SANITIZE_ADDRESS__
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#define SANDBOX_SANITIZED __has_feature(address_sanitizer)
#else
#define SANDBOX_SANITIZED 0
#endif

static const int sandbox_calls[] = {
    SCMP_SYS(accept4),          /* clients */
    SCMP_SYS(brk),              /* malloc() */
    SCMP_SYS(clock_gettime),    /* timers, where the vDSO can't */
    SCMP_SYS(close),            /* connections */
    SCMP_SYS(connect),          /* xenconsoled's sockets */
    SCMP_SYS(epoll_ctl),        /* the loop */
    SCMP_SYS(epoll_pwait),      /* the loop, on some architectures */
    SCMP_SYS(epoll_wait),       /* the loop */
    SCMP_SYS(exit_group),       /* the end */
    SCMP_SYS(futex),            /* malloc()'s locks */
    SCMP_SYS(getrandom),        /* nonces; malloc() */
    SCMP_SYS(getsockopt),       /* SO_PEERCRED, for log lines */
    SCMP_SYS(gettimeofday),     /* as clock_gettime */
    SCMP_SYS(madvise),          /* free() */
    SCMP_SYS(mremap),           /* realloc() */
    SCMP_SYS(munmap),           /* free() */
    SCMP_SYS(read),             /* nothing today; harmless */
    SCMP_SYS(recvfrom),         /* recv() */
    SCMP_SYS(recvmsg),          /* recv(), on some architectures */
    SCMP_SYS(restart_syscall),  /* after SIGSTOP and SIGCONT */
    SCMP_SYS(rt_sigprocmask),   /* getrandom() by the vDSO */
    SCMP_SYS(rt_sigreturn),     /* the same */
    SCMP_SYS(sched_getaffinity), /* the same, for each processor */
    SCMP_SYS(sendmsg),          /* send(), on some architectures */
    SCMP_SYS(sendto),           /* send() */
    SCMP_SYS(write),            /* the log */
};

static int refused_fd;

static void sandbox_refuse(int signal, siginfo_t *info, void *data)
{
    int call = info->si_syscall, saved = errno;
    ucontext_t *context = data;

    (void)signal;
    /* If the pipe is full, there were enough of them. */
    if (refused_fd >= 0 && write(refused_fd, &call, sizeof(call)) < 0)
        errno = saved;
    context->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
}

static int sandbox_filter(const struct child_config *config,
                          const struct sandbox_limits *limits)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    struct sigaction refuse = { .sa_flags = SA_SIGINFO };
    int r = -ENOMEM;

    (void)limits;
    refused_fd = config->refused_fd;
    refuse.sa_sigaction = sandbox_refuse;
    if (!filter)
        goto out;
    if (sigaction(SIGSYS, &refuse, NULL)) {
        r = -errno;
        goto out;
    }
    for (size_t i = 0; i < sizeof(sandbox_calls) / sizeof(*sandbox_calls);
         i++) {
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, sandbox_calls[i], 0);
        if (r)
            goto out;
    }
    /* malloc(), but never code. */
    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                         SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* xenconsoled's sockets, but no network. */
    if (!r)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                             SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
    /* What a sanitizer's runtime asks before each _exit(). */
    if (!r && SANDBOX_SANITIZED)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sigaltstack),
                             0);
    if (!r)
        r = seccomp_load(filter);
out:
    seccomp_release(filter);
    errno = -r;
    return r ? -1 : 0;
}

static int sandbox_limit(int resource, rlim_t most)
{
    struct rlimit limit = { .rlim_cur = most, .rlim_max = most };

    return setrlimit((__rlimit_resource_t)resource, &limit);
}

static int sandbox_limits(const struct child_config *config,
                          const struct sandbox_limits *limits)
{
    (void)config;
    if (sandbox_limit(RLIMIT_CORE, 0) || sandbox_limit(RLIMIT_NPROC, 0) ||
        sandbox_limit(RLIMIT_NOFILE, limits->descriptors))
        return -1;
    /* AddressSanitizer reserves terabytes. */
    return SANDBOX_SANITIZED ? 0 :
           sandbox_limit(RLIMIT_AS, limits->memory);
}

/* Needs CAP_SETPCAP, so it comes before the change of user. */
static int sandbox_bounding_set(const struct child_config *config,
                                const struct sandbox_limits *limits)
{
    (void)config;
    (void)limits;
    for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++)
        if (cap_drop_bound(cap))
            return -1;
    return 0;
}

static int sandbox_root(const struct child_config *config,
                        const struct sandbox_limits *limits)
{
    (void)limits;
    return chroot(config->root) || chdir("/") ? -1 : 0;
}

static int sandbox_user(const struct child_config *config,
                        const struct sandbox_limits *limits)
{
    uid_t uid = config->uid;
    gid_t gid = config->gid;

    (void)limits;
    if (!uid || !gid) {         /* a mistake of ours */
        errno = EINVAL;
        return -1;
    }
    return setgroups(0, NULL) || setresgid(gid, gid, gid) ||
           setresuid(uid, uid, uid) ? -1 : 0;
}

static int sandbox_capabilities(const struct child_config *config,
                                const struct sandbox_limits *limits)
{
    cap_t none = cap_init();
    int r = none ? cap_set_proc(none) : -1;

    (void)config;
    (void)limits;
    if (none)
        cap_free(none);
    return r;
}

static int sandbox_process(const struct child_config *config,
                           const struct sandbox_limits *limits)
{
    (void)config;
    (void)limits;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ? -1 : 0;
}

int sandbox_enter(const struct child_config *config,
                  const struct sandbox_limits *limits)
{
    static const struct {
        const char *what;
        int (*give_up)(const struct child_config *config,
                       const struct sandbox_limits *limits);
    } steps[] = {
        { "limits",       sandbox_limits },
        { "chroot",       sandbox_root },
        { "bounding set", sandbox_bounding_set },
        { "user",         sandbox_user },
        { "capabilities", sandbox_capabilities },
        { "process",      sandbox_process },
        { "seccomp",      sandbox_filter },
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (!steps[i].give_up(config, limits))
            continue;
        log_error("domain %u: its %s can't give up its rights (%s: %s); it "
                  "does not run with more", config->guest_domid,
                  config->name, steps[i].what, strerror(errno));
        return -1;
    }
    malloc_trim(0);             /* what libseccomp needed for that */
    return 0;
}
