#include "registry_office.h"

#include "base/prng.h"

#include <criterion/criterion.h>

#define REGISTRY "990101/registry"
#define INSPECTION "990101/inspection"

static struct office office;
static void setup(void) { office_init(&office); }
static void teardown(void) { office_deinit(&office); }

TestSuite(registry, .init = setup, .fini = teardown);

/* ---- what registrars write ---- */

struct draft {
    const char *id, *code, *name, *area, *duty_hours;
    uint8_t key;               /* first byte of the key of seat "duty", 0: no seat */
};

static const struct draft housing = { "housing", "11990101QA0000022E", "Housing bureau", "990101", "", 1 };
static const struct draft labour = { "labour", "11990101QA0000065U", "Labour bureau", "990101", "", 0 };
static const struct draft mediation = { "mediation", "52990101QA0000057R", "Mediation society", "990101", "", 0 };

struct paper {
    Qiao__V1__Organisation organisation;
    Qiao__V1__OrgSeat seat, *seats[1];
    ProtobufCBinaryData keys[1];
    uint8_t key[16];
};

static Qiao__V1__Organisation *write_paper(struct paper *p, const struct draft *draft)
{
    p->organisation = (Qiao__V1__Organisation)QIAO__V1__ORGANISATION__INIT;
    p->seat = (Qiao__V1__OrgSeat)QIAO__V1__ORG_SEAT__INIT;
    p->organisation.org_id = (char *)draft->id;
    p->organisation.uscc = (char *)draft->code;
    p->organisation.name = (char *)draft->name;
    p->organisation.type = QIAO__V1__ORG_TYPE__ORG_TYPE_GOV;
    p->organisation.level = QIAO__V1__ORG_LEVEL__ORG_LEVEL_DISTRICT;
    p->organisation.area_code = (char *)draft->area;
    p->organisation.duty_hours = (char *)draft->duty_hours;
    memset(p->key, draft->key, sizeof p->key);
    p->keys[0] = (ProtobufCBinaryData){ sizeof p->key, p->key };
    p->seat.name = (char *)"duty";
    p->seat.keys = p->keys;
    p->seat.n_keys = 1;
    p->seats[0] = &p->seat;
    p->organisation.seats = p->seats;
    p->organisation.n_seats = draft->key ? 1 : 0;
    return &p->organisation;
}

static uint8_t registers_as(const char *from, const struct draft *draft)
{
    struct paper paper;
    Qiao__V1__OrgRegister body = QIAO__V1__ORG_REGISTER__INIT;
    body.organisation = write_paper(&paper, draft);
    return office_take(&office, &(struct letter){ .from = from, .kind = QIAO_KIND_ORG_REGISTER, .body = &body.base });
}

static uint8_t registers(const struct draft *draft) { return registers_as(REGISTRY, draft); }

static uint8_t updates_as(const char *from, const struct draft *draft, uint64_t version)
{
    struct paper paper;
    Qiao__V1__OrgUpdate body = QIAO__V1__ORG_UPDATE__INIT;
    body.organisation = write_paper(&paper, draft);
    body.version = version;
    return office_take(&office, &(struct letter){ .from = from, .kind = QIAO_KIND_ORG_UPDATE, .body = &body.base });
}

static uint8_t updates(const struct draft *draft, uint64_t version) { return updates_as(REGISTRY, draft, version); }

static uint8_t suspends(const char *id, uint64_t version, bool lifted)
{
    Qiao__V1__OrgSuspend body = QIAO__V1__ORG_SUSPEND__INIT;
    body.org_id = (char *)id;
    body.version = version;
    body.lifted = lifted;
    body.reason = (char *)"audit";
    return office_take(&office, &(struct letter){ .from = REGISTRY, .kind = QIAO_KIND_ORG_SUSPEND, .body = &body.base });
}

