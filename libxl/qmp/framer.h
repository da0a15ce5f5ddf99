/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Splits a stream of bytes into QMP messages.
 *
 * A message is one JSON object. QMP does not frame its messages: they end
 * where the JSON value ends (QEMU, docs/interop/qmp-spec, "Protocol
 * Specification"), but QEMU writes each on a line of its own. The framer
 * counts brackets outside strings and checks nothing else: what it returns
 * is still to be parsed (qmp/message.h).
 *
 * Errors are part of the stream: the framer reports one, drops what it had
 * and goes on behind the next newline. But a server's message that is too
 * long is read to its end, with next to nothing kept: whoever waits for a
 * reply must be told (qmp/skim.h).
 */
#ifndef XENQMP_LIBXL_QMP_FRAMER_H
#define XENQMP_LIBXL_QMP_FRAMER_H

#include "buf.h"
#include "skim.h"

enum qmp_framer_mode {
    /* From a client: objects may span lines and strings stand in single
     * quotes (qmp/quotes.h), as QEMU accepts them. A control byte other
     * than TAB, CR and LF starts afresh, without an error unless something
     * was dropped. */
    QMP_FRAMER_CLIENT,
    /* From a server over a console: one object a line; a newline
     * within an object is an error, so that echo and garbage end where
     * their line ends. */
    QMP_FRAMER_SERVER,
    /* From a server over a socket, where there is no such noise: objects
     * may span lines (QEMU's "pretty"). */
    QMP_FRAMER_STREAM,
};

enum qmp_framer_result {
    QMP_FRAMER_MORE,        /* nothing complete: push more bytes */
    QMP_FRAMER_MESSAGE,     /* one object */
    QMP_FRAMER_TOO_LONG,    /* longer than max_message; dropped. A
                             * server's: see skim */
    QMP_FRAMER_GARBAGE,     /* not an object; dropped up to a newline */
};

/* Of a server's message that is too long, so much is read. Beyond it the
 * peer has lost its mind, and nothing is known of the message. */
#define QMP_FRAMER_SKIM_MAX (64u << 20)

struct qmp_framer {
    /* readable: with QMP_FRAMER_TOO_LONG, of a server's message; no id if
     * it was cut. */
    struct qmp_skim skim;
    /* private */
    enum qmp_framer_mode mode;
    struct qmp_buf buf;
    size_t scanned;             /* bytes of buf already looked at */
    size_t returned;            /* bytes to consume at the next call */
    unsigned int depth;
    char quote;                 /* of the string it is in; 0: none */
    bool escaped;
    bool skipping;              /* dropping up to the next newline */
    size_t skimmed;             /* bytes dropped up to its end; 0: not */
};

/* max_message: most bytes of one message, brackets included. */
void qmp_framer_init(struct qmp_framer *framer, enum qmp_framer_mode mode,
                     size_t max_message);
void qmp_framer_dispose(struct qmp_framer *framer);
/* Forgets all bytes held. */
void qmp_framer_reset(struct qmp_framer *framer);

/* Takes n bytes; the caller calls qmp_framer_next() until it says
 * QMP_FRAMER_MORE before it pushes again. n <= QMP_FRAMER_CHUNK. -1: no
 * memory. */
#define QMP_FRAMER_CHUNK 65536
int qmp_framer_push(struct qmp_framer *framer, const void *bytes, size_t n);

/* With QMP_FRAMER_MESSAGE, *text_r and *len_r name the object, which
 * stays valid until the next call of any function here. */
enum qmp_framer_result qmp_framer_next(struct qmp_framer *framer,
                                       const char **text_r, size_t *len_r);

/* True if a message has begun and not ended: more bytes are owed. */
bool qmp_framer_mid_message(const struct qmp_framer *framer);

#endif
