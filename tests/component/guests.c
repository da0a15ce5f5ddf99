/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests with a qmp-helper each on one host: all answer, after a restart of
 * xenconsoled too, and leave nothing behind. Ten; in check-full
 * $XENQMP_GUESTS, a hundred.
 */
#include "guests.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/prctl.h>

#define GUESTS_MAX 500
#define LIMIT_S    3600

static struct hvm hvms[GUESTS_MAX + 1];
static unsigned int hvms_n = 10;

/* --- What there is on the host ------------------------------------------ */

#define LISTING_MAX (4u << 20)

static struct { char *text; size_t n; } listed;

static void list(const char *line)
{
    size_t n = strlen(line);

    check(listed.n + n + 2 < LISTING_MAX);
    memcpy(listed.text + listed.n, line, n);
    listed.n += n;
    listed.text[listed.n++] = '\n';
    listed.text[listed.n] = '\0';
}

static void list_store(const char *path)
{
    unsigned int n;
    char **names = xs_directory(guest_store, XBT_NULL, path, &n);
    char child[256];

    list(path);
    for (unsigned int i = 0; names && i < n; i++) {
        snprintf(child, sizeof(child), "%s/%s", strcmp(path, "/") ? path : "",
                 names[i]);
        list_store(child);
    }
    free(names);
}

/* The simulator's own, and xenstored's, are not of guests. */
static int list_file(const char *path, const struct stat *st, int type,
                     struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    if (!strcmp(path, "/run/xensim") || !strcmp(path, "/run/xenstored"))
        return FTW_SKIP_SUBTREE;
    list(path);
    return FTW_CONTINUE;
}

/* xenstore, folders, terminals: all that has a name, a line each. */
static const char *names_of_all(void)
{
    static const char *const folders[] = { "/run", "/etc", "/dev/pts" };

    listed.text = malloc(LISTING_MAX);
    listed.n = 0;
    check(listed.text);
    list_store("/");
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        check(!nftw(folders[i], list_file, 16,
                    FTW_ACTIONRETVAL | FTW_PHYS));
    return listed.text;
}

/* A line of one that the other lacks. */
static void check_same(const char *a, const char *b, const char *what)
{
    const char *line = a;

    while (*line) {
        size_t n = strcspn(line, "\n") + 1;
        char text[512];

        snprintf(text, sizeof(text), "\n%.*s", (int)n, line);
        if (strncmp(b, line, n) && !strstr(b, text))
            tap_fail("%s: %.*s", what, (int)n - 1, line);
        line += n;
    }
}

static unsigned int entries(const char *format, pid_t pid)
{
    char path[64];
    unsigned int n = 0;
    DIR *dir;

    snprintf(path, sizeof(path), format, (int)pid);
    dir = opendir(path);
    check(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

/* Of this process, which those come to whose parent has ended. */
static unsigned int processes(void)
{
    char path[64];
    unsigned int n = 0;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children",
             (int)getpid());
    for (const char *at = file_text(path); *at; at++)
        n += *at == ' ';
    return n;
}

/* What is there before the first guest, and stays. */
static void dom0_make(void)
{
    static const char *const folders[] = {
        "/vm", "/libxl", "/local/domain/0/backend/console",
        "/local/domain/0/device-model",
    };

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        guest_write(0, "", "%s", folders[i]);
}

/* --- All of them ---------------------------------------------------------- */

/* An own /dev/pts: what the machine has besides is nobody's here. */
static void terminals_make(void)
{
    check(!mount("devpts", "/dev/pts", "devpts", 0,
                 "newinstance,ptmxmode=0666,mode=620"));
    check(!mount("/dev/pts/ptmx", "/dev/ptmx", NULL, MS_BIND, NULL));
}

static void create(unsigned int i)
{
    char log[64];

    snprintf(log, sizeof(log), "file:/var/log/xen/qemu-dm-%u.log", i);
    hvm_make(&hvms[i], 2 * i + 1, 2 * i + 2, log);
    hvm_start_helper(&hvms[i]);
    hvm_boot(&hvms[i]);
    hvm_connect(&hvms[i], hvms, i + 1);
}

static void all_create(void)
{
    for (unsigned int i = 0; i < hvms_n; i++)
        create(i);
}

static void check_all_answer(void)
{
    for (unsigned int i = 0; i < hvms_n; i++)
        hvm_check_answers(&hvms[i], hvms, hvms_n);
}

/* Each has a terminal, and nobody else has it. */
static void check_terminals(void)
{
    for (unsigned int i = 0; i < hvms_n; i++) {
        struct guest_console *serial = &hvms[i].consoles[SERIAL];
        char text[32];
        int fd = tty_open(serial), n;

        n = snprintf(text, sizeof(text), "guest %u\n", hvms[i].guest);
        put_all(serial, text, (size_t)n);
        check_reads(fd, text, (size_t)n);
        close(fd);
    }
    check_int(entries("/dev/pts", 0), 1 + hvms_n);
}

/* Each worker is another user. */
static void check_users(void)
{
    for (unsigned int i = 0; i < hvms_n; i++) {
        char path[64], uid[32];

        snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
                 (int)hvms[i].helper, (int)hvms[i].helper);
        snprintf(path, sizeof(path), "/proc/%d/status",
                 atoi(file_text(path)));
        snprintf(uid, sizeof(uid), "\nUid:\t%u\t", 0x78650000 + hvms[i].dm);
        check(strstr(file_text(path), uid));
    }
}

