/* Seats that receive: certificates and keys of any kind, made on the spot. */
#ifndef TESTS_SEAL_SEATS_H
#define TESTS_SEAL_SEATS_H

#include "base/buf.h"

#include <qiao/sealed.h>

enum seat_kind { SEAT_P256, SEAT_RSA, SEAT_SM2, SEAT_ED25519, SEAT_P384, SEAT_RSA_SHORT };

struct seat_draft {
    enum seat_kind kind;
    const char *organisation;    /* O=, or NULL */
    const char *identifier;      /* organizationIdentifier, or NULL */
    const char *member;          /* "990101/clinic" for subjectAltName, or NULL */
    const char *usage;           /* keyUsage as OpenSSL writes it, or NULL: no such extension */
    bool with_key_id;            /* a subjectKeyIdentifier */
    long first_day, last_day;    /* from now; both 0: from yesterday for a year */
    const char *passphrase;      /* of the key's file, or NULL */
};

struct seat {
    struct buf certificate, key; /* PEM */
};

void seat_init(struct seat *seat, const struct seat_draft *draft);
void seat_deinit(struct seat *seat);
/* Loads both; the caller frees. */
struct qiao_sealed_key *seat_key(const struct seat *seat);
/* Seals for seats, bound to id unless NULL; must succeed. The caller frees with qiao_sealed_free. */
struct qiao_bytes seats_seal(const struct seat *seats, size_t count, const struct qiao_id *id, struct qiao_bytes content);

#endif
