/* The promises, checked while the world runs: at each delivery, receipt and commit, and at the end. */
#include "marks.h"

#include "codec/envelope.h"
#include "core/dead.h"
#include "core/keys.h"

#include "schema/dead.pb-c.h"

#include <stdio.h>

/* More than the credit that was given may be under way: one frame beyond the window, and small frames. */
#define WIRE_BYTES_MAX (5u * 512u * 1024u)
#define FILLING_BYTES_MAX (256u * 1024u + 2u * 4u * 1024u * 1024u)

/* ---- who is who ---- */

static uint32_t message_of(struct sim *sim, const struct qiao_id *id)
{
    uint32_t index = get_u32(id->bytes + 12);
    if (index < sim->messages_count && qiao_id_equal(&sim->messages[index].id, id)) return index;
    sim_fail(sim, "a message nobody sent");
    return UINT32_MAX;
}

const char *checks_describe(const struct sim *sim, uint32_t index, char text[256])
{
    const struct sim_message *m = &sim->messages[index];
    snprintf(text, 256, "message %u (%s -> %s/%s%s, lane %u, case %u.%llu, expires %llu)", index, sim->members[m->sender].name, m->area, m->org, m->service, m->lane, m->case_number,
             (unsigned long long)m->case_sequence, (unsigned long long)(m->expires_at_ms ? m->expires_at_ms - SIM_WALL_MS : 0));
    return text;
}

static struct sim_recipient *recipient_of(struct sim *sim, const struct sim_message *m, uint32_t member)
{
    if (m->to == SIM_TO_SET || m->to == SIM_TO_NODES) return &sim->recipients[m->first_recipient + member];
    return &sim->recipients[m->first_recipient];
}

static uint32_t member_at(const struct sim *sim, struct qiao_bytes area, struct qiao_bytes org)
{
    for (uint32_t i = 0; i < sim->members_count; i++) {
        const struct sim_member *member = &sim->members[i];
        if (qiao_bytes_equal(area, qiao_bytes_from_string(sim->nodes[member->node].area)) && qiao_bytes_equal(org, qiao_bytes_from_string(member->name))) return i;
    }
    return sim->members_count; /* the set itself */
}

static uint32_t node_at(const struct sim *sim, struct qiao_bytes area, struct qiao_bytes org)
{
    uint32_t i = 0;
    for (; i < sim->nodes_count; i++)
        if (qiao_bytes_equal(area, qiao_bytes_from_string(sim->nodes[i].area)) && qiao_bytes_equal(org, qiao_bytes_from_string(sim->nodes[i].name))) break;
    return i; /* behind the last: the set itself */
}

static uint32_t place_at(const struct sim *sim, const struct sim_message *m, struct qiao_bytes area, struct qiao_bytes org)
{
    return m->to == SIM_TO_NODES ? node_at(sim, area, org) : member_at(sim, area, org);
}

static struct sim_chain *chain_of(struct sim *sim, const struct sim_message *m, uint32_t recipient)
{
    if (m->case_number >= SIM_CASES) return NULL;
    return &sim->chains[((m->sender * SIM_MEMBERS_MAX + recipient) * SIM_CASES + m->case_number) * QIAO_LANES + m->lane];
}

uint32_t checks_message(struct sim *sim, const struct sim_message *message)
{
    if (sim->messages_count == sim->messages_capacity) {
        sim->messages_capacity = sim->messages_capacity ? sim->messages_capacity * 2 : 256;
        sim->messages = base_realloc(sim->messages, sim->messages_capacity * sizeof *sim->messages);
    }
    uint32_t index = sim->messages_count++;
    struct sim_message *m = &sim->messages[index];
    *m = *message;
    marks_add(sim, index);
    m->sent_ms = sim->now_ms;
    m->sent_healed = sim->healing;
    m->recipients_count = m->to == SIM_TO_SET ? sim->members_count + 1 : m->to == SIM_TO_NODES ? sim->nodes_count + 1 : 1;
    m->first_recipient = sim->recipients_count;
    while (sim->recipients_count + m->recipients_count > sim->recipients_capacity) {
        sim->recipients_capacity = sim->recipients_capacity ? sim->recipients_capacity * 2 : 256;
        sim->recipients = base_realloc(sim->recipients, sim->recipients_capacity * sizeof *sim->recipients);
    }
    memset(&sim->recipients[sim->recipients_count], 0, m->recipients_count * sizeof *sim->recipients);
    sim->recipients_count += m->recipients_count;
    sim->counts.messages++;
    struct sim_chain *chain = m->to == SIM_TO_MEMBER ? chain_of(sim, m, m->recipient) : NULL;
    if (!chain) return index;
    if (chain->count == chain->capacity) {
        chain->capacity = chain->capacity ? chain->capacity * 2 : 8;
        chain->messages = base_realloc(chain->messages, chain->capacity * sizeof *chain->messages);
    }
    chain->messages[chain->count++] = index;
    return index;
}

