/* qiao status: what is up, how full, how late. */
#include "admin.h"
#include "clock.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Pause between two questions of --wait-ready. */
#define POLL_MS 200

struct status_values {
    uint64_t wait_ready_ms;
};

static const struct option_spec status_options[] = {
    { .name = "wait-ready", .type = OPTION_DURATION, .offset = offsetof(struct status_values, wait_ready_ms), .placeholder = "SECONDS",
      .help = "ask until the node is ready, for at most this long", .min = 1 },
};

/* The fourth lane of a link is not for messages of members: outcomes travel in it. */
static const char *const lane_names[] = { "normal", "urgent", "bulk", "receipts" };
static const char *const role_names[] = { "peer", "parent", "child", "member" };

struct answer {
    bool json;
    bool quiet; /* a node that is not ready prints nothing: it is asked again */
    bool ready;
};

static int wait_ready(const struct globals *globals, uint64_t wait_ms);
static int take_status(void *context, const Qiao__V1__AdminReply *reply);

static int run_status(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct status_values *options = values;
    Qiao__V1__StatusRequest status = QIAO__V1__STATUS_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    struct answer answer = { .json = globals->json };
    int result;

    (void)argument_count;
    (void)arguments;
    if (options->wait_ready_ms)
        return wait_ready(globals, options->wait_ready_ms);
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_STATUS;
    request.status = &status;
    result = admin_ask_once(globals, &request, take_status, &answer);
    return result ? result : answer.ready ? CTL_OK : CTL_NO;
}

/* One link is kept and asked again and again. Until it is up the client dials by itself. */
static int wait_ready(const struct globals *globals, uint64_t wait_ms)
{
    __attribute__((cleanup(admin_close))) struct admin admin = { 0 };
    struct globals patient = *globals;
    uint64_t deadline_ns = clock_deadline_ns(wait_ms);
    Qiao__V1__StatusRequest status = QIAO__V1__STATUS_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    struct answer answer = { .json = globals->json, .quiet = true };
    int result;

    patient.timeout_ms = wait_ms;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_STATUS;
    request.status = &status;
    result = admin_open(&admin, &patient);
    while (!result) {
        uint64_t now_ns = clock_steady_ns(), left_ms = deadline_ns > now_ns ? (deadline_ns - now_ns) / CLOCK_NS_PER_MS : 0;
        if (left_ms <= POLL_MS)
            answer.quiet = false; /* the last question: show what is missing */
        result = admin_ask(&admin, &request, take_status, &answer, left_ms < POLL_MS ? POLL_MS : left_ms);
        if (result || answer.ready || !answer.quiet)
            break;
        ctl_session_run(&admin.session, clock_deadline_ns(POLL_MS));
    }
    return result ? result : answer.ready ? CTL_OK : CTL_NO;
}

static void print_lanes(struct table *table, const Qiao__V1__PeerStatus *peer, const char *since)
{
    const char *role = (unsigned)peer->role < 4 ? role_names[peer->role] : "?";

    for (size_t i = 0; i < peer->n_lanes || i == 0; i++) {
        static const Qiao__V1__LaneStatus none = QIAO__V1__LANE_STATUS__INIT;
        const Qiao__V1__LaneStatus *lane = i < peer->n_lanes ? peer->lanes[i] : &none;
        table_cell(table, TABLE_PLAIN, i ? "" : peer->name);
        table_cell(table, TABLE_PLAIN, i ? "" : role);
        table_cell(table, TABLE_PLAIN, i ? "" : peer->area);
        table_cell(table, peer->up ? TABLE_GOOD : TABLE_BAD, i ? "" : peer->up ? "up" : "down");
        table_cell(table, TABLE_PLAIN, i ? "" : since);
        table_cell(table, TABLE_PLAIN, i < peer->n_lanes ? (unsigned)lane->lane < 4 ? lane_names[lane->lane] : "?" : "-");
        table_cell_format(table, lane->queued ? TABLE_BOLD : TABLE_PLAIN, "%" PRIu64, lane->queued);
        table_cell_format(table, TABLE_PLAIN, "%" PRIu64, lane->in_flight);
        table_cell_format(table, lane->held ? TABLE_BAD : TABLE_PLAIN, "%" PRIu64, lane->held);
        table_cell_format(table, TABLE_PLAIN, "%" PRIu64, lane->sent);
        table_cell_format(table, TABLE_PLAIN, "%" PRIu64, lane->acknowledged);
        table_cell_format(table, TABLE_PLAIN, "%" PRIu64, lane->received);
    }
}

