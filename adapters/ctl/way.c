#include "way.h"

#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 2, 3))) add(char text[WAY_TEXT_SIZE], const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + used, WAY_TEXT_SIZE - used, format, arguments);
    va_end(arguments);
}

static void add_time(char text[WAY_TEXT_SIZE], const char *word, uint64_t at_ms)
{
    char at[TEXT_TIME_SIZE];

    if (!at_ms)
        return;
    text_time_format(at_ms, at);
    add(text, " %s %s", word, at);
}

void way_destination(const Qiao__V1__Address *address, char text[WAY_TEXT_SIZE])
{
    char buffer[ADDRESS_BUFFER_SIZE];

    admin_address_format(address, buffer);
    snprintf(text, WAY_TEXT_SIZE, "%s", buffer);
}

static void add_place(char text[WAY_TEXT_SIZE], const char *file, uint32_t line)
{
    if (*file && line)
        add(text, " (%s:%" PRIu32 ")", file, line);
    else if (*file)
        add(text, " (%s)", file);
    else if (line)
        add(text, " (configuration line %" PRIu32 ")", line);
}

void way_ground(const Qiao__V1__RouteChoice *choice, char text[WAY_TEXT_SIZE])
{
    static const char *const words[] = {
        [QIAO__V1__ROUTE_GROUND__GROUND_NONE] = "chosen",
        [QIAO__V1__ROUTE_GROUND__GROUND_MEMBER] = "a member of this node",
        [QIAO__V1__ROUTE_GROUND__GROUND_AREA] = "the destination lies in its area",
        [QIAO__V1__ROUTE_GROUND__GROUND_PARENT] = "the parent: what is not below this node goes up",
        [QIAO__V1__ROUTE_GROUND__GROUND_SET] = "lies in the area set",
        [QIAO__V1__ROUTE_GROUND__GROUND_LEARNED] = "the neighbour says it has a way",
    };
    size_t ground = (size_t)choice->ground;

    snprintf(text, WAY_TEXT_SIZE, "%s", ground < sizeof(words) / sizeof(words[0]) ? words[ground] : "for a reason this version does not know");
    if (*choice->areas)
        add(text, ": is given %s", choice->areas);
    add_place(text, choice->file, choice->line);
}

const char *way_lost(Qiao__V1__LostReason reason)
{
    static const char *const words[] = {
        [QIAO__V1__LOST_REASON__LOST_NOT] = "chosen",
        [QIAO__V1__LOST_REASON__LOST_OTHER_AREA] = "the destination is not in its area",
        [QIAO__V1__LOST_REASON__LOST_FARTHER] = "another's area is closer around the destination",
        [QIAO__V1__LOST_REASON__LOST_BELOW] = "the destination lies at or below this node",
        [QIAO__V1__LOST_REASON__LOST_CAME_FROM] = "the message comes from there",
        [QIAO__V1__LOST_REASON__LOST_NEARER] = "a neighbour's area has the destination",
        [QIAO__V1__LOST_REASON__LOST_DOWN] = "its link is down",
        [QIAO__V1__LOST_REASON__LOST_WITHDRAWN] = "it does not tell of this way any more",
        [QIAO__V1__LOST_REASON__LOST_HOLE] = "it says it cannot reach this area",
        [QIAO__V1__LOST_REASON__LOST_LATER] = "another kind of way goes first",
        [QIAO__V1__LOST_REASON__LOST_LONGER] = "another path is shorter, or first by name",
        [QIAO__V1__LOST_REASON__LOST_WAITS] = "the message was here before, and waits a while",
    };

    return (size_t)reason < sizeof(words) / sizeof(words[0]) ? words[reason] : "for a reason this version does not know";
}

void way_rule(const Qiao__V1__Rule *rule, char text[WAY_TEXT_SIZE])
{
    snprintf(text, WAY_TEXT_SIZE, "rule %s", *rule->name ? rule->name : "without a name");
    add_place(text, rule->file, rule->line);
}

static void print_inputs(const Qiao__V1__Decision *d)
{
    char destination[WAY_TEXT_SIZE], kind[ADMIN_KIND_SIZE];
    static const char *const lanes[] = { "normal", "urgent", "bulk" };
    size_t lane = (size_t)d->lane;

    way_destination(d->destination, destination);
    admin_kind_format(d->kind, kind);
    printf(WAY_LABEL "%s%s\n", "from", *d->from ? d->from : "this node", *d->from && d->from_member ? " (member)" : "");
    printf(WAY_LABEL "%s, kind %s, lane %s%s%s\n", "to", destination, kind, lane < 3 ? lanes[lane] : "?", *d->matter ? ", matter " : "", d->matter);
    if (*d->rerouted_area)
        printf(WAY_LABEL "%s, which took over\n", "looked up as", d->rerouted_area);
    if (!d->redirected_from)
        return;
    way_destination(d->redirected_from, destination);
    printf(WAY_LABEL "%s\n", "sent to", destination);
}

