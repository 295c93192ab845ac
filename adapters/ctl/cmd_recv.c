/* qiao recv: be a member that receives. */
#include "child.h"
#include "clock.h"
#include "delivery.h"
#include "output.h"
#include "session.h"
#include "verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct recv_values {
    const char *verdict;
    const char *exec;
    uint64_t count, idle_ms;
};

#define AT(member) .offset = offsetof(struct recv_values, member)

static const struct option_spec recv_options[] = {
    { .name = "count", .letter = 'n', .type = OPTION_NUMBER, AT(count), .placeholder = "N", .help = "end after this many deliveries", .min = 1 },
    { .name = "idle-timeout", .type = OPTION_DURATION, AT(idle_ms), .placeholder = "DURATION", .help = "end when nothing came for this long", .min = 1 },
    { .name = "verdict", .letter = 'V', .type = OPTION_TEXT, AT(verdict), .placeholder = "VERDICT",
      .help = "accept, refuse[:CODE[:REASON]] or retry[:MILLISECONDS]", .standard = "accept" },
    { .name = "exec", .letter = 'x', .type = OPTION_TEXT, AT(exec), .placeholder = "COMMAND",
      .help = "let a shell command decide; it reads the message as JSON" },
};

#undef AT

struct recv {
    struct ctl_session session; /* first: see session.h */
    const struct recv_values *options;
    struct verdict verdict;
    uint64_t count;
    uint64_t last_ns;  /* when the last delivery came, steady clock */
    int status;        /* not CTL_OK: end with it */
    struct child child;
    uint64_t token;    /* of the delivery that the child decides */
    struct qiao_id child_id;
};

static enum qiao_verdict take_delivery(void *context, const struct qiao_delivery *delivery);
static int receive(struct recv *recv);
static void finish_child(struct recv *recv);

static const struct qiao_client_handler handler = { .link = ctl_session_link, .deliver = take_delivery };

static void recv_close(struct recv *recv)
{
    child_stop(&recv->child);
    ctl_session_close(&recv->session);
}

static int run_recv(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(recv_close))) struct recv recv = { .options = values, .session.signal_fd = -1 };
    /* One delivery at a time for a command, else as many as the library likes. */
    const struct ctl_session_options session_options = {
        .member = globals->member, .delivery_messages = recv.options->exec ? 1 : 0, .watch_children = recv.options->exec != NULL,
    };
    int status = verdict_read(recv.options->verdict, &recv.verdict);

    (void)argument_count;
    (void)arguments;
    if (!status && !globals->member)
        status = command_fail(CTL_WRONG_USE, "receive as whom? Give --member NAME or set QIAO_MEMBER");
    if (!status)
        status = ctl_session_open(&recv.session, globals, &session_options, &handler);
    if (!status)
        status = ctl_session_connect(&recv.session);
    return status ? status : receive(&recv);
}

static bool is_complete(const struct recv *recv)
{
    return recv->options->count && recv->count >= recv->options->count && !recv->child.pid;
}

static int receive(struct recv *recv)
{
    struct ctl_session *session = &recv->session;

    session->report_links = true;
    recv->last_ns = clock_steady_ns();
    while (!recv->status && !session->interrupted && !is_complete(recv)) {
        uint64_t idle_ns = recv->options->idle_ms * CLOCK_NS_PER_MS;
        uint64_t deadline_ns = idle_ns && !recv->child.pid ? recv->last_ns + idle_ns : UINT64_MAX;
        int result = ctl_session_run(session, deadline_ns);
        if (session->child_ended)
            finish_child(recv);
        if (result == QIAO_CLIENT_TIMEOUT && clock_steady_ns() >= deadline_ns)
            return recv->options->count ? command_fail(CTL_NO, "only %llu of %llu messages came", (unsigned long long)recv->count,
                                                       (unsigned long long)recv->options->count)
                                        : CTL_OK;
        if (result && result != QIAO_CLIENT_TIMEOUT)
            return ctl_session_fail(session, result);
    }
    return recv->status;
}

static bool print_delivery(struct recv *recv, const struct qiao_delivery *delivery)
{
    if (recv->session.globals->json)
        return output_json_line(delivery_to_json(delivery)) == CTL_OK;
    return delivery_print(delivery, stdout) && fflush(stdout) == 0;
}

