/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp: the administrator's command. Here: the command line up to the
 * command's name, and the options that all commands know. Those may also
 * stand behind the name of a command that has none of its own.
 */
#include "xl_qmp.h"

#include "config.h"
#include "tools/common/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than the helper waits for QEMU (30 s), so that its reason is
 * seen and not ours. */
#define TIMEOUT_DEFAULT_S 60
#define TIMEOUT_MAX_S     86400

static const char help[] =
"Usage: xl-qmp [OPTION]... COMMAND [ARGUMENT]...\n"
"\n"
"  exec DOMAIN COMMAND [KEY=VALUE... | JSON]\n"
"                                   send one QMP command, its arguments as\n"
"                                   KEY=VALUE, a.b=1 for {\"a\": {\"b\": 1}},\n"
"                                   or a JSON object; print what it returns\n"
"  batch [--repeat N] [--rate N] [--keep-going] DOMAIN [FILE]\n"
"                                   send the commands in FILE or on standard\n"
"                                   input, a line each, as for exec or in\n"
"                                   JSON: N times, N per second, to the end\n"
"                                   in spite of errors; latencies on stderr\n"
"  events DOMAIN [--filter PATTERN...]\n"
"                                   show events as they come, all or those\n"
"                                   whose names match, until interrupted\n"
"  reset DOMAIN                     begin a new QMP session (qmp_reset)\n"
"  shell DOMAIN                     commands typed one by one, and events\n"
"  consoles [DOMAIN] [--json] [--output=PATH] [--socket=PATH]\n"
"                                   what xenconsoled serves, as a table or\n"
"                                   JSON; to a file, replaced at once; its\n"
"                                   control socket is at PATH\n"
"  console DOMAIN NUMBER [--replace-escape] [--socket=PATH]\n"
"                                   use a console that xenconsoled serves;\n"
"                                   Ctrl-] detaches from it; ESC is shown\n"
"                                   as a dot\n"
"  stats [DOMAIN] [--openmetrics] [--output=PATH] [--socket=PATH]\n"
"                                   bytes per console and QMP per guest, as\n"
"                                   tables or as OpenMetrics text\n"
"  screenshot DOMAIN FILE           what the guest's display shows, as PNG\n"
"                                   (FILE.png; - is a pipe) or PPM (FILE.ppm)\n"
"  doctor                           is this host ready for stubdomains? A\n"
"                                   line each, with what to do\n"
"  create [-n] CONFIG [KEY=VALUE]...\n"
"                                   xl create, QEMU in a stubdomain: fills\n"
"                                   in the settings for xenqmp; -n,\n"
"                                   --dry-run prints the command; xl's own\n"
"                                   options may stand before CONFIG\n"
"\n"
"DOMAIN is a name, a number, a UUID, or any QMP server: unix:PATH,\n"
"tcp:HOST:PORT, tty:PATH.\n"
"\n"
"  -t, --timeout SECONDS  give up after this time (default 60)\n"
"  -v, --verbose          say what happens\n"
"  -h, --help\n"
"  -V, --version\n"
"\n"
"Exit status: 0; 1 the server answered with an error (on stderr, class and\n"
"description); 2 wrong usage or configuration; 3 no connection, connection\n"
"lost, no answer in time, or something missing on this host. create: xl's.\n";

static const struct {
    const char *name;
    command_fn *fn;
    bool own_options;           /* parses what begins with - itself */
} commands[] = {
    { "batch",    cmd_batch,    true },
    { "console",  cmd_console,  true },
    { "consoles", cmd_consoles, true },
    { "create",   cmd_create,   true },
    { "doctor",   cmd_doctor,   true },
    { "events",   cmd_events,   true },
    { "exec",     cmd_exec,     false },
    { "reset",    cmd_reset,    false },
    { "screenshot", cmd_screenshot, false },
    { "shell",    cmd_shell,    false },
    { "stats",    cmd_stats,    true },
};

static int usage_error(const char *what, const char *argument)
{
    log_error("%s%s%s; see xl-qmp --help", what, *argument ? " " : "",
              argument);
    return XL_QMP_USAGE;
}

static bool timeout_parse(const char *text, int *ms_r)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds > 0 && seconds <= TIMEOUT_MAX_S))
        return false;
    *ms_r = (int)(seconds * 1000);
    return true;
}

/* Parses the options at the beginning of argv[1...]. The exit code if
 * there is nothing more to do, else -1; optind is where it stopped. */
static int options_parse(struct options *options, int argc, char **argv)
{
    static const struct option longs[] = {
        { "timeout", required_argument, NULL, 't' },
        { "verbose", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    opterr = 0;
    optind = 0;
    while ((c = getopt_long(argc, argv, "+:t:vhV", longs, NULL)) != -1) {
        switch (c) {
        case 't':
            if (!timeout_parse(optarg, &options->timeout_ms))
                return usage_error("not a number of seconds:", optarg);
            break;
        case 'v':
            options->verbose = true;
            break;
        case 'h':
            fputs(help, stdout);
            return XL_QMP_OK;
        case 'V':
            printf("xl-qmp %s\n", XENQMP_VERSION);
            return XL_QMP_OK;
        case ':':
            return usage_error("a value is missing after",
                               argv[optind - 1]);
        default:
            return usage_error("unknown option", argv[optind - 1]);
        }
    }
    return -1;
}

static int command_run(struct options *options, size_t i, int argc,
                       char **argv)
{
    int rc;

    if (!commands[i].own_options) {
        rc = options_parse(options, argc, argv);
        if (rc >= 0)
            return rc;
        argv[optind - 1] = argv[0];
        argc -= optind - 1;
        argv += optind - 1;
    }
    if (options->verbose)
        options->logger = (xentoollog_logger *)
            xtl_createlogger_stdiostream(stderr, XTL_DEBUG, 0);
    rc = commands[i].fn(options, argc, argv);
    xtl_logger_destroy(options->logger);
    return rc;
}

int main(int argc, char **argv)
{
    struct options options = { .timeout_ms = TIMEOUT_DEFAULT_S * 1000 };
    int rc;

    log_open("xl-qmp", LOG_TO_STDERR, LOG_LEVEL_INFO);
    rc = options_parse(&options, argc, argv);
    if (rc >= 0)
        return rc;
    argc -= optind;
    argv += optind;
    if (!argc)
        return usage_error("no command is given", "");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (!strcmp(argv[0], commands[i].name))
            return command_run(&options, i, argc, argv);
    return usage_error("unknown command", argv[0]);
}
