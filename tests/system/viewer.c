/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viewer HOST PORT TEXT|@X,Y,BUTTONS|resize...: a viewer (libvncclient's) that
 * types, moves the pointer, and waits until the screen has another size. It
 * ends when all of that has reached QEMU: what comes behind it, the whole
 * screen, has come.
 */
#include <rfb/rfbclient.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_S 60

static bool updated;

static void update_came(rfbClient *client)
{
    (void)client;
    updated = true;
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
    int r = WaitForMessage(client, 1000000);

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

int main(int argc, char **argv)
{
    rfbClient *client = rfbGetClient(8, 3, 4);
    int x, y, buttons;

    if (argc < 4 || !client)
        return 2;
    alarm(LIMIT_S);
    client->serverHost = strdup(argv[1]);
    client->serverPort = atoi(argv[2]);
    client->canHandleNewFBSize = TRUE;
    client->appData.shareDesktop = TRUE;
    client->appData.encodingsString = "raw";
    client->FinishedFrameBufferUpdate = update_came;
    /* What it shows before is whatever it has to tell of its size first. */
    if (!rfbInitClient(client, NULL, NULL) || !screen_comes(client))
        return 1;
    for (int i = 3; i < argc; i++) {
        if (!strcmp(argv[i], "resize") && !size_changes(client))
            return 1;
        else if (!strcmp(argv[i], "resize"))
            continue;
        else if (sscanf(argv[i], "@%d,%d,%d", &x, &y, &buttons) == 3)
            SendPointerEvent(client, x, y, buttons);
        else
            type(client, argv[i]);
    }
    if (!screen_comes(client))
        return 1;
    printf("%d x %d\n", client->width, client->height);
    return 0;
}
