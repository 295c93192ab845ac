#include "core/rules.h"

#include <stdlib.h>

/* Rates of one rule are kept for so many sources or destinations; more share what is left. A power of two. */
#define RATE_SLOTS 1024u
#define RATE_PROBES 8u

/* How much is used, in messages * 1000; goes down by the rate. 0: all of the burst is there. */
struct rate_slot {
    uint64_t key;                  /* hash of the address */
    uint64_t used;
    uint64_t at_ms;
};

/* For each value of a field, a bit for every rule that does not mind it. */
struct bits {
    uint64_t *words;
};

/* Texts have too many values for a table: the rules for those seen last are remembered, each at one place. Longer keys are worked out anew. */
#define CACHE_SLOTS 64u
#define CACHE_KEY_SIZE 104u

enum text_field { FIELD_TO, FIELD_FROM, FIELD_MATTER, FIELD_PURPOSE, TEXT_FIELDS };

struct cached {
    uint8_t key[CACHE_KEY_SIZE];
    size_t size;                   /* 0: nothing here yet */
    struct bits bits;
};

struct text_key {
    uint8_t bytes[CACHE_KEY_SIZE];
    size_t size;                   /* larger than that: not whole */
};

struct rules {
    const struct rules_tables *tables;
    size_t words;                  /* of one row */
    uint32_t *kinds;               /* that rules name, sorted */
    size_t kinds_count;
    struct bits any_kind, *by_kind; /* of kinds that no rule names, and of each of kinds */
    struct bits lanes[QIAO_LANES], classes[4], statuses[3], hops[1u << RULE_HOPS], cases[2];
    uint64_t *memory;              /* all rows */
    struct cached *cache[TEXT_FIELDS]; /* NULL: no rule minds this field */
    struct bits scratch[TEXT_FIELDS];
    uint64_t *cache_memory;
    struct rate_slot **rates;      /* of each rule, NULL until one is counted */
    bool concern_passing;
};

/* ---- building ---- */

static int compare_kinds(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void collect_kinds(struct rules *r)
{
    const struct rules_tables *t = r->tables;
    size_t total = 0, kept = 0;
    for (size_t i = 0; i < t->count; i++) total += t->rules[i].kinds_count;
    r->kinds = base_zalloc((total + 1) * sizeof *r->kinds);
    for (size_t i = 0; i < t->count; i++)
        for (size_t k = 0; k < t->rules[i].kinds_count; k++) r->kinds[r->kinds_count++] = t->rules[i].kinds[k];
    qsort(r->kinds, r->kinds_count, sizeof *r->kinds, compare_kinds);
    for (size_t i = 0; i < r->kinds_count; i++)
        if (kept == 0 || r->kinds[kept - 1] != r->kinds[i]) r->kinds[kept++] = r->kinds[i];
    r->kinds_count = kept;
}

static void add_bit(struct bits *row, size_t rule) { row->words[rule / 64] |= UINT64_C(1) << (rule % 64); }

static void add_bits(struct bits *rows, size_t count, uint32_t mask, size_t rule)
{
    for (size_t value = 0; value < count; value++)
        if (mask == 0 || mask >> value & 1) add_bit(&rows[value], rule);
}

static bool names_kind(const struct rule *rule, uint32_t kind)
{
    return rule->kinds_count == 0 || bsearch(&kind, rule->kinds, rule->kinds_count, sizeof kind, compare_kinds) != NULL;
}

static void compile(struct rules *r, size_t i)
{
    const struct rule *rule = &r->tables->rules[i];
    add_bits(r->lanes, QIAO_LANES, rule->lanes, i);
    add_bits(r->classes, 4, rule->classes, i);
    add_bits(r->statuses, 3, rule->statuses, i);
    add_bits(r->cases, 2, rule->cases, i);
    for (unsigned hops = 0; hops < 1u << RULE_HOPS; hops++)
        if (rule->hops == 0 || rule->hops & hops) add_bit(&r->hops[hops], i);
    if (rule->kinds_count == 0) add_bit(&r->any_kind, i);
    for (size_t k = 0; k < r->kinds_count; k++)
        if (names_kind(rule, r->kinds[k])) add_bit(&r->by_kind[k], i);
    r->concern_passing |= rule->hops == 0 || (rule->hops & ~(1u << RULE_HOP_ORIGIN)) != 0;
}

static void lay_out(struct rules *r, struct bits *rows, size_t count, size_t *used)
{
    for (size_t i = 0; i < count; i++, *used += r->words) rows[i].words = r->memory + *used;
}

static bool minds(const struct rule *rule, enum text_field field)
{
    const size_t counts[TEXT_FIELDS] = { rule->to_count, rule->from_count, rule->matters_count, rule->purposes_count };
    return counts[field] > 0;
}

static void make_caches(struct rules *r)
{
    r->cache_memory = base_zalloc((TEXT_FIELDS * (CACHE_SLOTS + 1) * r->words + 1) * sizeof *r->cache_memory);
    uint64_t *next = r->cache_memory;
    for (unsigned field = 0; field < TEXT_FIELDS; field++) {
        bool any = false;
        for (size_t i = 0; i < r->tables->count; i++) any |= minds(&r->tables->rules[i], field);
        if (!any) continue;
        r->cache[field] = base_zalloc(CACHE_SLOTS * sizeof *r->cache[field]);
        for (unsigned slot = 0; slot < CACHE_SLOTS; slot++, next += r->words) r->cache[field][slot].bits.words = next;
        r->scratch[field].words = next;
        next += r->words;
    }
}

struct rules *rules_new(const struct rules_tables *tables)
{
    struct rules *r = base_zalloc(sizeof *r);
    size_t used = 0;
    r->tables = tables;
    r->words = (tables->count + 63) / 64;
    collect_kinds(r);
    r->by_kind = base_zalloc((r->kinds_count + 1) * sizeof *r->by_kind);
    struct { struct bits *rows; size_t count; } const rows[] = {
        { &r->any_kind, 1 }, { r->by_kind, r->kinds_count }, { r->lanes, QIAO_LANES }, { r->classes, 4 }, { r->statuses, 3 }, { r->hops, 1u << RULE_HOPS }, { r->cases, 2 },
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) total += rows[i].count;
    r->memory = base_zalloc((total * r->words + 1) * sizeof *r->memory);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) lay_out(r, rows[i].rows, rows[i].count, &used);
    r->rates = base_zalloc((tables->count + 1) * sizeof(struct rate_slot *));
    for (size_t i = 0; i < tables->count; i++) compile(r, i);
    make_caches(r);
    return r;
}

