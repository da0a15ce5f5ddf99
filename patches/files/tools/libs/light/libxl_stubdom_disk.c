/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which of the guest's disks a stubdomain gets: all but a drive that is
 * empty and a qdisk. QEMU needs no PV disk for it, but one that is there
 * has to have a backend, a QEMU in dom0; without it the stubdomain's
 * kernel would wait.
 */
#include "libxl_osdeps.h" /* must come before any other headers */

#include "libxl_internal.h"

static bool disk_is_empty_qdisk(const libxl_device_disk *disk)
{
    return disk->format == LIBXL_DISK_FORMAT_EMPTY &&
           disk->backend == LIBXL_DISK_BACKEND_QDISK;
}

void libxl__stubdom_disks(libxl__gc *gc,
                          const libxl_domain_config *guest_config,
                          libxl_domain_config *dm_config)
{
    int i, n = guest_config->num_disks;

    dm_config->disks = guest_config->disks;
    dm_config->num_disks = n;
    if (!libxl__stubdom_over_consoles(&guest_config->b_info))
        return;

    /* Adding a disk changes it, its strings too: they are not shared. */
    GCNEW_ARRAY(dm_config->disks, n);
    dm_config->num_disks = 0;
    for (i = 0; i < n; i++) {
        const libxl_device_disk *disk = &guest_config->disks[i];

        if (!disk_is_empty_qdisk(disk))
            libxl_device_disk_copy(CTX,
                &dm_config->disks[dm_config->num_disks++], disk);
    }
}

void libxl__stubdom_disks_dispose(const libxl_domain_config *guest_config,
                                  libxl_domain_config *dm_config)
{
    int i;

    if (dm_config->disks != guest_config->disks) {
        for (i = 0; i < dm_config->num_disks; i++)
            libxl_device_disk_dispose(&dm_config->disks[i]);
    }
    dm_config->disks = NULL;
    dm_config->num_disks = 0;
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