/* ---- at the sender ---- */

static bool is_of(const struct sim *sim, uint32_t sender, const struct sim_member *member)
{
    return sim->members[sender].node == member->node && strcmp(sim->members[sender].name, member->name) == 0;
}

void checks_submitted(struct sim *sim, const struct sim_member *member, const struct qiao_id *id)
{
    uint32_t index = message_of(sim, id);
    if (sim->failed) return;
    if (!is_of(sim, sim->messages[index].sender, member)) sim_fail(sim, "%s is told that a message of another member was submitted", member->name);
    if (!sim->messages[index].submitted) sim->counts.submitted++;
    sim->messages[index].submitted = true;
}

void checks_receipt(struct sim *sim, const struct sim_member *member, const struct qiao_receipt *receipt)
{
    char text[256];
    uint32_t index = message_of(sim, &receipt->message_id);
    if (sim->failed) return;
    struct sim_message *m = &sim->messages[index];
    checks_describe(sim, index, text);
    sim->counts.receipts++;
    if (!is_of(sim, m->sender, member)) sim_fail(sim, "%s gets the receipt of another member's %s", member->name, text);
    if (receipt->outcome == QIAO_OUTCOME_REFUSED && receipt->code == QIAO_CODE_CONFLICT) {
        if (!m->conflicting) sim_fail(sim, "conflict reported without one: %s", text);
        return;
    }
    uint32_t from = place_at(sim, m, qiao_bytes_from_string(receipt->recipient.area), qiao_bytes_from_string(receipt->recipient.org));
    bool named = m->to == SIM_TO_MEMBER || (m->to == SIM_TO_SERVICE && receipt->outcome == QIAO_OUTCOME_ACCEPTED && *receipt->recipient.area); /* asked again, the origin names the service */
    if (named && from != m->recipient) sim_fail(sim, "receipt of %s comes from %s/%s", text, receipt->recipient.area, receipt->recipient.org);
    if (sim->failed) return;
    struct sim_recipient *r = recipient_of(sim, m, from);
    if (r->seen && (r->seen != receipt->outcome || r->seen_code != receipt->code))
        sim_fail(sim, "two outcomes, %u %s and then %u %s: %s", r->seen, qiao_code_name(r->seen_code), receipt->outcome, qiao_code_name(receipt->code), text);
    if (m->to != SIM_TO_NODES && receipt->outcome == QIAO_OUTCOME_ACCEPTED && r->decided != QIAO_OUTCOME_ACCEPTED)
        sim_fail(sim, "receipt says accepted before that is on the recipient's disk: %s", text);
    if (r->decided && r->decided != receipt->outcome) sim_fail(sim, "receipt says %u, the recipient's node %u: %s", receipt->outcome, r->decided, text);
    if (r->origin != receipt->outcome) sim_fail(sim, "receipt says %u, the origin's disk %u: %s", receipt->outcome, r->origin, text);
    if (!r->seen) sim->counts.outcomes[receipt->outcome]++;
    r->seen = receipt->outcome;
    r->seen_code = receipt->code;
}

/* ---- at the recipient ---- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* What the office thinks of a message is in the message, not in the moment. */
static enum qiao_verdict opinion(const struct sim *sim, const struct sim_member *member, uint32_t index, const struct sim_recipient *r)
{
    uint64_t hash = mix(sim->options.seed * 31 + index * 7919u + member->index);
    uint32_t percent = (uint32_t)(hash % 100);
    if (r->accepted) return QIAO_VERDICT_ACCEPT;
    if (r->refused) return QIAO_VERDICT_REFUSE;
    if (member->refuse_message == index + 1) return QIAO_VERDICT_REFUSE;
    if (r->revivals > hash % 2) return QIAO_VERDICT_ACCEPT; /* repaired, some at the second try */
    if (member->poison_message == index + 1 || (member->retry_message == index + 1 && r->retries == 0)) return QIAO_VERDICT_RETRY;
    if (percent < member->poison_percent) return QIAO_VERDICT_RETRY;
    if (percent < member->poison_percent + member->retry_percent) return r->retries < 1 + hash / 100 % 2 ? QIAO_VERDICT_RETRY : QIAO_VERDICT_ACCEPT;
    return percent < member->poison_percent + member->retry_percent + member->refuse_percent ? QIAO_VERDICT_REFUSE : QIAO_VERDICT_ACCEPT;
}

