/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where xenconsoled listens for the host's requests, and by which others know
 * that it runs (docs/console-control.md).
 */
#ifndef XENQMP_TOOLS_COMMON_CONSOLED_SOCKET_H
#define XENQMP_TOOLS_COMMON_CONSOLED_SOCKET_H

#define CONSOLED_SOCKET "/run/xen/xenconsoled.sock"

#endif
