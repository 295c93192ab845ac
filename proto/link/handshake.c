#include "link/handshake.h"

#include "base/arena.h"
#include "schema/link.pb-c.h"

#include <qiao/version.h>
#include <stdio.h>

/* What the handshake signs: both sides' nonces and names and the chosen version, so that a signature is good for this one
 * session, in this one direction. Strings are length-prefixed: no two handshakes share a transcript. */
static void put_sized(struct buf *buf, struct qiao_bytes bytes)
{
    uint8_t size[4];
    put_u32(size, (uint32_t)bytes.size);
    buf_append(buf, size, sizeof size);
    buf_append(buf, bytes.data, bytes.size);
}

static void transcript(const struct link *link, bool of_dialer, struct buf *out)
{
    const struct link_options *me = &link->options;
    const struct link_hello *peer = &link->peer;
    bool mine = of_dialer == me->dialer;
    uint8_t version[4];
    put_u32(version, link->version);
    put_sized(out, qiao_bytes_from_string(of_dialer ? "qiao link dialer" : "qiao link listener"));
    put_sized(out, qiao_bytes(version, sizeof version));
    put_sized(out, qiao_bytes(me->dialer ? me->nonce : peer->nonce, 32));
    put_sized(out, qiao_bytes(me->dialer ? peer->nonce : me->nonce, 32));
    put_sized(out, qiao_bytes_from_string(mine ? (me->node ? me->node : "") : peer->node));
    put_sized(out, qiao_bytes_from_string(mine ? (me->area ? me->area : "") : peer->area));
    put_sized(out, qiao_bytes_from_string(mine ? (me->org ? me->org : "") : peer->org));
}

void handshake_put_hello(const struct link *link, struct buf *out)
{
    const struct link_options *o = &link->options;
    Qiao__V1__Hello hello = QIAO__V1__HELLO__INIT;
    hello.version_min = QIAO_PROTOCOL_VERSION_MIN;
    hello.version_max = QIAO_PROTOCOL_VERSION_MAX;
    hello.role = (Qiao__V1__LinkRole)o->role;
    hello.node = (char *)(o->node ? o->node : "");
    hello.area = (char *)(o->area ? o->area : "");
    hello.org = (char *)(o->org ? o->org : "");
    hello.nonce = (ProtobufCBinaryData){ 32, (uint8_t *)o->nonce };
    hello.incarnation = o->incarnation;
    hello.features = o->features;
    hello.wants_deliveries = o->wants_deliveries;
    hello.wants_events = o->wants_events;
    size_t mark = frame_begin(out, FRAME_HELLO);
    size_t size = qiao__v1__hello__get_packed_size(&hello);
    qiao__v1__hello__pack(&hello, buf_reserve(out, size));
    out->size += size;
    frame_end(out, mark);
}

static bool copy_text(const char *from, char *to, size_t to_size)
{
    size_t size = strlen(from);
    if (size >= to_size || !utf8_valid(qiao_bytes(from, size))) return false;
    memcpy(to, from, size + 1);
    return true;
}

static unsigned take_hello(struct link *link, const Qiao__V1__Hello *hello)
{
    struct link_hello *peer = &link->peer;
    uint32_t version = hello->version_max < QIAO_PROTOCOL_VERSION_MAX ? hello->version_max : QIAO_PROTOCOL_VERSION_MAX;
    if (version < hello->version_min || version < QIAO_PROTOCOL_VERSION_MIN) return QIAO_CODE_LINK_VERSION;
    if (hello->nonce.len != 32 || (unsigned)hello->role > LINK_ROLE_MEMBER_ONLY) return QIAO_CODE_FRAME_BODY;
    if (memcmp(hello->nonce.data, link->options.nonce, 32) == 0) return QIAO_CODE_LINK_IDENTITY; /* our own words played back */
    if (!copy_text(hello->node, peer->node, sizeof peer->node) || !copy_text(hello->area, peer->area, sizeof peer->area) ||
        !copy_text(hello->org, peer->org, sizeof peer->org))
        return QIAO_CODE_FRAME_BODY;
    memcpy(peer->nonce, hello->nonce.data, 32);
    peer->role = (enum link_role)hello->role;
    peer->incarnation = hello->incarnation;
    peer->features = hello->features;
    peer->wants_deliveries = hello->wants_deliveries;
    peer->wants_events = hello->wants_events;
    link->version = version;
    return QIAO_CODE_OK;
}

static void arena_cleanup(struct arena *arena) { arena_deinit(arena); }

