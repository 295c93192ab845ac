/* Delivery to members: what deliver.c and blame.c share. */
#ifndef CORE_DELIVER_H
#define CORE_DELIVER_H

#include "core/state.h"

/* Due again when the member answers, or with its next session. */
#define UNDER_WAY (LINK_NEVER - 1)

/* 0: no case, holds up nothing. */
uint64_t deliver_hash_case(struct qiao_bytes case_id);

struct flight *flight_at(struct queue *q, uint32_t i);
struct flight *flight_find(struct queue *q, uint64_t sequence);
bool flight_has(const struct flight *f, uint64_t sequence); /* the message's outcome */
void flight_drop_finished(struct queue *q);

struct held *held_find(struct peer *peer, unsigned lane, uint64_t sequence);
struct held *held_add(struct peer *peer, unsigned lane, uint64_t sequence, uint64_t case_hash);

/* False if it is not in flight, or cannot be read. */
bool deliver_open(struct core *core, struct peer *peer, unsigned lane, uint64_t sequence, struct envelope *ret_envelope);
/* One more failed delivery of a held message: it waits for the next one, or is dead. wait_ms 0: as long as is usual. */
void deliver_failed(struct core *core, struct peer *peer, struct held *held, const struct envelope *envelope, unsigned code, struct qiao_bytes reason, uint64_t wait_ms);
/* Sends at most *room messages of the lane from `from` on, of what is in flight and then of what comes behind. Returns where it goes on. */
uint64_t deliver_part(struct core *core, struct peer *peer, unsigned lane, uint64_t from, uint32_t *room);

/* blame.c */
/* The message that ended sessions and is due or in the member's hands: nothing else may be. NULL: none. */
struct held *blame_holder(struct core *core, struct peer *peer);
bool blame_defers(const struct peer *peer, const struct held *held); /* not yet */
uint64_t blame_delivered_below(const struct peer *peer, unsigned lane); /* in this session: sequences below */
/* Messages in the member's hands that a broken session would be blamed on. */
uint32_t blame_in_hand(struct core *core, struct peer *peer);
void blame_session(struct peer *peer);                    /* while there are suspects: a new session */
void blame_pump(struct core *core, struct peer *peer);    /* the same: delivers few at a time */

#endif
