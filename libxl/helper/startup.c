/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "startup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"
#include "tools/common/log.h"
#include "tools/common/stubdom_log.h"

/* A person waits for the answer. */
#define LOOK_MS    500
/* libxl has given up by then, however late it gave the stubdomain its
 * first instruction. */
#define STARTUP_MS 120000

/* The stubdomain's word, which ends no more than the watch for it. */
static bool qemu_runs(struct startup *startup)
{
    char path[STORE_PATH_MAX], *state;
    unsigned int n;
    bool runs;

    snprintf(path, sizeof(path), "/local/domain/%u/device-model/%u/state",
             startup->dm, startup->guest);
    state = xs_read(startup->xs, XBT_NULL, path, &n);
    runs = state && !strcmp(state, "running");
    free(state);
    return runs;
}

/* True: it was told. */
static bool failure_tell(struct startup *startup)
{
    int fd = open(startup->log, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char why[512];
    bool failed = fd >= 0 && stubdom_log_failure(fd, why, sizeof(why));

    startup->told = failed;
    if (failed)
        log_error("domain %u: its QEMU does not run: %s; all of it is in %s",
                  startup->guest, why, startup->log);
    if (fd >= 0)
        close(fd);
    return failed;
}

static void startup_look(void *data)
{
    struct startup *startup = data;

    if (!qemu_runs(startup) && !failure_tell(startup) &&
        loop_now_ms() < startup->until_ms &&
        !loop_timer_set(startup->loop, &startup->look, LOOK_MS,
                        startup_look, startup))
        return;
    startup_end(startup);
}

void startup_begin(struct startup *startup)
{
    char *output = store_read(startup->xs, XBT_NULL,
                              "/local/domain/%u/console/output",
                              startup->dm);

    if (output && !strncmp(output, "file:", 5) &&
        !getenv(STUBDOM_LOG_WATCHED))
        startup->log = strdup(output + 5);
    free(output);
    startup->until_ms = loop_now_ms() + STARTUP_MS;
    if (startup->log)
        startup_look(startup);
    else
        startup->over();
}

void startup_end(struct startup *startup)
{
    if (!startup->log)
        return;
    loop_timer_clear(startup->loop, &startup->look);
    free(startup->log);
    startup->log = NULL;
    startup->over();
}
