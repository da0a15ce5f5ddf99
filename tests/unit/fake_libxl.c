/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_libxl.h"

#include <dlfcn.h>
#include <string.h>

struct fake_libxl fake_libxl;

char *libxl_domain_config_to_json(libxl_ctx *ctx, libxl_domain_config *config)
{
    __typeof__(libxl_domain_config_to_json) *real =
        dlsym(RTLD_NEXT, "libxl_domain_config_to_json");

    return fake_libxl.json ? strdup(fake_libxl.json) : real(ctx, config);
}

int libxl_domain_create_new(libxl_ctx *ctx, libxl_domain_config *config,
                            uint32_t *domid,
                            const libxl_asyncop_how *how,
                            const libxl_asyncprogress_how *progress)
{
    (void)ctx;
    (void)how;
    (void)progress;
    fake_libxl.called = "create_new";
    fake_libxl.config = config;
    *domid = 7;
    return fake_libxl.rc;
}

int libxl_domain_create_restore(libxl_ctx *ctx, libxl_domain_config *config,
                                uint32_t *domid, int restore_fd,
                                int send_back_fd,
                                const libxl_domain_restore_params *params,
                                const libxl_asyncop_how *how,
                                const libxl_asyncprogress_how *progress)
{
    (void)ctx;
    (void)how;
    (void)progress;
    fake_libxl.called = "create_restore";
    fake_libxl.config = config;
    fake_libxl.restore_fd = restore_fd;
    fake_libxl.send_back_fd = send_back_fd;
    fake_libxl.params = params;
    *domid = 8;
    return fake_libxl.rc;
}

int libxl_domain_need_memory(libxl_ctx *ctx, libxl_domain_config *config,
                             uint32_t domid, uint64_t *need_kb)
{
    (void)ctx;
    (void)domid;
    fake_libxl.called = "need_memory";
    fake_libxl.config = config;
    *need_kb = config->b_info.stubdomain_memkb;
    return fake_libxl.rc;
}
