/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "handover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Strings, each with its 0: this, the domain's id and vm, then for each
 * console its numbers and those of its keys that there are, "type=...". */
#define HANDOVER_FORMAT "xenconsoled keys 1"
#define HANDOVER_NAME   "keys"
/* Ten times what libxl's longest paths come to; no more is read. */
#define HANDOVER_MAX     65536

static void id_print(const uint8_t *id, char *text)
{
    for (int i = 0; i < HV_ID_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
}

static void string_put(FILE *file, const char *text)
{
    fwrite(text, strlen(text) + 1, 1, file);
}

static void console_put(FILE *file, unsigned int n, const struct keys *keys)
{
    fprintf(file, "console %u %" PRIu64 " %" PRIu32 " %d%c", n,
            keys->ring_ref, keys->port, keys->frontend_state, 0);
    for (int key = 0; key < KEYS_TEXT_N; key++)
        if (keys->text[key])
            fprintf(file, "%s=%s%c", keys_text_name((enum keys_text)key),
                    keys->text[key], 0);
}

/* FNV-1a; never 0. */
static uint64_t sum_of(const char *bytes, size_t n)
{
    uint64_t sum = 0xcbf29ce484222325;

    for (size_t i = 0; i < n; i++)
        sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3;
    return sum ? sum : 1;
}

int handover_write(const struct handover *h, uint64_t *sum)
{
    char id[2 * HV_ID_SIZE + 1], *bytes = NULL;
    bool connected = false;
    uint64_t fresh;
    size_t size;
    FILE *file;
    int r = 0;

    file = open_memstream(&bytes, &size);
    if (!file)
        return -1;
    id_print(h->id, id);
    string_put(file, HANDOVER_FORMAT);
    string_put(file, id);
    string_put(file, h->vm);
    for (unsigned int n = 0; n < CONSOLES_MAX; n++)
        if (h->consoles[n].present) {
            console_put(file, n, &h->consoles[n]);
            connected = true;
        }
    if (fclose(file)) {
        free(bytes);
        return -1;
    }
    fresh = connected ? sum_of(bytes, size) : 0;
    if (fresh && fresh != *sum)
        r = record_file_write(h->domid, HANDOVER_NAME, bytes, size);
    free(bytes);
    /* What was true before is not, even if this can't be written. */
    if ((!fresh && *sum) || r)
        handover_remove(h->domid);
    *sum = r ? 0 : fresh;
    return r;
}

/* The console that the strings from here on are about; NULL: none. */
static struct keys *console_take(struct handover *h, const char *text)
{
    uint64_t ring_ref;
    uint32_t port;
    unsigned int n;
    int state, end = -1;
    struct keys *keys;

    if (sscanf(text, "console %u %" SCNu64 " %" SCNu32 " %d%n", &n,
               &ring_ref, &port, &state, &end) != 4 || end < 0 ||
        text[end] || n >= CONSOLES_MAX)
        return NULL;
    keys = &h->consoles[n];
    keys->present = keys->ring_known = true;
    keys->ring_ref = ring_ref;
    keys->port = port;
    keys->frontend_state = state;
    return keys;
}

/* False: no memory. */
static bool key_take(struct keys *keys, const char *text)
{
    for (int key = 0; key < KEYS_TEXT_N; key++) {
        const char *name = keys_text_name((enum keys_text)key);
        size_t n = strlen(name);

        if (!strncmp(text, name, n) && text[n] == '=') {
            free(keys->text[key]);
            keys->text[key] = strdup(text + n + 1);
            return keys->text[key];
        }
    }
    return true;
}

/* The next string, or NULL. */
static const char *string_take(const char **at, const char *end)
{
    const char *text = *at;

    if (text == end)
        return NULL;
    *at += strlen(text) + 1;
    return text;
}

/* bytes end with a 0. */
static bool parse(struct handover *h, const char *bytes, const char *end)
{
    const char *format = string_take(&bytes, end);
    const char *id = string_take(&bytes, end);
    const char *vm = string_take(&bytes, end), *text;
    char wanted[2 * HV_ID_SIZE + 1];
    struct keys *keys = NULL;

    id_print(h->id, wanted);
    if (!vm || strcmp(format, HANDOVER_FORMAT) || strcmp(id, wanted) ||
        strlen(vm) >= sizeof(h->vm))
        return false;
    strcpy(h->vm, vm);
    while ((text = string_take(&bytes, end)))
        if (!strncmp(text, "console ", 8))
            keys = console_take(h, text);
        else if (keys && !key_take(keys, text))
            return false;
    return true;
}

bool handover_read(struct handover *h)
{
    int fd = record_file_open(h->domid, HANDOVER_NAME);
    char *bytes = fd < 0 ? NULL : malloc(HANDOVER_MAX);
    ssize_t n = bytes ? read(fd, bytes, HANDOVER_MAX) : -1;
    bool r;

    if (fd >= 0)
        close(fd);
    memset(h->consoles, 0, sizeof(h->consoles));
    r = n > 0 && n < HANDOVER_MAX && !bytes[n - 1] &&
        parse(h, bytes, bytes + n);
    free(bytes);
    for (unsigned int i = 0; !r && i < CONSOLES_MAX; i++)
        keys_dispose(&h->consoles[i]);
    return r;
}

void handover_remove(uint32_t domid)
{
    record_file_remove(domid, HANDOVER_NAME);
}