static enum qiao_verdict give_back(struct recv *recv, int status)
{
    recv->status = status;
    recv->session.stop = true;
    return QIAO_VERDICT_LATER;
}

static enum qiao_verdict start_child(struct recv *recv, const struct qiao_delivery *delivery)
{
    json_t *json = delivery_to_json(delivery);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    char id[QIAO_ID_TEXT_SIZE];
    int result;

    qiao_id_format(&delivery->message.id, id);
    setenv("QIAO_MESSAGE_ID", id, 1);
    setenv("QIAO_KIND", qiao_kind_name(delivery->message.kind), 1);
    setenv("QIAO_CASE_ID", delivery->message.case_id ? delivery->message.case_id : "", 1);
    result = text ? child_start(&recv->child, recv->options->exec, text, strlen(text)) : -ENOMEM;
    free(text);
    json_decref(json);
    if (result)
        return give_back(recv, command_fail(CTL_NO, "cannot run %s: %s", recv->options->exec, strerror(-result)));
    recv->token = delivery->token;
    recv->child_id = delivery->message.id;
    return QIAO_VERDICT_LATER;
}

/* After a break of the link the node delivers again what the child is still busy with: the verdict then goes to the new delivery. */
static enum qiao_verdict while_child_runs(struct recv *recv, const struct qiao_delivery *delivery)
{
    if (qiao_id_equal(&recv->child_id, &delivery->message.id)) {
        recv->token = delivery->token;
        return QIAO_VERDICT_LATER;
    }
    qiao_client_explain(recv->session.client, 0, "busy with another message", 1000);
    return QIAO_VERDICT_RETRY;
}

/* What cannot be printed is not accepted: it comes again. */
static enum qiao_verdict take_delivery(void *context, const struct qiao_delivery *delivery)
{
    struct recv *recv = context;

    if (recv->child.pid)
        return while_child_runs(recv, delivery);
    if (recv->status || (recv->options->count && recv->count >= recv->options->count))
        return QIAO_VERDICT_LATER;
    recv->count++;
    recv->last_ns = clock_steady_ns();
    if (recv->options->count == recv->count)
        recv->session.stop = true;
    if (recv->options->exec)
        return start_child(recv, delivery);
    if (!print_delivery(recv, delivery))
        return give_back(recv, command_fail(CTL_NO, "cannot print: standard output is closed or memory is out"));
    if (recv->verdict.verdict != QIAO_VERDICT_ACCEPT)
        qiao_client_explain(recv->session.client, recv->verdict.code, recv->verdict.reason, recv->verdict.retry_after_ms);
    return recv->verdict.verdict;
}

/* sysexits.h: 75 is "try again". */
static void finish_child(struct recv *recv)
{
    char reason[64] = "";
    int exit_status;
    enum qiao_verdict verdict = QIAO_VERDICT_REFUSE;

    recv->session.child_ended = false;
    if (!child_finished(&recv->child, &exit_status))
        return;
    if (exit_status == 0)
        verdict = QIAO_VERDICT_ACCEPT;
    else if (exit_status == 75 || exit_status < 0)
        verdict = QIAO_VERDICT_RETRY;
    else
        snprintf(reason, sizeof(reason), "the command ended with status %d", exit_status);
    recv->last_ns = clock_steady_ns();
    qiao_client_verdict(recv->session.client, recv->token, verdict, verdict == QIAO_VERDICT_REFUSE ? QIAO_CODE_REFUSED_BY_MEMBER : 0, reason, 0);
}

const struct command command_recv = {
    .name = "recv",
    .arguments = "",
    .summary = "receive messages as a member and print them",
    .text = "Every delivery is printed, then answered with the verdict. What could not be printed is not accepted and comes again. With --json "
            "every delivery is one line; the body stands in \"body\" if the kind has a schema, else in \"bodyText\" or \"bodyBase64\".\n\n"
            "With --exec each message goes to a shell command instead, one at a time: JSON on its standard input, QIAO_MESSAGE_ID, QIAO_KIND "
            "and QIAO_CASE_ID in its environment. Its exit status is the verdict: 0 accepts, 75 asks for another delivery later, as does "
            "death by a signal, anything else refuses.",
    .example = "qiao recv --member urban-mgmt --json --count 10",
    .options = recv_options,
    .option_count = sizeof(recv_options) / sizeof(recv_options[0]),
    .values_size = sizeof(struct recv_values),
    .run = run_recv,
};
