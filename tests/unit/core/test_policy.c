/* Every code of the policy, the days of the catalogue, rates, and which rule decided. */
#include "policy_world.h"

#include <criterion/criterion.h>

static const char catalogue[] =
    "version: \"3\"\n"
    "accepts: [\"2\"]\n"
    "laws:\n"
    "  - id: LAW-A\n"
    "    name: a law\n"
    "    in_force: 2020-01-01\n"
    "    articles:\n"
    "      - { article: \"1\" }\n"
    "      - { article: \"2\", duty: true }\n"
    "      - { article: \"3\", in_force: 2026-03-01, repealed: 2026-08-15 }\n" /* line 10 */
    "      - { article: \"3(2)\", duty: true }\n"
    "  - { id: LAW-B, name: old, in_force: 2000-01-01, repealed: 2026-08-15, articles: [{ article: \"7\" }] }\n"
    "  - { id: LAW-B, name: new, in_force: 2026-08-16, articles: [{ article: \"7\" }, { article: \"8\" }] }\n";

static const char policy[] =
    "purposes: [{ name: HANDLE }, { name: ASSIST }, { name: CONFIRM }]\n"
    "retention: [{ name: SHORT, days: 7 }, { name: LONG, days: 3650 }, { name: EVER, days: permanent }]\n"
    "kinds:\n"
    "  - { kind: case.open, purposes: [HANDLE, ASSIST], personal_data: [home, health], retention: LONG }\n" /* line 4 */
    "  - { kind: case.update, purposes: [HANDLE] }\n"
    "  - { kind: referral.request, purposes: [HANDLE, CONFIRM], personal_data: [name] }\n"
    "  - { kind: 700, purposes: [HANDLE], sealed: true }\n"
    "  - { kind: bulletin, purposes: [HANDLE] }\n"
    "secret_markers: { purposes: [STATE_SECRET], matter_prefixes: [SECRET.], keywords: [绝密, topsecret] }\n" /* line 9 */
    "organisations: [{ address: 990101/court, type: judicial }, { address: 990101/urban, type: gov }]\n"
    "rules:\n"
    "  - { id: no-orders, to: { types: [judicial] }, kinds: [case.open], refuse: true }\n" /* line 12 */
    "  - { id: confirm, from: { types: [social] }, to: { types: [judicial] }, kinds: [referral.request], purposes: [CONFIRM], basis: [\"LAW-A#3\", \"LAW-B#*\"], consent: required }\n"
    "  - { id: duty, from: { types: [selfgov] }, kinds: [referral.request], consent: or-duty }\n"
    "  - { id: intake, from: { types: [gateway] }, to: { types: [gov], levels: [district] }, kinds: [case.open], purposes: [HANDLE], classes: [internal, confidential], lanes: [normal, urgent] }\n"
    "  - { id: limited, from: { types: [gateway] }, kinds: [case.update], rate: 6, burst: 2 }\n"
    "  - { id: sealed, kinds: [700], classes: [sealed] }\n"
    "  - { id: notices, kinds: [bulletin], classes: [public], basis: none }\n"
    "  - { id: from-community, from: { levels: [community] }, kinds: [case.open] }\n";

#define CLASS(name) .privacy = QIAO_PRIVACY_##name
#define FROM(name) .from_type = QIAO_ORG_TYPE_##name

