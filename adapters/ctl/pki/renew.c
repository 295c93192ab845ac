/* qiao pki renew, revoke, crl: what happens to certificates of this authority later. */
#include "authority.h"
#include "commands.h"
#include "files.h"
#include "report.h"

#include "seal/cleanup.h"

#include <openssl/err.h>
#include <string.h>

/* The --certificate, if this authority made it. NULL after a message. */
static X509 *read_own(const struct authority *authority, const char *path)
{
    CLEANUP(x509_freep) X509 *read = pki_certificate_read(path);
    if (!read)
        return NULL;
    if (X509_cmp(read, authority->certificate) == 0)
        pki_complain("%s is the authority's own certificate", path);
    else if (!pki_certificate_is_from(read, authority->certificate))
        pki_complain("%s was not issued by the authority in %s", path, authority->folder);
    else {
        X509 *ret = read;
        read = NULL;
        return ret;
    }
    return NULL;
}

static bool is_revoked(X509_CRL *revoked, X509 *certificate)
{
    X509_REVOKED *entry = NULL;
    return X509_CRL_get0_by_cert(revoked, &entry, certificate) == 1;
}

static int renew(const struct authority *authority, const struct pki_options *options, struct pki_reach *reach, long days)
{
    const char *path = options->values[PKI_CERTIFICATE], *out = options->values[PKI_OUT] ? options->values[PKI_OUT] : path;
    char name[PKI_NAME_SIZE], area[PKI_AREA_SIZE];
    struct pki_identity identity;
    CLEANUP(x509_freep) X509 *old = read_own(authority, path);
    CLEANUP(x509_crl_freep) X509_CRL *revoked = old ? authority_revoked_read(authority) : NULL;
    if (!old || !revoked)
        return PKI_FAILED;
    if (is_revoked(revoked, old)) {
        pki_complain("%s is revoked; issue a new key and certificate instead", path);
        return PKI_FAILED;
    }
    pki_identity_area(old, area);
    if (pki_identity_parse(pki_common_name(X509_get_subject_name(old), name), NULL, area[0] ? area : NULL, &identity) != PKI_OK)
        return PKI_FAILED;
    pki_reach_keep(reach, old);
    struct pki_signer signer = authority_signer(authority);
    CLEANUP(x509_freep) X509 *renewed = pki_certificate_issue(&signer, &identity, reach, X509_get0_pubkey(old), days);
    if (!renewed || pki_certificate_write(out, renewed, true) != PKI_OK)
        return PKI_FAILED;
    pki_report_made(options->values[PKI_JSON], NULL, out, NULL, renewed);
    return PKI_OK;
}

int pki_renew(const struct pki_options *options)
{
    __attribute__((cleanup(authority_deinit))) struct authority authority = { .lock = -1 };
    long days = pki_options_number(options, PKI_DAYS, PKI_ISSUE_DAYS, PKI_DAYS_MAX);
    struct pki_reach reach;
    if (days < 0 || pki_reach_parse(options, &reach) != PKI_OK)
        return PKI_USAGE;
    int r = authority_init(&authority, options);
    return r == PKI_OK ? renew(&authority, options, &reach, days) : r;
}

static const struct {
    const char *word;
    int code;                      /* RFC 5280, 5.3.1; -1: no entry at all, as it recommends for unspecified */
} reasons[] = { { "unspecified", -1 }, { "key-compromise", 1 }, { "superseded", 4 }, { "cessation", 5 } };

static int parse_reason(const char *word, int *ret_code)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        *ret_code = reasons[i].code;
        if (!word || strcmp(word, reasons[i].word) == 0)
            return PKI_OK;
    }
    pki_complain("found \"%s\" for --reason; expected unspecified, key-compromise, superseded or cessation", word);
    return PKI_USAGE;
}

static bool set_reason(X509_REVOKED *entry, int reason)
{
    if (reason < 0)
        return true;
    CLEANUP(asn1_enumerated_freep) ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();
    return code && ASN1_ENUMERATED_set(code, reason) && X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, 0) == 1;
}

static int add_revoked(X509_CRL *revoked, const X509 *certificate, int reason)
{
    CLEANUP(x509_revoked_freep) X509_REVOKED *entry = X509_REVOKED_new();
    CLEANUP(asn1_time_freep) ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    if (!entry || !now || !X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(certificate)) ||
        !X509_REVOKED_set_revocationDate(entry, now) || !set_reason(entry, reason) || !X509_CRL_add0_revoked(revoked, entry))
        return pki_complain_crypto("the certificate cannot be entered into the list");
    entry = NULL; /* the list's now */
    return PKI_OK;
}

static int revoke(const struct authority *authority, const struct pki_options *options, int reason, long days)
{
    char serial[PKI_SERIAL_SIZE];
    const char *path = options->values[PKI_CERTIFICATE];
    CLEANUP(x509_freep) X509 *certificate = read_own(authority, path);
    CLEANUP(x509_crl_freep) X509_CRL *revoked = certificate ? authority_revoked_read(authority) : NULL;
    if (!certificate || !revoked)
        return PKI_FAILED;
    pki_serial_text(X509_get0_serialNumber(certificate), serial);
    if (is_revoked(revoked, certificate)) {
        printf("%s (serial %s) was revoked already\n", path, serial);
        return PKI_OK;
    }
    if (add_revoked(revoked, certificate, reason) != PKI_OK || authority_revoked_write(authority, revoked, days) != PKI_OK)
        return PKI_FAILED;
    printf("revoked %s (serial %s); now give %s/ca.crl to the nodes\n", path, serial, authority->folder);
    return PKI_OK;
}

int pki_revoke(const struct pki_options *options)
{
    __attribute__((cleanup(authority_deinit))) struct authority authority = { .lock = -1 };
    int reason = -1;
    long days = pki_options_number(options, PKI_DAYS, PKI_CRL_DAYS, PKI_DAYS_MAX);
    if (days < 0 || parse_reason(options->values[PKI_REASON], &reason) != PKI_OK)
        return PKI_USAGE;
    int r = authority_init(&authority, options);
    return r == PKI_OK ? revoke(&authority, options, reason, days) : r;
}

/* --force starts over only when there is nothing to lose: a list that can be read is always kept. */
static X509_CRL *list_to_sign(const struct authority *authority, bool start_over)
{
    char path[PKI_PATH_SIZE];
    if (pki_path(path, authority->folder, "ca", ".crl") != PKI_OK)
        return NULL;
    return start_over && !pki_file_exists(path) ? authority_revoked_new(authority) : authority_revoked_read(authority);
}

int pki_crl(const struct pki_options *options)
{
    __attribute__((cleanup(authority_deinit))) struct authority authority = { .lock = -1 };
    long days = pki_options_number(options, PKI_DAYS, PKI_CRL_DAYS, PKI_DAYS_MAX);
    if (days < 0)
        return PKI_USAGE;
    int r = authority_init(&authority, options);
    if (r != PKI_OK)
        return r;
    CLEANUP(x509_crl_freep) X509_CRL *revoked = list_to_sign(&authority, options->values[PKI_FORCE] != NULL);
    if (!revoked || authority_revoked_write(&authority, revoked, days) != PKI_OK)
        return PKI_FAILED;
    char ends[PKI_TIME_SIZE];
    printf("%s/ca.crl is valid until %s\n", authority.folder, pki_time_text(X509_CRL_get0_nextUpdate(revoked), ends));
    return PKI_OK;
}
