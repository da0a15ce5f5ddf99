/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text that somebody else has chosen (a guest, or a device model that a
 * guest may have taken over) for a log: one line that any terminal shows
 * as it stands, of limited length.
 */
#include "libxl_osdeps.h" /* must come before any other headers */

#include "libxl_internal.h"

/* What it takes to understand QEMU's messages, not what they may have. */
#define PRINTABLE_MAX 1024

const char *libxl__printable(libxl__gc *gc, const char *s)
{
    size_t i, len;
    char *r;

    if (!s)
        return "(none)";

    len = strnlen(s, PRINTABLE_MAX + 1);
    r = libxl__strndup(gc, s, len);
    for (i = 0; i < len; i++) {
        if (r[i] == '\n' || r[i] == '\r' || r[i] == '\t')
            r[i] = ' ';
        else if (r[i] < ' ' || r[i] > '~')
            r[i] = '?';
    }
    if (len > PRINTABLE_MAX)
        strcpy(r + PRINTABLE_MAX - 3, "...");
    return r;
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
