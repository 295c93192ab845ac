/* Files with one thing wrong: the error must stand at the right line and column, under the right key, and say the cure. */
#include "scratch.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define NODE "node: {id: street-anlan, area: \"990101001\", store: s}\n" /* line 1 */
#define TLS "tls: {certificate: c.crt, key: c.key, ca: ca.crt}\n"

static const struct broken {
    const char *text;
    int line, column;
    const char *key;
    const char *says;              /* a part of the message */
} broken[] = {
    /* YAML itself */
    { NODE "limits: {heartbeat_ms: 1\n", 3, 1, "", "not YAML" },
    { NODE "log:\n  level: \"info\n", 3, 11, "", "not YAML" },
    { NODE "log:\n\tlevel: info\n", 3, 1, "", "not YAML" },
    { NODE "log: {level: info}\x01\n", 2, 19, "", "control character" },
    { NODE "dead_letters: {contact: \"\xc3\x28\"}\n", 2, 26, "", "expected UTF-8" },
    { NODE "---\nlog: {level: info}\n", 2, 1, "", "second document" },
    { "- node\n- links\n", 1, 1, "", "expected keys" },
    { "node\n", 1, 1, "", "expected keys" },
    { NODE "[a, b]: c\n", 2, 1, "", "not a word" },
    { NODE "log: &l {level: info}\n", 2, 6, "log", "anchors are not used" },
    { NODE "log: {level: &l info}\n", 2, 14, "log.level", "anchors are not used" },
    { NODE "log: {level: *l}\n", 2, 14, "log.level", "aliases are not used" },
    { NODE "log: {level: !!str info}\n", 2, 14, "log.level", "tags are not used" },
    { NODE "log: {level: info}\nlog: {level: debug}\n", 3, 1, "log", "first in line 2" },
    { NODE "log: {level: info, level: debug}\n", 2, 20, "log.level", "given twice" },
    { NODE "listen: [[[[[[[[[[x]]]]]]]]]]\n", 2, 16, "", "nested more than 8 deep" },
    { NODE "dead_letters: {contact: \"a\\0b\"}\n", 2, 25, "dead_letters.contact", "zero byte" },
    /* unknown keys */
    { NODE "lgo: {level: info}\n", 2, 1, "lgo", "did you mean \"log\"" },
    { NODE "log:\n  lvel: info\n", 3, 3, "log.lvel", "did you mean \"level\"" },
    { NODE "limits:\n  heartbeat: 1s\n", 3, 3, "limits.heartbeat", "did you mean \"heartbeat_ms\"" },
    { NODE "heartbeat_ms: 1s\n", 2, 1, "heartbeat_ms", "did you mean \"limits.heartbeat_ms\"" },
    { NODE "rulez: []\n", 2, 1, "rulez", "unknown key" },
    { NODE "limits.heartbeat_ms: 1s\n", 2, 1, "limits.heartbeat_ms", "unknown key" },
    { NODE "links: [{node: a, rol: parent, role: parent, to: \"tcp://127.0.0.1:1\", area: 990101}]\n", 2, 19, "links[0].rol", "did you mean \"role\"" },
    { NODE "<<: {a: b}\n", 2, 1, "<<", "unknown key" },
    { NODE "\"\": 1\n", 2, 1, "", "unknown key" },
    /* missing */
    { "log: {level: info}\nnode: {id: a, area: \"990101\"}\n", 2, 1, "node.store", "is missing" },
    { NODE "links: [{to: \"tcp://127.0.0.1:1\", role: parent, area: 990101}]\n", 2, 9, "links[0].node", "is missing" },
    { NODE "links:\n  - to: tcp://127.0.0.1:1\n    node: a\n    area: 990101\n", 3, 5, "links[0].role", "is missing" },
    { NODE "members:\n  - org: 11990101QA0000014K\n", 3, 5, "members[0].name", "is missing" },
    { NODE "log:\n  level:\n", 3, 3, "log.level", "found nothing" },
    /* shapes */
    { NODE "log: [info]\n", 2, 6, "log", "found a list" },
    { NODE "log: info\n", 2, 6, "log", "found a single value" },
    { NODE "listen: ipc:///run/qiao\n", 2, 9, "listen", "expected a list" },
    { NODE "listen: [{a: b}]\n", 2, 10, "listen[0]", "found a mapping" },
    { NODE "links: [district]\n", 2, 9, "links[0]", "expected a mapping with to, node, area, role" },
    { NODE "members: [{name: a, services: noise}]\n", 2, 31, "members[0].services", "expected a list" },
    { NODE "log: {level: [info]}\n", 2, 14, "log.level", "found a list" },
    /* values */
    { "node: {id: Street 1, area: \"990101\", store: s}\n", 1, 12, "node.id", "expected a-z, 0-9 and -" },
    { "node: {id: a, area: \"99010\", store: s}\n", 1, 21, "node.area", "6 digits" },
    { "node: {id: a, area: \"990101\", store: c.crt}\n", 1, 38, "node.store", "expected a directory" },
    { "node: {id: a, area: \"990101\", store: s, engine: lmbd}\n", 1, 49, "node.engine", "did you mean \"lmdb\"" },
    { NODE "log: {level: warn}\n", 2, 14, "log.level", "error, warning, info or debug" },
    { NODE "dead_letters: {contact: \"值班室\"} # 值班\nlog: {format: info, level: info}\n", 3, 15, "log.format", "logfmt or json" },
    { NODE "members: [{services: [x], name: \"名\"}]\n", 2, 33, "members[0].name", "expected a-z" },
    { NODE "log: {format: jsno}\n", 2, 15, "log.format", "did you mean \"json\"" },
    { NODE "allow: {plain_tcp: yes}\n", 2, 20, "allow.plain_tcp", "write true" },
    { NODE "allow: {plain_tcp: \"true\"}\n", 2, 20, "allow.plain_tcp", "without quotation marks" },
    { NODE "process: {seccomp: on}\n", 2, 20, "process.seccomp", "off, log or enforce" },
    { NODE "process: {group: qiao}\n", 2, 18, "process.group", "add the user" },
    { NODE "limits: {unproven_bytes_max: 100}\n", 2, 30, "limits.unproven_bytes_max", "expected 8192 to" },
    { NODE "limits: {connections_max: 0}\n", 2, 27, "limits.connections_max", "expected 1 to 1000000 connections" },
    { NODE "limits: {drain_messages_per_s: 1000001}\n", 2, 32, "limits.drain_messages_per_s", "expected 0 to 1000000 messages a second" },
    { NODE "limits: {drain_messages_per_s: 10/s}\n", 2, 32, "limits.drain_messages_per_s", "expected a whole number" },
    { NODE "links:\n  - {node: a, role: parent, to: \"tcp://127.0.0.1:1\", area: 990101, drain_messages_per_s: -5}\n", 3, 90, "links[0].drain_messages_per_s", "negative" },
    { NODE "limits: {connections_max: many}\n", 2, 27, "limits.connections_max", "expected a whole number" },
    { NODE "limits: {connections_max: -1}\n", 2, 27, "limits.connections_max", "negative" },
    { NODE "limits: {connections_max: 1.5}\n", 2, 27, "limits.connections_max", "whole number" },
    { NODE "limits: {connections_max: 5s}\n", 2, 27, "limits.connections_max", "expected a whole number" },
    { NODE "limits: {connections_max: 99999999999999999999999}\n", 2, 27, "limits.connections_max", "expected 1 to" },
    { NODE "limits: {link_window_bytes: 8MB}\n", 2, 29, "limits.link_window_bytes", "did you mean \"MiB\"" },
    { NODE "limits: {link_window_bytes: 18014398509481985KiB}\n", 2, 29, "limits.link_window_bytes", "expected 2097152 to" },
    { NODE "limits: {heartbeat_ms: 10sec}\n", 2, 24, "limits.heartbeat_ms", "did you mean \"s\"" },
    { NODE "limits: {heartbeat_ms: 2d}\n", 2, 24, "limits.heartbeat_ms", "expected 10 to 3600000 milliseconds" },
    { NODE "limits: {heartbeat_ms: 010}\n", 2, 24, "limits.heartbeat_ms", "leading zeros" },
    { NODE "limits: {store_bytes_max: 1MiB}\n", 2, 27, "limits.store_bytes_max", "at least 16 MiB" },
    { NODE "trust: {keep_evidence_days: 91}\n", 2, 29, "trust.keep_evidence_days", "what was forgotten could be taken again" },
    { NODE "listen: [\"tls://0.0.0.0:1\"]\n", 2, 10, "listen[0]", "did you mean \"tls+tcp://\"" },
    { NODE "listen:\n  - ipc:///run/qiao\n  - tcp://127.0.0.1\n", 4, 5, "listen[1]", "expected a port" },
    { NODE "listen: [\"tcp://127.0.0.1:70000\"]\n", 2, 10, "listen[0]", "1 to 65535" },
    { NODE "listen: [\"tcp://127.0.0.256:7000\"]\n", 2, 10, "listen[0]", "IPv4" },
    { NODE "listen: [\"ipc://run/qiao\"]\n", 2, 10, "listen[0]", "absolute path" },
    { NODE "listen: [\"tcp://0.0.0.0:7000\"]\n", 2, 10, "listen[0]", "allow: {plain_tcp: true}" },
    { NODE "listen: [\"ipc:///run/q\", \"ipc:///run/q\"]\n", 2, 26, "listen[1]", "twice" },
    { NODE "members:\n  - name: Urban\n", 3, 11, "members[0].name", "expected a-z, 0-9, - and ." },
    { NODE "members: [{name: a, org: 11990101QA0000014L}]\n", 2, 26, "members[0].org", "it is 'K', found 'L'" },
    { NODE "members: [{name: a, org: 11990101QA0000O14K}]\n", 2, 26, "members[0].org", "character 15" },
    { NODE "members: [{name: a, org: 11990101QA000014K}]\n", 2, 26, "members[0].org", "18 characters" },
    { NODE "members: [{name: a}, {name: b}, {name: a}]\n", 2, 33, "members[2].name", "found \"a\" twice" },
    { NODE "members: [{name: a, services: [x, y, x]}]\n", 2, 11, "members[0].services", "found \"x\" twice" },
    { NODE "dead_letters: {owner: nobody}\n", 2, 23, "dead_letters.owner", "no member of this node" },
    { NODE "dead_letters: {owner: \"99/office\"}\n", 2, 23, "dead_letters.owner", "the address of an office" },
    { NODE "dead_letters: {contact: \"\"}\n", 2, 25, "dead_letters.contact", "1 to 256 characters" },
    { NODE "dead_letters: {contact: \"a\\nb\"}\n", 2, 25, "dead_letters.contact", "one line" },
    { NODE "members: [{name: a, type: goverment}]\n", 2, 27, "members[0].type", "coord, gov, subdistrict" },
    { NODE "policy: {file: c.crt}\n", 2, 16, "policy.catalogue", "policy.file is of use only with it" },
    { NODE "policy: {catalogue: c.crt}\n", 2, 21, "policy.file", "policy.catalogue is of use only with it" },
    { NODE "policy: {file: none.yaml, catalogue: c.crt}\n", 2, 16, "policy.file", "No such file" },
    /* registry */
    { NODE "registry: {registrars: [\"990101/a\"]}\n", 2, 24, "registry.registrars", "found one registrar" },
    { NODE "registry: {registrars: [\"990101/a\", \"990101/b\", \"990101/a#duty\"]}\n", 2, 24, "registry.registrars", "\"990101/a#duty\" twice" },
    { NODE "registry: {registrars: [\"990101001/a\", \"990101/b\"]}\n", 2, 25, "registry.registrars[0]", "office of the district" },
    { NODE "registry: {registrars: [\"990101/b\", \"990101/A\"]}\n", 2, 37, "registry.registrars[1]", "a member's name" },
    { NODE "registry: {registrars: [\"990101/b\", \"990101/a#\"]}\n", 2, 37, "registry.registrars[1]", "a seat" },
    { NODE "registry: {required: true}\n", 2, 22, "registry.registrars", "is missing beside registry.required" },
    { NODE "registry: {confirm_within: 10ms}\n", 2, 28, "registry.confirm_within", "1000 to 2592000000" },
    /* links */
    { NODE "links: [{node: a, role: father, to: \"tcp://127.0.0.1:1\", area: 990101}]\n", 2, 25, "links[0].role", "peer, parent or child" },
    { NODE "links:\n  - {node: a, role: parent, to: \"tcp://127.0.0.1:1\", area: 990101}\n  - {node: b, role: parent, to: \"tcp://127.0.0.1:2\", area: 990101}\n",
      4, 5, "links[1].role", "second parent" },
    { NODE "links: [{node: a, role: peer, to: \"tcp://127.0.0.1:1\", area: 990101}, {node: a, role: peer, to: \"tcp://127.0.0.1:2\", area: 990101}]\n", 2, 71, "links[1].node", "twice" },
    { NODE "links: [{node: a, role: child, to: \"tcp://127.0.0.1:1\"}]\n", 2, 9, "links[0].area", "is missing; expected an area code" },
    { NODE "links: [{node: street-anlan, role: peer, to: \"tcp://127.0.0.1:1\", area: 990101}]\n", 2, 9, "links[0].node", "own id" },
    { NODE "links: [{node: a, role: parent, area: 990101}]\n", 2, 9, "links[0].to", "listens nowhere" },
    { NODE "links: [{node: a, role: parent, to: \"tcp://*:1\", area: 990101}]\n", 2, 37, "links[0].to", "host name" },
    { NODE "links: [{node: a, role: parent, to: \"tcp://district:1\", area: 990101}]\n", 2, 9, "links[0]", "beyond this machine" },
    /* tls */
    { NODE "tls: {certificate: c.crt, key: c.key}\n", 2, 32, "tls.ca", "is missing" },
    { NODE "tls: {certificate: none.crt, key: c.key, ca: ca.crt}\n", 2, 20, "tls.certificate", "No such file" },
    { NODE "tls: {certificate: ., key: c.key, ca: ca.crt}\n", 2, 20, "tls.certificate", "not a regular file" },
    { NODE "tls: {certificate: c.crt, ca: ca.crt}\nlisten: [\"tls+tcp://0.0.0.0:7700\"]\n", 3, 10, "tls.key", "listen[0] uses tls+tcp" },
    { NODE TLS "limits: {heartbeat_ms: 20s}\n", 3, 24, "limits.heartbeat_ms", "at least twice" },
    { NODE "limits: {retry_ms_min: 2m}\n", 2, 24, "limits.retry_ms_min", "at least limits.retry_ms_min" },
    { NODE "limits: {redial_ms_max: 10ms}\n", 2, 25, "limits.redial_ms_max", "at least limits.redial_ms_min" },
};

