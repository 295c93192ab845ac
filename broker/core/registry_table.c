#include "core/registry_table.h"

#include "core/registry_content.h"

#define ARENA_SIZE_MAX (8u * 1024u * 1024u)

/* ---- making and ending ---- */

struct registry *registry_new(const struct registry_options *options)
{
    struct registry *r = base_zalloc(sizeof *r);
    r->registrars = base_zalloc((options->registrars_count + 1) * sizeof *r->registrars);
    r->registrars_count = options->registrars_count;
    for (size_t i = 0; i < options->registrars_count; i++) {
        char *office = base_strdup(options->registrars[i]), *seat = strchr(office, '#');
        if (seat) *seat++ = '\0';
        r->registrars[i] = (struct registrar){ office, seat };
    }
    r->required = options->required;
    r->confirm_within_ms = options->confirm_within_ms;
    r->changes = 1;
    arena_init(&r->arena, ARENA_SIZE_MAX);
    return r;
}

static void free_organisation(struct organisation *o)
{
    free(o->id);
    free(o->code);
    free(o->name);
    free(o->area);
    buf_deinit(&o->record);
    free(o);
}

static void clear_waiting(struct registry_waiting *w)
{
    buf_deinit(&w->raw);
    free(w->org);
    free(w->registrar);
}

struct registry *registry_free(struct registry *r)
{
    if (!r) return NULL;
    for (size_t i = 0; i < r->count; i++) free_organisation(r->organisations[i]);
    for (size_t i = 0; i < r->waiting_count; i++) clear_waiting(&r->waiting[i]);
    for (size_t i = 0; i < r->registrars_count; i++) free(r->registrars[i].office);
    free(r->organisations);
    free(r->by_code);
    free(r->waiting);
    free(r->registrars);
    arena_deinit(&r->arena);
    free(r);
    return NULL;
}

/* ---- organisations ---- */

static bool is_closed(const struct organisation *o)
{
    return o->state == QIAO__V1__ORG_STATE__ORG_STATE_CLOSED;
}

size_t registry_behind(const struct registry *r, const char *id)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(r->organisations[middle]->id, id) <= 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

const struct organisation *registry_at(const struct registry *r, size_t index)
{
    return index < r->count ? r->organisations[index] : NULL;
}

const struct organisation *registry_find(const struct registry *r, const char *id)
{
    size_t behind = registry_behind(r, id);
    return behind > 0 && strcmp(r->organisations[behind - 1]->id, id) == 0 ? r->organisations[behind - 1] : NULL;
}

/* Where one with this code, closed or not, stands or would stand. */
static size_t code_place(const struct registry *r, const char *code, bool closed)
{
    size_t low = 0, high = r->by_code_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(r->by_code[middle]->code, code);
        if (order == 0) order = is_closed(r->by_code[middle]) - closed;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Any, a live one if there is one. */
static const struct organisation *with_code(const struct registry *r, const char *code)
{
    size_t at = code_place(r, code, false);
    return *code && at < r->by_code_count && strcmp(r->by_code[at]->code, code) == 0 ? r->by_code[at] : NULL;
}

const struct organisation *registry_find_code(const struct registry *r, const char *code)
{
    const struct organisation *o = with_code(r, code);
    return o && !is_closed(o) ? o : NULL;
}

const struct organisation *registry_find_name(const struct registry *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++)
        if (!is_closed(r->organisations[i]) && strcmp(r->organisations[i]->name, name) == 0) return r->organisations[i];
    return NULL;
}

const struct organisation *registry_of_member(const struct registry *r, const char *code, const char *name, const char *area)
{
    if (code && *code) return with_code(r, code);
    const struct organisation *o = registry_find(r, name);
    return o && !*o->code && strcmp(o->area, area) == 0 ? o : NULL;
}

static void insert(struct organisation **list, size_t *count, size_t at, struct organisation *o)
{
    memmove(list + at + 1, list + at, (*count - at) * sizeof(struct organisation *));
    list[at] = o;
    ++*count;
}

