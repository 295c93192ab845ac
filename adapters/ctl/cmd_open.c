/* qiao open: what was sealed for one of own keys. Needs no node. */
#include "input.h"
#include "output.h"
#include "result.h"
#include "sealing.h"

#include <qiao/kind.h>
#include <qiao/limits.h>
#include <stdio.h>
#include <stdlib.h>

struct open_values {
    struct option_list with;
    const char *passphrase_file, *output, *message;
    bool describe;
};

#define AT(member) .offset = offsetof(struct open_values, member)

static const struct option_spec open_options[] = {
    { .name = "with", .letter = 'w', .type = OPTION_FILES, AT(with), .placeholder = "CERT,KEY", .help = "another certificate and key to try, such as the ones before" },
    { .name = "passphrase-file", .type = OPTION_FILE, AT(passphrase_file), .placeholder = "FILE", .help = "passphrase of encrypted keys, in its first line" },
    { .name = "message", .type = OPTION_TEXT, AT(message), .placeholder = "ID", .help = "open only what was sealed for this message" },
    { .name = "describe", .type = OPTION_FLAG, AT(describe), .help = "say who can open it; needs no key" },
    { .name = "output", .letter = 'o', .type = OPTION_FILE, AT(output), .placeholder = "FILE", .help = "write here (readable by you alone), else to standard output" },
};

#undef AT

static const char *suite_name(enum qiao_sealed_suite suite)
{
    return suite == QIAO_SEALED_SUITE_GM1 ? "GM1" : "INT1";
}

static int describe_json(const struct qiao_sealed_description *description)
{
    json_t *json = json_object(), *recipients = json_array();
    char text[QIAO_SEALED_TEXT_SIZE];

    json_object_set_new(json, "suite", json_string(suite_name(description->suite)));
    json_object_set_new(json, "paddedSize", json_integer((json_int_t)description->padded_size));
    for (size_t i = 0; i < description->recipients_count; i++) {
        qiao_sealed_recipient_format(&description->recipients[i], text);
        json_array_append_new(recipients, json_string(text));
    }
    json_object_set_new(json, "recipients", recipients);
    return output_json_line(json);
}

static int describe(struct qiao_bytes container, bool json)
{
    struct qiao_sealed_description description;
    char text[QIAO_SEALED_TEXT_SIZE];
    int result = qiao_sealed_describe(container, &description);

    if (result)
        return command_fail(CTL_NO, "%s", qiao_sealed_text(result));
    if (json)
        return describe_json(&description);
    printf("%-12s %s\n%-12s %zu bytes at most\n", "suite", suite_name(description.suite), "content", description.padded_size);
    for (size_t i = 0; i < description.recipients_count; i++) {
        qiao_sealed_recipient_format(&description.recipients[i], text);
        printf("%-12s %s\n", "recipient", text);
    }
    return CTL_OK;
}

/* To standard error: the content has standard output for itself. */
static void report(const struct qiao_sealed_content *content)
{
    char id[QIAO_ID_TEXT_SIZE];

    qiao_id_format(&content->message_id, id);
    fprintf(stderr, content->bound ? "qiao: sealed in suite %s for message %s%s%s\n" : "qiao: sealed in suite %s, for no message\n", suite_name(content->suite), id,
            content->kind ? ", kind " : "", content->kind ? qiao_kind_name(content->kind) : "");
}

static int open_container(struct qiao_bytes container, const struct globals *globals, const struct open_values *options)
{
    __attribute__((cleanup(ctl_keys_free))) struct ctl_keys keys = { 0 };
    struct qiao_sealed_content content;
    struct qiao_id id;
    int status, result;

    if (options->message && !qiao_id_parse(options->message, &id))
        return command_fail(CTL_WRONG_USE, "--message is \"%.60s\", which is no message id", options->message);
    if (!globals->certificate_file && !options->with.count)
        return command_fail(CTL_WRONG_USE, "open with which key? Give --certificate FILE and --key FILE, or --with CERT,KEY");
    status = ctl_keys_load(&keys, globals, true, &options->with, options->passphrase_file);
    if (status)
        return status;
    result = qiao_sealed_open(container, (const struct qiao_sealed_key *const *)keys.keys, keys.count, options->message ? &id : NULL, &content);
    if (result)
        return command_fail(CTL_NO, "%s", qiao_sealed_text(result));
    if (!options->message)
        report(&content);
    status = result_write(options->output, content.content, 0600);
    qiao_sealed_free(&content.content);
    return status;
}

static int run_open(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct open_values *options = values;
    char *data;
    size_t size;
    int status;

    ctl_sealing_protect();
    status = input_read(argument_count ? arguments[0] : "-", QIAO_BODY_SIZE_MAX, &data, &size);
    if (status)
        return status;
    status = options->describe ? describe(qiao_bytes(data, size), globals->json) : open_container(qiao_bytes(data, size), globals, options);
    free(data);
    return status;
}

const struct command command_open = {
    .name = "open",
    .arguments = "[FILE]",
    .arguments_max = 1,
    .summary = "decrypt what was sealed for one of your keys",
    .text = "Opens what \"qiao seal\" or \"openssl cms -encrypt -aes-256-gcm -outform DER\" made, with --certificate and --key, or with any of the pairs "
            "given to --with: after a change of keys the ones before still open what is on its way.\n\n"
            "Exit status 1 and no output if it is for others, damaged, or sealed for another message than --message.",
    .example = "qiao open --certificate clinic.crt --key clinic.key --with clinic-2025.crt,clinic-2025.key letter.sealed",
    .options = open_options,
    .option_count = sizeof(open_options) / sizeof(open_options[0]),
    .values_size = sizeof(struct open_values),
    .run = run_open,
};
