/* Keys of the store. Integers big endian, so that order of keys is order of numbers.
 *
 *   'M' name                         node: "incarnation" (8), "secret" (16)
 *   'P' peer name                    peer number (2), given once and kept
 *   'Q' peer(2) lane(1) first(8)     a run of queued messages (codec/run.h)
 *   'T' peer(2) lane(1)              next sequence to give (8)
 *   'A' peer(2) lane(1)              last sequence acknowledged (8), custody chain there (32) if there is one
 *   'W' peer(2) incarnation(8) lane  last sequence received (8), when (8), custody chain there (32)
 *   'L' peer(2) lane(1) first(8)     units of the run of that name, UNIT_SIZE each: entries (4), hash (32); kept as evidence
 *   'C' peer(2) lane(1) sequence(8)  custody receipt of the peer: custody_record_write
 *   'I' hash(16) peer(2)             where the unit with this hash went: lane (1), first sequence of its run (8), its place there (4)
 *   'H' group number(8)              what this node signed for its members: group_record (sign.c)
 *   'J' peer(2)                      neighbour: key id it last proved itself with (16), incarnation of its stream (8)
 *   'K' key id(16)                   certificate (DER) of a signer met here
 *   'O' message id(16)               origin: struct message_record
 *   'm' message id(16)               origin: what a member signed itself, an envelope without its body, with a proof that stands alone
 *   'S' receipt id(16)               origin: a signed receipt as it came, its proof with it
 *   'R' message id(16) recipient     origin, area sets: one outcome a recipient
 *   'D' message id(16) peer(2) tag(4) destination: struct message_record. The tag is the source's (source_tag): an id is its sender's
 *   'X' fresh id(16)                 quarantine: a message that could not be understood or answered
 *   'Z' message id(16) peer(2) tag(4) dead letter of a member: dead_record (dead.h)
 *   'N' ...                          register of organisations: registry_table.h
 *   'V' ...                          changes of the table of areas: area_changes.h
 *   'M' "lanes"                      1: messages may wait on another lane than their own (lanes.c)
 *   'B' number(8)                    held back by a rule (held.c); in order of number
 *   'E' case id, 0, message id(16)   case entry: packed CaseEntry
 *   'Y'                              the configuration in force: how many came before (8), start of its files' digest
 *   'Y' digest(16)                   a decision: when it was last written (8), packed Decision (schema/explain.proto)
 *   'Y' message id(16) peer(2) tag(4) it ended in the queue of this neighbour: when (8), outcome (1), code (2)
 *   'y' number(8)                    messages and the decisions that hold for them, a record a batch: explain.h
 *   'G' 'g'                          there are links besides those of the tree (1)
 *   'G' 'l' peer(2)                  what the neighbour told last of what it can reach: packed Routes
 *   'G' 'c' chain(16)                last message of a case that this node has begun a way for: id (16)
 *   'G' 'h' after(16) peer(2) id(16) message that waits for another of its case: order.c
 *   'U' index(8)                     audit: Merkle leaf (32), packed AuditRecord; 'M' "audit" has suite (1), size (8) and peaks (32 each)
 *   'F' digest(32) index(4)          attachment: a chunk; index 0xffffffff: the leaves of its chunks, 32 bytes each
 *   'f' 'a' digest(32)               what is known of it: attachment_record (attach.c)
 *   'f' 'w' digest(32)               it is to be asked for at another node
 *   'f' 'x' until(8) digest(32)      when it is let go of, milliseconds since 1970
 *   'f' 'g' digest(32) area          nodes of this area (or area set) may have it
 *   'f' 'm' digest(32) peer(2)       this member may have it
 *   'f' 'p' digest(32) area          the node of this area asked before it was whole: first (4), count (4), leaves (1), serialised Address
 */
#ifndef CORE_KEYS_H
#define CORE_KEYS_H

#include "base/buf.h"
#include "base/siphash.h"

#include "codec/envelope.h"
#include "seal/seal.h"

#include <qiao/id.h>

/* Sequences beyond this are not sound: link.h's frames refuse them too. */
#define SEQUENCE_MAX (UINT64_MAX / 2)

#define FINGERPRINT_SIZE 4u
#define TAG_SIZE 4u
#define DESTINATION_KEY_SIZE (1u + QIAO_ID_SIZE + 2u + TAG_SIZE)
#define LEAF_SIZE 16u
#define PLACE_SIZE 13u
#define UNIT_SIZE (4u + SEAL_DIGEST_SIZE)
#define WATERMARK_SIZE (16u + SEAL_DIGEST_SIZE)
#define CUSTODY_RECORD_HEAD_SIZE 97u /* 'C' without its signature */
#define NEIGHBOUR_SIZE (SEAL_KEY_ID_SIZE + 8u)
#define ACKED_SIZE (8u + SEAL_DIGEST_SIZE)

