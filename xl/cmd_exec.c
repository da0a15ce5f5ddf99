/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp exec and xl-qmp reset: one request, one answer.
 */
#include "log.h"
#include "qmp_json.h"
#include "qmp_message.h"
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As the server sent it, on one line. Line ends stand between tokens only.
 * A terminal gets nothing of a guest's that could steer it. */
static int print_json(char *json)
{
    bool terminal = isatty(STDOUT_FILENO);

    for (char *p = json; *p; p++) {
        unsigned char c = (unsigned char)*p;

        if (c < ' ')
            *p = ' ';
        else if (terminal && c >= 0x7f)
            *p = '?';
    }
    if (puts(json) < 0 || fflush(stdout)) {
        log_error("cannot write the reply: %m");
        return XL_QMP_CONNECTION;
    }
    return XL_QMP_OK;
}

/* Before anything is connected. Complains. */
static bool arguments_ok(const char *arguments)
{
    static const struct qmp_json_limits limits = {
        .depth = QMP_MESSAGE_DEPTH_MAX,
        .tokens = QMP_MESSAGE_TOKENS_MAX,
    };
    const char *why = "not an object";

    if (qmp_json_check(arguments, strlen(arguments), &limits, &why)) {
        if (arguments[strspn(arguments, " \t\r\n")] == '{')
            return true;
        why = "not an object";
    }
    log_error("exec: the arguments are %s; they must be one JSON object, "
              "as in '{\"id\": \"net0\"}'", why);
    return false;
}

int cmd_exec(const struct options *options, int argc, char **argv)
{
    char *json = NULL;
    struct xlqmp_error error;
    xlqmp_ctx *ctx;
    int rc;

    if (argc < 3 || argc > 4) {
        log_error("exec: %s; usage: xl-qmp exec DOMAIN COMMAND [ARGUMENTS]",
                  argc < 2 ? "no domain is given" :
                  argc < 3 ? "no command is given" : "too many arguments");
        return XL_QMP_USAGE;
    }
    if (argc == 4 && !arguments_ok(argv[3]))
        return XL_QMP_USAGE;
    rc = target_open(options, argv[1], &ctx);
    if (rc)
        return rc;
    if (!xlqmp_command(ctx, argv[2], argv[3], options->timeout_ms, &json,
                       &error))
        rc = print_json(json);
    else
        rc = target_error(argv[1], argv[2], &error);
    free(json);
    xlqmp_close(ctx);
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
