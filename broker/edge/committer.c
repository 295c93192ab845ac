#include "edge/committer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct committer {
    struct store *store;
    struct committer_calls calls;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    const struct store_batch *batch; /* set: to be committed */
    bool finished;                   /* result is waiting to be taken */
    bool stop;
    int result;
};

static int commit(struct committer *c, const struct store_batch *batch)
{
    int result = c->calls.prepare(c->calls.context);
    return result < 0 ? result : store_commit(c->store, batch);
}

static void *run(void *argument)
{
    struct committer *c = argument;
    pthread_mutex_lock(&c->mutex);
    for (;;) {
        while (!c->batch && !c->stop) pthread_cond_wait(&c->wake, &c->mutex);
        if (!c->batch) break;
        const struct store_batch *batch = c->batch;
        pthread_mutex_unlock(&c->mutex);
        int result = commit(c, batch);
        pthread_mutex_lock(&c->mutex);
        c->batch = NULL;
        c->result = result;
        c->finished = true;
        c->calls.done(c->calls.context);
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

int committer_new(struct store *store, const struct committer_calls *calls, struct committer **ret_committer)
{
    struct committer *c = calloc(1, sizeof *c);
    if (!c) return -ENOMEM;
    c->store = store;
    c->calls = *calls;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->wake, NULL);
    int error = pthread_create(&c->thread, NULL, run, c);
    if (error) {
        free(c);
        return -error;
    }
    *ret_committer = c;
    return 0;
}

struct committer *committer_free(struct committer *c)
{
    if (!c) return NULL;
    pthread_mutex_lock(&c->mutex);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->mutex);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->mutex);
    free(c);
    return NULL;
}

void committer_start(struct committer *c, const struct store_batch *batch)
{
    pthread_mutex_lock(&c->mutex);
    c->batch = batch;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->mutex);
}

void committer_run(struct committer *c, const struct store_batch *batch)
{
    c->result = commit(c, batch);
    c->finished = true;
}

bool committer_take(struct committer *c, int *ret_result)
{
    pthread_mutex_lock(&c->mutex);
    bool finished = c->finished;
    *ret_result = c->result;
    c->finished = false;
    pthread_mutex_unlock(&c->mutex);
    return finished;
}
