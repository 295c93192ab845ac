/* qiao verify: checks a proof without any node. */
#include "area_file.h"
#include "command.h"
#include "input.h"
#include "output.h"
#include "pbjson.h"
#include "text.h"

#include <area/resolve.h>
#include <proof/dossier.h>
#include <qiao/client.h>
#include <qiao/kind.h>
#include <schema/dossier.pb-c.h>
#include <seal/keyring.h>

#include <stdlib.h>
#include <string.h>

/* Base64 of what a node sends at most, with room. */
#define FILE_SIZE_MAX (16u * 1024 * 1024)

struct verify_values {
    const char *trust, *crl, *message, *body, *areas;
    uint64_t skew_ms;
};

#define AT(member) .offset = offsetof(struct verify_values, member)

static const struct option_spec verify_options[] = {
    { .name = "trust", .type = OPTION_FILE, AT(trust), .placeholder = "CA", .help = "the federation's certificate authority, PEM", .required = true },
    { .name = "crl", .type = OPTION_FILE, AT(crl), .placeholder = "FILE", .help = "its list of revoked certificates, PEM" },
    { .name = "message", .type = OPTION_TEXT, AT(message), .placeholder = "ID", .help = "the proof has to be about this message" },
    { .name = "body", .type = OPTION_FILE, AT(body), .placeholder = "FILE", .help = "and about this body, byte for byte" },
    { .name = "areas", .type = OPTION_FILE, AT(areas), .placeholder = "FILE", .help = "administrative areas (UTF-8 CSV): believe also who took over from a voided area" },
    { .name = "skew", .type = OPTION_DURATION, AT(skew_ms), .placeholder = "DURATION", .help = "how far clocks of two nodes may be apart", .standard = "5m" },
};

#undef AT

static const char *const outcome_names[] = { "open", "accepted", "refused", "expired", "dead" };

/* A proof in packed protobuf; caller frees. */
static int read_proof(const char *path, uint8_t **ret_packed, size_t *ret_size)
{
    char *text, error[PBJSON_ERROR_SIZE];
    size_t size;
    json_error_t json_error;
    json_t *json;
    ProtobufCMessage *message;
    int status = input_read(path, FILE_SIZE_MAX, &text, &size);

    if (status)
        return status;
    json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &json_error);
    free(text);
    if (!json)
        return command_fail(CTL_NO, "UNREADABLE: %s is not JSON: line %d: %s", path, json_error.line, json_error.text);
    message = pbjson_to_message(&qiao__v1__dossier__descriptor, json, 0, error);
    json_decref(json);
    if (!message)
        return command_fail(CTL_NO, "UNREADABLE: %s is no proof: %s", path, error);
    *ret_size = protobuf_c_message_get_packed_size(message);
    *ret_packed = malloc(*ret_size + 1);
    if (*ret_packed)
        protobuf_c_message_pack(message, *ret_packed);
    protobuf_c_message_free_unpacked(message, NULL);
    return *ret_packed ? CTL_OK : command_fail(CTL_NO, "out of memory");
}

static void print_origin(const struct dossier_verdict *v, const char *id)
{
    char sent[TEXT_TIME_SIZE], signed_at[TEXT_TIME_SIZE];

    text_time_format(v->sent_at_ms, sent);
    text_time_format(v->signed_at_ms, signed_at);
    printf("%s  %s sent message %s to %s, kind %s\n", sent, v->source, id, v->destination, qiao_kind_name(v->kind));
    printf("%s  signed by %s%s; the body has SHA-256 ", signed_at, v->signer.name, v->signer.member ? ", the member itself" : ", its node, for it");
    for (size_t i = 0; i < sizeof(v->body_digest); i++)
        printf("%02x", v->body_digest[i]);
    putchar('\n');
}

static void print_words(const struct dossier_verdict *v)
{
    char id[QIAO_ID_TEXT_SIZE], at[TEXT_TIME_SIZE];

    qiao_id_format(&v->id, id);
    if (v->is_sent)
        print_origin(v, id);
    for (unsigned i = 0; i < v->hops_count; i++) {
        text_time_format(v->hops[i].at_ms, at);
        printf("%s  %s had it, at this time at the latest\n", at, v->hops[i].receiver);
    }
    if (v->outcome == QIAO_OUTCOME_NONE) {
        puts("It is still open.");
        return;
    }
    text_time_format(v->outcome_at_ms, at);
    printf("%s  %s: message %s %s", at, v->decider.name, id, outcome_names[v->outcome]);
    if (v->code)
        printf(", %s: %s", qiao_code_name(v->code), qiao_code_text(v->code));
    putchar('\n');
    if (!v->is_sent)
        puts("It was refused before it was signed: who wrote it, and what, is not proved.");
}

static json_t *hops_json(const struct dossier_verdict *v)
{
    json_t *hops = json_array();

    for (unsigned i = 0; i < v->hops_count; i++)
        json_array_append_new(hops, json_pack("{sssI}", "node", v->hops[i].receiver, "atMs", (json_int_t)v->hops[i].at_ms));
    return hops;
}

