/* The two clocks of this program. */
#ifndef CTL_CLOCK_H
#define CTL_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_MS 1000000u
#define CLOCK_NS_PER_S 1000000000u

static inline uint64_t clock_read_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* For deadlines. */
static inline uint64_t clock_steady_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

/* For what other processes compare with: since 1970. */
static inline uint64_t clock_wall_ns(void)
{
    return clock_read_ns(CLOCK_REALTIME);
}

/* A deadline in clock_steady_ns() time. */
static inline uint64_t clock_deadline_ns(uint64_t timeout_ms)
{
    uint64_t timeout_ns, deadline;

    if (__builtin_mul_overflow(timeout_ms, (uint64_t)CLOCK_NS_PER_MS, &timeout_ns) ||
        __builtin_add_overflow(clock_steady_ns(), timeout_ns, &deadline))
        return UINT64_MAX;
    return deadline;
}

#endif
