/* proto3 JSON against two oracles: protoc's text format, and what the mapping's specification says. */
#include "bodies.h"
#include "pbjson.h"

#include <criterion/criterion.h>
#include <schema/admin.pb-c.h>
#include <schema/allocation.pb-c.h>
#include <schema/case.pb-c.h>
#include <schema/envelope.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The same message as protobuf text and as JSON. */
static const struct pair {
    const ProtobufCMessageDescriptor *type;
    const char *name, *file;
    const char *text;
    const char *json;
} pairs[] = {
    { &qiao__v1__case_open__descriptor, "qiao.v1.CaseOpen", "case.proto",
      "title: \"\\345\\231\\252\\351\\237\\263 \\\"loud\\\"\" text: \"a\\nb\" place { area: \"990101001\" longitude_e7: -1204567890 latitude_e7: 9000000000 "
      "has_coordinates: true } reported_at_ms: 18446744073709551615 channel: CASE_CHANNEL_GRID external_ids { system: \"hotline\" id: \"7\" } "
      "external_ids { id: \"8\" } attachments { digest: \"\\000\\001\\376\\377\" size: 9007199254740993 } wants_reply: true",
      "{\"title\":\"噪音 \\\"loud\\\"\",\"text\":\"a\\nb\",\"place\":{\"area\":\"990101001\",\"longitudeE7\":\"-1204567890\",\"latitudeE7\":\"9000000000\","
      "\"hasCoordinates\":true},\"reportedAtMs\":\"18446744073709551615\",\"channel\":\"CASE_CHANNEL_GRID\",\"externalIds\":[{\"system\":\"hotline\","
      "\"id\":\"7\"},{\"id\":\"8\"}],\"attachments\":[{\"size\":\"9007199254740993\",\"digest\":\"AAH+/w==\"}],\"wantsReply\":true}" },
    { &qiao__v1__case_open__descriptor, "qiao.v1.CaseOpen", "case.proto", "", "{}" },
    { &qiao__v1__admin_request__descriptor, "qiao.v1.AdminRequest", "admin.proto", "id: 4294967295 route { destination { area: \"99\" } kind: 200 }",
      "{\"id\":4294967295,\"route\":{\"destination\":{\"area\":\"99\"},\"kind\":200}}" },
    { &qiao__v1__admin_request__descriptor, "qiao.v1.AdminRequest", "admin.proto", "status { }", "{\"status\":{}}" },
    { &qiao__v1__watch_event__descriptor, "qiao.v1.WatchEvent", "admin.proto", "event: 99 outcome: OUTCOME_DEAD", "{\"event\":99,\"outcome\":\"OUTCOME_DEAD\"}" },
    { &qiao__v1__allocation_grant__descriptor, "qiao.v1.AllocationGrant", "allocation.proto",
      "transfer_id: \"t\" quantities { lot { id: \"l\" resource: RESOURCE_CLASS_BUDGET unit: \"fen\" } amount: 100 serials: \"a\" serials: \"\" }",
      "{\"transferId\":\"t\",\"quantities\":[{\"lot\":{\"id\":\"l\",\"resource\":\"RESOURCE_CLASS_BUDGET\",\"unit\":\"fen\"},\"amount\":\"100\","
      "\"serials\":[\"a\",\"\"]}]}" },
};

#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

static bool has_protoc(void)
{
    return system("protoc --version > /dev/null 2>&1") == 0;
}

/* Runs protoc on a file of input; the output, to be freed. */
static char *run_protoc(const char *mode, const struct pair *pair, const void *input, size_t input_size, size_t *ret_size)
{
    char path[] = "/tmp/qiao-pbjson-XXXXXX", command[512];
    char *output = malloc(65536);
    int fd = mkstemp(path);
    FILE *pipe;

    cr_assert(write(fd, input, input_size) == (ssize_t)input_size);
    close(fd);
    snprintf(command, sizeof(command), "protoc --%s=%s --proto_path=%s %s < %s", mode, pair->name, SCHEMA_DIR, pair->file, path);
    pipe = popen(command, "r");
    *ret_size = fread(output, 1, 65535, pipe);
    output[*ret_size] = '\0';
    cr_assert_eq(pclose(pipe), 0, "%s", command);
    unlink(path);
    return output;
}

Test(pbjson, prints_what_protoc_encoded)
{
    if (!has_protoc())
        cr_skip_test("protoc is not installed");
    for (size_t i = 0; i < PAIRS; i++) {
        size_t size;
        char *packed = run_protoc("encode", &pairs[i], pairs[i].text, strlen(pairs[i].text), &size);
        ProtobufCMessage *message = protobuf_c_message_unpack(pairs[i].type, NULL, size, (uint8_t *)packed);
        json_t *json = pbjson_from_message(message, 0);
        json_t *expected = json_loads(pairs[i].json, 0, NULL);
        char *printed = json_dumps(json, JSON_COMPACT);
        cr_assert(json_equal(json, expected), "pair %zu: %s", i, printed);
        free(printed);
        json_decref(expected);
        json_decref(json);
        protobuf_c_message_free_unpacked(message, NULL);
        free(packed);
    }
}

