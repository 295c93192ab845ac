/* qiao area: files of administrative areas looked at, and what the node's table says. */
#include "admin.h"
#include "area_file.h"
#include "output.h"
#include "table.h"
#include "text.h"

#include "area/delta.h"
#include "area/tell.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct area_values {
    const char *file;
    const char *at;
    unsigned charset;
    uint64_t accept_old_days;
};

#define CHARSET_OPTION                                                                                                                        \
    { .name = "charset", .type = OPTION_CHOICE, .offset = offsetof(struct area_values, charset), .placeholder = "CHARSET", .choices = charset_names, \
      .help = "what files are written in", .standard = "UTF-8" }

static const struct option_spec file_options[] = { CHARSET_OPTION };

static const struct option_spec code_options[] = {
    { .name = "at", .type = OPTION_TEXT, .offset = offsetof(struct area_values, at), .placeholder = "DATE", .help = "as if sent on this day, 2021-04-01" },
    { .name = "file", .letter = 'f', .type = OPTION_FILE, .offset = offsetof(struct area_values, file), .placeholder = "FILE",
      .help = "look into this file instead of asking the node" },
    CHARSET_OPTION,
    { .name = "accept-old-days", .type = OPTION_NUMBER, .offset = offsetof(struct area_values, accept_old_days), .placeholder = "DAYS",
      .help = "with --file: how long a voided code is taken", .min = 0, .max = 36500, .standard = "548" },
};

struct census {
    uint64_t levels[AREA_LEVEL_COMMUNITY + 1];
    uint64_t voided, divided;
};

static void count(const struct area_table *table, struct census *census)
{
    int32_t today = area_day_of((uint64_t)time(NULL) * 1000);

    for (size_t i = 0; i < area_table_count(table); i++) {
        struct area_room room;
        struct area_row row;
        uint32_t area = area_at(table, i);
        area_row_of(table, area, &room, &row);
        census->levels[row.level]++;
        census->voided += area_is_over(table, area, today);
        census->divided += row.successors_count > 1;
    }
}

static int print_census(const struct area_table *table, const struct census *census, bool json)
{
    size_t areas = area_table_count(table), bytes = area_table_bytes(table);
    uint8_t version[AREA_VERSION_SIZE];
    char text[AREA_FILE_VERSION_TEXT_SIZE];

    area_version(table, area_file_digest, NULL, version);
    area_file_version_text(version, text);
    if (json)
        return output_json_line(json_pack("{sIsIsIsIsIsIsIsIsIss}", "areas", (json_int_t)areas, "provinces", (json_int_t)census->levels[AREA_LEVEL_PROVINCE], "cities",
                                          (json_int_t)census->levels[AREA_LEVEL_CITY], "districts", (json_int_t)census->levels[AREA_LEVEL_DISTRICT], "streets",
                                          (json_int_t)census->levels[AREA_LEVEL_STREET], "communities", (json_int_t)census->levels[AREA_LEVEL_COMMUNITY], "voided",
                                          (json_int_t)census->voided, "divided", (json_int_t)census->divided, "memoryBytes", (json_int_t)bytes, "version", text));
    printf("%zu areas: %llu provinces, %llu cities, %llu districts, %llu streets, %llu communities; %llu voided by today, %llu of all divided; %zu bytes in memory\nversion %s\n", areas,
           (unsigned long long)census->levels[AREA_LEVEL_PROVINCE], (unsigned long long)census->levels[AREA_LEVEL_CITY], (unsigned long long)census->levels[AREA_LEVEL_DISTRICT],
           (unsigned long long)census->levels[AREA_LEVEL_STREET], (unsigned long long)census->levels[AREA_LEVEL_COMMUNITY], (unsigned long long)census->voided,
           (unsigned long long)census->divided, bytes, text);
    return CTL_OK;
}

static int run_check(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct area_values *options = values;
    struct area_table *table;
    struct census census = { 0 };
    int status = area_file_load(arguments[0], (enum charset)options->charset, &table);

    (void)argument_count;
    if (!status) {
        count(table, &census);
        status = print_census(table, &census, globals->json);
    }
    area_table_free(table);
    return status;
}

/* ---- two files ---- */

struct difference {
    bool json;
    struct table *table;
    const struct area_table *old, *new;
    size_t count;
    int status;
};

