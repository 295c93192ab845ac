/* Scenarios: a small federation, a few events, and the lines an operator would see at --trace. */
#ifndef SIM_STORY_H
#define SIM_STORY_H

#include "sim.h"

#include "area/table.h"

/* district (990101) with court; street (990101001) with office; community (990101001001) with hotline. Latency 1 ms, commits 1 ms. */
struct story {
    struct sim *sim;
    struct sim_node *district, *street, *community;
    struct sim_member *court, *office, *hotline, *helpers;
    struct area_table *areas[3];
};

struct story story_begin(void);
/* The same with nodes that sign and check. */
struct story story_begin_signed(void);
/* And with an adversary at the street. */
struct story story_begin_hostile(void);
/* The same as story_begin; office is told of dead letters everywhere. */
struct story story_begin_owned(void);
/* Nodes that sign, and no line between street and district. */
struct story story_begin_without_a_line(void);
/* Signed, the community has no line to the street until story_line_is_back, and helpers beside its hotline; a heartbeat a minute. Backlogs
 * leave at most so many messages a second, 0: as fast as they go. */
struct story story_begin_cut_off(uint32_t drain_per_s);
void story_line_is_back(struct story *story);
/* Of rows without the first line. Yours (area_table_free). */
struct area_table *story_table(const char *rows);
/* Signed; registrars are court and office; the nodes' tables of areas are made of these files, which lack the first line. */
struct story story_begin_with_areas(const char *district, const char *street, const char *community);
void story_end(struct story *story);
/* A message from one member to another; returns its number. Lane and case as given; case 0: SIM_CASES means none. */
uint32_t story_send(struct story *story, struct sim_member *from, struct sim_member *to, unsigned lane, uint32_t case_number, uint64_t expires_in_ms);
uint32_t story_send_body(struct story *story, struct sim_member *from, struct sim_member *to, unsigned lane, uint32_t case_number, uint32_t body_size);
uint32_t story_send_to(struct story *story, struct sim_member *from, const char *area, const char *org);
/* A public notice to an area set, in a case. */
uint32_t story_send_notice(struct story *story, struct sim_member *from, const char *set, uint32_t case_number);
/* To office, by a code that its street had once. */
uint32_t story_send_to_old(struct story *story, struct sim_member *from, const char *area);
/* A registrar's word to all nodes of the district; the body stays the caller's as long as the story. */
uint32_t story_tell_nodes(struct story *story, struct sim_member *from, unsigned kind, struct qiao_bytes body);
struct sim_recipient *story_outcome_at(struct story *story, uint32_t message, const struct sim_node *node);
/* Puts a message that exists into its sender's outbox again; other content if asked. */
void story_send_again(struct story *story, uint32_t message, bool other_content);
/* What happened since the last call of this, line by line, without the times. The caller compares. */
const char *story_told(struct story *story);
/* Fails the test with both texts if they differ. */
void story_expect(struct story *story, const char *expected);
struct sim_recipient *story_outcome(struct story *story, uint32_t message);

#endif
