/* Attachments: the case goes ahead, a file moves once, and what goes wrong is told by a code. */
#include "scenarios/story.h"

#include "core/keys.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct qiao_id send_with(struct story *s, struct sim_member *from, struct sim_member *to, uint32_t file, enum qiao_privacy privacy)
{
    struct sim_message m = { .sender = from->index, .to = SIM_TO_MEMBER, .recipient = to->index, .case_number = SIM_CASES, .file = file + 1, .body_size = 3 };
    uint8_t random[10];
    struct qiao_attachment attachment = files_attachment(s->sim, file);
    snprintf(m.area, sizeof m.area, "%s", s->sim->nodes[to->node].area);
    snprintf(m.org, sizeof m.org, "%s", to->name);
    prng_fill(&s->sim->prng, random, sizeof random);
    m.id = qiao_id_make(sim_wall_ms(s->sim), random);
    put_u32(m.id.bytes + 12, s->sim->messages_count);
    checks_message(s->sim, &m);
    struct qiao_message message = { .id = m.id, .kind = QIAO_KIND_PAYLOAD, .destination = { m.area, m.org, NULL }, .privacy = privacy,
                                    .attachments = &attachment, .attachments_count = 1, .body = { (const uint8_t *)"abc", 3 } };
    cr_assert_eq(session_submit(&from->session, &message, sim_wall_ms(s->sim), NULL), QIAO_CLIENT_OK);
    member_settle(s->sim, from);
    return m.id;
}

static struct sim_recipient *last_outcome(struct story *s)
{
    return story_outcome(s, s->sim->messages_count - 1);
}

static uint64_t parts_at(const struct sim_node *node)
{
    struct core_counters counters;
    core_counters(node->core, &counters);
    return counters.attachment_parts;
}

Test(files, the_case_is_delivered_before_its_file)
{
    struct story s = story_begin();
    uint32_t file = sim_add_file(s.sim, 100000);
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_INTERNAL);
    sim_run(s.sim, 500);
    cr_assert_eq(last_outcome(&s)->seen, QIAO_OUTCOME_ACCEPTED, "nobody waits for the file");
    cr_assert(!s.court->files[file].fetched);
    files_submitted(s.hotline, file);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 500);
    cr_assert(s.court->files[file].fetched && s.hotline->files[file].attached);
    cr_assert_eq(parts_at(s.community), 4);
    cr_assert_eq(parts_at(s.street), 0, "a node on the way keeps nothing");
    cr_assert_eq(parts_at(s.district), 4);
    story_end(&s);
}

Test(files, what_is_there_is_not_sent_again)
{
    struct story s = story_begin();
    uint32_t file = sim_add_file(s.sim, 100000);
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_INTERNAL);
    files_submitted(s.hotline, file);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 500);
    cr_assert(s.court->files[file].fetched);
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_INTERNAL);
    files_submitted(s.hotline, file);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 500);
    cr_assert_eq(last_outcome(&s)->seen, QIAO_OUTCOME_ACCEPTED);
    cr_assert_eq(parts_at(s.community), 4);
    cr_assert_eq(parts_at(s.district), 4);
    story_end(&s);
}

Test(files, a_node_that_dies_in_the_middle_asks_for_what_is_missing_only)
{
    struct story s = story_begin();
    uint32_t file = sim_add_file(s.sim, 40 * QIAO_ATTACHMENT_CHUNK_SIZE);
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_INTERNAL);
    files_submitted(s.hotline, file);
    member_settle(s.sim, s.hotline);
    while (parts_at(s.district) < 20 && !s.sim->failed) sim_run(s.sim, 1);
    uint64_t before = parts_at(s.district);
    node_crash(s.sim, s.district, 100);
    sim_run(s.sim, 10000);
    cr_assert(s.court->files[file].fetched);
    cr_assert_leq(before + parts_at(s.district), 40 + 20, "only what was not on disk came again");
    story_end(&s);
}

Test(files, a_sealed_message_takes_no_plain_file)
{
    struct story s = story_begin();
    uint32_t file = sim_add_file(s.sim, 1000);
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_SEALED);
    sim_run(s.sim, 500);
    cr_assert_eq(last_outcome(&s)->seen, QIAO_OUTCOME_REFUSED);
    story_end(&s);
}

Test(files, a_member_is_not_given_what_was_not_sent_to_it)
{
    struct story s = story_begin();
    uint32_t file = sim_add_file(s.sim, 1000);
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_INTERNAL);
    files_submitted(s.hotline, file);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 500);
    cr_assert(s.court->files[file].fetched);
    uint64_t bytes = s.sim->counts.file_bytes;
    session_fetch(&s.office->session, &s.sim->files[file].ref, 0, s.sim->now_ms);
    member_settle(s.sim, s.office);
    sim_run(s.sim, 100);
    cr_assert(s.sim->failed && strstr(s.sim->failure, "NOT_FOUND"), "%s", s.sim->failure);
    cr_assert_eq(s.sim->counts.file_bytes, bytes);
    s.sim->failed = false;
    story_end(&s);
}

