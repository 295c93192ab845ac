/* Does to a node's audit log what its operator must not: tamper_log STORE alter|delete|swap INDEX, tamper_log STORE suppress PEER (the
 * last record of messages taken from PEER goes, and the log is made anew without it), tamper_log STORE fill COUNT. */
#include "base/buf.h"
#include "core/keys.h"
#include "proof/audit_book.h"
#include "store/store.h"

#include <qiao/version.h>
#include <stdio.h>

#define SUITE SEAL_SUITE_INT1
#define HEAD SEAL_DIGEST_SIZE /* the leaf stands before the record */
#define BATCH 4096u

struct row {
    uint8_t *data;
    size_t size;
};

struct rows {
    struct row *all;
    uint64_t count, capacity;
};

static void free_rows(struct rows *rows)
{
    for (uint64_t i = 0; i < rows->count; i++) free(rows->all[i].data);
    free(rows->all);
}

static bool load_row(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct rows *rows = context;
    (void)key;
    if (rows->count == rows->capacity) rows->all = base_realloc(rows->all, (rows->capacity = rows->capacity * 2 + 64) * sizeof *rows->all);
    struct row *row = &rows->all[rows->count++];
    *row = (struct row){ base_alloc(value.size), value.size };
    memcpy(row->data, value.data, value.size);
    return true;
}

static void put(struct store *store, const struct key *key, enum store_op_type type, struct qiao_bytes value)
{
    struct store_op op = { type, key_bytes(key), value };
    if (store_commit(store, &(struct store_batch){ &op, 1 }) != STORE_OK) exit(1);
}

static void put_row(struct store *store, uint64_t index, const struct row *row)
{
    struct key key = key_number('U', index);
    put(store, &key, STORE_PUT, qiao_bytes(row->data, row->size));
}

static void put_log(struct store *store, const struct merkle_log *log)
{
    uint8_t value[9 + sizeof log->peaks] = { SUITE };
    struct key key = key_named('M', "audit");
    put_u64(value + 1, log->size);
    memcpy(value + 9, log->peaks, log->peaks_count * SEAL_DIGEST_SIZE);
    put(store, &key, STORE_PUT, qiao_bytes(value, 9 + log->peaks_count * SEAL_DIGEST_SIZE));
}

/* Field 15, the index, is the last of a record. */
static void number_row(struct buf *value, struct qiao_bytes record, uint64_t index, struct merkle_log *log)
{
    struct audit_record r;
    struct merkle_hash leaf = { { 0 } };
    audit_record_read(record, &r);
    size_t tail = r.index == 0 ? 0 : 1 + pb_varint_size(r.index);
    value->size = 0;
    buf_append(value, leaf.bytes, HEAD);
    buf_append(value, record.data, record.size - tail);
    pb_put_varint(value, 15, index);
    merkle_leaf(&seal_openssl_digest, SUITE, qiao_bytes(value->data + HEAD, value->size - HEAD), &leaf);
    memcpy(value->data, leaf.bytes, HEAD);
    merkle_log_add(&seal_openssl_digest, SUITE, log, &leaf);
}

static int suppress(struct store *store, const struct rows *rows, const char *peer)
{
    uint64_t victim = UINT64_MAX;
    struct merkle_log log = { 0 };
    buf_auto value = { 0 };
    for (uint64_t i = 0; i < rows->count; i++) {
        struct audit_record r;
        audit_record_read(qiao_bytes(rows->all[i].data + HEAD, rows->all[i].size - HEAD), &r);
        if (r.kind == AUDIT_TAKEN && qiao_bytes_equal(r.peer, qiao_bytes_from_string(peer))) victim = i;
    }
    if (victim == UINT64_MAX) return 1;
    for (uint64_t i = 0; i < rows->count; i++) {
        if (i == victim) continue;
        number_row(&value, qiao_bytes(rows->all[i].data + HEAD, rows->all[i].size - HEAD), log.size, &log);
        put_row(store, log.size - 1, &(struct row){ value.data, value.size });
    }
    struct key last = key_number('U', rows->count - 1);
    put(store, &last, STORE_REMOVE, qiao_bytes(NULL, 0));
    put_log(store, &log);
    printf("%llu\n", (unsigned long long)victim);
    return 0;
}

/* Records as traffic makes them, behind those there are. */
static int fill(struct store *store, const struct rows *rows, uint64_t count)
{
    static struct key keys[BATCH];
    static struct store_op ops[BATCH];
    struct merkle_log log = { 0 };
    struct merkle_hash leaf = { { 0 } };
    struct buf values[BATCH] = { { 0 } };
    for (uint64_t i = 0; i < rows->count; i++) {
        memcpy(leaf.bytes, rows->all[i].data, HEAD);
        merkle_log_add(&seal_openssl_digest, SUITE, &log, &leaf);
    }
    while (count > 0) {
        size_t n = 0;
        for (; n < BATCH && count > 0; n++, count--) {
            buf_auto record = { 0 };
            pb_put_fixed64(&record, 1, 1700000000000u + log.size);
            pb_put_varint(&record, 2, AUDIT_TAKEN);
            pb_put_string(&record, 3, "street");
            pb_put_varint(&record, 5, log.size + 1);
            pb_put_varint(&record, 6, log.size + 1);
            pb_put_bytes(&record, 7, qiao_bytes(leaf.bytes, HEAD));
            keys[n] = key_number('U', log.size);
            number_row(&values[n], buf_bytes(&record), log.size, &log);
            ops[n] = (struct store_op){ STORE_PUT, key_bytes(&keys[n]), buf_bytes(&values[n]) };
        }
        int result = store_commit(store, &(struct store_batch){ ops, n });
        if (result != STORE_OK) return fprintf(stderr, "the store answers %d at %llu\n", result, (unsigned long long)log.size), 1;
        store_refresh(store);
    }
    for (size_t i = 0; i < BATCH; i++) buf_deinit(&values[i]);
    put_log(store, &log);
    return 0;
}

static int tamper(struct store *store, const char *how, const char *what)
{
    __attribute__((cleanup(free_rows))) struct rows rows = { 0 };
    uint64_t index = strtoull(what, NULL, 10);
    store_scan(store, qiao_bytes("U", 1), qiao_bytes("V", 1), load_row, &rows);
    if (strcmp(how, "suppress") == 0) return suppress(store, &rows, what);
    if (strcmp(how, "fill") == 0) return fill(store, &rows, index);
    if (index + 1 >= rows.count) return 1;
    struct key key = key_number('U', index);
    if (strcmp(how, "delete") == 0) {
        put(store, &key, STORE_REMOVE, qiao_bytes(NULL, 0));
    } else if (strcmp(how, "swap") == 0) {
        put_row(store, index, &rows.all[index + 1]);
        put_row(store, index + 1, &rows.all[index]);
    } else if (strcmp(how, "alter") == 0) {
        rows.all[index].data[HEAD + 1] ^= 1; /* the time */
        put_row(store, index, &rows.all[index]);
    } else {
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct store_options options = { .path = argc > 1 ? argv[1] : NULL, .version = QIAO_STORE_VERSION };
    struct store *store = NULL;
    char text[256] = "";
    if (argc != 4 || store_engine_journal.open(&options, &store, text, sizeof text) != STORE_OK) {
        fprintf(stderr, "tamper_log STORE alter|delete|swap|suppress|fill WHAT %s\n", text);
        return 2;
    }
    int status = tamper(store, argv[2], argv[3]);
    store_close(store);
    return status;
}
