/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program xl-qmp: what it prints, its exit codes. Wrong usage:
 * tests/programs/usage.t. */
#include <fcntl.h>

#include "fake_qmp.h"
#include "tap.h"

static char out[8 << 20], err[4096];
static char unix_name[80];
static struct fake_qmp fake;

static void take(FILE *file, char *text, size_t size)
{
    size_t n;

    rewind(file);
    n = fread(text, 1, size - 1, file);
    text[n] = '\0';
    fclose(file);
}

/* Runs xl-qmp with these arguments, NULL at the end; its exit code. */
static int run(const char *const args[])
{
    const char *build = getenv("XENQMP_BUILD");
    FILE *files[2] = { tmpfile(), tmpfile() };
    char path[512];
    const char *argv[16] = { "xl-qmp" };
    int status;
    pid_t pid;

    check(files[0] && files[1]);
    for (int i = 0; i < 14 && args[i]; i++)
        argv[i + 1] = args[i];
    snprintf(path, sizeof(path), "%s/bin/xl-qmp", build ? build : ".");
    pid = fork();
    if (!pid) {
        dup2(fileno(files[0]), 1);
        dup2(fileno(files[1]), 2);
        execv(path, (char *const *)argv);
        _exit(127);
    }
    check_int(waitpid(pid, &status, 0), pid);
    check(WIFEXITED(status));
    take(files[0], out, sizeof(out));
    take(files[1], err, sizeof(err));
    return WEXITSTATUS(status);
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

/* One line on stderr, which says this. */
static void check_complaint(const char *text)
{
    char *nl = strchr(err, '\n');

    if (!nl || nl[1] || strncmp(err, "xl-qmp: ", 8) || !strstr(err, text))
        tap_fail("stderr is \"%s\"", err);
}

static void serve(const struct fake_qmp_step *script)
{
    fake_qmp_start(&fake, script);
    snprintf(unix_name, sizeof(unix_name), "unix:%s", fake.path);
}

TEST(help_and_version)
{
    check_int(RUN("--help"), 0);
    check(strstr(out, "Usage: xl-qmp"));
    check(strstr(out, "consoles"));
    check_str(err, "");
    check_int(RUN("--version"), 0);
    check(!strncmp(out, "xl-qmp ", 7));
    check_int(RUN("exec", "--help"), 0);
}

TEST(exec_prints_what_the_server_returned)
{
    static const struct fake_qmp_step script[] = {
        FAKE_NEGOTIATION,
        { FAKE_HEAR, "{\"execute\":\"device_del\","
                     "\"arguments\":{\"id\": \"net0\"},\"id\":", 0 },
        { FAKE_SAY, "{\"return\": {\"b\":  1.50,\r\n \"a\": \"\\u00e4\"}, "
                    "\"id\": $ID}\r\n", 0 },
        { FAKE_END, NULL, 0 },
    };

    serve(script);
    check_int(RUN("exec", unix_name, "device_del", "{\"id\": \"net0\"}"), 0);
    check_str(out, "{\"b\":  1.50,   \"a\": \"\\u00e4\"}\n");
    check_str(err, "");
    check(fake_qmp_end(&fake));
}

TEST(a_large_reply_is_printed_whole)
{
    static const struct fake_qmp_step script[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "query-qmp-schema", 0 },
        { FAKE_SAY, "{\"id\": $ID, \"return\": \"", 0 },
        { FAKE_FLOOD, "0123456789", 3000000 },
        { FAKE_SAY, "\"}\r\n", 0 }, { FAKE_END, NULL, 0 },
    };

    serve(script);
    check_int(RUN("exec", unix_name, "query-qmp-schema"), 0);
    check_int(strlen(out), 3000003);
    check(fake_qmp_end(&fake));
}