static Qiao__V1__OrgClose closing(const char *id, uint64_t version, char **successor)
{
    Qiao__V1__OrgClose body = QIAO__V1__ORG_CLOSE__INIT;
    body.org_id = (char *)id;
    body.version = version;
    body.succession = successor;
    body.n_succession = successor ? 1 : 0;
    return body;
}

static uint8_t closes(const char *id, uint64_t version, const char *successor)
{
    char *successors[] = { (char *)successor };
    Qiao__V1__OrgClose body = closing(id, version, successor ? successors : NULL);
    return office_take(&office, &(struct letter){ .from = REGISTRY, .kind = QIAO_KIND_ORG_CLOSE, .body = &body.base });
}

static uint8_t confirms(const char *from, const char *id, uint64_t version, unsigned kind, ProtobufCBinaryData digest)
{
    Qiao__V1__OrgConfirm body = QIAO__V1__ORG_CONFIRM__INIT;
    uint8_t copy[SEAL_DIGEST_SIZE];
    memcpy(copy, digest.data, digest.len);
    body.org_id = (char *)id;
    body.version = version;
    body.kind = kind;
    body.digest = (ProtobufCBinaryData){ digest.len, copy };
    return office_take(&office, &(struct letter){ .from = from, .kind = QIAO_KIND_ORG_CONFIRM, .body = &body.base });
}

static uint8_t confirms_close(const char *from, const char *id, uint64_t version, const char *successor)
{
    char *successors[] = { (char *)successor };
    Qiao__V1__OrgClose body = closing(id, version, successors);
    return confirms(from, id, version, QIAO_KIND_ORG_CLOSE, office_digest(&body.base));
}

static uint8_t confirms_update(const char *from, const struct draft *draft, uint64_t version)
{
    struct paper paper;
    Qiao__V1__OrgUpdate body = QIAO__V1__ORG_UPDATE__INIT;
    body.organisation = write_paper(&paper, draft);
    body.version = version;
    return confirms(from, draft->id, version, QIAO_KIND_ORG_UPDATE, office_digest(&body.base));
}

#define EXPECT(number, wanted) cr_expect_eq(office_decision(&office, number), (int)(wanted), "%d: %s", office_decision(&office, number), office_reason(&office, number))
#define EXPECT_OPEN(number) cr_expect_eq(office_decision(&office, number), -1, "%d: %s", office_decision(&office, number), office_reason(&office, number))

static void expect_state(const char *id, Qiao__V1__OrgState state, uint64_t version)
{
    const struct organisation *o = registry_find(office.registry, id);
    cr_assert_not_null(o, "%s", id);
    cr_expect_eq(o->state, state, "%s is in state %d", id, (int)o->state);
    cr_expect_eq(o->version, version, "%s is at version %llu", id, (unsigned long long)o->version);
}

#define LIVE QIAO__V1__ORG_STATE__ORG_STATE_LIVE
#define SUSPENDED QIAO__V1__ORG_STATE__ORG_STATE_SUSPENDED
#define CLOSED QIAO__V1__ORG_STATE__ORG_STATE_CLOSED

static unsigned admits(const char *code, const char *name, bool sends)
{
    return registry_admits(office.registry, registry_of_member(office.registry, code, name, "990101"), sends, office.reason);
}

/* ---- registering ---- */

Test(registry, an_organisation_is_registered_once)
{
    EXPECT(registers(&housing), QIAO_CODE_OK);
    expect_state("housing", LIVE, 1);
    EXPECT(registers(&housing), QIAO_CODE_OK);
    cr_expect_eq(office.records_count, 1);
    struct draft other = labour;
    other.id = "housing";
    EXPECT(registers(&other), QIAO_CODE_ORG_TAKEN);
    other = labour;
    other.code = housing.code;
    EXPECT(registers(&other), QIAO_CODE_ORG_TAKEN);
    other = labour;
    other.name = housing.name;
    EXPECT(registers(&other), QIAO_CODE_ORG_TAKEN);
    EXPECT(registers(&labour), QIAO_CODE_OK);
    other = labour;
    other.code = housing.code;
    EXPECT(updates(&other, 2), QIAO_CODE_ORG_TAKEN);
}

