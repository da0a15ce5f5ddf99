/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp's commands about consoles with the real xenconsoled, on xensim.
 */
#include "component.h"

/* A command with pipes at its ends. */
struct command {
    pid_t pid;
    int in, out;
};

static struct command start(const char *const argv[])
{
    struct command command;
    int in[2], out[2];

    check(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC));
    command.pid = fork();
    if (!command.pid) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    command.in = in[1];
    command.out = out[0];
    return command;
}

static struct command run(const char *const args[])
{
    const char *argv[8] = { in_build("bin/xl-qmp") };

    for (int i = 0; i < 6 && args[i]; i++)
        argv[i + 1] = args[i];
    return start(argv);
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static int end(struct command *command)
{
    int status;

    check_int(waitpid(command->pid, &status, 0), command->pid);
    check(WIFEXITED(status));
    return WEXITSTATUS(status);
}

TEST(console_is_the_reader_of_a_stream)
{
    struct guest_console c;
    struct command command;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 3, "unix:/run/xensim/qmp");
    guest_console_publish(&c);
    check_connects(&c);
    command = RUN("console", "5", "3");
    check_int(write(command.in, "command", 7), 7);
    check_gets(&c, "command", 7);
    put_all(&c, "answer", 6);
    check_reads(command.out, "answer", 6);
    guest_destroy(5);
    check_int(end(&command), 3);
}

TEST(console_is_a_terminals_user)
{
    struct guest_console c;
    struct command command;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 0, NULL);
    check(host_wait(has_tty, &c));
    command = RUN("console", "5", "0");
    check_int(write(command.in, "root\003", 5), 5);
    check_gets(&c, "root\003", 5);
    put_all(&c, "hello\r\n", 7);
    check_reads(command.out, "hello\r\n", 7);
    guest_destroy(5);
    check_int(end(&command), 3);
}

/* What a guest writes into its own directory leads nowhere. */
TEST(console_does_not_ask_the_guest_where)
{
    struct guest_console c;
    struct command command;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 1, "null");
    guest_console_publish(&c);
    check_connects(&c);
    guest_write(5, "/dev/tty", "%s/tty", c.frontend);
    command = RUN("console", "5", "1");
    check_int(end(&command), 3);
}

TEST(stats_counts_what_the_guest_wrote)
{
    static const char want[] =
        "\nxenqmp_console_written_bytes_total{domid=\"5\",name=\"\","
        "console=\"1\"} 7\n";
    struct guest_console c;
    struct command command;
    char text[8192];
    size_t n = 0;

    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 1, "file:/run/xensim/out");
    guest_console_publish(&c);
    check_connects(&c);
    put_all(&c, "written", 7);
    check(host_wait(file_is, "/run/xensim/out:written"));
    command = RUN("stats", "--openmetrics", "5");
    for (ssize_t r; (r = read(command.out, text + n,
                              sizeof(text) - 1 - n)) > 0; )
        n += (size_t)r;
    text[n] = '\0';
    check_int(end(&command), 0);
    check(strstr(text, want));
    check(n > 6 && !strcmp(text + n - 6, "# EOF\n"));
}

/* --- What the manual pages and the README show ------------------------ */

/* With the numbers of a guest and its stubdomain for their names. */
static FILE *examples_open(void)
{
    char path[PATH_MAX];

    check(getenv("SRCDIR"));
    snprintf(path, sizeof(path), "%s:%s", in_build("bin"), getenv("PATH"));
    setenv("PATH", path, 1);
    return popen("\"$SRCDIR/tests/examples\" | sort -u | "
                 "grep -E 'xl-qmp (console|stats)|/xenconsoled.sock' | "
                 "sed 's/guest-dm/6/; s/guest/5/'", "r");
}

static void check_example(const char *line, struct guest_console *serial)
{
    char text[4096], shell[512];
    struct command command;
    ssize_t n;

    snprintf(shell, sizeof(shell), strchr(line, '|') ? "%s" : "exec %s",
             line);
    command = start((const char *const[]){ "/bin/sh", "-c", shell, NULL });
    if (!strncmp(line, "xl-qmp console ", 15)) {
        put_all(serial, "login", 5);
        check_reads(command.out, "login", 5);
        kill(command.pid, SIGKILL);
        return;
    }
    n = read(command.out, text, sizeof(text));
    if (n <= 0 || end(&command))
        tap_fail("%s", line);
}

TEST(examples)
{
    struct guest_console c, serial;
    char line[256];
    int n = 0;
    FILE *list;

    start_ours(NULL);
    guest_create(5);
    guest_create(6);
    c = guest_console_add(5, 0, NULL);
    /* As a stubdomain has them. */
    guest_console_add(6, 0, "file:/run/xensim/dm.log");
    serial = guest_console_add(6, 4, "pty");
    guest_console_publish(&serial);
    check_connects(&serial);
    check(host_wait(has_tty, &c) && host_wait(has_tty, &serial));
    for (list = examples_open(); list && fgets(line, sizeof(line), list);
         n++) {
        line[strcspn(line, "\n")] = '\0';
        check_example(line, &serial);
    }
    check(n >= 5);
}

TAP_MAIN()
