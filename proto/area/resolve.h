/* Which area does a code mean that somebody wrote on a day, and who stands for it now? Areas are resolved as of the day a message was sent,
 * and delivered as of the day it is routed. */
#ifndef AREA_RESOLVE_H
#define AREA_RESOLVE_H

#include "area/table.h"

/* X(name, text) */
#define AREA_ANSWER_MAP(X)                                                                            \
    X(CURRENT, "in force")                                                                            \
    X(SUCCESSOR, "voided; one area took over")                                                        \
    X(AMBIGUOUS, "voided, and more than one area took over: the code does not tell which")            \
    X(VOID, "voided, and no area took over")                                                          \
    X(TOO_OLD, "voided so long before the message was sent that the code is no longer taken")         \
    X(NOT_YET, "not in force yet")                                                                    \
    X(UNKNOWN, "not in the table")

enum area_answer {
#define X(name, text) AREA_ANSWER_##name,
    AREA_ANSWER_MAP(X)
#undef X
};
const char *area_answer_name(enum area_answer answer);
const char *area_answer_text(enum area_answer answer);

#define AREA_CANDIDATES_MAX 16u
#define AREA_ACCEPT_OLD_DAYS 548u /* 18 months: a code is changed everywhere within 12 months, 6 more on application (Regulations on Administrative Divisions, 15, 17) */

struct area_resolution {
    enum area_answer answer;
    struct area_code code;         /* where to deliver: the area in force. AMBIGUOUS: none */
    struct area_code asked;        /* the area of the table that decided: the code's own, or the nearest above it; none: UNKNOWN */
    struct area_code parent;       /* AMBIGUOUS: the unit above the old area, as it is now: its triage decides. May be none */
    struct area_code candidates[AREA_CANDIDATES_MAX]; /* AMBIGUOUS: the areas in force that took over */
    size_t candidates_count;       /* more than fit are not counted */
};

/* Resolves code as of sent_day for delivery on now_day. A code that is not in the table but lies, by its digits, in a voided area is
 * AMBIGUOUS: which of the new numbers is its own cannot be told; in an area in force, or in none, it is UNKNOWN. */
void area_resolve(const struct area_table *table, struct area_code code, int32_t sent_day, int32_t now_day, uint32_t accept_old_days,
                  struct area_resolution *ret_resolution);

/* True if the area `now` took over, in any number of steps, from the area `before`. */
bool area_took_over(const struct area_table *table, struct area_code before, struct area_code now);
/* True if the node of the area `now` may say how a message to the area `before` ended: it took over, or is the unit above one that was voided,
 * or above it, whose triage may have had the message. */
bool area_may_answer(const struct area_table *table, struct area_code before, struct area_code now);

#endif
