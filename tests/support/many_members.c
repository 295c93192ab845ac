/* Many member sessions in one process: what 200 or 1 000 offices are to their node, without as many processes.
 *
 *   many_members --node URL --prefix m --count 200 [--expect N] [--certificates DIR --area AREA] [--latencies FILE] [--say ADDRESS [--says N]]
 *
 * Connects members m0, m1, … , says {"up":N} when all links stand, accepts everything that comes, and ends with one line of
 * JSON when each has N messages (--expect), or at SIGTERM. Members over TLS use DIR/AREA_mI.crt and .key and DIR/ca.crt.
 * With a % in the URL each member has a node of its own: the number of the member stands there.
 * --say: each member that loses its link hands in one bench message for the address, which waits until the node is back.
 * --says: instead, each member hands in so many whenever this process gets SIGUSR1, and {"said":N} is printed.
 * After an outage {"up":N} is said again. --latencies: every delivery's milliseconds from when it was meant to be sent, a line each. */
#include "bench_mark.h"
#include "clock.h"

#include <assert.h>
#include <getopt.h>
#include <poll.h>
#include <qiao/client.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define MEMBERS_MAX 4096u
#define MESSAGES_MAX 4096u       /* different bench messages a run of this program tells apart */
#define LINGER_NS (CLOCK_NS_PER_S / 2)

struct member {
    struct crowd *crowd;
    struct qiao_client *client;
    uint32_t distinct, duplicates;
    uint8_t seen[MESSAGES_MAX / 8];
    uint32_t said;
    bool lost_link;
};

struct crowd {
    const char *node, *prefix, *certificates, *area, *latencies_file, *say_area, *say_org;
    uint32_t count, expect, says;
    struct member *members;
    struct pollfd *polls;
    uint32_t up, complete;
    int asked_fd;                  /* SIGUSR1 */
    bool said_up;
    uint64_t foreign;
    uint64_t *latencies_ns;
    size_t latencies, latencies_capacity;
    uint64_t last_ns;
};

static int failed(const char *what, const char *why)
{
    fprintf(stderr, "many_members: %s: %s\n", what, why);
    return 1;
}

static void note_latency(struct crowd *c, uint64_t intended_ns)
{
    uint64_t now_ns = clock_wall_ns();
    if (c->latencies == c->latencies_capacity) {
        c->latencies_capacity = c->latencies_capacity ? c->latencies_capacity * 2 : 1024;
        c->latencies_ns = realloc(c->latencies_ns, c->latencies_capacity * sizeof *c->latencies_ns);
        assert(c->latencies_ns);
    }
    c->latencies_ns[c->latencies++] = now_ns > intended_ns ? now_ns - intended_ns : 0;
}

static enum qiao_verdict take_delivery(void *context, const struct qiao_delivery *delivery)
{
    struct member *m = context;
    struct bench_mark mark;
    m->crowd->last_ns = clock_steady_ns();
    if (!bench_mark_read(delivery->message.body, &mark) || mark.sequence >= MESSAGES_MAX) {
        m->crowd->foreign++;
        return QIAO_VERDICT_ACCEPT;
    }
    uint8_t bit = (uint8_t)(1u << mark.sequence % 8), *byte = &m->seen[mark.sequence / 8];
    if (*byte & bit) {
        m->duplicates++;
        return QIAO_VERDICT_ACCEPT;
    }
    *byte |= bit;
    note_latency(m->crowd, mark.intended_ns);
    if (++m->distinct == m->crowd->expect) m->crowd->complete++;
    return QIAO_VERDICT_ACCEPT;
}

static void take_link(void *context, bool up, unsigned code, const char *reason)
{
    struct member *m = context;
    struct crowd *c = m->crowd;
    if (up) c->up++;
    else if (c->up > 0) c->up--;
    m->lost_link |= !up;
    if (c->up < c->count && c->say_area) c->said_up = false;
    if (!up && !c->say_area) fprintf(stderr, "many_members: link down: %u %s\n", code, reason ? reason : "");
}

static const struct qiao_client_handler handler = { .link = take_link, .deliver = take_delivery };

static void node_of(const struct crowd *c, uint32_t number, char *url, size_t size)
{
    const char *at = strchr(c->node, '%');
    if (at) snprintf(url, size, "%.*s%u%s", (int)(at - c->node), c->node, number, at + 1);
    else snprintf(url, size, "%s", c->node);
}

