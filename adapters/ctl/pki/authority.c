#include "authority.h"

#include "files.h"
#include "key.h"
#include "report.h"
#include "sign.h"

#include "seal/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLOCK_SKEW_SECONDS 300

static int lock_folder(struct authority *authority)
{
    authority->lock = open(authority->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (authority->lock >= 0 && flock(authority->lock, LOCK_EX) == 0)
        return PKI_OK;
    pki_complain("%s: cannot be used as an authority's folder: %s", authority->folder, strerror(errno));
    return PKI_FAILED;
}

static int check_authority(const struct authority *authority, const char *path)
{
    if (!X509_check_private_key(authority->certificate, authority->key)) {
        ERR_clear_error();
        pki_complain("%s and ca.key do not belong together", path);
        return PKI_FAILED;
    }
    if (X509_check_ca(authority->certificate) == 0) {
        pki_complain("%s is no certificate of an authority", path);
        return PKI_FAILED;
    }
    if (X509_cmp_current_time(X509_get0_notAfter(authority->certificate)) < 0) {
        pki_complain("%s has expired; make a new authority", path);
        return PKI_FAILED;
    }
    return PKI_OK;
}

int authority_init(struct authority *authority, const struct pki_options *options)
{
    char path[PKI_PATH_SIZE], key_path[PKI_PATH_SIZE];
    *authority = (struct authority){ .folder = options->values[PKI_CA], .lock = -1 };
    if (pki_path(path, authority->folder, "ca", ".crt") != PKI_OK || pki_path(key_path, authority->folder, "ca", ".key") != PKI_OK ||
        lock_folder(authority) != PKI_OK)
        return PKI_FAILED;
    authority->certificate = pki_certificate_read(path);
    if (!authority->certificate)
        return PKI_FAILED;
    authority->key = pki_key_read(key_path, options->values[PKI_CA_PASSPHRASE_FILE]);
    return authority->key ? check_authority(authority, path) : PKI_FAILED;
}

void authority_deinit(struct authority *authority)
{
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
    if (authority->lock >= 0)
        close(authority->lock);
    *authority = (struct authority){ .lock = -1 };
}

struct pki_signer authority_signer(const struct authority *authority)
{
    return (struct pki_signer){ authority->certificate, authority->key };
}

X509_CRL *authority_revoked_new(const struct authority *authority)
{
    CLEANUP(x509_crl_freep) X509_CRL *made = X509_CRL_new();
    if (!made || !X509_CRL_set_version(made, X509_CRL_VERSION_2) ||
        !X509_CRL_set_issuer_name(made, X509_get_subject_name(authority->certificate))) {
        pki_complain_crypto("the list of revoked certificates cannot be made");
        return NULL;
    }
    X509_CRL *ret = made;
    made = NULL;
    return ret;
}

/* A list that is gone would forget every revocation: that is for a person to decide. */
X509_CRL *authority_revoked_read(const struct authority *authority)
{
    char path[PKI_PATH_SIZE];
    if (pki_path(path, authority->folder, "ca", ".crl") != PKI_OK)
        return NULL;
    if (!pki_file_exists(path)) {
        pki_complain("%s is gone, and with it what was revoked; restore it, or begin an empty one with: qiao pki crl --ca %s --force", path, authority->folder);
        return NULL;
    }
    CLEANUP(bio_freep) BIO *content = pki_file_read(path);
    CLEANUP(x509_crl_freep) X509_CRL *read = content ? PEM_read_bio_X509_CRL(content, NULL, NULL, (char[]){ "" }) : NULL;
    if (!content)
        return NULL;
    if (!read || !pki_verify_revoked(read, authority->key)) {
        ERR_clear_error();
        pki_complain("%s: expected a list of revoked certificates signed by this authority; restore it", path);
        return NULL;
    }
    X509_CRL *ret = read;
    read = NULL;
    return ret;
}

static bool set_times(X509_CRL *revoked, long days)
{
    CLEANUP(asn1_time_freep) ASN1_TIME *from = X509_gmtime_adj(NULL, -CLOCK_SKEW_SECONDS);
    CLEANUP(asn1_time_freep) ASN1_TIME *until = X509_time_adj_ex(NULL, (int)days, 0, NULL);
    return from && until && X509_CRL_set1_lastUpdate(revoked, from) && X509_CRL_set1_nextUpdate(revoked, until);
}

/* One more than the last one's. */
static bool set_number(X509_CRL *revoked)
{
    CLEANUP(asn1_integer_freep) ASN1_INTEGER *number = X509_CRL_get_ext_d2i(revoked, NID_crl_number, NULL, NULL);
    CLEANUP(bignum_freep) BIGNUM *next = number ? ASN1_INTEGER_to_BN(number, NULL) : BN_new();
    CLEANUP(asn1_integer_freep) ASN1_INTEGER *written = NULL;
    if (!next || !BN_add_word(next, 1) || !(written = BN_to_ASN1_INTEGER(next, NULL)))
        return false;
    return X509_CRL_add1_ext_i2d(revoked, NID_crl_number, written, 0, X509V3_ADD_REPLACE) == 1;
}

static bool set_authority_key(X509_CRL *revoked, X509 *certificate)
{
    X509V3_CTX context;
    if (X509_CRL_get_ext_by_NID(revoked, NID_authority_key_identifier, -1) >= 0)
        return true;
    X509V3_set_ctx(&context, certificate, NULL, NULL, revoked, 0);
    X509_EXTENSION *made = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, (char[]){ "keyid:always" });
    bool ok = made && X509_CRL_add_ext(revoked, made, -1);
    X509_EXTENSION_free(made);
    return ok;
}