static int tell_difference(struct difference *difference, const char *change, const struct area_table *table, uint32_t area)
{
    struct arena arena;
    Qiao__V1__AreaRecord *record;
    int status = CTL_OK;

    arena_init(&arena, SIZE_MAX);
    record = area_tell(table, area, &arena);
    difference->count++;
    if (difference->json) {
        status = output_json_line(json_pack("{sssssssssssssi}", "change", change, "code", record->code, "name", record->name, "parent", record->parent, "validFrom", record->valid_from,
                                            "validTo", record->valid_to, "successors", (int)record->n_successors));
    } else {
        table_cell(difference->table, TABLE_PLAIN, change);
        table_cell(difference->table, TABLE_PLAIN, record->code);
        table_cell(difference->table, TABLE_PLAIN, record->name);
        table_cell(difference->table, TABLE_PLAIN, *record->valid_to ? record->valid_to : "-");
        table_cell(difference->table, TABLE_PLAIN, record->n_successors ? record->successors[0]->code : "-");
    }
    arena_deinit(&arena);
    return status;
}

static bool take_difference(void *context, uint32_t before, uint32_t after)
{
    struct difference *difference = context;

    if (after == AREA_NONE)
        difference->status = tell_difference(difference, "removed", difference->old, before);
    else
        difference->status = tell_difference(difference, before == AREA_NONE ? "added" : "changed", difference->new, after);
    return difference->status == CTL_OK;
}

static int compare(const struct area_table *old, const struct area_table *new, struct difference *difference)
{
    difference->old = old;
    difference->new = new;
    area_compare(old, new, take_difference, difference);
    return difference->status;
}

static int run_diff(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    static const struct table_column columns[] = { { "CHANGE", false }, { "CODE", false }, { "NAME", false }, { "VALID TO", false }, { "SUCCESSOR", false } };
    const struct area_values *options = values;
    struct area_table *old, *new = NULL;
    struct difference difference = { .json = globals->json, .table = table_new(columns, sizeof(columns) / sizeof(columns[0])) };
    int status = area_file_load(arguments[0], (enum charset)options->charset, &old);

    (void)argument_count;
    if (!status)
        status = area_file_load(arguments[1], (enum charset)options->charset, &new);
    if (!status)
        status = difference.table ? compare(old, new, &difference) : command_fail(CTL_NO, "out of memory");
    if (!status && !difference.json && difference.count > 0 && !table_print(difference.table, stdout))
        status = command_fail(CTL_NO, "out of memory");
    table_free(difference.table);
    area_table_free(old);
    area_table_free(new);
    return status ? status : difference.count > 0 ? CTL_NO : CTL_OK;
}

/* ---- one code ---- */

struct question {
    bool json;
    bool row;                      /* show: the row of the table, else what becomes of the code */
    bool known;
};

static void print_resolution(const Qiao__V1__AreaReply *reply)
{
    printf("%s  %s: %s\n", reply->code, reply->answer, reply->explanation);
    if (*reply->deliver_to)
        printf("  goes to     %s\n", reply->deliver_to);
    for (size_t i = 0; i < reply->n_candidates; i++)
        printf("  could be    %s\n", reply->candidates[i]);
    if (*reply->decides)
        printf("  decides     triage at %s\n", reply->decides);
    if (reply->area && strcmp(reply->area->code, reply->code) != 0)
        printf("  decided by  %s %s\n", reply->area->code, reply->area->name);
}

static void print_row(const Qiao__V1__AreaRecord *area)
{
    printf("%s  %s\n  level       %s\n", area->code, area->name, area->level);
    if (*area->parent)
        printf("  parent      %s%s\n", area->parent, area->parent_is_given ? "" : " (by its digits)");
    if (*area->valid_from)
        printf("  valid from  %s\n", area->valid_from);
    if (*area->valid_to)
        printf("  valid to    %s\n", area->valid_to);
    for (size_t i = 0; i < area->n_successors; i++) {
        printf("  successor   %s %s", area->successors[i]->code, area->successors[i]->relation);
        if (area->successors[i]->share)
            printf(" %.4g%%", area->successors[i]->share / 100.0);
        putchar('\n');
    }
    for (size_t i = 0; i < area->n_aliases; i++)
        printf("  also        %s\n", area->aliases[i]);
}