static int add_member(struct crowd *c, uint32_t number)
{
    struct member *m = &c->members[number];
    char name[64], node[256], certificate[512], key[512], ca[512], text[256] = "";
    snprintf(name, sizeof name, "%s%u", c->prefix, number);
    node_of(c, number, node, sizeof node);
    struct qiao_client_options options = { .node = node, .member = name, .owns_nng = true };
    if (c->certificates) {
        snprintf(certificate, sizeof certificate, "%s/%s_%s.crt", c->certificates, c->area, name);
        snprintf(key, sizeof key, "%s/%s_%s.key", c->certificates, c->area, name);
        snprintf(ca, sizeof ca, "%s/ca.crt", c->certificates);
        options.certificate_file = certificate;
        options.key_file = key;
        options.ca_file = ca;
    }
    m->crowd = c;
    if (qiao_client_new(&options, &handler, m, &m->client, text, sizeof text) != 0) return failed(name, text);
    c->polls[number] = (struct pollfd){ .fd = qiao_client_fd(m->client), .events = POLLIN };
    return 0;
}

static int say(struct member *m)
{
    struct crowd *c = m->crowd;
    uint8_t body[BENCH_MARK_SIZE];
    uint32_t number = (uint32_t)(m - c->members);
    struct bench_mark mark = { .run = 1, .sequence = (uint64_t)m->said * c->count + number, .case_number = number, .case_sequence = m->said + 1, .intended_ns = clock_wall_ns() };
    struct qiao_message message = { .kind = QIAO_KIND_PAYLOAD, .destination = { .area = c->say_area, .org = c->say_org }, .body = { body, sizeof body } };
    m->said++;
    bench_mark_write(&mark, body);
    if (qiao_client_submit(m->client, &message, NULL) == QIAO_CLIENT_OK && qiao_client_flush(m->client) == QIAO_CLIENT_OK) return 0;
    return failed("say", qiao_client_error(m->client));
}

/* All that are readable or whose time has come; a short wait, since many timers are asked one by one. */
static int dispatch(struct crowd *c, uint32_t started)
{
    int timeout_ms = 1000;
    for (uint32_t i = 0; i < started; i++) {
        int due_ms = qiao_client_timeout_ms(c->members[i].client);
        if (due_ms >= 0 && due_ms < timeout_ms) timeout_ms = due_ms;
    }
    if (poll(c->polls, c->count + 1, timeout_ms) < 0) return failed("poll", "failed");
    for (uint32_t i = 0; i < started; i++) {
        if (!c->polls[i].revents && qiao_client_timeout_ms(c->members[i].client) != 0) continue;
        struct member *m = &c->members[i];
        if (qiao_client_dispatch(m->client) == QIAO_CLIENT_REFUSED) return failed("refused", qiao_client_error(m->client));
        if (c->say_area && c->says == 0 && m->lost_link && m->said == 0 && say(m) != 0) return 1;
    }
    return 0;
}

static int say_as_asked(struct crowd *c)
{
    struct signalfd_siginfo asked;
    if (c->says == 0 || read(c->asked_fd, &asked, sizeof asked) != sizeof asked) return 0;
    for (uint32_t i = 0; i < c->count * c->says; i++)
        if (say(&c->members[i % c->count]) != 0) return 1;
    printf("{\"said\":%u}\n", c->count * c->says);
    fflush(stdout);
    return 0;
}

static void say_up(struct crowd *c)
{
    printf("{\"up\":%u}\n", c->up);
    fflush(stdout);
    c->said_up = true;
}

/* A few at a time: the node bounds new connections in a second, and a thousand TLS handshakes at once would only time out. */
static int connect_all(struct crowd *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        int status = add_member(c, i);
        while (status == 0 && c->up + 16 < i + 1) {
            status = dispatch(c, i + 1);
            if (c->polls[c->count].revents) return failed("ended", "before all were up");
        }
        if (status != 0) return status;
    }
    while (c->up < c->count) {
        if (dispatch(c, c->count) != 0 || c->polls[c->count].revents) return failed("ended", "before all were up");
    }
    say_up(c);
    return 0;
}

