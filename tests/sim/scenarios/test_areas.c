/* The table of areas changes while the federation runs: nodes with different versions, lines that are cut, a node that dies in between. */
#include "scenarios/story.h"

#include "area/delta.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define BEFORE "990101,district,,\n990101001,street,,\n990101001001,community,,\n"
#define OTHER BEFORE "990101009,of another file,,\n"
/* 2023-11-14 is the day on which the world begins. */
#define MERGED BEFORE "990101005,merged,2023-10-31,990101001:MERGE\n"
#define NEWER MERGED "990101006,merged too,2023-11-01,990101001:MERGE\n"

struct change {
    struct arena arena;
    struct area_table *tables[2];
    struct area_delta delta;
    struct buf parts[AREA_DELTA_PARTS_MAX], word;
};

static void digest(void *context, struct qiao_bytes data, uint8_t ret_digest[AREA_VERSION_SIZE])
{
    seal_digest(context, SEAL_SUITE_INT1, data, ret_digest);
}

static void pack(struct buf *out, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    protobuf_c_message_pack(message, buf_reserve(out, size));
    out->size += size;
}

static struct change *change_between(struct story *s, const char *from, const char *to)
{
    struct change *c = base_zalloc(sizeof *c);
    Qiao__V1__AreaConfirm word = QIAO__V1__AREA_CONFIRM__INIT;
    arena_init(&c->arena, SIZE_MAX);
    c->tables[0] = story_table(from);
    c->tables[1] = story_table(to);
    cr_assert(area_delta_make(c->tables[0], c->tables[1], digest, &s->district->keys.seal, &c->arena, &c->delta));
    for (size_t i = 0; i < c->delta.parts_count; i++) pack(&c->parts[i], &c->delta.parts[i].base);
    word.from = c->delta.parts[0].from;
    word.to = c->delta.parts[0].to;
    pack(&c->word, &word.base);
    return c;
}

static void change_free(struct change *c)
{
    for (size_t i = 0; i < c->delta.parts_count; i++) buf_deinit(&c->parts[i]);
    for (size_t i = 0; i < 2; i++) area_table_free(c->tables[i]);
    buf_deinit(&c->word);
    arena_deinit(&c->arena);
    free(c);
}

static uint32_t propose(struct story *s, struct sim_member *from, struct change *c)
{
    uint32_t last = 0;
    for (size_t i = 0; i < c->delta.parts_count; i++) last = story_tell_nodes(s, from, QIAO_KIND_AREA_DELTA, buf_bytes(&c->parts[i]));
    return last;
}

static uint32_t confirm(struct story *s, struct sim_member *from, struct change *c)
{
    return story_tell_nodes(s, from, QIAO_KIND_AREA_CONFIRM, buf_bytes(&c->word));
}

static void expect_at(struct story *s, uint32_t message, const struct sim_node *node, unsigned outcome, unsigned code)
{
    const struct sim_recipient *r = story_outcome_at(s, message, node);
    cr_assert(r->seen == outcome && r->seen_code == code, "%s said %u %s", node->name, r->seen, qiao_code_name(r->seen_code));
}

/* At the origin, before it went anywhere. */
static void expect_refused(struct story *s, uint32_t message, unsigned code)
{
    const struct sim_recipient *r = &s->sim->recipients[s->sim->messages[message].first_recipient + s->sim->nodes_count];
    cr_assert(r->seen == QIAO_OUTCOME_REFUSED && r->seen_code == code, "%u %s", r->seen, qiao_code_name(r->seen_code));
}

static void expect_everywhere(struct story *s, uint32_t message, unsigned outcome, unsigned code)
{
    const struct sim_node *const nodes[] = { s->district, s->street, s->community };
    for (size_t i = 0; i < 3; i++) expect_at(s, message, nodes[i], outcome, code);
}

static void expect_mail(struct story *s, struct sim_member *from, const char *area, unsigned outcome)
{
    uint32_t mail = story_send_to_old(s, from, area);
    sim_run(s->sim, 500);
    cr_assert(story_outcome(s, mail)->seen == outcome, "%s from %s: %u %s", area, from->name, story_outcome(s, mail)->seen, qiao_code_name(story_outcome(s, mail)->seen_code));
}

