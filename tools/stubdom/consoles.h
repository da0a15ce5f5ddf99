/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stubdomain's consoles and their ttys.
 *
 * /dev/hvcN is not console N: hvc_xen gives the primary console hvc0 and
 * the others the next free number in the order in which they are probed,
 * and xenbus probes them in the order in which xenstore lists
 * device/console (Linux, drivers/tty/hvc/hvc_xen.c, drivers/xen/xenbus).
 * So console n is hvc<1 + its place in that list>.
 */
#ifndef XENQMP_TOOLS_STUBDOM_CONSOLES_H
#define XENQMP_TOOLS_STUBDOM_CONSOLES_H

#include <stddef.h>

/* hvc_xen and hvc_console make no more. */
#define CONSOLES_HVC_MAX 8

/* Fixed use, as libxl (0 to 2) and xenqmp (3, 4 to 7, and 8) have it. */
enum { CONSOLE_LOG = 0, CONSOLE_SAVE = 1, CONSOLE_RESTORE = 2,
       CONSOLE_QMP = 3, CONSOLE_SERIAL = 4,
       CONSOLE_DISPLAY = 8 };

/* The number of the tty of console n, given the entries of device/console
 * as xenstore lists them. -1: there is no such console, or no tty. */
int consoles_hvc(char *const *entries, unsigned int entries_n, int n);

/* Opens the tty, raw from now on and non-blocking. Never close it: the
 * last close would make it cooked again. -1: errno. */
int consoles_open(int hvc);

/* Opens the serial ports' ttys, to stay open: QEMU opens them too, but so
 * late that what came in before would be echoed and mangled. */
void consoles_open_serial(char *const *entries, unsigned int entries_n);

#endif
