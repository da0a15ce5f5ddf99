/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Four guests at once, each with a qmp-helper of its own: whose a serial
 * port's terminal is, whatever becomes of xenconsoled, and whose a PCI device.
 */
#include "guests.h"

#define PORTS 4

/* Each with its stubdomain's console 4. */
static struct port { uint32_t guest, dm; struct guest_console console; }
    ports[PORTS];

static const char *tty_keys[] = {
    "/local/domain/%u/device/console/4/tty",
    "/local/domain/%u/device/console/3/tty",
    "/local/domain/%u/serial/0/tty",
};

/* To be freed; "" if absent. */
static char *port_key(const struct port *port, int key)
{
    char path[64], *value;

    snprintf(path, sizeof(path), tty_keys[key], key == 2 ? port->guest :
             port->dm);
    value = guest_read("%s", path);
    return value ? value : strdup("");
}

/* What the daemon that runs has for the port; "" if none runs. */
static const char *port_terminal(const struct port *port)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX,
                                   .sun_path = "/run/xen/xenconsoled.sock" };
    static char text[4096];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    size_t n = 0;
    ssize_t r = -1;
    char *line, *tty;

    if (!connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        dprintf(fd, "list %u\n", port->dm);
        check(!shutdown(fd, SHUT_WR));
        while ((r = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
            n += (size_t)r;
    }
    close(fd);
    text[n] = '\0';
    line = strstr(text, " console=4 ");
    tty = line ? strstr(line, " tty=") : NULL;
    if (!tty)
        return "";
    tty += strlen(" tty=");
    tty[strcspn(tty, " \n")] = '\0';
    return tty;
}

static bool port_is_known(void *data)
{
    char *own = port_key(data, 0);
    bool r = *own && !strcmp(own, port_terminal(data));

    for (int key = 1; key < 3; key++) {
        char *other = port_key(data, key);

        r = r && !strcmp(own, other);
        free(other);
    }
    free(own);
    return r;
}

static bool ports_are_known(void *data)
{
    bool r = true;

    (void)data;
    for (int i = 0; i < PORTS; i++)
        r = r && port_is_known(&ports[i]);
    return r;
}

/* data: the first of them that is to be empty. */
static bool no_port_is_known(void *data)
{
    bool r = true;

    for (int i = 0; i < PORTS; i++)
        for (int key = *(int *)data; key < 3; key++) {
            char *value = port_key(&ports[i], key);

            r = r && !*value;
            free(value);
        }
    return r;
}

/* As xl console: who opens console 3's terminal has this guest. */
static void check_reaches_its_guest(struct port *port)
{
    char text[32], *path = port_key(port, 1);
    int fd = open(path, O_RDWR | O_NOCTTY), n;

    if (fd < 0)
        tap_fail("%s: %s", path, strerror(errno));
    free(path);
    n = snprintf(text, sizeof(text), "guest %u\n", port->guest);
    put_all(&port->console, text, (size_t)n);
    check_reads(fd, text, (size_t)n);
    close(fd);
}

static void port_start(struct port *port, uint32_t domid)
{
    struct hvm hvm;

    hvm_make(&hvm, domid, domid + 1, NULL);
    hvm_start_helper(&hvm);
    *port = (struct port){ .guest = hvm.guest, .dm = hvm.dm,
                           .console = hvm.consoles[SERIAL] };
    guest_console_publish(&port->console);
    check_connects(&port->console);
}

static void ports_start(void)
{
    start_ours(NULL);
    etc_make(example());
    for (uint32_t i = 0; i < PORTS; i++)
        port_start(&ports[i], 7 + 2 * i);
    check(host_wait(ports_are_known, NULL));
}

static void check_ports_reach_their_guests(void)
{
    check(host_wait(ports_are_known, NULL));
    for (int i = 0; i < PORTS; i++)
        check_reaches_its_guest(&ports[i]);
}

/* Another's, at the number that was the first port's. */
static void terminal_take(void)
{
    check(posix_openpt(O_RDWR | O_NOCTTY) >= 0);
}

static void ours_stop(int signal)
{
    siginfo_t info;

    check(!kill(ours, signal));
    check(!waitid(P_PID, (id_t)ours, &info, WEXITED | WNOWAIT));
    host_end(ours);
}

/* Without a service manager that keeps terminals. */
TEST_AS_ROOT(each_port_leads_to_its_guest_whatever_becomes_of_xenconsoled)
{
    static const int ends[] = { SIGTERM, SIGKILL, SIGINT };
    int all = 0, passed_on = 1;

    ports_start();
    check_ports_reach_their_guests();
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        ours_stop(ends[i]);
        /* Also if it is not started again. */
        check(host_wait(no_port_is_known, ends[i] == SIGKILL ? &passed_on :
                        &all));
        terminal_take();
        start_ours(NULL);
        check_ports_reach_their_guests();
        /* Without a pause. */
        ours_stop(ends[i]);
        terminal_take();
        start_ours(NULL);
        check_ports_reach_their_guests();
    }
}

static bool first_is_withdrawn(void *data)
{
    char *serial = port_key(&ports[0], 2), *console = port_key(&ports[0], 1);
    bool r = !*serial && !*console;

    (void)data;
    free(serial);
    free(console);
    return r;
}

TEST_AS_ROOT(a_stubdomain_does_not_choose_its_guests_terminal)
{
    char *anothers;

    ports_start();
    anothers = port_key(&ports[1], 0);
    guest_remove("/local/domain/8/device/console/4/tty");
    guest_write(8, anothers, "/local/domain/8/device/console/4/tty");
    check(host_wait(first_is_withdrawn, NULL));
    /* Nor does a daemon that comes back write there. */
    ours_stop(SIGTERM);
    start_ours(NULL);
    check_connects(&ports[0].console);
    for (int i = 1; i < PORTS; i++) {
        check(host_wait(port_is_known, &ports[i]));
        check_reaches_its_guest(&ports[i]);
    }
    check(first_is_withdrawn(NULL));
    check_str(port_key(&ports[0], 0), anothers);
}

static bool pci_is_the_guests(void *data)
{
    char *n = guest_read("/local/domain/0/backend/pci/7/0/num_devs");
    bool r = n && !strcmp(n, data);

    free(n);
    return r;
}

/* As xl create and xl pci-attach give it to the stubdomain. */
TEST_AS_ROOT(a_pci_device_of_the_stubdomain_is_its_guests)
{
    ports_start();
    guest_write(0, "0000:00:05.0", "/local/domain/0/backend/pci/8/0/dev-0");
    guest_write(0, "permissive=0", "/local/domain/0/backend/pci/8/0/opts-0");
    guest_write(0, "1", "/local/domain/0/backend/pci/8/0/num_devs");
    check(host_wait(pci_is_the_guests, "1"));
    check_str(guest_read("/local/domain/0/backend/pci/7/0/dev-0"),
              "0000:00:05.0");
    check_str(guest_read("/local/domain/0/backend/pci/7/0/opts-0"),
              "permissive=0");
    /* Never as a new backend's. */
    check(!guest_read("/local/domain/0/backend/pci/7/0/state"));
}

TAP_MAIN()