static int tell(struct question *question, const Qiao__V1__AreaReply *reply)
{
    bool own_row = reply->area && strcmp(reply->area->code, reply->code) == 0;

    question->known = question->row ? reply->area != NULL : *reply->deliver_to && strcmp(reply->answer, "UNKNOWN") != 0;
    if (question->json)
        return admin_print_json(&reply->base);
    if (!question->row)
        print_resolution(reply);
    else if (reply->area)
        print_row(reply->area);
    if (question->row && !own_row)
        fprintf(stderr, reply->area ? "%s is not in the table under this code; this is the area it belongs to\n" : "%s is not in the table\n", reply->code);
    return CTL_OK;
}

static int take_answer(void *context, const Qiao__V1__AdminReply *reply)
{
    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_AREA)
        return command_fail(CTL_NO, "the node answered something else than an area");
    return tell(context, reply->area);
}

static int look_into(const struct area_values *options, struct area_code code, int32_t sent_day, struct question *question)
{
    struct area_table *table;
    struct arena arena;
    Qiao__V1__AreaReply reply = QIAO__V1__AREA_REPLY__INIT;
    int status = area_file_load(options->file, (enum charset)options->charset, &table);

    if (status)
        return status;
    arena_init(&arena, SIZE_MAX);
    area_tell_resolution(table, code, sent_day, area_day_of((uint64_t)time(NULL) * 1000), (uint32_t)options->accept_old_days, &arena, &reply);
    reply.areas = area_table_count(table);
    reply.memory_bytes = area_table_bytes(table);
    reply.accept_old_days = (uint32_t)options->accept_old_days;
    status = tell(question, &reply);
    arena_deinit(&arena);
    area_table_free(table);
    return status;
}

static int ask(const struct globals *globals, const char *code, int32_t sent_day, struct question *question)
{
    Qiao__V1__AreaRequest area = QIAO__V1__AREA_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;

    area.code = (char *)(uintptr_t)code;
    area.sent_at_ms = (uint64_t)sent_day * 86400000u + 4 * 3600000u; /* noon in China */
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_AREA;
    request.area = &area;
    return admin_ask_once(globals, &request, take_answer, question);
}

static int run_code(const struct globals *globals, const struct area_values *options, const char *text, bool row)
{
    struct question question = { .json = globals->json, .row = row };
    struct area_code code;
    int32_t day = area_day_of((uint64_t)time(NULL) * 1000);
    enum area_code_fault fault = area_code_read_unit(qiao_bytes_from_string(text), &code);
    int status;

    if (fault != AREA_CODE_FAULT_NONE)
        return command_fail(CTL_WRONG_USE, "\"%.60s\" is no area code: it %s", text, area_code_fault_text(fault));
    if (options->at && (!area_day_read(qiao_bytes_from_string(options->at), &day) || day < 0))
        return command_fail(CTL_WRONG_USE, "--at is \"%.40s\", which is no day since 1970; write 2021-04-01", options->at);
    status = options->file ? look_into(options, code, day, &question) : ask(globals, text, day, &question);
    return status ? status : question.known ? CTL_OK : CTL_NO;
}

static int run_find(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    (void)argument_count;
    return run_code(globals, values, arguments[0], false);
}

static int run_show(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    (void)argument_count;
    return run_code(globals, values, arguments[0], true);
}

/* ---- the node's table ---- */

static const char *version_text(const ProtobufCBinaryData *version, char text[AREA_FILE_VERSION_TEXT_SIZE])
{
    if (version->len != AREA_VERSION_SIZE)
        return "none";
    area_file_version_text(version->data, text);
    return text;
}

static void print_peer(const Qiao__V1__AreaReply *area, const Qiao__V1__AreaPeer *peer)
{
    char text[AREA_FILE_VERSION_TEXT_SIZE];
    bool same = peer->version.len == area->version.len && peer->version.len > 0 && memcmp(peer->version.data, area->version.data, area->version.len) == 0;

    printf("%-15s  %s  %s\n", peer->node, same ? "the same version" : version_text(&peer->version, text), peer->up ? "up" : "down");
}

