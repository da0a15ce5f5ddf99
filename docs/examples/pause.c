/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pause ADDRESS: stops a guest's processors and waits for the event. */
#include <libxl_qmp.h>
#include <stdio.h>

static void stopped(xlqmp_ctx *ctx, const char *name, const char *event,
                    void *user)
{
    (void)ctx;
    (void)event;
    printf("event %s\n", name);
    *(bool *)user = true;
}

int main(int argc, char **argv)
{
    struct xlqmp_error error = { .rc = XLQMP_OK };
    bool done = false;
    xlqmp_ctx *ctx;

    if (argc != 2) {
        fprintf(stderr, "usage: pause unix:PATH\n");
        return 2;
    }
    if (xlqmp_open(NULL, argv[1], 5000, &ctx, &error)) {
        fprintf(stderr, "pause: %s\n", error.desc);
        return 1;
    }
    xlqmp_event_subscribe(ctx, "STOP", stopped, &done, NULL);
    if (xlqmp_command(ctx, "stop", NULL, 5000, NULL, &error))
        fprintf(stderr, "pause: %s\n", error.desc);
    while (!error.rc && !done)
        error.rc = xlqmp_process(ctx, 5000);
    xlqmp_close(ctx);
    return error.rc ? 1 : 0;
}
