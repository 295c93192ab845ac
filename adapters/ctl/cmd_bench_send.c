/* qiao bench send: load at full speed within a window, or at a fixed rate whatever the node does. */
#include "address.h"
#include "bench_mark.h"
#include "bodies.h"
#include "clock.h"
#include "cpu.h"
#include "histogram.h"
#include "output.h"
#include "session.h"

#include <errno.h>
#include <math.h>
#include <qiao/limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct values {
    const char *to, *kind, *outbox;
    uint64_t count, size, window, rate, cases, idle_ms;
    unsigned lane;
    bool wait_outcomes;
};

/* In the order of enum qiao_lane. */
static const char *const lanes[] = { "normal", "urgent", "bulk", NULL };

#define AT(member) .offset = offsetof(struct values, member)

static const struct option_spec options[] = {
    { .name = "to", .letter = 't', .type = OPTION_TEXT, AT(to), .placeholder = "ADDRESS", .help = "destination, AREA/ORG", .required = true },
    { .name = "count", .letter = 'n', .type = OPTION_NUMBER, AT(count), .placeholder = "N", .help = "messages to send", .min = 1, .max = BENCH_SEQUENCES_MAX, .standard = "10000" },
    { .name = "size", .letter = 's', .type = OPTION_SIZE, AT(size), .placeholder = "BYTES", .help = "body of each message", .min = BENCH_MARK_SIZE, .max = QIAO_BODY_SIZE_MAX, .standard = "512" },
    { .name = "window", .letter = 'w', .type = OPTION_NUMBER, AT(window), .placeholder = "N", .help = "submitted and not acknowledged, at most", .min = 1, .max = 1000000, .standard = "1024" },
    { .name = "rate", .letter = 'r', .type = OPTION_NUMBER, AT(rate), .placeholder = "N",
      .help = "messages a second by a fixed schedule; else as fast as the window allows", .min = 1, .max = 10000000 },
    { .name = "cases", .letter = 'c', .type = OPTION_NUMBER, AT(cases), .placeholder = "N", .help = "spread over this many cases; 0: without case", .max = BENCH_CASES_MAX, .standard = "64" },
    { .name = "lane", .letter = 'l', .type = OPTION_CHOICE, AT(lane), .help = "lane of the messages", .choices = lanes, .standard = "normal" },
    { .name = "kind", .letter = 'k', .type = OPTION_TEXT, AT(kind), .placeholder = "KIND", .help = "kind of the messages", .standard = "payload" },
    { .name = "wait-outcomes", .letter = 'W', .type = OPTION_FLAG, AT(wait_outcomes), .help = "wait until every message has ended" },
    { .name = "outbox", .letter = 'o', .type = OPTION_DIRECTORY, AT(outbox), .placeholder = "DIR", .help = "durable outbox; else in memory" },
    { .name = "idle-timeout", .type = OPTION_DURATION, AT(idle_ms), .placeholder = "DURATION", .help = "give up when nothing moves for this long", .min = 1, .standard = "30s" },
};

#undef AT

/* Messages submitted between two looks at the link. */
#define BURST 256
/* "bench-" run "-" number, NUL. */
#define CASE_ID_SIZE 24

struct bench_send {
    struct ctl_session session; /* first: see session.h */
    const struct values *values;
    uint32_t run;
    struct qiao_message message; /* the one that is sent again and again with other marks */
    char destination[ADDRESS_BUFFER_SIZE];
    uint8_t *body;
    char (*case_ids)[CASE_ID_SIZE];
    uint8_t *ended; /* a bit for every message whose outcome came */
    uint64_t sent, submitted, ended_count, outcome_duplicates;
    uint64_t outcomes[QIAO_OUTCOME_DEAD + 1];
    uint64_t start_steady_ns, start_wall_ns;
    uint64_t last_submitted_ns, last_outcome_ns; /* since 1970 */
    struct histogram submit_latency, outcome_latency;
};

static int prepare(struct bench_send *bench);
static int send_all(struct bench_send *bench);
static int print_summary(const struct bench_send *bench);
static void take_submitted(void *context, const struct qiao_id *id);
static void take_receipt(void *context, const struct qiao_receipt *receipt);

