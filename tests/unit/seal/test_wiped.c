/* What was sealed or opened is nowhere in the memory of the process any more: not in the heap, not on the stack. */
#include "seats.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

enum { CANARY_SIZE = 48, CONTENT_SIZE = 4000 };

/* Never stored in one piece, except in contents: what a compiler cannot know it does not lay out as a constant. */
static const volatile uint8_t step = 37;
static uint8_t canary(size_t i) { return (uint8_t)(0x5a ^ i * step); }

static bool is_canary(const volatile uint8_t *at)
{
    size_t i = 0;
    while (i < CANARY_SIZE && at[i] == canary(i)) i++;
    return i == CANARY_SIZE;
}

/* In everything that can be written to: heap, stacks, data of libraries. */
static unsigned count_canaries(void)
{
    unsigned found = 0;
    char row[512], access[8];
    uintptr_t from, to;
    FILE *maps = fopen("/proc/self/maps", "r");
    cr_assert_not_null(maps);
    while (fgets(row, sizeof row, maps)) {
        if (sscanf(row, "%" SCNxPTR "-%" SCNxPTR " %7s", &from, &to, access) != 3 || access[0] != 'r' || access[1] != 'w') continue;
        for (const volatile uint8_t *at = (const uint8_t *)from; (uintptr_t)at + CANARY_SIZE <= to; at++)
            if (*at == canary(0) && is_canary(at)) found++;
    }
    fclose(maps);
    return found;
}

static void fill(uint8_t *content)
{
    for (size_t i = 0; i < CONTENT_SIZE; i++) content[i] = canary(i % CANARY_SIZE);
}

static void seal_and_open(enum seat_kind kind)
{
    struct seat seat;
    struct qiao_sealed_content opened;
    uint8_t *content = malloc(CONTENT_SIZE);
    seat_init(&seat, &(struct seat_draft){ .kind = kind });
    const struct qiao_sealed_key *key = seat_key(&seat);
    fill(content);
    cr_assert_geq(count_canaries(), CONTENT_SIZE / CANARY_SIZE - 1, "what is there is found");
    struct qiao_bytes container = seats_seal(&seat, 1, NULL, qiao_bytes(content, CONTENT_SIZE));
    explicit_bzero(content, CONTENT_SIZE);
    free(content);
    cr_assert_eq(count_canaries(), 0, "after sealing for a key of kind %d", kind);
    cr_assert_eq(qiao_sealed_open(container, &key, 1, NULL, &opened), QIAO_SEALED_DONE);
    cr_assert_geq(count_canaries(), CONTENT_SIZE / CANARY_SIZE - 1);
    qiao_sealed_free(&opened.content);
    cr_assert_eq(count_canaries(), 0, "after opening with a key of kind %d", kind);
    qiao_sealed_free(&container);
    qiao_sealed_key_free((struct qiao_sealed_key *)(uintptr_t)key);
    seat_deinit(&seat);
}

#ifdef __SANITIZE_ADDRESS__
#define WITHOUT_SANITIZER .disabled = true /* its shadow has terabytes */
#else
#define WITHOUT_SANITIZER .disabled = false
#endif

Test(wiped, seal_and_open_leave_nothing, WITHOUT_SANITIZER)
{
    seal_and_open(SEAT_P256);
    seal_and_open(SEAT_RSA);
    seal_and_open(SEAT_SM2);
}
