/* A node with rules: what is sent elsewhere, copied or refused, on disk and in receipts; and exercises, which no rule lets through. */
#include "fuzz/core_world.h"

#include "conf/rules.h"
#include "core/keys.h"

#include <criterion/criterion.h>
#include <qiao/client.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct story {
    struct world world;
    struct conf_rules *file;
    struct store *store;
};

static struct conf_rules *read_rules(const char *text)
{
    struct conf_errors errors = { 0 };
    struct conf_rules *rules = NULL;
    char path[64];
    int fd = memfd_create("rules", 0);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    cr_assert(conf_rules_load(path, &errors, &rules) == 0 && rules, "%s", errors.count ? errors.items[0].text : "");
    conf_errors_deinit(&errors);
    close(fd);
    return rules;
}

static void start(struct story *s, const char *rules)
{
    static struct choices none;
    char error[128];
    memset(s, 0, sizeof *s);
    cr_assert_eq(store_engine_array.open(&(struct store_options){ .version = 1 }, &s->store, error, sizeof error), 0);
    cr_assert(world_init(&s->world, &none, s->store));
    s->file = read_rules(rules);
    /* The core takes them over, as on reload. */
    struct core_config config = {
        .rules = rules_new(conf_rules_tables(s->file)), .link_window_messages = 64, .link_window_bytes = 65536, .member_window_messages = 64, .member_window_bytes = 65536,
        .connections_max = 8, .delivery_attempts_max = 3, .retry_ms_min = 10, .retry_ms_max = 1000, .heartbeat_ms = 5000, .silence_ms = 20000, .handshake_ms = 3000,
    };
    core_set_limits(s->world.core, &config);
}

static void end(struct story *s)
{
    world_check_store(&s->world);
    world_deinit(&s->world);
    conf_rules_free(s->file);
}

static void connect(struct story *s, unsigned who)
{
    world_connect(&s->world, who);
    for (int i = 0; i < 6; i++) world_exchange(&s->world);
    cr_assert_eq(s->world.callers[who].link.state, LINK_STATE_UP);
}

struct mail {
    uint8_t number;
    const char *from_area, *from_org, *to_area, *to_org, *matter;
    unsigned status, privacy;
};

static void write_mail(const struct mail *m, struct buf *raw)
{
    buf_auto from = { 0 };
    buf_auto to = { 0 };
    uint8_t digest[32];
    address_write(&from, qiao_bytes_from_string(m->from_area), qiao_bytes_from_string(m->from_org), qiao_bytes(NULL, 0));
    address_write(&to, qiao_bytes_from_string(m->to_area), qiao_bytes_from_string(m->to_org), qiao_bytes(NULL, 0));
    seal_digest(&seal_null, SEAL_SUITE_NONE, qiao_bytes_from_string("body"), digest);
    struct envelope_draft draft = {
        .id = mail_id(m->number), .kind = QIAO_KIND_CASE_OPEN, .source = buf_bytes(&from), .destination = buf_bytes(&to), .case_id = qiao_bytes_from_string("C"), .case_sequence = 7,
        .matter = qiao_bytes_from_string(m->matter), .sent_at_ms = 1700000000000u, .status = m->status, .privacy = m->privacy, .body = qiao_bytes_from_string("body"),
        .body_digest = qiao_bytes(digest, sizeof digest),
    };
    envelope_write(raw, &draft);
}

static void send(struct story *s, unsigned who, const struct mail *mail)
{
    struct caller *caller = &s->world.callers[who];
    buf_auto entries = { 0 };
    buf_auto raw = { 0 };
    write_mail(mail, &raw);
    mail_entry(&entries, buf_bytes(&raw));
    link_send_batch(&caller->link, QIAO_LANE_NORMAL, caller->link.tx[QIAO_LANE_NORMAL].next, 1, buf_bytes(&entries), s->world.now_ms, &caller->out);
    for (int i = 0; i < 3; i++) {
        world_exchange(&s->world);
        world_commit_begin(&s->world);
        world_commit_end(&s->world, false);
    }
}

