/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is preloaded into libvirtd, preloaded into this, with the real
 * libxl's JSON; its file is stubdom.conf in the current directory. */
#include <libxl.h>

#include "config.h"
#include "fake_libxl.h"
#include "tools/common/stubdom_image.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "tap.h"

#define KERNEL  XENQMP_STUBDOM_DIR "/vmlinuz"
#define RAMDISK XENQMP_STUBDOM_DIR "/initrd"
#define HELPER  XENQMP_LIBEXECDIR "/qmp-helper"

static char dir[] = "/tmp/xenqmp-libvirt-XXXXXX";
static libxl_ctx *ctx;
static libxl_domain_config config;

/* Of the libraries of libxl's that would talk to Xen. */
void *xc_interface_open(void *log, void *dombuild_log, unsigned int flags);
void *xs_open(unsigned long flags);
void *xc_interface_open(void *log, void *dombuild_log, unsigned int flags)
{
    (void)log;
    (void)dombuild_log;
    (void)flags;
    return &ctx;
}
void *xs_open(unsigned long flags)
{
    (void)flags;
    return &ctx;
}

static void conf(const char *text)
{
    FILE *file = fopen("stubdom.conf", "w");

    check(file && fputs(text, file) >= 0 && !fclose(file));
}

static char *json(void)
{
    char *text = libxl_domain_config_to_json(ctx, &config);

    check(text != NULL);
    return text;
}

/* A guest as libvirt would have it. */
static void set_up(const char *name, libxl_domain_type type)
{
    xentoollog_logger *log = (xentoollog_logger *)
        xtl_createlogger_stdiostream(stderr, XTL_ERROR, 0);

    check(mkdtemp(dir));
    check_int(chdir(dir), 0);
    check_int(libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, log), 0);
    libxl_domain_config_init(&config);
    config.c_info.type = type;
    config.c_info.name = strdup(name);
    config.on_crash = LIBXL_ACTION_ON_SHUTDOWN_PRESERVE;
    libxl_domain_build_info_init_type(&config.b_info, type);
    config.b_info.max_memkb = 65536;
    config.disks = calloc(1, sizeof(*config.disks));
    config.num_disks = 1;
    libxl_device_disk_init(config.disks);
    config.disks[0].pdev_path = strdup("/dev/a \"disk\"");
    config.disks[0].vdev = strdup("hda");
    config.nics = calloc(1, sizeof(*config.nics));
    config.num_nics = 1;
    libxl_device_nic_init(config.nics);
    config.nics[0].mac[5] = 0x42;
    if (type == LIBXL_DOMAIN_TYPE_HVM) {
        config.b_info.u.hvm.serial = strdup("pty");
        config.b_info.device_model = strdup("/usr/bin/another");
    }
}

static void tear_down(void)
{
    libxl_domain_config_dispose(&config);
    check(!unlink("stubdom.conf") || access("stubdom.conf", F_OK));
    check_int(rmdir(dir), 0);
}

static int start(void)
{
    uint32_t domid = 0;
    int rc;

    fake_libxl = (struct fake_libxl){ .rc = 0 };
    rc = libxl_domain_create_new(ctx, &config, &domid, NULL, NULL);
    check_int(domid, rc ? 0 : 7);
    if (rc)
        check(!fake_libxl.called);
    else
        check(fake_libxl.config == &config);
    return rc;
}

/* What the settings mean, put into a configuration by hand. */
static const char *cmdline = STUBDOM_CMDLINE_PLAIN;

static char *json_by_hand(const char *kernel, const char *ramdisk,
                          uint64_t kb)
{
    libxl_domain_build_info *b = &config.b_info;

    b->device_model_version = LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN;
    libxl_defbool_set(&b->device_model_stubdomain, true);
    free(b->device_model);
    b->device_model = strdup(HELPER);
    free(b->stubdomain_kernel);
    b->stubdomain_kernel = strdup(kernel);
    free(b->stubdomain_ramdisk);
    b->stubdomain_ramdisk = strdup(ramdisk);
    free(b->stubdomain_cmdline);
    b->stubdomain_cmdline = strdup(cmdline);
    b->stubdomain_memkb = kb;
    return json();
}

