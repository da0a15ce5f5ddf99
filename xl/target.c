/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target.h"

#include "host.h"
#include "log.h"

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

static int open_address(const struct options *options, const char *address,
                        xlqmp_ctx **ctx_r)
{
    struct xlqmp_error error;

    switch (xlqmp_open(options->logger, address, options->timeout_ms, ctx_r,
                       &error)) {
    case XLQMP_OK:
        return XL_QMP_OK;
    case XLQMP_ERROR_INVAL:
        log_error("%s", error.desc);
        return XL_QMP_USAGE;
    default:
        log_error("cannot connect to %s; is a QMP server listening there?",
                  error.desc);
        return XL_QMP_CONNECTION;
    }
}

static int open_domain(const struct options *options, const char *name,
                       xlqmp_ctx **ctx_r)
{
    struct host host = { .logger = options->logger };
    struct xlqmp_error error;
    enum host_found found;
    uint32_t domid = 0;

    found = host_find(&host, name, &domid);
    host_dispose(&host);
    switch (found) {
    case HOST_NO_XEN:
        log_error("cannot talk to Xen to find domain %s; run this as root "
                  "in dom0, or name the server as unix:PATH", name);
        return XL_QMP_CONNECTION;
    case HOST_NO_DOMAIN:
        log_error("there is no domain %s; xl list shows those that run",
                  name);
        return XL_QMP_CONNECTION;
    case HOST_FOUND:
        break;
    }
    if (xlqmp_open_domain(options->logger, domid, options->timeout_ms,
                          ctx_r, &error)) {
        log_error("domain %s has no QMP server (%s); if its QEMU should run "
                  "in a stubdomain, create it with xl-qmp create", name,
                  error.desc);
        return XL_QMP_CONNECTION;
    }
    return XL_QMP_OK;
}

int target_open(const struct options *options, const char *name,
                xlqmp_ctx **ctx_r)
{
    if (is_address(name))
        return open_address(options, name, ctx_r);
    if (!*name) {
        log_error("the domain's name is empty; see xl-qmp --help");
        return XL_QMP_USAGE;
    }
    return open_domain(options, name, ctx_r);
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
