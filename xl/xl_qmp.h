/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp: what its commands share.
 *
 * Complaints go through log.h: one line each on stderr, printable.
 */
#ifndef XENQMP_XL_XL_QMP_H
#define XENQMP_XL_XL_QMP_H

#include <stdbool.h>

#include <xentoollog.h>

/* Exit codes; others rely on them. `create` ends with xl's own, if xl was
 * left to end by itself. */
enum {
    XL_QMP_OK = 0,
    XL_QMP_ERROR = 1,           /* the server answered with an error */
    XL_QMP_USAGE = 2,           /* wrong usage, or a wrong configuration */
    XL_QMP_CONNECTION = 3,      /* no connection, lost, no answer in time;
                                 * something the host lacks */
};

struct options {
    int timeout_ms;
    bool verbose;
    xentoollog_logger *logger;  /* NULL unless verbose */
};

/* argv[0] is the command's name; the options that all commands know are
 * gone. Returns the exit code. */
typedef int command_fn(const struct options *options, int argc,
                       char **argv);

command_fn cmd_console, cmd_consoles, cmd_doctor, cmd_stats;
command_fn cmd_batch, cmd_create, cmd_events, cmd_exec, cmd_reset,
           cmd_screenshot, cmd_shell;

#endif
