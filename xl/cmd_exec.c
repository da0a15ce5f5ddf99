/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp exec and xl-qmp reset: one request, one answer.
 */
#include "files.h"
#include "tools/common/log.h"
#include "output.h"
#include "request.h"
#include "target.h"

#include <stdlib.h>

int cmd_exec(const struct options *options, int argc, char **argv)
{
    struct request request = { 0 };
    struct xlqmp_error error;
    char *json = NULL;
    xlqmp_ctx *ctx;
    int rc;

    if (argc < 3) {
        log_error("exec: %s; usage: xl-qmp exec DOMAIN COMMAND "
                  "[KEY=VALUE... | JSON]",
                  argc < 2 ? "no domain is given" : "no command is given");
        return XL_QMP_USAGE;
    }
    if (!request_arguments(&request, (size_t)argc - 3, argv + 3)) {
        log_error("exec: %s", request.why);
        return XL_QMP_USAGE;
    }
    rc = target_open(options, argv[1], &ctx);
    if (rc)
        goto out;
    files_warn(options, argv[1], argv[2]);
    if (!xlqmp_command(ctx, argv[2], request.arguments, options->timeout_ms,
                       &json, &error))
        rc = output_line(json) ? XL_QMP_OK : XL_QMP_CONNECTION;
    else
        rc = target_error(argv[1], argv[2], &error);
    free(json);
    xlqmp_close(ctx);
out:
    request_dispose(&request);
    return rc;
}

int cmd_reset(const struct options *options, int argc, char **argv)
{
    struct xlqmp_error error;
    xlqmp_ctx *ctx;
    int rc;

    if (argc != 2) {
        log_error("reset: %s; usage: xl-qmp reset DOMAIN",
                  argc < 2 ? "no domain is given" : "too many arguments");
        return XL_QMP_USAGE;
    }
    rc = target_open(options, argv[1], &ctx);
    if (rc)
        return rc;
    if (xlqmp_reset(ctx, options->timeout_ms, &error))
        rc = target_error(argv[1], "reset", &error);
    xlqmp_close(ctx);
    return rc;
}
