/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp shell: commands typed one by one, on a terminal.
 *
 * libedit has the line; it asks us for each character, and while it waits
 * for one the connection is served. What has to be shown then is printed in
 * the line's place, and the line drawn again below it. SIGINT is let in
 * only while we wait, so that it is never missed: it forgets the line, or
 * the answer that is waited for.
 *
 * The server's schema is asked for at the start, and may come when it
 * likes: until then there is nothing to complete.
 */
#include "completion.h"
#include "event.h"
#include "files.h"
#include "tools/common/log.h"
#include "output.h"
#include "request.h"
#include "shell_history.h"
#include "target.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

struct shell {
    const struct options *options;
    const char *target;
    xlqmp_ctx *ctx;
    EditLine *edit;
    struct shell_history history;
    struct schema schema;
    bool colour;
    bool editing;               /* a line stands at the cursor */
    bool covered;               /* and must be drawn again */
    bool answered;              /* the command that is waited for */
    sigset_t waiting;           /* signals blocked while we wait */
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* Before anything is printed. */
static void make_room(struct shell *shell)
{
    if (shell->editing && !shell->covered)
        fputs("\r\033[K", stdout);
    shell->covered = true;
}

static void show_event(xlqmp_ctx *ctx, const char *name, const char *event,
                       void *user)
{
    struct shell *shell = user;

    (void)ctx;
    make_room(shell);
    event_print(name, event, true);
}

static void take_schema(xlqmp_ctx *ctx, int rc, const char *return_json,
                        const struct xlqmp_error *error, void *user)
{
    struct shell *shell = user;

    (void)ctx;
    (void)error;
    if (!rc)
        schema_init(&shell->schema, return_json);
}

static void take_answer(xlqmp_ctx *ctx, int rc, const char *return_json,
                        const struct xlqmp_error *error, void *user)
{
    struct shell *shell = user;

    (void)ctx;
    shell->answered = true;
    if (!rc)
        output_pretty(return_json, shell->colour);
    else
        target_error(shell->target, NULL, error);
}

/* Serves the connection once; true if fd (-1: none) can be read. */
static bool serve(struct shell *shell, int fd)
{
    struct pollfd fds[2] = { { .fd = fd, .events = POLLIN } };
    struct timespec limit;
    int timeout = -1;

    xlqmp_beforepoll(shell->ctx, &fds[1], &timeout);
    limit = (struct timespec){ .tv_sec = timeout / 1000,
                               .tv_nsec = timeout % 1000 * 1000000L };
    if (ppoll(fds, 2, timeout < 0 ? NULL : &limit, &shell->waiting) < 0)
        fds[0].revents = fds[1].revents = 0;
    xlqmp_afterpoll(shell->ctx, &fds[1]);
    return fds[0].revents;
}

/* libedit's next character: 1, 0 at the end of all, -1 to leave the line. */
static int read_char(EditLine *edit, wchar_t *c_r)
{
    struct shell *shell;
    mbstate_t state = { 0 };
    char byte;

    el_get(edit, EL_CLIENTDATA, &shell);
    for (;;) {
        while (!serve(shell, STDIN_FILENO)) {
            if (interrupted || !xlqmp_is_open(shell->ctx)) {
                errno = EINTR;
                return -1;
            }
            if (shell->covered)
                el_set(edit, EL_REFRESH);
            shell->covered = false;
        }
        if (read(STDIN_FILENO, &byte, 1) != 1)
            return 0;
        switch (mbrtowc(c_r, &byte, 1, &state)) {
        case (size_t)-2:        /* more bytes belong to it */
            continue;
        case (size_t)-1:
            memset(&state, 0, sizeof(state));
            continue;
        default:
            return 1;
        }
    }
}

static char *prompt(EditLine *edit)
{
    static char text[] = "qmp> ";

    (void)edit;
    return text;
}

static unsigned char complete(EditLine *edit, int key)
{
    const LineInfo *line = el_line(edit);
    struct completion found = { .n = 0 };
    unsigned char result = CC_ERROR;
    struct shell *shell;
    char *typed, insert[160];

    (void)key;
    el_get(edit, EL_CLIENTDATA, &shell);
    typed = strndup(line->buffer, (size_t)(line->cursor - line->buffer));
    if (!typed)
        return CC_ERROR;
    completion_find(&found, &shell->schema, typed);
    free(typed);
    if (found.n && (found.n == 1 || found.common > found.typed)) {
        snprintf(insert, sizeof(insert), "%.*s%s",
                 (int)(found.common - found.typed),
                 found.names[0] + found.typed,
                 found.n == 1 ? (char []){ found.after, '\0' } : "");
        result = el_insertstr(edit, insert) ? CC_ERROR : CC_REFRESH;
    } else if (found.n) {
        putchar('\n');
        for (size_t i = 0; i < found.n; i++)
            printf("%s%s", found.names[i], i + 1 < found.n ? "  " : "\n");
        fflush(stdout);
        result = CC_REDISPLAY;
    }
    completion_dispose(&found);
    return result;
}

static void run_line(struct shell *shell, const char *line)
{
    struct request request = { 0 };
    uint64_t handle;
    int rc;

    if (!request_line(&request, line)) {
        log_error("%s", request.why);
    } else if (request.command) {
        shell->answered = false;
        files_warn(shell->options, shell->target, request.command);
        rc = xlqmp_send(shell->ctx, request.command, request.arguments,
                        shell->options->timeout_ms, take_answer, shell,
                        &handle);
        if (rc)
            log_error("%s was not sent: %s; see xlqmp(3)",
                      request.command, xlqmp_rc_name(rc));
        while (!rc && !shell->answered && !interrupted)
            serve(shell, -1);
        if (!rc && !shell->answered) {
            xlqmp_cancel(shell->ctx, handle);
            log_error("%s: no longer waited for; it may have been executed",
                      request.command);
        }
    }
    request_dispose(&request);
}

static bool is_exit(const char *line)
{
    return !strcmp(line, "exit\n");
}

/* Until the end; the exit code. */
static int read_lines(struct shell *shell)
{
    const char *line;
    int n;

    for (;;) {
        interrupted = 0;
        shell->covered = false;
        shell->editing = true;
        line = el_gets(shell->edit, &n);
        shell->editing = false;
        if (!xlqmp_is_open(shell->ctx)) {
            putchar('\n');
            fflush(stdout);
            log_error("%s: the connection was lost; its QEMU has ended, or "
                      "was started anew", shell->target);
            return XL_QMP_CONNECTION;
        }
        if (interrupted) {
            puts("^C");
            continue;
        }
        if (!line || n <= 0) {
            putchar('\n');
            return XL_QMP_OK;
        }
        shell_history_add(&shell->history, line);
        if (is_exit(line))
            return XL_QMP_OK;
        run_line(shell, line);
        if (!xlqmp_is_open(shell->ctx))
            return XL_QMP_CONNECTION;
    }
}

static bool shell_init(struct shell *shell)
{
    shell->edit = el_init("xl-qmp", stdin, stdout, stderr);
    if (!shell->edit || !shell_history_open(&shell->history)) {
        log_error("shell: this terminal cannot be used; xl-qmp exec sends "
                  "a command, xl-qmp batch many");
        return false;
    }
    el_set(shell->edit, EL_CLIENTDATA, shell);
    el_set(shell->edit, EL_PROMPT, prompt);
    el_set(shell->edit, EL_EDITOR, "emacs");
    el_set(shell->edit, EL_HIST, history,
           shell->history.lines);
    el_set(shell->edit, EL_ADDFN, "complete-qmp", "complete a name",
           complete);
    el_set(shell->edit, EL_BIND, "^I", "complete-qmp", NULL);
    el_set(shell->edit, EL_GETCFN, read_char);
    el_source(shell->edit, NULL);
    return true;
}

static void shell_dispose(struct shell *shell)
{
    shell_history_close(&shell->history);
    if (shell->edit)
        el_end(shell->edit);
    xlqmp_close(shell->ctx);
    schema_dispose(&shell->schema);
}

static void take_signals(struct shell *shell)
{
    struct sigaction action = { .sa_handler = interrupt };
    sigset_t blocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, &shell->waiting);
    sigdelset(&shell->waiting, SIGINT);
    sigaction(SIGINT, &action, NULL);
}

