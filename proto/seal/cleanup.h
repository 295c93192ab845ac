/* Cleanup by scope for what OpenSSL hands out, here and in adapters/ctl/pki: CLEANUP(x509_freep) X509 *certificate = NULL; */
#ifndef SEAL_CLEANUP_H
#define SEAL_CLEANUP_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define SEAL_CLEANUP(name, type, free_function) \
    static inline void name(type **pointer) { free_function(*pointer); }

SEAL_CLEANUP(asn1_enumerated_freep, ASN1_ENUMERATED, ASN1_ENUMERATED_free)
SEAL_CLEANUP(asn1_integer_freep, ASN1_INTEGER, ASN1_INTEGER_free)
SEAL_CLEANUP(asn1_time_freep, ASN1_TIME, ASN1_TIME_free)
SEAL_CLEANUP(bignum_freep, BIGNUM, BN_free)
SEAL_CLEANUP(bio_freep, BIO, BIO_free_all)
SEAL_CLEANUP(ecdsa_sig_freep, ECDSA_SIG, ECDSA_SIG_free)
SEAL_CLEANUP(evp_pkey_freep, EVP_PKEY, EVP_PKEY_free)
SEAL_CLEANUP(evp_md_ctx_freep, EVP_MD_CTX, EVP_MD_CTX_free)
SEAL_CLEANUP(general_names_freep, GENERAL_NAMES, GENERAL_NAMES_free)
SEAL_CLEANUP(x509_freep, X509, X509_free)
SEAL_CLEANUP(x509_crl_freep, X509_CRL, X509_CRL_free)
SEAL_CLEANUP(x509_req_freep, X509_REQ, X509_REQ_free)
SEAL_CLEANUP(x509_revoked_freep, X509_REVOKED, X509_REVOKED_free)
SEAL_CLEANUP(x509_store_ctx_freep, X509_STORE_CTX, X509_STORE_CTX_free)

#undef SEAL_CLEANUP

#define CLEANUP(function) __attribute__((cleanup(function)))

#endif
