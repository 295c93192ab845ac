/* What the adversary tries, and what the node must say of it. */
#include "adversary.h"

#include "core/keys.h"

#include <qiao/client.h>
#include <stdio.h>

#define BODY "the body of a message"

/* ---- well-made messages, as a beginning ---- */

static struct words to_nobody(const struct adversary *a)
{
    return (struct words){ .area = HARBOUR_AREA, .org = "gate", .to_area = adversary_node(a)->area, .to_org = "nobody", .body = qiao_bytes_from_string(BODY) };
}

/* Somebody whom the node would deliver to if it believed the message. */
static struct words to_a_member(struct adversary *a)
{
    struct words w = to_nobody(a);
    const struct sim_member *member = &a->sim->members[adversary_random(a, a->sim->members_count)];
    w.to_area = a->sim->nodes[member->node].area;
    w.to_org = member->name;
    return w;
}

static void send_signed(struct adversary *a, int visitor, const struct words *w, const struct seal *seal, unsigned suite)
{
    struct buf raw = { 0 };
    buf_auto entries = { 0 };
    words_write(a, w, &raw);
    words_sign(a, seal, suite, &raw, 1, &entries);
    words_send(a, visitor, 1, buf_bytes(&entries));
    buf_deinit(&raw);
}

/* Refused in due form: the node answers with a receipt. */
static void send_bait(struct adversary *a)
{
    struct words w = to_nobody(a);
    send_signed(a, HARBOUR, &w, &a->keys.seal, SEAL_SUITE_INT1);
}

/* ---- forged origin ---- */

static bool speak_for_another_area(struct adversary *a)
{
    struct words w = to_a_member(a);
    const struct sim_member *victim = &a->sim->members[adversary_random(a, a->sim->members_count)];
    w.area = a->sim->nodes[victim->node].area;
    w.org = victim->name;
    send_signed(a, HARBOUR, &w, &a->keys.seal, SEAL_SUITE_INT1);
    return true;
}

static bool send_unsigned(struct adversary *a)
{
    struct buf raw = { 0 };
    buf_auto entries = { 0 };
    struct words w = to_a_member(a);
    words_write(a, &w, &raw);
    words_put_entry(&entries, buf_bytes(&raw));
    words_send(a, HARBOUR, 1, buf_bytes(&entries));
    buf_deinit(&raw);
    return true;
}

static bool send_in_another_suite(struct adversary *a)
{
    struct words w = to_a_member(a);
    send_signed(a, HARBOUR, &w, &a->keys.seal, SEAL_SUITE_GM1);
    return true;
}

static bool sign_noise(struct adversary *a)
{
    struct words w = to_a_member(a);
    send_signed(a, HARBOUR, &w, &a->broken, SEAL_SUITE_INT1);
    return true;
}

/* In due form, but kept back, or made for later. */
static bool sign_at(struct adversary *a, int64_t from_now_ms)
{
    struct words w = to_a_member(a);
    a->signs_at_ms = sim_wall_ms(a->sim) + (uint64_t)from_now_ms;
    send_signed(a, HARBOUR, &w, &a->keys.seal, SEAL_SUITE_INT1);
    a->signs_at_ms = 0;
    return true;
}

static bool sign_long_ago(struct adversary *a) { return sign_at(a, -(int64_t)SIM_SIGNED_AGE_MS_MAX - 60000); }
static bool sign_for_later(struct adversary *a) { return sign_at(a, (int64_t)SIM_SIGNED_AHEAD_MS_MAX + 60000); }

/* Two messages alone; the second carries the first one's proof. */
static bool show_the_proof_of_another(struct adversary *a)
{
    struct buf raw = { 0 }, own = { 0 };
    buf_auto first = { 0 };
    buf_auto entries = { 0 };
    struct words w = to_a_member(a);
    struct envelope_parts parts;
    struct qiao_bytes entry;
    words_write(a, &w, &raw);
    words_sign(a, &a->keys.seal, SEAL_SUITE_INT1, &raw, 1, &first);
    struct pb_reader r = pb_reader(buf_bytes(&first));
    if (run_next(&r, &entry) && envelope_split(entry, &parts)) {
        words_write(a, &w, &own);
        pb_put_bytes(&own, 3, parts.proof);
        words_put_entry(&entries, buf_bytes(&own));
        words_send(a, HARBOUR, 1, buf_bytes(&entries));
    }
    buf_deinit(&raw);
    buf_deinit(&own);
    return true;
}

