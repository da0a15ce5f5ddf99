/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirtd with stubdomains. libvirt has no setting for them, so this is
 * preloaded into libvirtd by a systemd drop-in, and stands before the
 * functions of libxl's to which libvirt gives a guest's configuration: it
 * fills the stubdomain's settings in for the guests that stubdom.conf(5)
 * selects, and passes the call on.
 *
 * The configuration is a struct whose layout changes from one version of
 * Xen to the next. So it is edited as JSON, by libxl's own functions, and
 * read back into its place; those functions are looked up when a guest is
 * started, in the libxl that libvirt has loaded. Nothing here depends on
 * Xen's version but the arguments of the three functions, which have been
 * the same since 4.13.
 *
 * A guest that is to be isolated must not start without its stubdomain:
 * whatever goes wrong here, its start fails.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxl.h>

#include "config.h"
#include "domain_json.h"
#include "stubdom.h"
#include "tools/common/stubdom_image.h"

/* Tests have one of their own. */
#ifndef STUBDOM_CONF
#define STUBDOM_CONF XENQMP_CONFIG_DIR "/stubdom.conf"
#endif
#define HELPER XENQMP_LIBEXECDIR "/qmp-helper"
/* libvirt's names of guests have no limit; a file's name has. */
#define NAME_SIZE 1024

/* The environment is also that of what libvirtd starts. The drop-in has
 * nothing else preloaded. */
static void __attribute__((constructor)) unload_from_children(void)
{
    unsetenv("LD_PRELOAD");
}

/* Into libvirtd's journal. Errors of libxl's own go to a log of its. */
static int refuse(const char *name, const char *why)
{
    fprintf(stderr, "xenqmp: domain %s is not started, for it might get no "
            "stubdomain: %s\n", name, why);
    return ERROR_INVAL;
}

/* Which libxl would not start, without a word. */
static int refuse_spice(const char *name)
{
    fprintf(stderr, "xenqmp: domain %s is not started: a stubdomain's display "
            "can be shown by VNC only, not by SPICE: use <graphics "
            "type='vnc'/>\n", name);
    return ERROR_INVAL;
}

static void *libxl_function(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (!function)
        fprintf(stderr, "xenqmp: libvirt has loaded no libxl with %s\n",
                name);
    return function;
}

/* The name that follows is in scope, with the type of libxl.h, as `real_`. */
#define REAL(name) __typeof__(name) *real_##name = libxl_function(#name)

/* As xl-qmp create has it. What libxl adds, the guest's video memory, is to
 * spare. */
static unsigned long memory_kb(const struct qmp_buf *json,
                               const struct stubdom *stubdom,
                               const struct stubdom_image *image)
{
    struct stubdom_devices devices = {
        .displays = 1,
        .nics = domain_json_count(json, "nics"),
        .disks = domain_json_count(json, "disks"),
        .host_devices = domain_json_count(json, "pcidevs"),
    };
    unsigned int mib;

    if (stubdom->memory_kb)
        return stubdom->memory_kb;
    mib = stubdom_image_memory(image, &devices);
    return (unsigned long)(mib ? mib : STUBDOM_MEMORY_MIB) << 10;
}

static int fill_in(struct qmp_buf *json, const struct stubdom *stubdom)
{
    struct stubdom_image image;

    stubdom_image_read(&image, stubdom->ramdisk);
    return domain_json_set_string(json, "device_model_version",
                                  "qemu_xen") ||
           domain_json_set_string(json, "device_model_stubdomain", "True") ||
           domain_json_set_string(json, "device_model", HELPER) ||
           domain_json_set_string(json, "stubdomain_kernel",
                                  stubdom->kernel) ||
           domain_json_set_string(json, "stubdomain_ramdisk",
                                  stubdom->ramdisk) ||
           domain_json_set_string(json, "stubdomain_cmdline", image.waits ?
                                  STUBDOM_CMDLINE : STUBDOM_CMDLINE_PLAIN) ||
           domain_json_set_number(json, "stubdomain_memkb",
                                  memory_kb(json, stubdom, &image)) ? -1 : 0;
}

