#include "proof/dossier.h"

#include "proof/decider.h"
#include "proof/dossier_parts.h"
#include "proof/group.h"

#include <qiao/kind.h>
#include <stdio.h>

/* As in qiao/client.h, enum qiao_outcome. */
enum { OUTCOME_NONE, OUTCOME_ACCEPTED, OUTCOME_REFUSED, OUTCOME_EXPIRED, OUTCOME_DEAD };

static const struct { const char *name, *text; } reasons[] = {
#define X(name, text) { #name, text },
    DOSSIER_REASON_MAP(X)
#undef X
};

const char *dossier_reason_name(enum dossier_reason reason) { return reasons[reason].name; }
const char *dossier_reason_text(enum dossier_reason reason) { return reasons[reason].text; }

struct checking {
    const struct seal *seal;
    const struct dossier_options *options;
    const struct dossier_parts *parts;
    struct dossier_verdict *verdict;
    struct header header;          /* of the message, borrows from parts */
    struct merkle_hash leaf, root; /* by the origin's suite */
    uint8_t name[SEAL_DIGEST_SIZE]; /* by which outcomes call it: the SHA-256 leaf */
};

/* What outcomes hold of the SHA-256 leaf (receipt.proto). */
#define OUTCOME_LEAF_SIZE 16u

static enum dossier_reason at(struct checking *c, const char *where, unsigned number, enum dossier_reason reason)
{
    if (number > 0) snprintf(c->verdict->where, sizeof c->verdict->where, "%s %u", where, number);
    else snprintf(c->verdict->where, sizeof c->verdict->where, "%s", where);
    return reason;
}

/* ---- keys ---- */

static bool has_certificate(const struct checking *c, struct qiao_bytes key_id)
{
    for (unsigned i = 0; i < c->parts->certificates_count; i++) {
        uint8_t digest[SEAL_DIGEST_SIZE];
        seal_digest(c->seal, SEAL_SUITE_INT1, c->parts->certificates[i], digest);
        if (memcmp(digest, key_id.data, SEAL_KEY_ID_SIZE) == 0) return true;
    }
    return false;
}

static enum dossier_reason check_signature(const struct checking *c, uint64_t suite, struct qiao_bytes key_id, uint64_t at_ms, struct qiao_bytes statement,
                                           struct qiao_bytes signature, struct seal_identity *ret_signer)
{
    static const struct { unsigned code; enum dossier_reason reason; } rows[] = {
        { QIAO_CODE_OK, DOSSIER_GOOD },
        { QIAO_CODE_UNKNOWN_KEY, DOSSIER_UNKNOWN_KEY },
        { QIAO_CODE_KEY_EXPIRED, DOSSIER_KEY_EXPIRED },
        { QIAO_CODE_KEY_REVOKED, DOSSIER_KEY_REVOKED },
        { QIAO_CODE_SUITE, DOSSIER_UNKNOWN_SUITE },
    };
    struct seal_key_id id;
    if (key_id.size != SEAL_KEY_ID_SIZE || !has_certificate(c, key_id)) return DOSSIER_WRONG_REFERENCE;
    memcpy(id.bytes, key_id.data, SEAL_KEY_ID_SIZE);
    unsigned code = c->seal->verify(c->seal->context, (enum seal_suite)suite, &id, at_ms, statement, signature, ret_signer);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].code == code) return rows[i].reason;
    return DOSSIER_BAD_SIGNATURE;
}

/* ---- headers ---- */

/* The header opened as an envelope without a body; envelope borrows from raw. */
static bool open_header(struct qiao_bytes header, struct buf *raw, struct envelope *ret_envelope)
{
    pb_put_bytes(raw, 1, header);
    unsigned code = envelope_open(buf_bytes(raw), ret_envelope);
    return code == QIAO_CODE_OK || code == QIAO_CODE_DIGEST; /* the body is elsewhere */
}

static enum dossier_reason check_signed(struct checking *c, const struct signed_header *s, struct merkle_hash *ret_leaf, struct merkle_hash *ret_root, struct seal_identity *ret_signer)
{
    uint8_t statement[PROOF_STATEMENT_SIZE];
    if (s->suite == SEAL_SUITE_NONE || s->signature.size == 0) return DOSSIER_MISSING_SIGNATURE;
    if (s->suite >= SEAL_SUITES) return DOSSIER_UNKNOWN_SUITE;
    enum seal_suite suite = (enum seal_suite)s->suite;
    merkle_leaf(c->seal, suite, s->header, ret_leaf);
    if (memcmp(ret_leaf->bytes, s->leaf.data, SEAL_DIGEST_SIZE) != 0) return DOSSIER_MODIFIED_DIGEST;
    if (!merkle_root_of_path(c->seal, suite, ret_leaf, s->leaf_index, s->group_size, s->path[0], s->path_count, SEAL_DIGEST_SIZE, ret_root)) return DOSSIER_MODIFIED_PATH;
    if (memcmp(ret_root->bytes, s->root.data, SEAL_DIGEST_SIZE) != 0) return DOSSIER_MODIFIED_PATH;
    proof_statement(statement, suite, s->signed_at_ms, (uint32_t)s->group_size, ret_root);
    return check_signature(c, suite, s->key_id, s->signed_at_ms, qiao_bytes(statement, sizeof statement), s->signature, ret_signer);
}