enum group_fault { LEFT_OUT, SWAPPED, SIGNED_AS_ANOTHER };

static bool send_group(struct adversary *a, enum group_fault fault)
{
    struct buf raws[3] = { { 0 } }, others[3] = { { 0 } };
    buf_auto right = { 0 };
    buf_auto other = { 0 };
    buf_auto wrong = { 0 };
    struct words w = to_a_member(a);
    struct qiao_bytes entries[3], head;
    struct envelope_parts parts;
    for (unsigned i = 0; i < 3; i++) words_write(a, &w, &raws[i]);
    for (unsigned i = 0; i < 3; i++) words_write(a, &w, &others[i]);
    words_sign(a, &a->keys.seal, SEAL_SUITE_INT1, raws, 3, &right);
    words_sign(a, &a->keys.seal, SEAL_SUITE_INT1, others, 3, &other);
    struct pb_reader r = pb_reader(buf_bytes(&right)), o = pb_reader(buf_bytes(&other));
    bool read = run_next(&r, &entries[0]) && run_next(&r, &entries[1]) && run_next(&r, &entries[2]) && run_next(&o, &head) && envelope_split(head, &parts);
    if (read && fault == SIGNED_AS_ANOTHER) pb_put_bytes(&raws[0], 3, parts.proof);
    if (read && fault == SIGNED_AS_ANOTHER) entries[0] = buf_bytes(&raws[0]);
    for (unsigned i = 0; read && i < (fault == LEFT_OUT ? 2 : 3); i++) words_put_entry(&wrong, entries[fault == SWAPPED && i > 0 ? 3 - i : i]);
    if (read) words_send(a, HARBOUR, fault == LEFT_OUT ? 2 : 3, buf_bytes(&wrong));
    for (unsigned i = 0; i < 3; i++) buf_deinit(&raws[i]);
    for (unsigned i = 0; i < 3; i++) buf_deinit(&others[i]);
    return read;
}

static bool leave_one_out(struct adversary *a) { return send_group(a, LEFT_OUT); }
static bool swap_two(struct adversary *a) { return send_group(a, SWAPPED); }
static bool sign_as_another_group(struct adversary *a) { return send_group(a, SIGNED_AS_ANOTHER); }

/* A signer whose certificate is never shown. The name says that the key was not met before. */
static bool sign_with_a_hidden_key(struct adversary *a)
{
    struct words w = to_a_member(a);
    char name[SIM_TEXT_SIZE];
    snprintf(name, sizeof name, "hidden-%llu", (unsigned long long)++a->numbers);
    sim_keys_start(&a->quarry, a->sim, name, QUARRY_AREA, false);
    w.area = QUARRY_AREA;
    send_signed(a, HARBOUR, &w, &a->quarry.seal, SEAL_SUITE_INT1);
    return true;
}

static bool show_nothing(struct adversary *a)
{
    a->shows_nothing = true;
    return sign_with_a_hidden_key(a);
}

static bool withhold_a_key(struct adversary *a)
{
    a->withholds_keys = true;
    return sign_with_a_hidden_key(a);
}

/* ---- receipts ---- */

/* A message of one of the node's members that is under way. */
static const struct sim_message *message_under_way(struct adversary *a, struct message_record *ret_record)
{
    const struct sim *sim = a->sim;
    for (uint32_t i = sim->messages_count; i > 0 && i + 400 > sim->messages_count; i--) {
        const struct sim_message *m = &sim->messages[i - 1];
        struct key key = key_origin(&m->id);
        struct qiao_bytes value;
        if (m->to != SIM_TO_MEMBER || m->conflicting || sim->members[m->sender].node != a->at) continue;
        if (store_get(adversary_node(a)->store, key_bytes(&key), &value) && record_read(value, ret_record) && ret_record->outcome == QIAO_OUTCOME_NONE) return m;
    }
    return NULL;
}