int authority_revoked_write(const struct authority *authority, X509_CRL *revoked, long days)
{
    char path[PKI_PATH_SIZE];
    CLEANUP(bio_freep) BIO *content = BIO_new(BIO_s_mem());
    if (pki_path(path, authority->folder, "ca", ".crl") != PKI_OK)
        return PKI_FAILED;
    if (!content || !set_times(revoked, days) || !set_number(revoked) || !set_authority_key(revoked, authority->certificate) ||
        !X509_CRL_sort(revoked) || !pki_sign_revoked(revoked, authority->key) || !PEM_write_bio_X509_CRL(content, revoked))
        return pki_complain_crypto("the list of revoked certificates cannot be made");
    return pki_file_write(path, content, 0644, true);
}

static bool same_folder(const char *a, const char *b)
{
    struct stat a_status, b_status;
    return stat(a, &a_status) == 0 && stat(b, &b_status) == 0 && a_status.st_dev == b_status.st_dev && a_status.st_ino == b_status.st_ino;
}

static int publish_certificate(const struct authority *authority, const char *out, bool replace)
{
    char path[PKI_PATH_SIZE];
    if (pki_path(path, out, "ca", ".crt") != PKI_OK)
        return PKI_FAILED;
    if (pki_file_exists(path) && !replace) {
        CLEANUP(x509_freep) X509 *there = pki_certificate_read(path);
        if (there && X509_cmp(there, authority->certificate) == 0)
            return PKI_OK;
        pki_complain("%s is another authority's; it stays as it is (--force replaces)", path);
        return PKI_FAILED;
    }
    return pki_certificate_write(path, authority->certificate, true);
}

int authority_publish(const struct authority *authority, const char *out, bool replace)
{
    char from[PKI_PATH_SIZE], to[PKI_PATH_SIZE];
    if (same_folder(authority->folder, out))
        return PKI_OK;
    if (publish_certificate(authority, out, replace) != PKI_OK || pki_path(from, authority->folder, "ca", ".crl") != PKI_OK ||
        pki_path(to, out, "ca", ".crl") != PKI_OK)
        return PKI_FAILED;
    if (!pki_file_exists(from))
        return PKI_OK;
    CLEANUP(bio_freep) BIO *list = pki_file_read(from);
    return list ? pki_file_write(to, list, 0644, true) : PKI_FAILED;
}