static struct message_record record_of(struct story *s, uint8_t number)
{
    struct qiao_id id = mail_id(number);
    struct key key = key_origin(&id);
    struct qiao_bytes value;
    struct message_record record;
    cr_assert(store_get(s->store, key_bytes(&key), &value) && record_read(value, &record), "message %u is not known", number);
    return record;
}

static unsigned code_of(struct story *s, uint8_t number) { return record_of(s, number).code; }

/* ---- what lies in queues ---- */

struct queued {
    char text[8][160];             /* "org <- redirected from, caused" */
    unsigned count;
};

static bool look(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct queued *q = context;
    struct run_view run;
    struct qiao_bytes raw;
    (void)key;
    if (!run_open(value, &run)) return true;
    struct pb_reader r = pb_reader(run.entries);
    while (run_next(&r, &raw)) {
        struct envelope e;
        if (raw.size == 0 || envelope_open(raw, &e) != QIAO_CODE_OK || e.header.kind == QIAO_KIND_RECEIPT || q->count == 8) continue;
        const struct header *h = &e.header;
        snprintf(q->text[q->count++], sizeof q->text[0], "%.*s/%.*s from %.*s/%.*s seq %u", (int)h->destination.area.size, (const char *)h->destination.area.data,
                 (int)h->destination.org.size, (const char *)h->destination.org.data, (int)h->redirected_from.area.size, (const char *)h->redirected_from.area.data,
                 (int)h->redirected_from.org.size, (const char *)h->redirected_from.org.data, (unsigned)h->case_sequence);
    }
    return true;
}

static struct queued queued(struct story *s)
{
    struct queued q = { .count = 0 };
    store_scan(s->store, qiao_bytes("Q", 1), qiao_bytes("R", 1), look, &q);
    return q;
}

static bool lies(const struct queued *q, const char *text)
{
    for (unsigned i = 0; i < q->count; i++)
        if (strcmp(q->text[i], text) == 0) return true;
    return false;
}

#define HOUSING "rules:\n  - { name: housing, when: { matter: \"HOUSING.*\" }, do: { to: 990101001/housing } }\n"

Test(rules_core, what_is_sent_elsewhere_says_where_it_was_addressed_and_keeps_its_id)
{
    static struct story s;
    start(&s, HOUSING);
    connect(&s, WHO_DESK);
    send(&s, WHO_DESK, &(struct mail){ 1, "990101", "desk", "990101", "office", "HOUSING.ROOF", 0, 0 });
    send(&s, WHO_DESK, &(struct mail){ 2, "990101", "desk", "990101", "office", "NOISE", 0, 0 });
    struct queued q = queued(&s);
    cr_expect_eq(q.count, 2);
    cr_expect(lies(&q, "990101001/housing from 990101/office seq 7"), "%s", q.text[0]);
    cr_expect(lies(&q, "990101/office from / seq 7"));
    cr_expect(code_of(&s, 1) == QIAO_CODE_OK && code_of(&s, 2) == QIAO_CODE_OK);
    end(&s);
}

Test(rules_core, a_message_that_comes_again_is_neither_sent_nor_copied_again)
{
    static struct story s;
    start(&s, "rules:\n  - { name: inform, do: { copy: [990101001/housing, 990101/office] } }\n");
    connect(&s, WHO_DESK);
    for (int again = 0; again < 3; again++) send(&s, WHO_DESK, &(struct mail){ 1, "990101", "desk", "880101", "court", "NOISE", 0, 0 });
    struct queued q = queued(&s);
    cr_expect_eq(q.count, 3);
    cr_expect(lies(&q, "880101/court from / seq 7"));
    cr_expect(lies(&q, "990101001/housing from / seq 0") && lies(&q, "990101/office from / seq 0"), "copies are not counted in their case");
    end(&s);
}

