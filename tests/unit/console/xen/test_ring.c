/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/xen/ring.h"

#include "tap.h"

/* As large as the page, for what later versions put behind. */
static union {
    struct xencons_interface page;
    char bytes[4096];
} whole;
#define page whole.page

/* As the guest does it. */
static void guest_write(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        page.out[MASK_XENCONS_IDX(page.out_prod++, page.out)] = bytes[i];
}

static struct ring at(uint32_t out, uint32_t in)
{
    struct ring ring;

    page.out_cons = page.out_prod = out;
    page.in_cons = page.in_prod = in;
    check(!ring_adopt(&ring, &page, NULL));
    return ring;
}

TEST(empty)
{
    struct ring ring = at(0, 0);
    char bytes[8];

    check_int(ring_out_peek(&ring, bytes, sizeof(bytes)), 0);
    check_int(ring_in_room(&ring), 1024);
}

TEST(adoption_goes_on_where_the_last_backend_was)
{
    struct ring ring;
    char bytes[8];

    page.out_cons = 100;
    page.out_prod = 100;
    guest_write("abc", 3);
    page.in_cons = 7;
    page.in_prod = 9;
    check(!ring_adopt(&ring, &page, NULL));
    check_int(ring_out_peek(&ring, bytes, sizeof(bytes)), 3);
    check_mem(bytes, 3, "abc", 3);
    check_int(ring_in_room(&ring), 1022);
    check_int(ring.in_prod, 9);
}

TEST(peek_leaves_consume_takes)
{
    struct ring ring = at(0, 0);
    char bytes[8];

    guest_write("hello", 5);
    check_int(ring_out_peek(&ring, bytes, 3), 3);
    check_int(page.out_cons, 0);
    ring_out_consume(&ring, 2);
    check_int(page.out_cons, 2);
    check_int(ring_out_peek(&ring, bytes, sizeof(bytes)), 3);
    check_mem(bytes, 3, "llo", 3);
}

TEST(out_wraps_at_the_end_of_the_buffer_and_of_the_counter)
{
    static const uint32_t starts[] = { 2045, 0xfffffffd, 0x7ffffffe };
    char bytes[2048], sent[2048];

    for (size_t i = 0; i < sizeof(sent); i++)
        sent[i] = (char)(i * 7);
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        struct ring ring = at(starts[i], 0);

        guest_write(sent, sizeof(sent));
        check_int(ring_out_peek(&ring, bytes, sizeof(bytes)), 2048);
        check_mem(bytes, sizeof(bytes), sent, sizeof(sent));
        ring_out_consume(&ring, 2048);
        check_int(page.out_cons, page.out_prod);
        check_int(ring_out_peek(&ring, bytes, sizeof(bytes)), 0);
    }
}

TEST(in_wraps)
{
    static const uint32_t starts[] = { 1020, 0xfffffffe };

    for (size_t i = 0; i < 2; i++) {
        struct ring ring = at(0, starts[i]);
        char sent[1024];

        for (size_t k = 0; k < sizeof(sent); k++)
            sent[k] = (char)(k * 5 + 1);
        check_int(ring_in_room(&ring), 1024);
        ring_in_put(&ring, sent, sizeof(sent));
        check_int(ring_in_room(&ring), 0);
        for (size_t k = 0; k < sizeof(sent); k++)
            check_int(page.in[MASK_XENCONS_IDX(page.in_cons + k, page.in)],
                      sent[k]);
        page.in_cons += 10;
        check_int(ring_in_room(&ring), 10);
    }
}

TEST(bad_counters_at_adoption)
{
    struct ring ring;

    page.out_prod = 2049;
    check_int(ring_adopt(&ring, &page, NULL), -1);
    page.out_prod = 2048;
    check_int(ring_adopt(&ring, &page, NULL), 0);
    page.in_prod = 1025;
    check_int(ring_adopt(&ring, &page, NULL), -1);
    page.in_prod = 0;
    page.in_cons = 1;
    check_int(ring_adopt(&ring, &page, NULL), -1);
}

TEST(bad_out_prod)
{
    struct ring ring = at(5, 0);
    char bytes[8];

    page.out_prod = 5 + 2049;
    check_int(ring_out_peek(&ring, bytes, sizeof(bytes)), -1);
    page.out_prod = 4;
    check_int(ring_out_peek(&ring, bytes, sizeof(bytes)), -1);
}

TEST(bad_in_cons)
{
    struct ring ring = at(0, 5);

    page.in_cons = 6;
    check_int(ring_in_room(&ring), -1);
    page.in_cons = 5 - 1025;
    check_int(ring_in_room(&ring), -1);
}

TEST(the_guest_s_copy_of_our_counters_is_never_used)
{
    struct ring ring = at(0, 0);
    char bytes[8];

    guest_write("abc", 3);
    page.out_cons = 2;
    check_int(ring_out_peek(&ring, bytes, sizeof(bytes)), -1);
    check_int(ring.out_cons, 0);
    page.out_cons = 0;
    page.in_prod = 3;
    check_int(ring_in_room(&ring), -1);
}

TEST(a_zeroed_page_is_noticed)
{
    struct ring ring = at(300, 300);
    char bytes[8];

    memset(&page, 0, sizeof(page));
    check_int(ring_in_room(&ring), -1);
    check_int(ring_out_peek(&ring, bytes, sizeof(bytes)), -1);
    check_int(page.out_cons, 0);
}

TEST(adoption_at_a_recorded_position)
{
    uint32_t out_cons = 40;
    struct ring ring;
    char bytes[8];

    page.out_cons = 3000000;
    page.out_prod = 45;
    whole.bytes[3088] = 1;
    check(!ring_adopt(&ring, &page, &out_cons));
    check_int(page.out_cons, 40);
    check_int(ring_out_pending(&ring), 5);
    check_int(ring_out_peek(&ring, bytes, sizeof(bytes)), 5);
    /* Xen 4.21's field: connected. */
    check_int(whole.bytes[3088], 0);
    out_cons = 46;
    check_int(ring_adopt(&ring, &page, &out_cons), -1);
}

TAP_MAIN()
