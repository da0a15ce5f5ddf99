/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/daemon/supervisor.h"

#include "fake_systemd.h"
#include "tap.h"

static struct fake_systemd systemd;
static struct supervisor supervisor;
static struct loop loop;
static char dir[] = "/tmp/test_supervisor.XXXXXX";

static unsigned int alive(void)
{
    unsigned int n = 0;

    fake_systemd_receive(&systemd);
    for (char *p = systemd.text; (p = strstr(p, "WATCHDOG=1")); p++)
        n++;
    return n;
}

TEST(says_that_it_lives)
{
    char pid[16];

    check(mkdtemp(dir));
    fake_systemd_start(&systemd, dir);
    check(!loop_init(&loop));
    setenv("WATCHDOG_USEC", "40000", 1);
    snprintf(pid, sizeof(pid), "%d", getpid());
    setenv("WATCHDOG_PID", pid, 1);
    supervisor_ready(&supervisor, &loop);
    fake_systemd_receive(&systemd);
    check(!strncmp(systemd.text, "READY=1\n", 8));
    while (alive() < 3)
        loop_run_once(&loop, 100);
    supervisor_stopping(&supervisor);
    fake_systemd_receive(&systemd);
    check(strstr(systemd.text, "STOPPING=1"));
    fake_systemd_stop(&systemd);
    rmdir(dir);
}

TEST(without_a_service_manager)
{
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    check(!loop_init(&loop));
    supervisor_ready(&supervisor, &loop);
    check(!loop_timer_is_set(&supervisor.timer));
    supervisor_stopping(&supervisor);
}

TAP_MAIN()
