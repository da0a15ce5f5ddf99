/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What xenconsoled tells of all consoles, or of those of one domain and of
 * its stubdomain, by a request that takes a domain's number.
 */
#ifndef XENQMP_LISTING_H
#define XENQMP_LISTING_H

#include "consoled.h"
#include "host.h"

/* domain: NULL for all. Calls fn for each line. -1: complained. */
int listing_ask(struct consoled *consoled, struct host *host,
                const char *request, const char *domain,
                consoled_line_fn *fn, void *data);

/* To standard output. The exit code; complains if it can't. */
int listing_print(const struct qmp_buf *text);

#endif
