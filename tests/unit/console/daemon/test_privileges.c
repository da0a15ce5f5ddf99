/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rights: privileges.c. What a file and threads need: test_kills, test_crew. */
#include "console/daemon/privileges.h"

#include "console/daemon/supervisor.h"
#include "tools/common/log.h"
#include "output_fixture.h"

#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

static struct output *output_of(const char *named)
{
    struct settings_text text = { named, NULL, NULL };
    struct settings settings;
    struct output *o;
    const char *why;

    check(!settings_parse(&text, &settings, &why));
    o = output_open(&host, &settings);
    check(o);
    return o;
}

TEST(what_the_daemon_needs_works)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct supervisor supervisor = { .loop = NULL };
    struct output *pty;
    int fd;

    /* An error would end it. */
    check(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/f", dir);
    snprintf(spec, sizeof(spec), "unix:%s,uid=1", path);
    strcpy(address.sun_path, path);
    setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
    signal(SIGPIPE, SIG_IGN);
    check(!loop_init(&loop));
    lanes_init(&lanes, NULL);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check(!privileges_filter(true));
    log_open("test", LOG_TO_SYSLOG, LOG_LEVEL_ERROR);
    log_error("to syslog");
    supervisor_ready(&supervisor, &loop);
    pty = output_of("pty");
    output_put(pty, "abc", 3);
    output = output_of(spec);
    files_settle();
    check(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
    while (!output_is_attached(output))
        loop_run_once(&loop, 10);
    output_put(output, "abc", 3);
    check_int(read(fd, spec, 3), 3);
    output_close(output);
    output_close(pty);
    files_settle();
    supervisor_stopping(&supervisor);
    /* As it becomes a daemon. */
    check(dup2(open("/dev/null", O_RDWR), 0) == 0);
    unlink(path);
}

/* As tcgetattr() and tcsetattr() of whichever libc. */
TEST(a_terminal_can_be_made_raw_by_any_libc)
{
    unsigned char termios2[44];
    int master = posix_openpt(O_RDWR | O_NOCTTY);

    check(master >= 0 && !unlockpt(master));
    check(!privileges_filter(false));
    check(!ioctl(master, 0x802c542a, termios2));    /* TCGETS2 */
    check(!ioctl(master, 0x402c542b, termios2));    /* TCSETS2 */
}

#define check_refused(call) do {                                        \
        errno = 0;                                                      \
        check((long)(call) == -1);                                      \
        check_int(errno, EPERM);                                        \
    } while (0)

TEST(what_it_does_not_need_is_refused)
{
    check(!privileges_filter(false));
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
