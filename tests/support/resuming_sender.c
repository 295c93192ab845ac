/* Sends bench messages, and keeps a ledger in a mapped file of what it promised and what came back, so that it can be killed at
 * any moment and go on: `bench send` cannot, it keeps its count in memory. After a start it submits again everything from the
 * last promise on, under the same ids: what the outbox already held must take effect once all the same.
 *
 * With --recipients R each message goes out when the R outcomes of the one before are back: for area sets. */
#include "bench_mark.h"
#include "clock.h"

#include <assert.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <qiao/client.h>
#include <qiao/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MESSAGES_MAX (1u << 20)
#define RECIPIENTS_MAX 1024u
#define CASES 64u
#define RECIPIENT_SIZE (QIAO_AREA_SIZE_MAX + QIAO_ORG_SIZE_MAX + 2)
#define BODY_SIZE_MAX 65536u
#define WINDOW 1024u
#define BURST 256u
#define PATIENCE_NS (UINT64_C(60) * CLOCK_NS_PER_S)

/* In a mapped file: a kill loses nothing of it. Never moves backwards. */
struct ledger {
    uint64_t started_ns;             /* 0: new */
    uint32_t run;
    uint32_t starts;
    uint64_t promised;               /* messages that qiao_client_flush made durable */
    uint64_t ended, accepted;        /* messages, or with --recipients outcomes */
    uint64_t outcomes_repeated;
    uint32_t recipients_known;
    char recipients[RECIPIENTS_MAX][RECIPIENT_SIZE]; /* area/org */
    uint8_t outcome_of[MESSAGES_MAX]; /* enum qiao_outcome; without --recipients */
};

struct sender {
    struct qiao_client_options client;
    const char *to, *ledger_file;
    uint64_t count, rate, size, recipients;
    struct ledger *ledger;
    struct qiao_client *link;
    struct qiao_message message;
    char destination[256];
    uint8_t body[BODY_SIZE_MAX];
    uint8_t *seen;                   /* with --recipients: a byte for each message and recipient */
    uint64_t next;                   /* sequence to submit */
    uint64_t start_steady_ns, start_next, moved_ns;
    uint64_t out_ns, *latencies_ns;  /* with --recipients: of the message under way; of all outcomes */
};

static int failed(const char *what, const char *why)
{
    fprintf(stderr, "resuming_sender: %s: %s\n", what, why);
    return 1;
}

