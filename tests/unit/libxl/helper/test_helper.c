/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libxl/helper/args.h"
#include "libxl/helper/consoled.h"
#include "libxl/helper/proxy.h"
#include "libxl/helper/root.h"
#include "libxl/helper/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tap.h"

static int parse(struct helper_args *args, char **argv)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    return helper_args_parse(args, argc, argv);
}

TEST(libxls_arguments_are_understood)
{
    char *argv[] = {
        "qmp-helper", "-xen-domid", "7", "-no-shutdown", "-chardev",
        "socket,id=libxl-cmd,path=/run/xen/qmp-libxl-7,server=on,wait=off",
        "-mon", "chardev=libxl-cmd,mode=control", "-chardev",
        "socket,id=libxenstat-cmd,path=/run/xen/x,server=on,wait=off",
        "-machine", "xenpv", "-name", "--help-me", NULL,
    };
    struct helper_args args;

    check_int(parse(&args, argv), 0);
    check_int(args.domid, 7);
    check_str(args.toolstack, "/run/xen/qmp-libxl-7");
    check(args.pv_backends);
    check(!args.help);
    check_int(args.probe_fd, -1);
    argv[11] = "xenfv";
    check_int(parse(&args, argv), 0);
    check(!args.pv_backends);
    argv[11] = "xenpvh";
    check_int(parse(&args, argv), 0);
    check(!args.pv_backends);
    argv[11] = "xenpv,usb=on";
    check_int(parse(&args, argv), 0);
    check(args.pv_backends);
}

/* As libxl 4.20 asks for QEMU's options. */
TEST(a_probe_is_understood)
{
    char *argv[] = {
        "qmp-helper", "-S", "-no-user-config", "-nodefaults", "-nographic",
        "-machine", "none,accel=xen", "-chardev",
        "socket,id=libxl-cmd,fd=23,server=on,wait=off", "-mon",
        "chardev=libxl-cmd,mode=control", NULL,
    };
    struct helper_args args;

    check_int(parse(&args, argv), 0);
    check_int(args.probe_fd, 23);
    check(freopen("/dev/null", "w", stderr) != NULL);
    argv[8] = "socket,id=libxl-cmd,fd=none,server=on,wait=off";
    check_int(parse(&args, argv), -1);
    argv[8] = "socket,id=libxl-cmd,fd=23,server=on,wait=off";
    argv[6] = "xenpv";
    check_int(parse(&args, argv), -1);
}

TEST(wrong_usage_is_refused)
{
    static const char *const domids[] = { "", "0", "x", "7x", "-1",
                                          "32752", "99999999999999999999" };
    char *none[] = { "qmp-helper", "-name", "x", NULL };
    char *cut[] = { "qmp-helper", "-xen-domid", NULL };
    struct helper_args args;

    check(freopen("/dev/null", "w", stderr) != NULL);
    check_int(parse(&args, none), -1);
    check_int(parse(&args, cut), -1);
    for (size_t i = 0; i < sizeof(domids) / sizeof(domids[0]); i++) {
        char *argv[] = { "qmp-helper", "-xen-domid", (char *)domids[i],
                         NULL };

        check_int(parse(&args, argv), -1);
    }
}

TEST(the_proxys_arguments_are_understood)
{
    char *argv[] = { "qmp-helper", "--state-path=/local/x", "7",
                     "/run/xen/qmp-libxl-6", NULL };
    char *wrong[][6] = {
        { "qmp-helper", "--state-path=/x", "7", NULL },
        { "qmp-helper", "--state-path=/x", "7", "relative", NULL },
        { "qmp-helper", "--state-path=", "7", "/s", NULL },
        { "qmp-helper", "--state-path=/x", "guest", "/s", NULL },
        { "qmp-helper", "--state-path=/x", "7", "/vchan", "/s", NULL },
    };
    struct helper_args args;

    check_int(parse(&args, argv), 0);
    check_int(args.domid, 7);
    check_str(args.state_path, "/local/x");
    check_str(args.toolstack, "/run/xen/qmp-libxl-6");
    check(freopen("/dev/null", "w", stderr) != NULL);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        check_int(parse(&args, wrong[i]), -1);
}

