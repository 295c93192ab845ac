#include "wire/task_threads.h"

#include <nng/nng.h>

#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    THREADS_MAX = 16,    /* NNG_MAX_TASKQ_THREADS */
    PATIENCE_MS = 100,   /* a thread gives itself its name when it first runs */
};

static nng_aio *parked[THREADS_MAX]; /* each under way as long as the process lives */
static sem_t forever;

static bool is_task_thread(const char *id)
{
    char path[64], name[16] = "";
    snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", id);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t size = fread(name, 1, sizeof name - 1, file);
    fclose(file);
    name[size > 0 ? size - 1 : 0] = '\0'; /* a line */
    return strcmp(name, "nng:task") == 0;
}

static int count_task_threads(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    if (!folder)
        return 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        count += is_task_thread(entry->d_name);
    closedir(folder);
    return count;
}

/* As NNG counts. */
static int expected_threads(void)
{
    long count = 2 * sysconf(_SC_NPROCESSORS_ONLN);
    return count < 2 ? 2 : count > THREADS_MAX ? THREADS_MAX : (int)count;
}

/* Those that have not begun yet may be missing: then more than one is left to work, and nothing is wrong. */
static int started_threads(void)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    int count = count_task_threads();
    for (int i = 0; i < PATIENCE_MS && count < expected_threads(); i++) {
        nanosleep(&pause, NULL);
        count = count_task_threads();
    }
    return count < THREADS_MAX ? count : THREADS_MAX;
}

static void wait_for_good(void *context)
{
    (void)context;
    for (;;)
        sem_wait(&forever);
}

static void park_all_but_one(void)
{
    sem_init(&forever, 0, 0);
    for (int i = started_threads() - 1; i > 0; i--) {
        if (nng_aio_alloc(&parked[i], wait_for_good, NULL) != 0)
            return;
        nng_sleep_aio(0, parked[i]);
    }
}

void task_threads_park(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, park_all_but_one);
}
