#include "plan/cover.h"

#include <string.h>

bool cover_text(const struct rule_text *first, const struct rule_text *second)
{
    if (!first->prefix)
        return !second->prefix && first->size == second->size && memcmp(first->text, second->text, first->size) == 0;
    return second->size >= first->size && memcmp(first->text, second->text, first->size) == 0;
}

bool cover_address(const struct rule_address *first, const struct rule_address *second)
{
    if (first->form != second->form)
        return false;
    if (first->form == RULE_ADDRESS_TYPE)
        return first->type == second->type;
    if (first->form == RULE_ADDRESS_SERVICE)
        return cover_text(&first->service, &second->service);
    return cover_text(&first->area, &second->area) && (!first->org.text || (second->org.text && cover_text(&first->org, &second->org)));
}

static bool cover_mask(uint32_t first, uint32_t second) { return first == 0 || (second != 0 && (second & ~first) == 0); }

static bool has_kind(const struct rule *rule, uint32_t kind)
{
    for (size_t i = 0; i < rule->kinds_count; i++) {
        if (rule->kinds[i] == kind)
            return true;
    }
    return false;
}

static bool cover_kinds(const struct rule *first, const struct rule *second)
{
    size_t taken = 0;
    for (size_t i = 0; i < second->kinds_count; i++)
        taken += has_kind(first, second->kinds[i]);
    return first->kinds_count == 0 || (second->kinds_count > 0 && taken == second->kinds_count);
}

/* Each of the second list lies in one of the first. */
static bool cover_texts(const struct rule_text *first, size_t first_count, const struct rule_text *second, size_t second_count)
{
    for (size_t i = 0; first_count > 0 && i < second_count; i++) {
        size_t k = 0;
        while (k < first_count && !cover_text(&first[k], &second[i]))
            k++;
        if (k == first_count)
            return false;
    }
    return first_count == 0 || second_count > 0;
}

static bool cover_addresses(const struct rule_address *first, size_t first_count, const struct rule_address *second, size_t second_count)
{
    for (size_t i = 0; first_count > 0 && i < second_count; i++) {
        size_t k = 0;
        while (k < first_count && !cover_address(&first[k], &second[i]))
            k++;
        if (k == first_count)
            return false;
    }
    return first_count == 0 || second_count > 0;
}

bool cover_rule(const struct rule *first, const struct rule *second)
{
    return cover_mask(first->lanes, second->lanes) && cover_mask(first->classes, second->classes) && cover_mask(first->statuses, second->statuses) &&
           cover_mask(first->hops, second->hops) && cover_mask(first->cases, second->cases) && cover_kinds(first, second) &&
           cover_texts(first->matters, first->matters_count, second->matters, second->matters_count) &&
           cover_texts(first->purposes, first->purposes_count, second->purposes, second->purposes_count) &&
           cover_addresses(first->from, first->from_count, second->from, second->from_count) &&
           cover_addresses(first->to, first->to_count, second->to, second->to_count);
}

static bool meet_masks(uint32_t a, uint32_t b) { return a == 0 || b == 0 || (a & b) != 0; }

static bool meet_texts(const struct rule_text *a, size_t a_count, const struct rule_text *b, size_t b_count)
{
    for (size_t i = 0; i < a_count; i++) {
        for (size_t k = 0; k < b_count; k++) {
            if (cover_text(&a[i], &b[k]) || cover_text(&b[k], &a[i]))
                return true;
        }
    }
    return a_count == 0 || b_count == 0;
}

bool cover_meets(const struct rule *a, const struct rule *b)
{
    bool kinds = a->kinds_count == 0 || b->kinds_count == 0;
    for (size_t i = 0; i < a->kinds_count; i++)
        kinds = kinds || has_kind(b, a->kinds[i]);
    return kinds && meet_masks(a->lanes, b->lanes) && meet_masks(a->classes, b->classes) && meet_masks(a->statuses, b->statuses) && meet_masks(a->cases, b->cases) &&
           meet_texts(a->matters, a->matters_count, b->matters, b->matters_count) && meet_texts(a->purposes, a->purposes_count, b->purposes, b->purposes_count);
}
