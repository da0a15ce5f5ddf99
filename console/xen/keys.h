/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One console's keys in xenstore, read with the rules of who may say what.
 *
 *   key                          believed if                   from
 *   type output policy limit     dom0 owns the node            the backend's
 *   name                                                       directory, else
 *                                                              the frontend's
 *   ring-ref port state          always: they are the guest's  the frontend's
 *     (of the primary console)   dom0 owns the node            its directory
 *
 * The primary console has one directory, /local/domain/<domid>/console.
 * For the others the frontend's is derived, /local/domain/<domid>/
 * device/console/<n>; the backend's key `frontend` is not looked at.
 *
 * xenstored is asked and waited for some twenty times for all of it, and
 * takes its time when guests keep it busy. So a reading is done in steps of
 * a few requests each, with anything else in between.
 */
#ifndef XENQMP_CONSOLE_XEN_KEYS_H
#define XENQMP_CONSOLE_XEN_KEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

/* Consoles of a domain: 0 is the primary. Linux shows a guest 8; the bound
 * is only there so that a directory can't make us hold thousands. */
#define CONSOLES_MAX 64

enum keys_text {
    KEY_TYPE, KEY_OUTPUT, KEY_POLICY, KEY_LIMIT,
    KEY_NAME,
    KEYS_TEXT_N,
};

struct keys {
    /* NULL: absent, or not to be believed. Unless the type is ours, only
     * that and the name are read, of texts and numbers. */
    char *text[KEYS_TEXT_N];
    unsigned int foreign;       /* bit per text: a guest made this key */
    bool present;               /* the console's own directory exists */
    bool ring_known;            /* ring_ref and port are numbers */
    uint64_t ring_ref;
    uint32_t port;
    int frontend_state;         /* enum xenbus_state; 0: unknown */
};

/* How much of them; each has what the one before has. */
enum keys_part {
    KEYS_NOTHING,
    KEYS_RING,                  /* state, ring-ref and port, of a guest */
    KEYS_ALL,
};

/* What has to be read when the key has changed, in the frontend's directory
 * (of the primary console: the one there is) or in the backend's. NULL: the
 * directory itself. `tty`, and in the backend's directory `state` and
 * `shut-down`, are our own: nothing. */
enum keys_part keys_of_frontend(unsigned int n, const char *key);
enum keys_part keys_of_backend(const char *key);

struct keys_reading {
    /* readable when it is done */
    enum keys_part part;
    struct keys keys;
    bool known;                 /* else xenstore does not tell whose the
                                 * console's own directory is, or it is not
                                 * dom0's; keys is empty. Of KEYS_ALL only */
    int error;                  /* errno, if not known */
    bool agreed;                /* dom0's keys are of one moment */
    /* private */
    struct xs_handle *xs;
    uint32_t domid;
    unsigned int n, step, tries;
    char *const *expected;
    xs_transaction_t t;         /* XBT_NULL: none is open */
};

/* A toolstack writes a console's keys one by one, and has done so at the
 * second try or the third. More would only help a guest that writes in its
 * directory all the time. */
#define KEYS_TRIES 4

/* dom0's keys are of one moment, or tried for so many times (1 at least): a
 * console is not opened with half of what a toolstack is writing. A later
 * change of any comes with a watch event. */
void keys_reading_start(struct keys_reading *reading, struct xs_handle *xs,
                        uint32_t domid, unsigned int n, enum keys_part part,
                        unsigned int tries);
/* Of a reading that has just started, of a console that is not the primary:
 * as long as these are its texts (KEYS_TEXT_N), it is done without a
 * transaction and without asking who owns what, and then is one of
 * KEYS_RING. Whoever wrote them, they say the same. */
void keys_reading_expect(struct keys_reading *reading,
                         char *const *expected);
/* True when it is done. KEYS_STEP_MAX requests at most. */
#define KEYS_STEP_MAX 5
bool keys_reading_step(struct keys_reading *reading);
/* Of one in any state, done or not. */
void keys_reading_dispose(struct keys_reading *reading);
void keys_dispose(struct keys *keys);
const char *keys_text_name(enum keys_text key);

/* The ring of a console that is not the primary, as the guest says. False:
 * no number. */
bool keys_ring_ref(struct xs_handle *xs, uint32_t domid, unsigned int n,
                   uint32_t *ring_ref_r);

/* What `type` says: absent is ours for a primary console only. */
bool keys_type_is_ours(const struct keys *keys, unsigned int n);

/* size: STORE_PATH_MAX is enough. key NULL: the directory itself. */
void keys_frontend_path(char *path, size_t size, uint32_t domid,
                        unsigned int n, const char *key);
/* What is watched for the frontend's keys: of others than the primary
 * console, the directory of all of them. */
void keys_watched_path(char *path, size_t size, uint32_t domid,
                       unsigned int n);
void keys_backend_path(char *path, size_t size, uint32_t domid,
                       unsigned int n, const char *key);

#endif