static bool send_receipt(struct adversary *a, unsigned status, bool right_leaf)
{
    struct message_record record;
    const struct sim_message *m = adversary_node(a)->core ? message_under_way(a, &record) : NULL;
    buf_auto body = { 0 };
    if (!m) return false;
    const struct sim_member *sender = &a->sim->members[m->sender];
    if (!right_leaf) record.leaf[3] ^= 1;
    words_receipt(a, m->area, m->org, &m->id, status, qiao_bytes(record.leaf, LEAF_SIZE), &body);
    struct words w = { .area = m->area, .org = m->org, .to_area = a->sim->nodes[sender->node].area, .to_org = sender->name, .kind = QIAO_KIND_RECEIPT, .body = buf_bytes(&body) };
    send_signed(a, HARBOUR, &w, &a->keys.seal, SEAL_SUITE_INT1);
    return true;
}

static bool accept_in_the_name_of_another(struct adversary *a) { return send_receipt(a, QIAO_OUTCOME_ACCEPTED, true); }
static bool refuse_in_the_name_of_another(struct adversary *a) { return send_receipt(a, QIAO_OUTCOME_REFUSED, true); }
static bool refuse_another_message(struct adversary *a) { return send_receipt(a, QIAO_OUTCOME_REFUSED, false); }

/* ---- what was overheard ---- */

static bool has_ended(const struct sim *sim, const struct qiao_id *id)
{
    uint32_t index = get_u32(id->bytes + 12);
    if (index >= sim->messages_count || !qiao_id_equal(&sim->messages[index].id, id)) return false;
    const struct sim_message *m = &sim->messages[index];
    const struct sim_recipient *r = &sim->recipients[m->first_recipient];
    return m->to == SIM_TO_MEMBER && !m->conflicting && r->origin && r->decided && r->seen;
}

static bool all_ended(const struct sim *sim, const struct envelope *e)
{
    struct pb_reader r = pb_reader(e->body), outcome;
    struct pb_field f, g;
    if (e->header.kind != QIAO_KIND_RECEIPT) return has_ended(sim, &e->header.id);
    while (pb_next(&r, &f)) {
        outcome = pb_reader(f.bytes);
        while (f.number == 4 && pb_next(&outcome, &g)) {
            struct qiao_id id;
            if (g.number == 1 && g.bytes.size == QIAO_ID_SIZE) memcpy(id.bytes, g.bytes.data, QIAO_ID_SIZE);
            if (g.number == 1 && (g.bytes.size != QIAO_ID_SIZE || !has_ended(sim, &id))) return false;
        }
    }
    return true;
}

/* An old batch for the node's own members, all of whose messages have come to their end. */
static struct overheard *old_batch(struct adversary *a, bool receipts)
{
    uint64_t start = adversary_random(a, OVERHEARD_MAX);
    for (uint64_t i = 0; i < OVERHEARD_MAX; i++) {
        struct overheard *o = &a->overheard[(start + i) % OVERHEARD_MAX];
        struct pb_reader r = pb_reader(buf_bytes(&o->entries));
        struct qiao_bytes raw;
        bool fits = o->count > 0;
        while (fits && run_next(&r, &raw)) {
            struct envelope e;
            fits = raw.size > 0 && envelope_open(raw, &e) == QIAO_CODE_OK && receipts == (e.header.kind == QIAO_KIND_RECEIPT) && e.body.size > 0 &&
                   e.header.body_digest.size > 0 && qiao_bytes_equal(e.header.destination.area, qiao_bytes_from_string(adversary_node(a)->area)) && all_ended(a->sim, &e);
        }
        if (fits) return o;
    }
    return NULL;
}

static bool play_back(struct adversary *a, bool receipts)
{
    const struct overheard *o = old_batch(a, receipts);
    if (o) words_send(a, HARBOUR, o->count, buf_bytes(&o->entries));
    return o != NULL;
}

static bool play_back_messages(struct adversary *a) { return play_back(a, false); }
static bool play_back_receipts(struct adversary *a) { return play_back(a, true); }

