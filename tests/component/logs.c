/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logs that others touch, on the real xenconsoled: each way of touching one,
 * before and after each way in which the daemon goes on, below the cap and
 * at it. Every line that a guest has written is in some file once, or is
 * counted as dropped, or was in the file when somebody emptied or removed
 * it.
 */
#include "component.h"

#include "console/files/logfile.h"

#include <inttypes.h>

#define FOLDER "/run/xensim/logs"

/* A line is 8 bytes, so a flight less than a ring. */
#define FLIGHT 100
#define FLIGHT_BYTES (FLIGHT * 8)
#define FLIGHTS_MAX 8
#define LINES_MAX (FLIGHTS_MAX * FLIGHT)

enum touch {
    TRUNCATE, APPEND, MOVE, MOVE_AND_MAKE, COPYTRUNCATE, REMOVE,
    PLANT_LINK, PLANT_FOLDER, TOUCHES
};

static const char *const touch_names[TOUCHES] = {
    "truncate", "append", "move", "move and make", "copytruncate", "remove",
    "put a link there", "put a directory there",
};

/* One log and its guest. */
struct cell {
    enum touch touch;
    bool at_cap;
    uint32_t domid;
    struct guest_console console;
    char path[64];
    unsigned int lines;         /* written by the guest */
    unsigned int before;        /* of these, before it was touched */
    unsigned int after;         /* first one after it had been noticed */
    unsigned int usable;        /* first one after what is there went */
    unsigned int flights;
    uint64_t dropped;           /* by daemons that have ended */
};

#define CELLS (2 * TOUCHES)

static struct cell cells[CELLS];
static int control = -1;

static const char *beside(const struct cell *cell, const char *suffix)
{
    static char paths[4][80];
    static unsigned int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s%s", cell->path, suffix);
    return path;
}

static void fail(const struct cell *cell, const char *what, unsigned int n)
{
    tap_fail("%s, %s the cap: %s %u", touch_names[cell->touch],
             cell->at_cap ? "at" : "below", what, n);
}

