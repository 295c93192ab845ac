/* Both ends of a link in one process: what one writes, the other reads, frame by frame. */
#ifndef PROTO_PAIR_H
#define PROTO_PAIR_H

#include "link/link.h"

struct pair_end {
    struct link link;
    struct buf out;
    struct frame_reader reader;
    struct link_event events[64];
    size_t events_count;
    struct link_resume resume[LINK_LANES];
    bool accepts;                 /* calls link_accept by itself */
};

struct pair {
    struct pair_end dialer, listener;
    uint64_t now_ms;
};

/* A child node dials its parent; resume points begin at nothing. Change options and resume before pair_connect. */
void pair_init(struct pair *pair);
/* The dialer is a member instead. */
void pair_init_member(struct pair *pair);
void pair_connect(struct pair *pair);
void pair_deinit(struct pair *pair);
/* Lets everything written arrive, back and forth, until nothing is left. */
void pair_exchange(struct pair *pair);
/* Feeds one frame to an end. */
struct link_event *pair_feed(struct pair *pair, struct pair_end *to, enum frame_type type, struct qiao_bytes payload);
/* The last event of an end, of LINK_NOTHING if there was none. */
const struct link_event *pair_last(const struct pair_end *end);
/* Sends count messages that say nothing on an ordered lane. */
void pair_send(struct pair *pair, struct pair_end *from, unsigned lane, uint32_t count);
void pair_ack(struct pair *pair, struct pair_end *from, unsigned lane, uint64_t sequence);

#endif
