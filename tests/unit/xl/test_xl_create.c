/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl-qmp create, in a directory of its own with an xl of its own. */
#define CREATE_LIBEXECDIR "/proc/self/cwd/libexec"
#define CREATE_STUBDOM_DIR "/proc/self/cwd/stubdom"
#include "xl/cmd_create.c"

#include <sys/stat.h>

#include "tap.h"

static char dir[] = "/tmp/xl-create-XXXXXX";
static char out[4096], err[4096];

static void put(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    check(file && fputs(text, file) >= 0 && !fclose(file));
    check_int(chmod(path, mode), 0);
}

static void take(FILE *file, char *text, size_t size)
{
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* A host with everything. */
static void set_up(void)
{
    check(mkdtemp(dir));
    check_int(chdir(dir), 0);
    check_int(mkdir("libexec", 0755) | mkdir("stubdom", 0755) |
              mkdir("bin", 0755), 0);
    put("libexec/qmp-helper", "", 0755);
    put("stubdom/vmlinuz", "", 0644);
    put("stubdom/initrd", "", 0644);
    put("bin/xl", "#!/bin/sh\nprintf '<%s>' \"$@\"\nexit 7\n", 0755);
    put("hvm.cfg", "name = \"a\"\ntype = \"hvm\"\n", 0644);
    setenv("PATH", "bin:/usr/bin:/bin", 1);
}

static void tear_down(void)
{
    static const char *const files[] = {
        "libexec/qmp-helper", "stubdom/vmlinuz", "stubdom/initrd",
        "bin/xl", "hvm.cfg", "x.cfg", "libexec", "stubdom", "bin",
    };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        remove(files[i]);
    check_int(rmdir(dir), 0);
}

/* Runs the command in a child; its exit code. */
static int run(int argc, char **argv)
{
    static const struct options options = { .timeout_ms = 1000 };
    FILE *files[2] = { tmpfile(), tmpfile() };
    int status;
    pid_t pid;

    check(files[0] && files[1]);
    fflush(stdout);
    pid = fork();
    if (!pid) {
        dup2(fileno(files[0]), 1);
        dup2(fileno(files[1]), 2);
        log_open("xl-qmp", LOG_TO_STDERR, LOG_LEVEL_INFO);
        exit(cmd_create(&options, argc, argv));
    }
    check_int(waitpid(pid, &status, 0), pid);
    check(WIFEXITED(status));
    take(files[0], out, sizeof(out));
    take(files[1], err, sizeof(err));
    return WEXITSTATUS(status);
}

#define RUN(...) run((int)(sizeof((char *[]){ "create", __VA_ARGS__ }) / \
                           sizeof(char *)), \
                     (char *[]){ "create", __VA_ARGS__, NULL })

#define VERSION "device_model_version=\"qemu-xen\""
#define OVERRIDE "device_model_override=\"/proc/self/cwd/libexec/qmp-helper\""
#define STUBDOM "device_model_stubdomain_override=1"
#define IMAGE "stubdomain_kernel=\"/proc/self/cwd/stubdom/vmlinuz\"><" \
              "stubdomain_ramdisk=\"/proc/self/cwd/stubdom/initrd\""
#define CMDLINE "stubdomain_cmdline=\"" STUBDOM_CMDLINE_PLAIN "\""
#define MEMORY "stubdomain_memory=192"
#define ALL VERSION "><" STUBDOM "><" OVERRIDE "><" IMAGE "><" CMDLINE "><" \
            MEMORY

TEST(xl_gets_the_settings_and_its_status_is_ours)
{
    set_up();
    check_int(RUN("-p", "hvm.cfg", "memory=128"), 7);
    check_str(out, "<create><-p><hvm.cfg><memory=128><" ALL ">");
    check_str(err, "");
    tear_down();
}

TEST(the_kernel_waits_for_devices_unless_the_image_does)
{
    set_up();
    put("stubdom/contents", "kernel=6.1\nwaits=yes\n", 0644);
    check_int(RUN("hvm.cfg"), 7);
    check(strstr(out, "<stubdomain_cmdline=\"" STUBDOM_CMDLINE "\">"));
    put("stubdom/contents", "kernel=6.1\nwaits=no\n", 0644);
    check_int(RUN("hvm.cfg"), 7);
    check(strstr(out, "<" CMDLINE ">"));
    check_int(remove("stubdom/contents"), 0);
    tear_down();
}

