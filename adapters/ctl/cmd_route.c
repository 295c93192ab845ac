/* qiao route: where a message would go, before it is sent. */
#include "address.h"
#include "admin.h"
#include "bodies.h"
#include "clock.h"
#include "grounds.h"
#include "table.h"
#include "way.h"

#include <stdio.h>
#include <stdlib.h>

struct route_values {
    const char *kind;
    const char *from, *to;
    bool dry_run;
    unsigned lane, status, privacy;
    const char *matter, *purpose, *basis, *personal_data, *consent, *retention;
};

static const char *const lanes[] = { "normal", "urgent", "bulk", NULL };
static const char *const statuses[] = { "actual", "exercise", "test", NULL };
static const char *const privacies[] = { "internal", "public", "confidential", "sealed", NULL };

#define AT(member) .offset = offsetof(struct route_values, member)

static const struct option_spec route_options[] = {
    { .name = "dry-run", .letter = 'n', .type = OPTION_FLAG, AT(dry_run), .help = "what rules and policy say too, of a message from --from" },
    { .name = "to", .letter = 't', .type = OPTION_TEXT, AT(to), .placeholder = "ADDRESS", .help = "the destination, if it does not stand behind the command" },
    { .name = "from", .type = OPTION_TEXT, AT(from), .placeholder = "ADDRESS", .help = "as if sent from this address" },
    { .name = "kind", .letter = 'k', .type = OPTION_TEXT, AT(kind), .placeholder = "KIND", .help = "kind of the message, by name or number", .standard = "payload" },
    { .name = "matter", .letter = 'm', .type = OPTION_TEXT, AT(matter), .placeholder = "CODE", .help = "dry run: matter code, such as NOISE.CONSTRUCTION" },
    { .name = "lane", .letter = 'l', .type = OPTION_CHOICE, AT(lane), .help = "dry run: its lane", .choices = lanes, .standard = "normal" },
    { .name = "status", .type = OPTION_CHOICE, AT(status), .help = "dry run: whether it is meant", .choices = statuses, .standard = "actual" },
    { .name = "privacy", .type = OPTION_CHOICE, AT(privacy), .help = "dry run: its privacy class", .choices = privacies, .standard = "internal" },
    { .name = "purpose", .letter = 'p', .type = OPTION_TEXT, AT(purpose), .placeholder = "CODE", .help = "dry run: what for, as the policy calls it" },
    { .name = "basis", .type = OPTION_TEXT, AT(basis), .placeholder = "LAW#ARTICLE,...", .help = "dry run: legal bases" },
    { .name = "personal-data", .type = OPTION_TEXT, AT(personal_data), .placeholder = "FIELD,...", .help = "dry run: personal data in the body" },
    { .name = "consent", .type = OPTION_TEXT, AT(consent), .placeholder = "REFERENCE", .help = "dry run: the consent it relies on" },
    { .name = "retention", .type = OPTION_TEXT, AT(retention), .placeholder = "RULE", .help = "dry run: rule by which the recipient keeps it" },
};

struct answer {
    bool json;
    bool found;
};

static int take_route(void *context, const Qiao__V1__AdminReply *reply);

struct ends {
    char to_buffer[ADDRESS_BUFFER_SIZE], from_buffer[ADDRESS_BUFFER_SIZE];
    Qiao__V1__Address to, from;
    uint32_t kind;
};

static int read_ends(const struct route_values *options, const char *argument, struct ends *ends)
{
    const char *to = options->to ? options->to : argument;
    struct qiao_address address;
    int status;

    if (!to || (options->to && argument))
        return command_fail(CTL_WRONG_USE, "which address? Give one, behind the command or with --to");
    status = ctl_address_read("ADDRESS", to, ends->to_buffer, &address);
    if (!status)
        ctl_address_to_schema(&address, &ends->to);
    if (!status && options->from)
        status = ctl_address_read("--from", options->from, ends->from_buffer, &address);
    if (!status && options->from)
        ctl_address_to_schema(&address, &ends->from);
    if (!status && !body_kind_parse(options->kind, &ends->kind))
        status = command_fail(CTL_WRONG_USE, "--kind is \"%.60s\", which is no kind; use a name such as case.open or a number", options->kind);
    return status;
}

static int ask(const struct globals *globals, Qiao__V1__RouteRequest *route)
{
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    struct answer answer = { .json = globals->json };
    int status;

    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_ROUTE;
    request.route = route;
    status = admin_ask_once(globals, &request, take_route, &answer);
    return status ? status : answer.found ? CTL_OK : CTL_NO;
}

/* ---- a header as it would be sent ---- */

struct header_parts {
    struct grounds grounds;
    struct qiao_message message;
    Qiao__V1__LegalBasis bases[QIAO_BASES_MAX], *base_pointers[QIAO_BASES_MAX];
    Qiao__V1__Retention retention;
};

