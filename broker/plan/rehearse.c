/* Two nodes made from two configurations, without traffic, are asked the same: what becomes of a message with this header? */
#include "plan/lint.h"

#include "core/rehearse.h"
#include "store/array.h"

#include <errno.h>
#include <qiao/kind.h>
#include <qiao/org_type.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_MAX 1000u

/* A node that carries nothing. */
struct stage {
    struct conf *conf;
    struct store *store;
    struct core *core;
};

struct plan_rehearsal {
    struct stage before, after;
    char restart[1024];
    size_t rehearsed, changed;
    struct plan_change *changes;
    size_t changes_count;
};

static struct core_peer_config *peers_of(const struct conf *conf)
{
    struct core_peer_config *peers = calloc(conf->links_count + conf->members_count + 1, sizeof *peers);
    for (size_t i = 0; peers && i < conf->links_count; i++)
        peers[i] = (struct core_peer_config){ .name = conf->links[i].node, .area = conf->links[i].area, .role = (enum link_role)conf->links[i].role, .line = conf->links[i].line };
    for (size_t i = 0; peers && i < conf->members_count; i++) {
        const struct conf_member *m = &conf->members[i];
        int type = m->type ? qiao_org_type_from_name(m->type) : 0;
        peers[conf->links_count + i] = (struct core_peer_config){ .name = m->name, .org = m->org, .member = true, .line = m->line, .drills = m->drills,
                                                                  .org_type = type > 0 ? (unsigned)type : QIAO_ORG_TYPE_UNKNOWN };
    }
    return peers;
}

static int build(struct stage *stage)
{
    char text[256];
    const struct conf *conf = stage->conf;
    struct core_peer_config *peers = peers_of(conf);
    struct core_config config = {
        .node = conf->node.id, .area = conf->node.area, .peers = peers, .peers_count = conf->links_count + conf->members_count, .seal = &seal_null,
        .policy = conf->policy.read ? policy_new(conf_policy_tables(conf->policy.read)) : NULL, .rules = conf->rules.read ? rules_new(conf_rules_tables(conf->rules.read)) : NULL,
        .areas = { .table = conf->areas.read, .accept_old_days = conf->areas.accept_old_days, .triage = conf->areas.triage },
    };
    int r = peers ? store_engine_array.open(&(struct store_options){ .version = 1 }, &stage->store, text, sizeof text) : -ENOMEM;
    if (r == 0)
        r = core_new(&config, stage->store, 1, 1, &stage->core, text, sizeof text);
    free(peers);
    return r;
}

static int set_up(struct stage *stage, const char *file)
{
    struct conf_error *errors;
    size_t count;
    int r = conf_load(file, &stage->conf, &errors, &count);
    free(errors);
    return r == CONF_OK ? build(stage) : r;
}

static void take_down(struct stage *stage)
{
    core_free(stage->core);
    if (stage->store)
        store_close(stage->store);
    conf_free(stage->conf);
}

int plan_rehearsal_new(const char *before_file, const char *after_file, struct plan_rehearsal **ret_rehearsal)
{
    struct plan_rehearsal *r = calloc(1, sizeof *r);
    *ret_rehearsal = NULL;
    if (!r)
        return -ENOMEM;
    int result = set_up(&r->before, before_file);
    if (result == 0)
        result = set_up(&r->after, after_file);
    if (result != 0) {
        plan_rehearsal_free(r);
        return result;
    }
    (void)conf_reload_conflicts(r->before.conf, r->after.conf, r->restart, sizeof r->restart);
    *ret_rehearsal = r;
    return 0;
}

struct plan_rehearsal *plan_rehearsal_free(struct plan_rehearsal *r)
{
    if (!r)
        return NULL;
    take_down(&r->before);
    take_down(&r->after);
    free(r->changes);
    free(r);
    return NULL;
}

/* ---- comparing ---- */

static void describe(const struct core_rehearsal *r, char out[512])
{
    const char *rule = r->rule[0] ? " (rule " : "", *end = r->rule[0] ? ")" : "", *copies = r->copies[0] ? ", copies to " : "";
    if (r->code != QIAO_CODE_OK)
        (void)snprintf(out, 512, "refused: %s%s%.150s%s", qiao_code_name(r->code), rule, r->rule, end);
    else
        (void)snprintf(out, 512, "%s%.150s by %.60s%s%.200s%s%.60s%s", r->held ? "held, then " : "", r->destination, r->targets, copies, r->copies, rule, r->rule, end);
}

static bool fares_the_same(const struct core_rehearsal *a, const struct core_rehearsal *b)
{
    return a->code == b->code && a->held == b->held && strcmp(a->targets, b->targets) == 0 &&
           (a->code != QIAO_CODE_OK || strcmp(a->destination, b->destination) == 0) && strcmp(a->copies, b->copies) == 0;
}

static void count_change(struct plan_rehearsal *r, const struct plan_change *change)
{
    for (size_t i = 0; i < r->changes_count; i++) {
        struct plan_change *c = &r->changes[i];
        if (strcmp(c->what, change->what) != 0 || strcmp(c->before, change->before) != 0 || strcmp(c->after, change->after) != 0)
            continue;
        c->count++;
        return;
    }
    struct plan_change *grown = r->changes_count < CHANGES_MAX ? realloc(r->changes, (r->changes_count + 1) * sizeof *grown) : NULL;
    if (!grown)
        return; /* counted all the same */
    r->changes = grown;
    r->changes[r->changes_count] = *change;
    r->changes[r->changes_count++].count = 1;
}

static int by_count(const void *a, const void *b)
{
    const struct plan_change *left = a, *right = b;
    return left->count != right->count ? (left->count < right->count) - (left->count > right->count) : strcmp(left->what, right->what);
}

void plan_rehearse(struct plan_rehearsal *r, const void *header, size_t size, const char *from, uint64_t at_ms)
{
    struct core_rehearsal before, after;
    struct plan_change change = { 0 };
    core_rehearse(r->before.core, qiao_bytes(header, size), from, at_ms, &before);
    core_rehearse(r->after.core, qiao_bytes(header, size), from, at_ms, &after);
    r->rehearsed++;
    if (fares_the_same(&before, &after))
        return;
    r->changed++;
    (void)snprintf(change.what, sizeof change.what, "%s from %.80s", qiao_kind_name(before.kind), from);
    describe(&before, change.before);
    describe(&after, change.after);
    count_change(r, &change);
}

const char *plan_restart_keys(const struct plan_rehearsal *r) { return r->restart; }
size_t plan_rehearsed(const struct plan_rehearsal *r) { return r->rehearsed; }
size_t plan_changed(const struct plan_rehearsal *r) { return r->changed; }

size_t plan_changes_count(const struct plan_rehearsal *r)
{
    if (r->changes_count > 0)
        qsort(r->changes, r->changes_count, sizeof *r->changes, by_count);
    return r->changes_count;
}

const struct plan_change *plan_change_at(const struct plan_rehearsal *r, size_t i) { return &r->changes[i]; }