/* Changes one byte of a batch in its place, with all proofs as they were. */
static bool alter(struct adversary *a, bool header)
{
    const struct overheard *o = old_batch(a, adversary_random(a, 2) == 0);
    buf_auto copy = { 0 };
    struct qiao_bytes raw;
    struct envelope e;
    if (!o) return false;
    buf_append(&copy, o->entries.data, o->entries.size);
    struct pb_reader r = pb_reader(buf_bytes(&copy));
    if (!run_next(&r, &raw) || envelope_open(raw, &e) != QIAO_CODE_OK) return false;
    struct qiao_bytes part = header ? e.header.body_digest : e.body;
    copy.data[(size_t)(part.data - copy.data) + (size_t)adversary_random(a, part.size)] ^= 1;
    words_send(a, HARBOUR, o->count, buf_bytes(&copy));
    return true;
}

static bool alter_a_header(struct adversary *a) { return alter(a, true); }
static bool alter_a_body(struct adversary *a) { return alter(a, false); }

/* ---- copies of messages under way: the message itself must come to its end as if nothing had been ---- */

static bool is_under_way(const struct sim *sim, const struct qiao_id *id)
{
    uint32_t index = get_u32(id->bytes + 12);
    if (index >= sim->messages_count || !qiao_id_equal(&sim->messages[index].id, id)) return false;
    const struct sim_message *m = &sim->messages[index];
    return m->to == SIM_TO_MEMBER && !m->conflicting && !sim->recipients[m->first_recipient].origin;
}

/* Whoever signed has not sent by this node before: it would miss the certificate before it looks at anything else. */
static bool is_stranger(const struct adversary *a, const struct group_unit *unit)
{
    const struct seal *seal = &adversary_node(a)->keys.seal;
    buf_auto certificate = { 0 };
    return unit->proof.suite != SEAL_SUITE_NONE && !seal->certificate(seal->context, &unit->proof.key_id, &certificate);
}

/* A message of the batch that has not ended, with a proof that stands alone. */
static bool copy_one(struct adversary *a, const struct overheard *o, struct buf *raw)
{
    struct group_batch batch;
    bool found = false;
    if (o->count == 0 || !group_open(&a->keys.seal, buf_bytes(&o->entries), o->count, false, &batch)) return false;
    for (uint32_t i = 0; i < batch.messages_count && !found; i++) {
        struct envelope e;
        struct qiao_bytes entry = batch.messages[i].raw;
        found = entry.size > 0 && envelope_open(entry, &e) == QIAO_CODE_OK && e.header.kind != QIAO_KIND_RECEIPT && e.body.size > 0 && is_under_way(a->sim, &e.header.id);
        found = found && !is_stranger(a, &batch.units[batch.messages[i].unit]);
        if (!found) continue;
        buf_append(raw, entry.data, entry.size);
        if (batch.units[batch.messages[i].unit].whole) group_put_single(raw, &batch, i);
    }
    group_batch_deinit(&batch);
    return found;
}

enum copy_fault { BODY_ALTERED, PROOF_ALTERED, PROOF_LEFT_OUT, HOPS_USED_UP };

static void spoil(struct adversary *a, enum copy_fault fault, struct buf *raw)
{
    struct envelope e;
    unsigned code = envelope_open(buf_bytes(raw), &e);
    assert(code == QIAO_CODE_OK);
    (void)code;
    struct qiao_bytes part = fault == BODY_ALTERED ? e.body : e.proof;
    if (fault == BODY_ALTERED) raw->data[(size_t)(part.data - raw->data) + (size_t)adversary_random(a, part.size)] ^= 1;
    for (unsigned i = 0; fault == HOPS_USED_UP && i <= QIAO_HOPS_MAX; i++) {
        pb_put_bytes_head(raw, 4, 3);
        pb_put_bytes(raw, 1, qiao_bytes("x", 1));
    }
    if (fault == PROOF_LEFT_OUT) {
        buf_auto bare = { 0 };
        pb_put_bytes(&bare, 1, e.header_bytes);
        pb_put_bytes(&bare, 2, e.body);
        raw->size = 0;
        buf_append(raw, bare.data, bare.size);
    }
    struct proof proof;
    if (fault == PROOF_ALTERED && proof_read(e.proof, &proof)) raw->data[(size_t)(proof.signature.data - raw->data) + 3] ^= 1;
}

