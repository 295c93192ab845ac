/* What a rule does: where it sends, what it refuses, how much of it may pass. */
#include "rules_build.h"

#include "suggest.h"

#include <qiao/err.h>
#include <qiao/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MAX 1000000u
#define REASON_SIZE_MAX 200u
#define CODE_MESSAGES_MIN 100      /* below are frames and links, */
#define CODE_MESSAGES_END 300      /* from here on answers to people */

/* ---- where to ---- */

static bool take_target(const char *text, struct rule_target *target)
{
    size_t digits = strspn(text, "0123456789"), org = text[digits] == '/' ? strcspn(text + digits + 1, "#") : 0;
    const char *seat = text + digits + 1 + org;
    if ((digits != 6 && digits != 9 && digits != 12) || org == 0 || org > QIAO_ORG_SIZE_MAX || strpbrk(text + digits + 1, "/*"))
        return false;
    target->area = (struct rule_text){ .text = text, .size = digits };
    target->org = (struct rule_text){ .text = text + digits + 1, .size = org };
    if (seat[0] == '#')
        target->seat = (struct rule_text){ .text = seat + 1, .size = strlen(seat + 1) };
    return seat[0] == '\0' || (target->seat.size > 0 && target->seat.size <= QIAO_SEAT_SIZE_MAX && !strchr(seat + 1, '#'));
}

static void read_target(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct rules_list *list = into;
    char found[CONF_QUOTE_SIZE];
    const char *text = fields_text(reader, node, shown, QIAO_AREA_SIZE_MAX + QIAO_ORG_SIZE_MAX + QIAO_SEAT_SIZE_MAX + 2, "an address");
    struct rule_target target = { .written = text, .line = node->line, .column = node->column };
    if (!text)
        return;
    if (!take_target(text, &target)) {
        fields_error(reader, node, shown, "found %s; expected AREA/ORGANISATION or AREA/ORGANISATION#SEAT with an area of 6, 9 or 12 digits", conf_quote(text, found));
        return;
    }
    struct rule_target *added = rules_append(reader, list, RULE_COPIES_MAX, node, shown);
    if (added)
        *added = target;
}

static void read_redirect(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct rules_list list = { .size = sizeof(struct rule_target) };
    read_target(reader, node, shown, &list);
    ((struct rule *)into)->redirect = list.items;
}

static void read_copies(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct rules_list list = { .size = sizeof(struct rule_target) };
    struct rule *rule = into;
    rules_each(reader, node, shown, read_target, &list);
    rule->copies = list.items;
    rule->copies_count = list.count;
}

/* ---- refuse ---- */

static const struct {
    const char *name;
    int number;
} codes[] = {
#define X(name, number, text) { #name, number },
    QIAO_CODE_MAP(X)
#undef X
};

static void suggest_code(const struct fields_reader *reader, const struct tree_node *node, const char *shown)
{
    char found[CONF_QUOTE_SIZE];
    struct conf_suggestion near = { .word = node->text };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].number >= CODE_MESSAGES_MIN && codes[i].number < CODE_MESSAGES_END)
            conf_suggest(&near, codes[i].name);
    }
    conf_quote(node->text, found);
    if (near.best)
        fields_error(reader, node, shown, "found %s, which is no code of a refused message; did you mean \"%s\"?", found, near.best);
    else
        fields_error(reader, node, shown, "found %s, which is no code of a refused message, such as RULE or NOT_COMPETENT", found);
}

static void read_code(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    const char *text = fields_text(reader, node, shown, 64, "the name of a code");
    int number = text ? qiao_code_from_name(text) : 0;
    if (!text)
        return;
    if (number >= CODE_MESSAGES_MIN && number < CODE_MESSAGES_END)
        ((struct rule *)into)->code = (unsigned)number;
    else
        suggest_code(reader, node, shown);
}

static void read_reason(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    ((struct rule *)into)->reason = fields_text(reader, node, shown, REASON_SIZE_MAX, "a sentence for the sender");
}

static void read_refuse(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = { { "code", false, read_code, NULL }, { "reason", true, read_reason, "a sentence that tells the sender why, and what to do instead" } };
    struct rule *rule = into;
    rule->refuses = true;
    rule->code = QIAO_CODE_RULE;
    fields_read(reader, node, shown, keys, 2, rule);
}

/* ---- rate ---- */

