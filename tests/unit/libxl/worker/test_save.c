/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-helper's worker: the barrier around xen-save-devices-state. */
#include "worker_fixture.h"

static const char save_command[] = "{\"execute\": "
    "\"xen-save-devices-state\", \"arguments\": {\"filename\": "
    "\"/dev/fdset/1\", \"live\": true}, \"id\": 9}";

/* Of the save that is asked for: one that nobody guesses. */
static char name[32];

/* The worker asks for that, of that save. */
static void expect_asked(struct fixture *f, const char *request)
{
    char asked[64];

    snprintf(asked, sizeof(asked), "%s %s", request, name);
    expect(f->control, asked);
}

/* Accepts the worker at the control socket. */
static void control_connected(struct fixture *f)
{
    f->control = accept_from(f->control_listener);
    put_text(f->control, "xenconsoled 1 4711 0.1.0\n");
}

/* And reads what it asks. */
static void control_asked(struct fixture *f, const char *request)
{
    control_connected(f);
    expect_asked(f, request);
}

static void control_accept(struct fixture *f)
{
    char last[sizeof(name)];

    strcpy(last, name);
    control_connected(f);
    check(next_line(f->control));
    check_int(sscanf(line, "save-begin %31s", name), 1);
    check_int(strspn(name, "0123456789abcdef"), 16);
    check(strcmp(name, last));
}

/* xenconsoled ends, with its sockets... */
static void daemon_end(struct fixture *f)
{
    close(f->control);
    close(f->console);
    close(f->control_listener);
    close(f->console_listener);
    unlink(f->control_path);
}

/* ... and is there again. */
static void daemon_start(struct fixture *f)
{
    f->control_listener = listen_at(f->control_path);
    f->console_listener = listen_at(f->console_path);
}

/* A client that saves; xenconsoled has not answered yet. */
static int save_ask(struct fixture *f, bool sandbox)
{
    int fd;

    peer_start(f, sandbox);
    fd = client_start(f);
    say(fd, "%s", save_command);
    control_accept(f);
    return fd;
}

/* xenconsoled is ready for it: the command goes to QEMU. */
static void save_begun(struct fixture *f, char *id_r)
{
    put_text(f->control, "ok\n");
    peer_command(f, "xen-save-devices-state", id_r);
}

/* stubdomd's word on the save. */
static void peer_tells(struct fixture *f, const char *id, unsigned int length,
                       unsigned int crc)
{
    say(f->console, "{\"event\": \"__xenqmp_SAVED\", \"data\": {\"id\": "
        "\"%s\", \"length\": %u, \"crc32\": %u}, \"timestamp\": "
        "{\"seconds\": -1, \"microseconds\": -1}}", id, length, crc);
}

/* QEMU has saved, as an image of today has it. */
static void peer_saves(struct fixture *f, const char *id)
{
    peer_tells(f, id, 16988, 4294967295);
    peer_return(f, id, "{}");
}

/* The file has it: the client gets QEMU's reply. */
static void sync_done(struct fixture *f, int fd)
{
    put_text(f->control, "ok 16988 4294967295\n");
    expect(fd, "{\"return\": {}, \"id\": 9}");
}

/* A save, up to the command's arrival at QEMU. */
static int save_start(struct fixture *f, bool sandbox, char *id_r)
{
    int fd = save_ask(f, sandbox);

    check(!readable(f->console));   /* not before it's open */
    save_begun(f, id_r);
    check(strstr(line, "\"/dev/fdset/1\", \"live\": true") != NULL);
    return fd;
}

static void check_save(bool sandbox)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, sandbox, id);

    peer_saves(&f, id);
    expect_asked(&f, "sync");
    check(!readable(fd));           /* held until then */
    sync_done(&f, fd);
    expect_end(f.control);
    /* And once more. */
    say(fd, "%s", save_command);
    control_accept(&f);
    save_begun(&f, id);
    fixture_end(&f);
}

TEST(save_reply_waits_for_the_file)
{
    check_save(false);
}

TEST_AS_ROOT(save_works_in_the_sandbox)
{
    check_save(true);
}

