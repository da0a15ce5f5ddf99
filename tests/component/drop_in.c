/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Xen's xenconsoled, as Debian has it, and ours play the same script on a
 * hypervisor each. What an administrator or a toolstack can see of it is
 * written down, and must be the same.
 */
#include "component.h"

#include <ctype.h>

#define LOG_DIR "/var/log/xen/console"
#define PID_FILE "/run/xen/xenconsoled.pid"

static const char *const daemons[] = {
    "sysroot/xen/bin/xenconsoled", "bin/xenconsoled",
};

/* What is written down; digits of times and terminals as '#'. */
static FILE *record;

static void note_text(const char *what, const char *text, bool digits)
{
    fprintf(record, "%s: ", what);
    for (; *text; text++)
        if (digits && isdigit((unsigned char)*text))
            putc('#', record);
        else if (isprint((unsigned char)*text))
            putc(*text, record);
        else
            fprintf(record, "\\%02x", (unsigned char)*text);
    putc('\n', record);
}

static void note_file(const char *path, bool digits)
{
    note_text(path, access(path, F_OK) ? "is missing" : file_text(path),
              digits);
}

static void note_key(const char *path)
{
    char *value = guest_read("%s", path);

    note_text(path, value ? value : "is missing", true);
    free(value);
}

/* Runs a daemon that goes into the background, with these options. */
static void daemon_start(const char *daemon, const char *const options[])
{
    const char *argv[12] = { in_build(daemon) };
    int status;
    pid_t pid;

    for (size_t i = 0; options[i]; i++)
        argv[i + 1] = options[i];
    pid = host_spawn(argv);
    check_int(waitpid(pid, &status, 0), pid);
    fprintf(record, "start: %d\n", status);
    /* Written, not only made. */
    check(host_wait(file_has, PID_FILE ":\n"));
}

static pid_t daemon_pid(void)
{
    return atoi(file_text(PID_FILE));
}

static void play(const char *daemon, void (*script)(const char *daemon),
                 const char *to)
{
    pid_t pid;
    int status;

    fflush(stdout);
    pid = fork();
    check(pid >= 0);
    if (pid) {
        check_int(waitpid(pid, &status, 0), pid);
        if (status)
            tap_fail("with %s", daemon);
        return;
    }
    alarm(TAP_LIMIT_S);
    record = fopen(to, "w");
    check(record);
    script(daemon);
    check(!fclose(record));
    if (!access(PID_FILE, F_OK))
        kill(daemon_pid(), SIGKILL);    /* it is nobody's child */
    host_stop();
    _exit(0);
}

static void check_same(void (*script)(const char *daemon))
{
    char folder[] = "/tmp/drop_in-XXXXXX", path[64], texts[2][65536];

    check(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/seen", folder);
    for (int i = 0; i < 2; i++) {
        play(daemons[i], script, path);
        snprintf(texts[i], sizeof(texts[i]), "%s", file_text(path));
        unlink(path);
        check(*texts[i]);
    }
    check(!rmdir(folder));
    check_str(texts[1], texts[0]);
}

static bool log_is(const char *path, const char *text)
{
    char wanted[4096];

    snprintf(wanted, sizeof(wanted), "%s:%s", path, text);
    return host_wait(file_is, wanted);
}

static void named_guest(uint32_t domid, const char *name)
{
    guest_create(domid);
    guest_write(0, name, "/local/domain/%u/name", domid);
}

/* --- the scripts ------------------------------------------------------ */

static void script_options(const char *daemon)
{
    static const char *const wrong[][3] = {
        { "--help" }, { "-h" }, { "--version" }, { "-V" }, { "--no-such" },
        { "-x" }, { "--log" }, { "--pid-file" }, { "-t" },
    };

    start_host();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *const argv[] = { in_build(daemon), wrong[i][0], NULL };
        int status, out = dup(STDOUT_FILENO);
        pid_t pid;

        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        pid = host_spawn(argv);
        dup2(out, STDOUT_FILENO);
        close(out);
        check_int(waitpid(pid, &status, 0), pid);
        fprintf(record, "%s: %x\n", wrong[i][0], status);
    }
}

TEST(options_and_exit_codes)
{
    check_same(script_options);
}

static void script_console(const char *daemon)
{
    const char *const options[] = { NULL };
    struct guest_console c;
    char pid[16];
    int tty;

    start_host();
    daemon_start(daemon, options);
    snprintf(pid, sizeof(pid), "%d\n", (int)daemon_pid());
    check(log_is(PID_FILE, pid));
    named_guest(5, "pv1");
    c = guest_console_add(5, 0, NULL);
    tty = tty_open(&c);
    put_all(&c, "Linux version 6.1\r\nlogin: ", 26);
    check_reads(tty, "Linux version 6.1\r\nlogin: ", 26);
    check_int(write(tty, "root\r", 5), 5);
    check_gets(&c, "root\r", 5);
    note_key("/local/domain/5/console/tty");
    note_key("/local/domain/5/console/type");
    note_key("/local/domain/5/console/limit");
    note_key("/local/domain/5/console/ring-ref");
    note_key("/local/domain/5/console/port");
    note_file("/var/log/xen/console/guest-pv1.log", false);
    note_file("/var/log/xen/console/hypervisor.log", false);

    /* Who looks away for a while finds what came meanwhile. */
    close(tty);
    put_all(&c, "while away", 10);
    tty = tty_open(&c);
    check_reads(tty, "while away", 10);

    guest_destroy(5);
    check_ends(tty);
    check(!kill(daemon_pid(), 0));
}

