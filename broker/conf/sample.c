/* The commented sample. "##" explains; a line behind a single "# " is a setting that may be switched on by removing it. */
#include "value.h"

#include <inttypes.h>
#include <string.h>

#define WIDTH 110u

/* Prose in lines of at most WIDTH. */
static void explain(const char *margin, const char *text, FILE *out)
{
    while (*text) {
        size_t size = strlen(text), room = WIDTH - strlen(margin) - 3;
        if (size > room) {
            size = room;
            while (size > 1 && text[size] != ' ')
                size--;
        }
        fprintf(out, "%s## %.*s\n", margin, (int)size, text);
        text += size;
        text += strspn(text, " ");
    }
}

static void explain_values(const struct conf_item *item, const char *margin, FILE *out)
{
    const char *const *choices = value_choices(item->type);
    char text[256];
    size_t used = 0;
    for (size_t i = 0; choices && choices[i]; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "One of " : choices[i + 1] ? ", " : " or ", choices[i]);
    if (item->unit[0])
        used += (size_t)snprintf(text, sizeof text, "%" PRIu64 " to %" PRIu64 " %s", item->min, item->max, item->unit);
    if (item->type == CONF_TYPE_BYTES)
        used += (size_t)snprintf(text + used, sizeof text - used, ", or with KiB, MiB, GiB");
    if (item->type == CONF_TYPE_DURATION)
        used += (size_t)snprintf(text + used, sizeof text - used, ", or with ms, s, m, h, d");
    if (used > 0)
        (void)snprintf(text + used, sizeof text - used, ".");
    if (used > 0)
        explain(margin, text, out);
}

static void sample_item(const struct conf_item *item, const char *key, const char *margin, FILE *out)
{
    fprintf(out, "\n");
    explain(margin, item->prose, out);
    explain_values(item, margin, out);
    explain(margin, item->reload == CONF_RELOAD_LIVE ? "May change while the node runs." : "A change needs a restart.", out);
    if (item->need == CONF_REQUIRED)
        fprintf(out, "%s## Required, for example: %s\n%s%s:\n", margin, item->example, margin, key);
    else
        fprintf(out, "%s# %s: %s\n", margin, key, item->value_default ? item->value_default : item->example);
}

/* links: and members: one element with every key, all of it switched off. */
static void sample_mappings(const struct conf_item *list, FILE *out)
{
    const char *prefix = value_mapping_prefix(list->type);
    fprintf(out, "\n");
    explain("", list->prose, out);
    explain("", list->reload == CONF_RELOAD_LIVE ? "May change while the node runs." : "A change needs a restart.", out);
    fprintf(out, "# %s:\n#   -\n", list->name);
    for (size_t i = 0; i < conf_items_count; i++) {
        const struct conf_item *item = &conf_items[i];
        if (strncmp(item->name, prefix, strlen(prefix)) != 0)
            continue;
        explain("#    ", item->prose, out);
        explain_values(item, "#    ", out);
        fprintf(out, "#     %s: %s\n", item->name + strlen(prefix), item->example);
    }
}

void conf_sample(FILE *out)
{
    size_t section_size = 0;
    const char *section = "";
    fprintf(out, "## Configuration of a Qiao node. Every key is here. Lines behind ## explain; remove a single \"# \" to set a key, which\n"
                 "## otherwise has the value shown, or none. Files named *.yaml in the folder conf.d beside this one are read after it in the\n"
                 "## order of their names: their lists are appended, their single values replace. Relative paths start at their file's folder.\n"
                 "## Unknown keys are errors.\n");
    for (size_t i = 0; i < conf_items_count; i++) {
        const struct conf_item *item = &conf_items[i];
        const char *dot = strchr(item->name, '.');
        if (item->base != CONF_BASE_CONF)
            continue;
        if (value_mapping_prefix(item->type)) {
            sample_mappings(item, out);
            continue;
        }
        if (dot && (section_size != (size_t)(dot - item->name) || strncmp(section, item->name, section_size) != 0)) {
            section = item->name;
            section_size = (size_t)(dot - item->name);
            fprintf(out, "\n%.*s:\n", (int)section_size, section);
        }
        sample_item(item, dot ? dot + 1 : item->name, dot ? "  " : "", out);
    }
}
