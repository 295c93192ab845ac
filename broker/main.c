/* qiaod: arguments, configuration, node_run. */
#include "conf/conf.h"
#include "core/core.h"
#include "edge/privileges.h"
#include "node.h"
#include "store/check.h"

#include <qiao/version.h>

#include <getopt.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

enum mode { MODE_RUN, MODE_CHECK_CONFIG, MODE_DUMP_CONFIG, MODE_CHECK_STORE };

struct arguments {
    enum mode mode;
    const char *config;
    bool trace, core_dumps;
    int ready_fd;
};

static void usage(FILE *out)
{
    fputs("Usage: qiaod --config FILE [options]\n"
          "The Qiao broker of one node.\n\n"
          "  -c, --config FILE   configuration (YAML; FILE's folder may hold conf.d/*.yaml)\n"
          "      --check-config  read the configuration, report every error, and end\n"
          "      --dump-config   print the configuration in force, defaults included, and end\n"
          "      --sample        print a commented sample configuration and end\n"
          "      --schema        print the JSON Schema of the configuration and end\n"
          "      --check-store   walk the whole store, report damage, and end (the broker must not be running)\n"
          "      --trace         one line for each decision on standard error\n"
          "      --allow-core-dumps  keys and bodies of messages may then stand in them; without it there are none\n"
          "      --ready-fd N    write \"ready\" to this descriptor when the node takes connections\n"
          "  -h, --help          this text\n"
          "  -V, --version       version\n\n"
          "Signals: TERM and INT end the broker after everything taken is on disk; HUP reads configuration and certificates again.\n"
          "Exit status: 0 success, 1 failure, 2 wrong use or configuration.\n",
          out);
}

enum { OPTION_CHECK_CONFIG = 256, OPTION_DUMP_CONFIG, OPTION_SAMPLE, OPTION_SCHEMA, OPTION_CHECK_STORE, OPTION_TRACE, OPTION_CORE_DUMPS, OPTION_READY_FD };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "check-config", no_argument, NULL, OPTION_CHECK_CONFIG },
    { "dump-config", no_argument, NULL, OPTION_DUMP_CONFIG },
    { "sample", no_argument, NULL, OPTION_SAMPLE },
    { "schema", no_argument, NULL, OPTION_SCHEMA },
    { "check-store", no_argument, NULL, OPTION_CHECK_STORE },
    { "trace", no_argument, NULL, OPTION_TRACE },
    { "allow-core-dumps", no_argument, NULL, OPTION_CORE_DUMPS },
    { "ready-fd", required_argument, NULL, OPTION_READY_FD },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

static bool take_descriptor(const char *text, int *ret_descriptor)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 0 || number > 65535) {
        fprintf(stderr, "qiaod: --ready-fd wants the number of an open descriptor, not '%s'\n", text);
        return false;
    }
    *ret_descriptor = (int)number;
    return true;
}

/* Returns an exit status to end with, or -1 to go on. */
static int take_option(int option, struct arguments *a)
{
    switch (option) {
    case 'c': a->config = optarg; return -1;
    case OPTION_CHECK_CONFIG: a->mode = MODE_CHECK_CONFIG; return -1;
    case OPTION_DUMP_CONFIG: a->mode = MODE_DUMP_CONFIG; return -1;
    case OPTION_CHECK_STORE: a->mode = MODE_CHECK_STORE; return -1;
    case OPTION_TRACE: a->trace = true; return -1;
    case OPTION_CORE_DUMPS: a->core_dumps = true; return -1;
    case OPTION_READY_FD: return take_descriptor(optarg, &a->ready_fd) ? -1 : 2;
    case OPTION_SAMPLE: conf_sample(stdout); return 0;
    case OPTION_SCHEMA: conf_schema(stdout); return 0;
    case 'h': usage(stdout); return 0;
    case 'V': puts("qiaod " QIAO_VERSION); return 0;
    default: fputs("Try 'qiaod --help'.\n", stderr); return 2;
    }
}

