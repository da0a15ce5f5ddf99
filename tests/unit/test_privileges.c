/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../console/privileges.h"

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

static void *thread_main(void *data)
{
    *(bool *)data = true;
    return NULL;
}

TEST(what_the_daemon_needs_works)
{
    pthread_t thread;
    bool ran = false;
    void *memory;
    char name[64];
    int fd;

    check(!privileges_filter());
    fd = posix_openpt(O_RDWR | O_NOCTTY);
    check(fd >= 0);
    check(!unlockpt(fd));
    check(!ptsname_r(fd, name, sizeof(name)));
    check(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED);
    check(!pthread_create(&thread, NULL, thread_main, &ran));
    check(!pthread_join(thread, NULL));
    check(ran);
}

#define check_refused(call) do {                                        \
        errno = 0;                                                      \
        check((long)(call) == -1);                                      \
        check_int(errno, EPERM);                                        \
    } while (0)

TEST(what_it_does_not_need_is_refused)
{
    check(!privileges_filter());
    check_refused(execl("/bin/true", "true", NULL));
    check_refused(fork());
    check_refused(socket(AF_INET, SOCK_STREAM, 0));
    check_refused(socket(AF_NETLINK, SOCK_RAW, 0));
    check_refused(kill(getppid(), 0));
    check_refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    check_refused(mmap(NULL, 4096, PROT_READ | PROT_EXEC,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    check_refused(chroot("/"));
    check_refused(setuid(0));
}

TEST(capabilities)
{
    cap_flag_value_t value;
    cap_t caps;

    if (geteuid()) {
        /* Nothing to give up: nothing is gained either. */
        check(privileges_drop_capabilities());
        return;
    }
    check(!privileges_drop_capabilities());
    caps = cap_get_proc();
    for (cap_value_t cap = 0; cap <= CAP_LAST_CAP; cap++) {
        bool kept = cap == CAP_CHOWN || cap == CAP_DAC_OVERRIDE;

        if (cap_get_flag(caps, cap, CAP_PERMITTED, &value))
            break;
        check_int(value == CAP_SET, kept);
    }
    cap_free(caps);
    check_int(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}

TAP_MAIN()
