/* Envelopes: opened as views into the exact bytes that came in, never re-encoded (wire.md). */
#ifndef CODEC_ENVELOPE_H
#define CODEC_ENVELOPE_H

#include "codec/attachment.h"
#include "codec/pb.h"

#include <qiao/id.h>
#include <qiao/limits.h>

struct legal_basis {
    struct qiao_bytes catalogue, article, version;
};

struct address {
    struct qiao_bytes area, org, seat, service;
    struct qiao_bytes raw; /* the serialised Address, to compare and to copy */
};

/* What the node reads of a header. Views into the envelope's bytes; enum values are checked to be in range. */
struct header {
    struct qiao_id id;
    uint32_t kind;
    uint32_t schema_version;
    struct address source;
    struct address destination;
    struct qiao_bytes case_id;
    uint64_t case_sequence;
    struct qiao_bytes idempotency_key;
    struct qiao_bytes correlation_id;
    struct qiao_bytes matter;
    struct qiao_bytes body_digest;
    unsigned digest_suite;  /* what body_digest is made with: 0 and 1 SHA-256, 2 SM3 */
    uint64_t body_size;
    uint64_t sent_at_ms;
    uint64_t expires_at_ms; /* 0: never */
    unsigned lane;          /* as numbered on the wire: 0 normal, 1 urgent, 2 bulk */
    unsigned status;
    unsigned privacy;
    struct qiao_bytes legal_basis[QIAO_BASES_MAX]; /* serialised, checked: legal_basis_read */
    unsigned legal_basis_count;
    struct qiao_bytes purpose;
    struct qiao_bytes retention_rule;
    uint64_t retention_not_after_ms; /* 0: as long as the rule says */
    uint64_t pi_mask;                /* personal data in the body: qiao/personal_data.h */
    struct qiao_bytes consent_ref;
    uint64_t event_at_ms;            /* 0: sent_at_ms */
    struct address redirected_from;  /* size 0: destination is where the sender addressed it */
    struct qiao_bytes attachments[QIAO_ATTACHMENTS_MAX]; /* serialised, checked: attachment_ref_read */
    unsigned attachments_count;
};

/* What nodes write beside a message for one another (schema Transit). */
struct transit_note {
    bool shared;
    struct qiao_bytes after;  /* a message id, or empty */
    struct qiao_bytes pin;    /* an area, or empty */
    struct qiao_bytes share;  /* of an area set, sound (share.h), or empty */
};

static inline bool transit_note_any(const struct transit_note *note) { return note->shared || note->after.size > 0 || note->pin.size > 0 || note->share.size > 0; }

struct envelope {
    struct qiao_bytes raw;    /* all of it */
    struct qiao_bytes header_bytes;
    struct qiao_bytes body;
    struct qiao_bytes proof;  /* content of the last Proof field: one appended by a hop takes the place of an earlier one */
    uint32_t hops;
    uint32_t attempt;
    struct qiao_bytes rerouted_from; /* the voided area that a node on the way took another one for; empty: none did */
    struct transit_note note;
    struct header header;
};

/* An envelope's parts as they lie in it, not looked into. False if they cannot be told apart, or there is no header. */
struct envelope_parts {
    struct qiao_bytes header, body, proof;
};
bool envelope_split(struct qiao_bytes raw, struct envelope_parts *ret_parts);

/* Opens one envelope: sizes, UTF-8, id, addresses, digest size, enum ranges, number of hops. Returns QIAO_CODE_OK or the code of
 * the refusal; with any code but MALFORMED, *ret_envelope has what is needed to answer the sender. */
unsigned envelope_open(struct qiao_bytes raw, struct envelope *ret_envelope);

/* One element of header.legal_basis. False: not valid, which envelope_open has ruled out for those of an opened header. */
bool legal_basis_read(struct qiao_bytes raw, struct legal_basis *ret_basis);

/* True if the source of a refused envelope could be read, so that a receipt can be sent. */
bool envelope_can_answer(const struct envelope *envelope);

/* The destination names an area set ("990101/" and two asterisks); *ret_root gets the part before the slash. */
bool address_is_set(const struct address *address, struct qiao_bytes *ret_root);

/* What a sender says; NULL and 0 stand for absent fields. */
struct envelope_draft {
    struct qiao_id id;
    uint32_t kind;
    uint32_t schema_version;
    struct qiao_bytes source;      /* serialised addresses: address_write */
    struct qiao_bytes destination;
    struct qiao_bytes case_id;
    uint64_t case_sequence;
    struct qiao_bytes correlation_id;
    struct qiao_bytes idempotency_key;
    struct qiao_bytes matter;
    struct qiao_bytes body_digest;
    unsigned digest_suite;
    struct qiao_bytes body;
    uint64_t sent_at_ms;
    uint64_t expires_at_ms;
    unsigned lane, status, privacy;
    const struct legal_basis *legal_basis;
    size_t legal_basis_count;
    struct qiao_bytes purpose, retention_rule, consent_ref;
    uint64_t retention_not_after_ms, pi_mask, event_at_ms;
    const struct attachment_ref *attachments;
    size_t attachments_count;
};

/* Appends a serialised Address. */
void address_write(struct buf *buf, struct qiao_bytes area, struct qiao_bytes org, struct qiao_bytes seat);
/* Appends a serialised Envelope. */
void envelope_write(struct buf *buf, const struct envelope_draft *draft);

/* Appends the envelope with another destination, without proof and transit. copy_id NULL: the same message, its header tells where its
 * sender addressed it. Else a message of its own with this id, caused by the other. */
void envelope_write_changed(struct buf *buf, const struct envelope *envelope, struct qiao_bytes destination, const struct qiao_id *copy_id);

/* The size of the Transit entry that envelope_put_hop appends for a node name and an area of these lengths. */
size_t envelope_hop_size(size_t node_size, size_t rerouted_from_size);
/* Appends Transit{hops{node, at_ms}, rerouted_from}: behind an envelope it is one hop more, since protobuf merges messages of one field
 * (encoding guide, "Last One Wins"). */
void envelope_put_hop(struct buf *buf, struct qiao_bytes node, uint64_t at_ms, struct qiao_bytes rerouted_from);
/* The same for a note: fields that are set take the place of those that are there. */
size_t envelope_note_size(const struct transit_note *note);
void envelope_put_note(struct buf *buf, const struct transit_note *note);
/* Appends the envelope without its share, which each node writes anew: all other bytes stay as they are. */
void envelope_put_without_share(struct buf *buf, struct qiao_bytes raw);
/* Was the message at this node before? *ret_before (or NULL): the last other one it was at, empty if there is none. */
bool envelope_passed(struct qiao_bytes raw, struct qiao_bytes node, struct qiao_bytes *ret_before);

#endif