struct rules *rules_free(struct rules *r)
{
    if (!r) return NULL;
    for (size_t i = 0; i < r->tables->count; i++) free(r->rates[i]);
    for (unsigned field = 0; field < TEXT_FIELDS; field++) free(r->cache[field]);
    free(r->cache_memory);
    free(r->rates);
    free(r->memory);
    free(r->by_kind);
    free(r->kinds);
    free(r);
    return NULL;
}

const struct rules_tables *rules_tables(const struct rules *rules) { return rules->tables; }

bool rules_concern_passing(const struct rules *rules) { return rules->concern_passing; }

/* ---- matching ---- */

bool rule_text_matches(const struct rule_text *pattern, struct qiao_bytes text)
{
    if (pattern->prefix ? text.size < pattern->size : text.size != pattern->size) return false;
    return pattern->size == 0 || memcmp(pattern->text, text.data, pattern->size) == 0;
}

bool rule_address_matches(const struct rule_address *p, const struct address *a, unsigned type)
{
    struct qiao_bytes root;
    if (p->form == RULE_ADDRESS_TYPE) return p->type == type;
    if (p->form == RULE_ADDRESS_SERVICE) return a->service.size > 0 && rule_text_matches(&p->service, a->service);
    if (a->service.size > 0) return false;
    if (address_is_set(a, &root)) return p->form == RULE_ADDRESS_SET && rule_text_matches(&p->area, root);
    return p->form == RULE_ADDRESS_ORG && rule_text_matches(&p->area, a->area) && (!p->org.text || rule_text_matches(&p->org, a->org));
}

static bool one_text_matches(const struct rule_text *patterns, size_t count, struct qiao_bytes text)
{
    for (size_t i = 0; i < count; i++)
        if (rule_text_matches(&patterns[i], text)) return true;
    return count == 0;
}

static bool one_address_matches(const struct rule_address *patterns, size_t count, const struct address *address, unsigned type)
{
    for (size_t i = 0; i < count; i++)
        if (rule_address_matches(&patterns[i], address, type)) return true;
    return count == 0;
}

static bool field_matches(const struct rule *rule, enum text_field field, const struct rules_question *q)
{
    const struct header *h = q->header;
    switch (field) {
    case FIELD_TO: return one_address_matches(rule->to, rule->to_count, &h->destination, q->to_type);
    case FIELD_FROM: return one_address_matches(rule->from, rule->from_count, &h->source, q->from_type);
    case FIELD_MATTER: return one_text_matches(rule->matters, rule->matters_count, h->matter);
    default: return one_text_matches(rule->purposes, rule->purposes_count, h->purpose);
    }
}

/* ---- what was worked out before ---- */

static void key_add(struct text_key *key, struct qiao_bytes part)
{
    if (key->size + part.size + 1 <= CACHE_KEY_SIZE) {
        if (part.size > 0) memcpy(key->bytes + key->size, part.data, part.size);
        key->bytes[key->size + part.size] = 0; /* no text has it inside */
    }
    key->size += part.size + 1;
}

static void key_of(struct text_key *key, enum text_field field, const struct rules_question *q)
{
    const struct header *h = q->header;
    const struct address *a = field == FIELD_TO ? &h->destination : &h->source;
    key->size = 1;
    key->bytes[0] = (uint8_t)(field == FIELD_TO ? q->to_type : field == FIELD_FROM ? q->from_type : 0);
    if (field == FIELD_MATTER || field == FIELD_PURPOSE) {
        key_add(key, field == FIELD_MATTER ? h->matter : h->purpose);
        return;
    }
    key_add(key, a->area);
    key_add(key, a->org);
    key_add(key, a->service);
}

