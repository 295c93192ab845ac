#include "items.h"

#include <assert.h>

#define BASE_conf CONF_BASE_CONF
#define BASE_link CONF_BASE_LINK
#define BASE_member CONF_BASE_MEMBER

#define VALUE(base_, field, name_, type_, default_, min_, max_, unit_, reload_, need_, example_, prose_) \
    { .name = name_, .type = CONF_TYPE_##type_, .list = false, .base = BASE_##base_, .offset = offsetof(struct CONF_STRUCT_##base_, field), \
      .value_default = default_, .min = min_, .max = max_, .unit = unit_, .reload = CONF_RELOAD_##reload_, .need = CONF_##need_, \
      .example = example_, .prose = prose_ },
#define LIST(base_, field, name_, type_, max_, reload_, example_, prose_) \
    { .name = name_, .type = CONF_TYPE_##type_, .list = true, .base = BASE_##base_, .offset = offsetof(struct CONF_STRUCT_##base_, field), \
      .count_offset = offsetof(struct CONF_STRUCT_##base_, field##_count), .max = max_, .unit = "", .reload = CONF_RELOAD_##reload_, \
      .need = CONF_OPTIONAL, .example = example_, .prose = prose_ },
#define CONF_STRUCT_conf conf
#define CONF_STRUCT_link conf_link
#define CONF_STRUCT_member conf_member

const struct conf_item conf_items[] = { CONF_ITEMS(VALUE, LIST) };
const size_t conf_items_count = sizeof conf_items / sizeof conf_items[0];

static_assert(sizeof conf_items / sizeof conf_items[0] <= CONF_ITEMS_MAX, "a table beside this one has a row a key");

const struct conf_item *conf_item_find(const char *name)
{
    for (size_t i = 0; i < conf_items_count; i++) {
        if (strcmp(conf_items[i].name, name) == 0)
            return &conf_items[i];
    }
    return NULL;
}

bool conf_item_is_section(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < conf_items_count; i++) {
        if (strncmp(conf_items[i].name, name, size) == 0 && conf_items[i].name[size] == '.')
            return true;
    }
    return false;
}

size_t conf_item_index(const struct conf_item *item)
{
    assert(item >= conf_items && item < conf_items + conf_items_count);
    return (size_t)(item - conf_items);
}
