/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which consoles a stubdomain has:
 *
 *   0      what its kernel and QEMU log
 *   1, 2   QEMU's state, to save and to restore
 *   3      QMP, if that goes over a console
 *   next   the guest's serial ports
 */
#include "libxl_osdeps.h" /* must come before any other headers */

#include "libxl_internal.h"

/* Linux has hvc0 to hvc7, four of which are taken. */
#define SERIAL_MAX 4

int libxl__stubdom_console_serial(bool over_consoles)
{
    return over_consoles ? STUBDOM_CONSOLE_QMP + 1 : STUBDOM_CONSOLE_QMP;
}

/* What xenconsoled serves; a serial port may be any chardev of QEMU's. */
static bool output_is_served(const char *output)
{
    return !strcmp(output, "pty") || !strcmp(output, "null") ||
           !strncmp(output, "file:/", 6) || !strncmp(output, "unix:/", 6);
}

static int serial_check(libxl__gc *gc, int i, const char *output)
{
    if (i >= SERIAL_MAX) {
        LOG(ERROR, "A stubdomain over consoles has at most %d serial ports",
            SERIAL_MAX);
        return ERROR_INVAL;
    }
    if (!output_is_served(output)) {
        LOG(ERROR, "serial port %d: xenconsoled cannot serve \"%s\", only "
            "pty, null, file:PATH and unix:PATH,server=on,wait=off",
            i, output);
        return ERROR_INVAL;
    }
    return 0;
}

int libxl__stubdom_serial_check(libxl__gc *gc,
                                const libxl_domain_build_info *b_info)
{
    char **list = b_info->u.hvm.serial_list;
    int i, rc;

    assert(b_info->type == LIBXL_DOMAIN_TYPE_HVM);
    if (b_info->u.hvm.serial)
        return serial_check(gc, 0, b_info->u.hvm.serial);
    for (i = 0; list && list[i]; i++) {
        rc = serial_check(gc, i, list[i]);
        if (rc) return rc;
    }
    return 0;
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
