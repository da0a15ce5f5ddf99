/* SPDX-License-Identifier: GPL-2.0-or-later */
/* display/display.c, display/viewers.c: who may look, and who pays. */
#include "display_fixture.h"

#include <nettle/des.h>
#include <sched.h>
#include <sys/prctl.h>

static void begin(const char *password)
{
    begin_with(password, NULL, false);
}

static int viewer_dial_socket(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(at.sun_path, w.socket);
    check(!connect(fd, (struct sockaddr *)&at, sizeof(at)));
    return fd;
}

static int looks(int fd)
{
    HEAR(fd, "RFB 003.008\n");
    TELL(fd, "RFB 003.008\n");
    HEAR(fd, "\1\1");
    TELL(fd, "\1");
    HEAR(fd, "\0\0\0\0");
    TELL(fd, "look!");
    HEAR(fd, "look!");
    return fd;
}

static int viewer_looks(void)
{
    return looks(viewer_dial());
}

/* --- Tests ------------------------------------------------------------ */

TEST(viewers_speak_with_qemu_each_with_its_own)
{
    int fds[LINK_CHANNELS], more;

    begin("");
    for (int i = 0; i < LINK_CHANNELS; i++)
        fds[i] = viewer_looks();
    check_int(w.opened, LINK_CHANNELS);
    for (int i = 0; i < LINK_CHANNELS; i++) {
        char text[16];
        int n = snprintf(text, sizeof(text), "viewer %d", i);

        check(send(fds[i], text, (size_t)n, 0) == n);
        hear(fds[i], text, (size_t)n);
    }
    /* One more has to wait for another day, not for a place. */
    more = viewer_dial();
    HEAR(more, "RFB 003.008\n");
    TELL(more, "RFB 003.008\n\1");
    hear_end(more);
    check_int(w.counts->viewers, LINK_CHANNELS);
    close(fds[3]);
    while (w.qemus[3].open)
        pump(-1, 5);
    /* The worker has heard of it when what was said later has come. */
    TELL(fds[0], "and then?");
    HEAR(fds[0], "and then?");
    check_int(w.counts->viewers, LINK_CHANNELS - 1);
    close(viewer_looks());
    check_int(w.counts->looked, LINK_CHANNELS + 1);
    end();
}

TEST(nobody_looks_without_the_password)
{
    int fd;

    begin("geheim");
    fd = viewer_dial();
    HEAR(fd, "RFB 003.008\n");
    TELL(fd, "RFB 003.008\n");
    HEAR(fd, "\1\2");
    TELL(fd, "\1");
    hear_end(fd);
    fd = viewer_dial();
    HEAR(fd, "RFB 003.008\n");
    TELL(fd, "RFB 003.008\n");
    HEAR(fd, "\1\2");
    TELL(fd, "\2" "sixteen bytes...");
    hear_end(fd);
    check_int(w.opened, 0);
    end();
}

/* Up to the password's challenge. */
static int viewer_is_asked(uint8_t challenge[RFB_CHALLENGE])
{
    int fd = viewer_dial();

    HEAR(fd, "RFB 003.008\n");
    TELL(fd, "RFB 003.008\n");
    HEAR(fd, "\1\2");
    TELL(fd, "\2");
    for (size_t n = 0; n < RFB_CHALLENGE; n++) {
        check(pump(fd, LIMIT_MS));
        check_int(recv(fd, challenge + n, 1, 0), 1);
    }
    return fd;
}

static int viewer_answers(const char *password)
{
    uint8_t challenge[RFB_CHALLENGE], key[8] = { 0 };
    struct des_ctx des;
    int fd = viewer_is_asked(challenge);

    for (size_t i = 0; i < sizeof(key) && password[i]; i++)
        for (int bit = 0; bit < 8; bit++)
            if (password[i] >> bit & 1)
                key[i] |= (uint8_t)(0x80 >> bit);
    (void)des_set_key(&des, key);
    des_encrypt(&des, sizeof(challenge), challenge, challenge);
    check(send(fd, challenge, sizeof(challenge), 0) == sizeof(challenge));
    return fd;
}

/* Each on a connection of its own, whatever becomes of that. */
TEST(guesses_are_paced)
{
    int first, late, right;

    begin_ms = 4000;
    guess_gap_ms = 1 << 30;
    begin("geheim");
    /* Who knows it holds up nobody. */
    for (int i = 0; i < 3; i++) {
        right = viewer_answers("geheim");
        HEAR(right, "\0\0\0\0");
    }
    first = viewer_answers("geraten");
    HEAR(first, "\0\0\0\1\0\0\0\x0ewrong password");
    check_int(w.counts->refused, 1);
    late = viewer_answers("geheim");
    hear_end(late);
    check_int(w.counts->refused, 1);
    check_logged("is gone: it does not go on");
    end();
}

