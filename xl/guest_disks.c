/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest_disks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libxl.h>

/* As libxl asks of a phy (libxl__try_phy_backend()). */
static bool is_file_or_device(const char *path)
{
    struct stat st;

    return !stat(path, &st) && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

/* A drive that says nothing of its backend, and that dom0's kernel can serve:
 * an empty one, or one with an image that needs no unpacking. */
static bool is_kernels_drive(const struct guest_config *config,
                             const char *spec)
{
    libxl_device_disk disk;
    bool r;

    libxl_device_disk_init(&disk);
    r = !xlu_disk_parse(config->parsed, 1, &spec, &disk) && disk.is_cdrom &&
        disk.backend == LIBXL_DISK_BACKEND_UNKNOWN &&
        (!disk.pdev_path || !*disk.pdev_path ||
         (disk.format == LIBXL_DISK_FORMAT_RAW && !disk.script &&
          !disk.backend_domname && is_file_or_device(disk.pdev_path)));
    libxl_device_disk_dispose(&disk);
    return r;
}

static void put_escaped(FILE *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"' || text[i] == '\\')
            putc('\\', out);
        putc(text[i], out);
    }
}

/* As a string of xl.cfg's. */
static void put_string(FILE *out, const char *spec, bool kernels)
{
    const char *target = kernels ? strstr(spec, "target=") : NULL;
    size_t n = target ? (size_t)(target - spec) : strlen(spec);

    putc('"', out);
    put_escaped(out, spec, n);
    /* What is behind target= is all its. */
    if (kernels)
        fputs(target ? "backendtype=phy," : ",backendtype=phy", out);
    put_escaped(out, spec + n, strlen(spec + n));
    putc('"', out);
}

char *guest_disks_argument(const struct guest_config *config)
{
    bool any = false;
    const char *spec;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fputs("disk=[", out);
    for (int i = 0; (spec = guest_config_item(config, "disk", i)); i++) {
        bool kernels = is_kernels_drive(config, spec);

        any = any || kernels;
        fputs(i ? ", " : " ", out);
        put_string(out, spec, kernels);
    }
    fputs(" ]", out);
    if (!fclose(out) && any)
        return text;
    free(text);
    return NULL;
}
