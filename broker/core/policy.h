/* Policy: may this member send this message? Default-deny: what no rule of the file allows is refused. Pure: time is an argument, the only
 * state is how much of each rate is used. In the order of policy_check: secret, kind, destination, purpose, personal data, legal basis,
 * retention, then the first rule that matches, and what that rule asks for. */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include "codec/envelope.h"
#include "core/policy_tables.h"

struct policy;

struct policy_question {
    const struct header *header;
    size_t sender;                 /* a small number for each member of this node: rates are counted by it */
    unsigned from_type;            /* enum qiao_org_type */
    unsigned to_type;              /* the same; QIAO_ORG_TYPE_UNKNOWN: the policy file may know */
    uint64_t now_ms;               /* never goes back; for rates */
    uint64_t wall_ms;              /* milliseconds since 1970 */
    bool dry;                      /* only to see: uses up no rate, and none is looked at */
};

/* Why. Of an answer of QIAO_CODE_OK: the rule that allowed it. */
struct policy_answer {
    const char *rule;              /* id, or what stands in for one: "secret", "kinds", "default" */
    const char *file;
    int line;                      /* 0: the file as a whole */
    char reason[320];              /* what is wrong and how to cure it; nothing of the content */
};

/* The tables are borrowed until policy_free. */
struct policy *policy_new(const struct policy_tables *tables);
struct policy *policy_free(struct policy *policy); /* returns NULL */

/* QIAO_CODE_OK; SECRET, ROUTE_DENIED, PLAINTEXT_SEALED, PURPOSE, PI_EXCESS, NO_BASIS, BASIS_EXPIRED, RETENTION, CONSENT or RATE.
 * A message that is allowed uses up one of its rule's rate. */
unsigned policy_check(struct policy *policy, const struct policy_question *question, struct policy_answer *ret_answer);

/* What a node asks of a message of another node, whose own policy has let it go: QIAO_CODE_OK, SECRET or ROUTE_DENIED. */
unsigned policy_check_arrival(const struct policy *policy, const struct header *header, struct policy_answer *ret_answer);

/* Could these bytes, which are no message anybody can read, be one that is marked secret? */
bool policy_may_be_secret(const struct policy *policy, struct qiao_bytes bytes);

/* Days since 1970-01-01 in the civil calendar at +08:00, which China keeps all year. */
int32_t policy_day(uint64_t wall_ms);

#endif
