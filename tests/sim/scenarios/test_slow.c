/* Lines that are slow, lose packets and are cut. */
#include "scenarios/story.h"

#include "core/state.h"

#include <criterion/criterion.h>

enum { TOTAL = 10 * 1000 * 1000 };

/* Members send as fast as their outbox takes it: large photos' worth and small reports by turns. */
static size_t send_more(struct story *s, size_t sent)
{
    static const uint32_t sizes[] = { 2000, 700, 60000, 12000, 1024 * 1024, 300, 30000, 5000 };
    uint32_t size = sizes[s->sim->messages_count % 8];
    if (sent >= TOTAL || s->hotline->session.unacknowledged > 4) return sent;
    story_send_body(s, s->hotline, s->court, QIAO_LANE_NORMAL, 0, size);
    return sent + size;
}

static struct peer *parent_of(const struct sim_node *node)
{
    for (size_t i = 0; i < node->core->links_count; i++)
        if (node->core->peers[i].role == LINK_ROLE_PARENT_NODE) return &node->core->peers[i];
    return NULL;
}

static bool all_accepted(const struct story *s)
{
    for (uint32_t i = 0; i < s->sim->messages_count; i++)
        if (s->sim->recipients[s->sim->messages[i].first_recipient].seen != QIAO_OUTCOME_ACCEPTED) return false;
    return true;
}

static uint64_t drain(struct story *s, size_t *sent)
{
    uint64_t begun_ms = s->sim->now_ms, cut_ms = begun_ms + 60000;
    while ((*sent < TOTAL || !all_accepted(s)) && s->sim->now_ms < begun_ms + 3 * 3600 * 1000 && !s->sim->failed) {
        *sent = send_more(s, *sent);
        sim_run(s->sim, 50);
        if (s->sim->now_ms < cut_ms) continue;
        cut_ms += 60000;
        if (s->street->up_pipe >= 0) pipe_cut(s->sim, s->street->up_pipe);
    }
    return s->sim->now_ms - begun_ms;
}

static void ten_megabytes(struct story *s)
{
    size_t sent = 0;
    s->sim->options.keep_trace = s->sim->options.calm = false;
    s->street->line = (struct sim_line){ .bytes_per_s = 50000 / 8, .loss_percent = 5, .latency_ms = 80 };
    pipe_cut(s->sim, s->street->up_pipe);
    uint64_t took_ms = drain(s, &sent);
    const struct peer *up = parent_of(s->street);
    uint64_t out = up->sent_bytes + (up->out ? up->out->link.sent_bytes : 0), again = up->resent_bytes + (up->out ? up->out->link.resent_bytes : 0);
    cr_log_info("%zu bytes in %llu s; sent %llu, of these again %llu (%.2f %%), cuts %llu", sent, (unsigned long long)took_ms / 1000, (unsigned long long)out,
                (unsigned long long)again, 100.0 * (double)again / (double)sent, (unsigned long long)s->sim->counts.cuts);
    cr_assert(all_accepted(s), "%zu bytes in %llu s are not all there", sent, (unsigned long long)took_ms / 1000);
    cr_assert_leq(out - sent, sent / 20, "sent %llu bytes for %zu", (unsigned long long)out, sent);
    cr_assert_leq(again, sent / 20);
}

Test(slow, ten_megabytes_pass_a_bad_line_that_is_cut_every_minute)
{
    struct story s = story_begin();
    ten_megabytes(&s);
    story_end(&s);
}

Test(slow, ten_megabytes_pass_it_with_signatures)
{
    struct story s = story_begin_signed();
    ten_megabytes(&s);
    story_end(&s);
}

static uint64_t time_until_seen(struct story *s, uint32_t message)
{
    uint64_t begun_ms = s->sim->now_ms;
    while (story_outcome(s, message)->seen == QIAO_OUTCOME_NONE && s->sim->now_ms < begun_ms + 600000 && !s->sim->failed) sim_run(s->sim, 10);
    return s->sim->now_ms - begun_ms;
}

static uint32_t deliveries(const struct story *s, unsigned lane)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->sim->messages_count; i++) {
        const struct sim_message *m = &s->sim->messages[i];
        count += m->lane == lane ? s->sim->recipients[m->first_recipient].deliveries : 0;
    }
    return count;
}

