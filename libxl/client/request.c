/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/qmp/json.h"
#include "libxl/qmp/message.h"

/* Two quotes, a nonce (client/session.c: 17 bytes), a hyphen, 20 digits. */
#define ID_SIZE 64

static void request_free(struct xlqmp_request *request)
{
    free(request->text);
    free(request->return_json);
    free(request);
}

/* Takes the request that *at points to off the list. */
static struct xlqmp_request *unlink_at(struct xlqmp_requests *list,
                                       struct xlqmp_request **at)
{
    struct xlqmp_request *request = *at;

    *at = request->next;
    request->next = NULL;
    list->n--;
    return request;
}

void xlqmp_requests_dispose(struct xlqmp_requests *list)
{
    while (list->first)
        request_free(unlink_at(list, &list->first));
}

/* Appends arguments, which must be one JSON object. Control characters
 * stand between its tokens only and become spaces: on a console some of
 * them mean something. */
static int append_arguments(struct qmp_buf *text, const char *arguments)
{
    static const struct qmp_json_limits limits = {
        .depth = QMP_MESSAGE_DEPTH_MAX - 1,
        .tokens = QMP_MESSAGE_TOKENS_MAX - 8,
    };
    size_t n = strlen(arguments);
    const char *why;
    char *copy;

    if (n > XLQMP_COMMAND_MAX ||
        arguments[strspn(arguments, " \t\r\n")] != '{' ||
        !qmp_json_check(arguments, n, &limits, &why))
        return XLQMP_ERROR_INVAL;
    if (qmp_buf_printf(text, ",\"arguments\":"))
        return XLQMP_ERROR_NOMEM;
    copy = qmp_buf_reserve(text, n);
    if (!copy)
        return XLQMP_ERROR_NOMEM;
    for (size_t i = 0; i < n; i++)
        copy[i] = (unsigned char)arguments[i] < ' ' ? ' ' : arguments[i];
    qmp_buf_commit(text, n);
    return XLQMP_OK;
}

/* {"execute":"...","arguments":{...} without the end. */
static int compose(struct qmp_buf *text, const char *command,
                   const char *arguments)
{
    if (!*command || strlen(command) > QMP_ID_MAX)
        return XLQMP_ERROR_INVAL;
    if (qmp_buf_printf(text, "{\"execute\":") ||
        qmp_json_append_string(text, command))
        return XLQMP_ERROR_NOMEM;
    return arguments ? append_arguments(text, arguments) : XLQMP_OK;
}

int xlqmp_requests_add(struct xlqmp_requests *list, const char *command,
                       const char *arguments, int64_t deadline_ms,
                       xlqmp_reply_fn *fn, void *user, uint64_t *handle_r)
{
    struct xlqmp_request *request, **end = &list->first;
    struct qmp_buf text;
    int rc = XLQMP_OK;

    /* Room for the escapes and for what stands around the arguments. */
    qmp_buf_init(&text, 2 * XLQMP_COMMAND_MAX);
    request = calloc(1, sizeof(*request));
    if (!request) {
        rc = XLQMP_ERROR_NOMEM;
        goto out;
    }
    if (command)
        rc = compose(&text, command, arguments);
    if (!rc && text.len > XLQMP_COMMAND_MAX)
        rc = XLQMP_ERROR_INVAL;
    if (!rc && list->n >= XLQMP_COMMANDS_MAX)
        rc = XLQMP_ERROR_BUSY;
    if (!rc && command) {
        request->text = malloc(text.len);
        if (!request->text)
            rc = XLQMP_ERROR_NOMEM;
        else
            memcpy(request->text, text.data, text.len);
        request->text_len = text.len;
    }
    if (rc)
        goto out;

    request->handle = ++list->last_handle;
    request->for_ready = !command;
    request->deadline_ms = deadline_ms;
    request->fn = fn;
    request->user = user;
    while (*end)
        end = &(*end)->next;
    *end = request;
    list->n++;
    if (handle_r)
        *handle_r = request->handle;
out:
    if (rc && request)
        request_free(request);
    qmp_buf_dispose(&text);
    return rc;
}

