/* qiao pki issue, qiao pki csr */
#include "authority.h"
#include "commands.h"
#include "files.h"
#include "key.h"
#include "report.h"
#include "sign.h"

#include "seal/cleanup.h"

#include <unistd.h>

/* What the certificate says. */
struct wanted {
    struct pki_identity identity;
    struct pki_reach reach;
    long days;
};

/* Where things go. */
struct place {
    char key[PKI_PATH_SIZE], certificate[PKI_PATH_SIZE], request[PKI_PATH_SIZE];
    bool replace;
};

static int refuse_existing(const char *path, bool replace)
{
    if (replace || !pki_file_exists(path))
        return PKI_OK;
    pki_complain("%s is there already and stays as it is (--force replaces)", path);
    return PKI_FAILED;
}

static int prepare_place(struct place *place, const struct pki_options *options, const struct pki_identity *identity)
{
    const char *out = options->values[PKI_OUT];
    place->replace = options->values[PKI_FORCE] != NULL;
    if (pki_path(place->key, out, identity->file_name, ".key") != PKI_OK || pki_path(place->certificate, out, identity->file_name, ".crt") != PKI_OK ||
        pki_path(place->request, out, identity->file_name, ".csr") != PKI_OK)
        return PKI_FAILED;
    return pki_folder_make(out, 0755);
}

/* Everything is made before anything is written. If the second file fails, a key that was new goes again: it has no use alone. */
static int issue_with_new_key(const struct authority *authority, const struct pki_options *options, const struct wanted *wanted)
{
    struct place place;
    int r;
    CLEANUP(evp_pkey_freep) EVP_PKEY *key = pki_key_new(options, &r);
    if (!key || (r = prepare_place(&place, options, &wanted->identity)) != PKI_OK)
        return r;
    if (refuse_existing(place.key, place.replace) != PKI_OK || refuse_existing(place.certificate, place.replace) != PKI_OK)
        return PKI_FAILED;
    struct pki_signer signer = authority_signer(authority);
    CLEANUP(x509_freep) X509 *certificate = pki_certificate_issue(&signer, &wanted->identity, &wanted->reach, key, wanted->days);
    if (!certificate || authority_publish(authority, options->values[PKI_OUT], place.replace) != PKI_OK ||
        pki_key_write(place.key, key, options->values[PKI_PASSPHRASE_FILE], place.replace) != PKI_OK)
        return PKI_FAILED;
    if (pki_certificate_write(place.certificate, certificate, place.replace) != PKI_OK) {
        if (!place.replace)
            unlink(place.key);
        return PKI_FAILED;
    }
    pki_report_made(options->values[PKI_JSON], place.key, place.certificate, NULL, certificate);
    return PKI_OK;
}

/* The key of a request that may be signed: of a known kind, and in the hands of who asks. NULL after a message. */
static EVP_PKEY *requested_key(X509_REQ *request, const char *path)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    bool mine = key && pki_verify_request(request, key);
    if (!mine)
        pki_complain("%s: its signature does not fit its key%s; ask for it again", path,
                     key && pki_key_is_sm2(key) ? " and the signer id 1234567812345678" : "");
    else if (!pki_key_is_supported(key))
        pki_complain("%s: found a key that is neither P-256, Ed25519 nor SM2; ask for one with such a key", path);
    else
        return key;
    return NULL;
}

/* Only name and key are taken from the request; what the certificate allows is ours to say. */
static int issue_for_request(const struct authority *authority, const struct pki_options *options, X509_REQ *request, const struct wanted *wanted)
{
    struct place place;
    EVP_PKEY *key = requested_key(request, options->values[PKI_CSR]);
    if (!key || prepare_place(&place, options, &wanted->identity) != PKI_OK || refuse_existing(place.certificate, place.replace) != PKI_OK)
        return PKI_FAILED;
    struct pki_signer signer = authority_signer(authority);
    CLEANUP(x509_freep) X509 *certificate = pki_certificate_issue(&signer, &wanted->identity, &wanted->reach, key, wanted->days);
    if (!certificate || authority_publish(authority, options->values[PKI_OUT], place.replace) != PKI_OK ||
        pki_certificate_write(place.certificate, certificate, place.replace) != PKI_OK)
        return PKI_FAILED;
    pki_report_made(options->values[PKI_JSON], NULL, place.certificate, NULL, certificate);
    return PKI_OK;
}

static int issue(const struct pki_options *options, X509_REQ *request, const char *name, long days)
{
    __attribute__((cleanup(authority_deinit))) struct authority authority = { .lock = -1 };
    struct wanted wanted = { .days = days };
    int r = pki_identity_parse(name, options->values[PKI_TYPE], options->values[PKI_AREA], &wanted.identity);
    if (r == PKI_OK)
        r = pki_reach_parse(options, &wanted.reach);
    if (r == PKI_OK)
        r = authority_init(&authority, options);
    if (r != PKI_OK)
        return r;
    return request ? issue_for_request(&authority, options, request, &wanted) : issue_with_new_key(&authority, options, &wanted);
}

int pki_issue(const struct pki_options *options)
{
    char asked[PKI_NAME_SIZE];
    const char *name = options->values[PKI_NAME], *request_path = options->values[PKI_CSR];
    long days = pki_options_number(options, PKI_DAYS, PKI_ISSUE_DAYS, PKI_DAYS_MAX);
    if (days < 0)
        return PKI_USAGE;
    if (!name && !request_path) {
        pki_complain("--name NAME or --csr FILE is missing");
        return PKI_USAGE;
    }
    if (request_path && (options->values[PKI_ALGORITHM] || options->values[PKI_PASSPHRASE_FILE])) {
        pki_complain("with --csr no key is made: leave out --algorithm and --passphrase-file");
        return PKI_USAGE;
    }
    CLEANUP(x509_req_freep) X509_REQ *request = request_path ? pki_request_read(request_path) : NULL;
    if (request_path && !request)
        return PKI_FAILED;
    if (!name)
        name = pki_common_name(X509_REQ_get_subject_name(request), asked);
    return issue(options, request, name, days);
}

int pki_csr(const struct pki_options *options)
{
    struct pki_identity identity;
    struct place place;
    int r = pki_identity_parse(options->values[PKI_NAME], options->values[PKI_TYPE], options->values[PKI_AREA], &identity);
    if (r != PKI_OK)
        return r;
    CLEANUP(evp_pkey_freep) EVP_PKEY *key = pki_key_new(options, &r);
    if (!key || (r = prepare_place(&place, options, &identity)) != PKI_OK)
        return r;
    if (refuse_existing(place.key, place.replace) != PKI_OK || refuse_existing(place.request, place.replace) != PKI_OK)
        return PKI_FAILED;
    CLEANUP(x509_req_freep) X509_REQ *request = pki_request_new(&identity, key);
    if (!request || pki_key_write(place.key, key, options->values[PKI_PASSPHRASE_FILE], place.replace) != PKI_OK)
        return PKI_FAILED;
    if (pki_request_write(place.request, request, place.replace) != PKI_OK) {
        if (!place.replace)
            unlink(place.key);
        return PKI_FAILED;
    }
    pki_report_made(options->values[PKI_JSON], place.key, NULL, place.request, NULL);
    return PKI_OK;
}
