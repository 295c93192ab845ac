#include "bodies.h"

#include "text.h"

#include <qiao/kind.h>
#include <qiao/limits.h>
#include <schema/allocation.pb-c.h>
#include <schema/area.pb-c.h>
#include <schema/case.pb-c.h>
#include <schema/dead.pb-c.h>
#include <schema/organisation.pb-c.h>
#include <schema/receipt.pb-c.h>
#include <schema/referral.pb-c.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    enum qiao_kind kind;
    const ProtobufCMessageDescriptor *descriptor;
} bodies[] = {
    { QIAO_KIND_RECEIPT, &qiao__v1__receipt__descriptor },
    { QIAO_KIND_DEAD_LETTER, &qiao__v1__dead_letter__descriptor },
    { QIAO_KIND_ORG_REGISTER, &qiao__v1__org_register__descriptor },
    { QIAO_KIND_ORG_UPDATE, &qiao__v1__org_update__descriptor },
    { QIAO_KIND_ORG_SUSPEND, &qiao__v1__org_suspend__descriptor },
    { QIAO_KIND_ORG_CLOSE, &qiao__v1__org_close__descriptor },
    { QIAO_KIND_ORG_CONFIRM, &qiao__v1__org_confirm__descriptor },
    { QIAO_KIND_AREA_DELTA, &qiao__v1__area_delta__descriptor },
    { QIAO_KIND_AREA_CONFIRM, &qiao__v1__area_confirm__descriptor },
    { QIAO_KIND_CASE_OPEN, &qiao__v1__case_open__descriptor },
    { QIAO_KIND_CASE_UPDATE, &qiao__v1__case_update__descriptor },
    { QIAO_KIND_CASE_CLOSE, &qiao__v1__case_close__descriptor },
    { QIAO_KIND_REFERRAL_REQUEST, &qiao__v1__referral_request__descriptor },
    { QIAO_KIND_REFERRAL_ANSWER, &qiao__v1__referral_answer__descriptor },
    { QIAO_KIND_ALLOCATION_GRANT, &qiao__v1__allocation_grant__descriptor },
    { QIAO_KIND_ALLOCATION_ANSWER, &qiao__v1__allocation_answer__descriptor },
};

const ProtobufCMessageDescriptor *body_descriptor(unsigned kind)
{
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        if (bodies[i].kind == kind)
            return bodies[i].descriptor;
    return NULL;
}

bool body_kind_parse(const char *text, unsigned *ret_kind)
{
    int known = qiao_kind_from_name(text);
    uint64_t number;

    if (known >= 0) {
        *ret_kind = (unsigned)known;
        return true;
    }
    if (!text_number_parse(text, &number) || number == 0 || number > UINT32_MAX)
        return false;
    *ret_kind = (unsigned)number;
    return true;
}

static bool pack(const ProtobufCMessage *message, struct qiao_bytes *ret_body, char reterr_text[PBJSON_ERROR_SIZE])
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *data;

    if (size > QIAO_BODY_SIZE_MAX) {
        snprintf(reterr_text, PBJSON_ERROR_SIZE, "the body has %zu bytes, but at most %u may travel", size, QIAO_BODY_SIZE_MAX);
        return false;
    }
    data = malloc(size + 1); /* an empty body is not a failed malloc */
    if (!data) {
        snprintf(reterr_text, PBJSON_ERROR_SIZE, "out of memory");
        return false;
    }
    protobuf_c_message_pack(message, data);
    *ret_body = qiao_bytes(data, size);
    return true;
}

bool body_from_json(unsigned kind, const char *json_text, size_t json_size, struct qiao_bytes *ret_body, char reterr_text[PBJSON_ERROR_SIZE])
{
    const ProtobufCMessageDescriptor *descriptor = body_descriptor(kind);
    ProtobufCMessage *message;
    json_error_t error;
    json_t *json;
    bool packed;

    if (!descriptor) {
        snprintf(reterr_text, PBJSON_ERROR_SIZE, "kind %s has no schema here; give the bytes with --body or --body-file", qiao_kind_name(kind));
        return false;
    }
    json = json_loadb(json_text, json_size, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        snprintf(reterr_text, PBJSON_ERROR_SIZE, "line %d, column %d: %.150s", error.line, error.column, error.text);
        return false;
    }
    message = pbjson_to_message(descriptor, json, PBJSON_UUID, reterr_text);
    json_decref(json);
    if (!message)
        return false;
    packed = pack(message, ret_body, reterr_text);
    protobuf_c_message_free_unpacked(message, NULL);
    return packed;
}

json_t *body_to_json(unsigned kind, struct qiao_bytes body)
{
    const ProtobufCMessageDescriptor *descriptor = body_descriptor(kind);
    ProtobufCMessage *message = descriptor ? protobuf_c_message_unpack(descriptor, NULL, body.size, body.data) : NULL;
    json_t *json;

    if (!message)
        return NULL;
    json = pbjson_from_message(message, PBJSON_UUID);
    protobuf_c_message_free_unpacked(message, NULL);
    return json;
}
