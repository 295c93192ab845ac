/* qiao area publish, confirm: what registrars write so that all nodes of their district get a new table of areas. */
#include "admin.h"
#include "area_file.h"
#include "post.h"

#include "area/delta.h"

#include <qiao/kind.h>
#include <qiao/limits.h>
#include <string.h>

struct change_values {
    const char *seat;
    unsigned charset;
    bool wait;
};

#define AT(member) .offset = offsetof(struct change_values, member)

static const struct option_spec change_options[] = {
    { .name = "charset", .type = OPTION_CHOICE, AT(charset), .placeholder = "CHARSET", .choices = charset_names, .help = "what files are written in", .standard = "UTF-8" },
    { .name = "seat", .type = OPTION_TEXT, AT(seat), .placeholder = "SEAT", .help = "seat you write from, if registry.registrars names one" },
    { .name = "wait", .letter = 'w', .type = OPTION_FLAG, AT(wait), .help = "wait for what this node decides; exit status 1 unless it accepts" },
};

#undef AT

/* ---- what the node knows ---- */

struct known {
    char area[QIAO_AREA_SIZE_MAX + 1];     /* of the node */
    uint8_t version[AREA_VERSION_SIZE];    /* of its table */
    bool has_version;
    const uint8_t *wanted;                 /* the version that a change that waits leads to, */
    uint8_t from[AREA_VERSION_SIZE];       /* from this one, */
    char registrar[QIAO_AREA_SIZE_MAX + QIAO_ORG_SIZE_MAX + 2]; /* proposed by it */
    bool waits;
};

static void look_at(struct known *known, const Qiao__V1__AreaChange *change)
{
    if (change->to.len != AREA_VERSION_SIZE || change->from.len != AREA_VERSION_SIZE || memcmp(change->to.data, known->wanted, AREA_VERSION_SIZE) != 0)
        return;
    memcpy(known->from, change->from.data, AREA_VERSION_SIZE);
    snprintf(known->registrar, sizeof(known->registrar), "%s", change->registrar);
    known->waits = true;
}

static int take_changes(void *context, const Qiao__V1__AdminReply *reply)
{
    struct known *known = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_AREA)
        return command_fail(CTL_NO, "the node answered something else than its table of areas");
    known->has_version = reply->area->version.len == AREA_VERSION_SIZE;
    if (known->has_version)
        memcpy(known->version, reply->area->version.data, AREA_VERSION_SIZE);
    for (size_t i = 0; known->wanted && i < reply->area->n_changes; i++)
        look_at(known, reply->area->changes[i]);
    return CTL_OK;
}

static int ask_known(struct known *known, const struct globals *globals)
{
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    Qiao__V1__StatusRequest status_request = QIAO__V1__STATUS_REQUEST__INIT;
    Qiao__V1__AreaRequest area = QIAO__V1__AREA_REQUEST__INIT;
    int status;

    if (!globals->member)
        return command_fail(CTL_WRONG_USE, "write about the areas as whom? Give --member NAME or set QIAO_MEMBER");
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_STATUS;
    request.status = &status_request;
    status = admin_ask_once(globals, &request, admin_take_area, known->area);
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_AREA;
    request.area = &area;
    return status ? status : admin_ask_once(globals, &request, take_changes, known);
}

/* ---- publish ---- */

static int check_base(const struct known *known, const uint8_t *from, const char *path)
{
    char ours[AREA_FILE_VERSION_TEXT_SIZE], theirs[AREA_FILE_VERSION_TEXT_SIZE];

    if (!known->has_version)
        return command_fail(CTL_NO, "the node has no table of areas (areas.file), so there is nothing to change");
    if (memcmp(known->version, from, AREA_VERSION_SIZE) == 0)
        return CTL_OK;
    area_file_version_text(from, ours);
    area_file_version_text(known->version, theirs);
    return command_fail(CTL_NO, "%s is version %.16s and the node's table %.16s: begin with the file that the nodes have", path, ours, theirs);
}

static int send_parts(const struct globals *globals, const struct known *known, const struct change_values *options, const struct area_delta *delta)
{
    int status = CTL_OK;

    for (size_t i = 0; !status && i < delta->parts_count; i++)
        status = post_to_nodes(globals, known->area, options->seat, options->wait, QIAO_KIND_AREA_DELTA, &delta->parts[i].base);
    if (!status)
        fprintf(stderr, "%zu areas new or changed, %zu removed, in %zu parts; a second registrar has to confirm it\n", delta->changed, delta->removed, delta->parts_count);
    return status;
}

