/* Signatures on certificates, requests and lists. SM2 signs with SM3 and the signer id that holds when none is agreed. */
#ifndef CTL_PKI_SIGN_H
#define CTL_PKI_SIGN_H

#include <openssl/x509.h>
#include <stdbool.h>

/* False: OpenSSL's error list says why. */
bool pki_sign_certificate(X509 *certificate, EVP_PKEY *key);
bool pki_sign_request(X509_REQ *request, EVP_PKEY *key);
bool pki_sign_revoked(X509_CRL *revoked, EVP_PKEY *key);

/* Whether the key made the signature. Leave OpenSSL's error list empty. */
bool pki_verify_certificate(X509 *certificate, EVP_PKEY *key);
bool pki_verify_request(X509_REQ *request, EVP_PKEY *key);
bool pki_verify_revoked(X509_CRL *revoked, EVP_PKEY *key);

#endif
