/* qiao seal: a body that only its recipients can read. Needs no node. */
#include "input.h"
#include "result.h"
#include "sealing.h"

#include <string.h>

struct seal_values {
    struct option_list to;
    const char *consented, *output, *message;
    unsigned suite;
};

/* In the order of enum qiao_sealed_suite. */
static const char *const suites[] = { "auto", "INT1", "GM1", NULL };

#define AT(member) .offset = offsetof(struct seal_values, member)

static const struct option_spec seal_options[] = {
    { .name = "to", .letter = 't', .type = OPTION_FILES, AT(to), .placeholder = "CERT", .help = "certificate of a recipient, PEM or DER", .required = true },
    { .name = "suite", .type = OPTION_CHOICE, AT(suite), .help = "by the key of the certificate, or only that one", .choices = suites, .standard = "auto" },
    { .name = "consented", .type = OPTION_FILE, AT(consented), .placeholder = "CERT", .help = "only if the recipient is still the organisation of this certificate" },
    { .name = "message", .type = OPTION_TEXT, AT(message), .placeholder = "ID", .help = "the message that it will be the body of" },
    { .name = "output", .letter = 'o', .type = OPTION_FILE, AT(output), .placeholder = "FILE", .help = "write here, else to standard output" },
};

#undef AT

static int run_seal(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct seal_values *options = values;
    struct ctl_sealing sealing = { .to = &options->to, .consented = options->consented, .suite = (enum qiao_sealed_suite)options->suite };
    struct qiao_bytes container = { 0 };
    struct qiao_id id;
    char *content = NULL;
    size_t size = 0;
    int status;

    (void)globals;
    ctl_sealing_protect();
    if (options->message && !qiao_id_parse(options->message, &id))
        return command_fail(CTL_WRONG_USE, "--message is \"%.60s\", which is no message id", options->message);
    sealing.message_id = options->message ? &id : NULL;
    status = input_read(argument_count ? arguments[0] : "-", QIAO_SEALED_CONTENT_SIZE_MAX, &content, &size);
    if (!status)
        status = ctl_seal(&sealing, qiao_bytes(content, size), &container);
    ctl_secret_free(content, size);
    if (!status)
        status = result_write(options->output, container, 0666);
    qiao_sealed_free(&container);
    return status;
}

const struct command command_seal = {
    .name = "seal",
    .arguments = "[FILE]",
    .arguments_max = 1,
    .summary = "encrypt a file for the seats that may read it",
    .text = "The container is CMS AuthEnvelopedData in DER, padded so that its size does not tell what is in it. Suite INT1 (keys of P-256 and RSA) "
            "is opened by \"openssl cms -decrypt\" too, suite GM1 (keys of SM2) by hand as the documentation of sealed bodies says. Ed25519 "
            "certificates cannot receive.\n\n"
            "With --consented nothing is sealed for another organisation than the one in that certificate: who agreed to be known to one has not "
            "agreed to be known to its successor.\n\n"
            "\"qiao send --seal-to\" seals and sends in one go. For \"qiao send --kind sealed --privacy sealed --body-file\" give the same id to "
            "--message here and to --id there.",
    .example = "qiao seal --to clinic.crt -o letter.sealed letter.txt",
    .options = seal_options,
    .option_count = sizeof(seal_options) / sizeof(seal_options[0]),
    .values_size = sizeof(struct seal_values),
    .run = run_seal,
};
