#include "options.h"

#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *argument, *help;
} records[PKI_OPTIONS_COUNT] = {
#define RECORD(id, name, argument, help) [PKI_##id] = { name, argument, help },
    PKI_OPTIONS(RECORD)
#undef RECORD
};

static bool accepts(const struct pki_command *command, int option)
{
    return option == PKI_HELP || command->accepted & UINT32_C(1) << option;
}

static int refuse(const struct pki_command *command)
{
    fprintf(stderr, "Try: qiao pki %s --help\n", command->name);
    return PKI_USAGE;
}

static int check(const struct pki_command *command, const struct pki_options *options)
{
    if (options->values[PKI_HELP])
        return 0;
    for (int i = 0; i < PKI_OPTIONS_COUNT; i++) {
        if (!(command->required & UINT32_C(1) << i) || options->values[i])
            continue;
        pki_complain("--%s %s is missing", records[i].name, records[i].argument);
        return refuse(command);
    }
    if (options->files_count > 0 && !command->files) {
        pki_complain("found \"%s\", where only options are expected", options->files[0]);
        return refuse(command);
    }
    if (options->files_count == 0 && command->files) {
        pki_complain("%s are missing", command->files);
        return refuse(command);
    }
    return 0;
}

int pki_options_parse(const struct pki_command *command, int argc, char **argv, struct pki_options *ret)
{
    struct option known[PKI_OPTIONS_COUNT + 1] = { 0 };
    size_t count = 0;
    *ret = (struct pki_options){ 0 };
    for (int i = 0; i < PKI_OPTIONS_COUNT; i++) {
        if (accepts(command, i))
            known[count++] = (struct option){ records[i].name, records[i].argument ? required_argument : no_argument, NULL, 256 + i };
    }
    optind = 0; /* glibc: start over, whatever was parsed before */
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, ":h", known, NULL)) != -1;) {
        if (found == 'h')
            found = 256 + PKI_HELP;
        if (found < 256) {
            pki_complain(found == ':' ? "%s needs a value" : "%s is no option of this command", argv[optind - 1]);
            return refuse(command);
        }
        ret->values[found - 256] = optarg ? optarg : "";
    }
    ret->files = argv + optind;
    ret->files_count = (size_t)(argc - optind);
    return check(command, ret);
}

void pki_options_help(const struct pki_command *command, FILE *out)
{
    fprintf(out, "qiao pki %s", command->name);
    for (int i = 0; i < PKI_OPTIONS_COUNT; i++) {
        if (!accepts(command, i) || i == PKI_HELP)
            continue;
        bool required = command->required & UINT32_C(1) << i;
        fprintf(out, required ? " --%s%s%s" : " [--%s%s%s]", records[i].name, records[i].argument ? " " : "",
                records[i].argument ? records[i].argument : "");
    }
    fprintf(out, "%s%s\n\n%s\n\n", command->files ? " " : "", command->files ? command->files : "", command->summary);
    for (int i = 0; i < PKI_OPTIONS_COUNT; i++) {
        char name[64];
        if (!accepts(command, i))
            continue;
        (void)snprintf(name, sizeof name, "--%s %s", records[i].name, records[i].argument ? records[i].argument : "");
        fprintf(out, "  %-30s %s\n", name, records[i].help);
    }
}

long pki_options_number(const struct pki_options *options, enum pki_option option, long otherwise, long max)
{
    const char *text = options->values[option];
    if (!text)
        return otherwise;
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && number >= 1 && number <= max)
        return number;
    pki_complain("found \"%s\" for --%s; expected a number from 1 to %ld", text, records[option].name, max);
    return -1;
}