static const struct row {
    struct asked asked;
    unsigned code;
    const char *rule;
    int line;                      /* 0: not looked at */
} rows[] = {
    { { 0 }, QIAO_CODE_OK, "intake", 15 },
    { { CLASS(CONFIDENTIAL), .pi_mask = 1u << 3 }, QIAO_CODE_OK, "intake", 15 },
    { { .lane = QIAO_LANE_URGENT }, QIAO_CODE_OK, "intake", 15 },
    /* default deny: sender's type, destination's type and level, kind, lane, class */
    { { FROM(SOCIAL) }, QIAO_CODE_ROUTE_DENIED, "default", 0 },
    { { .from_type = 31 }, QIAO_CODE_ROUTE_DENIED, "default", 0 },
    { { .to = "990101/unlisted" }, QIAO_CODE_ROUTE_DENIED, "default", 0 },
    { { .to = "990101/unlisted", .to_type = QIAO_ORG_TYPE_GOV }, QIAO_CODE_OK, "intake", 15 },
    { { .to = "990101002/unlisted", .to_type = QIAO_ORG_TYPE_GOV }, QIAO_CODE_ROUTE_DENIED, "default", 0 },
    { { .to = "990101/urban", .to_type = QIAO_ORG_TYPE_UTILITY }, QIAO_CODE_ROUTE_DENIED, "default", 0 },
    { { .lane = QIAO_LANE_BULK }, QIAO_CODE_ROUTE_DENIED, "default", 0 },
    { { CLASS(PUBLIC) }, QIAO_CODE_ROUTE_DENIED, "default", 0 },
    { { .kind = 4711 }, QIAO_CODE_ROUTE_DENIED, "kinds", 0 },
    { { .kind = QIAO_KIND_PAYLOAD }, QIAO_CODE_ROUTE_DENIED, "kinds", 0 },
    { { .purpose = "ASSIST" }, QIAO_CODE_ROUTE_DENIED, "default", 0 },
    /* the first match decides, also when it refuses */
    { { .to = "990101/court" }, QIAO_CODE_ROUTE_DENIED, "no-orders", 12 },
    /* secrets, whatever else is wrong */
    { { .purpose = "STATE_SECRET" }, QIAO_CODE_SECRET, "secret", 9 },
    { { .purpose = "state_secret", .kind = 4711, FROM(SOCIAL) }, QIAO_CODE_SECRET, "secret", 9 },
    { { .purpose = "STATE_SECRETS" }, QIAO_CODE_PURPOSE, "kinds", 4 },
    { { .matter = "secret.plan" }, QIAO_CODE_SECRET, "secret", 9 },
    { { .matter = "NOT.SECRET.PLAN" }, QIAO_CODE_OK, "intake", 15 },
    { { .matter = "案卷绝密" }, QIAO_CODE_SECRET, "secret", 9 },
    { { .matter = "A.TopSecret" }, QIAO_CODE_SECRET, "secret", 9 },
    { { .purpose = "HANDLE topsecret" }, QIAO_CODE_SECRET, "secret", 9 },
    /* purpose */
    { { .purpose = "" }, QIAO_CODE_PURPOSE, "kinds", 4 },
    { { .purpose = "CONFIRM" }, QIAO_CODE_PURPOSE, "kinds", 4 },
    { { .purpose = "HANDL" }, QIAO_CODE_PURPOSE, "kinds", 4 },
    /* minimisation */
    { { CLASS(CONFIDENTIAL), .pi_mask = 1u << 0 }, QIAO_CODE_PI_EXCESS, "kinds", 4 },
    { { CLASS(CONFIDENTIAL), .pi_mask = UINT64_C(1) << 63 | 1u << 3 }, QIAO_CODE_PI_EXCESS, "kinds", 4 },
    { { CLASS(CONFIDENTIAL), .pi_mask = UINT64_C(1) << 32 | 1u << 3 }, QIAO_CODE_OK, "intake", 0 },
    { { .pi_mask = 1u << 3 }, QIAO_CODE_PI_EXCESS, "classes", 0 },
    { { .kind = QIAO_KIND_CASE_UPDATE, CLASS(CONFIDENTIAL), .pi_mask = 1u << 3 }, QIAO_CODE_PI_EXCESS, "kinds", 5 },
    /* named destinations */
    { { CLASS(CONFIDENTIAL), .to = "990101/**" }, QIAO_CODE_ROUTE_DENIED, "classes", 0 },
    { { CLASS(CONFIDENTIAL), .to = "990101" }, QIAO_CODE_ROUTE_DENIED, "classes", 0 },
    { { CLASS(CONFIDENTIAL), .service = "noise" }, QIAO_CODE_ROUTE_DENIED, "classes", 0 },
    { { .kind = 700, CLASS(SEALED) }, QIAO_CODE_ROUTE_DENIED, "classes", 0 },
    { { .kind = 700, CLASS(SEALED), .to = "990101/urban#duty" }, QIAO_CODE_OK, "sealed", 17 },
    { { .kind = 700, CLASS(CONFIDENTIAL), .to = "990101/urban#duty" }, QIAO_CODE_PLAINTEXT_SEALED, "kinds", 7 },
    { { .kind = 700, .to = "990101/urban#duty" }, QIAO_CODE_PLAINTEXT_SEALED, "kinds", 7 },
    { { .kind = QIAO_KIND_BULLETIN, CLASS(PUBLIC), .to = "990101/**", .basis = "" }, QIAO_CODE_OK, "notices", 18 },
    /* legal basis */
    { { .basis = "" }, QIAO_CODE_NO_BASIS, "intake", 15 },
    { { .basis = "LAW-A" }, QIAO_CODE_NO_BASIS, "catalogue", 0 },
    { { .basis = "LAW-A#99" }, QIAO_CODE_NO_BASIS, "catalogue", 0 },
    { { .basis = "LAW-C#1" }, QIAO_CODE_NO_BASIS, "catalogue", 0 },
    { { .basis = "LAW-A#1,LAW-C#1" }, QIAO_CODE_NO_BASIS, "catalogue", 0 },
    { { .kind = QIAO_KIND_BULLETIN, CLASS(PUBLIC), .basis = "LAW-C#1" }, QIAO_CODE_NO_BASIS, "catalogue", 0 },
    { { .basis = "LAW-A#1(4)" }, QIAO_CODE_OK, "intake", 0 },
    { { .basis = "LAW-A#(4)" }, QIAO_CODE_NO_BASIS, "catalogue", 0 },
    { { .basis = "LAW-A#1@3" }, QIAO_CODE_OK, "intake", 0 },
    { { .basis = "LAW-A#1@2" }, QIAO_CODE_OK, "intake", 0 },
    { { .basis = "LAW-A#1@1" }, QIAO_CODE_NO_BASIS, "catalogue", 0 },
    { { .basis = "LAW-A#1,LAW-A#3" }, QIAO_CODE_BASIS_EXPIRED, "catalogue", 10 },
    { { FROM(SOCIAL), .to = "990101/court", .kind = QIAO_KIND_REFERRAL_REQUEST, .purpose = "CONFIRM", .consent = "C-1" }, QIAO_CODE_NO_BASIS, "confirm", 13 },
    { { FROM(SOCIAL), .to = "990101/court", .kind = QIAO_KIND_REFERRAL_REQUEST, .purpose = "CONFIRM", .consent = "C-1", .basis = "LAW-A#1,LAW-B#8" }, QIAO_CODE_OK, "confirm", 13 },
    { { FROM(SOCIAL), .to = "990101/court", .kind = QIAO_KIND_REFERRAL_REQUEST, .purpose = "CONFIRM", .consent = "C-1", .basis = "LAW-A#3(2)" }, QIAO_CODE_OK, "confirm", 13 },
    /* consent */
    { { FROM(SOCIAL), .to = "990101/court", .kind = QIAO_KIND_REFERRAL_REQUEST, .purpose = "CONFIRM", .basis = "LAW-B#8,LAW-A#2" }, QIAO_CODE_CONSENT, "confirm", 13 },
    { { FROM(SELFGOV), .kind = QIAO_KIND_REFERRAL_REQUEST }, QIAO_CODE_CONSENT, "duty", 14 },
    { { FROM(SELFGOV), .kind = QIAO_KIND_REFERRAL_REQUEST, .consent = "C-1" }, QIAO_CODE_OK, "duty", 14 },
    { { FROM(SELFGOV), .kind = QIAO_KIND_REFERRAL_REQUEST, .basis = "LAW-A#1,LAW-A#2" }, QIAO_CODE_OK, "duty", 14 },
    { { FROM(SELFGOV), .kind = QIAO_KIND_REFERRAL_REQUEST, .basis = "LAW-A#2(1)" }, QIAO_CODE_OK, "duty", 14 },
    /* retention: the kind's is LONG, 3650 days */
    { { .retention = "SHORT" }, QIAO_CODE_OK, "intake", 0 },
    { { .retention = "SHORT", .retention_days = 7 }, QIAO_CODE_OK, "intake", 0 },
    { { .retention = "SHORT", .retention_days = 8 }, QIAO_CODE_RETENTION, "retention", 4 },
    { { .retention_days = 3650 }, QIAO_CODE_OK, "intake", 0 },
    { { .retention_days = 3651 }, QIAO_CODE_RETENTION, "retention", 4 },
    { { .retention = "EVER" }, QIAO_CODE_RETENTION, "kinds", 4 },
    { { .retention = "NONE" }, QIAO_CODE_RETENTION, "retention", 0 },
    { { .kind = QIAO_KIND_CASE_UPDATE, .retention = "EVER", .retention_days = 36500 }, QIAO_CODE_OK, "limited", 16 },
    { { .kind = QIAO_KIND_CASE_UPDATE, .retention = "SHORT", .retention_days = 8 }, QIAO_CODE_RETENTION, "retention", 2 },
    { { .kind = QIAO_KIND_CASE_UPDATE, .retention_days = 1 }, QIAO_CODE_RETENTION, "retention", 5 },
};