Test(areas, a_change_takes_effect_at_each_node_when_a_second_registrar_agrees)
{
    struct story s = story_begin_with_areas(BEFORE, BEFORE, BEFORE);
    struct change *c = change_between(&s, BEFORE, MERGED);
    uint32_t proposal = propose(&s, s.court, c);
    sim_run(s.sim, 200);
    expect_everywhere(&s, proposal, QIAO_OUTCOME_ACCEPTED, 0);
    s.sim->trace.size = 0;
    uint32_t word = confirm(&s, s.office, c);
    sim_run(s.sim, 500);
    story_expect(&s, "street . the areas' version c35833fb is confirmed\n"
                     "street < office: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 3-3\n"
                     "street > community: lane 0 messages 2-2\n"
                     "street . the areas are at version c35833fb\n"
                     "street . area.confirm: OK\n"
                     "street > district: routes\n"
                     "street > community: routes\n"
                     "community < street: 0 routes\n"
                     "district < street: 0 routes\n"
                     "street > office: lane 3 messages 1-1\n"
                     "community . the areas' version c35833fb is confirmed\n"
                     "community < street: lane 0 messages 2-2\n"
                     "district . the areas' version c35833fb is confirmed\n"
                     "district < street: lane 0 messages 3-3\n"
                     "community . the areas are at version c35833fb\n"
                     "community . area.confirm: OK\n"
                     "district . the areas are at version c35833fb\n"
                     "district . area.confirm: OK\n"
                     "community > street: routes\n"
                     "district > street: routes\n"
                     "community > street: lane 0 messages 2-2\n"
                     "district > street: lane 0 messages 2-2\n"
                     "street < community: 0 routes\n"
                     "street < district: 0 routes\n"
                     "street < community: lane 0 messages 2-2\n"
                     "street < district: lane 0 messages 2-2\n"
                     "street > office: lane 3 messages 2-3\n");
    expect_everywhere(&s, word, QIAO_OUTCOME_ACCEPTED, 0);
    expect_mail(&s, s.hotline, "990101005", QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
    change_free(c);
}

Test(areas, who_may_not_is_refused_and_so_is_who_agrees_with_himself)
{
    struct story s = story_begin_with_areas(BEFORE, BEFORE, BEFORE);
    struct change *c = change_between(&s, BEFORE, MERGED);
    uint32_t stranger = propose(&s, s.hotline, c), early = confirm(&s, s.office, c);
    sim_run(s.sim, 200);
    expect_refused(&s, stranger, QIAO_CODE_NOT_ALLOWED);
    expect_refused(&s, early, QIAO_CODE_NOT_FOUND);
    propose(&s, s.court, c);
    sim_run(s.sim, 200);
    uint32_t alone = confirm(&s, s.court, c);
    sim_run(s.sim, 200);
    expect_refused(&s, alone, QIAO_CODE_ORG_DUAL_CONTROL);
    sim_run(s.sim, 2 * 3600000); /* registry.confirm_within */
    uint32_t late = confirm(&s, s.office, c);
    sim_run(s.sim, 200);
    expect_refused(&s, late, QIAO_CODE_ORG_DUAL_CONTROL);
    story_end(&s);
    change_free(c);
}

Test(areas, while_a_node_is_cut_off_mail_goes_where_it_should_and_afterwards_it_has_the_change_too)
{
    struct story s = story_begin_with_areas(BEFORE, BEFORE, BEFORE);
    struct change *c = change_between(&s, BEFORE, MERGED);
    propose(&s, s.court, c);
    sim_run(s.sim, 50);
    s.community->blocked_until_ms = SIM_NEVER / 2;
    node_crash(s.sim, s.street, 100);
    sim_run(s.sim, 1000);
    uint32_t word = confirm(&s, s.office, c);
    sim_run(s.sim, 1000);
    expect_at(&s, word, s.district, QIAO_OUTCOME_ACCEPTED, 0);
    expect_at(&s, word, s.street, QIAO_OUTCOME_ACCEPTED, 0);
    expect_at(&s, word, s.community, QIAO_OUTCOME_NONE, 0);
    expect_mail(&s, s.court, "990101005", QIAO_OUTCOME_ACCEPTED);
    expect_mail(&s, s.hotline, "990101005", QIAO_OUTCOME_NONE); /* waits for the line, and its node knows of no such area */
    s.community->blocked_until_ms = 0;
    sim_run(s.sim, 20000);
    expect_everywhere(&s, word, QIAO_OUTCOME_ACCEPTED, 0);
    cr_assert_eq(story_outcome(&s, s.sim->messages_count - 1)->seen, QIAO_OUTCOME_ACCEPTED);
    node_crash(s.sim, s.district, 100);
    node_crash(s.sim, s.street, 100);
    node_crash(s.sim, s.community, 100);
    sim_run(s.sim, 3000);
    expect_mail(&s, s.hotline, "990101005", QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
    change_free(c);
}

Test(areas, whenever_a_node_dies_the_change_takes_effect_once)
{
    for (uint64_t after_ms = 0; after_ms < 40; after_ms++) {
        struct story s = story_begin_with_areas(BEFORE, BEFORE, BEFORE);
        struct change *c = change_between(&s, BEFORE, MERGED);
        propose(&s, s.court, c);
        sim_run(s.sim, 20);
        uint32_t word = confirm(&s, s.office, c);
        sim_run(s.sim, after_ms);
        node_crash(s.sim, after_ms % 2 ? s.street : s.district, 100);
        sim_run(s.sim, 3000);
        bool early = s.sim->recipients[s.sim->messages[word].first_recipient + s.sim->nodes_count].seen == QIAO_OUTCOME_REFUSED; /* parts had not come to the office's node yet */
        if (!early) expect_everywhere(&s, word, QIAO_OUTCOME_ACCEPTED, 0);
        story_end(&s);
        change_free(c);
    }
}

static char *many_rows(void)
{
    size_t size = 800000;
    char *rows = malloc(size);
    size_t at = (size_t)snprintf(rows, size, "%s", MERGED);
    for (unsigned i = 0; i < 3000; i++) at += (size_t)snprintf(rows + at, size - at, "9901%02u%03u%03u,%0200u,,\n", 2 + i / 1000, i / 100 % 10 + 1, i % 100 + 1, i);
    return rows;
}

Test(areas, a_large_change_comes_in_parts_over_a_line_that_breaks_and_nodes_that_die)
{
    struct story s = story_begin_with_areas(BEFORE, BEFORE, BEFORE);
    char *rows = many_rows();
    struct change *c = change_between(&s, BEFORE, rows);
    cr_assert_gt(c->delta.parts_count, 2u);
    propose(&s, s.court, c);
    for (int i = 0; i < 10; i++) {
        sim_run(s.sim, 7);
        if (s.community->up_pipe >= 0) pipe_cut(s.sim, s.community->up_pipe);
        if (i % 3 == 1) node_crash(s.sim, i % 2 ? s.street : s.community, 50);
    }
    sim_run(s.sim, 5000);
    uint32_t word = confirm(&s, s.office, c);
    sim_run(s.sim, 5000);
    expect_everywhere(&s, word, QIAO_OUTCOME_ACCEPTED, 0);
    expect_mail(&s, s.hotline, "990101005", QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
    change_free(c);
    free(rows);
}

Test(areas, a_node_with_another_table_says_so_and_is_sent_what_it_lacks_once_its_table_is_one_of_those_before)
{
    struct story s = story_begin_with_areas(BEFORE, BEFORE, OTHER);
    struct change *c = change_between(&s, BEFORE, MERGED);
    uint32_t proposal = propose(&s, s.court, c);
    sim_run(s.sim, 200);
    uint32_t word = confirm(&s, s.office, c);
    sim_run(s.sim, 500);
    expect_at(&s, proposal, s.community, QIAO_OUTCOME_REFUSED, QIAO_CODE_AREA_BASE);
    expect_at(&s, word, s.community, QIAO_OUTCOME_REFUSED, QIAO_CODE_AREA_BASE);
    expect_at(&s, word, s.street, QIAO_OUTCOME_ACCEPTED, 0);
    expect_mail(&s, s.hotline, "990101005", QIAO_OUTCOME_NONE);
    uint32_t mail = s.sim->messages_count - 1;
    cr_assert(story_outcome(&s, mail)->accepted); /* the street knows where to; the hotline's node does not know who may answer, */
    s.community->areas = c->tables[0]; /* an operator gives it the right file */
    node_crash(s.sim, s.community, 100);
    sim_run(s.sim, 2000);
    s.sim->trace.size = 0;
    sim_run(s.sim, 15000);
    const char *told = story_told(&s);
    cr_assert(strstr(told, "street > community: what leads to the areas' version"), "%s", told);
    cr_assert(strstr(told, "community . the areas are at version"), "%s", told);
    cr_assert_eq(story_outcome(&s, mail)->seen, QIAO_OUTCOME_ACCEPTED); /* and has kept what it was told until it does */
    node_crash(s.sim, s.street, 100);
    sim_run(s.sim, 15000);
    told = story_told(&s);
    cr_assert_null(strstr(told, "what leads to"), "%s", told);
    story_end(&s);
    change_free(c);
}

Test(areas, changes_follow_each_other_though_the_second_is_agreed_to_first)
{
    struct story s = story_begin_with_areas(BEFORE, BEFORE, BEFORE);
    struct change *first = change_between(&s, BEFORE, MERGED), *second = change_between(&s, MERGED, NEWER);
    propose(&s, s.court, first);
    sim_run(s.sim, 100);
    propose(&s, s.court, second);
    sim_run(s.sim, 200);
    uint32_t later = confirm(&s, s.office, second);
    sim_run(s.sim, 200);
    expect_at(&s, later, s.district, QIAO_OUTCOME_NONE, 0);
    uint32_t word = confirm(&s, s.office, first);
    sim_run(s.sim, 500);
    expect_everywhere(&s, word, QIAO_OUTCOME_ACCEPTED, 0);
    expect_everywhere(&s, later, QIAO_OUTCOME_ACCEPTED, 0);
    uint32_t again = propose(&s, s.court, first); /* a version that was passed: known, and nothing happens */
    sim_run(s.sim, 200);
    expect_everywhere(&s, again, QIAO_OUTCOME_ACCEPTED, 0);
    expect_mail(&s, s.hotline, "990101006", QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
    change_free(first);
    change_free(second);
}

Test(areas, of_two_changes_of_one_version_one_takes_effect)
{
    struct story s = story_begin_with_areas(BEFORE, BEFORE, BEFORE);
    struct change *one = change_between(&s, BEFORE, MERGED), *other = change_between(&s, BEFORE, OTHER);
    propose(&s, s.court, one);
    propose(&s, s.court, other);
    sim_run(s.sim, 200);
    uint32_t word = confirm(&s, s.office, one);
    sim_run(s.sim, 500);
    uint32_t late = confirm(&s, s.office, other);
    sim_run(s.sim, 500);
    expect_everywhere(&s, word, QIAO_OUTCOME_ACCEPTED, 0);
    expect_refused(&s, late, QIAO_CODE_AREA_BASE);
    story_end(&s);
    change_free(one);
    change_free(other);
}

Test(areas, what_makes_another_table_than_it_promises_changes_nothing)
{
    struct story s = story_begin_with_areas(BEFORE, BEFORE, BEFORE);
    struct change *good = change_between(&s, BEFORE, MERGED), *bad = change_between(&s, BEFORE, NEWER);
    Qiao__V1__AreaConfirm word = QIAO__V1__AREA_CONFIRM__INIT;
    bad->delta.parts[0].to = good->delta.parts[0].to;
    bad->parts[0].size = bad->word.size = 0;
    pack(&bad->parts[0], &bad->delta.parts[0].base);
    word.from = bad->delta.parts[0].from;
    word.to = bad->delta.parts[0].to;
    pack(&bad->word, &word.base);
    propose(&s, s.court, bad);
    sim_run(s.sim, 200);
    uint32_t agreed = confirm(&s, s.office, bad);
    sim_run(s.sim, 500);
    expect_everywhere(&s, agreed, QIAO_OUTCOME_REFUSED, QIAO_CODE_AREA_DELTA);
    propose(&s, s.court, good); /* it is forgotten, and the right one can come */
    sim_run(s.sim, 200);
    agreed = confirm(&s, s.office, good);
    sim_run(s.sim, 500);
    expect_everywhere(&s, agreed, QIAO_OUTCOME_ACCEPTED, 0);
    story_end(&s);
    change_free(good);
    change_free(bad);
}
