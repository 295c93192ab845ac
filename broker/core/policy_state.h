/* A policy made ready for looking things up; for core/policy*.c only. */
#ifndef CORE_POLICY_STATE_H
#define CORE_POLICY_STATE_H

#include "core/policy.h"

/* How much of a rate a sender has used, in minutes * messages / 60000; goes down with time. 0: all of the burst is there. */
struct policy_bucket {
    uint64_t used;
    uint64_t at_ms;
};

/* The buckets of one rule, by number of the sender. */
struct policy_buckets {
    struct policy_bucket *items;
    size_t count;
};

struct policy {
    const struct policy_tables *tables;
    const struct policy_kind **kinds;       /* by number */
    const struct policy_article **articles; /* by law, article, first day */
    const struct policy_org **orgs;         /* by area, org */
    struct policy_buckets *buckets;         /* one a rule */
};

/* policy_basis.c: is every basis of the message known and in force, and does it have one that stands in for consent? */
unsigned policy_check_bases(const struct policy *policy, const struct header *header, uint64_t wall_ms, struct policy_answer *answer,
                            struct legal_basis ret_cited[QIAO_BASES_MAX], bool *ret_duty);
/* Is one of those cited one of the rule's? */
bool policy_cites(const struct policy_rule *rule, const struct legal_basis *cited, size_t count);
void policy_sort_articles(struct policy *policy);

/* policy_secret.c */
bool policy_is_secret(const struct policy *policy, const struct header *header);

/* Fills the answer and returns code. */
unsigned policy_answer(struct policy_answer *answer, unsigned code, const char *rule, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

#endif
