/* qiao audit prove: that one record stands in the log whose head the node signed. */
#include "audit.h"
#include "output.h"
#include "text.h"

#include <proof/consistency.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct prove_values {
    const char *trust, *crl, *log;
};

#define AT(member) .offset = offsetof(struct prove_values, member)

static const struct option_spec prove_options[] = {
    { .name = "trust", .type = OPTION_FILE, AT(trust), .placeholder = "CA", .help = "the federation's certificate authority, PEM; else that of --ca" },
    { .name = "crl", .type = OPTION_FILE, AT(crl), .placeholder = "FILE", .help = "its list of revoked certificates, PEM" },
    { .name = "log", .type = OPTION_FILE, AT(log), .placeholder = "FILE", .help = "an export, or \"live\"", .standard = "live" },
};

#undef AT

static void hex(const uint8_t *bytes, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* The record of that index, or the first about the message of that id. */
static int find(const struct audit_book *book, const char *what, uint64_t *ret_index)
{
    struct qiao_id id;
    struct audit_record record;

    if (text_number_parse(what, ret_index))
        return *ret_index < book->leaves_count ? CTL_OK : command_fail(CTL_NO, "the log has %zu records", book->leaves_count);
    if (!qiao_id_parse(what, &id))
        return command_fail(CTL_WRONG_USE, "\"%.60s\" is neither a record's number nor a message id", what);
    for (*ret_index = 0; *ret_index < book->leaves_count; ++*ret_index)
        if (audit_record_read(book->rows[*ret_index].record, &record) && record.id.size == sizeof(id.bytes) && memcmp(record.id.data, id.bytes, sizeof(id.bytes)) == 0)
            return CTL_OK;
    return command_fail(CTL_NO, "no record is about this message alone: messages that went their way are in the records of their runs");
}

static int print_proof(const struct globals *globals, const struct seal *seal, const struct audit_book *book, uint64_t index)
{
    struct merkle_hash path[64];
    struct audit_record record;
    unsigned count = merkle_inclusion(seal, book->head.log_suite, book->leaves, book->head.size, index, path);
    char text[2 * SEAL_DIGEST_SIZE + 1], at[TEXT_TIME_SIZE];
    json_t *hashes, *json;

    audit_record_read(book->rows[index].record, &record);
    if (!globals->json) {
        text_time_format(record.at_ms, at);
        hex(book->leaves[index].bytes, SEAL_DIGEST_SIZE, text);
        printf("%s: record %" PRIu64 " of %s, kind %u\nleaf %s\n", book->node, index, at, record.kind, text);
        for (unsigned i = 0; i < count; i++) {
            hex(path[i].bytes, SEAL_DIGEST_SIZE, text);
            printf("path %s\n", text);
        }
        hex(book->head.root.bytes, SEAL_DIGEST_SIZE, text);
        printf("root %s of %" PRIu64 " records\n", text, book->head.size);
        return CTL_OK;
    }
    hashes = json_array();
    for (unsigned i = 0; i < count; i++) {
        hex(path[i].bytes, SEAL_DIGEST_SIZE, text);
        json_array_append_new(hashes, json_string(text));
    }
    hex(book->head.root.bytes, SEAL_DIGEST_SIZE, text);
    json = json_pack("{sssIsIsIsssosI}", "node", book->node, "index", (json_int_t)index, "size", (json_int_t)book->head.size, "kind", (json_int_t)record.kind, "root", text,
                     "path", hashes, "atMs", (json_int_t)record.at_ms);
    hex(book->leaves[index].bytes, SEAL_DIGEST_SIZE, text);
    json_object_set_new(json, "leaf", json_string(text));
    return output_json_line(json);
}

static int run_prove(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct prove_values *options = values;
    __attribute__((cleanup(audit_source_close))) struct audit_source source = { 0 };
    __attribute__((cleanup(audit_trust_close))) struct keyring *keyring = NULL;
    struct audit_finding finding;
    uint64_t index;
    int status = audit_trust_open(globals, options->trust, options->crl, &keyring);

    (void)argument_count;
    if (status == CTL_OK)
        status = audit_source_open(globals, options->log, &source);
    if (status)
        return status;
    audit_book_learn(&source.book, keyring_seal(keyring));
    audit_book_check(&source.book, keyring_seal(keyring), NULL, 0, &finding);
    if (finding.fault != AUDIT_SOUND)
        return command_fail(CTL_NO, "the log does not stand: record %" PRIu64 " %s (see qiao audit verify)", finding.first, audit_fault_text(finding.fault));
    status = find(&source.book, arguments[0], &index);
    return status ? status : print_proof(globals, keyring_seal(keyring), &source.book, index);
}

const struct command command_audit_prove = {
    .name = "audit prove",
    .arguments = "MESSAGE_ID|INDEX",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "show that a record stands in the signed audit log",
    .text = "Prints the record's leaf and the hashes that lead from it to the root of the signed head (RFC 9162, 2.1.3).",
    .example = "qiao audit prove 17 --log street.audit --trust ca.crt",
    .options = prove_options,
    .option_count = sizeof(prove_options) / sizeof(prove_options[0]),
    .values_size = sizeof(struct prove_values),
    .run = run_prove,
};
