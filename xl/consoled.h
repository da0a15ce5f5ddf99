/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of xenconsoled's control protocol (docs/console-control.md).
 */
#ifndef XENQMP_XL_CONSOLED_H
#define XENQMP_XL_CONSOLED_H

#include <stdint.h>

#include "libxl/qmp/buf.h"
#include "tools/common/consoled_socket.h"

struct consoled {
    /* private */
    int fd;
    int64_t deadline_ms;        /* for all that is asked */
    struct qmp_buf in;
    size_t taken;               /* bytes of the line returned last */
};

/* Connects. -1: complained; there is nothing to close. */
int consoled_open(struct consoled *consoled, const char *path,
                  int timeout_ms);
void consoled_close(struct consoled *consoled);

/* One data line, terminated. */
typedef void consoled_line_fn(char *line, void *data);

/* Sends the request and calls fn for each data line. 0: "ok". 1: "error"
 * or no memory, text_r says why. -1: the connection is lost; complained. */
int consoled_request(struct consoled *consoled, const char *request,
                     consoled_line_fn *fn, void *data, char *text_r,
                     size_t size);

/* After "ok stream": the connection, still the consoled's, and the bytes
 * that came behind that line. */
int consoled_stream(struct consoled *consoled, const void **bytes_r,
                    size_t *n_r);

/* Decodes %XX in place. */
void consoled_decode(char *value);

#endif