static void leave_codes(struct registry *r, const struct organisation *o)
{
    for (size_t i = 0; i < r->by_code_count; i++) {
        if (r->by_code[i] != o) continue;
        memmove(r->by_code + i, r->by_code + i + 1, (r->by_code_count - i - 1) * sizeof(struct organisation *));
        r->by_code_count--;
        return;
    }
}

static struct organisation *new_organisation(struct registry *r, const char *id)
{
    if (r->count == REGISTRY_ORGANISATIONS_MAX) return NULL;
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 16;
        r->organisations = base_realloc(r->organisations, r->capacity * sizeof(struct organisation *));
        r->by_code = base_realloc(r->by_code, r->capacity * sizeof(struct organisation *));
    }
    struct organisation *o = base_zalloc(sizeof *o);
    insert(r->organisations, &r->count, registry_behind(r, id), o);
    o->id = base_strdup(id);
    o->code = base_strdup("");
    return o;
}

static void replace(char **text, const char *by)
{
    char *copy = base_strdup(by);
    free(*text);
    *text = copy;
}

static bool is_sound(const Qiao__V1__OrgRecord *record)
{
    const Qiao__V1__Organisation *o = record->organisation;
    return o && *o->org_id && strlen(o->org_id) <= QIAO_ORG_SIZE_MAX && record->version > 0 && record->digest.len == SEAL_DIGEST_SIZE &&
           record->state >= QIAO__V1__ORG_STATE__ORG_STATE_LIVE && record->state <= QIAO__V1__ORG_STATE__ORG_STATE_CLOSED;
}

bool registry_set(struct registry *r, const Qiao__V1__OrgRecord *record)
{
    if (!is_sound(record)) return false;
    const char *id = record->organisation->org_id;
    size_t behind = registry_behind(r, id);
    bool known = behind > 0 && strcmp(r->organisations[behind - 1]->id, id) == 0;
    struct organisation *o = known ? r->organisations[behind - 1] : new_organisation(r, id);
    if (!o) return false;
    leave_codes(r, o);
    replace(&o->code, record->organisation->uscc);
    replace(&o->name, record->organisation->name);
    replace(&o->area, record->organisation->area_code);
    o->state = record->state;
    o->version = record->version;
    o->kind = record->kind;
    memcpy(o->digest, record->digest.data, SEAL_DIGEST_SIZE);
    o->record.size = 0;
    size_t size = qiao__v1__org_record__get_packed_size(record);
    qiao__v1__org_record__pack(record, buf_reserve(&o->record, size));
    o->record.size = size;
    if (*o->code) insert(r->by_code, &r->by_code_count, code_place(r, o->code, is_closed(o)), o);
    r->changes++;
    return true;
}

static struct key organisation_key(const char *id)
{
    char name[QIAO_ORG_SIZE_MAX + 2] = "O";
    memcpy(name + 1, id, strlen(id) + 1); /* ids are bounded by is_sound */
    return key_named('N', name);
}

void registry_put(const struct registry *r, const char *id, const struct registry_sink *sink)
{
    struct key key = organisation_key(id);
    sink->put(sink->context, &key, buf_bytes(&registry_find(r, id)->record));
}

uint64_t registry_changes(const struct registry *r)
{
    return r->changes;
}

/* ---- what waits ---- */

const struct registry_waiting *registry_waiting_at(const struct registry *r, size_t index)
{
    return index < r->waiting_count ? &r->waiting[index] : NULL;
}

static struct key waiting_key(uint64_t number)
{
    struct key key = { .bytes = { 'N', 'W' }, .size = 10 };
    put_u64(key.bytes + 2, number);
    return key;
}

/* The body has been looked at by content_read when it came; what cannot be read any more was not written by this program. */
static bool describe(struct registry *r, struct registry_waiting *w)
{
    struct envelope e;
    struct org_change change;
    char reason[REGISTRY_REASON_SIZE];
    if (envelope_open(buf_bytes(&w->raw), &e) != QIAO_CODE_OK || !registry_is_kind(e.header.kind)) return false;
    if (content_read(&r->arena, &e, &change, reason) != QIAO_CODE_OK) return false;
    w->org = base_strdup(change.org);
    w->registrar = base_strdup(change.registrar);
    w->version = change.version;
    w->kind = change.kind;
    memcpy(w->digest, change.digest, SEAL_DIGEST_SIZE);
    return true;
}

