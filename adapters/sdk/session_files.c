/* A member's side of attachments: gives the node what it asks for of the files offered, and asks the node for files to fetch. */
#include "sdk/session.h"

#include "proof/leaves.h"

#define OFFER_PAUSE_MS_MIN 500u
#define OFFER_PAUSE_MS_MAX 30000u

static struct session_file *find(struct session *s, const uint8_t digest[ATTACHMENT_DIGEST_SIZE], bool fetched)
{
    for (size_t i = 0; i < s->files.count; i++)
        if (s->files.files[i].fetched == fetched && memcmp(s->files.files[i].ref.digest, digest, ATTACHMENT_DIGEST_SIZE) == 0) return &s->files.files[i];
    return NULL;
}

static struct session_file *add(struct session *s, const struct attachment_ref *ref, bool fetched)
{
    struct session_files *all = &s->files;
    if (all->count == all->capacity) {
        all->capacity = all->capacity ? all->capacity * 2 : 4;
        all->files = base_realloc(all->files, all->capacity * sizeof *all->files);
    }
    if (!all->chunk) all->chunk = base_alloc(QIAO_ATTACHMENT_CHUNK_SIZE);
    struct session_file *file = &all->files[all->count++];
    *file = (struct session_file){ .ref = *ref, .fetched = fetched, .chunks = attachment_chunks(ref->size), .again_ms = LINK_NEVER, .pause_ms = OFFER_PAUSE_MS_MIN };
    return file;
}

static void end(struct session *s, struct session_file *file, unsigned code)
{
    struct session_file ended = *file;
    *file = s->files.files[--s->files.count];
    free(ended.leaves);
    s->files.calls.ended(s->files.calls.context, &ended.ref, ended.fetched, code);
}

static void say(struct session *s, const struct session_file *file, struct attachment_word word, uint64_t now_ms)
{
    memcpy(word.digest, file->ref.digest, ATTACHMENT_DIGEST_SIZE);
    s->scratch.size = 0;
    attachment_word_write(&s->scratch, &word);
    link_send_frame(&s->link, FRAME_ATTACHMENT, buf_bytes(&s->scratch), now_ms, &s->out);
}

/* ---- offered ---- */

static void offer(struct session *s, struct session_file *file, uint64_t now_ms)
{
    file->again_ms = LINK_NEVER;
    say(s, file, (struct attachment_word){ .type = ATTACHMENT_OFFER }, now_ms);
}

void session_offer(struct session *s, const struct attachment_ref *ref, uint8_t *leaves, uint64_t now_ms)
{
    struct session_file *file = find(s, ref->digest, false);
    if (file) free(leaves);
    else (file = add(s, ref, false))->leaves = leaves;
    if (session_is_up(s)) offer(s, file, now_ms);
}

static bool give_chunk(struct session *s, struct session_file *file, uint32_t index, uint64_t now_ms)
{
    struct attachment_word word = { .type = ATTACHMENT_PART, .first = index };
    size_t size = attachment_chunk_size(file->ref.size, index);
    word.data = qiao_bytes(s->files.chunk, size);
    if (!s->files.calls.read(s->files.calls.context, &file->ref, false, index, s->files.chunk, size)) return false;
    if (!leaves_has_chunk(s->options.seal, &file->ref, file->leaves, index, word.data)) return false; /* it has changed since */
    say(s, file, word, now_ms);
    file->next++;
    return true;
}

static void give(struct session *s, struct session_file *file, const struct attachment_word *want, uint64_t now_ms)
{
    bool given = true;
    file->again_ms = LINK_NEVER;
    if (want->leaves && file->chunks > 1)
        say(s, file, (struct attachment_word){ .type = ATTACHMENT_PART, .leaves = true, .data = qiao_bytes(file->leaves, (size_t)file->chunks * ATTACHMENT_LEAF_SIZE) }, now_ms);
    for (uint32_t i = want->first; given && i < file->chunks && i - want->first < want->count; i++) given = give_chunk(s, file, i, now_ms);
    if (given) return;
    say(s, file, (struct attachment_word){ .type = ATTACHMENT_STATE, .state = ATTACHMENT_GONE }, now_ms);
    end(s, file, QIAO_CODE_DIGEST);
}

/* The node does not know of a message with it yet, or is busy with others: offered again. What was given up before this session had a
 * part in it is offered again too. */
static void offered_state(struct session *s, struct session_file *file, enum attachment_state state, uint64_t now_ms)
{
    if (state == ATTACHMENT_WHOLE || (state == ATTACHMENT_GONE && file->next > 0)) {
        end(s, file, state == ATTACHMENT_WHOLE ? QIAO_CODE_OK : QIAO_CODE_ATTACHMENT_GONE);
        return;
    }
    file->again_ms = now_ms + file->pause_ms;
    file->pause_ms = file->pause_ms * 2 > OFFER_PAUSE_MS_MAX ? OFFER_PAUSE_MS_MAX : file->pause_ms * 2;
}

/* ---- fetched ---- */

static void ask(struct session *s, struct session_file *file, uint64_t now_ms)
{
    struct attachment_word want = { .type = ATTACHMENT_WANT, .first = file->asked, .taken = s->files.taken };
    uint32_t flying = file->asked - file->next;
    want.leaves = file->chunks > 1 && !file->leaves && flying == 0;
    if (flying > ATTACHMENT_WINDOW_CHUNKS / 2 || (file->asked == file->chunks && !want.leaves)) return;
    /* What lies here is verified when the leaves are: only then is it known which chunks to ask for. */
    if (!want.leaves || file->there == 0) want.count = file->chunks - file->asked < ATTACHMENT_WINDOW_CHUNKS - flying ? file->chunks - file->asked : ATTACHMENT_WINDOW_CHUNKS - flying;
    file->asked += want.count;
    say(s, file, want, now_ms);
}

