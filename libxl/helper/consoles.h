/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stubdomain's consoles, as an unmodified libxl leaves them (type
 * ioemu; serial ports from console 3 on) made into those that xenqmp
 * serves: type xenconsoled, QMP on console 3, serial ports from 4 on.
 * Edited in place, in one transaction, before the stubdomain runs.
 */
#ifndef XENQMP_LIBXL_HELPER_CONSOLES_H
#define XENQMP_LIBXL_HELPER_CONSOLES_H

#include "store.h"

#define CONSOLE_QMP        3
#define CONSOLE_SERIAL     4
/* hvc_xen makes hvc0 to hvc7. */
#define CONSOLE_SERIAL_MAX 4
/* As a fourth serial port, it has hvc7. */
#define CONSOLE_DISPLAY    8

/* uid: who may attach to console 3's socket, root/console-3; display_uid:
 * to console 8's, 0: there is no display. Returns the number of serial ports,
 * or -1 after a line on the log. */
int consoles_edit(struct xs_handle *xs, uint32_t guest, uint32_t dm,
                  const char *root, uint32_t uid, uint32_t display_uid);

/* The same where libxl makes the consoles (patches/): nothing is set, only
 * looked at. */
int consoles_check(struct xs_handle *xs, uint32_t guest, uint32_t dm,
                   const char *root, uint32_t uid);
/* Whether libxl made guest's stubdomain so. */
bool consoles_are_native(struct xs_handle *xs, uint32_t guest);

#endif
