/* JSON Schema, draft 2020-12, for editors. What only the whole can show (one parent, unique names) is left to conf_load. */
#include "value.h"

#include <inttypes.h>
#include <string.h>

static void schema_object(const char *prefix, int indent, FILE *out);

void conf_schema(FILE *out)
{
    fprintf(out, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"Configuration of a Qiao node\",\n  ");
    schema_object("", 2, out);
    fprintf(out, "\n}\n");
}

static void schema_text(const char *key, const char *value, FILE *out)
{
    fprintf(out, "\"%s\": ", key);
    value_print_text(value, out);
}

static void schema_number(const struct conf_item *item, FILE *out)
{
    const char *pattern = value_pattern(item->type);
    fprintf(out, "%s", pattern ? "\"anyOf\": [{" : "");
    fprintf(out, "\"type\": \"integer\", \"minimum\": %" PRIu64 ", \"maximum\": %" PRIu64, item->min, item->max);
    if (!pattern)
        return;
    fprintf(out, "}, {\"type\": \"string\", ");
    schema_text("pattern", pattern, out);
    fprintf(out, "}]");
}

static void schema_choices(const char *const *choices, FILE *out)
{
    fprintf(out, "\"enum\": [");
    for (size_t i = 0; choices[i]; i++)
        fprintf(out, "%s\"%s\"", i > 0 ? ", " : "", choices[i]);
    fprintf(out, "]");
}

/* Area codes may stand without quotation marks; an editor then sees a number. */
static void schema_area(const struct conf_item *item, FILE *out)
{
    fprintf(out, "\"anyOf\": [{\"type\": \"string\", ");
    schema_text("pattern", value_pattern(item->type), out);
    fprintf(out, "}, {\"type\": \"integer\", \"minimum\": 100000, \"maximum\": 999999999999}]");
}

static void schema_plain_text(const struct conf_item *item, FILE *out)
{
    fprintf(out, "\"type\": \"string\"");
    if (!item->list)
        fprintf(out, ", \"minLength\": %" PRIu64 ", \"maxLength\": %" PRIu64, item->min, item->max);
    if (value_pattern(item->type)) {
        fprintf(out, ", ");
        schema_text("pattern", value_pattern(item->type), out);
    }
}

static void schema_value(const struct conf_item *item, int indent, FILE *out)
{
    const char *const *choices = value_choices(item->type);
    if (choices) {
        schema_choices(choices, out);
        return;
    }
    switch (item->type) {
    case CONF_TYPE_LINK:
    case CONF_TYPE_MEMBER:
        schema_object(value_mapping_prefix(item->type), indent, out);
        return;
    case CONF_TYPE_BOOL:
        fprintf(out, "\"type\": \"boolean\"");
        return;
    case CONF_TYPE_COUNT:
    case CONF_TYPE_BYTES:
    case CONF_TYPE_DURATION:
        schema_number(item, out);
        return;
    case CONF_TYPE_AREA:
        schema_area(item, out);
        return;
    default:
        schema_plain_text(item, out);
        return;
    }
}

static void schema_item(const struct conf_item *item, int indent, FILE *out)
{
    fprintf(out, "{");
    schema_text("description", item->prose, out);
    fprintf(out, ", ");
    if (item->list) {
        fprintf(out, "\"type\": [\"array\", \"null\"], \"maxItems\": %" PRIu64 ", \"items\": {", item->max);
        schema_value(item, indent, out);
        fprintf(out, "}}");
        return;
    }
    schema_value(item, indent, out);
    if (item->value_default) {
        bool bare = item->type == CONF_TYPE_BOOL || item->type == CONF_TYPE_COUNT;
        fprintf(out, bare ? ", \"default\": %s" : ", \"default\": \"%s\"", item->value_default);
    }
    fprintf(out, "}");
}

/* Whether some key below prefix must be given. */
static bool needs_anything(const char *prefix)
{
    for (size_t i = 0; i < conf_items_count; i++) {
        if (strncmp(conf_items[i].name, prefix, strlen(prefix)) == 0 && conf_items[i].need == CONF_REQUIRED && conf_items[i].base == CONF_BASE_CONF)
            return true;
    }
    return false;
}

/* The first word below prefix; false if the item before it had the same one, or the item is not below it. */
static bool next_word(size_t i, const char *prefix, char word[64], bool *ret_section)
{
    size_t size = strlen(prefix);
    const char *name = conf_items[i].name;
    if (strncmp(name, prefix, size) != 0)
        return false;
    size_t word_size = strcspn(name + size, ".[");
    if (name[size + word_size] == '[' || word_size >= 64)
        return false; /* an element's key: part of its list */
    (void)snprintf(word, 64, "%.*s", (int)word_size, name + size);
    *ret_section = name[size + word_size] == '.';
    return i == 0 || !*ret_section || strncmp(conf_items[i - 1].name, name, size + word_size + 1) != 0;
}

static void schema_required(const char *prefix, FILE *out)
{
    char word[64], below[130];
    bool section, any = false;
    for (size_t i = 0; i < conf_items_count; i++) {
        if (!next_word(i, prefix, word, &section))
            continue;
        (void)snprintf(below, sizeof below, "%.60s%s.", prefix, word);
        if (section ? !needs_anything(below) : conf_items[i].need != CONF_REQUIRED)
            continue;
        fprintf(out, "%s\"%s\"", any ? ", " : ", \"required\": [", word);
        any = true;
    }
    if (any)
        fprintf(out, "]");
}

static void schema_properties(const char *prefix, int indent, FILE *out)
{
    char word[64], below[130];
    bool section, any = false;
    for (size_t i = 0; i < conf_items_count; i++) {
        if (!next_word(i, prefix, word, &section))
            continue;
        fprintf(out, "%s\n%*s\"%s\": ", any ? "," : "", indent + 2, "", word);
        any = true;
        if (!section) {
            schema_item(&conf_items[i], indent + 2, out);
            continue;
        }
        (void)snprintf(below, sizeof below, "%.60s%s.", prefix, word);
        fprintf(out, "{");
        schema_object(below, indent + 2, out);
        fprintf(out, "}");
    }
}

/* A section without required keys may be empty. */
static void schema_object(const char *prefix, int indent, FILE *out)
{
    bool element = strchr(prefix, '[') != NULL;
    fprintf(out, "\"type\": %s, \"additionalProperties\": false", element || needs_anything(prefix) ? "\"object\"" : "[\"object\", \"null\"]");
    schema_required(prefix, out);
    fprintf(out, ", \"properties\": {");
    schema_properties(prefix, indent, out);
    fprintf(out, "\n%*s}", indent, "");
}
