/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES   256
#define WATCHES 64
#define EVENTS  1024

static struct node {
    char *path, *value;
    unsigned int owner;
    bool is_private;            /* nobody else reads it */
} nodes[NODES];
static struct watch { char *path, *token; } watches[WATCHES];
static struct watch events[EVENTS];
static unsigned int events_n, requests, collisions;
static void (*collide_with)(void), (*write_after)(void);
/* As they were at the transaction's start, if it has changed any. */
static struct node before[NODES];
static bool in_transaction, copied;

struct xs_handle *const fake_store = (struct xs_handle *)nodes;

static bool is_below(const char *path, const char *top)
{
    size_t n = strlen(top);

    return !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

static void event_add(const char *path, const char *token)
{
    if (events_n == EVENTS)
        abort();
    events[events_n].path = strdup(path);
    events[events_n++].token = strdup(token);
}

static void changed(const char *path)
{
    for (int i = 0; i < WATCHES; i++)
        if (watches[i].path && is_below(path, watches[i].path))
            event_add(path, watches[i].token);
        else if (watches[i].path && is_below(watches[i].path, path))
            event_add(watches[i].path, watches[i].token);
}

static void node_set(struct node *to, const struct node *from)
{
    free(to->path);
    free(to->value);
    *to = *from;
    if (to->path) {
        to->path = strdup(to->path);
        to->value = strdup(to->value);
    }
}

/* Before any node changes. */
static void nodes_change(void)
{
    if (!in_transaction || copied)
        return;
    copied = true;
    for (int i = 0; i < NODES; i++)
        node_set(&before[i], &nodes[i]);
}

static struct node *find(const char *path)
{
    for (int i = 0; i < NODES; i++)
        if (nodes[i].path && !strcmp(nodes[i].path, path))
            return &nodes[i];
    errno = ENOENT;
    return NULL;
}

static struct node *find_parent(const char *path)
{
    char parent[256];

    snprintf(parent, sizeof(parent), "%s", path);
    *strrchr(parent, '/') = '\0';
    return find(parent);
}

void fake_store_set(const char *path, const char *value, unsigned int owner)
{
    struct node *node;

    nodes_change();
    node = find(path);
    for (int i = 0; !node; i++)
        if (!nodes[i].path)
            node = &nodes[i];
    if (node->path) {
        free(node->path);
        free(node->value);
    }
    *node = (struct node){ strdup(path), strdup(value), owner, false };
    changed(path);
}

void fake_store_remove(const char *path)
{
    nodes_change();
    for (int i = 0; i < NODES; i++)
        if (nodes[i].path && is_below(nodes[i].path, path)) {
            free(nodes[i].path);
            free(nodes[i].value);
            nodes[i].path = nodes[i].value = NULL;
        }
    changed(path);
}

const char *fake_store_get(const char *path)
{
    struct node *node = find(path);

    return node ? node->value : NULL;
}

bool fake_store_is_private(const char *path)
{
    struct node *node = find(path);

    return node && node->is_private;
}

unsigned int fake_store_watches(void)
{
    unsigned int n = 0;

    for (int i = 0; i < WATCHES; i++)
        n += watches[i].path != NULL;
    return n;
}

unsigned int fake_store_requests(void)
{
    return requests;
}

void fake_store_collide(unsigned int times)
{
    collisions = times;
    collide_with = NULL;
}

void fake_store_collide_with(void (*other)(void))
{
    collisions = 1;
    collide_with = other;
}

void fake_store_write_after(void (*other)(void))
{
    write_after = other;
}

struct xs_handle *xs_open(unsigned long flags)
{
    (void)flags;
    return fake_store;
}

void xs_close(struct xs_handle *h)
{
    (void)h;
}

int xs_fileno(struct xs_handle *h)
{
    (void)h;
    return -1;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
              unsigned int *len)
{
    struct node *node = find(path);

    (void)h, (void)t;
    requests++;
    if (!node)
        return NULL;
    *len = (unsigned int)strlen(node->value);
    return strdup(node->value);
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
              const void *data, unsigned int len)
{
    struct node *node, *parent;
    char *value = strndup(data, len);

    (void)h;
    requests++;
    if (t == XBT_NULL && write_after) {
        write_after();
        write_after = NULL;
    }
    node = find(path);
    parent = find_parent(path);
    /* What dom0 makes belongs to whom its directory belongs. */
    fake_store_set(path, value, node ? node->owner :
                                parent ? parent->owner : 0);
    free(value);
    return true;
}

struct xs_permissions *xs_get_permissions(struct xs_handle *h,
                                          xs_transaction_t t,
                                          const char *path,
                                          unsigned int *num)
{
    struct node *node = find(path);
    struct xs_permissions *perms;

    (void)h, (void)t;
    requests++;
    if (!node)
        return NULL;
    perms = calloc(2, sizeof(*perms));
    perms[0].id = node->owner;
    /* dom0 can read and write anyway; an entry that is not the owner's. */
    perms[1].id = 0;
    *num = 2;
    return perms;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t,
                    const char *path, unsigned int *num)
{
    char **names = calloc(NODES, sizeof(*names) + 64);
    char *text = (char *)(names + NODES);
    size_t n = strlen(path);
    bool exists = find(path);

    (void)h, (void)t;
    requests++;
    *num = 0;
    for (int i = 0; i < NODES; i++) {
        const char *p = nodes[i].path;

        if (!p || strncmp(p, path, n) || p[n] != '/' ||
            strchr(p + n + 1, '/'))
            continue;
        names[*num] = text + 64 * *num;
        strncpy(names[(*num)++], p + n + 1, 63);
    }
    if (!*num && !exists) {
        free(names);
        errno = ENOENT;
        return NULL;
    }
    return names;
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    (void)h, (void)t;
    requests++;
    fake_store_remove(path);
    return true;
}

bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    return find(path) || xs_write(h, t, path, "", 0);
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t,
                        const char *path, struct xs_permissions *perms,
                        unsigned int num)
{
    struct node *node = find(path);

    (void)h, (void)t;
    requests++;
    requests++;
    if (!node || !num)
        return false;
    nodes_change();
    node->owner = perms[0].id;
    node->is_private = num == 1 && perms[0].perms == XS_PERM_NONE;
    return true;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    int i = 0;

    (void)h;
    requests++;
    while (watches[i].path)
        if (++i == WATCHES)
            return false;
    watches[i] = (struct watch){ strdup(path), strdup(token) };
    event_add(path, token);
    return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    (void)h;
    requests++;
    for (int i = 0; i < WATCHES; i++)
        if (watches[i].path && !strcmp(watches[i].path, path) &&
            !strcmp(watches[i].token, token)) {
            free(watches[i].path);
            free(watches[i].token);
            watches[i] = (struct watch){ NULL, NULL };
            return true;
        }
    return false;
}

