/* An exported log and what neighbours hold of it, with a stand-in for keys: a signature is the digest of the words and the signer's name. */
#include "proof/audit_book.h"

#include "codec/pb.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define RECORDS 50u

static void sign(const char *name, struct qiao_bytes words, uint8_t ret_signature[SEAL_DIGEST_SIZE])
{
    const struct qiao_bytes parts[] = { qiao_bytes_from_string(name), words };
    seal_openssl_digest.digest(SEAL_SUITE_INT1, parts, 2, ret_signature);
}

static unsigned verify(void *context, enum seal_suite suite, const struct seal_key_id *key_id, uint64_t at_ms, struct qiao_bytes message, struct qiao_bytes signature,
                       struct seal_identity *ret_signer)
{
    uint8_t wanted[SEAL_DIGEST_SIZE];
    (void)context;
    (void)suite;
    (void)at_ms;
    memset(ret_signer, 0, sizeof *ret_signer);
    snprintf(ret_signer->name, sizeof ret_signer->name, "%.16s", (const char *)key_id->bytes);
    sign(ret_signer->name, message, wanted);
    return signature.size == sizeof wanted && memcmp(signature.data, wanted, sizeof wanted) == 0 ? QIAO_CODE_OK : QIAO_CODE_SIGNATURE;
}

struct world {
    struct seal seal;
    struct buf records[RECORDS];
    struct merkle_hash leaves[RECORDS], roots[RECORDS + 1];
    uint64_t count;
    struct buf witness;            /* export of the neighbour */
};

static struct world world;

static void put_key(struct buf *out, uint32_t number, const char *name)
{
    char id[SEAL_KEY_ID_SIZE] = { 0 };
    memcpy(id, name, strlen(name));
    pb_put_bytes(out, number, qiao_bytes(id, sizeof id));
}

static void put_head(struct buf *out, const char *node, uint64_t size, const struct merkle_hash *root, const char *signer)
{
    buf_auto words = { 0 };
    buf_auto head = { 0 };
    uint8_t signature[SEAL_DIGEST_SIZE];
    audit_statement(&words, SEAL_SUITE_INT1, &(struct audit_head){ node, SEAL_SUITE_INT1, size, *root, 1000 });
    sign(signer, buf_bytes(&words), signature);
    pb_put_string(&head, 1, node);
    pb_put_varint(&head, 2, SEAL_SUITE_INT1);
    pb_put_varint(&head, 3, size);
    pb_put_bytes(&head, 4, qiao_bytes(root->bytes, SEAL_DIGEST_SIZE));
    pb_put_fixed64(&head, 5, 1000);
    pb_put_varint(&head, 6, SEAL_SUITE_INT1);
    put_key(&head, 7, signer);
    pb_put_bytes(&head, 8, qiao_bytes(signature, sizeof signature));
    pb_put_bytes(out, 1, buf_bytes(&head));
}

/* What "street" signed for "district" when its log had this size; its chain is the root. */
static void put_receipt(struct buf *out, uint64_t size, const struct merkle_hash *root, const char *signer)
{
    buf_auto words = { 0 };
    buf_auto receipt = { 0 };
    uint8_t signature[SEAL_DIGEST_SIZE];
    custody_statement(&words, SEAL_SUITE_INT1, &(struct custody){ "street", "district", 1, size, *root, 900, size, *root });
    sign(signer, buf_bytes(&words), signature);
    pb_put_string(&receipt, 1, "street");
    pb_put_string(&receipt, 2, "district");
    pb_put_varint(&receipt, 3, 1);
    pb_put_varint(&receipt, 4, size);
    pb_put_bytes(&receipt, 5, qiao_bytes(root->bytes, SEAL_DIGEST_SIZE));
    pb_put_fixed64(&receipt, 6, 900);
    pb_put_varint(&receipt, 7, size);
    pb_put_bytes(&receipt, 8, qiao_bytes(root->bytes, SEAL_DIGEST_SIZE));
    pb_put_varint(&receipt, 9, SEAL_SUITE_INT1);
    put_key(&receipt, 10, signer);
    pb_put_bytes(&receipt, 11, qiao_bytes(signature, sizeof signature));
    pb_put_bytes(out, 3, buf_bytes(&receipt));
}