static bool send_copy(struct adversary *a, enum copy_fault fault)
{
    uint64_t start = adversary_random(a, OVERHEARD_MAX);
    struct buf raw = { 0 };
    buf_auto entries = { 0 };
    bool found = false;
    for (uint64_t i = 0; i < OVERHEARD_MAX && !found; i++) found = copy_one(a, &a->overheard[(start + i) % OVERHEARD_MAX], &raw);
    if (found) {
        spoil(a, fault, &raw);
        words_put_entry(&entries, buf_bytes(&raw));
        words_send(a, HARBOUR, 1, buf_bytes(&entries));
    }
    buf_deinit(&raw);
    return found;
}

static bool alter_a_copys_body(struct adversary *a) { return send_copy(a, BODY_ALTERED); }
static bool alter_a_copys_proof(struct adversary *a) { return send_copy(a, PROOF_ALTERED); }
static bool leave_out_a_copys_proof(struct adversary *a) { return send_copy(a, PROOF_LEFT_OUT); }
static bool use_up_a_copys_hops(struct adversary *a) { return send_copy(a, HOPS_USED_UP); }

/* The frame of another link, with the sequences it had there. */
static bool play_back_another_link(struct adversary *a)
{
    struct visitor *v = &a->visitors[HARBOUR];
    for (unsigned i = 0; i < OVERHEARD_MAX; i++) {
        const struct overheard *o = &a->overheard[i];
        if (o->count == 0 || o->first <= v->link.tx[o->lane].next) continue;
        size_t mark = frame_begin(&v->out, FRAME_BATCH);
        batch_put_fields(&v->out, o->lane, o->first, o->count);
        buf_append(&v->out, o->entries.data, o->entries.size);
        frame_end(&v->out, mark);
        adversary_flush(a, HARBOUR);
        return true;
    }
    return false;
}

/* The same batch under the same sequences once more: recognised, and acknowledged again. */
static bool send_the_same_again(struct adversary *a)
{
    struct visitor *v = &a->visitors[HARBOUR];
    struct buf raw = { 0 };
    buf_auto entries = { 0 };
    struct words w = to_nobody(a);
    words_write(a, &w, &raw);
    words_sign(a, &a->keys.seal, SEAL_SUITE_INT1, &raw, 1, &entries);
    for (unsigned i = 0; i < 2; i++) {
        size_t mark = frame_begin(&v->out, FRAME_BATCH);
        batch_put_fields(&v->out, QIAO_LANE_NORMAL, v->link.tx[QIAO_LANE_NORMAL].next, 1);
        buf_append(&v->out, entries.data, entries.size);
        frame_end(&v->out, mark);
    }
    v->link.tx[QIAO_LANE_NORMAL].next++;
    a->waits_for_ack = true;
    adversary_flush(a, HARBOUR);
    buf_deinit(&raw);
    return true;
}

/* ---- the ids of others ---- */

static void send_under(struct adversary *a, const struct sim_message *m, const char *body)
{
    struct words w = to_nobody(a);
    w.to_area = m->area;
    w.to_org = m->org;
    w.id = &m->id;
    w.body = qiao_bytes_from_string(body);
    send_signed(a, HARBOUR, &w, &a->keys.seal, SEAL_SUITE_INT1);
}

/* An id that was overheard is used for messages of its own, twice with different content: the second is in conflict with the first. */
static bool use_the_id_of_another_twice(struct adversary *a)
{
    const struct overheard *o = old_batch(a, false);
    struct qiao_bytes raw;
    struct envelope e;
    struct pb_reader r = pb_reader(o ? buf_bytes(&o->entries) : qiao_bytes(NULL, 0));
    if (!o || !run_next(&r, &raw) || envelope_open(raw, &e) != QIAO_CODE_OK) return false;
    const struct sim_message *m = &a->sim->messages[get_u32(e.header.id.bytes + 12)];
    send_under(a, m, BODY);
    send_under(a, m, "another body");
    return true;
}

/* Before its own message reaches the recipient, an id is used for another. The honest one must come to its end all the same. */
static bool use_an_id_first(struct adversary *a)
{
    const struct sim *sim = a->sim;
    for (uint32_t i = sim->messages_count; i > 0 && i + 400 > sim->messages_count; i--) {
        const struct sim_message *m = &sim->messages[i - 1];
        if (m->to != SIM_TO_MEMBER || m->conflicting || sim->recipients[m->first_recipient].deliveries > 0 || sim->recipients[m->first_recipient].origin) continue;
        send_under(a, m, BODY);
        a->waits_for_ack = true;
        return true;
    }
    return false;
}