Test(files, files_are_let_go_of_when_they_were_kept_long_enough)
{
    struct story s = story_begin();
    uint32_t file = sim_add_file(s.sim, 100000);
    struct core_counters counters;
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_INTERNAL);
    files_submitted(s.hotline, file);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 500);
    core_counters(s.district->core, &counters);
    cr_assert_eq(counters.attachment_bytes, 4 * QIAO_ATTACHMENT_CHUNK_SIZE);
    s.district->clock_ms = 31ll * 24 * 3600 * 1000;
    sim_run(s.sim, 10000);
    core_counters(s.district->core, &counters);
    cr_assert_eq(counters.attachment_bytes, 0);
    struct qiao_bytes value;
    struct key key = key_chunk(s.sim->files[file].ref.digest, 0);
    cr_assert(!store_get(s.district->store, key_bytes(&key), &value), "its chunks are gone");
    story_end(&s);
}

/* ---- members that do not keep to what was agreed ---- */

static void say(struct story *s, struct sim_member *member, struct attachment_word word, uint32_t file)
{
    buf_auto packed = { 0 };
    memcpy(word.digest, s->sim->files[file].ref.digest, ATTACHMENT_DIGEST_SIZE);
    attachment_word_write(&packed, &word);
    link_send_frame(&member->session.link, FRAME_ATTACHMENT, buf_bytes(&packed), s->sim->now_ms, &member->session.out);
}

/* The world takes it for a broken promise; here it is what is wanted. */
static void expect_failure(struct story *s, const char *words)
{
    cr_assert(s->sim->failed && strstr(s->sim->failure, words), "%s", s->sim->failure);
    s->sim->failed = false;
}

Test(files, wrong_parts_are_refused_and_a_right_file_comes_all_the_same)
{
    struct story s = story_begin();
    uint32_t file = sim_add_file(s.sim, 1000);
    struct core_counters counters;
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_INTERNAL);
    sim_run(s.sim, 500);
    say(&s, s.hotline, (struct attachment_word){ .type = ATTACHMENT_OFFER }, file);
    for (int i = 0; i < 3; i++) say(&s, s.hotline, (struct attachment_word){ .type = ATTACHMENT_PART, .data = { (const uint8_t *)"not the file", 12 } }, file);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 100);
    core_counters(s.community->core, &counters);
    cr_assert_eq(counters.attachment_parts_bad, 3);
    cr_assert_eq(counters.attachment_parts, 0);
    member_disconnect(s.sim, s.hotline);
    sim_run(s.sim, 1000);
    files_submitted(s.hotline, file);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 1000);
    cr_assert(s.court->files[file].fetched);
    story_end(&s);
}

Test(files, who_sends_nothing_but_wrong_parts_is_given_up_and_the_recipient_told)
{
    struct story s = story_begin();
    uint32_t file = sim_add_file(s.sim, 1000);
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_INTERNAL);
    sim_run(s.sim, 500);
    say(&s, s.hotline, (struct attachment_word){ .type = ATTACHMENT_OFFER }, file);
    for (int i = 0; i < 20; i++) say(&s, s.hotline, (struct attachment_word){ .type = ATTACHMENT_PART, .data = { (const uint8_t *)"not the file", 12 } }, file);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 500);
    expect_failure(&s, "ATTACHMENT_GONE");
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_INTERNAL);
    files_submitted(s.hotline, file);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 1000);
    cr_assert(s.court->files[file].fetched, "another message with it begins anew");
    story_end(&s);
}

Test(files, who_offers_and_gives_nothing_is_waited_for_a_minute_and_then_the_other_node_is_asked)
{
    struct story s = story_begin();
    uint32_t file = sim_add_file(s.sim, 100000);
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_INTERNAL);
    sim_run(s.sim, 500);
    say(&s, s.court, (struct attachment_word){ .type = ATTACHMENT_OFFER }, file);
    member_settle(s.sim, s.court);
    sim_run(s.sim, 100);
    files_submitted(s.hotline, file);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 55000);
    cr_assert(s.hotline->files[file].attached && !s.court->files[file].fetched, "the district waits for its own member");
    cr_assert_eq(parts_at(s.district), 0);
    sim_run(s.sim, 15000);
    cr_assert(s.court->files[file].fetched);
    cr_assert_eq(parts_at(s.district), 4);
    story_end(&s);
}

Test(files, a_word_that_cannot_be_read_ends_the_link)
{
    struct story s = story_begin();
    link_send_frame(&s.hotline->session.link, FRAME_ATTACHMENT, qiao_bytes("\x08\x63", 2), s.sim->now_ms, &s.hotline->session.out);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 100);
    expect_failure(&s, "FRAME_BODY");
    story_end(&s);
}

Test(files, who_asks_and_does_not_read_is_cut_off)
{
    struct story s = story_begin();
    uint32_t file = sim_add_file(s.sim, 40 * QIAO_ATTACHMENT_CHUNK_SIZE);
    send_with(&s, s.hotline, s.court, file, QIAO_PRIVACY_INTERNAL);
    files_submitted(s.hotline, file);
    member_settle(s.sim, s.hotline);
    sim_run(s.sim, 2000);
    cr_assert(s.court->files[file].fetched);
    for (int i = 0; i < 5; i++) say(&s, s.court, (struct attachment_word){ .type = ATTACHMENT_WANT, .count = ATTACHMENT_WINDOW_CHUNKS, .taken = 0 }, file);
    member_settle(s.sim, s.court);
    sim_run(s.sim, 100);
    expect_failure(&s, "LINK_CREDIT");
    story_end(&s);
}
