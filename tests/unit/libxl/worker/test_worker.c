/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-helper's worker as the QMP server that a client sees. */
#include "worker_fixture.h"

TEST(client_sees_a_server_of_its_own)
{
    struct fixture f;
    char id[64];
    int fd;

    peer_start(&f, false);
    fd = client_connect(&f);
    say(fd, "{\"execute\": \"query-status\", \"id\": 1}");
    expect(fd, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
           "\"Expecting capabilities negotiation with "
           "'qmp_capabilities'\"}, \"id\": 1}");
    say(fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": "
        "{\"enable\": [ ]}, \"id\": 3}");
    expect(fd, "{\"return\": {}, \"id\": 3}");
    say(fd, "{\"execute\": \"qmp_capabilities\", \"id\": 4}");
    expect(fd, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
           "\"Capabilities negotiation is already complete, command "
           "ignored\"}, \"id\": 4}");
    say(fd, "{\"exec-oob\": \"query-status\", \"id\": 5}");
    expect_part(fd, "'exec-oob' is unexpected\"}, \"id\": 5}");
    say(fd, "{\"return\": {}, \"id\": 6}");
    expect_part(fd, "lacks member 'execute'\"}, \"id\": 6}");
    /* None of it has reached QEMU. */
    client_command(&f, fd, "stop", 1, id);
    fixture_end(&f);
}

TEST(client_can_enable_only_what_was_offered)
{
    static const char *const wrong[][2] = {
        { "[]", "'arguments' must be an object" },
        { "{\"enable\": \"oob\"}", "for 'enable', expected: array" },
        { "{\"enable\": [\"oob\", \"x\"]}", "not available" },
        { "{\"enable\": [1]}", "not available" },
        { "{\"other\": []}", "is unexpected" },
        { "{\"enable\": [], \"other\": 1}", "is unexpected" },
    };
    struct fixture f;
    int fd;

    peer_start(&f, false);
    fd = client_connect(&f);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        say(fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": %s, "
            "\"id\": 1}", wrong[i][0]);
        expect_part(fd, wrong[i][1]);
        check(strstr(line, "\"GenericError\"") != NULL);
        check(strstr(line, "\"id\": 1}") != NULL);
    }
    say(fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": {}}");
    expect(fd, "{\"return\": {}}");
    fixture_end(&f);
}

/* libxl sends all at once. */
TEST(client_may_send_ahead)
{
    struct fixture f;
    char id[64];
    int fd;

    peer_start(&f, false);
    fd = connect_to(f.clients);
    put_text(fd, "{\"execute\":\"qmp_capabilities\","
        "\"id\":770000000000}\r\n"
        "{\"execute\": \"stop\"}{\"execute\":\n \"cont\"}\r\n");
    expect(fd, GREETING_OOB);
    expect(fd, "{\"return\": {}, \"id\": 770000000000}");
    peer_command(&f, "stop", id);
    peer_return(&f, id, "{}");
    /* As it was sent, over two lines. */
    check(next_line(f.console));
    expect(f.console, " \"cont\"}");
    expect(fd, "{\"return\": {}}");
    fixture_end(&f);
}

TEST(client_gets_its_id_back_byte_for_byte)
{
    static const char *const ids[] = {
        "1", "18446744073709551617", "-0.0E+05", "1e400", "null", "true",
        "\"x1\"", "\"a\\\"b\\u00e9\\\\\"", "\"\xc3\xbc\xe2\x82\xac\"",
        "{\"a\": [1,  {\"id\":{}}], \"}\": \"]\"}", "[]", "\"\"",
    };
    struct fixture f;
    char id[64], ought[128];
    int fd;

    fd = client_alone(&f);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        say(fd, "{\"id\" : %s , \"execute\": \"stop\"}", ids[i]);
        check(next_line(f.console));
        check(sscanf(line, "{\"id\" : \"%63[^\"]\" , \"execute\": "
                     "\"stop\"}", id) == 1);
        say(f.console, "{\"id\":\"%s\",\"return\":{ \"n\":1.0}}", id);
        snprintf(ought, sizeof(ought),
                 "{\"id\":%s,\"return\":{ \"n\":1.0}}", ids[i]);
        expect(fd, ought);
    }
    /* None sent, none returned. */
    say(fd, "{\"execute\": \"stop\"}");
    peer_command(&f, "stop", id);
    peer_return(&f, id, "{}");
    expect(fd, "{\"return\": {}}");
    fixture_end(&f);
}

