/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share. A target is one function that is given
 * bytes; it aborts if a promise is broken. libFuzzer calls it with clang
 * (tests/full/fuzz.t), replay.c with the corpus and any compiler.
 */
#ifndef XENQMP_TESTS_FUZZ_FUZZ_H
#define XENQMP_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define require(expr) do {                                              \
        if (!(expr)) {                                                  \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__,          \
                    __LINE__, #expr);                                   \
            abort();                                                    \
        }                                                               \
    } while (0)

/* An input that is a script: an act, a length, so many bytes, again and
 * again. The bytes are a copy of their own, so that a read behind them is
 * seen. */
struct script {
    const uint8_t *data;
    size_t size;
};

struct step {
    unsigned int act;
    size_t n;
    char *bytes;                /* the caller frees */
};

static inline bool script_next(struct script *script, struct step *step_r)
{
    size_t n;

    if (script->size < 2)
        return false;
    n = script->data[1];
    if (n > script->size - 2)
        n = script->size - 2;
    step_r->act = script->data[0];
    step_r->n = n;
    step_r->bytes = malloc(n ? n : 1);
    require(step_r->bytes);
    memcpy(step_r->bytes, script->data + 2, n);
    script->data += n + 2;
    script->size -= n + 2;
    return true;
}

#endif
