/* A node with a policy: what is marked secret leaves nothing behind but its refusal, whoever sent it and however broken it is. */
#include "fuzz/core_world.h"
#include "policy_world.h"

#include "core/keys.h"

#include <criterion/criterion.h>

static const char catalogue[] = "version: \"1\"\nlaws: [{ id: LAW, name: a law, in_force: 2020-01-01, articles: [{ article: \"1\" }] }]\n";
static const char policy[] = "purposes: [{ name: HANDLE }]\n"
                             "kinds: [{ kind: case.open, purposes: [HANDLE] }]\n"
                             "secret_markers: { matter_prefixes: [SECRET.], keywords: [topsecret] }\n"
                             "rules: [{ id: all, basis: none, rate: 3 }]\n";

#define CANARY "canary-in-a-secret"
#define CONTROL "canary-in-the-control"

struct story {
    struct world world;
    struct policy_world policy;
    struct store *store;
};

static void start(struct story *s)
{
    static struct choices none;
    char error[128];
    memset(s, 0, sizeof *s);
    cr_assert_eq(store_engine_array.open(&(struct store_options){ .version = 1 }, &s->store, error, sizeof error), 0);
    cr_assert(world_init(&s->world, &none, s->store));
    policy_world_init(&s->policy, policy, catalogue);
    /* The core takes it over, as on reload. */
    struct core_config config = {
        .policy = s->policy.policy, .link_window_messages = 64, .link_window_bytes = 65536, .member_window_messages = 64, .member_window_bytes = 65536,
        .connections_max = 8, .delivery_attempts_max = 3, .crash_within_ms = 1000,
        .dead_letters_max = 100, .dead_letter_bytes_max = 1u << 20, .retry_ms_min = 10, .retry_ms_max = 1000, .heartbeat_ms = 5000, .silence_ms = 20000, .handshake_ms = 3000,
    };
    core_set_limits(s->world.core, &config);
    s->policy.policy = NULL;
}

static void end(struct story *s)
{
    world_deinit(&s->world);
    policy_world_deinit(&s->policy);
}

static void connect(struct story *s, unsigned who)
{
    world_connect(&s->world, who);
    for (int i = 0; i < 6; i++) world_exchange(&s->world);
    cr_assert_eq(s->world.callers[who].link.state, LINK_STATE_UP);
}

struct mail {
    uint8_t number;
    const char *from_area, *from_org, *to_area, *to_org;
    const char *matter, *body;
};

static void write_mail(const struct mail *m, struct buf *raw)
{
    buf_auto from = { 0 };
    buf_auto to = { 0 };
    uint8_t digest[32];
    address_write(&from, qiao_bytes_from_string(m->from_area), qiao_bytes_from_string(m->from_org), qiao_bytes(NULL, 0));
    address_write(&to, qiao_bytes_from_string(m->to_area), qiao_bytes_from_string(m->to_org), qiao_bytes(NULL, 0));
    seal_digest(&seal_null, SEAL_SUITE_NONE, qiao_bytes_from_string(m->body), digest);
    struct envelope_draft draft = {
        .id = mail_id(m->number), .kind = QIAO_KIND_CASE_OPEN, .schema_version = 1, .source = buf_bytes(&from), .destination = buf_bytes(&to), .purpose = qiao_bytes_from_string("HANDLE"),
        .case_id = qiao_bytes_from_string(m->body), .idempotency_key = qiao_bytes_from_string(m->body), .matter = qiao_bytes_from_string(m->matter), .sent_at_ms = 1700000000000u,
        .body = qiao_bytes_from_string(m->body), .body_digest = qiao_bytes(digest, sizeof digest),
    };
    envelope_write(raw, &draft);
}

static void send(struct story *s, unsigned who, struct qiao_bytes raw)
{
    struct caller *caller = &s->world.callers[who];
    buf_auto entries = { 0 };
    mail_entry(&entries, raw);
    link_send_batch(&caller->link, QIAO_LANE_NORMAL, caller->link.tx[QIAO_LANE_NORMAL].next, 1, buf_bytes(&entries), s->world.now_ms, &caller->out);
    for (int i = 0; i < 2; i++) {
        world_exchange(&s->world);
        world_commit_begin(&s->world);
        world_commit_end(&s->world, false);
    }
}

static void send_mail(struct story *s, unsigned who, const struct mail *mail)
{
    buf_auto raw = { 0 };
    write_mail(mail, &raw);
    send(s, who, buf_bytes(&raw));
}

struct search {
    const char *word;
    unsigned found;
    uint8_t prefix;
};

static bool look(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct search *search = context;
    bool in_key = memmem(key.data, key.size, search->word, strlen(search->word)) != NULL;
    bool in_value = value.size > 0 && memmem(value.data, value.size, search->word, strlen(search->word)) != NULL;
    if (in_key || in_value) {
        search->found++;
        search->prefix = key.data[0];
    }
    return true;
}

