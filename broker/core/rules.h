/* Rules: which of them decides about a message? The first that matches, in the order of the file; none: the message goes as it is routed.
 * Pure but for what it remembers to be fast, and for the rates, which are counted apart so that headers can be judged again without using
 * anything up. */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#include "codec/envelope.h"
#include "core/rules_tables.h"

struct rules;

struct rules_question {
    const struct header *header;
    unsigned hops;                 /* where this node stands: 1 << enum rule_hop, one or more */
    unsigned from_type, to_type;   /* enum qiao_org_type, as far as this node knows */
};

struct rule_decision {
    const struct rule *rule;       /* NULL: no rule matched */
    uint32_t number;               /* of the rule in its file, from 1 */
};

/* The tables are borrowed until rules_free. */
struct rules *rules_new(const struct rules_tables *tables);
struct rules *rules_free(struct rules *rules); /* returns NULL */

const struct rules_tables *rules_tables(const struct rules *rules);

struct rule_decision rules_decide(struct rules *rules, const struct rules_question *question);

/* Could a rule change what becomes of a message that this node only passes on or delivers? */
bool rules_concern_passing(const struct rules *rules);

/* Takes one message out of the rule's rate, if it has one. False: there is nothing left of it. now_ms never goes back. */
bool rules_take_rate(struct rules *rules, const struct rule_decision *decision, const struct header *header, uint64_t now_ms);

/* Is the text the pattern, or does it begin with it? */
bool rule_text_matches(const struct rule_text *pattern, struct qiao_bytes text);
bool rule_address_matches(const struct rule_address *pattern, const struct address *address, unsigned type);

#endif