bool xlqmp_requests_cancel(struct xlqmp_requests *list, uint64_t handle)
{
    struct xlqmp_request **at = &list->first;

    while (*at && (*at)->handle != handle)
        at = &(*at)->next;
    if (!*at)
        return false;
    request_free(unlink_at(list, at));
    return true;
}

/* The id of a request, as JSON. */
static size_t format_id(const struct xlqmp_request *request,
                        const char *nonce, char id_r[ID_SIZE])
{
    return (size_t)snprintf(id_r, ID_SIZE, "\"%s-%" PRIu64 "\"", nonce,
                            request->handle);
}

int xlqmp_request_append(const struct xlqmp_request *request,
                         const char *nonce, struct qmp_buf *out)
{
    size_t before = out->len;
    char id[ID_SIZE];

    format_id(request, nonce, id);
    if (qmp_buf_append(out, request->text, request->text_len) ||
        qmp_buf_printf(out, ",\"id\":%s}\r\n", id)) {
        out->len = before;
        return -1;
    }
    return 0;
}

struct xlqmp_request *
xlqmp_requests_by_id(const struct xlqmp_requests *list, const char *nonce,
                     const char *id, size_t n)
{
    char own[ID_SIZE];

    for (struct xlqmp_request *r = list->first; r; r = r->next)
        if (r->state == XLQMP_REQUEST_SENT &&
            format_id(r, nonce, own) == n && !memcmp(own, id, n))
            return r;
    return NULL;
}

unsigned int xlqmp_requests_sent(const struct xlqmp_requests *list)
{
    unsigned int n = 0;

    for (const struct xlqmp_request *r = list->first; r; r = r->next)
        n += r->state == XLQMP_REQUEST_SENT;
    return n;
}

struct xlqmp_request *
xlqmp_requests_first_sent(const struct xlqmp_requests *list)
{
    struct xlqmp_request *r = list->first;

    while (r && r->state != XLQMP_REQUEST_SENT)
        r = r->next;
    return r;
}

int64_t xlqmp_requests_deadline(const struct xlqmp_requests *list)
{
    int64_t deadline = XLQMP_NEVER;

    for (const struct xlqmp_request *r = list->first; r; r = r->next) {
        if (r->state == XLQMP_REQUEST_DONE)
            return 0;
        if (r->deadline_ms < deadline)
            deadline = r->deadline_ms;
    }
    return deadline;
}

void xlqmp_request_succeed(struct xlqmp_request *request,
                           const char *return_json, size_t n)
{
    struct xlqmp_error none = { .rc = XLQMP_OK };

    if (return_json) {
        request->return_json = malloc(n + 1);
        if (!request->return_json) {
            none.rc = XLQMP_ERROR_NOMEM;
            none.maybe_executed = true;
            strcpy(none.desc, "no memory for the reply");
        } else {
            memcpy(request->return_json, return_json, n);
            request->return_json[n] = '\0';
        }
    }
    request->error = none;
    request->state = XLQMP_REQUEST_DONE;
}

void xlqmp_request_fail(struct xlqmp_request *request,
                        const struct xlqmp_error *error)
{
    request->error = *error;
    request->state = XLQMP_REQUEST_DONE;
}

void xlqmp_requests_deliver(struct xlqmp_requests *list, xlqmp_ctx *ctx)
{
    struct xlqmp_request **at = &list->first, *request;

    while (*at) {
        if ((*at)->state != XLQMP_REQUEST_DONE) {
            at = &(*at)->next;
            continue;
        }
        request = unlink_at(list, at);
        if (request->fn)
            request->fn(ctx, request->error.rc, request->return_json,
                        &request->error, request->user);
        request_free(request);
        /* The callback may have changed the list anywhere. */
        at = &list->first;
    }
}
