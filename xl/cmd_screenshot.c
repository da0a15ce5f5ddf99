/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp screenshot: what a guest's display shows, as a file. Who the display
 * worker lets look decides: it is a viewer like any other, of the address
 * that xl vncviewer uses.
 */
#include "config.h"
#include "domid.h"
#include "replace.h"
#include "tools/common/log.h"
#include "xl_qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenstore.h>

#define PROGRAM XENQMP_LIBEXECDIR "/screenshot"
/* Its program takes a stubdomain's bytes, and may be in its hands. */
#define PICTURE_MAX (256u << 20)

static char *console_read(struct xs_handle *xs, uint32_t domid,
                          const char *key)
{
    char path[128];
    unsigned int n;

    snprintf(path, sizeof(path), "/local/domain/%u/console/%s", domid, key);
    return xs_read(xs, XBT_NULL, path, &n);
}

struct place {
    char *listen, *port, *password;
};

static void place_dispose(struct place *place)
{
    free(place->listen);
    free(place->port);
    free(place->password);
}

/* -1: complained. */
static int place_find(const char *name, struct place *place)
{
    struct host host = { .logger = NULL };
    struct xs_handle *xs;
    uint32_t domid;
    int r = domid_find(&host, name, &domid);

    host_dispose(&host);
    if (r)
        return -1;
    xs = xs_open(0);
    if (!xs) {
        log_error("cannot speak to xenstored; run this as root in dom0");
        return -1;
    }
    place->listen = console_read(xs, domid, "vnc-listen");
    place->port = console_read(xs, domid, "vnc-port");
    place->password = console_read(xs, domid, "vnc-pass");
    xs_close(xs);
    if (place->port)
        return 0;
    log_error("domain %u (%s) has no display: vnc=1 in its configuration "
              "gives it one", domid, name);
    return -1;
}

/* An address that means all of the host's. */
static const char *reachable(const char *listen)
{
    if (!listen || !strcmp(listen, "0.0.0.0"))
        return "127.0.0.1";
    return strcmp(listen, "::") ? listen : "::1";
}

/* In the child. */
static void run(const struct place *place, const char *format, int timeout_s,
                int in, int out)
{
    char seconds[16];

    snprintf(seconds, sizeof(seconds), "%d", timeout_s);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    closefrom(STDERR_FILENO + 1);
    execl(PROGRAM, PROGRAM, reachable(place->listen), place->port, format,
          seconds, (char *)NULL);
    log_error("cannot run " PROGRAM ": %s; install xenqmp as a whole",
              strerror(errno));
    _exit(1);
}

/* The picture in memory, to be freed; NULL: complained. */
static char *picture_take(const struct place *place, const char *format,
                          int timeout_s, size_t *n_r)
{
    int in[2], out[2], status = 1;
    FILE *picture, *from;
    char *bytes = NULL, chunk[65536];
    size_t n;
    pid_t pid;

    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || (pid = fork()) < 0) {
        log_error("screenshot: %s", strerror(errno));
        return NULL;
    }
    if (!pid)
        run(place, format, timeout_s, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    /* A pipe holds it. */
    dprintf(in[1], "%s\n", place->password ? place->password : "");
    close(in[1]);
    from = fdopen(out[0], "r");
    picture = open_memstream(&bytes, n_r);
    for (size_t all = 0; from && picture && all <= PICTURE_MAX &&
         (n = fread(chunk, 1, sizeof(chunk), from)); all += n)
        fwrite(chunk, 1, n, picture);
    if (from)
        fclose(from);
    if (picture && fclose(picture))
        *n_r = 0;
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status))
        log_error("screenshot: its program ended by signal %d",
                  WTERMSIG(status));
    if (status || !*n_r) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n > m && !strcmp(name + n - m, end);
}

/* To a pipe, too: what is no file is written to as it is. */
static int picture_put(const char *path, const char *bytes, size_t n)
{
    FILE *out = !strcmp(path, "-") ? stdout : NULL;

    if (out ? fwrite(bytes, 1, n, out) == n && !fflush(out) :
        !replace_file(path, bytes, n))
        return 0;
    log_error("cannot write %s: %s", path, strerror(errno));
    return -1;
}

int cmd_screenshot(const struct options *options, int argc, char **argv)
{
    struct place place = { .port = NULL };
    int rc = XL_QMP_CONNECTION;
    char *bytes = NULL;
    size_t n = 0;

    if (argc != 3 || (strcmp(argv[2], "-") && !ends_in(argv[2], ".png") &&
                      !ends_in(argv[2], ".ppm"))) {
        log_error("screenshot: %s; usage: xl-qmp screenshot DOMAIN "
                  "FILE.png | FILE.ppm | -",
                  argc < 2 ? "no domain is given" :
                  argc < 3 ? "no file is given" :
                  argc > 3 ? "too many arguments" :
                  "it writes PNG (.png, or - for a pipe) and PPM (.ppm)");
        return XL_QMP_USAGE;
    }
    if (!place_find(argv[1], &place))
        bytes = picture_take(&place, ends_in(argv[2], ".ppm") ? "ppm" : "png",
                             options->timeout_ms / 1000, &n);
    if (bytes && !picture_put(argv[2], bytes, n))
        rc = XL_QMP_OK;
    free(bytes);
    place_dispose(&place);
    return rc;
}
