/* qiao case list, qiao case show. */
#include "admin.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <qiao/limits.h>
#include <stdlib.h>
#include <string.h>

struct list_values {
    const char *after;
    uint64_t most;
    bool all;
};

static const struct option_spec list_options[] = {
    { .name = "most", .letter = 'm', .type = OPTION_NUMBER, .offset = offsetof(struct list_values, most), .placeholder = "N",
      .help = "cases of one page", .min = 1, .max = 10000, .standard = "100" },
    { .name = "after", .type = OPTION_TEXT, .offset = offsetof(struct list_values, after), .placeholder = "CASE",
      .help = "start behind this case id" },
    { .name = "all", .letter = 'a', .type = OPTION_FLAG, .offset = offsetof(struct list_values, all), .help = "go on to the last page" },
};

struct list {
    bool json;
    struct table *table;
    size_t count;
    char next[QIAO_CASE_ID_SIZE_MAX + 1]; /* where the next page starts; empty after the last */
};

static int ask_list(const struct globals *globals, const struct list_values *options, struct list *list);
static int take_list(void *context, const Qiao__V1__AdminReply *reply);
static int take_case(void *context, const Qiao__V1__AdminReply *reply);

static int run_list(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    static const struct table_column columns[] = {
        { "CASE", false }, { "MATTER", false }, { "MESSAGES", true }, { "FIRST", false }, { "LAST", false }, { "KIND", false }, { "OUTCOME", false },
    };
    const struct list_values *options = values;
    struct list list = { .json = globals->json };
    int status;

    (void)argument_count;
    (void)arguments;
    list.table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    if (!list.table)
        return command_fail(CTL_NO, "out of memory");
    status = ask_list(globals, options, &list);
    if (!status && !list.json && !table_print(list.table, stdout))
        status = command_fail(CTL_NO, "out of memory");
    if (!status && !list.json && *list.next)
        fprintf(stderr, "There are more: --after %s, or --all\n", list.next);
    list.table = table_free(list.table);
    return status;
}

static int ask_list(const struct globals *globals, const struct list_values *options, struct list *list)
{
    Qiao__V1__CaseListRequest page = QIAO__V1__CASE_LIST_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    char after[sizeof(list->next)];

    snprintf(after, sizeof(after), "%s", options->after ? options->after : "");
    page.after = after;
    page.most = (uint32_t)options->most;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_CASE_LIST;
    request.case_list = &page;
    return admin_ask_pages(globals, &request, take_list, list, &(struct admin_pages){ after, list->next, sizeof(after), options->all });
}

static void add_summary(struct table *table, const Qiao__V1__CaseSummary *summary)
{
    char first[TEXT_TIME_SIZE], last[TEXT_TIME_SIZE], kind[ADMIN_KIND_SIZE], outcome[ADMIN_OUTCOME_SIZE];

    text_time_format(summary->first_ms, first);
    text_time_format(summary->last_ms, last);
    admin_kind_format(summary->last_kind, kind);
    admin_outcome_format(summary->last_outcome, 0, outcome);
    table_cell(table, TABLE_PLAIN, summary->case_id);
    table_cell(table, TABLE_PLAIN, summary->matter);
    table_cell_format(table, TABLE_PLAIN, "%u", (unsigned)summary->messages);
    table_cell(table, TABLE_PLAIN, first);
    table_cell(table, TABLE_PLAIN, last);
    table_cell(table, TABLE_PLAIN, kind);
    table_cell(table, summary->last_outcome == QIAO__V1__OUTCOME_STATUS__OUTCOME_ACCEPTED ? TABLE_GOOD : TABLE_PLAIN, outcome);
}

static int take_list(void *context, const Qiao__V1__AdminReply *reply)
{
    struct list *list = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_CASE_LIST)
        return command_fail(CTL_NO, "the node answered something else than a list of cases");
    snprintf(list->next, sizeof(list->next), "%s", reply->case_list->next);
    list->count += reply->case_list->n_cases;
    for (size_t i = 0; i < reply->case_list->n_cases; i++) {
        int status = CTL_OK;
        if (list->json)
            status = admin_print_json(&reply->case_list->cases[i]->base);
        else
            add_summary(list->table, reply->case_list->cases[i]);
        if (status)
            return status;
    }
    return CTL_OK;
}

static int run_show(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    Qiao__V1__CaseShowRequest show = QIAO__V1__CASE_SHOW_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    bool json = globals->json;

    (void)values;
    (void)argument_count;
    if (!*arguments[0] || strlen(arguments[0]) > QIAO_CASE_ID_SIZE_MAX)
        return command_fail(CTL_WRONG_USE, "a case id has from 1 to %u bytes; \"%.80s\" has %zu", QIAO_CASE_ID_SIZE_MAX, arguments[0],
                            strlen(arguments[0]));
    show.case_id = arguments[0];
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_CASE_SHOW;
    request.case_show = &show;
    return admin_ask_once(globals, &request, take_case, &json);
}

static void add_entry(struct table *table, const Qiao__V1__CaseEntry *entry)
{
    char at[TEXT_TIME_SIZE], kind[ADMIN_KIND_SIZE], source[ADDRESS_BUFFER_SIZE], destination[ADDRESS_BUFFER_SIZE],
        outcome[ADMIN_OUTCOME_SIZE], id[QIAO_ID_TEXT_SIZE];

    text_time_format(entry->at_ms, at);
    admin_kind_format(entry->kind, kind);
    admin_address_format(entry->source, source);
    admin_address_format(entry->destination, destination);
    admin_outcome_format(entry->outcome, entry->code, outcome);
    admin_id_format(&entry->message_id, id);
    table_cell(table, TABLE_PLAIN, at);
    table_cell(table, TABLE_PLAIN, kind);
    table_cell(table, TABLE_PLAIN, source);
    table_cell(table, TABLE_PLAIN, destination);
    table_cell(table, entry->outcome == QIAO__V1__OUTCOME_STATUS__OUTCOME_ACCEPTED ? TABLE_GOOD : TABLE_PLAIN, outcome);
    table_cell(table, TABLE_FAINT, id);
}

static int take_case(void *context, const Qiao__V1__AdminReply *reply)
{
    static const struct table_column columns[] = {
        { "AT", false }, { "KIND", false }, { "FROM", false }, { "TO", false }, { "OUTCOME", false }, { "MESSAGE", false },
    };
    const bool *json = context;
    struct table *table;
    bool printed;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_CASE_SHOW)
        return command_fail(CTL_NO, "the node answered something else than a case");
    if (*json)
        return admin_print_json(&reply->case_show->base);
    table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; table && i < reply->case_show->n_entries; i++)
        add_entry(table, reply->case_show->entries[i]);
    printed = table && table_print(table, stdout);
    table_free(table);
    return printed ? CTL_OK : command_fail(CTL_NO, "out of memory");
}

const struct command command_case_list = {
    .name = "case list",
    .arguments = "",
    .summary = "list the cases this node has seen",
    .text = "Cases come in the order of their ids, a page at a time. With --json every case is one line.",
    .example = "qiao case list --most 20",
    .options = list_options,
    .option_count = sizeof(list_options) / sizeof(list_options[0]),
    .values_size = sizeof(struct list_values),
    .run = run_list,
};

const struct command command_case_show = {
    .name = "case show",
    .arguments = "CASE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "show the messages of one case and how they ended",
    .text = "Exit status 1 means that this node knows no such case.",
    .example = "qiao case show 2025-0001",
    .run = run_show,
};
