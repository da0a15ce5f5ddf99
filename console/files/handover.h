/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a domain's connected consoles are served by, for the daemon after
 * this one.
 *
 * With a thousand domains xenstored has most of a minute to do until all of
 * their keys are read. So what the keys said of consoles that are connected
 * is kept in a file, one a domain. A daemon that starts serves them by it
 * before it asks xenstored for anything but the names of logs, and reads the
 * keys when nothing else is to be read; what has changed meanwhile is
 * followed then.
 *
 * The domain is told by its UUID, which is Xen's. A guest that publishes
 * another ring while no daemon runs has closed the port of the one before;
 * should it have got that number again for another console's, these two are
 * mistaken until the keys are read. No other guest is.
 *
 * It holds what dom0's keys have said, and is root's, as records are
 * (record.h); /run is memory, so the loop writes it. It is written after a
 * console has connected, at once or not at all; after a kill -9 in between,
 * its console is found in xenstore.
 */
#ifndef XENQMP_CONSOLE_FILES_HANDOVER_H
#define XENQMP_CONSOLE_FILES_HANDOVER_H

#include "console/xen/hv.h"
#include "console/xen/keys.h"
#include "record.h"

struct handover {
    uint32_t domid;
    uint8_t id[HV_ID_SIZE];
    char vm[RECORD_VM_MAX];     /* as in struct record; "": unknown */
    struct keys consoles[CONSOLES_MAX]; /* present: it is connected */
};

/* *sum is that of what was written last, and is set to that of what is in
 * the file now: nothing is written if it would be the same. 0: there is no
 * file, at first and without a connected console. -1: errno; there is no file
 * either, unless memory was short. */
int handover_write(const struct handover *handover, uint64_t *sum);
/* domid and id are given. False: there is none of that domain. Else the
 * keys are the caller's. */
bool handover_read(struct handover *handover);
void handover_remove(uint32_t domid);

#endif
