/* What would be decided about a message with this header, if it came now: rules, policy and the table are asked, and nothing is kept or sent. */
#include "core/admin.h"
#include "core/explain.h"

/* Who would bring it: a member of this node, or the neighbour behind which its source lies. NULL: nobody could. */
static struct peer *bringer(struct core *core, const struct address *source)
{
    if (qiao_bytes_equal(source->area, qiao_bytes_from_string(core->area))) return route_member(core, source->org);
    struct route_query query = { .to = source };
    bool found = source->area.size > 0 && source->org.size > 0 && route_find(core, &query) == QIAO_CODE_OK && core->targets_count == 1;
    core->route_key.size = 0;
    return found && !core->targets[0]->member ? core->targets[0] : NULL;
}

static void send_decision(struct core *core, struct connection *c, uint32_t id, unsigned code, const struct buf *decision)
{
    buf_auto packed = { 0 };
    buf_auto route = { 0 };
    pb_put_varint(&route, 2, code);
    pb_put_bytes(&route, 3, buf_bytes(decision));
    pb_put_varint(&packed, 1, id);
    pb_put_varint(&packed, 2, 1);
    pb_put_bytes(&packed, 6, buf_bytes(&route));
    link_send_frame(&c->link, FRAME_ADMIN_REPLY, buf_bytes(&packed), core->now_ms, connection_out(core, c));
}

void ask_route_of_header(struct core *core, struct connection *c, uint32_t id, struct qiao_bytes header)
{
    buf_auto raw = { 0 };
    buf_auto decision = { 0 };
    struct envelope e;
    bool routed;
    pb_put_bytes(&raw, 1, header);
    unsigned code = envelope_open(buf_bytes(&raw), &e);
    if (code != QIAO_CODE_OK) {
        admin_refuse(core, c, id, code, "no message can have such a header");
        return;
    }
    struct peer *from = bringer(core, &e.header.source);
    if (!from) {
        admin_refuse(core, c, id, QIAO_CODE_SOURCE, "its source is no member of this node, and no neighbour would bring it");
        return;
    }
    code = accept_dry(core, from, &e, &routed);
    explain_describe(core, from, &e.header, code, routed, &decision);
    core->route_key.size = core->rerouted_from.size = 0;
    send_decision(core, c, id, code, &decision);
}
