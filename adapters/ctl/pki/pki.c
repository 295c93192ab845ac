#include "pki.h"

#include "commands.h"
#include "report.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct pki_command commands[] = {
    { "init", "Makes the authority of a federation in a folder: ca.crt, ca.key (mode 0600), ca.crl. Ends after 3650 days unless --days.", NULL,
      PKI_BIT(OUT) | PKI_BIT(NAME) | PKI_BIT(ALGORITHM) | PKI_BIT(DAYS) | PKI_BIT(PASSPHRASE_FILE) | PKI_BIT(FORCE) | PKI_BIT(JSON),
      PKI_BIT(OUT) | PKI_BIT(NAME), pki_init },
    { "issue",
      "Makes key and certificate for a node or member, or signs a request. Writes NAME.key, NAME.crt, ca.crt and ca.crl to --out;\n"
      "a slash in NAME becomes _ (990101001_urban-management.crt). Ends after 365 days unless --days, with the authority at the latest.",
      NULL,
      PKI_BIT(CA) | PKI_BIT(OUT) | PKI_BIT(NAME) | PKI_BIT(TYPE) | PKI_BIT(AREA) | PKI_BIT(CSR) | PKI_BIT(ALGORITHM) | PKI_BIT(DAYS) | PKI_BIT(PASSPHRASE_FILE) |
          PKI_BIT(HOST) | PKI_BIT(CRL_URL) | PKI_BIT(CA_PASSPHRASE_FILE) | PKI_BIT(FORCE) | PKI_BIT(JSON),
      PKI_BIT(CA) | PKI_BIT(OUT), pki_issue },
    { "csr", "Makes a key and a request for an authority elsewhere: NAME.key and NAME.csr in --out.", NULL,
      PKI_BIT(OUT) | PKI_BIT(NAME) | PKI_BIT(TYPE) | PKI_BIT(AREA) | PKI_BIT(ALGORITHM) | PKI_BIT(PASSPHRASE_FILE) | PKI_BIT(FORCE) | PKI_BIT(JSON),
      PKI_BIT(OUT) | PKI_BIT(NAME), pki_csr },
    { "renew", "Writes a new certificate with the same key, name and area in place of the old one, or to --out. Hosts and the list's address stay unless given.", NULL,
      PKI_BIT(CA) | PKI_BIT(CERTIFICATE) | PKI_BIT(OUT) | PKI_BIT(DAYS) | PKI_BIT(HOST) | PKI_BIT(CRL_URL) | PKI_BIT(CA_PASSPHRASE_FILE) | PKI_BIT(JSON),
      PKI_BIT(CA) | PKI_BIT(CERTIFICATE), pki_renew },
    { "revoke", "Enters a certificate into the authority's ca.crl, which the nodes must then be given. The list ends after 90 days unless --days.", NULL,
      PKI_BIT(CA) | PKI_BIT(CERTIFICATE) | PKI_BIT(REASON) | PKI_BIT(DAYS) | PKI_BIT(CA_PASSPHRASE_FILE), PKI_BIT(CA) | PKI_BIT(CERTIFICATE), pki_revoke },
    { "crl", "Signs the authority's ca.crl anew, so that it does not end. With --force an empty one if it is gone.", NULL,
      PKI_BIT(CA) | PKI_BIT(DAYS) | PKI_BIT(CA_PASSPHRASE_FILE) | PKI_BIT(FORCE), PKI_BIT(CA), pki_crl },
    { "status", "Shows when certificates and lists of revoked certificates end. Exit status 1 if one has ended, ends soon or cannot be read.", "FILE...",
      PKI_BIT(WARN_DAYS) | PKI_BIT(JSON), 0, pki_status },
};

#define COMMANDS_COUNT (sizeof commands / sizeof commands[0])

const char *const pki_words[] = { "init", "issue", "csr", "renew", "revoke", "crl", "status", NULL };
static_assert(sizeof pki_words / sizeof pki_words[0] == COMMANDS_COUNT + 1, "every command has its word");

static void help(FILE *out)
{
    fprintf(out, "qiao pki COMMAND [options]\n\n");
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        fprintf(out, "  %-8s %.*s\n", commands[i].name, (int)strcspn(commands[i].summary, ".:"), commands[i].summary);
    fprintf(out, "\nqiao pki COMMAND --help tells more. Exit status: 0 done, 1 not done or a negative answer, 2 wrong use.\n");
}

static int run(const struct pki_command *command, int argc, char **argv)
{
    struct pki_options options;
    int r = pki_options_parse(command, argc, argv, &options);
    if (r != 0)
        return r;
    if (options.values[PKI_HELP]) {
        pki_options_help(command, stdout);
        return PKI_OK;
    }
    r = command->run(&options);
    if (fflush(stdout) == 0)
        return r;
    pki_complain("the answer could not be written");
    return PKI_FAILED;
}

int cmd_pki(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help(stdout);
        return PKI_OK;
    }
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return run(&commands[i], argc - 1, argv + 1);
    }
    if (name[0])
        pki_complain("found \"%s\"; expected a command", name);
    help(stderr);
    return PKI_USAGE;
}
