/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console_fixture.h"

#include <malloc.h>

TEST(the_toolstack_deletes_the_console)
{
    start();
    serve_unix();
    fake_store_remove(BE);
    settle();
    check(!domains_find(&server.domains, 5)->guest.consoles[3]);
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
    check(!domains_find(&server.domains, 5));
    check_int(fake_hv.mapped, 0);
    expect(fd, "last words");
    finish();
}

/* Whose consoles no daemon opens again: it was killed, and they went. */
/* By a key that nobody else writes; dom0 hears of others' ends, too. */
TEST(a_socket_s_reader_is_told_that_the_domain_has_shut_down)
{
    unsigned int requests;

    start();
    secondary_made("xenconsoled");
    unix_output();
    ring_published("8", "4");
    settle();
    domains_event(&server.domains, "@releaseDomain", "domains");
    settle();
    check(!fake_store_get(BE "/shut-down"));
    fake_hv.shut_down[5] = true;
    domains_event(&server.domains, "@releaseDomain", "domains");
    settle();
    check_str(fake_store_get(BE "/shut-down"), "1");
    check_int(console(3)->state, CONSOLE_SERVING);
    /* Once. */
    requests = fake_store_requests();
    domains_event(&server.domains, "@releaseDomain", "domains");
    settle();
    check_int(fake_store_requests(), requests);
    finish();
}

TEST(others_consoles_have_no_reader_to_tell)
{
    start();
    secondary_made("xenconsoled");
    ring_published("8", "4");
    fake_hv.shut_down[5] = true;
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check(!fake_store_get(BE "/shut-down"));
    finish();
}

TEST(a_dead_domains_records_go)
{
    char dead[256], alive[256];

    start();
    serve_unix();
    fake_hv.alive[6] = true;
    snprintf(dead, sizeof(dead), "%s/5-2", records);
    snprintf(alive, sizeof(alive), "%s/6-2", records);
    check(creat(dead, 0600) >= 0);
    check(creat(alive, 0600) >= 0);
    fake_hv.alive[5] = false;
    fake_store_set("@releaseDomain", "", 0);
    settle();
    check(access(dead, F_OK));
    check(!unlink(alive));
    finish();
}

TEST(a_guest_that_writes_keys_without_end_is_put_off)
{
    unsigned int reads;

    start();
    serve_unix();
    refresh_gap_ms = 25;
    reads = fake_store_requests();
    for (int i = 0; i < 5000; i++) {
        fake_store_set(FE "/state", i % 2 ? "4" : "0", 5);
        settle();
    }
    check(fake_store_requests() - reads < 5000);
    fake_store_set(FE "/state", "5", 5);
    while (console(3)->state != CONSOLE_CLOSED) {
        loop_run_once(&server.backend.loop, 10);
        settle();
    }
    finish();
}

/* As Linux says that it has seen the backend's 4. */
static void serve_linux(void)
{
    serve_unix();
    fake_store_set(FE "/state", "4", 5);
    settle();
}

/* Xen is asked for the domains, and what was left of them taken over. */
static void first_steps(void)
{
    struct domain *d;

    xs_event(&server, EPOLLIN);
    do
        domains_step(&server.domains);
    while ((d = TAILQ_FIRST(&server.domains.unlisted)) &&
           d->stage != DOMAIN_LIST);
}

TEST(what_a_daemon_was_connected_to_is_served_before_xenstored_is_asked)
{
    unsigned int requests;

    start();
    fake_store_set("/local/domain/5/vm", "/vm/4711", 0);
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/ring-ref", "4711", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    serve_linux();
    server_restart(NULL);
    requests = fake_store_requests();
    first_steps();
    check_int(fake_store_requests(), requests);
    check_int(console(0)->state, CONSOLE_SERVING);
    check_int(console(3)->state, CONSOLE_SERVING);
    check_str(console(3)->host.ring.vm, "/vm/4711");
    check_str(console(3)->text[KEY_TYPE], "xenconsoled");
    check(fake_hv_port(5, 4)->notified);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check_int(console(3)->frontend_state, 4);
    check_str(fake_store_get(BE "/state"), "4");
    check_int(fake_store_watches(), 5);
    finish();
}

