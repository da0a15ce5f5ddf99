/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command that prints what xenconsoled tells of all consoles, or of those
 * of one domain and of its stubdomain.
 */
#ifndef XENQMP_XL_LISTING_H
#define XENQMP_XL_LISTING_H

#include "consoled.h"
#include "host.h"
#include "xl_qmp.h"

struct listing {
    const char *name;           /* the command's */
    const char *request;        /* xenconsoled's; takes a domain's number */
    const char *option;         /* for the other form */
    consoled_line_fn *add;      /* takes a line of the answer */
    /* All that is to be printed, after the last line. False: no memory. */
    bool (*write)(struct qmp_buf *text, void *data, bool other_form,
                  struct host *host);
};

/* The whole command; data: for add and write. The exit code. */
int listing_command(const struct listing *listing,
                    const struct options *options, int argc, char **argv,
                    void *data);

#endif