TEST(save_name_written_otherwise_is_a_save)
{
    struct fixture f;
    int fd;

    fd = client_alone(&f);
    say(fd, "{\"execute\": \"xen-save-devices-st\\u0061te\"}");
    control_accept(&f);
    fixture_end(&f);
}

TEST(save_that_did_not_reach_its_file_fails)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id);

    peer_saves(&f, id);
    expect_asked(&f, "sync");
    put_text(f.control, "error the state is not in /x: No space left\n");
    expect_part(fd, "\"class\": \"GenericError\"");
    check(strstr(line, "No space left") != NULL);
    check(strstr(line, "\"id\": 9}") != NULL);
    fixture_end(&f);
}

/* What xenconsoled has got is not what QEMU wrote. */
static void check_differs(const char *answer, const char *why)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id);

    peer_saves(&f, id);
    expect_asked(&f, "sync");
    put(f.control, answer, strlen(answer));
    expect_part(fd, "\"class\": \"GenericError\"");
    check(strstr(line, why) != NULL);
    check(strstr(line, "\"id\": 9}") != NULL);
    expect_end(f.control);
    /* The guest runs on, and is saved again. */
    client_command(&f, fd, "cont", 1, id);
    peer_return(&f, id, "{}");
    expect(fd, "{\"return\": {}, \"id\": 1}");
    say(fd, "%s", save_command);
    control_accept(&f);
    save_begun(&f, id);
    peer_saves(&f, id);
    expect_asked(&f, "sync");
    sync_done(&f, fd);
    fixture_end(&f);
}

TEST(save_of_which_a_part_came_fails)
{
    check_differs("ok 16987 4294967295\n", "it did not reach its file: "
                  "console 1: 16987 bytes came of the 16988 that QEMU "
                  "wrote");
}

TEST(save_of_which_more_came_fails)
{
    check_differs("ok 25000 4294967295\n", "25000 bytes came of the 16988");
}

TEST(save_of_which_other_bytes_came_fails)
{
    check_differs("ok 16988 4294967294\n", "other bytes came than QEMU "
                  "wrote (CRC-32 fffffffe, not ffffffff)");
}

/* A client that asks for everything sees nothing of it. */
TEST(save_is_told_to_nobody_else)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id);

    peer_tells(&f, "x4711", 1, 2);
    peer_saves(&f, id);
    expect_asked(&f, "sync");
    sync_done(&f, fd);
    peer_tells(&f, id, 1, 2);
    say(f.console, "{\"event\": \"E\"}");
    expect(fd, "{\"event\": \"E\"}");
    fixture_end(&f);
}

/* No member that is missing, or senseless, counts as told. */
TEST(save_that_is_told_badly_is_not_told)
{
    static const char *const data[] = {
        "{}", "[]", "{\"id\": \"%s\", \"length\": 1}",
        "{\"id\": \"%s\", \"length\": -1, \"crc32\": 1}",
        "{\"id\": \"%s\", \"length\": 1e3, \"crc32\": 1}",
        "{\"id\": \"%s\", \"length\": 1, \"crc32\": 4294967296}",
        "{\"id\": \"%s\", \"length\": 99999999999999999999, "
            "\"crc32\": 1}",
        "{\"id\": \"x\", \"length\": 1, \"crc32\": 1}",
    };
    struct fixture f;
    char id[64], text[256];
    int fd = save_start(&f, false, id);

    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        char *at = text + sprintf(text, "{\"event\": \"__xenqmp_SAVED\", "
                                  "\"data\": ");
        const char *mark = strstr(data[i], "%s");

        if (mark)
            at += sprintf(at, "%.*s%s%s", (int)(mark - data[i]), data[i],
                          id, mark + 2);
        else
            at += sprintf(at, "%s", data[i]);
        say(f.console, "%s}", text);
    }
    peer_return(&f, id, "{}");
    expect_asked(&f, "sync");
    put_text(f.control, "ok 5 4\n");
    expect(fd, "{\"return\": {}, \"id\": 9}");
    fixture_end(&f);
}

