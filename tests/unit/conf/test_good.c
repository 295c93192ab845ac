#include "scratch.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct scratch scratch;
static void setup(void) { scratch_init(&scratch); }
static void teardown(void) { scratch_deinit(&scratch); }

TestSuite(conf_good, .init = setup, .fini = teardown);

#define NODE "node: {id: street-anlan, area: 990101001, store: s}\n"

static struct loaded load(const char *text)
{
    struct loaded loaded = scratch_load_text(&scratch, text);
    char *all = loaded_text(&loaded);
    cr_assert_eq(loaded.result, CONF_OK, "%s", all);
    cr_assert_eq(loaded.errors_count, 0);
    free(all);
    return loaded;
}

Test(conf_good, what_is_left_out_has_its_default)
{
    struct loaded loaded = load(NODE);
    const struct conf *conf = loaded.conf;
    cr_expect_str_eq(conf->node.engine, "lmdb");
    cr_expect_eq(conf->listen_count + conf->links_count + conf->members_count, 0);
    cr_expect_null(conf->tls.certificate);
    cr_expect_not(conf->allow.plain_tcp);
    cr_expect_not(conf->allow.local_members_any);
    cr_expect_eq(conf->limits.store_bytes_max, 0);
    cr_expect_eq(conf->limits.link_window_messages, 16384);
    cr_expect_eq(conf->limits.link_window_bytes, 8u << 20);
    cr_expect_eq(conf->limits.member_window_messages, 4096);
    cr_expect_eq(conf->limits.member_window_bytes, 8u << 20);
    cr_expect_eq(conf->limits.connections_max, 4096);
    cr_expect_eq(conf->limits.handshakes_per_second_max, 200);
    cr_expect_eq(conf->limits.drain_messages_per_s, 0);
    cr_expect_eq(conf->dead_letters.attempts_max, 16);
    cr_expect_eq(conf->limits.retry_ms_min, 500);
    cr_expect_eq(conf->limits.retry_ms_max, 60000);
    cr_expect_eq(conf->limits.heartbeat_ms, 10000);
    cr_expect_eq(conf->limits.silence_ms, 35000);
    cr_expect_eq(conf->limits.handshake_ms, 10000);
    cr_expect_eq(conf->limits.redial_ms_min, 50);
    cr_expect_eq(conf->limits.redial_ms_max, 1000);
    cr_expect_eq(conf->limits.shutdown_ms, 5000);
    cr_expect_str_eq(conf->log.level, "info");
    cr_expect_str_eq(conf->log.format, "logfmt");
    cr_expect_null(conf->dead_letters.contact);
    cr_expect_not_null(strstr(conf->path, "node.yaml"));
    loaded_deinit(&loaded);
}

Test(conf_good, every_key_arrives)
{
    struct loaded loaded = load("node:\n  id: street-anlan\n  area: \"990101001\"\n  store: /var/lib/qiao\n"
                                "listen: [\"tls+tcp://[::]:7701\", \"ipc:///run/qiao/node\"]\n"
                                "links:\n"
                                "  - {to: \"tls+tcp://district.example:7700\", node: district-anlan, area: 990101, role: parent}\n"
                                "  - node: community-1\n    area: \"990101001001\"\n    role: child\n"
                                "members:\n"
                                "  - {org: 11990101QA0000014K, name: urban-mgmt, services: [noise, street-order]}\n"
                                "  - name: hotline.12345\n"
                                "tls: {certificate: c.crt, key: c.key, ca: ca.crt}\n"
                                "allow: {plain_tcp: true, local_members_any: true}\n"
                                "limits: {store_bytes_max: 20 GiB, link_window_bytes: 4096KiB, heartbeat_ms: 1s, silence_ms: 2500, retry_ms_max: 1h, connections_max: 7}\n"
                                "registry: {registrars: [\"990101/registry\", \"990101/audit#duty\"], required: true, confirm_within: 1h}\n"
                                "log: {level: debug, format: json}\n"
                                "dead_letters: {contact: 值班室}\n");
    const struct conf *conf = loaded.conf;
    cr_expect_str_eq(conf->node.store, "/var/lib/qiao");
    cr_assert_eq(conf->listen_count, 2);
    cr_expect_str_eq(conf->listen[1], "ipc:///run/qiao/node");
    cr_assert_eq(conf->links_count, 2);
    cr_expect_str_eq(conf->links[0].to, "tls+tcp://district.example:7700");
    cr_expect_str_eq(conf->links[0].area, "990101");
    cr_expect_eq(conf->links[0].role, CONF_ROLE_PARENT);
    cr_expect_eq(conf->links[0].line, 7);
    cr_expect_null(conf->links[1].to);
    cr_expect_str_eq(conf->links[1].node, "community-1");
    cr_expect_eq(conf->links[1].role, CONF_ROLE_CHILD);
    cr_assert_eq(conf->members_count, 2);
    cr_expect_str_eq(conf->members[0].org, "11990101QA0000014K");
    cr_assert_eq(conf->members[0].services_count, 2);
    cr_expect_str_eq(conf->members[0].services[1], "street-order");
    cr_expect_str_eq(conf->members[1].name, "hotline.12345");
    cr_expect_null(conf->members[1].org);
    cr_expect_eq(conf->members[1].line, 13);
    cr_expect_eq(conf->limits.store_bytes_max, UINT64_C(20) << 30);
    cr_expect_eq(conf->limits.link_window_bytes, 4u << 20);
    cr_expect_eq(conf->limits.heartbeat_ms, 1000);
    cr_expect_eq(conf->limits.silence_ms, 2500);
    cr_expect_eq(conf->limits.retry_ms_max, 3600000);
    cr_expect_eq(conf->limits.connections_max, 7);
    cr_expect(conf->allow.plain_tcp && conf->allow.local_members_any);
    cr_assert_eq(conf->registry.registrars_count, 2);
    cr_expect_str_eq(conf->registry.registrars[1], "990101/audit#duty");
    cr_expect(conf->registry.required);
    cr_expect_eq(conf->registry.confirm_within, 3600000);
    cr_expect_str_eq(conf->log.format, "json");
    cr_expect_str_eq(conf->dead_letters.contact, "值班室");
    loaded_deinit(&loaded);
}

