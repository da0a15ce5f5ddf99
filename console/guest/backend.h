/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all consoles are served with: the loop, the lines of files, Xen,
 * xenstore, and the queue for their turns. It knows none of those who use
 * it; what answers on a console's control socket is above the consoles, and
 * handed down here.
 */
#ifndef XENQMP_CONSOLE_GUEST_BACKEND_H
#define XENQMP_CONSOLE_GUEST_BACKEND_H

#include "console/control/control.h"
#include "console/xen/hv.h"
#include "console/files/lane.h"
#include "tools/common/loop.h"
#include "options.h"
#include "refresh.h"

#include <stdbool.h>
#include <sys/queue.h>
#include <xenstore.h>

struct console;
TAILQ_HEAD(console_queue, console);

/* How a domain's consoles answer beside a unix output; data: that console,
 * a struct console. */
struct backend_control {
    struct control_ops ops;
    /* Those that were put off beside consoles of the domain are asked
     * again. */
    void (*ask_again)(struct console *console);
};

struct backend {
    const struct options *options;
    const struct backend_control *control;
    struct loop loop;
    struct lanes lanes;
    struct hv *hv;
    struct xs_handle *xs;
    struct console_queue ready; /* consoles that wait for a turn */
    struct refresh refresh;     /* what is to be read from xenstore */
    bool stop;                  /* the daemon ends */
    bool restarts;              /* and the next one starts at once */
};

#endif