TEST(guesses_wait_for_their_turn)
{
    int fds[5], right;
    int64_t begun;

    guess_gap_ms = 200;
    begin("geheim");
    begun = loop_now_ms();
    for (int i = 0; i < 5; i++)
        fds[i] = viewer_answers("geraten");
    right = viewer_answers("geheim");
    /* Who goes has cost nobody a turn, but the first was checked. */
    close(fds[0]);
    HEAR(right, "\0\0\0\0");
    for (int i = 1; i < 5; i++)
        hear_end(fds[i]);
    check(loop_now_ms() - begun >= 4 * guess_gap_ms);
    end();
}

TEST(who_does_not_read_costs_the_others_nothing)
{
    static char much[65536];
    int stalled, fd;

    begin("");
    stalled = viewer_looks();
    fd = viewer_looks();
    for (int i = 0; i < 400; i++)
        qemu_say(0, much, sizeof(much));
    for (int i = 0; i < 100; i++) {
        TELL(fd, "still here");
        HEAR(fd, "still here");
    }
    check(w.qemus[0].open);
    check(w.qemus[0].out.len > 8u << 20);
    close(stalled);
    end();
}

TEST(who_types_and_hangs_up_has_typed)
{
    static char much[65536];
    struct qemu *q = &w.qemus[0];
    size_t before;
    int stalled;

    begin("");
    stalled = viewer_looks();
    for (int i = 0; i < 400; i++)
        qemu_say(0, much, sizeof(much));
    do {
        before = q->out.len;
        pump(-1, 100);
    } while (q->out.len != before);
    kill(w.worker, SIGSTOP);
    TELL(stalled, "the last keys");
    close(stalled);
    kill(w.worker, SIGCONT);
    while (q->open)
        pump(-1, 5);
    check_mem(q->out.data + q->out.len - 13, 13, "the last keys", 13);
    end();
}

/* By a UNIX socket: by TCP nobody is told of the end before it is read. QEMU
 * has answers all the while. */
TEST(who_types_more_than_its_credit_and_hangs_up_has_typed)
{
    static const size_t seen = sizeof("look!") - 1;
    static const size_t begun = sizeof("RFB 003.008\n\1") - 1;
    static char much[100000];
    char greeting[12];
    int fd;

    begin("");
    fd = looks(viewer_dial_socket());
    check(send(fd, much, sizeof(much), 0) == sizeof(much));
    close(fd);
    while (w.counts->from_viewers < LINK_WINDOW_OTHER - begun)
        sched_yield();
    /* Whatever else there was to be seen has been. */
    fd = viewer_dial();
    check(recv(fd, greeting, 12, MSG_WAITALL) == 12);
    while (w.qemus[0].open)
        pump(-1, 5);
    check_int(w.qemus[0].heard, seen + sizeof(much));
    check_logged("is gone: it hung up");
    close(fd);
    end();
}

/* More than its credit, to a QEMU that gives none back. */
static void viewer_types_and_hangs_up(int fd, unsigned int channel)
{
    static char much[2 * LINK_WINDOW_OTHER];

    w.qemus[channel].mean = true;
    check(send(fd, much, sizeof(much), 0) == sizeof(much));
    close(fd);
}

/* A byte of credit now and then doesn't help it. */
TEST(who_hung_up_keeps_no_place_for_want_of_credit)
{
    static const uint8_t one[] = { 0, 0, 0, 1 };
    int fds[LINK_CHANNELS];

    last_ms = 1000;
    begin("");
    for (int i = 0; i < LINK_CHANNELS; i++)
        fds[i] = i % 2 ? viewer_looks() : looks(viewer_dial_socket());
    for (unsigned int i = 0; i < LINK_CHANNELS; i++)
        viewer_types_and_hangs_up(fds[i], i);
    for (bool all = false; !all; ) {
        all = true;
        for (unsigned int i = 0; i < LINK_CHANNELS; i++) {
            if (!w.qemus[i].open)
                continue;
            all = false;
            w.link.channels[i].owed++;
            frames_put(&w.link.out, FRAME_CREDIT, (uint8_t)i, one, 4);
        }
        pump(-1, 100);
    }
    check_logged("is gone: it hung up, and the stubdomain does not take");
    close(viewer_looks());
    end();
}

static char worker_state(void)
{
    char path[32], line[256] = "", r = '?';
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", w.worker);
    file = fopen(path, "r");
    check(file != NULL);
    check(fgets(line, sizeof(line), file) != NULL);
    fclose(file);
    check(sscanf(strrchr(line, ')'), ") %c", &r) == 1);
    return r;
}

