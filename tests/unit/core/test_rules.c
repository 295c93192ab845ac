/* Which rule decides: each condition, the order of the file, rates; and the compiled table against a plain reading of the same rules. */
#include "conf/rules.h"
#include "core/rules.h"

#include "base/prng.h"

#include <criterion/criterion.h>
#include <qiao/client.h>
#include <qiao/kind.h>
#include <qiao/org_type.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct ruled {
    struct conf_rules *file;
    struct rules *rules;
};

static struct ruled ruled(const char *text)
{
    struct ruled r = { 0 };
    char path[64];
    struct conf_errors errors = { 0 };
    int fd = memfd_create("rules", 0);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int result = conf_rules_load(path, &errors, &r.file);
    for (size_t i = 0; i < errors.count; i++) conf_error_print(&errors.items[i], stderr);
    cr_assert(result == 0 && errors.count == 0);
    conf_errors_deinit(&errors);
    close(fd);
    r.rules = rules_new(conf_rules_tables(r.file));
    return r;
}

static void unrule(struct ruled *r)
{
    rules_free(r->rules);
    conf_rules_free(r->file);
}

/* A header of these parts; what is left out is of an ordinary case message from the street to the district's office. */
struct asked {
    const char *from_area, *from_org, *to_area, *to_org, *service, *matter, *purpose, *case_id;
    unsigned kind, lane, privacy, status, hops, from_type, to_type;
};

static struct qiao_bytes text(const char *string, const char *standard) { return qiao_bytes_from_string(string ? string : standard); }

static struct rules_question question_of(const struct asked *a, struct header *h)
{
    *h = (struct header){
        .kind = a->kind ? a->kind : QIAO_KIND_CASE_OPEN, .lane = a->lane, .privacy = a->privacy, .status = a->status, .matter = text(a->matter, "NOISE.CONSTRUCTION"),
        .purpose = text(a->purpose, "HANDLE"), .case_id = text(a->case_id, "C-1"),
        .source = { .area = text(a->from_area, "990101001"), .org = text(a->from_org, "intake") },
        .destination = { .area = text(a->service ? "" : a->to_area, "990101"), .org = text(a->service ? "" : a->to_org, "office"), .service = text(a->service, "") },
    };
    return (struct rules_question){ h, a->hops ? a->hops : 1u << RULE_HOP_ORIGIN, a->from_type, a->to_type };
}

static const char *rule_for(const struct ruled *r, const struct asked *a)
{
    struct header h;
    struct rules_question question = question_of(a, &h);
    struct rule_decision decision = rules_decide(r->rules, &question);
    return decision.rule ? decision.rule->name : "-";
}

#define DO "do: { refuse: { reason: no } } }\n"

static const char rules_text[] =
    "rules:\n"
    "  - { name: drills, when: { status: [exercise, test], to: \"990101/office\" }, do: { to: 990101/drills } }\n"
    "  - { name: sealed-bulk, when: { class: sealed, lane: bulk }, " DO
    "  - { name: noise-night, when: { matter: [NOISE.NIGHT, \"NOISE.NIGHT.*\"], kind: case.open }, " DO
    "  - { name: other-family, when: { kind: [\"allocation.*\", 712] }, " DO
    "  - { name: from-community, when: { from: \"990101001001/hotline*\" }, " DO
    "  - { name: subtree, when: { from: \"990101002*\", hop: [transit, destination] }, " DO
    "  - { name: any-police, when: { to: \"*/police*\" }, " DO
    "  - { name: notices, when: { to: \"990101*/**\" }, " DO
    "  - { name: mediation, when: { to: \"svc:mediation.*\" }, " DO
    "  - { name: courts, when: { to: type:judicial }, " DO
    "  - { name: gateways, when: { from: type:gateway, purpose: ASSIST }, " DO
    "  - { name: loose, when: { case: none, kind: case.update }, " DO
    "  - { name: in-case, when: { case: has, kind: case.update }, " DO;

