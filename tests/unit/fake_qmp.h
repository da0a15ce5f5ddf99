/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QMP server that follows a script, for tests of clients: what it says,
 * what it expects to hear, how it goes wrong.
 *
 * It runs in a child process and ends with the script; a client that says
 * something else than expected, or hangs up early, fails it.
 */
#ifndef XENQMP_TESTS_UNIT_FAKE_QMP_H
#define XENQMP_TESTS_UNIT_FAKE_QMP_H

#include <stdbool.h>
#include <stddef.h>

enum fake_qmp_act {
    FAKE_END = 0,               /* of the script: hangs up */
    FAKE_SAY,                   /* sends text; $ID is the id heard last */
    FAKE_SAY_SLOWLY,            /* the same, a byte a write */
    FAKE_HEAR,                  /* reads a line, which must contain text */
    FAKE_ECHO,                  /* sends the line heard last */
    FAKE_FLOOD,                 /* sends n bytes, text over and over */
    FAKE_WAIT,                  /* until the client hangs up */
};

struct fake_qmp_step {
    enum fake_qmp_act act;
    const char *text;
    size_t n;
};

#define FAKE_GREETING                                                     \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, "       \
    "\"major\": 7}, \"package\": \"Debian\"}, \"capabilities\": [\"oob\"]}}"
#define FAKE_RETURN "{\"return\": {}, \"id\": $ID}\r\n"
/* A connection that comes as far as the first command. */
#define FAKE_NEGOTIATION                                                  \
    { FAKE_SAY, FAKE_GREETING "\r\n", 0 },                                \
    { FAKE_HEAR, "\"qmp_capabilities\"", 0 },                             \
    { FAKE_SAY, FAKE_RETURN, 0 }

struct fake_qmp {
    char path[64];              /* of the socket, in a directory of its
                                 * own; "": fake_qmp_serve() */
    int pid;
};

/* Starts one that serves one connection to `path`. */
void fake_qmp_start(struct fake_qmp *fake,
                    const struct fake_qmp_step *script);
/* The same at fd, which becomes its own: connected, or listening. */
void fake_qmp_serve(struct fake_qmp *fake,
                    const struct fake_qmp_step *script, int fd,
                    bool listens);
/* Waits for its end. True if the script was followed. */
bool fake_qmp_end(struct fake_qmp *fake);

#endif
