#include "proof/consistency.h"

struct tree {
    const struct seal *seal;
    enum seal_suite suite;
    const struct merkle_hash *leaves;
};

/* The largest power of two smaller than size, which is 2 or more. */
static uint64_t split_of(uint64_t size)
{
    uint64_t split = 1;
    while (split < size - split) split *= 2;
    return split;
}

static struct merkle_hash root_of(const struct tree *t, uint64_t from, uint64_t to)
{
    struct merkle_log log = { 0 };
    struct merkle_hash root;
    for (uint64_t i = from; i < to; i++) merkle_log_add(t->seal, t->suite, &log, &t->leaves[i]);
    merkle_log_root(t->seal, t->suite, &log, &root);
    return root;
}

/* SUBPROOF(m, D_n, b) of the RFC with D_n = [from, to), without recursion: what each level adds comes from the top, the proof is told
 * from the bottom. */
unsigned merkle_consistency(const struct seal *seal, enum seal_suite suite, const struct merkle_hash *leaves, uint64_t old_size, uint64_t new_size,
                            struct merkle_hash ret_proof[CONSISTENCY_MAX])
{
    const struct tree t = { seal, suite, leaves };
    uint64_t from = 0, to = new_size, m = old_size;
    bool known = true; /* the old tree is complete below here: its root is what the checker has */
    struct { uint64_t from, to; } levels[64];
    unsigned count = 0, used = 0;
    while (m != to - from) {
        uint64_t k = split_of(to - from);
        bool left = m <= k;
        levels[count].from = left ? from + k : from;
        levels[count++].to = left ? to : from + k;
        known &= left;
        if (left) to = from + k;
        else from += k, m -= k;
    }
    if (!known) ret_proof[used++] = root_of(&t, from, to);
    while (count-- > 0) ret_proof[used++] = root_of(&t, levels[count].from, levels[count].to);
    return used;
}

bool merkle_is_consistent(const struct seal *seal, enum seal_suite suite, uint64_t old_size, const struct merkle_hash *old_root, uint64_t new_size,
                          const struct merkle_hash *new_root, const struct merkle_hash *proof, unsigned proof_count)
{
    if (old_size > new_size) return false;
    if (old_size == new_size) return proof_count == 0 && memcmp(old_root, new_root, sizeof *old_root) == 0;
    if (old_size == 0) return proof_count == 0;
    bool power = (old_size & (old_size - 1)) == 0;
    uint64_t old_at = old_size - 1, new_at = new_size - 1;
    unsigned used = 0;
    for (; old_at & 1; old_at >>= 1) new_at >>= 1;
    if (!power && proof_count == 0) return false;
    struct merkle_hash old_hash = power ? *old_root : proof[used++], new_hash = old_hash;
    for (; used < proof_count; used++) {
        const struct merkle_hash *c = &proof[used];
        if (new_at == 0) return false;
        if (old_at & 1 || old_at == new_at) {
            merkle_node(seal, suite, c, &old_hash, &old_hash);
            merkle_node(seal, suite, c, &new_hash, &new_hash);
            for (; !(old_at & 1) && old_at != 0; old_at >>= 1) new_at >>= 1;
        } else {
            merkle_node(seal, suite, &new_hash, c, &new_hash);
        }
        old_at >>= 1;
        new_at >>= 1;
    }
    return new_at == 0 && memcmp(&old_hash, old_root, sizeof old_hash) == 0 && memcmp(&new_hash, new_root, sizeof new_hash) == 0;
}

unsigned merkle_inclusion(const struct seal *seal, enum seal_suite suite, const struct merkle_hash *leaves, uint64_t size, uint64_t index,
                          struct merkle_hash ret_path[64])
{
    const struct tree t = { seal, suite, leaves };
    uint64_t from = 0, to = size;
    struct { uint64_t from, to; } levels[64];
    unsigned count = 0;
    while (to - from > 1) {
        uint64_t middle = from + split_of(to - from);
        bool left = index < middle;
        levels[count].from = left ? middle : from;
        levels[count++].to = left ? to : middle;
        if (left) to = middle;
        else from = middle;
    }
    for (unsigned i = 0; i < count; i++) ret_path[i] = root_of(&t, levels[count - 1 - i].from, levels[count - 1 - i].to);
    return count;
}
