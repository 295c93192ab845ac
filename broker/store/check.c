/* Walks a whole store and says what is wrong with it. */
#include "check.h"
#include <limits.h>

#define PROBLEMS_SHOWN_MAX 100
#define PROGRESS_RECORDS 1000000u

struct tally {
    uint64_t records;
    uint64_t bytes;
};

struct walk {
    struct store *store;
    const struct store_check_rule *rules;
    size_t rule_count;
    FILE *report;
    bool progress;
    int problems;
    uint64_t records;
    uint8_t last_key[STORE_KEY_SIZE_MAX];
    size_t last_size;
    struct tally tallies[256];
};

static bool visit_record(void *context, struct qiao_bytes key, struct qiao_bytes value);
static void report_tallies(const struct walk *walk);

int store_check(struct store *store, const struct store_check_rule *rules, size_t rule_count, FILE *report, bool progress)
{
    struct walk walk = { .store = store, .rules = rules, .rule_count = rule_count, .report = report, .progress = progress };

    store_scan(store, qiao_bytes(NULL, 0), qiao_bytes(NULL, 0), visit_record, &walk);
    report_tallies(&walk);
    return walk.problems;
}

static void report_key(FILE *report, struct qiao_bytes key)
{
    size_t shown = key.size < STORE_KEY_SIZE_MAX ? key.size : STORE_KEY_SIZE_MAX;

    for (size_t i = 0; i < shown; i++)
        fprintf(report, "%02x", key.data[i]);
}

static void problem(struct walk *walk, struct qiao_bytes key, const char *what)
{
    if (walk->problems < PROBLEMS_SHOWN_MAX) {
        fprintf(walk->report, "problem: key ");
        report_key(walk->report, key);
        fprintf(walk->report, ": %s\n", what);
    }
    if (walk->problems < INT_MAX)
        walk->problems++;
}

static const struct store_check_rule *rule_of(const struct walk *walk, uint8_t prefix)
{
    for (size_t i = 0; i < walk->rule_count; i++) {
        if (walk->rules[i].prefix == prefix)
            return &walk->rules[i];
    }
    return NULL;
}

static bool key_follows(const struct walk *walk, struct qiao_bytes key)
{
    size_t common = walk->last_size < key.size ? walk->last_size : key.size;
    int order = common ? memcmp(walk->last_key, key.data, common) : 0;

    return order < 0 || (order == 0 && walk->last_size < key.size);
}

/* The record must also be found by its key: a scan reads the leaves, a get comes down from the root. */
static void check_found(struct walk *walk, struct qiao_bytes key, struct qiao_bytes value)
{
    struct qiao_bytes found;

    if (!store_get(walk->store, key, &found))
        problem(walk, key, "is in the scan but is not found by its key");
    else if (!qiao_bytes_equal(found, value))
        problem(walk, key, "has another value when it is found by its key");
}

static void check_record(struct walk *walk, struct qiao_bytes key, struct qiao_bytes value)
{
    const struct store_check_rule *rule = rule_of(walk, key.data[0]);
    const char *wrong;

    check_found(walk, key, value);
    if (!rule && walk->rule_count)
        problem(walk, key, "no kind of record begins like this");
    wrong = rule && rule->check ? rule->check(key, value) : NULL;
    if (wrong)
        problem(walk, key, wrong);
    walk->tallies[key.data[0]].records++;
    walk->tallies[key.data[0]].bytes += key.size + value.size;
}

static bool visit_record(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct walk *walk = context;

    walk->records++;
    if (walk->progress && walk->records % PROGRESS_RECORDS == 0)
        fprintf(walk->report, "%llu records read\n", (unsigned long long)walk->records);
    if (key.size == 0 || key.size > STORE_KEY_SIZE_MAX) {
        problem(walk, key, "has a size no key can have");
        return true;
    }
    if (walk->records > 1 && !key_follows(walk, key))
        problem(walk, key, "is out of order");
    memcpy(walk->last_key, key.data, key.size);
    walk->last_size = key.size;
    check_record(walk, key, value);
    return true;
}

static void report_tallies(const struct walk *walk)
{
    if (walk->problems > PROBLEMS_SHOWN_MAX)
        fprintf(walk->report, "… and %d more problems\n", walk->problems - PROBLEMS_SHOWN_MAX);
    for (unsigned prefix = 0; prefix < 256; prefix++) {
        const struct tally *tally = &walk->tallies[prefix];
        const struct store_check_rule *rule = rule_of(walk, (uint8_t)prefix);
        if (tally->records)
            fprintf(walk->report, "prefix %02x %-24s %12llu records %16llu bytes\n", prefix, rule ? rule->name : "",
                    (unsigned long long)tally->records, (unsigned long long)tally->bytes);
    }
    fprintf(walk->report, "%llu records, %d problems\n", (unsigned long long)walk->records, walk->problems);
}
