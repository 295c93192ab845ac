/* qiao pki: certificates for a federation. A small authority in a folder, for the demo and for deployments without one of their own. */
#ifndef CTL_PKI_PKI_H
#define CTL_PKI_PKI_H

/* argv[0] is "pki". Returns the exit status: 0 done, 1 not done or a negative answer (said on stderr or in the table), 2 wrong use. */
int cmd_pki(int argc, char **argv);

/* The subcommands, for help and for completion; pki_words ends with NULL. */
#define PKI_COMMANDS_TEXT "init|issue|csr|renew|revoke|crl|status"
extern const char *const pki_words[];

#endif
