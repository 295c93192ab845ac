/* Who gets in, who does not, and what both sides are told. */
#include "harness.h"

#include <criterion/criterion.h>
#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

static struct certificates *certificates;

static void setup(void)
{
    certificates = certificates_new();
    certificates_issue(certificates, "street", CERTIFICATE_P256, CERTIFICATE_GOOD);
    certificates_issue(certificates, "community", CERTIFICATE_ED25519, CERTIFICATE_GOOD);
    certificates_issue(certificates, "late", CERTIFICATE_P256, CERTIFICATE_EXPIRED);
    certificates_issue(certificates, "stranger", CERTIFICATE_P256, CERTIFICATE_FOREIGN);
    certificates_issue(certificates, "thief", CERTIFICATE_P256, CERTIFICATE_REVOKED);
    certificates_write_crl(certificates);
}

static void teardown(void)
{
    certificates = certificates_free(certificates);
}

static void read_fingerprint(const char *file, uint8_t ret[32])
{
    FILE *open = fopen(certificates_path(certificates, file), "r");
    X509 *certificate = PEM_read_X509(open, NULL, NULL, NULL);
    unsigned size = 32;
    X509_digest(certificate, EVP_sha256(), ret, &size);
    X509_free(certificate);
    fclose(open);
}

Test(wire_tls, both_sides_learn_who_the_other_is, .init = setup, .fini = teardown)
{
    struct node *server = node_new(certificates, "street", true), *client = node_new(certificates, "community", true);
    cr_assert_str_eq(nng_tls_engine_name(), "openssl-qiao");
    node_dial(client, wire_endpoint_url(node_listen(server, "tls+tcp://127.0.0.1:0")));
    cr_assert(REACHED(server->open_count == 1 && client->open_count == 1, server, client));
    const struct wire_peer *seen = &server->links[0].peer;
    uint8_t fingerprint[32];
    read_fingerprint("community.pem", fingerprint);
    cr_assert(seen->tls && seen->verified && !seen->local && strncmp(seen->address, "127.0.0.1:", 10) == 0);
    cr_assert_str_eq(seen->common_name, "community");
    cr_assert(memcmp(seen->fingerprint, fingerprint, 32) == 0);
    seen = &client->links[0].peer;
    read_fingerprint("street.pem", fingerprint);
    cr_assert_str_eq(seen->common_name, "street");
    cr_assert(seen->verified && memcmp(seen->fingerprint, fingerprint, 32) == 0);
    node_free(client);
    node_free(server);
}

static const struct {
    const char *server, *client, *server_says, *client_says;
} refusals[] = {
    { "street", "late", "certificate has expired", "certificate expired" },
    { "street", "stranger", "signature failure", "refused the connection" },
    { "street", "thief", "certificate revoked", "certificate revoked" },
    { "late", "community", "certificate expired", "certificate has expired" },
    { "stranger", "community", "refused the connection", "signature failure" },
    { "thief", "community", "certificate revoked", "certificate revoked" },
};

static bool client_knows(const struct node *client)
{
    return client->dial_failed_count > 0 || (client->link_count > 0 && client->open_count == 0);
}

/* In TLS 1.3 a client is done before the server has seen its certificate: it may be told by dial_failed, or by closed. */
Test(wire_tls, a_bad_certificate_is_refused_and_both_sides_can_read_why, .init = setup, .fini = teardown)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct node *server = node_new(certificates, refusals[i].server, true), *client = node_new(certificates, refusals[i].client, true);
        node_dial(client, wire_endpoint_url(node_listen(server, "tls+tcp://127.0.0.1:0")));
        cr_assert(REACHED(server->accept_failed_count == 1 && client_knows(client), server, client), "%zu", i);
        const char *client_says = client->dial_failed_count > 0 ? client->dial_reason : client->links[0].reason;
        cr_expect(strstr(server->accept_reason, refusals[i].server_says), "%zu server: %s", i, server->accept_reason);
        cr_expect(strstr(client_says, refusals[i].client_says), "%zu client: %s", i, client_says);
        cr_expect(server->link_count == 0, "%zu: never connected", i);
        node_free(client);
        node_free(server);
    }
}

Test(wire_tls, without_a_list_the_revoked_one_is_still_welcome, .init = setup, .fini = teardown)
{
    struct node *server = node_new(certificates, "street", false), *client = node_new(certificates, "thief", false);
    node_dial(client, wire_endpoint_url(node_listen(server, "tls+tcp://127.0.0.1:0")));
    cr_assert(REACHED(server->open_count == 1 && client->open_count == 1, server, client));
    node_free(client);
    node_free(server);
}

