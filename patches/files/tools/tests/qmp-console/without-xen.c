/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libxl_osdeps.h" /* must come before any other headers */

#include "libxl_internal.h"

#include "without-xen.h"

char xenless_dir[] = "/tmp/test-qmp-console.XXXXXX";
const char *xenless_transport;
bool xenless_endless;
volatile size_t xenless_summed;
volatile int xenless_timers;
bool xenless_hasty;
static libxl__ev_time *timer;
static libxl__ao *timer_ao;

static void saved(libxl__egc *egc, libxl__domain_suspend_state *dsps,
                  int rc)
{
    STATE_AO_GC(dsps->ao);

    libxl__ev_qmp_dispose(gc, &dsps->qmp);
    libxl__ao_complete(egc, ao, rc);
}

int xenless_save(libxl_ctx *ctx, const char *filename)
{
    AO_CREATE(ctx, XENLESS_DOMID, NULL);
    libxl__domain_suspend_state *dsps;

    GCNEW(dsps);
    dsps->ao = ao;
    dsps->domid = XENLESS_DOMID;
    dsps->dm_savefile = libxl__strdup(gc, filename);
    dsps->callback_device_model_done = saved;
    libxl__ev_qmp_init(&dsps->qmp);
    libxl__stubdom_save_init(&dsps->stubdom_save);
    libxl__qmp_suspend_save(egc, dsps);
    return AO_INPROGRESS;
}

int __real_libxl__ev_time_register_rel(libxl__ao *ao, libxl__ev_time *ev,
                                       libxl__ev_time_callback *func,
                                       int milliseconds);
void __real_libxl__ev_time_deregister(libxl__gc *gc, libxl__ev_time *ev);

void xenless_expire(libxl_ctx *ctx)
{
    GC_INIT(ctx);
    libxl__ev_time_callback *func;

    CTX_LOCK;
    func = timer->func;
    __real_libxl__ev_time_deregister(gc, timer);
    if (__real_libxl__ev_time_register_rel(timer_ao, timer, func, 0))
        abort();
    CTX_UNLOCK;
    GC_FREE;
}

ssize_t __real_read(int fd, void *buf, size_t count);
ssize_t __wrap_read(int fd, void *buf, size_t count);
ssize_t __wrap_read(int fd, void *buf, size_t count)
{
    struct stat st;

    if (!xenless_endless || fstat(fd, &st) || !S_ISSOCK(st.st_mode))
        return __real_read(fd, buf, count);
    memset(buf, '\n', count);
    return count;
}

uint32_t __real_libxl__crc32_sum(uint32_t sum, const char *buf, size_t len);
uint32_t __wrap_libxl__crc32_sum(uint32_t sum, const char *buf, size_t len);
uint32_t __wrap_libxl__crc32_sum(uint32_t sum, const char *buf, size_t len)
{
    sum = __real_libxl__crc32_sum(sum, buf, len);
    xenless_summed += len;
    return sum;
}

struct xs_handle *__wrap_xs_open(unsigned long flags);
struct xs_handle *__wrap_xs_open(unsigned long flags)
{
    return (void *)xenless_dir;
}

void __wrap_xs_close(struct xs_handle *xsh);
void __wrap_xs_close(struct xs_handle *xsh)
{
}

void __wrap_xs_daemon_destroy_postfork(struct xs_handle *xsh);
void __wrap_xs_daemon_destroy_postfork(struct xs_handle *xsh)
{
}

xc_interface *__wrap_xc_interface_open(xentoollog_logger *logger,
                                       xentoollog_logger *dombuild_logger,
                                       unsigned int open_flags);
xc_interface *__wrap_xc_interface_open(xentoollog_logger *logger,
                                       xentoollog_logger *dombuild_logger,
                                       unsigned int open_flags)
{
    return (void *)xenless_dir;
}

int __wrap_xc_interface_close(xc_interface *xch);
int __wrap_xc_interface_close(xc_interface *xch)
{
    return 0;
}

int __wrap_libxl_domain_info(libxl_ctx *ctx, libxl_dominfo *info,
                             uint32_t domid);
int __wrap_libxl_domain_info(libxl_ctx *ctx, libxl_dominfo *info,
                             uint32_t domid)
{
    return domid == XENLESS_DOMID ? 0 : ERROR_DOMAIN_NOTFOUND;
}

uint32_t __wrap_libxl_get_stubdom_id(libxl_ctx *ctx, uint32_t guest_domid);
uint32_t __wrap_libxl_get_stubdom_id(libxl_ctx *ctx, uint32_t guest_domid)
{
    return guest_domid + 1;
}

const char *__wrap_libxl__userdata_path(libxl__gc *gc, uint32_t domid,
                                        const char *userdata_userid,
                                        const char *wh);
const char *__wrap_libxl__userdata_path(libxl__gc *gc, uint32_t domid,
                                        const char *userdata_userid,
                                        const char *wh)
{
    return GCSPRINTF("%s/%s", xenless_dir, userdata_userid);
}

const char *__wrap_libxl__run_dir_path(void);
const char *__wrap_libxl__run_dir_path(void)
{
    return xenless_dir;
}

char *__wrap_libxl__xs_read(libxl__gc *gc, xs_transaction_t t,
                            const char *path);
char *__wrap_libxl__xs_read(libxl__gc *gc, xs_transaction_t t,
                            const char *path)
{
    const char *wanted = GCSPRINTF("/libxl/%u/stubdom-transport",
                                   XENLESS_DOMID);

    return strcmp(path, wanted) ? NULL :
        libxl__strdup(gc, xenless_transport);
}

int __wrap_libxl__ev_time_register_rel(libxl__ao *ao, libxl__ev_time *ev,
                                       libxl__ev_time_callback *func,
                                       int milliseconds);
int __wrap_libxl__ev_time_register_rel(libxl__ao *ao, libxl__ev_time *ev,
                                       libxl__ev_time_callback *func,
                                       int milliseconds)
{
    int rc = __real_libxl__ev_time_register_rel(
        ao, ev, func, xenless_hasty ? 0 : milliseconds);

    timer = ev;
    timer_ao = ao;
    xenless_timers++;
    return rc;
}

void __wrap_libxl__ev_time_deregister(libxl__gc *gc, libxl__ev_time *ev);
void __wrap_libxl__ev_time_deregister(libxl__gc *gc, libxl__ev_time *ev)
{
    if (libxl__ev_time_isregistered(ev))
        xenless_timers--;
    __real_libxl__ev_time_deregister(gc, ev);
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
