/* qiao dead list, show, retry, discard: what could not be delivered, and what could not be understood. */
#include "admin.h"
#include "output.h"
#include "table.h"
#include "text.h"

#include <qiao/limits.h>
#include <stdlib.h>
#include <string.h>

struct dead_values {
    const char *to, *code, *owner, *why;
    uint64_t older_than_ms, most;
    bool all;
};

#define AT(member) .offset = offsetof(struct dead_values, member)
#define OPTION_TO { .name = "to", .type = OPTION_TEXT, AT(to), .placeholder = "MEMBER", .help = "only those for this member" }
#define OPTION_CODE { .name = "reason", .letter = 'r', .type = OPTION_TEXT, AT(code), .placeholder = "CODE", .help = "only those given up for this, such as CRASHES" }
#define OPTION_OLDER { .name = "older-than", .type = OPTION_DURATION, AT(older_than_ms), .placeholder = "DURATION", .help = "only those given up at least so long ago", .min = 1 }

static const struct option_spec list_options[] = {
    OPTION_TO,
    OPTION_CODE,
    OPTION_OLDER,
    { .name = "owner", .type = OPTION_TEXT, AT(owner), .placeholder = "OWNER", .help = "only if this is who the node's dead letters belong to" },
    { .name = "most", .letter = 'm', .type = OPTION_NUMBER, AT(most), .placeholder = "N", .help = "letters shown", .min = 1, .max = 1000000, .standard = "1000" },
};

static const struct option_spec retry_options[] = {
    { .name = "all", .letter = 'a', .type = OPTION_FLAG, AT(all), .help = "all that the other options leave" },
    OPTION_TO,
    OPTION_CODE,
    OPTION_OLDER,
    { .name = "because", .letter = 'b', .type = OPTION_TEXT, AT(why), .placeholder = "TEXT", .help = "why, for the audit log" },
};

static const struct option_spec discard_options[] = {
    { .name = "reason", .letter = 'r', .type = OPTION_TEXT, AT(why), .placeholder = "TEXT", .help = "why, for the audit log", .required = true },
};

#undef AT

struct dead {
    const struct globals *globals;
    const struct dead_values *values;
    struct table *table;
    uint64_t shown, changed, left, now_ms;
    uint8_t next[64];
    size_t next_size;
};

/* ---- what is asked ---- */

static int make_choice(const struct dead_values *values, Qiao__V1__DeadChoice *ret_choice)
{
    int code = values->code ? qiao_code_from_name(values->code) : 0;

    *ret_choice = (Qiao__V1__DeadChoice)QIAO__V1__DEAD_CHOICE__INIT;
    if (code < 0)
        return command_fail(CTL_WRONG_USE, "\"%.40s\" is no code; those of dead letters are RETRIES, CRASHES, MALFORMED and NO_ROUTE", values->code);
    ret_choice->code = (uint32_t)code;
    ret_choice->age_ms = values->older_than_ms;
    if (values->to)
        ret_choice->recipient = (char *)(uintptr_t)values->to;
    return CTL_OK;
}

static int parse_id(const char *text, struct qiao_id *ret_id, ProtobufCBinaryData *ret_bytes)
{
    if (!qiao_id_parse(text, ret_id))
        return command_fail(CTL_WRONG_USE, "\"%.60s\" is not a message id; qiao dead list shows them", text);
    *ret_bytes = (ProtobufCBinaryData){ sizeof(ret_id->bytes), ret_id->bytes };
    return CTL_OK;
}

static int take_next(struct dead *dead, const ProtobufCBinaryData *next)
{
    if (next->len > sizeof(dead->next))
        return command_fail(CTL_NO, "the node's answer is not understood");
    if (next->len == dead->next_size && next->len > 0 && memcmp(next->data, dead->next, next->len) == 0)
        return command_fail(CTL_NO, "the node names the same next page again");
    dead->next_size = next->len;
    if (next->len > 0)
        memcpy(dead->next, next->data, next->len);
    return CTL_OK;
}

/* ---- list ---- */

