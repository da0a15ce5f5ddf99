/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hang.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int server = -1;

void hang_begin(const char *dir)
{
    char options[96];

    server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (server < 0)
        err(1, "xensim: /dev/fuse");
    snprintf(options, sizeof(options),
             "fd=%d,rootmode=40000,user_id=0,group_id=0", server);
    mkdir(dir, 0755);
    if (mount("hang", dir, "fuse", 0, options))
        err(1, "xensim: cannot mount on %s", dir);
}

void hang_end(void)
{
    close(server);
    server = -1;
}
