/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vncauth.h"

#include <nettle/des.h>
#include <nettle/memops.h>
#include <string.h>

/* The password's bits are taken in the order opposite to DES's (RFC 6143,
 * errata 4951). */
static uint8_t mirrored(uint8_t byte)
{
    uint8_t r = 0;

    for (int i = 0; i < 8; i++)
        r |= (uint8_t)(((byte >> i) & 1) << (7 - i));
    return r;
}

bool vncauth_is_right(const char *password,
                      const uint8_t challenge[VNCAUTH_BYTES],
                      const uint8_t answer[VNCAUTH_BYTES])
{
    uint8_t key[DES_KEY_SIZE] = { 0 }, ought[VNCAUTH_BYTES];
    struct des_ctx des;

    for (size_t i = 0; i < sizeof(key) && password[i]; i++)
        key[i] = mirrored((uint8_t)password[i]);
    /* It says whether the key is a weak one. So are all of eight bytes. */
    (void)des_set_key(&des, key);
    des_encrypt(&des, sizeof(ought), ought, challenge);
    return memeql_sec(ought, answer, sizeof(ought));
}