static void hash_all(struct world *w)
{
    struct merkle_log log = { 0 };
    merkle_log_root(&w->seal, SEAL_SUITE_INT1, &log, &w->roots[0]);
    for (uint64_t i = 0; i < w->count; i++) {
        merkle_leaf(&w->seal, SEAL_SUITE_INT1, buf_bytes(&w->records[i]), &w->leaves[i]);
        merkle_log_add(&w->seal, SEAL_SUITE_INT1, &log, &w->leaves[i]);
        merkle_log_root(&w->seal, SEAL_SUITE_INT1, &log, &w->roots[i + 1]);
    }
}

static void put_record(struct buf *out, uint64_t index, uint64_t at_ms)
{
    static const uint8_t chain[SEAL_DIGEST_SIZE] = { 7 };
    out->size = 0;
    pb_put_fixed64(out, 1, at_ms);
    pb_put_varint(out, 2, AUDIT_TAKEN);
    pb_put_string(out, 3, "district");
    pb_put_varint(out, 4, 1);
    pb_put_varint(out, 6, index + 1);
    pb_put_bytes(out, 7, qiao_bytes(chain, sizeof chain));
    pb_put_varint(out, 15, index);
}

static void set_up(void)
{
    struct world *w = &world;
    w->seal = seal_openssl_digest;
    w->seal.verify = verify;
    w->count = RECORDS;
    for (uint64_t i = 0; i < RECORDS; i++) put_record(&w->records[i], i, 100 + i);
    hash_all(w);
    put_head(&w->witness, "district", 0, &w->roots[0], "district");
    for (uint64_t size = 10; size <= 40; size += 10) put_receipt(&w->witness, size, &w->roots[size], "street");
}

/* The street's export with the records as they are now, and the head as it was signed. */
static void put_export(struct buf *out, uint64_t head_size, const struct merkle_hash *root)
{
    put_head(out, "street", head_size, root, "street");
    for (uint64_t i = 0; i < world.count; i++) {
        buf_auto entry = { 0 };
        if (world.records[i].size == 0) continue;
        pb_put_varint(&entry, 1, i);
        pb_put_bytes(&entry, 2, qiao_bytes(world.leaves[i].bytes, SEAL_DIGEST_SIZE));
        pb_put_bytes(&entry, 3, buf_bytes(&world.records[i]));
        pb_put_bytes(out, 2, buf_bytes(&entry));
    }
}

static struct audit_finding check(const struct buf *log, const struct buf *witness)
{
    static struct audit_book own, neighbour;
    const struct audit_book *witnesses[] = { &neighbour };
    struct audit_finding found;
    cr_assert(audit_book_open(buf_bytes(log), &own));
    cr_assert(audit_book_open(buf_bytes(witness), &neighbour));
    audit_book_check(&own, &world.seal, witnesses, 1, &found);
    return found;
}

Test(book, a_log_as_it_was_signed_is_sound, .init = set_up)
{
    buf_auto log = { 0 };
    put_export(&log, RECORDS, &world.roots[RECORDS]);
    struct audit_finding found = check(&log, &world.witness);
    cr_assert_eq(found.fault, AUDIT_SOUND);
    cr_assert_eq(found.agreeing, 4);
    cr_assert_null(found.witness);
}

Test(book, an_altered_record_is_named, .init = set_up)
{
    buf_auto log = { 0 };
    put_record(&world.records[23], 23, 1);
    put_export(&log, RECORDS, &world.roots[RECORDS]);
    struct audit_finding found = check(&log, &world.witness);
    cr_assert_eq(found.fault, AUDIT_ALTERED);
    cr_assert_eq(found.first, 23);
    cr_assert(found.own_head);
    cr_assert_eq(found.witness->custody.audit_size, 30, "the first that was told of it");
}

Test(book, a_missing_record_is_named, .init = set_up)
{
    buf_auto log = { 0 };
    world.records[23].size = 0;
    put_export(&log, RECORDS, &world.roots[RECORDS]);
    struct audit_finding found = check(&log, &world.witness);
    cr_assert_eq(found.fault, AUDIT_MISSING);
    cr_assert_eq(found.first, 23);
}

Test(book, records_that_changed_places_are_named, .init = set_up)
{
    buf_auto log = { 0 };
    put_record(&world.records[5], 6, 106);
    put_record(&world.records[6], 5, 105);
    hash_all(&world);
    put_export(&log, RECORDS, &world.roots[RECORDS]);
    struct audit_finding found = check(&log, &world.witness);
    cr_assert_eq(found.fault, AUDIT_MOVED);
    cr_assert_eq(found.first, 5);
}

