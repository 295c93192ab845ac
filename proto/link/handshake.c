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
    hello.wall_ms = o->wall_ms;
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

/* Deadlines, certificates and custody receipts hang on the time of day. A side that tells none is not judged. */
static bool clocks_agree(const struct link *link)
{
    uint64_t mine = link->options.wall_ms, theirs = link->peer.wall_ms, most = link->options.clock_skew_ms_max;
    uint64_t apart = mine > theirs ? mine - theirs : theirs - mine;
    return mine == 0 || theirs == 0 || most == 0 || apart <= most;
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
    peer->wall_ms = hello->wall_ms;
    return clocks_agree(link) ? QIAO_CODE_OK : QIAO_CODE_LINK_CLOCK;
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

static bool sign_transcript(const struct link *link, struct seal_key_id *ret_key_id, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    buf_auto words = { 0 };
    transcript(link, link->options.dialer, &words);
    const struct seal *seal = link->options.seal;
    return seal->sign(seal->context, buf_bytes(&words), ret_key_id, ret_signature) == 0;
}

/* What is here of a batch that a cut interrupted. */
static void put_part(const struct link *link, const struct link_part *part, uint8_t digest[SEAL_DIGEST_SIZE], Qiao__V1__LaneResume *lane)
{
    if (part->size == 0) return;
    seal_digest(link->options.seal, SEAL_SUITE_INT1, buf_bytes(&part->bytes), digest);
    lane->part_sequence = part->first_sequence;
    lane->part_count = part->count;
    lane->part_size = part->size;
    lane->part_received = part->bytes.size;
    lane->part_digest = (ProtobufCBinaryData){ SEAL_DIGEST_SIZE, digest };
}

bool handshake_put_auth(const struct link *link, struct buf *out)
{
    Qiao__V1__LaneResume lanes[LINK_LANES];
    uint8_t digests[LINK_LANES][SEAL_DIGEST_SIZE];
    Qiao__V1__LaneResume *lane_pointers[LINK_LANES];
    const struct seal *seal = link->options.seal;
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    struct seal_key_id key_id;
    buf_auto certificate = { 0 };
    Qiao__V1__Auth auth = QIAO__V1__AUTH__INIT;
    for (unsigned i = 0; i < LINK_LANES; i++) {
        lanes[i] = (Qiao__V1__LaneResume)QIAO__V1__LANE_RESUME__INIT;
        lanes[i].lane = (Qiao__V1__Lane)i;
        lanes[i].received = link->resume[i].received;
        lanes[i].next = link->resume[i].next;
        lanes[i].credit_messages = link->options.credit_messages;
        lanes[i].credit_bytes = link->options.credit_bytes;
        if (seal->suite != SEAL_SUITE_NONE) lanes[i].next_chain = (ProtobufCBinaryData){ SEAL_DIGEST_SIZE, (uint8_t *)link->resume[i].chain };
        put_part(link, &link->rx[i].part, digests[i], &lanes[i]);
        lane_pointers[i] = &lanes[i];
    }
    if (seal->suite != SEAL_SUITE_NONE) {
        if (!sign_transcript(link, &key_id, signature) || !seal->certificate(seal->context, &key_id, &certificate)) return false;
        auth.key_id = (ProtobufCBinaryData){ SEAL_KEY_ID_SIZE, key_id.bytes };
        auth.signature = (ProtobufCBinaryData){ sizeof signature, signature };
        auth.certificate = (ProtobufCBinaryData){ certificate.size, certificate.data };
    }
    auth.version = link->version;
    auth.suite = seal->suite;
    auth.n_lanes = LINK_LANES;
    auth.lanes = lane_pointers;
    size_t mark = frame_begin(out, FRAME_AUTH);
    size_t size = qiao__v1__auth__get_packed_size(&auth);
    qiao__v1__auth__pack(&auth, buf_reserve(out, size));
    out->size += size;
    frame_end(out, mark);
    return true;
}

/* The certificate must name who the hello said: a node by id and area, a member as area/org, in the area of its node. */
static bool is_peer(const struct link *link, const struct seal_identity *signer)
{
    const struct link_hello *peer = &link->peer;
    char member[QIAO_AREA_SIZE_MAX + QIAO_ORG_SIZE_MAX + 2];
    if (peer->role != LINK_ROLE_MEMBER_ONLY) return !signer->member && strcmp(signer->name, peer->node) == 0 && strcmp(signer->area, peer->area) == 0;
    snprintf(member, sizeof member, "%s/%s", link->options.area ? link->options.area : "", peer->org);
    return signer->member && strcmp(signer->name, member) == 0;
}

/* Members, and a side that has no keys, rely on the transport for who the other is: TLS certificates, or the host. */
static bool may_be_unsigned(const struct link *link)
{
    bool to_member = link->peer.role == LINK_ROLE_MEMBER_ONLY || link->options.role == LINK_ROLE_MEMBER_ONLY;
    return to_member || (link->options.seal->accepted & 1u << SEAL_SUITE_NONE) != 0;
}

static unsigned check_signature(const struct link *link, const Qiao__V1__Auth *auth)
{
    const struct seal *seal = link->options.seal;
    struct seal_key_id shown;
    struct seal_identity signer;
    if (auth->suite == SEAL_SUITE_NONE) return may_be_unsigned(link) ? QIAO_CODE_OK : QIAO_CODE_LINK_SIGNATURE;
    if (seal->accepted == 1u << SEAL_SUITE_NONE) return QIAO_CODE_OK;
    unsigned code = seal->learn(seal->context, qiao_bytes(auth->certificate.data, auth->certificate.len), &shown);
    if (code != QIAO_CODE_OK) return code;
    if (auth->key_id.len != SEAL_KEY_ID_SIZE || memcmp(auth->key_id.data, shown.bytes, SEAL_KEY_ID_SIZE) != 0) return QIAO_CODE_LINK_SIGNATURE;
    buf_auto words = { 0 };
    transcript(link, !link->options.dialer, &words);
    code = seal->verify(seal->context, (enum seal_suite)auth->suite, &shown, link->options.wall_ms, buf_bytes(&words),
                        qiao_bytes(auth->signature.data, auth->signature.len), &signer);
    if (code != QIAO_CODE_OK) return code == QIAO_CODE_SIGNATURE ? QIAO_CODE_LINK_SIGNATURE : code;
    return is_peer(link, &signer) ? QIAO_CODE_OK : QIAO_CODE_LINK_IDENTITY;
}

void handshake_take_resume(struct link *link, unsigned lane, const struct link_resume *theirs)
{
    struct link_tx *tx = &link->tx[lane];
    struct link_rx *rx = &link->rx[lane];
    const struct link_resume *own = &link->resume[lane];
    tx->acked = theirs->received + 1 > own->next ? theirs->received : own->next - 1;
    tx->next = tx->acked + 1;
    rx->next = theirs->next > own->received + 1 ? theirs->next : own->received + 1;
    rx->peer_next = theirs->next;
    memcpy(rx->peer_chain, theirs->chain, SEAL_DIGEST_SIZE);
}

static void take_held(const Qiao__V1__LaneResume *lane, struct link_held *held)
{
    if (lane->part_digest.len != SEAL_DIGEST_SIZE || lane->part_received >= lane->part_size || lane->part_size > QIAO_FRAME_SIZE_MAX) return;
    *held = (struct link_held){ .first_sequence = lane->part_sequence, .count = lane->part_count, .size = lane->part_size, .bytes = lane->part_received };
    memcpy(held->digest, lane->part_digest.data, SEAL_DIGEST_SIZE);
}

static unsigned take_lane(struct link *link, const Qiao__V1__LaneResume *lane)
{
    if ((unsigned)lane->lane >= LINK_LANES) return QIAO_CODE_FRAME_BODY;
    if (lane->received > UINT64_MAX / 2 || lane->next > UINT64_MAX / 2) return QIAO_CODE_FRAME_BODY;
    struct link_resume theirs = { .received = lane->received, .next = lane->next };
    if (lane->next_chain.len == SEAL_DIGEST_SIZE) memcpy(theirs.chain, lane->next_chain.data, SEAL_DIGEST_SIZE);
    handshake_take_resume(link, lane->lane, &theirs);
    link_take_credit(&link->tx[lane->lane], lane->credit_messages, lane->credit_bytes);
    take_held(lane, &link->tx[lane->lane].held);
    return QIAO_CODE_OK;
}

static unsigned take_auth(struct link *link, const Qiao__V1__Auth *auth)
{
    if (auth->version != link->version) return QIAO_CODE_LINK_VERSION;
    unsigned code = check_signature(link, auth);
    link->peer_suite = auth->suite < SEAL_SUITES ? auth->suite : SEAL_SUITE_NONE;
    if (auth->key_id.len == SEAL_KEY_ID_SIZE) memcpy(link->peer_key_id.bytes, auth->key_id.data, SEAL_KEY_ID_SIZE);
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
