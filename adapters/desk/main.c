/* qiao-desk: an office that decides by table. */
#include "base/log.h"
#include "base/text.h"
#include "desk.h"
#include "register.h"
#include "schema/case.pb-c.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <qiao/client.h>
#include <qiao/version.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_GOOD = 0, EXIT_NEGATIVE = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3, PENDING_MAX = 4096 };

/* A verdict that waits for the register to be on disk. */
struct pending {
    uint64_t token;
    bool accept;
    unsigned code;
    const char *reason;    /* borrowed from the table, or static */
};

struct desk {
    const struct desk_config *config;
    struct qiao_client *client;
    struct book book;
    struct pending pending[PENDING_MAX];
    size_t pending_count;
    uint64_t accepted, refused, repeated;
    int error;
};

static int run(const struct desk_config *config);

static void print_help(FILE *out)
{
    fputs("Usage: qiao-desk --config FILE [--check]\n\n"
          "Receives the cases of one member, decides each by a table of matters, and enters it in a register, once. Ends on SIGTERM.\n\n"
          "      --config FILE  configuration (YAML)\n"
          "      --check        only check the configuration\n"
          "      --version      print the version\n"
          "      --help         print this\n\n"
          "Exit status: 0 done; 1 the register cannot be used; 2 wrong use or configuration; 3 the node refuses this member.\n\n"
          "Configuration keys (and the list decisions, see the sample):\n", out);
    desk_config_help(out);
}

int main(int argc, char **argv)
{
    enum { CONFIG = 256, CHECK, VERSION, HELP };
    static const struct option table[] = { { "config", required_argument, NULL, CONFIG }, { "check", no_argument, NULL, CHECK },
                                           { "version", no_argument, NULL, VERSION }, { "help", no_argument, NULL, HELP }, { 0 } };
    const char *path = NULL;
    bool check = false;
    for (int option; (option = getopt_long(argc, argv, "", table, NULL)) != -1;)
        switch (option) {
        case CONFIG: path = optarg; break;
        case CHECK: check = true; break;
        case VERSION: puts("qiao-desk " QIAO_VERSION); return EXIT_GOOD;
        case HELP: print_help(stdout); return EXIT_GOOD;
        default: return EXIT_USAGE;
        }
    if (!path || optind < argc) {
        fputs("qiao-desk: --config is needed and no other argument; see qiao-desk --help\n", stderr);
        return EXIT_USAGE;
    }
    struct desk_config config;
    int end = desk_config_load(&config, path, stderr) ? EXIT_GOOD : EXIT_USAGE;
    if (end == EXIT_GOOD)
        log_set_level((enum log_level)config.log_level);
    if (end == EXIT_GOOD && !check)
        end = run(&config);
    desk_config_deinit(&config);
    return end;
}

static void on_link(void *context, bool up, unsigned code, const char *reason)
{
    const struct desk *desk = context;
    log_line(up ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, up ? "link.up" : "link.down", "node", desk->config->node, "code", qiao_code_name(code), "reason",
             reason ? reason : "", NULL);
}

static const char *or_empty(const char *text) { return text ? text : ""; }

/* What the table says, or why there is nothing to decide. *ret_open is the decoded case or NULL. */
static struct pending decide(const struct desk *desk, const struct qiao_message *message, Qiao__V1__CaseOpen **ret_open)
{
    *ret_open = NULL;
    if (message->kind != QIAO_KIND_CASE_OPEN)
        return (struct pending){ .code = QIAO_CODE_UNKNOWN_KIND, .reason = "this office takes cases only" };
    *ret_open = qiao__v1__case_open__unpack(NULL, message->body.size, message->body.data);
    if (!*ret_open)
        return (struct pending){ .code = QIAO_CODE_MALFORMED, .reason = "the body is not a case" };
    const struct decision *decision = desk_decide(desk->config, or_empty(message->matter));
    return (struct pending){ .accept = decision->accept, .code = decision->code, .reason = decision->reason };
}

static int enter(struct desk *desk, const struct qiao_delivery *delivery, const struct pending *pending, const Qiao__V1__CaseOpen *open)
{
    const struct qiao_message *message = &delivery->message;
    struct line line = {
        .entry = { .id = message->id, .used = true, .accepted = pending->accept, .code = pending->code },
        .received_ms = clock_wall_ms(),
        .sent_ms = message->sent_at_ms,
        .attempt = delivery->attempt,
        .case_id = or_empty(message->case_id),
        .key = or_empty(message->idempotency_key),
        .matter = or_empty(message->matter),
        .area = or_empty(message->source.area),
        .org = or_empty(message->source.org),
        .title = open ? open->title : "",
    };
    return book_add(&desk->book, &line);
}

