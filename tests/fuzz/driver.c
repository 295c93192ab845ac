/* Runs a fuzzer without libFuzzer.
 *
 *   fuzz_x FILE-OR-DIRECTORY...                       each file once
 *   fuzz_x --random SECONDS [--seed N] DIRECTORY...   the files, then mutations of them until the time is over
 *
 * An input that ends the process is left in fuzz-crash-input in the current directory. */
#include "fuzz.h"

#include "base/prng.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_SIZE_MAX = 1 << 20, INPUTS_MAX = 4096 };

struct input {
    uint8_t *data;
    size_t size;
};

static struct input inputs[INPUTS_MAX];
static size_t inputs_count;
static struct input running; /* for save_running */

static void save_running(void)
{
    int fd = open("fuzz-crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, running.data, running.size) != (ssize_t)running.size) return;
    close(fd);
}

static void on_signal(int number)
{
    save_running();
    signal(number, SIG_DFL);
    raise(number);
}

static void run(struct input input)
{
    running = input;
    LLVMFuzzerTestOneInput(input.data, input.size);
}

static bool read_file(const char *path)
{
    static uint8_t buffer[INPUT_SIZE_MAX];
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    struct input input = { .size = fread(buffer, 1, sizeof buffer, file) };
    fclose(file);
    input.data = malloc(input.size + 1);
    if (!input.data || inputs_count == INPUTS_MAX) abort();
    memcpy(input.data, buffer, input.size);
    inputs[inputs_count++] = input;
    return true;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

/* In the order of names: a seed means the same inputs on every file system. */
static bool read_path(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, by_name);
    if (count < 0) return read_file(path);
    for (int i = 0; i < count; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') read_file(name);
        free(entries[i]);
    }
    free(entries);
    return true;
}

/* ---- mutations ---- */

static size_t flip_bit(struct prng *prng, uint8_t *data, size_t size)
{
    if (size) data[prng_below(prng, size)] ^= (uint8_t)(1u << prng_below(prng, 8));
    return size;
}

static size_t set_byte(struct prng *prng, uint8_t *data, size_t size)
{
    static const uint8_t favourites[] = { 0, 1, 2, 8, 0x0a, 0x12, 0x20, 0x7f, 0x80, 0xfe, 0xff };
    if (size) data[prng_below(prng, size)] = prng_below(prng, 2) ? favourites[prng_below(prng, sizeof favourites)] : (uint8_t)prng_next(prng);
    return size;
}

static size_t cut_out(struct prng *prng, uint8_t *data, size_t size)
{
    if (size < 2) return size;
    size_t from = prng_below(prng, size), part = 1 + prng_below(prng, size - from < 64 ? size - from : 64);
    memmove(data + from, data + from + part, size - from - part);
    return size - part;
}

static size_t truncate_input(struct prng *prng, uint8_t *data, size_t size)
{
    (void)data;
    return size ? prng_below(prng, size) : 0;
}

static size_t insert(uint8_t *data, size_t size, size_t at, const uint8_t *part, size_t part_size)
{
    if (size + part_size > INPUT_SIZE_MAX) return size;
    memmove(data + at + part_size, data + at, size - at);
    memcpy(data + at, part, part_size);
    return size + part_size;
}

static size_t insert_noise(struct prng *prng, uint8_t *data, size_t size)
{
    uint8_t noise[16];
    prng_fill(prng, noise, sizeof noise);
    return insert(data, size, prng_below(prng, size + 1), noise, 1 + prng_below(prng, sizeof noise));
}

static size_t insert_other(struct prng *prng, uint8_t *data, size_t size)
{
    const struct input *other = &inputs[prng_below(prng, inputs_count)];
    if (other->size == 0) return size;
    size_t from = prng_below(prng, other->size), part = 1 + prng_below(prng, other->size - from);
    return insert(data, size, prng_below(prng, size + 1), other->data + from, part);
}

static size_t repeat_part(struct prng *prng, uint8_t *data, size_t size)
{
    uint8_t copy[64];
    if (size == 0) return 0;
    size_t from = prng_below(prng, size), part = 1 + prng_below(prng, size - from < sizeof copy ? size - from : sizeof copy);
    memcpy(copy, data + from, part);
    return insert(data, size, prng_below(prng, size + 1), copy, part);
}

static struct input mutate(struct prng *prng, uint8_t *data)
{
    static size_t (*const ways[])(struct prng *, uint8_t *, size_t) = { flip_bit, set_byte, cut_out, truncate_input, insert_noise, insert_other, repeat_part };
    struct input start = inputs[prng_below(prng, inputs_count)];
    memcpy(data, start.data, start.size);
    for (uint64_t i = 1 + prng_below(prng, 8); i > 0; i--) start.size = ways[prng_below(prng, sizeof ways / sizeof ways[0])](prng, data, start.size);
    start.data = data;
    return start;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Each mutation runs in memory of exactly its size, so that a sanitizer sees a read behind its end. */
static uint64_t run_random(double seconds, uint64_t seed)
{
    struct prng prng;
    uint64_t count = 0;
    uint8_t *data = malloc(INPUT_SIZE_MAX);
    prng_init(&prng, seed);
    for (double end = seconds_now() + seconds; seconds_now() < end; count++) {
        struct input input = mutate(&prng, data);
        uint8_t *exact = malloc(input.size + (input.size == 0));
        if (!exact) abort();
        memcpy(exact, data, input.size);
        run((struct input){ exact, input.size });
        free(exact);
    }
    free(data);
    return count;
}

int main(int count, char **words)
{
    double seconds = 0;
    uint64_t seed = (uint64_t)time(NULL);
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--random") == 0 && i + 1 < count) seconds = strtod(words[++i], NULL);
        else if (strcmp(words[i], "--seed") == 0 && i + 1 < count) seed = strtoull(words[++i], NULL, 0);
        else if (!read_path(words[i])) return fprintf(stderr, "%s: cannot be read\n", words[i]), 2;
    }
    if (inputs_count == 0) return fprintf(stderr, "usage: %s [--random SECONDS] [--seed N] FILE-OR-DIRECTORY...\n", words[0]), 2;
    static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM };
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) signal(signals[i], on_signal);
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    for (size_t i = 0; i < inputs_count; i++) run(inputs[i]);
    uint64_t mutations = seconds > 0 ? run_random(seconds, seed) : 0;
    printf("%zu inputs, %llu mutations\n", inputs_count, (unsigned long long)mutations);
    for (size_t i = 0; i < inputs_count; i++) free(inputs[i].data);
    return 0;
}