TEST(client_messages_pass_byte_for_byte)
{
    static const char arguments[] = "\"arguments\" :{ \"z\": 1.50, \"a\":"
        "\"\\u0000\\/\xc3\xa9\" ,\"big\": 123456789012345678901234567890}";
    static const char value[] = "{ \"z\":1.50,\"a\": [ ],\"u\":\"\\ud83d"
        "\\ude00\", \"big\": 123456789012345678901234567890 }";
    struct fixture f;
    char id[64], ought[256];
    int fd;

    fd = client_alone(&f);
    say(fd, "{%s , \"execute\": \"x-y\"}", arguments);
    check(next_line(f.console));
    check(sscanf(strstr(line, "\"id\""), "\"id\": \"%63[^\"]", id) == 1);
    snprintf(ought, sizeof(ought), "{\"id\": \"%s\", %s , "
             "\"execute\": \"x-y\"}", id, arguments);
    check_str(line, ought);
    peer_return(&f, id, value);
    snprintf(ought, sizeof(ought), "{\"return\": %s}", value);
    expect(fd, ought);
    client_command(&f, fd, "no", 1, id);
    say(f.console, "{\"id\": \"%s\", \"error\": {\"class\": \"X\", "
        "\"desc\": \"d\"}}", id);
    expect(fd, "{\"id\": 1, \"error\": {\"class\": \"X\", "
           "\"desc\": \"d\"}}");
    fixture_end(&f);
}

/* QEMU takes single quotes as well. */
TEST(client_may_use_single_quotes)
{
    struct fixture f;
    char id[64];
    int fd;

    fd = client_alone(&f);
    say(fd, "{'execute': 'x-}', 'arguments': {'a\"': 'it\\'s}'}, "
        "'id': 'b'}");
    check(next_line(f.console));
    check(sscanf(strstr(line, "\"id\""), "\"id\": \"%63[^\"]", id) == 1);
    check(strstr(line, "{\"execute\": \"x-}\", \"arguments\": "
                 "{\"a\\\"\": \"it's}\"}") == line);
    peer_return(&f, id, "{}");
    expect(fd, "{\"return\": {}, \"id\": \"b\"}");
    fixture_end(&f);
}

TEST(clients_with_the_same_ids_do_not_mix)
{
    enum { N = 7 };
    struct fixture f;
    char ids[N][64], text[64];
    int fds[N];

    peer_start(&f, false);
    for (int i = 0; i < N; i++) {
        fds[i] = client_start(&f);
        say(fds[i], "{\"execute\": \"q%d\", \"id\": 1}", i);
        snprintf(text, sizeof(text), "q%d", i);
        peer_command(&f, text, ids[i]);
    }
    for (int i = N - 1; i >= 0; i--) {
        snprintf(text, sizeof(text), "{\"n\": %d}", i);
        peer_return(&f, ids[i], text);
    }
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text),
                 "{\"return\": {\"n\": %d}, \"id\": 1}", i);
        expect(fds[i], text);
    }
    fixture_end(&f);
}

TEST(client_errors_leave_the_connection)
{
    static const char syntax[] =
        "{\"error\": {\"class\": \"GenericError\", \"desc\": "
        "\"Invalid JSON syntax\"}}";
    struct fixture f;
    char *text = malloc((1u << 20) + 1);
    int fd;

    fd = client_alone(&f);
    say(fd, "quit");
    expect(fd, syntax);
    say(fd, "{\"execute\": stop}");
    expect_part(fd, "Invalid JSON syntax: ");
    put_text(fd, "{\"execute\": \"st\x18");
    expect(fd, syntax);
    memset(text, ' ', (1u << 20) + 1);
    text[0] = '{';
    put(fd, text, (1u << 20) + 1);
    expect_part(fd, "The command is too long");
    say(fd, "}");
    memset(text, '1', 65537);
    say(fd, "{\"execute\": \"stop\", \"id\": %.65537s}", text);
    expect(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": "
           "\"QMP input member 'id' is longer than 65536 bytes\"}}");
    say(fd, "{\"execute\": \"%.1100s\", \"id\": 2}", text);
    expect_part(fd, "CommandNotFound");
    free(text);
    check_works(&f, fd);
    fixture_end(&f);
}

