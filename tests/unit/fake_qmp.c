/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_qmp.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than any command of a test. */
#define LINE_MAX_BYTES (2u << 20)
#define LIMIT_S 3600

struct server {
    int fd;
    char line[LINE_MAX_BYTES];
    char id[256];
};

/* Who has read a message may leave before the end of its line. */
static void send_all(struct server *server, const char *text, size_t n)
{
    while (n) {
        ssize_t r = write(server->fd, text, n);

        if (r < 0 && !text[strspn(text, "\r\n")])
            return;
        if (r < 0)
            _exit(3);
        text += r;
        n -= (size_t)r;
    }
}

static void say(struct server *server, const char *text, size_t chunk)
{
    char whole[65536];
    const char *mark = strstr(text, "$ID");
    size_t n;

    if (mark)
        snprintf(whole, sizeof(whole), "%.*s%s%s", (int)(mark - text),
                 text, server->id, mark + 3);
    else
        snprintf(whole, sizeof(whole), "%s", text);
    n = strlen(whole);
    for (size_t i = 0; i < n; i += chunk)
        send_all(server, whole + i, n - i < chunk ? n - i : chunk);
}

static void hear(struct server *server, const char *expected)
{
    size_t n = 0;
    char *id, *end;

    do {
        if (n == sizeof(server->line) - 1 ||
            read(server->fd, server->line + n, 1) != 1) {
            printf("# the fake server heard nothing; expected %s\n",
                   expected);
            _exit(2);
        }
        n++;
    } while (server->line[n - 1] != '\n');
    server->line[n] = '\0';
    if (!strstr(server->line, expected)) {
        printf("# the fake server heard %s# expected %s\n", server->line,
               expected);
        fflush(stdout);
        _exit(2);
    }
    id = strstr(server->line, "\"id\":\"x");
    if (!id)
        return;
    id += 5;
    end = strchr(id + 1, '"');
    if (end)
        snprintf(server->id, sizeof(server->id), "%.*s",
                 (int)(end + 1 - id), id);
}

/* n bytes of the text again and again, in large pieces. */
static void flood(struct server *server, const char *text, size_t n)
{
    size_t len = strlen(text), piece = 65536 / len * len;
    char *bytes = malloc(piece);

    for (size_t i = 0; bytes && i < piece; i += len)
        memcpy(bytes + i, text, len);
    for (; bytes && n; n -= n < piece ? n : piece)
        if (write(server->fd, bytes, n < piece ? n : piece) < 0)
            break;              /* the client has seen enough */
    free(bytes);
}

static void wait_hangup(struct server *server)
{
    struct pollfd fd = { .fd = server->fd, .events = POLLRDHUP };

    poll(&fd, 1, -1);
}

static void follow(struct server *server, const struct fake_qmp_step *step)
{
    for (; step->act != FAKE_END; step++) {
        switch (step->act) {
        case FAKE_SAY:
            say(server, step->text, 65536);
            break;
        case FAKE_SAY_SLOWLY:
            say(server, step->text, 1);
            break;
        case FAKE_HEAR:
            hear(server, step->text);
            break;
        case FAKE_FLOOD:
            flood(server, step->text, step->n);
            break;
        case FAKE_ECHO:
            send_all(server, server->line, strlen(server->line));
            break;
        case FAKE_WAIT:
            wait_hangup(server);
            break;
        case FAKE_END:
            break;
        }
    }
}

void fake_qmp_serve(struct fake_qmp *fake,
                    const struct fake_qmp_step *script, int fd,
                    bool listens)
{
    static struct server server;

    fflush(stdout);
    fake->pid = fork();
    if (fake->pid < 0)
        abort();
    if (!fake->pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        alarm(LIMIT_S);
        server.fd = listens ? accept(fd, NULL, NULL) : fd;
        if (server.fd < 0)
            _exit(1);
        follow(&server, script);
        _exit(0);
    }
    close(fd);
}

void fake_qmp_start(struct fake_qmp *fake,
                    const struct fake_qmp_step *script)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char dir[] = "/tmp/fake-qmp-XXXXXX";
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || !mkdtemp(dir))
        abort();
    snprintf(fake->path, sizeof(fake->path), "%s/s", dir);
    strcpy(address.sun_path, fake->path);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
        listen(fd, 1))
        abort();
    fake_qmp_serve(fake, script, fd, true);
}

bool fake_qmp_end(struct fake_qmp *fake)
{
    char *slash = strrchr(fake->path, '/');
    int status = -1;

    waitpid(fake->pid, &status, 0);
    if (slash) {
        unlink(fake->path);
        *slash = '\0';
        rmdir(fake->path);
    }
    return !status;
}