static int parse(int argc, char **argv, struct arguments *a)
{
    int option, status = -1;
    while (status < 0 && (option = getopt_long(argc, argv, "c:hV", long_options, NULL)) != -1) status = take_option(option, a);
    if (status >= 0) return status;
    if (optind < argc) fprintf(stderr, "qiaod: unexpected argument '%s'\n", argv[optind]);
    else if (!a->config) fputs("qiaod: --config FILE is missing\n", stderr);
    else return -1;
    fputs("Try 'qiaod --help'.\n", stderr);
    return 2;
}

static struct conf *load(const char *path)
{
    struct conf *conf = NULL;
    struct conf_error *errors = NULL;
    size_t count = 0;
    int result = conf_load(path, &conf, &errors, &count);
    for (size_t i = 0; i < count; i++) conf_error_print(&errors[i], stderr);
    free(errors);
    return result == CONF_OK ? conf : NULL;
}

static int check_store(const struct conf *conf, bool core_dumps)
{
    /* What it opens and makes must be the broker's afterwards, not root's. */
    struct privileges_options privileges = { .core_dumps = core_dumps };
    if (!privileges_reduce(conf, &privileges) || !privileges_drop(conf, &privileges)) return 1;
    static struct store_check_rule rules[] = {
        { 'M', "node", core_check_record },   { 'P', "peer numbers", core_check_record },   { 'Q', "queued runs", core_check_record },
        { 'T', "tails", core_check_record },  { 'A', "acknowledged", core_check_record },   { 'W', "received", core_check_record },
        { 'O', "sent from here", core_check_record }, { 'R', "outcomes of area sets", core_check_record },
        { 'N', "register of organisations", core_check_record },
        { 'V', "changes of areas", core_check_record },
        { 'D', "delivered here", core_check_record }, { 'E', "case entries", core_check_record }, { 'X', "quarantine", core_check_record },
        { 'L', "units of custody", core_check_record }, { 'C', "custody receipts", core_check_record }, { 'H', "signed here", core_check_record },
        { 'Y', "decisions", core_check_record }, { 'y', "decided messages", core_check_record },
        { 'J', "neighbours as last seen", core_check_record },
        { 'K', "certificates of signers", core_check_record }, { 'I', "places of units", core_check_record }, { 'S', "signed outcomes", core_check_record },
        { 'm', "signed by members", core_check_record },
        { 'U', "audit log", core_check_record },
        { 'Z', "dead letters", core_check_record },
        { 'G', "ways and order", core_check_record },
        { 'B', "held messages", core_check_record },
        { 'F', "chunks of attachments", core_check_record }, { 'f', "attachments", core_check_record },
    };
    struct store_options options = { .path = conf->node.store, .bytes_max = conf->limits.store_bytes_max, .version = QIAO_STORE_VERSION };
    struct store *store = NULL;
    char text[256] = "";
    if (store_engine_journal.open(&options, &store, text, sizeof text) != 0) {
        fprintf(stderr, "qiaod: %s\n", text);
        return 1;
    }
    int problems = store_check(store, rules, sizeof rules / sizeof rules[0], stdout, isatty(1));
    store_close(store);
    return problems == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct arguments a = { .mode = MODE_RUN, .ready_fd = -1 };
    int status = parse(argc, argv, &a);
    if (status >= 0) return status;
    /* NNG brings its own threads; an arena each would be memory that idles. */
    mallopt(M_ARENA_MAX, 2);
    struct conf *conf = load(a.config);
    if (!conf) return 2;
    if (a.mode == MODE_CHECK_CONFIG) status = 0;
    else if (a.mode == MODE_CHECK_STORE) status = check_store(conf, a.core_dumps);
    else if (a.mode == MODE_DUMP_CONFIG) conf_dump(conf, stdout);
    else status = node_run(&(struct node_options){ conf, a.config, a.trace, a.core_dumps, a.ready_fd });
    conf_free(conf);
    return status < 0 ? 0 : status;
}
