/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-helper's worker as a process: its parent, its rights. */
#include "worker_fixture.h"

TEST(worker_keeps_nothing_of_its_parents)
{
    struct fixture f;
    int ends[2], high;

    check(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    /* Below what it keeps, and above. */
    high = fcntl(ends[1], F_DUPFD, 500);
    check(high >= 500);
    peer_start(&f, false);
    close(ends[1]);
    close(high);
    expect_end(ends[0]);
    fixture_end(&f);
}

/* The value of a line of /proc/<pid>/status. */
static void check_status(pid_t pid, const char *key, const char *ought)
{
    char path[64], entry[256], value[128];
    size_t n = strlen(key);
    bool found = false;
    FILE *status;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    status = fopen(path, "r");
    check(status != NULL);
    while (!found && fgets(entry, sizeof(entry), status))
        if (!strncmp(entry, key, n)) {
            found = true;
            check(sscanf(entry + n, " %127[^\n]", value) == 1);
            check_str(value, ought);
        }
    check(found);
    fclose(status);
}

TEST(sandbox_takes_every_right_and_all_works)
{
    struct fixture f;
    char ids[96];
    int fd;

    if (geteuid()) {            /* no way in: it must not run without */
        int status;

        fixture_start(&f, true);
        check(waitpid(f.worker, &status, 0) == f.worker);
        check(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        return;
    }
    peer_start(&f, true);
    fd = client_start(&f);
    snprintf(ids, sizeof(ids), "%d\t%d\t%d\t%d", WORKER_UID, WORKER_UID,
             WORKER_UID, WORKER_UID);
    check_status(f.worker, "Uid:", ids);
    check_status(f.worker, "Gid:", ids);
    check_status(f.worker, "CapPrm:", "0000000000000000");
    check_status(f.worker, "CapEff:", "0000000000000000");
    check_status(f.worker, "CapBnd:", "0000000000000000");
    check_status(f.worker, "NoNewPrivs:", "1");
    check_status(f.worker, "Seccomp:", "2");
    say(f.console, "garbage");
    peer_session(&f);
    close(f.console);
    peer_accept(&f);
    peer_session(&f);
    check_works(&f, fd);
    close(fd);
    fd = client_start(&f);
    for (size_t i = 0; i < 400; i++) {
        say(f.console, "{\"event\": \"E\"}");
        expect(fd, "{\"event\": \"E\"}");
    }
    fixture_end(&f);
}

/* A parent with a worker: its pid. */
static pid_t fork_both(struct worker_config *config)
{
    pid_t parent;

    fflush(stdout);
    parent = fork();
    if (parent)
        return parent;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    config->child.parent = getpid();
    if (!fork()) {
        close(STDERR_FILENO);
        _exit(worker_run(config));
    }
    for (;;)
        pause();
}

static void kill_it(pid_t parent)
{
    int status;

    kill(parent, SIGKILL);
    waitpid(parent, &status, 0);
}

TEST(without_a_console_the_worker_ends_with_its_parent)
{
    struct fixture f;
    struct worker_config config = { .child.root = f.dir, .listen_fd = -1 };
    pid_t parent;
    int fd;

    fixture_make(&f);
    config.toolstack_fd = listen_at(f.toolstack);
    parent = fork_both(&config);
    close(config.toolstack_fd);
    fd = connect_to(f.toolstack);
    expect_part(fd, "QMP");
    kill_it(parent);
    expect_end(fd);
    fixture_remove(&f);
}

TEST(the_worker_outlives_its_parent_until_its_console_has_gone)
{
    struct fixture f;
    struct worker_config config = {
        .console = "/console-3", .child.root = f.dir, .toolstack_fd = -1,
    };
    pid_t parent;
    int fd;

    fixture_make(&f);
    config.listen_fd = listen_at(f.clients);
    parent = fork_both(&config);
    close(config.listen_fd);
    peer_accept(&f);
    peer_session(&f);
    fd = client_start(&f);
    check_works(&f, fd);
    kill_it(parent);
    check_works(&f, fd);
    close(f.console);           /* xenconsoled is restarted */
    peer_accept(&f);
    peer_session(&f);
    for (int i = 0; i < 3; i++)
        check(!clock_pass(fd, 5000));
    check_works(&f, fd);
    unlink(f.console_path);     /* the domain has gone */
    close(f.console_listener);
    close(f.console);
    expect_end(fd);
    fixture_remove(&f);
}

TEST(worker_does_not_start_without_its_parent)
{
    struct fixture f;
    struct worker_config config = {
        .child.parent = getpid(),   /* not ours: our own */
        .child.root = f.dir, .console = "/console-3", .toolstack_fd = -1,
    };

    fixture_make(&f);
    config.listen_fd = listen_at(f.clients);
    check_int(worker_run(&config), 1);
    fixture_remove(&f);
}

TAP_MAIN()
