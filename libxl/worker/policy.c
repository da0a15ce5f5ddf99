/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A socket with a list of commands is for people with fewer rights, so its
 * clients must not be able to take what those of the full socket need,
 * however they try:
 *
 * - QEMU, and the way to it: worker/mux.c;
 * - places: they have their own, and share them by user (worker/clients.c);
 * - memory: what they send and don't read is bounded apart from others';
 * - the worker's time: each is read in small pieces, and served so often
 *   (worker/client.c), whatever it sends.
 *
 * libxenstat, which xentop uses, waits 10 ms for each piece of a reply and
 * takes all that came for it (tools/libs/stat/xenstat_qmp.c, qmp_read()):
 * it gets no events, and blanks while it waits.
 */
#include "policy.h"

#include <fnmatch.h>
#include <string.h>

#include "libxl/qmp/framer.h"
#include "limits.h"

/* What libxenstat asks. */
#define POLICY_XENSTAT "query-block,query-blockstats"

const struct policy policy_full = {
    .events = true,
    .clients_max = WORKER_CLIENTS_MAX,
    .share = FLIGHT_FULL,
    .flights_max = WORKER_CLIENT_FLIGHTS,
    .command_max = WORKER_COMMAND_MAX,
    .output_max = WORKER_OUTPUT_MAX,
    .output_reserve = WORKER_OUTPUT_RESERVE,
    .input_chunk = QMP_FRAMER_CHUNK,
    .stall_ms = WORKER_STALL_MS,
};

void policy_init(struct policy *policy,
                 const struct worker_socket *socket)
{
    bool xentop = socket->use == WORKER_FOR_XENTOP;

    *policy = (struct policy){
        .commands = xentop ? POLICY_XENSTAT : socket->commands,
        .events = !xentop,
        .impatient = xentop,
        .share = xentop ? FLIGHT_XENTOP : FLIGHT_MONITORING,
        .clients_max = WORKER_LESSER_CLIENTS,
        .flights_max = 1,
        .command_max = WORKER_LESSER_COMMAND_MAX,
        .output_max = WORKER_LESSER_OUTPUT,
        .output_reserve = WORKER_LESSER_COMMAND_MAX + WORKER_ERROR_MAX,
        .input_chunk = WORKER_LESSER_COMMAND_MAX,
        .stall_ms = WORKER_LESSER_PATIENCE_MS,
    };
}

bool policy_allows(const struct policy *policy, const char *command)
{
    const char *p = policy->commands;
    char pattern[WORKER_PATTERN_MAX];

    if (!p)
        return true;
    for (;; p++) {
        size_t n = strcspn(p, ",");

        if (n && n < sizeof(pattern)) {
            memcpy(pattern, p, n);
            pattern[n] = '\0';
            if (!fnmatch(pattern, command, 0))
                return true;
        }
        p += n;
        if (!*p)
            return false;
    }
}
