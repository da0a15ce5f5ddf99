/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control protocol's lines: control.c and listener.c. */
#include "console/control/control.h"

#include "config.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char dir[] = "/tmp/test_control.XXXXXX";
static char path[64];
static struct loop loop;
static struct lanes lanes;
static struct control control;
static char requests[1024];

static bool answers_later;

static uint64_t last_peer, gone_peer;

static enum control_result answer(void *data, uint64_t peer,
                                  const char *request, bool again,
                                  struct qmp_buf *reply)
{
    (void)data;
    last_peer = peer;
    check(request);
    if (!again)
        strcat(requests, request);
    if (!strcmp(request, "later") && answers_later)
        return CONTROL_LATER;
    strcat(requests, ";");
    if (!strcmp(request, "big"))
        for (int i = 0; i < 100000; i++)
            qmp_buf_printf(reply, "line %d of many\n", i);
    qmp_buf_printf(reply, "ok %s\n", request);
    return !strcmp(request, "take me") ? CONTROL_TAKE : CONTROL_ANSWERED;
}

static int taken = -1;

static void take(void *data, const char *request, int fd)
{
    (void)data;
    check(!strcmp(request, "take me"));
    taken = fd;
}

static void gone(void *data, uint64_t peer)
{
    (void)data;
    gone_peer = peer;
}

static const struct control_ops ops = {
    .answer = answer, .take = take, .gone = gone,
};

static void files_settle(void)
{
    while (lanes_is_pending(&lanes))
        check(lanes_run(&lanes));
}

static int failure;

static void failed(void *data, int error)
{
    (void)data;
    failure = error;
}

/* 0, or why it can't. */
static int opens(struct control *c, uint32_t domid, uid_t uid)
{
    failure = 0;
    c->failed = failed;
    check(!control_open(c, &loop, &lanes, path, domid, uid, &ops, NULL));
    check(!control_is_open(c));
    files_settle();
    check_int(control_is_open(c), !failure);
    return failure;
}

