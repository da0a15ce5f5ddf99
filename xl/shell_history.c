/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Lines; what somebody may look for again. */
#define LINES_MAX 1000

/* Makes the directories, too. NULL: there is no place for it. */
static char *file_path(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = NULL;

    /* The XDG base directory specification: a relative one is ignored. */
    if (state && *state == '/') {
        if (asprintf(&path, "%s/xenqmp/history", state) < 0)
            return NULL;
    } else if (!home || *home != '/' ||
               asprintf(&path, "%s/.local/state/xenqmp/history", home) < 0) {
        return NULL;
    }
    for (char *slash = strchr(path + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    return path;
}

bool shell_history_open(struct shell_history *h)
{
    HistEvent event;

    h->lines = history_init();
    if (!h->lines)
        return false;
    history(h->lines, &event, H_SETSIZE, LINES_MAX);
    history(h->lines, &event, H_SETUNIQUE, 1);
    h->path = file_path();
    if (h->path)
        history(h->lines, &event, H_LOAD, h->path);
    return true;
}

void shell_history_add(struct shell_history *h, const char *line)
{
    HistEvent event;

    if (!strchr(" \t\n", *line))
        history(h->lines, &event, H_ENTER, line);
}

void shell_history_close(struct shell_history *h)
{
    HistEvent event;
    mode_t mask = umask(077);

    if (h->lines && h->path)
        history(h->lines, &event, H_SAVE, h->path);
    umask(mask);
    if (h->lines)
        history_end(h->lines);
    free(h->path);
    *h = (struct shell_history){ .lines = NULL };
}
