#include "bench_tally.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYOUT (UINT64_C(0x5162746c00000000) + 1)

static int map_file(const char *file, struct bench_tally **ret_tally);

int bench_tally_open(const char *file, struct bench_tally **ret_tally)
{
    struct bench_tally *tally;

    if (file)
        return map_file(file, ret_tally);
    tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (tally == MAP_FAILED)
        return -errno;
    tally->layout = LAYOUT;
    *ret_tally = tally;
    return 0;
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int map_file(const char *file, struct bench_tally **ret_tally)
{
    __attribute__((cleanup(close_fd))) int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    struct bench_tally *tally;
    struct stat status;

    if (fd < 0 || fstat(fd, &status))
        return -errno;
    if (status.st_size != 0 && status.st_size != (off_t)sizeof(*tally))
        return -EINVAL;
    if (ftruncate(fd, (off_t)sizeof(*tally)))
        return -errno;
    tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (tally == MAP_FAILED)
        return -errno;
    if (tally->layout && tally->layout != LAYOUT) {
        bench_tally_close(tally);
        return -EINVAL;
    }
    tally->layout = LAYOUT;
    *ret_tally = tally;
    return 0;
}

struct bench_tally *bench_tally_close(struct bench_tally *tally)
{
    if (tally)
        munmap(tally, sizeof(*tally));
    return NULL;
}

static void add_new(struct bench_tally *tally, const struct bench_mark *mark, size_t size, uint64_t now_ns)
{
    uint32_t *last = &tally->case_last[mark->case_number];

    tally->received++;
    tally->bytes += size;
    if (!tally->first_ns)
        tally->first_ns = now_ns;
    tally->last_ns = now_ns;
    if (mark->sequence > tally->sequence_max)
        tally->sequence_max = mark->sequence;
    /* Case sequence 0 means that the bench was run without cases. */
    if (mark->case_sequence && mark->case_sequence < *last)
        tally->order_violations++;
    if (mark->case_sequence > *last)
        *last = mark->case_sequence;
    histogram_add(&tally->latency, now_ns > mark->intended_ns ? now_ns - mark->intended_ns : 0);
}

enum bench_arrival bench_tally_add(struct bench_tally *tally, struct qiao_bytes body, uint64_t now_ns)
{
    struct bench_mark mark;
    uint8_t bit, *byte;

    if (!bench_mark_read(body, &mark) || (tally->has_run && mark.run != tally->run)) {
        tally->foreign++;
        return BENCH_FOREIGN;
    }
    tally->run = mark.run;
    tally->has_run = 1;
    byte = &tally->seen[mark.sequence / 8];
    bit = (uint8_t)(1u << mark.sequence % 8);
    if (*byte & bit) {
        tally->duplicates++;
        return BENCH_DUPLICATE;
    }
    *byte |= bit;
    add_new(tally, &mark, body.size, now_ns);
    return BENCH_NEW;
}

uint64_t bench_tally_lost(const struct bench_tally *tally, uint64_t expected)
{
    uint64_t lost = 0;

    for (uint64_t i = 0; i < expected; i++)
        lost += !(tally->seen[i / 8] & 1u << i % 8);
    return lost;
}

json_t *bench_tally_to_json(const struct bench_tally *tally, uint64_t expected)
{
    double seconds = (double)(tally->last_ns - tally->first_ns) / CLOCK_NS_PER_S;
    double rate = seconds > 0 ? (double)(tally->received - 1) / seconds : 0;
    char run[12] = "";

    if (tally->has_run)
        snprintf(run, sizeof(run), "%06x", (unsigned)tally->run);
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:o}", "command", "bench recv", "run", run, "expected",
                     (json_int_t)expected, "received", (json_int_t)tally->received, "duplicates", (json_int_t)tally->duplicates, "lost",
                     (json_int_t)bench_tally_lost(tally, expected), "orderViolations", (json_int_t)tally->order_violations, "foreign",
                     (json_int_t)tally->foreign, "bytes", (json_int_t)tally->bytes, "elapsedSeconds", round(seconds * 1e6) / 1e6,
                     "throughputPerSecond", round(rate * 10) / 10, "bytesPerSecond",
                     round(seconds > 0 ? (double)tally->bytes / seconds : 0), "latencyMs", histogram_to_json(&tally->latency));
}
