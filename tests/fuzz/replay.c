/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay_<target>: runs the target with each file of its corpus, each in a
 * process of its own. TAP.
 */
#include "fuzz.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_S 3600
#define SIZE    65536

static void run_file(const char *dir, const char *name)
{
    static uint8_t data[SIZE];
    char path[4096 + 257];
    FILE *file;
    size_t n;

    alarm(LIMIT_S);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "rb");
    if (!file)
        _exit(1);
    n = fread(data, 1, sizeof(data), file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, n);
    exit(0);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    const char *srcdir = getenv("SRCDIR"), *target;
    struct dirent **entries;
    int n, status, failed = 0;
    char dir[4096];
    pid_t pid;

    target = argc ? strstr(argv[0], "replay_") : NULL;
    if (!srcdir || !target) {
        fprintf(stderr, "SRCDIR is not set\n");
        return 2;
    }
    snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s", srcdir,
             target + strlen("replay_"));
    n = scandir(dir, &entries, visible, alphasort);
    if (n <= 0) {
        fprintf(stderr, "%s: no corpus\n", dir);
        return 2;
    }
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        fflush(stdout);
        pid = fork();
        if (!pid)
            run_file(dir, entries[i]->d_name);
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            status = -1;
        failed += status != 0;
        printf("%sok %d - %s\n", status ? "not " : "", i + 1,
               entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return failed != 0;
}
