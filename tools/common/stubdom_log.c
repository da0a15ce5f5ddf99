/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stubdom_log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

/* The end of a log, with all that a kernel says when it panics. */
#define LOG_TAIL 65536

/* The next line, in place, without its end; NULL: there is no more. One
 * that has no end yet is still being written, and none. */
static char *line_next(char **text)
{
    char *line = *text, *end = strchr(line, '\n');

    if (!end)
        return NULL;
    *text = end + 1;
    *end = '\0';
    line[strcspn(line, "\r")] = '\0';
    return line;
}

/* "[    1.234567] " goes before what a kernel says. */
static bool is_kernels(const char *line)
{
    size_t n = *line == '[' ? strspn(line + 1, " 0123456789.") : 0;

    return n && line[n + 1] == ']';
}

static bool text_failure(char *text, char *why_r, size_t size)
{
    static const char panic[] = "Kernel panic - not syncing: ";
    static const char ours[] = "stubdomd: ";
    const char *said = NULL, *ended = NULL, *panicked = NULL, *remedy = "";
    char *line;

    while ((line = line_next(&text))) {
        bool is_ours = !strncmp(line, ours, strlen(ours));
        const char *at = strstr(line, panic);

        if (is_ours && (strstr(line, "QEMU ended with") ||
                        strstr(line, "QEMU was killed") ||
                        strstr(line, "powering off")))
            ended = ended ? ended : line + strlen(ours);
        else if (is_kernels(line) &&
                 strstr(line, " print_s5_reset_status_mmio+"))
            remedy = "; add initcall_blacklist=print_s5_reset_status_mmio to "
                     "stubdomain_cmdline";
        else if (is_kernels(line) && at)
            panicked = panicked ? panicked : at + strlen(panic);
        else if (*line && !ended && !is_kernels(line))
            said = is_ours ? line + strlen(ours) : line;
    }
    if (panicked && !ended)
        snprintf(why_r, size, "the stubdomain's kernel panicked: %s%s",
                 panicked, strstr(panicked, "memory") ?
                 "; set a larger stubdomain_memory" : remedy);
    else if (ended)
        snprintf(why_r, size, "%s%s%s%s", ended, said ? " (" : "",
                 said ? said : "", said ? ")" : "");
    else
        return false;
    log_sanitise(why_r, strlen(why_r));
    return true;
}

/* Linux' drivers/pci/xen-pcifront.c: before 6.6 it sets up a SWIOTLB,
 * which takes memory in one piece; and what it calls an error ends it. */
static bool text_pci_failure(char *text, char *why_r, size_t size)
{
    static const char pcifront[] = "pcifront pci-0: ";
    static const char ours[] = "stubdomd: ";
    char *line;

    while ((line = line_next(&text))) {
        const char *at = is_kernels(line) ? strstr(line, pcifront) : NULL;

        if (!strncmp(line, ours, strlen(ours)) &&
            strstr(line, "has no xen-pcifront"))
            snprintf(why_r, size, "%s", line + strlen(ours));
        else if (at && strstr(at, "Could not setup SWIOTLB"))
            snprintf(why_r, size, "%s; set a larger stubdomain_memory",
                     at + strlen(pcifront));
        else if (at && strstr(at, " Error "))
            snprintf(why_r, size, "%s", at + strlen(pcifront));
        else
            continue;
        log_sanitise(why_r, strlen(why_r));
        return true;
    }
    return false;
}

static bool text_last(char *text, char *line_r, size_t size)
{
    const char *last = NULL;
    char *line;

    while ((line = line_next(&text)))
        if (line[strspn(line, " \t")])
            last = line;
    if (!last)
        return false;
    snprintf(line_r, size, "%s", last);
    log_sanitise(line_r, strlen(line_r));
    return true;
}

/* The log's end, a string; NULL: it has none. */
static char *log_tail(int fd)
{
    static char text[LOG_TAIL + 1];
    struct stat st;
    ssize_t n = -1;

    if (!fstat(fd, &st))
        n = pread(fd, text, LOG_TAIL,
                  st.st_size > LOG_TAIL ? st.st_size - LOG_TAIL : 0);
    if (n <= 0)
        return NULL;
    text[n] = '\0';
    for (ssize_t i = 0; i < n; i++)
        if (!text[i])
            text[i] = '?';
    return text;
}

bool stubdom_log_failure(int fd, char *why_r, size_t size)
{
    char *text = log_tail(fd);

    return text && text_failure(text, why_r, size);
}

bool stubdom_log_pci_failure(int fd, char *why_r, size_t size)
{
    char *text = log_tail(fd);

    return text && text_pci_failure(text, why_r, size);
}

bool stubdom_log_last(int fd, char *line_r, size_t size)
{
    char *text = log_tail(fd);

    return text && text_last(text, line_r, size);
}
