/* qiao-csv: cases out of CSV files in a drop folder. */
#include "adapter.h"
#include "base/log.h"
#include "intake.h"
#include "pack.h"
#include "validate.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <qiao/version.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_GOOD = 0, EXIT_NEGATIVE = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

struct options {
    const char *config, *dry_run;
    bool once, json, check;
    uint64_t timeout_s, connect_timeout_s;
};

struct run {
    const struct options *options;
    const struct config *config;
    struct adapter *adapter;
    int watch_fd, signal_fd;
    uint64_t started_us, scan_us;  /* when the folder is looked through next */
    bool was_up;
};

static int parse_options(int argc, char **argv, struct options *options);
static int run_dry(const struct options *options, struct config *config);
static int run_adapter(const struct options *options, const struct config *config);

int main(int argc, char **argv)
{
    struct options options = { .connect_timeout_s = 15 };
    int end = parse_options(argc, argv, &options);
    if (end >= 0)
        return end;
    struct config config;
    if (!config_load(&config, options.config, stderr)) {
        config_deinit(&config);
        return EXIT_USAGE;
    }
    log_set_level((enum log_level)config.log_level);
    validate_use_zone(config.zone);
    if (options.check)
        end = EXIT_GOOD;
    else
        end = options.dry_run ? run_dry(&options, &config) : run_adapter(&options, &config);
    config_deinit(&config);
    return end;
}

static void print_help(FILE *out)
{
    fputs("Usage: qiao-csv --config FILE [--once [--json] [--timeout SECONDS]]\n"
          "       qiao-csv --config FILE --check\n"
          "       qiao-csv --config FILE --dry-run CSV\n\n"
          "Takes CSV files from a drop folder and submits each row as a case to its node, once.\n\n"
          "      --config FILE      configuration (YAML)\n"
          "      --once             take what lies in the drop folder, wait for all outcomes, tell them, end\n"
          "      --json             the summary of --once as one JSON object\n"
          "      --timeout SECONDS  of --once: end with status 1 if outcomes are missing after this time (default: wait for ever)\n"
          "      --connect-timeout SECONDS  of --once: end with status 3 without a link after this time (default 15)\n"
          "      --check            only check the configuration\n"
          "      --dry-run CSV      print what the rows of a file become, one JSON object a line; submit nothing\n"
          "      --version          print the version\n"
          "      --help             print this\n\n"
          "Exit status: 0 done; 1 negative answer (bad rows in a dry run, outcomes missing, state on disk unusable); 2 wrong use or\n"
          "configuration; 3 the node cannot be reached or refuses this member.\n\n"
          "Configuration keys (and the sections tables, case and fields, see the sample):\n", out);
    config_help(out);
}

static bool parse_seconds(const char *text, uint64_t *ret_seconds)
{
    char *rest = NULL;
    *ret_seconds = strtoull(text, &rest, 10);
    return text[0] >= '0' && text[0] <= '9' && !*rest && *ret_seconds < 10000000;
}

static int wrong_use(const char *text)
{
    fprintf(stderr, "qiao-csv: %s; see qiao-csv --help\n", text);
    return EXIT_USAGE;
}