/* In the place of the configuration, what the JSON says. */
static int read_back(libxl_ctx *ctx, libxl_domain_config *config,
                     struct qmp_buf *json)
{
    REAL(libxl_domain_config_dispose);
    REAL(libxl_domain_config_init);
    REAL(libxl_domain_config_from_json);

    if (!real_libxl_domain_config_dispose ||
        !real_libxl_domain_config_init ||
        !real_libxl_domain_config_from_json || qmp_buf_append(json, "", 1))
        return ERROR_FAIL;
    real_libxl_domain_config_dispose(config);
    real_libxl_domain_config_init(config);
    return real_libxl_domain_config_from_json(ctx, config, json->data);
}

/* Only HVM guests have a QEMU, which is what a stubdomain is for. */
static bool has_no_qemu(const char *type)
{
    return !strcmp(type, "pv") || !strcmp(type, "pvh");
}

static int edit(libxl_ctx *ctx, libxl_domain_config *config,
                struct qmp_buf *json)
{
    struct stubdom stubdom;
    char name[NAME_SIZE], type[16] = "", why[KEYFILE_MAX + 256];
    int r;

    if (domain_json_get(json, "name", name, sizeof(name)))
        return refuse("?", "its name can't be read");
    if (domain_json_get(json, "type", type, sizeof(type)))
        type[0] = '\0';
    if (has_no_qemu(type))
        return 0;
    r = stubdom_select(&stubdom, STUBDOM_CONF, name, why, sizeof(why));
    if (r <= 0)
        return r ? refuse(name, why) : 0;
    if (strcmp(type, "hvm"))
        return refuse(name, "its type can't be read in what libxl writes; "
                      "xenqmp is to be of this Xen's version");
    if (domain_json_has_spice(json))
        return refuse_spice(name);
    if (fill_in(json, &stubdom))
        return refuse(name, strerror(errno));
    if (read_back(ctx, config, json))
        return refuse(name, "libxl does not read its configuration back");
    return 0;
}

static int stubdom_apply(libxl_ctx *ctx, libxl_domain_config *config)
{
    REAL(libxl_domain_config_to_json);
    struct qmp_buf json;
    char *text = real_libxl_domain_config_to_json ?
                 real_libxl_domain_config_to_json(ctx, config) : NULL;
    int rc;

    qmp_buf_init(&json, DOMAIN_JSON_MAX);
    if (!text || qmp_buf_append(&json, text, strlen(text)))
        rc = refuse("?", "libxl does not write its configuration");
    else
        rc = edit(ctx, config, &json);
    qmp_buf_dispose(&json);
    free(text);
    return rc;
}

/* --- In libxl's place ------------------------------------------------ */

int libxl_domain_create_new(libxl_ctx *ctx, libxl_domain_config *config,
                            uint32_t *domid,
                            const libxl_asyncop_how *how,
                            const libxl_asyncprogress_how *progress)
{
    REAL(libxl_domain_create_new);
    int rc = stubdom_apply(ctx, config);

    if (rc || !real_libxl_domain_create_new)
        return rc ? rc : ERROR_FAIL;
    return real_libxl_domain_create_new(ctx, config, domid, how, progress);
}

int libxl_domain_create_restore(libxl_ctx *ctx, libxl_domain_config *config,
                                uint32_t *domid, int restore_fd,
                                int send_back_fd,
                                const libxl_domain_restore_params *params,
                                const libxl_asyncop_how *how,
                                const libxl_asyncprogress_how *progress)
{
    REAL(libxl_domain_create_restore);
    int rc = stubdom_apply(ctx, config);

    if (rc || !real_libxl_domain_create_restore)
        return rc ? rc : ERROR_FAIL;
    return real_libxl_domain_create_restore(ctx, config, domid, restore_fd,
                                            send_back_fd, params, how,
                                            progress);
}

/* By this libvirt makes room for a guest, before it creates it: for the
 * stubdomain, too. */
int libxl_domain_need_memory(libxl_ctx *ctx, libxl_domain_config *config,
                             uint32_t domid, uint64_t *need_kb)
{
    REAL(libxl_domain_need_memory);
    int rc = stubdom_apply(ctx, config);

    if (rc || !real_libxl_domain_need_memory)
        return rc ? rc : ERROR_FAIL;
    return real_libxl_domain_need_memory(ctx, config, domid, need_kb);
}
