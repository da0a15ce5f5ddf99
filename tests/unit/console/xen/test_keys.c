/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may say what about a console: keys.c and store.c. */
#include "console/xen/keys.h"
#include "console/xen/store.h"

#include "fake_store.h"
#include "tap.h"

#define BE "/local/domain/0/backend/console/5/2"
#define FE "/local/domain/5/device/console/2"
#define PRIMARY "/local/domain/5/console"

static struct keys keys;

/* False: it is not known whose they are. */
static bool read_part(unsigned int n, enum keys_part part,
                      unsigned int tries)
{
    struct keys_reading reading;

    keys_dispose(&keys);
    keys_reading_start(&reading, fake_store, 5, n, part, tries);
    for (;;) {
        unsigned int before = fake_store_requests();
        bool done = keys_reading_step(&reading);

        check(fake_store_requests() - before <= KEYS_STEP_MAX);
        if (done)
            break;
    }
    keys = reading.keys;
    return part == KEYS_RING || reading.known;
}

static struct keys *read_keys(unsigned int n)
{
    check(read_part(n, KEYS_ALL, KEYS_TRIES));
    return &keys;
}

static void secondary(const char *type)
{
    fake_store_set(BE, "", 0);
    fake_store_set(BE "/frontend", FE, 0);
    fake_store_set(FE, "", 5);
    fake_store_set(FE "/type", type, 0);
    fake_store_set(FE "/limit", "5000", 0);
}

TEST(absent)
{
    check(!read_keys(2)->present);
    check(!read_keys(0)->present);
}

TEST(dom0_s_keys_in_the_frontend_s_directory)
{
    secondary("xenconsoled");
    check(read_keys(2)->present);
    check_str(keys.text[KEY_LIMIT], "5000");
    check(!keys.text[KEY_OUTPUT]);
    check_int(keys.foreign, 0);
    check(keys_type_is_ours(&keys, 2));
}

/* A host that has many such guests is asked no more than is needed. */
TEST(of_another_s_console_only_type_and_name_are_read)
{
    unsigned int before;

    secondary("ioemu");
    fake_store_set(FE "/name", "tools", 0);
    fake_store_set(FE "/ring-ref", "8", 5);
    fake_store_set(FE "/port", "9", 5);
    before = fake_store_requests();
    check(read_keys(2)->present);
    check(fake_store_requests() - before <= 9);
    check_str(keys.text[KEY_TYPE], "ioemu");
    check_str(keys.text[KEY_NAME], "tools");
    check(!keys.text[KEY_LIMIT]);
    check(!keys.ring_known);
    check(!keys_type_is_ours(&keys, 2));
}

TEST(the_backend_s_directory_comes_first)
{
    secondary("ioemu");
    fake_store_set(BE "/type", "xenconsoled", 0);
    read_keys(2);
    check(keys_type_is_ours(&keys, 2));
    check_str(keys.text[KEY_LIMIT], "5000");
}

TEST(a_guest_s_key_does_not_count)
{
    secondary("xenconsoled");
    fake_store_set(FE "/output", "pipe:/etc/shadow", 5);
    read_keys(2);
    check(!keys.text[KEY_OUTPUT]);
    check_int(keys.foreign, 1 << KEY_OUTPUT);
    /* Nor if dom0 appears further down in the permissions: the fake lists
     * it second. With dom0's key in the backend it is still reported. */
    fake_store_set(BE "/output", "null", 0);
    read_keys(2);
    check_str(keys.text[KEY_OUTPUT], "null");
    check_int(keys.foreign, 1 << KEY_OUTPUT);
}

TEST(a_guest_s_type_does_not_count)
{
    secondary("ioemu");
    fake_store_set(FE "/type", "xenconsoled", 5);
    check(!keys_type_is_ours(read_keys(2), 2));
}

TEST(a_backend_directory_that_is_not_dom0_s)
{
    secondary("xenconsoled");
    fake_store_set(BE, "", 5);
    check(!read_part(2, KEYS_ALL, KEYS_TRIES));
    check(!keys.present);
}

TEST(the_ring_is_the_guest_s)
{
    secondary("xenconsoled");
    fake_store_set(FE "/ring-ref", "8", 5);
    check(!read_keys(2)->ring_known);
    fake_store_set(FE "/port", "9", 5);
    fake_store_set(FE "/state", "3", 5);
    check(read_keys(2)->ring_known);
    check_int(keys.ring_ref, 8);
    check_int(keys.port, 9);
    check_int(keys.frontend_state, 3);
}

TEST(nonsense_in_the_ring_s_keys)
{
    static const char *const bad[] = { "", "x", "-1", "4294967296", "1 " };

    secondary("xenconsoled");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fake_store_set(FE "/ring-ref", bad[i], 5);
        fake_store_set(FE "/port", "9", 5);
        check(!read_keys(2)->ring_known);
        fake_store_set(FE "/ring-ref", "8", 5);
        fake_store_set(FE "/port", bad[i], 5);
        check(!read_keys(2)->ring_known);
        fake_store_set(FE "/state", bad[i], 5);
        check_int(read_keys(2)->frontend_state, 0);
    }
    fake_store_set(FE "/state", "99", 5);
    check_int(read_keys(2)->frontend_state, 0);
}

