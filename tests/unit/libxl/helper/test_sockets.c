/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where qmp-helper's parent has clients connect: helper/sockets.c,
 * helper/conf.c, with processes of this test's as its workers. */
#include <stdio.h>

static int rename_checked(const char *from, const char *to);
#define rename rename_checked
#include "libxl/helper/socket.c"
#undef rename

#include <fcntl.h>
#include <grp.h>

#include "libxl/helper/children.h"
#include "libxl/helper/sockets.h"
#include "tools/common/log.h"
#include "tap.h"

#define OTHERS_ID 65533         /* a user who is nobody here */

struct fixture {
    char dir[32], toolstack[64], config[64], log[64];
    struct helper_config read;
    struct helper_sockets sockets;
    struct worker_config worker_config;
};

static FILE *log_reader;

/* What a socket is when it gets its name: nobody sees it before. */
static gid_t ought_gid;
static mode_t ought_mode;

static int rename_checked(const char *from, const char *to)
{
    struct stat st;

    check(!lstat(from, &st));
    if (strstr(to, "/monitor-")) {
        check_int(st.st_mode & 07777, ought_mode);
        check_int(st.st_gid, ought_gid);
    } else {
        check_int(st.st_mode & 07777, 0600);
    }
    check_int(st.st_uid, geteuid());
    return rename(from, to);
}

/* A group that a socket doesn't have by itself; its own if that is the
 * only one there may be. */
static const char *some_group(void)
{
    const struct group *group = getgrgid(getegid());

    if (!geteuid())
        while ((group = getgrent()) && group->gr_gid == getegid())
            continue;
    check(group != NULL);
    ought_gid = group->gr_gid;
    ought_mode = 0660;
    return group->gr_name;
}

static void file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    check(file != NULL);
    check(fputs(text, file) >= 0);
    check(!fchmod(fileno(file), 0644));
    check(!fclose(file));
}

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){ .sockets = HELPER_SOCKETS_NONE };
    strcpy(f->dir, "/tmp/test_sockets.XXXXXX");
    check(mkdtemp(f->dir) != NULL);
    check(!chmod(f->dir, 0711));
    snprintf(f->toolstack, sizeof(f->toolstack), "%s/qmp-libxl-8", f->dir);
    snprintf(f->config, sizeof(f->config), "%s/conf", f->dir);
    snprintf(f->log, sizeof(f->log), "%s/log", f->dir);
    f->sockets.domid = 8;
    f->sockets.guest = 7;
    f->sockets.toolstack_path = f->toolstack;
    f->sockets.base = f->dir;
    f->sockets.config = &f->read;
    umask(0);                   /* whatever xl was started with */
    fflush(stdout);
    check(freopen(f->log, "w", stderr) != NULL);
    check((log_reader = fopen(f->log, "r")) != NULL);
    log_open("test", LOG_TO_STDERR, LOG_LEVEL_INFO);
}

/* Nothing else may be left in the directory. */
static void fixture_end(struct fixture *f)
{
    unlink(f->config);
    unlink(f->log);
    check_int(rmdir(f->dir), 0);
}

static void configure(struct fixture *f)
{
    char text[256];

    snprintf(text, sizeof(text), "monitoring_group = %s\n"
             "monitoring_commands = query-*, cont\n", some_group());
    file_write(f->config, text);
}

static void listen_all(struct fixture *f)
{
    helper_config_read(&f->read, f->config);
    check_int(sockets_listen_clients(&f->sockets), 0);
    sockets_listen_lesser(&f->sockets);
    check_int(sockets_listen_toolstack(&f->sockets), 0);
    sockets_pass(&f->sockets, &f->worker_config);
}

static bool is_socket(const struct fixture *f, const char *name)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    return !lstat(path, &st) && S_ISSOCK(st.st_mode);
}

static int connect_to(const struct fixture *f, const char *name)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", f->dir, name);
    return connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -1 : fd;
}