static struct scratch scratch;
static void setup(void) { scratch_init(&scratch); }
static void teardown(void) { scratch_deinit(&scratch); }

TestSuite(conf_broken, .init = setup, .fini = teardown);

static void expect(const struct broken *row)
{
    struct loaded loaded = scratch_load_text(&scratch, row->text);
    char *all = loaded_text(&loaded);
    cr_assert_eq(loaded.result, CONF_INVALID, "accepted:\n%s", row->text);
    cr_assert_null(loaded.conf);
    cr_expect_eq(loaded.errors_count, 1, "%zu errors for:\n%s%s", loaded.errors_count, row->text, all);
    const struct conf_error *error = &loaded.errors[0];
    cr_expect_eq(error->line, row->line, "line %d for:\n%s%s", error->line, row->text, all);
    cr_expect_eq(error->column, row->column, "column %d for:\n%s%s", error->column, row->text, all);
    cr_expect_str_eq(error->key, row->key, "key %s for:\n%s%s", error->key, row->text, all);
    cr_expect_not_null(strstr(error->text, row->says), "expected \"%s\" for:\n%s%s", row->says, row->text, all);
    cr_expect_not_null(strstr(error->file, "node.yaml"));
    free(all);
    loaded_deinit(&loaded);
}

Test(conf_broken, each_file_has_its_error_at_its_place)
{
    cr_assert_geq(sizeof broken / sizeof broken[0], 40);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        expect(&broken[i]);
}