Test(rules_core, what_is_sealed_for_one_is_not_sent_to_another)
{
    static struct story s;
    start(&s, HOUSING);
    connect(&s, WHO_DESK);
    send(&s, WHO_DESK, &(struct mail){ 1, "990101", "desk", "990101", "office", "HOUSING.ROOF", 0, QIAO_PRIVACY_SEALED });
    cr_expect(code_of(&s, 1) == QIAO_CODE_PLAINTEXT_SEALED || code_of(&s, 1) == QIAO_CODE_RULE);
    cr_expect_eq(queued(&s).count, 0);
    end(&s);
}

Test(rules_core, refused_at_the_origin_and_on_the_way)
{
    static struct story s;
    start(&s, "rules:\n  - { name: stop, when: { matter: HOUSING }, do: { refuse: { code: NOT_COMPETENT, reason: ask the court } } }\n");
    connect(&s, WHO_DESK);
    connect(&s, WHO_CHILD);
    send(&s, WHO_DESK, &(struct mail){ 1, "990101", "desk", "990101", "office", "HOUSING", 0, 0 });
    send(&s, WHO_CHILD, &(struct mail){ 2, "990101001", "street", "990101", "office", "HOUSING", 0, 0 });
    send(&s, WHO_CHILD, &(struct mail){ 3, "990101001", "street", "880101", "court", "HOUSING", 0, 0 });
    send(&s, WHO_CHILD, &(struct mail){ 4, "990101001", "street", "880101", "court", "NOISE", 0, 0 });
    cr_expect_eq(code_of(&s, 1), QIAO_CODE_NOT_COMPETENT);
    struct queued q = queued(&s);
    cr_expect_eq(q.count, 1);
    cr_expect(lies(&q, "880101/court from / seq 7"));
    end(&s);
}

Test(rules_core, nobody_else_says_that_a_node_has_sent_a_message_elsewhere)
{
    static struct story s;
    start(&s, HOUSING);
    connect(&s, WHO_DESK);
    struct caller *caller = &s.world.callers[WHO_DESK];
    buf_auto raw = { 0 };
    buf_auto changed = { 0 };
    buf_auto entries = { 0 };
    buf_auto to = { 0 };
    struct envelope e;
    write_mail(&(struct mail){ 1, "990101", "desk", "990101", "desk", "NOISE", 0, 0 }, &raw);
    cr_assert_eq(envelope_open(buf_bytes(&raw), &e), QIAO_CODE_OK);
    address_write(&to, qiao_bytes_from_string("990101"), qiao_bytes_from_string("office"), qiao_bytes(NULL, 0));
    envelope_write_changed(&changed, &e, buf_bytes(&to), NULL);
    mail_entry(&entries, buf_bytes(&changed));
    link_send_batch(&caller->link, QIAO_LANE_NORMAL, caller->link.tx[QIAO_LANE_NORMAL].next, 1, buf_bytes(&entries), s.world.now_ms, &caller->out);
    for (int i = 0; i < 3; i++) {
        world_exchange(&s.world);
        world_commit_begin(&s.world);
        world_commit_end(&s.world, false);
    }
    cr_expect_eq(code_of(&s, 1), QIAO_CODE_NOT_ALLOWED);
    end(&s);
}

Test(rules_core, exercises_reach_nobody_who_takes_none_whatever_the_rules_say)
{
    static struct story s;
    start(&s, "rules:\n  - { name: all, do: { to: 990101/office, copy: 990101/office } }\n");
    connect(&s, WHO_DESK);
    connect(&s, WHO_CHILD);
    send(&s, WHO_DESK, &(struct mail){ 1, "990101", "desk", "990101", "office", "NOISE", QIAO_STATUS_EXERCISE, 0 });
    send(&s, WHO_DESK, &(struct mail){ 2, "990101", "desk", "990101001", "street", "NOISE", QIAO_STATUS_TEST, 0 });
    send(&s, WHO_CHILD, &(struct mail){ 3, "990101001", "street", "990101", "office", "NOISE", QIAO_STATUS_EXERCISE, 0 });
    cr_expect_eq(code_of(&s, 1), QIAO_CODE_DRILL);
    cr_expect_eq(code_of(&s, 2), QIAO_CODE_DRILL);
    struct core_counters counters;
    core_counters(s.world.core, &counters);
    cr_expect_eq(counters.delivered, 0);
    cr_expect_eq(queued(&s).count, 0);
    end(&s);
}

