/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The display: connections to QEMU's VNC socket, over console 8, as dom0's
 * end opens them (libxl/link/link.h). Only where there is such a console.
 */
#ifndef XENQMP_TOOLS_STUBDOM_DISPLAY_H
#define XENQMP_TOOLS_STUBDOM_DISPLAY_H

#include "libxl/link/link.h"
#include "tools/common/loop.h"
#include "arguments.h"

/* Where QEMU listens. */
#define DISPLAY_SOCKET "/run/vnc"
/* A viewer that asks for the display alone, as many do, ends no other. */
#define DISPLAY_VNC    "unix:" DISPLAY_SOCKET ",share=ignore"

struct display;

struct display_viewer {
    /* private */
    struct display *display;
    unsigned int channel;
    int fd;                     /* to QEMU; -1: none */
    loop_id id;
    struct qmp_buf out;         /* to QEMU */
    int left_fd;                /* of the viewer before: see viewer_leave() */
    loop_id left_id;
};

struct display {
    /* the caller sets */
    struct loop *loop;
    const char *socket;         /* DISPLAY_SOCKET */
    /* The console's tty, which the display closes when it is lost, to ask
     * again; -1: not now. */
    int (*open)(void *data);
    void *data;
    /* private */
    int fd;                     /* the console's tty; -1: none */
    loop_id id;
    struct loop_timer reopen, writes;
    struct loop_timer yields;   /* set: nothing is written */
    struct link link;
    struct display_viewer viewers[LINK_CHANNELS];
};

/* QEMU's display is to be at DISPLAY_SOCKET, in the place of libxl's
 * "-vnc none". -1: too many arguments, or no memory. */
int display_set_arguments(struct arguments *arguments);
/* Opens the console, again and again if need be. */
void display_start(struct display *display);

/* QEMU has a command: nothing is written to the console until it has answered,
 * or for a moment. It has but one processor, as have we. */
void display_yield(struct display *display);
/* It has answered all: one piece is written, whoever has the next command
 * ready; the rest if none comes for a moment. */
void display_go_on(struct display *display);

#endif
