/* SPDX-License-Identifier: GPL-2.0-or-later */
#define XENQMP_FAULTS
#include "tools/common/fault.h"

#include "fault_arm.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char *armed;
static unsigned int left;

void fault_arm(const char *name, unsigned int times)
{
    armed = name;
    left = times;
}

void fault(const char *name)
{
    if (armed && !strcmp(name, armed) && !--left)
        kill(getpid(), SIGKILL);
}

size_t fault_short(const char *name, size_t n)
{
    return armed && !strcmp(name, armed) && left == 1 ? (n + 1) / 2 : n;
}