static int read_grounds(const struct route_values *options, struct header_parts *parts, Qiao__V1__Header *header)
{
    int status = options->basis ? grounds_read_bases(options->basis, &parts->grounds, &parts->message) : CTL_OK;

    if (!status && options->personal_data)
        status = grounds_read_personal_data(options->personal_data, &header->pi_mask);
    for (size_t i = 0; !status && i < parts->message.legal_basis_count; i++) {
        const struct qiao_legal_basis *basis = &parts->grounds.bases[i];
        parts->bases[i] = (Qiao__V1__LegalBasis)QIAO__V1__LEGAL_BASIS__INIT;
        parts->bases[i].catalogue = (char *)(uintptr_t)(basis->catalogue ? basis->catalogue : "");
        parts->bases[i].article = (char *)(uintptr_t)(basis->article ? basis->article : "");
        parts->bases[i].version = (char *)(uintptr_t)(basis->version ? basis->version : "");
        parts->base_pointers[i] = &parts->bases[i];
    }
    header->legal_basis = parts->base_pointers;
    header->n_legal_basis = parts->message.legal_basis_count;
    return status;
}

static char *text_or_empty(const char *text)
{
    return (char *)(uintptr_t)(text ? text : "");
}

static int fill_header(const struct route_values *options, struct ends *ends, struct header_parts *parts, struct qiao_id *id, Qiao__V1__Header *header)
{
    *id = qiao_id_new();
    header->id = (ProtobufCBinaryData){ sizeof(id->bytes), id->bytes };
    header->kind = ends->kind;
    header->source = &ends->from;
    header->destination = &ends->to;
    header->sent_at_ms = clock_wall_ns() / CLOCK_NS_PER_MS;
    header->lane = (Qiao__V1__Lane)options->lane;
    header->status = (Qiao__V1__Status)options->status;
    header->privacy_class = (Qiao__V1__PrivacyClass)options->privacy;
    header->matter = text_or_empty(options->matter);
    header->purpose = text_or_empty(options->purpose);
    header->consent_ref = text_or_empty(options->consent);
    parts->retention = (Qiao__V1__Retention)QIAO__V1__RETENTION__INIT;
    parts->retention.rule = text_or_empty(options->retention);
    if (options->retention)
        header->retention = &parts->retention;
    return read_grounds(options, parts, header);
}

static int dry_run(const struct globals *globals, const struct route_values *options, struct ends *ends)
{
    struct header_parts parts = { 0 };
    Qiao__V1__Header header = QIAO__V1__HEADER__INIT;
    Qiao__V1__RouteRequest route = QIAO__V1__ROUTE_REQUEST__INIT;
    struct qiao_id id;
    int status;

    if (!options->from)
        return command_fail(CTL_WRONG_USE, "--dry-run needs --from ADDRESS: rules and policy ask who sends");
    status = fill_header(options, ends, &parts, &id, &header);
    if (status)
        return status;
    route.header.len = qiao__v1__header__get_packed_size(&header);
    route.header.data = malloc(route.header.len);
    if (!route.header.data)
        return command_fail(CTL_NO, "out of memory");
    qiao__v1__header__pack(&header, route.header.data);
    status = ask(globals, &route);
    free(route.header.data);
    return status;
}

static int run_route(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct route_values *options = values;
    Qiao__V1__RouteRequest route = QIAO__V1__ROUTE_REQUEST__INIT;
    struct ends ends;
    int status = read_ends(options, argument_count > 0 ? arguments[0] : NULL, &ends);

    if (status || options->dry_run)
        return status ? status : dry_run(globals, options, &ends);
    route.kind = ends.kind;
    route.destination = &ends.to;
    if (options->from)
        route.source = &ends.from;
    return ask(globals, &route);
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
    if (reply->route->decision)
        answer->found = reply->route->code == 0;
    if (answer->json)
        return admin_print_json(&reply->route->base);
    if (reply->route->decision) {
        puts(answer->found ? "would go on" : "would be refused");
        way_print_decision(reply->route->decision);
        return CTL_OK;
    }
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
    .arguments = "[ADDRESS]",
    .arguments_min = 0,
    .arguments_max = 1,
    .summary = "show where a message to an address would go, and why",
    .text = "Nothing is sent. Every candidate is listed with the rule that speaks for it; the chosen one is marked with an asterisk, and the "
            "others say why they lost. Exit status 1 means that there is no way.\n\n"
            "With --dry-run the node decides about a message with such a header as it would if it came now from --from, a member of this node or an "
            "address behind a neighbour: rules, policy and the table are asked, and the answer is told as \"qiao why\" tells it. Nothing is sent or "
            "kept, and no rate is used up.",
    .example = "qiao route 990101001/urban-mgmt --kind case.open",
    .options = route_options,
    .option_count = sizeof(route_options) / sizeof(route_options[0]),
    .values_size = sizeof(struct route_values),
    .run = run_route,
};
