#include "edge/settings.h"

#include "conf/policy.h"
#include "conf/rules.h"
#include "edge/log.h"

#include <qiao/org_type.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

/* Where a node keeps its files is nobody's business: who asks why is told the name alone. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static struct core_peer_config member_config(const struct conf_member *member)
{
    int type = member->type ? qiao_org_type_from_name(member->type) : QIAO_ORG_TYPE_UNKNOWN;
    return (struct core_peer_config){ .name = member->name, .org = member->org, .member = true, .file = base_name(member->file), .line = member->line,
                                      .drills = member->drills,
                                      .org_type = type > 0 ? (unsigned)type : QIAO_ORG_TYPE_UNKNOWN,
                                      .services = member->services, .services_count = member->services_count, .seats = member->seats, .seats_count = member->seats_count };
}

/* Its tables stay those of conf. */
static struct policy *make_policy(const struct conf *conf)
{
    char rules[24];
    if (!conf->policy.read) {
        log_event(LOG_LEVEL_WARNING, "no policy", "reason", "policy.file is not set: every member may send anything to anybody", NULL);
        return NULL;
    }
    const struct policy_tables *tables = conf_policy_tables(conf->policy.read);
    (void)snprintf(rules, sizeof rules, "%zu", tables->rules_count);
    log_event(LOG_LEVEL_INFO, "policy in force", "path", tables->file, "rules", rules, "catalogue", tables->versions[0], NULL);
    return policy_new(tables);
}

/* Its tables stay those of conf. */
static struct rules *make_rules(const struct conf *conf)
{
    char count[24];
    if (!conf->rules.read) return NULL;
    const struct rules_tables *tables = conf_rules_tables(conf->rules.read);
    (void)snprintf(count, sizeof count, "%zu", tables->count);
    log_event(LOG_LEVEL_INFO, "rules in force", "path", tables->file, "rules", count, NULL);
    return rules_new(tables);
}

static void read_whole(const char *path, struct buf *out)
{
    FILE *file = path ? fopen(path, "re") : NULL;
    for (size_t size = 1; file && size > 0;) {
        size = fread(buf_reserve(out, 4096), 1, 4096, file);
        out->size += size;
    }
    if (file) fclose(file);
}

/* Start of the digest of everything that decides, in hexadecimal: the files as they are now, comments and all, so that file and line
 * can be looked up in them. The caller frees. */
static char *version_of(const struct conf *conf)
{
    const char *const more[] = { conf->policy.file, conf->policy.catalogue, conf->rules.file };
    uint8_t digest[SEAL_DIGEST_SIZE];
    char text[13];
    buf_auto all = { 0 };
    for (size_t i = 0; i < conf->files_count; i++) read_whole(conf->files[i], &all);
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) read_whole(more[i], &all);
    seal_digest(&seal_openssl_digest, SEAL_SUITE_INT1, buf_bytes(&all), digest);
    for (size_t i = 0; i < 6; i++) (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return base_strdup(text);
}

static void tell_areas(const struct conf *conf)
{
    char count[24];
    if (!conf->areas.read) return;
    (void)snprintf(count, sizeof count, "%zu", area_table_count(conf->areas.read));
    log_event(LOG_LEVEL_INFO, "areas in force", "path", conf->areas.file, "areas", count, NULL);
}

/* Files must not be what fills the store: beyond nine tenths of it nobody may send anything. */
static uint64_t attachment_bytes_max(const struct conf *conf)
{
    uint64_t half = conf->limits.store_bytes_max / 2;
    return half && half < conf->attachments.bytes_max ? half : conf->attachments.bytes_max;
}

