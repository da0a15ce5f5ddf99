/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A libxl with the patches, which makes the consoles itself: qmp-helper in
 * the slot of its QMP proxy, and in QEMU's.
 */
#include "stubdomain.h"

/* The worker's user where libxl has no range of them: 0x78650000 + DM. */
#define QMP_OUTPUT  "unix:/run/xenqmp/" DM "/console-3,uid=2019885064"
#define PROXY_STATE "/local/domain/0/device-model/" DM "/qmp-proxy-state"

/* The consoles as that makes them, with one serial port. */
static void native_make(void)
{
    check(!mkdir("/run/xenqmp", 0711) && !mkdir("/run/xenqmp/" DM, 0711));
    guest_create(7);
    guest_create(8);
    guest_write(0, GUEST, "/local/domain/" DM "/target");
    guest_write(0, DM, "/local/domain/" DM "/domid");
    guest_write(0, "console", "/libxl/" GUEST "/stubdom-transport");
    guest_console_add(8, 0, NULL);
    save = guest_console_add(8, 1, "file:" SAVED);
    guest_write(0, "save", "%s/policy", save.backend);
    guest_console_add(8, 2, "null");
    guest_console_add(8, 3, QMP_OUTPUT);
    guest_console_add(8, 4, "pty");
}

/* In the proxy's slot. */
static void native_spawn(void)
{
    const char *const argv[] = {
        in_build("bin/qmp-helper"), "--state-path=" PROXY_STATE, DM,
        CLIENTS, NULL,
    };

    helper = host_spawn(argv);
}

static void native_start(void)
{
    state_node = PROXY_STATE;
    start_ours(NULL);
    etc_make(example());
    native_make();
    native_spawn();
    helper_connect();
}

static void check_node(const char *path, const char *value)
{
    char *found = guest_read("%s", path);

    if (!found || strcmp(found, value))
        tap_fail("%s is \"%s\", not \"%s\"", path, found ? found : "(none)",
                 value);
    free(found);
}

static bool serial_is_known(void *data)
{
    char *tty = guest_read("/local/domain/" GUEST "/serial/0/tty");
    bool r = tty && !strncmp(tty, "/dev/pts/", 9);

    (void)data;
    free(tty);
    return r;
}

TEST_AS_ROOT(in_the_proxys_slot_it_serves_qmp_and_moves_nothing)
{
    int fd, status = -1;

    native_start();
    check_socket(CLIENTS, 0, 0600);
    check_socket(XENTOP, 0, 0600);
    check_socket(MONITORING, GROUP, 0660);
    check(access(TOOLSTACK, F_OK));
    check(!guest_read("/local/domain/0/device-model/" DM "/state"));
    check_node("/local/domain/0/backend/console/" DM "/4/output", "pty");
    check_node("/local/domain/0/backend/console/" DM "/2/output", "null");
    check_node("/local/domain/0/backend/console/" DM "/3/output",
               QMP_OUTPUT);
    check(!guest_read("/local/domain/0/backend/console/" DM "/5/type"));
    check(host_wait(serial_is_known, NULL));
    check_node("/local/domain/" DM "/device/console/3/tty", "");

    fd = client_open_to_qemu();
    save_begin(fd);
    put_all(&save, "QEVM", 4);
    put_all(&qmp, save_reply, strlen(save_reply));
    client_expect(fd, "{\"return\": {}}");
    check_str(file_text(SAVED), "QEVM");

    check(!kill(helper, SIGHUP));
    check(host_wait(all_gone, NULL));
    guest_destroy(8);
    check(host_wait(has_ended, &status));
    check_int(status, 0);
}

static bool listens(void *data)
{
    (void)data;
    return !access(CLIENTS, F_OK);
}

/* An image of later needs more: a guest that runs is served all the same. */
TEST_AS_ROOT(it_takes_over_what_runs_whatever_todays_image_needs)
{
    int status = -1;

    start_ours(NULL);
    etc_make(example());
    native_make();
    file_write("/run/xensim/contents", "memory=106\n");
    guest_write(0, "/vm/u", "/local/domain/" DM "/vm");
    guest_write(0, "/run/xensim/initrd", "/vm/u/image/ramdisk");
    guest_write(0, "98304", "/local/domain/" DM "/memory/static-max");
    native_spawn();
    check(host_wait(has_ended, &status));
    check(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    guest_write(0, "running", PROXY_STATE);
    native_spawn();
    check(host_wait(listens, NULL));
}

/* A setting that stayed in a configuration, for a guest whose disk needs a
 * QEMU in dom0. */
TEST_AS_ROOT(in_qemus_slot_of_that_libxl_it_becomes_qemu)
{
    int status = -1;

    start_ours(NULL);
    etc_make(example());
    native_make();
    dom0_qemu_make("$*", "");
    helper_spawn();
    check(host_wait(dom0_qemu_was_started, NULL));
    check_str(file_text("/run/xensim/qemu"), "-xen-domid " DM " -chardev "
              "socket,id=libxl-cmd,path=" TOOLSTACK ",server=on,wait=off "
              "-machine xenpv -name g-dm\n");
    check(host_wait(has_ended, &status));
    check_int(status, 0);
    check_node("/local/domain/0/backend/console/" DM "/3/output",
               QMP_OUTPUT);
    check(access(TOOLSTACK, F_OK));
}

TAP_MAIN()
