#include "csv/config.h"
#include "support.h"

Test(csv_config, the_sample_is_valid)
{
    struct config config;
    cr_assert(config_load(&config, CSV_SAMPLE, stderr));
    cr_expect_str_eq(config.member, "hotline-intake");
    cr_expect_eq(config_delimiter(&config), ',');
    config_deinit(&config);
}

#define HEAD "member: m\ndirectory: { drop: a, done: b, quarantine: c, results: d, state: e }\n"
#define CASE                                                                                                                      \
    "case: { destination: 990101/x, case_id: \"{a}\", idempotency_key: \"{a}\", matter: A, title: t, place.area: 990101, reported_at: { column: b, time: \"%s\" } }\n"

static const struct { const char *text, *place, *told; } table[] = {
    { HEAD "file: { charset: GBK }\n" CASE, ":3:9:", "expected one of UTF-8, GB18030" },
    { HEAD "file: { charset: UTF-8, colour: red }\n" CASE, ":3:25:", "file.colour: unknown key" },
    { HEAD "file: { charset: UTF-8, columns_max: 0 }\n" CASE, ":3:25:", "expected a whole number from 1 to 4096" },
    { HEAD "file: { charset: UTF-8, zone: \"+8\" }\n" CASE, ":3:1:", "file.zone" },
    { HEAD "file: { charset: UTF-8 }\nsurprise: 1\n" CASE, ":4:1:", "surprise: unknown key" },
    { HEAD "file: { charset: UTF-8 }\n", "", "case: expected a mapping" },
    { HEAD "file: { charset: UTF-8 }\ncase: { title: \"{a\" }\n", ":4:9:", "{ without }" },
    { HEAD "file: { charset: UTF-8 }\ncase: { titel: a }\n", ":4:9:", "no such field" },
    { HEAD "file: { charset: UTF-8 }\ncase: { title: { column: a, table: t } }\n", ":4:29:", "no table \"t\"" },
    { HEAD "file: { charset: UTF-8 }\ncase: { title: { column: a, value: b } }\n", ":4:9:", "either column or value" },
    { HEAD "file: { charset: UTF-8 }\ncase: { reported_at: \"{a}\" }\n", ":4:9:", "needs time" },
    { HEAD "file: { charset: UTF-8 }\nmember: x\n" CASE, ":4:1:", "given twice" },
    { HEAD "file: { charset: UTF-8\n", "", "not YAML" },
    { HEAD "file: { charset: UTF-8 }\ntls: { key: k }\n" CASE, ":4:1:", "certificate, key and ca" },
    { HEAD "file: { charset: UTF-8 }\nnode: tls+tcp://h:1\n" CASE, ":4:1:", "needed for a node" },
    { "member: m\ndirectory: { drop: a, done: a, quarantine: c, results: d, state: e }\nfile: { charset: UTF-8 }\n" CASE, ":2:1:", "five different" },
    { "directory: { drop: a, done: b, quarantine: c, results: d, state: e }\nfile: { charset: UTF-8 }\n" CASE, "", "member: missing" },
    { "[1, 2]\n", "", "expected a mapping at the top" },
    { "a: &x 1\nb: *x\n", ":2:1:", "aliases are not used" },
};

Test(csv_config, what_is_wrong_is_told_with_its_place)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char path[] = "/tmp/qiao-config-XXXXXX", *told = NULL;
        size_t size = 0;
        int fd = mkstemp(path);
        cr_assert_eq(write(fd, table[i].text, strlen(table[i].text)), (ssize_t)strlen(table[i].text));
        close(fd);
        struct config config;
        FILE *out = open_memstream(&told, &size);
        bool good = config_load(&config, path, out);
        fclose(out);
        cr_expect_not(good, "row %zu", i);
        cr_expect(strncmp(told, path, strlen(path)) == 0, "row %zu: %s", i, told);
        cr_expect(strstr(told, table[i].place) && strstr(told, table[i].told), "row %zu: %s", i, told);
        config_deinit(&config);
        free(told);
        unlink(path);
    }
}
