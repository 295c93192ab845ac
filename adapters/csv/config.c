#include "config.h"

#include "base/items.h"
#include "base/charset.h"
#include "validate.h"

#include <stddef.h>
#include <string.h>

static const char *const delimiters[] = { "comma", "semicolon", "tab", NULL };
static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };

#define AT(field) offsetof(struct config, field)
static const struct item items[] = {
    { "node", ITEM_TEXT, AT(node), 0, 512, "", NULL, "URL of the node; empty: environment variable QIAO_NODE" },
    { "member", ITEM_TEXT, AT(member), 1, 64, NULL, NULL, "name of this member at its node" },
    { "tls.certificate", ITEM_TEXT, AT(certificate), 0, 4096, "", NULL, "this member's certificate, PEM" },
    { "tls.key", ITEM_TEXT, AT(key), 0, 4096, "", NULL, "its key, PEM" },
    { "tls.ca", ITEM_TEXT, AT(ca), 0, 4096, "", NULL, "the federation's CA certificate, PEM" },
    { "directory.drop", ITEM_TEXT, AT(drop), 1, 3000, NULL, NULL, "where the legacy system puts its files" },
    { "directory.done", ITEM_TEXT, AT(done), 1, 3000, NULL, NULL, "where a file goes when the node has all of its rows; same file system as drop" },
    { "directory.quarantine", ITEM_TEXT, AT(quarantine), 1, 3000, NULL, NULL, "bad rows and files that cannot be read; same file system as drop" },
    { "directory.results", ITEM_TEXT, AT(results), 1, 3000, NULL, NULL, "one file of outcomes for each file taken" },
    { "directory.state", ITEM_TEXT, AT(state), 1, 3000, NULL, NULL, "the journal and copies of files in work" },
    { "file.pattern", ITEM_TEXT, AT(pattern), 1, 256, "*.csv", NULL, "names that are taken, as a shell pattern" },
    { "file.charset", ITEM_CHOICE, AT(charset), 0, 0, NULL, charset_names, "UTF-8 or GB18030; decoded strictly" },
    { "file.delimiter", ITEM_CHOICE, AT(delimiter), 0, 0, "comma", delimiters, "between fields" },
    { "file.zone", ITEM_TEXT, AT(zone), 1, 64, "+08:00", NULL, "of times in the file: an offset, or a name such as Asia/Shanghai" },
    { "file.row_bytes_max", ITEM_NUMBER, AT(row_bytes_max), 64, 1048576, "262144", NULL, "largest row, bytes" },
    { "file.field_bytes_max", ITEM_NUMBER, AT(field_bytes_max), 16, 1048576, "65536", NULL, "largest field, bytes" },
    { "file.columns_max", ITEM_NUMBER, AT(columns_max), 1, 4096, "256", NULL, "most columns" },
    { "file.bytes_max", ITEM_NUMBER, AT(file_bytes_max), 64, UINT64_C(1) << 40, "1073741824", NULL, "largest file, bytes" },
    { "file.settle_ms", ITEM_NUMBER, AT(settle_ms), 0, 3600000, "5000", NULL, "how long a file must not have changed when nothing told that it was closed, ms" },
    { "file.rescan_ms", ITEM_NUMBER, AT(rescan_ms), 100, 3600000, "30000", NULL, "how often the folder is looked through although nothing told of a change, ms" },
    { "send.expires_hours", ITEM_NUMBER, AT(expires_hours), 0, 87600, "0", NULL, "a case that no office decides within this time ends as expired; 0: never" },
    { "send.in_flight_max", ITEM_NUMBER, AT(in_flight_max), 1, 10000000, "200000", NULL, "rows without outcome at which reading stops" },
    { "log.level", ITEM_CHOICE, AT(log_level), 0, 0, "info", log_levels, "error, warning, info or debug" },
};
enum { ITEMS = sizeof items / sizeof *items };
static const char *const sections_of_the_map[] = { "tables", "case", "fields", NULL };

static void check_together(struct config *config, struct yaml *yaml);

bool config_load(struct config *config, const char *path, FILE *problems_to)
{
    *config = (struct config){ 0 };
    struct yaml yaml;
    bool good = yaml_init(&yaml, path, problems_to);
    if (good) {
        items_fill(&yaml, items, ITEMS, sections_of_the_map, config);
        check_together(config, &yaml);
        config->map = map_new(&yaml, config->zone);
        good = yaml.problems == 0;
    }
    yaml_deinit(&yaml);
    return good;
}

void config_deinit(struct config *config)
{
    items_free(items, ITEMS, config);
    config->map = map_free(config->map);
}

char config_delimiter(const struct config *config) { return ",;\t"[config->delimiter]; }

void config_help(FILE *out) { items_help(items, ITEMS, out); }

static void check_different(struct config *config, struct yaml *yaml)
{
    const char *const folders[] = { config->drop, config->done, config->quarantine, config->results, config->state };
    for (size_t i = 0; i < 5; i++)
        for (size_t j = i + 1; j < 5; j++)
            if (strcmp(folders[i], folders[j]) == 0 && folders[i][0]) {
                yaml_problem(yaml, yaml_find(&yaml->root, "directory"), "directory", "found \"%s\" twice; expected five different folders", folders[i]);
                return;
            }
}

/* What no single key can tell. */
static void check_together(struct config *config, struct yaml *yaml)
{
    check_different(config, yaml);
    const struct yaml_node *file = yaml_find(&yaml->root, "file");
    if (!validate_zone(config->zone))
        yaml_problem(yaml, file, "file.zone", "found \"%s\"; expected an offset such as +08:00 or the name of a zone of this machine", config->zone);
    const struct yaml_node *tls = yaml_find(&yaml->root, "tls");
    bool any = config->certificate[0] || config->key[0] || config->ca[0];
    bool all = config->certificate[0] && config->key[0] && config->ca[0];
    if (any && !all)
        yaml_problem(yaml, tls, "tls", "expected certificate, key and ca, or none of them");
    if (!all && strncmp(config->node, "tls", 3) == 0)
        yaml_problem(yaml, tls ? tls : yaml_find(&yaml->root, "node"), "tls", "needed for a node that is reached by %s", config->node);
}