/* As before there was such an event; the log says so, once. */
TEST(save_of_an_older_image_is_served)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id);

    for (int i = 0; i < 2; i++) {
        peer_return(&f, id, "{}");
        expect_asked(&f, "sync");
        put_text(f.control, "ok 16988 4294967295\n");
        expect(fd, "{\"return\": {}, \"id\": 9}");
        say(fd, "%s", save_command);
        control_accept(&f);
        save_begun(&f, id);
    }
    close(fd);
    kill(f.worker, SIGTERM);
    expect_log(&f, "whether saved states reach their file whole is not "
               "checked: the stubdomain's image does not tell");
    while (next_line(f.log))
        check(!strstr(line, "is not checked"));
}

/* And a xenconsoled that knows neither names nor checksums. */
TEST(save_with_an_older_xenconsoled)
{
    struct fixture f;
    char id[64];
    int fd = save_ask(&f, false);

    put_text(f.control, "error unknown request; known are save-begin and "
             "sync\n");
    expect(f.control, "save-begin");
    save_begun(&f, id);
    peer_saves(&f, id);
    expect(f.control, "sync");
    put_text(f.control, "ok 16988\n");
    expect(fd, "{\"return\": {}, \"id\": 9}");
    say(fd, "%s", save_command);
    control_accept(&f);
    put_text(f.control, "error unknown request\n");
    expect(f.control, "save-begin");
    save_begun(&f, id);
    peer_saves(&f, id);
    expect(f.control, "sync");
    put_text(f.control, "ok 16987\n");
    expect_part(fd, "16987 bytes came of the 16988 that QEMU wrote");
    fixture_end(&f);
}

TEST(save_that_can_not_be_opened_fails)
{
    struct fixture f;
    char id[64];
    int fd;

    fd = save_ask(&f, false);
    put_text(f.control, "error cannot open /x: Read-only file system\n");
    expect_part(fd, "Read-only file system; the command was not sent\"}, "
                "\"id\": 9}");
    client_command(&f, fd, "cont", 1, id);
    fixture_end(&f);
}

TEST(save_with_a_strange_xenconsoled_fails)
{
    struct fixture f;
    int fd;

    fd = client_alone(&f);
    say(fd, "%s", save_command);
    f.control = accept_from(f.control_listener);
    put_text(f.control, "xenconsoled 2 1 9\n");
    expect_part(fd, "another version");
    fixture_end(&f);
}

TEST(save_whose_control_line_never_ends_fails)
{
    static char flood[4096];
    struct fixture f;
    int fd;

    memset(flood, 'a', sizeof(flood));
    fd = client_alone(&f);
    say(fd, "%s", save_command);
    f.control = accept_from(f.control_listener);
    put(f.control, flood, sizeof(flood));
    expect_part(fd, "too long a line");
    fixture_end(&f);
}

TEST(save_that_qemu_refuses_completes_its_stream)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id);

    say(f.console, "{\"error\": {\"class\": \"GenericError\", \"desc\": "
        "\"no\"}, \"id\": \"%s\"}", id);
    expect_asked(&f, "sync");
    put_text(f.control, "error nothing came\n");
    expect(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": "
           "\"no\"}, \"id\": 9}");
    fixture_end(&f);
}

TEST(save_asks_sync_again_if_control_was_lost_meanwhile)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id);

    close(f.control);
    for (int i = 0; i < 3; i++) {
        say(f.console, "{\"event\": \"E\"}");
        expect(fd, "{\"event\": \"E\"}");
    }
    check(!readable(fd));           /* QEMU is still at it */
    peer_saves(&f, id);
    control_asked(&f, "sync");
    check(!readable(fd));
    sync_done(&f, fd);
    expect_end(f.control);
    fixture_end(&f);
}

TEST(save_asks_sync_again_of_a_restarted_xenconsoled)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id);

    peer_saves(&f, id);
    expect_asked(&f, "sync");
    daemon_end(&f);
    daemon_start(&f);
    /* And of the next one, which ends as it is asked. */
    control_asked(&f, "sync");
    close(f.control);
    /* Or before it has said a word, or in the middle of one. */
    close(accept_from(f.control_listener));
    f.control = accept_from(f.control_listener);
    put_text(f.control, "xenconsoled 1 47");
    close(f.control);
    control_asked(&f, "sync");
    check(!readable(fd));
    sync_done(&f, fd);
    peer_accept(&f);
    peer_session(&f);
    check_works(&f, fd);
    fixture_end(&f);
}