char **xs_check_watch(struct xs_handle *h)
{
    size_t path_n;
    char **vec;

    (void)h;
    if (!events_n) {
        errno = EAGAIN;
        return NULL;
    }
    /* As in the library, one block. */
    path_n = strlen(events[0].path) + 1;
    vec = malloc(2 * sizeof(*vec) + path_n + strlen(events[0].token) + 1);
    vec[XS_WATCH_PATH] = strcpy((char *)(vec + 2), events[0].path);
    vec[XS_WATCH_TOKEN] = strcpy((char *)(vec + 2) + path_n,
                                 events[0].token);
    free(events[0].path);
    free(events[0].token);
    memmove(events, events + 1, --events_n * sizeof(*events));
    return vec;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    (void)h;
    requests++;
    in_transaction = true;
    copied = false;
    return 1;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
    (void)h, (void)t;
    requests++;
    in_transaction = false;
    if (!abort && !collisions)
        return true;
    for (int i = 0; copied && i < NODES; i++)
        node_set(&nodes[i], &before[i]);
    if (abort)
        return true;
    collisions--;
    if (collide_with)
        collide_with();
    errno = EAGAIN;
    return false;
}

void fake_store_disconnect(void)
{
    for (int i = 0; i < WATCHES; i++) {
        free(watches[i].path);
        free(watches[i].token);
        watches[i] = (struct watch){ NULL, NULL };
    }
    while (events_n) {
        free(events[--events_n].path);
        free(events[events_n].token);
    }
}

void fake_store_forget(void)
{
    fake_store_remove("");
    fake_store_disconnect();
}

const char *xs_daemon_socket(void)
{
    return NULL;
}
