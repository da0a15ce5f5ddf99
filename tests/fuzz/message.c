/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The id rewriter: nothing but the id changes, what comes out is the same
 * message with that id, and the old id put back gives the old text.
 */
#include "fuzz.h"

#include "libxl/qmp/message.h"

static const char new_id[] = "\"x123\"";

static void parse(struct qmp_message *message, const struct qmp_buf *buf)
{
    const char *why;

    require(qmp_message_parse(message, buf->data, buf->len, &why));
}

static bool same_text(struct qmp_span a, const struct qmp_message *in_a,
                      struct qmp_span b, const struct qmp_message *in_b)
{
    return a.len == b.len && !memcmp(qmp_span_text(in_a, a),
                                     qmp_span_text(in_b, b), a.len);
}

static void check_same(const struct qmp_message *a,
                       const struct qmp_message *b)
{
    require(a->kind == b->kind && a->oob == b->oob);
    require(same_text(a->value, a, b->value, b));
    require(same_text(a->arguments, a, b->arguments, b));
    require(same_text(a->data, a, b->data, b));
}

static void check_texts(const struct qmp_message *message)
{
    char class[8], desc[32], name[32];

    if (message->kind == QMP_EVENT || message->kind == QMP_COMMAND)
        qmp_message_name(message, name, sizeof(name));
    if (message->kind != QMP_ERROR)
        return;
    qmp_message_error(message, class, sizeof(class), desc, sizeof(desc));
    require(strlen(class) < sizeof(class) && strlen(desc) < sizeof(desc));
    for (const char *p = desc; *p; p++)
        require(*p >= ' ' && *p <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qmp_message old, changed, bare, back;
    struct qmp_buf to, without, again;
    char *text = malloc(size ? size : 1);
    const char *why;

    require(text);
    memcpy(text, data, size);
    qmp_buf_init(&to, 1 << 20);
    qmp_buf_init(&without, 1 << 20);
    qmp_buf_init(&again, 1 << 20);
    if (size > 65536 || !qmp_message_parse(&old, text, size, &why))
        goto out;
    check_texts(&old);

    require(!qmp_message_append_with_id(&old, new_id, strlen(new_id), &to));
    parse(&changed, &to);
    require(qmp_span_is_string(&changed, changed.id, "x123"));
    check_same(&old, &changed);

    require(!qmp_message_append_with_id(&old, NULL, 0, &without));
    parse(&bare, &without);
    require(!bare.id.len);
    check_same(&old, &bare);

    require(!qmp_message_append_with_id(&changed,
                                        qmp_span_text(&old, old.id),
                                        old.id.len, &again));
    parse(&back, &again);
    check_same(&old, &back);
    if (old.id.len)
        require(again.len == size && !memcmp(again.data, text, size));
    else
        require(!back.id.len);
out:
    qmp_buf_dispose(&to);
    qmp_buf_dispose(&without);
    qmp_buf_dispose(&again);
    free(text);
    return 0;
}
