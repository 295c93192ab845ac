#include "flight.h"

#include <stdlib.h>
#include <string.h>

void flights_init(struct flights *flights)
{
    *flights = (struct flights){ .buckets_count = 1024 };
    flights->buckets = calloc(flights->buckets_count, sizeof *flights->buckets);
    if (!flights->buckets)
        abort();
}

static void flight_free(struct flight *flight)
{
    free(flight->key);
    free(flight->case_id);
    free(flight);
}

void flights_deinit(struct flights *flights)
{
    for (size_t i = 0; i < flights->buckets_count; i++)
        while (flights->buckets[i]) {
            struct flight *next = flights->buckets[i]->next;
            flight_free(flights->buckets[i]);
            flights->buckets[i] = next;
        }
    free(flights->buckets);
    *flights = (struct flights){ 0 };
}

static size_t bucket_of(const struct flights *flights, const struct qiao_id *id)
{
    uint64_t tail;
    memcpy(&tail, id->bytes + 8, sizeof tail);
    tail ^= tail >> 29;
    return (size_t)(tail & (flights->buckets_count - 1));
}

static void grow(struct flights *flights)
{
    struct flights wider = { .buckets_count = flights->buckets_count * 2, .count = flights->count };
    wider.buckets = calloc(wider.buckets_count, sizeof *wider.buckets);
    if (!wider.buckets)
        abort();
    for (size_t i = 0; i < flights->buckets_count; i++)
        for (struct flight *flight = flights->buckets[i], *next; flight; flight = next) {
            size_t bucket = bucket_of(&wider, &flight->id);
            next = flight->next;
            flight->next = wider.buckets[bucket];
            wider.buckets[bucket] = flight;
        }
    free(flights->buckets);
    *flights = wider;
}

struct flight *flights_add(struct flights *flights, const struct flight *flight)
{
    if (flights->count >= flights->buckets_count)
        grow(flights);
    struct flight *added = malloc(sizeof *added);
    if (!added)
        abort();
    size_t bucket = bucket_of(flights, &flight->id);
    *added = *flight;
    added->next = flights->buckets[bucket];
    flights->buckets[bucket] = added;
    flights->count++;
    return added;
}

struct flight *flights_find(const struct flights *flights, const struct qiao_id *id)
{
    struct flight *flight = flights->buckets[bucket_of(flights, id)];
    while (flight && !qiao_id_equal(&flight->id, id))
        flight = flight->next;
    return flight;
}

void flights_remove(struct flights *flights, struct flight *flight)
{
    struct flight **at = &flights->buckets[bucket_of(flights, &flight->id)];
    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    flights->count--;
    flight_free(flight);
}
