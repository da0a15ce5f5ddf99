/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xl/guest_disks.c: what it makes of a configuration's disks. */
#include "xl/guest_disks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* NULL: nothing is to be said. */
static void makes(const char *disks, const char *want)
{
    char path[] = "/tmp/guest-disks-XXXXXX", *is;
    struct guest_config config;
    int fd = mkstemp(path);

    check(fd >= 0 && write(fd, disks, strlen(disks)) >= 0 && !close(fd));
    guest_config_init(&config);
    check_int(guest_config_read(&config, path), 0);
    check_int(unlink(path), 0);
    is = guest_disks_argument(&config);
    if (want)
        check_str(is ? is : "nothing", want);
    else
        check(!is);
    free(is);
    guest_config_dispose(&config);
}

TEST(an_empty_drive_is_the_kernels)
{
    makes("disk = [ '/dev/a,raw,hda,rw', 'vdev=hdc,devtype=cdrom' ]\n",
          "disk=[ \"/dev/a,raw,hda,rw\", "
          "\"vdev=hdc,devtype=cdrom,backendtype=phy\" ]");
    makes("disk = [ ',raw,hdc,cdrom' ]\n",
          "disk=[ \",raw,hdc,cdrom,backendtype=phy\" ]");
    makes("disk = [ 'vdev=hdc,cdrom,target=' ]\n",
          "disk=[ \"vdev=hdc,cdrom,backendtype=phy,target=\" ]");
}

TEST(a_drive_with_a_raw_image_is_the_kernels_as_well)
{
    char image[] = "/tmp/guest-disks,target=XXXXXX", given[128], want[256];
    int fd = mkstemp(image);

    check(fd >= 0 && !close(fd));
    snprintf(given, sizeof(given), "disk = [ 'vdev=hdc, cdrom, target=%s' ]\n",
             image);
    snprintf(want, sizeof(want), "disk=[ \"vdev=hdc, cdrom, "
             "backendtype=phy,target=%s\" ]", image);
    makes(given, want);
    check_int(unlink(image), 0);
    strcpy(image, "/tmp/guest-disks-XXXXXX");
    fd = mkstemp(image);
    check(fd >= 0 && !close(fd));
    snprintf(given, sizeof(given), "disk = [ '%s,,hdc,cdrom' ]\n", image);
    snprintf(want, sizeof(want), "disk=[ \"%s,,hdc,cdrom,"
             "backendtype=phy\" ]", image);
    makes(given, want);
    snprintf(given, sizeof(given), "disk = [ 'file:%s,hdc:cdrom,r' ]\n", image);
    snprintf(want, sizeof(want), "disk=[ \"file:%s,hdc:cdrom,r,"
             "backendtype=phy\" ]", image);
    makes(given, want);
    /* What only QEMU can serve, or what is named. */
    snprintf(given, sizeof(given), "disk = [ '%s,qcow2,hdc,cdrom' ]\n", image);
    makes(given, NULL);
    snprintf(given, sizeof(given), "disk = [ '%s,,hdc,cdrom,backendtype=qdisk' ]"
             "\n", image);
    makes(given, NULL);
    snprintf(given, sizeof(given), "disk = [ '%s,,hdc,cdrom,backend=other' ]\n",
             image);
    makes(given, NULL);
    check_int(unlink(image), 0);
}

TEST(what_it_makes_means_what_it_should)
{
    char path[] = "/tmp/guest-disks-XXXXXX", *is;
    static const char disks[] =
        "disk = [ 'vdev=hdc,cdrom,target=', '/dev/a\\\\n\\'\\\"b,raw,hda,rw' ]\n";
    struct guest_config config, again;
    int fd = mkstemp(path);

    check(fd >= 0 && write(fd, disks, strlen(disks)) > 0 && !close(fd));
    guest_config_init(&config);
    guest_config_init(&again);
    check_int(guest_config_read(&config, path), 0);
    is = guest_disks_argument(&config);
    check(is != NULL);
    check_int(guest_config_set(&again, is), 0);
    check_int(guest_config_read(&again, path), 0);
    check_str(guest_config_item(&again, "disk", 0),
              "vdev=hdc,cdrom,backendtype=phy,target=");
    check_str(guest_config_item(&again, "disk", 1),
              "/dev/a\\n'\"b,raw,hda,rw");
    /* Nothing is left to say. */
    check(!guest_disks_argument(&again));
    free(is);
    guest_config_dispose(&config);
    guest_config_dispose(&again);
    check_int(unlink(path), 0);
}

TEST(other_disks_are_left_as_they_are)
{
    makes("name = 'a'\n", NULL);
    makes("disk = [ ]\n", NULL);
    makes("disk = [ '/dev/a,raw,hda,rw' ]\n", NULL);
    makes("disk = [ '/nonexistent/x.iso,raw,hdc,cdrom' ]\n", NULL);
    makes("disk = [ 'vdev=hdc,cdrom,backendtype=qdisk' ]\n", NULL);
    makes("disk = [ 'no disk at all, really' ]\n", NULL);
    /* A quote in it. */
    makes("disk = [ '/dev/a\"b,raw,hda,rw', 'vdev=hdc,cdrom' ]\n",
          "disk=[ \"/dev/a\\\"b,raw,hda,rw\", \"vdev=hdc,cdrom,backendtype=phy\" ]");
}

TAP_MAIN()
