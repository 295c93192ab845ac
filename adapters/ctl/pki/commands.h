/* The subcommands. Each returns an exit status and has said what went wrong. */
#ifndef CTL_PKI_COMMANDS_H
#define CTL_PKI_COMMANDS_H

#include "options.h"

int pki_init(const struct pki_options *options);
int pki_issue(const struct pki_options *options);
int pki_csr(const struct pki_options *options);
int pki_renew(const struct pki_options *options);
int pki_revoke(const struct pki_options *options);
int pki_crl(const struct pki_options *options);
int pki_status(const struct pki_options *options);

#define PKI_AUTHORITY_DAYS 3650
#define PKI_ISSUE_DAYS 365
#define PKI_DAYS_MAX 36500

#endif
