#include "pack.h"

#include "rules.h"
#include "schema/case.pb-c.h"

#include <assert.h>
#include <stdlib.h>

static char *string_of(const struct map_record *record, enum target target)
{
    return (char *)(uintptr_t)text_string(&record->values[target].text);
}

static bool is_given(const struct map_record *record, enum target target) { return record->values[target].text.size > 0; }
static int64_t number_of(const struct map_record *record, enum target target) { return record->values[target].number; }

static void fill_place(const struct map_record *record, Qiao__V1__Place *place)
{
    qiao__v1__place__init(place);
    place->area = string_of(record, TARGET_AREA);
    place->grid = string_of(record, TARGET_GRID);
    place->address = string_of(record, TARGET_PLACE_ADDRESS);
    place->part_id = string_of(record, TARGET_PART_ID);
    place->has_coordinates = is_given(record, TARGET_LONGITUDE) && is_given(record, TARGET_LATITUDE);
    if (place->has_coordinates) {
        place->longitude_e7 = number_of(record, TARGET_LONGITUDE);
        place->latitude_e7 = number_of(record, TARGET_LATITUDE);
    }
}

static void fill_case(const struct map_record *record, Qiao__V1__CaseOpen *open)
{
    qiao__v1__case_open__init(open);
    open->title = string_of(record, TARGET_TITLE);
    open->text = string_of(record, TARGET_TEXT);
    open->matter = string_of(record, TARGET_MATTER);
    open->reported_at_ms = (uint64_t)number_of(record, TARGET_REPORTED_AT);
    open->occurred_at_ms = (uint64_t)number_of(record, TARGET_OCCURRED_AT);
    open->channel = (Qiao__V1__CaseChannel)number_of(record, TARGET_CHANNEL);
    open->object = (Qiao__V1__CaseObject)number_of(record, TARGET_OBJECT);
    open->contact_token = string_of(record, TARGET_CONTACT_TOKEN);
    open->wants_reply = number_of(record, TARGET_WANTS_REPLY) != 0;
    open->wants_anonymity = number_of(record, TARGET_WANTS_ANONYMITY) != 0;
}

static size_t fill_fields(const struct map *map, const struct map_record *record, Qiao__V1__Field *fields, Qiao__V1__Field **list)
{
    size_t count = 0;
    for (size_t i = 0; i < map->fields_count; i++) {
        if (record->fields[i].size == 0)
            continue;
        qiao__v1__field__init(&fields[count]);
        fields[count].name = map->field_names[i];
        fields[count].value = record->fields[i].data;
        list[count] = &fields[count];
        count++;
    }
    return count;
}

static void pack_body(const struct map *map, const struct map_record *record, struct text *body)
{
    Qiao__V1__CaseOpen open;
    Qiao__V1__Place place;
    Qiao__V1__ExternalId external = QIAO__V1__EXTERNAL_ID__INIT, *externals[1] = { &external };
    Qiao__V1__Field fields[MAP_FIELDS_MAX], *list[MAP_FIELDS_MAX];
    fill_case(record, &open);
    fill_place(record, &place);
    open.place = &place;
    external.system = string_of(record, TARGET_EXTERNAL_SYSTEM);
    external.id = string_of(record, TARGET_EXTERNAL_ID);
    open.external_ids = externals;
    open.n_external_ids = is_given(record, TARGET_EXTERNAL_ID);
    open.fields = list;
    open.n_fields = fill_fields(map, record, fields, list);
    size_t size = qiao__v1__case_open__get_packed_size(&open);
    uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        abort();
    qiao__v1__case_open__pack(&open, bytes);
    text_clear(body);
    text_add(body, bytes, size);
    free(bytes);
}

/* "area/org#seat": the target's check has seen to its form. */
static void split_address(const struct map_record *record, struct text *buffer, struct qiao_address *ret_address)
{
    text_clear(buffer);
    text_add_string(buffer, text_string(&record->values[TARGET_DESTINATION].text));
    char *slash = strchr(buffer->data, '/');
    assert(slash);
    *slash = 0;
    char *seat = strchr(slash + 1, '#');
    if (seat)
        *seat++ = 0;
    *ret_address = (struct qiao_address){ buffer->data, slash + 1, seat, NULL };
}

void pack_case(const struct map *map, const struct map_record *record, const struct qiao_id *id, uint64_t first_seen_ms, uint64_t expires_at_ms,
               struct packed *packed)
{
    pack_body(map, record, &packed->body);
    packed->message = (struct qiao_message){
        .id = *id,
        .kind = QIAO_KIND_CASE_OPEN,
        .case_id = string_of(record, TARGET_CASE_ID),
        .case_sequence = 1,
        .matter = string_of(record, TARGET_MATTER),
        .idempotency_key = string_of(record, TARGET_IDEMPOTENCY_KEY),
        .sent_at_ms = first_seen_ms,
        .expires_at_ms = expires_at_ms,
        .lane = (enum qiao_lane)number_of(record, TARGET_LANE),
        .status = (enum qiao_status)number_of(record, TARGET_STATUS),
        .privacy = (enum qiao_privacy)number_of(record, TARGET_PRIVACY),
        .body = qiao_bytes(text_string(&packed->body), packed->body.size),
    };
    split_address(record, &packed->address, &packed->message.destination);
}

void packed_deinit(struct packed *packed)
{
    text_deinit(&packed->body);
    text_deinit(&packed->address);
}

static void add_member(struct text *json, const char *key, const struct map_value *value, enum target_type type)
{
    text_add_string(json, ",");
    text_add_json(json, key);
    text_add_string(json, ":");
    if (type == TARGET_TYPE_TIME || type == TARGET_TYPE_LONGITUDE || type == TARGET_TYPE_LATITUDE)
        text_add_format(json, "%lld", (long long)value->number);
    else if (type == TARGET_TYPE_BOOLEAN)
        text_add_string(json, value->number ? "true" : "false");
    else
        text_add_json(json, text_string(&value->text));
}

void pack_json(const struct map *map, const struct map_record *record, uint64_t row, uint64_t line, struct text *json)
{
    text_add_format(json, "{\"row\":%llu,\"line\":%llu", (unsigned long long)row, (unsigned long long)line);
    for (int i = 0; i < TARGET_COUNT; i++)
        if (is_given(record, (enum target)i))
            add_member(json, target_specs[i].key, &record->values[i], target_specs[i].type);
    text_add_string(json, ",\"fields\":{");
    for (size_t i = 0, count = 0; i < map->fields_count; i++)
        if (record->fields[i].size > 0) {
            text_add_string(json, count++ ? "," : "");
            text_add_json(json, map->field_names[i]);
            text_add_string(json, ":");
            text_add_json(json, text_string(&record->fields[i]));
        }
    text_add_string(json, "}}");
}