/* Records of the store in which the word stands. */
static struct search find(struct story *s, const char *word)
{
    struct search search = { .word = word };
    store_scan(s->store, qiao_bytes("\0", 1), qiao_bytes("\xff", 1), look, &search);
    return search;
}

static unsigned code_of(struct story *s, uint8_t number)
{
    struct qiao_id id = mail_id(number);
    struct key key = key_origin(&id);
    struct qiao_bytes value;
    struct message_record record;
    cr_assert(store_get(s->store, key_bytes(&key), &value) && record_read(value, &record), "message %u is not known", number);
    return record.outcome == QIAO_OUTCOME_NONE ? QIAO_CODE_OK : record.code;
}

Test(policy_core, of_a_member_s_secret_only_the_refusal_is_kept)
{
    static struct story s;
    start(&s);
    connect(&s, WHO_DESK);
    send_mail(&s, WHO_DESK, &(struct mail){ 1, "990101", "desk", "990101", "office", "NOISE", CONTROL });
    send_mail(&s, WHO_DESK, &(struct mail){ 2, "990101", "desk", "990101", "office", "SECRET.PLAN", CANARY });
    cr_expect_eq(code_of(&s, 1), QIAO_CODE_OK);
    cr_expect_eq(code_of(&s, 2), QIAO_CODE_SECRET);
    cr_expect(find(&s, CONTROL).found >= 2, "control: queue and case entry hold what was allowed");
    cr_expect_eq(find(&s, CANARY).found, 0);
    cr_expect_eq(find(&s, "SECRET.PLAN").found, 0);
    end(&s);
}

Test(policy_core, what_cannot_be_decoded_is_kept_unless_it_could_be_secret)
{
    static struct story s;
    buf_auto broken = { 0 };
    buf_auto plain = { 0 };
    start(&s);
    connect(&s, WHO_DESK);
    write_mail(&(struct mail){ 1, "990101", "desk", "990101", "office", "secret.plan", CANARY }, &broken);
    write_mail(&(struct mail){ 2, "990101", "desk", "990101", "office", "NOISE", CONTROL }, &plain);
    broken.data[1] = plain.data[1] = 1; /* the header ends in its middle */
    send(&s, WHO_DESK, buf_bytes(&broken));
    send(&s, WHO_DESK, buf_bytes(&plain));
    struct search control = find(&s, CONTROL);
    cr_expect(control.found == 1 && control.prefix == 'X', "control: the quarantine keeps what has no marker");
    cr_expect_eq(find(&s, CANARY).found, 0);
    cr_expect_eq(find(&s, "could be marked secret").found, 1);
    end(&s);
}

Test(policy_core, a_secret_of_another_node_is_neither_delivered_nor_forwarded_nor_kept)
{
    static struct story s;
    start(&s);
    connect(&s, WHO_CHILD);
    send_mail(&s, WHO_CHILD, &(struct mail){ 1, "990101001", "street", "990101", "office", "NOISE", CONTROL });
    send_mail(&s, WHO_CHILD, &(struct mail){ 2, "990101001", "street", "990101", "office", "topsecret", CANARY });
    send_mail(&s, WHO_CHILD, &(struct mail){ 3, "990101001", "street", "990202", "office", "topsecret", CANARY });
    cr_expect(find(&s, CONTROL).found >= 2, "control");
    cr_expect_eq(find(&s, CANARY).found, 0);
    cr_expect_eq(find(&s, "marked as a state or work secret").prefix, 'Y', "the receipts were acknowledged by the street and are gone; why they were sent stays");
    struct core_counters counters;
    core_counters(s.world.core, &counters);
    cr_expect_eq(counters.delivered, 1);
    end(&s);
}

Test(policy_core, a_rate_is_counted_by_sender_and_a_message_known_before_does_not_count)
{
    static struct story s;
    start(&s);
    connect(&s, WHO_DESK);
    connect(&s, WHO_OFFICE);
    for (int again = 0; again < 3; again++) send_mail(&s, WHO_DESK, &(struct mail){ 1, "990101", "desk", "990101", "office", "NOISE", "a" });
    for (uint8_t number = 2; number <= 4; number++) send_mail(&s, WHO_DESK, &(struct mail){ number, "990101", "desk", "990101", "office", "NOISE", "a" });
    send_mail(&s, WHO_OFFICE, &(struct mail){ 5, "990101", "office", "990101", "desk", "NOISE", "a" });
    cr_expect(code_of(&s, 1) == QIAO_CODE_OK && code_of(&s, 2) == QIAO_CODE_OK && code_of(&s, 3) == QIAO_CODE_OK);
    cr_expect_eq(code_of(&s, 4), QIAO_CODE_RATE);
    cr_expect_eq(code_of(&s, 5), QIAO_CODE_OK);
    end(&s);
}
