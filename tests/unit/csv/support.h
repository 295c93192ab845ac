/* What the tests of qiao-csv share. */
#ifndef TEST_CSV_SUPPORT_H
#define TEST_CSV_SUPPORT_H

#include "base/yaml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A new folder; removed by remove_folder. */
static inline char *make_folder(void)
{
    char *path = strdup("/tmp/qiao-csv-XXXXXX");
    cr_assert_not_null(mkdtemp(path));
    return path;
}

static inline void remove_folder(char *path)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    cr_assert_eq(system(command), 0);
    free(path);
}

static inline void write_file(const char *folder, const char *name, const void *data, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

/* The whole file, NUL terminated; the caller frees. NULL: there is none. */
static inline char *read_whole(const char *path)
{
    char *text = NULL;
    size_t size = 0, used;
    FILE *in = fopen(path, "r");
    if (!in)
        return NULL;
    FILE *out = open_memstream(&text, &size);
    char block[4096];
    while ((used = fread(block, 1, sizeof block, in)) > 0)
        fwrite(block, 1, used, out);
    fclose(in);
    fclose(out);
    return text;
}

/* Reads yaml text; problems are collected in *ret_problems, which the caller frees. */
static inline bool yaml_of(struct yaml *yaml, const char *text, FILE *problems_to)
{
    char path[] = "/tmp/qiao-yaml-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    bool good = yaml_init(yaml, path, problems_to);
    unlink(path);
    return good;
}

#endif
