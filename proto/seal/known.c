#include "seal/known.h"

#include "base/buf.h"

#include <assert.h>

#define BUCKETS 16384u

void known_init(struct known_table *table, size_t count_max)
{
    *table = (struct known_table){ .buckets = base_zalloc(BUCKETS * sizeof(struct known *)), .count_max = count_max };
}

void known_deinit(struct known_table *table)
{
    table->pinned = NULL;
    while (table->oldest) known_remove(table, table->oldest);
    free(table->buckets);
    table->buckets = NULL;
}

/* Key ids are digests: any of their bytes are evenly spread. */
static struct known **bucket_of(struct known_table *table, const struct seal_key_id *id) { return &table->buckets[get_u32(id->bytes) % BUCKETS]; }

static void unlink_age(struct known_table *table, struct known *known)
{
    *(known->newer ? &known->newer->older : &table->newest) = known->older;
    *(known->older ? &known->older->newer : &table->oldest) = known->newer;
}

static void make_newest(struct known_table *table, struct known *known)
{
    known->newer = NULL;
    known->older = table->newest;
    *(table->newest ? &table->newest->newer : &table->oldest) = known;
    table->newest = known;
}

struct known *known_find(struct known_table *table, const struct seal_key_id *id)
{
    struct known *known = *bucket_of(table, id);
    while (known && memcmp(known->certificate.id.bytes, id->bytes, sizeof id->bytes) != 0) known = known->bucket_next;
    if (!known || known == table->newest) return known;
    unlink_age(table, known);
    make_newest(table, known);
    return known;
}

/* A table of one certificate besides the pinned one is the least there is. */
static void make_room(struct known_table *table)
{
    while (table->count > table->count_max || table->bytes > KNOWN_BYTES_MAX) {
        struct known *oldest = table->oldest == table->pinned ? table->oldest->newer : table->oldest;
        if (!oldest || oldest == table->newest) return;
        known_remove(table, oldest);
    }
}

struct known *known_add(struct known_table *table, struct certificate *certificate, struct qiao_bytes der)
{
    assert(der.size <= CERTIFICATE_SIZE_MAX);
    struct known *known = base_zalloc(sizeof *known + der.size);
    struct known **bucket = bucket_of(table, &certificate->id);
    known->certificate = *certificate;
    certificate->key = NULL;
    known->der_size = der.size;
    memcpy(known->der, der.data, der.size);
    known->bucket_next = *bucket;
    *bucket = known;
    make_newest(table, known);
    table->count++;
    table->bytes += der.size;
    make_room(table);
    return known;
}

void known_remove(struct known_table *table, struct known *known)
{
    struct known **at = bucket_of(table, &known->certificate.id);
    assert(known != table->pinned);
    while (*at != known) at = &(*at)->bucket_next;
    *at = known->bucket_next;
    unlink_age(table, known);
    table->count--;
    table->bytes -= known->der_size;
    certificate_deinit(&known->certificate);
    free(known);
}