/* 60 KiB of bulk need 10 s here. What is urgent waits for what is under way, and for a part. */
Test(slow, an_urgent_message_overtakes_a_large_one_that_is_on_its_way)
{
    struct story s = story_begin_signed();
    s.street->line = (struct sim_line){ .bytes_per_s = 50000 / 8, .loss_percent = 5, .latency_ms = 80 };
    pipe_cut(s.sim, s.street->up_pipe);
    sim_run(s.sim, 3000);
    for (int i = 0; i < 8; i++) story_send_body(&s, s.hotline, s.court, QIAO_LANE_BULK, 0, 60 * 1024);
    sim_run(s.sim, 30000);
    for (int i = 0; i < 10; i++) {
        story_send_body(&s, s.hotline, s.court, QIAO_LANE_BULK, 0, 60 * 1024);
        uint32_t urgent = story_send(&s, s.hotline, s.court, QIAO_LANE_URGENT, SIM_CASES, 0);
        uint64_t took_ms = time_until_seen(&s, urgent);
        cr_assert_leq(took_ms, 4000, "%llu ms there and back", (unsigned long long)took_ms);
        sim_run(s.sim, 7000);
    }
    cr_assert_lt(deliveries(&s, QIAO_LANE_BULK), 17, "bulk is still on its way");
    story_end(&s);
}

/* One day of a community that the rest of the world has forgotten. */
static void one_day(struct story *s, int day)
{
    enum { HOUR = 3600 * 1000 };
    for (int hour = 0; hour < 24; hour++) {
        for (int i = 0; i < 4; i++) story_send_body(s, s->hotline, s->court, i == 0 ? QIAO_LANE_NORMAL : QIAO_LANE_BULK, (uint32_t)i, 400);
        if (hour % 6 == 0) story_send(s, s->hotline, s->helpers, QIAO_LANE_NORMAL, 1, 0);
        if (hour == 12) story_send(s, s->helpers, s->hotline, QIAO_LANE_URGENT, 2, 0);
        sim_run(s->sim, HOUR);
    }
    for (uint32_t i = 0; i < s->sim->messages_count; i++) {
        const struct sim_message *m = &s->sim->messages[i];
        bool local = s->sim->members[m->recipient].node == s->community->index;
        unsigned seen = s->sim->recipients[m->first_recipient].seen;
        cr_assert_eq(seen, local ? QIAO_OUTCOME_ACCEPTED : QIAO_OUTCOME_NONE, "day %d, message %u", day, i);
    }
}

/* Certificates are in force, nobody asks for a centre: what is local goes on, what is not waits on disk. Then the line is back, and it is
 * no good one. */
Test(slow, thirty_days_cut_off_and_back)
{
    struct story s = story_begin_cut_off(0);
    s.sim->options.keep_trace = false;
    for (int day = 1; day <= 30; day++) one_day(&s, day);
    uint32_t urgent = story_send(&s, s.hotline, s.court, QIAO_LANE_URGENT, SIM_CASES, 0);
    s.community->line = (struct sim_line){ .bytes_per_s = 64000 / 8, .loss_percent = 5, .latency_ms = 80 };
    s.sim->bytes_on_wire_max = 0;
    story_line_is_back(&s);
    uint64_t took_ms = time_until_seen(&s, urgent);
    cr_assert_leq(took_ms, 10000, "urgent: %llu ms", (unsigned long long)took_ms);
    cr_assert_lt(deliveries(&s, QIAO_LANE_BULK), 400);
    uint64_t begun_ms = s.sim->now_ms;
    while (!all_accepted(&s) && s.sim->now_ms < begun_ms + 3600 * 1000 && !s.sim->failed) sim_run(s.sim, 500);
    cr_log_info("%u messages; urgent after %llu ms, all after %llu s; at most %llu bytes under way", s.sim->messages_count, (unsigned long long)took_ms,
                (unsigned long long)(s.sim->now_ms - begun_ms) / 1000, (unsigned long long)s.sim->bytes_on_wire_max);
    cr_assert(all_accepted(&s));
    cr_assert_leq(s.sim->bytes_on_wire_max, 64 * 1024, "the backlog stays on disk");
    sim_run(s.sim, 5000);
    checks_final(s.sim);
    story_end(&s);
}
