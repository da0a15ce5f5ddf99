/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "files.h"

#include "host.h"
#include "tools/common/log.h"

#include <string.h>

/* docs/qmp-sockets.md has the same. */
static const char *const commands[] = {
    "screendump", "pmemsave", "memsave", "dump-guest-memory",
    "blockdev-add", "blockdev-snapshot-sync", "blockdev-change-medium",
    "change-backing-file", "drive-mirror", "drive-backup", "chardev-add",
    "migrate",
};

void files_warn(const struct options *options, const char *server,
                const char *command)
{
    struct host host = { .logger = options->logger };
    uint32_t domid, stubdom;
    static bool said;
    size_t i = 0, n = sizeof(commands) / sizeof(commands[0]);

    while (i < n && strcmp(command, commands[i]))
        i++;
    if (said || i == n || strchr(server, ':'))
        return;
    said = host_find(&host, server, &domid) == HOST_FOUND &&
           host_stubdom(&host, domid, &stubdom);
    if (said)
        log_warn("%s: a file that it names is the stubdomain's, domain %u, "
                 "not this host's; see qmp-sockets.md", command, stubdom);
    host_dispose(&host);
}