TEST(an_error_of_the_server_is_1_with_class_and_description)
{
    static const struct fake_qmp_step script[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "\"eject\"", 0 },
        { FAKE_SAY, "{\"error\": {\"class\": \"GenericError\", \"desc\": "
                    "\"Device\\n'ide1' not found\"}, \"id\": $ID}\r\n", 0 },
        { FAKE_END, NULL, 0 },
    };

    serve(script);
    check_int(RUN("exec", unix_name, "eject"), 1);
    check_str(err, "xl-qmp: GenericError: Device?'ide1' not found\n");
    check_str(out, "");
    check(fake_qmp_end(&fake));
}

/* Exit code 3 and one line that says this. */
static void check_fails(const struct fake_qmp_step *script,
                        const char *timeout, const char *complaint)
{
    serve(script);
    check_int(RUN("-t", timeout, "exec", unix_name, "stop"), 3);
    check_complaint(complaint);
    check_str(out, "");
    fake_qmp_end(&fake);
}

#define LONG "300"
#define SHORT "0.05"

/* Its time runs out at the stage of these words; earlier, where it was too
 * short for so much. */
static void check_late(const struct fake_qmp_step *script,
                       const char *complaint)
{
    static const char *const stages[] = {
        "no greeting", "qmp_capabilities", "may have been executed",
    };
    size_t stage = 0;

    while (strcmp(stages[stage], complaint))
        stage++;
    for (double limit_s = 0.05; ; limit_s *= 2) {
        bool early = false;
        char text[16];

        snprintf(text, sizeof(text), "%.2f", limit_s);
        serve(script);
        check_int(RUN("-t", text, "exec", unix_name, "stop"), 3);
        check_str(out, "");
        fake_qmp_end(&fake);
        for (size_t i = 0; i < stage; i++)
            early = early || strstr(err, stages[i]);
        if (!early || limit_s > 300)
            break;
    }
    check_complaint(complaint);
}

TEST(a_screenshot_needs_a_domain_and_a_picture)
{
    check_int(RUN("screenshot"), 2);
    check_complaint("no domain is given");
    check_int(RUN("screenshot", "d"), 2);
    check_complaint("no file is given");
    check_int(RUN("screenshot", "d", "x.jpg"), 2);
    check_complaint("it writes PNG");
    check_int(RUN("screenshot", "d", "x.png", "y"), 2);
    check_complaint("too many arguments");
}

TEST(no_server_is_3)
{
    check_int(RUN("exec", "unix:/nonexistent/s", "stop"), 3);
    check_complaint("/nonexistent/s: No such file");
    check_int(RUN("reset", "unix:/nonexistent/s"), 3);
    check_complaint("/nonexistent/s: No such file");
}

TEST(a_lost_connection_is_3)
{
    static const struct fake_qmp_step at_once[] = { { FAKE_END, NULL, 0 } };
    static const struct fake_qmp_step later[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "stop", 0 }, { FAKE_END, NULL, 0 },
    };
    static const struct fake_qmp_step half[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "stop", 0 },
        { FAKE_SAY, "{\"return\": {}, \"id\": $ID", 0 },
        { FAKE_END, NULL, 0 },
    };

    check_fails(at_once, LONG, "the connection");
    check_fails(later, LONG, "may have been executed");
    check_fails(half, LONG, "may have been executed");
}

TEST(no_answer_in_time_is_3)
{
    static const struct fake_qmp_step silent[] = {
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };
    static const struct fake_qmp_step refusing[] = {
        { FAKE_SAY, FAKE_GREETING "\r\n", 0 }, { FAKE_WAIT, NULL, 0 },
        { FAKE_END, NULL, 0 },
    };
    static const struct fake_qmp_step wrong_ids[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "stop", 0 },
        { FAKE_SAY, "{\"return\": 1, \"id\": 1}\r\n{\"return\": 2}\r\n"
                    "{\"event\": \"STOP\"}\r\n", 0 },
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };

    check_late(silent, "no greeting");
    check_late(refusing, "qmp_capabilities");
    check_late(wrong_ids, "may have been executed");
}