bool checks_is_deadly(const struct sim *sim, const struct sim_member *member, uint32_t index)
{
    const struct sim_message *m = &sim->messages[index];
    if (recipient_of((struct sim *)(uintptr_t)sim, m, member->index)->revivals > 0) return false; /* it has been repaired */
    if (member->deadly_message == index + 1) return true;
    return mix(sim->options.seed * 17 + index * 6271u + member->index) % 100 < member->deadly_percent;
}

/* Everything of the case that came before is decided, or waits for the office's own late answer. */
static void check_order(struct sim *sim, const struct sim_member *member, uint32_t index)
{
    char text[256], other[256];
    const struct sim_message *m = &sim->messages[index];
    struct sim_chain *chain = chain_of(sim, m, member->index);
    struct sim_recipient *r = &sim->recipients[m->first_recipient];
    /* What a dead process left in its last connection may arrive behind what the next one sends: it had no promise. */
    if (!chain || m->lost_with_sender) return;
    /* The hostile neighbour is a link besides those of the tree: order across ways begins when everybody knows that there may be several. */
    if (sim->adversary && !m->settled) return;
    /* A dead letter that somebody tries again comes late. */
    if (r->deliveries == 0 && r->revivals == 0 && m->case_sequence <= chain->delivered)
        sim_fail(sim, "out of order, %llu of the case came before: %s", (unsigned long long)chain->delivered, checks_describe(sim, index, text));
    if (m->case_sequence > chain->delivered) chain->delivered = m->case_sequence;
    for (uint32_t i = 0; i < chain->count && chain->messages[i] != index; i++) {
        const struct sim_message *before = &sim->messages[chain->messages[i]];
        const struct sim_recipient *b = &sim->recipients[before->first_recipient];
        if (before->case_sequence < m->case_sequence && !before->lost_with_sender && b->deliveries > 0 && b->retried && !b->decided)
            sim_fail(sim, "%s came while its case waits for %s", checks_describe(sim, index, text), checks_describe(sim, chain->messages[i], other));
    }
}

/* What comes too early waits for the one before it for a minute (core/order.c). */
#define NOTICE_IN_ORDER_MS 50000u

/* Notices of one case to one set: what was sent before this one has come, unless one between came after its minute: it waited for no more. */
static void check_notices(struct sim *sim, const struct sim_member *member, uint32_t index)
{
    char text[256], other[256];
    const struct sim_message *m = &sim->messages[index];
    if (m->case_number >= SIM_CASES || m->lost_with_sender || recipient_of(sim, m, member->index)->deliveries > 0 || sim->now_ms > m->sent_ms + NOTICE_IN_ORDER_MS) return;
    uint32_t missing = index;
    for (uint32_t i = 0; i < index; i++) {
        const struct sim_message *b = &sim->messages[i];
        bool same = b->to == SIM_TO_SET && b->sender == m->sender && b->lane == m->lane && b->case_number == m->case_number && strcmp(b->area, m->area) == 0;
        if (!same || b->lost_with_sender) continue;
        const struct sim_recipient *r = recipient_of(sim, b, member->index);
        if (r->deliveries > 0 && r->first_ms > b->sent_ms + NOTICE_IN_ORDER_MS) missing = index;
        if (r->deliveries == 0 && !r->decided) missing = i;
    }
    if (missing != index) sim_fail(sim, "%s came before %s", checks_describe(sim, index, text), checks_describe(sim, missing, other));
}

