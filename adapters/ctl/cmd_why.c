/* qiao why, qiao trace: a message's way, explained and as it stands. */
#include "way.h"

#include "table.h"
#include "text.h"

#include <stdio.h>

static int report_gaps(const Qiao__V1__WayReply *way)
{
    for (size_t i = 0; i < way->n_gaps; i++)
        command_fail(CTL_NO, "the part of %s is missing: %s", way->gaps[i]->node, way->gaps[i]->why);
    return way->n_gaps ? CTL_NO : CTL_OK;
}

/* ---- why ---- */

static void print_hop(const Qiao__V1__WayHop *hop)
{
    char at[TEXT_TIME_SIZE], text[WAY_TEXT_SIZE], outcome[ADMIN_OUTCOME_SIZE];

    text_time_format(hop->at_ms, at);
    printf("%s%s  %s (%s)%s\n", table_colour_on(TABLE_BOLD, stdout), at, hop->node, hop->area, table_colour_off(stdout));
    if (hop->decision)
        way_print_decision(hop->decision);
    for (size_t i = 0; i < hop->n_steps; i++) {
        way_standing(hop->steps[i], text);
        printf(WAY_LABEL "%s\n", "then", text);
    }
    if (!hop->origin || !hop->outcome)
        return;
    admin_outcome_format(hop->outcome, hop->code, outcome);
    text_time_format(hop->outcome_ms, at);
    printf(WAY_LABEL "%s at %s\n", "sender was told", outcome, at);
}

static int take_why(void *context, const Qiao__V1__AdminReply *reply)
{
    const bool *json = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_WAY)
        return command_fail(CTL_NO, "the node answered something else than a way");
    if (*json) {
        int status = admin_print_json(&reply->way->base);
        return status ? status : reply->way->n_gaps ? CTL_NO : CTL_OK;
    }
    for (size_t i = 0; i < reply->way->n_hops; i++)
        print_hop(reply->way->hops[i]);
    return report_gaps(reply->way);
}

static int run_why(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    bool json = globals->json;

    (void)values;
    (void)argument_count;
    return way_ask(globals, arguments[0], take_why, &json);
}

const struct command command_why = {
    .name = "why",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "explain what each node decided about a message",
    .text = "Any node that had the message can be asked, also months later (explain.keep_days of its configuration). It tells what it decided, by which line "
            "of which configuration and policy, who else was thought of and why not; and it asks the nodes before and behind it for theirs. The "
            "sender, the recipients and operators are told; the content is not part of it. Exit status 1 means that no such message is known, "
            "that it is none of the asker's, or that a part is missing; what there is, is printed all the same.",
    .example = "qiao why 01890a5d-ac96-774b-bcce-b302099a8057",
    .run = run_why,
};

/* ---- trace ---- */

static bool print_steps(const Qiao__V1__WayReply *way)
{
    static const struct table_column columns[] = { { "", false }, { "NODE", false }, { "TAKEN", false }, { "NOW", false } };
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    char at[TEXT_TIME_SIZE], text[WAY_TEXT_SIZE];
    bool printed;

    for (size_t i = 0; table && i < way->n_hops; i++) {
        const Qiao__V1__WayHop *hop = way->hops[i];
        text_time_format(hop->at_ms, at);
        for (size_t k = 0; k < hop->n_steps; k++) {
            bool holds = way_holds(hop->steps[k]);
            enum table_colour colour = holds ? TABLE_BOLD : TABLE_PLAIN;
            way_standing(hop->steps[k], text);
            table_cell(table, colour, holds ? "*" : " ");
            table_cell(table, colour, hop->node);
            table_cell(table, colour, at);
            table_cell(table, colour, text);
        }
    }
    printed = table && table_print(table, stdout);
    table_free(table);
    return printed;
}

static void print_outcome(const Qiao__V1__WayReply *way)
{
    char at[TEXT_TIME_SIZE], outcome[ADMIN_OUTCOME_SIZE];

    for (size_t i = 0; i < way->n_hops; i++) {
        if (!way->hops[i]->origin || !way->hops[i]->outcome)
            continue;
        admin_outcome_format(way->hops[i]->outcome, way->hops[i]->code, outcome);
        text_time_format(way->hops[i]->outcome_ms, at);
        printf("%s: the sender was told %s\n", outcome, at);
        return;
    }
}

static int take_trace(void *context, const Qiao__V1__AdminReply *reply)
{
    const bool *json = context;

    if (*json || reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_WAY)
        return take_why(context, reply);
    if (!print_steps(reply->way))
        return command_fail(CTL_NO, "out of memory");
    print_outcome(reply->way);
    return report_gaps(reply->way);
}

static int run_trace(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    bool json = globals->json;

    (void)values;
    (void)argument_count;
    return way_ask(globals, arguments[0], take_trace, &json);
}

const struct command command_trace = {
    .name = "trace",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "show who holds a message now, and where it has been",
    .text = "One line a node and recipient, in the order of the way; an asterisk marks who holds the message: in which queue, since when, how many are "
            "before it, whether the link is up. Asked and answered as \"qiao why\" is, with the same exit status.",
    .example = "qiao trace 01890a5d-ac96-774b-bcce-b302099a8057",
    .run = run_trace,
};