/* --- One more of them ------------------------------------------------------- */

#define TRACE "/run/xensim/trace"

static void trace(const char *path)
{
    free(xs_control_command(guest_store, "logfile", (void *)(uintptr_t)path,
                            (unsigned int)strlen(path) + 1));
}

/* Nobody asked whether another's domains are there, and but for xenconsoled
 * nobody heard that some domain has gone. */
static void check_traced(const struct hvm *more)
{
    char line[8192], who[32], first[32] = "";
    FILE *lines = fopen(TRACE, "r");
    unsigned int domid, n = 0;

    check(lines);
    while (fgets(line, sizeof(line), lines)) {
        const char *node = strstr(line, " READ (/local/domain/");
        const char *to = strstr(line, "OUT");
        int end = 0;

        if (node && sscanf(node, " READ (/local/domain/%u/domid %n", &domid,
                           &end) == 1 && end)
            check(domid == more->guest || domid == more->dm);
        /* From 4.18 on behind "io: ", and "OUT(...)" where it is in parts. */
        if (!to || sscanf(to, "%*s %31s", who) != 1 ||
            !strstr(to, " WATCH_EVENT (@releaseDomain "))
            continue;
        if (!n++)
            strcpy(first, who);
        check_str(who, first);
    }
    check(n > 0);
    fclose(lines);
}

static bool all_unmapped(void *data)
{
    return xensim->mapped - xensim->unmapped == *(uint64_t *)data;
}

/* The others' qmp-helpers have no part in its life, nor in its end. */
static void check_one_more_is_nobody_elses(void)
{
    struct hvm *more = &hvms[hvms_n];
    uint64_t pages = xensim->mapped - xensim->unmapped;

    trace(TRACE);
    create(hvms_n);
    hvm_check_answers(more, hvms, hvms_n + 1);
    hvm_destroy(more);
    hvm_wait_helper(more);
    check(host_wait(all_unmapped, &pages));
    trace("/dev/null");
    check_traced(more);
}

/* --------------------------------------------------------------------------- */

static bool daemons_are_left(void *data)
{
    const unsigned int *before = data;

    return processes() == before[0] &&
           entries("/proc/%d/fd", ours) <= before[1] &&
           entries("/proc/%d/fd", host_store()) == before[2];
}

/* Who answers is done with starting. */
static void control_asks(const char *request)
{
    int fd = unix_open("/run/xen/xenconsoled.sock");

    check_asks(fd, request, "ok");
    close(fd);
}

static void guests_live(void)
{
    const char *wanted = getenv("XENQMP_GUESTS");
    const char *before, *after;
    unsigned int daemons[3];
    uint64_t pages;

    if (wanted)
        hvms_n = (unsigned int)atoi(wanted);
    check(hvms_n && hvms_n <= GUESTS_MAX);
    alarm(LIMIT_S);
    check(!prctl(PR_SET_CHILD_SUBREAPER, 1));
    start_host();
    dom0_make();
    trace("/dev/null");
    terminals_make();
    start_ours(NULL);
    etc_make(example());
    control_asks("list");
    before = names_of_all();
    pages = xensim->mapped - xensim->unmapped;
    daemons[0] = processes();
    daemons[1] = entries("/proc/%d/fd", ours) + 2;
    daemons[2] = entries("/proc/%d/fd", host_store()) + 1;

    all_create();
    check_all_answer();
    check_terminals();
    check_users();
    check_int(processes(), daemons[0] + hvms_n);
    if (!strcmp(xenstored, HOST_XENSTORED))     /* it has a trace */
        check_one_more_is_nobody_elses();

    kill_ours();
    start_ours(NULL);
    check_all_answer();
    check_terminals();
    pages += (uint64_t)hvms_n * CONSOLES_OF_A_GUEST;  /* of who was killed */

    for (unsigned int i = 0; i < hvms_n; i++)
        hvm_destroy(&hvms[i]);
    for (unsigned int i = 0; i < hvms_n; i++)
        hvm_wait_helper(&hvms[i]);
    check(host_wait(all_unmapped, &pages));
    check(host_wait(daemons_are_left, daemons));
    after = names_of_all();
    check_same(after, before, "left behind");
    check_same(before, after, "missing");
}

TEST_AS_ROOT(guests_answer_and_leave_nothing)
{
    guests_live();
}

TEST_AS_ROOT(guests_with_oxenstored)
{
    xenstored = HOST_OXENSTORED;
    guests_live();
}

TAP_MAIN()
