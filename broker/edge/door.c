#include "edge/door.h"

#include "edge/gate.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static_assert(GATE_ADDRESS_SIZE == sizeof((struct wire_source){ 0 }.address), "the wire's addresses are the gate's");

struct door {
    pthread_mutex_t mutex;
    struct gate *gate;
    struct wire_door wire;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const char *enter(void *context, const struct wire_source *source, uint32_t *ret_place)
{
    struct door *door = context;
    pthread_mutex_lock(&door->mutex);
    enum gate_verdict verdict = gate_enter(door->gate, source->local ? NULL : source->address, now_ms(), ret_place);
    pthread_mutex_unlock(&door->mutex);
    return verdict == GATE_OPEN ? NULL : gate_reason(verdict);
}

static void proved(void *context, uint32_t place)
{
    struct door *door = context;
    pthread_mutex_lock(&door->mutex);
    gate_proved(door->gate, place);
    pthread_mutex_unlock(&door->mutex);
}

static void leave(void *context, uint32_t place, bool was_proved)
{
    struct door *door = context;
    pthread_mutex_lock(&door->mutex);
    gate_leave(door->gate, place, was_proved);
    pthread_mutex_unlock(&door->mutex);
}

static struct gate_limits limits_of(const struct conf *conf)
{
    return (struct gate_limits){
        .handshakes_per_second_max = conf->limits.handshakes_per_second_max, .handshakes_per_address_max = conf->limits.handshakes_per_address_max,
        .unproven_per_address_max = conf->limits.unproven_per_address_max, .connections_per_address_max = conf->limits.connections_per_address_max,
    };
}

int door_new(const struct conf *conf, struct door **ret_door)
{
    uint64_t seed = 0;
    struct gate_limits limits = limits_of(conf);
    struct door *door = calloc(1, sizeof *door);
    if (!door) return -ENOMEM;
    while (getrandom(&seed, sizeof seed, 0) != sizeof seed) { }
    int result = gate_new(seed, &limits, &door->gate);
    if (result != 0) {
        free(door);
        return result;
    }
    pthread_mutex_init(&door->mutex, NULL);
    door->wire = (struct wire_door){ .context = door, .enter = enter, .proved = proved, .leave = leave };
    *ret_door = door;
    return 0;
}

struct door *door_free(struct door *door)
{
    if (!door) return NULL;
    gate_free(door->gate);
    pthread_mutex_destroy(&door->mutex);
    free(door);
    return NULL;
}

void door_set_limits(struct door *door, const struct conf *conf)
{
    struct gate_limits limits = limits_of(conf);
    pthread_mutex_lock(&door->mutex);
    gate_set_limits(door->gate, &limits);
    pthread_mutex_unlock(&door->mutex);
}

const struct wire_door *door_for_wire(const struct door *door)
{
    return &door->wire;
}
