/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listing.h"

#include "domid.h"
#include "tools/common/log.h"
#include "replace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* unknown_ok: a domain without consoles is no error. */
static int ask_one(struct consoled *consoled, const struct listing *listing,
                   const uint32_t *domid, bool unknown_ok, void *data)
{
    char line[32], text[256];
    int r;

    if (domid)
        snprintf(line, sizeof(line), "%s %" PRIu32, listing->request,
                 *domid);
    else
        snprintf(line, sizeof(line), "%s", listing->request);
    r = consoled_request(consoled, line, listing->add, data, text,
                         sizeof(text));
    if (r == 1 && unknown_ok)
        return 0;
    if (r == 1)
        log_error("xenconsoled: %s", text);
    return r ? -1 : 0;
}

/* domain: NULL for all. -1: complained. */
static int ask(const struct listing *listing, struct consoled *consoled,
               struct host *host, const char *domain, void *data)
{
    uint32_t domid, stubdom;

    if (!domain)
        return ask_one(consoled, listing, NULL, false, data);
    if (domid_find(host, domain, &domid))
        return -1;
    if (!host_stubdom(host, domid, &stubdom))
        return ask_one(consoled, listing, &domid, false, data);
    if (ask_one(consoled, listing, &domid, true, data))
        return -1;
    if (host_state(host, stubdom) == STUBDOM_DESTROYED)
        log_warn("domain %s: its stubdomain, domain %" PRIu32 ", %s, and its "
                 "consoles with it: xl destroy it, and create it again",
                 domain, stubdom, stubdom_state_text(STUBDOM_DESTROYED));
    return ask_one(consoled, listing, &stubdom, true, data);
}

/* To a file, or (NULL) to standard output. The exit code. */
static int print(const struct qmp_buf *text, const char *output)
{
    if (output) {
        if (!replace_file(output, text->data, text->len))
            return XL_QMP_OK;
        log_error("cannot write %s: %m", output);
        return XL_QMP_CONNECTION;
    }
    if (fwrite(text->data, 1, text->len, stdout) == text->len &&
        !fflush(stdout))
        return XL_QMP_OK;
    log_error("cannot write the list: %m");
    return XL_QMP_CONNECTION;
}

int listing_command(const struct listing *listing,
                    const struct options *options, int argc, char **argv,
                    void *data)
{
    struct host host = { .logger = options->logger };
    const char *domain = NULL, *path = CONSOLED_SOCKET, *output = NULL;
    struct consoled consoled;
    struct qmp_buf text;
    bool other_form = false;
    int rc = XL_QMP_CONNECTION;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], listing->option)) {
            other_form = true;
        } else if (!strncmp(argv[i], "--socket=", 9)) {
            path = argv[i] + 9;
        } else if (!strncmp(argv[i], "--output=", 9)) {
            output = argv[i] + 9;
        } else if (*argv[i] == '-' || domain || !*argv[i]) {
            log_error("%s: %s %s; usage: xl-qmp %s [DOMAIN] [%s] "
                      "[--output=PATH] [--socket=PATH]", listing->name, *argv[i] == '-' ?
                      "unknown option" : "what is", argv[i],
                      listing->name, listing->option);
            return XL_QMP_USAGE;
        } else {
            domain = argv[i];
        }
    }
    if (consoled_open(&consoled, path, options->timeout_ms))
        return rc;
    qmp_buf_init(&text, SIZE_MAX / 4);
    if (!ask(listing, &consoled, &host, domain, data)) {
        if (listing->write(&text, data, other_form, &host))
            rc = print(&text, output);
        else
            log_error("%s: out of memory", listing->name);
    }
    qmp_buf_dispose(&text);
    host_dispose(&host);
    consoled_close(&consoled);
    return rc;
}
