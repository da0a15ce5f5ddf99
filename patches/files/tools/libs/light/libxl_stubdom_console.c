/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which consoles a stubdomain has:
 *
 *   0      what its kernel and QEMU log
 *   1, 2   QEMU's state, to save and to restore
 *   3      QMP, if that goes over a console
 *   next   the guest's serial ports
 */
#include "libxl_osdeps.h" /* must come before any other headers */

#include <pwd.h>

#include "libxl_internal.h"

/* Linux has hvc0 to hvc7, four of which are taken. */
#define SERIAL_MAX 4
/*
 * Has a directory for each stubdomain.  qmp-helper takes it away with the
 * stubdomain, and QMP_HELPER_DIR with the last: it may go in between, but
 * not so often in a row.
 */
#define QMP_HELPER_DIR       "/run/xenqmp"
#define QMP_HELPER_DIR_MODE  0711
#define QMP_HELPER_DIR_TRIES 100
/*
 * The users of its workers begin here where LIBXL_QEMU_USER_RANGE_BASE is
 * not set up: far above what distributions give out.
 */
#define QMP_HELPER_UID_BASE 0x78650000u

int libxl__stubdom_console_serial(bool over_consoles)
{
    return over_consoles ? STUBDOM_CONSOLE_QMP + 1 : STUBDOM_CONSOLE_QMP;
}

/* Root's own, for others to pass through only, whatever the umask. */
static int directory_make(const char *path)
{
    if (mkdir(path, QMP_HELPER_DIR_MODE) && errno != EEXIST)
        return -1;
    return chmod(path, QMP_HELPER_DIR_MODE);
}

int libxl__stubdom_qmp_output(libxl__gc *gc, uint32_t dm_domid,
                              char **output_r)
{
    char *path = GCSPRINTF(QMP_HELPER_DIR "/%u", dm_domid);
    struct passwd *range, pwbuf;
    int i, r, rc;

    rc = userlookup_helper_getpwnam(gc, LIBXL_QEMU_USER_RANGE_BASE, &pwbuf,
                                    &range);
    if (rc) return rc;

    for (i = 0; i < QMP_HELPER_DIR_TRIES; i++) {
        r = directory_make(QMP_HELPER_DIR) || directory_make(path);
        if (!r || errno != ENOENT)
            break;
    }
    if (r) {
        LOGED(ERROR, dm_domid, "cannot make the directory %s", path);
        return ERROR_FAIL;
    }

    *output_r = GCSPRINTF("unix:%s/console-3,uid=%u", path, dm_domid +
                          (range ? range->pw_uid : QMP_HELPER_UID_BASE));
    return 0;
}

/* What xenconsoled serves; a serial port may be any chardev of QEMU's. */
static bool output_is_served(const char *output)
{
    return !strcmp(output, "pty") || !strcmp(output, "null") ||
           !strncmp(output, "file:/", 6) || !strncmp(output, "unix:/", 6);
}

static int serial_check(libxl__gc *gc, int i, const char *output)
{
    if (i >= SERIAL_MAX) {
        LOG(ERROR, "A stubdomain over consoles has at most %d serial "
            "ports", SERIAL_MAX);
        return ERROR_INVAL;
    }
    if (!output_is_served(output)) {
        LOG(ERROR, "serial port %d: xenconsoled cannot serve \"%s\", only "
            "pty, null, file:PATH and unix:PATH,server=on,wait=off",
            i, output);
        return ERROR_INVAL;
    }
    return 0;
}

int libxl__stubdom_serial_check(libxl__gc *gc,
                                const libxl_domain_build_info *b_info)
{
    char **list = b_info->u.hvm.serial_list;
    int i, rc;

    assert(b_info->type == LIBXL_DOMAIN_TYPE_HVM);
    if (b_info->u.hvm.serial)
        return serial_check(gc, 0, b_info->u.hvm.serial);
    for (i = 0; list && list[i]; i++) {
        rc = serial_check(gc, i, list[i]);
        if (rc) return rc;
    }
    return 0;
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
