/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "played_clock.h"

#include "console_fixture.h"

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

/* One more turn only if the output may have more. */
TEST(bytes_that_the_ring_took_whole_are_one_turn)
{
    int fd;

    start();
    serve_unix();
    fd = attach();
    settle();
    check_int(write(fd, "world", 5), 5);
    loop_run_once(&server.backend.loop, 0);
    check(!TAILQ_EMPTY(&server.backend.ready));
    ready_run(&server);
    check_int(page.in_prod, 5);
    check(TAILQ_EMPTY(&server.backend.ready));
    finish();
}

/* What the guest was told when its bytes went to the output. The linker
 * puts this in output_put()'s place. */
static uint32_t told;

size_t __real_output_put(struct output *output, const char *bytes, size_t n);
size_t __wrap_output_put(struct output *output, const char *bytes, size_t n);

size_t __wrap_output_put(struct output *output, const char *bytes, size_t n)
{
    told = page.out_cons;
    return __real_output_put(output, bytes, n);
}

/* A daemon that is killed between the two must not have said that it has
 * what it hasn't written. */
TEST(the_index_moves_after_the_bytes)
{
    start();
    serve_unix();
    attach();
    for (uint32_t i = 0; i < 3; i++) {
        guest_write(&page, "hello");
        fake_hv_kick(5, 4);
        settle();
        check_int(told, 5 * i);
        check_int(page.out_cons, 5 * (i + 1));
    }
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
    settle();
    check(page.out_cons != page.out_prod);
    clock_move(100);
    loop_run_once(&server.backend.loop, 0);
    settle();
    check_int(page.out_cons, page.out_prod);
    finish();
}

TEST(a_guest_that_reads_what_is_typed_is_not_slowed_down)
{
    struct fake_port *port;
    unsigned int unmasked;
    int fd;

    start();
    serve_unix();
    fd = attach();
    port = fake_hv_port(5, 4);
    unmasked = port->unmasked;
    for (int i = 0; i < 1000; i++) {
        check_int(write(fd, "x", 1), 1);
        settle();
        page.in_cons = page.in_prod;
        fake_hv_kick(5, 4);
        settle();
    }
    check_int(port->unmasked - unmasked, 1000);
    /* To and fro is no reading. */
    for (int i = 0; i < 1000; i++) {
        page.in_cons = page.in_prod - (unsigned int)(i % 2);
        fake_hv_kick(5, 4);
        settle();
    }
    check(port->unmasked - unmasked < 1200);
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
    console_queue(console(3));
    guest_write(&primary, "x");
    console_queue(console(0));
    for (unsigned int turn = 1; turn < 10; turn++) {
        ready_run(&server);
        check_int(page.out_cons, turn * 8192);
        check_int(primary.out_cons, 1);
    }
    fake_hv.on_notify = NULL;
    finish();
}

static void serve_logged(void)
{
    start();
    options.log_guest = true;
    options.log_dir = dir;
    fake_store_set("/local/domain/5/name", "good", 0);
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/output", "null", 0);
    fake_store_set(PRIMARY "/ring-ref", "77", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    settle();
}

static void fill(void)
{
    while (primary.out_prod - primary.out_cons < sizeof(primary.out))
        primary.out_prod++;
    fake_hv_kick(5, 2);
}

static void refill_primary(struct fake_port *port)
{
    if (port->remote == 2 && primary.out_prod < 1 << 20)
        fill();
}

TEST(a_log_gets_all_that_a_fast_guest_prints)
{
    char log[96];
    struct stat st;

    serve_logged();
    fake_hv.on_notify = refill_primary;
    fill();
    settle();
    fake_hv.on_notify = NULL;
    settle();
    check(primary.out_prod >= 1 << 20);
    check_int(primary.out_cons, primary.out_prod);
    snprintf(log, sizeof(log), "%s/guest-good.log", dir);
    check(!stat(log, &st));
    check_int(st.st_size, primary.out_prod);
    unlink(log);
    finish();
}

TEST(a_log_on_a_slow_disk_delays_its_guest_only_a_while)
{
    char log[96];

    serve_logged();
    fake_hv.on_notify = refill_primary;
    fill();
    /* As settle(), but nothing is done to files. */
    while (primary.out_cons < 1 << 20) {
        hv_event(&server, EPOLLIN);
        if (TAILQ_EMPTY(&server.backend.ready))
            clock_move(10);
        loop_run_once(&server.backend.loop, 0);
        ready_run(&server);
    }
    fake_hv.on_notify = NULL;
    settle();
    snprintf(log, sizeof(log), "%s/guest-good.log", dir);
    unlink(log);
    finish();
}

TAP_MAIN()