/* Its keys are read all the same, and by less. */
TEST(what_is_as_it_was_left_costs_little)
{
    unsigned int requests, whole;

    start();
    serve_linux();
    requests = fake_store_requests();
    refresh_by_dom0(&console(3)->refresh, KEYS_ALL);
    settle();
    whole = fake_store_requests() - requests;
    server_restart(NULL);
    first_steps();
    /* Listed, watched. */
    domains_step(&server.domains);
    while (server.backend.refresh.now ||
           !TAILQ_EMPTY(&server.backend.refresh.ready))
        refresh_step(&server.backend.refresh);
    requests = fake_store_requests();
    settle();
    check(fake_store_requests() > requests);
    check((fake_store_requests() - requests) * 3 <= whole * 2);
    finish();
}

static void another_ring(void)
{
    ring_published("9", "6");
    fake_store_set(FE "/state", "4", 5);
}

static void another_type(void)
{
    fake_store_set(BE "/type", "ioemu", 0);
}

static void another_key(void)
{
    fake_store_set(FE "/limit", "1", 5);
    fake_store_set(BE "/name", "n", 0);
}

static void backend_gone(void)
{
    fake_store_remove(BE);
}

TEST(what_has_changed_while_no_daemon_ran_is_followed)
{
    start();
    serve_linux();
    server_restart(another_ring);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check_int(console(3)->ring_ref, 9);
    server_restart(another_key);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    check_str(console(3)->text[KEY_NAME], "n");
    check(!console(3)->text[KEY_LIMIT] && console(3)->foreign);
    server_restart(another_type);
    settle();
    check_int(console(3)->state, CONSOLE_FOREIGN);
    server_restart(backend_gone);
    settle();
    check(!domains_find(&server.domains, 5)->guest.consoles[3]);
    finish();
}

static void another_domain(void)
{
    fake_hv.ids[5][15]++;
}

TEST(what_was_another_domains_is_not_taken_over)
{
    start();
    serve_linux();
    server_restart(another_domain);
    first_steps();
    check(!domains_find(&server.domains, 5)->guest.consoles[3]);
    settle();
    check_int(console(3)->state, CONSOLE_SERVING);
    finish();
}

/* Nor is a console whose guest has not seen that it is connected, or has
 * closed it, or that can't be mapped. */
TEST(what_is_not_connected_is_read_first)
{
    start();
    serve_unix();
    server_restart(NULL);
    first_steps();
    check(!domains_find(&server.domains, 5)->guest.consoles[3]);
    settle();
    fake_store_set(FE "/state", "4", 5);
    settle();
    fake_store_set(FE "/state", "6", 5);
    settle();
    server_restart(NULL);
    first_steps();
    check(!domains_find(&server.domains, 5)->guest.consoles[3]);
    fake_store_set(FE "/state", "3", 5);
    settle();
    fake_store_set(FE "/state", "4", 5);
    settle();
    server_restart(NULL);
    fake_hv.rings[5][8] = NULL;
    first_steps();
    check_int(console(3)->state, CONSOLE_WAITING);
    check(console(3)->refresh.queue == &server.backend.refresh.ready);
    settle();
    finish();
}

TEST(what_changes_comes_before_what_is_only_looked_at)
{
    start();
    serve_linux();
    server_restart(NULL);
    first_steps();
    domains_step(&server.domains);
    check(console(3)->refresh.queue == &server.backend.refresh.later);
    fake_store_set(BE "/type", "ioemu", 0);
    xs_event(&server, EPOLLIN);
    check(console(3)->refresh.queue == &server.backend.refresh.ready);
    settle();
    check_int(console(3)->state, CONSOLE_FOREIGN);
    finish();
}

/* --- Who comes first ------------------------------------------------------ */

#define FIRST_DOMID 6
#define LAST_DOMID  9

static union ring_page many_pages[LAST_DOMID + 1][4];

static void key_set(uint32_t owner, const char *value, const char *format,
                    uint32_t domid)
{
    char key[128];

    snprintf(key, sizeof(key), format, domid);
    fake_store_set(key, value, owner);
}

/* As Linux has it when it is connected, or was. */
static void many_made(void)
{
    for (uint32_t d = FIRST_DOMID; d <= LAST_DOMID; d++) {
        fake_hv.alive[d] = true;
        fake_hv.rings[d][0] = &many_pages[d][0].ring;
        fake_hv.rings[d][8] = &many_pages[d][3].ring;
        key_set(0, "", "/local/domain/%u/console", d);
        key_set(0, "null", "/local/domain/%u/console/output", d);
        key_set(0, "4711", "/local/domain/%u/console/ring-ref", d);
        key_set(0, "3", "/local/domain/%u/console/port", d);
        key_set(0, "", "/local/domain/0/backend/console/%u", d);
        key_set(0, "", "/local/domain/0/backend/console/%u/3", d);
        key_set(0, "xenconsoled",
                "/local/domain/0/backend/console/%u/3/type", d);
        key_set(0, "null", "/local/domain/0/backend/console/%u/3/output", d);
        key_set(0, "4", "/local/domain/0/backend/console/%u/3/state", d);
        key_set(d, "8", "/local/domain/%u/device/console/3/ring-ref", d);
        key_set(d, "4", "/local/domain/%u/device/console/3/port", d);
        key_set(d, "4", "/local/domain/%u/device/console/3/state", d);
    }
    guest_write(&many_pages[8][0].ring, "words");
    guest_write(&many_pages[9][3].ring, "words");
}

