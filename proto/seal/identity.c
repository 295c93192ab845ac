#include "seal/identity.h"

#include "seal/cleanup.h"

enum { URN_NODE, URN_MEMBER, URN_AREA, URNS };
static const char *const prefixes[URNS] = { "urn:qiao:node:", "urn:qiao:member:", "urn:qiao:area:" };

/* What stands behind the prefixes; size 0: no such name. */
struct names {
    GENERAL_NAMES *all;
    struct qiao_bytes of[URNS];
};

/* A certificate has at most one name of each sort: nobody is two nodes, or stands in two areas. */
static bool take_uri(struct names *names, struct qiao_bytes uri)
{
    for (unsigned i = 0; i < URNS; i++) {
        size_t size = strlen(prefixes[i]);
        if (uri.size < size || memcmp(uri.data, prefixes[i], size) != 0) continue;
        if (uri.size == size || names->of[i].size > 0) return false;
        names->of[i] = qiao_bytes(uri.data + size, uri.size - size);
    }
    return true;
}

static bool read_names(const X509 *x509, struct names *names)
{
    int critical = -1;
    names->all = X509_get_ext_d2i(x509, NID_subject_alt_name, &critical, NULL);
    if (!names->all) return critical == -1; /* else it is there twice, or is no list of names */
    for (int i = 0; i < sk_GENERAL_NAME_num(names->all); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names->all, i);
        if (name->type != GEN_URI) continue;
        const ASN1_STRING *uri = name->d.uniformResourceIdentifier;
        if (!take_uri(names, qiao_bytes(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri)))) return false;
    }
    return true;
}

static bool is_printed(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f) return false;
    }
    return size > 0;
}

/* One common name, without spaces or anything that does not print, in UTF-8. */
static bool read_common_name(const X509 *x509, struct seal_identity *ret)
{
    const X509_NAME *subject = X509_get_subject_name(x509);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return false;
    unsigned char *text = NULL;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool ok = size > 0 && (size_t)size < sizeof ret->name && is_printed((const char *)text, (size_t)size);
    if (ok) memcpy(ret->name, text, (size_t)size);
    OPENSSL_free(text);
    return ok;
}

static bool copy_area(struct qiao_bytes digits, struct seal_identity *ret)
{
    if (digits.size == 0 || digits.size > QIAO_AREA_SIZE_MAX) return false;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') return false;
    }
    memcpy(ret->area, digits.data, digits.size);
    return true;
}

static bool agrees(struct qiao_bytes urn, const struct seal_identity *identity)
{
    return urn.size == 0 || qiao_bytes_equal(urn, qiao_bytes_from_string(identity->name));
}

static bool read_member(const struct names *names, struct seal_identity *ret)
{
    const char *slash = strchr(ret->name, '/');
    ret->member = true;
    return slash && slash[1] && names->of[URN_NODE].size == 0 && agrees(names->of[URN_MEMBER], ret) &&
           copy_area(qiao_bytes(ret->name, (size_t)(slash - ret->name)), ret);
}

static bool read_node(const struct names *names, struct seal_identity *ret)
{
    return agrees(names->of[URN_NODE], ret) && (names->of[URN_AREA].size == 0 || copy_area(names->of[URN_AREA], ret));
}

bool identity_read(const X509 *x509, struct seal_identity *ret)
{
    struct names names = { 0 };
    *ret = (struct seal_identity){ 0 };
    bool ok = read_names(x509, &names) && read_common_name(x509, ret);
    if (ok) ok = names.of[URN_MEMBER].size > 0 || strchr(ret->name, '/') ? read_member(&names, ret) : read_node(&names, ret);
    GENERAL_NAMES_free(names.all);
    return ok;
}
