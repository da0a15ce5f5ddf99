/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between xl-qmp screenshot and its program. */
#ifndef XENQMP_TOOLS_SCREENSHOT_SCREENSHOT_H
#define XENQMP_TOOLS_SCREENSHOT_SCREENSHOT_H

/* Where the program has its connection to the display. */
#define SCREENSHOT_FD    3
/* It ends so, without a word, if another connection is needed: the screen's
 * size has changed at a moment that the library can't stand. */
#define SCREENSHOT_AGAIN 3
/* Behind its SECONDS it may take so much longer: for a screen that is seen, but
 * still changes. Then its parent ends it. */
#ifndef SCREENSHOT_GRACE_MS
#define SCREENSHOT_GRACE_MS 10000
#endif

#endif