/* All that was logged since the last call; the number of lines. */
static int logged(char *text, size_t size)
{
    size_t n;
    int lines = 0;

    fflush(stderr);
    clearerr(log_reader);       /* the end is not for ever */
    n = fread(text, 1, size - 1, log_reader);
    text[n] = '\0';
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    return lines;
}

/* --- The configuration ----------------------------------------------- */

/* Whether it is right. If not, nothing of it counts. */
static bool config_is_right(struct helper_config *config,
                            const struct fixture *f)
{
    helper_config_read(config, f->config);
    if (*config->wrong) {
        check(!config->monitoring.set && !config->vnc.set);
        check(config->vnc_tcp);
        check_str(config->commands, "");
        check_str(config->tls_dir, "");
        check(!strchr(config->wrong, '\n'));
    }
    return !*config->wrong;
}

TEST(config_says_who_may_ask_what)
{
    struct helper_config config;
    struct fixture f;
    char text[512];

    fixture_init(&f);
    snprintf(text, sizeof(text), "# a comment = none\n\n \t\r\n"
             "  monitoring_group\t=%s  \r\n"
             "monitoring_commands = query-* ,x-query-jit,\t?o.n_t ",
             some_group());
    file_write(f.config, text);
    check(config_is_right(&config, &f));
    check(config.monitoring.set);
    check_int(config.monitoring.group, ought_gid);
    check_int(config.monitoring.mode, 0660);
    check_str(config.commands, "query-*,x-query-jit,?o.n_t");
    strcat(text, "\nmonitoring_mode = 620\n");
    file_write(f.config, text);
    check(config_is_right(&config, &f));
    check_int(config.monitoring.mode, 0620);
    check_int(logged(text, sizeof(text)), 0);
    fixture_end(&f);
}

TEST(config_need_not_be_there)
{
    struct helper_config config;
    struct fixture f;
    char text[512];

    fixture_init(&f);
    check(config_is_right(&config, &f));
    check(!config.monitoring.set);
    file_write(f.config, "# monitoring_group = adm\n");
    check(config_is_right(&config, &f));
    check(!config.monitoring.set);
    check_int(logged(text, sizeof(text)), 0);
    fixture_end(&f);
}

#define GROUP   "monitoring_group = root\n"
#define SOCKET  "vnc_socket_group = root\n"
#define COMMAND "monitoring_commands = query-*\n"
#define PATTERN "monitoring_commands = "

