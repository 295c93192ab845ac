/* Messages from a link: opened, checked, deduplicated, routed into queues. */
#include "core/drain.h"
#include "core/explain.h"
#include "core/held.h"
#include "core/kept.h"
#include "core/lanes.h"
#include "core/order.h"
#include "core/sets.h"

#include "codec/sealed_form.h"
#include "proof/decider.h"

#include <qiao/client.h>

#define ORIGIN_NUMBER 0xffffu /* in id sets: the message as its origin knows it; peers have lower numbers */

static struct qiao_bytes own_recipient(const struct envelope *e)
{
    return e->header.destination.raw;
}

static void refuse_message(struct core *core, const struct envelope *e, struct qiao_bytes answer_to, unsigned status, unsigned code, bool settled)
{
    if (is_notice(&e->header)) return;
    struct outcome outcome = {
        .source = answer_to, .recipient = own_recipient(e), .id = e->header.id, .lane = e->header.lane,
        .status = status, .code = code, .at_ms = core->wall_ms, .header = e->header_bytes, .settled = settled,
        .reason = org_reason(core, &e->header, code),
    };
    core_trace(core, "%s x message refused: %s", core->node, qiao_code_name(code));
    outcome_add(core, &outcome);
    watch_message(core, 3, &e->header, NULL, status, code);
}

static void quarantine(struct core *core, struct peer *from, struct qiao_bytes raw, unsigned code, const char *reason)
{
    quarantine_add(core, raw);
    core->counters.rejected_frames++;
    core_trace(core, "%s x message of %s quarantined: %s", core->node, from->name, qiao_code_name(code));
    core_notice(core, "message quarantined", from->name, code, reason);
}

static void put_record(struct core *core, const struct key *key, const struct message_record *record)
{
    uint8_t value[MESSAGE_RECORD_SIZE];
    batch_put(core, key, record_write(record, value));
}

/* 'E' values: kind(4) at(8) flags(1): origin or destination; source size(2) source; destination. */
static void put_case_entry(struct core *core, const struct envelope *e, bool origin)
{
    buf_auto value = { 0 };
    uint8_t head[15];
    if (e->header.case_id.size == 0 || e->header.kind < QIAO_KIND_CASE_OPEN) return;
    put_u32(head, e->header.kind);
    put_u64(head + 4, e->header.sent_at_ms);
    head[12] = origin;
    put_u16(head + 13, (uint16_t)e->header.source.raw.size);
    buf_append(&value, head, sizeof head);
    buf_append(&value, e->header.source.raw.data, e->header.source.raw.size);
    uint8_t size[2];
    put_u16(size, (uint16_t)e->header.destination.raw.size);
    buf_append(&value, size, sizeof size);
    buf_append(&value, e->header.destination.raw.data, e->header.destination.raw.size);
    buf_append(&value, e->header.matter.data, e->header.matter.size);
    struct key key = key_case(e->header.case_id, &e->header.id);
    batch_put(core, &key, buf_bytes(&value));
}

/* ---- first met here, or seen before? ---- */

enum known { KNOWN_NEW, KNOWN_PENDING, KNOWN_ENDED, KNOWN_CONFLICT };

static enum known look_up(struct core *core, const struct key *key, const struct qiao_id *id, uint16_t number, const uint8_t digest[FINGERPRINT_SIZE], struct message_record *ret_record)
{
    for (int i = 0; i < 2; i++) {
        const struct id_entry *entry = id_set_find(&core->batches[i].seen, id, number);
        if (entry) return memcmp(entry->digest, digest, FINGERPRINT_SIZE) == 0 ? KNOWN_PENDING : KNOWN_CONFLICT;
    }
    struct qiao_bytes value;
    if (!store_get(core->store, key_bytes(key), &value) || !record_read(value, ret_record)) return KNOWN_NEW;
    if (memcmp(ret_record->digest, digest, FINGERPRINT_SIZE) != 0) return KNOWN_CONFLICT;
    return ret_record->outcome == QIAO_OUTCOME_NONE ? KNOWN_PENDING : KNOWN_ENDED;
}

/* ---- at the destination ---- */

/* In id sets, ids of different sources are different ids. */
struct qiao_id id_of_source(const struct qiao_id *id, uint32_t tag)
{
    struct qiao_id whose = *id;
    put_u32(whose.bytes, get_u32(whose.bytes) ^ tag);
    return whose;
}

static void answer_again(struct core *core, const struct envelope *e, struct qiao_bytes recipient, const struct message_record *record, bool settled)
{
    struct outcome outcome = {
        .source = e->header.source.raw, .recipient = recipient, .id = e->header.id, .lane = e->header.lane,
        .status = record->outcome, .code = record->code, .at_ms = record->at_ms, .header = e->header_bytes, .settled = settled,
    };
    if (is_notice(&e->header)) return;
    if (record->flags & RECORD_RETRIED) {
        outcome.status = QIAO_OUTCOME_DEAD; /* what it was first */
        outcome.code = QIAO_CODE_RETRIES;
    }
    outcome_add(core, &outcome);
}

static void put_destination(struct core *core, const struct key *key, const struct qiao_id *whose, const struct peer *member, const struct message_record *record)
{
    put_record(core, key, record);
    id_set_add(&core_batch(core)->seen, whose, member->number, record->digest);
}