Test(pbjson, what_is_read_is_what_protoc_reads)
{
    if (!has_protoc())
        cr_skip_test("protoc is not installed");
    for (size_t i = 0; i < PAIRS; i++) {
        char error[PBJSON_ERROR_SIZE] = "";
        json_t *json = json_loads(pairs[i].json, 0, NULL);
        ProtobufCMessage *message = pbjson_to_message(pairs[i].type, json, 0, error);
        size_t size, decoded_size, encoded_size;
        uint8_t packed[4096];
        char *decoded, *encoded;
        cr_assert(message, "pair %zu: %s", i, error);
        size = protobuf_c_message_pack(message, packed);
        decoded = run_protoc("decode", &pairs[i], packed, size, &decoded_size);
        encoded = run_protoc("encode", &pairs[i], decoded, decoded_size, &encoded_size);
        free(decoded);
        decoded = run_protoc("encode", &pairs[i], pairs[i].text, strlen(pairs[i].text), &decoded_size);
        cr_assert(encoded_size == decoded_size && memcmp(encoded, decoded, encoded_size) == 0, "pair %zu", i);
        free(encoded);
        free(decoded);
        protobuf_c_message_free_unpacked(message, NULL);
        json_decref(json);
    }
}

static ProtobufCMessage *read_json(const ProtobufCMessageDescriptor *type, const char *text, unsigned flags, char *error)
{
    json_t *json = json_loads(text, 0, NULL);
    ProtobufCMessage *message;

    cr_assert(json, "%s", text);
    message = pbjson_to_message(type, json, flags, error);
    json_decref(json);
    return message;
}

static const struct {
    const ProtobufCMessageDescriptor *type;
    const char *json, *said;
} wrong[] = {
    { &qiao__v1__case_open__descriptor, "{\"titel\":\"x\"}", "\"titel\" is not a field of CaseOpen" },
    { &qiao__v1__case_open__descriptor, "{\"title\":7}", "title must be text" },
    { &qiao__v1__case_open__descriptor, "[]", "CaseOpen must be a JSON object" },
    { &qiao__v1__case_open__descriptor, "{\"wantsReply\":\"yes\"}", "wants_reply must be true or false" },
    { &qiao__v1__case_open__descriptor, "{\"reportedAtMs\":-1}", "reported_at_ms must be a whole number from 0" },
    { &qiao__v1__case_open__descriptor, "{\"reportedAtMs\":\"1x\"}", "reported_at_ms" },
    { &qiao__v1__case_open__descriptor, "{\"reportedAtMs\":1.5}", "reported_at_ms" },
    { &qiao__v1__case_open__descriptor, "{\"reportedAtMs\":\"18446744073709551616\"}", "reported_at_ms" },
    { &qiao__v1__case_open__descriptor, "{\"channel\":\"CASE_CHANNEL_PIGEON\"}", "which is not a CaseChannel" },
    { &qiao__v1__case_open__descriptor, "{\"externalIds\":{}}", "external_ids must be a JSON array" },
    { &qiao__v1__case_open__descriptor, "{\"externalIds\":[{\"id\":\"1\"},{\"id\":2}]}", "id must be text" },
    { &qiao__v1__case_open__descriptor, "{\"externalIds\":[null]}", "must be a JSON object" },
    { &qiao__v1__case_open__descriptor, "{\"externalIds\":[],\"external_ids\":[{}],\"place\":{},\"title\":[]}", "title" },
    { &qiao__v1__case_open__descriptor, "{\"attachments\":[{\"digest\":\"*\"}]}", "digest is not base64" },
    { &qiao__v1__admin_request__descriptor, "{\"id\":4294967296}", "id must be a whole number from 0 to 4294967295" },
    { &qiao__v1__admin_request__descriptor, "{\"status\":{},\"watch\":{}}", "together with another member" },
    { &qiao__v1__message_request__descriptor, "{\"id\":5}", "id must be base64 text" },
};

Test(pbjson, mistakes_are_refused_with_the_name_of_the_field)
{
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char error[PBJSON_ERROR_SIZE] = "";
        cr_assert_null(read_json(wrong[i].type, wrong[i].json, 0, error), "%s", wrong[i].json);
        cr_assert(strstr(error, wrong[i].said), "%s: \"%s\"", wrong[i].json, error);
    }
}