TEST(config_that_makes_no_sense_is_refused_in_one_line)
{
    static const struct { const char *text, *why; } wrong[] = {
        { GROUP, "monitoring_commands: it is missing" },
        { COMMAND, "monitoring_group: it is missing" },
        { "monitoring_mode = 0660", "monitoring_group: it is missing" },
        { GROUP COMMAND "hello\n", "line 3: hello: it is not of" },
        { "Group = x\n", "line 1: Group: there is no such key" },
        { GROUP "\n" GROUP COMMAND, "3: monitoring_group: it is set" },
        { COMMAND "monitoring_group = no such\n", "there is no such" },
        { COMMAND "monitoring_group =\n", "there is no such group" },
        { GROUP COMMAND "monitoring_mode = 0999\n", "octal" },
        { GROUP COMMAND "monitoring_mode = 0660x\n", "octal" },
        { GROUP COMMAND "monitoring_mode = -0660\n", "octal" },
        { GROUP COMMAND "monitoring_mode = 0777\n", "octal" },
        { GROUP COMMAND "monitoring_mode = 04660\n", "octal" },
        { GROUP COMMAND "monitoring_mode = 0600\n", "for the group" },
        { GROUP COMMAND "monitoring_mode =\n", "octal" },
        { GROUP COMMAND "monitoring_mode = 77777777777777777777777\n",
          "octal" },
        { GROUP PATTERN, "separated by commas" },
        { GROUP PATTERN "a,,b", "separated by commas" },
        { GROUP PATTERN "a,", "separated by commas" },
        { GROUP PATTERN ",a", "separated by commas" },
        { GROUP PATTERN "a b", "separated by commas" },
        { GROUP PATTERN "\"a\"", "separated by commas" },
        { GROUP PATTERN "a # b", "separated by commas" },
        { GROUP PATTERN "[a-z]", "separated by commas" },
        { GROUP PATTERN "a\\*", "separated by commas" },
        { GROUP PATTERN "a;b", "separated by commas" },
        { GROUP COMMAND "\033[2J = 1", "there is no such key" },
        { "vnc_socket_mode = 0660\n", "vnc_socket_group: it is missing" },
        { "vnc_socket_group = no such\n", "there is no such group" },
        { SOCKET "vnc_socket_mode = 0601\n", "octal" },
        { SOCKET "vnc_tcp = no\n", "vnc_tcp: it takes 0 or 1" },
        { "vnc_tls_x509_cert_dir = pki\n", "the path of a directory" },
        { "vnc_tls_x509_cert_dir =\n", "the path of a directory" },
        { "vnc_tls_x509_verify = 1\n", "cert_dir: it is missing" },
        { "vnc_tls_x509_cert_dir = /pki\nvnc_tls_x509_verify = yes\n",
          "it takes 0 or 1" },
    };
    struct helper_config config;
    struct fixture f;
    char text[1024];

    fixture_init(&f);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        file_write(f.config, wrong[i].text);
        check(!config_is_right(&config, &f));
        if (!strstr(config.wrong, wrong[i].why))
            tap_fail("\"%s\" lacks \"%s\"", config.wrong, wrong[i].why);
        check(!strncmp(config.wrong, "/tmp/", 5));
        file_write(f.config, "");
        f.sockets.config = &config;
        sockets_listen_lesser(&f.sockets);
        sockets_close(&f.sockets);
        check_int(logged(text, sizeof(text)), 1);
        check(strstr(text, "domain 8: it starts without a monitoring "
                     "socket: /tmp/") != NULL);
        check(!strchr(text, '\033'));
    }
    fixture_end(&f);
}

TEST(config_that_is_no_text_file_is_refused)
{
    static char big[KEYFILE_MAX + 1], pattern[200];
    struct helper_config config;
    struct fixture f;
    char text[512];
    int fd;

    fixture_init(&f);
    memset(big, '#', sizeof(big) - 1);
    file_write(f.config, big);
    check(!config_is_right(&config, &f));
    big[KEYFILE_MAX - 1] = '\0';
    file_write(f.config, big);
    check(config_is_right(&config, &f));
    memset(pattern, 'a', WORKER_PATTERN_MAX);
    snprintf(text, sizeof(text), GROUP PATTERN "%s", pattern);
    file_write(f.config, text);
    check(!config_is_right(&config, &f));
    text[strlen(text) - 1] = '\0';
    file_write(f.config, text);
    check(config_is_right(&config, &f));
    /* Bytes behind a NUL would be lost without a word. */
    fd = open(f.config, O_WRONLY | O_TRUNC);
    check_int(write(fd, GROUP COMMAND "\0#", sizeof(GROUP COMMAND) + 1),
              sizeof(GROUP COMMAND) + 1);
    close(fd);
    check(!config_is_right(&config, &f));
    helper_config_read(&config, f.dir);
    check(*config.wrong);
    /* Which nobody writes to. */
    unlink(f.config);
    check(!mkfifo(f.config, 0600));
    check(!config_is_right(&config, &f));
    check(!config.monitoring.set);
    check(strstr(config.wrong, "/conf: it is not a regular file") != NULL);
    fixture_end(&f);
}

TEST(config_that_others_can_write_is_refused)
{
    static const mode_t modes[] = { 0664, 0646, 0620, 0602 };
    struct helper_config config;
    struct fixture f;

    fixture_init(&f);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        file_write(f.config, GROUP COMMAND);
        check(!chmod(f.config, modes[i]));
        check(!config_is_right(&config, &f));
        check(!config.monitoring.set);
        check(strstr(config.wrong, "can write it; chmod go-w it") != NULL);
    }
    check(!chmod(f.config, 0440));
    check(config_is_right(&config, &f));
    check(config.monitoring.set);
    fixture_end(&f);
}

