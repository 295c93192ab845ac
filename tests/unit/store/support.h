/* What the store's tests share: a directory that goes away, and one-line batches. */
#ifndef TEST_STORE_SUPPORT_H
#define TEST_STORE_SUPPORT_H

#include "store/store.h"

#define TEST_STORE_VERSION 1u

/* The journal engine over the array engine, and over LMDB with a checkpoint every few commits. */
extern const struct store_engine test_journal_over_array, test_journal_hasty;

/* A new directory for this test; removed with all it holds by test_directory_remove. */
const char *test_directory(void);
void test_directory_remove(void);
/* directory/name, valid until the next four calls. */
const char *test_path(const char *name);

/* Opens or fails the test. path NULL: a store in the test's directory. */
struct store *test_open(const struct store_engine *engine, const char *path, uint64_t bytes_max);

struct qiao_bytes text(const char *string);
/* name followed by number in ten digits: sorts by number. Valid until the next 16 calls. */
struct qiao_bytes numbered(const char *name, unsigned number);
/* size bytes that depend on seed; valid until the next call with a size. */
struct qiao_bytes filled(unsigned seed, size_t size);
bool is_filled(struct qiao_bytes value, unsigned seed, size_t size);

int put(struct store *store, struct qiao_bytes key, struct qiao_bytes value);
int remove_key(struct store *store, struct qiao_bytes key);
int remove_range(struct store *store, struct qiao_bytes from, struct qiao_bytes to);
bool has(struct store *store, struct qiao_bytes key, struct qiao_bytes value);
bool has_key(struct store *store, struct qiao_bytes key);
/* Number of keys in [from, to). */
size_t count(struct store *store, struct qiao_bytes from, struct qiao_bytes to);

#endif
