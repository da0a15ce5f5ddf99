/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/cmd_console.c and attach.c, with a daemon that says what the test
 * wants. tests/component/commands.c has the real one. */
#include "xl/attach.h"
#include "xl/consoled.h"
#include "xl/host.h"
#include "xl/xl_qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include "tools/common/log.h"
#include "tap.h"

void host_dispose(struct host *host)
{
    (void)host;
}

enum host_found host_find(struct host *host, const char *name,
                          uint32_t *domid_r)
{
    (void)host;
    *domid_r = 5;
    return strcmp(name, "guest") ? HOST_NO_DOMAIN : HOST_FOUND;
}

static bool replace_escape;
static char dir[] = "/tmp/test_cmd_console.XXXXXX", option[128];
static int stdin_peer, stdout_peer, stderr_peer;
static pid_t command;
static int masters = -1;        /* not the command's */

/* Listens, and runs "console guest 3" with a pipe at each end, or with the
 * terminal as its standard input. */
static int start(int terminal)
{
    char *argv[] = { (char *)"console", (char *)"guest", (char *)"3",
                     option, (char *)"--replace-escape", NULL };
    static const struct options options = { .timeout_ms = 10000 };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int in[2], out[2], err[2], fd = socket(AF_UNIX, SOCK_STREAM, 0), daemon;

    check(mkdtemp(dir));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
    snprintf(option, sizeof(option), "--socket=%s/s", dir);
    check(!bind(fd, (struct sockaddr *)&address, sizeof(address)));
    check(!listen(fd, 1));
    check(!pipe2(in, O_CLOEXEC) && !pipe2(out, 0) && !pipe2(err, 0));
    fflush(stdout);
    command = fork();
    if (!command) {
        dup2(terminal >= 0 ? terminal : in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        close(masters);
        close(in[1]);
        close(out[0]);
        close(out[1]);
        log_open("test", LOG_TO_STDERR, LOG_LEVEL_INFO);
        _exit(cmd_console(&options, replace_escape ? 5 : 4, argv));
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    stdin_peer = in[1];
    stdout_peer = out[0];
    stderr_peer = err[0];
    daemon = accept(fd, NULL, NULL);
    close(fd);
    unlink(address.sun_path);
    rmdir(dir);
    return daemon;
}

static void check_reads(int fd, const char *text)
{
    char is[256];
    size_t n = 0;

    while (n < strlen(text)) {
        ssize_t r = read(fd, is + n, strlen(text) - n);

        if (r <= 0)
            break;
        n += (size_t)r;
    }
    check_mem(is, n, text, strlen(text));
}

static void say(int fd, const char *text)
{
    check_int(write(fd, text, strlen(text)), strlen(text));
}

static int daemon_answers(int terminal, const char *answer)
{
    int daemon = start(terminal);

    say(daemon, "xenconsoled 1 77 0.1\n");
    check_reads(daemon, "attach 5 3\n");
    say(daemon, answer);
    return daemon;
}

/* Its exit code, or minus the signal. */
static int end(char *complaint, size_t size)
{
    size_t n = 0;
    ssize_t r;
    int status;

    while ((r = read(stderr_peer, complaint + n, size - 1 - n)) > 0)
        n += (size_t)r;
    complaint[n] = '\0';
    check_int(waitpid(command, &status, 0), command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static char complaint[512];

/* A pseudo terminal; the slave is open, so its modes can be asked. */
static int terminal_make(int *slave_r)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    check(master >= 0 && !grantpt(master) && !unlockpt(master));
    masters = master;
    *slave_r = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    check(*slave_r >= 0);
    return master;
}

static bool is_raw(int fd)
{
    struct termios modes;

    check(!tcgetattr(fd, &modes));
    return !(modes.c_lflag & (ICANON | ECHO | ISIG));
}

TEST(a_stream_begins_right_behind_the_answer)
{
    int daemon = daemon_answers(-1, "ok stream\nfirst ");

    say(daemon, "second");
    check_reads(stdout_peer, "first second");
    say(stdin_peer, "a\035b");          /* no key: no terminal */
    check_reads(daemon, "a\035b");
    close(stdin_peer);
    say(daemon, "late");
    check_reads(stdout_peer, "late");
    close(daemon);
    check_int(end(complaint, sizeof(complaint)), XL_QMP_CONNECTION);
    check(strstr(complaint, "test: console 3 of guest has ended: "));
}

TEST(what_could_steer_the_terminal_is_replaced)
{
    int daemon;

    replace_escape = true;
    daemon = daemon_answers(-1, "ok stream\na\033[1m");
    check_reads(stdout_peer, "a.[1m");
    say(daemon, "\033\033b");
    check_reads(stdout_peer, "..b");
    /* What is typed is the user's. */
    say(stdin_peer, "\033c");
    check_reads(daemon, "\033c");
    close(daemon);
    end(complaint, sizeof(complaint));
}

TEST(a_large_first_part_comes_whole)
{
    static char answer[20001] = "ok stream\n", is[20001];
    size_t n = 0;
    int daemon;

    memset(answer + 10, 'x', sizeof(answer) - 11);
    answer[sizeof(answer) - 2] = 'y';
    daemon = daemon_answers(-1, answer);
    close(daemon);
    for (ssize_t r; (r = read(stdout_peer, is + n, sizeof(is) - n)) > 0; )
        n += (size_t)r;
    check_mem(is, n, answer + 10, sizeof(answer) - 11);
}

TEST(ctrl_bracket_detaches_and_restores_the_terminal)
{
    int slave, master = terminal_make(&slave), daemon;

    check(!is_raw(slave));
    daemon = daemon_answers(slave, "ok stream\n");
    say(daemon, "x");
    check_reads(stdout_peer, "x");
    check(is_raw(slave));
    say(master, "a\003");               /* Ctrl-C is the guest's */
    check_reads(daemon, "a\003");
    say(master, "b\035");
    check_reads(daemon, "b");
    check_int(end(complaint, sizeof(complaint)), XL_QMP_OK);
    check_str(complaint, "test: console 3 of guest; Ctrl-] detaches\n");
    check(!is_raw(slave));
}

TEST(the_key_is_heard_while_the_guest_takes_nothing)
{
    static const char line[1024];
    int slave, master = terminal_make(&slave), daemon;
    struct pollfd more = { .fd = master, .events = POLLOUT };

    daemon = daemon_answers(slave, "ok stream\nx");
    check_reads(stdout_peer, "x");
    /* Nothing reads the daemon's side; the buffers fill, or the key is
     * read as soon as all was taken. */
    check(!fcntl(master, F_SETFL, O_NONBLOCK));
    for (int i = 0; i < 64 && poll(&more, 1, 1000) == 1; i++)
        check(write(master, line, sizeof(line)) > 0 || errno == EAGAIN);
    check(poll(&more, 1, -1) == 1);
    say(master, "\035");
    check_int(end(complaint, sizeof(complaint)), XL_QMP_OK);
    close(daemon);
}

TEST(a_signal_restores_the_terminal)
{
    int slave, daemon;

    check(terminal_make(&slave) >= 0);
    daemon = daemon_answers(slave, "ok stream\nx");
    check_reads(stdout_peer, "x");
    check(is_raw(slave));
    check(!kill(command, SIGTERM));
    check_int(end(complaint, sizeof(complaint)), -SIGTERM);
    check(!is_raw(slave));
    close(daemon);
}

TEST(a_signal_that_was_blocked_before_ends_it_too)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    check(!sigprocmask(SIG_BLOCK, &set, NULL));
    daemon_answers(-1, "ok stream\nx");
    check_reads(stdout_peer, "x");
    check(!kill(command, SIGTERM));
    check_int(end(complaint, sizeof(complaint)), -SIGTERM);
}

TEST(a_terminal_is_used_raw)
{
    int slave, master = terminal_make(&slave);
    char answer[128];

    snprintf(answer, sizeof(answer), "ok tty %s\n", ptsname(master));
    daemon_answers(-1, answer);
    say(stdin_peer, "in\003");
    check_reads(master, "in\003");
    check(is_raw(slave));
    say(master, "out\n");
    check_reads(stdout_peer, "out\n");
    close(slave);
    close(master);
    check_int(end(complaint, sizeof(complaint)), XL_QMP_CONNECTION);
    check(strstr(complaint, "has ended"));
}

TEST(what_is_no_terminal_of_the_daemon_is_refused)
{
    static const char *const answers[] = {
        "ok tty /dev/null\n", "ok tty /etc/passwd\n", "ok tty /dev/zero\n",
    };
    char dirs[] = "/tmp/test_cmd_console.XXXXXX";

    memcpy(dirs, dir, sizeof(dirs));
    for (size_t i = 0; i < 3; i++) {
        memcpy(dir, dirs, sizeof(dirs));
        daemon_answers(-1, answers[i]);
        check_int(end(complaint, sizeof(complaint)), XL_QMP_CONNECTION);
        check(strstr(complaint, "not a terminal of xenconsoled's"));
    }
}

TEST(a_link_to_a_terminal_is_refused)
{
    int slave, master = terminal_make(&slave);
    char link[] = "/tmp/test_console_link.XXXXXX", answer[128];

    check(mkdtemp(link));
    check(!rmdir(link) && !symlink(ptsname(master), link));
    snprintf(answer, sizeof(answer), "ok tty %s\n", link);
    daemon_answers(-1, answer);
    check_int(end(complaint, sizeof(complaint)), XL_QMP_CONNECTION);
    unlink(link);
    check(strstr(complaint, strerror(ELOOP)));
    check(!is_raw(slave));
}

TEST(an_error_is_told_with_what_to_do)
{
    daemon_answers(-1, "error domain 5 console 3 has a reader already\n");
    check_int(end(complaint, sizeof(complaint)), XL_QMP_CONNECTION);
    check_str(complaint, "test: console 3 of guest: domain 5 console 3 has "
              "a reader already; xl-qmp consoles shows what there is\n");
}

TEST(output_that_nobody_reads_ends_it)
{
    int daemon = daemon_answers(-1, "ok stream\nx");

    check_reads(stdout_peer, "x");
    close(stdout_peer);
    say(daemon, "y");
    check_int(end(complaint, sizeof(complaint)), XL_QMP_CONNECTION);
    check(strstr(complaint, "cannot write what the console says: "));
}

TAP_MAIN()