/* ---- equivocation: a receipt is asked for, and acknowledged in a twisted way ---- */

static bool twist(struct adversary *a, enum twist how)
{
    a->twist = how;
    send_bait(a);
    return true;
}

static bool sign_another_chain(struct adversary *a) { return twist(a, TWIST_CHAIN); }
static bool sign_two_chains(struct adversary *a) { return twist(a, TWIST_TWO_CHAINS); }
static bool sign_beyond(struct adversary *a) { return twist(a, TWIST_BEYOND); }
static bool sign_custody_as_another(struct adversary *a) { return twist(a, TWIST_SIGNER); }
static bool show_two_audit_logs(struct adversary *a) { return twist(a, TWIST_AUDIT); }

/* ---- stolen links ---- */

static const struct disguise as_harbour = { .common_name = "harbour", .node = "harbour", .area = HARBOUR_AREA, .role = LINK_ROLE_PEER_NODE };

static bool steal(struct adversary *a, struct disguise d)
{
    if (!adversary_dial(a, THIEF, &d)) return false;
    adversary_flush(a, THIEF);
    return true;
}

static bool sign_the_handshake_with_noise(struct adversary *a)
{
    struct disguise d = as_harbour;
    d.seal = &a->broken;
    return steal(a, d);
}

static bool sign_the_handshake_as_another(struct adversary *a)
{
    struct disguise d = as_harbour;
    d.seal = &a->quarry.seal;
    return steal(a, d);
}

static bool do_not_sign_the_handshake(struct adversary *a)
{
    struct disguise d = as_harbour;
    d.seal = &seal_null;
    return steal(a, d);
}

static bool play_back_an_auth(struct adversary *a)
{
    struct disguise d = as_harbour;
    d.seal = &a->keys.seal;
    d.keeps_auth = true;
    return a->auth.size > 0 && steal(a, d);
}

static bool come_without_certificate(struct adversary *a)
{
    struct disguise d = as_harbour;
    d.seal = &a->keys.seal;
    d.common_name = NULL;
    return steal(a, d);
}

static bool come_with_the_certificate_of_another(struct adversary *a)
{
    struct disguise d = as_harbour;
    d.seal = &a->keys.seal;
    d.common_name = "quarry";
    return steal(a, d);
}

/* The node's own hello, played back to it. */
static bool reflect(struct adversary *a)
{
    struct disguise d = as_harbour;
    struct visitor *v = &a->visitors[THIEF];
    d.seal = &a->keys.seal;
    if (a->node_hello.size == 0 || !adversary_dial(a, THIEF, &d)) return false;
    v->out.size = 0;
    buf_append(&v->out, a->node_hello.data, a->node_hello.size);
    a->expected_peer = adversary_node(a)->name;
    adversary_flush(a, THIEF);
    return true;
}

/* The hello of an honest neighbour, played back to where it was said, by somebody whom the transport takes for that neighbour. Nothing
 * follows: the neighbour's own link must go on as if nothing had been (adversary_notice). */
static bool say_the_hello_of_a_neighbour(struct adversary *a)
{
    struct visitor *v = &a->visitors[THIEF];
    uint64_t life = adversary_neighbours_life(a);
    if (a->neighbour_hello.size == 0 || life == 0) return false;
    const struct sim_node *neighbour = &a->sim->nodes[a->neighbour], *node = adversary_node(a);
    struct disguise d = { .common_name = neighbour->name, .node = neighbour->name, .area = neighbour->area, .role = LINK_ROLE_PEER_NODE, .seal = &a->keys.seal };
    a->honest_life = node->core && core_peer_is_up(node->core, neighbour->name) ? life : 0;
    a->expected_peer = neighbour->name;
    if (!a->honest_life || !adversary_dial(a, THIEF, &d)) return false;
    v->out.size = 0;
    buf_append(&v->out, a->neighbour_hello.data, a->neighbour_hello.size);
    adversary_flush(a, THIEF);
    v->silent = true;
    return true;
}