static bool is_body_of(const struct checking *c, struct qiao_bytes body, const struct header *h)
{
    uint8_t digest[SEAL_DIGEST_SIZE];
    if (h->body_digest.size == 0 || h->body_size != body.size) return h->body_digest.size == 0 && body.size == 0;
    seal_digest(c->seal, SEAL_SUITE_NONE, body, digest);
    return memcmp(digest, h->body_digest.data, SEAL_DIGEST_SIZE) == 0;
}

static void format_address(const struct address *a, char text[QIAO_ADDRESS_SIZE_MAX + 1])
{
    if (a->service.size > 0) {
        snprintf(text, QIAO_ADDRESS_SIZE_MAX + 1, "svc:%.*s", (int)a->service.size, (const char *)a->service.data);
        return;
    }
    snprintf(text, QIAO_ADDRESS_SIZE_MAX + 1, "%.*s%s%.*s%s%.*s", (int)a->area.size, (const char *)a->area.data, a->org.size ? "/" : "", (int)a->org.size,
             a->org.size ? (const char *)a->org.data : "", a->seat.size ? "#" : "", (int)a->seat.size, a->seat.size ? (const char *)a->seat.data : "");
}

static enum dossier_reason check_origin(struct checking *c, struct buf *raw)
{
    struct dossier_verdict *v = c->verdict;
    const struct signed_header *s = &c->parts->origin;
    struct envelope e;
    enum dossier_reason reason = check_signed(c, s, &c->leaf, &c->root, &v->signer);
    if (reason != DOSSIER_GOOD) return reason;
    if (!open_header(s->header, raw, &e)) return DOSSIER_UNREADABLE;
    c->header = e.header;
    if (memcmp(&e.header.id, &v->id, sizeof v->id) != 0) return DOSSIER_WRONG_REFERENCE;
    if (!group_may_speak(&v->signer, e.header.kind, e.header.source.area, e.header.source.org)) return DOSSIER_NOT_ENTITLED;
    if (c->options->body && !is_body_of(c, *c->options->body, &e.header)) return DOSSIER_MODIFIED_DIGEST;
    struct merkle_hash name;
    merkle_leaf(c->seal, SEAL_SUITE_NONE, s->header, &name);
    memcpy(c->name, name.bytes, sizeof c->name);
    v->is_sent = true;
    v->kind = e.header.kind;
    v->sent_at_ms = e.header.sent_at_ms;
    v->signed_at_ms = s->signed_at_ms;
    if (e.header.body_digest.size == SEAL_DIGEST_SIZE) memcpy(v->body_digest, e.header.body_digest.data, SEAL_DIGEST_SIZE);
    format_address(&e.header.source, v->source);
    format_address(&e.header.destination, v->destination);
    return DOSSIER_GOOD;
}

static bool is_before_sending(const struct checking *c, uint64_t at_ms)
{
    return at_ms < c->verdict->signed_at_ms && c->verdict->signed_at_ms - at_ms > c->options->clock_skew_ms;
}

/* ---- custody ---- */

/* The first unit holds the message, alone or with all of its group. */
static bool holds_message(const struct checking *c, const struct custody_part_unit *unit)
{
    bool alone = unit->count == 1 && memcmp(&unit->hash, &c->leaf, sizeof unit->hash) == 0;
    return alone || (unit->count == c->parts->origin.group_size && memcmp(&unit->hash, &c->root, sizeof unit->hash) == 0);
}

static enum dossier_reason check_chain(const struct checking *c, const struct custody_part *p)
{
    struct pb_reader r = pb_reader(p->raw);
    struct custody_part_unit unit;
    struct merkle_hash chain;
    uint64_t messages = 0;
    bool sound = true;
    memcpy(chain.bytes, p->chain_before.data, SEAL_DIGEST_SIZE);
    while (dossier_next_unit(&r, &unit, &sound)) {
        if (!sound) return DOSSIER_UNREADABLE;
        if (messages == 0 && !holds_message(c, &unit)) return DOSSIER_OTHER_MESSAGE;
        custody_chain_add(c->seal, (enum seal_suite)p->suite, &chain, unit.count, &unit.hash);
        messages += unit.count;
    }
    if (messages == 0) return DOSSIER_OTHER_MESSAGE;
    return messages <= p->sequence && memcmp(chain.bytes, p->chain.data, SEAL_DIGEST_SIZE) == 0 ? DOSSIER_GOOD : DOSSIER_MODIFIED_CHAIN;
}

