/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper/display.c: libxl's frame buffer in, a listening socket out. */
#include "libxl/helper/display.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "fake_store.h"
#include "pki.h"
#include "tools/common/log.h"
#include "tap.h"

#define GUEST 5
#define DM    6
#define VFB   "/local/domain/0/backend/vfb/6/0/"

static char log_text[4096];
/* As it is without qmp-helper.conf. */
static struct helper_config config = { .vnc_tcp = true };

/* As libxl leaves it, with its defaults. NULL: not set. */
static void configure(const char *listen, const char *number,
                      const char *unused, const char *password)
{
    fake_store_forget();
    fake_store_set(VFB "vnc", "1", 0);
    fake_store_set(VFB "vnclisten", listen ? listen : "127.0.0.1", 0);
    fake_store_set(VFB "vncdisplay", number ? number : "0", 0);
    fake_store_set(VFB "vncunused", unused ? unused : "1", 0);
    if (password)
        fake_store_set(VFB "vncpasswd", password, 0);
    fake_store_set(VFB "sdl", "0", 0);
}

/* Runs fn; what it wrote to its log is in log_text. */
static int logged(int (*fn)(struct helper_display *), struct helper_display *d)
{
    int fds[2], saved = dup(2), r;
    ssize_t n;

    check(!pipe2(fds, O_NONBLOCK));
    dup2(fds[1], 2);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_INFO);
    r = fn(d);
    dup2(saved, 2);
    n = read(fds[0], log_text, sizeof(log_text) - 1);
    log_text[n > 0 ? n : 0] = '\0';
    close(fds[0]);
    close(fds[1]);
    close(saved);
    return r;
}

static int begin(struct helper_display *d)
{
    return display_read(d, &config, fake_store, GUEST, DM) ||
           (d->wanted && display_listen(d, GUEST)) ? -1 : 0;
}

/* One line, and that is in it. */
static void check_refused(const char *why)
{
    struct helper_display d = HELPER_DISPLAY_NONE;

    check_int(logged(begin, &d), -1);
    if (!strstr(log_text, why) ||
        strchr(log_text, '\n') != log_text + strlen(log_text) - 1)
        tap_fail("%s", log_text);
    check_int(d.fd, -1);
}

/* A port that somebody has, as a display's number. */
static int taken(const char *address, char number_r[16])
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    check_int(inet_pton(AF_INET, address, &at.sin_addr), 1);
    for (int n = 300; n < 1300; n++) {
        at.sin_port = htons((uint16_t)(5900 + n));
        snprintf(number_r, 16, "%d", n);
        if (!bind(fd, (struct sockaddr *)&at, sizeof(at)) && !listen(fd, 1))
            return fd;
    }
    tap_fail("no port is free");
}

TEST(it_listens_where_libxl_would_have_qemu_listen)
{
    static const struct { const char *listen, *number, *host; int port; }
    places[] = {
        { "127.0.0.1", "1400", "127.0.0.1", 7300 },
        { "127.0.0.1:1401", "0", "127.0.0.1", 7301 },
        { "localhost:1402", "0", "127.0.0.1", 7302 },
        { "0.0.0.0", "1403", "0.0.0.0", 7303 },
        { "", "1404", "0.0.0.0", 7304 },
    };

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct helper_display d = HELPER_DISPLAY_NONE;
        int port;

        configure(places[i].listen, places[i].number, NULL, NULL);
        check_int(logged(begin, &d), 0);
        check_str(d.host, places[i].host);
        port = atoi(d.port);
        /* Or one behind it, if another has that. */
        check(port >= places[i].port && port < places[i].port + 100);
        check(strstr(d.reply, "\"auth\": \"none\""));
        check(d.fd >= 0);
        display_close(&d);
    }
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t n = sizeof(value);

    check(!getsockopt(fd, level, name, &value, &n));
    return value;
}

