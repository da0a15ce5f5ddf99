/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_owned(struct arguments *arguments, char *value)
{
    if (!value || arguments->n >= ARGUMENTS_MAX) {
        free(value);
        return -1;
    }
    arguments->argv[arguments->n++] = value;
    arguments->argv[arguments->n] = NULL;
    return 0;
}

int arguments_add(struct arguments *arguments, const char *value)
{
    return add_owned(arguments, strdup(value));
}

int arguments_addf(struct arguments *arguments, const char *fmt, ...)
{
    char *value;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&value, fmt, ap);
    va_end(ap);
    return n < 0 ? -1 : add_owned(arguments, value);
}

void arguments_dispose(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->n; i++)
        free(arguments->argv[i]);
    *arguments = (struct arguments){ .n = 0 };
}

int arguments_add_translated(struct arguments *arguments, const char *value,
                             int (*hvc_of)(int n, void *data), void *data)
{
    int n, end = 0, hvc;

    if (sscanf(value, "/dev/hvc%d%n", &n, &end) == 1 && !value[end] &&
        (hvc = hvc_of(n, data)) >= 0)
        return arguments_addf(arguments, "/dev/hvc%d", hvc);
    return arguments_add(arguments, value);
}

bool arguments_set_incoming(struct arguments *arguments, int fd)
{
    for (size_t i = 0; i < arguments->n; i++) {
        char *value;

        if (strcmp(arguments->argv[i], ARGUMENTS_INCOMING))
            continue;
        if (asprintf(&value, "fd:%d", fd) < 0)
            return false;
        free(arguments->argv[i]);
        arguments->argv[i] = value;
        return true;
    }
    return false;
}
