/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two ways, from standard input to the console and from the console to
 * standard output, each with one buffer: a way is read again when its
 * buffer was taken whole, so a side that takes nothing stops only its own
 * way. A terminal is always read, so that Ctrl-] is heard whatever the
 * guest does; what is typed beyond the buffer is lost, as on any terminal.
 *
 * When standard input ends, output goes on: what a guest answers to the
 * last line comes after it.
 */
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define DETACH_KEY 0x1d         /* Ctrl-], as xl console has it */

/* What poll() promises that a pipe takes; then a write of standard output,
 * whose flags are not ours to change, does not block. */
#define WAY_SIZE PIPE_BUF

struct way {
    int to;
    char data[WAY_SIZE];
    size_t at, n;               /* what is still to be written */
};

struct attach {
    int console, signals;
    bool is_terminal;           /* standard input */
    bool input_ended, replace_escape;
    struct way in, out;
    const char *first;          /* what came from the console before */
    size_t first_n;
    struct termios before;
    sigset_t mask_before;
};

enum step { STEP_ON, STEP_END, STEP_ERROR };

/* Writes some of it. */
static enum step way_write(struct way *way)
{
    ssize_t r = write(way->to, way->data + way->at, way->n);

    if (r < 0)
        return errno == EAGAIN || errno == EINTR ? STEP_ON : STEP_ERROR;
    way->at += (size_t)r;
    way->n -= (size_t)r;
    return STEP_ON;
}

/* Fills the empty buffer. A terminal whose other side is gone: EIO. */
static enum step way_read(struct way *way, int from)
{
    ssize_t r = read(from, way->data, sizeof(way->data));

    if (r < 0)
        return errno == EAGAIN || errno == EINTR ? STEP_ON : STEP_END;
    way->at = 0;
    way->n = (size_t)r;
    return r ? STEP_ON : STEP_END;
}

/* True: detached. What was typed before the key is sent if it can be. */
static bool input_read(struct attach *attach)
{
    struct way *in = &attach->in;
    char typed[WAY_SIZE], *key = NULL;
    ssize_t r = read(STDIN_FILENO, typed, sizeof(typed));
    size_t n = r > 0 ? (size_t)r : 0, room = sizeof(in->data) - in->n;

    attach->input_ended = !r || (r < 0 && errno != EAGAIN &&
                                 errno != EINTR);
    if (attach->is_terminal)
        key = memchr(typed, DETACH_KEY, n);
    if (key)
        n = (size_t)(key - typed);
    if (n > room)
        n = room;
    memmove(in->data, in->data + in->at, in->n);
    memcpy(in->data + in->n, typed, n);
    in->at = 0;
    in->n += n;
    if (key && in->n)
        way_write(in);
    return key;
}

/* Before the console's bytes go to the user's terminal. */
static void output_replace(struct attach *attach)
{
    char *p = attach->out.data, *end = p + attach->out.n;

    while (attach->replace_escape &&
           (p = memchr(p, 0x1b, (size_t)(end - p))))
        *p = '.';
}

static void output_fill_first(struct attach *attach)
{
    struct way *out = &attach->out;

    out->at = 0;
    out->n = attach->first_n < WAY_SIZE ? attach->first_n : WAY_SIZE;
    memcpy(out->data, attach->first, out->n);
    attach->first += out->n;
    attach->first_n -= out->n;
    output_replace(attach);
}

/* Ends the program as the signal would have, the terminal restored; also if who
 * started it had blocked that one. */
static void signal_take(struct attach *attach)
{
    struct signalfd_siginfo info;

    if (read(attach->signals, &info, sizeof(info)) != sizeof(info))
        return;
    if (attach->is_terminal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &attach->before);
    signal((int)info.ssi_signo, SIG_DFL);
    raise((int)info.ssi_signo);
    sigdelset(&attach->mask_before, (int)info.ssi_signo);
    sigprocmask(SIG_SETMASK, &attach->mask_before, NULL);
}

static enum attach_end run(struct attach *attach)
{
    enum { IN, CONSOLE, OUT, SIGNALS, FDS };
    struct way *in = &attach->in, *out = &attach->out;

    for (;;) {
        struct pollfd fd[FDS] = {
            [IN] = { attach->input_ended ||
                     (in->n && !attach->is_terminal) ? -1 : STDIN_FILENO,
                     POLLIN, 0 },
            [CONSOLE] = { out->n && !in->n ? -1 : attach->console,
                          (short)((out->n ? 0 : POLLIN) |
                                  (in->n ? POLLOUT : 0)), 0 },
            [OUT] = { out->n ? out->to : -1, POLLOUT, 0 },
            [SIGNALS] = { attach->signals, POLLIN, 0 },
        };

        if (!out->n && attach->first_n) {
            output_fill_first(attach);
            continue;
        }
        if (poll(fd, FDS, -1) < 0 && errno != EINTR)
            return ATTACH_FAILED;
        if (fd[SIGNALS].revents)
            signal_take(attach);
        if (fd[IN].revents && input_read(attach))
            return ATTACH_DETACHED;
        if (fd[OUT].revents && way_write(out) == STEP_ERROR)
            return ATTACH_OUTPUT_FAILED;
        if (!fd[CONSOLE].revents)
            continue;
        /* A side that closed may have left bytes. */
        if (!(fd[CONSOLE].events & POLLIN)) {
            if (way_write(in) == STEP_ERROR)
                in->n = 0;
        } else if (fd[CONSOLE].revents & ~POLLOUT) {
            if (way_read(out, attach->console) == STEP_END)
                return ATTACH_CONSOLE_ENDED;
            output_replace(attach);
        } else if (way_write(in) == STEP_ERROR) {
            in->n = 0;
        }
    }
}

static int terminal_raw(struct attach *attach)
{
    struct termios raw;

    attach->is_terminal = !tcgetattr(STDIN_FILENO, &attach->before);
    if (!attach->is_terminal)
        return 0;
    raw = attach->before;
    cfmakeraw(&raw);
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

enum attach_end attach_run(int fd, const void *bytes, size_t n,
                           bool replace_escape)
{
    struct attach attach = {
        .console = fd, .in = { .to = fd }, .out = { .to = STDOUT_FILENO },
        .first = bytes, .first_n = n, .replace_escape = replace_escape,
    };
    enum attach_end end = ATTACH_FAILED;
    sigset_t ending;
    int flags = fcntl(fd, F_GETFL), error;

    sigemptyset(&ending);
    sigaddset(&ending, SIGHUP);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    /* A pipe that nobody reads is an error of write(). */
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &ending, &attach.mask_before);
    attach.signals = signalfd(-1, &ending, SFD_CLOEXEC);
    if (attach.signals >= 0 && flags >= 0 &&
        !fcntl(fd, F_SETFL, flags | O_NONBLOCK) && !terminal_raw(&attach))
        end = run(&attach);
    error = errno;
    if (attach.is_terminal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &attach.before);
    if (attach.signals >= 0)
        close(attach.signals);
    sigprocmask(SIG_SETMASK, &attach.mask_before, NULL);
    errno = error;
    return end;
}