unsigned handshake_take_hello(struct link *link, struct qiao_bytes payload)
{
    __attribute__((cleanup(arena_cleanup))) struct arena arena;
    arena_init(&arena, 64 * 1024);
    if (!pb_depth_ok(payload)) return QIAO_CODE_FRAME_BODY;
    Qiao__V1__Hello *hello = qiao__v1__hello__unpack(&arena.protobuf, payload.size, payload.data);
    return hello ? take_hello(link, hello) : QIAO_CODE_FRAME_BODY;
}

static bool sign_transcript(const struct link *link, uint8_t signature[SEAL_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    buf_auto words = { 0 };
    transcript(link, link->options.dialer, &words);
    const struct seal *seal = link->options.seal;
    return seal->sign(seal->context, buf_bytes(&words), signature, ret_size) == 0;
}

bool handshake_put_auth(const struct link *link, struct buf *out)
{
    Qiao__V1__LaneResume lanes[LINK_LANES];
    Qiao__V1__LaneResume *lane_pointers[LINK_LANES];
    uint8_t signature[SEAL_SIGNATURE_SIZE_MAX];
    Qiao__V1__Auth auth = QIAO__V1__AUTH__INIT;
    for (unsigned i = 0; i < LINK_LANES; i++) {
        lanes[i] = (Qiao__V1__LaneResume)QIAO__V1__LANE_RESUME__INIT;
        lanes[i].lane = (Qiao__V1__Lane)i;
        lanes[i].received = link->resume[i].received;
        lanes[i].next = link->resume[i].next;
        lanes[i].credit_messages = link->options.credit_messages;
        lanes[i].credit_bytes = link->options.credit_bytes;
        lane_pointers[i] = &lanes[i];
    }
    if (!sign_transcript(link, signature, &auth.signature.len)) return false;
    auth.version = link->version;
    auth.suite = link->options.seal->suite;
    auth.key_id = (ProtobufCBinaryData){ link->options.seal->key_id.size, (uint8_t *)link->options.seal->key_id.data };
    auth.signature.data = signature;
    auth.n_lanes = LINK_LANES;
    auth.lanes = lane_pointers;
    size_t mark = frame_begin(out, FRAME_AUTH);
    size_t size = qiao__v1__auth__get_packed_size(&auth);
    qiao__v1__auth__pack(&auth, buf_reserve(out, size));
    out->size += size;
    frame_end(out, mark);
    return true;
}

static bool signature_ok(const struct link *link, const Qiao__V1__Auth *auth)
{
    buf_auto words = { 0 };
    transcript(link, !link->options.dialer, &words);
    const struct seal *seal = link->options.seal;
    return seal->verify(seal->context, (enum seal_suite)auth->suite, qiao_bytes(auth->key_id.data, auth->key_id.len), buf_bytes(&words),
                        qiao_bytes(auth->signature.data, auth->signature.len));
}

static unsigned take_lane(struct link *link, const Qiao__V1__LaneResume *lane)
{
    if ((unsigned)lane->lane >= LINK_LANES) return QIAO_CODE_FRAME_BODY;
    if (lane->received > UINT64_MAX / 2 || lane->next > UINT64_MAX / 2) return QIAO_CODE_FRAME_BODY;
    struct link_tx *tx = &link->tx[lane->lane];
    struct link_rx *rx = &link->rx[lane->lane];
    const struct link_resume *own = &link->resume[lane->lane];
    uint64_t peer_has = lane->received;
    tx->acked = peer_has + 1 > own->next ? peer_has : own->next - 1;
    tx->next = tx->acked + 1;
    link_take_credit(tx, lane->credit_messages, lane->credit_bytes);
    rx->next = lane->next > own->received + 1 ? lane->next : own->received + 1;
    return QIAO_CODE_OK;
}

static unsigned take_auth(struct link *link, const Qiao__V1__Auth *auth)
{
    if (auth->version != link->version) return QIAO_CODE_LINK_VERSION;
    if (!signature_ok(link, auth)) return QIAO_CODE_LINK_SIGNATURE;
    unsigned code = QIAO_CODE_OK;
    for (size_t i = 0; i < auth->n_lanes && code == QIAO_CODE_OK; i++) code = take_lane(link, auth->lanes[i]);
    return code;
}

unsigned handshake_take_auth(struct link *link, struct qiao_bytes payload)
{
    __attribute__((cleanup(arena_cleanup))) struct arena arena;
    arena_init(&arena, 64 * 1024);
    if (!pb_depth_ok(payload)) return QIAO_CODE_FRAME_BODY;
    Qiao__V1__Auth *auth = qiao__v1__auth__unpack(&arena.protobuf, payload.size, payload.data);
    return auth ? take_auth(link, auth) : QIAO_CODE_FRAME_BODY;
}
