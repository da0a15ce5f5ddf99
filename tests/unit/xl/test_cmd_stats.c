/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/cmd_stats.c: the daemon's counts as a table and as OpenMetrics. */
#include "xl/consoled.h"
#include "xl/host.h"
#include "xl/sessions.h"
#include "libxl/client/libxl_qmp.h"
#include "xl/xl_qmp.h"

#include <fcntl.h>

#include "tools/common/log.h"
#include "tap.h"

/* Guest 5, whose stubdomain is 6; its name is meant badly. */
void host_dispose(struct host *host)
{
    (void)host;
}

enum host_found host_find(struct host *host, const char *name,
                          uint32_t *domid_r)
{
    (void)host, (void)name;
    *domid_r = 5;
    return HOST_FOUND;
}

char *host_domain_name(struct host *host, uint32_t domid)
{
    (void)host;
    return domid == 5 ? strdup("a\"\\\n}\377") : NULL;
}

bool host_stubdom(struct host *host, uint32_t domid, uint32_t *domid_r)
{
    (void)host;
    *domid_r = 6;
    return domid == 5;
}

enum stubdom_state host_state(struct host *host, uint32_t domid)
{
    (void)host;
    (void)domid;
    return STUBDOM_RUNS;
}

bool host_domains(struct host *host, host_domain_fn *fn, void *data)
{
    (void)host;
    fn(0, data);
    fn(5, data);
    fn(6, data);
    fn(7, data);
    return true;
}

/* --- qmp-helper of guest 5 -------------------------------------------- */

static bool silent, down, shown;

int xlqmp_open_domain(struct xentoollog_logger *logger, uint32_t domid,
                      int timeout_ms, xlqmp_ctx **ctx_r,
                      struct xlqmp_error *error_r)
{
    (void)logger, (void)error_r;
    check_int(domid, 5);
    check_int(timeout_ms, 99);
    *ctx_r = (xlqmp_ctx *)&silent;
    return silent ? XLQMP_ERROR_LOST : XLQMP_OK;
}

int xlqmp_command(xlqmp_ctx *ctx, const char *command,
                  const char *arguments, int timeout_ms,
                  char **return_json_r, struct xlqmp_error *error_r)
{
    (void)error_r;
    check(ctx && !arguments && timeout_ms == 99);
    check_str(command, "__xenqmp_query-stats");
    check(asprintf(return_json_r, "{\"up\": %s, \"clients\": 1, "
                   "\"commands\": 18446744073709551615, \"errors\": 3, "
                   "\"failures\": 4, \"events\": 5, \"events-lost\": 6, "
                   "\"sessions\": 7%s}", down ? "false" : "true",
                   !shown ? "" : ", \"display\": {\"viewers\": 2, "
                   "\"viewers-looked\": 9, \"viewers-refused\": 8, "
                   "\"bytes-to-viewers\": 70000, "
                   "\"bytes-from-viewers\": 60}") > 0);
    return XLQMP_OK;
}

void xlqmp_close(xlqmp_ctx *ctx)
{
    check(ctx != NULL);
}

/* --- xenconsoled ------------------------------------------------------ */

static char asked[128];
static bool lost;

int consoled_open(struct consoled *consoled, const char *path,
                  int timeout_ms)
{
    (void)consoled, (void)timeout_ms;
    snprintf(asked, sizeof(asked), "%s:", path);
    return 0;
}

void consoled_close(struct consoled *consoled)
{
    (void)consoled;
}

int consoled_request(struct consoled *consoled, const char *request,
                     consoled_line_fn *fn, void *data, char *text_r,
                     size_t size)
{
    char five[] = "domid=5 console=0 state=serving written=10 delivered=1 "
                  "dropped=2 buffered=3 ring=4 sent=18446744073709551615 "
                  "later=7";
    char six[] = "domid=6 console=3 state=waiting written=0";

    (void)consoled, (void)text_r, (void)size;
    snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked), " %s,",
             request);
    fn(five, data);
    fn(six, data);
    return lost ? -1 : 0;
}

static char printed[8192];

static int run(char *const args[])
{
    static const struct options options = { .timeout_ms = 99 };
    int argc = 0, out[2], saved = dup(STDOUT_FILENO), rc;
    ssize_t n;

    while (args[argc])
        argc++;
    check(!pipe2(out, O_NONBLOCK));
    fflush(stdout);
    dup2(out[1], STDOUT_FILENO);
    rc = cmd_stats(&options, argc, (char **)args);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    n = read(out[0], printed, sizeof(printed) - 1);
    printed[n < 0 ? 0 : n] = '\0';
    return rc;
}

#define RUN(...) run((char *[]){ "stats", __VA_ARGS__ __VA_OPT__(,) NULL })

TEST(a_table_has_all_counts)
{
    check_int(RUN(), XL_QMP_OK);
    check_str(asked, CONSOLED_SOCKET ": stats,");
    check_str(printed,
        "   ID  DOMAIN  CONSOLE  STATE          WRITTEN     DELIVERED"
        "       DROPPED      BUFFERED          RING          SENT\n"
        "    5  a\"\\?}?        0  serving             10             1"
        "             2             3             4  "
        "18446744073709551615\n"
        "    6  -             3  waiting              0             0"
        "             0             0             0             0\n"
        "\n"
        "   ID  DOMAIN  QMP       CLIENTS   COMMANDS     ERRORS   FAILURES"
        "     EVENTS       LOST   SESSIONS    REFUSED\n"
        "    5  a\"\\?}?  up              1  18446744073709551615          3"
        "          4          5          6          7          0\n");
}

