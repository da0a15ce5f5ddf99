/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libxl/client/connect.c and client/open.c: addresses, descriptors,
 * terminals. */
/* A script answers one. */
#define XLQMP_RESET_REPEAT_MS 300000
#include "libxl/client/handshake.c"
#include "libxl/client/libxl_qmp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <termios.h>

#include "fake_qmp.h"
#include "tap.h"

static struct fake_qmp fake;
static xlqmp_ctx *ctx, *second;
static struct xlqmp_error error;

static const struct fake_qmp_step one_command[] = {
    FAKE_NEGOTIATION, { FAKE_HEAR, "\"a\"", 0 },
    { FAKE_SAY, FAKE_RETURN, 0 }, { FAKE_END, NULL, 0 },
};

static void check_refused(const char *address, enum xlqmp_rc rc,
                          const char *desc)
{
    check_int(xlqmp_open(NULL, address, 100, &ctx, &error), rc);
    check_int(error.rc, rc);
    if (!strstr(error.desc, desc))
        tap_fail("\"%s\" lacks \"%s\"", error.desc, desc);
    check_int(xlqmp_open(NULL, address, 100, &ctx, NULL), rc);
}

TEST(what_is_no_address)
{
    static const char *const addresses[] = {
        "", ":", "unix", "unix:", "/run/s", "tcp:", "tty:", "uni:x", "vsock:1",
        "unix2:/s", "UNIX:/s",
    };
    static const char *const no_hosts[] = {
        "tcp:host", "tcp::1", "tcp:host:", "tcp:::1:5", "tcp:[::1]",
        "tcp:[::1]5",
    };
    char path[200];

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        check_refused(addresses[i], XLQMP_ERROR_INVAL, "is no address");
    for (size_t i = 0; i < sizeof(no_hosts) / sizeof(no_hosts[0]); i++)
        check_refused(no_hosts[i], XLQMP_ERROR_INVAL, "not HOST:PORT");
    memset(path, 'p', sizeof(path));
    memcpy(path, "unix:", 5);
    path[sizeof(path) - 1] = '\0';
    check_refused(path, XLQMP_ERROR_INVAL, "longer than");
    memcpy(path, "tcp:h:", 6);
    check_refused(path, XLQMP_ERROR_INVAL, "not HOST:PORT");
    check_refused("tty:/dev/null", XLQMP_ERROR_INVAL, "not a terminal");
}

TEST(what_is_not_there)
{
    check_refused("unix:/nonexistent/s", XLQMP_ERROR_LOST,
                  "/nonexistent/s: No such file or directory");
    check_refused("tty:/nonexistent/s", XLQMP_ERROR_LOST,
                  "/nonexistent/s: No such file or directory");
    check_refused("tcp:127.0.0.1:no-such-service", XLQMP_ERROR_LOST,
                  "127.0.0.1:no-such-service: ");
    check_int(xlqmp_open_domain(NULL, 4294967295u, 100, &ctx, &error),
              XLQMP_ERROR_LOST);
    check(strstr(error.desc, "/run/xen/qmp-libxl-4294967295: No such"));
    xlqmp_close(NULL);
}

/* A listener on the loopback, at *port_r. */
static int listen_tcp(int *port_r)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t n = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    check(fd >= 0);
    check(!bind(fd, (struct sockaddr *)&address, sizeof(address)));
    check(!listen(fd, 1));
    check(!getsockname(fd, (struct sockaddr *)&address, &n));
    *port_r = ntohs(address.sin_port);
    return fd;
}

TEST(tcp)
{
    char address[64];
    int port, fd = listen_tcp(&port);

    fake_qmp_serve(&fake, one_command, fd, true);
    snprintf(address, sizeof(address), "tcp:127.0.0.1:%d", port);
    check_int(xlqmp_open(NULL, address, 60000, &ctx, &error), 0);
    check_int(xlqmp_command(ctx, "a", NULL, 60000, NULL, &error), 0);
    xlqmp_close(ctx);
    check(fake_qmp_end(&fake));
    /* The place is free again, and nobody listens. */
    check_refused(address, XLQMP_ERROR_LOST, "Connection refused");
}

TEST(unix_sockets)
{
    char address[80];

    fake_qmp_start(&fake, one_command);
    snprintf(address, sizeof(address), "unix:%s", fake.path);
    check_int(xlqmp_open(NULL, address, 60000, &ctx, &error), 0);
    check_int(xlqmp_command(ctx, "a", NULL, 60000, NULL, &error), 0);
    xlqmp_close(ctx);
    check(fake_qmp_end(&fake));
}