TEST(what_is_no_qmp_is_3)
{
    static const struct fake_qmp_step garbage[] = {
        { FAKE_SAY, "220 mail.example.org ESMTP\r\n", 0 },
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };
    static const struct fake_qmp_step second[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "stop", 0 },
        { FAKE_SAY, FAKE_GREETING "\r\n", 0 },
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };
    static const struct fake_qmp_step flood[] = {
        FAKE_NEGOTIATION, { FAKE_HEAR, "stop", 0 },
        { FAKE_FLOOD, "{\"return\":[", 72u << 20 },
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };

    check_fails(garbage, LONG, "no QMP");
    check_fails(second, LONG, "second greeting");
    check_fails(flood, LONG, "no QMP");
}

TEST(a_greeting_a_byte_at_a_time_is_one)
{
    static const struct fake_qmp_step script[] = {
        { FAKE_SAY_SLOWLY, FAKE_GREETING "\r\n", 0 },
        { FAKE_HEAR, "qmp_capabilities", 0 },
        { FAKE_SAY_SLOWLY, FAKE_RETURN, 0 },
        { FAKE_HEAR, "stop", 0 }, { FAKE_SAY_SLOWLY, FAKE_RETURN, 0 },
        { FAKE_END, NULL, 0 },
    };

    serve(script);
    check_int(RUN("exec", "-t", LONG, unix_name, "stop"), 0);
    check_str(out, "{}\n");
    check(fake_qmp_end(&fake));
}

TEST(reset_says_nothing_when_it_worked)
{
    static const struct fake_qmp_step script[] = {
        { FAKE_HEAR, "\x18{\"execute\":\"qmp_reset\"", 0 },
        { FAKE_SAY, "{\"event\": \"STOP\"}\r\n" FAKE_RETURN, 0 },
        FAKE_NEGOTIATION, { FAKE_END, NULL, 0 },
    };
    static const struct fake_qmp_step stock[] = {
        { FAKE_SAY, FAKE_GREETING "\r\n", 0 },
        { FAKE_HEAR, "qmp_reset", 0 },
        { FAKE_SAY, "{\"error\": {\"class\": \"CommandNotFound\", "
                    "\"desc\": \"Expecting capabilities negotiation\"}, "
                    "\"id\": $ID}\r\n", 0 },
        { FAKE_HEAR, "qmp_capabilities", 0 }, { FAKE_SAY, FAKE_RETURN, 0 },
        { FAKE_END, NULL, 0 },
    };

    serve(script);
    check_int(RUN("reset", unix_name), 0);
    check_str(out, "");
    check_str(err, "");
    check(fake_qmp_end(&fake));
    serve(stock);
    check_int(RUN("reset", unix_name), 0);
    check(fake_qmp_end(&fake));
}