Test(conf_broken, all_errors_are_collected_in_the_order_of_lines)
{
    struct loaded loaded = scratch_load_text(&scratch, "limits: {heartbeat_ms: 1x, connections_max: 0}\n"
                                                       "node: {id: A, area: 1}\n"
                                                       "lgo: {}\n"
                                                       "links:\n"
                                                       "  - {role: parent, area: 990101}\n"
                                                       "  - {node: B, role: uncle, area: 990101}\n");
    static const struct { int line; const char *key; } wanted[] = {
        { 1, "limits.heartbeat_ms" }, { 1, "limits.connections_max" }, { 2, "node.store" }, { 2, "node.id" }, { 2, "node.area" },
        { 3, "lgo" }, { 5, "links[0].node" }, { 6, "links[1].node" }, { 6, "links[1].role" },
    };
    char *all = loaded_text(&loaded);
    cr_assert_eq(loaded.errors_count, sizeof wanted / sizeof wanted[0], "%s", all);
    for (size_t i = 0; i < loaded.errors_count; i++) {
        cr_expect_eq(loaded.errors[i].line, wanted[i].line, "error %zu of\n%s", i, all);
        cr_expect_str_eq(loaded.errors[i].key, wanted[i].key, "error %zu of\n%s", i, all);
    }
    free(all);
    loaded_deinit(&loaded);
}

