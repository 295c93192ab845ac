/* Attachments in the world: a few files, each a function of its number, that members offer and fetch; what comes out must be what went in. */
#include "sim.h"

#include "proof/leaves.h"

#include <stdio.h>

/* A file's bytes: no two chunks of the world are alike. */
static void chunk_of(const struct sim *sim, uint32_t file, uint32_t index, uint8_t *ret_data, size_t size)
{
    struct prng prng;
    prng_init(&prng, sim->options.seed * 1000u + file * 100u + index);
    prng_fill(&prng, ret_data, size);
}

static uint8_t *leaves_of(const struct sim *sim, uint32_t file)
{
    const struct attachment_ref *ref = &sim->files[file].ref;
    static uint8_t data[QIAO_ATTACHMENT_CHUNK_SIZE];
    uint8_t *leaves = base_alloc((size_t)attachment_chunks(ref->size) * ATTACHMENT_LEAF_SIZE);
    for (uint32_t i = 0; i < attachment_chunks(ref->size); i++) {
        struct merkle_hash leaf;
        size_t size = attachment_chunk_size(ref->size, i);
        chunk_of(sim, file, i, data, size);
        merkle_leaf(&seal_null, SEAL_SUITE_NONE, qiao_bytes(data, size), &leaf);
        memcpy(leaves + (size_t)i * ATTACHMENT_LEAF_SIZE, leaf.bytes, ATTACHMENT_LEAF_SIZE);
    }
    return leaves;
}

uint32_t sim_add_file(struct sim *sim, uint64_t size)
{
    assert(sim->files_count < SIM_FILES_MAX);
    uint32_t file = sim->files_count++;
    struct merkle_log log = { .size = 0 };
    struct merkle_hash leaf, head;
    sim->files[file].ref = (struct attachment_ref){ .size = size };
    uint8_t *leaves = leaves_of(sim, file);
    for (uint32_t i = 0; i < attachment_chunks(size); i++) {
        memcpy(leaf.bytes, leaves + (size_t)i * ATTACHMENT_LEAF_SIZE, ATTACHMENT_LEAF_SIZE);
        merkle_log_add(&seal_null, SEAL_SUITE_NONE, &log, &leaf);
    }
    merkle_log_root(&seal_null, SEAL_SUITE_NONE, &log, &head);
    memcpy(sim->files[file].ref.digest, head.bytes, ATTACHMENT_DIGEST_SIZE);
    free(leaves);
    return file;
}

/* Its own dice: worlds without files stay as they were. */
void files_build(struct sim *sim)
{
    struct prng prng;
    prng_init(&prng, sim->options.seed ^ 0x66696c6573u);
    if (prng_below(&prng, 100) >= 35) return;
    uint64_t count = 1 + prng_below(&prng, SIM_FILES_MAX);
    for (uint64_t i = 0; i < count; i++) sim_add_file(sim, 1 + prng_below(&prng, prng_below(&prng, 2) ? QIAO_ATTACHMENT_CHUNK_SIZE : 5 * QIAO_ATTACHMENT_CHUNK_SIZE));
}

struct qiao_attachment files_attachment(const struct sim *sim, uint32_t file)
{
    struct qiao_attachment a = { .size = sim->files[file].ref.size };
    memcpy(a.digest, sim->files[file].ref.digest, sizeof a.digest);
    return a;
}

static uint32_t number_of(struct sim *sim, const uint8_t digest[ATTACHMENT_DIGEST_SIZE])
{
    for (uint32_t i = 0; i < sim->files_count; i++)
        if (memcmp(sim->files[i].ref.digest, digest, ATTACHMENT_DIGEST_SIZE) == 0) return i;
    sim_fail(sim, "a file that nobody has");
    return 0;
}

/* ---- what a member's session calls ---- */

static bool on_read(void *context, const struct attachment_ref *ref, bool fetched, uint32_t index, uint8_t *ret_data, size_t size)
{
    struct sim_member *member = context;
    uint32_t file = number_of(member->sim, ref->digest);
    chunk_of(member->sim, file, index, ret_data, size);
    if (fetched && !(member->files[file].written >> index & 1)) ret_data[0] ^= 1; /* torn by a crash */
    return true;
}

static bool on_write(void *context, const struct attachment_ref *ref, uint32_t index, struct qiao_bytes data)
{
    static uint8_t expected[QIAO_ATTACHMENT_CHUNK_SIZE];
    struct sim_member *member = context;
    struct sim *sim = member->sim;
    uint32_t file = number_of(sim, ref->digest);
    chunk_of(sim, file, index, expected, attachment_chunk_size(ref->size, index));
    if (data.size != attachment_chunk_size(ref->size, index) || memcmp(data.data, expected, data.size) != 0) sim_fail(sim, "%s is given wrong bytes of file %u", member->name, file);
    member->files[file].written |= 1ull << index;
    sim->counts.file_bytes += data.size;
    return true;
}