TEST(who_hung_up_and_has_no_credit_is_not_told_of_without_end)
{
    static const size_t begun = sizeof("RFB 003.008\n\1") - 1;
    static const size_t seen = sizeof("look!") - 1;
    char greeting[12];
    int fd;

    begin("");
    for (unsigned int i = 0; i < 2; i++) {
        fd = i ? viewer_looks() : looks(viewer_dial_socket());
        viewer_types_and_hangs_up(fd, i);
        while (w.qemus[i].heard < LINK_WINDOW_OTHER - begun)
            pump(-1, 5);
    }
    /* Whatever else there was to be seen has been. */
    fd = viewer_dial();
    check(recv(fd, greeting, 12, MSG_WAITALL) == 12);
    while (worker_state() != 'S')
        sched_yield();
    check_int(w.counts->viewers, 2);
    /* It isn't forgotten. */
    for (unsigned int i = 0; i < 2; i++) {
        w.qemus[i].mean = false;
        link_taken(&w.link, i, LINK_WINDOW_OTHER - begun - seen);
    }
    while (w.qemus[0].open || w.qemus[1].open)
        pump(-1, 5);
    check_int(w.qemus[0].heard, seen + 2 * LINK_WINDOW_OTHER);
    check_int(w.qemus[1].heard, seen + 2 * LINK_WINDOW_OTHER);
    close(fd);
    end();
}

TEST(a_thousand_connections_keep_nobody_out)
{
    int fds[1000], fd;

    begin("");
    for (int i = 0; i < 1000; i++) {
        fds[i] = viewer_dial();
        if (i % 16 == 0)
            pump(-1, 5);
    }
    fd = viewer_looks();
    for (int i = 0; i < 1000; i++)
        close(fds[i]);
    TELL(fd, "still here");
    HEAR(fd, "still here");
    end();
}

/* Somebody types a password. */
TEST(a_host_that_connects_without_end_takes_its_own_places)
{
    int fds[4 * DISPLAY_PLACES], slow;

    begin("");
    slow = viewer_dial();
    HEAR(slow, "RFB 003.008\n");
    for (int i = 0; i < 4 * DISPLAY_PLACES; i++) {
        fds[i] = viewer_dial_from(2);
        HEAR(fds[i], "RFB 003.008\n");
    }
    hear_end(fds[0]);
    TELL(slow, "RFB 003.008\n\1look!");
    HEAR(slow, "\1\1\0\0\0\0look!");
    for (int i = 0; i < 4 * DISPLAY_PLACES; i++)
        close(fds[i]);
    end();
}

TEST(a_peer_is_a_host_or_a_user)
{
    static const char *const addresses[][2] = {
        { "192.0.2.1", "::ffff:192.0.2.1" },
        { "2001:db8:0:1::1", "2001:db8:0:1:ffff::2" },
        { "2001:db8:0:1::1", "2001:db8:0:2::1" },
        { "192.0.2.1", "192.0.2.2" },
        { "::ffff:192.0.2.1", "::ffff:192.0.2.2" },
        { "::1", "127.0.0.1" },
    };
    struct sockaddr_storage unix_socket = { .ss_family = AF_UNIX };
    char text[64];
    int ends[2];

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        uint64_t peers[2];

        for (int j = 0; j < 2; j++) {
            struct sockaddr_storage at = { .ss_family = AF_INET };

            if (strchr(addresses[i][j], ':')) {
                at.ss_family = AF_INET6;
                check_int(inet_pton(AF_INET6, addresses[i][j],
                          &((struct sockaddr_in6 *)&at)->sin6_addr), 1);
            } else {
                check_int(inet_pton(AF_INET, addresses[i][j],
                          &((struct sockaddr_in *)&at)->sin_addr), 1);
            }
            peers[j] = peer_of(-1, &at, text, sizeof(text));
            check(strstr(text, addresses[i][j]));
        }
        if ((peers[0] == peers[1]) != (i < 2))
            tap_fail("%s, %s", addresses[i][0], addresses[i][1]);
    }
    check(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    check(peer_of(ends[0], &unix_socket, text, sizeof(text)) ==
          (PEER_USER | geteuid()));
}

TEST(half_a_beginning_is_not_waited_for)
{
    int silent, half, other;

    begin_ms = 4000;
    begin("");
    silent = viewer_dial();
    half = viewer_dial();
    TELL(half, "RFB 003");
    other = viewer_dial();
    TELL(other, "GET / HTTP/1.1\r\n\r\n");
    hear_end(silent);
    hear_end(half);
    hear_end(other);
    check_int(w.opened, 0);
    check_logged("is gone: it does not go on");
    check_logged("it does not speak RFB");
    check_int(w.counts->refused, 1);
    end();
}

