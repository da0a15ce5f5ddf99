/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can stand where somebody is typing a command of QMP (request.h).
 */
#ifndef XENQMP_XL_COMPLETION_H
#define XENQMP_XL_COMPLETION_H

#include <stddef.h>

#include "schema.h"

/* More than a screen holds; QEMU has some 250 commands. */
#define COMPLETIONS_MAX 512

/* Zero-initialised. */
struct completion {
    /* readable */
    char *names[COMPLETIONS_MAX];   /* sorted, each once */
    size_t n;
    size_t typed;               /* so many bytes of each stand there */
    size_t common;              /* so many bytes are the same in all */
    char after;                 /* what follows if n is 1: blank, = or . */
};

/* line: up to the cursor. */
void completion_find(struct completion *completion,
                     const struct schema *schema, const char *line);
/* Idempotent. */
void completion_dispose(struct completion *completion);

#endif
