/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event of a server's, printed for whoever reads standard output.
 */
#ifndef XENQMP_XL_EVENT_H
#define XENQMP_XL_EVENT_H

#include <stdbool.h>

/* The whole message, which the library has checked. For a program: as it
 * came, on one line. For a person: time, name, data. False as
 * output_line(). */
bool event_print(const char *name, const char *event, bool person);

#endif
