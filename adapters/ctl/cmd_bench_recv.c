/* qiao bench recv: counts what comes, and finds what is lost, doubled or out of order. */
#include "bench_tally.h"
#include "clock.h"
#include "cpu.h"
#include "output.h"
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct values {
    const char *resume_file, *run;
    uint64_t count, expect, idle_ms, linger_ms, window;
};

#define AT(member) .offset = offsetof(struct values, member)

static const struct option_spec options[] = {
    { .name = "count", .letter = 'n', .type = OPTION_NUMBER, AT(count), .placeholder = "N", .help = "end after this many different messages", .min = 1, .max = BENCH_SEQUENCES_MAX },
    { .name = "expect", .type = OPTION_NUMBER, AT(expect), .placeholder = "N", .help = "how many were sent, to find the lost ones; else --count", .min = 1, .max = BENCH_SEQUENCES_MAX },
    { .name = "idle-timeout", .type = OPTION_DURATION, AT(idle_ms), .placeholder = "DURATION", .help = "end when nothing came for this long", .min = 1, .standard = "30s" },
    { .name = "linger", .type = OPTION_DURATION, AT(linger_ms), .placeholder = "DURATION", .help = "stay this long after the last message to see late duplicates" },
    { .name = "run", .type = OPTION_TEXT, AT(run), .placeholder = "ID", .help = "count only this run of bench send; else that of the first message" },
    { .name = "resume-file", .type = OPTION_FILE, AT(resume_file), .placeholder = "FILE", .help = "keep the count in this file, over restarts and kills" },
    { .name = "window", .letter = 'w', .type = OPTION_NUMBER, AT(window), .placeholder = "N", .help = "deliveries without verdict at most; 0: the library decides", .max = 65536, .standard = "0" },
};

#undef AT

struct bench_recv {
    struct ctl_session session; /* first: see session.h */
    const struct values *values;
    struct bench_tally *tally;
    uint64_t last_ns; /* when the last delivery came, or the waiting began; since 1970 */
};

static enum qiao_verdict take_delivery(void *context, const struct qiao_delivery *delivery);
static int receive(struct bench_recv *bench);
static int print_summary(const struct bench_recv *bench);
static int open_tally(struct bench_recv *bench);

static const struct qiao_client_handler handler = { .link = ctl_session_link, .deliver = take_delivery };

static void bench_close(struct bench_recv *bench)
{
    ctl_session_close(&bench->session);
    bench->tally = bench_tally_close(bench->tally);
}

static int run_bench_recv(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(bench_close))) struct bench_recv bench = { .values = values, .session.signal_fd = -1 };
    const struct ctl_session_options session_options = { .member = globals->member, .delivery_messages = bench.values->window };
    int status;

    (void)argument_count;
    (void)arguments;
    if (!globals->member)
        return command_fail(CTL_WRONG_USE, "receive as whom? Give --member NAME or set QIAO_MEMBER");
    status = open_tally(&bench);
    if (!status)
        status = ctl_session_open(&bench.session, globals, &session_options, &handler);
    if (!status)
        status = ctl_session_connect(&bench.session);
    if (!status)
        status = receive(&bench);
    return status ? status : print_summary(&bench);
}

static int read_run(struct bench_tally *tally, const char *text)
{
    char *end;
    unsigned long run = strtoul(text, &end, 16);

    if (!*text || *end || run > BENCH_RUN_MAX)
        return command_fail(CTL_WRONG_USE, "--run is \"%.40s\" but must be the six hexadecimal digits that bench send printed", text);
    if (tally->has_run && tally->run != run)
        return command_fail(CTL_WRONG_USE, "the resume file counts run %06x, not %06lx; use another file", (unsigned)tally->run, run);
    tally->run = (uint32_t)run;
    tally->has_run = 1;
    return CTL_OK;
}

static int open_tally(struct bench_recv *bench)
{
    const char *file = bench->values->resume_file;
    int result = bench_tally_open(file, &bench->tally);

    if (result == -EINVAL)
        return command_fail(CTL_WRONG_USE, "%s is no resume file of this version; remove it or name another", file);
    if (result)
        return command_fail(CTL_NO, "cannot open %s: %s", file ? file : "memory", strerror(-result));
    return bench->values->run ? read_run(bench->tally, bench->values->run) : CTL_OK;
}

static bool is_complete(const struct bench_recv *bench)
{
    return bench->values->count && bench->tally->received >= bench->values->count;
}

static uint64_t idle_so_far_ns(const struct bench_recv *bench)
{
    uint64_t now_ns = clock_wall_ns();

    return now_ns > bench->last_ns ? now_ns - bench->last_ns : 0;
}

static int receive(struct bench_recv *bench)
{
    struct ctl_session *session = &bench->session;

    session->report_links = true;
    bench->last_ns = clock_wall_ns();
    while (!session->interrupted) {
        uint64_t wait_ns = (is_complete(bench) ? bench->values->linger_ms : bench->values->idle_ms) * CLOCK_NS_PER_MS;
        uint64_t idle_ns = idle_so_far_ns(bench);
        int result;
        if (idle_ns >= wait_ns)
            break;
        result = ctl_session_run(session, clock_steady_ns() + wait_ns - idle_ns);
        if (result && result != QIAO_CLIENT_TIMEOUT)
            return ctl_session_fail(session, result);
    }
    return CTL_OK;
}

static enum qiao_verdict take_delivery(void *context, const struct qiao_delivery *delivery)
{
    struct bench_recv *bench = context;

    bench->last_ns = clock_wall_ns();
    bench_tally_add(bench->tally, delivery->message.body, bench->last_ns);
    if (is_complete(bench))
        bench->session.stop = true;
    return QIAO_VERDICT_ACCEPT;
}

static int print_summary(const struct bench_recv *bench)
{
    uint64_t expected = bench->values->expect ? bench->values->expect : bench->values->count;
    json_t *json = bench_tally_to_json(bench->tally, expected);
    bool clean = bench_tally_lost(bench->tally, expected) == 0 && !bench->tally->duplicates && !bench->tally->order_violations;
    int status;

    json_object_set_new(json, "linkDowns", json_integer(bench->session.downs));
    json_object_set_new(json, "cpuSeconds", json_real(cpu_seconds()));
    status = output_json_line(json);
    return status || clean ? status : CTL_NO;
}

const struct command command_bench_recv = {
    .name = "bench recv",
    .arguments = "",
    .summary = "count what bench send sends; find losses, duplicates and wrong order",
    .text = "Accepts every message and ends with one line of JSON: received, duplicates, lost, orderViolations, throughput from the first "
            "message to the last, and latency from the time a message was meant to be sent until it came (both ends must share a clock). Exit "
            "status 1 if anything was lost, came twice or came in the wrong order within its case.\n\n"
            "With --resume-file the count lives in a mapped file: a receiver that was killed goes on where it was. A message that was counted "
            "but whose verdict was lost with the process comes again, and is then counted as a duplicate.",
    .example = "qiao bench recv --member urban-mgmt --count 100000 --idle-timeout 20s",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run_bench_recv,
};