bool accept_has_record(struct core *core, uint16_t member, const struct qiao_id *id, uint32_t tag)
{
    struct qiao_id whose = id_of_source(id, tag);
    struct key key = key_destination(id, member, tag);
    struct qiao_bytes value;
    for (int i = 0; i < 2; i++)
        if (id_set_find(&core->batches[i].seen, &whose, member)) return true;
    return store_get(core->store, key_bytes(&key), &value);
}

static struct qiao_id id_before(const struct envelope *e)
{
    struct qiao_id id;
    memcpy(id.bytes, e->note.after.data, QIAO_ID_SIZE);
    return id;
}

/* True: it is kept until the message before it in its case has come. */
static bool must_wait(struct core *core, const struct peer *member, const struct envelope *e, uint32_t tag, bool ended)
{
    struct qiao_id before = id_before(e);
    if (accept_has_record(core, member->number, &before, tag) && !order_waits(core, &before, member->number)) return false;
    if (order_is_full(core)) {
        core_notice(core, "order given up", member->name, QIAO_CODE_OK, "more messages than can be kept wait for others of their cases");
        return false;
    }
    struct qiao_id whose = id_of_source(&before, tag);
    order_hold(core, member, e, &whose, tag, ended);
    return true;
}

static void to_member(struct core *core, size_t target, const struct envelope *e, const struct origin *origin)
{
    struct peer *member = core->targets[target];
    uint32_t tag = source_tag(core->secret, &e->header);
    struct qiao_id whose = id_of_source(&e->header.id, tag);
    struct key key = key_destination(&e->header.id, member->number, tag);
    struct message_record record = { .at_ms = core->wall_ms }, old;
    message_fingerprint(core->secret, &e->header, record.digest);
    enum known known = look_up(core, &key, &whose, member->number, record.digest, &old);
    if (known != KNOWN_NEW) {
        core->counters.duplicates++;
        core_trace(core, "%s = duplicate for %s", core->node, member->name);
        if (origin->from && known == KNOWN_CONFLICT) core_notice(core, "message refused", origin->from->name, QIAO_CODE_CONFLICT, "an id that is here with other content");
        else if (origin->from) core_notice(core, "message came again", origin->from->name, QIAO_CODE_OK, "recognised, and answered as before");
        if (known == KNOWN_ENDED) answer_again(core, e, buf_bytes(&member->address), &old, false);
        if (known == KNOWN_CONFLICT) refuse_message(core, e, e->header.source.raw, QIAO_OUTCOME_REFUSED, QIAO_CODE_CONFLICT, false);
        return;
    }
    if (e->note.after.size > 0 && !core->out_of_order && must_wait(core, member, e, tag, false)) return;
    bool refused = !is_notice(&e->header) && org_refuses(core, member, e, &record);
    put_destination(core, &key, &whose, member, &record);
    order_came(core, &whose, member->number);
    explain_queued(core, target, refused ? 0 : member->queues[e->header.lane].tail);
    if (refused) return;
    queue_append(core, member, e->header.lane, e, origin);
    put_case_entry(core, e, false);
    attach_delivered(core, member, &e->header);
    core->counters.delivered++;
    watch_message(core, 2, &e->header, member, 0, 0);
}

/* Its own lane, or the one on which a rule, or a backlog that has to be passed, lets it travel to the next node. */
static unsigned lane_to(struct core *core, struct peer *peer, const struct envelope *e)
{
    const struct header *h = &e->header;
    const struct rule *rule = core->decision.rule;
    if (h->kind == QIAO_KIND_RECEIPT) return drain_lane(core, peer, e->raw.size, h->lane); /* outcomes have no order */
    if (h->kind < QIAO_KIND_PAYLOAD) return h->lane;
    return lanes_choose(core, peer, h, drain_lane(core, peer, e->raw.size, rule && rule->sets_lane ? rule->lane : h->lane));
}

/* Of an area set that was divided, what the neighbour is given. */
static void put_parts(struct core *core, struct peer *peer, unsigned lane, const struct envelope *e, const struct origin *origin)
{
    for (size_t i = 0; i < core->set_parts_count; i++) {
        if (core->set_parts[i].peer != peer) continue;
        core->note.share = set_part_share(core, i);
        queue_append(core, peer, lane, e, origin);
    }
    core->note.share.size = 0;
}

static void to_neighbour(struct core *core, size_t target, const struct envelope *e, const struct origin *origin)
{
    struct peer *peer = core->targets[target];
    unsigned lane = lane_to(core, peer, e);
    explain_queued(core, target, peer->queues[lane].tail);
    if (core->split) put_parts(core, peer, lane, e, origin);
    else queue_append(core, peer, lane, e, origin);
    watch_message(core, 1, &e->header, peer, 0, 0);
}

static void to_targets(struct core *core, const struct envelope *e, const struct origin *origin)
{
    org_take(core, e, origin);
    core_batch(core)->urgent |= e->header.kind != QIAO_KIND_RECEIPT;
    for (size_t i = 0; i < core->targets_count; i++) {
        struct peer *peer = core->targets[i];
        if (!peer->member) {
            to_neighbour(core, i, e, origin);
        } else if (e->header.kind == QIAO_KIND_RECEIPT) {
            recv_receipt(core, peer, e, origin, false);
        } else {
            to_member(core, i, e, origin);
        }
    }
    explain_done(core);
    core->rerouted_from.size = 0;
}

