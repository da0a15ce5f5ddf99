/* SPDX-License-Identifier: GPL-2.0-or-later */
/* systemd's journal, where standard error leads to it. */
#ifndef XENQMP_CONSOLE_DAEMON_JOURNAL_H
#define XENQMP_CONSOLE_DAEMON_JOURNAL_H

/* From here on log lines go there with their priority, and with the fields
 * XENQMP_DOMID and XENQMP_CONSOLE where they are about one. */
void journal_open(void);

#endif
