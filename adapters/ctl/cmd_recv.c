/* qiao recv: be a member that receives. */
#include "attaching.h"
#include "child.h"
#include "clock.h"
#include "delivery.h"
#include "output.h"
#include "sealing.h"
#include "session.h"
#include "verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct recv_values {
    const char *verdict;
    const char *exec;
    const char *passphrase_file;
    const char *attachments;
    struct option_list open_with;
    uint64_t count, idle_ms;
};

#define AT(member) .offset = offsetof(struct recv_values, member)

static const struct option_spec recv_options[] = {
    { .name = "count", .letter = 'n', .type = OPTION_NUMBER, AT(count), .placeholder = "N", .help = "end after this many deliveries", .min = 1 },
    { .name = "idle-timeout", .type = OPTION_DURATION, AT(idle_ms), .placeholder = "DURATION", .help = "end when nothing came for this long", .min = 1 },
    { .name = "verdict", .letter = 'V', .type = OPTION_TEXT, AT(verdict), .placeholder = "VERDICT",
      .help = "accept, refuse[:CODE[:REASON]] or retry[:MILLISECONDS]", .standard = "accept" },
    { .name = "exec", .letter = 'x', .type = OPTION_TEXT, AT(exec), .placeholder = "COMMAND",
      .help = "let a shell command decide; it reads the message as JSON" },
    { .name = "attachments", .letter = 'a', .type = OPTION_DIRECTORY, AT(attachments), .placeholder = "DIR", .help = "save files that come with messages in this directory" },
    { .name = "open-with", .type = OPTION_FILES, AT(open_with), .placeholder = "CERT,KEY", .help = "open sealed bodies with this certificate and key" },
    { .name = "passphrase-file", .type = OPTION_FILE, AT(passphrase_file), .placeholder = "FILE", .help = "passphrase of the keys of --open-with, in its first line" },
};

#undef AT

/* A delivery for the command. The node sends whole runs of messages, so more than one can be here; they wait their turn. */
struct errand {
    struct errand *next;
    uint64_t token;
    struct qiao_id id;
    unsigned kind;
    enum qiao_lane lane;
    char *case_id, *text; /* owned; the text is what the command reads */
};

struct recv {
    struct ctl_session session; /* first: see session.h */
    const struct recv_values *options;
    struct ctl_keys keys;
    struct verdict verdict;
    uint64_t count;
    uint64_t last_ns;  /* when the last delivery came, steady clock */
    int status;        /* not CTL_OK: end with it */
    struct child child;
    struct errand *errands; /* the first is the child's, if one runs */
};

static enum qiao_verdict take_delivery(void *context, const struct qiao_delivery *delivery);
static void take_fetched(void *context, const struct qiao_attachment *attachment, const char *path, unsigned code);
static int receive(struct recv *recv);
static void finish_child(struct recv *recv);

static const struct qiao_client_handler handler = { .link = ctl_session_link, .deliver = take_delivery, .fetched = take_fetched };

static struct errand *errand_free(struct errand *errand)
{
    if (errand) {
        free(errand->case_id);
        ctl_secret_free(errand->text, errand->text ? strlen(errand->text) : 0); /* it may have been sealed */
    }
    free(errand);
    return NULL;
}

static void drop_first(struct recv *recv)
{
    struct errand *first = recv->errands;

    recv->errands = first->next;
    errand_free(first);
}

static void recv_close(struct recv *recv)
{
    child_stop(&recv->child);
    ctl_session_close(&recv->session);
    ctl_keys_free(&recv->keys);
    while (recv->errands)
        drop_first(recv);
}