static void add_letter(struct table *table, const Qiao__V1__DeadLetterInfo *letter, uint64_t now_ms)
{
    char id[QIAO_ID_TEXT_SIZE], kind[ADMIN_KIND_SIZE], age[TEXT_DURATION_SIZE];

    admin_id_format(&letter->message_id, id);
    admin_kind_format(letter->kind, kind);
    text_duration_format(now_ms > letter->last_ms ? now_ms - letter->last_ms : 0, age);
    table_cell(table, TABLE_PLAIN, id);
    table_cell(table, TABLE_BAD, qiao_code_name(letter->code));
    table_cell(table, TABLE_PLAIN, letter->quarantined ? "-" : letter->recipient);
    table_cell(table, TABLE_PLAIN, letter->kind ? kind : "-");
    table_cell(table, TABLE_PLAIN, *letter->case_id ? letter->case_id : "-");
    table_cell_format(table, TABLE_PLAIN, "%u", (unsigned)letter->attempts);
    table_cell(table, TABLE_PLAIN, age);
}

static bool is_of(const char *owner, const char *wanted)
{
    const char *slash = strchr(owner, '/');

    return !wanted || strcmp(owner, wanted) == 0 || (slash && strcmp(slash + 1, wanted) == 0);
}

static int take_list(void *context, const Qiao__V1__AdminReply *reply)
{
    struct dead *dead = context;
    int status;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_DEAD_LIST)
        return command_fail(CTL_NO, "the node answered something else than dead letters");
    dead->now_ms = reply->dead_list->now_ms;
    status = take_next(dead, &reply->dead_list->next);
    for (size_t i = 0; !status && i < reply->dead_list->n_letters && dead->shown < dead->values->most; i++) {
        if (!is_of(reply->dead_list->owner, dead->values->owner))
            continue;
        dead->shown++;
        if (dead->globals->json)
            status = admin_print_json(&reply->dead_list->letters[i]->base);
        else
            add_letter(dead->table, reply->dead_list->letters[i], dead->now_ms);
    }
    return status;
}

static int ask_list(struct dead *dead)
{
    __attribute__((cleanup(admin_close))) struct admin admin = { 0 };
    Qiao__V1__DeadListRequest page = QIAO__V1__DEAD_LIST_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    Qiao__V1__DeadChoice choice;
    int status = make_choice(dead->values, &choice);

    if (!status)
        status = admin_open(&admin, dead->globals);
    page.choice = &choice;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_DEAD_LIST;
    request.dead_list = &page;
    do {
        uint8_t after[sizeof(dead->next)];
        memcpy(after, dead->next, sizeof(after));
        page.after = (ProtobufCBinaryData){ dead->next_size, after };
        if (!status)
            status = admin_ask(&admin, &request, take_list, dead, dead->globals->timeout_ms);
    } while (!status && dead->next_size > 0 && dead->shown < dead->values->most);
    return status;
}

static int run_list(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    static const struct table_column columns[] = {
        { "MESSAGE", false }, { "REASON", false }, { "TO", false }, { "KIND", false }, { "CASE", false }, { "ATTEMPTS", true }, { "AGE", true },
    };
    struct dead dead = { .globals = globals, .values = values, .table = table_new(columns, sizeof(columns) / sizeof(columns[0])) };
    int status = dead.table ? ask_list(&dead) : command_fail(CTL_NO, "out of memory");

    (void)argument_count;
    (void)arguments;
    if (!status && !globals->json && !table_print(dead.table, stdout))
        status = command_fail(CTL_NO, "out of memory");
    if (!status && !globals->json && dead.next_size > 0)
        fprintf(stderr, "There are more: --most N shows N of them\n");
    dead.table = table_free(dead.table);
    return status;
}

/* ---- show ---- */

static void print_line(const char *name, const char *text)
{
    char *printable = text_printable(text, strlen(text));

    if (*text)
        printf("%-12s %s\n", name, printable ? printable : "");
    free(printable);
}

static void print_time(const char *name, uint64_t unix_ms)
{
    char text[TEXT_TIME_SIZE];

    if (unix_ms == 0)
        return;
    text_time_format(unix_ms, text);
    print_line(name, text);
}