static void copy_name(struct qiao_bytes name, char out[QIAO_NAME_SIZE_MAX + 1])
{
    if (name.size > 0) memcpy(out, name.data, name.size);
    out[name.size] = '\0';
}

static enum dossier_reason check_hop(struct checking *c, const struct custody_part *p, struct dossier_hop *hop)
{
    char sender[QIAO_NAME_SIZE_MAX + 1];
    struct seal_identity signer;
    buf_auto words = { 0 };
    if (p->suite == SEAL_SUITE_NONE || p->signature.size == 0) return DOSSIER_UNSIGNED_CHAIN;
    if (p->suite >= SEAL_SUITES) return DOSSIER_UNKNOWN_SUITE;
    enum dossier_reason reason = check_chain(c, p);
    if (reason != DOSSIER_GOOD) return reason;
    copy_name(p->receiver, hop->receiver);
    copy_name(p->sender, sender);
    hop->at_ms = p->at_ms;
    struct custody custody = { .receiver = hop->receiver, .sender = sender, .lane = (unsigned)p->lane, .sequence = p->sequence, .at_ms = p->at_ms, .audit_size = p->audit_size };
    memcpy(custody.chain.bytes, p->chain.data, SEAL_DIGEST_SIZE);
    memcpy(custody.audit_root.bytes, p->audit_root.data, SEAL_DIGEST_SIZE);
    custody_statement(&words, (enum seal_suite)p->suite, &custody);
    reason = check_signature(c, p->suite, p->key_id, p->at_ms, buf_bytes(&words), p->signature, &signer);
    if (reason != DOSSIER_GOOD) return reason;
    if (signer.member || strcmp(signer.name, hop->receiver) != 0) return DOSSIER_NOT_ENTITLED;
    return is_before_sending(c, p->at_ms) ? DOSSIER_TIME_REVERSED : DOSSIER_GOOD;
}

static enum dossier_reason check_custody(struct checking *c)
{
    for (unsigned i = 0; i < c->parts->custody_count; i++) {
        enum dossier_reason reason = check_hop(c, &c->parts->custody[i], &c->verdict->hops[i]);
        if (reason != DOSSIER_GOOD) return at(c, "custody", i + 1, reason);
        c->verdict->hops_count = i + 1;
    }
    return DOSSIER_GOOD;
}

/* Whether all hops make one way from its start, in whatever order they stand. */
static bool connect_somehow(const struct dossier_parts *p, struct qiao_bytes from)
{
    bool used[QIAO_HOPS_MAX] = { false };
    for (unsigned step = 0; step < p->custody_count; step++) {
        unsigned i = 0;
        while (i < p->custody_count && (used[i] || !qiao_bytes_equal(p->custody[i].sender, from))) i++;
        if (i == p->custody_count) return false;
        used[i] = true;
        from = p->custody[i].receiver;
    }
    return true;
}

/* Sender to receiver to receiver … A member that signs for itself hands its messages to the node of its area, which is nowhere named
 * but in the first hop. */
static enum dossier_reason check_way(struct checking *c)
{
    const struct dossier_parts *p = c->parts;
    const char *signer = c->verdict->signer.name;
    if (p->custody_count == 0) return DOSSIER_GOOD;
    struct qiao_bytes start = c->verdict->signer.member ? p->custody[0].sender : qiao_bytes_from_string(signer), from = start;
    for (unsigned i = 0; i < p->custody_count; i++) {
        bool connects = qiao_bytes_equal(p->custody[i].sender, from);
        if (!connects) return at(c, "custody", i + 1, connect_somehow(p, start) ? DOSSIER_HOPS_REORDERED : DOSSIER_HOP_REMOVED);
        from = p->custody[i].receiver;
    }
    return DOSSIER_GOOD;
}

/* ---- outcome ---- */

/* Who had it last decided. */
static bool is_last(const struct checking *c)
{
    const struct dossier_verdict *v = c->verdict;
    if (v->hops_count > 0) return strcmp(v->hops[v->hops_count - 1].receiver, v->decider.name) == 0;
    return v->signer.member ? strcmp(v->signer.area, v->decider.area) == 0 : strcmp(v->signer.name, v->decider.name) == 0;
}