static void ask_anew(struct session *s, struct session_file *file, uint64_t now_ms)
{
    file->asked = file->next;
    ask(s, file, now_ms);
}

void session_fetch(struct session *s, const struct attachment_ref *ref, uint32_t there, uint64_t now_ms)
{
    struct session_file *file = find(s, ref->digest, true);
    if (file) return;
    file = add(s, ref, true);
    file->there = file->chunks > 1 && there <= file->chunks ? there : 0;
    if (session_is_up(s)) ask(s, file, now_ms);
}

static void keep_what_is_there(struct session *s, struct session_file *file)
{
    for (; file->next < file->there; file->next++) {
        size_t size = attachment_chunk_size(file->ref.size, file->next);
        if (!s->files.calls.read(s->files.calls.context, &file->ref, true, file->next, s->files.chunk, size)) break;
        if (!leaves_has_chunk(s->options.seal, &file->ref, file->leaves, file->next, qiao_bytes(s->files.chunk, size))) break;
    }
    if (file->there > 0) file->asked = file->next;
    file->there = 0;
}

static unsigned take_leaves(struct session *s, struct session_file *file, struct qiao_bytes data)
{
    if (file->leaves) return QIAO_CODE_OK;
    if (!leaves_fit(s->options.seal, &file->ref, data)) return QIAO_CODE_DIGEST;
    file->leaves = base_alloc(data.size);
    memcpy(file->leaves, data.data, data.size);
    keep_what_is_there(s, file);
    return QIAO_CODE_OK;
}

static unsigned take_chunk(struct session *s, struct session_file *file, uint32_t index, struct qiao_bytes data)
{
    if (index != file->next || (file->chunks > 1 && !file->leaves)) return QIAO_CODE_OK; /* of an earlier question */
    if (!leaves_has_chunk(s->options.seal, &file->ref, file->leaves, index, data)) return QIAO_CODE_DIGEST;
    if (!s->files.calls.write(s->files.calls.context, &file->ref, index, data)) return QIAO_CODE_BUSY;
    file->next++;
    if (file->asked < file->next) file->asked = file->next;
    return QIAO_CODE_OK;
}

static void take_part(struct session *s, struct session_file *file, const struct attachment_word *word, uint64_t now_ms)
{
    unsigned code = word->leaves ? take_leaves(s, file, word->data) : take_chunk(s, file, word->first, word->data);
    if (code != QIAO_CODE_OK || file->next == file->chunks) end(s, file, code);
    else ask(s, file, now_ms);
}

static void fetched_state(struct session *s, struct session_file *file, enum attachment_state state, uint64_t now_ms)
{
    if (state == ATTACHMENT_WHOLE) ask_anew(s, file, now_ms);
    else if (state == ATTACHMENT_UNKNOWN) end(s, file, QIAO_CODE_NOT_FOUND);
    else if (state == ATTACHMENT_GONE) end(s, file, QIAO_CODE_ATTACHMENT_GONE);
    else file->asked = file->next; /* the node says when it is whole */
}

/* ---- what the session calls ---- */

void session_files_up(struct session *s, uint64_t now_ms)
{
    s->files.taken = 0;
    for (size_t i = 0; i < s->files.count; i++) {
        if (s->files.files[i].fetched) ask_anew(s, &s->files.files[i], now_ms);
        else offer(s, &s->files.files[i], now_ms);
    }
}

void session_files_acked(struct session *s, uint64_t now_ms)
{
    for (size_t i = 0; i < s->files.count; i++)
        if (!s->files.files[i].fetched && s->files.files[i].again_ms != LINK_NEVER) offer(s, &s->files.files[i], now_ms);
}

void session_files_word(struct session *s, struct qiao_bytes payload, uint64_t now_ms)
{
    struct attachment_word word;
    if (!attachment_word_read(payload, &word)) return; /* of a newer node */
    s->files.taken += word.type == ATTACHMENT_PART;
    struct session_file *offered = find(s, word.digest, false), *fetched = find(s, word.digest, true);
    if (word.type == ATTACHMENT_WANT && offered) give(s, offered, &word, now_ms);
    if (word.type == ATTACHMENT_PART && fetched) take_part(s, fetched, &word, now_ms);
    if (word.type == ATTACHMENT_STATE && fetched) fetched_state(s, fetched, word.state, now_ms);
    offered = find(s, word.digest, false); /* the other may have left its place */
    if (word.type == ATTACHMENT_STATE && offered) offered_state(s, offered, word.state, now_ms);
}

void session_files_tick(struct session *s, uint64_t now_ms)
{
    for (size_t i = 0; session_is_up(s) && i < s->files.count; i++)
        if (s->files.files[i].again_ms <= now_ms) offer(s, &s->files.files[i], now_ms);
}

uint64_t session_files_deadline_ms(const struct session *s)
{
    uint64_t due = LINK_NEVER;
    for (size_t i = 0; session_is_up(s) && i < s->files.count; i++)
        if (s->files.files[i].again_ms < due) due = s->files.files[i].again_ms;
    return due;
}

void session_files_deinit(struct session *s)
{
    for (size_t i = 0; i < s->files.count; i++) free(s->files.files[i].leaves);
    free(s->files.files);
    free(s->files.chunk);
    s->files = (struct session_files){ .count = 0 };
}