Test(registry, only_registrars_write_and_only_to_the_whole_district)
{
    EXPECT(registers_as("990101/urban", &housing), QIAO_CODE_NOT_ALLOWED);
    EXPECT(registers_as("990102/registry", &housing), QIAO_CODE_NOT_ALLOWED);
    EXPECT(registers_as("990101/audit", &housing), QIAO_CODE_NOT_ALLOWED);
    EXPECT(registers_as("990101/audit#night", &housing), QIAO_CODE_NOT_ALLOWED);
    struct paper paper;
    Qiao__V1__OrgRegister body = QIAO__V1__ORG_REGISTER__INIT;
    body.organisation = write_paper(&paper, &housing);
    struct letter letter = { .from = REGISTRY, .kind = QIAO_KIND_ORG_REGISTER, .body = &body.base, .to = "990101001/desk" };
    EXPECT(office_take(&office, &letter), QIAO_CODE_ADDRESS);
    letter.to = NULL;
    letter.lane = 1;
    EXPECT(office_take(&office, &letter), QIAO_CODE_NOT_ALLOWED);
    letter.lane = 0;
    letter.expires_at_ms = office.now_ms + 1;
    EXPECT(office_take(&office, &letter), QIAO_CODE_NOT_ALLOWED);
    letter.expires_at_ms = 0;
    letter.status = 1;
    EXPECT(office_take(&office, &letter), QIAO_CODE_NOT_ALLOWED);
    cr_expect_eq(office.records_count, 0);
    EXPECT(registers_as("990101/audit#duty", &housing), QIAO_CODE_OK);
}

