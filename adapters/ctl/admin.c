#include "admin.h"

#include "clock.h"
#include "output.h"
#include "pbjson.h"

#include <errno.h>
#include <inttypes.h>
#include <qiao/limits.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MS 200u
#define TRIES_MAX 50u

static const struct qiao_client_handler only_asks = { .link = ctl_session_link };

static int send_request(struct admin *admin, Qiao__V1__AdminRequest *request);

void admin_close(struct admin *admin)
{
    ctl_session_close(&admin->session);
}

int admin_open(struct admin *admin, const struct globals *globals)
{
    bool from_environment = globals->member == getenv("QIAO_MEMBER");
    const struct ctl_session_options options = { .member = from_environment ? NULL : globals->member };
    int status = ctl_session_open(&admin->session, globals, &options, &only_asks);

    return status ? status : ctl_session_connect(&admin->session);
}

int admin_ask(struct admin *admin, Qiao__V1__AdminRequest *request, admin_part part, void *part_context, uint64_t timeout_ms)
{
    struct ctl_session *session = &admin->session;
    uint64_t deadline_ns = clock_deadline_ns(timeout_ms);
    unsigned asked_on = 0; /* number of the link the request went out on */

    admin->part = part;
    admin->part_context = part_context;
    admin->done = false;
    admin->status = CTL_OK;
    admin->refused_code = QIAO_CODE_OK;
    while (!admin->done && !session->interrupted) {
        int result;
        if (qiao_client_is_up(session->client) && asked_on != session->ups) {
            result = send_request(admin, request);
            if (result && result != QIAO_CLIENT_UNREACHABLE)
                return ctl_session_fail(session, result);
            asked_on = session->ups;
        }
        result = ctl_session_run(session, deadline_ns);
        if (result == QIAO_CLIENT_TIMEOUT && qiao_client_is_up(session->client))
            return command_fail(CTL_NO_NODE, "the node at %s did not answer within %" PRIu64 " ms. Wait longer with --timeout",
                                session->globals->node, timeout_ms);
        if (result)
            return ctl_session_fail(session, result);
    }
    return admin->done ? admin->status : CTL_NO;
}

int admin_ask_patiently(struct admin *admin, Qiao__V1__AdminRequest *request, admin_part part, void *part_context)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * CLOCK_NS_PER_MS };
    int status;

    admin->patient = true;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        status = admin_ask(admin, request, part, part_context, admin->session.globals->timeout_ms);
        if (status == CTL_OK || (admin->refused_code != QIAO_CODE_BUSY && admin->refused_code != QIAO_CODE_LINK_REPLACED))
            return status;
        nanosleep(&pause, NULL);
    }
    return command_fail(CTL_NO, "the node is busy: %s. Try again later; what is done stays done", qiao_code_text(admin->refused_code));
}

/* A reply of the node, part by part. */
static void take_reply(void *context, struct qiao_bytes packed)
{
    struct admin *admin = context;
    Qiao__V1__AdminReply *reply = qiao__v1__admin_reply__unpack(NULL, packed.size, packed.data);

    if (!reply) {
        admin->status = command_fail(CTL_NO_NODE, "the node's answer is not understood; is it of another version? (qiao status shows it)");
        admin->done = true;
    } else if (reply->id == admin->id && !admin->done) {
        bool quiet = admin->patient && (reply->code == QIAO_CODE_BUSY || reply->code == QIAO_CODE_LINK_REPLACED);
        admin->refused_code = reply->code;
        if (quiet)
            admin->status = CTL_NO;
        else if (reply->code)
            admin->status = command_fail(CTL_NO, "%s%s%s (%s)", qiao_code_text(reply->code), *reply->reason ? ": " : "", reply->reason,
                                         qiao_code_name(reply->code));
        else
            admin->status = admin->part(admin->part_context, reply);
        admin->done |= reply->last || admin->status != CTL_OK;
    }
    if (reply)
        qiao__v1__admin_reply__free_unpacked(reply, NULL);
    admin->session.stop = admin->done;
}

static int send_request(struct admin *admin, Qiao__V1__AdminRequest *request)
{
    uint8_t *packed;
    size_t size;
    int result;

    request->id = ++admin->id;
    size = qiao__v1__admin_request__get_packed_size(request);
    packed = malloc(size);
    if (!packed)
        return -ENOMEM;
    qiao__v1__admin_request__pack(request, packed);
    result = qiao_client_admin(admin->session.client, qiao_bytes(packed, size), take_reply, admin);
    free(packed);
    return result;
}