/* Differs where texts usually do: at their ends. */
static unsigned slot_of(const struct text_key *key)
{
    uint64_t end = 0;
    size_t size = key->size < 12 ? key->size : 12;
    for (size_t i = 0; i < size; i++) end = end * 31 + key->bytes[key->size - 1 - i];
    return (unsigned)((end * 0x9e3779b97f4a7c15u) >> 58) % CACHE_SLOTS;
}

static void work_out(const struct rules *r, struct bits *out, enum text_field field, const struct rules_question *q)
{
    memset(out->words, 0, r->words * sizeof *out->words);
    for (size_t i = 0; i < r->tables->count; i++)
        if (field_matches(&r->tables->rules[i], field, q)) add_bit(out, i);
}

static const struct bits *bits_for(struct rules *r, enum text_field field, const struct rules_question *q)
{
    struct text_key key;
    key_of(&key, field, q);
    if (key.size > CACHE_KEY_SIZE) {
        work_out(r, &r->scratch[field], field, q);
        return &r->scratch[field];
    }
    struct cached *c = &r->cache[field][slot_of(&key)];
    if (c->size == key.size && memcmp(c->key, key.bytes, key.size) == 0) return &c->bits;
    memcpy(c->key, key.bytes, key.size);
    c->size = key.size;
    work_out(r, &c->bits, field, q);
    return &c->bits;
}

static const struct bits *row_of_kind(const struct rules *r, uint32_t kind)
{
    const uint32_t *found = r->kinds_count ? bsearch(&kind, r->kinds, r->kinds_count, sizeof kind, compare_kinds) : NULL;
    return found ? &r->by_kind[found - r->kinds] : &r->any_kind;
}

/* Which rules are left after the fields that are numbers. */
static uint64_t by_numbers(const struct rules *r, const struct rules_question *q, const struct bits *kind, size_t w)
{
    const struct header *h = q->header;
    return kind->words[w] & r->lanes[h->lane].words[w] & r->classes[h->privacy].words[w] & r->statuses[h->status].words[w] & r->hops[q->hops].words[w] &
           r->cases[h->case_id.size > 0].words[w];
}

struct rule_decision rules_decide(struct rules *r, const struct rules_question *q)
{
    const struct bits *kind = row_of_kind(r, q->header->kind), *texts[TEXT_FIELDS] = { NULL };
    for (size_t w = 0; w < r->words; w++) {
        uint64_t left = by_numbers(r, q, kind, w);
        for (unsigned field = 0; left && field < TEXT_FIELDS; field++) {
            if (!r->cache[field]) continue;
            if (!texts[field]) texts[field] = bits_for(r, field, q);
            left &= texts[field]->words[w];
        }
        if (left == 0) continue;
        size_t i = w * 64 + (size_t)__builtin_ctzll(left);
        return (struct rule_decision){ &r->tables->rules[i], (uint32_t)i + 1 };
    }
    return (struct rule_decision){ 0 };
}

/* ---- rates ---- */

static uint64_t hash_of(struct qiao_bytes bytes)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes.size; i++) hash = (hash ^ bytes.data[i]) * 0x100000001b3u;
    return hash | 1;
}

static void drain(struct rate_slot *slot, const struct rule *rule, uint64_t now_ms)
{
    uint64_t passed_ms = now_ms > slot->at_ms ? now_ms - slot->at_ms : 0;
    slot->used = passed_ms > slot->used / rule->rate_per_s ? 0 : slot->used - passed_ms * rule->rate_per_s;
    slot->at_ms = now_ms;
}

/* The slot of the key, an idle one, or one that is shared. */
static struct rate_slot *find_slot(struct rate_slot *slots, const struct rule *rule, uint64_t key, uint64_t now_ms)
{
    struct rate_slot *idle = NULL;
    for (size_t i = 0; i < RATE_PROBES; i++) {
        struct rate_slot *slot = &slots[(key + i) % RATE_SLOTS];
        drain(slot, rule, now_ms);
        if (slot->key == key) return slot;
        if (!idle && slot->used == 0) idle = slot;
    }
    if (!idle) return &slots[key % RATE_SLOTS];
    idle->key = key;
    return idle;
}

bool rules_take_rate(struct rules *r, const struct rule_decision *decision, const struct header *h, uint64_t now_ms)
{
    const struct rule *rule = decision->rule;
    if (!rule || rule->rate_per_s == 0) return true;
    struct rate_slot **slots = &r->rates[decision->number - 1];
    if (!*slots) *slots = base_zalloc(RATE_SLOTS * sizeof **slots);
    uint64_t key = hash_of(rule->rate_by == RULE_RATE_BY_SOURCE ? h->source.raw : h->destination.raw);
    struct rate_slot *slot = find_slot(*slots, rule, key, now_ms);
    if (slot->used + 1000 > rule->rate_burst * UINT64_C(1000)) return false;
    slot->used += 1000;
    return true;
}