static const struct qiao_client_handler handler = { .link = ctl_session_link, .submitted = take_submitted, .receipt = take_receipt };

static struct bench_send *bench_free(struct bench_send *bench)
{
    if (bench) {
        ctl_session_close(&bench->session);
        free(bench->body);
        free(bench->case_ids);
        free(bench->ended);
    }
    free(bench);
    return NULL;
}

static void free_bench(struct bench_send **bench)
{
    *bench = bench_free(*bench);
}

static int run_bench_send(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(free_bench))) struct bench_send *bench = calloc(1, sizeof(*bench));
    const struct values *chosen = values;
    const struct ctl_session_options session_options = {
        .member = globals->member,
        .outbox = chosen->outbox,
        .window_messages = chosen->window,
        /* The window in messages is the one that counts: bytes must not close earlier. */
        .window_bytes = chosen->window * (chosen->size + 2u * QIAO_HEADER_SIZE_MAX),
    };
    int status;

    (void)argument_count;
    (void)arguments;
    if (!bench)
        return command_fail(CTL_NO, "out of memory");
    bench->session.signal_fd = -1;
    bench->values = chosen;
    if (!globals->member)
        return command_fail(CTL_WRONG_USE, "send as whom? Give --member NAME or set QIAO_MEMBER");
    status = prepare(bench);
    if (!status)
        status = ctl_session_open(&bench->session, globals, &session_options, &handler);
    if (!status)
        status = ctl_session_connect(&bench->session);
    if (!status)
        status = send_all(bench);
    return status ? status : print_summary(bench);
}

/* Bytes that do not compress, always the same. */
static void fill(uint8_t *bytes, size_t size)
{
    uint32_t state = 0x9e3779b9;

    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes[i] = (uint8_t)state;
    }
}

static int prepare(struct bench_send *bench)
{
    const struct values *chosen = bench->values;
    struct qiao_message *message = &bench->message;
    struct qiao_id random = qiao_id_new();
    int status = ctl_address_read("--to", chosen->to, bench->destination, &message->destination);

    if (status)
        return status;
    if (!body_kind_parse(chosen->kind, &message->kind))
        return command_fail(CTL_WRONG_USE, "--kind is \"%.60s\", which is no kind; use a name such as payload or a number", chosen->kind);
    bench->run = ((uint32_t)random.bytes[13] << 16 | (uint32_t)random.bytes[14] << 8 | random.bytes[15]) & BENCH_RUN_MAX;
    bench->body = malloc(chosen->size);
    bench->case_ids = calloc(chosen->cases + 1, sizeof(*bench->case_ids));
    bench->ended = calloc(chosen->count / 8 + 1, 1);
    if (!bench->body || !bench->case_ids || !bench->ended)
        return command_fail(CTL_NO, "out of memory for %llu messages", (unsigned long long)chosen->count);
    for (uint64_t i = 0; i < chosen->cases; i++)
        snprintf(bench->case_ids[i], CASE_ID_SIZE, "bench-%06x-%u", (unsigned)bench->run, (unsigned)i);
    fill(bench->body, chosen->size);
    message->lane = (enum qiao_lane)chosen->lane;
    message->status = QIAO_STATUS_TEST;
    message->body = qiao_bytes(bench->body, chosen->size);
    return CTL_OK;
}

/* When message number `sequence` is due, after the start. */
static uint64_t due_after_ns(const struct bench_send *bench, uint64_t sequence)
{
    return sequence * CLOCK_NS_PER_S / bench->values->rate;
}

/* With a schedule, latency counts from when the message should have gone out, not from when a full window let it: otherwise a node that
 * stalls would hide its stall by stopping the clock of everything that waits behind it. */
static int submit_next(struct bench_send *bench)
{
    const struct values *chosen = bench->values;
    struct qiao_message *message = &bench->message;
    struct bench_mark mark = { .run = bench->run, .sequence = bench->sent };

    mark.intended_ns = chosen->rate ? bench->start_wall_ns + due_after_ns(bench, bench->sent) : clock_wall_ns();
    if (chosen->cases) {
        mark.case_number = (uint32_t)(bench->sent % chosen->cases);
        mark.case_sequence = (uint32_t)(bench->sent / chosen->cases) + 1;
        message->case_id = bench->case_ids[mark.case_number];
        message->case_sequence = mark.case_sequence;
    }
    message->id = bench_id_make(bench->run, bench->sent, mark.intended_ns);
    message->sent_at_ms = mark.intended_ns / CLOCK_NS_PER_MS;
    bench_mark_write(&mark, bench->body);
    return qiao_client_submit(bench->session.client, message, NULL);
}

