/* SPDX-License-Identifier: GPL-2.0-or-later */
/* creation.c with an xl and a log of the test's own, and a host that says
 * what the files there tell it. */
#define CREATION_LOG_DIR "."
#define LOOK_MS 1
#include "xl/creation.c"

#include "tap.h"

static char dir[] = "/tmp/test_creation.XXXXXX";
static char err[8192];

static void put(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    check(file && fputs(text, file) >= 0 && !fclose(file));
    check_int(chmod(path, mode), 0);
}

/* A file "guest" is one with a stubdomain; "running": it is unpaused. While
 * there is "waits", the second look makes "looked": the first one is over. */
enum host_found host_find(struct host *host, const char *name,
                          uint32_t *domid_r)
{
    static int looks;

    (void)host;
    check_str(name, "g");
    if (!access("waits", F_OK) && ++looks == 2)
        put("looked", "", 0644);
    *domid_r = 7;
    return access("guest", F_OK) ? HOST_NO_DOMAIN : HOST_FOUND;
}

enum stubdom_state host_state(struct host *host, uint32_t domid)
{
    (void)host;
    check_int(domid, 7);
    return access("running", F_OK) ? STUBDOM_PAUSED : STUBDOM_RUNS;
}

bool host_stubdom(struct host *host, uint32_t domid, uint32_t *domid_r)
{
    (void)host;
    check_int(domid, 7);
    *domid_r = 8;
    return !access("guest", F_OK);
}

void host_dispose(struct host *host)
{
    (void)host;
}

/* creates: what "xl create" does in a shell. A destroyed guest has gone. */
static void set_up(const char *creates)
{
    char script[1024];

    check(mkdtemp(dir) && !chdir(dir));
    snprintf(script, sizeof(script), "#!/bin/sh\n"
             "echo \"$@\" >>calls\n"
             "case $1 in destroy) rm guest; exit;; esac\n"
             "echo $$ >pid\n%s\n", creates);
    check(!mkdir("bin", 0755));
    put("bin/xl", script, 0755);
    put("calls", "", 0644);
    setenv("PATH", "bin:/usr/bin:/bin", 1);
}

static void tear_down(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r %s", dir);
    check_int(system(command), 0);
}

