/* What a policy file and its catalogue of legal bases say, as tables. Filled by conf/policy.c, judged by core/policy.c; data only, so that
 * both may include it. Strings and arrays are borrowed from whoever filled them. Indices and sets stand for names that were checked. */
#ifndef CORE_POLICY_TABLES_H
#define CORE_POLICY_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_SET_MAX 256u        /* purposes, and kinds, of one policy */
#define POLICY_DAY_MAX INT32_MAX   /* later than any day */
#define POLICY_DAYS_PERMANENT UINT32_MAX

struct policy_set {
    uint64_t words[POLICY_SET_MAX / 64];
};

static inline void policy_set_add(struct policy_set *set, size_t i) { set->words[i / 64] |= UINT64_C(1) << (i % 64); }
static inline bool policy_set_has(const struct policy_set *set, size_t i) { return set->words[i / 64] >> (i % 64) & 1; }

/* Levels of areas, by the length of their codes (domain 1.1). */
enum policy_level { POLICY_LEVEL_NONE, POLICY_LEVEL_DISTRICT, POLICY_LEVEL_STREET, POLICY_LEVEL_COMMUNITY, POLICY_LEVELS };

struct policy_kind {
    uint32_t number;
    struct policy_set purposes;
    uint64_t personal_data;        /* bits the body may hold: qiao/personal_data.h */
    bool sealed;                   /* travels sealed only */
    bool has_retention;
    uint32_t retention_days_max;   /* with has_retention */
    int line;
};

struct policy_retention {
    const char *name;
    uint32_t days_max;
    int line;
};

/* An organisation of another node whose type rules may ask for. */
struct policy_org {
    const char *area, *org;
    unsigned type;                 /* enum qiao_org_type */
    int line;
};

/* An article during one period of force. Days count from 1970-01-01 at +08:00. */
struct policy_article {
    const char *law, *article;
    int32_t from_day;              /* first day in force */
    int32_t until_day;             /* first day no longer in force, or POLICY_DAY_MAX */
    bool duty;                     /* stands in for consent (PIPL Art 13(2) to (7)) */
    int line;
};

struct policy_basis {
    const char *law;
    const char *article;           /* NULL: any article of the law */
};

enum policy_basis_need {
    POLICY_BASIS_ANY,              /* at least one that is in the catalogue and in force */
    POLICY_BASIS_LISTED,           /* at least one of the rule's */
    POLICY_BASIS_NONE,             /* not needed; what is cited must be right all the same */
};

enum policy_consent {
    POLICY_CONSENT_NONE,
    POLICY_CONSENT_REQUIRED,
    POLICY_CONSENT_OR_DUTY,        /* consent, or a basis that makes it a duty; never neither (PIPL Art 23, 13) */
};

/* A mask or set of 0 asks for nothing. Bits of types, levels, classes and lanes are 1 << number. */
struct policy_rule {
    const char *id;
    int line;
    bool refuse;
    uint32_t from_types, from_levels, to_types, to_levels, classes, lanes;
    bool any_kind, any_purpose;
    struct policy_set kinds, purposes; /* by index in the tables */
    enum policy_basis_need basis_need;
    const struct policy_basis *bases;
    size_t bases_count;
    enum policy_consent consent;
    uint32_t rate;                 /* messages a minute of one sender; 0: no limit */
    uint32_t burst;                /* of these, at once */
};

/* What makes a message secret. Looked for in purpose and matter only; ASCII letters match in either case. */
struct policy_secret {
    const char *const *purposes;
    size_t purposes_count;
    const char *const *matter_prefixes;
    size_t matter_prefixes_count;
    const char *const *keywords;
    size_t keywords_count;
    int line;
};

struct policy_tables {
    const char *file, *catalogue_file;
    const char *const *versions;   /* of the catalogue a message may name; the first is the catalogue's own */
    size_t versions_count;
    const char *const *purposes;
    size_t purposes_count;
    const struct policy_kind *kinds;
    size_t kinds_count;
    const struct policy_retention *retentions;
    size_t retentions_count;
    const struct policy_org *orgs;
    size_t orgs_count;
    const struct policy_article *articles;
    size_t articles_count;
    const struct policy_rule *rules;
    size_t rules_count;
    struct policy_secret secret;
};

#endif
