/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions of libxl and below it that need Xen, replaced (ld's --wrap):
 * there is one domain, and of xenstore the transport of its stubdomain.
 */
#ifndef WITHOUT_XEN_H
#define WITHOUT_XEN_H

#include <stdbool.h>

#define XENLESS_DOMID 7

/* The part of a save that is between libxl and the stubdomain. */
int xenless_save(libxl_ctx *ctx, const char *filename);

/* For sockets and locks; the caller's mkdtemp() has to make it. */
extern char xenless_dir[];
extern const char *xenless_transport;
/* Whether a socket has more to read, however much was read. */
extern bool xenless_endless;
/* How many bytes a CRC-32 was made of. */
extern volatile size_t xenless_summed;
/* How many time-outs there are; the one that was last added is made due,
 * which the caller's next word to libxl has it see. */
extern volatile int xenless_timers;
void xenless_expire(libxl_ctx *ctx);
/* Whether those that are added are due at once. */
extern bool xenless_hasty;

#endif
