/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: that of Xen's xenconsoled.
 */
#ifndef XENQMP_CONSOLE_GUEST_OPTIONS_H
#define XENQMP_CONSOLE_GUEST_OPTIONS_H

#include <stdbool.h>

struct options {
    bool verbose, interactive;
    bool log_guest, log_hv;
    bool time_guest, time_hv;
    bool keep;                  /* overflow-data=keep; Xen discards */
    bool replace_escape;
    const char *log_dir, *pid_file;
};

/* What main() is to do afterwards. */
enum options_result {
    OPTIONS_RUN,
    OPTIONS_DONE,               /* --help, --version: exit 0 */
    OPTIONS_WRONG,              /* one line on stderr: exit EINVAL */
};

enum options_result options_parse(struct options *options, int argc,
                                  char **argv);

#endif
