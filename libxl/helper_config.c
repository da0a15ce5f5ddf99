/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines "key = value"; those that begin with # are comments. It could be
 * libxlutil's format, xl.conf's, but that library brings all of
 * libxenlight into a process that stays as long as its guest.
 *
 * A mistake must neither keep a guest from starting nor open more than was
 * meant: either the whole file counts or nothing in it.
 */
#include "helper_config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper_worker.h"
#include "log.h"

/* Root's, and the group's, who can read and write: connect. */
#define CONFIG_MODE_DEFAULT 0660

/* Why a value is wrong, or NULL. */
typedef const char *config_set_fn(struct helper_config *config,
                                  const char *value);

static const char *group_set(struct helper_config *config,
                             const char *value)
{
    const struct group *group = getgrnam(value);

    if (!group)
        return "there is no such group";
    config->group = group->gr_gid;
    return NULL;
}

static const char *mode_set(struct helper_config *config,
                            const char *value)
{
    unsigned long mode;
    char *end;

    mode = strtoul(value, &end, 8);
    if (!isdigit((unsigned char)*value) || *end || mode & ~0666ul ||
        !(mode & 0020))
        return "it takes an octal mode of read and write permissions, "
               "write for the group among them, such as 0660";
    config->mode = (mode_t)mode;
    return NULL;
}

/* Without the blanks around the patterns, so it is never longer. */
static const char *commands_set(struct helper_config *config,
                                const char *value)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*?";
    char *to = config->commands;

    for (;;) {
        size_t n;

        value += strspn(value, " \t");
        n = strspn(value, allowed);
        if (n && n < WORKER_PATTERN_MAX) {
            memcpy(to, value, n);
            to += n;
            value += n + strspn(value + n, " \t");
            if (*value == ',') {
                *to++ = *value++;
                continue;
            }
            *to = '\0';
            if (!*value)
                return NULL;
        }
        return "it takes names of QMP commands, or patterns with * and ?, "
               "separated by commas";
    }
}

static const struct {
    const char *name;
    config_set_fn *set;
    bool required;
} keys[] = {
    { "monitoring_group",    group_set,    true },
    { "monitoring_mode",     mode_set,     false },
    { "monitoring_commands", commands_set, true },
};
#define KEYS_N (sizeof(keys) / sizeof(keys[0]))

/* What somebody else can write would open a guest's QMP to them. */
static const char *file_refused(int fd)
{
    struct stat st;

    if (fstat(fd, &st))
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "it is not a regular file";
    if (st.st_uid && st.st_uid != geteuid())
        return "it does not belong to root; chown root it";
    if (st.st_mode & 0022)
        return "others than its owner can write it; chmod go-w it";
    return NULL;
}

static_assert(CONFIG_MAX == 8192, "as told below");

/* The whole file, as a string; empty if there is none. Else why not. */
static const char *file_read(const char *path, char *text, size_t size)
{
    /* A FIFO can't hold up the guest. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *why;
    size_t n = 0;
    ssize_t r = 0;

    *text = '\0';
    if (fd < 0)
        return errno == ENOENT ? NULL : strerror(errno);
    why = file_refused(fd);
    while (!why && n < size && (r = read(fd, text + n, size - n)) > 0)
        n += (size_t)r;
    if (r < 0)
        why = strerror(errno);
    close(fd);
    if (why)
        return why;
    if (n >= size)
        return "it is longer than 8191 bytes";
    text[n] = '\0';
    return strlen(text) == n ? NULL : "it is no text: it has a byte 0";
}

static char *trim(char *text)
{
    size_t n;

    text += strspn(text, " \t\r");
    for (n = strlen(text); n && strchr(" \t\r", text[n - 1]); n--)
        text[n - 1] = '\0';
    return text;
}

/* NULL or what is wrong with the line. */
static const char *line_parse(struct helper_config *config, char *line,
                              bool *seen)
{
    char *value = strchr(line, '=');

    if (!value)
        return "it is not of the form key = value";
    *value++ = '\0';
    line = trim(line);
    value = trim(value);
    for (size_t i = 0; i < KEYS_N; i++) {
        if (strcmp(line, keys[i].name))
            continue;
        if (seen[i])
            return "it is set before";
        seen[i] = true;
        return keys[i].set(config, value);
    }
    return "there is no such key";
}

static const char *text_parse(struct helper_config *config, char *text,
                              int *line_r, char **where_r)
{
    bool seen[KEYS_N] = { false }, any = false;
    const char *why;
    char *line;

    for (*line_r = 1; (line = strsep(&text, "\n")); ++*line_r) {
        line = trim(line);
        if (!*line || *line == '#')
            continue;
        *where_r = line;
        why = line_parse(config, line, seen);
        if (why)
            return why;
        any = true;
    }
    *line_r = 0;
    for (size_t i = 0; any && i < KEYS_N; i++) {
        *where_r = (char *)keys[i].name;
        if (keys[i].required && !seen[i])
            return "it is missing";
    }
    config->monitoring = any;
    return NULL;
}

int helper_config_read(struct helper_config *config, const char *path,
                       uint32_t domid)
{
    char text[CONFIG_MAX], at[32] = "", *where = NULL;
    const char *why;
    int line = 0;

    *config = (struct helper_config){ .mode = CONFIG_MODE_DEFAULT };
    why = file_read(path, text, sizeof(text));
    if (!why)
        why = text_parse(config, text, &line, &where);
    if (!why)
        return 0;
    *config = (struct helper_config){ .monitoring = false };
    if (line)
        snprintf(at, sizeof(at), ", line %d", line);
    log_error("domain %u: it starts without a monitoring socket: "
              "%s%s%s%s: %s", domid, path, at, where ? ": " : "",
              where ? where : "", why);
    return -1;
}
