/* The policy and the catalogue in conf/, asked what domain.md 1.1, 1.3 and the scenarios of 21 ask. */
#include "policy_world.h"

#include <criterion/criterion.h>

#define FROM(name) .from_type = QIAO_ORG_TYPE_##name
#define TO(name) .to_type = QIAO_ORG_TYPE_##name
#define CLASS(name) .privacy = QIAO_PRIVACY_##name
#define KIND(name) .kind = QIAO_KIND_##name
#define COMPLAINT .purpose = "HANDLE_COMPLAINT"
#define PIPL23 .basis = "PIPL#23"
#define SEALED_KIND 110

static const struct row {
    struct asked asked;
    unsigned code;
    const char *rule;
} rows[] = {
    /* S1: a complaint comes in by the hotline, goes to the street and to the department */
    { { FROM(GATEWAY), .to = "990101/hub", CLASS(CONFIDENTIAL), COMPLAINT, .basis = "QHJH-BJ#11,ECO-CODE#595", .pi_mask = 1u << 3 }, QIAO_CODE_OK, "intake" },
    { { FROM(GATEWAY), .to = "990101001/office", CLASS(CONFIDENTIAL), COMPLAINT, .basis = "QHJH-BJ#12" }, QIAO_CODE_OK, "intake" },
    { { FROM(SUBDISTRICT), .to = "990101/urban-mgmt", CLASS(CONFIDENTIAL), COMPLAINT, .basis = "ECO-CODE#1190(3)" }, QIAO_CODE_OK, "dispatch" },
    /* street to community is assistance */
    { { FROM(SUBDISTRICT), .to = "990101001003/committee", KIND(REFERRAL_REQUEST), .purpose = "ASSIST", .basis = "RESIDENTS-LAW#43,ECO-CODE#599" }, QIAO_CODE_OK, "assist" },
    { { FROM(SUBDISTRICT), .to = "990101001003/committee", KIND(REFERRAL_REQUEST), .purpose = "ASSIST", .basis = "ECO-CODE#599" }, QIAO_CODE_NO_BASIS, "assist" },
    { { FROM(SUBDISTRICT), .to = "990101001003/committee", COMPLAINT, .basis = "ECO-CODE#599" }, QIAO_CODE_ROUTE_DENIED, "no-dispatch-to-committees" },
    { { FROM(SELFGOV), .to = "990101001/office", COMPLAINT, .basis = "RESIDENTS-LAW#43" }, QIAO_CODE_OK, "report-up" },
    { { FROM(SELFGOV), .to = "990101001/office", KIND(REFERRAL_ANSWER), .purpose = "ASSIST", .basis = "RESIDENTS-LAW#43" }, QIAO_CODE_OK, "answers" },
    /* the noise law and the code that replaced it, on the day */
    { { FROM(GATEWAY), .to = "990101/hub", COMPLAINT, .basis = "NOISE-LAW-2021#82" }, QIAO_CODE_BASIS_EXPIRED, "catalogue" },
    { { FROM(GATEWAY), .to = "990101/hub", COMPLAINT, .basis = "NOISE-LAW-2021#82", .event_day = "2026-08-14" }, QIAO_CODE_OK, "intake" },
    { { FROM(GATEWAY), .to = "990101/hub", COMPLAINT, .basis = "NOISE-LAW-2021#82", .event_day = "2026-08-15" }, QIAO_CODE_BASIS_EXPIRED, "catalogue" },
    { { FROM(GATEWAY), .to = "990101/hub", COMPLAINT, .basis = "ECO-CODE#595", .event_day = "2026-08-15" }, QIAO_CODE_OK, "intake" },
    { { FROM(GATEWAY), .to = "990101/hub", COMPLAINT, .basis = "ECO-CODE#595", .event_day = "2026-08-14" }, QIAO_CODE_BASIS_EXPIRED, "catalogue" },
    { { FROM(GATEWAY), .to = "990101/hub", COMPLAINT, .basis = "PSPL#88", .event_day = "2025-12-31" }, QIAO_CODE_BASIS_EXPIRED, "catalogue" },
    { { FROM(GATEWAY), .to = "990101/hub", COMPLAINT, .basis = "PSPL#58", .event_day = "2025-12-31" }, QIAO_CODE_OK, "intake" },
    { { FROM(GATEWAY), .to = "990101/hub", COMPLAINT, .basis = "PSPL#58", .event_day = "2026-01-01" }, QIAO_CODE_BASIS_EXPIRED, "catalogue" },
    /* courts are asked, never told */
    { { FROM(COORD), .to = "990101/court", COMPLAINT, .basis = "QHJH-BJ#12" }, QIAO_CODE_ROUTE_DENIED, "no-orders-to-independent-seats" },
    { { FROM(SUBDISTRICT), .to = "990101/hospital", COMPLAINT, .basis = "QHJH-BJ#12" }, QIAO_CODE_ROUTE_DENIED, "no-orders-to-independent-seats" },
    { { FROM(SOCIAL), .to = "990101/court", KIND(REFERRAL_REQUEST), CLASS(CONFIDENTIAL), .purpose = "CONFIRM_AGREEMENT", .basis = "MED-LAW#33,CPL#205", .consent = "CON-1", .pi_mask = 1 },
      QIAO_CODE_OK, "confirmation" },
    { { FROM(SOCIAL), .to = "990101/court", KIND(REFERRAL_REQUEST), CLASS(CONFIDENTIAL), .purpose = "CONFIRM_AGREEMENT", .basis = "MED-LAW#33" }, QIAO_CODE_CONSENT, "confirmation" },
    { { FROM(GOV), .to = "990101/mediation-society", CLASS(CONFIDENTIAL), .purpose = "MEDIATE_DISPUTE", .basis = "MED-LAW#17" }, QIAO_CODE_CONSENT, "mediation" },
    { { FROM(SUBDISTRICT), .to = "990101/hub", KIND(REFERRAL_REQUEST), COMPLAINT, .basis = "QHJH-BJ#12" }, QIAO_CODE_ROUTE_DENIED, "coordination-handles-no-case" },
    /* S2: the sealed referral, its crisis variant, and who may not have it */
    { { FROM(SOCIAL), .to = "990101/hospital#psych", .kind = SEALED_KIND, CLASS(SEALED), .purpose = "PSYCH_REFERRAL", PIPL23, .consent = "CON-3" }, QIAO_CODE_OK, "psych-referral" },
    { { FROM(SOCIAL), .to = "990101/hospital#psych", .kind = SEALED_KIND, CLASS(SEALED), .purpose = "PSYCH_REFERRAL", .basis = "PIPL#23" }, QIAO_CODE_CONSENT, "psych-referral" },
    { { FROM(SELFGOV), .to = "990101/hospital#duty", .kind = SEALED_KIND, CLASS(SEALED), .purpose = "CRISIS_HANDOFF", .basis = "PIPL#13(4),MHL#28" }, QIAO_CODE_OK, "psych-referral" },
    { { FROM(SOCIAL), .to = "990101/hospital", .kind = SEALED_KIND, CLASS(SEALED), .purpose = "PSYCH_REFERRAL", PIPL23, .consent = "CON-3" }, QIAO_CODE_ROUTE_DENIED, "classes" },
    { { FROM(SOCIAL), .to = "990101/hospital#psych", .kind = SEALED_KIND, CLASS(CONFIDENTIAL), .purpose = "PSYCH_REFERRAL", .basis = "PIPL#23" }, QIAO_CODE_PLAINTEXT_SEALED, "kinds" },
    { { FROM(SOCIAL), .to = "990101/hub#duty", .kind = SEALED_KIND, CLASS(SEALED), .purpose = "PSYCH_REFERRAL", PIPL23, .consent = "CON-3" }, QIAO_CODE_ROUTE_DENIED, "nothing-else-sealed" },
    { { FROM(MEDICAL), .to = "990101001/office", KIND(REFERRAL_ANSWER), CLASS(CONFIDENTIAL), COMPLAINT, .basis = "PIPL#34" }, QIAO_CODE_ROUTE_DENIED, "no-diagnosis-outward" },
    { { FROM(GATEWAY), .to = "990101/discipline#duty", .kind = SEALED_KIND, CLASS(SEALED), .purpose = "REPORT_MISCONDUCT", .basis = "PETITION-REG#30" }, QIAO_CODE_OK, "misconduct-report" },
    /* minimisation, secrets, notices */
    { { FROM(GATEWAY), .to = "990101/hub", CLASS(CONFIDENTIAL), COMPLAINT, .basis = "QHJH-BJ#11", .pi_mask = 3 }, QIAO_CODE_PI_EXCESS, "kinds" },
    { { FROM(GATEWAY), .to = "990101/hub", COMPLAINT, .basis = "QHJH-BJ#11", .matter = "国家秘密.A" }, QIAO_CODE_SECRET, "secret" },
    { { FROM(GATEWAY), .to = "990101/hub", .purpose = "WORK_SECRET", .basis = "QHJH-BJ#11" }, QIAO_CODE_SECRET, "secret" },
    { { FROM(GOV), .to = "990101/**", KIND(BULLETIN), CLASS(PUBLIC), .purpose = "INFORM_PUBLIC", .basis = "" }, QIAO_CODE_OK, "bulletins" },
    { { FROM(GOV), .to = "990101/**", KIND(BULLETIN), CLASS(PUBLIC), .lane = QIAO_LANE_URGENT, .purpose = "INFORM_PUBLIC", .basis = "" }, QIAO_CODE_ROUTE_DENIED, "no-other-urgent-bulletins" },
    { { FROM(COORD), .to = "990101/**", KIND(BULLETIN), CLASS(PUBLIC), .lane = QIAO_LANE_URGENT, .purpose = "INFORM_PUBLIC", .basis = "" }, QIAO_CODE_OK, "urgent-bulletins" },
    { { FROM(COORD), .to = "990101001/office", KIND(ALLOCATION_GRANT), .purpose = "ALLOCATE_RESOURCE", .basis = "STREET-BJ#11" }, QIAO_CODE_OK, "grants" },
    { { FROM(UTILITY), .to = "990101001/office", KIND(ALLOCATION_GRANT), .purpose = "ALLOCATE_RESOURCE", .basis = "STREET-BJ#11" }, QIAO_CODE_ROUTE_DENIED, "default" },
};

Test(policy_shipped, the_scenarios_of_the_domain_are_decided_as_they_should)
{
    struct policy_world w;
    policy_world_init(&w, NULL, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned code = policy_world_ask(&w, &rows[i].asked);
        cr_expect_eq(code, rows[i].code, "row %zu: %s, not %s: %s", i, qiao_code_name(code), qiao_code_name(rows[i].code), w.answer.reason);
        cr_expect_str_eq(w.answer.rule, rows[i].rule, "row %zu: rule %s, not %s: %s", i, w.answer.rule, rows[i].rule, w.answer.reason);
    }
    policy_world_deinit(&w);
}