static int run_recv(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(recv_close))) struct recv recv = { .options = values, .session.signal_fd = -1 };
    /* One delivery at a time for a command, else as many as the library likes. */
    const struct ctl_session_options session_options = {
        .member = globals->member, .delivery_messages = recv.options->exec ? 1 : 0, .watch_children = recv.options->exec != NULL,
    };
    int status = verdict_read(recv.options->verdict, &recv.verdict);

    (void)argument_count;
    (void)arguments;
    if (!status && !globals->member)
        status = command_fail(CTL_WRONG_USE, "receive as whom? Give --member NAME or set QIAO_MEMBER");
    if (!status && recv.options->open_with.count) {
        ctl_sealing_protect();
        status = ctl_keys_load(&recv.keys, globals, false, &recv.options->open_with, recv.options->passphrase_file);
    }
    if (!status)
        status = ctl_session_open(&recv.session, globals, &session_options, &handler);
    if (!status)
        status = ctl_session_connect(&recv.session);
    return status ? status : receive(&recv);
}

static bool is_full(const struct recv *recv)
{
    return recv->options->count && recv->count >= recv->options->count;
}

static bool is_complete(const struct recv *recv)
{
    return is_full(recv) && !recv->errands && qiao_client_files(recv->session.client) == 0;
}

static void count_delivery(struct recv *recv)
{
    recv->count++;
    recv->last_ns = clock_steady_ns();
    if (is_full(recv))
        recv->session.stop = true;
}

static int receive(struct recv *recv)
{
    struct ctl_session *session = &recv->session;

    session->report_links = true;
    recv->last_ns = clock_steady_ns();
    while (!recv->status && !session->interrupted && !is_complete(recv)) {
        uint64_t idle_ns = recv->options->idle_ms * CLOCK_NS_PER_MS;
        uint64_t deadline_ns = idle_ns && !recv->child.pid && qiao_client_files(session->client) == 0 ? recv->last_ns + idle_ns : UINT64_MAX;
        int result = ctl_session_run(session, deadline_ns);
        if (session->child_ended)
            finish_child(recv);
        if (result == QIAO_CLIENT_TIMEOUT && clock_steady_ns() >= deadline_ns)
            return recv->options->count ? command_fail(CTL_NO, "only %llu of %llu messages came", (unsigned long long)recv->count,
                                                       (unsigned long long)recv->options->count)
                                        : CTL_OK;
        if (result && result != QIAO_CLIENT_TIMEOUT)
            return ctl_session_fail(session, result);
    }
    return recv->status;
}

static bool print_delivery(struct recv *recv, const struct qiao_delivery *delivery)
{
    if (recv->session.globals->json)
        return output_json_line(delivery_to_json(delivery)) == CTL_OK;
    return delivery_print(delivery, stdout) && fflush(stdout) == 0;
}

static enum qiao_verdict give_back(struct recv *recv, int status)
{
    recv->status = status;
    recv->session.stop = true;
    return QIAO_VERDICT_LATER;
}

static void start_first(struct recv *recv)
{
    struct errand *first = recv->errands;
    char id[QIAO_ID_TEXT_SIZE];
    int result;

    qiao_id_format(&first->id, id);
    setenv("QIAO_MESSAGE_ID", id, 1);
    setenv("QIAO_KIND", qiao_kind_name(first->kind), 1);
    setenv("QIAO_CASE_ID", first->case_id, 1);
    result = child_start(&recv->child, recv->options->exec, first->text, strlen(first->text));
    if (result)
        give_back(recv, command_fail(CTL_NO, "cannot run %s: %s", recv->options->exec, strerror(-result)));
}

static struct errand *errand_new(const struct qiao_delivery *delivery)
{
    const struct qiao_message *message = &delivery->message;
    json_t *json = delivery_to_json(delivery);
    struct errand *errand = calloc(1, sizeof(*errand));

    if (errand) {
        *errand = (struct errand){ .token = delivery->token, .id = message->id, .kind = message->kind, .lane = message->lane };
        errand->case_id = strdup(message->case_id ? message->case_id : "");
        errand->text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    }
    json_decref(json);
    return errand && errand->case_id && errand->text ? errand : errand_free(errand);
}