TEST(save_that_a_restarted_xenconsoled_does_not_know_fails)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id);

    peer_saves(&f, id);
    expect_asked(&f, "sync");
    close(f.control);
    control_asked(&f, "sync");
    put_text(f.control, "error no save has begun\n");
    expect_part(fd, "did not reach its file: xenconsoled: error no save "
                "has begun");
    fixture_end(&f);
}

TEST(save_begins_again_if_control_was_lost_before_its_answer)
{
    struct fixture f;
    char id[64];
    int fd = save_ask(&f, false);

    close(f.control);
    control_asked(&f, "save-begin");    /* the same one */
    check(!readable(f.console));
    save_begun(&f, id);
    peer_saves(&f, id);
    expect_asked(&f, "sync");
    sync_done(&f, fd);
    check(!readable(f.console));    /* it was sent once */
    fixture_end(&f);
}

TEST(save_is_one_at_a_time_and_others_wait)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id), other = client_start(&f);

    say(other, "{\"execute\": \"query-status\", \"id\": 1}");
    say(other, "%s", save_command);
    say(f.console, "{\"event\": \"E\"}");
    expect(other, "{\"event\": \"E\"}");
    check(!readable(f.console));
    peer_saves(&f, id);
    expect_asked(&f, "sync");
    check(!readable(f.console));
    put_text(f.control, "ok 16988 4294967295\n");
    expect(fd, "{\"event\": \"E\"}");
    expect(fd, "{\"return\": {}, \"id\": 9}");
    peer_command(&f, "query-status", id);
    control_accept(&f);
    fixture_end(&f);
}

TEST(save_of_a_client_that_leaves_is_completed)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id);

    /* As often as there are places for what nobody waits for. */
    for (int i = 0; ; i++) {
        close(fd);
        fd = client_start(&f);
        say(fd, "{\"execute\": \"cont\", \"id\": 1}");
        peer_return(&f, id, "{}");
        peer_return(&f, id, "{}");      /* twice: only one counts */
        expect_asked(&f, "sync");
        put_text(f.control, "ok 1\n");
        expect_end(f.control);
        close(f.control);
        peer_command(&f, "cont", id);
        peer_return(&f, id, "{}");
        expect(fd, "{\"return\": {}, \"id\": 1}");
        if (i == 40)
            break;
        say(fd, "%s", save_command);
        control_accept(&f);
        save_begun(&f, id);
    }
    fixture_end(&f);
}

TEST(save_of_a_client_that_leaves_before_it_began_is_none)
{
    struct fixture f;
    char id[64];
    int fd;

    fd = save_ask(&f, false);
    close(fd);
    expect_end(f.control);
    fd = client_start(&f);
    client_command(&f, fd, "cont", 1, id);
    fixture_end(&f);
}

TEST(save_with_the_session_lost_fails_and_ends_the_stream)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id);

    close(f.console);
    expect_part(fd, "may have been executed");
    expect_end(f.control);          /* which ends the stream */
    peer_accept(&f);
    peer_session(&f);
    client_command(&f, fd, "cont", 1, id);
    fixture_end(&f);
}

TEST(save_with_the_session_lost_after_qemus_reply_succeeds)
{
    struct fixture f;
    char id[64];
    int fd = save_start(&f, false, id);

    peer_saves(&f, id);
    expect_asked(&f, "sync");
    close(f.console);
    peer_accept(&f);
    sync_done(&f, fd);
    fixture_end(&f);
}

TEST(save_that_waits_for_its_stream_when_the_session_is_lost_is_sent_later)
{
    struct fixture f;
    char id[64];

    save_ask(&f, false);
    close(f.console);
    expect_end(f.control);
    peer_accept(&f);
    peer_session(&f);
    control_accept(&f);
    save_begun(&f, id);
    fixture_end(&f);
}

TAP_MAIN()
