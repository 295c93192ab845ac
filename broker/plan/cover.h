/* Which conditions take which in: everything that the second matches, the first matches too. */
#ifndef PLAN_COVER_H
#define PLAN_COVER_H

#include "core/rules_tables.h"

bool cover_text(const struct rule_text *first, const struct rule_text *second);
bool cover_address(const struct rule_address *first, const struct rule_address *second);
bool cover_rule(const struct rule *first, const struct rule *second);
/* Could one message meet the conditions of both? Addresses aside. */
bool cover_meets(const struct rule *a, const struct rule *b);

#endif
