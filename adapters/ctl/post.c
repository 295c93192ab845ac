#include "post.h"

#include "attaching.h"
#include "clock.h"
#include "output.h"

#include <inttypes.h>
#include <qiao/limits.h>
#include <stdio.h>
#include <string.h>

struct send {
    struct ctl_session session; /* first: see session.h */
    const struct post_options *options;
    struct attaching attaching;
    struct qiao_id id;
    bool submitted;
    enum qiao_outcome outcome;
    unsigned code;
    uint64_t at_ms;
    char reason[QIAO_TEXT_SIZE_MAX + 1];
};

/* Without an outbox there is no point in submitting before the link is up. With one the message is safe even if the node is not there,
 * unless the outbox is new: only the node can tell the area that the member's address begins with. */
static int submit(struct send *send, const struct qiao_message *message)
{
    int result = QIAO_CLIENT_UNREACHABLE;

    if (send->options->outbox)
        result = qiao_client_submit(send->session.client, message, &send->id);
    if (result == QIAO_CLIENT_UNREACHABLE) {
        int status = ctl_session_connect(&send->session);
        if (status)
            return status;
        result = qiao_client_submit(send->session.client, message, &send->id);
    }
    if (result == QIAO_CLIENT_BUSY)
        return command_fail(CTL_NO, "the outbox %s is full of messages that the node has not taken yet", send->options->outbox);
    if (!result && send->options->outbox)
        result = qiao_client_flush(send->session.client);
    return result ? ctl_session_fail(&send->session, result) : CTL_OK;
}

/* What the tree over a file is made with is the node's choice: so the link comes first. */
static int submit_with_files(struct send *send, const struct qiao_message *message)
{
    struct qiao_message with_files = *message;
    int status = ctl_session_connect(&send->session);

    if (!status)
        status = attaching_begin(&send->attaching, send->session.client, send->options->attach, &with_files);
    return status ? status : submit(send, &with_files);
}

static void take_attached(void *context, const struct qiao_attachment *attachment, unsigned code)
{
    struct send *send = context;

    attaching_take(&send->attaching, attachment, code);
    send->session.stop = true;
}

static void take_submitted(void *context, const struct qiao_id *id)
{
    struct send *send = context;

    if (qiao_id_equal(id, &send->id))
        send->submitted = send->session.stop = true;
}

/* A set that is refused where it enters has the set itself as its recipient. */
static bool is_decider(const char *area, const char *recipient)
{
    size_t size = area ? strlen(area) : 0;

    return !area || (recipient && strncmp(recipient, area, size) == 0 && (recipient[size] == '\0' || recipient[size] == '/'));
}

static void take_receipt(void *context, const struct qiao_receipt *receipt)
{
    struct send *send = context;

    if (!qiao_id_equal(&receipt->message_id, &send->id) || receipt->outcome == QIAO_OUTCOME_NONE || !is_decider(send->options->decided_in, receipt->recipient.area))
        return;
    send->outcome = receipt->outcome;
    send->code = receipt->code;
    send->at_ms = receipt->at_ms;
    snprintf(send->reason, sizeof(send->reason), "%s", receipt->reason ? receipt->reason : "");
    send->submitted = send->session.stop = true;
}

static int explain_failure(const struct send *send, int result)
{
    bool files = send->submitted && send->attaching.done < send->attaching.count;
    int status = files ? command_fail(CTL_NO_NODE, "the node has not got the attachments within %" PRIu64 " ms; send the same again, with --id, and it goes on where it stopped",
                                      send->session.globals->timeout_ms)
                 : send->submitted ? command_fail(CTL_NO_NODE, "no outcome within %" PRIu64 " ms; ask again with qiao message",
                                                send->session.globals->timeout_ms)
                                 : ctl_session_fail(&send->session, result);
    char id[QIAO_ID_TEXT_SIZE];

    qiao_id_format(&send->id, id);
    if (send->submitted)
        fprintf(stderr, "qiao: the node has message %s\n", id);
    else if (send->options->outbox)
        fprintf(stderr, "qiao: message %s is kept in %s and goes with the next client that uses it\n", id, send->options->outbox);
    return status;
}

/* A message that was refused takes no files. */
static bool waits_for_files(const struct send *send)
{
    bool ended = send->outcome != QIAO_OUTCOME_NONE && send->outcome != QIAO_OUTCOME_ACCEPTED;

    return send->attaching.done < send->attaching.count && !ended && !send->attaching.failed;
}

