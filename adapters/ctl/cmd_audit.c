/* qiao audit export, verify, gaps: what a node wrote down, and whether its neighbours' signatures agree. */
#include "audit.h"
#include "output.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NEIGHBOURS_MAX OPTION_LIST_MAX

/* ---- export ---- */

struct export_values {
    const char *output;
    uint64_t from;
};

static const struct option_spec export_options[] = {
    { .name = "output", .letter = 'o', .type = OPTION_FILE, .offset = offsetof(struct export_values, output), .placeholder = "FILE",
      .help = "write there instead of to standard output" },
    { .name = "from", .type = OPTION_NUMBER, .offset = offsetof(struct export_values, from), .placeholder = "INDEX",
      .help = "go on at this record, behind what FILE holds", .standard = "0" },
};

static int run_export(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct export_values *options = values;
    FILE *file = options->output ? fopen(options->output, options->from ? "ab" : "wb") : stdout;
    int status;

    (void)argument_count;
    (void)arguments;
    if (!file)
        return command_fail(CTL_WRONG_USE, "%s cannot be written", options->output);
    status = audit_fetch(globals, options->from, file);
    if (file != stdout && fclose(file) && status == CTL_OK)
        status = command_fail(CTL_NO, "%s cannot be written", options->output);
    return status;
}

const struct command command_audit_export = {
    .name = "audit export",
    .arguments = "",
    .summary = "write the node's audit log, with its signed head, to a file",
    .text = "The file also holds the custody receipts, and with them the heads of logs, that the node has of its peers, and the certificates "
            "that signed. It is one protobuf message AuditExport. --from goes on where an earlier export ended, appending to its file.",
    .example = "qiao audit export -o street.audit",
    .options = export_options,
    .option_count = sizeof(export_options) / sizeof(export_options[0]),
    .values_size = sizeof(struct export_values),
    .run = run_export,
};

/* ---- verify ---- */

struct check_values {
    const char *trust, *crl;
    struct option_list files; /* of neighbours */
};

#define AT(member) .offset = offsetof(struct check_values, member)

static const struct option_spec verify_options[] = {
    { .name = "trust", .type = OPTION_FILE, AT(trust), .placeholder = "CA", .help = "the federation's certificate authority, PEM; else that of --ca" },
    { .name = "crl", .type = OPTION_FILE, AT(crl), .placeholder = "FILE", .help = "its list of revoked certificates, PEM" },
    { .name = "heads", .type = OPTION_FILES, AT(files), .placeholder = "FILE", .help = "an export of a neighbour, which holds heads of this log" },
};

static void print_witness(const struct audit_receipt *witness)
{
    char at[TEXT_TIME_SIZE];

    text_time_format(witness->custody.at_ms, at);
    printf("proved by: what %s signed for %s at %s, when its log had %" PRIu64 " records\n", witness->receiver, witness->sender, at, witness->custody.audit_size);
}

static void print_finding(const struct audit_book *book, const struct audit_finding *f)
{
    char at[TEXT_TIME_SIZE];

    text_time_format(book->head.at_ms, at);
    if (f->fault == AUDIT_SOUND)
        printf("%s: %" PRIu64 " records, as its head of %s says; %" PRIu64 " heads that neighbours hold agree\n", book->node, book->head.size, at, f->agreeing);
    else if (f->fault == AUDIT_HEAD_FORGED)
        printf("%s: %s\n", book->node, audit_fault_text(f->fault));
    else if (f->first == f->last)
        printf("%s: record %" PRIu64 " %s\n", book->node, f->first, audit_fault_text(f->fault));
    else
        printf("%s: a record from %" PRIu64 " to %" PRIu64 " %s\n", book->node, f->first, f->last, audit_fault_text(f->fault));
    if (f->fault != AUDIT_SOUND && f->own_head)
        printf("proved by: the head of %" PRIu64 " records that %s signed at %s\n", book->head.size, book->node, at);
    if (f->witness)
        print_witness(f->witness);
    if (f->unproved)
        printf("%" PRIu64 " heads contradict the log and are not signed by who they say: not counted\n", f->unproved);
}

static int print_finding_json(const struct audit_book *book, const struct audit_finding *f)
{
    static const char *const names[] = { "SOUND", "UNREADABLE", "MISSING", "ALTERED", "MOVED", "REWRITTEN", "CUT_OFF", "HEAD_FORGED" };
    json_t *json = json_pack("{sssbsssssIsIsIsbsIsI}", "node", book->node, "good", f->fault == AUDIT_SOUND, "fault", names[f->fault], "text", audit_fault_text(f->fault),
                             "size", (json_int_t)book->head.size, "first", (json_int_t)f->first, "last", (json_int_t)f->last, "ownHead", f->own_head, "headsAgreeing",
                             (json_int_t)f->agreeing, "headsUnproved", (json_int_t)f->unproved);

    if (f->witness)
        json_object_set_new(json, "witness", json_pack("{sssssIsIsI}", "signer", f->witness->receiver, "holder", f->witness->sender, "size",
                                                       (json_int_t)f->witness->custody.audit_size, "sequence", (json_int_t)f->witness->custody.sequence, "atMs",
                                                       (json_int_t)f->witness->custody.at_ms));
    return output_json_line(json);
}

