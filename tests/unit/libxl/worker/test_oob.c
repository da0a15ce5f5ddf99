/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-helper's worker and out-of-band execution. */
#include "worker_fixture.h"

static int client_start_oob(const struct fixture *f)
{
    int fd = client_connect(f);

    say(fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": "
        "{\"enable\": [\"oob\"]}, \"id\": 1}");
    expect(fd, "{\"return\": {}, \"id\": 1}");
    return fd;
}

/* Reads an exec-oob off the console, and takes the id that it carries. */
static void peer_oob(struct fixture *f, const char *command, char *id_r)
{
    char ought[128];

    check(next_line(f->console));
    snprintf(ought, sizeof(ought), "{\"id\": \"%%63[^\"]\", \"exec-oob\": "
             "\"%s\"}%%c", command);
    check(sscanf(line, ought, id_r, line) == 1);
}

TEST(oob_overtakes)
{
    struct fixture f;
    char in_band[64], oob[64];
    int fd, plain;

    peer_start(&f, false);
    fd = client_start_oob(&f);
    plain = client_start(&f);
    client_command(&f, fd, "migrate", 1, in_band);
    say(fd, "{\"exec-oob\": \"migrate-pause\", \"id\": 2}");
    check(next_line(f.console));
    check(sscanf(line, "{\"exec-oob\": \"migrate-pause\", \"id\": "
                 "\"%63[^\"]\"}", oob) == 1);
    peer_return(&f, oob, "{}");
    expect(fd, "{\"return\": {}, \"id\": 2}");
    peer_return(&f, in_band, "{}");
    expect(fd, "{\"return\": {}, \"id\": 1}");
    /* Only who enabled it may. */
    say(plain, "{\"exec-oob\": \"migrate-pause\", \"id\": 3}");
    expect_part(plain, "'exec-oob' is unexpected\"}, \"id\": 3}");
    fixture_end(&f);
}

/* QEMU stops reading with more than eight in-band commands, of which one is
 * for those of the other sockets. */
TEST(oob_never_waits_behind_others)
{
    struct fixture f;
    char id[64];
    int fd, plain;

    peer_start(&f, false);
    plain = client_start(&f);
    fd = client_start_oob(&f);
    for (int i = 0; i < 12; i++)
        say(plain, "{\"execute\": \"stop\"}");
    for (int i = 0; i < 7; i++)
        peer_command(&f, "stop", id);
    check(!readable(f.console));
    say(fd, "{\"exec-oob\": \"yank\"}");
    peer_oob(&f, "yank", id);
    peer_return(&f, id, "{}");
    expect(fd, "{\"return\": {}}");
    fixture_end(&f);
}

TEST(oob_passes_a_save)
{
    struct fixture f;
    char id[64];
    int fd;

    peer_start(&f, false);
    fd = client_start_oob(&f);
    say(fd, "{\"execute\": \"xen-save-devices-state\", \"id\": 1}");
    f.control = accept_from(f.control_listener);
    put_text(f.control, "xenconsoled 1 1 0\n");
    expect_part(f.control, "save-begin ");
    say(fd, "{\"execute\": \"stop\"}");
    say(fd, "{\"exec-oob\": \"yank\"}");
    peer_oob(&f, "yank", id);
    put_text(f.control, "ok\n");
    peer_command(&f, "xen-save-devices-state", id);
    check(!readable(f.console));        /* "stop" waits */
    fixture_end(&f);
}

TEST(oob_refused_by_the_worker_is_refused_at_once)
{
    struct fixture f;
    char id[64];
    int fd;

    peer_start(&f, false);
    fd = client_start_oob(&f);
    client_command(&f, fd, "stop", 1, id);
    say(fd, "{\"exec-oob\": \"add-fd\", \"id\": 2}");
    expect_part(fd, "add-fd is not possible");
    check(strstr(line, "\"id\": 2}") != NULL);
    fixture_end(&f);
}

TEST(oob_is_not_offered_if_qemu_does_not)
{
    struct fixture f;
    int fd;

    fixture_start(&f, false);
    peer_accept(&f);
    peer_serve(&f, GREETING(""));
    fd = connect_to(f.clients);
    expect(fd, GREETING(""));
    say(fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": "
        "{\"enable\": [\"oob\"]}}");
    expect_part(fd, "Capability not available");
    fixture_end(&f);
}

TEST(oob_ends_with_the_clients_session)
{
    struct fixture f;
    int fd;

    peer_start(&f, false);
    fd = client_start_oob(&f);
    say(fd, "{\"execute\": \"qmp_reset\"}");
    expect(fd, "{\"return\": {}}");
    expect(fd, GREETING_OOB);
    say(fd, "{\"execute\": \"qmp_capabilities\"}");
    expect(fd, "{\"return\": {}}");
    say(fd, "{\"exec-oob\": \"yank\"}");
    expect_part(fd, "'exec-oob' is unexpected");
    fixture_end(&f);
}

TAP_MAIN()
