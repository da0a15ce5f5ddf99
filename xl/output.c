/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Line ends and other control characters stand between tokens of JSON only,
 * so that they may become blanks. What isn't ASCII stays itself unless it
 * goes to a terminal, where bytes from 0x7f on can be control characters.
 */
#include "output.h"

#include "tools/common/log.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INDENT 2

static void put_char(char c, bool terminal)
{
    unsigned char byte = (unsigned char)c;

    putchar(byte < ' ' ? ' ' : terminal && byte >= 0x7f ? '?' : byte);
}

static bool finish(void)
{
    putchar('\n');
    if (!fflush(stdout) && !ferror(stdout))
        return true;
    log_error("cannot write to standard output: %m");
    return false;
}

bool output_line(const char *json)
{
    bool terminal = isatty(STDOUT_FILENO);

    for (; *json; json++)
        put_char(*json, terminal);
    return finish();
}

/* The length of the string, number or word at p; 1 for what else. */
static size_t token_length(const char *p)
{
    size_t n = 1;

    if (*p != '"')
        return strchr("{}[],:", *p) ? 1 : strcspn(p, "{}[],: \t\r\n");
    while (p[n] && p[n] != '"')
        n += p[n] == '\\' && p[n + 1] ? 2 : 1;
    return n + (p[n] == '"');
}

static const char *token_colour(const char *p, size_t n)
{
    if (*p == '"')
        return p[n + strspn(p + n, " \t\r\n")] == ':' ? "\033[1;34m" :
                                                       "\033[32m";
    return strchr("tfn", *p) ? "\033[35m" : "\033[36m";
}

static void put_token(const char *p, size_t n, bool colour)
{
    bool terminal = isatty(STDOUT_FILENO);

    if (colour)
        fputs(token_colour(p, n), stdout);
    for (size_t i = 0; i < n; i++)
        put_char(p[i], terminal);
    if (colour)
        fputs("\033[0m", stdout);
}

static void new_line(unsigned int depth)
{
    printf("\n%*s", (int)depth * INDENT, "");
}

bool output_pretty(const char *json, bool colour)
{
    unsigned int depth = 0;
    size_t n;

    for (const char *p = json; *(p += strspn(p, " \t\r\n")); p += n) {
        n = token_length(p);
        switch (*p) {
        case '{':
        case '[':
            putchar(*p);
            /* Nothing in it: on one line. */
            n += strspn(p + n, " \t\r\n");
            if (p[n] == '}' || p[n] == ']')
                putchar(p[n++]);
            else
                new_line(++depth);
            break;
        case '}':
        case ']':
            new_line(depth ? --depth : 0);
            putchar(*p);
            break;
        case ',':
            putchar(',');
            new_line(depth);
            break;
        case ':':
            fputs(": ", stdout);
            break;
        default:
            put_token(p, n, colour);
        }
    }
    return finish();
}