Test(book, a_log_made_anew_is_found_between_two_receipts, .init = set_up)
{
    buf_auto log = { 0 };
    put_record(&world.records[23], 23, 1);
    hash_all(&world);
    put_export(&log, RECORDS, &world.roots[RECORDS]);
    struct audit_finding found = check(&log, &world.witness);
    cr_assert_eq(found.fault, AUDIT_REWRITTEN);
    cr_assert_eq(found.first, 20);
    cr_assert_eq(found.last, 29);
    cr_assert_not(found.own_head);
    cr_assert_str_eq(found.witness->receiver, "street");
}

Test(book, a_log_that_was_cut_off_is_found, .init = set_up)
{
    buf_auto log = { 0 };
    world.count = 35;
    put_export(&log, 35, &world.roots[35]);
    struct audit_finding found = check(&log, &world.witness);
    cr_assert_eq(found.fault, AUDIT_CUT_OFF);
    cr_assert_eq(found.first, 35);
    cr_assert_eq(found.witness->custody.audit_size, 40);
}

Test(book, a_head_by_somebody_else_and_a_receipt_by_somebody_else_count_for_nothing, .init = set_up)
{
    buf_auto log = { 0 };
    buf_auto forged = { 0 };
    put_export(&log, RECORDS, &world.roots[RECORDS]);
    put_head(&forged, "district", 0, &world.roots[0], "district");
    put_receipt(&forged, 20, &world.roots[19], "district");
    struct audit_finding found = check(&log, &forged);
    cr_assert_eq(found.fault, AUDIT_SOUND);
    cr_assert_eq(found.unproved, 1);
    put_head(&log, "street", RECORDS, &world.roots[RECORDS], "district");
    cr_assert_eq(check(&log, &world.witness).fault, AUDIT_HEAD_FORGED);
}

static void count_gap(void *context, const struct audit_receipt *receipt)
{
    uint64_t *sum = context;
    *sum += receipt->custody.sequence;
}

Test(book, a_receipt_whose_messages_the_log_does_not_have_is_a_gap, .init = set_up)
{
    static const struct merkle_hash chain = { { 7 } };
    struct audit_book own, neighbour;
    buf_auto log = { 0 };
    buf_auto held = { 0 };
    uint64_t sum = 0;
    put_export(&log, RECORDS, &world.roots[RECORDS]);
    put_head(&held, "district", 0, &world.roots[0], "district");
    put_receipt(&held, 30, &chain, "street");             /* taken, with this chain */
    put_receipt(&held, 31, &world.roots[31], "street");   /* taken, with another chain */
    put_receipt(&held, 32, &world.roots[31], "district"); /* nobody signed it */
    cr_assert(audit_book_open(buf_bytes(&log), &own));
    cr_assert(audit_book_open(buf_bytes(&held), &neighbour));
    cr_assert_eq(audit_book_gaps(&own, &neighbour, &world.seal, count_gap, &sum), 1);
    cr_assert_eq(sum, 31);
    audit_book_deinit(&own);
    audit_book_deinit(&neighbour);
}

Test(book, broken_exports_have_an_end, .init = set_up)
{
    buf_auto log = { 0 };
    uint64_t random = 1;
    put_export(&log, RECORDS, &world.roots[RECORDS]);
    buf_append(&log, world.witness.data, world.witness.size);
    for (unsigned round = 0; round < 3000; round++) {
        struct audit_book book;
        struct audit_finding found;
        buf_auto broken = { 0 };
        random = random * 6364136223846793005u + 1442695040888963407u;
        buf_append(&broken, log.data, round % 2 ? log.size : (size_t)(random >> 33) % log.size);
        for (unsigned k = 0; broken.size > 0 && k < 4; k++) broken.data[(random >> (8 * k)) % broken.size] ^= (uint8_t)(random >> 40);
        if (!audit_book_open(buf_bytes(&broken), &book)) continue;
        const struct audit_book *witnesses[] = { &book };
        audit_book_check(&book, &world.seal, witnesses, 1, &found);
        cr_assert(found.fault <= AUDIT_HEAD_FORGED);
        audit_book_deinit(&book);
    }
}
