/* A small federation of certificates for tests, made on the spot as PEM files in a fresh directory under TMPDIR or /tmp. */
#ifndef SUPPORT_CERTIFICATES_H
#define SUPPORT_CERTIFICATES_H

enum certificate_kind {
    CERTIFICATE_P256,     /* ECDSA */
    CERTIFICATE_ED25519,
};

enum certificate_flaw {
    CERTIFICATE_GOOD,
    CERTIFICATE_EXPIRED,  /* since yesterday */
    CERTIFICATE_FOREIGN,  /* signed by another CA that bears the same name */
    CERTIFICATE_REVOKED,  /* on the list that certificates_write_crl writes */
};

struct certificates; /* a directory with ca.pem and, after certificates_write_crl, crl.pem */

/* Makes the directory and the CA. Aborts the program when something fails: a test cannot go on without. */
struct certificates *certificates_new(void);
/* Removes the directory and all in it. Returns NULL. */
struct certificates *certificates_free(struct certificates *certificates);

/* Writes <name>.pem and <name>.key with subject CN=<name>, for client and server. The same name again: a new key and certificate. */
void certificates_issue(struct certificates *certificates, const char *name, enum certificate_kind kind, enum certificate_flaw flaw);
/* Writes the list of everything issued so far as CERTIFICATE_REVOKED. */
void certificates_write_crl(struct certificates *certificates);

/* Path of a file in the directory: "ca.pem", "crl.pem", "<name>.pem", "<name>.key". Valid until certificates_free. */
const char *certificates_path(struct certificates *certificates, const char *file);
const char *certificates_directory(const struct certificates *certificates);

#endif
