/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viewer [-c CA [-i NAME]] HOST PORT TEXT|@X,Y,BUTTONS|resize|end|picture:FILE|
 * full:N|key:N...: a viewer (libvncclient's), with TLS if it is to believe the
 * certificates of CA, a PEM file, as somebody if NAME-cert.pem and
 * NAME-key.pem are its own, that types, moves the pointer, waits until the
 * screen has another size or nobody shows it any more, writes it down (PPM),
 * or prints how many microseconds N whole screens took, or N keys until
 * something of the screen changed: median and 99 of 100. It ends with the next
 * update of the screen; what it has typed arrives all the same.
 */
#include <rfb/rfbclient.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_S 60

static bool updated;

static size_t pixels;           /* of updates, since it was set to 0 */

static void update_came(rfbClient *client)
{
    (void)client;
    updated = true;
}

static void part_came(rfbClient *client, int x, int y, int w, int h)
{
    (void)client, (void)x, (void)y;
    pixels += (size_t)w * (size_t)h;
}

static void key_press(rfbClient *client, uint32_t keysym)
{
    SendKeyEvent(client, keysym, TRUE);
    SendKeyEvent(client, keysym, FALSE);
}

static void type(rfbClient *client, const char *text)
{
    for (; *text; text++)
        key_press(client, *text == '\n' ? 0xff0d : (uint32_t)*text);
}

static bool message_comes(rfbClient *client)
{
    /* What the library has read already it does not wait for. */
    int r = client->buffered ? 1 : WaitForMessage(client, 1000000);

    return r >= 0 && (!r || HandleRFBServerMessage(client));
}

static bool screen_comes(rfbClient *client)
{
    updated = false;
    SendFramebufferUpdateRequest(client, 0, 0, client->width, client->height,
                                 FALSE);
    while (!updated)
        if (!message_comes(client))
            return false;
    return true;
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* All of the screen, in however many updates. */
static bool whole_screen_comes(rfbClient *client)
{
    pixels = 0;
    SendFramebufferUpdateRequest(client, 0, 0, client->width, client->height,
                                 FALSE);
    while (pixels < (size_t)client->width * (size_t)client->height)
        if (!message_comes(client))
            return false;
    return true;
}

static bool key_is_seen(rfbClient *client)
{
    pixels = 0;
    key_press(client, 'k');
    while (!pixels)
        if (!message_comes(client))
            return false;
    return true;
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static bool measure(rfbClient *client, bool (*fn)(rfbClient *client), int n)
{
    int64_t took[10000];

    n = n < 10000 ? n : 10000;
    /* Some do not count: behind its beginning a screen may be on its way. */
    for (int i = -3; i < n; i++) {
        int64_t begun = now_us();

        if (!fn(client))
            return false;
        if (i >= 0)
            took[i] = now_us() - begun;
    }
    qsort(took, (size_t)n, sizeof(took[0]), compare);
    printf("%lld %lld\n", (long long)took[n / 2],
           (long long)took[n * 99 / 100]);
    return true;
}

static bool picture_written(rfbClient *client, const char *path)
{
    FILE *file = fopen(path, "w");
    int pixels_n = client->width * client->height;
    bool ok = file && fprintf(file, "P6\n%d %d\n255\n", client->width,
                              client->height) > 0;

    /* Red, green, blue and nothing, as connect_to() has asked for. */
    for (int i = 0; ok && i < pixels_n; i++)
        ok = fwrite(client->frameBuffer + (size_t)i * 4, 3, 1, file) == 1;
    return file && !fclose(file) && ok;
}

/* The library asks for what has changed after each update. */
static bool size_changes(rfbClient *client)
{
    int width = client->width, height = client->height;

    printf("%d x %d\n", width, height);
    fflush(stdout);
    while (client->width == width && client->height == height)
        if (!message_comes(client))
            return false;
    return true;
}

/* Raw pixels, and a size that changes by DesktopSize: of ExtendedDesktopSize
 * the library (0.9.14) believes no screen with the number 0, which is what
 * QEMU calls its only one. */
static bool encodings_set(rfbClient *client)
{
    static const char message[] = {
        2, 0, 0, 2, 0, 0, 0, 0, (char)0xff, (char)0xff, (char)0xff, 0x21,
    };

    return WriteToRFBServer(client, message, sizeof(message));
}

/* Of the size that changes before that: the library's complaint. */
static bool too_large;

static void note_take(const char *format, ...)
{
    va_list args;

    too_large = too_large || !strncmp(format, "Rect too large", 14);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

static const char *ca;          /* NULL: without TLS */
static const char *name;        /* NULL: nobody */

static char *own(const char *what)
{
    char *path = NULL;

    return asprintf(&path, "%s-%s.pem", name, what) < 0 ? NULL : path;
}

/* The library frees it. */
static rfbCredential *credential(rfbClient *client, int type)
{
    rfbCredential *c;

    (void)client;
    if (!ca || type != rfbCredentialTypeX509)
        return NULL;
    c = calloc(1, sizeof(*c));
    if (c) {
        c->x509Credential.x509CACertFile = strdup(ca);
        if (name) {
            c->x509Credential.x509ClientCertFile = own("cert");
            c->x509Credential.x509ClientKeyFile = own("key");
        }
    }
    return c;
}

/* As far as the screen. A size that changes before that is lost on the
 * library, and QEMU's does for the first who looks: that alone makes it
 * connect anew. */
static rfbClient *connect_to(const char *host, const char *port)
{
    for (int i = 0; i < 3; i++) {
        rfbClient *client = rfbGetClient(8, 3, 4);

        if (!client)
            return NULL;
        client->serverHost = strdup(host);
        client->serverPort = atoi(port);
        client->canHandleNewFBSize = TRUE;
        client->appData.shareDesktop = TRUE;
        client->appData.encodingsString = "raw";
        client->FinishedFrameBufferUpdate = update_came;
        client->GotFrameBufferUpdate = part_came;
        client->GetCredential = credential;
        if (!rfbInitClient(client, NULL, NULL))
            return NULL;
        too_large = false;
        if (encodings_set(client) && screen_comes(client))
            return client;
        if (!too_large)
            return NULL;
        rfbClientCleanup(client);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    rfbClient *client;
    int x, y, buttons, n;

    if (argc > 2 && !strcmp(argv[1], "-c")) {
        ca = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (ca && argc > 2 && !strcmp(argv[1], "-i")) {
        name = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc < 4)
        return 2;
    alarm(strchr(argv[3], ':') ? 4 * LIMIT_S : LIMIT_S);
    rfbClientLog = note_take;
    client = connect_to(argv[1], argv[2]);
    if (!client)
        return 1;
    for (int i = 3; i < argc; i++) {
        bool ok = true;

        if (!strcmp(argv[i], "resize"))
            ok = size_changes(client);
        else if (!strcmp(argv[i], "end")) {
            while (message_comes(client))
                ;
            return 0;
        }
        else if (!strncmp(argv[i], "picture:", 8))
            ok = whole_screen_comes(client) &&
                 picture_written(client, argv[i] + 8);
        else if (sscanf(argv[i], "full:%d", &n) == 1)
            ok = measure(client, whole_screen_comes, n);
        else if (sscanf(argv[i], "key:%d", &n) == 1)
            ok = measure(client, key_is_seen, n);
        else if (sscanf(argv[i], "@%d,%d,%d", &x, &y, &buttons) == 3)
            SendPointerEvent(client, x, y, buttons);
        else
            type(client, argv[i]);
        if (!ok)
            return 1;
    }
    if (!screen_comes(client))
        return 1;
    printf("%d x %d\n", client->width, client->height);
    return 0;
}
