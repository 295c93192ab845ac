/* Exports of audit logs: fetched from the node, read from files, judged. For cmd_audit.c and cmd_audit_check.c. */
#ifndef CTL_AUDIT_H
#define CTL_AUDIT_H

#include "admin.h"

#include <proof/audit_book.h>
#include <seal/keyring.h>

/* Fetches the log from index `from`, its signed head and the receipts that the node holds of its peers; writes pages to file as they come. */
int audit_fetch(const struct globals *globals, uint64_t from, FILE *file);

struct audit_source {
    char *data;
    size_t size;
    struct audit_book book;
};

/* path: a file, or "live" for the node itself. CTL_OK, or the exit status after a message. */
int audit_source_open(const struct globals *globals, const char *path, struct audit_source *ret_source);
/* For __attribute__((cleanup)). */
void audit_source_close(struct audit_source *source);

/* The keyring that signatures are checked with; trust: file of the federation's CA, or NULL for that of --ca. */
int audit_trust_open(const struct globals *globals, const char *trust, const char *crl, struct keyring **ret_keyring);
void audit_trust_close(struct keyring **keyring);

#endif