/* ---- the member ---- */

/* Where messages are queued for, if there is more than one node. */
static const struct sim_node *another_node(struct adversary *a)
{
    uint32_t count = a->sim->nodes_count;
    return &a->sim->nodes[(a->at + (count > 1 ? 1 + adversary_random(a, count - 1) : 0)) % count];
}

/* A group of the mole's own, in which one message comes twice and one may not be sent. */
static bool send_a_group_with_faults(struct adversary *a)
{
    struct buf raws[4] = { { 0 } };
    buf_auto entries = { 0 };
    const struct sim_node *far = another_node(a);
    struct words w = { .area = adversary_node(a)->area, .org = "mole", .to_area = far->area, .to_org = "nobody", .body = qiao_bytes_from_string(BODY) };
    words_write(a, &w, &raws[0]);
    buf_append(&raws[1], raws[0].data, raws[0].size);
    words_write(a, &w, &raws[2]);
    w.kind = QIAO_KIND_RECEIPT;
    words_write(a, &w, &raws[3]);
    words_sign(a, &a->mole.seal, SEAL_SUITE_INT1, raws, 4, &entries);
    words_send(a, MOLE, 4, buf_bytes(&entries));
    for (unsigned i = 0; i < 4; i++) buf_deinit(&raws[i]);
    return true;
}

static bool speak_for_another_member(struct adversary *a)
{
    struct words w = to_a_member(a);
    w.area = adversary_node(a)->area;
    w.org = "office";
    send_signed(a, MOLE, &w, &a->mole.seal, SEAL_SUITE_INT1);
    return true;
}

/* Among messages that the node signs for the mole, one that has a proof already. They expire: the node gives each a proof of its own. */
static bool bring_a_proof(struct adversary *a)
{
    const struct sim_node *far = another_node(a);
    buf_auto entries = { 0 };
    struct words w = { .area = adversary_node(a)->area, .org = "mole", .to_area = far->area, .to_org = "nobody", .body = qiao_bytes_from_string(BODY) };
    w.expires_at_ms = sim_wall_ms(a->sim) + 60000;
    for (unsigned i = 0; i < 3; i++) {
        struct buf raw = { 0 };
        words_write(a, &w, &raw);
        if (i == 1) pb_put_bytes(&raw, 3, qiao_bytes_from_string("not a proof"));
        words_put_entry(&entries, buf_bytes(&raw));
        buf_deinit(&raw);
    }
    words_send(a, PLAIN, 3, buf_bytes(&entries));
    return true;
}

#define REFUSED "message refused"
#define DOWN "link down"
#define HELLO "hello refused"

