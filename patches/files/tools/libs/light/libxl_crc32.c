/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The CRC-32 of zlib's crc32(), of the last bytes of a stream that goes
 * on: where they begin moves with each byte, and yet each is looked at
 * twice at most, as it comes and as it falls behind.
 *
 * A sum is the register of the CRC, begun with 0, so that it is linear:
 * the sum of A and then B is that of A and then as many zeroes as B has
 * bytes, xor that of B.  The CRC-32 itself begins with ones, and ends
 * inverted.
 */
#include "libxl_osdeps.h" /* must come before any other headers */

#include "libxl_internal.h"

/*
 * Polynomials modulo CRC-32's; the highest bit is the 1, the next one x.
 */
#define POLY   0xedb88320
#define ONE    0x80000000
#define X8     0x00800000

static uint32_t times_x(uint32_t a)
{
    return (a >> 1) ^ (a & 1 ? POLY : 0);
}

static uint32_t times(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (; a; a <<= 1) {
        if (a & ONE)
            product ^= b;
        b = times_x(b);
    }
    return product;
}

uint32_t libxl__crc32_sum(uint32_t sum, const char *buf, size_t len)
{
    uint32_t table[16];
    int i, bit;

    for (i = 0; i < 16; i++) {
        table[i] = i;
        for (bit = 0; bit < 4; bit++)
            table[i] = times_x(table[i]);
    }
    for (; len; len--) {
        sum ^= (uint8_t)*buf++;
        sum = (sum >> 4) ^ table[sum & 0xf];
        sum = (sum >> 4) ^ table[sum & 0xf];
    }
    return sum;
}

uint32_t libxl__crc32_last(uint32_t all, uint32_t before, uint64_t len)
{
    uint32_t shift = ONE, power = X8;

    /* x^(8 * len) */
    for (; len; len >>= 1) {
        if (len & 1)
            shift = times(shift, power);
        power = times(power, power);
    }
    return ~(all ^ times(~before, shift));
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
