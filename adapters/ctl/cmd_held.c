/* qiao held: messages that a rule of the node holds back. */
#include "admin.h"
#include "command.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

/* ---- list ---- */

struct listing {
    const struct globals *globals;
    struct table *table;
    uint32_t next;
};

static void format_time(uint64_t ms, char out[TEXT_TIME_SIZE], const char *never)
{
    if (ms)
        text_time_format(ms, out);
    else
        snprintf(out, TEXT_TIME_SIZE, "%s", never);
}

static void add_row(struct listing *listing, const Qiao__V1__HeldMessage *m)
{
    char id[QIAO_ID_TEXT_SIZE], kind[ADMIN_KIND_SIZE], to[ADDRESS_BUFFER_SIZE], since[TEXT_TIME_SIZE], due[TEXT_TIME_SIZE], deadline[TEXT_TIME_SIZE];

    admin_id_format(&m->message_id, id);
    admin_kind_format(m->kind, kind);
    admin_address_format(m->destination, to);
    format_time(m->since_ms, since, "");
    format_time(m->due_ms, due, *m->rule ? "on release" : "behind its case");
    format_time(m->deadline_ms, deadline, "");
    table_cell(listing->table, TABLE_PLAIN, id);
    table_cell(listing->table, TABLE_PLAIN, kind);
    table_cell(listing->table, TABLE_PLAIN, to);
    table_cell(listing->table, TABLE_PLAIN, m->case_id);
    table_cell(listing->table, TABLE_PLAIN, m->rule);
    table_cell(listing->table, TABLE_FAINT, since);
    table_cell(listing->table, TABLE_PLAIN, due);
    table_cell(listing->table, TABLE_FAINT, deadline);
}

static int take_list(void *context, const Qiao__V1__AdminReply *reply)
{
    struct listing *listing = context;
    int status = CTL_OK;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_HELD_LIST)
        return command_fail(CTL_NO, "the node answered something else than what it holds");
    for (size_t i = 0; !status && i < reply->held_list->n_messages; i++) {
        if (listing->globals->json)
            status = admin_print_json(&reply->held_list->messages[i]->base);
        else
            add_row(listing, reply->held_list->messages[i]);
    }
    listing->next = reply->held_list->next;
    return status;
}

static int run_list(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    static const struct table_column columns[] = {
        { "ID", false }, { "KIND", false }, { "TO", false }, { "CASE", false }, { "RULE", false }, { "SINCE", false }, { "GOES ON", false }, { "AT MOST UNTIL", false },
    };
    __attribute__((cleanup(admin_close))) struct admin admin = { 0 };
    struct listing listing = { .globals = globals, .table = table_new(columns, sizeof(columns) / sizeof(columns[0])) };
    int status = listing.table ? admin_open(&admin, globals) : command_fail(CTL_NO, "out of memory");

    (void)values, (void)argument_count, (void)arguments;
    do {
        Qiao__V1__HeldListRequest list = QIAO__V1__HELD_LIST_REQUEST__INIT;
        Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
        list.from = listing.next;
        request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_HELD_LIST;
        request.held_list = &list;
        if (!status)
            status = admin_ask(&admin, &request, take_list, &listing, globals->timeout_ms);
    } while (!status && listing.next > 0);
    if (!status && !globals->json && !table_print(listing.table, stdout))
        status = command_fail(CTL_NO, "out of memory");
    table_free(listing.table);
    return status;
}

const struct command command_held_list = {
    .name = "held list",
    .arguments = "",
    .summary = "list the messages that rules hold back",
    .text = "In the order in which they came. A message without a rule waits behind another of its case. Only over ipc:// or loopback at the node's own machine.",
    .example = "qiao held list",
    .run = run_list,
};

/* ---- release, refuse ---- */

struct decide_values {
    const char *rule;
};

static const struct option_spec decide_options[] = {
    { .name = "rule", .type = OPTION_TEXT, .offset = offsetof(struct decide_values, rule), .placeholder = "NAME", .help = "all that this rule holds, instead of one message" },
};

static int take_decision(void *context, const Qiao__V1__AdminReply *reply)
{
    const struct globals *globals = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_HELD_DECIDE)
        return command_fail(CTL_NO, "the node answered something else than how many messages it means");
    if (globals->json)
        return admin_print_json(&reply->held_decide->base);
    printf("%u message%s\n", reply->held_decide->messages, reply->held_decide->messages == 1 ? "" : "s");
    return CTL_OK;
}

static int decide(const struct globals *globals, const struct decide_values *values, int argument_count, char **arguments, bool refuse)
{
    Qiao__V1__HeldDecideRequest decision = QIAO__V1__HELD_DECIDE_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    struct qiao_id id;

    if ((argument_count == 1) == (values->rule != NULL))
        return command_fail(CTL_WRONG_USE, "name one message by its id, or a rule with --rule");
    if (argument_count == 1 && !qiao_id_parse(arguments[0], &id))
        return command_fail(CTL_WRONG_USE, "\"%.60s\" is no message id; qiao held list shows them", arguments[0]);
    if (argument_count == 1)
        decision.id = (ProtobufCBinaryData){ QIAO_ID_SIZE, id.bytes };
    if (values->rule)
        decision.rule = (char *)values->rule;
    decision.refuse = refuse;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_HELD_DECIDE;
    request.held_decide = &decision;
    return admin_ask_once(globals, &request, take_decision, (void *)globals);
}

static int run_release(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    return decide(globals, values, argument_count, arguments, false);
}

static int run_refuse(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    return decide(globals, values, argument_count, arguments, true);
}

#define DECIDES(name_, run_, summary_, text_) \
    { \
        .name = name_, .arguments = "[ID]", .arguments_max = 1, .summary = summary_, .text = text_, .options = decide_options, \
        .option_count = sizeof(decide_options) / sizeof(decide_options[0]), .values_size = sizeof(struct decide_values), .run = run_, \
    }

const struct command command_held_release = DECIDES("held release", run_release, "let held messages go on",
                                                    "They go on in order: one of a case when those of the case that came before it have gone. The node carries it out within a second.");
const struct command command_held_refuse = DECIDES("held refuse", run_refuse, "refuse held messages", "Their senders are told that a rule refused them (RULE). What waited behind them goes on.");
