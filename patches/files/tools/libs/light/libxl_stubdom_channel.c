/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channels of a guest whose stubdomain is reached over consoles: like the
 * stubdomain's consoles, they are xenconsoled's. No QEMU in dom0 serves
 * the guest then.
 */
#include "libxl_osdeps.h" /* must come before any other headers */

#include "libxl_internal.h"

int libxl__stubdom_channel_console(libxl__gc *gc, uint32_t domid,
                                   libxl__device_console *console)
{
    console->consback = LIBXL__CONSOLE_BACKEND_XENCONSOLED;
    if (!console->path)
        return 0;

    if (console->path[0] != '/' || strchr(console->path, ',')) {
        LOGD(ERROR, domid, "channel %s: xenconsoled cannot serve the "
             "socket \"%s\", only an absolute path without a comma",
             console->name, console->path);
        return ERROR_INVAL;
    }
    free(console->output);
    console->output = libxl__sprintf(NOGC, "unix:%s", console->path);
    return 0;
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