/* The verdict waits until the register is on disk, with all others that came in the same turn. */
static enum qiao_verdict on_deliver(void *context, const struct qiao_delivery *delivery)
{
    struct desk *desk = context;
    if (desk->pending_count == PENDING_MAX || desk->error < 0)
        return QIAO_VERDICT_RETRY;
    struct pending pending;
    const struct entry *known = book_find(&desk->book, &delivery->message.id);
    if (known) {
        pending = (struct pending){ .accept = known->accepted, .code = known->code, .reason = known->accepted ? "" : "as decided before" };
        desk->repeated++;
    } else {
        Qiao__V1__CaseOpen *open;
        pending = decide(desk, &delivery->message, &open);
        desk->error = enter(desk, delivery, &pending, open);
        if (open)
            qiao__v1__case_open__free_unpacked(open, NULL);
        if (desk->error < 0)
            return QIAO_VERDICT_RETRY;
        desk->accepted += pending.accept;
        desk->refused += !pending.accept;
    }
    pending.token = delivery->token;
    desk->pending[desk->pending_count++] = pending;
    return QIAO_VERDICT_LATER;
}

static int give_verdicts(struct desk *desk)
{
    if (desk->pending_count == 0)
        return desk->error;
    int r = book_sync(&desk->book);
    if (r < 0)
        return r;
    for (size_t i = 0; i < desk->pending_count; i++) {
        const struct pending *pending = &desk->pending[i];
        r = qiao_client_verdict(desk->client, pending->token, pending->accept ? QIAO_VERDICT_ACCEPT : QIAO_VERDICT_REFUSE, pending->code, pending->reason, 0);
        if (r < 0)
            return r;
    }
    desk->pending_count = 0;
    return desk->error;
}

/* Until a signal or an error. The verdicts themselves leave with the next dispatch. */
static int loop(struct desk *desk, int signal_fd)
{
    for (;;) {
        int r = qiao_client_dispatch(desk->client);
        bool worked = desk->pending_count > 0;
        if (r == 0)
            r = give_verdicts(desk);
        if (r != 0)
            return r;
        struct pollfd fds[2] = { { qiao_client_fd(desk->client), POLLIN, 0 }, { signal_fd, POLLIN, 0 } };
        if (poll(fds, 2, worked ? 0 : qiao_client_timeout_ms(desk->client)) < 0 && errno != EINTR)
            return -errno;
        if (fds[1].revents)
            return 0;
    }
}

static int open_client(struct desk *desk, char *reterr_text, size_t reterr_size)
{
    static const struct qiao_client_handler handler = { .link = on_link, .deliver = on_deliver };
    const struct desk_config *config = desk->config;
    struct qiao_client_options options = {
        .node = config->node[0] ? config->node : NULL,
        .member = config->member,
        .certificate_file = config->certificate[0] ? config->certificate : NULL,
        .key_file = config->key[0] ? config->key : NULL,
        .ca_file = config->ca[0] ? config->ca : NULL,
        .delivery_messages = PENDING_MAX,
        .owns_nng = true,
    };
    return qiao_client_new(&options, &handler, desk, &desk->client, reterr_text, reterr_size);
}

static int open_signals(void)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    if (sigprocmask(SIG_BLOCK, &ends, NULL) < 0)
        return -errno;
    return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_book(struct desk *desk)
{
    char path[PATH_MAX];
    const struct desk_config *config = desk->config;
    if (snprintf(path, sizeof path, "%s/%s", config->register_folder, config->register_file) >= (int)sizeof path)
        return -ENAMETOOLONG;
    int r = durable_make_folder(config->register_folder);
    return r < 0 ? r : book_open(&desk->book, config->register_folder, path);
}

static int serve(struct desk *desk, int signal_fd)
{
    char text[512] = "";
    if (open_client(desk, text, sizeof text) != 0) {
        log_line(LOG_LEVEL_ERROR, "start", "text", text, NULL);
        return EXIT_USAGE;
    }
    int r = loop(desk, signal_fd);
    if (r != 0)
        log_line(LOG_LEVEL_ERROR, "ended", "text", r > 0 ? qiao_client_error(desk->client) : strerror(-r), NULL);
    else
        qiao_client_close(desk->client, 5000);
    log_line(LOG_LEVEL_INFO, "summary", "accepted", LOG_NUMBER(desk->accepted), "refused", LOG_NUMBER(desk->refused), "repeated",
             LOG_NUMBER(desk->repeated), NULL);
    qiao_client_free(desk->client);
    return r == 0 ? EXIT_GOOD : r > 0 ? EXIT_UNREACHABLE : EXIT_NEGATIVE;
}

static int run(const struct desk_config *config)
{
    struct desk *desk = calloc(1, sizeof *desk);
    int signal_fd = open_signals();
    if (!desk || signal_fd < 0)
        abort();
    desk->config = config;
    desk->book.lines.fd = -1;
    int r = open_book(desk);
    int end = EXIT_NEGATIVE;
    if (r < 0)
        log_line(LOG_LEVEL_ERROR, "register", "text", r == -EBADMSG ? "a line of the register is damaged" : strerror(-r), NULL);
    else
        end = serve(desk, signal_fd);
    book_close(&desk->book);
    close(signal_fd);
    free(desk);
    return end;
}