void accept_held_back(struct core *core, const struct envelope *e, struct peer *member)
{
    if (route_envelope(core, e, NULL) != QIAO_CODE_OK || !core->targets[0]->member) return; /* it is no member any more */
    if (core->split) { /* others of this node may still have to wait */
        core->targets[0] = member;
        core->targets_count = 1;
    }
    explain_decide(core, NULL, e, QIAO_CODE_OK, true);
    core->out_of_order = true;
    to_targets(core, e, &origin_plain);
    core->out_of_order = false;
}

void accept_local(struct core *core, const struct envelope *e)
{
    unsigned code = route_envelope(core, e, NULL);
    if (code != QIAO_CODE_OK) {
        core->counters.lost_receipts++;
        quarantine_add(core, e->raw);
        core_trace(core, "%s x receipt has no way back: %s", core->node, qiao_code_name(code));
        return;
    }
    to_targets(core, e, &origin_own);
}

/* ---- from a node ---- */

static bool knows(struct core *core, const struct peer *peer, const struct envelope *e)
{
    uint32_t tag = source_tag(core->secret, &e->header);
    struct qiao_id whose = id_of_source(&e->header.id, tag);
    struct key key = key_destination(&e->header.id, peer->number, tag);
    uint8_t digest[FINGERPRINT_SIZE];
    struct message_record old;
    message_fingerprint(core->secret, &e->header, digest);
    return peer->member && look_up(core, &key, &whose, peer->number, digest, &old) != KNOWN_NEW;
}

/* A message that comes again gets its first answer again, also when it would now be too late or no longer be allowed. */
static bool came_before(struct core *core, const struct peer *from, const struct envelope *e)
{
    size_t kept = 0;
    if (route_envelope(core, e, from) != QIAO_CODE_OK) return false;
    for (size_t i = 0; i < core->targets_count; i++)
        if (knows(core, core->targets[i], e)) core->targets[kept++] = core->targets[i];
    if (kept == 0) return false;
    core->targets_count = kept;
    core->route_key.size = 0;
    return true;
}

/* The fault of this copy, not of the message, which may be well elsewhere: its sender is not told that it ended (proof/decider.h). A message
 * that nobody signed is what it is, and a sender whose node signs does not believe the answer. */
static bool is_of_the_copy(const struct envelope *e, unsigned code)
{
    bool bare = code == QIAO_CODE_UNSIGNED && e->proof.size == 0;
    return !bare && decider_of(QIAO_OUTCOME_REFUSED, code) == DECIDER_NOBODY;
}

static unsigned judge_on_arrival(struct core *core, struct peer *from, const struct header *h)
{
    unsigned code = ask_policy_on_arrival(core, h);
    if (code == QIAO_CODE_OK) code = ask_rules(core, from, h);
    return code == QIAO_CODE_OK ? rules_count_rate(core, h) : code;
}

/* Whom the message would be for: its destination may be a service, or another one took over. */
static const struct peer *member_here(struct core *core, const struct envelope *e)
{
    if (!route_is_here(core, e)) return NULL;
    bool routed = route_envelope(core, e, NULL) == QIAO_CODE_OK && core->targets_count == 1 && core->targets[0]->member;
    return routed ? core->targets[0] : route_member(core, e->header.destination.org);
}

static void end_for(struct core *core, const struct peer *member, const struct envelope *e, unsigned code)
{
    uint32_t tag = source_tag(core->secret, &e->header);
    struct message_record record = { .outcome = code == QIAO_CODE_EXPIRED ? QIAO_OUTCOME_EXPIRED : QIAO_OUTCOME_REFUSED, .code = (uint16_t)code, .at_ms = core->wall_ms };
    if (accept_has_record(core, member->number, &e->header.id, tag)) return;
    struct qiao_id whose = id_of_source(&e->header.id, tag);
    struct key key = key_destination(&e->header.id, member->number, tag);
    message_fingerprint(core->secret, &e->header, record.digest);
    put_destination(core, &key, &whose, member, &record);
    if (e->note.after.size == 0 || !must_wait(core, member, e, tag, true)) order_came(core, &whose, member->number);
}

/* A message that ends on arrival ends for good: another copy may come when the clock was set back, or policy has changed; and the next of
 * its case need not wait for it. */
static void end_here(struct core *core, const struct envelope *e, unsigned code)
{
    const struct peer *named = sets_is_here(e) ? NULL : member_here(core, e);
    for (size_t i = core->links_count; i < core->peers_count; i++)
        if (sets_is_here(e) || &core->peers[i] == named) end_for(core, &core->peers[i], e, code);
}

/* Neither outcomes nor messages of the register are. */
static bool may_be_held(const struct core *core, const struct header *h)
{
    return h->kind >= QIAO_KIND_PAYLOAD && (held_any(core) || (core->decision.rule && core->decision.rule->holds));
}

/* A message that was not judged here, since it may have copies, waits at most behind one of its case from the time when the federation was
 * not known to be a graph; if there is no room for it, it does not. */
