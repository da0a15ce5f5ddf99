/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "root.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_MODE  0711
/* The last other helper may remove base each time between our two steps;
 * so often in a row it does not happen. */
#define ROOT_TRIES 100

/* chmod(): xl passes on whatever umask it was started with. */
static int directory_make(const char *path)
{
    if (mkdir(path, ROOT_MODE) && errno != EEXIST)
        return -1;
    return chmod(path, ROOT_MODE);
}

static void root_name(struct helper_root *root, const char *base,
                      uint32_t domid)
{
    snprintf(root->base, sizeof(root->base), "%s", base);
    snprintf(root->path, sizeof(root->path), "%s/%u", base, domid);
}

int helper_root_make(struct helper_root *root, const char *base,
                     uint32_t domid)
{
    root_name(root, base, domid);
    for (int i = 0; i < ROOT_TRIES; i++) {
        if (!directory_make(base) && !directory_make(root->path))
            return 0;
        if (errno != ENOENT)
            break;
    }
    root->path[0] = '\0';
    return -1;
}

void helper_root_remove(struct helper_root *root)
{
    /* xenconsoled takes its sockets away with the console; what it left
     * when it was killed goes here. */
    static const char *const names[] = {
        "console-3", "console-3.ctl", "console-8", "console-8.ctl",
    };
    char path[128];

    if (!root->path[0])
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", root->path, names[i]);
        unlink(path);
    }
    rmdir(root->path);
    rmdir(root->base);
    root->path[0] = '\0';
}

/* Which of its names, all of which end in a domain's number; NULL: not a
 * name of ours. */
static const char *entry_parse(const char *name, uint32_t *domid_r)
{
    static const char *const prefixes[] = { "", "monitor-", "vnc-" };

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t n = strlen(prefixes[i]);
        char *end;

        if (strncmp(name, prefixes[i], n) ||
            !isdigit((unsigned char)name[n]) || strlen(name + n) > 9)
            continue;
        *domid_r = (uint32_t)strtoul(name + n, &end, 10);
        return *end ? NULL : prefixes[i];
    }
    return NULL;
}

void helper_root_sweep(const char *base,
                       bool (*is_gone)(void *data, uint32_t domid),
                       void *data)
{
    DIR *dir = opendir(base);
    struct helper_root left;
    struct dirent *entry;
    uint32_t domid;

    while (dir && (entry = readdir(dir))) {
        const char *prefix = entry_parse(entry->d_name, &domid);

        if (!prefix || !is_gone(data, domid))
            continue;
        if (*prefix) {
            unlinkat(dirfd(dir), entry->d_name, 0);
            continue;
        }
        root_name(&left, base, domid);
        helper_root_remove(&left);
    }
    if (dir)
        closedir(dir);
}