TEST(help_is_asked_for_in_qemus_way_too)
{
    char *ours[] = { "qmp-helper", "--help", NULL };
    char *qemus[] = { "qmp-helper", "-help", NULL };
    struct helper_args args;

    check_int(parse(&args, ours), 0);
    check(args.help);
    check_int(parse(&args, qemus), 0);
    check(args.help);
}

/* A process that waits, under the arguments of a proxy. */
static pid_t start_proxy(const char *name, const char *domid)
{
    int fds[2];
    char byte;
    pid_t pid;

    check_int(pipe2(fds, O_CLOEXEC), 0);
    pid = fork();
    if (!pid) {
        execl("/bin/sh", "/bin/sh", "-c", "while :; do read x; done </dev/ptmx",
              name, "--state-path=/x", domid, "/y", "/z", (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    /* Closed by exec. */
    check_int(read(fds[0], &byte, 1), 0);
    return pid;
}

/* No other test on this machine has that domain. */
TEST(a_proxy_that_nobody_wrote_down_is_found)
{
    uint32_t dm = (uint32_t)getpid();
    char domid[16];
    pid_t proxy;

    check_int(proxy_find(dm), 0);
    snprintf(domid, sizeof(domid), "%u", dm);
    proxy = start_proxy("/usr/bin/vchan-socket-proxy", domid);
    check_int(proxy_find(dm), proxy);
    check_int(proxy_end(proxy, dm), 0);
    check_int(waitpid(proxy, NULL, 0), proxy);
    check_int(proxy_find(dm), 0);
}

TEST(only_this_domains_proxy_is_ended)
{
    pid_t proxy = start_proxy("/usr/bin/vchan-socket-proxy", "12");
    pid_t other = start_proxy("/usr/bin/vchan-socket-proxy", "13");
    pid_t stranger = start_proxy("/usr/bin/something-else", "12");
    int status;

    check(proxy_is_ours(proxy, 12));
    check(!proxy_is_ours(other, 12));
    check(!proxy_is_ours(stranger, 12));
    check(freopen("/dev/null", "w", stderr) != NULL);
    check_int(proxy_end(other, 12), 0);
    check_int(proxy_end(stranger, 12), 0);
    check_int(waitpid(other, &status, WNOHANG), 0);
    check_int(waitpid(stranger, &status, WNOHANG), 0);
    check_int(proxy_end(proxy, 12), 0);
    check_int(waitpid(proxy, &status, 0), proxy);
    check(WIFSIGNALED(status));
    /* One that has gone is no error. */
    check_int(proxy_end(proxy, 12), 0);
    kill(other, SIGKILL);
    kill(stranger, SIGKILL);
}

TEST(a_socket_replaces_anothers_and_takes_only_itself_away)
{
    char dir[] = "/tmp/test_helper.XXXXXX", path[64];
    struct helper_socket first, second;
    struct stat st;

    check(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/s", dir);
    check_int(helper_socket_listen(&first, path), 0);
    check_int(helper_socket_listen(&second, path), 0);
    check_int(stat(path, &st), 0);
    check_int(st.st_mode & 0777, 0600);
    /* The first one's owner leaves the second's alone. */
    helper_socket_dispose(&first);
    check_int(stat(path, &st), 0);
    helper_socket_dispose(&second);
    helper_socket_dispose(&second);
    check_int(stat(path, &st), -1);
    check_int(rmdir(dir), 0);
}

TEST(a_path_too_long_is_refused)
{
    struct helper_socket s;
    char path[200];

    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    check_int(helper_socket_listen(&s, path), -1);
    check_int(errno, ENAMETOOLONG);
    check_int(s.fd, -1);
}

TEST(the_sockets_directory_comes_and_goes)
{
    char dir[] = "/tmp/test_helper.XXXXXX", base[64], path[80];
    struct helper_root one, two;
    struct stat st;

    umask(077);
    check(mkdtemp(dir) != NULL);
    snprintf(base, sizeof(base), "%s/xenqmp", dir);
    check_int(helper_root_make(&one, base, 6), 0);
    check_int(helper_root_make(&two, base, 8), 0);
    check_int(helper_root_make(&two, base, 8), 0);
    snprintf(path, sizeof(path), "%s/6", base);
    check_str(one.path, path);
    check_int(stat(path, &st), 0);
    check_int(st.st_mode & 0777, 0711);
    check_int(stat(base, &st), 0);
    check_int(st.st_mode & 0777, 0711);
    /* With what a killed xenconsoled has left in it. */
    snprintf(path, sizeof(path), "%s/6/console-3.ctl", base);
    check(open(path, O_CREAT | O_WRONLY, 0600) >= 0);
    helper_root_remove(&one);
    helper_root_remove(&one);
    check_int(stat(base, &st), 0);
    helper_root_remove(&two);
    check_int(rmdir(dir), 0);
    check_int(helper_root_make(&one, "/proc/xenqmp", 6), -1);
    check_str(one.path, "");
}

static bool is_six_or_seven(void *data, uint32_t domid)
{
    (void)data;
    return domid == 6 || domid == 7;
}

TEST(a_killed_helpers_directory_goes_with_the_next)
{
    char dir[] = "/tmp/test_helper.XXXXXX", base[64], path[80];
    static const char *const names[] = { "monitor", "vnc" };
    struct helper_root gone, also_gone, lives;
    struct stat st;

    check(mkdtemp(dir) != NULL);
    snprintf(base, sizeof(base), "%s/xenqmp", dir);
    check_int(helper_root_make(&gone, base, 6), 0);
    check_int(helper_root_make(&also_gone, base, 7), 0);
    check_int(helper_root_make(&lives, base, 8), 0);
    snprintf(path, sizeof(path), "%s/6/console-3", base);
    check(open(path, O_CREAT | O_WRONLY, 0600) >= 0);
    snprintf(path, sizeof(path), "%s/6/console-8", base);
    check(open(path, O_CREAT | O_WRONLY, 0600) >= 0);
    for (int i = 0; i < 2; i++)
        for (int domid = 7; domid < 9; domid++) {
            snprintf(path, sizeof(path), "%s/%s-%d", base, names[i], domid);
            check(open(path, O_CREAT | O_WRONLY, 0600) >= 0);
        }
    snprintf(path, sizeof(path), "%s/6x", base);
    check_int(mkdir(path, 0700), 0);
    helper_root_sweep(base, is_six_or_seven, NULL);
    for (int i = 0; i < 2; i++) {
        char left[80];

        snprintf(left, sizeof(left), "%s/%s-7", base, names[i]);
        check_int(unlink(left), -1);
        snprintf(left, sizeof(left), "%s/%s-8", base, names[i]);
        check_int(unlink(left), 0);
    }
    check_int(stat(gone.path, &st), -1);
    check_int(stat(also_gone.path, &st), -1);
    check_int(stat(lives.path, &st), 0);
    check_int(rmdir(path), 0);
    helper_root_remove(&lives);
    check_int(rmdir(dir), 0);
    helper_root_sweep(base, is_six_or_seven, NULL);
}

/* A daemon of one connection, which says this. */
static void greet(const char *path, const char *greeting)
{
    struct helper_socket s;
    pid_t pid;

    check_int(helper_socket_listen(&s, path), 0);
    pid = fork();
    if (!pid) {
        int fd;

        fcntl(s.fd, F_SETFL, 0);
        fd = accept(s.fd, NULL, NULL);
        if (write(fd, greeting, strlen(greeting)) < 0)
            _exit(1);
        _exit(0);
    }
    close(s.fd);
}

TEST(our_xenconsoled_is_known_by_its_greeting)
{
    char dir[] = "/tmp/test_helper.XXXXXX", path[64];

    check(freopen("/dev/null", "w", stderr) != NULL);
    check(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/s", dir);
    check_int(consoled_check(path, 6), -1);
    greet(path, "xenconsoled 1 4711 0.1.0\n");
    check_int(consoled_check(path, 6), 0);
    greet(path, "xenconsoled 10 4711 0.1.0\n");
    check_int(consoled_check(path, 6), -1);
    greet(path, "xencons");
    check_int(consoled_check(path, 6), -1);
    unlink(path);
    check_int(rmdir(dir), 0);
}

TAP_MAIN()
