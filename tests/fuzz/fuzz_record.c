/* A node on a store that somebody has written into: it starts or says why not, and works on without harm to the process. */
#include "core_world.h"

#include "base/buf.h"

enum { RECORDS_MAX = 64 };

/* Keys begin like those of the core, so that they are met; values are what the input says. */
static void put_record(struct store *store, struct choices *c)
{
    static const char prefixes[] = "MPQTAWODREXLCHKSIUN?";
    uint8_t key[STORE_KEY_SIZE_MAX];
    unsigned shape = choose(c);
    key[0] = (uint8_t)prefixes[shape % (sizeof prefixes - 1)];
    size_t key_size = 1;
    if (shape & 0x80) {
        put_u16(key + 1, (uint16_t)(1 + choose_below(c, 5)));
        key[3] = (uint8_t)choose_below(c, 5);
        put_u64(key + 4, choose_below(c, 4) ? 1u + choose(c) : choose_number(c, 8));
        key_size = shape & 0x40 ? 4 : 12;
    }
    struct qiao_bytes more = choose_bytes(c, choose(c) % 40), value = choose_sized(c);
    if (more.size) memcpy(key + key_size, more.data, more.size);
    struct store_op op = { STORE_PUT, qiao_bytes(key, key_size + more.size), value };
    core_check_record(op.key, op.value);
    if (store_commit(store, &(struct store_batch){ &op, 1 }) != STORE_OK) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices c = choices(data, size);
    static struct world w;
    struct store *store;
    char error[128];
    if (store_engine_array.open(&(struct store_options){ .version = 1 }, &store, error, sizeof error) != 0) abort();
    for (unsigned i = choose_below(&c, RECORDS_MAX); i > 0; i--) put_record(store, &c);
    store_refresh(store);
    if (world_init(&w, &c, store)) {
        for (unsigned who = 0; who < WHO_COUNT; who++) w.callers[who].raving = true; /* what it reads back may be anything */
        world_write(&w, WHO_DESK, 4);
        world_calm(&w);
        for (unsigned i = 0; i < 8; i++) world_ask(&w, WHO_TOOL);
        for (unsigned i = 0; i < 4; i++) world_verdict(&w, WHO_DESK);
        world_calm(&w);
    }
    world_deinit(&w);
    return 0;
}