static int print_json(const struct dossier_verdict *v)
{
    char id[QIAO_ID_TEXT_SIZE];
    bool good = v->reason == DOSSIER_GOOD;
    json_t *json;

    qiao_id_format(&v->id, id);
    json = json_pack("{sbssssssss}", "good", good, "reason", dossier_reason_name(v->reason), "text", dossier_reason_text(v->reason), "where", v->where, "messageId", id);
    if (good && v->is_sent)
        json_object_update_new(json, json_pack("{sssssssssssIsI}", "source", v->source, "destination", v->destination, "kind", qiao_kind_name(v->kind), "signer",
                                               v->signer.name, "signedBy", v->signer.member ? "member" : "node", "sentAtMs", (json_int_t)v->sent_at_ms, "signedAtMs", (json_int_t)v->signed_at_ms));
    if (good)
        json_object_set_new(json, "custody", hops_json(v));
    if (good && v->outcome)
        json_object_update_new(json, json_pack("{ssssssss*sI}", "outcome", outcome_names[v->outcome], "decider", v->decider.name, "code",
                                               v->code ? qiao_code_name(v->code) : "OK", "codeText", v->code ? qiao_code_text(v->code) : NULL, "outcomeAtMs",
                                               (json_int_t)v->outcome_at_ms));
    return output_json_line(json);
}

static int tell(const struct globals *globals, const struct dossier_verdict *v)
{
    int status = CTL_OK;

    if (globals->json)
        status = print_json(v);
    else if (v->reason == DOSSIER_GOOD)
        print_words(v);
    if (status)
        return status;
    if (v->reason == DOSSIER_GOOD)
        return CTL_OK;
    return globals->json ? CTL_NO : command_fail(CTL_NO, "%s: %s%s%s", dossier_reason_name(v->reason), *v->where ? v->where : "", *v->where ? ": " : "", dossier_reason_text(v->reason));
}

static int open_trust(const struct verify_values *options, struct keyring **ret_keyring)
{
    const struct keyring_options keyring = { .ca_file = options->trust, .crl_file = options->crl, .accepted = 1u << SEAL_SUITE_INT1 | 1u << SEAL_SUITE_GM1 };
    char error[512];

    return keyring_new_verifier(&keyring, ret_keyring, error, sizeof(error)) ? command_fail(CTL_WRONG_USE, "%s", error) : CTL_OK;
}

/* See proto/area/resolve.h. */
static bool took_over(void *context, struct qiao_bytes before, struct qiao_bytes now)
{
    struct area_code old, new;

    return area_code_read(before, &old) == AREA_CODE_FAULT_NONE && area_code_read(now, &new) == AREA_CODE_FAULT_NONE && area_may_answer(context, old, new);
}

static int check(const struct globals *globals, const struct verify_values *options, const struct seal *seal, struct area_table *areas, const char *path)
{
    struct dossier_options wanted = { .clock_skew_ms = options->skew_ms, .took_over = areas ? took_over : NULL, .took_over_context = areas };
    struct dossier_verdict verdict;
    struct qiao_bytes body;
    struct qiao_id id;
    uint8_t *packed = NULL;
    char *body_text = NULL;
    size_t size = 0, body_size = 0;
    int status;

    if (options->message && !qiao_id_parse(options->message, &id))
        return command_fail(CTL_WRONG_USE, "\"%.60s\" is not a message id; one looks like 01890a5d-ac96-774b-bcce-b302099a8057", options->message);
    wanted.id = options->message ? &id : NULL;
    status = options->body ? input_read(options->body, QIAO_BODY_SIZE_MAX, &body_text, &body_size) : CTL_OK;
    if (body_text) {
        body = qiao_bytes((const uint8_t *)body_text, body_size);
        wanted.body = &body;
    }
    if (status == CTL_OK)
        status = read_proof(path, &packed, &size);
    if (status == CTL_OK) {
        dossier_verify(seal, qiao_bytes(packed, size), &wanted, &verdict);
        status = tell(globals, &verdict);
    }
    free(packed);
    free(body_text);
    return status;
}

static int run_verify(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct verify_values *options = values;
    struct keyring *keyring = NULL;
    struct area_table *areas = NULL;
    int status = open_trust(options, &keyring);

    (void)argument_count;
    if (status == CTL_OK && options->areas)
        status = area_file_load(options->areas, CHARSET_UTF_8, &areas);
    if (status == CTL_OK)
        status = check(globals, options, keyring_seal(keyring), areas, arguments[0]);
    area_table_free(areas);
    keyring_free(keyring);
    return status;
}

const struct command command_verify = {
    .name = "verify",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "check a proof without any node",
    .text = "Says what is proved: who sent the message, who had it in custody, how it ended. Exit status 1 means that the proof does not hold; the "
            "first thing that is wrong is named by a word that does not change between versions, such as MODIFIED_DIGEST, MODIFIED_CHAIN, "
            "WRONG_REFERENCE, UNSIGNED_CHAIN, MISSING_SIGNATURE, KEY_EXPIRED, KEY_REVOKED, HOPS_REORDERED, HOP_REMOVED or OTHER_MESSAGE.\n\n"
            "Certificates are judged by --trust, and by --crl as it is today: what a revoked key signed is not believed, whenever it was.",
    .example = "qiao verify proof.json --trust ca.crt --crl ca.crl",
    .options = verify_options,
    .option_count = sizeof(verify_options) / sizeof(verify_options[0]),
    .values_size = sizeof(struct verify_values),
    .run = run_verify,
};