int cmd_shell(const struct options *options, int argc, char **argv)
{
    struct shell shell = { .options = options };
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    struct xlqmp_error error;
    int rc;

    if (argc != 2) {
        log_error("shell: %s; usage: xl-qmp shell DOMAIN",
                  argc < 2 ? "no domain is given" : "too many arguments");
        return XL_QMP_USAGE;
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        log_error("shell: this is no terminal; xl-qmp batch reads commands "
                  "from a file or a pipe");
        return XL_QMP_USAGE;
    }
    setlocale(LC_CTYPE, "");
    shell.target = argv[1];
    shell.colour = term && strcmp(term, "dumb") &&
                   !(no_colour && *no_colour);
    rc = target_open(options, shell.target, &shell.ctx);
    if (rc)
        return rc;
    if (xlqmp_wait_ready(shell.ctx, options->timeout_ms, &error)) {
        rc = target_error(shell.target, NULL, &error);
        xlqmp_close(shell.ctx);
        return rc;
    }
    xlqmp_event_subscribe(shell.ctx, NULL, show_event, &shell, NULL);
    xlqmp_send(shell.ctx, "query-qmp-schema", NULL, options->timeout_ms,
               take_schema, &shell, NULL);
    take_signals(&shell);
    puts("NAME KEY=VALUE... sends a command, Tab completes, exit or Ctrl-D "
         "leaves.\nquit is QMP's: it ends QEMU.");
    rc = shell_init(&shell) ? read_lines(&shell) : XL_QMP_CONNECTION;
    shell_dispose(&shell);
    return rc;
}
