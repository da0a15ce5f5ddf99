/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places where the daemon may be killed, for the tests of what survives.
 *
 * Only in a build with -DXENQMP_FAULTS, which tests/component makes for
 * itself: XENQMP_FAULT=NAME:N in the environment ends the process by
 * SIGKILL at the Nth time that it comes by FAULT("NAME"). FAULT_SHORT(NAME,
 * n)
 * is n, or half of it when it is about to die there: what a write took that
 * did not get to its end.
 */
#ifndef XENQMP_FAULT_H
#define XENQMP_FAULT_H

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
