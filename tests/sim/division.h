/* An area set divided once more, point by point: division.c. A point is an area in which something may begin or end, seen in one region that
 * the copy was for: what lies just there goes one way as a whole. */
#ifndef SIM_DIVISION_H
#define SIM_DIVISION_H

#include "ways.h"

#include "codec/share.h"

enum { DIVISION_POINTS_MAX = 256, DIVISION_REGIONS_MAX = 64, DIVISION_BRANCHES_MAX = 32 };

/* A node on the way, as the share that came says. */
struct branch {
    struct qiao_bytes name;
    uint64_t above;
    bool passed;                   /* what it has is passed on as it is */
};

struct region {
    char area[QIAO_AREA_SIZE_MAX + 1];
    struct pb_reader excepts;
    size_t branch;
    bool passed;                   /* its branch is */
    bool here;                     /* for the members of this node only */
};

enum place_kind { PLACE_NOWHERE, PLACE_OWN, PLACE_WAITS, PLACE_GOES, PLACE_PASSED };

struct place {
    enum place_kind kind;
    size_t size;                   /* of the area that decided, which is around the point */
    const struct neighbour *first; /* PLACE_GOES */
    const char *path;              /* nodes on the way there */
    unsigned length;
};

struct point {
    char area[QIAO_AREA_SIZE_MAX + 1];
    const struct region *region;   /* NULL: none */
    struct place place;
    struct qiao_bytes holder;      /* the node that divides it next; empty: this one keeps it, or nobody has it */
    struct qiao_bytes first;       /* the neighbour it goes through */
};

struct division {
    const struct question *q;
    char root[SIM_TEXT_SIZE];
    bool again;                    /* it was here before: all of it waits a while */
    struct branch branches[DIVISION_BRANCHES_MAX];
    size_t branches_count;
    struct region regions[DIVISION_REGIONS_MAX];
    size_t regions_count;
    struct point points[DIVISION_POINTS_MAX];
    size_t points_count;
    bool here;                     /* this node's members are in it */
    bool inside;                   /* a region lies in this node's area */
    bool overflow;                 /* there is no room for all of this, or it is not sound: nothing agrees with it */
};

/* Who is given each point, from d->q, d->root and d->again. */
void divide(struct division *d);
/* Is the area in the region, and in nothing that is excepted? */
bool division_is_in(const struct region *region, const char *area);
/* The node that passes it on to this one: where the share has put it, else as on the path that was laid first of those through it.
 * Empty: it is a neighbour. */
struct qiao_bytes division_above(const struct division *d, struct qiao_bytes name);

static inline bool is_text(struct qiao_bytes bytes, const char *text)
{
    return qiao_bytes_equal(bytes, qiao_bytes_from_string(text));
}

static inline void copy_area(char to[QIAO_AREA_SIZE_MAX + 1], struct qiao_bytes area)
{
    memcpy(to, area.data ? (const char *)area.data : "", area.size);
    to[area.size] = '\0';
}

#endif
