/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/cmd_exec.c: what is asked of the library, and what becomes of the
 * answer. test_xl_qmp.c has the same commands from the command line. */
#include "xl/host.h"
#include "xl/target.h"

#include <fcntl.h>
#include <pty.h>

#include "tools/common/log.h"
#include "tap.h"

/* The library, as far as these commands use it. */
static char asked[512];
static const char *answer;          /* NULL: the error */
static struct xlqmp_error answer_error;
static int opened, closed, timeout;

int target_open(const struct options *options, const char *name,
                xlqmp_ctx **ctx_r)
{
    (void)options;
    if (!strcmp(name, "away"))
        return XL_QMP_CONNECTION;
    opened++;
    *ctx_r = (xlqmp_ctx *)&opened;
    return XL_QMP_OK;
}

int target_error(const char *name, const char *what,
                 const struct xlqmp_error *error)
{
    snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked),
             "; %s %s: %.64s", name, what, error->desc);
    return XL_QMP_ERROR;
}

int xlqmp_command(xlqmp_ctx *ctx, const char *command,
                  const char *arguments, int timeout_ms,
                  char **return_json_r, struct xlqmp_error *error_r)
{
    check(ctx == (xlqmp_ctx *)&opened);
    snprintf(asked, sizeof(asked), "%s %s", command,
             arguments ? arguments : "-");
    timeout = timeout_ms;
    *error_r = answer_error;
    if (answer)
        *return_json_r = strdup(answer);
    return answer_error.rc;
}

int xlqmp_reset(xlqmp_ctx *ctx, int timeout_ms, struct xlqmp_error *error_r)
{
    (void)ctx;
    snprintf(asked, sizeof(asked), "reset");
    timeout = timeout_ms;
    *error_r = answer_error;
    return answer_error.rc;
}

void xlqmp_close(xlqmp_ctx *ctx)
{
    (void)ctx;
    closed++;
}

/* Domain "d" is 5, and its QEMU in a stubdomain, 6; "e" has none. */
enum host_found host_find(struct host *host, const char *name,
                          uint32_t *domid_r)
{
    (void)host;
    *domid_r = *name == 'd' ? 5 : 7;
    return HOST_FOUND;
}

bool host_stubdom(struct host *host, uint32_t domid, uint32_t *domid_r)
{
    (void)host;
    *domid_r = 6;
    return domid == 5;
}

void host_dispose(struct host *host)
{
    (void)host;
}

static char printed[256];

/* Runs a command with stdout at fd, and reads what it printed from from. */
static int run_at(int fd, int from, command_fn *fn, char *const args[])
{
    static const struct options options = { .timeout_ms = 1234 };
    int argc = 0, saved = dup(STDOUT_FILENO), rc;
    ssize_t n;

    while (args[argc])
        argc++;
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    rc = fn(&options, argc, (char **)args);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    n = read(from, printed, sizeof(printed) - 1);
    printed[n < 0 ? 0 : n] = '\0';
    return rc;
}

static int run(command_fn *fn, char *const args[])
{
    int fds[2];

    check(!pipe2(fds, O_NONBLOCK));
    return run_at(fds[1], fds[0], fn, args);
}

#define RUN(fn, ...) run(fn, (char *[]){ __VA_ARGS__, NULL })

TEST(exec_asks_and_prints_on_one_line)
{
    answer = "{\"a\":\r\n\t1, \"b\": \"\xc3\xa4\"}";
    check_int(RUN(cmd_exec, "exec", "d", "stop"), XL_QMP_OK);
    check_str(asked, "stop -");
    check_int(timeout, 1234);
    check_str(printed, "{\"a\":   1, \"b\": \"\xc3\xa4\"}\n");
    check_int(RUN(cmd_exec, "exec", "d", "stop", " {\"x\":1}"), XL_QMP_OK);
    check_str(asked, "stop  {\"x\":1}");
    check_int(RUN(cmd_exec, "exec", "d", "stop", "x=1", "y.z=b"),
              XL_QMP_OK);
    check_str(asked, "stop {\"x\": 1, \"y\": {\"z\": \"b\"}}");
    check_int(opened, 3);
    check_int(closed, 3);
}

TEST(who_names_a_file_is_told_whose)
{
    int err[2], saved = dup(STDERR_FILENO);
    char said[512];
    ssize_t n;

    answer = "{}";
    check(!pipe2(err, O_NONBLOCK));
    dup2(err[1], STDERR_FILENO);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_WARN);
    RUN(cmd_exec, "exec", "d", "stop", "filename=/a");
    RUN(cmd_exec, "exec", "e", "screendump", "filename=/a");
    RUN(cmd_exec, "exec", "unix:d", "screendump", "filename=/a");
    check(read(err[0], said, sizeof(said)) < 0);
    RUN(cmd_exec, "exec", "d", "screendump", "filename=/a");
    n = read(err[0], said, sizeof(said));
    dup2(saved, STDERR_FILENO);
    check(n > 0);
    said[n] = '\0';
    check_str(said, "test: screendump: a file that it names is the "
              "stubdomain's, domain 6, not this host's; see "
              "qmp-sockets.md\n");
}

TEST(a_terminal_gets_nothing_that_could_steer_it)
{
    int master, slave;

    check(!openpty(&master, &slave, NULL, NULL, NULL));
    answer = "\"\x9b" "31m\x7f\"";
    check_int(run_at(slave, master, cmd_exec,
                     (char *[]){ "exec", "d", "stop", NULL }), XL_QMP_OK);
    check_str(printed, "\"?31m?\"\r\n");
}

TEST(an_error_is_told_by_its_target)
{
    answer_error.rc = XLQMP_ERROR_QMP;
    strcpy(answer_error.desc, "no");
    check_int(RUN(cmd_exec, "exec", "d", "stop"), XL_QMP_ERROR);
    check_str(asked, "stop -; d stop: no");
    check_int(RUN(cmd_reset, "reset", "d"), XL_QMP_ERROR);
    check_str(asked, "reset; d reset: no");
    check_str(printed, "");
    check_int(closed, 2);
}

TEST(output_that_can_not_be_written_is_an_error)
{
    int full = open("/dev/full", O_RDWR);

    answer = "{}";
    check(full >= 0);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    check_int(run_at(full, open("/dev/null", O_RDONLY), cmd_exec,
                     (char *[]){ "exec", "d", "stop", NULL }),
              XL_QMP_CONNECTION);
    check_int(closed, 1);
}

TEST(nothing_is_opened_for_wrong_usage)
{
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    check_int(RUN(cmd_exec, "exec"), XL_QMP_USAGE);
    check_int(RUN(cmd_exec, "exec", "d"), XL_QMP_USAGE);
    check_int(RUN(cmd_exec, "exec", "d", "a", "[]"), XL_QMP_USAGE);
    check_int(RUN(cmd_exec, "exec", "d", "a", "{}", "b"), XL_QMP_USAGE);
    check_int(RUN(cmd_reset, "reset"), XL_QMP_USAGE);
    check_int(RUN(cmd_reset, "reset", "d", "e"), XL_QMP_USAGE);
    check_int(RUN(cmd_exec, "exec", "away", "a"), XL_QMP_CONNECTION);
    check_int(RUN(cmd_reset, "reset", "away"), XL_QMP_CONNECTION);
    check_int(opened, 0);
    check_int(closed, 0);
}

TEST(reset_prints_nothing)
{
    check_int(RUN(cmd_reset, "reset", "d"), XL_QMP_OK);
    check_str(asked, "reset");
    check_int(timeout, 1234);
    check_str(printed, "");
    check_int(closed, 1);
}

TAP_MAIN()
