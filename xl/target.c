/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target.h"

#include "host.h"
#include "tools/common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Any QMP server's address, as the library knows it. */
static bool is_address(const char *name)
{
    static const char *const kinds[] = { "unix:", "tcp:", "tty:" };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strncmp(name, kinds[i], strlen(kinds[i])))
            return true;
    return false;
}

/* One line for people. */
struct complaint {
    char text[1400];
};

__attribute__((format(printf, 3, 4)))
static int fail(struct complaint *why, int rc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why->text, sizeof(why->text), fmt, ap);
    va_end(ap);
    return rc;
}

static int open_address(const struct options *options, const char *address,
                        int timeout_ms, xlqmp_ctx **ctx_r,
                        struct complaint *why)
{
    struct xlqmp_error error;

    switch (xlqmp_open(options->logger, address, timeout_ms, ctx_r,
                       &error)) {
    case XLQMP_OK:
        return XL_QMP_OK;
    case XLQMP_ERROR_INVAL:
        return fail(why, XL_QMP_USAGE, "%s", error.desc);
    default:
        return fail(why, XL_QMP_CONNECTION, "cannot connect to %s; is a QMP "
                    "server listening there?", error.desc);
    }
}

/* Why a domain has no QMP server. */
static int fail_domain(struct host *host, const char *name, uint32_t domid,
                       const char *desc, struct complaint *why)
{
    const char *how = NULL;
    uint32_t stubdom;

    if (host_stubdom(host, domid, &stubdom))
        how = stubdom_state_text(host_state(host, stubdom));
    if (how)
        return fail(why, XL_QMP_CONNECTION, "domain %s has no QMP server: "
                    "its stubdomain, domain %u, %s: xl destroy %s, and "
                    "create it again", name, stubdom, how, name);
    return fail(why, XL_QMP_CONNECTION, "domain %s has no QMP server (%s); "
                "if its QEMU should run in a stubdomain, create it with "
                "xl-qmp create", name, desc);
}

static int open_domain(const struct options *options, const char *name,
                       int timeout_ms, xlqmp_ctx **ctx_r,
                       struct complaint *why)
{
    struct host host = { .logger = options->logger };
    struct xlqmp_error error;
    uint32_t domid = 0;
    int rc = XL_QMP_OK;

    switch (host_find(&host, name, &domid)) {
    case HOST_NO_XEN:
        rc = fail(why, XL_QMP_CONNECTION, "cannot talk to Xen to find domain "
                  "%s; run this as root in dom0, or name the server as "
                  "unix:PATH", name);
        break;
    case HOST_NO_DOMAIN:
        rc = fail(why, XL_QMP_CONNECTION, "there is no domain %s; xl list "
                  "shows those that run", name);
        break;
    case HOST_FOUND:
        if (xlqmp_open_domain(options->logger, domid, timeout_ms, ctx_r,
                              &error))
            rc = fail_domain(&host, name, domid, error.desc, why);
    }
    host_dispose(&host);
    return rc;
}

static int open_any(const struct options *options, const char *name,
                    int timeout_ms, xlqmp_ctx **ctx_r,
                    struct complaint *why)
{
    if (is_address(name))
        return open_address(options, name, timeout_ms, ctx_r, why);
    if (!*name)
        return fail(why, XL_QMP_USAGE, "the domain's name is empty; see "
                    "xl-qmp --help");
    return open_domain(options, name, timeout_ms, ctx_r, why);
}

int target_open(const struct options *options, const char *name,
                xlqmp_ctx **ctx_r)
{
    struct complaint why;
    int rc = open_any(options, name, options->timeout_ms, ctx_r, &why);

    if (rc)
        log_error("%s", why.text);
    return rc;
}

int target_try(const struct options *options, const char *name,
               int timeout_ms, xlqmp_ctx **ctx_r)
{
    struct complaint why;

    return open_any(options, name, timeout_ms, ctx_r, &why);
}

int target_error(const char *name, const char *what,
                 const struct xlqmp_error *error)
{
    if (error->rc == XLQMP_ERROR_QMP) {
        log_error("%s: %s", error->error_class, error->desc);
        return XL_QMP_ERROR;
    }
    log_error("%s: %s%s%s%s", name, what ? what : "", what ? ": " : "",
              error->desc, error->maybe_executed ?
              "; it may have been executed" : "");
    return error->rc == XLQMP_ERROR_INVAL ? XL_QMP_USAGE :
           XL_QMP_CONNECTION;
}