static bool is_over(const struct crowd *c)
{
    if (c->polls[c->count].revents) return true;
    return c->expect > 0 && c->complete == c->count && clock_steady_ns() - c->last_ns > LINGER_NS;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void print_summary(struct crowd *c)
{
    uint64_t distinct = 0, duplicates = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        distinct += c->members[i].distinct;
        duplicates += c->members[i].duplicates;
    }
    printf("{\"members\":%u,\"up\":%u,\"complete\":%u,\"distinct\":%llu,\"duplicates\":%llu,\"foreign\":%llu", c->count, c->up, c->complete,
           (unsigned long long)distinct, (unsigned long long)duplicates, (unsigned long long)c->foreign);
    if (c->latencies > 0) {
        qsort(c->latencies_ns, c->latencies, sizeof *c->latencies_ns, by_size);
        printf(",\"latencyMs\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", (double)c->latencies_ns[c->latencies / 2] / 1e6,
               (double)c->latencies_ns[c->latencies * 99 / 100] / 1e6, (double)c->latencies_ns[c->latencies - 1] / 1e6);
    }
    puts("}");
}

static int write_latencies(const struct crowd *c)
{
    FILE *out = fopen(c->latencies_file, "w");
    if (!out) return failed(c->latencies_file, "cannot be written");
    for (size_t i = 0; i < c->latencies; i++) fprintf(out, "%.3f\n", (double)c->latencies_ns[i] / 1e6);
    return fclose(out) == 0 ? 0 : failed(c->latencies_file, "cannot be written");
}

static const struct option long_options[] = {
    { "node", required_argument, NULL, 'n' },   { "prefix", required_argument, NULL, 'p' },       { "count", required_argument, NULL, 'c' },
    { "expect", required_argument, NULL, 'e' }, { "certificates", required_argument, NULL, 'C' }, { "area", required_argument, NULL, 'a' },
    { "latencies", required_argument, NULL, 'l' }, { "say", required_argument, NULL, 's' },         { "says", required_argument, NULL, 'S' },
    { NULL, 0, NULL, 0 },
};

/* AREA/ORG, in place. */
static void split_address(char *address, struct crowd *c)
{
    char *slash = strchr(address, '/');
    if (!slash) return;
    *slash = '\0';
    c->say_area = address;
    c->say_org = slash + 1;
}

static int parse(int argc, char **argv, struct crowd *c)
{
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'n': c->node = optarg; break;
        case 'p': c->prefix = optarg; break;
        case 'c': c->count = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'e': c->expect = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'C': c->certificates = optarg; break;
        case 'a': c->area = optarg; break;
        case 'l': c->latencies_file = optarg; break;
        case 's': split_address(optarg, c); break;
        case 'S': c->says = (uint32_t)strtoul(optarg, NULL, 10); break;
        default: return 2;
        }
    }
    if (c->node && c->prefix && c->count > 0 && c->count <= MEMBERS_MAX && !c->certificates == !c->area) return 0;
    fputs("usage: many_members --node URL --prefix NAME --count N [--expect N] [--certificates DIR --area AREA] [--latencies FILE] [--say ADDRESS [--says N]]\n", stderr);
    return 2;
}

static int watch_signals(int first, int second)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, first);
    sigaddset(&signals, second);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
    struct crowd c = { 0 };
    int status = parse(argc, argv, &c);
    if (status != 0) return status;
    c.members = calloc(c.count, sizeof *c.members);
    c.polls = calloc(c.count + 1, sizeof *c.polls);
    assert(c.members && c.polls);
    for (uint32_t i = 0; i < c.count; i++) c.polls[i].fd = -1;
    c.polls[c.count] = (struct pollfd){ .fd = watch_signals(SIGTERM, SIGINT), .events = POLLIN };
    c.asked_fd = watch_signals(SIGUSR1, SIGUSR1);
    status = connect_all(&c);
    while (status == 0 && !is_over(&c)) {
        status = dispatch(&c, c.count);
        if (status == 0) status = say_as_asked(&c);
        if (!c.said_up && c.up == c.count) say_up(&c);
        if (c.expect > 0 && c.complete == c.count) poll(&c.polls[c.count], 1, 20);
    }
    print_summary(&c);
    if (status == 0 && c.latencies_file) status = write_latencies(&c);
    for (uint32_t i = 0; i < c.count; i++) {
        if (c.members[i].client) qiao_client_close(c.members[i].client, 100);
        qiao_client_free(c.members[i].client);
    }
    free(c.members);
    free(c.polls);
    free(c.latencies_ns);
    return status;
}