static void many_write(void)
{
    guest_write(&many_pages[7][3].ring, "words");
    guest_write(&many_pages[9][0].ring, "words");
}

static struct console *served(uint32_t domid, unsigned int n)
{
    struct domain *d = domains_find(&server.domains, domid);
    struct console *c = d ? d->guest.consoles[n] : NULL;

    return c && c->state == CONSOLE_SERVING ? c : NULL;
}

/* In steps until that console is served; how many of the others are. */
static unsigned int served_before(uint32_t domid, unsigned int n)
{
    unsigned int r = 0;

    while (!served(domid, n))
        domains_step(&server.domains);
    for (uint32_t d = FIRST_DOMID; d <= LAST_DOMID; d++)
        r += !!served(d, 0) + !!served(d, 3);
    return r - 1;
}

TEST(who_has_bytes_waiting_is_served_first)
{
    start();
    server_restart(many_made);
    xs_event(&server, EPOLLIN);
    check_int(served_before(8, 0), 0);
    /* Before others are asked for. */
    check(!domains_find(&server.domains, 6)->guest.consoles[3]);
    check_int(served_before(9, 3), 1);
    settle();
    check_int(served_before(6, 0), 7);
    check_int(many_pages[9][3].ring.out_cons, 5);
    /* And the next daemon, of what this one has left. */
    server_restart(many_write);
    xs_event(&server, EPOLLIN);
    check_int(served_before(7, 0), 1);
    check(served(7, 3));
    check_int(served_before(9, 0), 3);
    settle();
    check_int(served_before(6, 0), 7);
    finish();
}

static unsigned int fds_open(void)
{
    unsigned int n = 0;

    for (int fd = 0; fd < 1000; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* One life of a console, as far as it gets. */
static void cycle(int i)
{
    char output[128];

    memset(&page, 0, sizeof(page));
    secondary_made("xenconsoled");
    switch (i % 5) {
    case 0: unix_output(); break;
    case 1: fake_store_set(BE "/output", "null", 0); break;
    case 2:
        snprintf(output, sizeof(output), "file:%s", save);
        fake_store_set(BE "/output", output, 0);
        break;
    case 3:
        snprintf(output, sizeof(output), "pipe:%s", save);
        fake_store_set(BE "/output", output, 0);
        fake_store_set(BE "/policy", "now", 0);
        break;
    }
    if (i % 7)
        ring_published("8", "4");
    if (i % 3)
        settle();
    guest_write(&page, "bytes");
    if (i % 11 == 0)
        page.out_prod = 1 << 20;
    fake_hv_kick(5, 4);
    if (i % 2)
        settle();
    if (i % 4)
        fake_store_remove(BE);
    else
        fake_hv.alive[5] = false;
    fake_store_set("@releaseDomain", "", 0);
    settle();
    fake_store_remove(BE);
    fake_store_remove(FE);
    fake_hv.alive[5] = true;
    fake_store_set("@introduceDomain", "", 0);
    settle();
}

TEST(ten_thousand_lives_leave_nothing)
{
    struct mallinfo2 before, after;
    unsigned int fds, watches;

    start();
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
    settle();
    for (int i = 0; i < 1000; i++)
        cycle(i);
    before = mallinfo2();
    fds = fds_open();
    watches = fake_store_watches();
    for (int i = 0; i < 10000; i++)
        cycle(i);
    after = mallinfo2();
    check_int(fds_open(), fds);
    check_int(fake_store_watches(), watches);
    check_int(fake_hv.mapped, 0);
    for (int i = 0; i < FAKE_PORTS; i++)
        check(!fake_hv.ports[i].data);
    /* What malloc keeps for itself; not a byte a life. */
    check(after.uordblks < before.uordblks + 10000);
    check(rmdir(records) == 0);
    check(!mkdir(records, 0700));
    finish();
}

TAP_MAIN()