/* An exit status, or -1 to go on. */
static int parse_options(int argc, char **argv, struct options *options)
{
    enum { CONFIG = 256, ONCE, JSON, TIMEOUT, CONNECT_TIMEOUT, CHECK, DRY_RUN, VERSION, HELP };
    static const struct option table[] = {
        { "config", required_argument, NULL, CONFIG }, { "once", no_argument, NULL, ONCE }, { "json", no_argument, NULL, JSON },
        { "timeout", required_argument, NULL, TIMEOUT }, { "connect-timeout", required_argument, NULL, CONNECT_TIMEOUT },
        { "check", no_argument, NULL, CHECK }, { "dry-run", required_argument, NULL, DRY_RUN }, { "version", no_argument, NULL, VERSION },
        { "help", no_argument, NULL, HELP }, { 0 } };
    for (int option; (option = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        bool good = true;
        switch (option) {
        case CONFIG: options->config = optarg; break;
        case ONCE: options->once = true; break;
        case JSON: options->json = true; break;
        case TIMEOUT: good = parse_seconds(optarg, &options->timeout_s); break;
        case CONNECT_TIMEOUT: good = parse_seconds(optarg, &options->connect_timeout_s); break;
        case CHECK: options->check = true; break;
        case DRY_RUN: options->dry_run = optarg; break;
        case VERSION: puts("qiao-csv " QIAO_VERSION); return EXIT_GOOD;
        case HELP: print_help(stdout); return EXIT_GOOD;
        default: return wrong_use("unknown option");
        }
        if (!good)
            return wrong_use("a time is a whole number of seconds");
    }
    if (optind < argc)
        return wrong_use("no arguments are expected besides options");
    if (!options->config)
        return wrong_use("--config is needed");
    return -1;
}

/* ---- --dry-run */

static void print_row(const struct config *config, const struct map_record *record, const struct reader_row *row)
{
    struct text json = { 0 };
    pack_json(config->map, record, row->number, row->line, &json);
    puts(text_string(&json));
    text_deinit(&json);
}

static void print_fault(const struct rows_fault *fault)
{
    struct text json = { 0 };
    text_add_format(&json, "{\"row\":%" PRIu64 ",\"line\":%" PRIu64 ",\"fault\":", fault->entry.row, fault->entry.line);
    text_add_json(&json, fault->entry.reason);
    text_add_string(&json, ",\"text\":");
    text_add_json(&json, fault->explanation);
    text_add_string(&json, "}");
    puts(text_string(&json));
    text_deinit(&json);
}

static int print_rows(struct rows *rows, const struct config *config)
{
    struct map_record record = { 0 };
    struct reader_row row;
    struct rows_fault fault;
    bool any_bad = false;
    int kind;
    while ((kind = rows_next(rows, config, &record, &row, &fault)) > 0) {
        any_bad = any_bad || kind == ROWS_BAD;
        if (kind == ROWS_GOOD)
            print_row(config, &record, &row);
        else
            print_fault(&fault);
    }
    map_record_deinit(&record);
    if (kind < 0)
        log_line(LOG_LEVEL_ERROR, "file.unreadable", "text", strerror(-kind), NULL);
    return kind < 0 || any_bad || fflush(stdout) != 0 ? EXIT_NEGATIVE : EXIT_GOOD;
}

static int run_dry(const struct options *options, struct config *config)
{
    struct rows rows;
    struct rows_fault fault;
    struct digest digest;
    uint64_t size;
    char digest_text[DIGEST_TEXT_SIZE];
    const char *slash = strrchr(options->dry_run, '/');
    int fd = open(options->dry_run, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : digest_file(fd, -1, config->file_bytes_max, &digest, &size);
    if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
        r = -errno;
    if (r < 0) {
        log_line(LOG_LEVEL_ERROR, "file.unreadable", "file", options->dry_run, "text", strerror(-r), NULL);
        if (fd >= 0)
            close(fd);
        return EXIT_NEGATIVE;
    }
    digest_format(&digest, digest_text);
    r = rows_open(&rows, fd, config, slash ? slash + 1 : options->dry_run, digest_text, &fault);
    if (r < 0) {
        log_line(LOG_LEVEL_ERROR, "file.unreadable", "file", options->dry_run, "text", strerror(-r), NULL);
        return EXIT_NEGATIVE;
    }
    int end = EXIT_NEGATIVE;
    if (r == ROWS_REFUSED)
        print_fault(&fault);
    else
        end = print_rows(&rows, config);
    rows_close(&rows);
    return end;
}

/* ---- running */

static void on_name(void *context, const char *name) { adapter_candidate(context, name); }

/* Looks through the folder when nothing told of a change for a while, when events were lost, and when files were too young. */
static int scan_if_due(struct run *run)
{
    uint64_t now_us = clock_monotonic_us();
    if (run->watch_fd >= 0 && watch_read(run->watch_fd, on_name, run->adapter))
        run->scan_us = 0;
    if (now_us < run->scan_us)
        return 0;
    int young = adapter_scan(run->adapter, run->options->once);
    if (young < 0) {
        log_line(LOG_LEVEL_ERROR, "drop.unreadable", "folder", run->config->drop, "text", strerror(-young), NULL);
        return young;
    }
    uint64_t wait_ms = young > 0 && run->config->settle_ms < run->config->rescan_ms ? run->config->settle_ms : run->config->rescan_ms;
    run->scan_us = now_us + (wait_ms + 1) * 1000;
    return 0;
}

static int wait_ms(const struct run *run)
{
    if (adapter_is_busy(run->adapter))
        return 0;
    uint64_t now_us = clock_monotonic_us();
    uint64_t ms = run->scan_us > now_us ? (run->scan_us - now_us) / 1000 + 1 : 0;
    int client_ms = qiao_client_timeout_ms(adapter_client(run->adapter));
    if (client_ms >= 0 && (uint64_t)client_ms < ms)
        ms = (uint64_t)client_ms;
    return ms > 1000 ? 1000 : (int)ms;
}

/* True when a signal asks to end. */
static bool wait_for_news(struct run *run)
{
    struct pollfd fds[3] = { { qiao_client_fd(adapter_client(run->adapter)), POLLIN, 0 }, { run->signal_fd, POLLIN, 0 }, { run->watch_fd, POLLIN, 0 } };
    if (poll(fds, 3, wait_ms(run)) < 0 && errno != EINTR) {
        log_line(LOG_LEVEL_ERROR, "poll", "text", strerror(errno), NULL);
        return true;
    }
    return fds[1].revents != 0;
}

/* An exit status once --once has nothing more to do or to hope for, else -1. */
static int once_ended(struct run *run)
{
    uint64_t passed_s = (clock_monotonic_us() - run->started_us) / 1000000;
    run->was_up = run->was_up || qiao_client_is_up(adapter_client(run->adapter));
    if (!run->options->once)
        return -1;
    if (adapter_is_idle(run->adapter))
        return EXIT_GOOD;
    if (!run->was_up && passed_s >= run->options->connect_timeout_s) {
        log_line(LOG_LEVEL_ERROR, "node.unreachable", "node", run->config->node, "text", qiao_client_error(adapter_client(run->adapter)), NULL);
        return EXIT_UNREACHABLE;
    }
    return run->options->timeout_s && passed_s >= run->options->timeout_s ? EXIT_NEGATIVE : -1;
}

static int step_failed(const struct run *run, int r)
{
    if (r == QIAO_CLIENT_REFUSED) {
        log_line(LOG_LEVEL_ERROR, "node.refused", "text", qiao_client_error(adapter_client(run->adapter)), NULL);
        return EXIT_UNREACHABLE;
    }
    log_line(LOG_LEVEL_ERROR, "state.failed", "text", strerror(-r), NULL);
    return EXIT_NEGATIVE;
}

static int loop(struct run *run)
{
    for (;;) {
        int r = run->options->once && run->scan_us > 0 ? 0 : scan_if_due(run);
        if (r == 0)
            r = adapter_step(run->adapter);
        if (r != 0)
            return step_failed(run, r);
        int end = once_ended(run);
        if (end >= 0 || wait_for_news(run))
            return end >= 0 ? end : run->options->once ? EXIT_NEGATIVE : EXIT_GOOD;
    }
}

static void print_summary(const struct run *run)
{
    const struct counters *c = adapter_counters(run->adapter);
    const struct { const char *name; uint64_t value; } lines[] = {
        { "files", c->files }, { "files_repeated", c->files_repeated }, { "files_refused", c->files_refused }, { "files_waiting", c->files_waiting },
        { "rows", c->rows }, { "quarantined", c->quarantined }, { "submitted", c->submitted }, { "accepted", c->accepted }, { "refused", c->refused },
        { "expired", c->expired }, { "dead", c->dead }, { "in_flight", adapter_in_flight(run->adapter) } };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (run->options->json)
            printf("%s\"%s\":%" PRIu64, i ? "," : "{", lines[i].name, lines[i].value);
        else
            printf("%-16s %" PRIu64 "\n", lines[i].name, lines[i].value);
    puts(run->options->json ? "}" : "");
}

static int open_signals(void)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    /* Before the client starts threads, so that they inherit it. */
    if (sigprocmask(SIG_BLOCK, &ends, NULL) < 0)
        return -errno;
    return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run_adapter(const struct options *options, const struct config *config)
{
    char text[512] = "";
    struct run run = { .options = options, .config = config, .watch_fd = -1, .signal_fd = open_signals(), .started_us = clock_monotonic_us() };
    int r = adapter_new(config, &run.adapter, text, sizeof text);
    if (r != 0) {
        log_line(LOG_LEVEL_ERROR, "start", "text", text, NULL);
        return r == QIAO_CLIENT_INVALID ? EXIT_USAGE : EXIT_NEGATIVE;
    }
    if (!options->once && (run.watch_fd = watch_open(config->drop)) < 0)
        log_line(LOG_LEVEL_WARNING, "watch", "text", "no inotify here; the folder is looked through every file.rescan_ms", NULL);
    int end = loop(&run);
    if (end != EXIT_UNREACHABLE && (r = adapter_stop(run.adapter, 5000)) < 0)
        end = step_failed(&run, r);
    if (options->once)
        print_summary(&run);
    if (run.watch_fd >= 0)
        close(run.watch_fd);
    close(run.signal_fd);
    adapter_free(run.adapter);
    return end;
}