/* After a break of the link the node delivers again what is here already: the verdict then goes to the new delivery. */
static enum qiao_verdict take_errand(struct recv *recv, const struct qiao_delivery *delivery)
{
    struct errand **end = &recv->errands;

    for (; *end; end = &(*end)->next)
        if (qiao_id_equal(&(*end)->id, &delivery->message.id)) {
            (*end)->token = delivery->token;
            return QIAO_VERDICT_LATER;
        }
    if (is_full(recv))
        return QIAO_VERDICT_LATER;
    *end = errand_new(delivery);
    if (!*end)
        return give_back(recv, command_fail(CTL_NO, "out of memory for a message"));
    recv->count++;
    recv->last_ns = clock_steady_ns();
    if (!recv->child.pid)
        start_first(recv);
    return QIAO_VERDICT_LATER;
}

/* A file that lies there under its digest with its size is not fetched again. */
static int save_attachment(struct recv *recv, const struct qiao_message *message, const struct qiao_attachment *attachment)
{
    char *path = attachment_path(recv->options->attachments, message, attachment);
    struct stat stat_there;
    bool there = path && stat(path, &stat_there) == 0 && (uint64_t)stat_there.st_size == attachment->size;
    int result = !path ? -ENOMEM : there ? QIAO_CLIENT_OK : qiao_client_fetch(recv->session.client, attachment, path);

    free(path);
    return result ? command_fail(CTL_NO, "cannot save an attachment in %s: %s", recv->options->attachments, qiao_client_error(recv->session.client)) : CTL_OK;
}

static int save_attachments(struct recv *recv, const struct qiao_message *message)
{
    int status = CTL_OK;

    for (size_t i = 0; recv->options->attachments && !status && i < message->attachments_count; i++)
        status = save_attachment(recv, message, &message->attachments[i]);
    return status;
}

static void take_fetched(void *context, const struct qiao_attachment *attachment, const char *path, unsigned code)
{
    struct recv *recv = context;
    char hex[ATTACHMENT_HEX_SIZE];

    attachment_hex(attachment, hex);
    recv->last_ns = clock_steady_ns();
    recv->session.stop = true; /* it may have been the last thing to wait for */
    if (code)
        recv->status = command_fail(CTL_NO, "attachment %s: %s", hex, qiao_code_text(code));
    else if (recv->session.globals->json)
        output_json_line(json_pack("{s:{s:s, s:I, s:s}}", "attachment", "digest", hex, "size", (json_int_t)attachment->size, "path", path));
    else
        printf("  saved      %s\n", path);
    fflush(stdout);
}

/* What cannot be printed is not accepted: it comes again. */
static enum qiao_verdict take_opened(struct recv *recv, const struct qiao_delivery *delivery)
{
    if (!recv->status && !is_full(recv) && save_attachments(recv, &delivery->message))
        return give_back(recv, CTL_NO);
    if (recv->options->exec && !recv->status)
        return take_errand(recv, delivery);
    if (recv->status || is_full(recv))
        return QIAO_VERDICT_LATER;
    count_delivery(recv);
    if (!print_delivery(recv, delivery))
        return give_back(recv, command_fail(CTL_NO, "cannot print: standard output is closed or memory is out"));
    if (recv->verdict.verdict != QIAO_VERDICT_ACCEPT)
        qiao_client_explain(recv->session.client, recv->verdict.code, recv->verdict.reason, recv->verdict.retry_after_ms);
    return recv->verdict.verdict;
}

/* What cannot be opened bounces: whoever sent it has to seal it anew, after asking for consent again if the organisation is another. */
static enum qiao_verdict bounce(struct recv *recv, int result)
{
    if (result < 0)
        return give_back(recv, command_fail(CTL_NO, "cannot open: %s", qiao_sealed_text(result)));
    if (recv->status || is_full(recv))
        return QIAO_VERDICT_LATER;
    count_delivery(recv);
    fprintf(stderr, "qiao: a sealed message was refused: %s\n", qiao_sealed_text(result));
    qiao_client_explain(recv->session.client, QIAO_CODE_REFUSED_BY_MEMBER, qiao_sealed_text(result), 0);
    return QIAO_VERDICT_REFUSE;
}