static int wait_for(struct send *send)
{
    uint64_t deadline_ns = clock_deadline_ns(send->session.globals->timeout_ms);

    while (!send->submitted || (send->options->wait && send->outcome == QIAO_OUTCOME_NONE) || waits_for_files(send)) {
        int result = send->session.interrupted ? QIAO_CLIENT_TIMEOUT : ctl_session_run(&send->session, deadline_ns);
        if (result)
            return explain_failure(send, result);
    }
    if (send->attaching.failed)
        return command_fail(CTL_NO, "an attachment does not reach the node: %s", qiao_code_text(send->attaching.failed));
    return CTL_OK;
}

static const char *const outcome_names[] = { "", "accepted", "refused", "expired", "dead" };

static int print_json(const struct send *send, const char *id)
{
    json_t *json = json_pack("{s:s}", "id", id);

    if (json && send->outcome != QIAO_OUTCOME_NONE) {
        json_object_set_new(json, "outcome", json_string(outcome_names[send->outcome]));
        json_object_set_new(json, "code", json_integer(send->code));
        json_object_set_new(json, "codeName", json_string(qiao_code_name(send->code)));
        json_object_set_new(json, "reason", json_string(send->reason));
        json_object_set_new(json, "atMs", json_integer((json_int_t)send->at_ms));
    }
    return output_json_line(json);
}

static int print_result(const struct send *send)
{
    char id[QIAO_ID_TEXT_SIZE];
    int status = CTL_OK;

    qiao_id_format(&send->id, id);
    if (send->session.globals->json)
        status = print_json(send, id);
    else
        puts(id);
    if (status || (!send->options->wait && (send->outcome == QIAO_OUTCOME_NONE || send->outcome == QIAO_OUTCOME_ACCEPTED)))
        return status;
    if (send->outcome == QIAO_OUTCOME_ACCEPTED) {
        if (!send->session.globals->json)
            puts("accepted");
        return CTL_OK;
    }
    if (send->code)
        return command_fail(CTL_NO, "%s: %s%s%s (%s)", outcome_names[send->outcome], qiao_code_text(send->code), *send->reason ? ": " : "",
                            send->reason, qiao_code_name(send->code));
    return command_fail(CTL_NO, "%s", outcome_names[send->outcome]);
}

static void send_close(struct send *send)
{
    ctl_session_close(&send->session);
    attaching_end(&send->attaching);
}

int post_message(const struct globals *globals, const struct qiao_message *message, const struct post_options *options)
{
    static const struct qiao_client_handler handler = { .link = ctl_session_link, .submitted = take_submitted, .receipt = take_receipt, .attached = take_attached };
    __attribute__((cleanup(send_close))) struct send send = { .options = options, .session.signal_fd = -1 };
    const struct ctl_session_options session_options = { .member = globals->member, .outbox = options->outbox, .sign_with = options->sign_with,
                                                         .sign_key = options->sign_key, .sign_passphrase_file = options->sign_passphrase_file };
    int status = ctl_session_open(&send.session, globals, &session_options, &handler);

    if (!status)
        status = options->attach && options->attach->count ? submit_with_files(&send, message) : submit(&send, message);
    if (!status)
        status = wait_for(&send);
    return status ? status : print_result(&send);
}

int post_to_nodes(const struct globals *globals, const char *area, const char *seat, bool wait, unsigned kind, const ProtobufCMessage *body)
{
    struct post_options post = { .wait = wait, .decided_in = area };
    struct qiao_message message = { .kind = kind, .privacy = QIAO_PRIVACY_PUBLIC };
    char everywhere[QIAO_AREA_SIZE_MAX + 4];
    uint8_t *packed = malloc(protobuf_c_message_get_packed_size(body) + 1);
    int status;

    if (!packed)
        return command_fail(CTL_NO, "out of memory");
    snprintf(everywhere, sizeof(everywhere), "%s/**", area);
    message.destination.area = everywhere;
    if (seat)
        message.source = (struct qiao_address){ area, globals->member, seat, NULL };
    message.body = qiao_bytes(packed, protobuf_c_message_pack(body, packed));
    status = post_message(globals, &message, &post);
    free(packed);
    return status;
}
