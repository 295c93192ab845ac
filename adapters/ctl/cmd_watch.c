/* qiao watch: what happens at the node, as it happens. */
#include "admin.h"
#include "table.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct watch_values {
    const char *case_id;
    uint64_t count;
};

static const struct option_spec watch_options[] = {
    { .name = "case", .type = OPTION_TEXT, .offset = offsetof(struct watch_values, case_id), .placeholder = "CASE",
      .help = "only what belongs to this case" },
    { .name = "count", .letter = 'n', .type = OPTION_NUMBER, .offset = offsetof(struct watch_values, count), .placeholder = "N",
      .help = "end after this many events", .min = 1 },
};

struct watch {
    struct admin admin; /* first: see session.h */
    const struct watch_values *options;
    uint64_t seen;
    bool json;
};

static int take_event(void *context, const Qiao__V1__AdminReply *reply);

static void watch_close(struct watch *watch)
{
    admin_close(&watch->admin);
}

static int run_watch(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(watch_close))) struct watch watch = { .options = values, .json = globals->json };
    struct ctl_session *session = &watch.admin.session;
    Qiao__V1__WatchRequest follow = QIAO__V1__WATCH_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    int status = admin_open(&watch.admin, globals);

    (void)argument_count;
    (void)arguments;
    session->report_links = true;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_WATCH;
    request.watch = &follow;
    if (!status)
        status = admin_ask(&watch.admin, &request, take_event, &watch, UINT64_MAX);
    return session->interrupted ? CTL_OK : status;
}

static const struct {
    const char *name;
    enum table_colour colour;
} events[] = {
    { "submitted", TABLE_PLAIN }, { "in custody", TABLE_PLAIN }, { "delivered", TABLE_PLAIN },
    { "outcome", TABLE_BOLD },    { "link up", TABLE_GOOD },     { "link down", TABLE_BAD },
};

static void print_text(const char *text)
{
    char *printable = text_printable(text, strlen(text));

    if (printable && *printable)
        printf("  %s", printable);
    free(printable);
}

static void print_event(const Qiao__V1__WatchEvent *event)
{
    bool known = (unsigned)event->event < sizeof(events) / sizeof(events[0]);
    char at[TEXT_TIME_SIZE], id[QIAO_ID_TEXT_SIZE], kind[ADMIN_KIND_SIZE], outcome[ADMIN_OUTCOME_SIZE];

    text_time_format(event->at_ms, at);
    printf("%s  %s%-10s%s", at, table_colour_on(known ? events[event->event].colour : TABLE_PLAIN, stdout),
           known ? events[event->event].name : "unknown", table_colour_off(stdout));
    if (event->message_id.len) {
        admin_id_format(&event->message_id, id);
        admin_kind_format(event->kind, kind);
        printf("  %s  %-12s", id, kind);
    }
    if (event->outcome != QIAO__V1__OUTCOME_STATUS__OUTCOME_NONE) {
        admin_outcome_format(event->outcome, event->code, outcome);
        printf("  %s", outcome);
    } else if (event->code) {
        printf("  %s", qiao_code_name(event->code));
    }
    print_text(event->peer);
    print_text(event->case_id);
    putchar('\n');
}

static int take_event(void *context, const Qiao__V1__AdminReply *reply)
{
    struct watch *watch = context;
    int status = CTL_OK;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_EVENT)
        return CTL_OK; /* the bare confirmation of the request */
    if (watch->options->case_id && strcmp(watch->options->case_id, reply->event->case_id) != 0)
        return CTL_OK;
    if (watch->json)
        status = admin_print_json(&reply->event->base);
    else
        print_event(reply->event);
    if (fflush(stdout))
        return command_fail(CTL_NO, "standard output is closed");
    watch->seen++;
    if (watch->seen == watch->options->count)
        watch->admin.done = true;
    return status;
}

const struct command command_watch = {
    .name = "watch",
    .arguments = "",
    .summary = "follow what happens at the node until interrupted",
    .text = "Prints one line for every message submitted, taken into custody, delivered or ended, and for every link that comes up or goes "
            "down. When the node restarts, qiao watch connects again and says so on standard error; what happened in between is not shown.",
    .example = "qiao watch --case 2025-0001",
    .options = watch_options,
    .option_count = sizeof(watch_options) / sizeof(watch_options[0]),
    .values_size = sizeof(struct watch_values),
    .run = run_watch,
};
