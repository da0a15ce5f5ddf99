/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places where the daemon may be killed, for the tests of what survives.
 *
 * Only in a build with -DXENQMP_FAULTS, which the tests make for
 * themselves: the process can be made to end by SIGKILL at any FAULT(name).
 * FAULT_SHORT(name, n) is n, or half of it when the process is about to die
 * at FAULT(name): what a write took that did not get to its end.
 */
#ifndef XENQMP_TOOLS_COMMON_FAULT_H
#define XENQMP_TOOLS_COMMON_FAULT_H

#ifdef XENQMP_FAULTS
#include <stddef.h>

void fault(const char *name);
size_t fault_short(const char *name, size_t n);
#define FAULT(name) fault(name)
#define FAULT_SHORT(name, n) fault_short(name, n)
#else
#define FAULT(name) ((void)0)
#define FAULT_SHORT(name, n) (n)
#endif

#endif