static void is_as_by_hand(const char *kernel, const char *ramdisk,
                          uint64_t kb)
{
    char *found = json();

    check(config.b_info.stubdomain_kernel != NULL);
    check_str(found, json_by_hand(kernel, ramdisk, kb));
}

TEST(it_is_not_preloaded_into_what_libvirtd_starts)
{
    check(!getenv("LD_PRELOAD"));
}

TEST(a_selected_guest_gets_all_settings_and_keeps_its_own)
{
    set_up("guest \"one\"", LIBXL_DOMAIN_TYPE_HVM);
    conf("domains = other, guest *\n");
    check_int(start(), 0);
    is_as_by_hand(KERNEL, RAMDISK, 192 << 10);
    /* libvirt starts it again from the same configuration. */
    check_int(start(), 0);
    is_as_by_hand(KERNEL, RAMDISK, 192 << 10);
    tear_down();
}

TEST(the_image_can_be_another)
{
    set_up("a", LIBXL_DOMAIN_TYPE_HVM);
    conf("domains = *\nkernel = /boot/\"k\"\nramdisk = /boot/r\n"
         "memory = 300\n");
    check_int(start(), 0);
    is_as_by_hand("/boot/\"k\"", "/boot/r", 300 << 10);
    tear_down();
}

TEST(memory_is_what_the_image_and_the_devices_need)
{
    char ramdisk[PATH_MAX], text[PATH_MAX + 64];
    FILE *file;

    set_up("a", LIBXL_DOMAIN_TYPE_HVM);
    config.pcidevs = calloc(2, sizeof(*config.pcidevs));
    config.num_pcidevs = 2;
    libxl_device_pci_init(&config.pcidevs[0]);
    libxl_device_pci_init(&config.pcidevs[1]);
    file = fopen("contents", "w");
    check(file && fputs("memory=70\nmemory_display=5\nmemory_nic=3\n"
                        "memory_disk=2\nmemory_pci=40\nmemory_pci_more=2\n"
                        "memory_tracing=9\nmemory_tmpfs=9\nwaits=yes\n", file) >= 0 && !fclose(file));
    snprintf(ramdisk, sizeof(ramdisk), "%s/r", dir);
    snprintf(text, sizeof(text), "domains = *\nramdisk = %s\n", ramdisk);
    conf(text);
    check_int(start(), 0);
    cmdline = STUBDOM_CMDLINE;
    is_as_by_hand(KERNEL, ramdisk, 122 << 10);
    check_int(unlink("contents"), 0);
    tear_down();
}

static void stays_as_it_is(void)
{
    char *before = json();

    check_int(start(), 0);
    check_str(json(), before);
}

TEST(others_stay_as_they_are)
{
    set_up("guest", LIBXL_DOMAIN_TYPE_HVM);
    stays_as_it_is();
    conf("# domains = *\n");
    stays_as_it_is();
    conf("domains = guest1, *x\n");
    stays_as_it_is();
    tear_down();
}

TEST(guests_without_a_qemu_stay_as_they_are)
{
    set_up("guest", LIBXL_DOMAIN_TYPE_PV);
    conf("domains = *\n");
    stays_as_it_is();
    tear_down();
}

TEST(a_restored_guest_gets_them_too)
{
    libxl_domain_restore_params params;
    uint32_t domid;

    set_up("guest", LIBXL_DOMAIN_TYPE_HVM);
    conf("domains = guest\n");
    check_int(libxl_domain_create_restore(ctx, &config, &domid, 5, -1,
                                          &params, NULL, NULL), 0);
    check_str(fake_libxl.called, "create_restore");
    check_int(domid, 8);
    check_int(fake_libxl.restore_fd, 5);
    check_int(fake_libxl.send_back_fd, -1);
    check(fake_libxl.params == &params);
    is_as_by_hand(KERNEL, RAMDISK, 192 << 10);
    tear_down();
}

TEST(there_is_to_be_memory_for_the_stubdomain)
{
    uint64_t kb;

    set_up("guest", LIBXL_DOMAIN_TYPE_HVM);
    conf("domains = guest\n");
    check_int(libxl_domain_need_memory(ctx, &config, 0, &kb), 0);
    check_str(fake_libxl.called, "need_memory");
    check_int(kb, 192 << 10);
    tear_down();
}