struct registry_waiting *registry_add_waiting(struct registry *r, uint64_t number, struct qiao_bytes raw, uint64_t since_ms, uint64_t until_ms, bool for_version)
{
    struct registry_waiting w = { .number = number ? number : r->last_number + 1, .since_ms = since_ms, .until_ms = until_ms, .for_version = for_version };
    if (r->waiting_count == REGISTRY_WAITING_MAX) return NULL;
    buf_append(&w.raw, raw.data, raw.size);
    if (!describe(r, &w)) {
        clear_waiting(&w);
        return NULL;
    }
    if (r->waiting_count == r->waiting_capacity) {
        r->waiting_capacity = r->waiting_capacity ? r->waiting_capacity * 2 : 8;
        r->waiting = base_realloc(r->waiting, r->waiting_capacity * sizeof *r->waiting);
    }
    if (w.number > r->last_number) r->last_number = w.number;
    r->waiting[r->waiting_count++] = w;
    r->changes++;
    return &r->waiting[r->waiting_count - 1];
}

void registry_put_waiting(const struct registry_waiting *w, const struct registry_sink *sink)
{
    Qiao__V1__OrgWaiting record = QIAO__V1__ORG_WAITING__INIT;
    struct key key = waiting_key(w->number);
    buf_auto packed = { 0 };
    record.envelope = (ProtobufCBinaryData){ w->raw.size, w->raw.data };
    record.since_ms = w->since_ms;
    record.until_ms = w->until_ms;
    record.for_version = w->for_version;
    size_t size = qiao__v1__org_waiting__get_packed_size(&record);
    qiao__v1__org_waiting__pack(&record, buf_reserve(&packed, size));
    packed.size = size;
    sink->put(sink->context, &key, buf_bytes(&packed));
}

void registry_take_waiting(struct registry *r, size_t index, struct buf *ret_raw, const struct registry_sink *sink)
{
    struct registry_waiting w = r->waiting[index];
    struct key key = waiting_key(w.number);
    memmove(r->waiting + index, r->waiting + index + 1, (r->waiting_count - index - 1) * sizeof *r->waiting);
    r->waiting_count--;
    r->changes++;
    sink->remove(sink->context, &key);
    *ret_raw = w.raw;
    w.raw = (struct buf){ 0 };
    clear_waiting(&w);
}

/* ---- the store ---- */

static bool load_organisation(struct registry *r, struct qiao_bytes key, struct qiao_bytes value)
{
    Qiao__V1__OrgRecord *record = pb_depth_ok(value) ? qiao__v1__org_record__unpack(&r->arena.protobuf, value.size, value.data) : NULL;
    if (!record || !is_sound(record)) return false;
    return qiao_bytes_equal(qiao_bytes_from_string(record->organisation->org_id), qiao_bytes(key.data + 2, key.size - 2)) && registry_set(r, record);
}

static bool load_waiting(struct registry *r, struct qiao_bytes key, struct qiao_bytes value)
{
    Qiao__V1__OrgWaiting *record = key.size == 10 && pb_depth_ok(value) ? qiao__v1__org_waiting__unpack(&r->arena.protobuf, value.size, value.data) : NULL;
    if (!record) return false;
    return registry_add_waiting(r, get_u64(key.data + 2), qiao_bytes(record->envelope.data, record->envelope.len), record->since_ms, record->until_ms, record->for_version) != NULL;
}

bool registry_load(struct registry *r, struct qiao_bytes key, struct qiao_bytes value)
{
    arena_reset(&r->arena);
    if (key.size < 3 || key.data[0] != 'N') return false;
    if (key.data[1] == 'O') return load_organisation(r, key, value);
    return key.data[1] == 'W' && load_waiting(r, key, value);
}

const char *registry_check_record(struct qiao_bytes key, struct qiao_bytes value)
{
    struct registry *r = registry_new(&(struct registry_options){ 0 });
    bool sound = registry_load(r, key, value);
    registry_free(r);
    return sound ? NULL : "not a record of the register of organisations";
}
