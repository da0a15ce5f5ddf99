/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crew.h"

#include "tools/common/log.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* A job that spans a whole tick is one of a slow disk. Short enough that
 * nobody at a terminal notices, long enough that the standby costs nothing
 * even while files are being written all the time. */
#define CREW_TICK_MS 10
/* Ticks without a job until the standby goes to sleep. */
#define CREW_IDLE_TICKS 100
/* A leader's needs are small. */
#define CREW_STACK (1024 * 1024)

static void crew_finished(void *data, uint32_t events)
{
    struct crew *crew = data;
    struct crew_work *work;
    uint64_t n;

    (void)events;
    if (read(crew->finished_fd, &n, sizeof(n)) != sizeof(n))
        return;
    pthread_mutex_lock(&crew->lock);
    work = crew->finished;
    crew->finished = NULL;
    pthread_mutex_unlock(&crew->lock);
    while (work) {
        struct crew_work *next = work->next;

        work->back(work);
        work = next;
    }
}

int crew_init(struct crew *crew, struct loop *loop,
              void (*lead)(void *data), void *data)
{
    pthread_condattr_t attr;

    *crew = (struct crew){ .loop = loop, .lead = lead, .data = data };
    pthread_mutex_init(&crew->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&crew->wake, &attr);
    pthread_condattr_destroy(&attr);
    crew->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (crew->finished_fd < 0)
        return -1;
    return loop_add(loop, crew->finished_fd, EPOLLIN, crew_finished, crew,
                    &crew->finished_id);
}

static void tick_wait(struct crew *crew)
{
    struct timespec end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += CREW_TICK_MS * 1000000L;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    pthread_mutex_lock(&crew->lock);
    while (!pthread_cond_timedwait(&crew->wake, &crew->lock, &end))
        ;
    pthread_mutex_unlock(&crew->lock);
}

/* Until the leader starts a job; turn: as it was seen last. */
static void pause_wait(struct crew *crew, uint64_t turn)
{
    pthread_mutex_lock(&crew->lock);
    __atomic_store_n(&crew->asleep, true, __ATOMIC_SEQ_CST);
    /* The leader looks at asleep after it has changed turn. */
    if (__atomic_load_n(&crew->turn, __ATOMIC_SEQ_CST) != turn)
        __atomic_store_n(&crew->asleep, false, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&crew->asleep, __ATOMIC_SEQ_CST))
        pthread_cond_wait(&crew->wake, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
}

static void pause_end(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    __atomic_store_n(&crew->asleep, false, __ATOMIC_SEQ_CST);
    pthread_cond_signal(&crew->wake);
    pthread_mutex_unlock(&crew->lock);
}

/* Looks on until it has the lead. */
static void stand_by(struct crew *crew)
{
    uint64_t now, turn = __atomic_load_n(&crew->turn, __ATOMIC_SEQ_CST);
    unsigned int idle = 0;

    for (;;) {
        tick_wait(crew);
        now = __atomic_load_n(&crew->turn, __ATOMIC_SEQ_CST);
        if (now != turn) {
            turn = now;
            idle = 0;
        } else if (now & 1) {
            if (__atomic_compare_exchange_n(&crew->turn, &now, now + 1,
                                            false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST))
                return;
        } else if (++idle >= CREW_IDLE_TICKS) {
            pause_wait(crew, turn);
            idle = 0;
        }
    }
}

static void *standby_main(void *data);

/* Without a standby a slow disk is felt by all, no more. */
static void standby_start(struct crew *crew)
{
    pthread_attr_t attr;
    pthread_t thread;
    int error;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, CREW_STACK);
    error = pthread_create(&thread, &attr, standby_main, crew);
    pthread_attr_destroy(&attr);
    if (error)
        log_warn("cannot start a thread: %s; a disk that hangs will delay "
                 "all consoles", strerror(error));
}

static void *standby_main(void *data)
{
    struct crew *crew = data;

    stand_by(crew);
    log_debug("a file takes its time; going on without it");
    standby_start(crew);
    crew->lead(crew->data);
    return NULL;
}

void crew_run(struct crew *crew)
{
    standby_start(crew);
    crew->lead(crew->data);
    /* The process's first thread: its end would make the process look
     * dead in /proc. */
    for (;;)
        pause();
}

bool crew_do(struct crew *crew, struct crew_work *work)
{
    uint64_t turn = __atomic_add_fetch(&crew->turn, 1, __ATOMIC_SEQ_CST);

    if (__atomic_load_n(&crew->asleep, __ATOMIC_SEQ_CST))
        pause_end(crew);
    work->run(work);
    if (__atomic_compare_exchange_n(&crew->turn, &turn, turn + 1, false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return true;
    pthread_mutex_lock(&crew->lock);
    work->next = crew->finished;
    crew->finished = work;
    pthread_mutex_unlock(&crew->lock);
    while (write(crew->finished_fd, &(uint64_t){ 1 }, sizeof(turn)) < 0 &&
           errno == EINTR)
        ;
    return false;
}