TEST(client_replies_keep_their_order)
{
    struct fixture f;
    char id[64];
    int fd;

    fd = client_alone(&f);
    put_text(fd, "{\"execute\": \"stop\"}{]\r\n{\"execute\": \"cont\"}");
    peer_command(&f, "stop", id);
    check(!readable(fd));
    peer_return(&f, id, "{\"n\": 1}");
    expect(fd, "{\"return\": {\"n\": 1}}");
    expect_part(fd, "Invalid JSON syntax");
    peer_command(&f, "cont", id);
    fixture_end(&f);
}

TEST(client_id_may_be_large)
{
    struct fixture f;
    char id[64], *large = malloc(65537), *ought = malloc(65600);
    int fd;

    check(large && ought);
    memset(large, '1', 65536);
    large[65536] = '\0';
    fd = client_alone(&f);
    say(fd, "{\"execute\": \"stop\", \"id\": %s}", large);
    peer_command(&f, "stop", id);
    peer_return(&f, id, "{}");
    sprintf(ought, "{\"return\": {}, \"id\": %s}", large);
    expect(fd, ought);
    /* The worker's own errors have it as well. */
    say(fd, "{\"execute\": \"add-fd\", \"id\": %s}", large);
    expect_part(fd, large);
    free(large);
    free(ought);
    fixture_end(&f);
}

TEST(client_large_messages)
{
    const size_t sent = 1000000, replied = 8000000;
    struct fixture f;
    char id[64], *text = malloc(replied + 1);
    int fd;

    memset(text, 'a', replied);
    text[replied] = '\0';
    fd = client_alone(&f);
    say(fd, "{\"execute\": \"echo\", \"arguments\": \"%.*s\"}", (int)sent,
        text);
    peer_command(&f, "echo", id);
    check(strlen(line) > sent);
    say(f.console, "{\"return\": \"%s\", \"id\": \"%s\"}", text, id);
    check(next_line(fd));
    check_int(strlen(line), replied + strlen("{\"return\": \"\"}"));
    free(text);
    fixture_end(&f);
}

TEST(client_resets_itself_only)
{
    struct fixture f;
    char mine[64], others[64];
    int fd, other;

    fd = client_alone(&f);
    other = client_start(&f);
    client_command(&f, fd, "stop", 1, mine);
    client_command(&f, other, "cont", 1, others);
    say(fd, "\x18{\"execute\":\"qmp_reset\",\"id\":\"nonce\"}");
    expect(fd, "{\"return\": {}, \"id\": \"nonce\"}");
    expect(fd, GREETING_OOB);
    say(fd, "{\"execute\": \"stop\", \"id\": 2}");
    expect_part(fd, "Expecting capabilities negotiation");
    say(fd, "{\"execute\": \"qmp_capabilities\", \"id\": 3}");
    expect(fd, "{\"return\": {}, \"id\": 3}");
    peer_return(&f, mine, "{}");
    peer_return(&f, others, "{}");
    expect(other, "{\"return\": {}, \"id\": 1}");
    client_command(&f, fd, "query-status", 4, mine);
    peer_return(&f, mine, "{\"n\": 4}");
    expect(fd, "{\"return\": {\"n\": 4}, \"id\": 4}");
    fixture_end(&f);
}

/* Sends a command with a descriptor on its first byte, as libxl does. */
static void say_with_descriptor(int fd, const char *text, int passed)
{
    char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec byte = { .iov_base = (char *)text, .iov_len = 1 };
    struct msghdr msg = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &passed, sizeof(int));
    check(sendmsg(fd, &msg, 0) == 1);
    say(fd, "%s", text + 1);
}

