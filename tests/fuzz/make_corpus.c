/* Writes the seeds of corpus/: what the real encoders make, so that mutations start from sound input.
 *
 *   make_fuzz_corpus tests/fuzz/corpus */
#include "base/buf.h"
#include "codec/envelope.h"
#include "codec/frame.h"
#include "codec/run.h"
#include "conf/conf.h"
#include "link/link.h"
#include "proof/bundle.h"
#include "proof/group.h"
#include "schema/admin.pb-c.h"
#include "schema/area.pb-c.h"
#include "schema/case.pb-c.h"
#include "schema/link.pb-c.h"
#include "schema/receipt.pb-c.h"
#include "schema/referral.pb-c.h"

#include <qiao/kind.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *root;

static void write_seed(const char *folder, const char *name, const void *head, size_t head_size, struct qiao_bytes bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(head, 1, head_size, file) != head_size || fwrite(bytes.data, 1, bytes.size, file) != bytes.size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static struct qiao_bytes text(const char *string) { return qiao_bytes_from_string(string); }

/* ---- envelopes ---- */

static void pack(struct buf *out, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    protobuf_c_message_pack(message, buf_reserve(out, size));
    out->size += size;
}

static void case_open(struct buf *out)
{
    Qiao__V1__CaseOpen body = QIAO__V1__CASE_OPEN__INIT;
    body.title = (char *)"Noise at night, building 4";
    pack(out, &body.base);
}

static void receipt(struct buf *out)
{
    uint8_t id[16] = { 1, 2, 3 };
    Qiao__V1__Outcome outcome = QIAO__V1__OUTCOME__INIT;
    Qiao__V1__Outcome *outcomes[] = { &outcome };
    Qiao__V1__Address recipient = QIAO__V1__ADDRESS__INIT;
    Qiao__V1__Receipt body = QIAO__V1__RECEIPT__INIT;
    outcome.message_id = (ProtobufCBinaryData){ sizeof id, id };
    outcome.status = 1;
    recipient.area = (char *)"990101";
    recipient.org = (char *)"housing";
    body.recipient = &recipient;
    body.n_outcomes = 1;
    body.outcomes = outcomes;
    pack(out, &body.base);
}

static void envelope(struct buf *out, unsigned kind, const char *area, struct qiao_bytes body, unsigned hops)
{
    static const uint8_t digest[32] = { 7 };
    buf_auto source = { 0 };
    buf_auto destination = { 0 };
    address_write(&source, text("990101001"), text("desk"), text("duty"));
    address_write(&destination, text(area), text("housing"), text(""));
    struct envelope_draft draft = {
        .id = { { 1, 144, 3, 4, 5, 6, 0x70, 8, 0x80 } }, .kind = kind, .schema_version = 1, .source = buf_bytes(&source), .destination = buf_bytes(&destination),
        .case_id = text("C-2024-0007"), .case_sequence = 3, .matter = text("NOISE.CONSTRUCTION"), .idempotency_key = text("row 17"),
        .sent_at_ms = 1700000000000u, .expires_at_ms = 1700000600000u, .lane = 1, .privacy = 2, .body = body, .body_digest = qiao_bytes(digest, 32),
    };
    envelope_write(out, &draft);
    for (unsigned i = 0; i < hops; i++) envelope_put_hop(out, text(i ? "street" : "community"), 1700000000100u + i, text(""));
}

static void entry(struct buf *out, struct qiao_bytes raw)
{
    pb_put_bytes_head(out, 1, raw.size);
    buf_append(out, raw.data, raw.size);
}

static void envelope_seeds(void)
{
    buf_auto body = { 0 };
    buf_auto one = { 0 };
    buf_auto receipt_body = { 0 };
    buf_auto two = { 0 };
    buf_auto many = { 0 };
    case_open(&body);
    receipt(&receipt_body);
    envelope(&one, QIAO_KIND_CASE_OPEN, "990101", buf_bytes(&body), 2);
    envelope(&two, QIAO_KIND_RECEIPT, "990101/**", buf_bytes(&receipt_body), 0);
    write_seed("envelope", "case-open", "\0", 1, buf_bytes(&one));
    write_seed("envelope", "receipt", "\0", 1, buf_bytes(&two));
    write_seed("envelope", "body-receipt", "\2", 1, buf_bytes(&receipt_body));
    write_seed("envelope", "body-case-open", "\3", 1, buf_bytes(&body));
    batch_put_fields(&many, 1, 42, 3);
    entry(&many, buf_bytes(&one));
    entry(&many, text(""));
    entry(&many, buf_bytes(&two));
    write_seed("envelope", "batch", "\0", 1, buf_bytes(&many));
    many.size = 0;
    run_begin(&many);
    entry(&many, buf_bytes(&one));
    entry(&many, text(""));
    run_put_head(&many, 2, 1, 1700000600000u);
    write_seed("envelope", "run", "\0", 1, buf_bytes(&many));
}

/* ---- signed groups: the tree is not looked at, what is behind a good signature is ---- */

static void group_seeds(void)
{
    static const struct seal_key_id key = { { 1 } };
    static const uint8_t signature[SEAL_SIGNATURE_SIZE];
    buf_auto raw = { 0 };
    buf_auto group = { 0 };
    buf_auto singles = { 0 };
    struct group_batch batch;
    for (unsigned i = 0; i < 3; i++) {
        raw.size = 0;
        envelope(&raw, QIAO_KIND_PAYLOAD, "990101", text("body"), 0);
        size_t at = raw.size;
        if (i == 0) proof_put_head(&raw);
        if (i == 0) proof_fill_head(raw.data + at, SEAL_SUITE_INT1, &key, signature, 3, 1700000000000u);
        entry(&group, buf_bytes(&raw));
    }
    entry(&group, text(""));
    write_seed("group", "whole", "", 0, buf_bytes(&group));
    if (!group_open(&seal_null, buf_bytes(&group), 4, false, &batch)) exit(1);
    for (uint32_t i = 0; i < 3; i++) {
        raw.size = 0;
        buf_append(&raw, batch.messages[i].raw.data, batch.messages[i].raw.size);
        group_put_single(&raw, &batch, i);
        entry(&singles, buf_bytes(&raw));
    }
    group_batch_deinit(&batch);
    write_seed("group", "singles", "", 0, buf_bytes(&singles));
    buf_append(&singles, group.data, group.size);
    write_seed("group", "mixed", "", 0, buf_bytes(&singles));
}

/* ---- pages of bundles ---- */

static void bundle_seeds(void)
{
    static const uint8_t chain[SEAL_DIGEST_SIZE] = { 9 };
    buf_auto certificates = { 0 };
    buf_auto page = { 0 };
    struct bundle_page p = { .from = text("street"), .area = text("990101001"), .to = text("district"), .incarnation = 7, .to_incarnation = 8, .made_at_ms = 1700000000000u };
    bundle_page_write(&p, &page);
    write_seed("bundle", "empty", "", 0, buf_bytes(&page));
    page.size = 0;
    bundle_put_certificate(&certificates, text("a certificate"));
    bundle_put_certificate(&certificates, text("another"));
    p.certificates = buf_bytes(&certificates);
    p.frames = text("Qi\x01\x03");
    p.lanes[1] = (struct bundle_lane){ 41, 42, qiao_bytes(chain, sizeof chain) };
    bundle_page_write(&p, &page);
    write_seed("bundle", "full", "", 0, buf_bytes(&page));
}

/* ---- frames ---- */

static void frame(struct buf *out, enum frame_type type, struct qiao_bytes payload)
{
    size_t mark = frame_begin(out, type);
    buf_append(out, payload.data, payload.size);
    frame_end(out, mark);
}

static void frame_seeds(void)
{
    static const struct link_resume resume[LINK_LANES] = { { .received = 0, .next = 1 }, { .received = 4, .next = 9 }, { .received = 0, .next = 1 }, { .received = 0, .next = 1 } };
    static const uint8_t head[5] = { 1, 2, 9, 1, 0 };
    struct link link;
    buf_auto out = { 0 };
    link_init(&link, &(struct link_options){ .dialer = true, .role = LINK_ROLE_CHILD_NODE, .node = "street", .area = "990101001", .seal = &seal_null,
                                             .credit_messages = 100, .credit_bytes = 65536 }, 0);
    link_start(&link, 0, &out);
    write_seed("frame", "hello", head, sizeof head, buf_bytes(&out));
    link.state = LINK_STATE_WAIT_ACCEPT;
    link_accept(&link, resume, 0, &out);
    frame(&out, FRAME_PING, qiao_bytes("\x08\x01", 2));
    frame(&out, FRAME_CLOSE, qiao_bytes("\x08\x0d\x12\x03" "bye", 7));
    write_seed("frame", "handshake", head, sizeof head, buf_bytes(&out));
    out.size = 0;
    for (unsigned type = FRAME_HELLO; type < FRAME_TYPE_COUNT; type++) frame(&out, (enum frame_type)type, text("payload of some length"));
    write_seed("frame", "all-types", head, sizeof head, buf_bytes(&out));
    write_seed("frame", "cut-short", head, sizeof head, qiao_bytes(out.data, out.size - 9));
    link_deinit(&link);
}

/* ---- texts ---- */

static void conf_seeds(void)
{
    char *sample = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&sample, &size);
    if (!out) exit(1);
    conf_sample(out);
    fclose(out);
    write_seed("conf", "sample", "", 0, qiao_bytes(sample, size));
    free(sample);
    write_seed("conf", "small", "", 0, text(
        "node:\n  id: street\n  area: \"990101001\"\n  store: /var/lib/qiao\nlisten:\n  - ipc:///run/qiao/node\n"
        "links:\n  - role: parent\n    node: district\n    area: \"990101\"\n    to: tls+tcp://district:7701\n"
        "members:\n  - name: desk\n    services: [mediation.labour]\nlimits:\n  heartbeat: 5s\n  member_window_bytes: 8MiB\n"));
    write_seed("conf", "wrong", "", 0, text("node:\n  id: [a, {b: c}]\n  areaa: 99\nlimits: 7\n? x\n: &a *a\n--- \n...\n"));
}

