/* Files -> trees -> struct conf. Reads in order: conf_load, then what it calls. */
#include "build.h"

#include "areas.h"
#include "policy.h"
#include "rules.h"
#include "value.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 1000u

static int read_files(struct build *build, const char *path);
static int make(struct build *build);
static void build_deinit(struct build *build);

int conf_load(const char *path, struct conf **ret_conf, struct conf_error **ret_errors, size_t *ret_errors_count)
{
    __attribute__((cleanup(build_deinit))) struct build build = { .conf = calloc(1, sizeof(struct conf)) };
    *ret_conf = NULL;
    *ret_errors = NULL;
    *ret_errors_count = 0;
    if (!build.conf || !(build.conf->path = strdup(path)))
        return -ENOMEM;
    int r = read_files(&build, path);
    if (r == 0)
        r = make(&build);
    if (r < 0 || build.errors.out_of_memory)
        return r < 0 ? r : -ENOMEM;
    if (build.errors.count > 0) {
        conf_errors_sort(&build.errors);
        *ret_errors = build.errors.items;
        *ret_errors_count = build.errors.count;
        build.errors = (struct conf_errors){ 0 };
        return CONF_INVALID;
    }
    *ret_conf = build.conf;
    build.conf = NULL;
    return CONF_OK;
}

static void build_deinit(struct build *build)
{
    for (size_t i = 0; i < build->trees_count; i++)
        tree_deinit(&build->trees[i]);
    free(build->trees);
    free(build->listen.items);
    free(build->links.items);
    free(build->members.items);
    conf_errors_deinit(&build->errors);
    conf_free(build->conf);
}

/* A file that is no YAML makes every missing key uncertain: then only what is wrong for itself is reported. */
static int make(struct build *build)
{
    bool broken = false;
    for (size_t i = 0; i < build->trees_count; i++) {
        int r = build->trees[i].broken ? 0 : build_apply(build, &build->trees[i]);
        if (r < 0)
            return r;
        broken = broken || build->trees[i].broken;
    }
    if (broken)
        return 0;
    int r = build_complete(build);
    return r < 0 ? r : build_check(build);
}

static int is_part(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 5 && strcmp(entry->d_name + size - 5, ".yaml") == 0;
}

/* By bytes, whatever the locale says. */
static int compare_parts(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

struct parts {
    char *folder;
    struct dirent **entries;
    int count;
};

static void parts_deinit(struct parts *parts)
{
    for (int i = 0; i < parts->count; i++)
        free(parts->entries[i]);
    free(parts->entries);
    free(parts->folder);
}

/* conf.d beside the file; no such folder is fine. */
static int find_parts(struct build *build, const char *path, struct parts *parts)
{
    const char *slash = strrchr(path, '/');
    if (asprintf(&parts->folder, "%.*sconf.d", slash ? (int)(slash - path + 1) : 0, path) < 0) {
        parts->folder = NULL;
        return -ENOMEM;
    }
    int count = scandir(parts->folder, &parts->entries, is_part, compare_parts);
    if (count < 0 && errno == ENOMEM)
        return -ENOMEM;
    if (count < 0 && errno != ENOENT)
        conf_errors_add(&build->errors, (struct conf_place){ parts->folder, 0, 0 }, "", "cannot be read: %s", strerror(errno));
    parts->count = count < 0 ? 0 : count;
    if (parts->count > (int)FILES_MAX) {
        conf_errors_add(&build->errors, (struct conf_place){ parts->folder, 0, 0 }, "", "more than %u files", FILES_MAX);
        for (; parts->count > (int)FILES_MAX; parts->count--)
            free(parts->entries[parts->count - 1]);
    }
    return 0;
}

/* One file more: a tree while the configuration is made, a name as long as it lives. Negative: -errno. */
static int read_file(struct build *build, const char *path)
{
    struct conf *conf = build->conf;
    int r = tree_init(&build->trees[build->trees_count++], path, &build->errors);
    if (r == 0 && !(conf->files[conf->files_count++] = strdup(path)))
        r = -ENOMEM;
    return r;
}

static int read_files(struct build *build, const char *path)
{
    __attribute__((cleanup(parts_deinit))) struct parts parts = { 0 };
    int r = find_parts(build, path, &parts);
    if (r < 0)
        return r;
    build->trees = calloc((size_t)parts.count + 1, sizeof *build->trees);
    build->conf->files = calloc((size_t)parts.count + 1, sizeof(char *));
    if (!build->trees || !build->conf->files)
        return -ENOMEM;
    r = read_file(build, path);
    for (int i = 0; r == 0 && i < parts.count; i++) {
        char *part = NULL;
        if (asprintf(&part, "%s/%s", parts.folder, parts.entries[i]->d_name) < 0)
            return -ENOMEM;
        r = read_file(build, part);
        free(part);
    }
    return r;
}

static void clear_items(enum conf_base base_kind, void *base);

static void clear_list(const struct conf_item *item, void *base)
{
    static const enum conf_base bases[CONF_TYPES] = { [CONF_TYPE_LINK] = CONF_BASE_LINK, [CONF_TYPE_MEMBER] = CONF_BASE_MEMBER };
    char *elements = conf_item_list_get(item, base);
    size_t count = *conf_item_count(item, base), size = value_size(item->type);
    for (size_t i = 0; i < count; i++) {
        void *element = elements + i * size;
        if (value_mapping_prefix(item->type))
            clear_items(bases[item->type], element);
        else
            value_clear(item->type, element);
    }
    free(elements);
}

static void clear_items(enum conf_base base_kind, void *base)
{
    for (size_t i = 0; i < conf_items_count; i++) {
        if (conf_items[i].base != base_kind)
            continue;
        if (conf_items[i].list)
            clear_list(&conf_items[i], base);
        else
            value_clear(conf_items[i].type, conf_item_field(&conf_items[i], base));
    }
}

struct conf *conf_free(struct conf *conf)
{
    if (!conf)
        return NULL;
    clear_items(CONF_BASE_CONF, conf);
    conf_policy_free(conf->policy.read);
    conf_rules_free(conf->rules.read);
    for (size_t i = 0; i < conf->files_count; i++)
        free(conf->files[i]);
    free(conf->files);
    conf_areas_free(conf->areas.read);
    free(conf->path);
    free(conf);
    return NULL;
}
