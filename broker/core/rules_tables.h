/* What a rules file says, as tables. Filled by conf/rules.c, judged by core/rules.c; data only, so that both may include it. Texts and
 * arrays are borrowed from whoever filled them. */
#ifndef CORE_RULES_TABLES_H
#define CORE_RULES_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULES_MAX 1024u
#define RULE_COPIES_MAX 8u

/* A text, or with `prefix` every text that begins with it. */
struct rule_text {
    const char *text;
    size_t size;
    bool prefix;
    int line, column;
};

enum rule_address_form {
    RULE_ADDRESS_ORG,              /* area and org; an org without text asks for nothing */
    RULE_ADDRESS_TYPE,             /* what the organisation is */
    RULE_ADDRESS_SERVICE,
    RULE_ADDRESS_SET               /* an area set: area is its root */
};

/* Which addresses a rule means. Each form matches addresses of its own sort only: "990101*" is no notice to an area set. */
struct rule_address {
    enum rule_address_form form;
    struct rule_text area, org, service;
    unsigned type;                 /* enum qiao_org_type */
    const char *written;
    int line, column;
};

/* Where a rule sends something to. */
struct rule_target {
    struct rule_text area, org;
    struct rule_text seat;         /* size 0: none */
    const char *written;
    int line, column;
};

/* Where this node stands on the way of a message; a message between two members of one node is at both ends. */
enum rule_hop { RULE_HOP_ORIGIN, RULE_HOP_TRANSIT, RULE_HOP_DESTINATION, RULE_HOPS };

enum rule_hold_until { RULE_HOLD_RELEASE, RULE_HOLD_TIME };

enum rule_rate_by { RULE_RATE_BY_SOURCE, RULE_RATE_BY_DESTINATION };

/* Masks and counts of 0 ask for nothing; bits are 1 << number. */
struct rule {
    const char *name;
    int line, column;
    /* when */
    const uint32_t *kinds;         /* sorted */
    size_t kinds_count;
    uint32_t lanes, classes, statuses, hops;
    uint32_t cases;                /* bit 0: belongs to none, bit 1: to one */
    const struct rule_text *matters, *purposes;
    size_t matters_count, purposes_count;
    const struct rule_address *from, *to;
    size_t from_count, to_count;
    /* do */
    bool refuses;
    unsigned code;                 /* with refuses: QIAO_CODE */
    const char *reason;            /* for people, or NULL */
    const struct rule_target *redirect; /* or NULL */
    const struct rule_target *copies;
    size_t copies_count;
    bool sets_lane;
    unsigned lane;                 /* with sets_lane: to the next node */
    bool holds;
    enum rule_hold_until hold_until;
    unsigned hold_minute;          /* of the day at +08:00, of RULE_HOLD_TIME */
    uint32_t hold_most;            /* messages of this rule; more are refused with BUSY */
    uint64_t hold_for_ms;          /* 0: without end */
    bool hold_lapses_on;           /* at the end it goes on, else it is refused */
    uint32_t rate_per_s;           /* messages; 0: no limit */
    uint32_t rate_burst;
    enum rule_rate_by rate_by;
};

struct rules_tables {
    const char *file;
    const struct rule *rules;      /* the first that matches decides */
    size_t count;
};

#endif
