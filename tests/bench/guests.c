/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guests: what a guest with a stubdomain costs dom0, among few and among
 * many, on xensim and both of Debian's xenstoreds: qmp-helper with its worker,
 * and what xenconsoled and xenstored have more for it. For each size what a guest takes, and how many
 * times the first size's that is. Processor time, for the machine may be
 * busy; xenstored's besides for the same domains with neither a helper nor a
 * xenconsoled, which is what it takes for what libxl asks. Requests and
 * watches are counted from C xenstored's own trace, in a run apart. Memory is
 * PSS, with libraries that nobody else on this machine has open, without
 * the simulated hypervisor's pages.
 *
 *   tests/bench/guests [GUESTS...]
 */
#include "bench.h"
#include "tests/component/guests.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define SIZES      8
#define GUESTS_MAX 500
/* At rest: no CPU time used that long. */
#define SETTLE_S   0.3
#define TRACE      "/run/xensim/trace"

enum figure {
    PSS_PARENT, PSS_WORKER, PSS_DISPLAY, DIRTY_PARENT, DIRTY_WORKER, DIRTY_CONSOLED,
    DIRTY_STORE,
    PROCESSES, FDS_PARENT, FDS_WORKER, FDS_CONSOLED, FDS_STORE, TERMINALS,
    CREATE, CREATE_HELPER, CREATE_CONSOLED, CREATE_STORE,
    RESTART, RESTART_CONSOLED, RESTART_HELPER, RESTART_STORE,
    DESTROY, DESTROY_HELPER, DESTROY_CONSOLED, DESTROY_STORE,
    ALONE_CREATE, ALONE_DESTROY,
    REQUESTS_CREATE, REQUESTS_DESTROY, WATCHES,
    FIGURES,
};

static const struct { const char *name, *unit; double in; } figures[] = {
    [PSS_PARENT]       = { "memory: qmp-helper", "kB PSS", 1 },
    [PSS_WORKER]       = { "  its worker", "kB PSS", 1 },
    [PSS_DISPLAY]      = { "  with a display: its worker", "kB PSS", 1 },
    [DIRTY_PARENT]     = { "  private dirty: qmp-helper", "kB", 1 },
    [DIRTY_WORKER]     = { "  its worker", "kB", 1 },
    [DIRTY_CONSOLED]   = { "  more of xenconsoled's", "kB", 1 },
    [DIRTY_STORE]      = { "  more of xenstored's", "kB", 1 },
    [PROCESSES]        = { "processes", "", 1 },
    [FDS_PARENT]       = { "descriptors: qmp-helper", "", 1 },
    [FDS_WORKER]       = { "  its worker", "", 1 },
    [FDS_CONSOLED]     = { "  more of xenconsoled's", "", 1 },
    [FDS_STORE]        = { "  more of xenstored's", "", 1 },
    [TERMINALS]        = { "terminals", "", 1 },
    [CREATE]           = { "created, until it answers", "ms", 1e3 },
    [CREATE_HELPER]    = { "  processor time: qmp-helper", "ms", 1e3 },
    [CREATE_CONSOLED]  = { "  xenconsoled", "ms", 1e3 },
    [CREATE_STORE]     = { "  xenstored", "ms", 1e3 },
    [RESTART]          = { "xenconsoled anew, until all answer", "ms", 1e3 },
    [RESTART_CONSOLED] = { "  processor time: xenconsoled", "ms", 1e3 },
    [RESTART_HELPER]   = { "  qmp-helper", "ms", 1e3 },
    [RESTART_STORE]    = { "  xenstored", "ms", 1e3 },
    [DESTROY]          = { "all destroyed", "ms", 1e3 },
    [DESTROY_HELPER]   = { "  processor time: qmp-helper", "ms", 1e3 },
    [DESTROY_CONSOLED] = { "  xenconsoled", "ms", 1e3 },
    [DESTROY_STORE]    = { "  xenstored", "ms", 1e3 },
    [ALONE_CREATE]     = { "xenstored, domains alone: created", "ms", 1e3 },
    [ALONE_DESTROY]    = { "  destroyed", "ms", 1e3 },
    [REQUESTS_CREATE]  = { "xenstore: requests, created", "", 1 },
    [REQUESTS_DESTROY] = { "  destroyed", "", 1 },
    [WATCHES]          = { "  watches", "", 1 },
};

