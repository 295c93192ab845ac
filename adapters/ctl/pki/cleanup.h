/* Cleanup by scope for what OpenSSL and libc hand out: __attribute__((cleanup(x509_freep))) X509 *c = NULL; */
#ifndef CTL_PKI_CLEANUP_H
#define CTL_PKI_CLEANUP_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define PKI_CLEANUP(name, type, free_function) \
    static inline void name(type **pointer) { free_function(*pointer); }

PKI_CLEANUP(x509_freep, X509, X509_free)
PKI_CLEANUP(x509_req_freep, X509_REQ, X509_REQ_free)
PKI_CLEANUP(x509_crl_freep, X509_CRL, X509_CRL_free)
PKI_CLEANUP(x509_revoked_freep, X509_REVOKED, X509_REVOKED_free)
PKI_CLEANUP(evp_pkey_freep, EVP_PKEY, EVP_PKEY_free)
PKI_CLEANUP(evp_md_ctx_freep, EVP_MD_CTX, EVP_MD_CTX_free)
PKI_CLEANUP(bio_freep, BIO, BIO_free_all)
PKI_CLEANUP(bignum_freep, BIGNUM, BN_free)
PKI_CLEANUP(asn1_integer_freep, ASN1_INTEGER, ASN1_INTEGER_free)
PKI_CLEANUP(asn1_enumerated_freep, ASN1_ENUMERATED, ASN1_ENUMERATED_free)
PKI_CLEANUP(asn1_time_freep, ASN1_TIME, ASN1_TIME_free)
PKI_CLEANUP(text_freep, char, free)

#undef PKI_CLEANUP

#define CLEANUP(function) __attribute__((cleanup(function)))

#endif