static void print_address(const char *name, const Qiao__V1__Address *address)
{
    char text[ADDRESS_BUFFER_SIZE];

    if (!address)
        return;
    admin_address_format(address, text);
    print_line(name, text);
}

static void print_letter(const Qiao__V1__DeadLetterInfo *letter, const char *owner)
{
    char id[QIAO_ID_TEXT_SIZE], kind[ADMIN_KIND_SIZE], size[TEXT_SIZE_SIZE];

    admin_id_format(&letter->message_id, id);
    admin_kind_format(letter->kind, kind);
    text_size_format(letter->size, size);
    print_line("message", id);
    print_line("is", letter->quarantined ? "in quarantine" : "dead");
    printf("%-12s %s: %s\n", "because", qiao_code_name(letter->code), qiao_code_text(letter->code));
    print_line("said", letter->reason);
    print_line("owner", owner);
    print_line("for", letter->recipient);
    if (letter->kind)
        print_line("kind", kind);
    print_line("case", letter->case_id);
    print_line("matter", letter->matter);
    print_address("from", letter->source);
    print_address("to", letter->destination);
    print_time("sent", letter->sent_ms);
    print_time("expires", letter->expires_ms);
    print_line("size", size);
    if (!letter->quarantined)
        printf("%-12s %u failed deliveries, %u hops, tried again by hand %u times\n", "history", (unsigned)letter->attempts, (unsigned)letter->hops, (unsigned)letter->retries);
    print_time("first", letter->first_ms);
    print_time("given up", letter->last_ms);
}

static int take_shown(void *context, const Qiao__V1__AdminReply *reply)
{
    struct dead *dead = context;
    int status = CTL_OK;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_DEAD_LIST)
        return command_fail(CTL_NO, "the node answered something else than dead letters");
    if (reply->dead_list->n_letters == 0)
        return command_fail(CTL_NO, "no dead letter and nothing in quarantine has that id here; qiao dead list shows what there is");
    for (size_t i = 0; !status && i < reply->dead_list->n_letters; i++) {
        if (dead->globals->json)
            status = admin_print_json(&reply->dead_list->letters[i]->base);
        else
            print_letter(reply->dead_list->letters[i], reply->dead_list->owner);
    }
    return status;
}

static int run_show(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    Qiao__V1__DeadListRequest list = QIAO__V1__DEAD_LIST_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    struct dead dead = { .globals = globals };
    struct qiao_id id;
    int status = parse_id(arguments[0], &id, &list.id);

    (void)values;
    (void)argument_count;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_DEAD_LIST;
    request.dead_list = &list;
    return status ? status : admin_ask_once(globals, &request, take_shown, &dead);
}

/* ---- retry, discard ---- */

static int take_change(void *context, const Qiao__V1__AdminReply *reply)
{
    struct dead *dead = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_DEAD_CHANGE)
        return command_fail(CTL_NO, "the node answered something else than what became of the dead letters");
    dead->changed += reply->dead_change->changed;
    dead->left += reply->dead_change->left;
    return take_next(dead, &reply->dead_change->next);
}

static int ask_change(struct dead *dead, Qiao__V1__DeadChangeRequest *change)
{
    __attribute__((cleanup(admin_close))) struct admin admin = { 0 };
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    Qiao__V1__DeadChoice choice;
    const char *by = getenv("USER");
    int status = make_choice(dead->values, &choice);

    if (!status)
        status = admin_open(&admin, dead->globals);
    change->choice = &choice;
    change->by = (char *)(uintptr_t)(by ? by : "");
    if (dead->values->why)
        change->reason = (char *)(uintptr_t)dead->values->why;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_DEAD_CHANGE;
    request.dead_change = change;
    do {
        uint8_t after[sizeof(dead->next)];
        memcpy(after, dead->next, sizeof(after));
        change->after = (ProtobufCBinaryData){ dead->next_size, after };
        if (!status)
            status = admin_ask(&admin, &request, take_change, dead, dead->globals->timeout_ms);
    } while (!status && dead->next_size > 0);
    return status;
}

