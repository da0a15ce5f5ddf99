/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/cmd_screenshot.c, and a program of its own that is in a stubdomain's
 * hands: a script. What that leaves behind reads the display, so it ends with
 * the test. */
#define PROGRAM "./program"
#define SOCKET  "vnc-%u"
#define SCREENSHOT_GRACE_MS 10

#include "xl/cmd_screenshot.c"

#include <sys/stat.h>

#include "tap.h"

#define FOREVER_MS INT_MAX

static char dir[] = "/tmp/test_screenshot.XXXXXX";
static char said[512];
static int display = -1;

int domid_find(struct host *host, const char *name, uint32_t *domid_r)
{
    (void)host, (void)name;
    *domid_r = 5;
    return 0;
}

void host_dispose(struct host *host)
{
    (void)host;
}

struct xs_handle *xs_open(unsigned long flags)
{
    (void)flags;
    return (struct xs_handle *)said;
}

void xs_close(struct xs_handle *xs)
{
    (void)xs;
}

void *xs_read(struct xs_handle *xs, xs_transaction_t t, const char *path,
              unsigned int *n)
{
    (void)xs, (void)t, (void)n;
    return !strcmp(path, "/local/domain/5/console/vnc-pass") ?
           strdup("secret") : NULL;
}

static bool keep(const char *program, int priority, const char *line)
{
    (void)program, (void)priority;
    check_str(said, "");                /* one line */
    snprintf(said, sizeof(said), "%s", line);
    return true;
}

static void set_up(const char *script)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "vnc-5" };
    FILE *file;

    check(mkdtemp(dir));
    check_int(chdir(dir), 0);
    display = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_int(bind(display, (struct sockaddr *)&at, sizeof(at)), 0);
    check_int(listen(display, 5), 0);
    file = fopen("program", "we");
    check(file && fprintf(file, "#!/bin/sh\n%s\n", script) > 0 &&
          !fchmod(fileno(file), 0700) && !fclose(file));
    log_open("xl-qmp", LOG_TO_STDERR, LOG_LEVEL_INFO);
    log_divert(keep);
}

static void tear_down(void)
{
    close(display);
    unlink("vnc-5");
    unlink("program");
    unlink("picture.ppm");
    check_int(rmdir(dir), 0);
}

static int take(int timeout_ms)
{
    struct options options = { .timeout_ms = timeout_ms };
    char *argv[] = { (char *)"screenshot", (char *)"guest",
                     (char *)"picture.ppm", NULL };

    return cmd_screenshot(&options, 3, argv);
}

TEST(what_it_writes_is_the_picture)
{
    char bytes[64] = "";
    FILE *file;

    set_up("read password; echo $1 $password");
    check_int(take(FOREVER_MS), XL_QMP_OK);
    file = fopen("picture.ppm", "re");
    check(file && fread(bytes, 1, sizeof(bytes) - 1, file) && !fclose(file));
    check_str(bytes, "ppm secret\n");
    check_str(said, "");
    tear_down();
}

TEST(its_complaint_is_passed_on_as_a_line)
{
    set_up("printf 'xl-qmp: screenshot: a\\033[31mb\\nmore\\n' >&2; exit 1");
    check_int(take(FOREVER_MS), XL_QMP_CONNECTION);
    check_str(said, "screenshot: a?[31mb");
    tear_down();
}

TEST(a_picture_with_a_failure_is_none)
{
    set_up("echo bytes; kill -9 $$");
    check_int(take(FOREVER_MS), XL_QMP_CONNECTION);
    check_str(said, "screenshot: its program ended by signal 9");
    check_int(access("picture.ppm", F_OK), -1);
    tear_down();
}

TEST(it_does_not_hold_us_up)
{
    static const char *const scripts[] = {
        "trap '' ALRM HUP INT TERM; cat <&3",
        "echo bytes; exec cat <&3",
        "exec >&- 2>&-; cat <&3 >/dev/null",
        "cat <&3 & exit 0",
        "while :; do echo bytes; sleep 0.01; done",
    };

    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        *said = '\0';
        strcpy(dir, "/tmp/test_screenshot.XXXXXX");
        set_up(scripts[i]);
        check_int(take(0), XL_QMP_CONNECTION);
        if (!strstr(said, "domain 5 (guest): no whole picture of its display "
                    "came in time"))
            tap_fail("%s: %s", scripts[i], said);
        check_int(waitpid(-1, NULL, WNOHANG), -1);
        check_int(access("picture.ppm", F_OK), -1);
        tear_down();
    }
}

TEST(it_has_nothing_of_ours)
{
    set_up("test ! -e /proc/self/fd/4 || exit 1\n"
           "for fd in 0 1 2 3; do\n"
           "  readlink /proc/$$/fd/$fd | grep -q '^pipe:\\|^socket:' || exit 1\n"
           "done; echo yes");
    check_int(take(FOREVER_MS), XL_QMP_OK);
    tear_down();
}

TAP_MAIN()