enum qiao_verdict checks_delivered(struct sim *sim, struct sim_member *member, const struct qiao_delivery *delivery)
{
    char text[256];
    uint32_t index = message_of(sim, &delivery->message.id);
    if (sim->failed) return QIAO_VERDICT_LATER;
    struct sim_message *m = &sim->messages[index];
    struct sim_recipient *r = recipient_of(sim, m, member->index);
    checks_describe(sim, index, text);
    if (sim->options.print_trace) sim_trace(sim, "%s: %s comes as lane and sequence %llx", member->name, text, (unsigned long long)(delivery->token & 0xc000ffffffffffffu));
    if (m->to == SIM_TO_SERVICE) service_delivered(sim, m, member);
    else if (m->to != SIM_TO_SET && (m->to != SIM_TO_MEMBER || m->recipient != member->index)) sim_fail(sim, "%s gets somebody else's %s", member->name, text);
    if (delivery->message.body.size != m->body_size) sim_fail(sim, "body of %zu bytes, %u were sent: %s", delivery->message.body.size, m->body_size, text);
    if (r->deliveries > 0 && r->delivered_session == member->sessions && !r->retried) sim_fail(sim, "delivered twice in one session: %s", text);
    if (r->decided && r->revivals == 0 && r->decided_ms < member->up_since_ms) sim_fail(sim, "delivered again although its outcome %u was on disk: %s", r->decided, text);
    if (m->to == SIM_TO_MEMBER && !sim->failed) check_order(sim, member, index);
    if (m->to == SIM_TO_SET && !sim->failed) check_notices(sim, member, index);
    sim->counts.deliveries++;
    sim->counts.redeliveries += r->deliveries > 0;
    if (r->deliveries++ == 0) r->first_ms = sim->now_ms;
    r->crashes += checks_is_deadly(sim, member, index);
    r->delivered_session = member->sessions;
    r->retried = false;
    return opinion(sim, member, index, r);
}

void checks_verdict(struct sim *sim, struct sim_member *member, uint32_t index, enum qiao_verdict verdict)
{
    struct sim_recipient *r = recipient_of(sim, &sim->messages[index], member->index);
    r->accepted |= verdict == QIAO_VERDICT_ACCEPT;
    r->refused |= verdict == QIAO_VERDICT_REFUSE;
    r->retried = verdict == QIAO_VERDICT_RETRY;
    r->retries += verdict == QIAO_VERDICT_RETRY;
}

/* ---- dead letters and their owner ---- */

static struct sim_recipient *recipient_named(struct sim *sim, const Qiao__V1__DeadEntry *entry)
{
    struct qiao_id id = { 0 };
    if (entry->message_id.len == QIAO_ID_SIZE) memcpy(id.bytes, entry->message_id.data, QIAO_ID_SIZE);
    uint32_t index = get_u32(id.bytes + 12);
    bool known = index < sim->messages_count && qiao_id_equal(&sim->messages[index].id, &id);
    if (!known && sim->adversary) return NULL; /* one of its own */
    index = message_of(sim, &id);
    if (sim->failed) return NULL;
    uint32_t member = member_at(sim, qiao_bytes_from_string(entry->recipient->area), qiao_bytes_from_string(entry->recipient->org));
    return recipient_of(sim, &sim->messages[index], member);
}

/* False: told before, by the same notice. */
static bool is_told_first(struct sim *sim, struct sim_recipient *r, const struct qiao_id *notice)
{
    const uint32_t most = sizeof r->told_by / sizeof r->told_by[0];
    for (uint32_t i = 0; i < r->told; i++)
        if (qiao_id_equal(&r->told_by[i], notice)) return false;
    if (r->told == most) sim_fail(sim, "the owner is told of one message again and again");
    else r->told_by[r->told++] = *notice;
    return !sim->failed;
}

static void told_of(struct sim *sim, const struct qiao_id *notice, const Qiao__V1__DeadEntry *entry)
{
    struct sim_recipient *r = recipient_named(sim, entry);
    if (!r || (!entry->retried && !is_told_first(sim, r, notice))) return;
    if (entry->retried) {
        if (r->revived != (unsigned)entry->status) sim_fail(sim, "its sender is told %u of one that was tried again, the disk says %u", (unsigned)entry->status, r->revived);
        r->news = (unsigned)entry->status;
        return;
    }
    if (r->decided && r->told > r->deaths) sim_fail(sim, "the owner of dead letters is told more often than there were any");
    if (r->decided && r->decided != (unsigned)entry->status) sim_fail(sim, "the owner of dead letters is told %u, the disk says %u", (unsigned)entry->status, r->decided);
    if ((unsigned)entry->status != QIAO_OUTCOME_DEAD && (unsigned)entry->status != QIAO_OUTCOME_EXPIRED) sim_fail(sim, "the owner is told of %u", (unsigned)entry->status);
}