/* The node of the area in the header, or of one that took over. */
static bool is_destination(const struct checking *c, struct qiao_bytes area, struct qiao_bytes decider_area)
{
    const struct dossier_options *options = c->options;
    return qiao_bytes_equal(area, decider_area) || (options->took_over && options->took_over(options->took_over_context, area, decider_area));
}

static enum dossier_reason check_outcome(struct checking *c)
{
    struct dossier_verdict *v = c->verdict;
    const struct signed_header *s = &c->parts->receipt;
    struct merkle_hash leaf, root;
    struct outcome_part o;
    struct envelope e;
    buf_auto raw = { 0 };
    enum dossier_reason reason = check_signed(c, s, &leaf, &root, &v->decider);
    if (reason != DOSSIER_GOOD) return reason;
    struct qiao_bytes wanted = qiao_bytes(c->name, v->is_sent ? OUTCOME_LEAF_SIZE : 0);
    if (!open_header(s->header, &raw, &e) || !dossier_read_outcome(c->parts->receipt_body, &v->id, wanted, &o)) return DOSSIER_UNREADABLE;
    if (!is_body_of(c, c->parts->receipt_body, &e.header)) return DOSSIER_MODIFIED_DIGEST;
    if (e.header.kind != QIAO_KIND_RECEIPT || !o.names_message) return DOSSIER_OTHER_MESSAGE;
    if (!o.names_leaf) return DOSSIER_WRONG_REFERENCE;
    if (o.status < OUTCOME_ACCEPTED || o.status > OUTCOME_DEAD || o.code > UINT16_MAX) return DOSSIER_UNREADABLE;
    v->outcome = (unsigned)o.status;
    v->code = (unsigned)o.code;
    v->outcome_at_ms = o.at_ms;
    if (v->decider.member || !qiao_bytes_equal(qiao_bytes_from_string(v->decider.name), o.node)) return DOSSIER_NOT_ENTITLED;
    struct qiao_bytes decider_area = qiao_bytes_from_string(v->decider.area);
    /* Without the message itself only the sender's own node is believed, and only that it took nothing. */
    bool turned_away = o.status == OUTCOME_REFUSED || o.status == OUTCOME_EXPIRED;
    if (!v->is_sent) return turned_away && qiao_bytes_equal(e.header.destination.area, decider_area) ? DOSSIER_GOOD : DOSSIER_MISSING_SIGNATURE;
    struct qiao_bytes area = c->header.destination.area.size > 0 ? c->header.destination.area : o.recipient_area;
    if (!decider_is_entitled((unsigned)o.status, (unsigned)o.code, is_destination(c, area, decider_area))) return DOSSIER_NOT_ENTITLED;
    if (is_before_sending(c, o.at_ms)) return DOSSIER_TIME_REVERSED;
    return is_last(c) ? DOSSIER_GOOD : DOSSIER_HOP_REMOVED;
}

/* ---- all of it ---- */

static enum dossier_reason check(struct checking *c, struct buf *raw)
{
    const struct dossier_parts *p = c->parts;
    struct seal_key_id id;
    if (c->options->id && memcmp(c->options->id, &c->verdict->id, sizeof c->verdict->id) != 0) return at(c, "message id", 0, DOSSIER_OTHER_MESSAGE);
    for (unsigned i = 0; i < p->certificates_count; i++) c->seal->learn(c->seal->context, p->certificates[i], &id);
    enum dossier_reason reason = p->origin.present ? check_origin(c, raw) : DOSSIER_GOOD;
    if (reason != DOSSIER_GOOD) return at(c, "origin", 0, reason);
    if (!p->origin.present && (p->custody_count > 0 || !p->has_outcome)) return at(c, "origin", 0, DOSSIER_MISSING_SIGNATURE);
    reason = check_custody(c);
    if (reason == DOSSIER_GOOD) reason = check_way(c);
    if (reason != DOSSIER_GOOD || !p->has_outcome) return reason;
    reason = check_outcome(c);
    return reason == DOSSIER_GOOD ? DOSSIER_GOOD : at(c, "outcome", 0, reason);
}

bool dossier_verify(const struct seal *seal, struct qiao_bytes bytes, const struct dossier_options *options, struct dossier_verdict *ret_verdict)
{
    buf_auto raw = { 0 };
    struct dossier_parts *parts = base_zalloc(sizeof *parts);
    *ret_verdict = (struct dossier_verdict){ .reason = DOSSIER_UNREADABLE };
    if (dossier_read(bytes, parts)) {
        struct checking c = { .seal = seal, .options = options, .parts = parts, .verdict = ret_verdict };
        memcpy(ret_verdict->id.bytes, parts->message_id.data, QIAO_ID_SIZE);
        ret_verdict->reason = check(&c, &raw);
    }
    free(parts);
    return ret_verdict->reason == DOSSIER_GOOD;
}
