#include "identity.h"

#include "report.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#define AREA_URN "urn:qiao:area:"

/* RFC 5280, ub-common-name. */
#define COMMON_NAME_MAX 64u

#define LOWER_AND_DIGITS "abcdefghijklmnopqrstuvwxyz0123456789"

static bool is_node(const char *name) { return name[0] != '\0' && name[strspn(name, LOWER_AND_DIGITS "-")] == '\0'; }

static bool is_member(const char *name)
{
    size_t area = strspn(name, "0123456789");
    const char *org = name + area + 1;
    return (area == 6 || area == 9 || area == 12) && name[area] == '/' && org[0] != '\0' && org[strspn(org, LOWER_AND_DIGITS "-.")] == '\0';
}

static const struct {
    const char *word, *expected;
    bool (*fits)(const char *name);
} types[] = {
    [PKI_NODE] = { "node", "a node id: a-z, 0-9 and -", is_node },
    [PKI_MEMBER] = { "member", "area/name: 6, 9 or 12 digits, a slash, then a-z, 0-9, - and .", is_member },
};

static int parse_area(const char *area, struct pki_identity *ret)
{
    size_t size = strspn(area, "0123456789");
    if (ret->type == PKI_MEMBER) {
        pki_complain("--area is for nodes; a member's area is the first part of its name");
        return PKI_USAGE;
    }
    if (area[size] != '\0' || (size != 6 && size != 9 && size != 12)) {
        pki_complain("found \"%s\" for --area; expected 6, 9 or 12 digits", area);
        return PKI_USAGE;
    }
    (void)snprintf(ret->area, sizeof ret->area, "%s", area);
    return PKI_OK;
}

int pki_identity_parse(const char *name, const char *type, const char *area, struct pki_identity *ret)
{
    *ret = (struct pki_identity){ .type = strchr(name, '/') ? PKI_MEMBER : PKI_NODE };
    if (type && strcmp(type, types[PKI_NODE].word) != 0 && strcmp(type, types[PKI_MEMBER].word) != 0) {
        pki_complain("found \"%s\" for --type; expected node or member", type);
        return PKI_USAGE;
    }
    if (type)
        ret->type = strcmp(type, types[PKI_NODE].word) == 0 ? PKI_NODE : PKI_MEMBER;
    if (strlen(name) > COMMON_NAME_MAX) {
        pki_complain("the name has %zu characters; a certificate's common name holds at most %u", strlen(name), COMMON_NAME_MAX);
        return PKI_USAGE;
    }
    if (!types[ret->type].fits(name)) {
        pki_complain("found the name \"%s\"; expected for a %s %s", name, types[ret->type].word, types[ret->type].expected);
        return PKI_USAGE;
    }
    (void)snprintf(ret->name, sizeof ret->name, "%s", name);
    (void)snprintf(ret->file_name, sizeof ret->file_name, "%s", name);
    (void)snprintf(ret->uri, sizeof ret->uri, "urn:qiao:%s:%s", types[ret->type].word, name);
    char *slash = strchr(ret->file_name, '/');
    if (slash)
        *slash = '_';
    return area ? parse_area(area, ret) : PKI_OK;
}

void pki_identity_names(const struct pki_identity *identity, char *text, size_t size)
{
    (void)snprintf(text, size, identity->area[0] ? "URI:%s,URI:" AREA_URN "%s" : "URI:%s%s", identity->uri, identity->area);
}

static void copy_area(const ASN1_STRING *uri, char out[PKI_AREA_SIZE])
{
    const char *text = (const char *)ASN1_STRING_get0_data(uri);
    size_t size = (size_t)ASN1_STRING_length(uri), prefix = strlen(AREA_URN);
    if (size <= prefix || size - prefix >= PKI_AREA_SIZE || memcmp(text, AREA_URN, prefix) != 0)
        return;
    for (size_t i = prefix; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return;
    }
    (void)snprintf(out, PKI_AREA_SIZE, "%.*s", (int)(size - prefix), text + prefix);
}

const char *pki_identity_area(const X509 *certificate, char out[PKI_AREA_SIZE])
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    out[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_URI)
            copy_area(name->d.uniformResourceIdentifier, out);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return out;
}
