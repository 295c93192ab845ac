/* Sealed bodies for the commands: certificates and keys from files, outcomes in words. */
#ifndef CTL_SEALING_H
#define CTL_SEALING_H

#include "command.h"

#include <qiao/sealed.h>

/* A crash from here on leaves no core file, which would have what was sealed in it. */
void ctl_sealing_protect(void);

struct ctl_sealing {
    const struct option_list *to;    /* certificates of the recipients */
    const char *consented;           /* certificate, or NULL */
    enum qiao_sealed_suite suite;
    const struct qiao_id *message_id; /* or NULL */
    unsigned kind;
};

/* CTL_OK, or the exit status after a message. The caller frees *ret_container with qiao_sealed_free. */
int ctl_seal(const struct ctl_sealing *sealing, struct qiao_bytes content, struct qiao_bytes *ret_container);

struct ctl_keys {
    struct qiao_sealed_key *keys[QIAO_SEALED_KEYS_MAX];
    size_t count;
};

/* pairs: "CERTIFICATE,KEY" each; the globals' certificate and key come first if use_globals. CTL_OK, or the exit status after a message. */
int ctl_keys_load(struct ctl_keys *keys, const struct globals *globals, bool use_globals, const struct option_list *pairs, const char *passphrase_file);
/* For __attribute__((cleanup)). */
void ctl_keys_free(struct ctl_keys *keys);

/* Wipes and frees what input_read read. */
void ctl_secret_free(char *data, size_t size);

#endif
