/* Every node's audit log stands for what it holds, and for each head of it that a neighbour was given: recomputed leaf by leaf. */
#include "sim.h"

#include "core/keys.h"
#include "proof/merkle.h"

#include <stdio.h>

struct book {
    struct sim *sim;
    const struct sim_node *node;
    struct merkle_log log;
    struct merkle_hash *roots;     /* by size of the log */
    size_t capacity;
    bool wrong;
};

static void add_root(struct book *b)
{
    if (b->log.size >= b->capacity) {
        b->capacity = b->capacity ? b->capacity * 2 : 1024;
        b->roots = base_realloc(b->roots, b->capacity * sizeof *b->roots);
    }
    merkle_log_root(&seal_null, SEAL_SUITE_INT1, &b->log, &b->roots[b->log.size]);
}

static bool add_leaf(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct book *b = context;
    struct merkle_hash leaf;
    b->wrong |= key.size != 9 || get_u64(key.data + 1) != b->log.size || value.size <= SEAL_DIGEST_SIZE;
    if (b->wrong) return false;
    merkle_leaf(&seal_null, SEAL_SUITE_INT1, qiao_bytes(value.data + SEAL_DIGEST_SIZE, value.size - SEAL_DIGEST_SIZE), &leaf);
    b->wrong |= memcmp(leaf.bytes, value.data, SEAL_DIGEST_SIZE) != 0;
    merkle_log_add(&seal_null, SEAL_SUITE_INT1, &b->log, &leaf);
    add_root(b);
    return !b->wrong;
}

static void check_own(struct book *b)
{
    struct qiao_bytes value;
    store_scan(b->node->store, qiao_bytes("U", 1), qiao_bytes("V", 1), add_leaf, b);
    if (b->wrong) sim_fail(b->sim, "%s: audit record %llu is not what stands in its tree", b->node->name, (unsigned long long)b->log.size);
    if (!store_get(b->node->store, qiao_bytes_from_string("Maudit"), &value)) {
        if (b->log.size > 0) sim_fail(b->sim, "%s has audit records and no log", b->node->name);
        return;
    }
    bool same = value.size == 9 + b->log.peaks_count * SEAL_DIGEST_SIZE && get_u64(value.data + 1) == b->log.size &&
                memcmp(value.data + 9, b->log.peaks, value.size - 9) == 0;
    if (!same) sim_fail(b->sim, "%s: the audit log's tree is not that of its %llu records", b->node->name, (unsigned long long)b->log.size);
}

struct looking {
    struct sim *sim;
    const struct book *of;
    uint16_t number;               /* of that node, at the neighbour */
    const struct sim_node *at;
    uint64_t heads;
};

static bool check_head(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct looking *l = context;
    if (get_u16(key.data + 1) != l->number) return true;
    uint64_t size = get_u64(value.data + 57);
    l->heads++;
    if (size > l->of->log.size || memcmp(value.data + 65, l->of->roots[size].bytes, SEAL_DIGEST_SIZE) != 0)
        sim_fail(l->sim, "%s was told a head of %s at %llu that its log of %llu does not have", l->at->name, l->of->node->name, (unsigned long long)size,
                 (unsigned long long)l->of->log.size);
    return !l->sim->failed;
}

static uint64_t check_heads(struct sim *sim, const struct book *book)
{
    uint64_t heads = 0;
    for (uint32_t i = 0; i < sim->nodes_count && !sim->failed; i++) {
        struct looking l = { .sim = sim, .of = book, .at = &sim->nodes[i] };
        char name[SIM_TEXT_SIZE + 16];
        struct qiao_bytes value;
        snprintf(name, sizeof name, "Pnode/%s", book->node->name);
        if (!store_get(l.at->store, qiao_bytes_from_string(name), &value)) continue;
        l.number = get_u16(value.data);
        store_scan(l.at->store, qiao_bytes("C", 1), qiao_bytes("D", 1), check_head, &l);
        heads += l.heads;
    }
    return heads;
}

void books_end(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->nodes_count && !sim->failed; i++) {
        struct book book = { .sim = sim, .node = &sim->nodes[i] };
        add_root(&book);
        check_own(&book);
        if (!sim->failed) sim->counts.heads += check_heads(sim, &book);
        sim->counts.audit_records += book.log.size;
        free(book.roots);
    }
}
