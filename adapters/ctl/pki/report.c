#include "report.h"

#include "seal/cleanup.h"


#include <openssl/err.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

void pki_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("qiao pki: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

int pki_complain_crypto(const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    pki_complain("%s: %s", what, reason ? reason : "refused by OpenSSL");
    ERR_clear_error();
    return PKI_FAILED;
}

void pki_print_json_text(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20)
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    fputc('"', out);
}

static void report_field(bool json, bool *first, const char *name, const char *value)
{
    if (!value)
        return;
    if (!json) {
        printf("%-12s %s\n", name, value);
        return;
    }
    printf("%s\"%s\": ", *first ? "{" : ", ", name);
    pki_print_json_text(value, stdout);
    *first = false;
}

void pki_report_made(bool json, const char *key, const char *certificate_path, const char *request, const X509 *certificate)
{
    char name[PKI_NAME_SIZE], serial[PKI_SERIAL_SIZE], ends[PKI_TIME_SIZE];
    bool first = true;
    report_field(json, &first, "key", key);
    report_field(json, &first, "request", request);
    report_field(json, &first, "certificate", certificate_path);
    if (certificate) {
        report_field(json, &first, "name", pki_common_name(X509_get_subject_name(certificate), name));
        report_field(json, &first, "serial", pki_serial_text(X509_get0_serialNumber(certificate), serial));
        report_field(json, &first, "not_after", pki_time_text(X509_get0_notAfter(certificate), ends));
    }
    if (json)
        printf("%s}\n", first ? "{" : "");
}

const char *pki_time_text(const ASN1_TIME *time, char out[PKI_TIME_SIZE])
{
    struct tm parts;
    if (!time || !ASN1_TIME_to_tm(time, &parts) || strftime(out, PKI_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(out, PKI_TIME_SIZE, "?");
    return out;
}

const char *pki_serial_text(const ASN1_INTEGER *serial, char out[PKI_SERIAL_SIZE])
{
    CLEANUP(bignum_freep) BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    char *text = number ? BN_bn2hex(number) : NULL;
    (void)snprintf(out, PKI_SERIAL_SIZE, "%s", text ? text : "?");
    OPENSSL_free(text);
    return out;
}

/* By hand: X509_NAME_get_text_by_NID gives whatever character set the certificate has. */
const char *pki_common_name(const X509_NAME *name, char out[PKI_NAME_SIZE])
{
    int at = name ? X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1;
    unsigned char *text = NULL;
    out[0] = '\0';
    if (at < 0)
        return out;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size >= 0 && (size_t)size < PKI_NAME_SIZE && !memchr(text, '\0', (size_t)size))
        (void)snprintf(out, PKI_NAME_SIZE, "%.*s", size, (const char *)text);
    OPENSSL_free(text);
    return out;
}