static bool print_peers(const Qiao__V1__StatusReply *status)
{
    static const struct table_column columns[] = {
        { "PEER", false },    { "ROLE", false },   { "AREA", false }, { "LINK", false }, { "SINCE", false },       { "LANE", false },
        { "QUEUED", true }, { "IN FLIGHT", true }, { "HELD", true },  { "SENT", true },  { "ACKNOWLEDGED", true }, { "RECEIVED", true },
    };
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    bool printed;

    for (size_t i = 0; table && i < status->n_peers; i++) {
        const Qiao__V1__PeerStatus *peer = status->peers[i];
        char since[TEXT_DURATION_SIZE + 48] = "-";
        if (peer->since_ms)
            text_duration_format(status->now_ms > peer->since_ms ? status->now_ms - peer->since_ms : 0, since);
        if (!peer->up && peer->last_code) {
            size_t used = strlen(since);
            snprintf(since + used, sizeof(since) - used, " %s", qiao_code_name(peer->last_code));
        }
        if (peer->draining) {
            size_t used = strlen(since);
            snprintf(since + used, sizeof(since) - used, ", drains %" PRIu32 "/s", peer->drain_messages_per_s);
        }
        print_lanes(table, peer, since);
    }
    printed = table && table_print(table, stdout);
    table_free(table);
    return printed;
}

static void print_line(const char *name, const char *text)
{
    char *printable = text_printable(text, strlen(text));

    printf("%-12s %s\n", name, printable ? printable : "");
    free(printable);
}

static void print_dead(const Qiao__V1__StatusReply *status)
{
    char size[TEXT_SIZE_SIZE];

    text_size_format(status->dead_letter_bytes, size);
    if (status->dead_letters || status->quarantined)
        printf("%-12s %" PRIu64 " messages, %s, and %" PRIu64 " in quarantine (qiao dead list)\n", "dead letters", status->dead_letters, size, status->quarantined);
}

static void print_node(const Qiao__V1__StatusReply *status)
{
    char up[TEXT_DURATION_SIZE], used[TEXT_SIZE_SIZE], most[TEXT_SIZE_SIZE];

    text_duration_format(status->now_ms > status->started_ms ? status->now_ms - status->started_ms : 0, up);
    text_size_format(status->store_bytes, used);
    text_size_format(status->store_bytes_max, most);
    print_line("node", status->node);
    print_line("area", status->area);
    print_line("version", status->version);
    printf("%-12s %s%s%s, up %s\n", "state", table_colour_on(status->ready ? TABLE_GOOD : TABLE_BAD, stdout), status->ready ? "ready" : "not ready",
           table_colour_off(stdout), up);
    for (size_t i = 0; i < status->n_degraded; i++)
        print_line("degraded", status->degraded[i]);
    printf("%-12s %s of %s, %" PRIu64 " commits\n", "store", used, most, status->commits);
    printf("%-12s %" PRIu64 " accepted from members, %" PRIu64 " forwarded, %" PRIu64 " delivered, %" PRIu64 " duplicates, %" PRIu64
           " frames rejected\n",
           "messages", status->accepted, status->forwarded, status->delivered, status->duplicates, status->rejected_frames);
    printf("%-12s %" PRIu64 " accepted, %" PRIu64 " refused, %" PRIu64 " expired, %" PRIu64 " dead\n", "outcomes", status->outcomes_accepted,
           status->outcomes_refused, status->outcomes_expired, status->outcomes_dead);
    print_dead(status);
    printf("\n");
}

static int take_status(void *context, const Qiao__V1__AdminReply *reply)
{
    struct answer *answer = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_STATUS)
        return command_fail(CTL_NO, "the node answered something else than its status");
    answer->ready = reply->status->ready;
    if (answer->quiet && !answer->ready)
        return CTL_OK;
    if (answer->json)
        return admin_print_json(&reply->status->base);
    print_node(reply->status);
    return print_peers(reply->status) ? CTL_OK : command_fail(CTL_NO, "out of memory");
}

const struct command command_status = {
    .name = "status",
    .arguments = "",
    .summary = "show the node, its links and how full its lanes are",
    .text = "Exit status 0 means that the node is ready: it can accept messages and make them durable. 1 means that it is not, and the output "
            "says what is wrong.\n\n"
            "QUEUED counts messages on disk for the peer, IN FLIGHT those sent without acknowledgement or delivered without a verdict, HELD "
            "those that wait behind a case that is being retried. \"drains 500/s\" beside a link says that what waited for it during an outage is going out at no "
            "more than limits.drain_messages_per_s. SENT, ACKNOWLEDGED and RECEIVED are sequence numbers of the lane.",
    .example = "qiao status --wait-ready 10",
    .options = status_options,
    .option_count = sizeof(status_options) / sizeof(status_options[0]),
    .values_size = sizeof(struct status_values),
    .run = run_status,
};