TEST(what_is_set_is_left_alone)
{
    set_up();
    put("x.cfg", "builder = 'hvm'\nstubdomain_memory = 256\nvnc = 0\nsdl = 0\n"
        "device_model_version = 'qemu-xen'\n", 0644);
    check_int(RUN("x.cfg", "device_model_stubdomain_override=1"), 7);
    check_str(out, "<create><x.cfg><device_model_stubdomain_override=1><"
              OVERRIDE "><" IMAGE "><" CMDLINE ">");
    tear_down();
}

TEST(a_display_that_cannot_be_shown_is_refused)
{
    set_up();
    check_int(RUN("hvm.cfg", "sdl=1"), XL_QMP_USAGE);
    check(strstr(err, "sdl = 1"));
    check_int(RUN("hvm.cfg", "spice=1"), XL_QMP_USAGE);
    check(strstr(err, "spice = 1"));
    check_str(out, "");
    tear_down();
}

TEST(memory_for_more_devices_of_the_hosts_is_small)
{
    set_up();
    put("stubdom/contents", "kernel=6.1\nmemory=78\nmemory_pci=48\n"
        "memory_pci_more=2\n", 0644);
    check_int(RUN("hvm.cfg", "stubdomain_memory=1", "pci=['03:00.0']"),
              XL_QMP_USAGE);
    check(strstr(err, "needs 118 MiB"));
    check_int(RUN("hvm.cfg", "stubdomain_memory=1",
                  "pci=['03:00.0','03:00.1','04:00.0']"), XL_QMP_USAGE);
    check(strstr(err, "needs 122 MiB"));
    check_int(remove("stubdom/contents"), 0);
    tear_down();
}

TEST(memory_is_what_the_image_and_the_devices_need)
{
    set_up();
    put("stubdom/contents", "kernel=6.1\nmemory=78\nmemory_display=8\n"
        "memory_tracing=7\nmemory_tmpfs=20\nmemory_nic=2\nmemory_disk=1\nmemory_pci=4\n", 0644);
    check_int(RUN("hvm.cfg"), 7);
    check(strstr(out, "<stubdomain_memory=82>"));
    check_int(RUN("hvm.cfg", "vnc=0", "vif=['a','b']", "disk=['x']"), 7);
    check(strstr(out, "<stubdomain_memory=79>"));
    check_int(RUN("hvm.cfg", "vnc=0", "vif=['a','type=vif,mac=b']"), 7);
    check(strstr(out, "<stubdomain_memory=76>"));
    check_int(RUN("hvm.cfg", "vga=\"stdvga\""), 7);
    check(strstr(out, "<stubdomain_memory=74>"));
    check_int(RUN("hvm.cfg", "stdvga=1", "videoram=32"), 7);
    check(strstr(out, "<stubdomain_memory=58>"));
    check_int(RUN("hvm.cfg", "vga=\"none\"", "stubdomain_cmdline=\"x\""), 7);
    check(strstr(out, "<stubdomain_memory=117>"));
    check_int(RUN("hvm.cfg", "vga=\"none\"",
                  "stubdomain_cmdline=\"rootfstype=ramfs\""), 7);
    check(strstr(out, "<stubdomain_memory=97>"));
    check_int(RUN("hvm.cfg", "stubdomain_memory=78"), 7);
    check(!strstr(strstr(out, "stubdomain_memory") + 1, "stubdomain_memory"));
    check_str(err, "");
    check_int(RUN("hvm.cfg", "stubdomain_memory=77"), XL_QMP_USAGE);
    check_str(out, "");
    check(strstr(err, "stubdomain_memory = 77 is too little: the stubdomain's "
                 "image needs 78 MiB with this guest's devices; set it to "
                 "that, or remove it from hvm.cfg\n"));
    check_int(remove("stubdom/contents"), 0);
    tear_down();
}