static void on_ended(void *context, const struct attachment_ref *ref, bool fetched, unsigned code)
{
    struct sim_member *member = context;
    struct sim *sim = member->sim;
    uint32_t file = number_of(sim, ref->digest), chunks = attachment_chunks(ref->size);
    sim_trace(sim, "%s at %s: file %u is %s: %s", member->name, sim->nodes[member->node].name, file, fetched ? "fetched" : "with the node", qiao_code_name(code));
    if (code != QIAO_CODE_OK) sim_fail(sim, "%s: file %u ends with %s", member->name, file, qiao_code_name(code));
    if (!fetched) member->files[file].attached = true;
    if (!fetched) return;
    if (member->files[file].written != (1ull << chunks) - 1) sim_fail(sim, "%s: file %u is said to be whole and is not", member->name, file);
    member->files[file].fetched = true;
    sim->counts.files_fetched++;
}

/* ---- a member's life ---- */

static void offer(struct sim_member *member, uint32_t file)
{
    const struct attachment_ref *ref = &member->sim->files[file].ref;
    session_offer(&member->session, ref, attachment_chunks(ref->size) > 1 ? leaves_of(member->sim, file) : NULL, member->sim->now_ms);
}

static void fetch(struct sim_member *member, uint32_t file)
{
    uint32_t there = 0;
    while (member->files[file].written >> there) there++;
    session_fetch(&member->session, &member->sim->files[file].ref, there, member->sim->now_ms);
}

void files_start(struct sim_member *member)
{
    member->session.files.calls = (struct session_files_calls){ member, on_read, on_write, on_ended };
    for (uint32_t i = 0; i < member->sim->files_count; i++) {
        if (member->files[i].offered) offer(member, i);
        if (member->files[i].wanted && !member->files[i].fetched) fetch(member, i);
    }
}

/* What was written and not synced may be gone. */
void files_crash(struct sim_member *member)
{
    for (uint32_t i = 0; i < member->sim->files_count; i++)
        if (!member->files[i].fetched && sim_chance(member->sim, 50)) member->files[i].written &= (1ull << sim_random(member->sim, 6)) - 1;
}

void files_submitted(struct sim_member *member, uint32_t file)
{
    member->files[file].offered = true;
    offer(member, file);
}

void files_delivered(struct sim_member *member, const struct qiao_message *message, uint32_t expected)
{
    struct sim *sim = member->sim;
    if (message->attachments_count != (expected ? 1u : 0u)) {
        sim_fail(sim, "%s is delivered a message with %zu attachments", member->name, message->attachments_count);
        return;
    }
    if (!expected || sim->failed) return;
    uint32_t file = number_of(sim, message->attachments[0].digest);
    if (file + 1 != expected) sim_fail(sim, "%s is delivered a message with file %u instead of %u", member->name, file, expected - 1);
    if (member->files[file].fetched) return;
    member->files[file].wanted = true;
    fetch(member, file);
}

bool files_are_quiet(const struct sim *sim)
{
    for (uint32_t m = 0; m < sim->members_count; m++)
        for (uint32_t i = 0; i < sim->files_count; i++)
            if (sim->members[m].files[i].wanted && !sim->members[m].files[i].fetched) return false;
    return true;
}

static void never_got(struct sim *sim, const struct sim_member *member, uint32_t file)
{
    const struct session_files *all = &member->session.files;
    char how[160] = "nobody asks for it";
    for (size_t i = 0; i < all->count; i++)
        if (all->files[i].fetched && memcmp(all->files[i].ref.digest, sim->files[file].ref.digest, ATTACHMENT_DIGEST_SIZE) == 0)
            snprintf(how, sizeof how, "%u of %u chunks are there, %u asked for", all->files[i].next, all->files[i].chunks, all->files[i].asked);
    sim_fail(sim, "%s at %s never got file %u: %s, its link is %s", member->name, sim->nodes[member->node].name, file, how, session_is_up(&member->session) ? "up" : "down");
}

void files_final(struct sim *sim)
{
    for (uint32_t m = 0; m < sim->members_count && !sim->failed; m++)
        for (uint32_t i = 0; i < sim->files_count; i++)
            if (sim->members[m].files[i].wanted && !sim->members[m].files[i].fetched) never_got(sim, &sim->members[m], i);
}
