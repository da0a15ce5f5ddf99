/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

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

static void restored(void *data, int error)
{
    struct state *state = data;

    /* EPIPE: QEMU has all that it wants. */
    if (error == EPIPE)
        error = 0;
    log_info("restored state: %llu bytes from console 2%s%s",
             (unsigned long long)state->restore.copied, error ? ": " : "",
             error ? strerror(error) : "");
    close(state->pipe);
    state->pipe = -1;
}

void state_restore(struct state *state, int tty)
{
    close(state->incoming);
    state->incoming = -1;
    /* The byte that asks xenconsoled for the state. */
    if (tty < 0 || write(tty, "\n", 1) != 1 ||
        stream_start(&state->restore, state->loop, tty, state->pipe,
                     restored, state))
        log_error("the state to restore cannot be read from console 2");
}

void state_prepare(struct state *state)
{
    if (ftruncate(state->file, 0) || lseek(state->file, 0, SEEK_SET))
        log_error("the state file cannot be emptied: %s", strerror(errno));
}

static void saved(void *data, int error)
{
    struct state *state = data;

    log_info("saved state: %llu bytes to console 1%s%s",
             (unsigned long long)state->save.copied, error ? ": " : "",
             error ? strerror(error) : "");
    state->saved(state->data, error);    /* must be last */
}

void state_copy(struct state *state)
{
    stream_stop(&state->save);
    if (state->save_tty < 0 || lseek(state->file_read, 0, SEEK_SET) < 0 ||
        stream_start(&state->save, state->loop, state->file_read,
                     state->save_tty, saved, state))
        state->saved(state->data, EIO);    /* must be last */
}
