/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/common/log.h"

/* A tty tells nobody when it has given its last byte to the ring. Under
 * Xen's driver it has when write() returns. */
#define STATE_LEAVE_MS    10
/* So long for a save that was stopped: whoever takes nothing of console 1
 * must not keep console 3 from a new session. */
#define STATE_LEAVE_TRIES 100
/* So large a state holds QEMU up by nothing, whatever becomes of console 1.
 * Memory is taken for what is in it alone. Linux lets nobody have more. */
#define STATE_FIFO_SIZE   (1 << 20)

/* All that is there; QEMU may write on. */
static void state_drop(void *data, uint32_t events)
{
    struct state *state = data;
    char bytes[STREAM_CHUNK];

    (void)events;
    for (int i = 0; i < STATE_FIFO_SIZE / STREAM_CHUNK; i++)
        if (read(state->fifo, bytes, sizeof(bytes)) <= 0)
            return;
}

static int state_rest(struct state *state)
{
    return loop_add(state->loop, state->fifo, EPOLLIN, state_drop, state,
                    &state->fifo_id);
}

int state_init(struct state *state, const char *path, int save_tty)
{
    state->incoming = state->pipe = -1;
    state->save_tty = save_tty;
    if (mkfifo(path, 0600))
        return -1;
    /* With a writer of its own it never ends. */
    state->fifo = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (state->fifo < 0)
        return -1;
    /* It is smaller if that is refused, and nothing else. */
    fcntl(state->fifo, F_SETPIPE_SZ, STATE_FIFO_SIZE);
    return state_rest(state);
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

static bool tty_holds_bytes(const struct state *state)
{
    int n = 0;

    return !ioctl(state->save_tty, TIOCOUTQ, &n) && n > 0;
}

static void save_ended(struct state *state, int error)
{
    log_info("saved state: %llu bytes, CRC-32 %08x, to console 1%s%s",
             (unsigned long long)state->save.copied, state->save.crc,
             error ? ": " : "", error ? strerror(error) : "");
    state->saved(state->data, error);    /* must be last */
}

static void save_leaves(void *data)
{
    struct state *state = data;

    if (!tty_holds_bytes(state))
        save_ended(state, 0);       /* must be last */
    else if (loop_timer_set(state->loop, &state->leave, STATE_LEAVE_MS,
                            save_leaves, state))
        save_ended(state, ENOMEM);
}

static void save_done(struct state *state)
{
    if (state->error)
        save_ended(state, state->error);    /* must be last */
    else
        save_leaves(state);
}

/* All has gone, or console 1 has failed: then QEMU may still write. */
static void save_copied(void *data, int error)
{
    struct state *state = data;

    state->error = error;
    if (state_rest(state))
        state->error = errno;
    if (state->finishing)
        save_done(state);       /* must be last */
}

void state_begin(struct state *state)
{
    /* QEMU is at no save: of the last one there is at most a pipe's room. */
    state_drop(state, 0);
    state->error = 0;
    state->finishing = false;
    loop_del(state->loop, &state->fifo_id);
    if (state->save_tty < 0)
        state->error = ENXIO;
    else if (stream_start(&state->save, state->loop, state->fifo,
                          state->save_tty, save_copied, state))
        state->error = errno;
    if (state->error)
        state_rest(state);
}

void state_finish(struct state *state)
{
    state->finishing = true;
    if (state->save.active)
        stream_finish(&state->save);
    else
        save_done(state);       /* must be last */
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
    if (state->save.active) {
        stream_stop(&state->save);
        state_rest(state);
    }
    loop_timer_clear(state->loop, &state->leave);
    state->leave_tries = 0;
    stop_leaves(state);                 /* must be last */
}
