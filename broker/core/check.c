/* Is a record of the store sound? For `qiaod --check-store`. */
#include "codec/envelope.h"
#include "codec/run.h"
#include "core/area_changes.h"
#include "core/attach.h"
#include "core/core.h"
#include "core/dead.h"
#include "core/explain.h"
#include "core/held.h"
#include "core/keys.h"
#include "core/registry.h"

static const char *check_run(struct qiao_bytes key, struct qiao_bytes value)
{
    struct run_view run;
    struct qiao_bytes raw;
    uint32_t count = 0, ended = 0;
    if (key.size != 12 || !run_open(value, &run)) return "not a run of messages";
    struct pb_reader r = pb_reader(run.entries);
    while (run_next(&r, &raw)) {
        struct envelope e;
        count++;
        ended += raw.size == 0;
        if (raw.size > 0 && envelope_open(raw, &e) == QIAO_CODE_MALFORMED) return "a message in the run cannot be decoded";
    }
    if (r.failed || count != run.count) return "the run does not hold as many messages as it says";
    return ended == run.ended ? NULL : "the run does not hold as many ended messages as it says";
}

static const char *check_message(struct qiao_bytes key, struct qiao_bytes value)
{
    struct message_record record;
    if (key.size < (key.data[0] == 'D' ? DESTINATION_KEY_SIZE : 1 + QIAO_ID_SIZE)) return "key is too short for a message id";
    return record_read(value, &record) ? NULL : "not a message record";
}

static bool is_log(struct qiao_bytes key, struct qiao_bytes value)
{
    return qiao_bytes_equal(key, qiao_bytes_from_string("Maudit")) && value.size > 9 && value.size % SEAL_DIGEST_SIZE == 9;
}

static const char *check_audit(struct qiao_bytes key, struct qiao_bytes value)
{
    return key.size == 9 && value.size > SEAL_DIGEST_SIZE ? NULL : "not an audit record";
}

static bool is_secret(struct qiao_bytes key, struct qiao_bytes value)
{
    return qiao_bytes_equal(key, qiao_bytes_from_string("Msecret")) && value.size == SIPHASH_KEY_SIZE;
}

static const char *check_number(struct qiao_bytes key, struct qiao_bytes value)
{
    if (is_log(key, value) || is_secret(key, value)) return NULL;
    if (key.size != 4 && key.data[0] != 'M') return "key has the wrong size";
    if (value.size != 8 && !(key.data[0] == 'A' && value.size == ACKED_SIZE)) return "not a number of 8 bytes";
    return key.data[0] == 'M' || get_u64(value.data) <= SEQUENCE_MAX ? NULL : "no sequence is that large";
}

static const char *check_peer(struct qiao_bytes key, struct qiao_bytes value)
{
    (void)key;
    return value.size == 2 && get_u16(value.data) > 0 ? NULL : "not a peer number";
}

static const char *check_neighbour(struct qiao_bytes key, struct qiao_bytes value)
{
    return key.size == 3 && value.size == NEIGHBOUR_SIZE ? NULL : "not how a neighbour was last seen";
}

static const char *check_received(struct qiao_bytes key, struct qiao_bytes value)
{
    return key.size == 12 && (value.size == 16 || value.size == WATERMARK_SIZE) ? NULL : "not a watermark";
}

static const char *check_units(struct qiao_bytes key, struct qiao_bytes value)
{
    return key.size == 12 && value.size > 0 && value.size % UNIT_SIZE == 0 ? NULL : "not the units of a run";
}

static const char *check_custody(struct qiao_bytes key, struct qiao_bytes value)
{
    return key.size == 12 && value.size > CUSTODY_RECORD_HEAD_SIZE && value.size <= CUSTODY_RECORD_HEAD_SIZE + SEAL_SIGNATURE_SIZE_MAX ? NULL : "not a custody receipt";
}

static const char *check_place(struct qiao_bytes key, struct qiao_bytes value)
{
    return key.size == 19 && value.size == PLACE_SIZE && value.data[0] < QIAO_LANES ? NULL : "not the place of a unit";
}

static const char *check_evidence(struct qiao_bytes key, struct qiao_bytes value)
{
    return key.size == 9 && value.size > 15 ? NULL : "not a record of what was signed";
}

static const char *check_own_words(struct qiao_bytes key, struct qiao_bytes value)
{
    struct envelope_parts parts;
    return key.size == 1 + QIAO_ID_SIZE && envelope_split(value, &parts) && parts.proof.size > 0 ? NULL : "not a header with its proof";
}

