/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/common/stubdom_log.h"

#include <sys/mman.h>

#include "tap.h"

/* What fn finds in that log; NULL: nothing. */
static void check_says(bool (*fn)(int fd, char *text_r, size_t size),
                       const char *log, const char *ought)
{
    char text[256] = "";
    int fd = memfd_create("log", 0);

    check_int(write(fd, log, strlen(log)), strlen(log));
    check_int(fn(fd, text, sizeof(text)), ought != NULL);
    check_str(text, ought ? ought : "");
    close(fd);
}

static void check_why(const char *log, const char *ought)
{
    check_says(stubdom_log_failure, log, ought);
}

TEST(the_log_says_why)
{
    check_why("", NULL);
    check_why("[    0.1] Linux\r\nqemu: warning: x\r\n", NULL);
    check_why("[    0.0] Command line: initcall_blacklist=a,"
              "print_s5_reset_status_mmio b\r\n"
              "[    2.0] Kernel panic - not syncing: No working init found."
              "  Try\r\n[    2.1] CPU: 0\r\n[    2.2] Kernel Offset\r\n",
              "the stubdomain's kernel panicked: No working init found.  "
              "Try");
    check_why("[    2.0] Kernel panic - not syncing: System is deadlocked on "
              "memory\r\n",
              "the stubdomain's kernel panicked: System is deadlocked on "
              "memory; set a larger stubdomain_memory");
    check_why("[    2.0]  print_s5_reset_status_mmio+0x39/0xd0\r\n"
              "[    2.1] Kernel panic - not syncing: Attempted to kill init! "
              "exitcode=0x00000009\r\n",
              "the stubdomain's kernel panicked: Attempted to kill init! "
              "exitcode=0x00000009; add initcall_blacklist="
              "print_s5_reset_status_mmio to stubdomain_cmdline");
    check_why("stubdomd: cannot speak to xenstored\r\n"
              "stubdomd: cannot start: No such file or directory; powering "
              "off\r\n",
              "cannot start: No such file or directory; powering off "
              "(cannot speak to xenstored)");
    check_why("stubdomd: QEMU was killed by signal 11\n",
              "QEMU was killed by signal 11");
    /* Its end is what counts, not what comes after. */
    check_why("qemu: a\nstubdomd: QEMU ended with status 1\nb\n"
              "[    1.0] Kernel panic - not syncing: Attempted to kill "
              "init!\n", "QEMU ended with status 1 (qemu: a)");
    check_why("qemu: \033[2J\xff\nstubdomd: QEMU ended with status 1\n",
              "QEMU ended with status 1 (qemu: ?[2J?)");
}

static void check_pci(const char *log, const char *ought)
{
    check_says(stubdom_log_pci_failure, log, ought);
}

TEST(the_log_says_why_pci_devices_do_not_come)
{
    check_pci("", NULL);
    check_pci("[    3.0] pcifront pci-0: Installing PCI frontend\r\n"
              "[    3.1] pcifront pci-0: Creating PCI Frontend Bus 0000:00\r\n"
              "qemu: pcifront pci-0: 12 Error setting up\r\n", NULL);
    check_pci("stubdomd: this image's kernel has no xen-pcifront: PCI "
              "devices will not be found\r\n",
              "this image's kernel has no xen-pcifront: PCI devices will not "
              "be found");
    check_pci("[    3.0] pcifront pci-0: Installing PCI frontend\r\n"
              "[    3.1] pcifront pci-0: Could not setup SWIOTLB!\r\n"
              "[    3.2] pcifront pci-0: 12 Error setting up PCI Frontend\r\n",
              "Could not setup SWIOTLB!; set a larger stubdomain_memory");
    check_pci("[    3.2] pcifront pci-0: 14 Error scanning PCI root "
              "0000:00\r\n", "14 Error scanning PCI root 0000:00");
}

/* The log is read while it is written: a console takes a few bytes at a
 * time. Until the whole reason is there, there is none. */
static void check_grows(const char *log, const char *ought)
{
    char *half = strdup(log);

    for (size_t i = 0; i < strlen(log); i++) {
        memcpy(half, log, i);
        half[i] = '\0';
        check_why(half, NULL);
    }
    check_why(log, ought);
    free(half);
}

TEST(half_a_reason_is_none)
{
    check_grows("[    0.1] Linux\r\nqemu: invalid option\r\n"
                "stubdomd: QEMU ended with status 1\r\n",
                "QEMU ended with status 1 (qemu: invalid option)");
    check_grows("[    0.1] Linux\r\n"
                "[    2.0] Kernel panic - not syncing: No init\r\n",
                "the stubdomain's kernel panicked: No init");
}

/* It may be of any length; its end counts. */
TEST(a_long_log_is_read_at_its_end)
{
    static char text[200001];

    memset(text, 'x', sizeof(text) - 1);
    check_why(text, NULL);
    strcpy(text + 150000, "\nqemu: a\nstubdomd: QEMU ended with status 1\n");
    check_why(text, "QEMU ended with status 1 (qemu: a)");
}

TEST(the_last_whole_line_says_how_far_it_came)
{
    char log[401], ought[256];

    check_says(stubdom_log_last, "", NULL);
    check_says(stubdom_log_last, "\r\n \r\nhalf", NULL);
    check_says(stubdom_log_last, "[    0.1] Linux\r\n"
               "[    0.2] Run \033[2J\r\n\r\n[    0.3] ha",
               "[    0.2] Run ?[2J");
    /* As much as there is room for. */
    memset(log, 'x', sizeof(log));
    strcpy(log + sizeof(log) - 2, "\n");
    memset(ought, 'x', sizeof(ought));
    ought[sizeof(ought) - 1] = '\0';
    check_says(stubdom_log_last, log, ought);
}

TAP_MAIN()