static struct hvm hvms[GUESTS_MAX];
static unsigned int hvms_n;

/* --- Libraries that are ours alone ---------------------------------------- */

/* A copy of each, in its place: what is shared then is shared among the
 * processes that are looked at, not with the rest of the machine. */
static void libraries_copy(void)
{
    char command[2 * PATH_MAX + 256];

    check(!unshare(CLONE_NEWNS) &&
          !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
          !mount("lib", "/run", "tmpfs", 0, "mode=755") &&
          !mkdir("/run/lib", 0755));
    snprintf(command, sizeof(command), "for path in $(ldd '%s' '%s' | "
             "grep -o ' /[^ :]*' | sort -u); do cp -L $path /run/lib && "
             "mount --bind /run/lib/${path##*/} $(realpath $path) || exit 1; "
             "done", in_build("bin/qmp-helper"), in_build("bin/xenconsoled"));
    check(!system(command));
}

/* --- What a process has ---------------------------------------------------- */

struct memory {
    double pss, dirty;          /* kB */
};

static struct memory memory_of(pid_t pid)
{
    struct memory memory = { 0, 0 };
    bool simulators = false;
    char path[64], line[1024];
    FILE *maps;

    snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
    maps = fopen(path, "r");
    check(maps);
    while (fgets(line, sizeof(line), maps)) {
        if (line[strcspn(line, " :")] != ':')
            simulators = strstr(line, "xensim");
        else if (simulators)
            continue;
        else if (!strncmp(line, "Pss:", 4))
            memory.pss += atof(line + 4);
        else if (!strncmp(line, "Private_Dirty:", 14))
            memory.dirty += atof(line + 14);
    }
    fclose(maps);
    return memory;
}

static unsigned int entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned int n = 0;

    check(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

static unsigned int descriptors_of(pid_t pid)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    return entries(path);
}

/* With a display, that's; it was started first. */
static pid_t worker_of(const struct hvm *hvm)
{
    char path[64];
    pid_t pid;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
             (int)hvm->helper, (int)hvm->helper);
    pid = atoi(file_text(path));
    check(pid > 1);
    return pid;
}

/* Of all helpers and workers. */
static double helpers_cpu(void)
{
    double r = 0;

    for (unsigned int i = 0; i < hvms_n && hvms[i].helper; i++)
        r += cpu_s(hvms[i].helper) + cpu_s(worker_of(&hvms[i]));
    return r;
}