static const char *slurp(const char *path)
{
    static char text[4096];
    FILE *file = fopen(path, "r");

    check(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

static int run(const char *name)
{
    char *args[] = { (char *)"xl", (char *)"create", (char *)"g.cfg", NULL };
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (!pid) {
        check(freopen("err", "w", stderr));
        log_open("xl-qmp", LOG_TO_STDERR, LOG_LEVEL_INFO);
        exit(creation_run(args, name));
    }
    check_int(waitpid(pid, &status, 0), pid);
    check(WIFEXITED(status));
    snprintf(err, sizeof(err), "%s", slurp("err"));
    return WEXITSTATUS(status);
}

#define LOG "qemu-dm-g.log"
#define LOOKED "touch waits; n=0\n" \
    "until [ -e looked ] || [ $((n += 1)) -gt 30000 ]; do sleep 0.01; done\n"
/* Long enough to be looked at, if anybody looked: nobody is to. */
#define LASTS "i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done\n"
#define STAYS "exec tail -f /dev/null\n"
#define BOOT "[    0.000000] Linux version 6.1\\r\\n" \
             "[    0.9] Run /init as init process\\r\\n"
#define DIES "printf '" BOOT "qemu: -foo: invalid option\\r\\n" \
             "stubdomd: QEMU ended with status 1\\r\\n" \
             "[    1.5] reboot: Power down\\r\\n' >" LOG "\n"

TEST(a_qemu_that_cannot_start_ends_the_creation)
{
    /* libxl would wait for longer than the test may. */
    set_up("touch guest\n" DIES STAYS);
    check_int(run("g"), XL_QMP_CONNECTION);
    check_str(err, "xl-qmp: create: g: its QEMU does not run: QEMU ended "
              "with status 1 (qemu: -foo: invalid option); all of it is in "
              "./qemu-dm-g.log\n");
    check_str(slurp("calls"), "create g.cfg\ndestroy 7\n");
    check(access("guest", F_OK));
    check(kill(atoi(slurp("pid")), 0));
    tear_down();
}

/* libxl would wait for a minute. */
TEST(pci_devices_that_do_not_come_end_the_creation)
{
    set_up("touch guest\nprintf '" BOOT "[    3.1] pcifront pci-0: Could not "
           "setup SWIOTLB!\r\n' >" LOG "\n" STAYS);
    check_int(run("g"), XL_QMP_CONNECTION);
    check_str(err, "xl-qmp: create: g: its PCI devices do not come: Could not "
              "setup SWIOTLB!; set a larger stubdomain_memory; all of it is "
              "in ./qemu-dm-g.log\n");
    check_str(slurp("calls"), "create g.cfg\ndestroy 7\n");
    tear_down();
}

TEST(what_cannot_be_destroyed_is_named)
{
    set_up("touch guest\nrm bin/xl\n" DIES STAYS);
    check_int(run("g"), XL_QMP_CONNECTION);
    check(strstr(err, "g is left behind; end it with xl destroy 7"));
    tear_down();
}

/* A log that was there before tells of another creation. */
TEST(an_old_log_does_not_count)
{
    set_up("touch guest\n" LOOKED "exit 5");
    put(LOG, "stubdomd: QEMU ended with status 1\n", 0644);
    check_int(run("g"), 5);
    check_str(err, "");
    tear_down();
}

TEST(a_new_log_in_an_old_ones_place_counts)
{
    set_up("touch guest\nmv " LOG " old\n" DIES STAYS);
    put(LOG, "[    0.1] Linux\n", 0644);
    check_int(run("g"), XL_QMP_CONNECTION);
    tear_down();
}

TEST(how_far_a_stubdomain_came_that_xl_gave_up)
{
    set_up("touch guest\nprintf '" BOOT "half a l' >" LOG "\nexit 5");
    check_int(run("g"), 5);
    check_str(err, "xl-qmp: create: g: xl gave up; the last that its "
              "stubdomain said is \"[    0.9] Run /init as init process\"; "
              "all of it is in ./qemu-dm-g.log\n");
    tear_down();
}

/* What comes at the very end is not lost between two looks. */
TEST(why_it_failed_as_xl_gave_up)
{
    set_up(DIES "exit 5");
    check_int(run("g"), 5);
    check(strstr(err, "its QEMU does not run: QEMU ended with status 1"));
    tear_down();
}

TEST(nobody_who_interrupts_xl_is_told)
{
    set_up("printf '" BOOT "' >" LOG "\nkill -INT $$");
    check_int(run("g"), 128 + SIGINT);
    check_str(err, "");
    tear_down();
}

TEST(a_guest_that_runs_is_not_ended)
{
    set_up("touch guest running\n" DIES LOOKED "exit 4");
    check_int(run("g"), 4);
    check_str(err, "");
    check_str(slurp("calls"), "create g.cfg\n");
    tear_down();
}

/* xl refuses it. */
TEST(a_guest_that_was_there_before_is_not_ended)
{
    set_up(DIES LASTS "exit 6");
    put("guest", "", 0644);
    check_int(run("g"), 6);
    check_str(slurp("calls"), "create g.cfg\n");
    tear_down();
}

TEST(a_guest_that_nobody_can_name_is_not_ended)
{
    set_up("touch guest\n" DIES LASTS "rm guest " LOG "\nexit 3");
    check_int(run(NULL), 3);
    check_int(run("7"), 3);
    check_str(err, "");
    tear_down();
}

TEST(xls_end_is_ours)
{
    set_up("kill -INT $$");
    check_int(run("g"), 128 + SIGINT);
    tear_down();
}

TAP_MAIN()
