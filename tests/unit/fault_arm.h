/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef XENQMP_TESTS_UNIT_FAULT_ARM_H
#define XENQMP_TESTS_UNIT_FAULT_ARM_H

/* The process dies at this place, which it then comes by for the nth time,
 * as if by kill -9. */
void fault_arm(const char *name, unsigned int nth);

#endif
