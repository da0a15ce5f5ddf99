/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "framer.h"

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
    framer->scanned = framer->returned = framer->skimmed = 0;
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
    return framer->depth || framer->skipping || framer->skimmed;
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

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_control(char c)
{
    return (unsigned char)c == 0xff ||
           ((unsigned char)c < 0x20 && !is_blank(c));
}

/* Drops more of a message that is too long. True if nothing more of it
 * comes: it has ended, or was cut. */
static bool skim_more(struct qmp_framer *framer)
{
    const char *text = framer->buf.data;
    size_t n = 0, read;
    bool cut;

    while (n < framer->buf.len && !is_control(text[n]) &&
           (text[n] != '\n' || framer->mode != QMP_FRAMER_SERVER))
        n++;
    cut = n < framer->buf.len;
    read = qmp_skim_read(&framer->skim, text, n);
    framer->skimmed += read;
    qmp_buf_consume(&framer->buf, read);
    if (!framer->skim.ended && framer->skimmed > QMP_FRAMER_SKIM_MAX)
        framer->skipping = cut = true;
    if (!framer->skim.ended && !cut)
        return false;
    if (!framer->skim.ended)
        framer->skim.id_len = 0;
    framer->skimmed = 0;
    return true;
}

/* The message that was scanned is too long. */
static enum qmp_framer_result too_long(struct qmp_framer *framer, bool ended)
{
    if (framer->mode == QMP_FRAMER_CLIENT) {
        drop_scanned(framer);
        framer->skipping = !ended;
        return QMP_FRAMER_TOO_LONG;
    }
    qmp_skim_init(&framer->skim);
    framer->skimmed = qmp_skim_read(&framer->skim, framer->buf.data,
                                    framer->scanned);
    drop_scanned(framer);
    if (!ended)
        return QMP_FRAMER_MORE;
    framer->skimmed = 0;
    return QMP_FRAMER_TOO_LONG;
}

enum qmp_framer_result qmp_framer_next(struct qmp_framer *framer,
                                       const char **text_r, size_t *len_r)
{
    size_t max_message = framer->buf.max - QMP_FRAMER_CHUNK;

    drop_returned(framer);
    while (framer->scanned < framer->buf.len) {
        char c;

        if (framer->skimmed) {
            if (skim_more(framer))
                return QMP_FRAMER_TOO_LONG;
            continue;
        }
        c = framer->buf.data[framer->scanned++];
        if (framer->skipping) {
            framer->skipping = c != '\n' && !is_control(c);
            drop_scanned(framer);
        } else if (is_control(c) || (c == '\n' && framer->depth &&
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
            framer->skipping = !is_blank(c);
            drop_scanned(framer);
            if (framer->skipping)
                return QMP_FRAMER_GARBAGE;
        } else if (scan_inside(framer, c)) {
            if (framer->scanned > max_message)
                return too_long(framer, true);
            framer->returned = framer->scanned;
            *text_r = framer->buf.data;
            *len_r = framer->scanned;
            return QMP_FRAMER_MESSAGE;
        } else if (framer->scanned > max_message &&
                   too_long(framer, false) == QMP_FRAMER_TOO_LONG) {
            return QMP_FRAMER_TOO_LONG;
        }
    }
    return QMP_FRAMER_MORE;
}