static int try_server_name(struct node *client, const char *url, const char *name)
{
    struct wire_endpoint *endpoint = NULL;
    char error[200] = "";
    size_t before = client->open_count + client->dial_failed_count;
    cr_assert(wire_dialer(client->wire, url, name, client, &endpoint, error, sizeof error) == 0, "%s", error);
    wire_dial(endpoint);
    cr_assert(REACHED(client->open_count + client->dial_failed_count > before, client));
    return client->dial_failed_count == 0;
}

Test(wire_tls, a_server_name_is_compared_only_when_asked_for, .init = setup, .fini = teardown)
{
    struct node *server = node_new(certificates, "street", false), *client = node_new(certificates, "community", false);
    const char *url = wire_endpoint_url(node_listen(server, "tls+tcp://127.0.0.1:0"));
    cr_assert(try_server_name(client, url, NULL));
    cr_assert(try_server_name(client, url, "street"));
    cr_assert(!try_server_name(client, url, "district"));
    cr_assert(strstr(client->dial_reason, "ostname mismatch"), "%s", client->dial_reason);
    node_free(client);
    node_free(server);
}

static struct wire_tls files_of(const char *certificate, const char *key)
{
    return (struct wire_tls){
        .certificate_file = certificates_path(certificates, certificate),
        .key_file = certificates_path(certificates, key),
        .ca_file = certificates_path(certificates, "ca.pem"),
    };
}

Test(wire_tls, unusable_files_are_named, .init = setup, .fini = teardown)
{
    static const struct {
        const char *certificate, *key, *named;
    } cases[] = {
        { "nothing.pem", "street.key", "nothing.pem" },
        { "street.pem", "nothing.key", "nothing.key" },
        { "street.pem", "community.key", "community.key" },
        { "street.key", "street.key", "street.key" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire_tls files = files_of(cases[i].certificate, cases[i].key);
        struct wire_options options = { .tls = &files };
        struct wire *wire = NULL;
        char error[300] = "";
        cr_expect(wire_new(&options, &wire, error, sizeof error) == WIRE_E_TLS && wire == NULL);
        cr_expect(strstr(error, cases[i].named), "%s", error);
    }
}

Test(wire_tls, reloaded_certificates_serve_new_links_and_present_ones_stay, .init = setup, .fini = teardown)
{
    struct node *server = node_new(certificates, "street", false), *client = node_new(certificates, "community", false);
    struct wire_endpoint *dialer = node_dial(client, wire_endpoint_url(node_listen(server, "tls+tcp://127.0.0.1:0")));
    cr_assert(REACHED(server->open_count == 1 && client->open_count == 1, server, client));
    certificates_issue(certificates, "street", CERTIFICATE_ED25519, CERTIFICATE_GOOD);
    struct wire_tls files = files_of("street.pem", "community.key");
    char error[300] = "";
    cr_assert(wire_reload_tls(server->wire, &files, error, sizeof error) == WIRE_E_TLS && error[0]);
    files = files_of("street.pem", "street.key");
    cr_assert(wire_reload_tls(server->wire, &files, error, sizeof error) == 0);
    wire_dial(dialer);
    cr_assert(REACHED(server->open_count == 2 && client->open_count == 2, server, client));
    uint8_t fingerprint[32];
    read_fingerprint("street.pem", fingerprint);
    cr_assert(memcmp(client->links[0].peer.fingerprint, fingerprint, 32) != 0);
    cr_assert(memcmp(client->links[1].peer.fingerprint, fingerprint, 32) == 0);
    link_send(&client->links[0], "still here", 10);
    cr_assert(REACHED(server->links[0].received_size == 10, server, client));
    node_free(client);
    node_free(server);
}

/* A revocation list that comes with a reload keeps the thief out from then on. */
Test(wire_tls, a_reloaded_list_applies_to_the_next_link, .init = setup, .fini = teardown)
{
    struct node *server = node_new(certificates, "street", false), *client = node_new(certificates, "thief", false);
    struct wire_endpoint *dialer = node_dial(client, wire_endpoint_url(node_listen(server, "tls+tcp://127.0.0.1:0")));
    cr_assert(REACHED(server->open_count == 1, server, client));
    struct wire_tls files = files_of("street.pem", "street.key");
    files.crl_file = certificates_path(certificates, "crl.pem");
    char error[300] = "";
    cr_assert(wire_reload_tls(server->wire, &files, error, sizeof error) == 0, "%s", error);
    wire_dial(dialer);
    cr_assert(REACHED(server->accept_failed_count == 1, server, client));
    cr_assert(server->link_count == 1);
    node_free(client);
    node_free(server);
}
