/* The file of administrative areas as part of the configuration. */
#include "scratch.h"

#include "area/load.h"
#include "conf/areas.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct scratch scratch;
static void setup(void) { scratch_init(&scratch); }
static void teardown(void) { scratch_deinit(&scratch); }

TestSuite(conf_areas, .init = setup, .fini = teardown);

static struct loaded load(const char *areas, const char *file)
{
    char text[512];
    scratch_write(&scratch, "areas.csv", file, strlen(file));
    snprintf(text, sizeof text, "node: { id: n, area: \"990101\", store: /tmp/x }\nmembers: [{ name: desk }]\nareas: { file: areas.csv%s }\n", areas);
    return scratch_load_text(&scratch, text);
}

Test(conf_areas, a_good_file_is_a_table)
{
    struct loaded loaded = load(", triage: desk", "code,name\n990101,a\n990101001,b\n");
    cr_assert_eq(loaded.result, CONF_OK);
    cr_expect_eq(area_table_count(loaded.conf->areas.read), 2u);
    cr_expect_eq(loaded.conf->areas.accept_old_days, 548u);
    cr_expect_str_eq(loaded.conf->areas.triage, "desk");
    loaded_deinit(&loaded);
}

Test(conf_areas, the_charset_is_declared)
{
    struct loaded loaded = load(", charset: GB18030", "code,name\n990101,\xb0\xb2\xba\xcd\n");
    cr_expect_eq(loaded.result, CONF_OK);
    loaded_deinit(&loaded);
}

Test(conf_areas, what_is_wrong_stands_at_its_place_in_that_file)
{
    struct loaded loaded = load("", "code,name\n990101,a\n9901x1,b\n");
    cr_assert(loaded.result == CONF_INVALID && loaded.errors_count == 1);
    cr_expect(strstr(loaded.errors[0].file, "areas.csv") && loaded.errors[0].line == 3 && loaded.errors[0].column == 1);
    cr_expect(strstr(loaded.errors[0].text, "\"9901x1\""));
    loaded_deinit(&loaded);
}

Test(conf_areas, triage_is_a_member_here)
{
    struct loaded loaded = load(", triage: nobody", "code\n990101\n");
    cr_assert(loaded.result == CONF_INVALID && loaded.errors_count == 1);
    cr_expect_str_eq(loaded.errors[0].key, "areas.triage");
    loaded_deinit(&loaded);
}