Test(conf_broken, an_empty_file_lacks_the_required_keys)
{
    struct loaded loaded = scratch_load_text(&scratch, "");
    cr_assert_eq(loaded.result, CONF_INVALID);
    cr_assert_eq(loaded.errors_count, 3);
    cr_expect_eq(loaded.errors[0].line, 0);
    cr_expect_str_eq(loaded.errors[0].key, "node.id");
    loaded_deinit(&loaded);
}

Test(conf_broken, a_file_that_is_not_there_or_a_folder_is_an_error)
{
    struct loaded loaded = scratch_load(&scratch, "none.yaml");
    cr_assert_eq(loaded.result, CONF_INVALID);
    cr_assert_eq(loaded.errors_count, 1);
    cr_expect_not_null(strstr(loaded.errors[0].text, "No such file"));
    loaded_deinit(&loaded);
    loaded = scratch_load(&scratch, ".");
    cr_assert_eq(loaded.result, CONF_INVALID);
    cr_assert_eq(loaded.errors_count, 1);
    loaded_deinit(&loaded);
}

Test(conf_broken, a_part_is_named_in_its_errors)
{
    scratch_write(&scratch, "conf.d/10.yaml", "log: {level: loud}\n", 19);
    struct loaded loaded = scratch_load_text(&scratch, NODE "log: {format: x}\n");
    cr_assert_eq(loaded.errors_count, 2);
    cr_expect_not_null(strstr(loaded.errors[0].file, "node.yaml"));
    cr_expect_not_null(strstr(loaded.errors[1].file, "conf.d/10.yaml"));
    cr_expect_eq(loaded.errors[1].column, 14);
    loaded_deinit(&loaded);
}

