/* The options of all subcommands, one record each; parsing and help read it. */
#ifndef CTL_PKI_OPTIONS_H
#define CTL_PKI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* X(id, name, argument or NULL, help) */
#define PKI_OPTIONS(X) \
    X(CA, "ca", "DIR", "folder of the authority: ca.crt, ca.key, ca.crl") \
    X(OUT, "out", "PATH", "folder to write to, made if absent (renew: the file to write)") \
    X(NAME, "name", "NAME", "node id (street-anlan), member (990101001/urban-management), or the federation's name") \
    X(TYPE, "type", "node|member", "what NAME is; known from its form if left out") \
    X(AREA, "area", "CODE", "the area a node stands for: 6, 9 or 12 digits") \
    X(ALGORITHM, "algorithm", "p256|ed25519|sm2", "of the new key; default p256; sm2 is for signing messages, not for TLS") \
    X(DAYS, "days", "N", "days until it ends") \
    X(CSR, "csr", "FILE", "sign this request instead of making a key") \
    X(HOST, "host", "NAMES", "host names and addresses it is reached at, separated by commas: node.example,192.0.2.7") \
    X(CRL_URL, "crl-url", "URL", "where the authority's ca.crl is published: http://ca.example/ca.crl") \
    X(CERTIFICATE, "certificate", "FILE", "the certificate meant") \
    X(REASON, "reason", "WORD", "unspecified, key-compromise, superseded or cessation") \
    X(PASSPHRASE_FILE, "passphrase-file", "FILE", "encrypt the new key with the first line of FILE") \
    X(CA_PASSPHRASE_FILE, "ca-passphrase-file", "FILE", "open the authority's key with the first line of FILE") \
    X(WARN_DAYS, "warn-days", "N", "days before the end from which a certificate counts as ending; default 30") \
    X(FORCE, "force", NULL, "replace what is there") \
    X(JSON, "json", NULL, "answer as JSON") \
    X(HELP, "help", NULL, "this text")

enum pki_option {
#define PKI_OPTION_ID(id, name, argument, help) PKI_##id,
    PKI_OPTIONS(PKI_OPTION_ID)
#undef PKI_OPTION_ID
    PKI_OPTIONS_COUNT
};

#define PKI_BIT(id) (UINT32_C(1) << PKI_##id)

struct pki_options {
    const char *values[PKI_OPTIONS_COUNT]; /* NULL: not given; flags: "" */
    char *const *files;                    /* what is left */
    size_t files_count;
};

struct pki_command {
    const char *name;
    const char *summary;
    const char *files;                     /* name of positional arguments, or NULL */
    uint32_t accepted, required;           /* PKI_BIT of options */
    int (*run)(const struct pki_options *options);
};

/* argv[0] is the subcommand. 0, or 2 after saying on stderr what is wrong. */
int pki_options_parse(const struct pki_command *command, int argc, char **argv, struct pki_options *ret);
void pki_options_help(const struct pki_command *command, FILE *out);
/* The number of an option, or otherwise if it is not given. Outside 1..max: -1 after saying so. */
long pki_options_number(const struct pki_options *options, enum pki_option option, long otherwise, long max);

#endif