static int publish(const struct globals *globals, const struct change_values *options, char **paths, const struct area_table *old, const struct area_table *new)
{
    struct known known = { .area = "" };
    struct area_delta delta;
    struct arena arena;
    int status = CTL_OK;

    arena_init(&arena, SIZE_MAX);
    if (!area_delta_make(old, new, area_file_digest, NULL, &arena, &delta))
        status = command_fail(CTL_NO, "the files differ in more than fits into %u messages of %u KiB: give the new file to each node", AREA_DELTA_PARTS_MAX, AREA_DELTA_PART_SIZE_MAX / 1024);
    else if (delta.parts_count == 0)
        status = command_fail(CTL_NO, "%s and %s are the same table", paths[0], paths[1]);
    if (!status)
        status = ask_known(&known, globals);
    if (!status)
        status = check_base(&known, delta.parts[0].from.data, paths[0]);
    if (!status)
        status = send_parts(globals, &known, options, &delta);
    arena_deinit(&arena);
    return status;
}

static int run_publish(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct change_values *options = values;
    struct area_table *old, *new = NULL;
    int status = area_file_load(arguments[0], (enum charset)options->charset, &old);

    (void)argument_count;
    if (!status)
        status = area_file_load(arguments[1], (enum charset)options->charset, &new);
    if (!status)
        status = publish(globals, options, arguments, old, new);
    area_table_free(old);
    area_table_free(new);
    return status;
}

/* ---- confirm ---- */

static int run_confirm(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct change_values *options = values;
    struct known known = { .area = "" };
    Qiao__V1__AreaConfirm body = QIAO__V1__AREA_CONFIRM__INIT;
    uint8_t version[AREA_VERSION_SIZE] = { 0 };
    struct area_table *table;
    int status = area_file_load(arguments[0], (enum charset)options->charset, &table);

    (void)argument_count;
    if (!status) {
        area_version(table, area_file_digest, NULL, version);
        known.wanted = version;
        status = ask_known(&known, globals);
    }
    area_table_free(table);
    if (status)
        return status;
    if (!known.waits)
        return command_fail(CTL_NO, "no change that leads to the table in %s waits at this node; qiao area status shows what does", arguments[0]);
    body.from = (ProtobufCBinaryData){ AREA_VERSION_SIZE, known.from };
    body.to = (ProtobufCBinaryData){ AREA_VERSION_SIZE, version };
    fprintf(stderr, "confirms what %s has proposed\n", known.registrar);
    return post_to_nodes(globals, known.area, options->seat, options->wait, QIAO_KIND_AREA_CONFIRM, &body.base);
}

const struct command command_area_publish = {
    .name = "area publish",
    .arguments = "OLD NEW",
    .arguments_min = 2,
    .arguments_max = 2,
    .summary = "propose a new table of areas to all nodes of the district",
    .text = "Run it as a registrar (registry.registrars), at the district's node. OLD is the file whose table the nodes have, NEW the one they are to have; only "
            "the difference is sent, in messages of at most 256 KiB. Nothing changes until a second, different registrar has confirmed it with qiao area confirm. "
            "Nodes keep their areas.file and the changes beside it; a node with another table than OLD refuses with AREA_BASE.\n\n"
            "Exit status 1 means that the files are the same, that the node's table is not OLD, or, with --wait, that the node did not accept.",
    .example = "qiao area publish areas-2025.csv areas-2026.csv --wait",
    .options = change_options,
    .option_count = sizeof(change_options) / sizeof(change_options[0]),
    .values_size = sizeof(struct change_values),
    .run = run_publish,
};

const struct command command_area_confirm = {
    .name = "area confirm",
    .arguments = "NEW",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "agree to a new table of areas that another registrar has proposed",
    .text = "NEW is the file you have looked at: only a change that leads to exactly its table is confirmed. The change takes effect at each node once your word is "
            "there; with --wait the exit status is 1 unless it did at this one.",
    .example = "qiao area confirm areas-2026.csv --wait",
    .options = change_options,
    .option_count = sizeof(change_options) / sizeof(change_options[0]),
    .values_size = sizeof(struct change_values),
    .run = run_confirm,
};
