/* A whole country of made-up areas, in the numbers of 2024, as CSV: how long it takes to load, what it weighs, how long a lookup takes when
 * nothing of the table is in a cache. Prints one JSON object.
 *
 *   area_bench [--write FILE]      FILE: keep the CSV */
#include "area/load.h"
#include "area/resolve.h"
#include "base/prng.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { CITIES = 98, DISTRICTS = 3255, STREETS = 41351, COMMUNITIES = 620572, VOIDED = 6200, GROUP = 16, GROUPS_MAX = 20000, CACHES = 96 << 20 };

static struct prng prng;
static char (*codes)[AREA_CODE_DIGITS_MAX + 1]; /* of communities, as messages write them */
static size_t codes_count;

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint32_t below(uint32_t bound)
{
    return (uint32_t)(prng_next(&prng) % bound);
}

static void __attribute__((format(printf, 2, 3))) add(struct buf *csv, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    csv->size += (size_t)vsnprintf((char *)buf_reserve(csv, 512), 512, format, arguments);
    va_end(arguments);
}

/* Two to four characters of the 1 200 most common ones' block, and what such a place is called. */
static const char *name(char text[96], const char *const *kinds, uint32_t kinds_count)
{
    size_t at = 0;
    for (uint32_t i = 0, count = 2 + below(100) / 45; i < count; i++) {
        uint32_t c = 0x4e00 + below(1200) * 7;
        text[at++] = (char)(0xe0 | c >> 12);
        text[at++] = (char)(0x80 | (c >> 6 & 63));
        text[at++] = (char)(0x80 | (c & 63));
    }
    snprintf(text + at, 96 - at, "%s", kinds[below(kinds_count)]);
    return text;
}

static void add_community(struct buf *csv, const char *street, uint32_t number, uint32_t others)
{
    static const char *const kinds[] = { "社区居委会", "社区居民委员会", "村委会", "村民委员会", "村委会" };
    char text[96];
    const char *called = name(text, kinds, 5);
    snprintf(codes[codes_count], sizeof *codes, "%.9s%03u", street, number % 1000);
    if (number > 1 && below(COMMUNITIES / VOIDED) == 0) add(csv, "%s,%s,,,1990-01-01,2023-12-31,%.9s%03u,\r\n", codes[codes_count], called, street, 1 + below(others) % (number - 1));
    else add(csv, "%s,%s,community,,,,,\r\n", codes[codes_count], called);
    codes_count++;
}

/* Streets have from none to thirty communities, districts from one to twenty-five streets; at the end all are there. */
static void add_street(struct buf *csv, uint32_t district, uint32_t number, uint32_t communities)
{
    static const char *const kinds[] = { "街道", "镇", "乡", "街道办事处" };
    char code[13], text[96];
    snprintf(code, sizeof code, "%06u%03u000", district, number % 1000);
    add(csv, "%s,%s,,,,,,\r\n", code, name(text, kinds, 4));
    for (uint32_t i = 1; i <= communities; i++) add_community(csv, code, i, communities);
}

static uint32_t share(uint32_t left, uint32_t places, uint32_t most)
{
    if (places == 1) return left;
    uint32_t part = below(2 * (left / places) + 1);
    return part > most ? most : part;
}

static void make_country(struct buf *csv)
{
    static const char *const kinds[] = { "区", "县", "市" };
    char text[96];
    uint32_t streets = STREETS, communities = COMMUNITIES, districts = 0;
    codes = base_alloc(COMMUNITIES * sizeof *codes);
    add(csv, "code,name,level,parent,valid_from,valid_to,successors,aliases\r\n99,中试省,,,,,,\r\n");
    for (uint32_t city = 1; city <= CITIES; city++) add(csv, "99%02u,%s,,,,,,\r\n", city, name(text, kinds + 2, 1));
    for (; districts < DISTRICTS; districts++) {
        uint32_t code = 990000 + (districts % CITIES + 1) * 100 + districts / CITIES + 1, count = share(streets, DISTRICTS - districts, 150);
        add(csv, "%06u000000,%s,,,,,,\r\n", code, name(text, kinds, 3));
        for (uint32_t i = 1; i <= count; i++, streets--) {
            uint32_t inside = share(communities, streets, 190);
            add_street(csv, code, i, inside);
            communities -= inside;
        }
    }
}

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct question {
    const struct area_table *table;
    bool miss;                     /* codes that are not there */
    bool resolve;                  /* not only found */
    uint8_t *caches;               /* swept before each group, so that nothing is in a cache; NULL: as random questions leave them */
};

static uint32_t ask(const struct question *question, const char *text)
{
    struct area_code code;
    struct area_resolution resolution;
    area_code_read(qiao_bytes(text, AREA_CODE_DIGITS_MAX), &code);
    if (!question->resolve) return area_find(question->table, code);
    area_resolve(question->table, code, 20000, 20000, AREA_ACCEPT_OLD_DAYS, &resolution);
    return (uint32_t)resolution.answer;
}