static bool is_held(struct core *core, struct peer *from, const struct envelope *e, const struct origin *origin, bool judged, unsigned *code)
{
    unsigned full = QIAO_CODE_OK;
    if (*code != QIAO_CODE_OK || !may_be_held(core, &e->header) || came_before(core, from, e)) return false;
    return held_takes(core, e, origin, judged ? code : &full);
}

static void accept_from_node(struct core *core, struct peer *from, const struct envelope *e, const struct origin *origin, unsigned code)
{
    const struct header *h = &e->header;
    bool receipt = h->kind == QIAO_KIND_RECEIPT || is_notice(h);
    if (h->kind == QIAO_KIND_ATTACHMENT) {
        attach_message(core, from, e, origin, code);
        return;
    }
    if (code == QIAO_CODE_OK && e->hops >= QIAO_HOPS_MAX) code = QIAO_CODE_HOPS;
    bool aged = code == QIAO_CODE_STALE || code == QIAO_CODE_AHEAD;
    /* Of a message that may have copies only the destination's node says how it ended. */
    bool judged = (code == QIAO_CODE_OK || aged) && !receipt && (!e->note.shared || route_is_here(core, e));
    if (aged && !judged) code = QIAO_CODE_OK;
    if (judged && code == QIAO_CODE_OK && h->expires_at_ms && h->expires_at_ms <= core->wall_ms) code = QIAO_CODE_EXPIRED;
    core->decision = (struct rule_decision){ 0 };
    if (judged && code == QIAO_CODE_OK && !org_is_kind(h->kind)) code = judge_on_arrival(core, from, h);
    if (judged && code != QIAO_CODE_OK && came_before(core, from, e)) {
        to_targets(core, e, origin);
        return;
    }
    bool routed = code == QIAO_CODE_OK;
    if (routed) code = org_route(h, route_envelope(core, e, from));
    bool held = !receipt && is_held(core, from, e, origin, judged, &code);
    if (!receipt) explain_decide(core, from, e, code, routed);
    if (held) {
        explain_done(core);
        return;
    }
    if (code == QIAO_CODE_OK) {
        to_targets(core, e, origin);
        return;
    }
    if (receipt || !envelope_can_answer(e)) {
        core->counters.lost_receipts++;
        quarantine(core, from, e->raw, QIAO_CODE_MALFORMED, "it cannot be decoded or answered");
        return;
    }
    if (is_of_the_copy(e, code)) {
        quarantine(core, from, e->raw, code, qiao_code_text(code));
        return;
    }
    /* What is too old for one copy is so for all, and how it ended once may be forgotten by now: no second ending is noted. */
    if (e->note.shared && code != QIAO_CODE_STALE) end_here(core, e, code);
    refuse_message(core, e, h->source.raw, code == QIAO_CODE_EXPIRED ? QIAO_OUTCOME_EXPIRED : QIAO_OUTCOME_REFUSED, code, false);
}

/* ---- from a member: this node is the origin ---- */

static unsigned check_origin(struct core *core, struct peer *from, const struct envelope *e, const struct origin *origin)
{
    const struct header *h = &e->header;
    uint8_t digest[32];
    if (!qiao_bytes_equal(h->source.area, qiao_bytes_from_string(core->area)) || !qiao_bytes_equal(h->source.org, qiao_bytes_from_string(from->name))) return QIAO_CODE_SOURCE;
    if (e->hops > 0 || transit_note_any(&e->note)) return QIAO_CODE_SOURCE; /* what nodes write for one another */
    if (h->source.service.size > 0) return QIAO_CODE_SOURCE; /* a service can be asked, but cannot be answered */
    if (h->kind < QIAO_KIND_PAYLOAD && !org_is_kind(h->kind)) return QIAO_CODE_NOT_ALLOWED; /* kinds of the bus itself */
    /* This node is about to sign it: a proof that nobody checked would stand in the middle of its group and break it. */
    if (core_signs(core) && origin->form == ORIGIN_OWN && e->proof.size > 0) return QIAO_CODE_SIGNATURE;
    if (h->body_digest.size == 0 && e->body.size > 0) return QIAO_CODE_DIGEST;
    if (h->body_digest.size > 0) {
        seal_digest(core->config.seal, (enum seal_suite)h->digest_suite, e->body, digest);
        if (memcmp(digest, h->body_digest.data, sizeof digest) != 0) return QIAO_CODE_DIGEST;
    }
    if (h->privacy == QIAO_PRIVACY_SEALED && !sealed_looks_sealed(e->body)) return QIAO_CODE_PLAINTEXT_SEALED;
    struct qiao_bytes root;
    if (address_is_set(&h->destination, &root) && h->kind != QIAO_KIND_BULLETIN && h->privacy != QIAO_PRIVACY_PUBLIC) return QIAO_CODE_WILDCARD;
    if (h->expires_at_ms && h->expires_at_ms <= core->wall_ms) return QIAO_CODE_EXPIRED;
    if (h->redirected_from.raw.size > 0) return QIAO_CODE_NOT_ALLOWED; /* only nodes redirect */
    unsigned code = org_check(core, from, e);
    return code == QIAO_CODE_OK ? attach_check(core, from, h) : code;
}

