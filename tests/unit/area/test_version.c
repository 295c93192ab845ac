#include "area/version.h"
#include "tables.h"

static size_t digests;

/* FNV-1a, four times over with other beginnings: enough to tell tables apart. */
static void digest(void *context, struct qiao_bytes data, uint8_t ret_digest[AREA_VERSION_SIZE])
{
    (void)context;
    digests++;
    for (uint64_t k = 0; k < 4; k++) {
        uint64_t h = UINT64_C(0xcbf29ce484222325) + k;
        for (size_t i = 0; i < data.size; i++) h = (h ^ data.data[i]) * UINT64_C(0x100000001b3);
        memcpy(ret_digest + 8 * k, &h, 8);
    }
}

static bool are_same(const char *one, const char *other)
{
    uint8_t versions[2][AREA_VERSION_SIZE];
    struct area_table *tables[2] = { table_of(one), table_of(other) };
    for (size_t i = 0; i < 2; i++) {
        area_version(tables[i], digest, NULL, versions[i]);
        area_table_free(tables[i]);
    }
    return memcmp(versions[0], versions[1], AREA_VERSION_SIZE) == 0;
}

#define HEAD "code,name,level,parent,valid_from,valid_to,successors,aliases\n9901,c,,,,,,\n990102,d,,,,,,\n990103,e,,,,,,\n"

Test(area_version, the_same_rows_in_another_file_are_the_same_table)
{
    cr_expect(are_same("code,name\n990101,a\n990102,b\n", "name,code\nb,990102000000\na,990101000000\n"));
    cr_expect(are_same("code,level\n990101,district\n", "code,level\n990101,\n"));
}

Test(area_version, everything_a_row_says_is_in_it)
{
    static const char row[] = HEAD "990101,a,,,2020-01-01,2021-01-01,990102:SPLIT:0.5|990103,x|990188\n";
    static const char *const others[] = {
        HEAD "990101,b,,,2020-01-01,2021-01-01,990102:SPLIT:0.5|990103,x|990188\n", HEAD "990101,a,city,,2020-01-01,2021-01-01,990102:SPLIT:0.5|990103,x|990188\n",
        HEAD "990101,a,,9901,2020-01-01,2021-01-01,990102:SPLIT:0.5|990103,x|990188\n", HEAD "990101,a,,,2020-01-02,2021-01-01,990102:SPLIT:0.5|990103,x|990188\n",
        HEAD "990101,a,,,2020-01-01,2021-01-02,990102:SPLIT:0.5|990103,x|990188\n", HEAD "990101,a,,,2020-01-01,2021-01-01,990102:SPLIT:0.4|990103,x|990188\n",
        HEAD "990101,a,,,2020-01-01,2021-01-01,990102:RENAME:0.5|990103,x|990188\n", HEAD "990101,a,,,2020-01-01,2021-01-01,990102:SPLIT:0.5,x|990188\n",
        HEAD "990101,a,,,2020-01-01,2021-01-01,990102:SPLIT:0.5|990103,y|990188\n", HEAD "990101,a,,,2020-01-01,2021-01-01,990102:SPLIT:0.5|990103,x|990189\n",
        HEAD "990104,a,,,2020-01-01,2021-01-01,990102:SPLIT:0.5|990103,x|990188\n", HEAD,
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) cr_expect_not(are_same(row, others[i]), "%zu", i);
}

Test(area_version, a_large_table_is_digested_in_steps)
{
    static char csv[400000];
    size_t at = (size_t)snprintf(csv, sizeof csv, "code,name\n");
    for (unsigned i = 1; i < 9000; i++) at += (size_t)snprintf(csv + at, sizeof csv - at, "990101%03u%03u,community %u\n", i / 900 + 1, i % 900 + 1, i);
    cr_expect(are_same(csv, csv));
    cr_expect_gt(digests, 4u);
    char *last = strstr(csv, "community 8999");
    cr_assert_not_null(last);
    static char other[400000];
    memcpy(other, csv, sizeof csv);
    other[last - csv + 13] = '8';
    cr_expect_not(are_same(csv, other));
}
