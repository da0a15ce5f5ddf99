/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RFB's VNC Authentication (RFC 6143, 7.2.2). */
#ifndef XENQMP_LIBXL_DISPLAY_VNCAUTH_H
#define XENQMP_LIBXL_DISPLAY_VNCAUTH_H

#include <stdbool.h>
#include <stdint.h>

#define VNCAUTH_BYTES 16

/* Whether it is the answer to the challenge of who knows the password. */
bool vncauth_is_right(const char *password,
                      const uint8_t challenge[VNCAUTH_BYTES],
                      const uint8_t answer[VNCAUTH_BYTES]);

#endif
