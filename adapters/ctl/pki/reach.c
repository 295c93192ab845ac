#include "reach.h"

#include "report.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <string.h>

#define HOST_SIZE 254u             /* RFC 1035, 2.3.4 */

static void add(char list[PKI_REACH_SIZE], const char *kind, const char *text)
{
    size_t used = strlen(list);
    (void)snprintf(list + used, PKI_REACH_SIZE - used, "%s%s:%s", used ? "," : "", kind, text);
}

static bool is_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* Letters, digits, hyphens and dots (RFC 1123, 2.1), no label empty; no stars: a node has a name. */
static bool is_host(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    return *text && *text != '.' && *text != '-' && strspn(text, allowed) == strlen(text) && !strstr(text, "..") && text[strlen(text) - 1] != '.';
}

static int add_host(struct pki_reach *reach, const char *host)
{
    if (!is_address(host) && !is_host(host)) {
        pki_complain("found \"%s\" for --host; expected host names or addresses, such as node.example,192.0.2.7", host);
        return PKI_USAGE;
    }
    if (strlen(reach->names) + strlen(host) + 8 > sizeof reach->names) {
        pki_complain("--host: more names than a certificate should have");
        return PKI_USAGE;
    }
    add(reach->names, is_address(host) ? "IP" : "DNS", host);
    return PKI_OK;
}

static int add_hosts(struct pki_reach *reach, const char *list)
{
    for (;;) {
        char host[HOST_SIZE];
        size_t size = strcspn(list, ",");
        (void)snprintf(host, sizeof host, "%.*s", (int)(size < HOST_SIZE ? size : HOST_SIZE - 1), list);
        int r = add_host(reach, host);
        if (r != PKI_OK || list[size] == '\0')
            return r;
        list += size + 1;
    }
}

/* What OpenSSL's notation would take for something else is not let through. */
static bool is_url(const char *text)
{
    bool known = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
    return known && strlen(text) + 8 < PKI_REACH_SIZE && strcspn(text, " ,;\"'\\\t\r\n") == strlen(text);
}

int pki_reach_parse(const struct pki_options *options, struct pki_reach *ret)
{
    const char *hosts = options->values[PKI_HOST], *url = options->values[PKI_CRL_URL];
    *ret = (struct pki_reach){ 0 };
    if (url && !is_url(url)) {
        pki_complain("found \"%s\" for --crl-url; expected an address such as http://ca.example/ca.crl", url);
        return PKI_USAGE;
    }
    if (url)
        add(ret->crl, "URI", url);
    return hosts ? add_hosts(ret, hosts) : PKI_OK;
}

static void keep_name(struct pki_reach *reach, const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN];
    if (name->type == GEN_DNS && is_host((const char *)ASN1_STRING_get0_data(name->d.dNSName)))
        (void)add_host(reach, (const char *)ASN1_STRING_get0_data(name->d.dNSName));
    if (name->type != GEN_IPADD)
        return;
    int family = ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6;
    if (inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof text))
        (void)add_host(reach, text);
}

static void keep_names(struct pki_reach *reach, const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        keep_name(reach, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
}

/* One point with one address is what this authority makes. */
static void keep_crl(struct pki_reach *reach, const X509 *certificate)
{
    CRL_DIST_POINTS *points = X509_get_ext_d2i(certificate, NID_crl_distribution_points, NULL, NULL);
    const DIST_POINT *point = sk_DIST_POINT_num(points) > 0 ? sk_DIST_POINT_value(points, 0) : NULL;
    const GENERAL_NAMES *names = point && point->distpoint && point->distpoint->type == 0 ? point->distpoint->name.fullname : NULL;
    const GENERAL_NAME *name = sk_GENERAL_NAME_num(names) > 0 ? sk_GENERAL_NAME_value(names, 0) : NULL;
    if (name && name->type == GEN_URI && is_url((const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier)))
        add(reach->crl, "URI", (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier));
    CRL_DIST_POINTS_free(points);
}

void pki_reach_keep(struct pki_reach *reach, const X509 *certificate)
{
    if (!reach->names[0])
        keep_names(reach, certificate);
    if (!reach->crl[0])
        keep_crl(reach, certificate);
}
