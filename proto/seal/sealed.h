/* What the files of sealed bodies (qiao/sealed.h) share. The outer form is codec/sealed_form.h, the padded inside sealed_frame.c. */
#ifndef SEAL_SEALED_H
#define SEAL_SEALED_H

#include "codec/sealed_form.h"
#include "seal/seal.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* ---- memory that held a secret ---- */

/* Contents never move: reserve all of it first, since realloc leaves copies behind. */
void secret_deinit(struct buf *secret);
#define secret_auto __attribute__((cleanup(secret_deinit))) struct buf

/* ---- certificates ---- */

struct sealed_certificate {
    X509 *x509;
    EVP_PKEY *public_key;           /* x509's own */
    enum qiao_sealed_suite suite;   /* that its key receives in; ANY: it cannot */
    struct buf names;               /* what these look into: */
    struct qiao_bytes issuer, serial, subject_key_id; /* the last may be empty */
    struct seal_key_id key_id;
};

/* DONE or CERTIFICATE. Deinit is safe on zeros. */
enum qiao_sealed_result sealed_certificate_init(struct sealed_certificate *certificate, struct qiao_bytes encoded);
void sealed_certificate_deinit(struct sealed_certificate *certificate);
/* Whether it may be sealed to: DONE, CANNOT_RECEIVE, USAGE, PERIOD. at_ms 0: whenever. */
enum qiao_sealed_result sealed_certificate_check(const struct sealed_certificate *certificate, uint64_t at_ms);
/* What stands for it in a container. */
struct qiao_sealed_recipient sealed_certificate_name(const struct sealed_certificate *certificate);
bool sealed_certificate_is(const struct sealed_certificate *certificate, enum qiao_sealed_suite suite, const struct qiao_sealed_recipient *name);
bool sealed_same_organisation(const X509 *a, const X509 *b);

struct qiao_sealed_key {
    struct sealed_certificate certificate;
    EVP_PKEY *key;
};

/* ---- the padded inside, the same in both suites ---- */

#define SEALED_FRAME_HEAD_SIZE 64u

/* The smallest bucket that holds size bytes: 1, 2, 4, 8, 16 KiB, then multiples of 16 KiB up to 1008 KiB, which leaves 16 KiB of the largest body
 * for the container around it. 0: none does. */
size_t sealed_bucket(size_t size);

/* Digest of who can open it, in whatever order; it keeps a recipient from being taken out of a container on the way. False if one stands there twice. */
bool sealed_recipients_digest(enum qiao_sealed_suite suite, const struct qiao_sealed_recipient *names, size_t count, uint8_t ret_digest[SEAL_DIGEST_SIZE]);

/* Message and kind are the request's. content has at most QIAO_SEALED_CONTENT_SIZE_MAX bytes; *out is empty. */
void sealed_frame_write(struct buf *out, enum qiao_sealed_suite suite, const struct qiao_sealed_request *request,
                        const uint8_t recipients_digest[SEAL_DIGEST_SIZE], struct qiao_bytes content);

struct sealed_frame {
    struct qiao_bytes content;
    unsigned kind;
    bool bound;
    struct qiao_id message_id;
};

/* DONE or DAMAGED. What another tool sealed in suite INT1 has no frame: then all of it is content, not bound. */
enum qiao_sealed_result sealed_frame_read(struct qiao_bytes inside, enum qiao_sealed_suite suite, const uint8_t recipients_digest[SEAL_DIGEST_SIZE],
                                          struct sealed_frame *ret_frame);

/* ---- suites ---- */

struct sealed_suite {
    /* Appends the container. 0, or -1 when memory or randomness is out. */
    int (*seal)(const struct sealed_certificate *recipients, size_t count, struct qiao_bytes inside, struct buf *out);
    /* recipient is one of form's and named like key. *ret_inside is empty, with room for the ciphertext. False: damaged. */
    bool (*open)(struct qiao_bytes container, const struct sealed_form *form, const struct sealed_recipient *recipient, const struct qiao_sealed_key *key,
                 struct buf *ret_inside);
};

extern const struct sealed_suite sealed_int1, sealed_gm1;

#endif