/* ---- hold ---- */

static unsigned held(struct story *s)
{
    unsigned count = 0;
    struct qiao_bytes value;
    for (uint64_t number = 0; number < 20; number++) {
        struct key key = key_number('B', number);
        count += store_get(s->store, key_bytes(&key), &value);
    }
    return count;
}

static void pass(struct story *s, uint64_t for_ms)
{
    for (int i = 0; i < 4; i++) {
        world_pass_time(&s->world, for_ms / 4);
        world_commit_begin(&s->world);
        world_commit_end(&s->world, false);
        world_exchange(&s->world);
    }
}

#define HOLD(what) "rules:\n  - { name: wait, when: { matter: WAIT }, do: { hold: { until: release, for: 1h, " what " } } }\n"

static void send_two(struct story *s)
{
    connect(s, WHO_DESK);
    send(s, WHO_DESK, &(struct mail){ 1, "990101", "desk", "880101", "court", "WAIT", 0, 0 });
    send(s, WHO_DESK, &(struct mail){ 2, "990101", "desk", "880101", "court", "NOISE", 0, 0 });
}

Test(rules_core, what_comes_later_in_the_case_waits_behind_what_is_held)
{
    static struct story s;
    start(&s, HOLD("then: deliver"));
    send_two(&s);
    send(&s, WHO_DESK, &(struct mail){ 3, "990101", "desk", "990101", "office", "NOISE", 0, 0 });
    cr_expect_eq(held(&s), 2);
    cr_expect_eq(queued(&s).count, 1, "another destination is another order");
    pass(&s, 3000000);
    cr_expect_eq(held(&s), 2);
    pass(&s, 700000);
    cr_expect_eq(held(&s), 0);
    cr_expect_eq(queued(&s).count, 3);
    cr_expect_eq(record_of(&s, 1).outcome, QIAO_OUTCOME_NONE);
    end(&s);
}

Test(rules_core, what_is_held_too_long_is_refused_and_its_case_goes_on)
{
    static struct story s;
    start(&s, HOLD("then: refuse"));
    send_two(&s);
    pass(&s, 3700000);
    cr_expect_eq(held(&s), 0);
    cr_expect(record_of(&s, 1).outcome == QIAO_OUTCOME_REFUSED && record_of(&s, 1).code == QIAO_CODE_RULE, "%u %u", record_of(&s, 1).outcome, record_of(&s, 1).code);
    cr_expect_eq(record_of(&s, 2).outcome, QIAO_OUTCOME_NONE);
    cr_expect_eq(queued(&s).count, 1);
    end(&s);
}

Test(rules_core, what_is_held_is_there_after_a_crash)
{
    static struct story s;
    start(&s, HOLD("then: deliver"));
    send_two(&s);
    cr_assert(world_restart(&s.world));
    s.store = s.world.store;
    cr_expect_eq(held(&s), 2);
    pass(&s, 3700000);
    cr_expect_eq(held(&s), 0);
    cr_expect_eq(queued(&s).count, 2);
    end(&s);
}

Test(rules_core, a_rule_holds_no_more_than_it_may)
{
    static struct story s;
    start(&s, HOLD("most: 1"));
    connect(&s, WHO_DESK);
    connect(&s, WHO_CHILD);
    send(&s, WHO_DESK, &(struct mail){ 1, "990101", "desk", "880101", "court", "WAIT", 0, 0 });
    send(&s, WHO_DESK, &(struct mail){ 2, "990101", "desk", "990101", "office", "WAIT", 0, 0 });
    send(&s, WHO_CHILD, &(struct mail){ 3, "990101001", "street", "990101", "office", "WAIT", 0, 0 });
    cr_expect_eq(code_of(&s, 1), QIAO_CODE_OK);
    cr_expect_eq(code_of(&s, 2), QIAO_CODE_BUSY);
    cr_expect_eq(held(&s), 1);
    cr_expect_eq(queued(&s).count, 0);
    end(&s);
}
