/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frontend.h"

#include "flow.h"
#include "tools/common/log.h"
#include "console/xen/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>

bool frontend_has_bytes(struct hv *hv, uint32_t domid, uint32_t ring_ref)
{
    struct hv_page page;
    bool r;

    if (hv_map_grant(hv, domid, ring_ref, &page))
        return false;
    r = ring_page_has_bytes(page.page);
    hv_unmap(hv, &page);
    return r;
}

void frontend_leave(struct console *c)
{
    if (c->port < 0)
        return;
    flow_stop(c);
    hv_unbind(c->backend->hv, c->port);
    c->port = -1;
    hv_unmap(c->backend->hv, &c->page);
}

void frontend_abandon(struct console *c)
{
    if (c->port < 0)
        return;
    frontend_leave(c);
    output_ring_lost(c->output);
}

void frontend_park(struct console *c)
{
    log_guest(c->domid, LOG_LEVEL_WARN, "%s: the counters in its ring make "
              "no sense; it is left alone until the guest publishes a new "
              "ring", c->host.label);
    frontend_abandon(c);
    console_set_state(c, CONSOLE_PARKED);
}

/* The ring goes before the file has said how much of it it has: its last
 * words are delivered, some perhaps twice. */
static void ring_adopt_blindly(struct console *c)
{
    output_ring_lost(c->output);
    c->adopted = true;
    if (ring_adopt(&c->ring, c->page.page, NULL)) {
        frontend_leave(c);
        console_set_state(c, CONSOLE_WAITING);
        return;
    }
    console_set_state(c, CONSOLE_SERVING);
    output_ring_up(c->output, &c->ring);
}

void frontend_disconnect(struct console *c)
{
    if (c->state == CONSOLE_ADOPTING)
        ring_adopt_blindly(c);
    if (c->port >= 0) {
        output_ring_ends(c->output);
        /* Nor can it wait for its log any more. */
        c->log_slow = true;
        if (!flow_drain(c))
            frontend_park(c);
    }
    frontend_abandon(c);
}

/* Says it in the backend's directory, if that is still there. */
static void backend_state_set(struct console *c, enum xenbus_state state)
{
    char path[STORE_PATH_MAX], text[16];

    if (!c->n)
        return;
    keys_backend_path(path, sizeof(path), c->domid, c->n, "state");
    snprintf(text, sizeof(text), "%d", (int)state);
    if (!store_write_backend(c->backend->xs, path, text) && errno != EPERM)
        log_guest(c->domid, LOG_LEVEL_WARN, "%s: cannot write %s in "
                  "xenstore: %s", c->host.label, path, strerror(errno));
    c->backend_state = (int)state;
}

/* Maps and binds; false: nothing is held, a line has been logged. */
static bool ring_map(struct console *c)
{
    struct hv *hv = c->backend->hv;
    int r;

    if (!hv_domain_is_alive(hv, c->domid))
        return false;
    if (c->n)
        r = hv_map_grant(hv, c->domid, (uint32_t)c->ring_ref, &c->page);
    else
        r = hv_map_primary(hv, c->domid, c->ring_ref, &c->page);
    if (r) {
        log_guest(c->domid, LOG_LEVEL_WARN, "%s: cannot map its ring "
                  "(ring-ref %" PRIu64 "): %s", c->host.label, c->ring_ref,
                  strerror(errno));
        return false;
    }
    c->port = hv_bind(hv, c->domid, c->remote_port, c);
    if (c->port >= 0)
        return true;
    log_guest(c->domid, LOG_LEVEL_WARN, "%s: cannot bind its event channel "
              "(port %" PRIu32 "): %s", c->host.label, c->remote_port,
              strerror(errno));
    hv_unmap(hv, &c->page);
    return false;
}

/* The guest's, for records: one word, for it is a line's part in them. */
static void vm_read(const struct console *c, char *r)
{
    char path[STORE_PATH_MAX];
    char *vm;

    snprintf(path, sizeof(path), "/local/domain/%" PRIu32 "/vm", c->domid);
    vm = store_read(c->backend->xs, XBT_NULL, path);
    snprintf(r, RECORD_VM_MAX, "%s", vm ? vm : "");
    free(vm);
    log_sanitise(r, strlen(r));
    for (; *r; r++)
        if (*r == ' ')
            *r = '?';
}

/* Which ring it is, for the outputs' records. */
static void ring_name(struct console *c)
{
    struct record *ring = &c->host.ring;
    char *vm = c->guest->vm;

    if (!*vm)
        vm_read(c, vm);
    *ring = (struct record){ .domid = c->domid, .n = c->n,
                             .ring_ref = c->ring_ref,
                             .port = c->remote_port };
    strcpy(ring->vm, *vm ? vm : "-");
}

/* Takes over the ring where an earlier daemon stopped: at the position, or
 * without one, where the page says. */
static int ring_take_over(struct console *c, bool known, uint32_t out_cons)
{
    if (known) {
        if (!ring_adopt(&c->ring, c->page.page, &out_cons))
            return 0;
        log_guest(c->domid, LOG_LEVEL_WARN, "%s: its ring does not go with "
                  "what its file has", c->host.label);
        output_ring_lost(c->output);
    }
    return ring_adopt(&c->ring, c->page.page, NULL);
}

