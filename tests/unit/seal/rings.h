/* Keyrings over certificates that "qiao pki" and openssl made in the workshop, and openssl as the other implementation. */
#ifndef TESTS_SEAL_RINGS_H
#define TESTS_SEAL_RINGS_H

#include "seal/keyring.h"
#include "unit/pki/workshop.h"

#include <criterion/criterion.h>

#define OK(...) cr_assert_eq(rings_pki(__VA_ARGS__), 0, "%s", workshop_err)
#define SHELL(...) cr_assert_eq(shell(__VA_ARGS__), 0, "%s", workshop_out)

#define ACCEPT_BOTH (1u << SEAL_SUITE_INT1 | 1u << SEAL_SUITE_GM1)
#define DAY_MS (24ull * 60 * 60 * 1000)

/* pki() with a format. */
int rings_pki(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ms(void);
/* o/<name>.crt, o/<name>.key, ca/ca.crt, no list, both suites. Paths are good until rings_leave. */
struct keyring_options rings_options(const char *name);
/* Fails the test if it cannot be had. Freed by rings_leave. */
struct keyring *rings_open(const struct keyring_options *options);
/* Expects keyring_new to refuse with a text that has this part. */
void rings_refused(const struct keyring_options *options, const char *part);
void rings_enter(void);
void rings_leave(void);

/* A whole file; good until rings_leave. */
struct qiao_bytes rings_file(const char *path);
/* The certificate of a PEM file in DER; good until rings_leave. */
struct qiao_bytes rings_der(const char *path);
/* learn() of it. */
unsigned rings_learn(struct keyring *keyring, const char *path, struct seal_key_id *ret_id);
unsigned rings_verify(struct keyring *keyring, enum seal_suite suite, const struct seal_key_id *id, uint64_t at_ms, struct qiao_bytes message,
                      struct qiao_bytes signature);

/* DER of r and s, as openssl has it, to 64 bytes and back; by hand, so that the code under test is not its own judge. */
struct qiao_bytes pair_of_der(struct qiao_bytes der, uint8_t ret_pair[64]);
size_t der_of_pair(const uint8_t pair[64], uint8_t ret_der[80]);

#endif
