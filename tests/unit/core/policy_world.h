/* A policy read from text, and messages to ask it about. */
#ifndef TESTS_CORE_POLICY_WORLD_H
#define TESTS_CORE_POLICY_WORLD_H

#include "conf/policy.h"
#include "core/policy.h"

#include <qiao/client.h>
#include <qiao/org_type.h>
#include <qiao/personal_data.h>

struct policy_world {
    struct conf_policy *files;
    struct policy *policy;
    struct policy_answer answer;
};

/* What a message says; what is left out has the value of an allowed one. */
struct asked {
    unsigned from_type;            /* 0: GATEWAY */
    unsigned to_type;              /* 0: as the policy file knows */
    const char *to;                /* area/org#seat */
    const char *service;
    unsigned kind;
    const char *purpose;           /* NULL: "HANDLE"; "" none */
    const char *matter;
    unsigned privacy, lane;
    const char *basis;             /* LAW#ARTICLE@VERSION,…; NULL: "LAW-A#1"; "" none */
    uint64_t pi_mask;
    const char *consent, *retention;
    int retention_days;            /* from the day of asking; 0: none */
    const char *event_day;         /* 2026-08-15; NULL: the day of asking */
    const char *today;             /* NULL: 2026-11-16 */
    uint64_t now_ms;
    size_t sender;
};

/* Both texts as files; fails the test if they are not sound. NULL policy or catalogue: the one shipped in conf/. */
void policy_world_init(struct policy_world *world, const char *policy, const char *catalogue);
void policy_world_deinit(struct policy_world *world);
/* The node's answer; world->answer says why. */
unsigned policy_world_ask(struct policy_world *world, const struct asked *asked);

/* Noon at +08:00. */
uint64_t policy_world_day_ms(const char *day);

#endif
