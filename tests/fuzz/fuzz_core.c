/* A node through good and bad days, told by the input: who calls, what they send, when the disk is slow or full, when the
 * process dies. See core_world.h for the promises that are checked. */
#include "core_world.h"

enum { OPERATIONS_MAX = 250 };

static void connect(struct world *w, unsigned who) { world_connect(w, who); }
static void exchange(struct world *w, unsigned who) { (void)who; world_exchange(w); }
static void write_one(struct world *w, unsigned who) { world_write(w, who, 1); }
static void write_some(struct world *w, unsigned who) { world_write(w, who, 1 + choose_below(w->choices, 8)); }
static void begin(struct world *w, unsigned who) { (void)who; world_commit_begin(w); }
static void end(struct world *w, unsigned who) { (void)who; world_commit_end(w, false); }
static void wait_long(struct world *w, unsigned who) { world_pass_time(w, (who + 1) * 997u); }
static void wait_short(struct world *w, unsigned who) { world_pass_time(w, choose(w->choices) + who); }

/* The whole way from a letter to its acknowledgement. */
static void go_on(struct world *w, unsigned who)
{
    (void)who;
    world_exchange(w);
    world_commit_begin(w);
    world_commit_end(w, false);
    world_exchange(w);
}

static void misfortune(struct world *w, unsigned who)
{
    switch (who) {
    case 0: FUZZ_CHECK(world_restart(w)); break;
    case 1: world_commit_end(w, true); break;
    case 2: world_check_store(w); break;
    default: world_hang_up(w, choose_below(w->choices, WHO_COUNT)); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const operations[])(struct world *, unsigned) = {
        connect, exchange, write_one, write_some, begin, end, go_on, go_on, world_verdict, world_verdict, world_receipt, world_rave, world_ask, wait_short, wait_long, misfortune,
    };
    struct choices c = choices(data, size);
    static struct world w;
    struct store *store;
    char error[128];
    if (store_engine_array.open(&(struct store_options){ .version = 1 }, &store, error, sizeof error) != 0) abort();
    FUZZ_CHECK(world_init(&w, &c, store));
    for (unsigned i = 0; i < OPERATIONS_MAX && c.left > 0; i++) {
        unsigned operation = choose(&c);
        operations[operation & 15](&w, (operation >> 4) % WHO_COUNT);
    }
    world_calm(&w);
    world_check_store(&w);
    world_deinit(&w);
    return 0;
}