TEST(a_console_without_options)
{
    check_same(script_console);
}

/* Xen's daemon misses a signal that comes just before it waits. */
static bool has_reopened(void *data)
{
    (void)data;
    check(!kill(daemon_pid(), SIGHUP));
    return !access(LOG_DIR "/guest-pv1.log", F_OK) &&
           !access(LOG_DIR "/hypervisor.log", F_OK);
}

static void script_logs(const char *daemon)
{
    const char *const options[] = { "--log=all", NULL };
    struct guest_console c;

    start_host();
    host_xen_log("(XEN) before\n");
    daemon_start(daemon, options);
    named_guest(5, "pv1");
    c = guest_console_add(5, 0, NULL);
    put_all(&c, "one\r\n\033[1mtwo\n", 13);
    check(log_is(LOG_DIR "/guest-pv1.log", "one\r\n\033[1mtwo\n"));
    host_xen_log("(XEN) line\n");
    check(log_is(LOG_DIR "/hypervisor.log",
                 "(XEN) before\n(XEN) line\n"));

    /* As logrotate does. */
    check(!rename(LOG_DIR "/guest-pv1.log", LOG_DIR "/guest-pv1.log.1"));
    check(!rename(LOG_DIR "/hypervisor.log",
                  LOG_DIR "/hypervisor.log.1"));
    check(host_wait(has_reopened, NULL));
    put_all(&c, "three\n", 6);
    host_xen_log("(XEN) next\n");
    check(log_is(LOG_DIR "/guest-pv1.log", "three\n"));
    check(log_is(LOG_DIR "/hypervisor.log", "(XEN) next\n"));
    note_file(LOG_DIR "/guest-pv1.log.1", false);
    note_file(LOG_DIR "/hypervisor.log.1", false);

    /* A domain of the same name goes on in the same file. */
    guest_destroy(5);
    named_guest(6, "pv1");
    c = guest_console_add(6, 0, NULL);
    put_all(&c, "four\n", 5);
    check(log_is(LOG_DIR "/guest-pv1.log", "three\nfour\n"));
}

TEST(logs_and_their_rotation)
{
    check_same(script_logs);
}

static void script_formats(const char *daemon)
{
    const char *const options[] = {
        "--log=guest", "--log=hv", "-t", "all", "--replace-escape",
        "--log-dir=/run/logs", "--pid-file=/run/xen/other.pid",
        "--overflow-data=keep", "-v", NULL
    };
    struct guest_console c;

    start_host();
    check(!mkdir("/run/logs", 0700) && !symlink("other.pid", PID_FILE));
    daemon_start(daemon, options);
    named_guest(5, "pv1");
    c = guest_console_add(5, 0, NULL);
    put_all(&c, "a\033[1mb\r\nsecond\n\r\r\n\nhalf", 23);
    host_xen_log("(XEN) one\n(XEN) two\n");
    put_all(&c, " line\nlast\n", 11);
    check(host_wait(file_has, "/run/logs/guest-pv1.log:last\n"));
    check(host_wait(file_has, "/run/logs/hypervisor.log:two\n"));
    note_file("/run/logs/guest-pv1.log", true);
    note_file("/run/logs/hypervisor.log", true);
    note_file("/run/xen/other.pid", true);
}

TEST(formats_of_logs)
{
    check_same(script_formats);
}

/* Nobody reads: the guest goes on, or waits. */
static void script_overflow(const char *daemon, const char *option,
                            bool waits)
{
    const char *const options[] = { "-o", option, NULL };
    static char kilobyte[1024];
    struct guest_console c;
    size_t sent = 0, last;
    const int patience = waits ? 20 : HOST_WAIT_MS / 100;

    start_host();
    daemon_start(daemon, options);
    named_guest(5, "pv1");
    guest_limit = "4096";
    c = guest_console_add(5, 0, NULL);
    check(host_wait(has_tty, &c));
    do {
        last = sent;
        for (int i = 0; i < patience && sent < 1000000; i++) {
            sent += guest_console_put(&c, kilobyte, sizeof(kilobyte));
            guest_wait(100);
        }
        /* A daemon may not have run meanwhile; and the kernel's part of
         * the terminal takes some, too. */
    } while ((sent > last || sent <= 4096) && sent < 1000000);
    fprintf(record, "-o %s: the guest %s\n", option,
            sent < 1000000 ? "waits" : "goes on");
    check_int(sent < 1000000, waits);
}

static void script_keep(const char *daemon)
{
    script_overflow(daemon, "keep", true);
}

TEST(overflow_data_keep)
{
    check_same(script_keep);
}

static void script_discard(const char *daemon)
{
    script_overflow(daemon, "discard", false);
}

TEST(overflow_data_discard)
{
    check_same(script_discard);
}

TAP_MAIN()
