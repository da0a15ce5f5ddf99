/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests of qmp-helper with xenconsoled on xensim: what it reads in /etc.
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

#endif
