/* qiao route: where a message would go, before it is sent. */
#include "address.h"
#include "admin.h"
#include "bodies.h"
#include "table.h"

#include <stdio.h>

struct route_values {
    const char *kind;
    const char *from;
};

static const struct option_spec route_options[] = {
    { .name = "kind", .letter = 'k', .type = OPTION_TEXT, .offset = offsetof(struct route_values, kind), .placeholder = "KIND",
      .help = "kind of the message, by name or number", .standard = "payload" },
    { .name = "from", .type = OPTION_TEXT, .offset = offsetof(struct route_values, from), .placeholder = "ADDRESS",
      .help = "as if sent from this address" },
};

struct answer {
    bool json;
    bool found;
};

static int take_route(void *context, const Qiao__V1__AdminReply *reply);

static int run_route(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct route_values *options = values;
    char destination_buffer[ADDRESS_BUFFER_SIZE], source_buffer[ADDRESS_BUFFER_SIZE];
    struct qiao_address destination, source;
    Qiao__V1__Address destination_schema, source_schema;
    Qiao__V1__RouteRequest route = QIAO__V1__ROUTE_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    struct answer answer = { .json = globals->json };
    int status;

    (void)argument_count;
    status = ctl_address_read("ADDRESS", arguments[0], destination_buffer, &destination);
    if (!status && options->from)
        status = ctl_address_read("--from", options->from, source_buffer, &source);
    if (status)
        return status;
    if (!body_kind_parse(options->kind, &route.kind))
        return command_fail(CTL_WRONG_USE, "--kind is \"%.60s\", which is no kind; use a name such as case.open or a number", options->kind);
    ctl_address_to_schema(&destination, &destination_schema);
    route.destination = &destination_schema;
    if (options->from) {
        ctl_address_to_schema(&source, &source_schema);
        route.source = &source_schema;
    }
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_ROUTE;
    request.route = &route;
    status = admin_ask_once(globals, &request, take_route, &answer);
    return status ? status : answer.found ? CTL_OK : CTL_NO;
}

static bool print_candidates(const Qiao__V1__RouteReply *route)
{
    static const struct table_column columns[] = { { "", false }, { "VIA", false }, { "RULE", false }, { "WHY NOT", false } };
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    bool printed;

    for (size_t i = 0; table && i < route->n_candidates; i++) {
        const Qiao__V1__RouteCandidate *candidate = route->candidates[i];
        enum table_colour colour = candidate->chosen ? TABLE_GOOD : TABLE_PLAIN;
        table_cell(table, colour, candidate->chosen ? "*" : " ");
        table_cell(table, colour, candidate->via);
        table_cell(table, colour, candidate->rule);
        table_cell(table, TABLE_FAINT, candidate->why_not);
    }
    printed = table && table_print(table, stdout);
    table_free(table);
    return printed;
}

static int take_route(void *context, const Qiao__V1__AdminReply *reply)
{
    struct answer *answer = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_ROUTE)
        return command_fail(CTL_NO, "the node answered something else than a route");
    for (size_t i = 0; i < reply->route->n_candidates; i++)
        answer->found |= reply->route->candidates[i]->chosen;
    answer->found &= reply->route->code == 0;
    if (answer->json)
        return admin_print_json(&reply->route->base);
    if (reply->route->n_candidates && !print_candidates(reply->route))
        return command_fail(CTL_NO, "out of memory");
    if (reply->route->code)
        printf("refused: %s (%s)\n", qiao_code_text(reply->route->code), qiao_code_name(reply->route->code));
    else if (!answer->found)
        puts("no way to this address");
    return CTL_OK;
}

const struct command command_route = {
    .name = "route",
    .arguments = "ADDRESS",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "show where a message to an address would go, and why",
    .text = "Nothing is sent. Every candidate is listed with the rule that speaks for it; the chosen one is marked with an asterisk, and the "
            "others say why they lost. Exit status 1 means that there is no way.",
    .example = "qiao route 990101001/urban-mgmt --kind case.open",
    .options = route_options,
    .option_count = sizeof(route_options) / sizeof(route_options[0]),
    .values_size = sizeof(struct route_values),
    .run = run_route,
};