Test(conf_broken, complaints_and_sizes_are_bounded)
{
    const size_t text_size = 9u << 20;
    char *text = malloc(text_size);
    size_t used = 0;
    used += (size_t)snprintf(text + used, text_size - used, "%slisten:\n", NODE);
    for (size_t i = 0; i < 60; i++)
        used += (size_t)snprintf(text + used, text_size - used, "  - x\n");
    used += (size_t)snprintf(text + used, text_size - used, "members:\n");
    for (size_t i = 0; i < 5000; i++)
        used += (size_t)snprintf(text + used, text_size - used, "  - {name: X}\n");
    scratch_write(&scratch, "node.yaml", text, used);
    struct loaded loaded = scratch_load(&scratch, "node.yaml");
    cr_expect_eq(loaded.errors_count, 1000);
    loaded_deinit(&loaded);

    memset(text, '#', 9u << 20);
    scratch_write(&scratch, "node.yaml", text, 9u << 20);
    loaded = scratch_load(&scratch, "node.yaml");
    cr_assert_eq(loaded.errors_count, 1);
    cr_expect_not_null(strstr(loaded.errors[0].text, "larger than 8 MiB"));
    loaded_deinit(&loaded);

    used = 0;
    for (size_t i = 0; i < 300; i++)
        used += (size_t)snprintf(text + used, text_size - used, "k%zu: 1\n", i);
    scratch_write(&scratch, "node.yaml", text, used);
    loaded = scratch_load(&scratch, "node.yaml");
    cr_assert_eq(loaded.errors_count, 1);
    cr_expect_not_null(strstr(loaded.errors[0].text, "more than 256 keys"));
    loaded_deinit(&loaded);
    free(text);
}
