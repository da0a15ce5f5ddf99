/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The message splitter: however its bytes are cut into pieces, the same
 * comes out; what it calls a message is an object, and not too long.
 * First byte: the mode.
 */
#include "fuzz.h"

#include "libxl/qmp/framer.h"

/* Small, so that the limit is met. */
#define MESSAGE_MAX 40
#define RESULTS_MAX 4096

struct result {
    enum qmp_framer_result result;
    size_t len;                 /* of a message, or of an id */
    uint64_t hash;
};

static void check_object(const char *text, size_t len,
                         enum qmp_framer_mode mode)
{
    char quote = 0;
    int depth = 0;

    require(len >= 2 && len <= MESSAGE_MAX);
    for (size_t i = 0; i < len; i++) {
        if (quote && text[i] == '\\')
            i++;
        else if (quote)
            quote = text[i] == quote ? 0 : quote;
        else if (text[i] == '"' ||
                 (text[i] == '\'' && mode == QMP_FRAMER_CLIENT))
            quote = text[i];
        else if (text[i] == '{' || text[i] == '[')
            depth++;
        else if (text[i] == '}' || text[i] == ']')
            depth--;
        /* It ends where it ends, and not before. */
        require((depth > 0) == (i + 1 < len));
    }
    require(text[0] == '{' && !quote);
}

static size_t split(const uint8_t *data, size_t size, size_t piece,
                    enum qmp_framer_mode mode, struct result *results)
{
    struct qmp_framer framer;
    const char *text;
    size_t n = 0, len;

    qmp_framer_init(&framer, mode, MESSAGE_MAX);
    for (size_t at = 0; at < size; at += piece) {
        struct result r = { 0 };

        if (piece > size - at)
            piece = size - at;
        require(!qmp_framer_push(&framer, data + at, piece));
        while ((r.result = qmp_framer_next(&framer, &text, &len)) !=
               QMP_FRAMER_MORE) {
            require(n < RESULTS_MAX);
            r.len = r.hash = 0;
            if (r.result == QMP_FRAMER_MESSAGE) {
                check_object(text, len, mode);
                r.len = len;
            } else if (r.result == QMP_FRAMER_TOO_LONG &&
                       mode != QMP_FRAMER_CLIENT) {
                text = framer.skim.id;
                r.len = framer.skim.id_len;
                require(r.len <= QMP_SKIM_ID_MAX);
            }
            for (size_t i = 0; i < r.len; i++)
                r.hash = r.hash * 31 + (uint8_t)text[i];
            results[n++] = r;
        }
    }
    qmp_framer_dispose(&framer);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct result whole[RESULTS_MAX], cut[RESULTS_MAX];
    enum qmp_framer_mode mode;
    size_t n;

    if (size < 2 || size > RESULTS_MAX)
        return 0;
    mode = data[0] & 1 ? QMP_FRAMER_SERVER :
           data[0] & 2 ? QMP_FRAMER_STREAM : QMP_FRAMER_CLIENT;
    n = split(data + 1, size - 1, size, mode, whole);
    for (size_t piece = 1; piece <= 3; piece++) {
        require(split(data + 1, size - 1, piece, mode, cut) == n);
        for (size_t i = 0; i < n; i++)
            require(whole[i].result == cut[i].result &&
                    whole[i].len == cut[i].len &&
                    whole[i].hash == cut[i].hash);
    }
    return 0;
}
