/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * screenshot FORMAT SECONDS: what a display shows, as a picture on standard
 * output. xl-qmp screenshot runs it, connected to the display, with the
 * password, if any, on standard input.
 *
 * A process of its own, for what a stubdomain sends goes through a library
 * that decodes pictures: as nobody, with bounded memory, and of what is outside
 * with four descriptors alone, the connection and three pipes. It opens no file
 * and no socket, starts no process, and if it is root is in a network where
 * nobody is. The library may wait for the rest of a message for ever: time is
 * its parent's.
 *
 * RFC 6143 has no word for "this is all of the screen, as it is now". A request
 * that is not incremental has QEMU send all of it, maybe after a new size, and
 * maybe in several updates: it is whole when each pixel of the size came once.
 * To the first who looks QEMU sends what it last knew, and then what has changed
 * since: so it is over when nothing has changed for a while, or, where something
 * always does, after a longer one.
 */
#include <errno.h>
#include <gcrypt.h>
#include <grp.h>
#include <png.h>
#include <rfb/rfbclient.h>
#include <sched.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "screenshot.h"
#include "tools/common/log.h"

#define NOBODY      65534
#define MEMORY_MAX  (1ull << 30)
#define PIXELS_MAX  (64u << 20)
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
/* QEMU looks for changes at least so often while somebody looks; some times
 * as long for a slow host. */
#define QUIET_MS    1000
#define CHANGES_MS  5000

/* What an update has brought, a byte a pixel. */
static unsigned char *seen;
static size_t unseen;
static char password[64];
static char why[256];           /* the library's last complaint */

static void complaint_keep(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(why, sizeof(why), format, ap);
    va_end(ap);
    why[strcspn(why, "\n")] = '\0';
}

/* A size that changes between the server's first word and ours the library
 * never learns (0.9.14): what comes then is too large for it. */
static bool resized;

static void note_take(const char *format, ...)
{
    resized = resized || !strncmp(format, "Rect too large", 14);
}

static size_t pixels_of(const rfbClient *client)
{
    return (size_t)client->width * (size_t)client->height;
}

/* Of a new size: all of it is to come. */
static rfbBool buffer_make(rfbClient *client)
{
    size_t n = pixels_of(client);

    free(seen);
    free(client->frameBuffer);
    seen = NULL;
    client->frameBuffer = NULL;
    if (!n || n > PIXELS_MAX) {
        complaint_keep("a screen of %d x %d", client->width, client->height);
        return FALSE;
    }
    seen = calloc(n, 1);
    client->frameBuffer = calloc(n, 4);
    unseen = n;
    return seen && client->frameBuffer;
}

