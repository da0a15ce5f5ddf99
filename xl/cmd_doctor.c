/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl-qmp doctor: can this host run guests with stubdomains of xenqmp's? A
 * line for each thing that they need, with the remedy. Nothing is changed.
 */
#include "config.h"
#include "consoled.h"
#include "guest_pci.h"
#include "host.h"
#include "tools/common/log.h"
#include "tools/common/stubdom_image.h"
#include "xl_qmp.h"

#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Tests have a root of their own. */
#ifndef DOCTOR_ROOT
#define DOCTOR_ROOT ""
#endif
#define HELPER XENQMP_LIBEXECDIR "/qmp-helper"

/* xenstored answers at once or, with a dead one, never. */
#define STORE_LIMIT_MS 10000

#ifndef DOCTOR_XEN_TESTED
#define DOCTOR_XEN_TESTED XENQMP_XEN_TESTED
#define DOCTOR_XEN_MAJOR  XENQMP_XEN_MAJOR
#define DOCTOR_XEN_MINOR  XENQMP_XEN_MINOR
#endif

struct doctor {
    const struct options *options;
    struct host host;
    unsigned int problems, guests;      /* guests: that have some */
};

static void __attribute__((format(printf, 3, 4)))
say(struct doctor *doctor, bool ok, const char *fmt, ...)
{
    va_list args;

    doctor->problems += !ok;
    fputs(ok ? "ok       " : "problem  ", stdout);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

/* Below the root; valid until the next call but one. */
static const char *at(const char *path)
{
    static char paths[2][PATH_MAX];
    static unsigned int next;
    char *r = paths[next++ % 2];

    snprintf(r, PATH_MAX, "%s%s", DOCTOR_ROOT, path);
    return r;
}

static bool file_has(const char *path, const char *text)
{
    char bytes[256];
    FILE *file = fopen(at(path), "r");
    size_t n = file ? fread(bytes, 1, sizeof(bytes) - 1, file) : 0;

    if (file)
        fclose(file);
    bytes[n] = '\0';
    return strstr(bytes, text);
}

static void check_xen(struct doctor *doctor)
{
    if (!access(at("/proc/xen/capabilities"), F_OK)) {
        bool dom0 = file_has("/proc/xen/capabilities", "control_d");

        say(doctor, dom0, dom0 ? "Xen: this is dom0" : "Xen: this is a "
            "guest, not dom0; run xl-qmp in dom0");
    } else if (file_has("/sys/hypervisor/type", "xen")) {
        say(doctor, true, "Xen: this kernel runs on it");
    } else {
        say(doctor, false, "Xen: this kernel does not run on it; install "
            "it (Debian: apt install xen-system-amd64) and boot into it");
    }
}

/* In a child, which can be ended. */
static void check_store(struct doctor *doctor)
{
    int fd[2];
    struct pollfd answer = { .events = POLLIN };
    bool ok = false;
    pid_t pid = -1;
    char c;

    if (!pipe(fd)) {
        pid = fork();
        if (!pid) {
            close(fd[0]);
            _exit(host_domain_name(&doctor->host, 0) &&
                  write(fd[1], "y", 1) == 1 ? 0 : 1);
        }
        close(fd[1]);
        answer.fd = fd[0];
        ok = pid > 0 && poll(&answer, 1, STORE_LIMIT_MS) == 1 &&
             read(fd[0], &c, 1) == 1;
        close(fd[0]);
    }
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    say(doctor, ok, ok ? "xenstored: answers" : "xenstored: does not "
        "answer; start Xen's daemons (systemctl start xenstored, or "
        "Debian: systemctl start xen) and run this as root");
    /* What follows asks libxl, which would wait for it. */
    doctor->host.tried = !ok;
}

/* Below 0: older than those that xenqmp is tested with. Above: newer. 0: one
 * of them, or at least between them. */
static int compare_tested(int major, int minor, bool *tested_r)
{
    const char *list = DOCTOR_XEN_TESTED;
    int of_list[2], n, compared = 0, older = 0, newer = 0;

    *tested_r = false;
    for (; sscanf(list, "%d.%d%n", &of_list[0], &of_list[1], &n) == 2;
         list += n) {
        compared = major != of_list[0] ? major - of_list[0] :
                   minor - of_list[1];
        *tested_r = *tested_r || !compared;
        older += compared < 0;
        newer += compared > 0;
    }
    return *tested_r || (older && newer) ? 0 : compared;
}

/* libxl's and libxenctrl's interface is another in each version. */
static void check_version(struct doctor *doctor, int major, int minor)
{
    bool tested;
    int compared = compare_tested(major, minor, &tested);

    if (compared)
        say(doctor, false, "libxl: Xen is %d.%d, %s than those that this "
            "xenqmp supports (tested: %s); look for a version of it that "
            "does", major, minor, compared < 0 ? "older" : "newer",
            DOCTOR_XEN_TESTED);
    else if (major != DOCTOR_XEN_MAJOR || minor != DOCTOR_XEN_MINOR)
        say(doctor, false, "libxl: Xen is %d.%d, and this xenqmp is built "
            "for %d.%d, which serves no other; install the one of this "
            "distribution's release, or build it here", major, minor,
            DOCTOR_XEN_MAJOR, DOCTOR_XEN_MINOR);
    else
        say(doctor, true, "libxl: Xen is %d.%d%s%s%s", major, minor,
            tested ? "" : ", which xenqmp is not tested with (tested: ",
            tested ? "" : DOCTOR_XEN_TESTED, tested ? "" : ")");
}

static void check_libxl(struct doctor *doctor)
{
    int major, minor;

    if (host_version(&doctor->host, &major, &minor))
        check_version(doctor, major, minor);
    else
        say(doctor, false, "libxl: cannot ask Xen for its version; install "
            "Xen's tools of the version that runs, and run this as root");
}

static void ignore_line(char *line, void *data)
{
    (void)line;
    (void)data;
}

static void check_consoled(struct doctor *doctor)
{
    struct consoled consoled;
    char text[256];
    bool ok = false;

    if (access(at(CONSOLED_SOCKET), F_OK)) {
        say(doctor, false, "xenconsoled: xenqmp's does not run, but Xen's "
            "or none; Debian: install the package xenqmp; else systemctl "
            "disable --now xenconsoled && systemctl enable --now "
            "xenqmp-xenconsoled");
        return;
    }
    /* Says why not on standard error. */
    if (!consoled_open(&consoled, at(CONSOLED_SOCKET),
                       doctor->options->timeout_ms)) {
        ok = !consoled_request(&consoled, "ping", ignore_line, NULL, text,
                               sizeof(text));
        consoled_close(&consoled);
    }
    say(doctor, ok, ok ? "xenconsoled: xenqmp's, and it answers" :
        "xenconsoled: does not answer; run this as root, or systemctl "
        "restart xenqmp-xenconsoled");
}

static void check_run(struct doctor *doctor)
{
    struct stat st;

    if (stat(at("/run/xen"), &st) || !S_ISDIR(st.st_mode))
        say(doctor, false, "/run/xen: is missing; mkdir -m 700 /run/xen");
    else if ((st.st_uid && st.st_uid != geteuid()) ||
             (st.st_mode & (S_IWGRP | S_IWOTH)))
        say(doctor, false, "/run/xen: others than root can write there; "
            "chown root /run/xen && chmod go-w /run/xen");
    else
        say(doctor, true, "/run/xen: only root writes there");
}

/* What it says of its settings; "" if nothing. Its status. */
static int helper_ask(const char *option, char *line, size_t size)
{
    int fd[2], status = -1;
    FILE *said = NULL;
    pid_t pid;

    *line = '\0';
    if (pipe(fd))
        return -1;
    pid = fork();
    if (!pid) {
        dup2(fd[1], STDERR_FILENO);
        execl(at(HELPER), HELPER, option, (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    said = fdopen(fd[0], "r");
    if (said && !fgets(line, (int)size, said))
        *line = '\0';
    if (said)
        fclose(said);
    if (pid > 0)
        waitpid(pid, &status, 0);
    line[strcspn(line, "\n")] = '\0';
    return status;
}

static void check_config(struct doctor *doctor)
{
    char line[1024];
    int status = helper_ask("--check-config", line, sizeof(line));
    const char *text = strncmp(line, "qmp-helper: ", 12) ? line : line + 12;

    log_sanitise(line, strlen(line));
    if (*line)
        say(doctor, false, "qmp-helper.conf: %s", text);
    else if (status)
        say(doctor, false, "qmp-helper.conf: qmp-helper cannot read it; "
            "install xenqmp as a whole");
    else
        say(doctor, true, "qmp-helper.conf: right, or not there");
}

static void check_helper(struct doctor *doctor)
{
    if (access(at(HELPER), X_OK)) {
        say(doctor, false, "qmp-helper: %s is missing; install xenqmp with "
            "make install, or its package", HELPER);
        return;
    }
    say(doctor, true, "qmp-helper: %s", HELPER);
    check_config(doctor);
}

/* When a file came to this place: packages keep the time of their making
 * as the other times. */
static bool is_newer(const char *path, time_t than)
{
    struct stat st;

    return !stat(path, &st) && st.st_ctime > than;
}

/* The first file that the image is made of and that is newer. */
static bool find_newer(time_t than, char *path_r, size_t size)
{
    static const char *const parts[] = {
        "/boot/vmlinuz-*", "/lib/modules/*/vmlinuz",
        "/usr/libexec/xen-qemu-system-i386",
        "/usr/lib/xen/bin/qemu-system-i386",
    };
    bool found = false;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        glob_t files;

        if (glob(at(parts[i]), 0, NULL, &files))
            continue;
        for (size_t f = 0; f < files.gl_pathc && !found; f++) {
            found = is_newer(files.gl_pathv[f], than);
            if (found)
                snprintf(path_r, size, "%s", files.gl_pathv[f]);
        }
        globfree(&files);
    }
    return found;
}

static void check_image(struct doctor *doctor)
{
    struct stubdom_image image;
    struct stat kernel, initrd;
    char newer[PATH_MAX];

    stubdom_image_read(&image, at(XENQMP_STUBDOM_DIR "/initrd"));

    if (stat(at(XENQMP_STUBDOM_DIR "/vmlinuz"), &kernel) ||
        stat(at(XENQMP_STUBDOM_DIR "/initrd"), &initrd))
        say(doctor, false, "stubdomain's image: %s has no vmlinuz and "
            "initrd; run mkstubdom", XENQMP_STUBDOM_DIR);
    else if (find_newer(initrd.st_mtime, newer, sizeof(newer)))
        say(doctor, false, "stubdomain's image: older than %s; run "
            "mkstubdom, and start the guests again", newer);
    else if (!image.memory_mib)
        say(doctor, false, "stubdomain's image: made by a mkstubdom that says "
            "of no memory; run mkstubdom");
    else
        say(doctor, true, "stubdomain's image: newer than all kernels and "
            "QEMU; a stubdomain needs %u MiB of memory, %u more for a "
            "display, %u for each NIC, %u for each disk", image.memory_mib,
            image.each_mib.displays, image.each_mib.nics,
            image.each_mib.disks);
}

static void say_of_pci(struct doctor *doctor,
                       const struct guest_pci_assignable *devices)
{
    if (*devices->no_reset)
        say(doctor, true, "PCI resets: Linux can't reset %s: what a guest "
            "leaves in such a device the next one finds", devices->no_reset);
    if (*devices->apart)
        say(doctor, true, "PCI functions: dom0 keeps others of the cards of "
            "%s, which may share their reset and IOMMU group; assign all of "
            "a card to one guest", devices->apart);
    if (*devices->permissive)
        say(doctor, true, "PCI permissive: %s, since a guest before; "
            "xl-qmp create refuses that to guests that do not ask for it; xl "
            "pci-assignable-remove and -add end it", devices->permissive);
}

/* Nothing is amiss without an IOMMU, but that no guest can have a device. */
static void check_pci(struct doctor *doctor)
{
    struct guest_pci_assignable devices;
    struct stubdom_image image;
    char counts[96], used[48] = "";
    bool iommu;

    if (!host_iommu(&doctor->host, &iommu))
        return;
    guest_pci_assignable(&devices, &doctor->host);
    stubdom_image_read(&image, at(XENQMP_STUBDOM_DIR "/initrd"));
    if (!devices.n && !devices.in_use) {
        say(doctor, true, "PCI devices: %s%s%s", iommu ? "none can be given "
            "to a guest; " : "Xen uses no IOMMU, so no guest can have one of "
            "the host's", iommu && !devices.loaded ? "modprobe xen-pciback, "
            "then " : "", iommu ? "xl pci-assignable-add makes one so" : "");
        return;
    }
    if (devices.in_use)
        snprintf(used, sizeof(used), ", %u %s in use", devices.in_use,
                 devices.in_use == 1 ? "is" : "are");
    snprintf(counts, sizeof(counts), "%u can be given to guests%s", devices.n,
             used);
    if (!iommu)
        say(doctor, false, "PCI devices: %s, but Xen uses no IOMMU; turn it "
            "on in the firmware (VT-d or AMD-Vi)", counts);
    else if (image.pci != IMAGE_PCI_HAS)
        say(doctor, false, "PCI devices: %s, but the stubdomain's image has "
            "no xen-pcifront; run mkstubdom%s", counts,
            image.pci == IMAGE_PCI_UNKNOWN ? "" :
            " -k with a kernel that has it");
    else
        say(doctor, true, "PCI devices: %s", counts);
    say_of_pci(doctor, &devices);
}

/* When the file came to be. mkstubdom makes a new one where the image
 * changes, and touches the old one where it doesn't. */
static bool file_born(const char *path, time_t *time_r)
{
    struct statx st;

    if (!*path || statx(AT_FDCWD, at(path), 0, STATX_BTIME | STATX_MTIME,
                        &st))
        return false;
    *time_r = (time_t)(st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec :
                       st.stx_mtime.tv_sec);
    return true;
}

static void __attribute__((format(printf, 3, 4)))
say_of_guest(struct doctor *doctor, uint32_t domid, const char *fmt, ...)
{
    char *name = host_domain_name(&doctor->host, domid);
    char text[PATH_MAX + 128];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    log_sanitise(name, name ? strlen(name) : 0);
    log_sanitise(text, strlen(text));
    doctor->guests++;
    say(doctor, false, "guest %s (%" PRIu32 "): its stubdomain %s",
        name ? name : "without a name", domid, text);
    free(name);
}

/* False: there is no use in looking further. */
static bool check_stubdom(struct doctor *doctor, uint32_t domid,
                          uint32_t stubdom)
{
    enum stubdom_state state = host_state(&doctor->host, stubdom);

    if (stubdom_has_ended(state))
        say_of_guest(doctor, domid, "(%" PRIu32 ") %s; xl destroy %" PRIu32
                     ", and create it again", stubdom,
                     stubdom_state_text(state), domid);
    /* Not one of a guest that is being made. */
    else if (state == STUBDOM_PAUSED &&
             host_state(&doctor->host, domid) != STUBDOM_PAUSED)
        say_of_guest(doctor, domid, "(%" PRIu32 ") is paused; xl unpause %"
                     PRIu32, stubdom, stubdom);
    return !stubdom_has_ended(state);
}

static void check_guest(uint32_t domid, void *data)
{
    struct doctor *doctor = data;
    struct host_boot boot;
    struct stubdom_memory memory;
    const char *newer;
    uint32_t stubdom;
    time_t born;

    if (!host_stubdom(&doctor->host, domid, &stubdom) ||
        !check_stubdom(doctor, domid, stubdom))
        return;
    if (!host_memory_is_enough(&doctor->host, domid, stubdom, &memory)) {
        say_of_guest(doctor, domid, "has %u MiB of memory, and with today's "
                     "image it needs %u: it does not come back from a reboot "
                     "or a save; set stubdomain_memory = %u in its "
                     "configuration, or remove it, shut the guest down, and "
                     "create it again", memory.has_mib, memory.needs_mib,
                     memory.needs_mib);
        return;
    }
    if (!host_boot(&doctor->host, stubdom, &boot))
        return;
    if (file_born(boot.ramdisk, &born) && born > boot.time)
        newer = boot.ramdisk;
    else if (file_born(boot.kernel, &born) && born > boot.time)
        newer = boot.kernel;
    else
        return;
    say_of_guest(doctor, domid, "runs an older image than %s; xl reboot %"
                 PRIu32 ", or xl save and xl restore", newer, domid);
}

static void check_guests(struct doctor *doctor)
{
    if (host_domains(&doctor->host, check_guest, doctor) &&
        !doctor->guests)
        say(doctor, true, "guests: all stubdomains run, none with an older "
            "image");
}

int cmd_doctor(const struct options *options, int argc, char **argv)
{
    struct doctor doctor = {
        .options = options, .host = { .logger = options->logger },
    };

    if (argc > 1) {
        log_error("doctor: what is %s; usage: xl-qmp doctor", argv[1]);
        return XL_QMP_USAGE;
    }
    check_xen(&doctor);
    check_store(&doctor);
    check_libxl(&doctor);
    check_consoled(&doctor);
    check_run(&doctor);
    check_helper(&doctor);
    check_image(&doctor);
    check_pci(&doctor);
    check_guests(&doctor);
    host_dispose(&doctor.host);
    return doctor.problems ? XL_QMP_CONNECTION : XL_QMP_OK;
}