static void told(struct sim *sim, const struct qiao_id *notice, struct qiao_bytes body)
{
    Qiao__V1__DeadLetter *n = qiao__v1__dead_letter__unpack(NULL, body.size, body.data);
    if (!n || n->n_entries == 0) sim_fail(sim, "a notice of dead letters that cannot be read, or tells nothing");
    for (size_t i = 0; n && i < n->n_entries && !sim->failed; i++) told_of(sim, notice, n->entries[i]);
    if (n) qiao__v1__dead_letter__free_unpacked(n, NULL);
}

static bool is_news(const struct sim *sim, const Qiao__V1__DeadLetter *n, const struct sim_member *member)
{
    for (size_t i = 0; i < n->n_entries; i++) {
        struct qiao_id id = { 0 };
        if (n->entries[i]->message_id.len == QIAO_ID_SIZE) memcpy(id.bytes, n->entries[i]->message_id.data, QIAO_ID_SIZE);
        uint32_t index = get_u32(id.bytes + 12);
        if (!n->entries[i]->retried || index >= sim->messages_count || !is_of(sim, sim->messages[index].sender, member)) return false;
    }
    return true;
}

/* Notices are for the owner of dead letters, or bring the sender news of one that was tried again. */
void checks_told(struct sim *sim, const struct sim_member *member, const struct qiao_delivery *delivery)
{
    char name[2 * SIM_TEXT_SIZE];
    Qiao__V1__DeadLetter *n = qiao__v1__dead_letter__unpack(NULL, delivery->message.body.size, delivery->message.body.data);
    snprintf(name, sizeof name, "%.63s/%.63s", sim->nodes[member->node].area, member->name);
    if (!n || (strcmp(name, sim->owner) != 0 && !is_news(sim, n, member))) sim_fail(sim, "%s is told of dead letters, which belong to %s", name, sim->owner);
    if (n) qiao__v1__dead_letter__free_unpacked(n, NULL);
    told(sim, &delivery->message.id, delivery->message.body);
}

/* A message that members did not send: a node's own. The key is of a 'D' record. */
static bool is_own(const struct sim *sim, const struct store_op *op)
{
    struct qiao_id id;
    memcpy(id.bytes, op->key.data + 1, QIAO_ID_SIZE);
    uint32_t index = get_u32(id.bytes + 12);
    return !(index < sim->messages_count && qiao_id_equal(&sim->messages[index].id, &id));
}

/* The notice itself could not be delivered. It is kept, and that is all that can be done. */
static void letter_kept(struct sim *sim, const struct store_op *op)
{
    struct dead_record record;
    struct envelope e;
    if (dead_record_read(op->value, &record) && envelope_open(record.message, &e) == QIAO_CODE_OK && e.header.kind == QIAO_KIND_DEAD_LETTER) told(sim, &e.header.id, e.body);
}

static bool is_kept(const struct store_batch *batch, struct qiao_bytes key)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct store_op *op = &batch->ops[i];
        if (op->type == STORE_PUT && op->key.data[0] == 'Z' && op->key.size == key.size && memcmp(op->key.data + 1, key.data + 1, key.size - 1) == 0) return true;
    }
    return false;
}

/* ---- on the disks ---- */

static uint32_t tag_of_sender(const struct sim *sim, const struct sim_node *node, const struct sim_message *m)
{
    buf_auto source = { 0 };
    uint8_t secret[SIPHASH_KEY_SIZE];
    const struct sim_member *sender = &sim->members[m->sender];
    address_write(&source, qiao_bytes_from_string(sim->nodes[sender->node].area), qiao_bytes_from_string(sender->name), qiao_bytes(NULL, 0));
    node_secret(sim, node, secret);
    return source_tag(secret, &(struct header){ .source.raw = buf_bytes(&source) });
}

