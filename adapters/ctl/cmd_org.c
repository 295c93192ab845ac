/* qiao org list, qiao org show: the register of organisations as the node has it. */
#include "admin.h"
#include "bodies.h"
#include "table.h"
#include "text.h"

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
      .help = "organisations of one page", .min = 1, .max = 10000, .standard = "100" },
    { .name = "after", .type = OPTION_TEXT, .offset = offsetof(struct list_values, after), .placeholder = "ORG", .help = "start behind this id" },
    { .name = "all", .letter = 'a', .type = OPTION_FLAG, .offset = offsetof(struct list_values, all), .help = "go on to the last page" },
};

struct list {
    bool json;
    struct table *table;
    char next[QIAO_ORG_SIZE_MAX + 1]; /* where the next page starts; empty after the last */
};

/* "ORG_STATE_LIVE" is "live". */
static void add_enum(struct table *table, const ProtobufCEnumDescriptor *type, int value, size_t prefix_size)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, value);
    char word[32];
    size_t i = 0;

    for (const char *c = known ? known->name + prefix_size : "?"; *c && i + 1 < sizeof(word); c++)
        word[i++] = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
    word[i] = '\0';
    table_cell(table, TABLE_PLAIN, word);
}

static void add_state(struct table *table, Qiao__V1__OrgState state)
{
    add_enum(table, &qiao__v1__org_state__descriptor, (int)state, strlen("ORG_STATE_"));
}

static void add_record(struct table *table, const Qiao__V1__OrgRecord *record)
{
    const Qiao__V1__Organisation *o = record->organisation;

    table_cell(table, TABLE_PLAIN, o->org_id);
    table_cell(table, TABLE_PLAIN, *o->uscc ? o->uscc : "-");
    table_cell(table, TABLE_PLAIN, o->name);
    add_enum(table, &qiao__v1__org_type__descriptor, (int)o->type, strlen("ORG_TYPE_"));
    table_cell(table, TABLE_PLAIN, o->area_code);
    add_state(table, record->state);
    table_cell_format(table, TABLE_PLAIN, "%llu", (unsigned long long)record->version);
}

static int take_list(void *context, const Qiao__V1__AdminReply *reply)
{
    struct list *list = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_ORG_LIST)
        return command_fail(CTL_NO, "the node answered something else than a list of organisations");
    snprintf(list->next, sizeof(list->next), "%s", reply->org_list->next);
    for (size_t i = 0; i < reply->org_list->n_records; i++) {
        int status = CTL_OK;
        if (list->json)
            status = admin_print_json(&reply->org_list->records[i]->base);
        else if (reply->org_list->records[i]->organisation)
            add_record(list->table, reply->org_list->records[i]);
        if (status)
            return status;
    }
    return CTL_OK;
}

static int ask_list(const struct globals *globals, const struct list_values *options, struct list *list)
{
    Qiao__V1__OrgListRequest page = QIAO__V1__ORG_LIST_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    char after[sizeof(list->next)];

    snprintf(after, sizeof(after), "%s", options->after ? options->after : "");
    page.after = after;
    page.most = (uint32_t)options->most;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_ORG_LIST;
    request.org_list = &page;
    return admin_ask_pages(globals, &request, take_list, list, &(struct admin_pages){ after, list->next, sizeof(after), options->all });
}

static int run_list(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    static const struct table_column columns[] = {
        { "ORGANISATION", false }, { "CODE", false }, { "NAME", false }, { "TYPE", false }, { "AREA", false }, { "STATE", false }, { "VERSION", true },
    };
    struct list list = { .json = globals->json };
    int status;

    (void)argument_count;
    (void)arguments;
    list.table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    if (!list.table)
        return command_fail(CTL_NO, "out of memory");
    status = ask_list(globals, values, &list);
    if (!status && !list.json && !table_print(list.table, stdout))
        status = command_fail(CTL_NO, "out of memory");
    if (!status && !list.json && *list.next)
        fprintf(stderr, "There are more: --after %s, or --all\n", list.next);
    list.table = table_free(list.table);
    return status;
}

/* ---- one ---- */

static int print_body(const char *title, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

    json_decref(json);
    if (!text)
        return command_fail(CTL_NO, "out of memory, or the node sent what is not understood here");
    printf("%s\n%s\n", title, text);
    free(text);
    return CTL_OK;
}

static int print_open(const Qiao__V1__OrgOpen *open)
{
    char until[TEXT_TIME_SIZE], title[256];

    text_time_format(open->until_ms, until);
    snprintf(title, sizeof(title), "\n%s, version %llu, from %.100s waits for %s until %s:", qiao_kind_name(open->kind), (unsigned long long)open->version,
             open->registrar, open->for_version ? "an earlier version" : "a second registrar (qiao org confirm)", until);
    return print_body(title, body_to_json(open->kind, qiao_bytes(open->body.data, open->body.len)));
}

static int print_shown(const Qiao__V1__OrgShowReply *show)
{
    static const struct table_column columns[] = { { "ORGANISATION", false }, { "STATE", false }, { "VERSION", true }, { "CHANGED", false }, { "BY", false }, { "AND", false } };
    char at[TEXT_TIME_SIZE];
    int status = CTL_OK;

    if (show->record && show->record->organisation) {
        const Qiao__V1__OrgRecord *record = show->record;
        struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
        bool printed;
        text_time_format(record->changed_at_ms, at);
        if (table) {
            table_cell(table, TABLE_BOLD, record->organisation->org_id);
            add_state(table, record->state);
            table_cell_format(table, TABLE_PLAIN, "%llu", (unsigned long long)record->version);
            table_cell(table, TABLE_PLAIN, at);
            table_cell(table, TABLE_PLAIN, record->registrar);
            table_cell(table, TABLE_PLAIN, *record->confirmed_by ? record->confirmed_by : "-");
        }
        printed = table && table_print(table, stdout);
        table_free(table);
        status = printed ? print_body("", pbjson_from_message(&record->organisation->base, 0)) : command_fail(CTL_NO, "out of memory");
        for (size_t i = 0; i < record->n_succession; i++)
            printf("successor: %s\n", record->succession[i]);
        if (*record->reason)
            printf("reason: %s\n", record->reason);
    }
    for (size_t i = 0; !status && i < show->n_open; i++)
        status = print_open(show->open[i]);
    return status;
}

static int take_shown(void *context, const Qiao__V1__AdminReply *reply)
{
    const bool *json = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_ORG_SHOW)
        return command_fail(CTL_NO, "the node answered something else than an organisation");
    return *json ? admin_print_json(&reply->org_show->base) : print_shown(reply->org_show);
}

static int run_show(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    Qiao__V1__OrgShowRequest show = QIAO__V1__ORG_SHOW_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    bool json = globals->json;

    (void)values;
    (void)argument_count;
    show.org_id = arguments[0];
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_ORG_SHOW;
    request.org_show = &show;
    return admin_ask_once(globals, &request, take_shown, &json);
}

const struct command command_org_list = {
    .name = "org list",
    .arguments = "",
    .summary = "list the organisations that the node knows",
    .text = "Organisations come in the order of their ids, a page at a time. With --json every one is a line.",
    .example = "qiao org list --all",
    .options = list_options,
    .option_count = sizeof(list_options) / sizeof(list_options[0]),
    .values_size = sizeof(struct list_values),
    .run = run_list,
};

const struct command command_org_show = {
    .name = "org show",
    .arguments = "ORG",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "show an organisation, and what waits for a second registrar",
    .text = "Exit status 1 means that this node knows no such organisation.",
    .example = "qiao org show housing",
    .run = run_show,
};
