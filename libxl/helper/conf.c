/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mistake must neither keep a guest from starting nor open more than was
 * meant: either the whole file counts or nothing in it.
 */
#include "conf.h"

#include <ctype.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/worker/worker.h"
#include "keyfile.h"

/* Root's, and the group's, who can read and write: connect. */
#define CONFIG_MODE_DEFAULT 0660

static const char *group_parse(struct helper_access *access,
                               const char *value)
{
    const struct group *group = getgrnam(value);

    if (!group)
        return "there is no such group";
    access->group = group->gr_gid;
    access->set = true;
    return NULL;
}

static const char *mode_parse(struct helper_access *access,
                              const char *value)
{
    unsigned long mode;
    char *end;

    mode = strtoul(value, &end, 8);
    if (!isdigit((unsigned char)*value) || *end || mode & ~0666ul ||
        !(mode & 0020))
        return "it takes an octal mode of read and write permissions, "
               "write for the group among them, such as 0660";
    access->mode = (mode_t)mode;
    return NULL;
}

/* As in xl.cfg. */
static const char *flag_parse(bool *flag, const char *value)
{
    if (strcmp(value, "0") && strcmp(value, "1"))
        return "it takes 0 or 1";
    *flag = *value == '1';
    return NULL;
}

static const char *monitoring_group_set(void *data, const char *value)
{
    return group_parse(&((struct helper_config *)data)->monitoring, value);
}

static const char *monitoring_mode_set(void *data, const char *value)
{
    struct helper_config *config = data;

    config->has_mode[0] = true;
    return mode_parse(&config->monitoring, value);
}

static const char *vnc_group_set(void *data, const char *value)
{
    return group_parse(&((struct helper_config *)data)->vnc, value);
}

static const char *vnc_mode_set(void *data, const char *value)
{
    struct helper_config *config = data;

    config->has_mode[1] = true;
    return mode_parse(&config->vnc, value);
}

static const char *vnc_tcp_set(void *data, const char *value)
{
    return flag_parse(&((struct helper_config *)data)->vnc_tcp, value);
}

static const char *tls_dir_set(void *data, const char *value)
{
    struct helper_config *config = data;

    if (*value != '/' || strlen(value) >= sizeof(config->tls_dir))
        return "it takes the path of a directory, from / on";
    strcpy(config->tls_dir, value);
    return NULL;
}

static const char *tls_verify_set(void *data, const char *value)
{
    struct helper_config *config = data;

    config->has_verify = true;
    return flag_parse(&config->tls_verify, value);
}

/* Without the blanks around the patterns, so it is never longer. */
static const char *commands_set(void *data, const char *value)
{
    struct helper_config *config = data;
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*?";
    char *to = config->commands;

    config->has_commands = true;
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
    { "monitoring_group",      monitoring_group_set, false },
    { "monitoring_mode",       monitoring_mode_set,  false },
    { "monitoring_commands",   commands_set,         false },
    { "vnc_socket_group",      vnc_group_set,        false },
    { "vnc_socket_mode",       vnc_mode_set,         false },
    { "vnc_tcp",               vnc_tcp_set,          false },
    { "vnc_tls_x509_cert_dir", tls_dir_set,          false },
    { "vnc_tls_x509_verify",   tls_verify_set,       false },
};
#define KEYS_N (sizeof(keys) / sizeof(keys[0]))

/* What is missing, for what is set. NULL: nothing. */
static const char *config_lacks(const struct helper_config *config)
{
    bool monitoring = config->monitoring.set || config->has_mode[0] ||
                      config->has_commands;

    if (monitoring && !config->monitoring.set)
        return "monitoring_group: it is missing";
    if (monitoring && !config->has_commands)
        return "monitoring_commands: it is missing";
    if (config->has_mode[1] && !config->vnc.set)
        return "vnc_socket_group: it is missing";
    if (config->has_verify && !*config->tls_dir)
        return "vnc_tls_x509_cert_dir: it is missing";
    return NULL;
}

static void config_clear(struct helper_config *config)
{
    *config = (struct helper_config){
        .monitoring.mode = CONFIG_MODE_DEFAULT,
        .vnc.mode = CONFIG_MODE_DEFAULT, .vnc_tcp = true,
    };
}

void helper_config_read(struct helper_config *config, const char *path)
{
    char why[sizeof(config->wrong)];
    const char *lacks = NULL;
    int r;

    config_clear(config);
    r = keyfile_read(path, keys, KEYS_N, config, why, sizeof(why));
    if (r > 0)
        lacks = config_lacks(config);
    if (lacks)
        snprintf(why, sizeof(why), "%s: %s", path, lacks);
    if (r >= 0 && !lacks)
        return;
    config_clear(config);
    memcpy(config->wrong, why, sizeof(why));
}