/* Submits what is due and fits. *ret_deadline_ns is when to look again if nothing else happens, on the steady clock. */
static int submit_due(struct bench_send *bench, uint64_t *ret_deadline_ns)
{
    const struct values *chosen = bench->values;
    uint64_t now_ns = clock_steady_ns();

    *ret_deadline_ns = now_ns + CLOCK_NS_PER_S;
    for (unsigned i = 0; bench->sent < chosen->count && bench->sent - bench->submitted < chosen->window; i++) {
        uint64_t due_ns = chosen->rate ? bench->start_steady_ns + due_after_ns(bench, bench->sent) : now_ns;
        int result;
        if (due_ns > now_ns && due_ns > (now_ns = clock_steady_ns())) {
            if (due_ns < *ret_deadline_ns)
                *ret_deadline_ns = due_ns;
            return 0;
        }
        if (i == BURST) {
            *ret_deadline_ns = 0;
            return 0;
        }
        result = submit_next(bench);
        if (result == QIAO_CLIENT_BUSY || result == QIAO_CLIENT_UNREACHABLE)
            return 0; /* a submitted callback or the link makes room */
        if (result)
            return result;
        bench->sent++;
    }
    return 0;
}

static void take_submitted(void *context, const struct qiao_id *id)
{
    struct bench_send *bench = context;
    uint64_t sequence, intended_ns, now_ns = clock_wall_ns();
    uint32_t run;

    bench_id_read(id, &run, &sequence, &intended_ns);
    if (run != bench->run || sequence >= bench->sent)
        return; /* left in the outbox by somebody else */
    bench->submitted++;
    bench->last_submitted_ns = now_ns;
    bench->session.stop = true;
    histogram_add(&bench->submit_latency, now_ns > intended_ns ? now_ns - intended_ns : 0);
}

static void take_receipt(void *context, const struct qiao_receipt *receipt)
{
    struct bench_send *bench = context;
    uint64_t sequence, intended_ns, now_ns = clock_wall_ns();
    uint32_t run;

    bench_id_read(&receipt->message_id, &run, &sequence, &intended_ns);
    if (run != bench->run || sequence >= bench->sent || (unsigned)receipt->outcome > QIAO_OUTCOME_DEAD)
        return;
    if (bench->ended[sequence / 8] & 1u << sequence % 8) {
        bench->outcome_duplicates++;
        return;
    }
    bench->ended[sequence / 8] |= (uint8_t)(1u << sequence % 8);
    bench->ended_count++;
    bench->outcomes[receipt->outcome]++;
    bench->last_outcome_ns = now_ns;
    bench->session.stop = true;
    histogram_add(&bench->outcome_latency, now_ns > intended_ns ? now_ns - intended_ns : 0);
}

static bool is_complete(const struct bench_send *bench)
{
    return bench->submitted == bench->values->count && (!bench->values->wait_outcomes || bench->ended_count == bench->values->count);
}

/* For people who wait, once a second. */
static void print_progress(const struct bench_send *bench, uint64_t now_ns, uint64_t *next_ns)
{
    if (now_ns < *next_ns || bench->session.globals->json || !isatty(STDERR_FILENO))
        return;
    *next_ns = now_ns + CLOCK_NS_PER_S;
    fprintf(stderr, "\r%llu of %llu sent, %llu acknowledged, %llu ended ", (unsigned long long)bench->sent,
            (unsigned long long)bench->values->count, (unsigned long long)bench->submitted, (unsigned long long)bench->ended_count);
}

