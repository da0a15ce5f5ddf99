/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QMP command as people type it: the one syntax of exec, batch and shell.
 *
 *     device_add driver=virtio-rng-pci id=rng0 addr=5
 *     device_add {"driver": "virtio-rng-pci", "id": "rng0"}
 *     {"execute": "device_add", "arguments": {"driver": ...}}
 *
 * KEY=VALUE is a member of the arguments; a dot in KEY leads into an object
 * (a.b=1 is "a": {"b": 1}). VALUE is JSON if it looks so: a number, true,
 * false, null, or what begins with {, [ or ". All else is a string.
 * KEY:=JSON is JSON always.
 */
#ifndef XENQMP_XL_REQUEST_H
#define XENQMP_XL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialised. */
struct request {
    /* readable */
    char *command;              /* NULL: a line that says nothing */
    char *arguments;            /* a JSON object; NULL: none */
    char why[160];              /* what is wrong, one line */
};

/* Idempotent. */
void request_dispose(struct request *request);

/* The arguments from n words. False: request->why. */
bool request_arguments(struct request *request, size_t n,
                       char *const words[]);

/* From one line, in which words are separated by blanks unless they stand
 * in '...' (removed, as a shell does), in "...", {...} or [...] at the
 * beginning of a value (kept, they are JSON); # begins a comment. False:
 * request->why. */
bool request_line(struct request *request, const char *line);

#endif