Test(policy, each_row_has_its_code_and_the_rule_that_decided)
{
    struct policy_world w;
    policy_world_init(&w, policy, catalogue);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        unsigned code = policy_world_ask(&w, &r->asked);
        cr_expect_eq(code, r->code, "row %zu: %s, not %s: %s", i, qiao_code_name(code), qiao_code_name(r->code), w.answer.reason);
        cr_expect_str_eq(w.answer.rule, r->rule, "row %zu: rule %s, not %s", i, w.answer.rule, r->rule);
        cr_expect(r->line == 0 || w.answer.line == r->line, "row %zu: line %d, not %d", i, w.answer.line, r->line);
        cr_expect(w.answer.reason[0] != '\0' && w.answer.file != NULL);
    }
    policy_world_deinit(&w);
}

Test(policy, every_code_of_the_policy_is_among_the_rows)
{
    static const unsigned codes[] = {
        QIAO_CODE_OK, QIAO_CODE_SECRET, QIAO_CODE_NO_BASIS, QIAO_CODE_BASIS_EXPIRED, QIAO_CODE_PURPOSE, QIAO_CODE_PI_EXCESS,
        QIAO_CODE_CONSENT, QIAO_CODE_PLAINTEXT_SEALED, QIAO_CODE_ROUTE_DENIED, QIAO_CODE_RETENTION, /* RATE has tests of its own */
    };
    for (size_t k = 0; k < sizeof codes / sizeof codes[0]; k++) {
        bool found = false;
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) found |= rows[i].code == codes[k];
        cr_expect(found, "%s", qiao_code_name(codes[k]));
    }
}

