#include "journal_pages.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#define KEPT_MAX 128u
/* Sizes are rounded up to this, so that pieces of nearly the same size can stand in for one another. */
#define STEP (64u * 1024u)

struct piece {
    void *pages;
    size_t capacity;
};

static struct {
    pthread_mutex_t lock;
    struct piece kept[KEPT_MAX];
    unsigned count;
    size_t bytes;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* With lock held. */
static struct piece take_out(unsigned i)
{
    struct piece piece = pool.kept[i];

    pool.kept[i] = pool.kept[--pool.count];
    pool.bytes -= piece.capacity;
    return piece;
}

/* The smallest that will do without wasting half of it; pages is NULL if none will. With lock held. */
static struct piece take_fitting(size_t size)
{
    unsigned best = KEPT_MAX;

    for (unsigned i = 0; i < pool.count; i++) {
        size_t capacity = pool.kept[i].capacity;
        if (capacity >= size && capacity / 2 <= size && (best == KEPT_MAX || capacity < pool.kept[best].capacity))
            best = i;
    }
    return best == KEPT_MAX ? (struct piece){ NULL, 0 } : take_out(best);
}

/* Populated: all of it will be written to at once, and one call is cheaper than a fault for each page. */
static void *map(size_t capacity)
{
    void *pages = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return pages == MAP_FAILED ? NULL : pages;
}

void *pages_new(size_t size, size_t *ret_capacity)
{
    struct piece piece;

    if (size > SIZE_MAX - STEP)
        return NULL;
    size = size ? (size + STEP - 1) / STEP * STEP : STEP;
    pthread_mutex_lock(&pool.lock);
    piece = take_fitting(size);
    pthread_mutex_unlock(&pool.lock);
    if (!piece.pages)
        piece = (struct piece){ map(size), size };
    *ret_capacity = piece.capacity;
    return piece.pages;
}

void *pages_free(void *pages, size_t capacity)
{
    bool is_kept;

    if (!pages)
        return NULL;
    pthread_mutex_lock(&pool.lock);
    is_kept = pool.count < KEPT_MAX && capacity <= PAGES_KEPT_BYTES_MAX - pool.bytes;
    if (is_kept) {
        pool.kept[pool.count++] = (struct piece){ pages, capacity };
        pool.bytes += capacity;
    }
    pthread_mutex_unlock(&pool.lock);
    if (!is_kept)
        munmap(pages, capacity);
    return NULL;
}

void pages_trim(void)
{
    pthread_mutex_lock(&pool.lock);
    while (pool.count > 0) {
        struct piece piece = take_out(pool.count - 1);
        munmap(piece.pages, piece.capacity);
    }
    assert(pool.bytes == 0);
    pthread_mutex_unlock(&pool.lock);
}