static int open_ledger(struct sender *s)
{
    int fd = s->ledger_file ? open(s->ledger_file, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (s->ledger_file && (fd < 0 || ftruncate(fd, sizeof *s->ledger) != 0)) return failed(s->ledger_file, "cannot be made");
    s->ledger = mmap(NULL, sizeof *s->ledger, PROT_READ | PROT_WRITE, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (s->ledger == MAP_FAILED) return failed("ledger", "cannot be mapped");
    if (s->ledger->started_ns == 0) {
        struct qiao_id random = qiao_id_new();
        s->ledger->run = ((uint32_t)random.bytes[13] << 16 | (uint32_t)random.bytes[14] << 8 | random.bytes[15]) & BENCH_RUN_MAX;
        s->ledger->started_ns = clock_wall_ns();
    }
    s->ledger->starts++;
    s->next = s->ledger->promised;
    return 0;
}

/* The same bytes and id for a sequence whenever it is made: a message submitted again is the same message. */
static uint64_t intended_ns(const struct sender *s, uint64_t sequence)
{
    return s->ledger->started_ns + sequence * 1000;
}

static int submit(struct sender *s, uint64_t sequence)
{
    char case_id[32];
    struct bench_mark mark = {
        .run = s->ledger->run, .sequence = sequence, .case_number = (uint32_t)(sequence % CASES), .case_sequence = (uint32_t)(sequence / CASES) + 1,
        .intended_ns = s->recipients ? clock_wall_ns() : intended_ns(s, sequence),
    };
    bench_mark_write(&mark, s->body);
    snprintf(case_id, sizeof case_id, "resume-%06x-%u", s->ledger->run, mark.case_number);
    s->message.id = bench_id_make(s->ledger->run, sequence, intended_ns(s, sequence));
    s->message.sent_at_ms = intended_ns(s, sequence) / CLOCK_NS_PER_MS;
    s->message.case_id = s->recipients ? NULL : case_id;
    s->message.case_sequence = s->recipients ? 0 : mark.case_sequence;
    s->message.body = qiao_bytes(s->body, s->size);
    s->out_ns = clock_steady_ns();
    return qiao_client_submit(s->link, &s->message, NULL);
}

static bool is_due(const struct sender *s)
{
    if (s->next >= s->count) return false;
    if (s->recipients) return s->ledger->ended == s->next * s->recipients;
    if (s->rate == 0) return true;
    return clock_steady_ns() - s->start_steady_ns >= (s->next - s->start_next) * CLOCK_NS_PER_S / s->rate;
}

/* Submits what is due, makes it durable, and only then calls it promised. */
static int submit_due(struct sender *s)
{
    int result = 0;
    uint64_t first = s->next;
    for (unsigned i = 0; i < BURST && is_due(s); i++) {
        result = submit(s, s->next);
        if (result != QIAO_CLIENT_OK) break;
        s->next++;
    }
    if (result == QIAO_CLIENT_BUSY || result == QIAO_CLIENT_UNREACHABLE) result = 0;
    if (s->next == first) return result;
    if (result == 0) result = qiao_client_flush(s->link);
    if (result == 0 && s->next > s->ledger->promised) s->ledger->promised = s->next;
    s->moved_ns = clock_steady_ns();
    return result;
}

static size_t recipient_number(struct ledger *l, const struct qiao_address *recipient)
{
    char name[RECIPIENT_SIZE];
    snprintf(name, sizeof name, "%s/%s", recipient->area, recipient->org);
    for (size_t i = 0; i < l->recipients_known; i++)
        if (strcmp(l->recipients[i], name) == 0) return i;
    assert(l->recipients_known < RECIPIENTS_MAX);
    snprintf(l->recipients[l->recipients_known], RECIPIENT_SIZE, "%s", name);
    return l->recipients_known++;
}

/* True the first time. */
static bool note_outcome(struct sender *s, uint64_t sequence, const struct qiao_receipt *receipt)
{
    uint8_t *place = &s->ledger->outcome_of[sequence];
    if (s->recipients) place = &s->seen[sequence * RECIPIENTS_MAX + recipient_number(s->ledger, &receipt->recipient)];
    if (*place != QIAO_OUTCOME_NONE) return false;
    *place = (uint8_t)receipt->outcome;
    return true;
}

static void take_receipt(void *context, const struct qiao_receipt *receipt)
{
    struct sender *s = context;
    uint32_t run;
    uint64_t sequence, sent_ns;
    bench_id_read(&receipt->message_id, &run, &sequence, &sent_ns);
    if (run != s->ledger->run || sequence >= s->count) return;
    s->moved_ns = clock_steady_ns();
    if (!note_outcome(s, sequence, receipt)) {
        s->ledger->outcomes_repeated++;
        return;
    }
    if (s->recipients) s->latencies_ns[s->ledger->ended] = s->moved_ns - s->out_ns;
    s->ledger->ended++;
    s->ledger->accepted += receipt->outcome == QIAO_OUTCOME_ACCEPTED;
}

static const struct qiao_client_handler handler = { .receipt = take_receipt };

static uint64_t outcomes_wanted(const struct sender *s)
{
    return s->count * (s->recipients ? s->recipients : 1);
}

static int run(struct sender *s)
{
    s->start_steady_ns = s->moved_ns = clock_steady_ns();
    s->start_next = s->next;
    while (s->ledger->ended < outcomes_wanted(s)) {
        int result = submit_due(s);
        if (result == 0) result = qiao_client_run(s->link, is_due(s) ? 0 : s->recipients ? 1000 : 1);
        if (result != 0 && result != QIAO_CLIENT_TIMEOUT) return failed("client", qiao_client_error(s->link));
        if (clock_steady_ns() - s->moved_ns > PATIENCE_NS) return failed("client", "nothing moved for 60 s");
    }
    return 0;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void print_summary(struct sender *s)
{
    const struct ledger *l = s->ledger;
    printf("{\"run\":\"%06x\",\"starts\":%u,\"promised\":%llu,\"ended\":%llu,\"accepted\":%llu,\"outcomesRepeated\":%llu,\"recipients\":%u", l->run, l->starts,
           (unsigned long long)l->promised, (unsigned long long)l->ended, (unsigned long long)l->accepted, (unsigned long long)l->outcomes_repeated,
           l->recipients_known);
    if (s->recipients && l->ended > 0) {
        qsort(s->latencies_ns, l->ended, sizeof *s->latencies_ns, by_size);
        printf(",\"outcomeLatencyMs\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", (double)s->latencies_ns[l->ended / 2] / 1e6,
               (double)s->latencies_ns[l->ended * 99 / 100] / 1e6, (double)s->latencies_ns[l->ended - 1] / 1e6);
    }
    puts("}");
}

static const struct option long_options[] = {
    { "node", required_argument, NULL, 'n' },   { "member", required_argument, NULL, 'm' }, { "to", required_argument, NULL, 't' },
    { "count", required_argument, NULL, 'c' },  { "rate", required_argument, NULL, 'r' },   { "size", required_argument, NULL, 's' },
    { "outbox", required_argument, NULL, 'o' }, { "ledger", required_argument, NULL, 'l' }, { "recipients", required_argument, NULL, 'R' },
    { NULL, 0, NULL, 0 },
};

static int parse(int argc, char **argv, struct sender *s)
{
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'n': s->client.node = optarg; break;
        case 'm': s->client.member = optarg; break;
        case 't': s->to = optarg; break;
        case 'c': s->count = strtoull(optarg, NULL, 10); break;
        case 'r': s->rate = strtoull(optarg, NULL, 10); break;
        case 's': s->size = strtoull(optarg, NULL, 10); break;
        case 'o': s->client.outbox = optarg; break;
        case 'l': s->ledger_file = optarg; break;
        case 'R': s->recipients = strtoull(optarg, NULL, 10); break;
        default: return 2;
        }
    }
    if (!s->client.node || !s->client.member || !s->to || s->count == 0 || s->count > MESSAGES_MAX || s->size < BENCH_MARK_SIZE || s->size > BODY_SIZE_MAX ||
        s->recipients > RECIPIENTS_MAX || !qiao_address_parse(s->to, s->destination, sizeof s->destination, &s->message.destination)) {
        fputs("usage: resuming_sender --node URL --member NAME --to ADDRESS --count N [--rate N] [--size BYTES] [--outbox DIR] [--ledger FILE] "
              "[--recipients R]\n", stderr);
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct sender s = { .count = 1000, .size = 512, .client.window_messages = WINDOW, .client.redial_ms_max = 100, .client.owns_nng = true };
    char text[256] = "";
    int status = parse(argc, argv, &s);
    if (status == 0) status = open_ledger(&s);
    if (status != 0) return status;
    s.message.kind = s.recipients ? QIAO_KIND_BULLETIN : QIAO_KIND_PAYLOAD;
    s.message.privacy = s.recipients ? QIAO_PRIVACY_PUBLIC : QIAO_PRIVACY_INTERNAL;
    s.message.status = QIAO_STATUS_TEST;
    s.seen = calloc(s.recipients ? s.count : 1, RECIPIENTS_MAX);
    s.latencies_ns = calloc(outcomes_wanted(&s), sizeof *s.latencies_ns);
    assert(s.seen && s.latencies_ns);
    if (qiao_client_new(&s.client, &handler, &s, &s.link, text, sizeof text) != 0) return failed("client", text);
    status = run(&s);
    print_summary(&s);
    qiao_client_close(s.link, 2000);
    qiao_client_free(s.link);
    free(s.seen);
    free(s.latencies_ns);
    return status;
}