/* An earlier daemon has said 4, and the frontend has seen it. Not to write
 * it again saves xenstored, where a thousand domains are taken over, most
 * of a minute. */
static bool was_connected(const struct console *c)
{
    char path[STORE_PATH_MAX];
    char *state;
    bool r;

    if (!c->n || c->frontend_state != XenbusStateConnected)
        return false;
    if (c->backend_state == XenbusStateConnected)
        return true;
    keys_backend_path(path, sizeof(path), c->domid, c->n, "state");
    state = store_read(c->backend->xs, XBT_NULL, path);
    r = state && atoi(state) == XenbusStateConnected;
    free(state);
    return r;
}

/* Serves the ring that is mapped, as soon as it is known where to go on. */
static void ring_serve(struct console *c)
{
    bool first = !c->adopted;
    enum output_answer answer = OUTPUT_ANSWER_ERROR;
    uint32_t out_cons = 0;

    if (first)
        answer = output_position(c->output, c->page.page, &out_cons);
    if (answer == OUTPUT_ANSWER_LATER) {
        console_set_state(c, CONSOLE_ADOPTING);
        return;
    }
    c->adopted = true;
    if (ring_take_over(c, answer == OUTPUT_ANSWER_OK, out_cons)) {
        frontend_park(c);
        return;
    }
    c->in_taken = c->ring.in_prod - (uint32_t)RING_IN_SIZE;
    console_set_state(c, CONSOLE_SERVING);
    output_ring_up(c->output, &c->ring);
    /* Else also if it was 4 before: the frontend waits for the event. */
    if (first && was_connected(c))
        c->backend_state = XenbusStateConnected;
    else
        backend_state_set(c, XenbusStateConnected);
    hv_notify(c->backend->hv, c->port);
    console_queue(c);
}

void frontend_located(struct console *c)
{
    if (c->state == CONSOLE_ADOPTING)
        ring_serve(c);
}

/* Serves the ring that the keys name, in the place of another. */
static void ring_connect(struct console *c, const struct keys *keys)
{
    frontend_disconnect(c);
    c->ring_ref = keys->ring_ref;
    c->remote_port = keys->port;
    c->frontend_state = keys->frontend_state;
    if (!ring_map(c)) {
        console_set_state(c, CONSOLE_WAITING);
        return;
    }
    ring_name(c);
    ring_serve(c);
}

/* True if the ring in the keys is not the one that was tried last. */
static bool ring_is_new(const struct console *c, const struct keys *keys,
                        bool republished)
{
    switch (c->state) {
    case CONSOLE_ADOPTING:
    case CONSOLE_SERVING:
        if (keys->ring_ref != c->ring_ref || keys->port != c->remote_port)
            return true;
        /* Same numbers: Linux asks for state 4 again after a resume. */
        if (c->n && keys->frontend_state == XenbusStateInitialised &&
            c->frontend_state != XenbusStateInitialised)
            return true;
        return republished && !hv_port_is_bound(c->backend->hv, c->port);
    case CONSOLE_PARKED:
        return republished;
    default:
        return true;
    }
}

static void frontend_closes(struct console *c, enum xenbus_state state)
{
    frontend_disconnect(c);
    console_set_state(c, CONSOLE_CLOSED);
    if (c->backend_state != (int)state)
        backend_state_set(c, state);
}

void frontend_follow(struct console *c, const struct keys *keys,
                     bool republished)
{
    int state = c->n ? keys->frontend_state : XenbusStateInitialised;

    switch (state) {
    case XenbusStateInitialising:
    case XenbusStateInitWait:
        frontend_disconnect(c);
        console_set_state(c, CONSOLE_WAITING);
        if (c->backend_state != XenbusStateInitWait)
            backend_state_set(c, XenbusStateInitWait);
        break;
    case XenbusStateInitialised:
    case XenbusStateConnected:
        if (keys->ring_known && ring_is_new(c, keys, republished))
            ring_connect(c, keys);
        break;
    case XenbusStateClosing:
    case XenbusStateClosed:
        frontend_closes(c, (enum xenbus_state)state);
        break;
    default:
        /* The guest has removed its directory, or writes nonsense: a
         * ring that works goes on working. */
        break;
    }
    c->frontend_state = state;
}

void frontend_take_over(struct console *c, const struct keys *keys)
{
    if (c->n)
        c->backend_state = XenbusStateConnected;
    ring_connect(c, keys);
}

bool frontend_hand_over(const struct console *c, struct keys *r)
{
    bool connected = c->port >= 0 &&
                     (!c->n || (c->frontend_state == XenbusStateConnected &&
                                c->backend_state == XenbusStateConnected));

    *r = (struct keys){ .present = connected, .ring_known = connected,
                        .ring_ref = c->ring_ref, .port = c->remote_port,
                        .frontend_state = c->frontend_state };
    memcpy(r->text, c->text, sizeof(r->text));
    return connected;
}
