/* A configuration file of any content is taken or refused with a place and a reason; what is taken can be written out again. */
#include "fuzz.h"

#include "conf/conf.h"

#include <sys/mman.h>
#include <unistd.h>

/* libfyaml 0.7.12 loses 4 KiB of its own when some broken quoted strings end a file. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml\n";
}

static void check_errors(const struct conf_error *errors, size_t count)
{
    FUZZ_CHECK(count > 0);
    for (size_t i = 0; i < count; i++) FUZZ_CHECK(errors[i].line >= 0 && errors[i].column >= 0 && errors[i].text[0] != '\0');
}

static void use(const struct conf *conf)
{
    char text[256];
    char *written = NULL;
    size_t written_size = 0;
    FILE *out = open_memstream(&written, &written_size);
    if (!out) abort();
    conf_dump(conf, out);
    fclose(out);
    FUZZ_CHECK(written_size > 0);
    FUZZ_CHECK(conf_reload_conflicts(conf, conf, text, sizeof text) == 0);
    free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct conf *conf = NULL;
    struct conf_error *errors = NULL;
    size_t errors_count = 0;
    int fd = memfd_create("conf", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int result = conf_load(path, &conf, &errors, &errors_count);
    if (result == CONF_OK) use(conf);
    else check_errors(errors, errors_count);
    FUZZ_CHECK(result == CONF_OK || result == CONF_INVALID);
    free(errors);
    conf_free(conf);
    close(fd);
    return 0;
}