Test(conf_good, relative_paths_start_at_the_folder_of_their_file)
{
    char wanted[128];
    scratch_write(&scratch, "conf.d/tls.yaml", "tls: {crl: own.crl}\n", 20);
    scratch_write(&scratch, "conf.d/own.crl", "", 0);
    struct loaded loaded = load(NODE "tls: {certificate: c.crt, key: c.key, ca: ca.crt}\n");
    snprintf(wanted, sizeof wanted, "%s/s", scratch.folder);
    cr_expect_str_eq(loaded.conf->node.store, wanted);
    snprintf(wanted, sizeof wanted, "%s/c.crt", scratch.folder);
    cr_expect_str_eq(loaded.conf->tls.certificate, wanted);
    snprintf(wanted, sizeof wanted, "%s/conf.d/own.crl", scratch.folder);
    cr_expect_str_eq(loaded.conf->tls.crl, wanted);
    loaded_deinit(&loaded);
}

Test(conf_good, parts_append_to_lists_and_replace_values_in_name_order)
{
    static const char first[] = "members: [{name: b}]\nlog: {level: debug}\nlimits: {heartbeat_ms: 3s}\n";
    static const char second[] = "members:\n  - name: c\nlog: {level: error}\n";
    scratch_write(&scratch, "conf.d/20.yaml", second, strlen(second));
    scratch_write(&scratch, "conf.d/10.yaml", first, strlen(first));
    scratch_write(&scratch, "conf.d/30.yaml", "# nothing\n", 10);
    scratch_write(&scratch, "conf.d/.hidden.yaml", "rubbish", 7);
    scratch_write(&scratch, "conf.d/40.yaml.bak", "rubbish", 7);
    struct loaded loaded = load(NODE "members: [{name: a}]\nlog: {level: warning, format: json}\n");
    cr_assert_eq(loaded.conf->members_count, 3);
    cr_expect_str_eq(loaded.conf->members[0].name, "a");
    cr_expect_str_eq(loaded.conf->members[1].name, "b");
    cr_expect_str_eq(loaded.conf->members[2].name, "c");
    cr_expect_str_eq(loaded.conf->log.level, "error");
    cr_expect_str_eq(loaded.conf->log.format, "json");
    cr_expect_eq(loaded.conf->limits.heartbeat_ms, 3000);
    loaded_deinit(&loaded);
}

Test(conf_good, empty_sections_and_lists_and_windows_lines_are_fine)
{
    struct loaded loaded = load("%YAML 1.2\n---\r\nnode:\r\n  id: a\r\n  area: '990101'\r\n  store: s\r\nlog:\r\nlisten:\r\nmembers: []\r\n...\r\n");
    cr_expect_str_eq(loaded.conf->node.id, "a");
    cr_expect_eq(loaded.conf->listen_count, 0);
    loaded_deinit(&loaded);
}

Test(conf_good, plain_tcp_on_loopback_needs_no_permission)
{
    struct loaded loaded = load(NODE "listen: [\"tcp://127.0.0.1:1\", \"tcp://localhost:2\", \"tcp://[::1]:3\"]\n");
    cr_expect_eq(loaded.conf->listen_count, 3);
    loaded_deinit(&loaded);
}

Test(conf_good, thousands_of_members_load)
{
    const size_t text_size = 4u << 20;
    char *text = malloc(text_size);
    size_t used = (size_t)snprintf(text, text_size, "%smembers:\n", NODE);
    for (size_t i = 0; i < 20000; i++)
        used += (size_t)snprintf(text + used, text_size - used, "  - {name: m%zu, services: [a, b]}\n", i);
    struct loaded loaded = load(text);
    cr_assert_eq(loaded.conf->members_count, 20000);
    cr_expect_str_eq(loaded.conf->members[19999].name, "m19999");
    loaded_deinit(&loaded);
    free(text);
}