TEST(the_primary_console_is_dom0_s)
{
    fake_store_set(PRIMARY, "", 0);
    fake_store_set(PRIMARY "/ring-ref", "1044479", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
    check(read_keys(0)->present);
    check(keys.ring_known);
    check_int(keys.ring_ref, 1044479);
    /* No type is ours, as with Xen's. */
    check(keys_type_is_ours(&keys, 0));
    fake_store_set(PRIMARY "/port", "2", 5);
    check(!read_keys(0)->ring_known);
    fake_store_set(PRIMARY "/type", "ioemu", 0);
    check(!keys_type_is_ours(read_keys(0), 0));
}

static void toolstack_goes_on(void)
{
    fake_store_set(PRIMARY "/limit", "4096", 0);
    fake_store_set(PRIMARY "/ring-ref", "1044479", 0);
    fake_store_set(PRIMARY "/port", "2", 0);
}

/* Or a console would be opened without the keys that come last. */
TEST(a_toolstack_that_writes_meanwhile)
{
    fake_store_set(PRIMARY, "", 0);
    fake_store_collide_with(toolstack_goes_on);
    check(read_keys(0)->ring_known);
    check_str(keys.text[KEY_LIMIT], "4096");
}

TEST(a_guest_that_writes_all_the_time)
{
    secondary("ioemu");
    fake_store_collide(1000);
    read_keys(2);
    check(keys.present);
    check_str(keys.text[KEY_TYPE], "ioemu");
    check(fake_store_requests() < 100);
}

TEST(a_secondary_console_without_type_is_not_ours)
{
    fake_store_set(BE, "", 0);
    check(!keys_type_is_ours(read_keys(2), 2));
}

TEST(writing_what_is_there)
{
    secondary("xenconsoled");
    fake_store_set(FE "/tty", "", 0);
    check(store_write_owned(fake_store, FE "/tty", "/dev/pts/3"));
    check_str(fake_store_get(FE "/tty"), "/dev/pts/3");
}

TEST(not_writing_a_guest_s_node)
{
    secondary("xenconsoled");
    fake_store_set(FE "/tty", "x", 5);
    check(!store_write_owned(fake_store, FE "/tty", "/dev/pts/3"));
    check_str(fake_store_get(FE "/tty"), "x");
}

TEST(not_bringing_back_what_was_removed)
{
    secondary("xenconsoled");
    check(!store_write_owned(fake_store, FE "/tty", "/dev/pts/3"));
    check(!fake_store_get(FE "/tty"));
    check(store_write_owned(fake_store, BE "/state", "4"));
    fake_store_remove(BE);
    check(!store_write_owned(fake_store, BE "/state", "5"));
    check(!fake_store_get(BE "/state"));
}

static void backend_removed(void)
{
    fake_store_remove("/local/domain/0/backend/console/5");
}

static void backend_renewed(void)
{
    backend_removed();
    secondary("xenconsoled");
}

TEST(nor_when_it_is_removed_at_this_moment)
{
    secondary("xenconsoled");
    fake_store_set(BE "/state", "1", 0);
    fake_store_set("/local/domain/0/backend/vif", "", 0);
    check(store_write_backend(fake_store, BE "/state", "4"));
    check_str(fake_store_get(BE "/state"), "4");
    fake_store_write_after(backend_renewed);
    check(store_write_backend(fake_store, BE "/state", "5"));
    check_str(fake_store_get(BE "/frontend"), FE);
    fake_store_write_after(backend_removed);
    store_write_backend(fake_store, BE "/state", "5");
    check(!fake_store_get(BE "/state"));
    check(!fake_store_get(BE));
    check(fake_store_get("/local/domain/0/backend/vif"));
    /* One that is no more is not made. */
    check(!store_write_backend(fake_store, BE "/state", "5"));
    check(!fake_store_get(BE "/state"));
}

static void node_joined(void)
{
    fake_store_set(BE "/type", "xenconsoled", 0);
}

TEST(what_somebody_makes_anew_there_stays)
{
    secondary("xenconsoled");
    fake_store_set(BE "/state", "1", 0);
    fake_store_write_after(backend_removed);
    fake_store_collide_with(node_joined);
    check(store_write_backend(fake_store, BE "/state", "4"));
    check_str(fake_store_get(BE "/state"), "4");
    check_str(fake_store_get(BE "/type"), "xenconsoled");
}

TEST(a_collision_is_tried_again)
{
    secondary("xenconsoled");
    fake_store_collide(3);
    check(store_write_owned(fake_store, BE "/state", "4"));
    fake_store_collide(1000);
    check(!store_write_owned(fake_store, BE "/state", "5"));
}

TAP_MAIN()
