/* qiao send: one message, and if asked for how it ended. */
#include "address.h"
#include "admin.h"
#include "bodies.h"
#include "clock.h"
#include "grounds.h"
#include "input.h"
#include "post.h"
#include "sealing.h"

#include <inttypes.h>
#include <qiao/kind.h>
#include <qiao/limits.h>
#include <stdlib.h>
#include <string.h>

struct send_values {
    const char *to, *from, *kind, *case_id, *matter, *key, *correlation, *id;
    const char *body, *body_file, *body_json, *outbox, *consented;
    const char *basis, *purpose, *retention, *personal_data, *consent, *event_day;
    struct option_list seal_to, attach;
    uint64_t case_sequence, expires_ms, retention_ms;
    unsigned lane, status, privacy;
    const char *sign_with, *sign_key, *sign_passphrase_file;
    bool wait;
};

/* In the order of the enumerations of client.h. */
static const char *const lanes[] = { "normal", "urgent", "bulk", NULL };
static const char *const statuses[] = { "actual", "exercise", "test", NULL };
static const char *const privacies[] = { "internal", "public", "confidential", "sealed", NULL };

#define AT(member) .offset = offsetof(struct send_values, member)

static const struct option_spec send_options[] = {
    { .name = "to", .letter = 't', .type = OPTION_TEXT, AT(to), .placeholder = "ADDRESS", .help = "destination, AREA/ORG or AREA/ORG#SEAT", .required = true },
    { .name = "kind", .letter = 'k', .type = OPTION_TEXT, AT(kind), .placeholder = "KIND", .help = "kind of message, by name or number", .standard = "payload" },
    { .name = "from", .type = OPTION_TEXT, AT(from), .placeholder = "ADDRESS", .help = "source, if it is not the member's own address" },
    { .name = "case", .letter = 'c', .type = OPTION_TEXT, AT(case_id), .placeholder = "CASE", .help = "case id; messages of one case keep their order" },
    { .name = "case-sequence", .type = OPTION_NUMBER, AT(case_sequence), .placeholder = "N", .help = "number of the message within the case" },
    { .name = "matter", .letter = 'm', .type = OPTION_TEXT, AT(matter), .placeholder = "CODE", .help = "matter code, such as NOISE.CONSTRUCTION" },
    { .name = "lane", .letter = 'l', .type = OPTION_CHOICE, AT(lane), .help = "urgent overtakes normal, normal overtakes bulk", .choices = lanes, .standard = "normal" },
    { .name = "status", .type = OPTION_CHOICE, AT(status), .help = "drills and tests never reach live dispatch", .choices = statuses, .standard = "actual" },
    { .name = "privacy", .type = OPTION_CHOICE, AT(privacy), .help = "privacy class", .choices = privacies, .standard = "internal" },
    { .name = "purpose", .letter = 'p', .type = OPTION_TEXT, AT(purpose), .placeholder = "CODE", .help = "what for, as the policy calls it, such as HANDLE_COMPLAINT" },
    { .name = "basis", .type = OPTION_TEXT, AT(basis), .placeholder = "LAW#ARTICLE,...", .help = "legal bases, such as ECO-CODE#599" },
    { .name = "event-day", .type = OPTION_TEXT, AT(event_day), .placeholder = "DAY", .help = "day on which the basis must be in force, if it is not today" },
    { .name = "personal-data", .type = OPTION_TEXT, AT(personal_data), .placeholder = "FIELD,...", .help = "personal data in the body, such as name,contact" },
    { .name = "consent", .type = OPTION_TEXT, AT(consent), .placeholder = "REFERENCE", .help = "the consent this relies on" },
    { .name = "retention", .type = OPTION_TEXT, AT(retention), .placeholder = "RULE", .help = "rule by which the recipient keeps it" },
    { .name = "retention-time", .type = OPTION_DURATION, AT(retention_ms), .placeholder = "DURATION", .help = "keep it no longer than this, such as 90d", .min = 1 },
    { .name = "expires", .letter = 'e', .type = OPTION_DURATION, AT(expires_ms), .placeholder = "DURATION", .help = "give up after this time, such as 2h", .min = 1 },
    { .name = "key", .type = OPTION_TEXT, AT(key), .placeholder = "TEXT", .help = "id of the record in the sending system; the same key takes effect once" },
    { .name = "correlation", .type = OPTION_TEXT, AT(correlation), .placeholder = "ID", .help = "the message that this one answers" },
    { .name = "id", .type = OPTION_TEXT, AT(id), .placeholder = "ID", .help = "message id, to send the same message again; else one is made" },
    { .name = "body", .letter = 'b', .type = OPTION_TEXT, AT(body), .placeholder = "TEXT", .help = "the body as it is" },
    { .name = "body-file", .type = OPTION_FILE, AT(body_file), .placeholder = "FILE", .help = "the body from a file, - for standard input" },
    { .name = "body-json", .letter = 'j', .type = OPTION_TEXT, AT(body_json), .placeholder = "JSON", .help = "fields of the kind's schema as proto3 JSON, or @FILE" },
    { .name = "seal-to", .type = OPTION_FILES, AT(seal_to), .placeholder = "CERT",
      .help = "seal the body for the owner of this certificate; kind and privacy class outside become sealed" },
    { .name = "consented", .type = OPTION_FILE, AT(consented), .placeholder = "CERT", .help = "with --seal-to: only if it is still the organisation of this certificate" },
    { .name = "sign-with", .type = OPTION_FILE, AT(sign_with), .placeholder = "CERT",
      .help = "sign the message as the member itself, with this certificate of AREA/ORG; else its node signs for it" },
    { .name = "sign-key", .type = OPTION_FILE, AT(sign_key), .placeholder = "KEY", .help = "with --sign-with: its private key, PEM, or a token's key by its URI (pkcs11:...)" },
    { .name = "sign-passphrase-file", .type = OPTION_FILE, AT(sign_passphrase_file), .placeholder = "FILE", .help = "with --sign-with: passphrase or PIN in the first line" },
    { .name = "attach", .letter = 'a', .type = OPTION_FILES, AT(attach), .placeholder = "FILE", .help = "a file that goes beside the message, up to 256 MiB" },
    { .name = "wait", .letter = 'w', .type = OPTION_FLAG, AT(wait), .help = "wait for the outcome; exit status 1 unless it is accepted" },
    { .name = "outbox", .letter = 'o', .type = OPTION_DIRECTORY, AT(outbox), .placeholder = "DIR", .help = "keep the message in this directory until the node has it" },
};

