/* struct conf -> YAML that conf_load reads back as the same configuration, and the comparison of two of them. */
#include "value.h"

#include <string.h>

static void dump_list(const struct conf_item *item, const void *base, int indent, FILE *out);

/* "limits" of "limits.heartbeat_ms"; 0: none. */
static size_t section_size(const struct conf_item *item)
{
    const char *dot = strchr(item->name, '.');
    return dot ? (size_t)(dot - item->name) : 0;
}

void conf_dump(const struct conf *conf, FILE *out)
{
    const char *section = "";
    for (size_t i = 0; i < conf_items_count; i++) {
        const struct conf_item *item = &conf_items[i];
        size_t size = section_size(item);
        const void *field = conf_item_field_const(item, conf);
        if (item->base != CONF_BASE_CONF || (item->list ? conf_item_count_const(item, conf) == 0 : !value_is_given(item->type, field)))
            continue;
        if (size > 0 && strncmp(section, item->name, size + 1) != 0)
            fprintf(out, "%.*s:\n", (int)size, item->name);
        section = item->name;
        fprintf(out, "%s%s:", size > 0 ? "  " : "", item->name + (size > 0 ? size + 1 : 0));
        if (item->list) {
            dump_list(item, conf, 2, out);
            continue;
        }
        fputc(' ', out);
        value_print(item->type, field, out);
        fputc('\n', out);
    }
}

static void dump_element(enum conf_type type, const void *element, int indent, FILE *out)
{
    const char *prefix = value_mapping_prefix(type);
    bool first = true;
    for (size_t i = 0; i < conf_items_count; i++) {
        const struct conf_item *item = &conf_items[i];
        if (strncmp(item->name, prefix, strlen(prefix)) != 0)
            continue;
        const void *field = conf_item_field_const(item, element);
        if (item->list ? conf_item_count_const(item, element) == 0 : !value_is_given(item->type, field))
            continue;
        if (!first)
            fprintf(out, "%*s", indent + 2, "");
        first = false;
        fprintf(out, "%s:", item->name + strlen(prefix));
        if (item->list) {
            dump_list(item, element, indent + 4, out);
            continue;
        }
        fputc(' ', out);
        value_print(item->type, field, out);
        fputc('\n', out);
    }
}

/* Behind "key:". One element a line. */
static void dump_list(const struct conf_item *item, const void *base, int indent, FILE *out)
{
    const char *elements = conf_item_list_get(item, base);
    size_t count = conf_item_count_const(item, base), size = value_size(item->type);
    fputc('\n', out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%*s- ", indent, "");
        if (value_mapping_prefix(item->type)) {
            dump_element(item->type, elements + i * size, indent, out);
            continue;
        }
        value_print(item->type, elements + i * size, out);
        fputc('\n', out);
    }
}

static bool elements_equal(enum conf_type type, const void *a, const void *b);

static bool items_equal(const struct conf_item *item, const void *a, const void *b)
{
    if (!item->list)
        return value_equal(item->type, conf_item_field_const(item, a), conf_item_field_const(item, b));
    size_t count = conf_item_count_const(item, a), size = value_size(item->type);
    if (count != conf_item_count_const(item, b))
        return false;
    const char *a_elements = conf_item_list_get(item, a), *b_elements = conf_item_list_get(item, b);
    for (size_t i = 0; i < count; i++) {
        if (!elements_equal(item->type, a_elements + i * size, b_elements + i * size))
            return false;
    }
    return true;
}

/* Lines may differ: they are for people. */
static bool elements_equal(enum conf_type type, const void *a, const void *b)
{
    const char *prefix = value_mapping_prefix(type);
    if (!prefix)
        return value_equal(type, a, b);
    for (size_t i = 0; i < conf_items_count; i++) {
        if (strncmp(conf_items[i].name, prefix, strlen(prefix)) == 0 && !items_equal(&conf_items[i], a, b))
            return false;
    }
    return true;
}

size_t conf_reload_conflicts(const struct conf *running, const struct conf *wanted, char *text, size_t text_size)
{
    size_t count = 0, used = 0;
    if (text_size > 0)
        text[0] = '\0';
    for (size_t i = 0; i < conf_items_count; i++) {
        const struct conf_item *item = &conf_items[i];
        if (item->base != CONF_BASE_CONF || item->reload == CONF_RELOAD_LIVE || items_equal(item, running, wanted))
            continue;
        count++;
        size_t size = strlen(item->name) + 1;
        if (used + size >= text_size)
            continue; /* whole names only */
        (void)snprintf(text + used, text_size - used, "%s\n", item->name);
        used += size;
    }
    return count;
}