/* No mistake of a member's office, but of its adapter, or no mistake at all. */
static bool is_suspicious(unsigned code)
{
    return code == QIAO_CODE_SOURCE || code == QIAO_CODE_NOT_ALLOWED || code == QIAO_CODE_SIGNATURE || code == QIAO_CODE_DIGEST;
}

/* An exercise or a test for a member of this node that takes none. */
static bool is_drill_for_nobody(const struct core *core, const struct header *h)
{
    struct qiao_bytes root;
    if (h->status == QIAO_STATUS_ACTUAL || address_is_set(&h->destination, &root)) return false;
    return core->targets_count == 1 && core->targets[0]->member && !core->targets[0]->drills;
}

/* Rules come before policy, which so judges what really goes; a rule's rate last, since what is refused uses up none. Messages of the
 * register are neither's. dry: no rate is used up. *ret_routed: the answer is the table's, not of who was asked before or behind it. */
static unsigned judge_sound(struct core *core, struct peer *from, struct envelope *e, const struct origin *origin, bool dry, bool *ret_routed)
{
    bool judged = !org_is_kind(e->header.kind);
    unsigned code = judged ? ask_rules(core, from, &e->header) : QIAO_CODE_OK;
    if (code == QIAO_CODE_OK && judged) code = rules_redirect(core, e, origin);
    if (code == QIAO_CODE_OK && judged) code = ask_policy(core, from, &e->header, dry);
    *ret_routed = code == QIAO_CODE_OK;
    if (code == QIAO_CODE_OK) code = route_envelope(core, e, from);
    if (code != QIAO_CODE_OK) return code;
    if (is_drill_for_nobody(core, &e->header)) code = QIAO_CODE_DRILL;
    if (code == QIAO_CODE_OK && judged && !dry) code = rules_count_rate(core, &e->header);
    *ret_routed = code == QIAO_CODE_OK;
    return code;
}

static unsigned judge_from_member(struct core *core, struct peer *from, struct envelope *e, const struct origin *origin, bool *ret_routed)
{
    unsigned code = check_origin(core, from, e, origin);
    if (is_suspicious(code)) core_notice(core, "message refused", from->name, code, qiao_code_text(code));
    return code == QIAO_CODE_OK ? judge_sound(core, from, e, origin, false, ret_routed) : code;
}

unsigned accept_dry(struct core *core, struct peer *from, struct envelope *e, bool *ret_routed)
{
    unsigned code = QIAO_CODE_OK;
    core->policy_place = (struct rule_place){ 0 };
    core->decision = (struct rule_decision){ 0 };
    *ret_routed = false;
    if (from->member) return judge_sound(core, from, e, &origin_own, true, ret_routed);
    if (!org_is_kind(e->header.kind)) code = ask_policy_on_arrival(core, &e->header);
    if (code == QIAO_CODE_OK && !org_is_kind(e->header.kind)) code = ask_rules(core, from, &e->header);
    *ret_routed = code == QIAO_CODE_OK;
    return code == QIAO_CODE_OK ? org_route(&e->header, route_envelope(core, e, from)) : code;
}

/* What the origin must know later to believe an outcome, and to prove what it sent. */
static void remember_evidence(const struct core *core, const struct envelope *e, const struct origin *origin, struct message_record *record)
{
    if (!core_signs(core)) return;
    bool same = origin->form == ORIGIN_OWN && core->config.seal->suite == SEAL_SUITE_INT1 && core->own_place.number != 0;
    if (same) memcpy(record->leaf, core->own_leaf.bytes, LEAF_SIZE); /* SHA-256 as well */
    else outcome_leaf(core, e->header_bytes, record->leaf);
    record->area_hash = hash_of_area(core->rerouted_to.size ? core->rerouted_to : e->header.destination.area);
    if (origin->form != ORIGIN_OWN) return;
    record->evidence = core->own_place.number;
    record->evidence_index = core->own_place.index;
}

/* A copy is a message of this node's making, with an id, a destination and an outcome of its own; policy is asked about it, rules are not. */
static void accept_copy(struct core *core, struct peer *from, const struct envelope *e)
{
    const struct header *h = &e->header;
    struct key key = key_origin(&h->id);
    struct message_record record = { .peer = from->number, .flags = RECORD_COPY, .at_ms = core->wall_ms };
    message_fingerprint(core->secret, h, record.digest);
    unsigned code = ask_policy(core, from, h, false);
    bool routed = code == QIAO_CODE_OK;
    if (routed) code = route_envelope(core, e, from);
    if (code == QIAO_CODE_OK && is_drill_for_nobody(core, h)) {
        code = QIAO_CODE_DRILL;
        routed = false;
    }
    explain_decide(core, from, e, code, routed);
    core->own_place = (struct own_place){ 0 };
    if (code == QIAO_CODE_OK) {
        put_case_entry(core, e, true);
        attach_sent(core, from, h);
        to_targets(core, e, &origin_own);
    } else {
        record.outcome = QIAO_OUTCOME_REFUSED;
        record.code = (uint16_t)code;
        core->counters.outcomes[QIAO_OUTCOME_REFUSED]++;
        audit_add(core, &(struct audit_entry){ .kind = AUDIT_ENDED, .id = &h->id, .first = QIAO_OUTCOME_REFUSED, .code = code });
        core_notice(core, "copy refused", from->name, code, qiao_code_text(code));
    }
    remember_evidence(core, e, &origin_own, &record);
    put_record(core, &key, &record);
}