static const char *check_entry(struct qiao_bytes key, struct qiao_bytes value)
{
    return key.size >= 2 + QIAO_ID_SIZE && value.size >= 17 ? NULL : "not a case entry";
}

static const char *check_graph(struct qiao_bytes key, struct qiao_bytes value)
{
    bool known = (key.size == 2 && key.data[1] == 'g' && value.size == 1) || (key.size == 4 && key.data[1] == 'l') ||
                 (key.size == 2 + QIAO_ID_SIZE && key.data[1] == 'c' && value.size == QIAO_ID_SIZE) || (key.size == 36 && key.data[1] == 'h' && value.size >= 12);
    return known ? NULL : "not a record of the graph";
}

static const char *check_chunk(struct qiao_bytes key, struct qiao_bytes value)
{
    if (key.size != 37) return "key has the wrong size";
    if (get_u32(key.data + 33) == ATTACHMENT_LEAVES) return value.size > 0 && value.size % ATTACHMENT_LEAF_SIZE == 0 ? NULL : "not the leaves of an attachment";
    return value.size > 0 && value.size <= QIAO_ATTACHMENT_CHUNK_SIZE ? NULL : "not a chunk of an attachment";
}

static const char *check_attachment(struct qiao_bytes key, struct qiao_bytes value)
{
    if (key.size < ATTACHMENT_KEY_SIZE || !strchr("awxgmp", key.data[1])) return "no key of an attachment";
    if (key.data[1] == 'x' && key.size != ATTACHMENT_END_KEY_SIZE) return "key has the wrong size";
    if (key.data[1] == 'a') return attachment_record_sound(value) ? NULL : "not a record of an attachment";
    return key.data[1] != 'p' || value.size > 9 ? NULL : "not a node that waits for an attachment";
}

static const char *check_anything(struct qiao_bytes key, struct qiao_bytes value)
{
    (void)key;
    (void)value;
    return NULL;
}

static const char *check_decision(struct qiao_bytes key, struct qiao_bytes value)
{
    if (key.size == 1) return value.size >= 8 ? NULL : "not the version of a configuration";
    if (key.size == DESTINATION_KEY_SIZE) return value.size == EXPLAIN_ENDED_SIZE ? NULL : "not the end of a message";
    if (key.size != 1 + EXPLAIN_NAME_SIZE || value.size <= EXPLAIN_DECISION_HEAD_SIZE) return "not a decision";
    struct pb_reader r = pb_reader(qiao_bytes(value.data + EXPLAIN_DECISION_HEAD_SIZE, value.size - EXPLAIN_DECISION_HEAD_SIZE));
    for (struct pb_field f; pb_next(&r, &f);) { }
    return r.failed ? "a decision that cannot be decoded" : NULL;
}

static const char *check_explained(struct qiao_bytes key, struct qiao_bytes value)
{
    struct explain_record record;
    struct explain_stretch stretch;
    if (key.size != 9 || !explain_open(value, &record)) return "not a record of decided messages";
    struct qiao_bytes rest = record.stretches;
    while (explain_next(&record, &rest, &stretch)) { }
    return rest.size == 0 ? NULL : "the record of decided messages ends in the middle";
}

const char *core_check_record(struct qiao_bytes key, struct qiao_bytes value)
{
    static const struct { uint8_t prefix; const char *(*check)(struct qiao_bytes, struct qiao_bytes); } rows[] = {
        { 'Q', check_run },    { 'O', check_message }, { 'D', check_message },  { 'R', check_message }, { 'T', check_number }, { 'A', check_number },
        { 'M', check_number }, { 'P', check_peer },    { 'W', check_received }, { 'E', check_entry },   { 'X', check_anything },
        { 'L', check_units },  { 'C', check_custody }, { 'H', check_evidence }, { 'K', check_anything }, { 'J', check_neighbour }, { 'S', check_anything },
        { 'N', registry_check_record },
        { 'V', area_changes_check_record },
        { 'm', check_own_words },
        { 'U', check_audit },
        { 'Z', dead_check_record },
        { 'B', held_check_record },
        { 'I', check_place },
        { 'Y', check_decision },
        { 'y', check_explained },
        { 'G', check_graph },
        { 'F', check_chunk },
        { 'f', check_attachment },
    };
    for (size_t i = 0; key.size > 0 && i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].prefix == key.data[0]) return rows[i].check(key, value);
    return "no record of this kind is known";
}
