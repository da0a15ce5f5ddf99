/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What xenconsoled, as it is installed, tells systemd's journal: this test
 * is the journal, by its native protocol (systemd's
 * docs/JOURNAL_NATIVE_PROTOCOL), in a /run of its own.
 */
#include "component.h"

#include <xen/io/console.h>

static int journal;

/* Standard error is the file that xensim makes of it. */
static void journal_start(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char stream[64];
    struct stat st;

    start_host();
    check(!mkdir("/run/systemd", 0755));
    check(!mkdir("/run/systemd/journal", 0755));
    strcpy(address.sun_path, "/run/systemd/journal/socket");
    journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check(!bind(journal, (struct sockaddr *)&address, sizeof(address)));
    check(!stat("/run/xensim/log", &st));
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
             (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
}

/* The next entry that has this message, and all of the fields. */
static const char *entry(const char *message)
{
    static char text[4096];

    do {
        ssize_t n;

        check(readable(journal));
        n = recv(journal, text, sizeof(text) - 1, 0);
        check(n > 0);
        text[n] = '\0';
    } while (!strstr(text, message));
    return text;
}

TEST(a_line_has_priority_and_whom_it_is_about)
{
    struct guest_console c;
    const char *text;

    journal_start();
    start_ours(NULL);
    guest_create(5);
    c = guest_console_add(5, 2, "null");
    guest_console_publish(&c);
    check_connects(&c);
    c.ring->out_prod = c.ring->out_cons + 12345678;
    guest_console_notify(&c);
    text = entry("MESSAGE=domain 5 console 2: the counters in its ring");
    check(strstr(text, "\nPRIORITY=4\n"));
    check(strstr(text, "\nSYSLOG_IDENTIFIER=xenconsoled\n"));
    check(strstr(text, "\nXENQMP_DOMID=5\n"));
    check(strstr(text, "\nXENQMP_CONSOLE=2\n"));
    check(!strstr(file_text("/run/xensim/log"), "the counters"));
}

/* One that finds another and ends. */
static void start_second(void)
{
    const char *const argv[] = { in_build("bin/xenconsoled"), "-i", NULL };
    int status;
    pid_t pid = host_spawn(argv);

    check_int(waitpid(pid, &status, 0), pid);
    check_int(WEXITSTATUS(status), 1);
}

TEST(a_line_about_no_console_has_priority_only)
{
    const char *text;

    journal_start();
    start_ours(NULL);
    start_second();
    text = entry("MESSAGE=another xenconsoled serves");
    check(strstr(text, "\nPRIORITY=3\n"));
    check(!strstr(text, "XENQMP_"));
}

TEST(another_stream_is_not_the_journal)
{
    journal_start();
    setenv("JOURNAL_STREAM", "1:1", 1);
    start_ours(NULL);
    start_second();
    check(strstr(file_text("/run/xensim/log"),
                 "xenconsoled: another xenconsoled serves"));
}

TEST(without_a_journal_it_is_standard_error)
{
    journal_start();
    close(journal);
    start_ours(NULL);
    start_second();
    check(strstr(file_text("/run/xensim/log"),
                 "xenconsoled: another xenconsoled serves"));
}

TAP_MAIN()
