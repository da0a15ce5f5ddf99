/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon but for Xen and xenstore: consoles, domains, flow, requests,
 * on fake_hv and fake_store. The guest is this test.
 */
#include "../../console/server.c"

#include "fake_hv.h"
#include "fake_store.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BE "/local/domain/0/backend/console/5/3"
#define FE "/local/domain/5/device/console/3"
#define PRIMARY "/local/domain/5/console"

int privileges_drop(void)
{
    return 0;
}

static struct server server;
static struct options options = { .log_dir = "/nonexistent" };
static struct xencons_interface primary, page, other_page;
static char dir[] = "/tmp/test_console.XXXXXX";
static char path[64], save[64];

/* Handles all that waits now. */
static void settle(void)
{
    do {
        /* The loop has no descriptors of Xen's here. */
        xs_event(&server, EPOLLIN);
        hv_event(&server, EPOLLIN);
        loop_run_once(&server.loop, 0);
        domains_read_dirty(&server);
        ready_run(&server);
    } while (!TAILQ_EMPTY(&server.ready) || !TAILQ_EMPTY(&server.dirty));
}

static void start(void)
{
    check(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/console", dir);
    snprintf(save, sizeof(save), "%s/save", dir);
    server.options = &options;
    server.hv = hv_open();
    server.xs = fake_store;
    TAILQ_INIT(&server.ready);
    TAILQ_INIT(&server.dirty);
    check(!loop_init(&server.loop));
    signal(SIGPIPE, SIG_IGN);
    fake_hv.alive[5] = true;
    fake_hv.rings[5][0] = &primary;
    fake_hv.rings[5][8] = &page;
    fake_hv.rings[5][9] = &other_page;
    check(!domains_init(&server));
}

static void finish(void)
{
    domains_dispose(&server);
    check_int(fake_hv.mapped, 0);
    for (int i = 0; i < FAKE_PORTS; i++)
        check(!fake_hv.ports[i].data);
    check_int(fake_store_watches(), 3);
    check(TAILQ_EMPTY(&server.ready));
    unlink(save);
    check(!rmdir(dir));
}

/* As libxl makes it. */
static void secondary_made(const char *type)
{
    fake_store_set(FE, "", 5);
    fake_store_set(FE "/state", "1", 5);
    fake_store_set(FE "/type", type, 0);
    fake_store_set(FE "/tty", "", 0);
    fake_store_set(BE, "", 0);
    fake_store_set(BE "/state", "1", 0);
}

static void ring_published(const char *ref, const char *port)
{
    fake_store_set(FE "/ring-ref", ref, 5);
    fake_store_set(FE "/port", port, 5);
    fake_store_set(FE "/state", "3", 5);
}

static void unix_output(void)
{
    char output[128];

    snprintf(output, sizeof(output), "unix:%s", path);
    fake_store_set(BE "/output", output, 0);
}

static struct console *console(unsigned int n)
{
    struct domain *d = domains_find(&server, 5);

    check(d && d->consoles[n]);
    return d->consoles[n];
}

static void guest_write(struct xencons_interface *ring, const char *bytes)
{
    for (; *bytes; bytes++) {
        check(ring->out_prod - ring->out_cons < sizeof(ring->out));
        ring->out[MASK_XENCONS_IDX(ring->out_prod++, ring->out)] = *bytes;
    }
}

static int attach(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    strcpy(address.sun_path, path);
    check(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
    settle();
    return fd;
}

static void expect(int fd, const char *text)
{
    char bytes[256];
    ssize_t n = read(fd, bytes, sizeof(bytes));

    check_mem(bytes, n < 0 ? 0 : (size_t)n, text, strlen(text));
}

static const char *host_request(const char *request)
{
    static struct qmp_buf reply;
    static char text[4096];

    qmp_buf_init(&reply, 1 << 20);
    requests_host(&server, request, &reply);
    snprintf(text, sizeof(text), "%.*s", (int)reply.len, reply.data);
    qmp_buf_dispose(&reply);
    return text;
}

static const char *console_request(const char *request)
{
    static char text[4096];
    struct qmp_buf reply;

    qmp_buf_init(&reply, 1 << 20);
    requests_console(&server, 5, request, &reply);
    snprintf(text, sizeof(text), "%.*s", (int)reply.len, reply.data);
    qmp_buf_dispose(&reply);
    return text;
}

static void serve_unix(void)
{
    secondary_made("xenconsoled");
    unix_output();
    settle();
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
}

TEST(handshake)
{
    start();
    secondary_made("xenconsoled");
    settle();
    check_int(console(3)->state, CONSOLE_WAITING);
    check_str(fake_store_get(BE "/state"), "2");
    check(!strncmp(fake_store_get(FE "/tty"), "/dev/pts/", 9));
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check_str(fake_store_get(BE "/state"), "4");
    check(fake_hv_port(5, 4));
    fake_store_set(FE "/state", "4", 5);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    fake_store_set(FE "/state", "5", 5);
    settle();
    check_str(fake_store_get(BE "/state"), "5");
    check_int(fake_hv.mapped, 0);
    fake_store_set(FE "/state", "6", 5);
    settle();
    check_str(fake_store_get(BE "/state"), "6");
    ring_published("9", "6");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check_str(fake_store_get(BE "/state"), "4");
    check(fake_hv_port(5, 6) && !fake_hv_port(5, 4));
    finish();
}

TEST(a_frontend_that_goes_straight_to_4)
{
    start();
    secondary_made("xenconsoled");
    ring_published("8", "4");
    fake_store_set(FE "/state", "4", 5);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    finish();
}

TEST(ioemu_is_not_touched_until_it_becomes_ours)
{
    start();
    secondary_made("ioemu");
    unix_output();
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_FOREIGN);
    check_str(fake_store_get(BE "/state"), "1");
    check_str(fake_store_get(FE "/tty"), "");
    check(access(path, F_OK));
    fake_store_set(BE "/type", "xenconsoled", 0);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check(!access(path, F_OK));
    fake_store_set(BE "/type", "ioemu", 0);
    settle();
    check_int(console(3)->state, CONSOLE_FOREIGN);
    check_int(fake_hv.mapped, 0);
    check(access(path, F_OK));
    finish();
}

TEST(a_guest_cannot_choose_the_output)
{
    start();
    secondary_made("xenconsoled");
    fake_store_set(FE "/output", "pipe:/etc/passwd", 5);
    ring_published("8", "4");
    settle();
    check_int(console(3)->settings.kind, OUTPUT_PTY);
    guest_write(&page, "?");
    fake_hv_kick(5, 4);
    settle();
    check_int(page.in_prod, 0);
    finish();
}

TEST(bytes_both_ways)
{
    int fd;

    start();
    serve_unix();
    fd = attach();
    guest_write(&page, "hello");
    fake_hv_kick(5, 4);
    settle();
    expect(fd, "hello");
    check_int(page.out_cons, 5);
    check(fake_hv_port(5, 4)->notified > 0);
    check(!fake_hv_port(5, 4)->masked);
    check_int(write(fd, "world", 5), 5);
    settle();
    check_int(page.in_prod, 5);
    check_mem(page.in, 5, "world", 5);
    check_int(console(3)->counters.sent, 5);
    check_int(console(3)->counters.received, 5);
    finish();
}

TEST(a_full_input_ring_waits_for_the_guest)
{
    char bytes[1500];
    int fd;

    start();
    serve_unix();
    fd = attach();
    memset(bytes, 'x', sizeof(bytes));
    check_int(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
    settle();
    check_int(page.in_prod, 1024);
    page.in_cons = 1000;
    fake_hv_kick(5, 4);
    settle();
    check_int(page.in_prod, 1500);
    /* And it listens again. */
    page.in_cons = 1500;
    check_int(write(fd, "y", 1), 1);
    settle();
    check_int(page.in_prod, 1501);
    finish();
}

TEST(a_slow_reader_loses_nothing)
{
    unsigned int sent = 0, got = 0;
    char bytes[4096];
    ssize_t n;
    int fd;

    start();
    fake_store_set(BE "/limit", "4096", 0);
    serve_unix();
    fd = attach();
    /* Until socket, buffer and ring are full. */
    while (page.out_prod - page.out_cons < sizeof(page.out)) {
        page.out[MASK_XENCONS_IDX(page.out_prod++, page.out)] =
            (char)(sent++ % 251);
        if (sent % 1000 == 0) {
            fake_hv_kick(5, 4);
            settle();
        }
    }
    while (got < sent) {
        n = read(fd, bytes, sizeof(bytes));
        for (ssize_t i = 0; i < n; i++)
            check_int((unsigned char)bytes[i], got++ % 251);
        settle();
    }
    check_int(page.out_cons, page.out_prod);
    check_int(console(3)->counters.delivered, sent);
    finish();
}

TEST(nothing_old_for_a_new_reader)
{
    int fd;

    start();
    serve_unix();
    guest_write(&page, "before");
    fd = attach();
    guest_write(&page, "after");
    fake_hv_kick(5, 4);
    settle();
    expect(fd, "after");
    check_int(console(3)->counters.dropped, 6);
    finish();
}

TEST(bad_counters_park_one_console)
{
    int fd;

    start();
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    serve_unix();
    fd = attach();
    page.out_prod = 1000000;
    fake_hv_kick(5, 4);
    settle();
    check_int(console(3)->state, CONSOLE_PARKED);
    check_int(console(0)->state, CONSOLE_SERVING);
    check_int(fake_hv.mapped, 1);
    check_int(page.out_cons, 0);
    expect(fd, "");
    /* Other keys do not bring it back; a new ring does. */
    page.out_prod = 0;
    fake_store_set(BE "/name", "x", 0);
    settle();
    check_int(console(3)->state, CONSOLE_PARKED);
    ring_published("9", "6");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    finish();
}

TEST(a_resume_with_the_same_numbers)
{
    start();
    serve_unix();
    guest_write(&page, "abc");
    fake_hv_kick(5, 4);
    settle();
    fake_store_set(FE "/state", "4", 5);
    settle();
    /* The page is zeroed before it is published again. */
    memset(&page, 0, sizeof(page));
    fake_hv_kick(5, 4);
    settle();
    check_int(console(3)->state, CONSOLE_PARKED);
    fake_store_set(BE "/state", "4", 0);
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    guest_write(&page, "def");
    fake_hv_kick(5, 4);
    settle();
    check_int(page.out_cons, 3);
    finish();
}

TEST(a_port_that_was_closed_is_bound_again)
{
    start();
    serve_unix();
    fake_store_set(FE "/state", "4", 5);
    settle();
    fake_hv_port(5, 4)->closed = true;
    fake_store_set(FE "/port", "4", 5);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check(!fake_hv_port(5, 4)->closed);
    finish();
}

TEST(adoption_of_a_ring_in_use)
{
    int fd;

    start();
    page.out_cons = page.out_prod = 0xfffffffe;
    guest_write(&page, "kept");
    serve_unix();
    fake_store_set(FE "/state", "4", 5);
    fd = attach();
    guest_write(&page, "!");
    fake_hv_kick(5, 4);
    settle();
    expect(fd, "!");
    check_int(page.out_cons, page.out_prod);
    check_int(console(3)->counters.received, 5);
    finish();
}

TEST(a_ring_that_cannot_be_mapped)
{
    start();
    secondary_made("xenconsoled");
    ring_published("15", "4");
    settle();
    check_int(console(3)->state, CONSOLE_WAITING);
    check(strcmp(fake_store_get(BE "/state"), "4"));
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    finish();
}

TEST(the_guest_deletes_its_directory)
{
    int fd;

    start();
    serve_unix();
    fake_store_set(BE "/type", "xenconsoled", 0);
    settle();
    fd = attach();
    fake_store_remove(FE);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    guest_write(&page, "on");
    fake_hv_kick(5, 4);
    settle();
    expect(fd, "on");
    check(!fake_store_get(FE "/tty"));
    check(!fake_store_get(FE));
    finish();
}

TEST(the_guest_deletes_its_directory_with_the_only_type)
{
    int fd;

    start();
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    serve_unix();
    fd = attach();
    fake_store_remove(FE);
    settle();
    check_int(console(3)->state, CONSOLE_FOREIGN);
    expect(fd, "");
    check_int(console(0)->state, CONSOLE_SERVING);
    check(!fake_store_get(FE));
    finish();
}

TEST(the_toolstack_deletes_the_console)
{
    start();
    serve_unix();
    fake_store_remove(BE);
    settle();
    check(!domains_find(&server, 5)->consoles[3]);
    check(access(path, F_OK));
    check(!fake_store_get(BE "/state"));
    finish();
}

TEST(the_domain_dies)
{
    int fd;

    start();
    serve_unix();
    fd = attach();
    guest_write(&page, "last words");
    fake_hv.alive[5] = false;
    fake_store_set("@releaseDomain", "", 0);
    settle();
    check(!domains_find(&server, 5));
    check_int(fake_hv.mapped, 0);
    expect(fd, "last words");
    finish();
}

TEST(save_through_the_control_socket)
{
    char output[128], text[8];
    int fd;

    start();
    check_str(console_request("save-begin"),
              "error domain 5 has no console with policy save\n");
    secondary_made("xenconsoled");
    snprintf(output, sizeof(output), "file:%s", save);
    fake_store_set(BE "/policy", "save", 0);
    fake_store_set(BE "/output", output, 0);
    settle();
    ring_published("8", "4");
    settle();
    check_str(console_request("nonsense"), "error unknown request; known "
              "are save-begin and sync\n");
    snprintf(output, sizeof(output), "error the state is not in %s: "
             "no save has begun\n", save);
    check_str(console_request("sync"), output);
    /* What was in the ring before is not part of it; what is in the ring
     * at sync is, without any event. */
    guest_write(&page, "old");
    check_str(console_request("save-begin"), "ok\n");
    guest_write(&page, "state");
    check_str(console_request("sync"), "ok 5\n");
    check_int(page.out_cons, 8);
    fd = open(save, O_RDONLY);
    expect(fd, "state") ;
    check_int(read(fd, text, sizeof(text)), 0);
    finish();
}

TEST(a_storm_of_events_is_slowed_down)
{
    struct fake_port *port;
    unsigned int unmasked;

    start();
    serve_unix();
    port = fake_hv_port(5, 4);
    unmasked = port->unmasked;
    for (int i = 0; i < 10000; i++) {
        fake_hv_kick(5, 4);
        settle();
    }
    check(port->unmasked - unmasked <= 10000 / 10);
    /* It is heard again later, by itself. */
    guest_write(&page, "x");
    while (page.out_cons != page.out_prod) {
        loop_run_once(&server.loop, 10);
        settle();
    }
    finish();
}

TEST(useful_events_are_not_slowed_down)
{
    start();
    serve_unix();
    for (int i = 0; i < 10000; i++) {
        guest_write(&page, "x");
        fake_hv_kick(5, 4);
        settle();
        check_int(page.out_cons, page.out_prod);
    }
    finish();
}

/* A guest on another processor: its ring is full again at once. */
static void refill(struct fake_port *port)
{
    if (port->remote == 4)
        page.out_prod = page.out_cons + 2048;
}

TEST(a_flood_leaves_the_others_their_turn)
{
    start();
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/output", "null", 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    serve_unix();
    page.out_prod += 2048;
    fake_hv.on_notify = refill;
    server_queue(&server, console(3));
    guest_write(&primary, "x");
    server_queue(&server, console(0));
    for (unsigned int turn = 1; turn < 10; turn++) {
        ready_run(&server);
        check_int(page.out_cons, turn * 8192);
        check_int(primary.out_cons, 1);
    }
    fake_hv.on_notify = NULL;
    finish();
}

TEST(a_guest_that_writes_keys_without_end_is_put_off)
{
    unsigned int reads;

    start();
    serve_unix();
    reads = fake_store_reads();
    for (int i = 0; i < 5000; i++) {
        fake_store_set(FE "/state", i % 2 ? "4" : "0", 5);
        settle();
    }
    check(fake_store_reads() - reads < 5000);
    fake_store_set(FE "/state", "5", 5);
    while (console(3)->state != CONSOLE_CLOSED) {
        loop_run_once(&server.loop, 10);
        settle();
    }
    finish();
}

TEST(nonsense_settings)
{
    start();
    secondary_made("xenconsoled");
    fake_store_set(BE "/output", "file:relative", 0);
    ring_published("8", "4");
    settle();
    check_int(console(3)->state, CONSOLE_FAILED);
    check_str(fake_store_get(BE "/state"), "1");
    unix_output();
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    finish();
}

TEST(a_new_output_while_serving)
{
    start();
    serve_unix();
    fake_store_set(BE "/output", "null", 0);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check_int(console(3)->settings.kind, OUTPUT_NULL);
    check(access(path, F_OK));
    finish();
}

TEST(list)
{
    char expected[512];

    start();
    serve_unix();
    fake_store_set(BE "/name", "a b%\n", 0);
    settle();
    guest_write(&page, "abc");
    fake_hv_kick(5, 4);
    settle();
    snprintf(expected, sizeof(expected), "domid=5 console=0 name= "
             "type=xenconsoled state=foreign output= tty= received=0 sent=0 "
             "dropped=0 buffered=0 attached=0\n"
             "domid=5 console=3 name=a%%20b%%25%%0A "
             "type=xenconsoled state=serving output=unix:%s tty= "
             "received=3 sent=0 dropped=3 buffered=0 attached=0\nok\n",
             path);
    check_str(host_request("list"), expected);
    check_str(host_request("list 5"), expected);
    check_str(host_request("list 6"), "error there is no domain 6\n");
    check_str(host_request("list x"), "error not a domain's number: x\n");
    check_str(host_request("ping"), "ok\n");
    check_str(host_request("pong"),
              "error unknown request; known are list [<domid>] and ping\n");
    finish();
}

TEST(the_primary_console)
{
    int fd;

    start();
    settle();
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/tty", "", 0);
    settle();
    check_int(console(0)->state, CONSOLE_FOREIGN);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    settle();
    check_int(console(0)->state, CONSOLE_SERVING);
    check(!fake_store_get(PRIMARY "/state"));
    guest_write(&primary, "login:");
    fake_hv_kick(5, 2);
    settle();
    fd = open(fake_store_get(PRIMARY "/tty"),
              O_RDWR | O_NOCTTY | O_NONBLOCK);
    expect(fd, "login:");
    finish();
}

TEST(the_guest_s_log)
{
    char log[96], text[64] = "";
    int fd;

    start();
    options.log_guest = true;
    options.log_dir = dir;
    fake_store_set("/local/domain/5/name", "../evil", 0);
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    settle();
    check(!logfile_is_open(&console(0)->log));
    fake_store_set("/local/domain/5/name", "good", 0);
    domains_each(&server, log_reopen, NULL);
    guest_write(&primary, "boot");
    fake_hv_kick(5, 2);
    settle();
    snprintf(log, sizeof(log), "%s/guest-good.log", dir);
    fd = open(log, O_RDONLY);
    check_int(read(fd, text, sizeof(text)), 4);
    check_str(text, "boot");
    unlink(log);
    finish();
}

TAP_MAIN()