void settings_core(const struct conf *conf, struct core_config *c)
{
    tell_areas(conf);
    struct core_peer_config *peers = base_zalloc((conf->links_count + conf->members_count) * sizeof *peers);
    for (size_t i = 0; i < conf->links_count; i++) {
        const struct conf_link *link = &conf->links[i];
        peers[i] = (struct core_peer_config){ .name = link->node, .area = link->area, .role = (enum link_role)link->role,
                                               .drain_messages_per_s = link->drain_messages_per_s,
                                               .file = base_name(link->file), .line = link->line };
    }
    for (size_t i = 0; i < conf->members_count; i++)
        peers[conf->links_count + i] = member_config(&conf->members[i]);
    *c = (struct core_config){
        .node = conf->node.id, .area = conf->node.area, .peers = peers, .peers_count = conf->links_count + conf->members_count,
        .dead_letter_owner = conf->dead_letters.owner, .dead_letter_contact = conf->dead_letters.contact,
        .dead_letters_max = conf->dead_letters.messages_max, .dead_letter_bytes_max = conf->dead_letters.bytes_max,
        .delivery_age_ms_max = conf->dead_letters.age_max, .crash_within_ms = conf->dead_letters.crash_within, .seal = &seal_openssl_digest, .local_members_any = conf->allow.local_members_any,
        .areas = { .table = conf->areas.read, .accept_old_days = conf->areas.accept_old_days, .triage = conf->areas.triage },
        .policy = make_policy(conf), .rules = make_rules(conf), .kept_headers = conf->plan.keep_headers, .configuration = conf->path,
        .link_window_messages = conf->limits.link_window_messages, .link_window_bytes = conf->limits.link_window_bytes,
        .member_window_messages = conf->limits.member_window_messages, .member_window_bytes = conf->limits.member_window_bytes,
        .registrars = (const char *const *)conf->registry.registrars, .registrars_count = conf->registry.registrars_count,
        .registry_required = conf->registry.required, .confirm_within_ms = conf->registry.confirm_within,
        .version = version_of(conf),
        .explain = { .off = !conf->explain.enabled, .keep_ms = conf->explain.keep_days * UINT64_C(86400000), .bytes_max = conf->explain.bytes_max },
        .connections_max = conf->limits.connections_max, .delivery_attempts_max = conf->dead_letters.attempts_max,
        .drain_messages_per_s = conf->limits.drain_messages_per_s,
        .reroute_after_ms = conf->limits.reroute_after, .order_wait_ms = conf->limits.order_wait,
        .retry_ms_min = conf->limits.retry_ms_min, .retry_ms_max = conf->limits.retry_ms_max,
        .keep_evidence_ms = conf->trust.keep_evidence_days * UINT64_C(86400000),
        .signed_age_ms_max = conf->trust.signed_age_days_max * UINT64_C(86400000), .signed_ahead_ms_max = conf->trust.signed_ahead_max,
        .attachment_bytes_max = attachment_bytes_max(conf), .attachment_bytes_per_member = conf->attachments.bytes_per_member,
        .attachment_keep_ms = (uint64_t)conf->attachments.keep_days * 24 * 3600 * 1000,
        .clock_skew_ms_max = conf->limits.clock_skew_ms_max, .heartbeat_ms = conf->limits.heartbeat_ms, .silence_ms = conf->limits.silence_ms, .handshake_ms = conf->limits.handshake_ms,
    };
}

void settings_core_deinit(struct core_config *config)
{
    free((void *)config->peers);
    free((void *)(uintptr_t)config->version);
    config->peers = NULL;
    config->version = NULL;
}

#define PASSPHRASE_SIZE 256u

/* The first line of the file, or NULL. */
static const char *read_passphrase(const char *path, char passphrase[PASSPHRASE_SIZE])
{
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file) return NULL;
    char *line = fgets(passphrase, PASSPHRASE_SIZE, file);
    fclose(file);
    if (!line) return NULL;
    passphrase[strcspn(passphrase, "\r\n")] = '\0';
    return passphrase;
}

const struct wire_tls *settings_tls(const struct conf *conf, struct wire_tls *tls)
{
    static char passphrase[PASSPHRASE_SIZE]; /* kept for the life of the process: the key is read again on reload */
    if (!conf->tls.certificate) return NULL;
    *tls = (struct wire_tls){ conf->tls.certificate, conf->tls.key, conf->tls.ca, conf->tls.crl, read_passphrase(conf->tls.passphrase_file, passphrase) };
    return tls;
}

/* ---- keys ---- */

static const struct { const char *name; enum seal_suite suite; } suites[] = { { "int1", SEAL_SUITE_INT1 }, { "gm1", SEAL_SUITE_GM1 }, { "none", SEAL_SUITE_NONE } };

static unsigned accepted_suites(const struct conf *conf)
{
    unsigned accepted = 0;
    for (size_t i = 0; i < conf->trust.suites_count; i++)
        for (size_t k = 0; k < sizeof suites / sizeof suites[0]; k++)
            if (strcmp(suites[k].name, conf->trust.suites[i]) == 0) accepted |= 1u << suites[k].suite;
    return accepted ? accepted : 1u << SEAL_SUITE_INT1 | 1u << SEAL_SUITE_GM1;
}

/* Signing keys of their own, or those of TLS. */
static void keyring_options(const struct conf *conf, struct keyring_options *options, char passphrase[PASSPHRASE_SIZE])
{
    bool own = conf->trust.certificate != NULL;
    *options = (struct keyring_options){
        .certificate_file = own ? conf->trust.certificate : conf->tls.certificate, .key_file = own ? conf->trust.key : conf->tls.key,
        .passphrase = read_passphrase(own ? conf->trust.passphrase_file : conf->tls.passphrase_file, passphrase),
        .ca_file = conf->tls.ca, .crl_file = conf->tls.crl, .sm2_signer_id = conf->trust.sm2_signer_id, .accepted = accepted_suites(conf),
    };
}

