#include "csv/map.h"
#include "support.h"

static const char yaml_text[] =
    "tables:\n"
    "  matter: { \"噪音\": NOISE.LIVING, \"垃圾\": WASTE.BULKY }\n"
    "case:\n"
    "  destination: 990101/housing\n"
    "  case_id: \"x-{id}\"\n"
    "  idempotency_key: { column: id }\n"
    "  matter: { column: type, table: matter }\n"
    "  title: \"{type} {{{type}} row {:row} line {:line} {:file}\"\n"
    "  text: { value: \"{text}\", default: none }\n"
    "  place.area: { column: area }\n"
    "  place.longitude: \"{lon}\"\n"
    "  reported_at: { column: at, time: \"%Y-%m-%d %H:%M\" }\n"
    "  channel: { column: type, table: matter, default: hotline }\n"
    "  external.id: { column: id }\n"
    "fields:\n"
    "  extra: \"{text}\"\n";

static const char *const header[] = { "id", "type", "text", "area", "lon", "at" };

static struct map *map_of(const char *text)
{
    struct yaml yaml;
    cr_assert(yaml_of(&yaml, text, stderr));
    struct map *map = map_new(&yaml, "+08:00");
    yaml_deinit(&yaml);
    return map;
}

static const struct { const char *columns[6]; enum map_fault fault; const char *told; } rows[] = {
    { { "1", "垃圾", "", "990101001003", "", "2020-01-02 03:04" }, MAP_FAULT_CHOICE, "channel" },
    { { "5.10E+17", "噪音", "", "990101", "", "2020-01-02 03:04" }, MAP_FAULT_ROUNDED, "case_id" },
    { { "1", "不明", "", "990101", "", "2020-01-02 03:04" }, MAP_FAULT_LOOKUP, "不明" },
    { { "1", "", "", "990101", "", "2020-01-02 03:04" }, MAP_FAULT_MISSING, "matter" },
    { { "1", "噪音", "", "99010", "", "2020-01-02 03:04" }, MAP_FAULT_AREA, "place.area" },
    { { "1", "噪音", "", "990101", "181", "2020-01-02 03:04" }, MAP_FAULT_DEGREES, "place.longitude" },
    { { "1", "噪音", "", "990101", "", "2020-02-30 03:04" }, MAP_FAULT_TIME, "reported_at" },
    { { "", "噪音", "", "990101", "", "2020-02-20 03:04" }, MAP_FAULT_MISSING, "case_id" },
    { { "1234567890123456789012345678901234567890123456789012345678901234", "噪音", "", "990101", "", "2020-02-20 03:04" }, MAP_FAULT_SIZE, "case_id" },
};

Test(csv_map, what_is_wrong_is_told_with_its_field)
{
    struct map *map = map_of(yaml_text);
    struct map_record record = { 0 };
    char text[256];
    cr_assert(map_bind(map, header, 6, text, sizeof text));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct map_input input = { "f.csv", "abc", 1, 2, rows[i].columns, 6 };
        cr_expect_eq(map_row(map, &input, &record), rows[i].fault, "row %zu: %s", i, record.fault_text);
        cr_expect(strstr(record.fault_text, rows[i].told), "row %zu: %s", i, record.fault_text);
    }
    struct map_input few = { "f.csv", "abc", 1, 2, rows[0].columns, 5 };
    cr_expect_eq(map_row(map, &few, &record), MAP_FAULT_COLUMNS);
    map_record_deinit(&record);
    map_free(map);
}

Test(csv_map, a_good_row_becomes_what_the_rules_say)
{
    static const char text_of_map[] =
        "tables: { m: { a: NOISE.A } }\n"
        "case:\n  destination: 990101/housing#duty\n  case_id: \"x-{id}\"\n  idempotency_key: \"{id}\"\n  matter: { column: type, table: m }\n"
        "  title: \"{{{type}} {:row} {:line} {:file} {:digest}\"\n  text: { column: text, default: none }\n  place.area: { column: area }\n"
        "  place.longitude: \"{lon}\"\n  reported_at: { column: at, time: \"%Y-%m-%d %H:%M\" }\n  channel: hotline\nfields: { extra: \"{text}!\" }\n";
    static const char *const columns[] = { "　7 ", "a", "\t", "９９０１０１００１０００", "-116.5", "2020-01-02 03:04" };
    struct map *map = map_of(text_of_map);
    struct map_record record = { 0 };
    char text[256];
    cr_assert(map_bind(map, header, 6, text, sizeof text));
    struct map_input input = { "f.csv", "abc", 5, 9, columns, 6 };
    cr_assert_eq(map_row(map, &input, &record), MAP_FAULT_NONE, "%s", record.fault_text);
    cr_expect_str_eq(text_string(&record.values[TARGET_CASE_ID].text), "x-7");
    cr_expect_str_eq(text_string(&record.values[TARGET_MATTER].text), "NOISE.A");
    cr_expect_str_eq(text_string(&record.values[TARGET_TITLE].text), "{a} 5 9 f.csv abc");
    cr_expect_str_eq(text_string(&record.values[TARGET_TEXT].text), "none");
    cr_expect_str_eq(text_string(&record.values[TARGET_AREA].text), "990101001");
    cr_expect_eq(record.values[TARGET_LONGITUDE].number, -1165000000);
    cr_expect_eq(record.values[TARGET_REPORTED_AT].number, 1577905440000);
    cr_expect_eq(record.values[TARGET_CHANNEL].number, 1);
    cr_expect_eq(record.values[TARGET_PRIVACY].number, 2, "confidential is the default");
    cr_expect_str_eq(text_string(&record.fields[0]), "", "a template is empty if its columns are");
    cr_expect(map_uses_column(map, 2));
    map_record_deinit(&record);
    map_free(map);
}

Test(csv_map, a_header_without_a_column_is_refused)
{
    static const char *const lacking[] = { "id", "type", "text", "area", "lon" };
    static const char *const twice[] = { "id", "type", "text", "area", "lon", "at", "id" };
    struct map *map = map_of(yaml_text);
    char text[256];
    cr_expect_not(map_bind(map, lacking, 5, text, sizeof text));
    cr_expect(strstr(text, "\"at\" is not in"));
    cr_expect_not(map_bind(map, twice, 7, text, sizeof text));
    cr_expect(strstr(text, "\"id\" is more than once"));
    map_free(map);
}