Test(pbjson, other_spellings_that_the_mapping_allows_are_read)
{
    char error[PBJSON_ERROR_SIZE] = "";
    Qiao__V1__CaseOpen *open = (Qiao__V1__CaseOpen *)read_json(
        &qiao__v1__case_open__descriptor,
        "{\"reported_at_ms\":1700000000000,\"occurredAtMs\":1e3,\"channel\":5,\"title\":null,\"attachments\":[{\"digest\":\"-_8\"}]}", 0, error);

    cr_assert(open, "%s", error);
    cr_assert(open->reported_at_ms == 1700000000000 && open->occurred_at_ms == 1000 && open->channel == 5 && !*open->title);
    cr_assert(open->attachments[0]->digest.len == 2 && open->attachments[0]->digest.data[0] == 0xfb);
    protobuf_c_message_free_unpacked(&open->base, NULL);
}

Test(pbjson, ids_are_uuids_when_asked)
{
    uint8_t bytes[16] = { 0x01, 0x89, 0x0a, 0x5d, 0xac, 0x96, 0x77, 0x4b, 0xbc, 0xce, 0xb3, 0x02, 0x09, 0x9a, 0x80, 0x57 };
    Qiao__V1__Header header = QIAO__V1__HEADER__INIT;
    char error[PBJSON_ERROR_SIZE] = "";
    Qiao__V1__Header *read;
    json_t *json;

    header.correlation_id = header.id = header.body_digest = (ProtobufCBinaryData){ 16, bytes };
    json = pbjson_from_message(&header.base, PBJSON_UUID);
    cr_assert_str_eq(json_string_value(json_object_get(json, "id")), "01890a5d-ac96-774b-bcce-b302099a8057");
    cr_assert_str_eq(json_string_value(json_object_get(json, "correlationId")), "01890a5d-ac96-774b-bcce-b302099a8057");
    cr_assert_str_eq(json_string_value(json_object_get(json, "bodyDigest")), "AYkKXayWd0u8zrMCCZqAVw==", "a digest is no id");
    read = (Qiao__V1__Header *)pbjson_to_message(&qiao__v1__header__descriptor, json, PBJSON_UUID, error);
    cr_assert(read && read->id.len == 16 && memcmp(read->id.data, bytes, 16) == 0, "%s", error);
    protobuf_c_message_free_unpacked(&read->base, NULL);
    json_decref(json);
    json = pbjson_from_message(&header.base, 0);
    cr_assert_str_eq(json_string_value(json_object_get(json, "id")), "AYkKXayWd0u8zrMCCZqAVw==");
    json_decref(json);
}

Test(pbjson, defaults_are_printed_when_asked)
{
    Qiao__V1__StatusReply status = QIAO__V1__STATUS_REPLY__INIT;
    json_t *json = pbjson_from_message(&status.base, PBJSON_DEFAULTS);

    cr_assert(json_is_false(json_object_get(json, "ready")));
    cr_assert(json_is_array(json_object_get(json, "peers")));
    cr_assert_str_eq(json_string_value(json_object_get(json, "commits")), "0");
    cr_assert_str_eq(json_string_value(json_object_get(json, "node")), "");
    json_decref(json);
}

Test(pbjson, bytes_that_are_not_utf8_do_not_break_the_output)
{
    Qiao__V1__StatusReply status = QIAO__V1__STATUS_REPLY__INIT;
    char name[] = "a\xff\xe5\xae\x89";
    json_t *json;

    status.node = name;
    json = pbjson_from_message(&status.base, 0);
    cr_assert_str_eq(json_string_value(json_object_get(json, "node")), "a\xef\xbf\xbd安");
    json_decref(json);
}

Test(bodies, json_becomes_the_body_of_its_kind_and_back)
{
    static const char text[] = "{\"title\":\"x\",\"links\":[{\"caseId\":\"c\"}]}";
    char error[PBJSON_ERROR_SIZE] = "";
    struct qiao_bytes body;
    json_t *json, *expected = json_loads(text, 0, NULL);

    cr_assert(body_from_json(200, text, strlen(text), &body, error), "%s", error);
    json = body_to_json(200, body);
    cr_assert(json_equal(json, expected));
    cr_assert_null(body_to_json(100, body), "a payload has no schema");
    cr_assert_not(body_from_json(100, text, strlen(text), &body, error));
    cr_assert(strstr(error, "payload"), "%s", error);
    cr_assert_not(body_from_json(200, "{\n  \"title\": }", 14, &body, error));
    cr_assert(strstr(error, "line 2"), "%s", error);
    cr_assert_not(body_from_json(200, "{\"title\":\"a\",\"title\":\"b\"}", 25, &body, error), "a name twice");
    json_decref(json);
    json_decref(expected);
    free((void *)body.data);
}