/* Nanoseconds of a lookup of one random code among all communities, from the text on: the median over groups. Each lookup waits for the one
 * before, as it would in a program that does something else between them. */
static double lookup_ns(const struct question *question)
{
    static double took[GROUPS_MAX];
    static volatile uint32_t zero;
    size_t groups = question->caches ? 300 : GROUPS_MAX;
    uint32_t found = 0;
    for (size_t g = 0; g < groups; g++) {
        char asked[GROUP][AREA_CODE_DIGITS_MAX + 1];
        for (size_t i = 0; question->caches && i < CACHES; i += 64) question->caches[i]++;
        for (size_t i = 0; i < GROUP; i++) {
            memcpy(asked[i], codes[below((uint32_t)codes_count)], sizeof asked[i]);
            if (question->miss) memcpy(asked[i] + 9, "999", 3);
        }
        double from = seconds(CLOCK_MONOTONIC);
        for (size_t i = 0; i < GROUP; i++) found = ask(question, asked[i] + (found & zero));
        took[g] = (seconds(CLOCK_MONOTONIC) - from) / GROUP * 1e9;
    }
    qsort(took, groups, sizeof *took, by_size);
    return took[groups / 2];
}

/* What one random access to memory takes here, for comparison: a walk through a ring of lines, the median over parts of it. */
static double memory_ns(uint8_t *memory)
{
    enum { LINE = 64, LINES = CACHES / LINE, PARTS = 1000, STEPS = 200 };
    static double took[PARTS];
    uint32_t *order = base_alloc(LINES * sizeof *order), at = 0;
    for (uint32_t i = 0; i < LINES; i++) order[i] = i;
    for (uint32_t i = LINES - 1; i > 0; i--) { /* Sattolo: one ring */
        uint32_t k = below(i), kept = order[i];
        order[i] = order[k];
        order[k] = kept;
    }
    for (uint32_t i = 0; i < LINES; i++) memcpy(memory + (size_t)i * LINE, &order[i], sizeof *order);
    free(order);
    for (size_t part = 0; part < PARTS; part++) {
        double from = seconds(CLOCK_MONOTONIC);
        for (size_t i = 0; i < STEPS; i++) memcpy(&at, memory + (size_t)at * LINE, sizeof at);
        took[part] = (seconds(CLOCK_MONOTONIC) - from) / STEPS * 1e9;
    }
    memory[0] = (uint8_t)at;
    qsort(took, PARTS, sizeof *took, by_size);
    return took[PARTS / 2];
}

static void print_lookups(const struct area_table *table, uint8_t *caches)
{
    struct question hit = { table, false, false, NULL }, miss = { table, true, false, NULL }, resolve = { table, false, true, NULL }, cold = { table, false, false, caches };
    printf("\"hitNs\": %.1f, \"missNs\": %.1f, \"resolveNs\": %.1f, ", lookup_ns(&hit), lookup_ns(&miss), lookup_ns(&resolve));
    printf("\"coldHitNs\": %.1f, \"memoryNs\": %.1f}\n", lookup_ns(&cold), memory_ns(caches));
}

static bool write_file(const char *path, const struct buf *csv)
{
    FILE *file = fopen(path, "wb");
    bool written = file && fwrite(csv->data, 1, csv->size, file) == csv->size;
    return file && fclose(file) == 0 && written;
}

int main(int argc, char **argv)
{
    buf_auto csv = { 0 };
    struct area_errors errors = { 0 };
    prng_init(&prng, 1);
    make_country(&csv);
    if (argc == 3 && strcmp(argv[1], "--write") == 0) return write_file(argv[2], &csv) ? 0 : 1;
    uint8_t *caches = base_zalloc(CACHES);
    size_t before = allocated();
    double from = seconds(CLOCK_MONOTONIC), cpu_from = seconds(CLOCK_PROCESS_CPUTIME_ID);
    struct area_table *table = area_load(buf_bytes(&csv), CHARSET_UTF_8, &errors);
    double took = seconds(CLOCK_MONOTONIC) - from, cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_from;
    malloc_trim(0);
    size_t after = allocated();
    for (size_t i = 0; i < errors.count; i++) fprintf(stderr, "%u:%u: %s\n", errors.items[i].line, errors.items[i].column, errors.items[i].text);
    if (!table) return 1;
    size_t count = area_table_count(table);
    printf("{\"areas\": %zu, \"csvBytes\": %zu, \"loadSeconds\": %.3f, \"loadCpuSeconds\": %.3f, \"bytesPerArea\": %.2f, \"ownCountBytesPerArea\": %.2f, ", count, csv.size,
           took, cpu, (double)(after - before) / (double)count, (double)area_table_bytes(table) / (double)count);
    print_lookups(table, caches);
    area_table_free(table);
    area_errors_deinit(&errors);
    free(caches);
    free(codes);
    return 0;
}
