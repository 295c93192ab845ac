#include "areas.h"

#include "area/load.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX (512u * 1024 * 1024) /* a country has 35 MB */

/* Negative: -errno. */
static int read_whole(const char *path, struct buf *text)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC), result = fd < 0 || fstat(fd, &status) < 0 ? -errno : 0;
    for (ssize_t size = 1; result == 0 && size > 0;) {
        size = read(fd, buf_reserve(text, 1 << 20), 1 << 20);
        if (size < 0 && errno != EINTR) result = -errno;
        if (size > 0) text->size += (size_t)size;
        if (size < 0) size = 1;
        if (text->size > FILE_SIZE_MAX) result = -EFBIG;
    }
    if (fd >= 0) close(fd);
    return result;
}

static void tell(const char *file, const struct area_errors *found, struct conf_errors *errors)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct area_error *error = &found->items[i];
        conf_errors_add(errors, (struct conf_place){ file, (int)error->line, (int)error->column }, "areas.file", "%s", error->text);
    }
    if (found->total > found->count)
        conf_errors_add(errors, (struct conf_place){ file, 0, 0 }, "areas.file", "has %zu errors; the first %zu are told", found->total, found->count);
}

int conf_areas_load(const char *file, const char *charset, struct conf_errors *errors, struct area_table **ret_table)
{
    buf_auto text = { 0 };
    struct area_errors found = { 0 };
    int result = read_whole(file, &text);
    *ret_table = NULL;
    if (result < 0) {
        conf_errors_add(errors, (struct conf_place){ file, 0, 0 }, "areas.file", "cannot be read: %s", strerror(-result));
        return 0;
    }
    *ret_table = area_load(buf_bytes(&text), strcmp(charset, charset_names[CHARSET_GB18030]) == 0 ? CHARSET_GB18030 : CHARSET_UTF_8, &found);
    tell(file, &found, errors);
    area_errors_deinit(&found);
    return 0;
}

void conf_areas_free(struct area_table *table)
{
    area_table_free(table);
}
