/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define LOG_DIR  "/var/log/xen/console"
#define PID_FILE "/run/xen/xenconsoled.pid"

static const char help[] =
"Usage: xenconsoled [OPTION]...\n"
"Serves the PV consoles of all domains.\n"
"\n"
"  -i, --interactive      stay in the foreground and log to stderr\n"
"  -v, --verbose          log more\n"
"      --log=WHAT         log consoles to files: none, guest, hv, all\n"
"      --log-dir=DIR      where [" LOG_DIR "]\n"
"  -t, --timestamp=WHAT   date their lines: none, guest, hv, all\n"
"      --pid-file=FILE    [" PID_FILE "]\n"
"  -o, --overflow-data=WHAT\n"
"                         when nobody reads a console: discard the oldest\n"
"                         output, or keep it and let the guest wait\n"
"                         [discard]\n"
"      --replace-escape   write '.' for ESC to the log files\n"
"  -h, --help\n"
"  -V, --version\n";

/* none, guest, hv, all. As with Xen's daemon, anything else changes
 * nothing: start scripts pass what an administrator wrote. */
static void which_parse(const char *text, bool *guest_r, bool *hv_r)
{
    bool all = !strcmp(text, "all");

    if (!strcmp(text, "none"))
        *guest_r = *hv_r = false;
    else if (all || !strcmp(text, "guest") || !strcmp(text, "hv")) {
        *guest_r |= all || !strcmp(text, "guest");
        *hv_r |= all || !strcmp(text, "hv");
    } else {
        fprintf(stderr, "xenconsoled: ignoring '%s': it is none of none, "
                "guest, hv, all\n", text);
    }
}

static void overflow_parse(const char *text, struct options *options)
{
    if (!strcmp(text, "keep"))
        options->keep = true;
    else if (!strcmp(text, "discard"))
        options->keep = false;
    else
        fprintf(stderr, "xenconsoled: ignoring '%s': it is neither keep "
                "nor discard\n", text);
}

enum options_result options_parse(struct options *options, int argc,
                                  char **argv)
{
    static const struct option longs[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { "verbose", no_argument, NULL, 'v' },
        { "interactive", no_argument, NULL, 'i' },
        { "log", required_argument, NULL, 'l' },
        { "log-dir", required_argument, NULL, 'r' },
        { "pid-file", required_argument, NULL, 'p' },
        { "timestamp", required_argument, NULL, 't' },
        { "overflow-data", required_argument, NULL, 'o' },
        { "replace-escape", no_argument, NULL, 'e' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    *options = (struct options){ .log_dir = LOG_DIR,
                                 .pid_file = PID_FILE };
    while ((c = getopt_long(argc, argv, "hVvit:o:", longs, NULL)) != -1)
        switch (c) {
        case 'h':
            fputs(help, stdout);
            return OPTIONS_DONE;
        case 'V':
            puts("xenconsoled of xenqmp " XENQMP_VERSION);
            return OPTIONS_DONE;
        case 'v': options->verbose = true; break;
        case 'i': options->interactive = true; break;
        case 'l':
            which_parse(optarg, &options->log_guest, &options->log_hv);
            break;
        case 'r': options->log_dir = optarg; break;
        case 'p': options->pid_file = optarg; break;
        case 't':
            which_parse(optarg, &options->time_guest, &options->time_hv);
            break;
        case 'o': overflow_parse(optarg, options); break;
        case 'e': options->replace_escape = true; break;
        default:
            /* getopt has said what is wrong. */
            return OPTIONS_WRONG;
        }
    return OPTIONS_RUN;
}
