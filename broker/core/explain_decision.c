#include "core/explain_decision.h"

#include "core/route.h"
#include "schema/explain.pb-c.h"

/* Listed in a decision; the rest is counted. */
#define CHOSEN_MAX 64u
#define LOST_MAX 16u

/* schema/explain.proto */
enum { CONFIGURATION = 1, FROM, FROM_MEMBER, DESTINATION, KIND, LANE, STATUS, PRIVACY, MATTER, CODE, REASON, POLICY, CHOSEN, CHOSEN_COUNT, LOST, LOST_COUNT,
       RULE, REDIRECTED_FROM, REROUTED_AREA, SENT_ON = 30 };

struct packing {
    struct buf *out;
    uint32_t chosen, lost;
};

static void put_choice(void *context, const struct route_choice *choice)
{
    struct packing *p = context;
    const struct peer *peer = choice->peer;
    bool lost = choice->lost != QIAO__V1__LOST_REASON__LOST_NOT;
    uint32_t *count = lost ? &p->lost : &p->chosen;
    buf_auto one = { 0 };
    if (choice->lost == QIAO__V1__LOST_REASON__LOST_OTHER_AREA) {
        p->lost++;
        return;
    }
    if (++*count > (lost ? LOST_MAX : CHOSEN_MAX)) return;
    pb_put_string(&one, 1, peer->name);
    pb_put_varint(&one, 2, peer->member);
    pb_put_varint(&one, 3, choice->ground);
    pb_put_string(&one, 4, peer->file ? peer->file : "");
    pb_put_varint(&one, 5, (uint64_t)peer->line);
    pb_put_varint(&one, 6, choice->lost);
    pb_put_string(&one, 7, choice->areas);
    pb_put_bytes(p->out, lost ? LOST : CHOSEN, buf_bytes(&one));
}

static void put_place(struct buf *out, uint32_t field, const struct rule_place *place, uint32_t number)
{
    buf_auto one = { 0 };
    if (!place->name) return;
    pb_put_string(&one, 1, place->name);
    pb_put_string(&one, 2, place->file);
    pb_put_varint(&one, 3, (uint64_t)place->line);
    pb_put_varint(&one, 4, number);
    pb_put_bytes(out, field, buf_bytes(&one));
}

static void put_rule(const struct core *core, struct buf *out)
{
    const struct rule *rule = core->decision.rule;
    if (!rule) return;
    const char *file = rules_tables(core->config.rules)->file, *slash = strrchr(file, '/');
    put_place(out, RULE, &(struct rule_place){ rule->name, slash ? slash + 1 : file, rule->line }, core->decision.number);
}

/* 1 + the lane that the rule sets to the next node; 0: the message's own. */
static unsigned sent_on(const struct core *core)
{
    const struct rule *rule = core->decision.rule;
    bool away = core->targets_count > 0 && !core->targets[0]->member;
    return rule && rule->sets_lane && away ? 1 + rule->lane : 0;
}

void explain_pack(struct core *core, const struct explain_question *q, struct buf *out)
{
    const struct header *h = q->header;
    struct packing p = { .out = out };
    pb_put_string(out, CONFIGURATION, q->configuration);
    if (q->from) pb_put_string(out, FROM, q->from->name);
    pb_put_varint(out, FROM_MEMBER, q->from && q->from->member);
    pb_put_bytes(out, DESTINATION, h->destination.raw);
    pb_put_varint(out, KIND, h->kind);
    pb_put_varint(out, LANE, h->lane);
    pb_put_varint(out, STATUS, h->status);
    pb_put_varint(out, PRIVACY, h->privacy);
    if (q->code != QIAO_CODE_SECRET) pb_put_bytes(out, MATTER, h->matter); /* of a secret nothing is kept but that it was one */
    pb_put_varint(out, CODE, q->code);
    pb_put_bytes(out, REASON, q->reason);
    put_place(out, POLICY, &core->policy_place, 0);
    struct address to = h->destination;
    if (q->routed && core->rerouted_to.size > 0) to.area = core->rerouted_to;
    if (q->routed) route_explain(core, &to, q->from, q->code, put_choice, &p);
    pb_put_varint(out, CHOSEN_COUNT, p.chosen);
    pb_put_varint(out, LOST_COUNT, p.lost);
    put_rule(core, out);
    pb_put_bytes(out, REDIRECTED_FROM, h->redirected_from.raw);
    pb_put_varint(out, SENT_ON, sent_on(core));
    if (q->routed) pb_put_bytes(out, REROUTED_AREA, core->rerouted_to);
}
