/* The types of directory.h, for the core's state. */
#ifndef CORE_DIRECTORY_TABLE_H
#define CORE_DIRECTORY_TABLE_H

#include <qiao/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;

struct learned {
    char area[QIAO_AREA_SIZE_MAX + 1];
    char service[QIAO_SERVICE_SIZE_MAX + 1]; /* "": an area */
    bool hole, withdrawn;
    uint8_t length;                /* nodes on the path */
    char *path;                    /* their names, a space between */
};

/* One way to an area, or to a service there. */
struct route_way {
    const char *area, *service;
    struct peer *peer;
    const struct learned *learned; /* NULL: from the configuration */
};

/* Sorted: areas first, by area; then services, by service. */
struct directory {
    struct route_way *ways;
    size_t count, areas, capacity;
    const char **holes;            /* areas that some neighbour cannot reach, sorted, each once */
    size_t holes_count, holes_capacity;
    size_t told;                   /* routes in the frame that is being made */
    bool stale;                    /* to be sorted anew */
    uint64_t version;              /* grows with each change */
    uint64_t due_ms;               /* when neighbours are told; LINK_NEVER: nothing to tell */
};

#endif