static void part_came(rfbClient *client, int x, int y, int w, int h)
{
    for (int row = y; row < y + h && row < client->height; row++)
        for (int i = x; i < x + w && i < client->width; i++) {
            unsigned char *pixel = &seen[(size_t)row * (size_t)client->width +
                                         (size_t)i];

            unseen -= !*pixel;
            *pixel = 1;
        }
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static char *password_give(rfbClient *client)
{
    (void)client;
    return strdup(password);
}

static int limit(int resource, rlim_t most)
{
    const struct rlimit both = { most, most };

    return setrlimit((__rlimit_resource_t)resource, &both);
}

static int privileges_drop(void)
{
    /* AddressSanitizer reserves terabytes. */
    if ((!SANITIZED && limit(RLIMIT_AS, MEMORY_MAX)) || limit(RLIMIT_CORE, 0) ||
        limit(RLIMIT_NPROC, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return !geteuid() && (unshare(CLONE_NEWNET) || setgroups(0, NULL) ||
                          setresgid(NOBODY, NOBODY, NOBODY) ||
                          setresuid(NOBODY, NOBODY, NOBODY)) ? -1 : 0;
}

/* Any other call fails as one that the kernel does not have. */
static const int calls[] = {
    SCMP_SYS(brk),              /* malloc() */
    SCMP_SYS(clock_gettime),    /* where the vDSO can't */
    SCMP_SYS(close),            /* the connection */
    SCMP_SYS(exit_group),       /* the end */
    SCMP_SYS(fcntl),            /* the library's, of the connection */
    SCMP_SYS(fstat),            /* stdio */
    SCMP_SYS(futex),            /* locks of libraries' */
    SCMP_SYS(getpid),           /* GnuTLS, whether it was forked */
    SCMP_SYS(getrandom),        /* GnuTLS, libgcrypt */
    SCMP_SYS(gettimeofday),     /* as clock_gettime */
    SCMP_SYS(madvise),          /* free() */
    SCMP_SYS(mremap),           /* realloc() */
    SCMP_SYS(munmap),           /* free() */
    SCMP_SYS(newfstatat),       /* as fstat */
    SCMP_SYS(poll),             /* the connection */
    SCMP_SYS(ppoll),            /* the same, on some architectures */
    SCMP_SYS(pselect6),         /* the same */
    SCMP_SYS(read),             /* the connection */
    SCMP_SYS(recvfrom),         /* the same */
    SCMP_SYS(recvmsg),          /* the same */
    SCMP_SYS(restart_syscall),  /* after SIGSTOP and SIGCONT */
    SCMP_SYS(select),           /* the connection */
    SCMP_SYS(sendmsg),          /* the same */
    SCMP_SYS(sendto),           /* the same */
    SCMP_SYS(shutdown),         /* its end */
    SCMP_SYS(write),            /* the connection, the picture */
    SCMP_SYS(writev),           /* the same */
};

/* After what libraries look for when they begin. */
static int calls_restrict(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int r = filter ? 0 : -ENOMEM;

    for (size_t i = 0; !r && i < sizeof(calls) / sizeof(*calls); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    /* malloc(), but never code. */
    if (!r)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!r && SANITIZED)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sigaltstack), 0);
    if (!r)
        r = seccomp_load(filter);
    seccomp_release(filter);
    errno = -r;
    return r ? -1 : 0;
}

static int fail(const char *what)
{
    log_error("screenshot: %s%s%s", what, *why ? ": " : "", why);
    return 1;
}

/* The library's pixels are 0xBBGGRR; in a picture there is no fourth byte. */
static int picture_write(const rfbClient *client, bool png)
{
    size_t n = pixels_of(client);
    unsigned char *rgb = client->frameBuffer;
    png_image image = {
        .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB,
        .width = (png_uint_32)client->width,
        .height = (png_uint_32)client->height,
    };

    for (size_t i = 0; i < n; i++)
        memmove(rgb + 3 * i, rgb + 4 * i, 3);
    if (png) {
        if (!png_image_write_to_stdio(&image, stdout, 0, rgb, 0, NULL))
            complaint_keep("%s", image.message);
    } else {
        printf("P6\n%d %d\n255\n", client->width, client->height);
        fwrite(rgb, 3, n, stdout);
    }
    return fflush(stdout) || ferror(stdout) || *image.message ?
           fail("cannot write the picture") : 0;
}

static rfbClient *client_make(void)
{
    rfbClient *client = rfbGetClient(8, 3, 4);

    if (!client)
        return NULL;
    client->sock = SCREENSHOT_FD;
    client->listenSpecified = TRUE;     /* it is connected */
    client->canHandleNewFBSize = TRUE;
    client->appData.shareDesktop = TRUE;
    client->appData.encodingsString = "zlib raw";
    client->MallocFrameBuffer = buffer_make;
    client->GotFrameBufferUpdate = part_came;
    client->GetPassword = password_give;
    return client;
}

enum taken { TAKEN, TAKEN_NOT, TAKEN_RESIZED };

/* Until the picture is whole, and end. why, if it isn't. */
static enum taken picture_take(rfbClient *client, int64_t end)
{
    int64_t whole = 0;

    while (!whole || now_ms() < whole + CHANGES_MS) {
        /* What the library has read already it does not wait for. */
        int r = client->buffered ? 1 :
                WaitForMessage(client, 1000 * QUIET_MS);

        if (r < 0 || (r > 0 && !HandleRFBServerMessage(client)))
            return resized ? TAKEN_RESIZED : TAKEN_NOT;
        if (unseen && now_ms() > end) {
            complaint_keep("it shows nothing in time");
            return TAKEN_NOT;
        }
        if (!unseen && !r)
            break;
        if (unseen)
            whole = 0;
        else if (!whole)
            whole = now_ms();
    }
    return TAKEN;
}

int main(int argc, char **argv)
{
    enum taken taken;
    rfbClient *client;
    int64_t end;

    log_open("xl-qmp", LOG_TO_STDERR, LOG_LEVEL_INFO);
    if (argc != 3) {
        fprintf(stderr, "xl-qmp screenshot runs it\n");
        return 2;
    }
    rfbClientLog = note_take;
    rfbClientErr = complaint_keep;
    if (privileges_drop())
        return fail(strerror(errno));
    if (!isatty(STDIN_FILENO) && fgets(password, sizeof(password), stdin))
        password[strcspn(password, "\n")] = '\0';
    /* The library uses it, and leaves this to us. */
    if (!gcry_check_version(NULL))
        return fail("libgcrypt is another");
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    if (calls_restrict())
        return fail(strerror(errno));
    end = now_ms() + 1000 * (int64_t)atoi(argv[2]);
    client = client_make();
    if (!client || !rfbInitClient(client, NULL, NULL))
        return fail("no display there");
    taken = picture_take(client, end);
    return taken == TAKEN ? picture_write(client, !strcmp(argv[1], "png")) :
           taken == TAKEN_RESIZED ? SCREENSHOT_AGAIN :
           fail("the display can't be seen");
}