TEST_AS_ROOT(config_that_is_not_roots_is_refused)
{
    struct helper_config config;
    struct fixture f;

    fixture_init(&f);
    file_write(f.config, GROUP COMMAND);
    check(!chown(f.config, OTHERS_ID, 0));
    check(!config_is_right(&config, &f));
    check(strstr(config.wrong, "does not belong to root; chown root it"));
    fixture_end(&f);
}

TEST(config_says_how_displays_are_looked_at)
{
    struct helper_config config;
    struct fixture f;

    fixture_init(&f);
    file_write(f.config, "# vnc_tcp = 0\n");
    check(config_is_right(&config, &f));
    check(config.vnc_tcp && !config.vnc.set && !*config.tls_dir);
    file_write(f.config, SOCKET "vnc_tcp = 0\n");
    check(config_is_right(&config, &f));
    check(!config.vnc_tcp && config.vnc.set && !config.monitoring.set);
    check_int(config.vnc.group, 0);
    check_int(config.vnc.mode, 0660);
    file_write(f.config, SOCKET "vnc_socket_mode = 0666\nvnc_tcp = 1\n"
               "vnc_tls_x509_cert_dir = /etc/pki\n"
               "vnc_tls_x509_verify = 1\n");
    check(config_is_right(&config, &f));
    check(config.vnc_tcp && config.tls_verify);
    check_int(config.vnc.mode, 0666);
    check_str(config.tls_dir, "/etc/pki");
    fixture_end(&f);
}

/* --- The sockets ----------------------------------------------------- */

TEST(sockets_are_there_and_go_again)
{
    struct worker_config *w;
    struct fixture f;

    fixture_init(&f);
    configure(&f);
    listen_all(&f);
    w = &f.worker_config;
    check(is_socket(&f, "qmp-libxl-7"));
    check(is_socket(&f, "qmp-libxl-8"));
    check(is_socket(&f, "qmp-libxenstat-7"));
    check(is_socket(&f, "monitor-7"));
    check_int(w->listen_fd, f.sockets.clients.fd);
    check_int(w->toolstack_fd, f.sockets.toolstack.fd);
    check_int(w->sockets_n, 2);
    check_int(w->sockets[0].use, WORKER_FOR_XENTOP);
    check_int(w->sockets[0].fd, f.sockets.xentop.fd);
    check_int(w->sockets[1].use, WORKER_FOR_MONITORING);
    check_int(w->sockets[1].fd, f.sockets.monitoring.fd);
    check_str(w->sockets[1].commands, "query-*,cont");
    sockets_close(&f.sockets);
    sockets_close(&f.sockets);
    fixture_end(&f);
}

TEST(sockets_replace_what_an_earlier_run_left)
{
    static const char *const names[] = { "monitor-7", "monitor-7.new",
                                         "qmp-libxenstat-7",
                                         "qmp-libxenstat-7.new" };
    struct fixture f, later;
    char path[64], target[64];

    fixture_init(&f);
    configure(&f);
    /* A link is replaced, and what it points to left alone. */
    snprintf(target, sizeof(target), "%s/target", f.dir);
    file_write(target, "");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", f.dir, names[i]);
        check(!symlink(target, path));
    }
    listen_all(&f);
    check(connect_to(&f, "monitor-7") >= 0);
    check_int(unlink(target), 0);
    /* A run that was killed leaves them; its end, were it late, does not
     * take away the next one's. */
    later = f;
    later.sockets.clients.fd = later.sockets.toolstack.fd =
        later.sockets.xentop.fd = later.sockets.monitoring.fd = -1;
    listen_all(&later);
    sockets_close(&f.sockets);
    check(connect_to(&f, "monitor-7") >= 0);
    check(connect_to(&f, "qmp-libxenstat-7") >= 0);
    sockets_close(&later.sockets);
    fixture_end(&f);
}