static void print_change(const Qiao__V1__AreaChange *change)
{
    char from[AREA_FILE_VERSION_TEXT_SIZE], to[AREA_FILE_VERSION_TEXT_SIZE];
    unsigned have = (unsigned)__builtin_popcountll(change->have);

    printf("waits            %.16s to %.16s, %u of %u parts%s%s%s%s\n", version_text(&change->from, from), version_text(&change->to, to), have, change->parts,
           *change->registrar ? ", proposed by " : "", change->registrar, *change->confirmed_by ? ", confirmed by " : "", change->confirmed_by);
}

static int take_status(void *context, const Qiao__V1__AdminReply *reply)
{
    const bool *json = context;
    const Qiao__V1__AreaReply *area = reply->area;
    char text[AREA_FILE_VERSION_TEXT_SIZE];

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_AREA)
        return command_fail(CTL_NO, "the node answered something else than its table of areas");
    if (*json)
        return admin_print_json(&area->base);
    if (area->areas == 0)
        return command_fail(CTL_NO, "the node has no table of areas (areas.file)");
    printf("areas            %llu\nmemory           %llu bytes\nold codes taken  %u days\ntriage           %s\nversion          %s\n", (unsigned long long)area->areas,
           (unsigned long long)area->memory_bytes, area->accept_old_days, *area->triage ? area->triage : "nobody", version_text(&area->version, text));
    for (size_t i = 0; i < area->n_changes; i++)
        print_change(area->changes[i]);
    for (size_t i = 0; i < area->n_peers; i++)
        print_peer(area, area->peers[i]);
    return CTL_OK;
}

static int run_status(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    Qiao__V1__AreaRequest area = QIAO__V1__AREA_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    bool json = globals->json;

    (void)values;
    (void)argument_count;
    (void)arguments;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_AREA;
    request.area = &area;
    return admin_ask_once(globals, &request, take_status, &json);
}

const struct command command_area_check = {
    .name = "area check",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "check a file of administrative areas",
    .text = "The file is CSV whose first line names its columns: code, and if known name, level, parent, valid_from, valid_to, successors, aliases. The whole "
            "file is looked at; every error is told with line, column, value and cure.\n\nExit status 1 means that a node would not take it.",
    .example = "qiao area check areas.csv",
    .options = file_options,
    .option_count = sizeof(file_options) / sizeof(file_options[0]),
    .values_size = sizeof(struct area_values),
    .run = run_check,
};

const struct command command_area_find = {
    .name = "area find",
    .arguments = "CODE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "tell where a message for an area code goes",
    .text = "A voided code is resolved as of the day of sending and delivered to the area in force that took over. If several did, none is chosen: the triage of "
            "the unit above decides.\n\nExit status 1 means that there is no such area, or no single one that took over.",
    .example = "qiao area find 990104 --at 2021-04-02 --file areas.csv",
    .options = code_options,
    .option_count = sizeof(code_options) / sizeof(code_options[0]),
    .values_size = sizeof(struct area_values),
    .run = run_find,
};

const struct command command_area_show = {
    .name = "area show",
    .arguments = "CODE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "show an area: name, level, parent, validity, successors",
    .text = "Of a code that is not in the table the nearest area above it is shown. Exit status 1 means that there is none.",
    .example = "qiao area show 990101001",
    .options = code_options,
    .option_count = sizeof(code_options) / sizeof(code_options[0]),
    .values_size = sizeof(struct area_values),
    .run = run_show,
};

const struct command command_area_diff = {
    .name = "area diff",
    .arguments = "OLD NEW",
    .arguments_min = 2,
    .arguments_max = 2,
    .summary = "compare two files of administrative areas",
    .text = "Areas are compared by code and told in the order of codes. Exit status 1 means that the files differ, or that one has errors.",
    .example = "qiao area diff areas-2025.csv areas-2026.csv",
    .options = file_options,
    .option_count = sizeof(file_options) / sizeof(file_options[0]),
    .values_size = sizeof(struct area_values),
    .run = run_diff,
};

const struct command command_area_status = {
    .name = "area status",
    .arguments = "",
    .summary = "tell about the node's table of areas",
    .text = "How many areas it has, how long voided codes are taken, who decides about mail for divided areas, which version its table is, which versions its "
            "neighbours have, and which changes wait for a second registrar. Exit status 1 means that it has no table.",
    .example = "qiao area status",
    .run = run_status,
};
