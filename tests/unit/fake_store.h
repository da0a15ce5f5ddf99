/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A xenstore in memory, linked in the place of libxenstore: values, owners,
 * watches. One process, one client; transactions never collide unless told.
 */
#ifndef XENQMP_TESTS_UNIT_FAKE_STORE_H
#define XENQMP_TESTS_UNIT_FAKE_STORE_H

#include <stdbool.h>
#include <xenstore.h>

/* The handle to give to the code under test. */
extern struct xs_handle *const fake_store;

/* Writes a node as a domain; it becomes the owner. */
void fake_store_set(const char *path, const char *value, unsigned int owner);
/* With all below it. */
void fake_store_remove(const char *path);
/* NULL: absent. */
const char *fake_store_get(const char *path);
/* There is such a node, and nobody but its owner may read it. */
bool fake_store_is_private(const char *path);
/* Watches that are set now. */
unsigned int fake_store_watches(void);
/* So far, of any kind: xenstored is waited for in each. */
unsigned int fake_store_requests(void);
/* The client has gone, watches and events with it. */
void fake_store_disconnect(void);
/* Nodes, watches and events: all of it is as at first. */
void fake_store_forget(void);
/* So many commits fail with EAGAIN from here on. */
void fake_store_collide(unsigned int times);
/* Something of somebody else's comes before the next write that is in no
 * transaction. */
void fake_store_write_after(void (*other)(void));
/* The next commit does, because of what this writes. */
void fake_store_collide_with(void (*other)(void));

#endif
