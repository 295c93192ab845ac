/* The gate as the wire asks it: from any thread, with the clock. */
#ifndef EDGE_DOOR_H
#define EDGE_DOOR_H

#include "conf/conf.h"
#include "wire/wire.h"

struct door;

/* 0 or -ENOMEM. The door is opened and closed by its owner's thread, when no wire uses it. */
int door_new(const struct conf *conf, struct door **ret_door);
struct door *door_free(struct door *door); /* returns NULL */
void door_set_limits(struct door *door, const struct conf *conf);

/* For wire_options; valid as long as the door. */
const struct wire_door *door_for_wire(const struct door *door);

#endif
