/* Events for `qiao watch`: told as they happen, kept for nobody. */
#include "core/state.h"

#include "schema/admin.pb-c.h"

static void tell(struct core *core, const Qiao__V1__WatchEvent *event)
{
    for (size_t i = 0; i < core->connections_capacity; i++) {
        struct connection *c = core->connections[i];
        /* A watcher that does not read is not waited for. */
        if (!c || !c->watching || c->closing || c->out.size > QIAO_FRAME_SIZE_MAX) continue;
        Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
        uint8_t packed[1024];
        reply.id = c->watch_request;
        reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_EVENT;
        reply.event = (Qiao__V1__WatchEvent *)event;
        if (qiao__v1__admin_reply__get_packed_size(&reply) > sizeof packed) continue;
        size_t size = qiao__v1__admin_reply__pack(&reply, packed);
        link_send_frame(&c->link, FRAME_ADMIN_REPLY, qiao_bytes(packed, size), core->now_ms, connection_out(core, c));
    }
}

void watch_message(struct core *core, int event, const struct header *header, const struct peer *peer, unsigned outcome, unsigned code)
{
    if (core->watchers == 0) return;
    char case_id[QIAO_CASE_ID_SIZE_MAX + 1] = "";
    Qiao__V1__WatchEvent e = QIAO__V1__WATCH_EVENT__INIT;
    if (header->case_id.size) memcpy(case_id, header->case_id.data, header->case_id.size);
    case_id[header->case_id.size] = '\0';
    e.event = (Qiao__V1__WatchKind)event;
    e.at_ms = core->wall_ms;
    e.message_id = (ProtobufCBinaryData){ QIAO_ID_SIZE, (uint8_t *)header->id.bytes };
    e.peer = peer ? peer->name : (char *)"";
    e.kind = header->kind;
    e.outcome = (Qiao__V1__OutcomeStatus)outcome;
    e.code = code;
    e.case_id = case_id;
    tell(core, &e);
}

void watch_link(struct core *core, const struct peer *peer, bool up, unsigned code)
{
    if (core->watchers == 0) return;
    Qiao__V1__WatchEvent e = QIAO__V1__WATCH_EVENT__INIT;
    e.event = up ? QIAO__V1__WATCH_KIND__WATCH_LINK_UP : QIAO__V1__WATCH_KIND__WATCH_LINK_DOWN;
    e.at_ms = core->wall_ms;
    e.peer = peer->name;
    e.code = code;
    tell(core, &e);
}
