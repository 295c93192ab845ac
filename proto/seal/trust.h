/* The federation's CA and its lists of revoked certificates, as loaded at one time. Never changes, may be used by many threads. */
#ifndef SEAL_TRUST_H
#define SEAL_TRUST_H

#include <openssl/x509.h>
#include <stdint.h>

struct trust;

enum trust_verdict { TRUST_FOREIGN, TRUST_GOOD, TRUST_REVOKED };

/* 0 or KEYRING_E_UNUSABLE with a text. crl_file may be NULL. */
int trust_new(const char *ca_file, const char *crl_file, struct trust **ret_trust, char *reterr_text, size_t reterr_size);
struct trust *trust_ref(struct trust *trust);
/* NULL is fine. Returns NULL. */
struct trust *trust_unref(struct trust *trust);
/* Another one for each trust_new of this process, from 1: what was judged by one is not judged by another. */
uint64_t trust_number(const struct trust *trust);
/* Whether the CA issued it, at whatever time, and whether it or what stands above it is revoked. */
enum trust_verdict trust_judge(const struct trust *trust, X509 *x509);

#endif