/* Nothing is said by one whose host has lost its network. */
TEST(a_viewer_that_is_gone_is_missed)
{
    struct helper_display d = HELPER_DISPLAY_NONE;
    struct sockaddr_in at = { .sin_family = AF_INET };
    int viewer = socket(AF_INET, SOCK_STREAM, 0), fd;

    configure(NULL, "2200", NULL, NULL);
    check_int(logged(begin, &d), 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)atoi(d.port));
    check(!connect(viewer, (struct sockaddr *)&at, sizeof(at)));
    fd = accept(d.fd, NULL, NULL);
    check_int(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    check_int(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
              option(fd, IPPROTO_TCP, TCP_KEEPINTVL) *
              option(fd, IPPROTO_TCP, TCP_KEEPCNT), 120);
    check_int(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    close(viewer);
    close(fd);
    display_close(&d);
}

static bool has_ipv6(void)
{
    const struct sockaddr_in6 at = {
        .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT,
    };
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = !bind(fd, (const struct sockaddr *)&at, sizeof(at));

    close(fd);
    return has;
}

TEST(it_listens_at_ipv6)
{
    static const char *const places[] = { "[::1]:1410", "[::1]", "::1" };

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct helper_display d = HELPER_DISPLAY_NONE;
        struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
        char reply[256];
        socklen_t n = sizeof(at);

        configure(places[i], i ? "1410" : "0", NULL, NULL);
        if (!has_ipv6()) {
            check_refused("cannot listen at ::1, display 1410: ");
            continue;
        }
        check_int(logged(begin, &d), 0);
        check_str(log_text, "");
        check_int(getsockname(d.fd, (struct sockaddr *)&at, &n), 0);
        check(IN6_IS_ADDR_LOOPBACK(&at.sin6_addr));
        check_int(ntohs(at.sin6_port), atoi(d.port));
        check(atoi(d.port) >= 7310 && atoi(d.port) < 7410);
        snprintf(reply, sizeof(reply), "{\"enabled\": true, \"host\": "
                 "\"::1\", \"service\": \"%s\", \"family\": \"ipv6\", "
                 "\"auth\": \"none\", \"clients\": []}", d.port);
        check_str(d.reply, reply);
        check(display_publish(&d, fake_store, GUEST, DM));
        check_str(fake_store_get("/local/domain/5/console/vnc-listen"),
                  "::1");
        display_close(&d);
    }
}

TEST(a_port_that_is_taken)
{
    struct helper_display d = HELPER_DISPLAY_NONE;
    char number[16], port[16];
    int fd = taken("127.0.0.1", number);

    configure(NULL, number, "0", NULL);
    check_refused("vncunused=1 takes one that is free");
    configure(NULL, number, "1", NULL);
    check_int(logged(begin, &d), 0);
    snprintf(port, sizeof(port), "%d", 5900 + atoi(number));
    check(strcmp(d.port, port));
    display_close(&d);
    close(fd);
}

TEST(what_is_no_address_is_refused)
{
    static const struct { const char *listen, *number, *why; } places[] = {
        { "nowhere", "0", "is no address" },
        { "host.example", "0", "is no address" },
        { "192.0.2.1", "0", "takes an address of this host's" },
        { "127.0.0.1:x", "0", "is no address and display" },
        { "127.0.0.1:60000", "0", "is no address and display" },
        { "127.0.0.1:-1", "0", "is no address and display" },
        { "[::1", "0", "is no address and display" },
        { "[::1]x:1", "0", "is no address and display" },
        { "127.0.0.1", "-1", "is no address and display" },
        { "127.0.0.1", "59636", "is no address and display" },
        { "127.0.0.1", "99999999999999999999", "is no address and display" },
    };

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        configure(places[i].listen, places[i].number, NULL, NULL);
        check_refused(places[i].why);
    }
}

TEST(sdl_is_refused_by_name)
{
    configure(NULL, NULL, NULL, NULL);
    fake_store_set(VFB "sdl", "1", 0);
    check_refused("sdl=1");
}

TEST(without_vnc_there_is_none)
{
    struct helper_display d = HELPER_DISPLAY_NONE;

    fake_store_forget();
    check_int(logged(begin, &d), 0);
    check(!d.wanted);
    configure(NULL, NULL, NULL, NULL);
    fake_store_set(VFB "vnc", "0", 0);
    check_int(logged(begin, &d), 0);
    check(!d.wanted);
    check_int(d.fd, -1);
}

