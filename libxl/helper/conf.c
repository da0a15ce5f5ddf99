/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mistake must neither keep a guest from starting nor open more than was
 * meant: either the whole file counts or nothing in it.
 */
#include "conf.h"

#include <ctype.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/worker/worker.h"
#include "keyfile.h"
#include "tools/common/log.h"

/* Root's, and the group's, who can read and write: connect. */
#define CONFIG_MODE_DEFAULT 0660

static const char *group_set(void *data, const char *value)
{
    struct helper_config *config = data;
    const struct group *group = getgrnam(value);

    if (!group)
        return "there is no such group";
    config->group = group->gr_gid;
    return NULL;
}

static const char *mode_set(void *data, const char *value)
{
    struct helper_config *config = data;
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
static const char *commands_set(void *data, const char *value)
{
    struct helper_config *config = data;
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

static const struct keyfile_key keys[] = {
    { "monitoring_group",    group_set,    true },
    { "monitoring_mode",     mode_set,     false },
    { "monitoring_commands", commands_set, true },
};
#define KEYS_N (sizeof(keys) / sizeof(keys[0]))

int helper_config_read(struct helper_config *config, const char *path,
                       uint32_t domid)
{
    char why[KEYFILE_MAX];
    int r;

    *config = (struct helper_config){ .mode = CONFIG_MODE_DEFAULT };
    r = keyfile_read(path, keys, KEYS_N, config, why, sizeof(why));
    config->monitoring = r > 0;
    if (r >= 0)
        return 0;
    *config = (struct helper_config){ .monitoring = false };
    log_error("domain %u: it starts without a monitoring socket: %s",
              domid, why);
    return -1;
}