static const struct { struct asked asked; const char *rule; } rows[] = {
    { { 0 }, "-" },
    { { .status = QIAO_STATUS_EXERCISE }, "drills" },
    { { .status = QIAO_STATUS_TEST }, "drills" },
    { { .status = QIAO_STATUS_TEST, .to_org = "court" }, "-" },
    { { .privacy = QIAO_PRIVACY_SEALED }, "-" },
    { { .privacy = QIAO_PRIVACY_SEALED, .lane = QIAO_LANE_BULK }, "sealed-bulk" },
    { { .privacy = QIAO_PRIVACY_SEALED, .lane = QIAO_LANE_URGENT }, "-" },
    { { .matter = "NOISE.NIGHT" }, "noise-night" },
    { { .matter = "NOISE.NIGHT.BAR" }, "noise-night" },
    { { .matter = "NOISE.NIGHTS" }, "-" },
    { { .matter = "NOISE.NIGHT", .kind = QIAO_KIND_PAYLOAD }, "-" },
    { { .kind = QIAO_KIND_ALLOCATION_ANSWER }, "other-family" },
    { { .kind = 712 }, "other-family" },
    { { .kind = 713 }, "-" },
    { { .from_area = "990101001001", .from_org = "hotline2" }, "from-community" },
    { { .from_area = "990101001002", .from_org = "hotline2" }, "-" },
    { { .from_area = "990101002003" }, "-" },
    { { .from_area = "990101002003", .hops = 1u << RULE_HOP_TRANSIT }, "subtree" },
    { { .from_area = "990101002", .hops = 1u << RULE_HOP_DESTINATION }, "subtree" },
    { { .from_area = "990101002", .hops = 1u << RULE_HOP_DESTINATION | 1u << RULE_HOP_ORIGIN }, "subtree" },
    { { .to_org = "police" }, "any-police" },
    { { .to_area = "880101", .to_org = "police.traffic" }, "any-police" },
    { { .to_area = "880101", .to_org = "polic" }, "-" },
    { { .to_area = "990101/**", .to_org = "" }, "notices" },
    { { .to_area = "990101001/**", .to_org = "" }, "notices" },
    { { .to_area = "990102/**", .to_org = "" }, "-" },
    { { .service = "mediation.labour" }, "mediation" },
    { { .service = "noise" }, "-" },
    { { .to_type = QIAO_ORG_TYPE_JUDICIAL }, "courts" },
    { { .from_type = QIAO_ORG_TYPE_GATEWAY, .purpose = "ASSIST" }, "gateways" },
    { { .from_type = QIAO_ORG_TYPE_GATEWAY, .purpose = "ASSISTANCE" }, "-" },
    { { .kind = QIAO_KIND_CASE_UPDATE, .case_id = "" }, "loose" },
    { { .kind = QIAO_KIND_CASE_UPDATE }, "in-case" },
    /* the first in the file, not the narrowest */
    { { .status = QIAO_STATUS_TEST, .matter = "NOISE.NIGHT" }, "drills" },
    { { .to_org = "police", .to_type = QIAO_ORG_TYPE_JUDICIAL }, "any-police" },
};

Test(rules, each_condition_decides_and_the_first_match_wins)
{
    struct ruled r = ruled(rules_text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_str_eq(rule_for(&r, &rows[i].asked), rows[i].rule, "row %zu: %s, expected %s", i, rule_for(&r, &rows[i].asked), rows[i].rule);
    unrule(&r);
}

/* ---- against a plain reading ---- */

static bool allows(uint32_t mask, unsigned value) { return mask == 0 || mask >> value & 1; }

static bool plain_match(const struct rule *rule, const struct rules_question *q)
{
    const struct header *h = q->header;
    bool kind = rule->kinds_count == 0, matter = rule->matters_count == 0, purpose = rule->purposes_count == 0, from = rule->from_count == 0, to = rule->to_count == 0;
    for (size_t i = 0; i < rule->kinds_count; i++) kind |= rule->kinds[i] == h->kind;
    for (size_t i = 0; i < rule->matters_count; i++) matter |= rule_text_matches(&rule->matters[i], h->matter);
    for (size_t i = 0; i < rule->purposes_count; i++) purpose |= rule_text_matches(&rule->purposes[i], h->purpose);
    for (size_t i = 0; i < rule->from_count; i++) from |= rule_address_matches(&rule->from[i], &h->source, q->from_type);
    for (size_t i = 0; i < rule->to_count; i++) to |= rule_address_matches(&rule->to[i], &h->destination, q->to_type);
    return kind && matter && purpose && from && to && allows(rule->lanes, h->lane) && allows(rule->classes, h->privacy) && allows(rule->statuses, h->status) &&
           (rule->hops == 0 || rule->hops & q->hops) && allows(rule->cases, h->case_id.size > 0);
}

static const char *const dice[][4] = { { "990101", "990101001", "990101001001", "880101" }, { "office", "police", "court", "hotline" }, { "NOISE", "NOISE.NIGHT", "WATER", "" } };

static const char *throw(struct prng *prng, unsigned which) { return dice[which][prng_below(prng, 4)]; }

/* 200 rules: more than one word of bits. */
static void make_rules(struct prng *prng, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "rules:\n");
    static const char *const kinds[] = { "case.open", "case.update", "bulletin", "712" }, *const lanes[] = { "normal", "urgent", "bulk" }, *const hops[] = { "origin", "transit", "destination" };
    for (unsigned i = 0; i < 200; i++) {
        used += (size_t)snprintf(out + used, size - used, "  - { name: r%u, when: { ", i);
        if (prng_below(prng, 2)) used += (size_t)snprintf(out + used, size - used, "kind: %s, ", kinds[prng_below(prng, 4)]);
        if (prng_below(prng, 2)) used += (size_t)snprintf(out + used, size - used, "to: \"%s%s\", ", throw(prng, 0), prng_below(prng, 2) ? "*" : "/office");
        if (prng_below(prng, 2)) used += (size_t)snprintf(out + used, size - used, "matter: \"NOISE%s\", ", prng_below(prng, 2) ? ".*" : "");
        if (prng_below(prng, 2)) used += (size_t)snprintf(out + used, size - used, "from: \"%s*\", ", throw(prng, 0));
        if (prng_below(prng, 2)) used += (size_t)snprintf(out + used, size - used, "lane: %s, ", lanes[prng_below(prng, 3)]);
        used += (size_t)snprintf(out + used, size - used, "hop: %s }, " DO, hops[prng_below(prng, 3)]);
    }
    cr_assert(used < size);
}