TEST(a_helper_is_up_down_or_silent)
{
    down = true;
    check_int(RUN(), XL_QMP_OK);
    check(strstr(printed, "\n    5  a\"\\?}?  down            1  1844"));
    check_int(RUN("--openmetrics"), XL_QMP_OK);
    check(strstr(printed, "\nxenqmp_qmp_up{domid=\"5\",name=\"a\\\"\\\\?}?\"} "
                 "0\n"));
    check(strstr(printed, "\nxenqmp_qmp_sessions_total{domid=\"5\","));
    silent = true;
    check_int(RUN(), XL_QMP_OK);
    check(strstr(printed, "  silent          0          0 "));
    check_int(RUN("--openmetrics"), XL_QMP_OK);
    check(strstr(printed, "\nxenqmp_qmp_up{domid=\"5\",name=\"a\\\"\\\\?}?\"} "
                 "0\n"));
    check(!strstr(printed, "xenqmp_qmp_sessions_total"));
}

TEST(displays_have_a_table_of_their_own)
{
    shown = true;
    check_int(RUN(), XL_QMP_OK);
    check(strstr(printed,
        "          5          6          7          0\n\n"
        "   ID  DOMAIN       VIEWERS        LOOKED       REFUSED"
        "    TO-VIEWERS  FROM-VIEWERS\n"
        "    5  a\"\\?}?             2             9             8"
        "         70000            60\n"));
    check_int(RUN("--openmetrics"), XL_QMP_OK);
    check(strstr(printed, "\n# TYPE xenqmp_display_viewers gauge\n"
                 "xenqmp_display_viewers{domid=\"5\",name=\"a\\\"\\\\?}?\"}"
                 " 2\n"));
    check(strstr(printed, "\n# UNIT xenqmp_display_sent_bytes bytes\n"
                 "xenqmp_display_sent_bytes_total{domid=\"5\","));
}

TEST(they_may_go_to_a_file)
{
    char dir[] = "/tmp/test_stats.XXXXXX", option[64], text[64] = "";
    FILE *file;

    check(mkdtemp(dir));
    snprintf(option, sizeof(option), "--output=%s/f", dir);
    check_int(RUN(option, "--openmetrics"), XL_QMP_OK);
    check_str(printed, "");
    check((file = fopen(option + 9, "r")) && fgets(text, sizeof(text), file));
    check(!strncmp(text, "# HELP xenqmp_console_written", 29));
    check(!unlink(option + 9));
    lost = true;
    check_int(RUN(option), XL_QMP_CONNECTION);
    check(!rmdir(dir));
    lost = false;
    check_int(RUN(option), XL_QMP_CONNECTION);
}

TEST(a_guest_includes_its_stubdomain)
{
    check_int(RUN("guest", "--socket=/s"), XL_QMP_OK);
    check_str(asked, "/s: stats 5, stats 6,");
}

static const char metrics[] =
"# HELP xenqmp_console_written_bytes Bytes that the guest has written.\n"
"# TYPE xenqmp_console_written_bytes counter\n"
"# UNIT xenqmp_console_written_bytes bytes\n"
"xenqmp_console_written_bytes_total"
"{domid=\"5\",name=\"a\\\"\\\\?}?\",console=\"0\"} 10\n"
"xenqmp_console_written_bytes_total"
"{domid=\"6\",name=\"\",console=\"3\"} 0\n"
"# HELP xenqmp_console_delivered_bytes ";

TEST(openmetrics_follows_its_conventions)
{
    size_t n;

    check_int(RUN("--openmetrics"), XL_QMP_OK);
    check(!strncmp(printed, metrics, sizeof(metrics) - 1));
    /* What goes down again is a gauge, and has no _total. */
    check(strstr(printed, "# TYPE xenqmp_console_ring_bytes gauge\n"));
    check(strstr(printed, "\nxenqmp_console_ring_bytes{domid=\"5\","));
    check(strstr(printed, "\nxenqmp_console_sent_bytes_total{domid=\"5\","
                          "name=\"a\\\"\\\\?}?\",console=\"0\"} "
                          "18446744073709551615\n"));
    check(strstr(printed, "console=\"0\"} 1\nxenqmp_console_serving{"
                          "domid=\"6\",name=\"\",console=\"3\"} 0\n"));
    check(strstr(printed,
        "# HELP xenqmp_qmp_commands Commands of all clients for QEMU.\n"
        "# TYPE xenqmp_qmp_commands counter\n"
        "xenqmp_qmp_commands_total{domid=\"5\",name=\"a\\\"\\\\?}?\"} "
        "18446744073709551615\n"
        "# HELP xenqmp_qmp_errors "));
    check(strstr(printed, "# TYPE xenqmp_qmp_clients gauge\n"
                          "xenqmp_qmp_clients{domid=\"5\","));
    check(strstr(printed, "\nxenqmp_qmp_up{domid=\"5\",name=\"a\\\"\\\\?}?\"} "
                 "1\n"));
    n = strlen(printed);
    check(n > 7 && !strcmp(printed + n - 7, "\n# EOF\n"));
}

TEST(half_a_list_is_not_printed)
{
    lost = true;
    check_int(RUN("--openmetrics"), XL_QMP_CONNECTION);
    check_str(printed, "");
}

TEST(wrong_usage_asks_nobody)
{
    check_int(RUN("--json"), XL_QMP_USAGE);
    check_int(RUN("a", "b"), XL_QMP_USAGE);
    check_str(asked, "");
}

TAP_MAIN()
