/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/log.h"

#define AUDIO_NONE "stubdomd-none"
#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))

static bool is_one_of(const char *text, const char *const list[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(text, list[i]))
            return true;
    return false;
}

/* Of libxl's, those that no value follows: a guest may be called -chroot. */
static bool is_flag(const char *option)
{
    static const char *const flags[] = {
        "-S", "-no-acpi", "-no-shutdown", "-no-user-config", "-nodefaults",
        "-nographic", "-usb", "-xen-attach", "-xen-domid-restrict",
    };

    return *option != '-' || is_one_of(option, flags, ARRAY_N(flags));
}

/* What confines a QEMU in dom0 (dm_restrict). Gone from QEMU in 9.0, 10.0. */
static bool is_confinement(const char *option)
{
    static const char *const options[] = {
        "-chroot", "-run-with", "-runas", "-xen-domid-restrict",
    };

    return is_one_of(option, options, ARRAY_N(options));
}

/* From 8.2 on QEMU has no backend for sound unless it is named. */
static bool wants_audiodev(const char *device)
{
    static const char *const types[] = {
        "AC97", "ES1370", "adlib", "cs4231a", "gus", "hda-duplex",
        "hda-micro", "hda-output", "sb16", "usb-audio",
    };
    size_t n = strcspn(device, ",");

    for (size_t i = 0; i < ARRAY_N(types); i++)
        if (strlen(types[i]) == n && !strncasecmp(device, types[i], n))
            return !strstr(device, ",audiodev=");
    return false;
}

static int add_flag(struct arguments *to, const char *flag)
{
    if (strcmp(flag, "-no-acpi"))
        return arguments_add(to, flag);
    /* Gone from QEMU in 9.0. */
    return arguments_add(to, "-machine") || arguments_add(to, "acpi=off") ?
           -1 : 0;
}

static int add_pair(struct arguments *to, const char *option,
                    const char *value, bool *audio)
{
    bool silent = !strcmp(option, "-device") && wants_audiodev(value);

    *audio = *audio || silent;
    return arguments_add(to, option) ||
           arguments_addf(to, "%s%s", value,
                          silent ? ",audiodev=" AUDIO_NONE : "") ? -1 : 0;
}

int options_adapt(struct arguments *arguments)
{
    static struct arguments from;
    bool audio = false, confined = false;
    int r = 0;

    from = *arguments;
    *arguments = (struct arguments){ .n = 0 };
    for (size_t i = 0; !r && i < from.n; i++) {
        const char *option = from.argv[i];
        bool pair = !is_flag(option) && from.argv[i + 1];

        if (is_confinement(option))
            confined = true;
        else
            r = pair ? add_pair(arguments, option, from.argv[i + 1], &audio) :
                       add_flag(arguments, option);
        i += pair;
    }
    arguments_dispose(&from);
    if (!r && audio)
        r = arguments_add(arguments, "-audiodev") ||
            arguments_add(arguments, "none,id=" AUDIO_NONE) ? -1 : 0;
    if (!r && confined)
        log_info("dm_restrict is left to Xen: it confines the stubdomain, "
                 "with its QEMU, to its guest");
    return r;
}

int options_add_file(struct arguments *arguments, const char *path)
{
    FILE *f = fopen(path, "re");
    char line[256];
    int r = 0;

    if (!f)
        return errno == ENOENT ? 0 : -1;
    while (!r && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        r = arguments_add(arguments, line);
    }
    fclose(f);
    return r;
}
