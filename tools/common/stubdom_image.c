/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stubdom_image.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

static void line_read(struct stubdom_image *image, const char *line)
{
    struct stubdom_devices *each = &image->each_mib;
    const struct {
        const char *format;
        unsigned int *number;
    } numbers[] = {
        { "memory=%4u", &image->memory_mib },
        { "memory_display=%4u", &each->displays },
        { "memory_nic=%4u", &each->nics },
        { "memory_disk=%4u", &each->disks },
        { "memory_pci=%4u", &each->host_devices },
        { "memory_pci_more=%4u", &image->host_device_more_mib },
        { "memory_tracing=%4u", &each->tracing },
        { "memory_tmpfs=%4u", &each->tmpfs },
    };

    if (!strncmp(line, "kernel=", 7)) {
        snprintf(image->kernel, sizeof(image->kernel), "%.127s", line + 7);
        log_sanitise(image->kernel, strlen(image->kernel));
    } else if (!strncmp(line, "pci=", 4)) {
        image->pci = strcmp(line + 4, "yes") ? IMAGE_PCI_LACKS :
                     IMAGE_PCI_HAS;
    } else if (!strncmp(line, "waits=", 6)) {
        image->waits = !strcmp(line + 6, "yes");
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sscanf(line, numbers[i].format, numbers[i].number);
}

void stubdom_image_read(struct stubdom_image *image, const char *initrd)
{
    const char *name = strrchr(initrd, '/');
    char path[PATH_MAX], line[256];
    FILE *file;

    *image = (struct stubdom_image){ .memory_mib = 0 };
    snprintf(path, sizeof(path), "%.*s/contents",
             (int)(name ? name - initrd : 0), initrd);
    file = name ? fopen(path, "re") : NULL;
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        line_read(image, line);
    }
    if (file)
        fclose(file);
}

void stubdom_image_cmdline(struct stubdom_devices *devices,
                           const char *cmdline)
{
    devices->tracing = !strstr(cmdline, "tracer_init_tracefs");
    devices->tmpfs = !strstr(cmdline, "rootfstype=ramfs");
}

unsigned int stubdom_image_memory(const struct stubdom_image *image,
                                  const struct stubdom_devices *devices)
{
    const struct stubdom_devices *each = &image->each_mib;
    unsigned int pci = devices->host_devices;

    return image->memory_mib ? image->memory_mib +
           devices->displays * each->displays + devices->nics * each->nics +
           devices->disks * each->disks +
           (pci ? each->host_devices +
                  (pci - 1) * image->host_device_more_mib : 0) +
           devices->tracing * each->tracing +
           devices->tmpfs * each->tmpfs : 0;
}
