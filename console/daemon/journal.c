/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line about a domain or a console begins with its label, "domain 5
 * console 3" (toolstack.c). The fields come from there: a guest has no say in
 * how a line begins, whatever it gets into the rest.
 */
#include "journal.h"

#include "tools/common/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define FIELDS_MAX 5

struct fields {
    struct iovec field[FIELDS_MAX];
    char text[FIELDS_MAX][64];
    int n;
};

static void field_add(struct fields *fields, const char *key,
                      const char *value, unsigned int number)
{
    char *text = fields->text[fields->n];

    if (value)
        snprintf(text, sizeof(fields->text[0]), "%s=%s", key, value);
    else
        snprintf(text, sizeof(fields->text[0]), "%s=%u", key, number);
    fields->field[fields->n++] = (struct iovec){ text, strlen(text) };
}

static bool journal_write(const char *program, int priority,
                          const char *line)
{
    static const char head[] = "MESSAGE=";
    struct fields fields = { .n = 1 };
    char message[2048];
    unsigned int domid, console;
    int labels = sscanf(line, "domain %u console %u", &domid, &console);

    snprintf(message, sizeof(message), "%s%s", head, line);
    fields.field[0] = (struct iovec){ message, strlen(message) };
    field_add(&fields, "PRIORITY", NULL, (unsigned int)priority);
    field_add(&fields, "SYSLOG_IDENTIFIER", program, 0);
    if (labels >= 1)
        field_add(&fields, "XENQMP_DOMID", NULL, domid);
    if (labels >= 2)
        field_add(&fields, "XENQMP_CONSOLE", NULL, console);
    return sd_journal_sendv(fields.field, fields.n) >= 0;
}

/* systemd.exec(5): the device and inode of the stream that it made. */
void journal_open(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uint64_t device, inode;
    struct stat st;

    if (stream && !fstat(STDERR_FILENO, &st) &&
        sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 &&
        device == st.st_dev && inode == st.st_ino)
        log_divert(journal_write);
}
