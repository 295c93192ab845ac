#include <qiao/id.h>

#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct qiao_id qiao_id_make(uint64_t unix_ms, const uint8_t random[10])
{
    struct qiao_id id;
    for (int i = 0; i < 6; i++) id.bytes[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
    memcpy(id.bytes + 6, random, 10);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x70); /* version 7 */
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80); /* variant 10 */
    return id;
}

/* RFC 9562 section 6.2, method 1: the 12 bits after the timestamp and the next 14 are a counter that starts at random
 * below half of its range in each millisecond, so that ids of one process increase. */
static uint32_t counter_start(const uint8_t random[10])
{
    return ((uint32_t)random[0] << 16 | (uint32_t)random[1] << 8 | random[2]) & 0x1ffffff;
}

static void counter_store(uint8_t random[10], uint32_t counter)
{
    random[0] = (uint8_t)(counter >> 22 & 0x0f);
    random[1] = (uint8_t)(counter >> 14);
    random[2] = (uint8_t)(counter >> 8 & 0x3f);
    random[3] = (uint8_t)counter;
}

/* A pool of random bytes: one system call for many ids. */
static void random_take(uint8_t out[10])
{
    static uint8_t pool[2560];
    static size_t left;
    if (left == 0) {
        size_t have = 0;
        while (have < sizeof pool) {
            ssize_t got = getrandom(pool + have, sizeof pool - have > 256 ? 256 : sizeof pool - have, 0);
            if (got > 0) have += (size_t)got;
        }
        left = sizeof pool;
    }
    memcpy(out, pool + left - 10, 10);
    left -= 10;
}

struct qiao_id qiao_id_new(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t last_ms;
    static uint32_t counter;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint8_t random[10];
    pthread_mutex_lock(&mutex);
    random_take(random);
    if (ms > last_ms) {
        last_ms = ms;
        counter = counter_start(random);
    } else if (++counter >= 1u << 26) {
        last_ms++; /* the counter ran over: borrow from the clock */
        counter = counter_start(random);
    }
    counter_store(random, counter);
    struct qiao_id id = qiao_id_make(last_ms, random);
    pthread_mutex_unlock(&mutex);
    return id;
}

void qiao_id_format(const struct qiao_id *id, char text[QIAO_ID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;
    for (int i = 0; i < QIAO_ID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        *at++ = digits[id->bytes[i] >> 4];
        *at++ = digits[id->bytes[i] & 15];
    }
    *at = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool qiao_id_parse(const char *text, struct qiao_id *ret_id)
{
    struct qiao_id id;
    if (!text || strlen(text) != QIAO_ID_TEXT_SIZE - 1) return false;
    for (int i = 0; i < QIAO_ID_SIZE; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-') return false;
        int high = hex_value(text[0]);
        int low = high < 0 ? -1 : hex_value(text[1]);
        if (low < 0) return false;
        id.bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    *ret_id = id;
    return true;
}

bool qiao_id_equal(const struct qiao_id *a, const struct qiao_id *b)
{
    return memcmp(a->bytes, b->bytes, QIAO_ID_SIZE) == 0;
}