Test(registry, content_that_makes_no_sense_is_refused_with_its_code)
{
    static const struct { struct draft draft; unsigned code; const char *words; } rows[] = {
        { { "housing", "11990101QA0000022F", "Housing", "990101", "", 0 }, QIAO_CODE_ORG_USCC, "'E', found 'F'" },
        { { "housing", "", "Housing", "990101", "", 0 }, QIAO_CODE_INCOMPLETE, "only a gateway" },
        { { "", "11990101QA0000022E", "Housing", "990101", "", 0 }, QIAO_CODE_INCOMPLETE, "org_id is missing" },
        { { "Housing", "11990101QA0000022E", "Housing", "990101", "", 0 }, QIAO_CODE_MALFORMED, "a-z" },
        { { "housing", "11990101QA0000022E", "", "990101", "", 0 }, QIAO_CODE_INCOMPLETE, "name is missing" },
        { { "housing", "11990101QA0000022E", "a\nb", "990101", "", 0 }, QIAO_CODE_MALFORMED, "one line" },
        { { "housing", "11990101QA0000022E", "Housing", "990101001", "", 0 }, QIAO_CODE_ADDRESS, "6 digits" },
        { { "housing", "11990101QA0000022E", "Housing", "990102", "", 0 }, QIAO_CODE_ADDRESS, "another district" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t number = registers(&rows[i].draft);
        EXPECT(number, rows[i].code);
        cr_expect(strstr(office_reason(&office, number), rows[i].words), "%s", office_reason(&office, number));
    }
    Qiao__V1__OrgRegister empty = QIAO__V1__ORG_REGISTER__INIT;
    EXPECT(office_take(&office, &(struct letter){ .from = REGISTRY, .kind = QIAO_KIND_ORG_REGISTER, .body = &empty.base }), QIAO_CODE_INCOMPLETE);
    cr_expect_eq(office.records_count, 0);
}

/* ---- versions ---- */

Test(registry, where_messages_enter_versions_follow_each_other)
{
    struct draft changed = housing;
    EXPECT(updates(&housing, 2), QIAO_CODE_ORG_UNREGISTERED);
    EXPECT(registers(&housing), QIAO_CODE_OK);
    changed.duty_hours = "24/7";
    EXPECT(updates(&changed, 3), QIAO_CODE_CONFLICT);
    EXPECT(updates(&changed, 1), QIAO_CODE_CONFLICT);
    EXPECT(updates(&changed, 2), QIAO_CODE_OK);
    EXPECT(updates(&changed, 2), QIAO_CODE_OK); /* again */
    EXPECT(updates(&housing, 2), QIAO_CODE_CONFLICT);
    EXPECT(suspends("housing", 3, false), QIAO_CODE_OK);
    EXPECT(registers(&housing), QIAO_CODE_ORG_TAKEN);
    expect_state("housing", SUSPENDED, 3);
}

Test(registry, behind_it_what_comes_early_waits_for_what_is_missing)
{
    struct draft second = housing, third = housing;
    second.duty_hours = "24/7";
    third.duty_hours = "Mo-Fr";
    office.at_origin = false;
    uint8_t v4 = suspends("housing", 4, false), v3 = updates(&third, 3), v2 = updates(&second, 2);
    EXPECT_OPEN(v4);
    EXPECT_OPEN(v3);
    office_restart(&office);
    EXPECT_OPEN(v2);
    EXPECT(registers(&housing), QIAO_CODE_OK);
    EXPECT(v2, QIAO_CODE_OK);
    EXPECT(v3, QIAO_CODE_OK);
    EXPECT(v4, QIAO_CODE_OK);
    expect_state("housing", SUSPENDED, 4);
    cr_expect_eq(office.records_count, 1, "nothing waits any more");
}

Test(registry, a_proposal_and_its_confirmation_wait_together_for_an_earlier_version)
{
    struct draft keys = housing, before = housing;
    before.duty_hours = keys.duty_hours = "24/7";
    keys.key = 2;
    office.at_origin = false;
    EXPECT(registers(&housing), QIAO_CODE_OK);
    uint8_t confirmation = confirms_update(INSPECTION, &keys, 3), proposal = updates(&keys, 3);
    EXPECT_OPEN(proposal);
    EXPECT_OPEN(confirmation);
    EXPECT(updates(&before, 2), QIAO_CODE_OK);
    EXPECT(proposal, QIAO_CODE_OK);
    EXPECT(confirmation, QIAO_CODE_OK);
    expect_state("housing", LIVE, 3);
}

Test(registry, what_never_came_ends_what_waited_for_it)
{
    office.at_origin = false;
    EXPECT(registers(&housing), QIAO_CODE_OK);
    uint8_t early = suspends("housing", 3, false);
    office.now_ms += REGISTRY_GRACE_MS - 1;
    office_tick(&office);
    EXPECT_OPEN(early);
    office.now_ms++;
    office_tick(&office);
    EXPECT(early, QIAO_CODE_CONFLICT);
    cr_expect_eq(office.records_count, 1);
}

/* ---- the second registrar ---- */

Test(registry, a_changed_key_needs_a_second_registrar)
{
    struct draft keys = housing;
    keys.key = 2;
    registers(&housing);
    uint8_t proposal = updates(&keys, 2);
    EXPECT_OPEN(proposal);
    expect_state("housing", LIVE, 1);
    EXPECT(confirms_update(REGISTRY, &keys, 2), QIAO_CODE_ORG_DUAL_CONTROL);
    EXPECT(confirms_update("990101/urban", &keys, 2), QIAO_CODE_NOT_ALLOWED);
    EXPECT_OPEN(proposal);
    office_restart(&office);
    EXPECT(confirms_update(INSPECTION, &keys, 2), QIAO_CODE_OK);
    EXPECT(proposal, QIAO_CODE_OK);
    expect_state("housing", LIVE, 2);
    EXPECT(confirms_update(INSPECTION, &keys, 2), QIAO_CODE_NOT_FOUND); /* again */
    EXPECT(updates(&keys, 2), QIAO_CODE_OK);                            /* again */
    cr_expect_eq(office.records_count, 1);
}

Test(registry, a_key_that_comes_or_goes_is_a_changed_key)
{
    struct draft without = housing, with = labour;
    without.key = 0;
    with.key = 7;
    registers(&housing);
    registers(&labour);
    EXPECT_OPEN(updates(&without, 2));
    EXPECT_OPEN(updates(&with, 2));
}

Test(registry, other_content_is_not_confirmed)
{
    struct draft keys = housing, other = housing;
    keys.key = 2;
    other.key = 3;
    registers(&housing);
    uint8_t proposal = updates(&keys, 2);
    EXPECT(confirms_update(INSPECTION, &other, 2), QIAO_CODE_ORG_DUAL_CONTROL);
    struct paper paper;
    Qiao__V1__OrgUpdate body = QIAO__V1__ORG_UPDATE__INIT;
    body.organisation = write_paper(&paper, &keys);
    body.version = 2;
    EXPECT(confirms(INSPECTION, "housing", 2, QIAO_KIND_ORG_CLOSE, office_digest(&body.base)), QIAO_CODE_ORG_DUAL_CONTROL); /* another kind */
    EXPECT(confirms(INSPECTION, "housing", 2, QIAO_KIND_ORG_UPDATE, (ProtobufCBinaryData){ 4, (uint8_t[]){ 1, 2, 3, 4 } }), QIAO_CODE_ORG_DUAL_CONTROL);
    EXPECT(confirms_update(INSPECTION, &keys, 3), QIAO_CODE_NOT_FOUND);
    EXPECT_OPEN(proposal);
    expect_state("housing", LIVE, 1);
}

Test(registry, a_confirmation_that_is_late_comes_to_nothing)
{
    struct draft keys = housing;
    keys.key = 2;
    registers(&housing);
    uint8_t proposal = updates(&keys, 2);
    office.now_ms += 999;
    office_tick(&office);
    EXPECT_OPEN(proposal);
    office.now_ms++;
    EXPECT(confirms_update(INSPECTION, &keys, 2), QIAO_CODE_ORG_DUAL_CONTROL); /* before the clock was looked at */
    office_tick(&office);
    EXPECT(proposal, QIAO_CODE_ORG_DUAL_CONTROL);
    EXPECT(confirms_update(INSPECTION, &keys, 2), QIAO_CODE_NOT_FOUND);
    expect_state("housing", LIVE, 1);
    cr_expect_eq(office.records_count, 1);
}

Test(registry, a_later_change_takes_the_place_of_one_that_waits)
{
    struct draft keys = housing, again = housing, plain = housing;
    keys.key = 2;
    again.key = 3;
    plain.duty_hours = "24/7";
    registers(&housing);
    uint8_t first = updates(&keys, 2), second = updates(&again, 2);
    EXPECT(first, QIAO_CODE_CONFLICT);
    EXPECT_OPEN(second);
    EXPECT(updates(&plain, 2), QIAO_CODE_OK);
    EXPECT(second, QIAO_CODE_CONFLICT);
    expect_state("housing", LIVE, 2);
    cr_expect_eq(office.records_count, 1);
}

/* ---- closing ---- */

Test(registry, who_closes_names_who_comes_after)
{
    registers(&housing);
    registers(&labour);
    EXPECT(closes("housing", 2, NULL), QIAO_CODE_ORG_SUCCESSOR);
    EXPECT(closes("housing", 2, "housing"), QIAO_CODE_ORG_SUCCESSOR);
    EXPECT(closes("housing", 2, "nobody"), QIAO_CODE_ORG_SUCCESSOR);
    uint8_t proposal = closes("housing", 2, "labour");
    EXPECT_OPEN(proposal);
    EXPECT(confirms_close(INSPECTION, "housing", 2, "labour"), QIAO_CODE_OK);
    EXPECT(proposal, QIAO_CODE_OK);
    expect_state("housing", CLOSED, 2);
    EXPECT(closes("housing", 2, "labour"), QIAO_CODE_OK); /* again */
    EXPECT(updates(&housing, 3), QIAO_CODE_ORG_CLOSED);
    EXPECT(suspends("housing", 3, false), QIAO_CODE_ORG_CLOSED);
    EXPECT(registers(&housing), QIAO_CODE_ORG_TAKEN);
    EXPECT(closes("labour", 2, "housing"), QIAO_CODE_ORG_SUCCESSOR);
}

Test(registry, a_successor_that_closed_meanwhile_stops_the_confirmation)
{
    registers(&housing);
    registers(&labour);
    registers(&mediation);
    uint8_t proposal = closes("housing", 2, "labour");
    closes("labour", 2, "mediation");
    EXPECT(confirms_close(INSPECTION, "labour", 2, "mediation"), QIAO_CODE_OK);
    EXPECT(confirms_close(INSPECTION, "housing", 2, "labour"), QIAO_CODE_ORG_SUCCESSOR);
    EXPECT_OPEN(proposal);
    expect_state("housing", LIVE, 1);
}

Test(registry, the_code_of_a_closed_organisation_is_free_and_its_id_is_not)
{
    struct draft heir = housing;
    heir.id = "housing-2";
    registers(&housing);
    registers(&labour);
    closes("housing", 2, "labour");
    confirms_close(INSPECTION, "housing", 2, "labour");
    cr_expect_eq(admits(housing.code, "x", true), QIAO_CODE_ORG_CLOSED);
    EXPECT(registers(&heir), QIAO_CODE_OK);
    cr_expect_eq(admits(housing.code, "x", true), QIAO_CODE_OK);
    office_restart(&office);
    cr_expect_eq(admits(housing.code, "x", true), QIAO_CODE_OK);
}

/* ---- members ---- */

Test(registry, members_of_suspended_and_closed_organisations_take_no_part)
{
    registers(&housing);
    registers(&labour);
    registers(&mediation);
    cr_expect_eq(admits(housing.code, "x", true), QIAO_CODE_OK);
    EXPECT(suspends("housing", 2, true), QIAO_CODE_CONFLICT);
    EXPECT(suspends("housing", 2, false), QIAO_CODE_OK);
    EXPECT(suspends("housing", 3, false), QIAO_CODE_CONFLICT);
    cr_expect_eq(admits(housing.code, "x", true), QIAO_CODE_ORG_SUSPENDED);
    cr_expect_eq(admits(housing.code, "x", false), QIAO_CODE_ORG_SUSPENDED);
    EXPECT(suspends("housing", 3, true), QIAO_CODE_OK);
    cr_expect_eq(admits(housing.code, "x", true), QIAO_CODE_OK);
    closes("housing", 4, "labour");
    confirms_close(INSPECTION, "housing", 4, "labour");
    closes("labour", 2, "mediation");
    confirms_close(INSPECTION, "labour", 2, "mediation");
    cr_expect_eq(admits(housing.code, "x", false), QIAO_CODE_ORG_CLOSED);
    cr_expect_str_eq(office.reason, "housing is closed; turn to mediation in area 990101"); /* through the closure of labour */
}

Test(registry, who_is_not_registered_may_be_kept_from_sending)
{
    cr_expect_eq(admits(NULL, "hotline", true), QIAO_CODE_OK);
    office.required = true;
    office_restart(&office);
    cr_expect_eq(admits(NULL, "hotline", true), QIAO_CODE_ORG_UNREGISTERED);
    cr_expect_eq(admits(housing.code, "x", true), QIAO_CODE_ORG_UNREGISTERED);
    cr_expect_eq(admits(housing.code, "x", false), QIAO_CODE_OK);
    registers(&housing);
    cr_expect_eq(admits(housing.code, "x", true), QIAO_CODE_OK);
    cr_expect_eq(admits(NULL, "housing", true), QIAO_CODE_ORG_UNREGISTERED, "a name is no claim to an organisation that has a code");
}

Test(registry, a_gateway_has_no_code_and_is_known_by_name_and_area)
{
    static const struct draft hotline = { "hotline", "", "Hotline 12345", "990101", "24/7", 0 };
    struct paper paper;
    Qiao__V1__OrgRegister body = QIAO__V1__ORG_REGISTER__INIT;
    body.organisation = write_paper(&paper, &hotline);
    body.organisation->type = QIAO__V1__ORG_TYPE__ORG_TYPE_GATEWAY;
    EXPECT(office_take(&office, &(struct letter){ .from = REGISTRY, .kind = QIAO_KIND_ORG_REGISTER, .body = &body.base }), QIAO_CODE_OK);
    cr_expect_not_null(registry_of_member(office.registry, NULL, "hotline", "990101"));
    cr_expect_null(registry_of_member(office.registry, NULL, "hotline", "990101001"));
}

/* ---- bounds and damage ---- */

Test(registry, only_so_many_changes_wait)
{
    office.at_origin = false;
    registers(&housing);
    for (unsigned i = 0; i < REGISTRY_WAITING_MAX; i++) suspends("housing", 3 + i, false);
    cr_expect_eq(office.decisions_count, 1, "the registration is decided and nothing else");
    suspends("housing", 1000, false);
    cr_assert_eq(office.decisions_count, 2);
    cr_expect_eq(office.decisions[1].code, QIAO_CODE_BUSY);
    cr_expect_null(registry_waiting_at(office.registry, REGISTRY_WAITING_MAX));
}

Test(registry, damaged_records_are_told)
{
    registers(&housing);
    uint8_t waiting = closes("housing", 2, "housing");
    EXPECT(waiting, QIAO_CODE_ORG_SUCCESSOR);
    struct qiao_bytes key = key_bytes(&office.records[0].key), value = buf_bytes(&office.records[0].value);
    cr_expect_null(registry_check_record(key, value));
    for (size_t size = 0; size < value.size; size++) (void)registry_check_record(key, qiao_bytes(value.data, size)); /* an answer, whatever is left */
    cr_expect_not_null(registry_check_record(key, qiao_bytes(value.data, 2)));
    cr_expect_not_null(registry_check_record(qiao_bytes("NOhousing2", 10), value));
    cr_expect_not_null(registry_check_record(qiao_bytes("NZ1", 3), value));
    cr_expect_not_null(registry_check_record(qiao_bytes("NW12345678", 10), value));
}

/* ---- bodies that are not what they should be ---- */

/* One bit, one byte or one length of a sound body is another; the id is new each time. Each ends once or waits, and what was stored can be loaded. */
Test(registry, whatever_a_registrar_sends_has_one_end)
{
    struct prng prng;
    struct paper paper;
    Qiao__V1__OrgUpdate body = QIAO__V1__ORG_UPDATE__INIT;
    prng_init(&prng, 7);
    office.at_origin = false;
    registers(&housing);
    body.organisation = write_paper(&paper, &housing);
    body.version = 2;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t dice = prng_next(&prng);
        buf_auto packed = { 0 };
        size_t size = qiao__v1__org_update__get_packed_size(&body);
        qiao__v1__org_update__pack(&body, buf_reserve(&packed, size));
        packed.size = dice % 4 == 0 ? (size_t)(dice >> 8) % (size + 1) : size;
        for (unsigned changes = 1 + (dice >> 4) % 3; packed.size > 0 && changes > 0; changes--) {
            uint64_t where = prng_next(&prng);
            packed.data[where % packed.size] ^= (uint8_t)(where >> 32);
        }
        office.decisions_count = 0;
        uint8_t number = office_take_bytes(&office, REGISTRY, QIAO_KIND_ORG_REGISTER + (unsigned)(dice >> 40) % 5, buf_bytes(&packed));
        cr_assert_neq(office_decision(&office, number) >= 0, office_waits(&office, number), "message %u: decided or waiting, and not both", number);
        if (i % 100 != 99) continue;
        office.now_ms += 2 * REGISTRY_GRACE_MS;
        office_tick(&office);
        cr_assert_null(registry_waiting_at(office.registry, 0));
        office_restart(&office);
    }
}
