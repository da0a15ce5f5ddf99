/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp_framer.h"

#include <assert.h>

void qmp_framer_init(struct qmp_framer *framer, enum qmp_framer_mode mode,
                     size_t max_message)
{
    *framer = (struct qmp_framer){ .mode = mode };
    qmp_buf_init(&framer->buf, max_message + QMP_FRAMER_CHUNK);
}

void qmp_framer_dispose(struct qmp_framer *framer)
{
    qmp_buf_dispose(&framer->buf);
    qmp_framer_reset(framer);
}

static void start_afresh(struct qmp_framer *framer)
{
    framer->depth = 0;
    framer->quote = 0;
    framer->escaped = false;
}

void qmp_framer_reset(struct qmp_framer *framer)
{
    qmp_buf_consume(&framer->buf, framer->buf.len);
    framer->scanned = framer->returned = 0;
    framer->skipping = false;
    start_afresh(framer);
}

static void drop_returned(struct qmp_framer *framer)
{
    qmp_buf_consume(&framer->buf, framer->returned);
    framer->scanned -= framer->returned;
    framer->returned = 0;
}

int qmp_framer_push(struct qmp_framer *framer, const void *bytes, size_t n)
{
    assert(n <= QMP_FRAMER_CHUNK);
    drop_returned(framer);
    return qmp_buf_append(&framer->buf, bytes, n);
}

bool qmp_framer_mid_message(const struct qmp_framer *framer)
{
    return framer->depth || framer->skipping;
}

/* Drops all that was scanned. */
static void drop_scanned(struct qmp_framer *framer)
{
    qmp_buf_consume(&framer->buf, framer->scanned);
    framer->scanned = 0;
    start_afresh(framer);
}

/* One byte inside an object. True if the object ends with it. */
static bool scan_inside(struct qmp_framer *framer, char c)
{
    if (framer->escaped) {
        framer->escaped = false;
    } else if (framer->quote) {
        if (c == '\\')
            framer->escaped = true;
        else if (c == framer->quote)
            framer->quote = 0;
    } else if (c == '"' || (c == '\'' &&
                            framer->mode == QMP_FRAMER_CLIENT)) {
        framer->quote = c;
    } else if (c == '{' || c == '[') {
        framer->depth++;
    } else if (c == '}' || c == ']') {
        framer->depth--;
    }
    return !framer->depth;
}

enum qmp_framer_result qmp_framer_next(struct qmp_framer *framer,
                                       const char **text_r, size_t *len_r)
{
    size_t max_message = framer->buf.max - QMP_FRAMER_CHUNK;

    drop_returned(framer);
    while (framer->scanned < framer->buf.len) {
        char c = framer->buf.data[framer->scanned++];
        bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        bool control = (unsigned char)c == 0xff ||
                       ((unsigned char)c < 0x20 && !blank);

        if (framer->skipping) {
            framer->skipping = c != '\n' && !control;
            drop_scanned(framer);
        } else if (control || (c == '\n' && framer->depth &&
                               framer->mode == QMP_FRAMER_SERVER)) {
            bool lost = framer->depth;

            drop_scanned(framer);
            if (lost)
                return QMP_FRAMER_GARBAGE;
        } else if (!framer->depth) {
            if (c == '{') {
                framer->depth = 1;
                continue;
            }
            framer->skipping = !blank;
            drop_scanned(framer);
            if (framer->skipping)
                return QMP_FRAMER_GARBAGE;
        } else if (scan_inside(framer, c)) {
            if (framer->scanned > max_message) {
                drop_scanned(framer);
                return QMP_FRAMER_TOO_LONG;
            }
            framer->returned = framer->scanned;
            *text_r = framer->buf.data;
            *len_r = framer->scanned;
            return QMP_FRAMER_MESSAGE;
        } else if (framer->scanned > max_message) {
            drop_scanned(framer);
            framer->skipping = true;
            return QMP_FRAMER_TOO_LONG;
        }
    }
    return QMP_FRAMER_MORE;
}