static uint32_t plain_decide(const struct rules_tables *t, const struct rules_question *q)
{
    for (size_t i = 0; i < t->count; i++)
        if (plain_match(&t->rules[i], q)) return (uint32_t)i + 1;
    return 0;
}

Test(rules, the_compiled_table_decides_as_a_plain_reading_does)
{
    static char text_of[65536];
    static const unsigned kinds[] = { QIAO_KIND_CASE_OPEN, QIAO_KIND_CASE_UPDATE, QIAO_KIND_BULLETIN, 712, 9999 };
    struct prng prng;
    unsigned decided = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        prng_init(&prng, seed);
        make_rules(&prng, text_of, sizeof text_of);
        struct ruled r = ruled(text_of);
        for (unsigned i = 0; i < 500; i++) {
            struct asked a = {
                .kind = kinds[prng_below(&prng, 5)], .lane = (unsigned)prng_below(&prng, 3), .hops = 1u << prng_below(&prng, 3), .matter = throw(&prng, 2),
                .from_area = throw(&prng, 0), .to_area = throw(&prng, 0), .to_org = throw(&prng, 1),
            };
            struct header h;
            struct rules_question question = question_of(&a, &h);
            uint32_t expected = plain_decide(conf_rules_tables(r.file), &question);
            cr_assert_eq(rules_decide(r.rules, &question).number, expected, "seed %llu, message %u", (unsigned long long)seed, i);
            decided += expected > 0;
        }
        unrule(&r);
    }
    cr_expect(decided > 1000 && decided < 10000, "both answers came: %u", decided);
}

/* ---- rates ---- */

static bool take(struct ruled *r, const char *from, const char *to, uint64_t now_ms)
{
    struct header h;
    struct asked a = { .kind = 712 };
    struct rules_question question = question_of(&a, &h);
    h.source.raw = qiao_bytes_from_string(from);
    h.destination.raw = qiao_bytes_from_string(to);
    struct rule_decision decision = rules_decide(r->rules, &question);
    return rules_take_rate(r->rules, &decision, &h, now_ms);
}

Test(rules, a_rate_is_a_burst_and_then_so_many_a_second_for_each_source)
{
    struct ruled r = ruled("rules: [{ name: slow, when: { kind: 712 }, do: { rate: { per_s: 2, burst: 3, by: source } } }]\n");
    for (int i = 0; i < 3; i++) cr_expect(take(&r, "a", "x", 1000));
    cr_expect_not(take(&r, "a", "y", 1000));
    cr_expect(take(&r, "b", "x", 1000), "another source has a burst of its own");
    cr_expect_not(take(&r, "a", "x", 1499));
    cr_expect(take(&r, "a", "x", 1500));
    cr_expect_not(take(&r, "a", "x", 1500));
    for (int i = 0; i < 3; i++) cr_expect(take(&r, "a", "x", 100000), "idle for long: the burst again, and no more");
    cr_expect_not(take(&r, "a", "x", 100000));
    unrule(&r);
}

Test(rules, more_sources_than_slots_share_and_never_get_more)
{
    struct ruled r = ruled("rules: [{ name: slow, when: { kind: 712 }, do: { rate: { per_s: 1, burst: 1, by: destination } } }]\n");
    unsigned taken = 0;
    char to[16];
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(to, sizeof to, "d%u", i);
        taken += take(&r, "a", to, 1000);
    }
    cr_expect(taken >= 900 && taken <= 1024, "%u", taken);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(to, sizeof to, "d%u", i);
        taken += take(&r, "a", to, 1001);
    }
    cr_expect(taken <= 1024, "nobody gets twice: %u", taken);
    unrule(&r);
}

Test(rules, rules_for_the_origin_alone_do_not_concern_what_passes)
{
    struct ruled origin = ruled("rules: [{ name: a, when: { hop: origin }, do: { to: 990101/b } }]\n"), all = ruled("rules:\n  - { name: a, when: { kind: 712 }, " DO);
    struct ruled moved = ruled("rules: [{ name: a, when: { kind: 712 }, do: { to: 990101/b } }]\n");
    cr_expect_not(rules_concern_passing(origin.rules));
    cr_expect_not(rules_concern_passing(moved.rules), "only the origin can send elsewhere");
    cr_expect(rules_concern_passing(all.rules));
    unrule(&origin);
    unrule(&all);
    unrule(&moved);
}