/* A dead letter tried again: its outcome stays what it was. */
static void revived_record(struct sim *sim, struct sim_recipient *r, uint32_t index, const struct message_record *record)
{
    char text[256];
    checks_describe(sim, index, text);
    if (r->decided != QIAO_OUTCOME_DEAD) sim_fail(sim, "tried again, but it was never dead: %s", text);
    if (r->revived == QIAO_OUTCOME_ACCEPTED || r->revived == QIAO_OUTCOME_REFUSED) sim_fail(sim, "tried again although it ended as %u then: %s", r->revived, text);
    if (record->outcome == QIAO_OUTCOME_NONE) r->revivals += r->revived == QIAO_OUTCOME_DEAD || r->revivals == 0;
    if (record->outcome == QIAO_OUTCOME_ACCEPTED && !r->accepted) sim_fail(sim, "accepted by nobody: %s", text);
    r->revived = record->outcome;
    r->deaths += record->outcome == QIAO_OUTCOME_DEAD;
}

static void destination_record(struct sim *sim, const struct sim_node *node, struct qiao_bytes key, const struct message_record *record)
{
    char text[256];
    struct qiao_id id;
    memcpy(id.bytes, key.data + 1, QIAO_ID_SIZE);
    uint32_t index = message_of(sim, &id), member = node->numbers[get_u16(key.data + 17)];
    if (sim->failed) return;
    struct sim_recipient *r = recipient_of(sim, &sim->messages[index], member - 1);
    if (get_u32(key.data + 19) != tag_of_sender(sim, node, &sim->messages[index])) sim_fail(sim, "%s takes another's message for %s", node->name, checks_describe(sim, index, text));
    if (member == 0) sim_fail(sim, "%s keeps a message for a member it does not have", node->name);
    if (record->flags & RECORD_RETRIED) {
        revived_record(sim, r, index, record);
        return;
    }
    if (r->decided) sim_fail(sim, "decided twice, %u and then %u: %s", r->decided, record->outcome, checks_describe(sim, index, text));
    /* Of a member that died each time before its answer arrived nobody knows what it did. */
    bool unknown = record->outcome == QIAO_OUTCOME_DEAD && record->code == QIAO_CODE_CRASHES;
    if (r->accepted && !unknown && record->outcome != QIAO_OUTCOME_ACCEPTED && record->outcome != QIAO_OUTCOME_NONE)
        sim_fail(sim, "the member accepted, the node says %u: %s", record->outcome, checks_describe(sim, index, text));
    if (r->refused && !unknown && record->outcome != QIAO_OUTCOME_REFUSED && record->outcome != QIAO_OUTCOME_NONE)
        sim_fail(sim, "the member refused, the node says %u: %s", record->outcome, checks_describe(sim, index, text));
    if (record->outcome == QIAO_OUTCOME_ACCEPTED && !r->accepted) sim_fail(sim, "accepted by nobody: %s", checks_describe(sim, index, text));
    if (record->outcome == QIAO_OUTCOME_DEAD && !unknown && r->retries == 0) sim_fail(sim, "dead without a retry: %s", checks_describe(sim, index, text));
    r->deaths += record->outcome == QIAO_OUTCOME_DEAD || (record->outcome == QIAO_OUTCOME_EXPIRED && r->kept);
    r->kept |= record->outcome == QIAO_OUTCOME_NONE;
    r->decided = record->outcome;
    r->decided_code = record->code;
    r->decided_ms = sim->now_ms;
}

static void origin_record(struct sim *sim, struct qiao_bytes key, const struct message_record *record)
{
    char text[256];
    struct qiao_id id;
    memcpy(id.bytes, key.data + 1, QIAO_ID_SIZE);
    uint32_t index = message_of(sim, &id);
    if (sim->failed) return;
    struct sim_message *m = &sim->messages[index];
    if ((m->to == SIM_TO_SET || m->to == SIM_TO_NODES) && record->outcome == QIAO_OUTCOME_NONE) return;
    struct sim_recipient *r = recipient_of(sim, m, m->to == SIM_TO_NODES ? sim->nodes_count : sim->members_count);
    if (r->origin) sim_fail(sim, "ended twice at the origin, %u and then %u: %s", r->origin, record->outcome, checks_describe(sim, index, text));
    r->origin = record->outcome;
}