struct key {
    uint8_t bytes[128];
    size_t size;
};

static inline struct qiao_bytes key_bytes(const struct key *key) { return qiao_bytes(key->bytes, key->size); }

struct key key_run(uint16_t peer, unsigned lane, uint64_t first);
struct key key_sequence(uint8_t prefix, uint16_t peer, unsigned lane, uint64_t sequence); /* 'Q', 'L', 'C' */
struct key key_number(uint8_t prefix, uint64_t number);
struct key key_place(const uint8_t hash[SEAL_DIGEST_SIZE], uint16_t peer);
struct key key_certificate(const struct seal_key_id *id);
struct key key_neighbour(uint16_t peer);
struct key key_lane(uint8_t prefix, uint16_t peer, unsigned lane);
struct key key_received(uint16_t peer, uint64_t incarnation, unsigned lane);
struct key key_origin(const struct qiao_id *id);
struct key key_destination(const struct qiao_id *id, uint16_t peer, uint32_t tag);
struct key key_recipient(const struct qiao_id *id, struct qiao_bytes recipient);
struct key key_case(struct qiao_bytes case_id, const struct qiao_id *id);
struct key key_named(uint8_t prefix, const char *name);
#define ATTACHMENT_KEY_SIZE 34u
#define ATTACHMENT_END_KEY_SIZE 42u
#define ATTACHMENT_LEAVES UINT32_MAX
struct key key_chunk(const uint8_t digest[32], uint32_t index);
struct key key_attachment(uint8_t letter, const uint8_t digest[32]);
struct key key_attachment_for(uint8_t letter, const uint8_t digest[32], struct qiao_bytes whom);
struct key key_attachment_end(uint64_t until_ms, const uint8_t digest[32]);
void key_end_of_family(struct key *key); /* behind every key that begins like this one */
bool attachment_record_sound(struct qiao_bytes value); /* of 'f' 'a' */
uint64_t key_run_first(struct qiao_bytes key);

/* What the node keeps of a message it took from a sender, or has for a member: outcome NONE while it is under way. */
struct message_record {
    uint8_t outcome;           /* enum qiao_outcome */
    uint8_t flags;             /* RECORD_SET, RECORD_COPY; of a destination also RECORD_ALONE, RECORD_RETRIED */
    uint16_t code;             /* NONE and RECORD_RETRIED: the attempt that counts; another may still lie in its run */
    uint16_t peer;             /* origin: the member; destination: deliveries that failed */
    uint64_t at_ms;            /* of the outcome; NONE: when it came, or the first failed delivery */
    uint8_t digest[FINGERPRINT_SIZE]; /* message_fingerprint: same id with other content is a conflict */
    /* Of an origin that signs; leaf all zero: of one that does not. */
    uint8_t leaf[LEAF_SIZE];   /* start of the header's Merkle leaf: outcomes must be about this very message */
    uint64_t evidence;         /* 'H' record with its signature, 0: refused before it was signed */
    uint32_t evidence_index;   /* which of the messages there */
    uint64_t area_hash;        /* of the destination's area: only its node may accept */
    struct qiao_id receipt;    /* 'S' record with the signed outcome, all zero: none yet, or decided here */
};

#define MESSAGE_RECORD_SIZE_SHORT 18u
#define MESSAGE_RECORD_SIZE 70u
#define RECORD_SET 1u          /* sent to an area set: an outcome each recipient */
#define RECORD_COPY 2u         /* made by a rule of this node: the sender is not told how it ended */
#define RECORD_ALONE 4u        /* a session of the member ended over it */
#define RECORD_RETRIED 8u      /* it was dead, which stays its outcome for its sender, and was queued again */
#define RECORD_SERVICE 16u     /* sent to a service: whichever node has a provider answers for its own area */

/* The record as bytes, short without what only origins that sign keep. Borrows out. */
struct qiao_bytes record_write(const struct message_record *record, uint8_t out[MESSAGE_RECORD_SIZE]);
/* What makes two messages of one source and id the same: kind, destination, case, attachments and body (SipHash over them and the body's digest, with
 * the node's secret). Not what may differ in a resend, such as the time of sending. */
void message_fingerprint(const uint8_t secret[SIPHASH_KEY_SIZE], const struct header *header, uint8_t ret_fingerprint[FINGERPRINT_SIZE]);
/* Whose id it is: the same id of two sources is two messages, or whoever overheard an id could use it first. Without the node's secret
 * nobody can look for a source that has the tag of another. */
uint32_t source_tag(const uint8_t secret[SIPHASH_KEY_SIZE], const struct header *header);

/* FNV-1a 64. */
uint64_t hash_of_area(struct qiao_bytes area);

bool record_read(struct qiao_bytes bytes, struct message_record *ret_record);

#endif
