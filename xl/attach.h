/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard input and output, joined to a console until the user detaches,
 * or the console or the output goes.
 */
#ifndef XENQMP_XL_ATTACH_H
#define XENQMP_XL_ATTACH_H

#include <stdbool.h>
#include <stddef.h>

enum attach_end {
    ATTACH_DETACHED,            /* Ctrl-] was typed */
    ATTACH_CONSOLE_ENDED,       /* the console's side closed */
    ATTACH_OUTPUT_FAILED,       /* standard output: errno says why */
    ATTACH_FAILED,              /* no terminal mode, no memory: errno */
};

/* fd becomes non-blocking. The n bytes came from it before.
 * replace_escape: of what the console says, ESC becomes '.', so that it
 * cannot steer the terminal. If standard
 * input is a terminal it is raw meanwhile, and as before at the end; a
 * signal that ends the program restores it, too. */
enum attach_end attach_run(int fd, const void *bytes, size_t n,
                           bool replace_escape);

#endif
