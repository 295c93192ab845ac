#include "scratch.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void scratch_init(struct scratch *scratch)
{
    snprintf(scratch->folder, sizeof scratch->folder, "/tmp/qiao-conf-XXXXXX");
    cr_assert_not_null(mkdtemp(scratch->folder));
    scratch_write(scratch, "c.crt", "", 0);
    scratch_write(scratch, "c.key", "", 0);
    scratch_write(scratch, "ca.crt", "", 0);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void scratch_deinit(struct scratch *scratch) { nftw(scratch->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS); }

void scratch_write(const struct scratch *scratch, const char *name, const char *text, size_t size)
{
    char path[256];
    const char *slash = strchr(name, '/');
    if (slash) {
        snprintf(path, sizeof path, "%s/%.*s", scratch->folder, (int)(slash - name), name);
        mkdir(path, 0755);
    }
    snprintf(path, sizeof path, "%s/%s", scratch->folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

struct loaded scratch_load(const struct scratch *scratch, const char *name)
{
    char path[256];
    struct loaded loaded;
    snprintf(path, sizeof path, "%s/%s", scratch->folder, name);
    loaded.result = conf_load(path, &loaded.conf, &loaded.errors, &loaded.errors_count);
    return loaded;
}

struct loaded scratch_load_text(const struct scratch *scratch, const char *text)
{
    scratch_write(scratch, "node.yaml", text, strlen(text));
    return scratch_load(scratch, "node.yaml");
}

void loaded_deinit(struct loaded *loaded)
{
    loaded->conf = conf_free(loaded->conf);
    free(loaded->errors);
}

char *loaded_text(const struct loaded *loaded)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < loaded->errors_count; i++)
        conf_error_print(&loaded->errors[i], out);
    fclose(out);
    return text;
}