#undef AT

/* What the strings of a message stand in. */
struct letter {
    struct qiao_message message;
    char destination[ADDRESS_BUFFER_SIZE], source[ADDRESS_BUFFER_SIZE];
    struct grounds grounds;
    uint8_t *body; /* owned, or NULL when the body is borrowed */
    size_t body_size;
    struct qiao_bytes container; /* the sealed body, owned */
};

static int letter_init(struct letter *letter, const struct send_values *options);
static void letter_deinit(struct letter *letter);

static int run_send(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct send_values *options = values;
    __attribute__((cleanup(letter_deinit))) struct letter letter = { 0 };
    const struct post_options post = { .outbox = options->outbox, .wait = options->wait, .attach = &options->attach,
                                       .sign_with = options->sign_with, .sign_key = options->sign_key, .sign_passphrase_file = options->sign_passphrase_file };
    int status;

    (void)argument_count;
    (void)arguments;
    if (!globals->member)
        return command_fail(CTL_WRONG_USE, "send as whom? Give --member NAME or set QIAO_MEMBER");
    if (options->consented && !options->seal_to.count)
        return command_fail(CTL_WRONG_USE, "--consented is about --seal-to, which is missing");
    if (!options->sign_with != !options->sign_key || (options->sign_passphrase_file && !options->sign_with))
        return command_fail(CTL_WRONG_USE, "--sign-with and --sign-key belong together");
    if (options->sign_with && !globals->ca_file)
        return command_fail(CTL_WRONG_USE, "--sign-with needs the federation's authority: give --ca FILE or set QIAO_CA");
    if (options->attach.count && options->seal_to.count)
        return command_fail(CTL_WRONG_USE, "--attach and --seal-to: a file is not sealed with the body; seal it by itself with qiao seal and send that");
    if (options->seal_to.count)
        ctl_sealing_protect();
    status = letter_init(&letter, options);
    return status ? status : post_message(globals, &letter.message, &post);
}

static int read_id(const char *option, const char *text, struct qiao_id *ret_id)
{
    if (text && !qiao_id_parse(text, ret_id))
        return command_fail(CTL_WRONG_USE, "%s is \"%.60s\", which is no message id; one looks like 01890a5d-ac96-774b-bcce-b302099a8057", option,
                            text);
    return CTL_OK;
}

static int read_json(struct letter *letter, const char *text)
{
    char error[PBJSON_ERROR_SIZE], *file = NULL;
    size_t size = strlen(text);
    struct qiao_bytes body;
    bool valid;

    if (*text == '@') {
        /* JSON takes more room than what it describes; base64 and escapes at most six times as much. */
        int status = input_read(text + 1, 6u * QIAO_BODY_SIZE_MAX, &file, &size);
        if (status)
            return status;
    }
    valid = body_from_json(letter->message.kind, file ? file : text, size, &body, error);
    ctl_secret_free(file, size);
    if (!valid)
        return command_fail(CTL_WRONG_USE, "--body-json: %s", error);
    letter->body = (uint8_t *)body.data;
    letter->body_size = body.size;
    letter->message.body = body;
    return CTL_OK;
}