TEST(libxls_error_is_libvirts)
{
    uint32_t domid;

    set_up("guest", LIBXL_DOMAIN_TYPE_HVM);
    conf("domains = guest\n");
    fake_libxl.rc = ERROR_NOMEM;
    check_int(libxl_domain_create_new(ctx, &config, &domid, NULL, NULL),
              ERROR_NOMEM);
    tear_down();
}

/* Refused, with this in the one line. */
static void is_refused(const char *why)
{
    uint32_t domid = 0;
    char line[4096];
    FILE *err = freopen("err", "w+", stderr);

    check(err != NULL);
    fake_libxl.called = NULL;
    check_int(libxl_domain_create_new(ctx, &config, &domid, NULL, NULL),
              ERROR_INVAL);
    check(!fake_libxl.called);
    rewind(err);
    check(fgets(line, sizeof(line), err) && strchr(line, '\n'));
    check(strstr(line, "domain guest is not started"));
    if (!strstr(line, why))
        tap_fail("\"%s\" lacks \"%s\"", line, why);
    check(!fgets(line, sizeof(line), err));
    unlink("err");
}

/* From a libxl that writes it in another way: HVM, for all that is known. */
TEST(a_guest_of_unknown_type_is_not_started_without_its_stubdomain)
{
    static const char *const types[] = {
        "", ", \"type\": 2", ", \"type\": {}", ", \"type\": \"hvm2\"",
        ", \"type\": \"hvm, with a very long name\"",
        ", \"type\": \"HVM\"",
    };
    uint32_t domid;
    char text[256];

    set_up("guest", LIBXL_DOMAIN_TYPE_HVM);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        snprintf(text, sizeof(text), "{\"c_info\": {\"name\": \"guest\"%s}, "
                 "\"b_info\": {}}", types[i]);
        fake_libxl = (struct fake_libxl){ .json = text };
        conf("domains = guest\n");
        is_refused("its type");
        conf("domains\n");
        is_refused("stubdom.conf");
        /* Of one that is not to have one it does not matter. */
        conf("domains = other\n");
        check_int(libxl_domain_create_new(ctx, &config, &domid, NULL, NULL),
                  0);
        check_str(fake_libxl.called, "create_new");
    }
    tear_down();
}

TEST(spice_is_refused_by_name)
{
    set_up("guest", LIBXL_DOMAIN_TYPE_HVM);
    libxl_defbool_set(&config.b_info.u.hvm.spice.enable, false);
    conf("domains = guest\n");
    check_int(start(), 0);
    libxl_defbool_set(&config.b_info.u.hvm.spice.enable, true);
    is_refused("not by SPICE: use <graphics type='vnc'/>");
    /* With QEMU in dom0 it is another's. */
    conf("domains = other\n");
    check_int(start(), 0);
    tear_down();
}

/* Without its stubdomain it must not start. */
TEST(a_mistake_keeps_guests_from_starting)
{
    static const char *const wrong[] = {
        "domains\n", "domains =\n", "domain = *\n", "memory = 192\n",
        "domains = x\nmemory = 1\n", "domains = x\nmemory = 192 MB\n",
        "domains = x\nkernel = vmlinuz\n", "domains = x\ndomains = y\n",
        "domains = x\nramdisk =\n",
    };

    set_up("guest", LIBXL_DOMAIN_TYPE_HVM);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        conf(wrong[i]);
        is_refused("stubdom.conf");
    }
    /* Only those that would be selected can't be told apart: HVM ones. */
    config.c_info.type = LIBXL_DOMAIN_TYPE_PV;
    libxl_domain_build_info_dispose(&config.b_info);
    libxl_domain_build_info_init(&config.b_info);
    libxl_domain_build_info_init_type(&config.b_info,
                                      LIBXL_DOMAIN_TYPE_PV);
    check_int(start(), 0);
    tear_down();
}

/* As systemd starts libvirtd. */
int main(int argc, char **argv)
{
    char library[PATH_MAX + sizeof("/libvirt-stubdom.so")];
    ssize_t n = readlink("/proc/self/exe", library, PATH_MAX);

    if (argc > 1)
        return tap_main();
    check(n > 0);
    library[n] = '\0';
    strcpy(strrchr(library, '/'), "/libvirt-stubdom.so");
    setenv("LD_PRELOAD", library, 1);
    execl("/proc/self/exe", argv[0], "preloaded", (char *)NULL);
    return 1;
}