static void make_copies(struct core *core, struct peer *from, const struct envelope *e)
{
    buf_auto raw = { 0 };
    struct envelope copy;
    for (size_t i = 0; rules_copy(core, e, i, &raw, &copy); i++)
        if (copy.raw.size > 0) accept_copy(core, from, &copy);
}

/* 'm': what a member signed itself, header and proof as an envelope without a body. */
static void keep_own_words(struct core *core, const struct envelope *e, const struct origin *origin)
{
    buf_auto value = { 0 };
    struct key key = key_origin(&e->header.id);
    if (!origin->batch || !core_signs(core)) return;
    const struct group_unit *unit = &origin->batch->units[origin->batch->messages[origin->message].unit];
    if (unit->proof.suite == SEAL_SUITE_NONE) return;
    key.bytes[0] = 'm';
    pb_put_bytes(&value, 1, e->header_bytes);
    if (unit->whole) group_put_single(&value, origin->batch, origin->message);
    else pb_put_bytes(&value, 3, e->proof);
    batch_put(core, &key, buf_bytes(&value));
}

static void accept_from_member(struct core *core, struct peer *from, struct envelope *e, const struct origin *origin, unsigned code)
{
    const struct header *h = &e->header;
    struct key key = key_origin(&h->id);
    struct qiao_bytes root;
    struct message_record record = { .peer = from->number, .at_ms = core->wall_ms }, old;
    message_fingerprint(core->secret, &e->header, record.digest);
    enum known known = look_up(core, &key, &h->id, ORIGIN_NUMBER, record.digest, &old);
    /* Another member's id is nobody else's business: not even how it ended. */
    if (known == KNOWN_ENDED && old.peer != from->number) known = KNOWN_CONFLICT;
    if (known != KNOWN_NEW) {
        core->counters.duplicates++;
        if (known == KNOWN_ENDED) answer_again(core, e, own_recipient(e), &old, true);
        if (known == KNOWN_CONFLICT) refuse_message(core, e, buf_bytes(&from->address), QIAO_OUTCOME_REFUSED, QIAO_CODE_CONFLICT, true);
        return;
    }
    core->counters.accepted++;
    id_set_add(&core_batch(core)->seen, &h->id, ORIGIN_NUMBER, record.digest);
    bool routed = false;
    if (code == QIAO_CODE_OK) code = judge_from_member(core, from, e, origin, &routed);
    bool held = code == QIAO_CODE_OK && may_be_held(core, h) && held_takes(core, e, origin, &code);
    explain_decide(core, from, e, code, routed);
    if (held) explain_done(core);
    if (code != QIAO_CODE_OK) {
        record.outcome = code == QIAO_CODE_EXPIRED ? QIAO_OUTCOME_EXPIRED : QIAO_OUTCOME_REFUSED;
        record.code = (uint16_t)code;
        core->counters.outcomes[record.outcome]++;
        refuse_message(core, e, buf_bytes(&from->address), record.outcome, code, true);
    } else {
        if (address_is_set(&h->destination, &root)) record.flags |= RECORD_SET;
        if (h->destination.service.size > 0) record.flags |= RECORD_SERVICE;
        watch_message(core, 0, h, from, 0, 0);
        put_case_entry(core, e, true);
    }
    core->own_place = (struct own_place){ 0 };
    if (code == QIAO_CODE_OK) attach_sent(core, from, h);
    if (code == QIAO_CODE_OK && !held) order_begin(core, from, e);
    if (code == QIAO_CODE_OK && !held) to_targets(core, e, origin);
    if (code == QIAO_CODE_OK) keep_own_words(core, e, origin);
    remember_evidence(core, e, origin, &record); /* of a held one too: nobody else says how it ended */
    put_record(core, &key, &record);
    if (code == QIAO_CODE_OK && !held && core->decision.rule) make_copies(core, from, e);
}

/* ---- what was held ---- */

void refuse_held(struct core *core, const struct envelope *e, unsigned status, unsigned code)
{
    if (e->note.shared) end_here(core, e, code);
    refuse_message(core, e, e->header.source.raw, status, code, false);
}

/* Only now it is signed, or goes out under its sender's signature. */
static void settle_evidence(struct core *core, const struct envelope *e, const struct origin *origin)
{
    struct key key = key_origin(&e->header.id);
    struct qiao_bytes value;
    struct message_record record;
    if (!store_get(core->store, key_bytes(&key), &value) || !record_read(value, &record) || record.outcome != QIAO_OUTCOME_NONE) return;
    remember_evidence(core, e, origin, &record);
    put_record(core, &key, &record);
}

/* The member of this node that sent it, whoever signed it; NULL: it came from a node. */
static struct peer *sender_here(struct core *core, const struct envelope *e)
{
    bool here = e->hops == 0 && qiao_bytes_equal(e->header.source.area, qiao_bytes_from_string(core->area));
    return here ? route_member(core, e->header.source.org) : NULL;
}

