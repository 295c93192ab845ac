/* Which files a configuration is made of. */
#include "plan/lint.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add(struct plan_files *files, const char *path, const char *relative)
{
    struct plan_file *grown = realloc(files->items, (files->count + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    files->items = grown;
    struct plan_file *file = &files->items[files->count++];
    file->path = strdup(path);
    file->relative = strdup(relative);
    return file->path && file->relative ? 0 : -ENOMEM;
}

/* What lies elsewhere belongs to others as well, and is left where it is. */
static int add_below(struct plan_files *files, const char *folder, const char *path)
{
    size_t size = strlen(folder);
    if (!path || strncmp(path, folder, size) != 0 || path[size] != '/')
        return 0;
    return add(files, path, path + size + 1);
}

static int is_part(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 5 && strcmp(entry->d_name + size - 5, ".yaml") == 0;
}

static int add_parts(struct plan_files *files, const char *folder)
{
    struct dirent **entries;
    char parts[4096], path[4400];
    int r = 0;
    (void)snprintf(parts, sizeof parts, "%.4000s/conf.d", folder);
    int count = scandir(parts, &entries, is_part, alphasort);
    for (int i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", parts, entries[i]->d_name);
        r = r == 0 ? add_below(files, folder, path) : r;
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return r;
}

static int add_all(struct plan_files *files, const struct conf *conf, const char *path, char *folder)
{
    *strrchr(folder, '/') = '\0';
    int r = add(files, path, "");
    if (r == 0)
        r = add_parts(files, folder);
    const char *const named[] = { conf->rules.file, conf->policy.file, conf->policy.catalogue };
    for (size_t i = 0; r == 0 && i < sizeof named / sizeof named[0]; i++)
        r = add_below(files, folder, named[i]);
    return r;
}

int plan_files_init(struct plan_files *files, const char *configuration)
{
    struct conf *conf;
    struct conf_error *errors;
    size_t count;
    *files = (struct plan_files){ 0 };
    int r = conf_load(configuration, &conf, &errors, &count);
    free(errors);
    if (r != CONF_OK)
        return r;
    char *path = realpath(configuration, NULL), *folder = path ? strdup(path) : NULL;
    r = folder ? add_all(files, conf, path, folder) : -ENOMEM;
    free(folder);
    free(path);
    conf_free(conf);
    return r;
}

void plan_files_deinit(struct plan_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].path);
        free(files->items[i].relative);
    }
    free(files->items);
    *files = (struct plan_files){ 0 };
}