/* Checks the log of the first source; the others are its neighbours'. */
static int check(const struct globals *globals, struct audit_source *sources, size_t count, const struct seal *seal)
{
    const struct audit_book *witnesses[NEIGHBOURS_MAX + 1];
    struct audit_finding finding;
    int status = CTL_OK;

    for (size_t i = 0; i < count; i++) {
        audit_book_learn(&sources[i].book, seal);
        witnesses[i] = &sources[i].book;
    }
    audit_book_check(&sources[0].book, seal, witnesses, count, &finding);
    if (globals->json)
        status = print_finding_json(&sources[0].book, &finding);
    else
        print_finding(&sources[0].book, &finding);
    return status ? status : finding.fault == AUDIT_SOUND ? CTL_OK : CTL_NO;
}

static int open_sources(const struct globals *globals, const char *path, const struct option_list *files, struct audit_source *sources)
{
    int status = audit_source_open(globals, path, &sources[0]);

    for (size_t i = 0; status == CTL_OK && i < files->count; i++)
        status = audit_source_open(globals, files->items[i], &sources[i + 1]);
    return status;
}

static void close_sources(struct audit_source (*sources)[NEIGHBOURS_MAX + 1])
{
    for (size_t i = 0; i < NEIGHBOURS_MAX + 1; i++)
        audit_source_close(&(*sources)[i]);
}

static int run_verify(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct check_values *options = values;
    __attribute__((cleanup(close_sources))) struct audit_source sources[NEIGHBOURS_MAX + 1] = { 0 };
    __attribute__((cleanup(audit_trust_close))) struct keyring *keyring = NULL;
    int status = audit_trust_open(globals, options->trust, options->crl, &keyring);

    if (status == CTL_OK)
        status = open_sources(globals, argument_count ? arguments[0] : "live", &options->files, sources);
    return status ? status : check(globals, sources, options->files.count + 1, keyring_seal(keyring));
}

const struct command command_audit_verify = {
    .name = "audit verify",
    .arguments = "[FILE|live]",
    .arguments_max = 1,
    .summary = "recompute an audit log and compare it with what was signed",
    .text = "Every record is hashed into the tree of RFC 9162 again. Its root must be that of the head the node signed, and at each size that "
            "a neighbour was told in a custody receipt (--heads, an export of the neighbour), the one told there. Names the first record that "
            "is altered, missing or out of place, or between which ones it is, and whose signature proves it. Exit status 1 means that "
            "something is wrong.",
    .example = "qiao audit verify street.audit --trust ca.crt --heads district.audit",
    .options = verify_options,
    .option_count = sizeof(verify_options) / sizeof(verify_options[0]),
    .values_size = sizeof(struct check_values),
    .run = run_verify,
};

/* ---- gaps ---- */

static const struct option_spec gaps_options[] = {
    { .name = "trust", .type = OPTION_FILE, AT(trust), .placeholder = "CA", .help = "the federation's certificate authority, PEM; else that of --ca" },
    { .name = "crl", .type = OPTION_FILE, AT(crl), .placeholder = "FILE", .help = "its list of revoked certificates, PEM" },
    { .name = "peer", .type = OPTION_FILES, AT(files), .placeholder = "FILE", .help = "an export of the peer", .required = true },
};

#undef AT

struct telling {
    bool json;
};

static void tell_gap(void *context, const struct audit_receipt *receipt)
{
    const struct telling *telling = context;
    char at[TEXT_TIME_SIZE];

    if (telling->json) {
        output_json_line(json_pack("{sssssIsIsI}", "fault", receipt->receiver, "holder", receipt->sender, "lane", (json_int_t)receipt->custody.lane, "sequence",
                                   (json_int_t)receipt->custody.sequence, "atMs", (json_int_t)receipt->custody.at_ms));
        return;
    }
    text_time_format(receipt->custody.at_ms, at);
    printf("%s signed at %s that it has lane %u of %s up to message %" PRIu64 ", and its log does not have them as taken\n", receipt->receiver, at,
           receipt->custody.lane, receipt->sender, receipt->custody.sequence);
}

static int run_gaps(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct check_values *options = values;
    __attribute__((cleanup(close_sources))) struct audit_source sources[NEIGHBOURS_MAX + 1] = { 0 };
    __attribute__((cleanup(audit_trust_close))) struct keyring *keyring = NULL;
    struct telling telling = { globals->json };
    uint64_t gaps = 0;
    int status = audit_trust_open(globals, options->trust, options->crl, &keyring);

    if (status == CTL_OK)
        status = open_sources(globals, argument_count ? arguments[0] : "live", &options->files, sources);
    for (size_t i = 0; status == CTL_OK && i < options->files.count + 1; i++)
        audit_book_learn(&sources[i].book, keyring_seal(keyring));
    for (size_t i = 1; status == CTL_OK && i < options->files.count + 1; i++) {
        gaps += audit_book_gaps(&sources[i].book, &sources[0].book, keyring_seal(keyring), tell_gap, &telling);
        gaps += audit_book_gaps(&sources[0].book, &sources[i].book, keyring_seal(keyring), tell_gap, &telling);
    }
    if (status)
        return status;
    if (!gaps && !globals->json)
        puts("what each side signed to have, its log has as taken");
    return gaps ? CTL_NO : CTL_OK;
}

const struct command command_audit_gaps = {
    .name = "audit gaps",
    .arguments = "[FILE|live]",
    .arguments_max = 1,
    .summary = "compare the node's books with those of a peer",
    .text = "Every custody receipt that one side holds of the other must stand in the other's log as taken, with the same custody chain. What "
            "does not is a gap, and the fault is with the side whose signature contradicts its log. Verify both logs too.",
    .example = "qiao audit gaps street.audit --peer district.audit --trust ca.crt",
    .options = gaps_options,
    .option_count = sizeof(gaps_options) / sizeof(gaps_options[0]),
    .values_size = sizeof(struct check_values),
    .run = run_gaps,
};
