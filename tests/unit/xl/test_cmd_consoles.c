/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/cmd_consoles.c: which domains it asks xenconsoled for, and how it
 * prints them. test_xl_qmp.c has the same from the command line. */
#include "xl/consoled.h"
#include "xl/host.h"
#include "libxl/client/libxl_qmp.h"
#include "xl/xl_qmp.h"

#include <fcntl.h>

#include "tools/common/log.h"
#include "tap.h"

/* A host with guest 5, whose stubdomain is 6, and guest 7, without. */
static bool no_xen;

bool host_open(struct host *host)
{
    (void)host;
    return !no_xen;
}

void host_dispose(struct host *host)
{
    (void)host;
}

enum host_found host_find(struct host *host, const char *name,
                          uint32_t *domid_r)
{
    if (!host_open(host))
        return HOST_NO_XEN;
    *domid_r = !strcmp(name, "guest") ? 5 : 7;
    return !strcmp(name, "nobody") ? HOST_NO_DOMAIN : HOST_FOUND;
}

char *host_domain_name(struct host *host, uint32_t domid)
{
    (void)domid;
    return host_open(host) ? strdup("na\033me") : NULL;
}

bool host_stubdom(struct host *host, uint32_t domid, uint32_t *domid_r)
{
    *domid_r = 6;
    return host_open(host) && domid == 5;
}

static enum stubdom_state six_is = STUBDOM_RUNS;

enum stubdom_state host_state(struct host *host, uint32_t domid)
{
    (void)host;
    return domid == 6 ? six_is : STUBDOM_RUNS;
}

bool host_domains(struct host *host, host_domain_fn *fn, void *data)
{
    for (uint32_t domid = 5; host_open(host) && domid < 8; domid++)
        fn(domid, data);
    return host_open(host);
}

/* qmp-helper of guest 5. */
static bool silent, shown;

int xlqmp_open_domain(struct xentoollog_logger *logger, uint32_t domid,
                      int timeout_ms, xlqmp_ctx **ctx_r,
                      struct xlqmp_error *error_r)
{
    (void)logger, (void)timeout_ms, (void)error_r;
    check_int(domid, 5);
    check(shown);
    *ctx_r = (xlqmp_ctx *)&silent;
    return silent ? XLQMP_ERROR_LOST : XLQMP_OK;
}

int xlqmp_command(xlqmp_ctx *ctx, const char *command,
                  const char *arguments, int timeout_ms,
                  char **return_json_r, struct xlqmp_error *error_r)
{
    (void)ctx, (void)command, (void)arguments, (void)timeout_ms;
    (void)error_r;
    *return_json_r = strdup("{\"up\": true, \"display\": {\"viewers\": 2}}");
    return XLQMP_OK;
}

void xlqmp_close(xlqmp_ctx *ctx)
{
    (void)ctx;
}

/* xenconsoled, which serves the consoles of 6 and 7. */
static char asked[256];
static bool away, lost;
static int closed;

int consoled_open(struct consoled *consoled, const char *path,
                  int timeout_ms)
{
    (void)consoled;
    check_int(timeout_ms, 99);
    snprintf(asked, sizeof(asked), "%s:", path);
    return away ? -1 : 0;
}

void consoled_close(struct consoled *consoled)
{
    (void)consoled;
    closed++;
}

int consoled_request(struct consoled *consoled, const char *request,
                     consoled_line_fn *fn, void *data, char *text_r,
                     size_t size)
{
    char six[] = "domid=6 console=0 type=xenconsoled output=pty tty=/t "
                 "received=5";
    char qmp[] = "domid=6 console=3 output=unix:/run/xenqmp/6/console-3";
    char display[] = "domid=6 console=8 output=unix:/run/xenqmp/6/console-8";
    char seven[] = "domid=7 console=0 attached=1";

    (void)consoled;
    snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked), " %s,",
             request);
    if (lost)
        return -1;
    if (!strcmp(request, "list 5")) {
        snprintf(text_r, size, "no such domain");
        return 1;
    }
    if (strcmp(request, "list 7"))
        fn(six, data);
    if (shown) {
        fn(qmp, data);
        fn(display, data);
    }
    if (strcmp(request, "list 6"))
        fn(seven, data);
    return 0;
}

void consoled_decode(char *value)
{
    (void)value;
}

static char printed[2048], complaint[512];

static void take(int fd, char *text, size_t size)
{
    ssize_t n = read(fd, text, size - 1);

    text[n < 0 ? 0 : n] = '\0';
}

static int run(char *const args[])
{
    static const struct options options = { .timeout_ms = 99 };
    int argc = 0, out[2], err[2], saved = dup(STDOUT_FILENO), rc;

    while (args[argc])
        argc++;
    check(!pipe2(out, O_NONBLOCK) && !pipe2(err, O_NONBLOCK));
    fflush(stdout);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_WARN);
    rc = cmd_consoles(&options, argc, (char **)args);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    take(out[0], printed, sizeof(printed));
    take(err[0], complaint, sizeof(complaint));
    return rc;
}

