/* CRC-32C. Eight bytes a step: by the processor's own instruction where it has one, else by eight tables made at first use. */
#include "checksum.h"
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t tables[8][256];
static bool has_instruction;

static void prepare(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t sum = i;
        for (int bit = 0; bit < 8; bit++)
            sum = sum & 1 ? sum >> 1 ^ POLYNOMIAL : sum >> 1;
        tables[0][i] = sum;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int t = 1; t < 8; t++)
            tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
    }
#if defined(__x86_64__)
    has_instruction = __builtin_cpu_supports("sse4.2");
#endif
}

static uint32_t by_tables(uint32_t sum, const uint8_t *bytes, size_t size)
{
    for (; size >= 8; bytes += 8, size -= 8) {
        uint32_t low = sum ^ ((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24);
        sum = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^ tables[4][low >> 24];
        sum ^= tables[3][bytes[4]] ^ tables[2][bytes[5]] ^ tables[1][bytes[6]] ^ tables[0][bytes[7]];
    }
    while (size-- > 0)
        sum = sum >> 8 ^ tables[0][(sum ^ *bytes++) & 0xff];
    return sum;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t sum, const uint8_t *bytes, size_t size)
{
    uint64_t wide = sum;

    for (; size >= 8; bytes += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
    }
    sum = (uint32_t)wide;
    while (size-- > 0)
        sum = __builtin_ia32_crc32qi(sum, *bytes++);
    return sum;
}
#endif

uint32_t checksum_portable(uint32_t before, const void *bytes, size_t size)
{
    pthread_once(&once, prepare);
    return ~by_tables(~before, bytes, size);
}

uint32_t checksum(uint32_t before, const void *bytes, size_t size)
{
    pthread_once(&once, prepare);
#if defined(__x86_64__)
    if (has_instruction)
        return ~by_instruction(~before, bytes, size);
#endif
    return ~by_tables(~before, bytes, size);
}