/* The day before, the day, the day after each end of a period. */
static const struct day {
    const char *basis, *event_day, *today;
    unsigned code;
} days[] = {
    { "LAW-A#3", "2026-02-28", NULL, QIAO_CODE_BASIS_EXPIRED }, { "LAW-A#3", "2026-03-01", NULL, QIAO_CODE_OK },
    { "LAW-A#3", "2026-03-02", NULL, QIAO_CODE_OK },            { "LAW-A#3", "2026-08-14", NULL, QIAO_CODE_OK },
    { "LAW-A#3", "2026-08-15", NULL, QIAO_CODE_BASIS_EXPIRED }, { "LAW-A#3", "2026-08-16", NULL, QIAO_CODE_BASIS_EXPIRED },
    { "LAW-B#7", "2026-08-14", NULL, QIAO_CODE_OK },            { "LAW-B#7", "2026-08-15", NULL, QIAO_CODE_BASIS_EXPIRED }, /* between two periods */
    { "LAW-B#7", "2026-08-16", NULL, QIAO_CODE_OK },            { "LAW-B#8", "2026-08-14", NULL, QIAO_CODE_BASIS_EXPIRED },
    { "LAW-A#1", "2019-12-31", NULL, QIAO_CODE_BASIS_EXPIRED }, { "LAW-A#1", "2020-01-01", NULL, QIAO_CODE_OK },
    /* sent_at counts when the event has no day of its own */
    { "LAW-A#3", NULL, "2026-08-14", QIAO_CODE_OK },            { "LAW-A#3", NULL, "2026-08-15", QIAO_CODE_BASIS_EXPIRED },
    /* nobody knows what will be in force */
    { "LAW-A#1", "2026-11-17", NULL, QIAO_CODE_OK },            { "LAW-A#1", "2026-11-18", NULL, QIAO_CODE_BASIS_EXPIRED },
};

Test(policy, a_basis_is_in_force_from_its_first_day_to_the_day_before_its_repeal)
{
    struct policy_world w;
    policy_world_init(&w, policy, catalogue);
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        const struct day *d = &days[i];
        unsigned code = policy_world_ask(&w, &(struct asked){ .basis = d->basis, .event_day = d->event_day, .today = d->today });
        cr_expect_eq(code, d->code, "%s on %s: %s: %s", d->basis, d->event_day ? d->event_day : d->today, qiao_code_name(code), w.answer.reason);
    }
    policy_world_deinit(&w);
}