static void csv_seeds(void)
{
    static const char gb18030[] = "id,text\r\n1,\xc4\xe3\xba\xc3\r\n2,\"\x81\x30\x81\x30\"\r\n";
    write_seed("csv", "utf-8", "\0\0\7\7\0", 5, text("id,text,where\n1,\"one, \"\"two\"\"\",here\n2,\xe5\x99\xaa\xe9\x9f\xb3,\"a\nb\"\n\n3,x\n"));
    write_seed("csv", "gb18030", "\1\0\7\7\0", 5, text(gb18030));
    write_seed("csv", "faults", "\0\1\3\2\1", 5, text("a;b\n\"open;never\nx\"y;z\n\"q\"r;s\n1;2;3;4;5;6\n\xff\xfe;\r x\n"));
}

/* ---- changes of a table of areas: the one of fuzz_area_delta.c ---- */

static void area_seeds(void)
{
    uint8_t versions[64] = { 1 };
    buf_auto merge = { 0 }, mistake = { 0 };
    Qiao__V1__AreaDelta delta = QIAO__V1__AREA_DELTA__INIT;
    Qiao__V1__AreaRecord row = QIAO__V1__AREA_RECORD__INIT, *rows[] = { &row };
    Qiao__V1__AreaSuccessor successor = QIAO__V1__AREA_SUCCESSOR__INIT, *successors[] = { &successor };
    char *aliases[] = { (char *)"y", (char *)"990178" }, *removed[] = { (char *)"990101001001", (char *)"990102" };
    successor.code = (char *)"9901", successor.relation = (char *)"SPLIT", successor.share = 5000;
    row.code = (char *)"990101", row.name = (char *)"a", row.level = (char *)"district", row.valid_to = (char *)"2026-11-01";
    row.parent = (char *)"9901", row.parent_is_given = 1;
    row.n_successors = 1, row.successors = successors, row.n_aliases = 2, row.aliases = aliases;
    delta.from = (ProtobufCBinaryData){ 32, versions }, delta.to = (ProtobufCBinaryData){ 32, versions + 32 };
    delta.parts = 1, delta.n_changed = 1, delta.changed = rows;
    pack(&merge, &delta.base);
    delta.n_changed = 0, delta.n_removed = 2, delta.removed = removed;
    pack(&mistake, &delta.base);
    write_seed("area_delta", "changed", "", 0, buf_bytes(&merge));
    write_seed("area_delta", "removed", "", 0, buf_bytes(&mistake));
}

