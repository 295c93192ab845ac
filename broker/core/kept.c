/* Headers of messages this node has decided about, for rehearsing another configuration: a ring in memory, without bodies. */
#include "core/kept.h"

#include "core/admin.h"

/* Under load a message a few milliseconds is enough: what is copied must not cost what is measured. */
#define KEPT_A_SECOND 200u
#define KEPT_HEADER_SIZE_MAX 2048u
#define KEPT_A_REPLY 200u

struct kept_header {
    struct buf bytes;
    uint64_t at_ms;                /* since 1970 */
    uint32_t from;                 /* place in core->peers */
};

struct kept {
    struct kept_header *ring;
    size_t most, count, next;
    uint64_t tokens, counted_ms;
};

void kept_set_most(struct core *core, size_t most)
{
    if (core->kept && core->kept->most == most) return;
    kept_deinit(core);
    core->kept = base_zalloc(sizeof *core->kept);
    core->kept->most = most;
    core->kept->tokens = most;
    core->kept->ring = base_zalloc((most + 1) * sizeof *core->kept->ring);
}

void kept_deinit(struct core *core)
{
    if (!core->kept) return;
    for (size_t i = 0; i < core->kept->most; i++) buf_deinit(&core->kept->ring[i].bytes);
    free(core->kept->ring);
    free(core->kept);
    core->kept = NULL;
}

/* As many at once as the ring holds, then so many a second. */
static bool is_due(struct kept *kept, uint64_t now_ms)
{
    uint64_t passed = now_ms - kept->counted_ms, more = passed * KEPT_A_SECOND / 1000;
    if (more > 0) {
        kept->tokens = kept->tokens + more < kept->most ? kept->tokens + more : kept->most;
        kept->counted_ms = now_ms;
    }
    if (kept->tokens == 0) return false;
    kept->tokens--;
    return true;
}

void kept_add(struct core *core, const struct peer *from, const struct envelope *e)
{
    struct kept *kept = core->kept;
    if (!kept || kept->most == 0 || e->header_bytes.size > KEPT_HEADER_SIZE_MAX || !is_due(kept, core->now_ms)) return;
    struct kept_header *h = &kept->ring[kept->next];
    h->bytes.size = 0;
    buf_append(&h->bytes, e->header_bytes.data, e->header_bytes.size);
    h->at_ms = core->wall_ms;
    h->from = (uint32_t)(from - core->peers);
    kept->next = (kept->next + 1) % kept->most;
    if (kept->count < kept->most) kept->count++;
}

/* ---- for people ---- */

void kept_answer(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const struct kept *kept = core->kept;
    size_t count = kept ? kept->count : 0, at = request->kept_headers->from, used = 0;
    Qiao__V1__KeptHeader headers[KEPT_A_REPLY], *places[KEPT_A_REPLY];
    Qiao__V1__KeptHeadersReply list = QIAO__V1__KEPT_HEADERS_REPLY__INIT;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    list.headers = places;
    for (; at < count && used < KEPT_A_REPLY; at++, used++) {
        const struct kept_header *h = &kept->ring[(kept->next + kept->most - kept->count + at) % kept->most];
        headers[used] = (Qiao__V1__KeptHeader)QIAO__V1__KEPT_HEADER__INIT;
        headers[used].header = (ProtobufCBinaryData){ h->bytes.size, h->bytes.data };
        headers[used].from = core->peers[h->from].name;
        headers[used].at_ms = h->at_ms;
        places[used] = &headers[used];
    }
    list.n_headers = used;
    list.next = at < count ? (uint32_t)at : 0;
    list.configuration = core->configuration;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_KEPT_HEADERS;
    reply.kept_headers = &list;
    admin_reply(core, c, &reply);
}
