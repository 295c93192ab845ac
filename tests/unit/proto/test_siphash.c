/* The vectors of the authors' reference implementation: key 00 01 … 0f, messages of the first n numbers. */
#include "base/siphash.h"

#include <criterion/criterion.h>

Test(siphash, gives_what_the_reference_gives)
{
    static const struct { size_t size; uint64_t hash; } rows[] = {
        { 0, 0x726fdb47dd0e0e31u }, { 1, 0x74f839c593dc67fdu }, { 7, 0xab0200f58b01d137u }, { 8, 0x93f5f5799a932462u }, { 15, 0xa129ca6149be45e5u },
    };
    uint8_t numbers[16];
    for (unsigned i = 0; i < sizeof numbers; i++) numbers[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) cr_assert_eq(siphash(numbers, qiao_bytes(numbers, rows[i].size)), rows[i].hash, "%zu", rows[i].size);
}

Test(siphash, hangs_on_the_key)
{
    static const uint8_t a[SIPHASH_KEY_SIZE] = { 1 }, b[SIPHASH_KEY_SIZE] = { 2 };
    struct qiao_bytes text = qiao_bytes("990101/court", 12);
    cr_assert_neq(siphash(a, text), siphash(b, text));
}
