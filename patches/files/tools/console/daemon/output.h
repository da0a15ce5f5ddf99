/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a secondary console is connected to, as its key "output" says:
 *
 *   pty                    a terminal, whose path is in the key "tty"
 *   null                   nothing: what the guest writes is dropped
 *   file:PATH              the guest's bytes are appended
 *   pipe:PATH              the file's bytes go to the guest
 *   unix:PATH[,uid=UID]    a socket: one reader at a time, root or UID
 *
 * The key is dom0's, see keys.h.
 */
#ifndef CONSOLED_OUTPUT_H
#define CONSOLED_OUTPUT_H

#include <stdbool.h>
#include <sys/types.h>

enum output_kind {
	OUTPUT_PTY,
	OUTPUT_NULL,
	OUTPUT_FILE,
	OUTPUT_PIPE,
	OUTPUT_UNIX,
};

#define OUTPUT_PATH_MAX 1024

struct output {
	enum output_kind kind;
	char path[OUTPUT_PATH_MAX];	/* file, pipe, unix; else "" */
	uid_t uid;			/* unix: who may connect */
};

/* False: text is none of these. */
bool output_parse(struct output *output, const char *text);
/* A descriptor, of a socket that listens for unix, or -1, with errno. */
int output_open(const struct output *output);
/* The next reader of a socket that listens; -1: none. */
int output_accept(int listen_fd);
/* Takes the socket's path away. */
void output_remove(const struct output *output);

#endif
