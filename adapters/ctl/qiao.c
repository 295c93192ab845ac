/* qiao: what people do with a node. Reads in the order it runs: globals, the command's name, its options, its handler. */
#include "command.h"
#include "help.h"
#include "text.h"

#include <assert.h>
#include <locale.h>
#include <qiao/version.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef CTL_WITH_PKI
#include "pki/pki.h"

static const struct command command_pki = {
    .name = "pki",
    .arguments = PKI_COMMANDS_TEXT,
    .arguments_max = 1,
    .summary = "certificates for a federation",
    .text = "Makes the certificate authority of a demonstration or small federation, and certificates for its nodes and members. \"qiao pki "
            "--help\" lists its own options.",
    .words = pki_words,
    .run_unparsed = cmd_pki,
};
#endif

static const struct command *const commands[] = {
    &command_status,    &command_send,       &command_recv,       &command_watch,      &command_route, &command_why, &command_trace,   &command_case_list,
    &command_case_show, &command_message,    &command_seal,       &command_open,       &command_org_list,   &command_org_show,   &command_org_register, &command_org_update,
    &command_org_suspend, &command_org_close, &command_org_confirm,
    &command_bundle_export, &command_bundle_import, &command_bundle_show,
    &command_dead_list, &command_dead_show, &command_dead_retry, &command_dead_discard, &command_audit_export, &command_audit_verify, &command_audit_prove, &command_audit_gaps,
    &command_area_check, &command_area_find, &command_area_show, &command_area_diff, &command_area_publish, &command_area_confirm, &command_area_status,
    &command_attachment_list, &command_attachment_fetch,
    &command_proof, &command_verify, &command_bench_send, &command_bench_recv,
    &command_plan, &command_apply, &command_rollback, &command_held_list, &command_held_release, &command_held_refuse,
#ifdef CTL_WITH_PKI
    &command_pki,
#endif
    &command_completion, &command_man,
};

#define AT(member) .offset = offsetof(struct globals, member)

static const struct option_spec global_options[] = {
    { .name = "node", .letter = 'N', .type = OPTION_TEXT, AT(node), .placeholder = "URL", .help = "the node, such as ipc:///run/qiao/node or tls+tcp://host:7701", .environment = "QIAO_NODE" },
    { .name = "member", .letter = 'M', .type = OPTION_TEXT, AT(member), .placeholder = "NAME", .help = "who you are at that node", .environment = "QIAO_MEMBER" },
    { .name = "certificate", .type = OPTION_FILE, AT(certificate_file), .placeholder = "FILE", .help = "your certificate, PEM", .environment = "QIAO_CERTIFICATE" },
    { .name = "key", .type = OPTION_FILE, AT(key_file), .placeholder = "FILE", .help = "its private key, PEM", .environment = "QIAO_KEY" },
    { .name = "ca", .type = OPTION_FILE, AT(ca_file), .placeholder = "FILE", .help = "the federation's certificate authority, PEM", .environment = "QIAO_CA" },
    { .name = "timeout", .letter = 'T', .type = OPTION_DURATION, AT(timeout_ms), .placeholder = "DURATION",
      .help = "how long to wait for the node", .min = 1, .standard = "10s", .environment = "QIAO_TIMEOUT" },
    { .name = "json", .letter = 'J', .type = OPTION_FLAG, AT(json), .help = "print JSON lines instead of text" },
    { .name = "help", .letter = 'h', .type = OPTION_FLAG, AT(help), .help = "explain and end" },
    { .name = "version", .type = OPTION_FLAG, AT(version), .help = "print the version and end" },
};

#undef AT

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))
#define GLOBAL_COUNT (sizeof(global_options) / sizeof(global_options[0]))

static const struct command_table table = { commands, COMMAND_COUNT, global_options, GLOBAL_COUNT };

static int run_main(int argc, char **argv);
static int run_command(const struct command *command, const struct globals *globals, int argc, char **argv);
static const struct command *find_command(int argc, char **argv, int *ret_words);
static int refuse_command(int argc, char **argv);

int main(int argc, char **argv)
{
    int status;

    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* JSON has points */
    status = run_main(argc, argv);
    if (fflush(stdout) || ferror(stdout))
        return status ? status : command_fail(CTL_NO, "standard output does not take what there is to say");
    return status;
}

