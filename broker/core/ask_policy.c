/* Between the core and its policy: who asks, and what is told the sender when the answer is no. */
#include "core/state.h"

#include <qiao/org_type.h>
#include <stdio.h>

/* The file by its name alone: members need not know where a node keeps its files. */
static const char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

void policy_tell(struct core *core, const struct header *h, unsigned code, const char *rule, const char *file, int line, const char *reason)
{
    core->policy_id = h->id;
    core->policy_code = code;
    snprintf(core->policy_text, sizeof core->policy_text, "%s (rule %s, %s:%d)", reason, rule, base_name(file), line);
    core_trace(core, "%s x policy: %s: %s", core->node, qiao_code_name(code), core->policy_text);
}

static unsigned take(struct core *core, const struct header *h, unsigned code, const struct policy_answer *answer)
{
    if (code != QIAO_CODE_OK) policy_tell(core, h, code, answer->rule, answer->file, answer->line, answer->reason);
    return code;
}

unsigned ask_policy(struct core *core, const struct peer *member, const struct header *h, bool dry)
{
    struct policy_answer answer;
    if (!core->config.policy) return QIAO_CODE_OK;
    bool here = qiao_bytes_equal(h->destination.area, qiao_bytes_from_string(core->area));
    const struct peer *to = here ? route_member(core, h->destination.org) : NULL;
    struct policy_question question = {
        .header = h, .sender = (size_t)(member - core->peers), .from_type = member->org_type, .to_type = to ? to->org_type : QIAO_ORG_TYPE_UNKNOWN,
        .now_ms = core->now_ms, .wall_ms = core->wall_ms, .dry = dry,
    };
    unsigned code = policy_check(core->config.policy, &question, &answer);
    core->policy_place = (struct rule_place){ answer.rule, base_name(answer.file), answer.line };
    return take(core, h, code, &answer);
}

unsigned ask_policy_on_arrival(struct core *core, const struct header *h)
{
    struct policy_answer answer;
    if (!core->config.policy) return QIAO_CODE_OK;
    unsigned code = policy_check_arrival(core->config.policy, h, &answer);
    if (code != QIAO_CODE_OK) core->policy_place = (struct rule_place){ answer.rule, base_name(answer.file), answer.line };
    return take(core, h, code, &answer);
}

struct qiao_bytes policy_reason(const struct core *core, const struct header *h, unsigned code)
{
    bool last = code != QIAO_CODE_OK && code == core->policy_code && qiao_id_equal(&h->id, &core->policy_id);
    return last ? qiao_bytes_from_string(core->policy_text) : qiao_bytes(NULL, 0);
}