static const struct fake_qmp_step daemon_script[] = {
    { FAKE_SAY, "xenconsoled 1 4711 0.1\n", 0 },
    { FAKE_HEAR, "list\n", 0 },
    { FAKE_SAY,
      "domid=5 console=0 name= type=ioemu state=foreign output= tty= "
      "received=0 sent=0 dropped=0 buffered=0 attached=0\n"
      "domid=6 console=0 name= type=xenconsoled state=serving "
      "output=file:/var/log/a%20b%0A tty= received=4096 sent=0 "
      "dropped=0 buffered=0 attached=0 later=1\n"
      "domid=6 console=3 name= type=xenconsoled state=serving "
      "output=unix:/run/xenqmp/6/console-3 tty= received=18446744073709551615 "
      "sent=77 dropped=0 buffered=0 attached=1\n"
      "domid=6 console=4 name= type=xenconsoled state=serving output=pty "
      "tty=/dev/pts/3 received=1 sent=2 dropped=3 buffered=0 "
      "attached=0\nok\n", 0 },
    { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
};

static char *socket_option(void)
{
    static char option[90];

    snprintf(option, sizeof(option), "--socket=%s", fake.path);
    return option;
}

TEST(consoles_are_a_table)
{
    serve(daemon_script);
    check_int(RUN("consoles", socket_option()), 0);
    check_str(err, "");
    check_str(out,
        "ID  DOMAIN  CONSOLE  USE     TYPE         STATE    "
        "OUTPUT                                    RECEIVED  SENT  DROPPED\n"
        " 5  -             0  -       ioemu        foreign  "
        "-                                                0     0        0\n"
        " 6  -             0  log     xenconsoled  serving  "
        "file:/var/log/a b?                            4096     0        0\n"
        " 6  -             3  QMP     xenconsoled  serving  "
        "unix:/run/xenqmp/6/console-3  18446744073709551615    77        0\n"
        " 6  -             4  serial  xenconsoled  serving  "
        "pty:/dev/pts/3                                   1     2        3\n");
    check(fake_qmp_end(&fake));
}

TEST(consoles_are_json)
{
    serve(daemon_script);
    check_int(RUN("consoles", "--json", socket_option()), 0);
    check(strstr(out,
        "  {\"domain\": null, \"domain-state\": \"unknown\", "
        "\"use\": \"QMP\", \"domid\": 6, \"console\": 3, \"name\": \"\", \"type\": \"xenconsoled\", \"state\": \"serving\", "
        "\"output\": \"unix:/run/xenqmp/6/console-3\", \"tty\": \"\", "
        "\"received\": 18446744073709551615, \"sent\": 77, \"dropped\": 0, "
        "\"buffered\": 0, \"attached\": true},\n"));
    check(strstr(out, "\"output\": \"file:/var/log/a b\\n\""));
    check(!strncmp(out, "[\n", 2));
    check_str(out + strlen(out) - 4, "}\n]\n");
    fake_qmp_end(&fake);
}

TEST(consoles_without_our_xenconsoled_is_3_in_one_line)
{
    static const struct fake_qmp_step other[] = {
        { FAKE_SAY, "hello\n", 0 }, { FAKE_WAIT, NULL, 0 },
        { FAKE_END, NULL, 0 },
    };
    static const struct fake_qmp_step gone[] = {
        { FAKE_SAY, "xenconsoled 1 1 0.1\n", 0 }, { FAKE_HEAR, "list", 0 },
        { FAKE_SAY, "domid=1 cons", 0 }, { FAKE_END, NULL, 0 },
    };
    static const struct fake_qmp_step error[] = {
        { FAKE_SAY, "xenconsoled 1 1 0.1\n", 0 }, { FAKE_HEAR, "list", 0 },
        { FAKE_SAY, "error no\n", 0 }, { FAKE_WAIT, NULL, 0 },
        { FAKE_END, NULL, 0 },
    };
    static const struct fake_qmp_step silent[] = {
        { FAKE_WAIT, NULL, 0 }, { FAKE_END, NULL, 0 },
    };

    check_int(RUN("consoles", "--socket=/nonexistent/s"), 3);
    check_complaint("xenconsoled that runs, if any, is not xenqmp's");
    serve(other);
    check_int(RUN("consoles", socket_option()), 3);
    check_complaint("not a xenconsoled that this xl-qmp knows");
    fake_qmp_end(&fake);
    serve(gone);
    check_int(RUN("consoles", socket_option()), 3);
    check_complaint("closed the connection");
    check_str(out, "");
    fake_qmp_end(&fake);
    serve(error);
    check_int(RUN("consoles", socket_option()), 3);
    check_complaint("xenconsoled: no");
    fake_qmp_end(&fake);
    serve(silent);
    check_int(RUN("-t", SHORT, "consoles", socket_option()), 3);
    check_complaint("does not answer");
    fake_qmp_end(&fake);
}

TAP_MAIN()
