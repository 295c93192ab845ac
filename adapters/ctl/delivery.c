#include "delivery.h"

#include "address.h"
#include "attaching.h"
#include "base64.h"
#include "bodies.h"
#include "text.h"

#include <inttypes.h>
#include <qiao/personal_data.h>
#include <stdlib.h>
#include <string.h>

/* In the order of the enumerations of client.h. */
static const char *const lane_names[] = { "normal", "urgent", "bulk" };
static const char *const status_names[] = { "actual", "exercise", "test" };
static const char *const privacy_names[] = { "internal", "public", "confidential", "sealed" };

static const char *name_of(const char *const *names, size_t count, unsigned value)
{
    return value < count ? names[value] : "unknown";
}

#define NAME_OF(names, value) name_of(names, sizeof(names) / sizeof(names[0]), (unsigned)(value))

static bool is_set(const struct qiao_id *id)
{
    static const struct qiao_id none;

    return !qiao_id_equal(id, &none);
}

static void set_id(json_t *object, const char *key, const struct qiao_id *id)
{
    char text[QIAO_ID_TEXT_SIZE];

    qiao_id_format(id, text);
    json_object_set_new(object, key, json_string(text));
}

static void set_address(json_t *object, const char *key, const struct qiao_address *address)
{
    char text[ADDRESS_BUFFER_SIZE];

    ctl_address_format(address, text);
    json_object_set_new(object, key, json_string(text));
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new(object, key, json_string(text));
}

static void set_bases(json_t *object, const struct qiao_message *message)
{
    json_t *bases = message->legal_basis_count ? json_array() : NULL;

    for (size_t i = 0; bases && i < message->legal_basis_count; i++) {
        const struct qiao_legal_basis *basis = &message->legal_basis[i];
        json_array_append_new(bases, json_pack("{s:s, s:s, s:s}", "catalogue", basis->catalogue, "article", basis->article, "version", basis->version));
    }
    if (bases)
        json_object_set_new(object, "legalBasis", bases);
}

static void set_personal_data(json_t *object, uint64_t mask)
{
    json_t *names = mask ? json_array() : NULL;

    for (unsigned bit = 0; names && bit < 64; bit++) {
        char number[16];
        snprintf(number, sizeof(number), "bit %u", bit);
        if (mask >> bit & 1)
            json_array_append_new(names, json_string(qiao_personal_data_name(bit) ? qiao_personal_data_name(bit) : number));
    }
    if (names)
        json_object_set_new(object, "personalData", names);
}

/* What policy asked for at the origin, and the recipient has to go by. */
static void set_grounds(json_t *object, const struct qiao_message *message)
{
    set_text(object, "purpose", message->purpose);
    set_bases(object, message);
    set_personal_data(object, message->pi_mask);
    set_text(object, "consentRef", message->consent_ref);
    set_text(object, "retentionRule", message->retention_rule);
    if (message->retention_not_after_ms)
        json_object_set_new(object, "retentionNotAfterMs", json_integer((json_int_t)message->retention_not_after_ms));
    if (message->event_at_ms)
        json_object_set_new(object, "eventAtMs", json_integer((json_int_t)message->event_at_ms));
}

static void set_attachments(json_t *object, const struct qiao_message *message)
{
    json_t *list = message->attachments_count ? json_array() : NULL;

    for (size_t i = 0; list && i < message->attachments_count; i++) {
        char hex[ATTACHMENT_HEX_SIZE];
        attachment_hex(&message->attachments[i], hex);
        json_array_append_new(list, json_pack("{s:s, s:I}", "digest", hex, "size", (json_int_t)message->attachments[i].size));
    }
    if (list)
        json_object_set_new(object, "attachments", list);
}

static void set_body(json_t *object, const struct qiao_message *message)
{
    const char *text = (const char *)message->body.data;
    json_t *json = body_to_json(message->kind, message->body);
    char *base64;

    if (json) {
        json_object_set_new(object, "body", json);
        return;
    }
    if (!body_descriptor(message->kind) && text_is_utf8(text, message->body.size)) {
        json_object_set_new(object, "bodyText", json_stringn(text ? text : "", message->body.size));
        return;
    }
    base64 = base64_encode(message->body.data, message->body.size);
    json_object_set_new(object, "bodyBase64", base64 ? json_string(base64) : NULL);
    free(base64);
}

