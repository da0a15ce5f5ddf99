/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In the place of a stubdomain's kernel: a terminal for each of its
 * consoles, and the frontends that move the bytes between terminals and
 * rings of xensim. In a terminal bytes wait, and nobody can see how many.
 * A console with policy save has a socket in its place, which tells
 * (TIOCOUTQ), as ttys of hvc do: what it has given to the ring is in the
 * ring.
 *
 * What can't be done ends the program with a line.
 */
#ifndef XENQMP_TESTS_COMPONENT_HVC_H
#define XENQMP_TESTS_COMPONENT_HVC_H

#include "tools/common/loop.h"

#include <stdbool.h>
#include <stdint.h>

/* Consoles with these numbers; 0 stands for none. */
#define HVC_N 4

/* host_start() was called. */
void hvc_init(struct loop *loop, uint32_t domid);
/* A console with a ring; the program's end of its terminal, raw. policy
 * may be NULL. */
int hvc_add(unsigned int devid, const char *output, const char *policy);
/* Once its ring has taken some more of its terminal's bytes, the others wait
 * there: it is held, until it goes on. */
void hvc_hold(unsigned int devid);
bool hvc_is_held(unsigned int devid);
void hvc_go_on(unsigned int devid);
/* A resume: a new ring. */
void hvc_renew(unsigned int devid);
/* The toolstack removes the console and makes it again. */
void hvc_recreate(unsigned int devid);

#endif
