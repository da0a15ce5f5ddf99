/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What guests can have xenstored asked for: refresh.c and domains.c. */
#include "played_clock.h"

#include "console_fixture.h"

/* Nothing that is put off comes in the time of a test. */
#define NEVER_MS 1000000

/* Of consoles 1 to CONSOLES of domain 5. */
#define CONSOLES 8

static void many_made(void)
{
    char text[96];

    fake_hv.alive[5] = true;
    for (unsigned int n = 1; n <= CONSOLES; n++) {
        snprintf(text, sizeof(text), "/local/domain/5/device/console/%u", n);
        fake_store_set(text, "", 5);
        snprintf(text, sizeof(text),
                 "/local/domain/0/backend/console/5/%u", n);
        fake_store_set(text, "", 0);
        strcat(text, "/type");
        fake_store_set(text, "xenconsoled", 0);
        *strrchr(text, '/') = '\0';
        strcat(text, "/output");
        fake_store_set(text, "null", 0);
    }
    settle();
}

static void many_write(int i)
{
    char key[96];

    for (unsigned int n = 1; n <= CONSOLES; n++) {
        snprintf(key, sizeof(key), "/local/domain/5/device/console/%u/state",
                 n);
        fake_store_set(key, i % 2 ? "1" : "2", 5);
    }
}

/* The gap that each console has of its own is over. */
static void gaps_end(void)
{
    for (unsigned int n = 0; n < CONSOLES_MAX; n++) {
        struct domain *d = domains_find(&server.domains, 5);

        if (d->guest.consoles[n])
            d->guest.consoles[n]->refresh.read_ms = 0;
    }
}

static unsigned int requests_of(void (*fn)(int i), int times)
{
    unsigned int before = fake_store_requests();

    for (int i = 0; i < times; i++) {
        fn(i);
        gaps_end();
        settle();
    }
    return fake_store_requests() - before;
}

static struct refresh_account *account(void)
{
    return &domains_find(&server.domains, 5)->guest.account;
}

static void write_unknown(int i)
{
    fake_store_set(FE "/unknown", i % 2 ? "x" : "y", 5);
    fake_store_set(FE "/state/deeper", i % 2 ? "x" : "y", 5);
    fake_store_set(FE "/tty", i % 2 ? "x" : "y", 5);
    fake_store_set(BE "/state", i % 2 ? "3" : "4", 0);
}

TEST(keys_that_mean_nothing_are_not_read)
{
    start();
    serve_unix();
    check_int(requests_of(write_unknown, EVENTS_MAX / 4), 0);
    finish();
}

static void write_state(int i)
{
    fake_store_set(FE "/state", i % 2 ? "0" : "4", 5);
}

TEST(a_guests_key_is_read_without_a_transaction)
{
    start();
    serve_unix();
    fake_store_collide(1);
    check_int(requests_of(write_state, 5), 5 * 3);
    fake_store_collide(0);
    finish();
}

TEST(a_guest_that_writes_all_the_time_is_read_ever_more_rarely)
{
    struct refresh_account *a;
    unsigned int free_n;
    int64_t now = loop_now_ms(), gap = 0;

    start();
    serve_unix();
    refresh_gap_ms = 40;
    a = account();
    a->noise = 0;
    free_n = noise_free(&console(3)->refresh);
    for (unsigned int i = 0; i < free_n; i++)
        account_charge(&console(3)->refresh, now);
    check_int(a->next_ms, 0);
    for (unsigned int i = 1; i <= NOISE_STEPS; i++) {
        account_charge(&console(3)->refresh, now);
        check(a->next_ms - now >= 2 * gap);
        gap = a->next_ms - now;
    }
    check_int(gap, 40 << NOISE_STEPS);
    for (unsigned int i = 0; i < 1000; i++)
        account_charge(&console(3)->refresh, now);
    check_int(a->next_ms - now, gap);
    /* Each second of silence gives one back. */
    a->event_ms = now - 3500;
    write_state(0);
    xs_event(&server, EPOLLIN);
    check_int(a->noise, free_n + NOISE_STEPS - 3);
    finish();
}

/* A guest's account is one for all of its consoles. */
TEST(many_consoles_are_read_no_more_often_than_one)
{
    unsigned int requests;

    start();
    many_made();
    refresh_gap_ms = NEVER_MS;
    requests = requests_of(many_write, 200);
    check(requests > 0);
    /* Setting a state takes some, too. */
    check(requests <= (noise_free(&console(1)->refresh) + 1) * 10);
    finish();
}

static void reconnect(int i)
{
    fake_store_set(FE "/state", i % 2 ? "3" : "6", 5);
}

TEST(a_guest_that_reconnects_for_ever_is_read_ever_more_rarely)
{
    start();
    serve_unix();
    refresh_gap_ms = NEVER_MS;
    check(requests_of(reconnect, 2000) <=
          (noise_free(&console(3)->refresh) + 1) * 15);
    finish();
}

TEST(a_flood_is_not_watched)
{
    unsigned int watches;

    start();
    serve_unix();
    watches = fake_store_watches();
    refresh_gap_ms = NEVER_MS;
    for (int i = 0; i <= 2 * EVENTS_MAX; i++) {
        write_state(i);
        settle();
    }
    check_int(fake_store_watches(), watches - 1);
    /* And is when it is read: its last word counts. */
    fake_store_set(FE "/state", "6", 5);
    gaps_end();
    account()->next_ms = 0;
    put_off_ends(&console(3)->refresh);
    settle();
    check_int(fake_store_watches(), watches);
    check_int(console(3)->state, CONSOLE_CLOSED);
    finish();
}

