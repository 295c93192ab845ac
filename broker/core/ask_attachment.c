/* Which files this node keeps or waits for. */
#include "core/ask_attachment.h"

#include "core/admin.h"

#define LIST_MOST 500u

struct listing {
    struct core *core;
    Qiao__V1__AttachmentListReply reply;
    const uint8_t *only;           /* the one asked for, or NULL */
    uint32_t most;
};

static void *take(struct core *core, size_t size)
{
    void *memory = arena_alloc(&core->arena, size);
    assert(memory);
    return memset(memory, 0, size);
}

static bool count_chunk(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    (void)key;
    (void)value;
    ++*(uint32_t *)context;
    return true;
}

static uint32_t chunks_here(struct core *core, const struct attachment_record *record)
{
    const struct fetch *fetch = attach_fetch_find(core, record->ref.digest);
    struct key from = key_chunk(record->ref.digest, 0), to = key_chunk(record->ref.digest, ATTACHMENT_LEAVES);
    uint32_t count = 0;
    if (record->state == ATTACHMENT_WHOLE) return attachment_chunks(record->ref.size);
    if (fetch) return fetch->have_count;
    store_scan(core->store, key_bytes(&from), key_bytes(&to), count_chunk, &count);
    return count;
}

static char *hex_of(struct core *core, const uint8_t digest[ATTACHMENT_DIGEST_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *text = take(core, 2 * ATTACHMENT_DIGEST_SIZE + 1);
    for (size_t i = 0; i < ATTACHMENT_DIGEST_SIZE; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    return text;
}

static Qiao__V1__AttachmentEntry *entry_of(struct core *core, const struct attachment_record *record)
{
    Qiao__V1__AttachmentEntry *entry = take(core, sizeof *entry);
    *entry = (Qiao__V1__AttachmentEntry)QIAO__V1__ATTACHMENT_ENTRY__INIT;
    entry->digest = hex_of(core, record->ref.digest);
    entry->size = record->ref.size;
    entry->suite = record->ref.suite;
    entry->state = (Qiao__V1__AttachmentState)record->state;
    entry->chunks = attachment_chunks(record->ref.size);
    entry->chunks_here = chunks_here(core, record);
    entry->since_ms = record->since_ms;
    entry->until_ms = record->until_ms;
    entry->source = take(core, ATTACHMENT_SOURCE_MAX);
    attach_source_text(qiao_bytes(record->source, record->source_size), entry->source, ATTACHMENT_SOURCE_MAX);
    return entry;
}

static bool visit_record(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct listing *x = context;
    struct attachment_record record;
    (void)value;
    if (key.size != ATTACHMENT_KEY_SIZE || !attach_find(x->core, key.data + 2, &record, NULL)) return true;
    if (x->only && memcmp(x->only, record.ref.digest, ATTACHMENT_DIGEST_SIZE) != 0) return false;
    if (x->reply.n_attachments == x->most) {
        x->reply.next = x->reply.attachments[x->reply.n_attachments - 1]->digest;
        return false;
    }
    x->reply.attachments[x->reply.n_attachments++] = entry_of(x->core, &record);
    return true;
}

static bool read_hex(const char *text, uint8_t ret_digest[ATTACHMENT_DIGEST_SIZE])
{
    for (size_t i = 0; i < 2 * ATTACHMENT_DIGEST_SIZE; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return false;
        ret_digest[i / 2] = (uint8_t)(i % 2 ? ret_digest[i / 2] | digit : digit << 4);
    }
    return text[2 * ATTACHMENT_DIGEST_SIZE] == '\0';
}

static void fill_totals(const struct core *core, Qiao__V1__AttachmentListReply *reply)
{
    reply->bytes = core->attachments.bytes;
    reply->bytes_max = core->config.attachment_bytes_max;
    reply->parts_taken = core->attachments.parts_taken;
    reply->parts_again = core->attachments.parts_again;
    reply->parts_bad = core->attachments.parts_bad;
    reply->bytes_given = core->attachments.bytes_given;
}

void ask_attachment_list(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__AttachmentListRequest *list = request->attachment_list;
    struct listing x = { .core = core, .reply = QIAO__V1__ATTACHMENT_LIST_REPLY__INIT };
    uint8_t digest[ATTACHMENT_DIGEST_SIZE] = { 0 };
    const char *start = list->digest[0] ? list->digest : list->after;
    if (start[0] && !read_hex(start, digest)) {
        admin_refuse(core, c, request->id, QIAO_CODE_ADMIN_REQUEST, "a digest is 64 hexadecimal digits");
        return;
    }
    x.only = list->digest[0] ? digest : NULL;
    x.most = list->most && list->most < LIST_MOST ? list->most : LIST_MOST;
    x.reply.attachments = take(core, x.most * sizeof *x.reply.attachments);
    struct key from = key_attachment('a', digest);
    if (list->after[0] && !x.only) from.bytes[from.size++] = 0; /* behind it */
    store_scan(core->store, key_bytes(&from), qiao_bytes("fb", 2), visit_record, &x);
    fill_totals(core, &x.reply);
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_ATTACHMENT_LIST;
    reply.attachment_list = &x.reply;
    admin_reply(core, c, &reply);
}