void accept_released(struct core *core, const struct envelope *e, bool own)
{
    struct group_batch batch;
    buf_auto entry = { 0 };
    unsigned code = route_envelope(core, e, NULL);
    if (code != QIAO_CODE_OK) {
        refuse_held(core, e, QIAO_OUTCOME_REFUSED, code);
        return;
    }
    core->own_place = (struct own_place){ 0 };
    core->decision = (struct rule_decision){ 0 };
    core->policy_place = (struct rule_place){ 0 };
    const struct peer *sender = sender_here(core, e);
    explain_decide(core, sender, e, code, true);
    pb_put_bytes(&entry, 1, e->raw);
    bool single = !own && core_checks(core) && group_open(core->config.seal, buf_bytes(&entry), 1, false, &batch);
    struct origin origin = single ? (struct origin){ .form = ORIGIN_SINGLE, .batch = &batch } : own ? origin_own : origin_plain;
    if (sender) order_begin(core, sender, e);
    to_targets(core, e, &origin);
    settle_evidence(core, e, &origin);
    if (single) group_batch_deinit(&batch);
}

static bool is_divided(const struct envelope *e)
{
    struct qiao_bytes root;
    return e->note.share.size > 0 && address_is_set(&e->header.destination, &root) && !sets_is_here(e);
}

static void give_on(struct core *core, struct peer *from, const struct envelope *e, const struct origin *origin)
{
    size_t kept = 0;
    for (size_t i = 0; i < core->targets_count; i++)
        if (!core->targets[i]->member) core->targets[kept++] = core->targets[i];
    core->targets_count = kept;
    core->set_here = false;
    if (kept == 0) return;
    core->decision = (struct rule_decision){ 0 };
    explain_decide(core, from, e, QIAO_CODE_OK, true);
    to_targets(core, e, origin);
}

/* What others are given of an area set goes on, whatever this node thinks of the message: it decides only about its own members. */
static void accept_part(struct core *core, struct peer *from, const struct envelope *e, const struct origin *origin, unsigned code)
{
    buf_auto raw = { 0 };
    struct envelope own = *e;
    bool travels = (code == QIAO_CODE_OK || code == QIAO_CODE_STALE || code == QIAO_CODE_AHEAD) && e->hops < QIAO_HOPS_MAX;
    if (travels && route_envelope(core, e, from) == QIAO_CODE_OK) {
        bool here = core->targets[core->targets_count - 1]->member || (core->set_here && org_is_kind(e->header.kind));
        give_on(core, from, e, origin);
        if (!here) return;
        sets_write_here(core, e, &raw);
        if (envelope_open(buf_bytes(&raw), &own) != QIAO_CODE_OK) return;
    }
    accept_from_node(core, from, &own, origin, code);
}

static void accept(struct core *core, struct peer *from, struct qiao_bytes raw, const struct origin *origin, unsigned checked)
{
    struct envelope e;
    unsigned code = envelope_open(raw, &e);
    if (code == QIAO_CODE_MALFORMED) {
        quarantine(core, from, raw, code, "it cannot be decoded or answered");
        return;
    }
    core->policy_place = (struct rule_place){ 0 };
    core->decision = (struct rule_decision){ 0 };
    if (code == QIAO_CODE_OK) code = checked;
    if (code == QIAO_CODE_OK && e.header.kind >= QIAO_KIND_PAYLOAD) kept_add(core, from, &e);
    if (checked != QIAO_CODE_OK) core_notice(core, "message refused", from->name, checked, qiao_code_text(checked));
    if (from->member) accept_from_member(core, from, &e, origin, code);
    else if (is_divided(&e)) accept_part(core, from, &e, origin, code);
    else accept_from_node(core, from, &e, origin, code);
}

/* Credit is taken back when the store runs full. What was granted before is on its way and still taken; who sends on regardless would
 * fill the memory while batches wait for room. */
static bool exceeds_grant(const struct core *core, struct connection *c, size_t size)
{
    uint64_t granted = QIAO_LANES * (core->config.link_window_bytes + QIAO_FRAME_SIZE_MAX);
    c->busy_bytes += size;
    return c->busy_bytes > (c->granted ? granted : 0);
}

static void taken(struct core *core, struct connection *c, const struct batch_view *batch)
{
    uint64_t last = batch->first_sequence + batch->count - 1;
    core_trace(core, "%s < %s: lane %u messages %llu-%llu", core->node, c->peer->name, batch->lane, (unsigned long long)batch->first_sequence, (unsigned long long)last);
    audit_taken(core, c, batch->lane, last);
    c->stream->received[batch->lane] = last;
    c->stream->dirty[batch->lane] = true;
    core_batch(core)->bytes += 1;
}

/* ---- batches whose signatures were checked ---- */

/* A signature is good for a while: so long duplicates are recognised, and what is older is not taken as new (README.md). */
static unsigned check_age(const struct core *core, const struct group_unit *unit)
{
    const struct core_config *c = &core->config;
    uint64_t at_ms = unit->proof.signed_at_ms;
    if (unit->code != QIAO_CODE_OK || unit->proof.suite == SEAL_SUITE_NONE) return QIAO_CODE_OK;
    if (c->signed_age_ms_max && at_ms < core->wall_ms && core->wall_ms - at_ms > c->signed_age_ms_max) return QIAO_CODE_STALE;
    return c->signed_ahead_ms_max && at_ms > core->wall_ms && at_ms - core->wall_ms > c->signed_ahead_ms_max ? QIAO_CODE_AHEAD : QIAO_CODE_OK;
}