/* What a stubdomain writes has no say. */
TEST(only_dom0s_nodes_count)
{
    struct helper_display d = HELPER_DISPLAY_NONE;

    configure(NULL, "1500", NULL, NULL);
    fake_store_set(VFB "vnclisten", "0.0.0.0", DM);
    check_int(logged(begin, &d), 0);
    check_str(d.host, "127.0.0.1");
    display_close(&d);
}

TEST(the_password_is_for_dom0_alone)
{
    struct helper_display d = HELPER_DISPLAY_NONE;

    configure(NULL, "1600", NULL, "geheim");
    fake_store_set("/local/domain/6/vm", "/vm/u", 0);
    fake_store_set("/vm/u/vncpasswd", "geheim", 0);
    check_int(logged(begin, &d), 0);
    check_str(log_text, "");
    check_str(d.password, "geheim");
    check(strstr(d.reply, "\"auth\": \"vnc\""));
    check(!strstr(d.reply, "geheim"));
    check(display_publish(&d, fake_store, GUEST, DM));
    check_str(fake_store_get("/local/domain/5/console/vnc-port"), d.port);
    check_str(fake_store_get("/local/domain/5/console/vnc-listen"),
              "127.0.0.1");
    check_str(fake_store_get("/local/domain/5/console/vnc-pass"), "geheim");
    check(fake_store_is_private("/local/domain/5/console/vnc-pass"));
    /* libxl writes into it later. */
    check_str(fake_store_get("/local/domain/6/console/vnc-pass"), "");
    check(fake_store_is_private("/local/domain/6/console/vnc-pass"));
    check(!fake_store_get("/vm/u/vncpasswd"));
    display_close(&d);
}

/* A line, but only where others than the host's own can reach it. */
TEST(who_lets_everybody_look_is_told_so)
{
    static const struct {
        const char *listen, *password;
        bool tls, verify, told;
    } cases[] = {
        { "127.0.0.1", NULL, false, false, false },
        { "127.1.2.3", NULL, false, false, false },
        { "0.0.0.0", NULL, false, false, true },
        { "", NULL, false, false, true },
        { "0.0.0.0", "geheim", false, false, false },
        { "0.0.0.0", NULL, true, false, true },
        { "0.0.0.0", NULL, false, true, true },
        { "0.0.0.0", "geheim", true, false, false },
        { "0.0.0.0", NULL, true, true, false },
    };

    pki_begin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct helper_display d = HELPER_DISPLAY_NONE;

        configure(cases[i].listen, "1800", NULL, cases[i].password);
        strcpy(config.tls_dir, cases[i].tls ? pki.dir : "");
        config.tls_verify = cases[i].verify;
        check_int(logged(begin, &d), 0);
        if (!!strstr(log_text, "can see and use its display") !=
            cases[i].told)
            tap_fail("case %zu: %s", i, log_text);
        check(cases[i].told || !*log_text);
        display_close(&d);
    }
    *config.tls_dir = '\0';
    config.tls_verify = false;
    pki_end();
}

TEST(tls_is_what_qmp_helper_conf_says)
{
    struct helper_display d = HELPER_DISPLAY_NONE;
    struct display_config worker = { .listen_n = 0 };

    pki_begin();
    strcpy(config.tls_dir, pki.dir);
    config.tls_verify = true;
    configure(NULL, "1900", NULL, "geheim");
    check_int(logged(begin, &d), 0);
    check(strstr(d.reply, "\"auth\": \"vencrypt+x509+vnc\""));
    display_pass(&d, &worker);
    check_int(worker.listen_n, 1);
    check(worker.listen_tls[0] && worker.tls_verify);
    check_str(worker.tls_dir, pki.dir);
    check_str(worker.password, "geheim");
    display_close(&d);
    pki_remove("server-key.pem");
    check_refused("cannot have TLS, which qmp-helper.conf asks for: /tmp/");
    check_refused("server-key.pem: No such file");
    *config.tls_dir = '\0';
    config.tls_verify = false;
    pki_end();
}

static int ask_for_tls(struct helper_display *d)
{
    return display_has_tls(d, GUEST) ? 0 : -1;
}