static void print_choices(const Qiao__V1__Decision *d)
{
    char text[WAY_TEXT_SIZE];

    for (size_t i = 0; i < d->n_chosen; i++) {
        way_ground(d->chosen[i], text);
        printf(WAY_LABEL "%s: %s\n", "chosen", d->chosen[i]->name, text);
    }
    if (d->chosen_count > d->n_chosen)
        printf(WAY_LABEL "%zu more\n", "", d->chosen_count - d->n_chosen);
    for (size_t i = 0; i < d->n_lost; i++)
        printf(WAY_LABEL "%s: %s\n", "not chosen", d->lost[i]->name, way_lost(d->lost[i]->lost));
    if (d->lost_count > d->n_lost)
        printf(WAY_LABEL "%zu neighbour%s: %s\n", "not chosen", d->lost_count - d->n_lost, d->lost_count - d->n_lost == 1 ? "" : "s",
               way_lost(QIAO__V1__LOST_REASON__LOST_OTHER_AREA));
}

void way_print_decision(const Qiao__V1__Decision *d)
{
    char text[WAY_TEXT_SIZE];

    print_inputs(d);
    if (d->code)
        printf(WAY_LABEL "%s (%s)%s%s\n", "refused", qiao_code_text(d->code), qiao_code_name(d->code), *d->reason ? ": " : "", d->reason);
    if (d->policy) {
        way_rule(d->policy, text);
        printf(WAY_LABEL "%s\n", "policy", text);
    }
    if (d->rule) {
        way_rule(d->rule, text);
        printf(WAY_LABEL "%s\n", "rule", text);
    }
    print_choices(d);
    printf(WAY_LABEL "%s\n", "configuration", d->configuration);
}

bool way_holds(const Qiao__V1__WayStep *step)
{
    return step->state == QIAO__V1__WAY_STATE__WAY_QUEUED || step->state == QIAO__V1__WAY_STATE__WAY_SENT || step->state == QIAO__V1__WAY_STATE__WAY_HELD;
}

static void add_link(const Qiao__V1__WayStep *step, char text[WAY_TEXT_SIZE])
{
    const char *what = step->member ? "the member" : "the link";

    add(text, step->link_up ? "; %s is up" : "; %s is down", what);
    add_time(text, "since", step->link_since_ms);
}

static void add_held(const Qiao__V1__WayStep *step, char text[WAY_TEXT_SIZE])
{
    char wait[TEXT_DURATION_SIZE];

    add(text, "held for member %s", step->to);
    if (step->attempts)
        add(text, ", asked for again %" PRIu32 " time%s", step->attempts, step->attempts == 1 ? "" : "s");
    else
        add(text, ", behind another message of its case");
    if (step->next_try_ms) {
        text_duration_format(step->next_try_ms, wait);
        add(text, ", next try in %s", wait);
    }
}

void way_standing(const Qiao__V1__WayStep *step, char text[WAY_TEXT_SIZE])
{
    char outcome[ADMIN_OUTCOME_SIZE];

    *text = '\0';
    switch (step->state) {
    case QIAO__V1__WAY_STATE__WAY_REFUSED: add(text, "refused here"); break;
    case QIAO__V1__WAY_STATE__WAY_TAKEN: add(text, "went no further from here: for the node itself, or known already"); break;
    case QIAO__V1__WAY_STATE__WAY_QUEUED:
        add(text, "in the queue to %s, %" PRIu64 " before it,", step->to, step->ahead);
        add_time(text, "since", step->since_ms);
        break;
    case QIAO__V1__WAY_STATE__WAY_SENT: add(text, step->member ? "delivered to %s, not answered yet" : "sent to %s, which has not said that it has it", step->to); break;
    case QIAO__V1__WAY_STATE__WAY_HANDED_OVER:
        add(text, "handed over to %s", step->to);
        add_time(text, "at", step->since_ms);
        break;
    case QIAO__V1__WAY_STATE__WAY_HELD: add_held(step, text); break;
    case QIAO__V1__WAY_STATE__WAY_ENDED:
        admin_outcome_format(step->outcome, step->code, outcome);
        add(text, step->member ? "%s by %s" : "%s while it waited for %s", outcome, step->to);
        add_time(text, "at", step->since_ms);
        break;
    default: add(text, "not known: its neighbour is no longer configured"); break;
    }
    if (way_holds(step))
        add_link(step, text);
}

int way_ask(const struct globals *globals, const char *text, admin_part part, void *part_context)
{
    Qiao__V1__WayRequest way = QIAO__V1__WAY_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    struct qiao_id id;

    if (!qiao_id_parse(text, &id))
        return command_fail(CTL_WRONG_USE, "\"%.60s\" is not a message id; one looks like 01890a5d-ac96-774b-bcce-b302099a8057", text);
    way.id = (ProtobufCBinaryData){ sizeof(id.bytes), id.bytes };
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_WAY;
    request.way = &way;
    return admin_ask_once(globals, &request, part, part_context);
}