static void set_record(struct sim *sim, struct qiao_bytes key, const struct message_record *record)
{
    char text[256];
    struct qiao_id id;
    struct pb_reader reader = pb_reader(qiao_bytes(key.data + 1 + QIAO_ID_SIZE, key.size - 1 - QIAO_ID_SIZE));
    struct pb_field f;
    struct qiao_bytes area = { 0 }, org = { 0 };
    memcpy(id.bytes, key.data + 1, QIAO_ID_SIZE);
    while (pb_next(&reader, &f)) {
        if (f.number == 1) area = f.bytes;
        if (f.number == 2) org = f.bytes;
    }
    uint32_t index = message_of(sim, &id);
    if (sim->failed) return;
    struct sim_recipient *r = recipient_of(sim, &sim->messages[index], place_at(sim, &sim->messages[index], area, org));
    if (r->origin) sim_fail(sim, "ended twice at the origin, %u and then %u: %s", r->origin, record->outcome, checks_describe(sim, index, text));
    r->origin = record->outcome;
}

static void peer_number(struct sim *sim, struct sim_node *node, const struct store_op *op)
{
    for (uint32_t i = 0; i < sim->members_count; i++) {
        char key[SIM_TEXT_SIZE + 16];
        snprintf(key, sizeof key, "Pmember/%s", sim->members[i].name);
        if (sim->members[i].node == node->index && !sim->members[i].twin && qiao_bytes_equal(op->key, qiao_bytes_from_string(key))) node->numbers[get_u16(op->value.data)] = i + 1;
    }
}

void checks_committed(struct sim *sim, const struct sim_node *node, const struct store_batch *batch)
{
    for (size_t i = 0; i < batch->count && !sim->failed; i++) {
        const struct store_op *op = &batch->ops[i];
        struct message_record record;
        if (op->type != STORE_PUT) continue;
        const char *wrong = core_check_record(op->key, op->value);
        if (wrong) sim_fail(sim, "%s writes a record of kind %c that is not sound: %s", node->name, op->key.data[0], wrong);
        if (op->key.data[0] == 'Z') letter_kept(sim, op);
        if (op->key.data[0] == 'P') peer_number(sim, &sim->nodes[node->index], op);
        if (op->key.data[0] == 'P') crossings_numbered(sim, &sim->nodes[node->index], op);
        if (op->key.data[0] == 'W') crossings_received(sim, node, op);
        if (!strchr("DOR", op->key.data[0])) continue;
        if (!record_read(op->value, &record)) {
            sim_fail(sim, "%s writes a record that cannot be read", node->name);
            return;
        }
        if (adversary_record(sim, node, op->key, &record)) continue;
        if (op->key.data[0] == 'D' && record.outcome == QIAO_OUTCOME_DEAD && !is_kept(batch, op->key)) sim_fail(sim, "%s keeps no dead letter of what it gave up", node->name);
        if (op->key.data[0] == 'D' && is_own(sim, op)) continue;
        if (op->key.data[0] == 'D') destination_record(sim, node, op->key, &record);
        if (op->key.data[0] == 'O') origin_record(sim, op->key, &record);
        if (op->key.data[0] == 'R') set_record(sim, op->key, &record);
    }
}

void checks_bounds(struct sim *sim, const struct sim_node *node)
{
    service_linked(sim);
    if (core_filling_bytes(node->core) > FILLING_BYTES_MAX) sim_fail(sim, "%s fills a batch of %zu bytes", node->name, core_filling_bytes(node->core));
    if (sim->bytes_on_wire_max > WIRE_BYTES_MAX) sim_fail(sim, "%llu bytes are under way on one connection", (unsigned long long)sim->bytes_on_wire_max);
}

/* ---- at the end ---- */

static bool is_expected(const struct sim *sim, const struct sim_message *m, uint32_t recipient)
{
    if (m->to != SIM_TO_SET) return true;
    size_t root = strlen(m->area) - 3;
    return recipient < sim->members_count && !sim->members[recipient].twin && strncmp(sim->nodes[sim->members[recipient].node].area, m->area, root) == 0;
}

static bool has_ended(const struct sim *sim, const struct sim_message *m)
{
    for (uint32_t i = 0; i < m->recipients_count; i++)
        if (is_expected(sim, m, i) && !sim->recipients[m->first_recipient + i].seen) return false;
    return true;
}

bool checks_are_quiet(struct sim *sim)
{
    if (!edges_are_up(sim)) return false;
    for (uint32_t i = 0; i < sim->nodes_count; i++)
        if (!sim->nodes[i].core || (sim->nodes[i].parent >= 0 && sim->nodes[i].up_pipe < 0)) return false;
    for (uint32_t i = 0; i < sim->members_count; i++)
        if (!sim->members[i].alive || sim->members[i].session.unacknowledged > 0) return false;
    for (uint32_t i = 0; i < sim->messages_count; i++)
        if (sim->messages[i].submitted && !has_ended(sim, &sim->messages[i])) return false;
    return files_are_quiet(sim);
}

