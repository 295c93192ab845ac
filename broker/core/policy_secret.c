/* State and work secrets may not be on this bus (Cryptography Law 密码法 Art 14; Gov Data Sharing Regulation 政务数据共享条例 Art 3). A message
 * that says it is one is refused before anything of it is kept. */
#include "core/policy_state.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool same(const uint8_t *a, const uint8_t *b, size_t size)
{
    size_t i = 0;
    while (i < size && lower(a[i]) == lower(b[i])) i++;
    return i == size;
}

static bool starts_with(struct qiao_bytes text, const char *word)
{
    size_t size = strlen(word);
    return text.size >= size && same(text.data, (const uint8_t *)word, size);
}

static bool contains(struct qiao_bytes text, const char *word)
{
    size_t size = strlen(word);
    uint8_t first = lower((uint8_t)word[0]);
    for (size_t i = 0; i + size <= text.size; i++)
        if (lower(text.data[i]) == first && same(text.data + i, (const uint8_t *)word, size)) return true;
    return false;
}

bool policy_is_secret(const struct policy *policy, const struct header *h)
{
    const struct policy_secret *s = &policy->tables->secret;
    for (size_t i = 0; i < s->purposes_count; i++)
        if (h->purpose.size == strlen(s->purposes[i]) && starts_with(h->purpose, s->purposes[i])) return true;
    for (size_t i = 0; i < s->matter_prefixes_count; i++)
        if (starts_with(h->matter, s->matter_prefixes[i])) return true;
    for (size_t i = 0; i < s->keywords_count; i++)
        if (contains(h->matter, s->keywords[i]) || contains(h->purpose, s->keywords[i])) return true;
    return false;
}

bool policy_may_be_secret(const struct policy *policy, struct qiao_bytes bytes)
{
    const struct policy_secret *s = &policy->tables->secret;
    for (size_t i = 0; i < s->purposes_count; i++)
        if (contains(bytes, s->purposes[i])) return true;
    for (size_t i = 0; i < s->matter_prefixes_count; i++)
        if (contains(bytes, s->matter_prefixes[i])) return true;
    for (size_t i = 0; i < s->keywords_count; i++)
        if (contains(bytes, s->keywords[i])) return true;
    return false;
}