/* A node whose certificate does not say which area it serves would sign what nobody takes. */
static bool names_this_node(const struct conf *conf, const struct keyring *keyring, char *reterr_text, size_t reterr_size)
{
    const struct seal *seal = keyring_seal(keyring);
    struct seal_key_id id;
    struct seal_identity self;
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    struct qiao_bytes words = qiao_bytes_from_string("who am I");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    unsigned code = seal->sign(seal->context, words, &id, signature) == 0 ? QIAO_CODE_OK : QIAO_CODE_SIGNATURE;
    if (code == QIAO_CODE_OK) code = seal->verify(seal->context, seal->suite, &id, (uint64_t)now.tv_sec * 1000, words, qiao_bytes(signature, sizeof signature), &self);
    if (code == QIAO_CODE_OK && !self.member && strcmp(self.name, conf->node.id) == 0 && strcmp(self.area, conf->node.area) == 0) return true;
    if (code == QIAO_CODE_SUITE) snprintf(reterr_text, reterr_size, "the own certificate's suite is not among trust.suites: add it");
    else if (code != QIAO_CODE_OK) snprintf(reterr_text, reterr_size, "the own certificate does not hold: %s", qiao_code_text(code));
    else snprintf(reterr_text, reterr_size, "the certificate names \"%s\" and area \"%s\", the node is %s with area %s: issue it with `qiao pki issue --name %s "
                  "--area %s`, or take unsigned messages only with trust.suites: [none]", self.name, self.area, conf->node.id, conf->node.area, conf->node.id, conf->node.area);
    return false;
}

int settings_keyring(const struct conf *conf, struct keyring **ret_keyring, char *reterr_text, size_t reterr_size)
{
    char passphrase[PASSPHRASE_SIZE];
    struct keyring_options options;
    *ret_keyring = NULL;
    keyring_options(conf, &options, passphrase);
    if (!options.certificate_file || options.accepted == 1u << SEAL_SUITE_NONE) return 0;
    int result = keyring_new(&options, ret_keyring, reterr_text, reterr_size);
    explicit_bzero(passphrase, sizeof passphrase);
    if (result != 0) return result;
    return names_this_node(conf, *ret_keyring, reterr_text, reterr_size) ? 0 : KEYRING_E_UNUSABLE;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

uint64_t settings_signature_us(const struct keyring *keyring)
{
    const struct seal *seal = keyring_seal(keyring);
    uint64_t took[9];
    const size_t count = sizeof took / sizeof took[0];
    for (size_t i = 0; i < count; i++) {
        struct seal_key_id id;
        uint8_t signature[SEAL_SIGNATURE_SIZE];
        uint64_t began = uv_hrtime();
        if (seal->sign(seal->context, qiao_bytes_from_string("how long"), &id, signature) != 0) return 0;
        took[i] = (uv_hrtime() - began) / 1000;
    }
    qsort(took, count, sizeof took[0], by_size);
    return took[count / 2];
}

static int reload_keys(const struct conf *conf, struct keyring *keyring, char *reterr_text, size_t reterr_size)
{
    char passphrase[PASSPHRASE_SIZE];
    struct keyring_options options;
    if (!keyring) return 0;
    keyring_options(conf, &options, passphrase);
    int result = keyring_reload(keyring, &options, reterr_text, reterr_size);
    explicit_bzero(passphrase, sizeof passphrase);
    return result;
}

static struct conf *read_again(const char *path, char *reterr_text, size_t reterr_size)
{
    struct conf *conf = NULL;
    struct conf_error *errors = NULL;
    size_t count = 0;
    int result = conf_load(path, &conf, &errors, &count);
    for (size_t i = 0; i < count; i++) conf_error_print(&errors[i], stderr);
    if (result != CONF_OK)
        snprintf(reterr_text, reterr_size, "it has errors, the one in force stays: %s:%d: %s", count ? errors[0].file : path, count ? errors[0].line : 0, count ? errors[0].text : "out of memory");
    free(errors);
    return result == CONF_OK ? conf : NULL;
}

/* NULL, with the reason, if it stays as it is. */
static struct conf *read_and_use(const struct conf *running, const char *path, struct wire *wire, struct keyring *keyring, char *reterr_text, size_t reterr_size)
{
    char text[1024] = "";
    struct conf *wanted = read_again(path, reterr_text, reterr_size);
    if (!wanted) return NULL;
    struct wire_tls tls;
    bool usable = conf_reload_conflicts(running, wanted, text, sizeof text) == 0;
    if (!usable) {
        for (char *at = text; (at = strchr(at, '\n'));) *at = at[1] ? ' ' : '\0';
        snprintf(reterr_text, reterr_size, "these keys need a restart: %s", text);
        return conf_free(wanted);
    }
    const struct wire_tls *certificates = settings_tls(wanted, &tls);
    if (reload_keys(wanted, keyring, text, sizeof text) == 0 && (!certificates || wire_reload_tls(wire, certificates, text, sizeof text) == 0)) return wanted;
    snprintf(reterr_text, reterr_size, "certificates not reloaded: %s", text);
    return conf_free(wanted);
}

struct conf *settings_reload(const struct conf *running, const char *path, struct wire *wire, struct keyring *keyring, char *reterr_text, size_t reterr_size)
{
    struct conf *wanted = read_and_use(running, path, wire, keyring, reterr_text, reterr_size);
    if (wanted) log_event(LOG_LEVEL_INFO, "configuration reloaded", "path", path, NULL);
    else log_event(LOG_LEVEL_ERROR, "configuration not reloaded", "path", path, "reason", reterr_text, NULL);
    return wanted;
}
