/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON of a guest's on standard output. The text is valid JSON. A terminal
 * gets nothing that could steer it.
 */
#ifndef XENQMP_XL_OUTPUT_H
#define XENQMP_XL_OUTPUT_H

#include <stdbool.h>

/* As the server sent it, on one line. Flushed; false, having complained, if
 * that failed. */
bool output_line(const char *json);

/* The same, indented, a member a line. */
bool output_pretty(const char *json, bool colour);

#endif
