/* qiao message: what the node knows about one message. */
#include "admin.h"
#include "text.h"

#include <stdio.h>

static int take_message(void *context, const Qiao__V1__AdminReply *reply);

static int run_message(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    Qiao__V1__MessageRequest message = QIAO__V1__MESSAGE_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    bool json = globals->json;
    struct qiao_id id;

    (void)values;
    (void)argument_count;
    if (!qiao_id_parse(arguments[0], &id))
        return command_fail(CTL_WRONG_USE, "\"%.60s\" is not a message id; one looks like 01890a5d-ac96-774b-bcce-b302099a8057", arguments[0]);
    message.id = (ProtobufCBinaryData){ sizeof(id.bytes), id.bytes };
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_MESSAGE;
    request.message = &message;
    return admin_ask_once(globals, &request, take_message, &json);
}

static int take_message(void *context, const Qiao__V1__AdminReply *reply)
{
    const bool *json = context;
    const Qiao__V1__MessageReply *message = reply->message;
    char id[QIAO_ID_TEXT_SIZE], outcome[ADMIN_OUTCOME_SIZE], at[TEXT_TIME_SIZE];

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_MESSAGE)
        return command_fail(CTL_NO, "the node answered something else than a message");
    if (*json)
        return admin_print_json(&message->base);
    admin_id_format(&message->id, id);
    admin_outcome_format(message->outcome, message->code, outcome);
    text_time_format(message->at_ms, at);
    printf("%-12s %s\n", "message", id);
    printf("%-12s %s\n", "this node is", message->origin && message->destination ? "origin and destination"
                                         : message->origin                     ? "its origin"
                                         : message->destination                ? "its destination"
                                                                                : "on its way");
    printf("%-12s %s\n", "outcome", outcome);
    if (message->code)
        printf("%-12s %s\n", "because", qiao_code_text(message->code));
    printf("%-12s %s\n", "at", at);
    return CTL_OK;
}

const struct command command_message = {
    .name = "message",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "show how one message stands at this node",
    .text = "The id is the one that \"qiao send\" printed. Exit status 1 means that this node does not know the message.",
    .example = "qiao message 01890a5d-ac96-774b-bcce-b302099a8057",
    .run = run_message,
};
