/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/rows.c: the rows that xl-qmp consoles makes of xenconsoled's list. */
#include "xl/rows.h"

#include "tap.h"

static struct rows rows;

/* libxl, as far as rows.c asks it: domain 6 has a name. */
static int names_asked;

char *host_domain_name(struct host *host, uint32_t domid)
{
    (void)host;
    names_asked++;
    return domid == 6 ? strdup("guest-dm") : NULL;
}

/* And has crashed. */
enum stubdom_state host_state(struct host *host, uint32_t domid)
{
    (void)host;
    return domid == 6 ? STUBDOM_CRASHED : STUBDOM_RUNS;
}

static void add(const char *text)
{
    char line[512];

    snprintf(line, sizeof(line), "%s", text);
    rows_add(line, &rows);
    /* Its own copy: the line is the caller's again. */
    memset(line, 'x', sizeof(line));
}

static void complete(void)
{
    struct host host = { .logger = NULL };

    rows_complete(&rows, &host);
}

TEST(a_line_is_a_row_with_its_values_decoded)
{
    add("domid=6 console=3 name=a%20b type=xenconsoled state=serving "
        "output=unix:/run/a%25b tty=/dev/pts/3 received=10 sent=20 "
        "dropped=30 buffered=40 attached=1");
    check_int(rows.n, 1);
    check_str(rows.row->field[FIELD_DOMID], "6");
    check_str(rows.row->field[FIELD_CONSOLE], "3");
    check_str(rows.row->field[FIELD_NAME], "a b");
    check_str(rows.row->field[FIELD_TYPE], "xenconsoled");
    check_str(rows.row->field[FIELD_STATE], "serving");
    check_str(rows.row->field[FIELD_OUTPUT], "unix:/run/a%b");
    check_str(rows.row->field[FIELD_TTY], "/dev/pts/3");
    check_str(rows.row->field[FIELD_RECEIVED], "10");
    check_str(rows.row->field[FIELD_SENT], "20");
    check_str(rows.row->field[FIELD_DROPPED], "30");
    check_str(rows.row->field[FIELD_BUFFERED], "40");
    check_str(rows.row->field[FIELD_ATTACHED], "1");
    check(!rows.row->domain);
    check_str(rows.row->use, "");
}

/* Another version's daemon may say less, more, or otherwise. */
TEST(what_is_absent_unknown_or_no_number_does_no_harm)
{
    add("domid=7 later=1 console=x received= sent=-1 dropped=0x10 "
        "attached=yes name=a=b junk");
    check_str(rows.row->field[FIELD_DOMID], "7");
    check_str(rows.row->field[FIELD_CONSOLE], "0");
    check_str(rows.row->field[FIELD_RECEIVED], "0");
    check_str(rows.row->field[FIELD_SENT], "0");
    check_str(rows.row->field[FIELD_DROPPED], "0");
    check_str(rows.row->field[FIELD_ATTACHED], "0");
    check_str(rows.row->field[FIELD_NAME], "a=b");
    check_str(rows.row->field[FIELD_TTY], "");
    add("");
    check_int(rows.n, 2);
    check_str(rows.row[1].field[FIELD_DOMID], "0");
    check(!rows.no_memory);
}

static void add_console(int domid, int console, const char *output)
{
    char line[256];

    snprintf(line, sizeof(line), "domid=%d console=%d output=%s", domid,
             console, output);
    add(line);
}

TEST(a_stubdomains_consoles_have_uses)
{
    static const char *const uses[] = {
        "log", "save", "restore", "QMP", "serial", "serial", "serial",
        "serial", "display",
    };

    for (int i = 0; i < 9; i++)
        add_console(6, i, i == 3 ? "unix:/run/xenqmp/6/console-3" : "pty");
    complete();
    for (int i = 0; i < 9; i++) {
        check_str(rows.row[i].use, uses[i]);
        check_str(rows.row[i].domain, "guest-dm");
    }
    check_int(names_asked, 1);
    rows_dispose(&rows);
}

/* A console 3 of another kind makes no stubdomain, nor does the directory
 * of another domain. */
TEST(other_domains_consoles_have_none)
{
    static const char *const outputs[] = {
        "pty", "unix:/run/xenqmp/60/console-3", "unix:/run/xenqmp/6",
        "file:/run/xenqmp/6/console-3",
    };

    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        add_console(6, 0, "pty");
        add_console(6, 3, outputs[i]);
        add_console(6, 4, "unix:/run/xenqmp/6/x");
        complete();
        for (size_t r = 0; r < 3; r++)
            check_str(rows.row[r].use, "");
        rows_dispose(&rows);
    }
}

TEST(each_domain_is_completed_by_itself)
{
    add_console(5, 3, "pty");
    add_console(6, 3, "unix:/run/xenqmp/6/console-3");
    add_console(6, 0, "pty");
    add_console(7, 0, "pty");
    complete();
    check_int(names_asked, 3);
    check_str(rows.row[0].use, "");
    check_str(rows.row[1].use, "QMP");
    check_str(rows.row[2].use, "log");
    check_str(rows.row[3].use, "");
    check(!rows.row[0].domain && rows.row[1].domain &&
          rows.row[2].domain && !rows.row[3].domain);
    rows_dispose(&rows);
    /* No rows, no questions. */
    rows = (struct rows){ .n = 0 };
    complete();
    check_int(names_asked, 3);
}

TAP_MAIN()