TEST(settings_on_the_command_line_win)
{
    set_up();
    put("x.cfg", "type = 'pv'\nvnc = 1", 0644);
    check_int(RUN("x.cfg", "type='hvm'"), 7);
    check_str(out, "<create><x.cfg><type='hvm'><" ALL ">");
    check_int(RUN("hvm.cfg", "type='pv'"), XL_QMP_USAGE);
    tear_down();
}

TEST(a_dry_run_prints_a_command_for_the_shell)
{
    set_up();
    check_int(RUN("-n", "hvm.cfg", "name=\"it's\""), 0);
    check(strstr(out, "xl create hvm.cfg 'name=\"it'\\''s\"' "
                   "'device_model_version=\"qemu-xen\"' "
                   "device_model_stubdomain_override=1 ") == out);
    check_str(out + strlen(out) - 23, " stubdomain_memory=192\n");
    check_str(err, "");
    /* Also if it would fail, but then the status says so. */
    check_int(remove("stubdom/initrd"), 0);
    check_int(RUN("hvm.cfg", "--dry-run"), XL_QMP_CONNECTION);
    check(!strncmp(out, "xl create", 9));
    check(strstr(err, "mkstubdom"));
    tear_down();
}

TEST(the_configuration_may_follow_f)
{
    set_up();
    check_int(RUN("-pf", "hvm.cfg"), 7);
    check_int(RUN("-fhvm.cfg"), 7);
    check_int(RUN("--defconfig", "hvm.cfg"), 7);
    check_int(RUN("--defconfig=hvm.cfg", "-q"), 7);
    check(!strncmp(out, "<create><--defconfig=hvm.cfg><-q><device", 40));
    check_int(RUN("-f"), XL_QMP_USAGE);
    check_int(RUN("hvm.cfg", "other.cfg"), XL_QMP_USAGE);
    tear_down();
}

/* Refused with this code and one line that says this. */
static void refused(const char *setting, int code, const char *complaint)
{
    char *nl;

    check_int(RUN("hvm.cfg", (char *)setting), code);
    nl = strchr(err, '\n');
    if (!nl || nl[1] || !strstr(err, complaint))
        tap_fail("stderr is \"%s\"", err);
    check_str(out, "");
}

TEST(what_cannot_work_is_refused)
{
    set_up();
    refused("type=\"pvh\"", XL_QMP_USAGE, "no HVM guest");
    refused("device_model_version=\"qemu-xen-traditional\"", XL_QMP_USAGE,
            "qemu-xen-traditional");
    refused("device_model_override=\"/usr/bin/qemu\"", XL_QMP_USAGE,
            "/usr/bin/qemu");
    refused("device_model_stubdomain_override=0", XL_QMP_USAGE,
            "QEMU in dom0");
    refused("usbdev=[ 'type=hostdev,hostbus=1,hostaddr=3' ]", XL_QMP_USAGE,
            "usbdev names devices");
    refused("usbdevice=\"host:1.3\"", XL_QMP_USAGE,
            "usbdevice names devices");
    refused("this is = no setting", XL_QMP_USAGE, "hvm.cfg");
    refused("stubdomain_kernel=\"/nonexistent/k\"", XL_QMP_CONNECTION,
            "/nonexistent/k");
    check_int(RUN("missing.cfg"), XL_QMP_USAGE);
    check(strstr(err, "cannot read missing.cfg: No such file"));
    check_int(RUN("bin"), XL_QMP_USAGE);
    tear_down();
}

TEST(what_the_host_lacks_is_named)
{
    set_up();
    put("x.cfg", "type='hvm'\n", 0644);
    check_int(remove("bin/xl"), 0);
    setenv("PATH", "bin", 1);
    refused("a=1", XL_QMP_CONNECTION, "cannot start xl");
    check_int(remove("libexec/qmp-helper"), 0);
    refused("a=1", XL_QMP_CONNECTION, "install xenqmp");
    check_int(remove("stubdom/vmlinuz"), 0);
    refused("a=1", XL_QMP_CONNECTION, "mkstubdom");
    tear_down();
}

TAP_MAIN()