/* Outcomes may be late: each is taken once, whenever it comes. */
static unsigned code_of(const struct group_message *m, unsigned age)
{
    return m->code == QIAO_CODE_OK && m->kind != QIAO_KIND_RECEIPT ? age : m->code;
}

/* Where ways may change, messages to one destination can still part: one was here before, or was resolved elsewhere. */
static bool may_part_ways(const struct core *core, const struct group_batch *batch, const struct group_unit *unit)
{
    struct envelope e;
    bool shared = false;
    for (uint32_t i = unit->first; core->graph && i < unit->first + unit->count; i++) {
        if (envelope_open(batch->messages[i].raw, &e) != QIAO_CODE_OK || e.header.destination.service.size > 0) return true;
        if (i == unit->first) shared = e.note.shared;
        if (e.note.shared != shared || envelope_passed(e.raw, qiao_bytes_from_string(core->node), NULL)) return true;
    }
    return false;
}

/* It may be divided among several. */
static bool is_shared_out(const struct group_batch *batch, const struct group_unit *unit)
{
    struct envelope e;
    return envelope_open(batch->messages[unit->first].raw, &e) == QIAO_CODE_OK && e.note.share.size > 0;
}

/* What was taken before is skipped: of a node whole units, of a member whose outbox makes its groups anew also parts of one. */
static void take_unit(struct core *core, struct peer *from, const struct group_batch *batch, const struct group_unit *unit, uint32_t skip)
{
    unsigned age = check_age(core, unit);
    bool fits = unit->bytes <= QIAO_ENVELOPE_SIZE_MAX; /* a frame, behind others */
    /* Of a member's group some may be duplicates, or not allowed: each message goes its own way. */
    bool whole = unit->one_way && fits && core_signs(core) && !from->member && age == QIAO_CODE_OK;
    whole = whole && !drain_parts(core, unit->count) && !rules_may_part(core, from, batch, unit) && !areas_may_part(core, batch, unit) && !may_part_ways(core, batch, unit);
    whole = whole && !is_shared_out(batch, unit);
    struct origin origin = { .form = whole ? ORIGIN_WHOLE : ORIGIN_SINGLE, .batch = batch, .from = from };
    for (uint32_t i = unit->first > skip ? unit->first : skip; i < unit->first + unit->count; i++) {
        const struct group_message *m = &batch->messages[i];
        origin.message = i;
        if (m->raw.size > 0) accept(core, from, m->raw, &origin, code_of(m, age));
    }
}

void recv_checked(struct core *core, struct connection *c, const struct core_job *job)
{
    const struct link_event *event = job_event(job);
    const struct group_batch *batch = job_batch(job);
    if (!batch) {
        connection_drop(core, c, QIAO_CODE_FRAME_BODY, "a signed group of messages is not whole");
        return;
    }
    for (uint32_t i = 0; i < batch->units_count; i++) {
        const struct group_unit *unit = &batch->units[i];
        bool in_the_middle = unit->first < event->skip && unit->first + unit->count > event->skip;
        if (in_the_middle && !c->peer->member) {
            connection_drop(core, c, QIAO_CODE_LINK_SEQUENCE, "goes on in the middle of a signed group");
            return;
        }
        if (unit->first >= event->skip || in_the_middle) take_unit(core, c->peer, batch, unit, event->skip);
    }
    if (custody_is_on(core, c)) custody_received(core, c, event->batch.lane, batch, event->skip);
    taken(core, c, &event->batch);
}

static bool is_checked(const struct core *core, const struct connection *c)
{
    return core_checks(core) && (!c->peer->member || c->link.peer_suite != SEAL_SUITE_NONE);
}

void recv_batch(struct core *core, struct connection *c, const struct link_event *event)
{
    const struct batch_view *batch = &event->batch;
    struct stream *stream = c->stream;
    if (!c->peer) {
        connection_drop(core, c, QIAO_CODE_NOT_ALLOWED, "only members and nodes send messages");
        return;
    }
    if (core->busy && exceeds_grant(core, c, batch->payload.size)) {
        connection_drop(core, c, QIAO_CODE_LINK_CREDIT, qiao_code_text(QIAO_CODE_LINK_CREDIT));
        return;
    }
    if (event->skip == batch->count) { /* all of it came before: say so again, as far as it is on disk */
        uint64_t ack[LINK_LANES] = { 0 };
        ack[batch->lane] = stream->durable[batch->lane];
        bool custody = custody_is_on(core, c);
        c->custody_due[batch->lane] = custody && ack[batch->lane] > 0;
        if (custody) custody_stored(core, c);
        else if (ack[batch->lane]) link_send_ack(&c->link, ack, false, core->busy ? QIAO_CODE_BUSY : 0, core->now_ms, connection_out(core, c));
        return;
    }
    if (is_checked(core, c)) {
        jobs_check(core, c, event);
        return;
    }
    struct pb_reader r = pb_reader(batch->payload);
    struct qiao_bytes raw;
    const struct origin *origin = c->peer->member ? &origin_own : &origin_plain;
    for (uint32_t i = 0; run_next(&r, &raw); i++)
        if (i >= event->skip && raw.size > 0) accept(core, c->peer, raw, origin, QIAO_CODE_OK);
    taken(core, c, batch);
}