json_t *delivery_to_json(const struct qiao_delivery *delivery)
{
    const struct qiao_message *message = &delivery->message;
    json_t *json = json_object();

    set_id(json, "id", &message->id);
    json_object_set_new(json, "kind", json_integer(message->kind));
    json_object_set_new(json, "kindName", json_string(qiao_kind_name(message->kind)));
    set_address(json, "source", &message->source);
    set_address(json, "destination", &message->destination);
    set_text(json, "caseId", message->case_id);
    if (message->case_sequence)
        json_object_set_new(json, "caseSequence", json_integer((json_int_t)message->case_sequence));
    set_text(json, "matter", message->matter);
    set_text(json, "idempotencyKey", message->idempotency_key);
    if (is_set(&message->correlation_id))
        set_id(json, "correlationId", &message->correlation_id);
    json_object_set_new(json, "sentAtMs", json_integer((json_int_t)message->sent_at_ms));
    if (message->expires_at_ms)
        json_object_set_new(json, "expiresAtMs", json_integer((json_int_t)message->expires_at_ms));
    json_object_set_new(json, "lane", json_string(NAME_OF(lane_names, message->lane)));
    json_object_set_new(json, "status", json_string(NAME_OF(status_names, message->status)));
    json_object_set_new(json, "privacy", json_string(NAME_OF(privacy_names, message->privacy)));
    set_grounds(json, message);
    set_text(json, "reroutedFrom", delivery->rerouted_from);
    json_object_set_new(json, "attempt", json_integer(delivery->attempt));
    set_attachments(json, message);
    set_body(json, message);
    return json;
}

static bool print_line(FILE *file, const char *name, const char *text, size_t size)
{
    char *printable = text_printable(text, size);
    bool printed = printable && fprintf(file, "  %-10s %s\n", name, printable) > 0;

    free(printable);
    return printed;
}

static bool print_text(FILE *file, const char *name, const char *text)
{
    return !text || !*text || print_line(file, name, text, strlen(text));
}

static bool print_attachments(const struct qiao_message *message, FILE *file)
{
    bool printed = true;

    for (size_t i = 0; printed && i < message->attachments_count; i++) {
        char hex[ATTACHMENT_HEX_SIZE], text[ATTACHMENT_HEX_SIZE + 40];
        attachment_hex(&message->attachments[i], hex);
        snprintf(text, sizeof(text), "%s, %" PRIu64 " bytes", hex, message->attachments[i].size);
        printed = print_text(file, "attached", text);
    }
    return printed;
}

static bool print_body(const struct qiao_message *message, FILE *file)
{
    const char *text = (const char *)message->body.data;
    json_t *json = body_to_json(message->kind, message->body);
    char size[40];
    bool printed;

    if (json) {
        char *dumped = json_dumps(json, JSON_COMPACT);
        printed = dumped && print_text(file, "body", dumped);
        free(dumped);
        json_decref(json);
        return printed;
    }
    if (message->body.size && text_is_utf8(text, message->body.size))
        return print_line(file, "body", text, message->body.size);
    snprintf(size, sizeof(size), "%zu bytes", message->body.size);
    return print_text(file, "body", size);
}

bool delivery_print(const struct qiao_delivery *delivery, FILE *file)
{
    const struct qiao_message *message = &delivery->message;
    char id[QIAO_ID_TEXT_SIZE], source[ADDRESS_BUFFER_SIZE], destination[ADDRESS_BUFFER_SIZE], sent[TEXT_TIME_SIZE], number[24];

    qiao_id_format(&message->id, id);
    ctl_address_format(&message->source, source);
    ctl_address_format(&message->destination, destination);
    text_time_format(message->sent_at_ms, sent);
    snprintf(number, sizeof(number), "%" PRIu64, message->case_sequence);
    if (fprintf(file, "%s  %s", id, qiao_kind_name(message->kind)) < 0 ||
        (message->status != QIAO_STATUS_ACTUAL && fprintf(file, "  [%s]", NAME_OF(status_names, message->status)) < 0) ||
        (delivery->attempt > 1 && fprintf(file, "  (attempt %u)", delivery->attempt) < 0) || fputc('\n', file) == EOF)
        return false;
    return print_text(file, "from", source) && print_text(file, "to", destination) && print_text(file, "rerouted from", delivery->rerouted_from) && print_text(file, "sent", sent) &&
           print_text(file, "case", message->case_id) && (!message->case_sequence || print_text(file, "number", number)) &&
           print_text(file, "matter", message->matter) && print_text(file, "key", message->idempotency_key) &&
           print_text(file, "purpose", message->purpose) && print_attachments(message, file) && print_body(message, file);
}