TEST(guest_does_without_a_lesser_socket_that_can_not_be_made)
{
    struct fixture f;
    char path[64], text[512];

    fixture_init(&f);
    file_write(f.config, GROUP);
    snprintf(path, sizeof(path), "%s/qmp-libxenstat-7", f.dir);
    check(!mkdir(path, 0700));
    listen_all(&f);
    check_int(f.worker_config.sockets_n, 0);
    check(!is_socket(&f, "monitor-7"));
    check_int(logged(text, sizeof(text)), 2);
    check(strstr(text, "cannot listen at /tmp/") != NULL);
    check(strstr(text, "without a monitoring socket") != NULL);
    check_int(rmdir(path), 0);
    sockets_close(&f.sockets);
    fixture_end(&f);
}

/* True if a user of that group can connect. */
static bool may_connect(const struct fixture *f, gid_t gid,
                        const char *name)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (!pid) {
        if (setgroups(1, &gid) ||
            setresgid(OTHERS_ID, OTHERS_ID, OTHERS_ID) ||
            setresuid(OTHERS_ID, OTHERS_ID, OTHERS_ID))
            _exit(2);
        _exit(connect_to(f, name) < 0);
    }
    check_int(waitpid(pid, &status, 0), pid);
    check(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return !WEXITSTATUS(status);
}

TEST_AS_ROOT(monitoring_is_for_its_group_and_the_rest_for_root)
{
    struct fixture f;

    fixture_init(&f);
    configure(&f);
    listen_all(&f);
    check(may_connect(&f, ought_gid, "monitor-7"));
    check(!may_connect(&f, OTHERS_ID, "monitor-7"));
    check(!may_connect(&f, ought_gid, "qmp-libxenstat-7"));
    check(!may_connect(&f, ought_gid, "qmp-libxl-7"));
    sockets_close(&f.sockets);
    fixture_end(&f);
}

/* --- Workers --------------------------------------------------------- */

/* One that serves a client at each socket, and ends. */
static int worker_serve(const void *data)
{
    const struct worker_config *config = data;

    for (size_t i = 0; i < config->sockets_n; i++) {
        int fd;

        fcntl(config->sockets[i].fd, F_SETFL, 0);
        fd = accept(config->sockets[i].fd, NULL, NULL);
        dprintf(fd, "%d %s", config->sockets[i].use,
                config->sockets[i].commands ? config->sockets[i].commands :
                "");
        close(fd);
    }
    return 1;
}

static void check_says(int fd, const char *ought)
{
    char text[64];
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_WAITALL);

    check(n >= 0);
    text[n] = '\0';
    check_str(text, ought);
    close(fd);
}

TEST(sockets_outlive_workers)
{
    struct children children;
    struct fixture f;
    struct loop loop;
    siginfo_t info;

    fixture_init(&f);
    configure(&f);
    listen_all(&f);
    check_int(loop_init(&loop), 0);
    children = (struct children){
        .loop = &loop, .config = &f.worker_config.child,
        .run = worker_serve, .run_data = &f.worker_config, .gives = "QMP",
    };
    children_start_worker(&children);
    for (int i = 0; i < 3; i++) {
        int monitoring = connect_to(&f, "monitor-7");
        int xentop = connect_to(&f, "qmp-libxenstat-7");

        check(monitoring >= 0 && xentop >= 0);
        while (!children.worker)
            check_int(loop_run_once(&loop, -1), 0);
        check_says(xentop, "1 ");
        check_says(monitoring, "0 query-*,cont");
        check_int(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
        children_reap(&children);
        check_int(children.worker, 0);
    }
    children_end(&children);
    sockets_close(&f.sockets);
    check_int(connect_to(&f, "monitor-7"), -1);
    fixture_end(&f);
}

TAP_MAIN()