const struct act adversary_acts[] = {
    { "a frame of another link", HARBOUR, DOWN, QIAO_CODE_LINK_SEQUENCE, play_back_another_link },
    { "a message of another area, signed by its own key", HARBOUR, REFUSED, QIAO_CODE_FORGED, speak_for_another_area },
    { "a message without a signature", HARBOUR, REFUSED, QIAO_CODE_UNSIGNED, send_unsigned },
    { "a message of a suite that is not accepted", HARBOUR, REFUSED, QIAO_CODE_SUITE, send_in_another_suite },
    { "a signature of noise", HARBOUR, REFUSED, QIAO_CODE_SIGNATURE, sign_noise },
    { "a message signed long ago", HARBOUR, REFUSED, QIAO_CODE_STALE, sign_long_ago },
    { "a message signed for later", HARBOUR, REFUSED, QIAO_CODE_AHEAD, sign_for_later },
    { "the proof of another message", HARBOUR, REFUSED, QIAO_CODE_SIGNATURE, show_the_proof_of_another },
    { "a group with one left out", HARBOUR, DOWN, QIAO_CODE_FRAME_BODY, leave_one_out },
    { "a group with two swapped", HARBOUR, REFUSED, QIAO_CODE_SIGNATURE, swap_two },
    { "the signature of another group", HARBOUR, REFUSED, QIAO_CODE_SIGNATURE, sign_as_another_group },
    { "a key whose certificate is not shown", HARBOUR, REFUSED, QIAO_CODE_UNKNOWN_KEY, show_nothing },
    { "certificates asked for and never sent", HARBOUR, DOWN, QIAO_CODE_UNKNOWN_KEY, withhold_a_key },
    { "accepted, says a node that is not the recipient's", HARBOUR, "outcome not believed", QIAO_CODE_FORGED, accept_in_the_name_of_another },
    { "refused, says a node that is not the recipient's", HARBOUR, "outcome not believed", QIAO_CODE_FORGED, refuse_in_the_name_of_another },
    { "a receipt with another message's leaf", HARBOUR, "outcome not believed", QIAO_CODE_FORGED, refuse_another_message },
    { "old messages under new sequences", HARBOUR, "message came again", QIAO_CODE_OK, play_back_messages },
    { "old receipts under new sequences", HARBOUR, "message came again", QIAO_CODE_OK, play_back_receipts },
    { "an altered header", HARBOUR, REFUSED, QIAO_CODE_SIGNATURE, alter_a_header },
    { "an altered body", HARBOUR, REFUSED, QIAO_CODE_DIGEST, alter_a_body },
    { "a copy under way with another body", HARBOUR, REFUSED, QIAO_CODE_DIGEST, alter_a_copys_body },
    { "a copy under way with another signature", HARBOUR, REFUSED, QIAO_CODE_SIGNATURE, alter_a_copys_proof },
    { "a copy under way without its proof", HARBOUR, REFUSED, QIAO_CODE_UNSIGNED, leave_out_a_copys_proof },
    { "a copy under way without hops left", HARBOUR, "message quarantined", QIAO_CODE_HOPS, use_up_a_copys_hops },
    { "the same batch under the same sequences", HARBOUR, NULL, QIAO_CODE_OK, send_the_same_again },
    { "another's id, twice", HARBOUR, REFUSED, QIAO_CODE_CONFLICT, use_the_id_of_another_twice },
    { "another's id, before it came", HARBOUR, NULL, QIAO_CODE_OK, use_an_id_first },
    { "custody of another chain", HARBOUR, DOWN, QIAO_CODE_LINK_CUSTODY, sign_another_chain },
    { "two chains for one sequence", HARBOUR, DOWN, QIAO_CODE_LINK_CUSTODY, sign_two_chains },
    { "custody of what was never sent", HARBOUR, DOWN, QIAO_CODE_LINK_CUSTODY, sign_beyond },
    { "custody signed by another", HARBOUR, DOWN, QIAO_CODE_LINK_CUSTODY, sign_custody_as_another },
    { "two audit logs", HARBOUR, DOWN, QIAO_CODE_LINK_CUSTODY, show_two_audit_logs },
    { "a handshake signed with noise", VISITORS, DOWN, QIAO_CODE_LINK_SIGNATURE, sign_the_handshake_with_noise },
    { "a handshake signed by another", VISITORS, DOWN, QIAO_CODE_LINK_IDENTITY, sign_the_handshake_as_another },
    { "a handshake without signature", VISITORS, DOWN, QIAO_CODE_LINK_SIGNATURE, do_not_sign_the_handshake },
    { "a handshake's signature played back", VISITORS, DOWN, QIAO_CODE_LINK_SIGNATURE, play_back_an_auth },
    { "a link without a certificate", VISITORS, HELLO, QIAO_CODE_LINK_IDENTITY, come_without_certificate },
    { "a link with another's certificate", VISITORS, HELLO, QIAO_CODE_LINK_IDENTITY, come_with_the_certificate_of_another },
    { "a hello without proof", VISITORS, DOWN, QIAO_CODE_LINK_TIMEOUT, say_the_hello_of_a_neighbour },
    { "the node's own hello", VISITORS, HELLO, QIAO_CODE_LINK_IDENTITY, reflect },
    { "a member's group with faults in it", MOLE, REFUSED, QIAO_CODE_NOT_ALLOWED, send_a_group_with_faults },
    { "a proof in the middle of what the node signs", PLAIN, REFUSED, QIAO_CODE_SIGNATURE, bring_a_proof },
    { "a member that speaks for another", MOLE, REFUSED, QIAO_CODE_FORGED, speak_for_another_member },
};
const size_t adversary_acts_count = sizeof adversary_acts / sizeof adversary_acts[0];