/* As it is renewed. */
TEST(tls_that_is_lacking_later_is_told_of_once)
{
    struct helper_display d = HELPER_DISPLAY_NONE;

    pki_begin();
    strcpy(config.tls_dir, pki.dir);
    configure(NULL, "1900", NULL, NULL);
    check_int(logged(begin, &d), 0);
    for (int i = 0; i < 2; i++) {
        pki_write_key(pki.dir, "server-key.pem", pki.client.key);
        check_int(logged(ask_for_tls, &d), -1);
        check(strstr(log_text, "domain 5: display: /tmp/"));
        check(strstr(log_text, "; nobody can look until it is mended"));
        check_int(logged(ask_for_tls, &d), -1);
        check_str(log_text, "");
        pki_write_key(pki.dir, "server-key.pem", pki.server.key);
        check_int(logged(ask_for_tls, &d), 0);
        check_str(log_text, "");
    }
    display_close(&d);
    /* Nor is any where nobody wants it. */
    *config.tls_dir = '\0';
    pki_end();
    check_int(logged(ask_for_tls, &d), 0);
}

/* A display worker that is started again has no right to it. */
TEST_AS_ROOT(a_key_that_is_not_roots_is_refused_at_once)
{
    char path[64];

    pki_begin();
    strcpy(config.tls_dir, pki.dir);
    configure(NULL, "1900", NULL, NULL);
    snprintf(path, sizeof(path), "%s/server-key.pem", pki.dir);
    check(!chmod(path, 0600) && !chown(path, 65533, 65533));
    check_refused("server-key.pem: Permission denied");
    /* The rights are back: access() would not tell. */
    check(open(path, O_RDONLY) >= 0);
    *config.tls_dir = '\0';
    pki_end();
}

/* What it would have asked for is not known. */
TEST(a_qmp_helper_conf_that_is_wrong_opens_nothing)
{
    configure(NULL, "2000", NULL, NULL);
    strcpy(config.wrong, "/etc/x, line 1: no");
    check_refused("its display cannot start: /etc/x, line 1: no; or use "
                  "vnc=0");
    *config.wrong = '\0';
}

TEST(there_is_a_socket_and_maybe_no_port)
{
    struct helper_display d = HELPER_DISPLAY_NONE;
    struct display_config worker = { .listen_n = 0 };
    char dir[] = "/tmp/test_display.XXXXXX", path[64];
    struct stat st;

    check(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/vnc-5", dir);
    for (int tcp = 0; tcp < 2; tcp++) {
        config.vnc_tcp = tcp;
        config.vnc = (struct helper_access){
            .set = !tcp, .group = getegid(), .mode = 0666,
        };
        configure(NULL, "2100", NULL, NULL);
        check_int(logged(begin, &d), 0);
        check_int(display_listen_socket(&d, dir, GUEST), 0);
        check(!stat(path, &st) && S_ISSOCK(st.st_mode));
        check_int(st.st_mode & 0777, tcp ? 0600 : 0666);
        display_pass(&d, &worker);
        check_int(worker.listen_n, 1 + tcp);
        check(!worker.listen_tls[0]);
        check(!!strstr(d.reply, "\"enabled\": true") == tcp);
        check(display_publish(&d, fake_store, GUEST, DM));
        check(!!fake_store_get("/local/domain/5/console/vnc-port") == tcp);
        display_withdraw(fake_store, GUEST);
        check(!fake_store_get("/local/domain/5/console/vnc-port"));
        check(!fake_store_get("/local/domain/5/console/vnc-listen"));
        display_close(&d);
        check(stat(path, &st));
    }
    check(!rmdir(dir));
    check(display_listen_socket(&d, dir, GUEST));
}

TEST(eight_characters_of_a_password_count)
{
    struct helper_display d = HELPER_DISPLAY_NONE;

    configure(NULL, "1700", NULL, "12345678");
    check_int(logged(begin, &d), 0);
    check_str(log_text, "");
    display_close(&d);
    configure(NULL, "1700", NULL, "123456789");
    check_int(logged(begin, &d), 0);
    check(strstr(log_text, "only the first 8 characters"));
    check_str(d.password, "12345678");
    display_close(&d);
}

TAP_MAIN()