static void file_put(const char *path, int how, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | how, 0644);

    check(fd >= 0);
    check_int(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void file_copy(const char *from, const char *to)
{
    static char bytes[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0644);
    ssize_t n;

    check(in >= 0 && out >= 0);
    while ((n = read(in, bytes, sizeof(bytes))) > 0)
        check_int(write(out, bytes, (size_t)n), n);
    close(in);
    close(out);
}

/* At the cap it is full after the first flight. */
static void cell_start(struct cell *cell, unsigned int i)
{
    char output[80];

    *cell = (struct cell){ .touch = i % TOUCHES, .at_cap = i >= TOUCHES,
                           .domid = 5 + i };
    snprintf(cell->path, sizeof(cell->path), FOLDER "/%u", i);
    if (cell->at_cap) {
        file_put(cell->path, 0, "");
        check(!truncate(cell->path, LOGFILE_MAX - FLIGHT_BYTES / 2));
    }
    /* libxl's, of the guest's last boot. */
    file_put(beside(cell, ".1"), 0, "another's\n");
    guest_create(cell->domid);
    snprintf(output, sizeof(output), "file:%s", cell->path);
    cell->console = guest_console_add(cell->domid, 1, output);
    guest_console_publish(&cell->console);
    check_connects(&cell->console);
}

static void cell_write(struct cell *cell)
{
    char text[FLIGHT_BYTES + 1];

    check(cell->flights++ < FLIGHTS_MAX);
    for (unsigned int i = 0; i < FLIGHT; i++)
        sprintf(text + 8 * i, "%07u\n", cell->lines++);
    put_all(&cell->console, text, FLIGHT_BYTES);
}

/* A line of `stats`. */
static uint64_t stat_of(const char *line, const char *key)
{
    const char *at = strstr(line, key);

    check(at);
    return strtoull(at + strlen(key), NULL, 10);
}

/* Exact at every instant; true: nothing is on its way. */
static bool stats_rest(const struct cell *cell, uint64_t *dropped_r)
{
    char request[32], line[512] = "", answer[512];
    uint64_t written, delivered, held;
    size_t n = 0;

    snprintf(request, sizeof(request), "stats %u\n", cell->domid);
    check_int(write(control, request, strlen(request)), strlen(request));
    for (;;) {
        check(readable(control) && read(control, answer + n, 1) == 1);
        if (answer[n] != '\n') {
            check(++n < sizeof(answer));
            continue;
        }
        answer[n] = '\0';
        n = 0;
        if (!strncmp(answer, "domid=", 6))
            strcpy(line, answer);
        else if (!strncmp(answer, "ok", 2))
            break;
        else
            check(strncmp(answer, "error", 5));
    }
    if (!strstr(line, " console=1 state=serving "))
        return false;
    written = stat_of(line, " written=");
    delivered = stat_of(line, " delivered=");
    held = stat_of(line, " buffered=") + stat_of(line, " ring=");
    *dropped_r = stat_of(line, " dropped=");
    if (written != delivered + *dropped_r + held)
        tap_fail("these are not exact: %s", line);
    return !held;
}

static bool cell_is_at_rest(void *data)
{
    uint64_t dropped;

    return stats_rest(data, &dropped);
}

static void settle(void)
{
    if (control < 0)
        control = unix_open("/run/xen/xenconsoled.sock");
    for (unsigned int i = 0; i < CELLS; i++)
        if (!host_wait(cell_is_at_rest, &cells[i]))
            fail(&cells[i], "not at rest after lines", cells[i].lines);
}

/* Nobody can use what is there. */
static bool is_planted(const struct cell *cell)
{
    return cell->touch == PLANT_LINK || cell->touch == PLANT_FOLDER;
}

static void cell_touch(struct cell *cell)
{
    const char *path = cell->path, *moved = beside(cell, ".moved");

    cell->before = cell->lines;
    switch (cell->touch) {
    case TRUNCATE:
        check(!truncate(path, 0));
        break;
    case APPEND:
        file_put(path, O_APPEND, "appended\n");
        break;
    case COPYTRUNCATE:
        file_copy(path, moved);
        check(!truncate(path, 0));
        break;
    case REMOVE:
        check(!unlink(path));
        break;
    default:
        check(!rename(path, moved));
    }
    if (cell->touch == MOVE_AND_MAKE)
        file_put(path, O_EXCL, "");
    if (cell->touch == PLANT_LINK)
        check(!symlink(beside(cell, ".target"), path));
    if (cell->touch == PLANT_FOLDER)
        check(!mkdir(path, 0700));
}

/* How often each line is there; and in order. */
static void lines_count(const struct cell *cell, const char *suffix,
                        unsigned char *found)
{
    FILE *file = fopen(beside(cell, suffix), "r");
    unsigned int line, last = 0, n = 0;
    char text[16];
    int c;

    if (!file)
        return;
    if (cell->at_cap) {
        while ((c = getc(file)) == '\0')
            continue;
        ungetc(c, file);
    }
    while (fgets(text, sizeof(text), file)) {
        if (!strcmp(text, "appended\n"))
            continue;
        if (sscanf(text, "%7u\n%n", &line, (int *)&n) != 1 || n != 8 ||
            line >= cell->lines)
            fail(cell, "nonsense behind line", last);
        if (line < last)
            fail(cell, "out of order: line", line);
        last = line;
        found[line]++;
    }
    fclose(file);
}

static bool has_appended(const struct cell *cell, const char *suffix)
{
    FILE *file = fopen(beside(cell, suffix), "r");
    char text[16];
    bool found = false;

    while (file && !found && fgets(text, sizeof(text), file))
        found = strstr(text, "ppended\n");
    if (file)
        fclose(file);
    return found;
}

static void cell_check(struct cell *cell)
{
    unsigned char all[LINES_MAX] = { 0 }, here[LINES_MAX] = { 0 };
    unsigned int missing = 0;
    uint64_t dropped;

    check(stats_rest(cell, &dropped));
    dropped += cell->dropped;
    lines_count(cell, "", here);
    lines_count(cell, "", all);
    lines_count(cell, ".0", all);
    lines_count(cell, ".moved", all);
    for (unsigned int i = 0; i < cell->lines; i++) {
        bool gone = i < cell->before &&
                    (cell->touch == TRUNCATE || cell->touch == REMOVE);

        if (all[i] > 1)
            fail(cell, "twice: line", i);
        if (!all[i] && !gone)
            missing++;
        if (i >= cell->usable && !here[i])
            fail(cell, "not in the file that is there now: line", i);
        if (is_planted(cell) && i >= cell->after && i < cell->usable &&
            all[i])
            fail(cell, "found, though it could not be written: line", i);
    }
    if (dropped != 8 * missing) {
        printf("# %" PRIu64 " bytes are counted as dropped\n", dropped);
        fail(cell, "lines that are missing:", missing);
    }
    if (missing && !is_planted(cell))
        fail(cell, "dropped lines:", missing);
    check_str(file_text(beside(cell, ".1")), "another's\n");
    if (cell->touch == PLANT_LINK)
        check(access(beside(cell, ".target"), F_OK));
    if (cell->touch == APPEND)
        check_int(has_appended(cell, "") + has_appended(cell, ".0"), 1);
    /* Full is what is at the path, not what was there once. */
    if (!access(beside(cell, ".0"), F_OK) !=
        (cell->at_cap && cell->touch == APPEND))
        fail(cell, "the part before is", cell->at_cap);
}

static void each(void (*fn)(struct cell *cell))
{
    for (unsigned int i = 0; i < CELLS; i++)
        fn(&cells[i]);
}

/* With the patient daemon, which no busy machine makes take bytes out of the
 * ring before the file has them. */
static void all_start(void)
{
    xenconsoled = "tests/component/xenconsoled";
    start_ours(NULL);
    check(!mkdir(FOLDER, 0755));
    for (unsigned int i = 0; i < CELLS; i++)
        cell_start(&cells[i], i);
    each(cell_write);
    settle();
}

/* With bytes on their way; but a copy and the truncation behind it are two
 * steps, and at the cap it is to be seen whether the file is put away. */
static void cell_touch_in_flight(struct cell *cell)
{
    if (!cell->at_cap && cell->touch != COPYTRUNCATE)
        cell_write(cell);
    cell_touch(cell);
}

static void cell_write_after(struct cell *cell)
{
    cell->after = cell->usable = cell->lines;
    cell_write(cell);
}

/* Of what a daemon has dropped, nobody knows but itself. */
static void cell_write_before_its_end(struct cell *cell)
{
    if (is_planted(cell))
        check(stats_rest(cell, &cell->dropped));
    else
        cell_write(cell);
}

/* What is in the way goes, if something is. */
static void cell_mend(struct cell *cell)
{
    if (!is_planted(cell))
        return;
    check(cell->touch == PLANT_LINK ? !unlink(cell->path) :
          !rmdir(cell->path));
    cell->usable = cell->lines;
}

static void all_end(void)
{
    each(cell_write);
    settle();
    each(cell_mend);
    each(cell_write);
    settle();
    each(cell_check);
    check(!ours_ended());
}

static void stop_ours(int signal)
{
    int status;

    close(control);
    control = -1;
    check(!kill(ours, signal));
    check_int(waitpid(ours, &status, 0), ours);
    check(signal == SIGKILL || (WIFEXITED(status) && !WEXITSTATUS(status)));
    host_end(ours);
    unlink("/run/xen/xenconsoled.sock");
}

/* They are touched while the daemon runs, and then it goes on so. */
static void touched_and_then(int signal)
{
    all_start();
    each(cell_touch_in_flight);
    settle();
    each(cell_write_after);
    settle();
    if (signal == SIGHUP) {
        each(cell_write);
        check(!kill(ours, SIGHUP));
    } else if (signal) {
        each(cell_write_before_its_end);
        stop_ours(signal);
        each(cell_write);
        start_ours(NULL);
    }
    all_end();
}

/* They are touched while no daemon runs, and guests write. */
static void touched_after(int signal)
{
    all_start();
    stop_ours(signal);
    each(cell_write);
    each(cell_touch);
    for (unsigned int i = 0; i < CELLS; i++)
        /* None of that has been taken. */
        cells[i].before = cells[i].after = cells[i].usable = FLIGHT;
    start_ours(NULL);
    all_end();
}

TEST(logs_are_touched_and_the_daemon_goes_on)
{
    touched_and_then(0);
}

TEST(logs_are_touched_and_SIGHUP_comes)
{
    touched_and_then(SIGHUP);
}

TEST(logs_are_touched_and_the_daemon_is_restarted)
{
    touched_and_then(SIGTERM);
}

TEST(logs_are_touched_and_the_daemon_is_killed)
{
    touched_and_then(SIGKILL);
}

TEST(logs_are_touched_after_the_daemon_has_ended)
{
    touched_after(SIGTERM);
}

TEST(logs_are_touched_after_the_daemon_was_killed)
{
    touched_after(SIGKILL);
}

TAP_MAIN()