TEST(descriptors)
{
    int fds[2];

    check_int(xlqmp_open_fd(NULL, -1, 0, &ctx, &error), XLQMP_ERROR_LOST);
    check_int(xlqmp_open_fd(NULL, 0, 64, &ctx, &error), XLQMP_ERROR_INVAL);
    check_int(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    fake_qmp_serve(&fake, one_command, fds[1], false);
    check_int(xlqmp_open_fd(NULL, fds[0], 0, &ctx, &error), 0);
    check_int(xlqmp_command(ctx, "a", NULL, 60000, NULL, &error), 0);
    xlqmp_close(ctx);
    check(fake_qmp_end(&fake));
    /* It was the context's. */
    check_int(fcntl(fds[0], F_GETFD), -1);
}

/* A pseudo-terminal as xenconsoled gives a console one: the path of our
 * end; the other is *master_r. */
static const char *console(int *master_r)
{
    *master_r = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    check(*master_r >= 0 && !grantpt(*master_r) && !unlockpt(*master_r));
    return ptsname(*master_r);
}

/* The stubdomain's tty is still cooked: it echoes our reset. The line
 * before it is the kernel's. */
TEST(a_console_that_echoes)
{
    static const struct fake_qmp_step script[] = {
        { FAKE_SAY, "[    1.0] hvc3: up\r\n", 0 },
        { FAKE_HEAR, "\x18{\"execute\":\"qmp_reset\"", 0 },
        { FAKE_ECHO, NULL, 0 },
        { FAKE_SAY, FAKE_RETURN, 0 }, FAKE_NEGOTIATION,
        { FAKE_HEAR, "\"a\"", 0 }, { FAKE_SAY, FAKE_RETURN, 0 },
        { FAKE_HEAR, "\"b\"", 0 }, { FAKE_SAY, FAKE_RETURN, 0 },
        /* Its end hangs the terminal up: not before all was read. */
        { FAKE_HEAR, "\"c\"", 0 }, { FAKE_END, NULL, 0 },
    };
    char address[64], *json;
    struct termios termios;
    const char *path;
    int master, slave;

    path = console(&master);
    snprintf(address, sizeof(address), "tty:%s", path);
    slave = open(path, O_RDWR | O_NOCTTY);
    check_int(xlqmp_open(NULL, address, 0, &ctx, &error), 0);
    fake_qmp_serve(&fake, script, master, false);
    check_int(xlqmp_command(ctx, "a", NULL, 60000, &json, &error), 0);
    check_str(json, "{}");
    check_int(tcgetattr(slave, &termios), 0);
    check(!(termios.c_lflag & (ECHO | ICANON | ISIG)));
    check(!(termios.c_oflag & OPOST));
    /* One reader at a time. */
    check_int(xlqmp_open(NULL, address, 0, &second, &error),
              XLQMP_ERROR_LOST);
    check(strstr(error.desc, "another QMP client uses this terminal"));
    check_int(xlqmp_command(ctx, "b", NULL, 60000, NULL, &error), 0);
    check_int(xlqmp_command(ctx, "c", NULL, 60000, NULL, &error),
              XLQMP_ERROR_LOST);
    check(fake_qmp_end(&fake));
    xlqmp_close(ctx);
}

TEST(a_terminal_keeps_what_has_come)
{
    struct pollfd fd;
    int master, timeout = -1;
    char address[64];

    snprintf(address, sizeof(address), "tty:%s", console(&master));
    check_int(write(master, "late\n", 5), 5);
    check_int(xlqmp_open(NULL, address, 0, &ctx, &error), 0);
    xlqmp_beforepoll(ctx, &fd, &timeout);
    check(fcntl(fd.fd, F_GETFL) & O_NONBLOCK);
    check_int(fd.events, POLLIN | POLLOUT);
    /* The next qmp_reset. */
    check(timeout > XLQMP_RESET_REPEAT_MS / 2 &&
          timeout <= XLQMP_RESET_REPEAT_MS);
    check_int(poll(&fd, 1, 0), 1);
    check(fd.revents & POLLIN);
    /* Its other end goes. */
    close(master);
    check_int(xlqmp_wait_ready(ctx, 60000, &error), XLQMP_ERROR_LOST);
    xlqmp_close(ctx);
}

TAP_MAIN()