static void start(void)
{
    check(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    check(!loop_init(&loop));
    lanes_init(&lanes, NULL);
    control_init(&control);
    check_int(opens(&control, 5, geteuid()), 0);
    signal(SIGPIPE, SIG_IGN);
}

static void finish(void)
{
    control_dispose(&control);
    files_settle();
    check(access(path, F_OK));
    rmdir(dir);
}

static int client(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    strcpy(address.sun_path, path);
    check(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
    return fd;
}

/* Runs the loop until the client has a line, or is disconnected (NULL). */
static const char *line(int fd)
{
    static char text[4096];
    size_t n = 0;

    for (;;) {
        ssize_t r = recv(fd, text + n, sizeof(text) - n, MSG_PEEK);
        char *end;

        if (r == 0 || (r < 0 && errno != EAGAIN))
            return NULL;
        if (r < 0) {
            loop_run_once(&loop, 10);
            continue;
        }
        end = memchr(text + n, '\n', (size_t)r);
        if (end)
            r = end + 1 - (text + n);
        check_int(recv(fd, text + n, (size_t)r, 0), r);
        n += (size_t)r;
        if (end)
            break;
    }
    text[n - 1] = '\0';
    return text;
}

static void say(int fd, const char *text)
{
    check_int(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

TEST(greeting)
{
    char expected[128];

    start();
    snprintf(expected, sizeof(expected), "xenconsoled 1 %d %s", getpid(),
             XENQMP_VERSION);
    check_str(line(client()), expected);
    finish();
}

TEST(the_socket_is_its_owner_s)
{
    struct stat st;

    start();
    check(!stat(path, &st));
    check_int(st.st_mode & 07777, 0600);
    finish();
}

TEST_AS_ROOT(the_socket_may_be_another_s)
{
    struct stat st;

    start();
    control_dispose(&control);
    check_int(opens(&control, 5, 65534), 0);
    check(!stat(path, &st));
    check_int(st.st_uid, 65534);
    check_int(st.st_mode & 07777, 0600);
    finish();
}

static unsigned int accepted;

/* It hangs up and connects again, as fast as it is accepted. */
static void accept_and_connect(void *data, int fd)
{
    (void)data;
    close(fd);
    if (++accepted < 1000)
        close(client());
}

static void opened(void *data, int error)
{
    (void)data;
    check_int(error, 0);
}

TEST(who_connects_without_end_leaves_others_their_turn)
{
    static const struct listener_ops listener_ops = {
        .opened = opened, .accepted = accept_and_connect,
    };
    struct listener listener;

    check(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    check(!loop_init(&loop));
    lanes_init(&lanes, NULL);
    listener_init(&listener);
    check(!listener_open(&listener, &loop, &lanes, path, 5, geteuid(),
                         &listener_ops, NULL));
    files_settle();
    close(client());
    check(!loop_run_once(&loop, 0));
    check(accepted && accepted < 100);
    while (accepted < 1000)
        check(!loop_run_once(&loop, 0));
    listener_dispose(&listener);
    files_settle();
    rmdir(dir);
}

TEST(requests_in_order_however_they_are_cut)
{
    int fd;

    start();
    fd = client();
    line(fd);
    say(fd, "pi");
    loop_run_once(&loop, 10);
    say(fd, "ng\nlist\r\n\nlast");
    check_str(line(fd), "ok ping");
    check_str(line(fd), "ok list");
    check_str(line(fd), "ok ");
    say(fd, "\n");
    check_str(line(fd), "ok last");
    check_str(requests, "ping;list;;last;");
    finish();
}

TEST(bytes_that_do_not_print)
{
    int fd;

    start();
    fd = client();
    line(fd);
    check_int(write(fd, "a\0b\033c\n", 6), 6);
    check_str(line(fd), "ok a?b?c");
    finish();
}

TEST(a_long_line_ends_the_connection)
{
    char text[CONTROL_LINE_MAX + 1];
    int fd, other;

    start();
    fd = client();
    other = client();
    line(fd);
    line(other);
    memset(text, 'a', sizeof(text));
    text[CONTROL_LINE_MAX] = '\0';
    say(fd, text);
    check(!line(fd));
    say(other, "ping\n");
    check_str(line(other), "ok ping");
    finish();
}

TEST(a_large_reply_to_a_slow_reader)
{
    char expected[32];
    int fd, other;

    start();
    fd = client();
    other = client();
    line(fd);
    line(other);
    say(fd, "big\nping\n");
    for (int i = 0; i < 5; i++)
        loop_run_once(&loop, 10);
    /* The second request waits until the first's reply is gone. */
    check_str(requests, "big;");
    say(other, "list\n");
    check_str(line(other), "ok list");
    for (int i = 0; i < 100000; i++) {
        snprintf(expected, sizeof(expected), "line %d of many", i);
        check_str(line(fd), expected);
    }
    check_str(line(fd), "ok big");
    check_str(line(fd), "ok ping");
    finish();
}

TEST(as_many_as_allowed)
{
    int fds[CONTROL_CONNECTIONS_MAX + 1];

    start();
    for (int i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
        fds[i] = client();
        check(line(fds[i]));
    }
    fds[CONTROL_CONNECTIONS_MAX] = client();
    check(!line(fds[CONTROL_CONNECTIONS_MAX]));
    close(fds[0]);
    loop_run_once(&loop, 10);
    check(line(client()));
    finish();
}

TEST(a_stale_socket_is_replaced_and_nothing_else)
{
    int fd;

    start();
    control_dispose(&control);
    files_settle();
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        strcpy(address.sun_path, path);
        check(!bind(fd, (struct sockaddr *)&address, sizeof(address)));
        close(fd);
    }
    check(!listener_is_served(path));
    check_int(opens(&control, 5, geteuid()), 0);
    check(listener_is_served(path));
    control_dispose(&control);
    files_settle();
    close(open(path, O_CREAT | O_WRONLY, 0600));
    check_int(opens(&control, 5, geteuid()), EEXIST);
    check(!access(path, F_OK));
    unlink(path);
    finish();
}

/* A guest that migrates to its own host is there twice for a moment. */
TEST(who_goes_leaves_anothers_socket_alone)
{
    struct control next;
    int fd;

    start();
    control_init(&next);
    check_int(opens(&next, 6, geteuid()), 0);
    control_dispose(&control);
    files_settle();
    fd = client();
    check(line(fd));
    say(fd, "still there\n");
    check_str(line(fd), "ok still there");
    control_dispose(&next);
    files_settle();
    check(access(path, F_OK));
    rmdir(dir);
}

TEST_AS_ROOT(another_user_is_refused)
{
    int status;
    pid_t pid;

    start();
    chmod(dir, 0755);
    chmod(path, 0666);
    pid = fork();
    if (!pid) {
        char c;
        int fd;

        if (setresuid(65534, 65534, 65534))
            _exit(2);
        fd = client();
        fcntl(fd, F_SETFL, 0);
        _exit(read(fd, &c, 1) == 0 ? 0 : 1);
    }
    while (!waitpid(pid, &status, WNOHANG))
        loop_run_once(&loop, 10);
    check_int(status, 0);
    finish();
}

TEST(an_answer_that_comes_later)
{
    int fd, other, i;

    start();
    answers_later = true;
    fd = client();
    other = client();
    line(fd);
    line(other);
    say(fd, "later\nlast\n");
    /* Nobody else waits for it. */
    say(other, "ping\n");
    check_str(line(other), "ok ping");
    for (i = 0; i < 3; i++) {
        control_ask_again(&control);
        loop_run_once(&loop, 10);
    }
    answers_later = false;
    control_ask_again(&control);
    check_str(line(fd), "ok later");
    check_str(line(fd), "ok last");
    finish();
}

TEST(a_client_that_goes_before_its_answer)
{
    int fd;

    start();
    answers_later = true;
    fd = client();
    line(fd);
    say(fd, "later\n");
    while (!strstr(requests, "later"))
        loop_run_once(&loop, 10);
    close(fd);
    while (control.peers_n)
        loop_run_once(&loop, 10);
    control_ask_again(&control);
    finish();
}

/* The owner learns whose request it was, and when that connection ends. */
TEST(connections_are_told_apart)
{
    uint64_t first;
    int fd, other;

    start();
    fd = client();
    other = client();
    line(fd);
    line(other);
    say(fd, "ping\n");
    line(fd);
    first = last_peer;
    check(first);
    say(other, "ping\n");
    line(other);
    check(last_peer && last_peer != first);
    say(fd, "ping\n");
    line(fd);
    check(last_peer == first);
    check(!gone_peer);
    close(fd);
    while (!gone_peer)
        loop_run_once(&loop, 10);
    check(gone_peer == first);
    fd = client();
    line(fd);
    say(fd, "ping\n");
    line(fd);
    check(last_peer != first);
    first = last_peer;
    close(other);
    finish();
    check(gone_peer);
}

TEST(a_connection_that_becomes_something_else)
{
    char byte;
    int fd;

    start();
    fd = client();
    line(fd);
    say(fd, "ping\ntake me\n");
    check_str(line(fd), "ok ping");
    check_str(line(fd), "ok take me");
    check(taken >= 0);
    check_int(control.peers_n, 0);
    check_int(write(taken, "x", 1), 1);
    check_int(read(fd, &byte, 1), 1);
    close(taken);
    /* Nothing may be sent ahead of the answer. */
    taken = -1;
    fd = client();
    line(fd);
    say(fd, "take me\nahead");
    check_str(line(fd), "ok take me");
    check(!line(fd));
    check_int(taken, -1);
    finish();
}

TAP_MAIN()
