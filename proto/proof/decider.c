#include "proof/decider.h"

#include <qiao/client.h>
#include <stddef.h>

/* Codes that are not here are the destination's. */
static const struct { unsigned first, last; enum decider decider; } rows[] = {
    { QIAO_CODE_FRAME_MAGIC, 99, DECIDER_NOBODY }, /* of links, not of messages */
    { QIAO_CODE_MALFORMED, QIAO_CODE_DIGEST, DECIDER_NOBODY }, /* with TOO_LARGE: what is not signed can be made any size */
    { QIAO_CODE_HOPS, QIAO_CODE_HOPS, DECIDER_NOBODY }, /* their count is not signed */
    { QIAO_CODE_SOURCE, QIAO_CODE_SOURCE, DECIDER_NOBODY },
    { QIAO_CODE_UNSIGNED, QIAO_CODE_UNKNOWN_KEY, DECIDER_NOBODY },
    { QIAO_CODE_SUITE, QIAO_CODE_SUITE, DECIDER_ANYBODY },
    { QIAO_CODE_FORGED, QIAO_CODE_FORGED, DECIDER_NOBODY },
    { QIAO_CODE_NO_ROUTE, QIAO_CODE_NO_ROUTE, DECIDER_ANYBODY },
    { QIAO_CODE_EXPIRED, QIAO_CODE_EXPIRED, DECIDER_ANYBODY },
    { QIAO_CODE_BUSY, QIAO_CODE_QUOTA, DECIDER_ANYBODY },
    { QIAO_CODE_WILDCARD, QIAO_CODE_SECRET, DECIDER_ANYBODY },
    { QIAO_CODE_KEY_EXPIRED, QIAO_CODE_KEY_REVOKED, DECIDER_ANYBODY },
    { QIAO_CODE_STALE, QIAO_CODE_AHEAD, DECIDER_ANYBODY },
    { QIAO_CODE_NO_PROVIDER, QIAO_CODE_NO_PROVIDER, DECIDER_ANYBODY },
    { QIAO_CODE_ATTACHMENT_PLAIN, QIAO_CODE_ATTACHMENT_PLAIN, DECIDER_ANYBODY },
    { QIAO_CODE_NO_BASIS, QIAO_CODE_ORG_SUCCESSOR, DECIDER_ANYBODY },
    { QIAO_CODE_AREA_VOID, QIAO_CODE_AREA_OLD, DECIDER_ANYBODY },
};

enum decider decider_of(unsigned status, unsigned code)
{
    if (status == QIAO_OUTCOME_EXPIRED) return DECIDER_ANYBODY;
    if (status != QIAO_OUTCOME_REFUSED) return DECIDER_DESTINATION;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (code >= rows[i].first && code <= rows[i].last) return rows[i].decider;
    return DECIDER_DESTINATION;
}
