/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tls.h"

#include <dlfcn.h>
#include <stdio.h>

#include "config.h"

#ifndef TLS_LIBRARY
#define TLS_LIBRARY XENQMP_LIBEXECDIR "/display-tls.so"
#endif

const struct display_tls *tls_library(char why_r[TLS_WHY_MAX])
{
    static const struct display_tls *library;
    void *handle;

    if (library)
        return library;
    handle = dlopen(TLS_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (handle)
        library = dlsym(handle, DISPLAY_TLS_SYMBOL);
    if (!library)
        snprintf(why_r, TLS_WHY_MAX, "%s", dlerror());
    return library;
}
