/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/common/log.h"

/* A tty tells nobody when it has given its last byte to the ring. Under
 * Xen's driver it has when write() returns. */
#define STATE_LEAVE_MS    10
/* So long for a copy that was stopped: whoever takes nothing of console 1
 * must not keep console 3 from a new session. */
#define STATE_LEAVE_TRIES 100

int state_init(struct state *state, const char *path, int save_tty)
{
    state->incoming = state->pipe = -1;
    state->save_tty = save_tty;
    state->file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    state->file_read = open(path, O_RDONLY | O_CLOEXEC);
    return state->file < 0 || state->file_read < 0 ? -1 : 0;
}

int state_expect_incoming(struct state *state)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC))
        return -1;
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    state->incoming = ends[0];
    state->pipe = ends[1];
    return 0;
}

static void pipe_close(struct state *state)
{
    close(state->pipe);
    state->pipe = -1;
}

static void restored(void *data, int error)
{
    struct state *state = data;

    /* EPIPE: QEMU has all that it wants. */
    if (error == EPIPE)
        error = 0;
    log_info("restored state: %llu bytes, CRC-32 %08x, from console 2%s%s",
             (unsigned long long)state->restore.copied, state->restore.crc,
             error ? ": " : "", error ? strerror(error) : "");
    pipe_close(state);
}

void state_restore(struct state *state, int tty)
{
    close(state->incoming);
    state->incoming = -1;
    /* The byte that asks xenconsoled for the state. */
    if (tty >= 0 && write(tty, "\n", 1) == 1 &&
        !stream_start(&state->restore, state->loop, tty, state->pipe,
                      restored, state))
        return;
    log_error("the state to restore cannot be read from console 2; QEMU "
              "gets none, and will end");
    pipe_close(state);
}

void state_prepare(struct state *state)
{
    state->error = 0;
    if (ftruncate(state->file, 0) || lseek(state->file, 0, SEEK_SET))
        state->error = errno;
}

static bool tty_holds_bytes(const struct state *state)
{
    int n = 0;

    return !ioctl(state->save_tty, TIOCOUTQ, &n) && n > 0;
}

static void copied(struct state *state, int error)
{
    log_info("saved state: %llu bytes, CRC-32 %08x, to console 1%s%s",
             (unsigned long long)state->save.copied, state->save.crc,
             error ? ": " : "", error ? strerror(error) : "");
    state->saved(state->data, error);    /* must be last */
}

static void copy_leaves(void *data)
{
    struct state *state = data;

    if (!tty_holds_bytes(state))
        copied(state, 0);       /* must be last */
    else if (loop_timer_set(state->loop, &state->leave, STATE_LEAVE_MS,
                            copy_leaves, state))
        copied(state, ENOMEM);
}

static void copy_ends(void *data, int error)
{
    if (error)
        copied(data, error);    /* must be last */
    else
        copy_leaves(data);
}

void state_copy(struct state *state)
{
    if (!state->error && state->save_tty < 0)
        state->error = ENXIO;
    if (!state->error &&
        (lseek(state->file_read, 0, SEEK_SET) < 0 ||
         stream_start(&state->save, state->loop, state->file_read,
                      state->save_tty, copy_ends, state)))
        state->error = errno;
    if (state->error)
        copied(state, state->error);    /* must be last */
}

static void stop_leaves(void *data)
{
    struct state *state = data;

    if (tty_holds_bytes(state) &&
        ++state->leave_tries <= STATE_LEAVE_TRIES &&
        !loop_timer_set(state->loop, &state->leave, STATE_LEAVE_MS,
                        stop_leaves, state))
        return;
    if (tty_holds_bytes(state))
        log_error("console 1 does not take the rest of a save that has "
                  "ended; the next one may fail");
    state->stopped(state->data);        /* must be last */
}

void state_stop(struct state *state)
{
    log_info("saved state: ended after %llu bytes to console 1",
             (unsigned long long)state->save.copied);
    stream_stop(&state->save);
    loop_timer_clear(state->loop, &state->leave);
    state->leave_tries = 0;
    stop_leaves(state);                 /* must be last */
}
