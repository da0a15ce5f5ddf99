/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How dom0 reaches the QEMU in a Linux stubdomain.
 *
 *   vchan    QMP goes over a vchan, of which vchan-socket-proxy makes a
 *            socket; a QEMU in dom0 serves the stubdomain's consoles.
 *   console  QMP goes over a console of its own, of which qmp-helper makes
 *            a socket; xenconsoled serves all consoles.
 *
 * The stubdomain's image has to speak the same. docs/misc/stubdom.txt has
 * what is expected of it.
 */
#include "libxl_osdeps.h" /* must come before any other headers */

#include "libxl_internal.h"

/* In /libxl/<guest's domid>, for what concerns a running guest. */
#define TRANSPORT_ENTRY "stubdom-transport"

bool libxl__stubdom_over_consoles(const libxl_domain_build_info *b_info)
{
    return libxl__stubdomain_is_linux(b_info) &&
           b_info->stubdomain_transport ==
           LIBXL_STUBDOMAIN_TRANSPORT_CONSOLE;
}

int libxl__stubdom_transport_setdefault(libxl__gc *gc,
                                        libxl_domain_build_info *b_info)
{
    if (!libxl_defbool_val(b_info->device_model_stubdomain))
        return 0;

    if (b_info->stubdomain_transport == LIBXL_STUBDOMAIN_TRANSPORT_UNKNOWN)
        b_info->stubdomain_transport = LIBXL_STUBDOMAIN_TRANSPORT_VCHAN;

    if (b_info->stubdomain_transport ==
            LIBXL_STUBDOMAIN_TRANSPORT_CONSOLE &&
        !libxl__stubdomain_is_linux(b_info)) {
        LOG(ERROR, "stubdomain_transport \"console\" needs a Linux "
            "stubdomain, device_model_version \"qemu-xen\"");
        return ERROR_INVAL;
    }
    return 0;
}

static const char *transport_path(libxl__gc *gc, uint32_t guest_domid)
{
    return GCSPRINTF("%s/" TRANSPORT_ENTRY,
                     libxl__xs_libxl_path(gc, guest_domid));
}

int libxl__stubdom_transport_store(libxl__gc *gc, uint32_t guest_domid,
                                   const libxl_domain_build_info *b_info)
{
    return libxl__xs_printf(gc, XBT_NULL, transport_path(gc, guest_domid),
                            "%s", libxl_stubdomain_transport_to_string(
                                b_info->stubdomain_transport));
}

bool libxl__stubdom_over_consoles_running(libxl__gc *gc,
                                          uint32_t guest_domid)
{
    libxl_stubdomain_transport transport;
    const char *s;

    s = libxl__xs_read(gc, XBT_NULL, transport_path(gc, guest_domid));
    return s && !libxl_stubdomain_transport_from_string(s, &transport) &&
           transport == LIBXL_STUBDOMAIN_TRANSPORT_CONSOLE;
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