static int send_all(struct bench_send *bench)
{
    struct ctl_session *session = &bench->session;
    uint64_t moved_ns = clock_steady_ns(), moved = 0, progress_ns = moved_ns + CLOCK_NS_PER_S, started_ns = progress_ns;

    session->report_links = true;
    bench->start_steady_ns = moved_ns;
    bench->start_wall_ns = clock_wall_ns();
    while (!is_complete(bench) && !session->interrupted) {
        uint64_t deadline_ns, now_ns;
        int result = submit_due(bench, &deadline_ns);
        if (!result)
            result = ctl_session_run(session, deadline_ns);
        if (result && result != QIAO_CLIENT_TIMEOUT)
            return ctl_session_fail(session, result);
        now_ns = clock_steady_ns();
        print_progress(bench, now_ns, &progress_ns);
        if (bench->sent + bench->submitted + bench->ended_count != moved) {
            moved = bench->sent + bench->submitted + bench->ended_count;
            moved_ns = now_ns;
        } else if (now_ns - moved_ns >= bench->values->idle_ms * CLOCK_NS_PER_MS) {
            command_fail(CTL_NO, "nothing moved for %llu ms; giving up (see --idle-timeout)", (unsigned long long)bench->values->idle_ms);
            break;
        }
    }
    if (progress_ns != started_ns)
        fputc('\n', stderr);
    return CTL_OK;
}

static double seconds_between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? round((double)(to_ns - from_ns) / 1000) / 1e6 : 0;
}

static double per_second(uint64_t count, double seconds)
{
    return seconds > 0 ? round((double)count / seconds * 10) / 10 : 0;
}

static json_t *summary_to_json(const struct bench_send *bench)
{
    double elapsed = seconds_between(bench->start_wall_ns, bench->last_submitted_ns);
    double outcome_elapsed = seconds_between(bench->start_wall_ns, bench->last_outcome_ns);
    const uint64_t *outcomes = bench->outcomes;
    char run[12];

    snprintf(run, sizeof(run), "%06x", (unsigned)bench->run);
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:I, s:f, s:f, s:f, s:f, s:o, s:o, s:I, s:f}", "command",
                     "bench send", "run", run, "count", (json_int_t)bench->values->count, "sizeBytes", (json_int_t)bench->values->size, "sent",
                     (json_int_t)bench->sent, "submitted", (json_int_t)bench->submitted, "outcomes", "accepted",
                     (json_int_t)outcomes[QIAO_OUTCOME_ACCEPTED], "refused", (json_int_t)outcomes[QIAO_OUTCOME_REFUSED], "expired",
                     (json_int_t)outcomes[QIAO_OUTCOME_EXPIRED], "dead", (json_int_t)outcomes[QIAO_OUTCOME_DEAD], "outcomeDuplicates",
                     (json_int_t)bench->outcome_duplicates, "elapsedSeconds", elapsed, "throughputPerSecond",
                     per_second(bench->submitted, elapsed), "outcomeElapsedSeconds", outcome_elapsed, "outcomeThroughputPerSecond",
                     per_second(bench->ended_count, outcome_elapsed), "submitLatencyMs", histogram_to_json(&bench->submit_latency),
                     "outcomeLatencyMs", histogram_to_json(&bench->outcome_latency), "linkDowns", (json_int_t)bench->session.downs,
                     "cpuSeconds", cpu_seconds());
}

static int print_summary(const struct bench_send *bench)
{
    bool clean = is_complete(bench) && bench->ended_count == bench->outcomes[QIAO_OUTCOME_ACCEPTED];
    int status = output_json_line(summary_to_json(bench));

    return status || clean ? status : CTL_NO;
}

const struct command command_bench_send = {
    .name = "bench send",
    .arguments = "",
    .summary = "send many messages and measure",
    .text = "Ends with one line of JSON: how many were sent, acknowledged (\"submitted\": on the node's disk) and how they ended, throughput, and "
            "latency percentiles in milliseconds until acknowledgement and until outcome. Exit status 1 if a message was not acknowledged, "
            "or ended otherwise than accepted.\n\n"
            "With --rate the messages follow a fixed schedule, and latency counts from the time a message was due, so that a node that stalls "
            "cannot look fast. Messages have status TEST, which only members with drills: true take. \"qiao bench recv\" at the other end finds losses, duplicates and wrong order.",
    .example = "qiao bench send --to 990101/urban-mgmt --count 100000 --window 1024 --wait-outcomes",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run_bench_send,
};