/* Of those that have ended, and those that they have waited for. */
static double ended_cpu(void)
{
    struct rusage used;

    check(!getrusage(RUSAGE_CHILDREN, &used));
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void settle(void)
{
    double before;

    do {
        double until = now_s() + SETTLE_S;

        before = (ours ? cpu_s(ours) : 0) + cpu_s(host_store());
        while (now_s() < until)
            guest_wait((int)(SETTLE_S * 1e3));
    } while ((ours ? cpu_s(ours) : 0) + cpu_s(host_store()) > before);
}

/* --- Their lives ------------------------------------------------------------ */

static void host_begin(const char *config)
{
    libraries_copy();
    start_host();
    check(!mount("devpts", "/dev/pts", "devpts", 0,
                 "newinstance,ptmxmode=0666,mode=620"));
    check(!mount("/dev/pts/ptmx", "/dev/ptmx", NULL, MS_BIND, NULL));
    etc_make(config);
}

static void make(unsigned int i)
{
    char log[64];

    snprintf(log, sizeof(log), "file:/var/log/xen/qemu-dm-%u.log", i);
    hvm_make(&hvms[i], 2 * i + 1, 2 * i + 2, log);
}

static void create_all(void)
{
    for (unsigned int i = 0; i < hvms_n; i++) {
        make(i);
        hvm_start_helper(&hvms[i]);
        hvm_boot(&hvms[i]);
        hvm_connect(&hvms[i], hvms, i + 1);
        hvm_check_answers(&hvms[i], hvms, i + 1);
    }
}

static void look(double *is, const double *was)
{
    for (unsigned int i = 0; i < hvms_n; i++) {
        pid_t worker = worker_of(&hvms[i]);
        struct memory parents = memory_of(hvms[i].helper);
        struct memory workers = memory_of(worker);

        is[PSS_PARENT] += parents.pss;
        is[DIRTY_PARENT] += parents.dirty;
        is[PSS_WORKER] += workers.pss;
        is[DIRTY_WORKER] += workers.dirty;
        is[FDS_PARENT] += descriptors_of(hvms[i].helper);
        is[FDS_WORKER] += descriptors_of(worker);
        is[PROCESSES] += 2;
    }
    is[DIRTY_CONSOLED] = memory_of(ours).dirty - was[DIRTY_CONSOLED];
    is[DIRTY_STORE] = memory_of(host_store()).dirty - was[DIRTY_STORE];
    is[FDS_CONSOLED] = descriptors_of(ours) - was[FDS_CONSOLED];
    is[FDS_STORE] = descriptors_of(host_store()) - was[FDS_STORE];
    is[TERMINALS] = entries("/dev/pts") - was[TERMINALS];
}

static void restart(double *took)
{
    double helpers = helpers_cpu(), store = cpu_s(host_store()), began;

    kill_ours();
    began = now_s();
    start_ours(NULL);
    for (unsigned int i = 0; i < hvms_n; i++)
        hvm_check_answers(&hvms[i], hvms, hvms_n);
    took[RESTART] = now_s() - began;
    settle();
    took[RESTART_CONSOLED] = cpu_s(ours);
    took[RESTART_HELPER] = helpers_cpu() - helpers;
    took[RESTART_STORE] = cpu_s(host_store()) - store;
}

static void destroy_all(double *took)
{
    double helpers = helpers_cpu(), ended = ended_cpu();
    double store = cpu_s(host_store()), consoled = cpu_s(ours);
    double began = now_s();

    for (unsigned int i = 0; i < hvms_n; i++)
        hvm_destroy(&hvms[i]);
    for (unsigned int i = 0; i < hvms_n; i++)
        hvm_wait_helper(&hvms[i]);
    took[DESTROY] = now_s() - began;
    settle();
    took[DESTROY_HELPER] = ended_cpu() - ended - helpers;
    took[DESTROY_CONSOLED] = cpu_s(ours) - consoled;
    took[DESTROY_STORE] = cpu_s(host_store()) - store;
}

static void live(double *took)
{
    double was[FIGURES] = { 0 }, began, consoled, store;

    host_begin(example());
    start_ours(NULL);
    settle();
    was[DIRTY_CONSOLED] = memory_of(ours).dirty;
    was[DIRTY_STORE] = memory_of(host_store()).dirty;
    was[FDS_CONSOLED] = descriptors_of(ours);
    was[FDS_STORE] = descriptors_of(host_store());
    was[TERMINALS] = entries("/dev/pts");
    consoled = cpu_s(ours);
    store = cpu_s(host_store());
    began = now_s();
    create_all();
    took[CREATE] = now_s() - began;
    settle();
    took[CREATE_HELPER] = helpers_cpu();
    took[CREATE_CONSOLED] = cpu_s(ours) - consoled;
    took[CREATE_STORE] = cpu_s(host_store()) - store;
    look(took, was);
    restart(took);
    destroy_all(took);
}

/* The same with displays, as far as there are their workers; viewers come by
 * a UNIX socket only, for TCP's ports are the machine's. */
static void live_with_displays(double *took)
{
    host_begin("vnc_tcp = 0\n");
    start_ours(NULL);
    for (unsigned int i = 0; i < hvms_n; i++) {
        make(i);
        guest_write(0, "1", "/local/domain/0/backend/vfb/%u/0/vnc",
                    hvms[i].dm);
        guest_write(0, "", "/libxl/%u/device/vfb/0", hvms[i].dm);
        hvm_start_helper(&hvms[i]);
        hvm_boot(&hvms[i]);
    }
    settle();
    for (unsigned int i = 0; i < hvms_n; i++)
        took[PSS_DISPLAY] += memory_of(worker_of(&hvms[i])).pss;
}

/* The domains without anything of ours. */
static void live_alone(double *took)
{
    double store;

    start_host();
    store = cpu_s(host_store());
    for (unsigned int i = 0; i < hvms_n; i++) {
        make(i);
        for (int n = SAVE; n < SERIAL; n++)
            guest_console_publish(&hvms[i].consoles[n]);
    }
    took[ALONE_CREATE] = cpu_s(host_store()) - store;
    store = cpu_s(host_store());
    for (unsigned int i = 0; i < hvms_n; i++) {
        guest_destroy(hvms[i].dm);
        guest_destroy(hvms[i].guest);
    }
    took[ALONE_DESTROY] = cpu_s(host_store()) - store;
}

/* --- Counted ---------------------------------------------------------------- */

/* Of xenstored's trace, which is long: nothing of it is kept. */
static _Atomic unsigned int requests, watches, marks;

static void *trace_read(void *lines)
{
    char line[8192];

    while (fgets(line, sizeof(line), lines)) {
        requests += !strncmp(line, "IN ", 3);
        watches += !strncmp(line, "CREATE watch ", 13);
        watches -= !strncmp(line, "DESTROY watch ", 14);
        marks += !strcmp(line, "mark\n");
    }
    return NULL;
}

/* xenstored is at rest: all of its trace was read when our own line was. */
static void trace_wait(int trace)
{
    unsigned int before = marks;

    settle();
    check_int(write(trace, "mark\n", 5), 5);
    while (marks == before)
        guest_wait(1);
}

static int trace_begin(void)
{
    pthread_t reader;
    int trace;

    check(!mkfifo(TRACE, 0600));
    trace = open(TRACE, O_RDWR | O_CLOEXEC);
    check(trace >= 0 &&
          !pthread_create(&reader, NULL, trace_read, fdopen(trace, "r")));
    free(xs_control_command(guest_store, "logfile", TRACE, sizeof(TRACE)));
    return trace;
}

static void count(double *took)
{
    unsigned int asked, watched;
    int trace;

    host_begin(example());
    trace = trace_begin();
    start_ours(NULL);
    trace_wait(trace);
    asked = requests;
    watched = watches;
    create_all();
    trace_wait(trace);
    took[REQUESTS_CREATE] = requests - asked;
    took[WATCHES] = watches - watched;
    asked = requests;
    for (unsigned int i = 0; i < hvms_n; i++)
        hvm_destroy(&hvms[i]);
    for (unsigned int i = 0; i < hvms_n; i++)
        hvm_wait_helper(&hvms[i]);
    trace_wait(trace);
    took[REQUESTS_DESTROY] = requests - asked;
}

/* In a process of its own; what it finds is added. */
static void in_child(void (*fn)(double *took), double *took)
{
    double found[FIGURES] = { 0 };
    struct child child;

    if (child_begin(&child)) {
        fn(found);
        child_end(&child, found, sizeof(found));
    }
    child_result(&child, "guests", found, sizeof(found));
    for (enum figure f = 0; f < FIGURES; f++)
        took[f] += found[f];
}

static void curve(const unsigned int *sizes, size_t n)
{
    double took[SIZES][FIGURES] = { { 0 } };
    bool counted = !strcmp(xenstored, HOST_XENSTORED);

    for (size_t i = 0; i < n; i++) {
        hvms_n = sizes[i];
        in_child(live, took[i]);
        in_child(live_alone, took[i]);
        if (counted) {
            in_child(live_with_displays, took[i]);
            in_child(count, took[i]);
        }
        for (enum figure f = 0; f < FIGURES; f++) {
            double each = took[i][f] / hvms_n * figures[f].in;

            if (took[i][f] > 0)
                printf("%-10s %4u guests, each: %-35s %9.3f %-6s  x %.2f\n",
                       strrchr(xenstored, '/') + 1, hvms_n, figures[f].name,
                       each, figures[f].unit,
                       took[i][f] / took[0][f] * sizes[0] / hvms_n);
        }
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static const char *const stores[] = { HOST_XENSTORED, HOST_OXENSTORED };
    unsigned int sizes[SIZES] = { 10, 100 };
    size_t n = argc > 1 ? 0 : 2;

    if (geteuid()) {
        fputs("guests: only root can: each worker has a user of its own\n",
              stderr);
        return 1;
    }
    for (int i = 1; i < argc && n < SIZES; i++)
        sizes[n++] = (unsigned int)atoi(argv[i]);
    for (size_t i = 0; i < n; i++)
        check(sizes[i] && sizes[i] <= GUESTS_MAX);
    for (int i = 0; i < 2; i++) {
        xenstored = stores[i];
        curve(sizes, n);
    }
    return 0;
}
