/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests of qmp-helper with xenconsoled on xensim: what it reads in /etc,
 * and the QEMU behind it.
 */
#ifndef XENQMP_TESTS_COMPONENT_HELPER_H
#define XENQMP_TESTS_COMPONENT_HELPER_H

#include "component.h"

#include <sys/mount.h>

/* Whom the configuration lets monitor: its group's number in that /etc. */
#define GROUP 4242

COMPONENT void file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    check(file && fputs(text, file) >= 0 && !fclose(file));
}

/* An own /etc, in what is the test's own namespace by now. */
COMPONENT void etc_make(const char *config)
{
    char group[64];

    check(!mount("xensim", "/etc", "tmpfs", 0, "mode=755"));
    file_write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    snprintf(group, sizeof(group), "root:x:0:\nqemu-monitor:x:%d:\n", GROUP);
    file_write("/etc/group", group);
    check(!mkdir("/etc/xenqmp", 0755));
    file_write("/etc/xenqmp/qmp-helper.conf", config);
}

/* The example of qmp-helper.conf(5). */
COMPONENT const char *example(void)
{
    static char text[512];
    size_t n;
    FILE *lines;

    check(getenv("SRCDIR"));
    lines = popen("\"$SRCDIR/tests/examples\" literal qmp-helper.conf.5",
                  "r");
    check(lines != NULL);
    n = fread(text, 1, sizeof(text) - 1, lines);
    check_int(pclose(lines), 0);
    text[n] = '\0';
    return text;
}

/* --- stubdomd and QEMU ----------------------------------------------- */

struct qemu {
    char returns[32];           /* by each command */
    char *save_reply;           /* where that to a save stays, which takes its
                                 * time; NULL: it is sent like the others */
    bool is_dead;
    char heard[4096];           /* of a command */
    size_t heard_n;
};

/* One command: qmp_reset as stubdomd, the others as QEMU. */
COMPONENT void qemu_answer(struct qemu *qemu, struct guest_console *console,
                           const char *line)
{
    const char *id = strstr(line, "\"id\":");
    char text[256];

    check(id);
    id += 5 + (id[5] == ' ');
    snprintf(text, sizeof(text), "{\"return\": %s, \"id\": %.*s}\r\n%s",
             qemu->returns, (int)strcspn(id + 1, "\"") + 2, id,
             strstr(line, "\"qmp_reset\"") ?
             "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n" :
             "");
    if (qemu->save_reply && strstr(line, "\"xen-save-devices-state\""))
        strcpy(qemu->save_reply, text);
    else
        put_all(console, text, strlen(text));
}

/* What its console has now. */
COMPONENT void qemu_serve(struct qemu *qemu, struct guest_console *console)
{
    char *end, *text = qemu->heard;

    if (qemu->is_dead)
        return;
    qemu->heard_n += guest_console_get(console, text + qemu->heard_n,
                                       sizeof(qemu->heard) - 1 -
                                       qemu->heard_n);
    text[qemu->heard_n] = '\0';
    while ((end = strchr(text, '\n'))) {
        *end++ = '\0';
        qemu_answer(qemu, console, text);
        qemu->heard_n -= (size_t)(end - text);
        memmove(text, end, qemu->heard_n + 1);
    }
}

#endif
