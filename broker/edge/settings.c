#include "edge/settings.h"

#include "edge/log.h"

#include <stdio.h>
#include <stdlib.h>

void settings_core(const struct conf *conf, struct core_config *c)
{
    struct core_peer_config *peers = base_zalloc((conf->links_count + conf->members_count) * sizeof *peers);
    for (size_t i = 0; i < conf->links_count; i++) {
        const struct conf_link *link = &conf->links[i];
        peers[i] = (struct core_peer_config){ .name = link->node, .area = link->area, .role = (enum link_role)link->role, .line = link->line };
    }
    for (size_t i = 0; i < conf->members_count; i++)
        peers[conf->links_count + i] = (struct core_peer_config){ .name = conf->members[i].name, .member = true, .line = conf->members[i].line };
    *c = (struct core_config){
        .node = conf->node.id, .area = conf->node.area, .peers = peers, .peers_count = conf->links_count + conf->members_count,
        .dead_letter_owner = conf->dead_letter_owner, .seal = &seal_openssl_digest, .local_members_any = conf->allow.local_members_any,
        .link_window_messages = conf->limits.link_window_messages, .link_window_bytes = conf->limits.link_window_bytes,
        .member_window_messages = conf->limits.member_window_messages, .member_window_bytes = conf->limits.member_window_bytes,
        .connections_max = conf->limits.connections_max, .delivery_attempts_max = conf->limits.delivery_attempts_max,
        .retry_ms_min = conf->limits.retry_ms_min, .retry_ms_max = conf->limits.retry_ms_max,
        .heartbeat_ms = conf->limits.heartbeat_ms, .silence_ms = conf->limits.silence_ms, .handshake_ms = conf->limits.handshake_ms,
    };
}

void settings_core_deinit(struct core_config *config)
{
    free((void *)config->peers);
    config->peers = NULL;
}

/* The first line of the file, kept for the life of the process: the key is read again on reload. */
static const char *read_passphrase(const char *path)
{
    static char passphrase[256];
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file) return NULL;
    char *line = fgets(passphrase, sizeof passphrase, file);
    fclose(file);
    if (!line) return NULL;
    passphrase[strcspn(passphrase, "\r\n")] = '\0';
    return passphrase;
}

const struct wire_tls *settings_tls(const struct conf *conf, struct wire_tls *tls)
{
    if (!conf->tls.certificate) return NULL;
    *tls = (struct wire_tls){ conf->tls.certificate, conf->tls.key, conf->tls.ca, conf->tls.crl, read_passphrase(conf->tls.passphrase_file) };
    return tls;
}

static struct conf *read_again(const char *path)
{
    struct conf *conf = NULL;
    struct conf_error *errors = NULL;
    size_t count = 0;
    int result = conf_load(path, &conf, &errors, &count);
    for (size_t i = 0; i < count; i++) conf_error_print(&errors[i], stderr);
    free(errors);
    if (result == CONF_OK) return conf;
    log_event(LOG_LEVEL_ERROR, "configuration not reloaded", "path", path, "reason", "it has errors; the one in force stays", NULL);
    return NULL;
}

struct conf *settings_reload(const struct conf *running, const char *path, struct wire *wire)
{
    char text[1024] = "";
    struct conf *wanted = read_again(path);
    if (!wanted) return NULL;
    if (conf_reload_conflicts(running, wanted, text, sizeof text) > 0) {
        log_event(LOG_LEVEL_ERROR, "configuration not reloaded", "reason", "these keys need a restart", "keys", text, NULL);
        return conf_free(wanted);
    }
    struct wire_tls tls;
    const struct wire_tls *certificates = settings_tls(wanted, &tls);
    if (certificates && wire_reload_tls(wire, certificates, text, sizeof text) != 0) {
        log_event(LOG_LEVEL_ERROR, "certificates not reloaded", "reason", text, NULL);
        return conf_free(wanted);
    }
    log_event(LOG_LEVEL_INFO, "configuration reloaded", "path", path, NULL);
    return wanted;
}
