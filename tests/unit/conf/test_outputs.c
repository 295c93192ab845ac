/* Dump, sample, schema, reload, and files cut off anywhere. */
#include "scratch.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct scratch scratch;
static void setup(void) { scratch_init(&scratch); }
static void teardown(void) { scratch_deinit(&scratch); }

TestSuite(conf_outputs, .init = setup, .fini = teardown);

static const char full[] =
    "node: {id: street-anlan, area: 990101001, store: s}\n"
    "listen: [\"tls+tcp://0.0.0.0:7701\", \"ipc:///run/qiao/node\"]\n"
    "links:\n"
    "  - {to: \"tls+tcp://district.example:7700\", node: district-anlan, role: parent, area: 990101}\n"
    "  - {node: community-1, area: \"990101001001\", role: child}\n"
    "members:\n"
    "  - {org: 11990101QA0000014K, name: urban-mgmt, services: [noise, street-order]}\n"
    "  - name: hotline\n"
    "tls: {certificate: c.crt, key: c.key, ca: ca.crt}\n"
    "allow: {local_members_any: true}\n"
    "limits: {store_bytes_max: 33MiB, heartbeat_ms: 1001, silence_ms: 5m, link_window_bytes: 2097153, shutdown_ms: 1}\n"
    "registry: {registrars: [\"990101/a\", \"990101/b#x\"], confirm_within: 25h}\n"
    "log: {level: debug, format: json}\n"
    "dead_letters: {contact: 'say \"hello\" \\ 值班室'}\n";

static char *text_of(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    print(out);
    fclose(out);
    return text;
}

static char *dump_of(const struct conf *conf)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    conf_dump(conf, out);
    fclose(out);
    return text;
}

static struct loaded load(const char *text)
{
    struct loaded loaded = scratch_load_text(&scratch, text);
    char *all = loaded_text(&loaded);
    cr_assert_eq(loaded.result, CONF_OK, "%s", all);
    free(all);
    return loaded;
}

Test(conf_outputs, a_dump_loads_as_the_same_configuration)
{
    struct loaded first = load(full);
    char *dump = dump_of(first.conf);
    struct loaded second = load(dump);
    char *again = dump_of(second.conf);
    cr_expect_str_eq(dump, again);
    cr_expect_eq(conf_reload_conflicts(first.conf, second.conf, NULL, 0), 0);
    cr_expect_str_eq(second.conf->dead_letters.contact, "say \"hello\" \\ 值班室");
    cr_expect_str_eq(second.conf->node.store, first.conf->node.store);
    cr_expect_eq(second.conf->limits.link_window_bytes, 2097153);
    cr_expect_eq(second.conf->limits.silence_ms, 300000);
    cr_assert_eq(second.conf->members_count, 2);
    cr_expect_str_eq(second.conf->members[0].services[1], "street-order");
    cr_expect_not_null(strstr(dump, "connections_max: 4096"), "defaults are part of it:\n%s", dump);
    free(dump);
    free(again);
    loaded_deinit(&first);
    loaded_deinit(&second);
}

/* Puts value behind the first line that is just key. */
static void fill(char *text, const char *key, const char *value)
{
    char *at = strstr(text, key);
    cr_assert_not_null(at, "%s", key);
    at += strlen(key);
    memmove(at + strlen(value), at, strlen(at) + 1);
    memcpy(at, value, strlen(value));
}

static char *filled_sample(void)
{
    char *sample = text_of(conf_sample);
    sample = realloc(sample, strlen(sample) + 256);
    fill(sample, "\n  id:", " street-anlan");
    fill(sample, "\n  area:", " \"990101001\"");
    fill(sample, "\n  store:", " s");
    return sample;
}

Test(conf_outputs, the_sample_lacks_only_the_required_keys)
{
    char *sample = text_of(conf_sample);
    struct loaded loaded = scratch_load_text(&scratch, sample);
    cr_expect_eq(loaded.result, CONF_INVALID);
    cr_expect_eq(loaded.errors_count, 3);
    loaded_deinit(&loaded);
    free(sample);
    sample = filled_sample();
    loaded = load(sample);
    cr_expect_eq(loaded.conf->limits.connections_max, 4096);
    loaded_deinit(&loaded);
    free(sample);
}

static const char policy_text[] = "purposes: [{name: HANDLE}]\nkinds: []\nsecret_markers: {}\nrules: []\n";
static const char catalogue_text[] = "version: \"1\"\nlaws: []\n";

/* Removes a single "# " where a line starts with it. */
static void switch_on(char *text)
{
    char *out = text;
    for (char *line = text; *line;) {
        size_t margin = strspn(line, " "), size = strcspn(line, "\n");
        size += line[size] == '\n';
        memmove(out, line, margin);
        out += margin;
        size_t skip = margin + (strncmp(line + margin, "# ", 2) == 0 ? 2 : 0);
        memmove(out, line + skip, size - skip);
        out += size - skip;
        line += size;
    }
    *out = '\0';
}