/* While nothing is watched, dom0's keys may have been removed, too. */
TEST(what_was_not_watched_is_read_whole)
{
    start();
    secondary_made("xenconsoled");
    unix_output();
    settle();
    refresh_gap_ms = NEVER_MS;
    for (int i = 0; i <= 2 * EVENTS_MAX; i++) {
        write_state(i);
        settle();
    }
    fake_store_remove(FE "/type");
    gaps_end();
    account()->next_ms = 0;
    put_off_ends(&console(3)->refresh);
    settle();
    check_int(console(3)->state, CONSOLE_FOREIGN);
    finish();
}

/* A frontend that no backend belongs to is its guest's to write to, too. */
static void write_strange(int i)
{
    fake_store_set("/local/domain/5/device/console/7/state",
                   i % 2 ? "1" : "2", 5);
}

TEST(a_flood_in_a_frontend_of_nobodys_is_not_watched)
{
    unsigned int watches;

    start();
    serve_unix();
    watches = fake_store_watches();
    check_int(requests_of(write_strange, 2 * EVENTS_MAX), 0);
    refresh_gap_ms = NEVER_MS;
    for (int i = 0; i <= 4 * EVENTS_MAX; i++) {
        write_strange(i);
        settle();
    }
    check_int(fake_store_watches(), watches - 1);
    finish();
}

/* One console's flood costs the others their watch; what they change then is
 * found when one of them is read. */
TEST(all_that_was_not_watched_is_read)
{
    start();
    many_made();
    refresh_gap_ms = NEVER_MS;
    for (int i = 0; i < 2 * EVENTS_MAX * (CONSOLES + 1); i++) {
        fake_store_set("/local/domain/5/device/console/1/state",
                       i % 2 ? "1" : "2", 5);
        settle();
    }
    check(account()->missed);
    fake_store_set("/local/domain/5/device/console/2/state", "6", 5);
    settle();
    check_int(console(2)->state, CONSOLE_WAITING);
    gaps_end();
    account()->next_ms = 0;
    refresh_by_dom0(&console(1)->refresh, KEYS_ALL);
    settle();
    check(!account()->missed);
    check_int(console(2)->state, CONSOLE_CLOSED);
    finish();
}

TEST(a_guest_has_two_watches)
{
    start();
    many_made();
    check_int(fake_store_watches(), 3 + 2);
    for (unsigned int n = 1; n < CONSOLES; n++)
        console_remove(domains_find(&server.domains, 5), n);
    check_int(fake_store_watches(), 3 + 2);
    console_remove(domains_find(&server.domains, 5), CONSOLES);
    check_int(fake_store_watches(), 3 + 1);
    finish();
}

TEST(dom0_does_not_wait_with_the_guest)
{
    start();
    serve_unix();
    refresh_gap_ms = NEVER_MS;
    for (int i = 0; i < 200; i++) {
        write_state(i);
        gaps_end();
        settle();
    }
    check(account()->next_ms > loop_now_ms());
    gaps_end();
    fake_store_set(BE "/type", "ioemu", 0);
    settle();
    check_int(console(3)->state, CONSOLE_FOREIGN);
    finish();
}

TEST(a_turn_waits_for_xenstored_no_longer_than_its_budget)
{
    unsigned int turns = 0;

    start();
    many_made();
    request_us = 200;
    for (unsigned int n = 1; n <= CONSOLES; n++)
        refresh_by_dom0(&console(n)->refresh, KEYS_ALL);
    while (domains_is_pending(&server.domains)) {
        unsigned int before = fake_store_requests();

        domains_turn(&server.domains);
        check(fake_store_requests() - before <=
              REFRESH_BUDGET_US / 200 + KEYS_STEP_MAX);
        turns++;
    }
    check(turns > CONSOLES);
    finish();
}

/* A console goes in the middle of its reading. */
TEST(a_reading_that_has_lost_its_console)
{
    start();
    serve_unix();
    request_us = 10000;
    refresh_by_dom0(&console(3)->refresh, KEYS_ALL);
    while (server.backend.refresh.reading.t == XBT_NULL ||
           !server.backend.refresh.now)
        domains_turn(&server.domains);
    fake_store_remove(BE);
    console_remove(domains_find(&server.domains, 5), 3);
    check(!server.backend.refresh.now);
    check(server.backend.refresh.reading.t == XBT_NULL);
    settle();
    finish();
}

TEST(noisy_guests_have_a_share_of_the_time)
{
    unsigned int before;

    start();
    many_made();
    for (int i = 0; i < 200; i++) {
        many_write(i);
        settle();
    }
    check(noise_over(&console(1)->refresh));
    loop_timer_clear(&server.backend.loop, &server.backend.refresh.pause);
    request_us = 10000;
    /* One reading, and a pause in which another would not have fitted. */
    many_write(0);
    before = fake_store_requests();
    settle();
    check(loop_timer_is_set(&server.backend.refresh.pause));
    check(fake_store_requests() - before < 10);
    check(!TAILQ_EMPTY(&server.backend.refresh.noisy));
    /* dom0's are read all the same. */
    fake_store_set("/local/domain/0/backend/console/5/1/type", "ioemu", 0);
    settle();
    check_int(console(1)->state, CONSOLE_FOREIGN);
    finish();
}

TEST(however_many_domains_go_xen_is_asked_now_and_then)
{
    unsigned int before;

    start();
    settle();
    refresh_gap_ms = NEVER_MS;
    before = fake_hv.listed;
    for (int i = 0; i < 1000; i++) {
        fake_store_set(i % 2 ? "@releaseDomain" : "@introduceDomain", "",
                       0);
        settle();
    }
    check(fake_hv.listed - before <= 1);
    check(loop_timer_is_set(&server.domains.census_wait));
    finish();
}

TAP_MAIN()
