/* Messages made of choices, for the fuzzers that drive sessions and cores. */
#ifndef FUZZ_MAIL_H
#define FUZZ_MAIL_H

#include "fuzz.h"

#include "codec/envelope.h"
#include "link/link.h"

/* Where a message may go to or come from. The first MAIL_PLACES - 1 are addresses; the last is an area set. */
enum { MAIL_PLACES = 9 };
struct mail_place {
    const char *area, *org;
};
extern const struct mail_place mail_places[MAIL_PLACES];

/* One of 256 ids; the same number is the same id. */
struct qiao_id mail_id(uint8_t number);

/* Appends an envelope. source is a place or -1 for one that the choices name. True if it is one that a node must take. */
bool mail_envelope(struct choices *c, uint8_t number, unsigned kind, int source, const struct seal *seal, struct buf *out);

/* Appends a receipt with one to four outcomes. */
void mail_receipt(struct choices *c, const struct seal *seal, struct buf *out);

/* Appends one entry of a batch. */
void mail_entry(struct buf *entries, struct qiao_bytes raw);

/* Calls visit for each whole frame in from, which is empty afterwards. */
void mail_frames(struct buf *from, size_t size_max, void (*visit)(void *context, const struct frame *frame), void *context);

#endif
