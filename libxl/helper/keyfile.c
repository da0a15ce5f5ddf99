/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keyfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A bit each; more than any file of ours has. */
#define KEYS_MAX 32

struct keyfile {
    const struct keyfile_key *keys;
    size_t n;
    void *data;
    unsigned int seen;          /* a bit a key */
    /* Where a mistake is. */
    int line;                   /* 0: in none of its lines */
    const char *where;
};

/* Who writes it decides what a guest's QMP is open to, and which guests are
 * isolated. */
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

static_assert(KEYFILE_MAX == 8192, "as told below");

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
static const char *line_parse(struct keyfile *file, char *line)
{
    char *value = strchr(line, '=');

    if (!value)
        return "it is not of the form key = value";
    *value++ = '\0';
    line = trim(line);
    value = trim(value);
    for (size_t i = 0; i < file->n; i++) {
        if (strcmp(line, file->keys[i].name))
            continue;
        if (file->seen & 1u << i)
            return "it is set before";
        file->seen |= 1u << i;
        return file->keys[i].set(file->data, value);
    }
    return "there is no such key";
}

static const char *text_parse(struct keyfile *file, char *text)
{
    const char *why;
    char *line;

    for (file->line = 1; (line = strsep(&text, "\n")); file->line++) {
        line = trim(line);
        if (!*line || *line == '#')
            continue;
        file->where = line;
        why = line_parse(file, line);
        if (why)
            return why;
    }
    file->line = 0;
    for (size_t i = 0; file->seen && i < file->n; i++) {
        file->where = file->keys[i].name;
        if (file->keys[i].required && !(file->seen & 1u << i))
            return "it is missing";
    }
    return NULL;
}

int keyfile_read(const char *path, const struct keyfile_key *keys,
                 size_t n, void *data, char *why_r, size_t size)
{
    struct keyfile file = { .keys = keys, .n = n, .data = data };
    char text[KEYFILE_MAX], at[32] = "";
    const char *why;

    assert(n <= KEYS_MAX);
    why = file_read(path, text, sizeof(text));
    if (!why)
        why = text_parse(&file, text);
    if (!why)
        return file.seen ? 1 : 0;
    if (file.line)
        snprintf(at, sizeof(at), ", line %d", file.line);
    snprintf(why_r, size, "%s%s%s%s: %s", path, at, file.where ? ": " : "",
             file.where ? file.where : "", why);
    return -1;
}