static enum qiao_verdict take_delivery(void *context, const struct qiao_delivery *delivery)
{
    struct recv *recv = context;
    struct qiao_delivery opened = *delivery;
    struct qiao_sealed_content content;
    enum qiao_verdict verdict;
    int result;

    if (!recv->keys.count || delivery->message.privacy != QIAO_PRIVACY_SEALED)
        return take_opened(recv, delivery);
    result = qiao_sealed_open(delivery->message.body, (const struct qiao_sealed_key *const *)recv->keys.keys, recv->keys.count, &delivery->message.id, &content);
    if (result)
        return bounce(recv, result);
    opened.message.body = content.content;
    opened.message.kind = content.kind ? content.kind : delivery->message.kind;
    verdict = take_opened(recv, &opened);
    qiao_sealed_free(&content.content);
    return verdict;
}

/* What waits behind a message that will come again goes back too, or its case would lose its order. */
static void send_back_case(struct recv *recv, const struct errand *first)
{
    struct errand **at = &recv->errands->next;

    while (*at) {
        struct errand *errand = *at;
        if (!*first->case_id || errand->lane != first->lane || strcmp(errand->case_id, first->case_id) != 0) {
            at = &errand->next;
            continue;
        }
        *at = errand->next;
        recv->count--;
        qiao_client_verdict(recv->session.client, errand->token, QIAO_VERDICT_RETRY, 0, "waits for its case", 0);
        errand_free(errand);
    }
}

/* sysexits.h: 75 is "try again". */
static void finish_child(struct recv *recv)
{
    struct errand *first = recv->errands;
    char reason[64] = "";
    int exit_status;
    enum qiao_verdict verdict = QIAO_VERDICT_REFUSE;

    recv->session.child_ended = false;
    if (!child_finished(&recv->child, &exit_status))
        return;
    if (exit_status == 0)
        verdict = QIAO_VERDICT_ACCEPT;
    else if (exit_status == 75 || exit_status < 0)
        verdict = QIAO_VERDICT_RETRY;
    else
        snprintf(reason, sizeof(reason), "the command ended with status %d", exit_status);
    recv->last_ns = clock_steady_ns();
    qiao_client_verdict(recv->session.client, first->token, verdict, verdict == QIAO_VERDICT_REFUSE ? QIAO_CODE_REFUSED_BY_MEMBER : 0, reason, 0);
    if (verdict == QIAO_VERDICT_RETRY)
        send_back_case(recv, first);
    drop_first(recv);
    if (recv->errands && !recv->status)
        start_first(recv);
}

const struct command command_recv = {
    .name = "recv",
    .arguments = "",
    .summary = "receive messages as a member and print them",
    .text = "Every delivery is printed, then answered with the verdict. What could not be printed is not accepted and comes again. With --json "
            "every delivery is one line; the body stands in \"body\" if the kind has a schema, else in \"bodyText\" or \"bodyBase64\".\n\n"
            "With --exec each message goes to a shell command instead, one at a time: JSON on its standard input, QIAO_MESSAGE_ID, QIAO_KIND "
            "and QIAO_CASE_ID in its environment. Its exit status is the verdict: 0 accepts, 75 asks for another delivery later, as does "
            "death by a signal, anything else refuses.\n\n"
            "With --open-with sealed bodies are opened first, and the kind shown is the one inside. What is sealed for other keys, damaged, or sealed "
            "for another message is refused, so that it returns to its sender.",
    .example = "qiao recv --member urban-mgmt --json --count 10",
    .options = recv_options,
    .option_count = sizeof(recv_options) / sizeof(recv_options[0]),
    .values_size = sizeof(struct recv_values),
    .run = run_recv,
};
