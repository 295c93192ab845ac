/* How much may be under way on a link. What was handed to the kernel and has not arrived is lost when the line is cut, and whatever is
 * urgent comes behind it; so there should be as much of it as the line needs to be busy, and no more. The line tells: marks (pings with a
 * number) are sent among the bytes, and the peer's answers say how long the way was with so much in front.
 *
 *   answer late (more than PACE_DELAY_MS later than the quickest lately):   limit = what arrives within the quickest trip and that delay
 *   answer in time:                                                         limit = the same, but at most twice what has proved to pass
 *
 * The idea is Vegas' (Brakmo, Peterson 1995) and BBR's (Cardwell and others 2016): delay, not loss, shows a full line. Streams run over
 * TCP, which sees to the rest. Bytes here are bytes of frames with messages; times are milliseconds. */
#ifndef LINK_PACE_H
#define LINK_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_LIMIT_MIN (8u * 1024u)          /* 1.3 s of 50 kbit/s */
#define PACE_LIMIT_START (16u * 1024u)
#define PACE_LIMIT_MAX (64u * 1024u * 1024u) /* of no effect: credit ends before */
#define PACE_QUANTUM_MIN (2u * 1024u)
#define PACE_DELAY_MS 300u
#define PACE_MARKS 16u

struct pace_mark {
    uint64_t sent;                /* bytes before it in this session */
    uint64_t flight;              /* of these, under way when it was sent */
    uint64_t at_ms;
};

struct pace {
    uint64_t limit;
    uint64_t sent, arrived;       /* in this session */
    uint64_t marked;              /* sent, at the last mark */
    uint64_t trip_ms, trip_ms_next; /* quickest in the window before and in this one; UINT64_MAX: none yet */
    uint64_t window_ms;           /* when this window began */
    struct pace_mark marks[PACE_MARKS]; /* sent and not answered: ring */
    uint32_t marks_first, marks_count;
    uint64_t number;              /* of the first of them */
};

/* limit: of an earlier session with the peer, 0: none. A line known to be slow begins slowly. */
void pace_init(struct pace *pace, uint64_t limit, uint64_t now_ms);

/* Bytes that may still be handed out now. */
uint64_t pace_room(const struct pace *pace);
/* The largest piece to hand out at once: what is urgent waits no longer than for this. */
uint64_t pace_quantum(const struct pace *pace);
void pace_sent(struct pace *pace, uint64_t bytes);
/* Is it time for a mark? */
bool pace_wants_mark(const struct pace *pace);
/* A mark is sent: returns its number. */
uint64_t pace_mark(struct pace *pace, uint64_t now_ms);
/* The peer answered mark `number`. False: there is no such mark under way. */
bool pace_answered(struct pace *pace, uint64_t number, uint64_t now_ms);
/* Acknowledgements show that nothing is under way. */
void pace_all_arrived(struct pace *pace);

#endif
