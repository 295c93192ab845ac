/* qiao pki init */
#include "authority.h"
#include "commands.h"
#include "files.h"
#include "key.h"
#include "report.h"

#include "seal/cleanup.h"

#include <string.h>
#include <unistd.h>

static int check_name(const char *name)
{
    size_t size = strlen(name), characters = 0;
    for (size_t i = 0; i < size; i++) {
        characters += ((unsigned char)name[i] & 0xc0) != 0x80;
        if ((unsigned char)name[i] < 0x20)
            characters = 65;
    }
    if (size > 0 && characters <= 64)
        return PKI_OK;
    pki_complain("expected a name of 1 to 64 characters in one line");
    return PKI_USAGE;
}

/* The key first: a certificate without key is of no use, a key without certificate is replaced with --force. */
static int write_authority(const struct authority *authority, const struct pki_options *options)
{
    char key_path[PKI_PATH_SIZE], path[PKI_PATH_SIZE];
    bool replace = options->values[PKI_FORCE] != NULL;
    if (pki_path(key_path, authority->folder, "ca", ".key") != PKI_OK || pki_path(path, authority->folder, "ca", ".crt") != PKI_OK)
        return PKI_FAILED;
    CLEANUP(x509_crl_freep) X509_CRL *revoked = authority_revoked_new(authority);
    if (!revoked || pki_key_write(key_path, authority->key, options->values[PKI_PASSPHRASE_FILE], replace) != PKI_OK ||
        pki_certificate_write(path, authority->certificate, replace) != PKI_OK || authority_revoked_write(authority, revoked, PKI_CRL_DAYS) != PKI_OK)
        return PKI_FAILED;
    pki_report_made(options->values[PKI_JSON], key_path, path, NULL, authority->certificate);
    return PKI_OK;
}

int pki_init(const struct pki_options *options)
{
    struct authority authority = { .folder = options->values[PKI_OUT], .lock = -1 };
    long days = pki_options_number(options, PKI_DAYS, PKI_AUTHORITY_DAYS, PKI_DAYS_MAX);
    int r = days < 0 ? PKI_USAGE : check_name(options->values[PKI_NAME]);
    if (r == PKI_OK)
        authority.key = pki_key_new(options, &r);
    if (r == PKI_OK)
        r = pki_folder_make(authority.folder, 0700);
    if (r == PKI_OK) {
        authority.certificate = pki_certificate_authority(options->values[PKI_NAME], authority.key, days);
        r = authority.certificate ? write_authority(&authority, options) : PKI_FAILED;
    }
    authority_deinit(&authority);
    return r;
}
