/* qiao pki status: which certificates and lists of revoked certificates end, and when. */
#include "commands.h"
#include "files.h"
#include "identity.h"
#include "report.h"

#include "seal/cleanup.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

enum state { VALID, ENDS_SOON, ENDED, NOT_YET, UNREADABLE };
static const char *const state_words[] = { "valid", "ends soon", "ended", "not yet valid", "unreadable" };

struct row {
    const char *file;
    const char *kind;              /* "authority", "node", "member", "certificate", "crl", "-" */
    char name[PKI_NAME_SIZE];
    char area[PKI_AREA_SIZE];      /* of a node, if its certificate says so */
    char serial[PKI_SERIAL_SIZE];
    char begins[PKI_TIME_SIZE], ends[PKI_TIME_SIZE];
    int days_left;                 /* whole days; negative: ago */
    enum state state;
};

struct table {
    long warn_days;
    bool json;
    size_t rows_count;
    bool negative;                 /* something needs care */
};

static void print_row(struct table *table, const struct row *row)
{
    table->negative = table->negative || row->state != VALID;
    if (!table->json) {
        if (table->rows_count++ == 0)
            printf("%-14s %-20s %6s  %-12s %-32s %-12s %s\n", "STATE", "ENDS", "DAYS", "KIND", "NAME", "AREA", "FILE");
        printf("%-14s %-20s %6d  %-12s %-32s %-12s %s\n", state_words[row->state], row->ends, row->days_left, row->kind, row->name,
               row->area[0] ? row->area : "-", row->file);
        return;
    }
    const struct {
        const char *name, *value;
    } fields[] = { { "file", row->file },     { "kind", row->kind },         { "name", row->name },     { "area", row->area },
                   { "serial", row->serial }, { "not_before", row->begins }, { "not_after", row->ends } };
    printf("%s  {", table->rows_count++ == 0 ? "[\n" : ",\n");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        printf("\"%s\": ", fields[i].name);
        pki_print_json_text(fields[i].value, stdout);
        printf(", ");
    }
    printf("\"days_left\": %d, \"state\": \"%s\"}", row->days_left, state_words[row->state]);
}

static void judge(const struct table *table, struct row *row, const ASN1_TIME *from, const ASN1_TIME *until)
{
    int seconds = 0;
    pki_time_text(from, row->begins);
    pki_time_text(until, row->ends);
    if (!until || !ASN1_TIME_diff(&row->days_left, &seconds, NULL, until)) {
        row->state = UNREADABLE;
        return;
    }
    bool ended = row->days_left < 0 || seconds < 0 || (row->days_left == 0 && seconds == 0);
    row->state = ended ? ENDED : row->days_left < table->warn_days ? ENDS_SOON : from && X509_cmp_current_time(from) > 0 ? NOT_YET : VALID;
}

static const char *kind_of(X509 *certificate)
{
    const char *kind = X509_check_ca(certificate) ? "authority" : "certificate";
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const char *uri = name->type == GEN_URI ? (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier) : "";
        kind = strncmp(uri, "urn:qiao:node:", 14) == 0 ? "node" : strncmp(uri, "urn:qiao:member:", 16) == 0 ? "member" : kind;
    }
    GENERAL_NAMES_free(names);
    return kind;
}

/* Every certificate of the file: a chain ends with its shortest. */
static size_t show_certificates(struct table *table, const char *path, BIO *content)
{
    size_t count = 0;
    for (;; count++) {
        CLEANUP(x509_freep) X509 *certificate = PEM_read_bio_X509(content, NULL, NULL, (char[]){ "" });
        if (!certificate)
            return count;
        struct row row = { .file = path, .kind = kind_of(certificate) };
        pki_common_name(X509_get_subject_name(certificate), row.name);
        pki_identity_area(certificate, row.area);
        pki_serial_text(X509_get0_serialNumber(certificate), row.serial);
        judge(table, &row, X509_get0_notBefore(certificate), X509_get0_notAfter(certificate));
        print_row(table, &row);
    }
}

static size_t show_revoked(struct table *table, const char *path, BIO *content)
{
    CLEANUP(x509_crl_freep) X509_CRL *revoked = PEM_read_bio_X509_CRL(content, NULL, NULL, (char[]){ "" });
    if (!revoked)
        return 0;
    struct row row = { .file = path, .kind = "crl" };
    pki_common_name(X509_CRL_get_issuer(revoked), row.name);
    judge(table, &row, X509_CRL_get0_lastUpdate(revoked), X509_CRL_get0_nextUpdate(revoked));
    print_row(table, &row);
    return 1;
}

static void show_file(struct table *table, const char *path)
{
    CLEANUP(bio_freep) BIO *content = pki_file_read(path);
    size_t count = 0;
    if (content) {
        char *bytes = NULL;
        long size = BIO_get_mem_data(content, &bytes);
        CLEANUP(bio_freep) BIO *first = BIO_new_mem_buf(bytes, (int)size);
        CLEANUP(bio_freep) BIO *second = BIO_new_mem_buf(bytes, (int)size);
        count = first ? show_certificates(table, path, first) : 0;
        count = count == 0 && second ? show_revoked(table, path, second) : count;
    }
    ERR_clear_error();
    if (count > 0)
        return;
    if (content)
        pki_complain("%s: expected a certificate or a list of revoked certificates in PEM", path);
    struct row row = { .file = path, .kind = "-", .name = "-", .ends = "-", .state = UNREADABLE };
    print_row(table, &row);
}

int pki_status(const struct pki_options *options)
{
    struct table table = { .json = options->values[PKI_JSON] != NULL };
    table.warn_days = pki_options_number(options, PKI_WARN_DAYS, 30, PKI_DAYS_MAX);
    if (table.warn_days < 0)
        return PKI_USAGE;
    for (size_t i = 0; i < options->files_count; i++)
        show_file(&table, options->files[i]);
    if (table.json)
        printf("\n]\n");
    return table.negative ? PKI_FAILED : PKI_OK;
}