static int run_main(int argc, char **argv)
{
    struct globals globals = { 0 };
    const struct option_set set = { global_options, GLOBAL_COUNT, &globals };
    char error[OPTIONS_ERROR_SIZE];
    const struct command *command;
    int first, words;

    if (!options_prepare(&set, error))
        return command_fail(CTL_WRONG_USE, "%s", error);
    first = options_parse(&set, 1, argc, argv, true, error);
    if (first < 0)
        return command_fail(CTL_WRONG_USE, "%s (see qiao --help)", error);
    if (globals.version) {
        printf("qiao %s\n", QIAO_VERSION);
        return CTL_OK;
    }
    if (globals.help && first == argc) {
        help_print_all(stdout, &table);
        return CTL_OK;
    }
    if (first == argc) {
        help_print_all(stderr, &table);
        return CTL_WRONG_USE;
    }
    command = find_command(argc - first, argv + first, &words);
    if (!command)
        return refuse_command(argc - first, argv + first);
    if (globals.help) {
        help_print_command(stdout, command, &table);
        return CTL_OK;
    }
    /* The last word of the command's name stands where getopt expects the program's. */
    return run_command(command, &globals, argc - first - words + 1, argv + first + words - 1);
}

static int check_arguments(const struct command *command, int count)
{
    if (count < command->arguments_min)
        return command_fail(CTL_WRONG_USE, "qiao %s needs %s (see qiao %s --help)", command->name, command->arguments, command->name);
    if (count > command->arguments_max)
        return command_fail(CTL_WRONG_USE, "qiao %s takes %s (see qiao %s --help)", command->name,
                            command->arguments_max ? "only one argument" : "no arguments, only options", command->name);
    return CTL_OK;
}

static int run_command(const struct command *command, const struct globals *globals, int argc, char **argv)
{
    struct globals chosen = *globals;
    union {
        max_align_t alignment;
        char bytes[COMMAND_VALUES_SIZE_MAX];
    } values = { 0 };
    const struct option_set sets[] = {
        { global_options, GLOBAL_COUNT, &chosen },
        { command->options, command->option_count, &values },
    };
    char error[OPTIONS_ERROR_SIZE];
    int first, status;

    assert(command->values_size <= sizeof(values));
    if (command->run_unparsed)
        return command->run_unparsed(argc, argv);
    if (!options_prepare(&sets[1], error))
        return command_fail(CTL_WRONG_USE, "%s", error);
    first = options_parse(sets, 2, argc, argv, false, error);
    if (first < 0)
        return command_fail(CTL_WRONG_USE, "%s (see qiao %s --help)", error, command->name);
    if (chosen.help) {
        help_print_command(stdout, command, &table);
        return CTL_OK;
    }
    status = check_arguments(command, argc - first);
    if (status)
        return status;
    if (!options_complete(&sets[1], error))
        return command_fail(CTL_WRONG_USE, "%s (see qiao %s --help)", error, command->name);
    return command->run(&chosen, &values, argc - first, argv + first);
}

/* The command whose one or two words begin argv. */
static const struct command *find_command(int argc, char **argv, int *ret_words)
{
    char name[64];

    for (int words = argc > 1 ? 2 : 1; words > 0; words--) {
        int size = snprintf(name, sizeof(name), "%s%s%s", argv[0], words > 1 ? " " : "", words > 1 ? argv[1] : "");
        for (size_t i = 0; i < COMMAND_COUNT; i++)
            if (size < (int)sizeof(name) && strcmp(commands[i]->name, name) == 0) {
                *ret_words = words;
                return commands[i];
            }
    }
    return NULL;
}

/* Whether word is the first of two of some command. */
static bool is_group(const char *word)
{
    size_t size = strlen(word);

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strncmp(commands[i]->name, word, size) == 0 && commands[i]->name[size] == ' ')
            return true;
    return false;
}

static int refuse_group(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        help_print_group(stdout, argv[0], &table);
        return CTL_OK;
    }
    if (argc > 1)
        command_fail(CTL_WRONG_USE, "\"%.40s\" is no command of qiao %s", argv[1], argv[0]);
    else
        command_fail(CTL_WRONG_USE, "qiao %s needs one of these:", argv[0]);
    help_print_group(stderr, argv[0], &table);
    return CTL_WRONG_USE;
}

static int refuse_command(int argc, char **argv)
{
    const char *words[2 * COMMAND_COUNT], *nearest;
    char firsts[COMMAND_COUNT][24];

    if (is_group(argv[0]))
        return refuse_group(argc, argv);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        snprintf(firsts[i], sizeof(firsts[i]), "%.*s", (int)strcspn(commands[i]->name, " "), commands[i]->name);
        words[2 * i] = commands[i]->name;
        words[2 * i + 1] = firsts[i];
    }
    nearest = text_nearest(argv[0], words, 2 * COMMAND_COUNT);
    if (nearest)
        return command_fail(CTL_WRONG_USE, "unknown command \"%.40s\"; did you mean %s? (see qiao --help)", argv[0], nearest);
    return command_fail(CTL_WRONG_USE, "unknown command \"%.40s\" (see qiao --help)", argv[0]);
}

const struct command_table *command_table(void)
{
    return &table;
}