Test(policy, a_day_begins_at_midnight_in_beijing)
{
    uint64_t noon_ms = policy_world_day_ms("2026-08-15"), hour_ms = 3600 * 1000;
    int32_t day = policy_day(noon_ms);
    cr_expect_eq(policy_day(noon_ms - 12 * hour_ms), day);
    cr_expect_eq(policy_day(noon_ms - 12 * hour_ms - 1), day - 1);
    cr_expect_eq(policy_day(noon_ms + 12 * hour_ms - 1), day);
    cr_expect_eq(policy_day(noon_ms + 12 * hour_ms), day + 1);
    cr_expect_eq(policy_day(0), 0);
    cr_expect_eq(policy_day(UINT64_MAX), POLICY_DAY_MAX);
}

/* rate: 6 a minute, burst: 2. Each message is given back after ten seconds. */
Test(policy, a_rate_lets_the_burst_through_and_then_one_at_a_time)
{
    static const struct { uint64_t now_ms; size_t sender; unsigned code; } steps[] = {
        { 1000, 0, QIAO_CODE_OK },      { 1000, 0, QIAO_CODE_OK },   { 1000, 0, QIAO_CODE_RATE },  { 10999, 0, QIAO_CODE_RATE }, { 11000, 0, QIAO_CODE_OK },
        { 11000, 0, QIAO_CODE_RATE },   { 11000, 9, QIAO_CODE_OK },  { 11000, 9, QIAO_CODE_OK },   { 11000, 9, QIAO_CODE_RATE },
        { 9000, 0, QIAO_CODE_RATE },    { 20999, 0, QIAO_CODE_RATE }, { 21000, 0, QIAO_CODE_OK },
        { 99000000, 0, QIAO_CODE_OK },  { 99000000, 0, QIAO_CODE_OK }, { 99000000, 0, QIAO_CODE_RATE },
    };
    struct policy_world w;
    policy_world_init(&w, policy, catalogue);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        unsigned code = policy_world_ask(&w, &(struct asked){ .kind = QIAO_KIND_CASE_UPDATE, .now_ms = steps[i].now_ms, .sender = steps[i].sender });
        cr_expect_eq(code, steps[i].code, "step %zu: %s", i, qiao_code_name(code));
    }
    cr_expect_str_eq(w.answer.rule, "limited");
    policy_world_deinit(&w);
}

Test(policy, what_is_refused_for_another_reason_uses_up_no_rate)
{
    struct policy_world w;
    policy_world_init(&w, policy, catalogue);
    for (int i = 0; i < 10; i++) cr_expect_eq(policy_world_ask(&w, &(struct asked){ .kind = QIAO_KIND_CASE_UPDATE, .basis = "" }), QIAO_CODE_NO_BASIS);
    for (int i = 0; i < 2; i++) cr_expect_eq(policy_world_ask(&w, &(struct asked){ .kind = QIAO_KIND_CASE_UPDATE }), QIAO_CODE_OK);
    policy_world_deinit(&w);
}

Test(policy, a_refusal_says_nothing_of_what_is_secret)
{
    struct policy_world w;
    policy_world_init(&w, policy, catalogue);
    cr_assert_eq(policy_world_ask(&w, &(struct asked){ .matter = "SECRET.CANARY", .basis = "LAW-A#1" }), QIAO_CODE_SECRET);
    cr_expect_null(strstr(w.answer.reason, "CANARY"));
    policy_world_deinit(&w);
}

Test(policy, bytes_that_nobody_can_read_may_be_secret_if_a_marker_stands_in_them)
{
    struct policy_world w;
    policy_world_init(&w, policy, catalogue);
    cr_expect(policy_may_be_secret(w.policy, qiao_bytes_from_string("\x01garbage secret.plan \xff")));
    cr_expect(policy_may_be_secret(w.policy, qiao_bytes_from_string("xx\xe7\xbb\x9d\xe5\xaf\x86")));
    cr_expect_not(policy_may_be_secret(w.policy, qiao_bytes_from_string("\x01garbage \xff")));
    cr_expect_not(policy_may_be_secret(w.policy, qiao_bytes_from_string("SECRET")));
    cr_expect_not(policy_may_be_secret(w.policy, qiao_bytes(NULL, 0)));
    policy_world_deinit(&w);
}
