/* seal.h with real keys: the own one, the federation's CA, and the certificates that peers showed.
 *
 * The certificate of the own key chooses the suite: Ed25519 (RFC 8032) and P-256 (FIPS 186-5) sign INT1, SM2 (GB/T 32918.2) signs GM1.
 * Keys of 2048 bits and more of existing RSA certificates are verified (RFC 8017, 8.2), never signed with. */
#ifndef SEAL_KEYRING_H
#define SEAL_KEYRING_H

#include "seal/seal.h"

struct keyring;

struct keyring_options {
    const char *certificate_file; /* PEM; the first certificate in it is the own one */
    const char *key_file;         /* PEM, or a token's key by its URI (RFC 7512): "pkcs11:token=node;object=seal?module-path=/usr/lib/…" */
    const char *passphrase;       /* of the key file, or the token's PIN; NULL: none. Nobody is asked at a terminal */
    const char *ca_file;          /* PEM: roots, and what stands between them and the certificates */
    const char *crl_file;         /* PEM, lists signed by CAs of ca_file; NULL: nothing is revoked. A list that has ended goes on revoking */
    const char *sm2_signer_id;    /* what SM2 digests with each message; NULL: "1234567812345678" (GB/T 35276, 10) */
    unsigned accepted;            /* suites taken from others, 1 << suite each */
    unsigned certificates_max;    /* that are remembered, the least recently used goes; 0: 65536 */
};

/* A file, key or token cannot be used; the text says which and why. The only positive result below. */
#define KEYRING_E_UNUSABLE 1

int keyring_new(const struct keyring_options *options, struct keyring **ret_keyring, char *reterr_text, size_t reterr_size);
/* Without an own key: it verifies and learns, and signs nothing. Certificate, key and passphrase are not looked at. */
int keyring_new_verifier(const struct keyring_options *options, struct keyring **ret_keyring, char *reterr_text, size_t reterr_size);
/* Takes own key, certificate, CA and lists anew, all at once or, on failure, nothing. Everything remembered is judged again by the new
 * CA and lists when it is next used. The suite must stay; sm2_signer_id, accepted and certificates_max stay what they were. */
int keyring_reload(struct keyring *keyring, const struct keyring_options *options, char *reterr_text, size_t reterr_size);
/* Returns NULL. */
struct keyring *keyring_free(struct keyring *keyring);
/* Good until keyring_free. */
const struct seal *keyring_seal(const struct keyring *keyring);
/* Whether a link that was opened with this certificate must be cut: it is revoked, not of the CA in force, or not remembered any more
 * (whoever it is comes back and shows it again). */
bool keyring_is_revoked(struct keyring *keyring, const struct seal_key_id *key_id);

#endif