TEST(descriptors_are_refused_and_closed)
{
    struct fixture f;
    int fd, ends[2];

    fd = client_alone(&f);
    check(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    say_with_descriptor(fd, "{\"execute\": \"add-fd\", \"id\": 1}",
                        ends[1]);
    close(ends[1]);
    expect_part(fd, "add-fd is not possible");
    check(strstr(line, "domain 7\"}, \"id\": 1}") != NULL);
    expect_end(ends[0]);
    say(fd, "{\"execute\": \"getf\\u0064\", \"id\": 2}");
    expect_part(fd, "getfd is not possible");
    fixture_end(&f);
}

TEST(client_gets_no_usb_device_of_dom0s)
{
    struct fixture f;
    char id[64];
    int fd = client_alone(&f);

    say(fd, "{\"execute\": \"device_add\", \"arguments\": {\"id\": \"a\", "
        "\"driver\": \"usb-host\"}, \"id\": 1}");
    expect_part(fd, "usb-host is not possible");
    check(strstr(line, "\"id\": 1}") != NULL);
    /* Others are QEMU's business. */
    say(fd, "{\"execute\": \"device_add\", \"arguments\": {\"id\": "
        "\"usb-host\", \"driver\": \"usb-mouse\"}}");
    peer_command(&f, "device_add", id);
    say(fd, "{\"execute\": \"device_add\"}");
    peer_command(&f, "device_add", id);
    fixture_end(&f);
}

/* libxl's of before 4.19, which QEMU takes before 9.2 alone. */
TEST(client_has_a_controllers_ports_as_numbers)
{
    struct fixture f;
    char id[64];
    int fd = client_alone(&f);

    say(fd, "{\"execute\": \"device_add\", \"id\": 1, \"arguments\": {"
        "\"driver\": \"nec-usb-xhci\", \"p2\": \"15\", \"p3\":\"4\", "
        "\"id\": \"7\"}}");
    peer_command(&f, "device_add", id);
    check(strstr(line, "\"p2\":  15 , \"p3\": 4 , \"id\": \"7\"}") != NULL);
    /* What is none, and others', stay as they are. */
    say(fd, "{\"execute\": \"device_add\", \"id\": 2, \"arguments\": {"
        "\"driver\": \"nec-usb-xhci\", \"p2\": \"\", \"p3\": \"-1\"}}");
    peer_command(&f, "device_add", id);
    check(strstr(line, "\"p2\": \"\", \"p3\": \"-1\"}") != NULL);
    say(fd, "{\"execute\": \"device_add\", \"id\": 3, \"arguments\": {"
        "\"driver\": \"other\", \"p2\": \"15\", \"p3\": 4}}");
    peer_command(&f, "device_add", id);
    check(strstr(line, "\"p2\": \"15\", \"p3\": 4}") != NULL);
    fixture_end(&f);
}

TEST(toolstack_finds_a_qemu)
{
    struct fixture f;
    int fd;

    fixture_start(&f, false);   /* no stubdomain needed */
    fd = connect_to(f.toolstack);
    expect_part(fd, "{\"QMP\": {\"version\": {\"qemu\": {");
    say(fd, "{\"execute\":\"query-chardev\",\"id\":1}");
    expect_part(fd, "Expecting capabilities negotiation");
    say(fd, "{\"execute\":\"qmp_capabilities\",\"id\":770000000000}");
    expect(fd, "{\"return\": {}, \"id\": 770000000000}");
    say(fd, "{\"execute\":\"query-chardev\",\"id\":770000000001}");
    expect(fd, "{\"return\": [], \"id\": 770000000001}");
    say(fd, "{\"execute\":\"query-version\"}");
    expect_part(fd, "\"major\": 7}");
    say(fd, "{\"execute\":\"query-vnc\",\"id\":2}");
    expect(fd, "{\"return\": {\"enabled\": false}, \"id\": 2}");
    say(fd, "{\"execute\":\"query-cpus\",\"id\":2}");
    expect(fd, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
           "\"The command query-cpus has not been found\"}, \"id\": 2}");
    fixture_end(&f);
}

TAP_MAIN()
