#include "identity.h"

#include "report.h"

#include <string.h>

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

int pki_identity_parse(const char *name, const char *type, struct pki_identity *ret)
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
    return PKI_OK;
}