int admin_ask_once(const struct globals *globals, Qiao__V1__AdminRequest *request, admin_part part, void *part_context)
{
    __attribute__((cleanup(admin_close))) struct admin admin = { 0 };
    int status = admin_open(&admin, globals);

    return status ? status : admin_ask(&admin, request, part, part_context, globals->timeout_ms);
}

/* Numbers that people cannot read get their names beside them, at any depth. */
static void name_numbers(json_t *json)
{
    const char *key;
    json_t *value;
    size_t index;
    json_t *kind = json_object_get(json, "kind"), *code = json_object_get(json, "code"), *last_kind = json_object_get(json, "lastKind"),
           *last_code = json_object_get(json, "lastCode");

    json_object_foreach(json, key, value)
        name_numbers(value);
    json_array_foreach(json, index, value)
        name_numbers(value);
    if (json_is_integer(kind) && json_integer_value(kind))
        json_object_set_new(json, "kindName", json_string(qiao_kind_name((unsigned)json_integer_value(kind))));
    if (json_is_integer(last_kind) && json_integer_value(last_kind))
        json_object_set_new(json, "lastKindName", json_string(qiao_kind_name((unsigned)json_integer_value(last_kind))));
    if (json_is_integer(code) && json_integer_value(code))
        json_object_set_new(json, "codeName", json_string(qiao_code_name((unsigned)json_integer_value(code))));
    if (json_is_integer(last_code) && json_integer_value(last_code))
        json_object_set_new(json, "lastCodeName", json_string(qiao_code_name((unsigned)json_integer_value(last_code))));
}

int admin_ask_pages(const struct globals *globals, Qiao__V1__AdminRequest *request, admin_part part, void *part_context, const struct admin_pages *pages)
{
    __attribute__((cleanup(admin_close))) struct admin admin = { 0 };
    int status = admin_open(&admin, globals);

    while (!status) {
        status = admin_ask(&admin, request, part, part_context, globals->timeout_ms);
        if (!*pages->next || !pages->all)
            break;
        if (!status && strcmp(pages->after, pages->next) == 0)
            return command_fail(CTL_NO, "the node names the same next page again: %s", pages->after);
        memcpy(pages->after, pages->next, pages->size);
    }
    return status;
}

int admin_print_json(const ProtobufCMessage *message)
{
    json_t *json = pbjson_from_message(message, PBJSON_DEFAULTS | PBJSON_UUID);

    name_numbers(json);
    return output_json_line(json);
}

void admin_address_format(const Qiao__V1__Address *address, char text[ADDRESS_BUFFER_SIZE])
{
    struct qiao_address plain = { 0 };

    if (address)
        plain = (struct qiao_address){ address->area, address->org, address->seat, address->service };
    ctl_address_format(&plain, text);
}

void admin_kind_format(uint32_t kind, char text[ADMIN_KIND_SIZE])
{
    const char *name = qiao_kind_name(kind);

    if (strcmp(name, "unknown") == 0)
        snprintf(text, ADMIN_KIND_SIZE, "%u", (unsigned)kind);
    else
        snprintf(text, ADMIN_KIND_SIZE, "%s", name);
}

void admin_id_format(const ProtobufCBinaryData *bytes, char text[QIAO_ID_TEXT_SIZE])
{
    struct qiao_id id;

    if (bytes->len != sizeof(id.bytes)) {
        snprintf(text, QIAO_ID_TEXT_SIZE, "-");
        return;
    }
    memcpy(id.bytes, bytes->data, sizeof(id.bytes));
    qiao_id_format(&id, text);
}

void admin_outcome_format(Qiao__V1__OutcomeStatus outcome, uint32_t code, char text[ADMIN_OUTCOME_SIZE])
{
    static const char *const names[] = { "open", "accepted", "refused", "expired", "dead" };
    const char *name = (unsigned)outcome < sizeof(names) / sizeof(names[0]) ? names[outcome] : "unknown";

    if (code)
        snprintf(text, ADMIN_OUTCOME_SIZE, "%s: %s", name, qiao_code_name(code));
    else
        snprintf(text, ADMIN_OUTCOME_SIZE, "%s", name);
}

int admin_take_area(void *context, const Qiao__V1__AdminReply *reply)
{
    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_STATUS)
        return command_fail(CTL_NO, "the node answered something else than its status");
    snprintf(context, QIAO_AREA_SIZE_MAX + 1, "%s", reply->status->area);
    return CTL_OK;
}
