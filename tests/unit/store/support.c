#include "support.h"
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[256];

const char *test_directory(void)
{
    const char *base = getenv("TMPDIR");

    if (!directory[0]) {
        snprintf(directory, sizeof(directory), "%s/qiao-store-XXXXXX", base ? base : "/tmp");
        cr_assert_not_null(mkdtemp(directory));
    }
    return directory;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void test_directory_remove(void)
{
    if (directory[0])
        nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    directory[0] = '\0';
}

const char *test_path(const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", test_directory(), name);
    return path;
}

struct store *test_open(const struct store_engine *engine, const char *path, uint64_t bytes_max)
{
    struct store_options options = { path ? path : test_path("store"), bytes_max, TEST_STORE_VERSION };
    char reason[256] = "";
    struct store *store = NULL;
    int result = engine->open(&options, &store, reason, sizeof(reason));

    cr_assert_eq(result, STORE_OK, "open %s: %d %s", options.path, result, reason);
    return store;
}

struct qiao_bytes text(const char *string)
{
    return qiao_bytes_from_string(string);
}

struct qiao_bytes numbered(const char *name, unsigned number)
{
    static char keys[16][64];
    static unsigned turn;
    char *key = keys[turn++ % 16];

    snprintf(key, sizeof(keys[0]), "%s%010u", name, number);
    return text(key);
}

struct qiao_bytes filled(unsigned seed, size_t size)
{
    static uint8_t *bytes;

    free(bytes);
    bytes = malloc(size ? size : 1);
    cr_assert_not_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(seed * 31 + i * 7 + i / 251);
    return qiao_bytes(bytes, size);
}

bool is_filled(struct qiao_bytes value, unsigned seed, size_t size)
{
    return qiao_bytes_equal(value, filled(seed, size));
}

static int commit_one(struct store *store, enum store_op_type type, struct qiao_bytes key, struct qiao_bytes value)
{
    struct store_op op = { type, key, value };
    struct store_batch batch = { &op, 1 };

    return store_commit(store, &batch);
}

int put(struct store *store, struct qiao_bytes key, struct qiao_bytes value)
{
    return commit_one(store, STORE_PUT, key, value);
}

int remove_key(struct store *store, struct qiao_bytes key)
{
    return commit_one(store, STORE_REMOVE, key, qiao_bytes(NULL, 0));
}

int remove_range(struct store *store, struct qiao_bytes from, struct qiao_bytes to)
{
    return commit_one(store, STORE_REMOVE_RANGE, from, to);
}

bool has(struct store *store, struct qiao_bytes key, struct qiao_bytes value)
{
    struct qiao_bytes found;

    return store_get(store, key, &found) && qiao_bytes_equal(found, value);
}

bool has_key(struct store *store, struct qiao_bytes key)
{
    struct qiao_bytes found;

    return store_get(store, key, &found);
}

static bool count_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    (void)key;
    (void)value;
    (*(size_t *)context)++;
    return true;
}

size_t count(struct store *store, struct qiao_bytes from, struct qiao_bytes to)
{
    size_t total = 0;

    store_scan(store, from, to, count_one, &total);
    return total;
}
