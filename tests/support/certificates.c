#include "support/certificates.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATHS_MAX 64
#define REVOKED_MAX 64
#define DAY_SECONDS (24L * 60 * 60)
#define REQUIRE(condition) require((condition), #condition)

struct certificates {
    char directory[160];
    char *paths[PATHS_MAX]; /* handed out */
    EVP_PKEY *ca_key, *foreign_key;
    X509 *ca;
    long serial_last;
    long revoked[REVOKED_MAX];
    size_t revoked_count;
};

static void require(int condition, const char *text)
{
    if (condition)
        return;
    fprintf(stderr, "certificates: %s\n", text);
    abort();
}

static EVP_PKEY *make_key(enum certificate_kind kind)
{
    EVP_PKEY *key = kind == CERTIFICATE_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_EC_gen("P-256");
    REQUIRE(key != NULL);
    return key;
}

const char *certificates_directory(const struct certificates *certificates)
{
    return certificates->directory;
}

const char *certificates_path(struct certificates *certificates, const char *file)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", certificates->directory, file);
    size_t i = 0;
    while (i < PATHS_MAX && certificates->paths[i] && strcmp(certificates->paths[i], path) != 0)
        i++;
    REQUIRE(i < PATHS_MAX);
    if (!certificates->paths[i])
        certificates->paths[i] = strdup(path);
    return certificates->paths[i];
}

static FILE *open_file(struct certificates *certificates, const char *name, const char *suffix)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s%s", certificates->directory, name, suffix);
    FILE *file = fopen(path, "w");
    REQUIRE(file != NULL);
    return file;
}

static void add_extension(X509 *certificate, int which, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, which, value);
    REQUIRE(extension != NULL);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *make_certificate(struct certificates *certificates, const char *name, EVP_PKEY *key, int expired)
{
    X509 *certificate = X509_new();
    REQUIRE(certificate != NULL);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++certificates->serial_last);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * DAY_SECONDS);
    X509_gmtime_adj(X509_getm_notAfter(certificate), (expired ? -1 : 365) * DAY_SECONDS);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    X509_set_pubkey(certificate, key);
    return certificate;
}

static void sign_certificate(X509 *certificate, EVP_PKEY *key)
{
    REQUIRE(X509_sign(certificate, key, EVP_PKEY_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) > 0);
}

static void make_ca(struct certificates *certificates)
{
    certificates->ca_key = make_key(CERTIFICATE_P256);
    certificates->foreign_key = make_key(CERTIFICATE_P256);
    X509 *ca = make_certificate(certificates, "test CA", certificates->ca_key, 0);
    X509_set_issuer_name(ca, X509_get_subject_name(ca));
    add_extension(ca, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca, NID_key_usage, "critical,keyCertSign,cRLSign");
    sign_certificate(ca, certificates->ca_key);
    certificates->ca = ca;
    FILE *file = open_file(certificates, "ca", ".pem");
    REQUIRE(PEM_write_X509(file, ca) == 1);
    fclose(file);
}

struct certificates *certificates_new(void)
{
    struct certificates *certificates = calloc(1, sizeof *certificates);
    REQUIRE(certificates != NULL);
    const char *place = getenv("TMPDIR");
    snprintf(certificates->directory, sizeof certificates->directory, "%.100s/qiao-certificates-XXXXXX", place ? place : "/tmp");
    REQUIRE(mkdtemp(certificates->directory) != NULL);
    make_ca(certificates);
    return certificates;
}

void certificates_issue(struct certificates *certificates, const char *name, enum certificate_kind kind, enum certificate_flaw flaw)
{
    EVP_PKEY *key = make_key(kind);
    X509 *certificate = make_certificate(certificates, name, key, flaw == CERTIFICATE_EXPIRED);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificates->ca));
    add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(certificate, NID_ext_key_usage, "serverAuth,clientAuth");
    sign_certificate(certificate, flaw == CERTIFICATE_FOREIGN ? certificates->foreign_key : certificates->ca_key);
    if (flaw == CERTIFICATE_REVOKED) {
        REQUIRE(certificates->revoked_count < REVOKED_MAX);
        certificates->revoked[certificates->revoked_count++] = certificates->serial_last;
    }
    FILE *file = open_file(certificates, name, ".pem");
    REQUIRE(PEM_write_X509(file, certificate) == 1);
    fclose(file);
    file = open_file(certificates, name, ".key");
    REQUIRE(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void add_revoked(X509_CRL *crl, long serial, ASN1_TIME *when)
{
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    REQUIRE(revoked && number);
    ASN1_INTEGER_set(number, serial);
    X509_REVOKED_set_serialNumber(revoked, number);
    X509_REVOKED_set_revocationDate(revoked, when);
    REQUIRE(X509_CRL_add0_revoked(crl, revoked) == 1);
    ASN1_INTEGER_free(number);
}

void certificates_write_crl(struct certificates *certificates)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *yesterday = X509_gmtime_adj(NULL, -DAY_SECONDS), *later = X509_gmtime_adj(NULL, 30 * DAY_SECONDS);
    REQUIRE(crl && yesterday && later);
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(certificates->ca));
    X509_CRL_set1_lastUpdate(crl, yesterday);
    X509_CRL_set1_nextUpdate(crl, later);
    for (size_t i = 0; i < certificates->revoked_count; i++)
        add_revoked(crl, certificates->revoked[i], yesterday);
    REQUIRE(X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, certificates->ca_key, EVP_sha256()) > 0);
    FILE *file = open_file(certificates, "crl", ".pem");
    REQUIRE(PEM_write_X509_CRL(file, crl) == 1);
    fclose(file);
    ASN1_TIME_free(yesterday);
    ASN1_TIME_free(later);
    X509_CRL_free(crl);
}

static void remove_files(const char *directory)
{
    DIR *open = opendir(directory);
    if (!open)
        return;
    for (struct dirent *entry; (entry = readdir(open));) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] != '.')
            remove(path);
    }
    closedir(open);
    rmdir(directory);
}

struct certificates *certificates_free(struct certificates *certificates)
{
    if (!certificates)
        return NULL;
    remove_files(certificates->directory);
    for (size_t i = 0; i < PATHS_MAX; i++)
        free(certificates->paths[i]);
    X509_free(certificates->ca);
    EVP_PKEY_free(certificates->ca_key);
    EVP_PKEY_free(certificates->foreign_key);
    free(certificates);
    return NULL;
}