static void read_per_s(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct rule *rule = into;
    if (fields_number(reader, node, shown, 1, RATE_MAX, &rule->rate_per_s))
        rule->rate_burst = rule->rate_per_s;
}

static void read_burst(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)fields_number(reader, node, shown, 1, RATE_MAX, &((struct rule *)into)->rate_burst);
}

static void read_by(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const char *const items[] = { "source", "destination" }; /* enum rule_rate_by */
    static const struct rules_words words = { items, 2, "source or destination" };
    int i = rules_word(reader, node, shown, &words);
    if (i >= 0)
        ((struct rule *)into)->rate_by = (enum rule_rate_by)i;
}

static void read_rate(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = {
        { "per_s", true, read_per_s, "messages a second, as in per_s: 10" }, { "burst", false, read_burst, NULL }, { "by", false, read_by, NULL }
    };
    fields_read(reader, node, shown, keys, 3, into);
}

/* ---- hold ---- */

static void read_until(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct rule *rule = into;
    char found[CONF_QUOTE_SIZE];
    const char *text = fields_text(reader, node, shown, 16, "release, or a time of day such as \"08:30\"");
    unsigned hour = 0, minute = 0, used = 0;
    if (!text || strcmp(text, "release") == 0)
        return;
    rule->hold_until = RULE_HOLD_TIME;
    rule->hold_minute = 0;
    if (sscanf(text, "%2u:%2u%n", &hour, &minute, (int *)&used) == 2 && used == strlen(text) && strlen(text) == 5 && hour < 24 && minute < 60)
        rule->hold_minute = hour * 60 + minute;
    else
        fields_error(reader, node, shown, "found %s; expected release, or a time of day such as \"08:30\"", conf_quote(text, found));
}

static void read_most(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)fields_number(reader, node, shown, 1, 16384, &((struct rule *)into)->hold_most);
}

static void read_for(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct { char letter; uint64_t ms; } units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
    char found[CONF_QUOTE_SIZE];
    const char *text = fields_text(reader, node, shown, 16, "a time such as 12h or 3d");
    char *end = NULL;
    unsigned long number = text && text[0] >= '1' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
    if (!text)
        return;
    for (size_t i = 0; number > 0 && number <= 100000 && i < sizeof units / sizeof units[0]; i++) {
        if (end[0] == units[i].letter && end[1] == '\0')
            ((struct rule *)into)->hold_for_ms = number * units[i].ms;
    }
    if (((struct rule *)into)->hold_for_ms == 0)
        fields_error(reader, node, shown, "found %s; expected a time such as 90s, 30m, 12h or 3d", conf_quote(text, found));
}

static void read_then(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const char *const items[] = { "refuse", "deliver" };
    static const struct rules_words words = { items, 2, "refuse or deliver" };
    ((struct rule *)into)->hold_lapses_on = rules_word(reader, node, shown, &words) == 1;
}

static void read_hold(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = {
        { "until", true, read_until, "release, or a time of day such as \"08:30\"" }, { "most", false, read_most, NULL }, { "for", false, read_for, NULL }, { "then", false, read_then, NULL }
    };
    struct rule *rule = into;
    rule->holds = true;
    rule->hold_most = 1000;
    fields_read(reader, node, shown, keys, sizeof keys / sizeof keys[0], rule);
}

static void read_lane(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct rule *rule = into;
    int i = rules_word(reader, node, shown, &rules_lane_words);
    rule->sets_lane = i >= 0;
    rule->lane = i >= 0 ? (unsigned)i : 0;
}

/* ---- the whole ---- */

void rules_read_do(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = {
        { "to", false, read_redirect, NULL }, { "copy", false, read_copies, NULL }, { "refuse", false, read_refuse, NULL }, { "rate", false, read_rate, NULL },
        { "hold", false, read_hold, NULL }, { "lane", false, read_lane, NULL },
    };
    const struct rule *rule = into;
    fields_read(reader, node, shown, keys, sizeof keys / sizeof keys[0], into);
    if (node->kind != TREE_MAPPING)
        return;
    if (node->children_count == 0)
        fields_error(reader, node, shown, "found nothing to do; expected to, copy, hold, lane, refuse or rate");
    if (rule->holds && rule->copies_count > 0)
        fields_error(reader, node, shown, "found hold beside copy; the copies would go before anybody has decided: make two rules of it, or remove one");
    if (rule->refuses && node->children_count > 1)
        fields_error(reader, node, shown, "found refuse beside others; what is refused goes nowhere: make two rules of it, or remove one");
}