static int print_changed(const struct dead *dead, const char *word)
{
    if (dead->globals->json)
        return output_json_line(json_pack("{s:I, s:I}", word, (json_int_t)dead->changed, "left", (json_int_t)dead->left));
    printf("%llu %s\n", (unsigned long long)dead->changed, word);
    if (dead->left > 0)
        fprintf(stderr, "%llu are left: expired, in quarantine, or for a member that this node no longer has\n", (unsigned long long)dead->left);
    return CTL_OK;
}

static int run_change(const struct globals *globals, const void *values, Qiao__V1__DeadChangeRequest *change, const char *word)
{
    struct dead dead = { .globals = globals, .values = values };
    int status = ask_change(&dead, change);

    if (!status)
        status = print_changed(&dead, word);
    return status ? status : change->id.len > 0 && dead.changed == 0 ? CTL_NO : CTL_OK;
}

static int run_retry(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    Qiao__V1__DeadChangeRequest change = QIAO__V1__DEAD_CHANGE_REQUEST__INIT;
    const struct dead_values *options = values;
    struct qiao_id id;
    int status = argument_count ? parse_id(arguments[0], &id, &change.id) : CTL_OK;

    if (status)
        return status;
    if ((argument_count == 1) == options->all)
        return command_fail(CTL_WRONG_USE, "qiao dead retry needs a message id, or --all (see qiao dead retry --help)");
    change.change = QIAO__V1__DEAD_CHANGE__DEAD_RETRY;
    change.all = options->all;
    return run_change(globals, values, &change, "retried");
}

static int run_discard(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    Qiao__V1__DeadChangeRequest change = QIAO__V1__DEAD_CHANGE_REQUEST__INIT;
    struct qiao_id id;
    int status = parse_id(arguments[0], &id, &change.id);

    (void)argument_count;
    change.change = QIAO__V1__DEAD_CHANGE__DEAD_DISCARD;
    return status ? status : run_change(globals, values, &change, "discarded");
}

#define COUNT(options) (sizeof(options) / sizeof(options[0]))

const struct command command_dead_list = {
    .name = "dead list",
    .arguments = "",
    .summary = "list messages that could not be delivered, and what is in quarantine",
    .text = "A message is dead when its member asked for it again as often as dead_letters.attempts_max allows (RETRIES), or when each of so many "
            "deliveries ended the member's session without an answer (CRASHES). In quarantine is what could not be decoded (MALFORMED) or answered "
            "(NO_ROUTE). AGE counts from when it was given up.\n\n"
            "Dead letters are for people at the node, over its local socket, and for the organisation that dead_letters.owner names.",
    .example = "qiao dead list --reason CRASHES --older-than 1d",
    .options = list_options,
    .option_count = COUNT(list_options),
    .values_size = sizeof(struct dead_values),
    .run = run_list,
};

const struct command command_dead_show = {
    .name = "dead show",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "show one dead letter: header, reason and history, not the body",
    .text = "A message to several members of a node can be dead for some of them; each is shown. Exit status 1 means that nothing has that id here.",
    .example = "qiao dead show 01890a5d-ac96-774b-bcce-b302099a8057",
    .run = run_show,
};

const struct command command_dead_retry = {
    .name = "dead retry",
    .arguments = "[ID]",
    .arguments_max = 1,
    .summary = "deliver dead letters again, to those members only that did not take them",
    .text = "The message comes under its old id, so that a member that had taken it after all recognises it. Its one terminal outcome stays DEAD; "
            "what comes of the new delivery is told to its sender in a message of kind dead.letter. What has expired is left where it is.",
    .example = "qiao dead retry --all --to urban-management --because \"database repaired\"",
    .options = retry_options,
    .option_count = COUNT(retry_options),
    .values_size = sizeof(struct dead_values),
    .run = run_retry,
};

const struct command command_dead_discard = {
    .name = "dead discard",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "remove a dead letter, or something in quarantine, for good",
    .text = "Who did it and why is written to the node's audit log and to its log.",
    .example = "qiao dead discard 01890a5d-ac96-774b-bcce-b302099a8057 --reason \"handled by phone\"",
    .options = discard_options,
    .option_count = COUNT(discard_options),
    .values_size = sizeof(struct dead_values),
    .run = run_discard,
};
