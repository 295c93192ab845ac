#include "input.h"

#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void close_file(FILE **file)
{
    if (*file && *file != stdin)
        fclose(*file);
}

int input_read(const char *path, size_t size_max, char **ret_data, size_t *ret_size)
{
    __attribute__((cleanup(close_file))) FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *data;
    size_t size;

    if (!file)
        return command_fail(CTL_WRONG_USE, "cannot open %s: %s", path, strerror(errno));
    data = malloc(size_max + 1);
    if (!data)
        return command_fail(CTL_NO, "out of memory for %s", path);
    size = fread(data, 1, size_max + 1, file);
    if (ferror(file) || size > size_max) {
        free(data);
        return ferror(file) ? command_fail(CTL_NO, "cannot read %s: %s", path, strerror(errno))
                            : command_fail(CTL_WRONG_USE, "%s has more than %zu bytes, which is the most that may travel", path, size_max);
    }
    *ret_data = data;
    *ret_size = size;
    return CTL_OK;
}
