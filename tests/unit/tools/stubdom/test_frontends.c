/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/stubdom/frontends.c, on a xenstore that is none. */
#include "tools/stubdom/frontends.c"

#include "fake_store.h"
#include "tap.h"

static struct frontends frontends;

static void disk(const char *online, const char *state)
{
    fake_store_set("device/vbd/5632/backend", "/backend/vbd/6/5632", 6);
    fake_store_set("/backend/vbd/6/5632/online", online, 0);
    fake_store_set("device/vbd/5632/state", state, 6);
    xs_ready(&frontends, 0);
}

static bool is_there(void)
{
    return fake_store_get("device/vbd/5632/backend");
}

TEST(a_disk_that_dom0_takes_away_goes_when_it_is_closed)
{
    frontends.xs = fake_store;
    check(xs_watch(fake_store, DISKS, "disks"));
    disk("1", "4");
    check(is_there());
    disk("0", "4");
    check(is_there());
    disk("0", "6");
    check(!is_there());
}

TEST(one_that_stays_does_not)
{
    frontends.xs = fake_store;
    check(xs_watch(fake_store, DISKS, "disks"));
    disk("1", "6");
    check(is_there());
    /* Nor by a node of another name. */
    fake_store_set("/backend/vbd/6/5632/online", "0", 0);
    fake_store_set("device/vbd/5632/statement", "6", 6);
    xs_ready(&frontends, 0);
    check(is_there());
}

TAP_MAIN()