#define RUN(...) run((char *[]){ "consoles", __VA_ARGS__ __VA_OPT__(,) NULL })

TEST(all_are_asked_for_at_xenconsoleds_own_socket)
{
    check_int(RUN(), XL_QMP_OK);
    check_str(asked, CONSOLED_SOCKET ": list,");
    check_int(closed, 1);
    check_str(printed,
        "ID  DOMAIN  CONSOLE  USE  TYPE         STATE  OUTPUT  RECEIVED  "
        "SENT  DROPPED\n"
        " 6  na?me         0  -    xenconsoled  -      pty:/t         5  "
        "   0        0\n"
        " 7  na?me         0  -    -            -      -              0  "
        "   0        0\n");
}

TEST(a_guests_rows_include_its_stubdomains)
{
    check_int(RUN("guest", "--socket=/s"), XL_QMP_OK);
    check_str(asked, "/s: list 5, list 6,");
    check(strstr(printed, " 6 ") && !strstr(printed, " 7 "));
    check_int(RUN("7"), XL_QMP_OK);
    check(strstr(asked, ": list 7,"));
    check(strstr(printed, " 7 ") && !strstr(printed, " 6 "));
}

TEST(a_number_needs_no_xen)
{
    no_xen = true;
    check_int(RUN("6"), XL_QMP_OK);
    check(strstr(asked, ": list 6,"));
    check(strstr(printed, " 6  -  "));
    check_int(RUN("5"), XL_QMP_CONNECTION);
    check_str(complaint, "test: xenconsoled: no such domain\n");
    check_int(RUN("guest"), XL_QMP_CONNECTION);
    check(strstr(complaint, "cannot talk to Xen to find domain guest"));
    check_int(RUN("4294967296"), XL_QMP_CONNECTION);
    check(strstr(complaint, "cannot talk to Xen"));
}

TEST(a_domain_that_is_not_there_is_one_line)
{
    check_int(RUN("nobody"), XL_QMP_CONNECTION);
    check_str(complaint, "test: there is no domain nobody; xl list shows "
              "those that run\n");
    check_int(closed, 1);
    check_str(printed, "");
}

TEST(a_domain_that_does_not_run_says_so)
{
    six_is = STUBDOM_CRASHED;
    check_int(RUN("guest"), XL_QMP_OK);
    check(strstr(printed, " 6  na?me (crashed)        0  "));
    check_str(complaint, "");
    check_int(RUN("guest", "--json"), XL_QMP_OK);
    check(strstr(printed, "\", \"domain-state\": \"crashed\", "));
    six_is = STUBDOM_DESTROYED;
    check_int(RUN("guest"), XL_QMP_OK);
    check_str(complaint, "test: domain guest: its stubdomain, domain 6, has "
              "been destroyed, and its consoles with it: xl destroy it, and "
              "create it again\n");
}

TEST(json_has_numbers_flags_and_null)
{
    no_xen = true;
    check_int(RUN("--json"), XL_QMP_OK);
    check(strstr(printed, "\n  {\"domain\": null, \"domain-state\": "
                 "\"running\", \"use\": \"\", \"domid\": 6, \"console\": 0, \"name\": \"\", "));
    check(strstr(printed, "\"received\": 5, "));
    check(strstr(printed, "\"attached\": false},\n"));
    check(strstr(printed, "\"attached\": true}\n]\n"));
}

TEST(a_daemon_that_is_away_or_leaves_prints_nothing)
{
    away = true;
    check_int(RUN(), XL_QMP_CONNECTION);
    check_int(closed, 0);
    away = false;
    lost = true;
    check_int(RUN("guest"), XL_QMP_CONNECTION);
    check_str(printed, "");
    check_int(closed, 1);
}

TEST(wrong_usage_is_found_before_the_daemon_is_asked)
{
    check_int(RUN("--yaml"), XL_QMP_USAGE);
    check(strstr(complaint, "unknown option --yaml; usage: "));
    check_int(RUN("a", "b"), XL_QMP_USAGE);
    check(strstr(complaint, "what is b; usage: "));
    check_int(RUN(""), XL_QMP_USAGE);
    check_str(asked, "");
}

TEST(a_display_has_viewers)
{
    shown = true;
    check_int(RUN("guest"), XL_QMP_OK);
    check(strstr(printed, "  display (2 look)  "));
    check_int(RUN("guest", "--json"), XL_QMP_OK);
    check(strstr(printed, "\"use\": \"display\", \"viewers\": 2, "));
    check(!strstr(printed, "\"use\": \"QMP\", \"viewers\""));
    silent = true;
    check_int(RUN("guest"), XL_QMP_OK);
    check(strstr(printed, "  display  "));
    check(!strstr(printed, "look"));
}

TAP_MAIN()
