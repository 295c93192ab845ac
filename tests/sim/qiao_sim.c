/* qiao-sim: runs seeds until one breaks a promise, and says how to see it again. */
#include "sim.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static char running[160]; /* what to say if an assertion ends the process */

static void on_abort(int signal_number)
{
    size_t size = strlen(running);
    if (write(STDERR_FILENO, running, size) != (ssize_t)size) _exit(1);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static int usage(void)
{
    fputs("usage: qiao-sim [--seed N] [--seeds COUNT] [--steps M] [--nodes N] [--adversary] [--graph] [--drain RATE] [--trace] [--json]\n"
          "       qiao-sim [--steps M] --seeds-file FILE\n"
          "Runs COUNT seeds from N on, M steps each, in virtual time. Exit status 1 and the seed when a promise is broken.\n"
          "--adversary: somebody hostile in every seed; each of its acts must be refused and told of.\n"
          "--graph: a random graph of up to 12 nodes instead of a tree, or a tree with links across; its edges fail, some for good.\n"
          "--drain: after an outage nodes send at most RATE messages of a backlog in a second.\n",
          stderr);
    return 2;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct totals {
    uint64_t seeds, failed, messages, deliveries, redeliveries, crashes, cuts, commits, audits, records, heads, opinions, set_opinions, hostile, bundles, events, virtual_ms;
    uint64_t crossings, crossings_again;
    double began;
};

static void run_one(const struct sim_options *options, struct totals *totals, bool json)
{
    struct sim_counts counts;
    char failure[512];
    snprintf(running, sizeof running, "\nseed %llu ended the process; again: qiao-sim --seed %llu --steps %u --trace\n", (unsigned long long)options->seed,
             (unsigned long long)options->seed, options->steps);
    bool held = sim_seed(options, &counts, failure);
    totals->seeds++;
    totals->messages += counts.messages;
    totals->deliveries += counts.deliveries;
    totals->redeliveries += counts.redeliveries;
    totals->crashes += counts.crashes;
    totals->cuts += counts.cuts;
    totals->commits += counts.commits;
    totals->audits += counts.audits;
    totals->records += counts.audit_records;
    totals->heads += counts.heads;
    totals->opinions += counts.opinions;
    totals->set_opinions += counts.set_opinions;
    totals->hostile += counts.hostile;
    totals->bundles += counts.bundles;
    totals->events += counts.events;
    totals->virtual_ms += counts.virtual_ms;
    totals->crossings += counts.crossings;
    totals->crossings_again += counts.crossings_again;
    totals->failed += !held;
    if (held) return;
    if (json) printf("{\"seed\":%llu,\"steps\":%u,\"failure\":\"%s\"}\n", (unsigned long long)options->seed, options->steps, failure);
    else printf("seed %llu: %s\n  again: qiao-sim --seed %llu --steps %u --trace\n", (unsigned long long)options->seed, failure, (unsigned long long)options->seed, options->steps);
    fflush(stdout);
}

static void print_totals(const struct totals *t, bool json)
{
    double elapsed = seconds() - t->began;
    printf(json ? "{\"seeds\":%llu,\"failed\":%llu,\"messages\":%llu,\"deliveries\":%llu,\"redeliveries\":%llu,\"crashes\":%llu,\"cuts\":%llu,\"commits\":%llu,"
                  "\"audits\":%llu,\"records\":%llu,\"heads\":%llu,\"opinions\":%llu,\"set_opinions\":%llu,\"hostile\":%llu,\"bundles\":%llu,\"crossings\":%llu,\"crossings_again\":%llu,"
                  "\"events\":%llu,\"virtual_hours\":%.1f,\"seconds\":%.1f}\n"
                : "%llu seeds, %llu failed: %llu messages, %llu deliveries (%llu repeated), %llu crashes, %llu cuts, %llu commits, %llu audits, "
                  "%llu audit records, %llu heads, %llu decisions taken again (%llu about area sets where ways change), %llu hostile acts, %llu pages of bundles, "
                  "%llu crossings by notices (%llu again as ways changed), %llu events, %.1f virtual hours in %.1f s\n",
           (unsigned long long)t->seeds, (unsigned long long)t->failed, (unsigned long long)t->messages, (unsigned long long)t->deliveries, (unsigned long long)t->redeliveries,
           (unsigned long long)t->crashes, (unsigned long long)t->cuts, (unsigned long long)t->commits, (unsigned long long)t->audits, (unsigned long long)t->records,
           (unsigned long long)t->heads, (unsigned long long)t->opinions, (unsigned long long)t->set_opinions, (unsigned long long)t->hostile, (unsigned long long)t->bundles,
           (unsigned long long)t->crossings, (unsigned long long)t->crossings_again, (unsigned long long)t->events,
           (double)t->virtual_ms / 3.6e6, elapsed);
}

/* What kind of world the seed was found in: the word stands before the comment. */
static bool says(const char *line, const char *kind)
{
    const char *word = strstr(line, kind), *comment = strchr(line, '#');
    return word && (!comment || word < comment);
}

/* Lines of "seed steps [nodes] [hostile] [graph]" with comments behind #: what was found once is run for ever. */
static int run_file(const char *path, struct sim_options *options, struct totals *totals, bool json)
{
    char line[256];
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        return 2;
    }
    while (fgets(line, sizeof line, file)) {
        unsigned long long seed, nodes = 0;
        unsigned steps;
        if (line[0] == '#' || sscanf(line, "%llu %u %llu", &seed, &steps, &nodes) < 2) continue;
        options->seed = seed;
        options->steps = steps;
        options->adversary = says(line, "hostile") ? SIM_ADVERSARY_ALWAYS : SIM_ADVERSARY_NEVER;
        options->graph = says(line, "graph");
        options->nodes_max = (uint32_t)nodes;
        run_one(options, totals, json);
    }
    fclose(file);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "seed", 1, NULL, 's' },  { "seeds", 1, NULL, 'n' },     { "steps", 1, NULL, 'm' }, { "nodes", 1, NULL, 'N' },
        { "trace", 0, NULL, 't' }, { "adversary", 0, NULL, 'a' }, { "graph", 0, NULL, 'g' }, { "json", 0, NULL, 'j' },
        { "seeds-file", 1, NULL, 'f' }, { "drain", 1, NULL, 'd' }, { "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    struct sim_options sim = { .seed = 1, .steps = 2000 };
    uint64_t seeds = 1;
    bool json = false;
    const char *file = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 's') sim.seed = strtoull(optarg, NULL, 10);
        else if (c == 'n') seeds = strtoull(optarg, NULL, 10);
        else if (c == 'm') sim.steps = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'N') sim.nodes_max = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'a') sim.adversary = SIM_ADVERSARY_ALWAYS;
        else if (c == 'g') sim.graph = true;
        else if (c == 'd') sim.drain_per_s = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 't') sim.print_trace = true;
        else if (c == 'j') json = true;
        else if (c == 'f') file = optarg;
        else return usage();
    }
    if (optind < argc) return usage();
    signal(SIGABRT, on_abort);
    signal(SIGSEGV, on_abort);
    struct totals totals = { .began = seconds() };
    int result = file ? run_file(file, &sim, &totals, json) : 0;
    for (uint64_t i = 0; !file && i < seeds; i++, sim.seed++) run_one(&sim, &totals, json);
    print_totals(&totals, json);
    return result ? result : totals.failed > 0;
}