static void final_recipient(struct sim *sim, uint32_t index, uint32_t recipient)
{
    char text[256];
    const struct sim_message *m = &sim->messages[index];
    const struct sim_recipient *r = &sim->recipients[m->first_recipient + recipient];
    static const unsigned codes[] = { [SIM_TO_UNKNOWN_MEMBER] = QIAO_CODE_UNKNOWN_MEMBER, [SIM_TO_NOWHERE] = QIAO_CODE_NO_ROUTE };
    checks_describe(sim, index, text);
    if (!r->seen && m->submitted && is_expected(sim, m, recipient))
        sim_fail(sim, "lost, no outcome for recipient %u: %s (submitted, decided %u, origin %u, deliveries %u)", recipient, text, r->decided, r->origin, r->deliveries);
    if (r->seen && !is_expected(sim, m, recipient) && recipient < sim->members_count) sim_fail(sim, "an outcome from outside the set: %s", text);
    if (r->seen == QIAO_OUTCOME_ACCEPTED && !r->accepted) sim_fail(sim, "accepted by nobody: %s", text);
    bool unknown = r->seen == QIAO_OUTCOME_DEAD && (r->seen_code == QIAO_CODE_CRASHES || r->revivals > 0);
    if (r->accepted && m->submitted && r->seen != QIAO_OUTCOME_ACCEPTED && !unknown) sim_fail(sim, "took effect, but the sender was told %u: %s", r->seen, text);
    if (sim->owner[0] && r->told < r->deaths) sim_fail(sim, "dead %u times, its owner was told %u times: %s", r->deaths, r->told, text);
    if (r->revived == QIAO_OUTCOME_NONE && r->revivals > 0) sim_fail(sim, "tried again without an end: %s", text);
    bool news = r->revived && r->revived != QIAO_OUTCOME_DEAD;
    if (news && r->news != r->revived) sim_fail(sim, "its sender never heard that it ended as %u when it was tried again: %s", r->revived, text);
    if (r->told && m->submitted && r->seen != QIAO_OUTCOME_DEAD && r->seen != QIAO_OUTCOME_EXPIRED) sim_fail(sim, "the owner was told of one that ended as %u: %s", r->seen, text);
    if (r->seen == QIAO_OUTCOME_EXPIRED && m->expires_at_ms == 0) sim_fail(sim, "expired although it never does: %s", text);
    if (m->to == SIM_TO_SERVICE) {
        if (r->seen == QIAO_OUTCOME_REFUSED && !r->refused && !(r->seen_code == QIAO_CODE_NO_PROVIDER && service_may_be_refused(sim, m)))
            sim_fail(sim, "refused with %s: %s", qiao_code_name(r->seen_code), text);
        return;
    }
    if (r->seen == QIAO_OUTCOME_REFUSED && !r->refused && (m->to == SIM_TO_MEMBER || (m->to != SIM_TO_SET && r->seen_code != codes[m->to])))
        sim_fail(sim, "refused with %s: %s", qiao_code_name(r->seen_code), text);
    if (r->seen && r->seen != QIAO_OUTCOME_EXPIRED && r->seen != QIAO_OUTCOME_REFUSED && m->to != SIM_TO_MEMBER && m->to != SIM_TO_SET) sim_fail(sim, "outcome %u of nobody: %s", r->seen, text);
}

void checks_final(struct sim *sim)
{
    files_final(sim);
    services_final(sim);
    for (uint32_t i = 0; i < sim->members_count && !sim->failed; i++)
        if (sim->members[i].alive && sim->members[i].session.unacknowledged > 0)
            sim_fail(sim, "%s still has %zu messages in its outbox", sim->members[i].name, sim->members[i].session.unacknowledged);
    for (uint32_t i = 0; i < sim->messages_count && !sim->failed; i++) {
        char text[256];
        const struct sim_message *m = &sim->messages[i];
        if (!m->submitted && !m->lost_with_sender) sim_fail(sim, "never reached its node: %s", checks_describe(sim, i, text));
        for (uint32_t k = 0; k < m->recipients_count && !sim->failed; k++) final_recipient(sim, i, k);
    }
}