static int read_body(struct letter *letter, const struct send_values *options)
{
    size_t size;
    int status;

    if (!!options->body + !!options->body_file + !!options->body_json > 1)
        return command_fail(CTL_WRONG_USE, "give only one of --body, --body-file and --body-json");
    if (options->body_json)
        return read_json(letter, options->body_json);
    if (options->body)
        letter->message.body = qiao_bytes_from_string(options->body);
    if (!options->body_file)
        return CTL_OK;
    status = input_read(options->body_file, QIAO_BODY_SIZE_MAX, (char **)&letter->body, &size);
    if (!status)
        letter->message.body = qiao_bytes(letter->body, letter->body_size = size);
    return status;
}

/* Outside nothing tells what kind of content it is: that is inside. */
static int seal_body(struct letter *letter, const struct send_values *options)
{
    struct qiao_message *message = &letter->message;
    static const struct qiao_id none;
    const struct ctl_sealing sealing = { .to = &options->seal_to, .consented = options->consented, .message_id = &message->id, .kind = message->kind };
    int status;

    if (qiao_id_equal(&message->id, &none))
        message->id = qiao_id_new();
    status = ctl_seal(&sealing, message->body, &letter->container);
    message->kind = QIAO_KIND_SEALED;
    message->privacy = QIAO_PRIVACY_SEALED;
    message->body = letter->container;
    return status;
}

static int read_grounds(struct letter *letter, const struct send_values *options)
{
    struct qiao_message *message = &letter->message;
    int status = options->basis ? grounds_read_bases(options->basis, &letter->grounds, message) : CTL_OK;

    if (!status && options->personal_data)
        status = grounds_read_personal_data(options->personal_data, &message->pi_mask);
    if (!status && options->event_day)
        status = grounds_read_day(options->event_day, &message->event_at_ms);
    message->purpose = options->purpose;
    message->consent_ref = options->consent;
    message->retention_rule = options->retention;
    message->retention_not_after_ms = options->retention_ms ? message->sent_at_ms + options->retention_ms : 0;
    return status;
}

static int letter_init(struct letter *letter, const struct send_values *options)
{
    struct qiao_message *message = &letter->message;
    int status = ctl_address_read("--to", options->to, letter->destination, &message->destination);

    if (!status && options->from)
        status = ctl_address_read("--from", options->from, letter->source, &message->source);
    if (!status)
        status = read_id("--id", options->id, &message->id);
    if (!status)
        status = read_id("--correlation", options->correlation, &message->correlation_id);
    if (status)
        return status;
    if (!body_kind_parse(options->kind, &message->kind))
        return command_fail(CTL_WRONG_USE, "--kind is \"%.60s\", which is no kind; use a name such as case.open or a number", options->kind);
    message->case_id = options->case_id;
    message->case_sequence = options->case_sequence;
    message->matter = options->matter;
    message->idempotency_key = options->key;
    message->sent_at_ms = clock_wall_ns() / CLOCK_NS_PER_MS;
    message->expires_at_ms = options->expires_ms ? message->sent_at_ms + options->expires_ms : 0;
    message->lane = (enum qiao_lane)options->lane;
    message->status = (enum qiao_status)options->status;
    message->privacy = (enum qiao_privacy)options->privacy;
    status = read_grounds(letter, options);
    if (!status) status = read_body(letter, options);
    return !status && options->seal_to.count ? seal_body(letter, options) : status;
}

static void letter_deinit(struct letter *letter)
{
    if (letter->body)
        explicit_bzero(letter->body, letter->body_size);
    free(letter->body);
    qiao_sealed_free(&letter->container);
}

const struct command command_send = {
    .name = "send",
    .arguments = "",
    .summary = "submit a message and print its id",
    .text = "Returns when the node has the message on disk. With --wait it returns when the message has ended: exit status 0 if the "
            "destination accepted it, 1 if it was refused, expired or died, and the output says why. --timeout says how long to wait.\n\n"
            "With --outbox the message is first made durable in a directory of your own; it is not lost if the node cannot be reached now, and "
            "goes with the next client that uses the same directory.\n\n"
            "With --attach files go beside the message: it goes ahead, and the command returns when the node has the files too. The body of a case "
            "gets their names. What the node has already is not sent again; if the command is ended meanwhile, the same command with --id goes on "
            "where it stopped.\n\n"
            "With --seal-to only the owner of that certificate can read the body, no node on the way. Its kind travels inside.",
    .example = "qiao send --to 990101001/urban-mgmt --kind case.open --case 2025-0001 --body-json '{\"title\":\"Noise at night\"}' --wait",
    .options = send_options,
    .option_count = sizeof(send_options) / sizeof(send_options[0]),
    .values_size = sizeof(struct send_values),
    .run = run_send,
};