Test(conf_outputs, the_sample_with_everything_switched_on_loads)
{
    scratch_write(&scratch, "pki/street-anlan.crt", "", 0);
    scratch_write(&scratch, "pki/street-anlan.key", "", 0);
    scratch_write(&scratch, "pki/street-anlan-sm2.crt", "", 0);
    scratch_write(&scratch, "pki/street-anlan-sm2.key", "", 0);
    scratch_write(&scratch, "pki/ca.crt", "", 0);
    scratch_write(&scratch, "pki/ca.crl", "", 0);
    scratch_write(&scratch, "pki/passphrase", "", 0);
    scratch_write(&scratch, "policy/default.yaml", policy_text, strlen(policy_text));
    scratch_write(&scratch, "catalogues/legal-basis.yaml", catalogue_text, strlen(catalogue_text));
    scratch_write(&scratch, "rules.yaml", "rules: []\n", 10);
    scratch_write(&scratch, "areas.csv", "code\n990101\n", 12);
    char *sample = filled_sample();
    switch_on(sample);
    struct loaded loaded = load(sample);
    cr_expect_eq(loaded.conf->listen_count, 2);
    cr_assert_eq(loaded.conf->links_count, 1);
    cr_expect_eq(loaded.conf->links[0].role, CONF_ROLE_PARENT);
    cr_assert_eq(loaded.conf->members_count, 1);
    cr_expect_eq(loaded.conf->members[0].services_count, 2);
    cr_expect_not_null(loaded.conf->tls.passphrase_file);
    cr_expect_not_null(loaded.conf->dead_letters.contact);
    cr_expect_not_null(loaded.conf->policy.read);
    cr_expect_str_eq(loaded.conf->members[0].type, "gov");
    loaded_deinit(&loaded);
    free(sample);
}

static json_t *property(json_t *object, const char *name)
{
    json_t *found = json_object_get(json_object_get(object, "properties"), name);
    cr_assert_not_null(found, "%s", name);
    return found;
}

Test(conf_outputs, the_schema_is_json_and_knows_the_keys)
{
    char *text = text_of(conf_schema);
    json_error_t error;
    json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(schema, "%s in line %d", error.text, error.line);
    cr_expect_str_eq(json_string_value(json_object_get(schema, "$schema")), "https://json-schema.org/draft/2020-12/schema");
    cr_expect(json_is_false(json_object_get(schema, "additionalProperties")));
    cr_expect_geq(json_object_size(json_object_get(schema, "properties")), 15);
    cr_expect_eq(json_array_size(json_object_get(property(schema, "node"), "required")), 3);
    cr_expect_eq(json_object_size(json_object_get(property(schema, "limits"), "properties")), 23);
    json_t *links = json_object_get(property(schema, "links"), "items");
    cr_expect_eq(json_array_size(json_object_get(links, "required")), 3);
    cr_expect_eq(json_array_size(json_object_get(property(links, "role"), "enum")), 3);
    json_t *count = property(property(schema, "limits"), "connections_max");
    cr_expect_eq(json_integer_value(json_object_get(count, "maximum")), 1000000);
    json_decref(schema);
    free(text);
}

Test(conf_outputs, a_reload_may_change_some_keys_and_names_the_others)
{
    char text[256];
    struct loaded running = load("node: {id: a, area: 990101, store: s}\nmembers: [{name: m, services: [x]}]\n");
    struct loaded same = load("# moved down by a line\nnode: {id: a, area: 990101, store: s}\nmembers: [{name: m, services: [x]}]\nlog: {level: debug}\nlimits: {connections_max: 5}\n");
    cr_expect_eq(conf_reload_conflicts(running.conf, same.conf, text, sizeof text), 0);
    cr_expect_str_eq(text, "");
    struct loaded other = load("node: {id: a, area: 990101, store: t}\nmembers: [{name: m, services: [y]}]\nlimits: {redial_ms_max: 5s}\n");
    cr_expect_eq(conf_reload_conflicts(running.conf, other.conf, text, sizeof text), 3);
    cr_expect_str_eq(text, "node.store\nmembers\nlimits.redial_ms_max\n");
    cr_expect_eq(conf_reload_conflicts(running.conf, other.conf, text, 15), 3);
    cr_expect_str_eq(text, "node.store\n");
    loaded_deinit(&running);
    loaded_deinit(&same);
    loaded_deinit(&other);
}

/* Whatever is left of a file: an answer, no crash; and if it is refused, the reason names the file. */
static void expect_an_answer(const char *text, size_t size)
{
    scratch_write(&scratch, "node.yaml", text, size);
    struct loaded loaded = scratch_load(&scratch, "node.yaml");
    cr_assert(loaded.result == CONF_OK || loaded.result == CONF_INVALID);
    cr_assert_eq(loaded.result == CONF_OK, loaded.conf != NULL);
    cr_assert_eq(loaded.result == CONF_OK, loaded.errors_count == 0);
    for (size_t i = 0; i < loaded.errors_count; i++)
        cr_assert_not_null(strstr(loaded.errors[i].file, "node.yaml"));
    loaded_deinit(&loaded);
}

Test(conf_outputs, a_file_cut_off_at_any_byte_gets_an_answer)
{
    for (size_t size = 0; size < sizeof full; size++)
        expect_an_answer(full, size);
    struct loaded loaded = load(full);
    char *dump = dump_of(loaded.conf);
    for (size_t size = 0; size <= strlen(dump); size++)
        expect_an_answer(dump, size);
    free(dump);
    loaded_deinit(&loaded);
}

Test(conf_outputs, a_file_with_any_byte_changed_gets_an_answer)
{
    static const char strange[] = "{}[]:,&*!|>'\"%@`#-? \n\t~<\0\x80\xff";
    uint32_t random = 12345;
    for (size_t i = 0; i < 4000; i++) {
        char text[sizeof full];
        memcpy(text, full, sizeof full);
        for (size_t changes = 0; changes <= i % 3; changes++) {
            random = random * 1664525u + 1013904223u;
            text[(random >> 8) % (sizeof full - 1)] = strange[(random >> 4) % (sizeof strange - 1)];
        }
        expect_an_answer(text, sizeof full - 1);
    }
}