/* TCP tells it only to who asks. */
TEST(who_hangs_up_while_it_waits_is_gone)
{
    int fd;

    begin("");
    w.mute = true;
    fd = viewer_dial();
    HEAR(fd, "RFB 003.008\n");
    TELL(fd, "RFB 003.008\n\1");
    HEAR(fd, "\1\1\0\0\0\0");
    close(fd);
    check_logged("is gone: it hung up");
    end();
}

static void has_spoken(void *data)
{
    (void)data;
}

static void time_goes_on(void)
{
    int64_t now = loop_now_ms();

    while (loop_now_ms() == now)
        sched_yield();
}

/* Somebody has to type, or to believe a certificate. */
TEST(each_step_has_its_time)
{
    static struct loop loop;
    static struct link link;
    static struct display_counts counts;
    static struct viewers viewers = {
        .loop = &loop, .link = &link, .password = "geheim",
        .counts = &counts, .spoke = has_spoken,
    };
    struct viewer *v = &viewers.places[0];
    int64_t deadline;
    int ends[2];

    check_int(loop_init(&loop), 0);
    link_init(&link);
    viewers_init(&viewers);
    check(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    viewers_add(&viewers, ends[0], 1, "here", false);
    deadline = v->limit.deadline_ms;
    time_goes_on();
    TELL(ends[1], "RFB 003");
    check_int(loop_run_once(&loop, -1), 0);
    check(v->limit.deadline_ms == deadline);
    TELL(ends[1], ".008\n");
    check_int(loop_run_once(&loop, -1), 0);
    check(v->limit.deadline_ms > deadline);
    deadline = v->limit.deadline_ms;
    time_goes_on();
    TELL(ends[1], "\2");
    check_int(loop_run_once(&loop, -1), 0);
    check(v->limit.deadline_ms > deadline);
}

TEST(a_stubdomain_that_does_not_answer)
{
    int fd;

    begin_ms = 4000;
    reset_ms = 1000;
    begin("");
    w.mute = true;
    fd = viewer_dial();
    TELL(fd, "RFB 003.003\n");
    hear_end(fd);
    check_int(w.opened, 0);
    /* It boots at last. */
    w.mute = false;
    close(viewer_looks());
    end();
}

TEST(a_viewer_that_comes_while_the_stubdomain_boots_waits)
{
    int fd;

    begin("");
    w.mute = true;
    fd = viewer_dial();
    HEAR(fd, "RFB 003.008\n");
    TELL(fd, "RFB 003.003\nlook!");
    pump(-1, 300);
    w.mute = false;
    HEAR(fd, "\0\0\0\1look!");
    end();
}

TEST(a_stubdomain_that_makes_no_sense_ends_its_viewers)
{
    int fd;

    begin("");
    fd = viewer_looks();
    frames_put(&w.link.out, FRAME_DATA, 9, "whose?", 6);
    hear_end(fd);
    close(viewer_looks());
    /* More often where an answer is late. */
    check(w.ready >= 2);

    /* So does QEMU's hanging up, but for one. */
    fd = viewer_looks();
    link_close(&w.link, 0);
    link_close(&w.link, 1);
    w.qemus[0].open = w.qemus[1].open = false;
    hear_end(fd);
    end();
}

/* It takes over from a parent that can be killed. */
TEST(who_looks_goes_on_when_the_parent_is_killed)
{
    pid_t parent;
    int fd, status;

    check(!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    check(!pipe(w.between));
    begin("");
    parent = w.worker;
    check(read(w.between[0], &w.worker, sizeof(w.worker)) ==
          sizeof(w.worker));
    fd = viewer_looks();
    kill(parent, SIGKILL);
    check(waitpid(parent, &status, 0) == parent);
    check_logged("its display worker goes on");
    TELL(fd, "it is still shown");
    HEAR(fd, "it is still shown");
    check(viewer_looks() >= 0);
    /* It has looked after it a few times when xenconsoled is another, and ends
     * when there is none any more. */
    pump(-1, 300);
    close(w.console);
    console_accept();
    link_renewed(&w.link);
    check(viewer_looks() >= 0);
    pump(-1, 300);
    check_int(waitpid(w.worker, &status, WNOHANG), 0);
    close(w.console);
    close(w.listener);
    check(waitpid(w.worker, &status, 0) == w.worker);
    unlink(w.path);
    unlink(w.socket);
    unlink(w.log);
    rmdir(w.dir);
}

TEST(xenconsoled_is_another)
{
    int fd;

    begin("");
    fd = viewer_looks();
    TELL(fd, "the old one's");
    pump(-1, 20);
    close(w.console);
    console_accept();
    hear_end(fd);
    link_renewed(&w.link);
    fd = viewer_looks();
    TELL(fd, "the new one's");
    HEAR(fd, "the new one's");
    end();
}

TAP_MAIN()
