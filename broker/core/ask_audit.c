#include "core/ask_audit.h"

/* A page ends when it holds this much. */
#define PAGE_SIZE_MAX (256u * 1024u)
#define PAGE_MOST 4096u

struct page {
    struct core *core;
    struct buf out;                /* packed AuditExport */
    uint64_t count, most;
    const struct peer *peer;       /* of heads */
    struct seal_key_id last_key;
};

static void send_page(struct core *core, struct connection *c, uint32_t id, const struct page *page)
{
    buf_auto packed = { 0 };
    pb_put_varint(&packed, 1, id);
    pb_put_varint(&packed, 2, 1);
    pb_put_bytes_head(&packed, 20, page->out.size);
    buf_append(&packed, page->out.data, page->out.size);
    link_send_frame(&c->link, FRAME_ADMIN_REPLY, buf_bytes(&packed), core->now_ms, connection_out(core, c));
}

static void put_certificate(struct page *page, const struct seal_key_id *id)
{
    buf_auto certificate = { 0 };
    const struct seal *seal = page->core->config.seal;
    if (memcmp(&page->last_key, id, sizeof *id) == 0 || !seal->certificate(seal->context, id, &certificate)) return;
    page->last_key = *id;
    pb_put_bytes(&page->out, 4, buf_bytes(&certificate));
}

/* ---- the log ---- */

static bool put_entry(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct page *page = context;
    buf_auto entry = { 0 };
    if (key.size != 9 || value.size < SEAL_DIGEST_SIZE) return true;
    pb_put_varint(&entry, 1, get_u64(key.data + 1));
    pb_put_bytes(&entry, 2, qiao_bytes(value.data, SEAL_DIGEST_SIZE));
    pb_put_bytes(&entry, 3, qiao_bytes(value.data + SEAL_DIGEST_SIZE, value.size - SEAL_DIGEST_SIZE));
    pb_put_bytes(&page->out, 2, buf_bytes(&entry));
    return ++page->count < page->most && page->out.size < PAGE_SIZE_MAX;
}

/* False: the own key cannot sign. */
static bool put_head(struct page *page)
{
    struct core *core = page->core;
    const struct seal *seal = core->config.seal;
    buf_auto words = { 0 };
    buf_auto head = { 0 };
    struct seal_key_id key_id;
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    struct audit_head h = { .node = core->node, .log_suite = core->audit_suite, .size = core->audit.size, .root = core->audit_root, .at_ms = core->wall_ms };
    audit_statement(&words, seal->suite, &h);
    if (seal->sign(seal->context, buf_bytes(&words), &key_id, signature) < 0) return false;
    pb_put_string(&head, 1, h.node);
    pb_put_varint(&head, 2, h.log_suite);
    pb_put_varint(&head, 3, h.size);
    pb_put_bytes(&head, 4, qiao_bytes(h.root.bytes, SEAL_DIGEST_SIZE));
    pb_put_fixed64(&head, 5, h.at_ms);
    pb_put_varint(&head, 6, seal->suite);
    pb_put_bytes(&head, 7, qiao_bytes(key_id.bytes, SEAL_KEY_ID_SIZE));
    pb_put_bytes(&head, 8, qiao_bytes(signature, sizeof signature));
    pb_put_bytes(&page->out, 1, buf_bytes(&head));
    put_certificate(page, &key_id);
    return true;
}

static void refuse(struct core *core, struct connection *c, uint32_t id, unsigned code, const char *reason)
{
    buf_auto packed = { 0 };
    pb_put_varint(&packed, 1, id);
    pb_put_varint(&packed, 2, 1);
    pb_put_varint(&packed, 3, code);
    pb_put_string(&packed, 4, reason);
    link_send_frame(&c->link, FRAME_ADMIN_REPLY, buf_bytes(&packed), core->now_ms, connection_out(core, c));
}

void ask_audit_export(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__AuditExportRequest *wanted = request->audit_export;
    struct page page = { .core = core, .most = wanted->most && wanted->most < PAGE_MOST ? wanted->most : PAGE_MOST };
    if (!core_signs(core)) {
        refuse(core, c, request->id, QIAO_CODE_NOT_FOUND, "this node has no key and keeps no audit log");
        return;
    }
    if (wanted->head && !put_head(&page)) {
        refuse(core, c, request->id, QIAO_CODE_SIGNATURE, "own key cannot sign");
        return;
    }
    struct key from = key_number('U', wanted->from);
    if (wanted->from < core->audit.size) store_scan(core->store, key_bytes(&from), qiao_bytes("V", 1), put_entry, &page);
    send_page(core, c, request->id, &page);
    buf_deinit(&page.out);
}

/* ---- heads of peers' logs ---- */

static const struct peer *peer_of(const struct core *core, uint16_t number)
{
    for (size_t i = 0; i < core->links_count; i++)
        if (core->peers[i].number == number) return &core->peers[i];
    return NULL;
}

/* The layout of 'C' records is in custody.c. */
static bool put_peer_head(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct page *page = context;
    buf_auto head = { 0 };
    struct seal_key_id key_id;
    if (page->out.size >= PAGE_SIZE_MAX) return false;
    const struct peer *peer = key.size == 12 && value.size > 97 ? peer_of(page->core, get_u16(key.data + 1)) : NULL;
    if (peer && (!page->peer || page->peer == peer)) {
        memcpy(key_id.bytes, value.data + 9, SEAL_KEY_ID_SIZE);
        pb_put_string(&head, 1, peer->name);
        pb_put_string(&head, 2, page->core->node);
        pb_put_varint(&head, 3, key.data[3]);
        pb_put_varint(&head, 4, get_u64(key.data + 4));
        pb_put_bytes(&head, 5, qiao_bytes(value.data + 25, SEAL_DIGEST_SIZE));
        pb_put_fixed64(&head, 6, get_u64(value.data));
        pb_put_varint(&head, 7, get_u64(value.data + 57));
        pb_put_bytes(&head, 8, qiao_bytes(value.data + 65, SEAL_DIGEST_SIZE));
        pb_put_varint(&head, 9, value.data[8]);
        pb_put_bytes(&head, 10, qiao_bytes(key_id.bytes, SEAL_KEY_ID_SIZE));
        pb_put_bytes(&head, 11, qiao_bytes(value.data + 97, value.size - 97));
        pb_put_bytes(&page->out, 3, buf_bytes(&head));
        put_certificate(page, &key_id);
    }
    if (page->out.size >= PAGE_SIZE_MAX) pb_put_bytes(&page->out, 5, key);
    return true;
}

void ask_audit_heads(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__AuditHeadsRequest *wanted = request->audit_heads;
    struct page page = { .core = core };
    struct key from = { .bytes = { 'C' }, .size = 1 };
    for (size_t i = 0; *wanted->peer && i < core->links_count; i++)
        if (strcmp(core->peers[i].name, wanted->peer) == 0) page.peer = &core->peers[i];
    if (*wanted->peer && !page.peer) {
        refuse(core, c, request->id, QIAO_CODE_NOT_FOUND, "no link of this node has that name");
        return;
    }
    if (page.peer) from = key_lane('C', page.peer->number, 0);
    if (wanted->after.len == 12) {
        memcpy(from.bytes, wanted->after.data, 12);
        from.bytes[0] = 'C';
        from.size = 13; /* behind that one */
    }
    store_scan(core->store, key_bytes(&from), qiao_bytes("D", 1), put_peer_head, &page);
    send_page(core, c, request->id, &page);
    buf_deinit(&page.out);
}
