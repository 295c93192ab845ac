/* The journal engine: from what is on disk to the last acknowledged batch. */
#include "journal_store.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define MIB (1024u * 1024u)
#define RING_BYTES_MIN (8u * MIB)
#define RING_BYTES_MAX (32u * MIB)
#define DISK_SHARE 4u /* of what is free */
#define DIRECTORY_MODE 0700
#define NOTE_FORMAT 1u

/* The last key there can be. Callers may not use it, and do not see it. */
static const uint8_t note_key_bytes[STORE_KEY_SIZE_MAX] = {
#define EIGHT 255, 255, 255, 255, 255, 255, 255, 255
    EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT,
#undef EIGHT
};
const struct qiao_bytes journal_note_key = { note_key_bytes, sizeof(note_key_bytes) };

static int find_journal(struct journal_store *store, const char *path, char *reterr_text, size_t reterr_size);
static int replay(struct journal_store *store, char *reterr_text, size_t reterr_size);

int journal_recover(struct journal_store *store, char *reterr_text, size_t reterr_size)
{
    char *path;
    int result;

    if (mkdir(store->path, DIRECTORY_MODE) && errno != EEXIST) {
        snprintf(reterr_text, reterr_size, "store %s: cannot make the directory: %s", store->path, strerror(errno));
        return -errno;
    }
    if (asprintf(&path, "%s/journal", store->path) < 0)
        return -ENOMEM;
    result = find_journal(store, path, reterr_text, reterr_size);
    if (!result)
        result = replay(store, reterr_text, reterr_size);
    free(path);
    return result;
}

static void put_number(uint8_t *to, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_number(const uint8_t *from)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | from[i];
    return value;
}

void journal_note_pack(uint8_t bytes[NOTE_SIZE], const struct journal_note *note)
{
    put_number(bytes, NOTE_FORMAT << 8 | note->in_use);
    put_number(bytes + 8, note->journal_id);
    put_number(bytes + 16, note->position.sequence);
    put_number(bytes + 24, note->position.offset);
}

int journal_note_read(struct store *under, struct journal_note *ret_note, bool *ret_found)
{
    struct qiao_bytes value;

    *ret_found = store_get(under, journal_note_key, &value);
    if (!*ret_found)
        return STORE_OK;
    if (value.size >= 8 && get_number(value.data) >> 8 > NOTE_FORMAT)
        return STORE_NEWER;
    if (value.size != NOTE_SIZE)
        return STORE_CORRUPT;
    *ret_note = (struct journal_note){
        .in_use = get_number(value.data) & 1,
        .journal_id = get_number(value.data + 8),
        .position = { get_number(value.data + 16), get_number(value.data + 24) },
    };
    return STORE_OK;
}

static uint64_t choose_ring_bytes(const struct journal_store *store)
{
    uint64_t bytes = store->bytes_max ? store->bytes_max : UINT64_MAX;
    struct statvfs disk;

    if (store->tuning.ring_bytes)
        return store->tuning.ring_bytes;
    if (statvfs(store->path, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize / DISK_SHARE < bytes)
        bytes = (uint64_t)disk.f_bavail * disk.f_frsize / DISK_SHARE;
    return bytes < RING_BYTES_MIN ? RING_BYTES_MIN : bytes > RING_BYTES_MAX ? RING_BYTES_MAX : bytes;
}

/* The base and a journal it knows nothing of: fine while that holds no record. */
static int adopt(struct journal_store *store, char *reterr_text, size_t reterr_size)
{
    bool has_records;
    int result = ring_has_later(&store->ring, 0, &has_records);

    if (!result && has_records) {
        snprintf(reterr_text, reterr_size,
                 "store %s: its journal belongs to other data. If data.mdb was restored from a backup, take the file journal away.", store->path);
        return STORE_CORRUPT;
    }
    return result;
}

static int make_journal(struct journal_store *store, const char *path, bool is_missed, char *reterr_text, size_t reterr_size)
{
    if (is_missed) {
        snprintf(reterr_text, reterr_size, "store %s: the file journal is missing: the last batches were in it. Put it back, or restore a backup.",
                 store->path);
        return STORE_CORRUPT;
    }
    return ring_create(&store->ring, path, choose_ring_bytes(store), reterr_text, reterr_size);
}

/* Opens or makes the journal and has the base say that it is in use. */
static int find_journal(struct journal_store *store, const char *path, char *reterr_text, size_t reterr_size)
{
    struct journal_note note = { 0 };
    bool found;
    int result = journal_note_read(store->under, &note, &found);

    if (result) {
        snprintf(reterr_text, reterr_size, "store %s: %s", store->path,
                 result == STORE_NEWER ? "written by a newer program" : "its note about the journal is damaged");
        return result;
    }
    result = ring_open(&store->ring, path, reterr_text, reterr_size);
    if (result == -ENOENT) {
        result = make_journal(store, path, found && note.in_use, reterr_text, reterr_size);
        found = false;
    }
    if (!result && found && note.in_use && note.journal_id != store->ring.id) {
        snprintf(reterr_text, reterr_size, "store %s: the journal here belongs to another store; put back its own", path);
        return STORE_CORRUPT;
    }
    if (!result && (!found || note.journal_id != store->ring.id)) {
        result = adopt(store, reterr_text, reterr_size);
        note.position = (struct journal_position){ 1, RING_START };
    }
    if (result)
        return result;
    store->base_end = store->applied = store->layers[0].end = note.position;
    store->ring.head = store->ring.tail = note.position.offset;
    return STORE_OK;
}

/* Layer 0 into the base, here and now. A base that is full leaves it where it is. */
static int checkpoint(struct journal_store *store)
{
    int result = journal_write_table(store, store->layers[0].table, store->applied, true);

    store_refresh(store->under);
    if (result)
        return result;
    table_free(store->layers[0].table);
    store->layers[0] = (struct journal_layer){ .table = table_new(), .end = store->applied };
    store->ring.tail = store->applied.offset;
    return STORE_OK;
}

static int replay_one(struct journal_store *store, enum ring_found *ret_found)
{
    struct record_buffer *buffer = NULL;
    int result = ring_read(&store->ring, store->applied.offset, store->applied.sequence, ret_found, &buffer);

    if (result || *ret_found != RING_FOUND)
        return result;
    journal_apply(store, buffer);
    record_buffer_unref(buffer);
    store->ring.head = store->applied.offset;
    return table_bytes(store->layers[0].table) > store->tuning.table_bytes_max ? checkpoint(store) : 0;
}

/* What was replayed goes into the base before anything else: a record that can be read now need not be on the disk yet (the
 * process before was killed, or told that a flush failed), and after this it need not. */
static int replay(struct journal_store *store, char *reterr_text, size_t reterr_size)
{
    enum ring_found found = RING_FOUND;
    int result = 0;

    while ((!result || result == STORE_FULL) && found == RING_FOUND)
        result = replay_one(store, &found);
    if (found == RING_DAMAGED) {
        snprintf(reterr_text, reterr_size, "store %s: record %llu of the journal is damaged or missing, though later ones are there. Restore a backup.",
                 store->path, (unsigned long long)store->applied.sequence);
        return STORE_CORRUPT;
    }
    if (!result || result == STORE_FULL)
        result = checkpoint(store);
    if (result < 0)
        snprintf(reterr_text, reterr_size, "store %s: cannot replay the journal: %s", store->path, strerror(-result));
    store->next_sequence = store->applied.sequence;
    store->under_is_stale = true;
    journal_publish(store);
    return result == STORE_FULL ? ring_flush(&store->ring) : result;
}