/* ---- rows of choices: what each byte means is in the fuzzer of the folder's name ---- */

static void choice_seeds(void)
{
    static const uint8_t link_batch[] = {
        0, 1, 255, 255, 1, 1, 255, 255, 0, 137, 131, 0, 1, 0, 1, 0, 1, 0, 1, 9, 3, 0, 1, 0, 1, 0, 1, 0, 1, 137, 4, 0, 2, 3, 97,
        98, 99, 2, 122, 122, 137, 133, 0, 1, 0, 0, 9, 6, 2, 0
    };
    static const uint8_t session_submit[] = {
        1, 32, 64, 0, 0, 0, 0, 0, 6, 2, 0, 5, 104, 101, 108, 108, 111, 6, 3, 1, 0, 7, 7, 0, 4, 0, 0, 0, 0, 0, 0
    };
    static const uint8_t session_deliver[] = {
        1, 32, 64, 0, 0, 0, 3, 0, 1, 5, 0, 1, 18, 97, 98, 0, 0, 7, 5, 6, 17, 0, 0, 0, 5, 0, 0, 7, 0
    };
    static const uint8_t core_case[] = {
        0, 16, 48, 64, 1, 1, 1, 2, 1, 1, 5, 97, 98, 99, 100, 101, 0, 6, 2, 17, 3, 32, 0, 6, 6, 8, 0, 0, 0, 0, 6, 6, 15, 47
    };
    static const uint8_t core_receipt[] = {
        0, 48, 1, 1, 2, 18, 2, 53, 97, 98, 99, 100, 101, 0, 6, 6, 58, 2, 0, 3, 0, 1, 2, 3, 6, 6, 1, 15, 0, 6, 14
    };
    static const uint8_t record_small[] = {
        3, 130, 1, 2, 1, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 131, 1, 2, 1, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0
    };
    write_seed("link", "batch", "", 0, qiao_bytes(link_batch, sizeof link_batch));
    write_seed("session", "submit", "", 0, qiao_bytes(session_submit, sizeof session_submit));
    write_seed("session", "deliver", "", 0, qiao_bytes(session_deliver, sizeof session_deliver));
    write_seed("core", "case", "", 0, qiao_bytes(core_case, sizeof core_case));
    write_seed("core", "receipt", "", 0, qiao_bytes(core_receipt, sizeof core_receipt));
    write_seed("record", "small", "", 0, qiao_bytes(record_small, sizeof record_small));
}

int main(int count, char **words)
{
    if (count != 2) return fprintf(stderr, "usage: %s FOLDER\n", words[0]), 2;
    root = words[1];
    frame_seeds();
    envelope_seeds();
    group_seeds();
    bundle_seeds();
    conf_seeds();
    csv_seeds();
    area_seeds();
    choice_seeds();
    return 0;
}
