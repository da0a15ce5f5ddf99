/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listing.h"

#include "domid.h"
#include "log.h"
#include "xl_qmp.h"

#include <inttypes.h>
#include <stdio.h>

/* unknown_ok: a domain without consoles is no error. */
static int ask_one(struct consoled *consoled, const char *request,
                   const uint32_t *domid, bool unknown_ok,
                   consoled_line_fn *fn, void *data)
{
    char line[32], text[256];
    int r;

    if (domid)
        snprintf(line, sizeof(line), "%s %" PRIu32, request, *domid);
    else
        snprintf(line, sizeof(line), "%s", request);
    r = consoled_request(consoled, line, fn, data, text, sizeof(text));
    if (r == 1 && unknown_ok)
        return 0;
    if (r == 1)
        log_error("xenconsoled: %s", text);
    return r ? -1 : 0;
}

int listing_ask(struct consoled *consoled, struct host *host,
                const char *request, const char *domain,
                consoled_line_fn *fn, void *data)
{
    uint32_t domid, stubdom;

    if (!domain)
        return ask_one(consoled, request, NULL, false, fn, data);
    if (domid_find(host, domain, &domid))
        return -1;
    if (!host_stubdom(host, domid, &stubdom))
        return ask_one(consoled, request, &domid, false, fn, data);
    if (ask_one(consoled, request, &domid, true, fn, data))
        return -1;
    return ask_one(consoled, request, &stubdom, true, fn, data);
}

int listing_print(const struct qmp_buf *text)
{
    if (fwrite(text->data, 1, text->len, stdout) == text->len &&
        !fflush(stdout))
        return XL_QMP_OK;
    log_error("cannot write the list: %m");
    return XL_QMP_CONNECTION;
}
