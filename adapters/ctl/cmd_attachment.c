/* qiao attachment list, qiao attachment fetch: the files that the node keeps beside messages. */
#include "admin.h"
#include "attaching.h"
#include "clock.h"
#include "output.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct list_values {
    const char *after;
    uint64_t most;
};

static const struct option_spec list_options[] = {
    { .name = "most", .letter = 'm', .type = OPTION_NUMBER, .offset = offsetof(struct list_values, most), .placeholder = "N",
      .help = "files at most", .min = 1, .max = 500, .standard = "100" },
    { .name = "after", .type = OPTION_TEXT, .offset = offsetof(struct list_values, after), .placeholder = "DIGEST", .help = "start behind this one" },
};

static const char *state_name(Qiao__V1__AttachmentState state)
{
    static const char *const names[] = { "unknown", "wanted", "whole", "gone", "busy" };
    return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

struct list {
    bool json;
    struct table *table;
    char next[ATTACHMENT_HEX_SIZE];
};

static void add_entry(struct table *table, const Qiao__V1__AttachmentEntry *entry)
{
    char until[TEXT_TIME_SIZE];

    text_time_format(entry->until_ms, until);
    table_cell(table, TABLE_PLAIN, entry->digest);
    table_cell_format(table, TABLE_PLAIN, "%" PRIu64, entry->size);
    table_cell(table, TABLE_PLAIN, state_name(entry->state));
    table_cell_format(table, TABLE_PLAIN, "%u/%u", entry->chunks_here, entry->chunks);
    table_cell(table, TABLE_PLAIN, until);
    table_cell(table, TABLE_PLAIN, entry->source);
}

static int take_list(void *context, const Qiao__V1__AdminReply *reply)
{
    struct list *list = context;
    const Qiao__V1__AttachmentListReply *page = reply->attachment_list;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_ATTACHMENT_LIST)
        return command_fail(CTL_NO, "the node answered something else than a list of attachments");
    if (list->json)
        return admin_print_json(&page->base);
    snprintf(list->next, sizeof(list->next), "%s", page->next);
    for (size_t i = 0; i < page->n_attachments; i++)
        add_entry(list->table, page->attachments[i]);
    return CTL_OK;
}

static int ask_list(const struct globals *globals, const struct list_values *options, struct list *list)
{
    Qiao__V1__AttachmentListRequest page = QIAO__V1__ATTACHMENT_LIST_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;

    page.after = (char *)(uintptr_t)(options->after ? options->after : "");
    page.most = (uint32_t)options->most;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_ATTACHMENT_LIST;
    request.attachment_list = &page;
    return admin_ask_once(globals, &request, take_list, list);
}

static int run_list(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    static const struct table_column columns[] = {
        { "DIGEST", false }, { "SIZE", true }, { "STATE", false }, { "CHUNKS", true }, { "UNTIL", false }, { "FROM", false },
    };
    struct list list = { .json = globals->json };
    int status;

    (void)argument_count;
    (void)arguments;
    list.table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    if (!list.table)
        return command_fail(CTL_NO, "out of memory");
    status = ask_list(globals, values, &list);
    if (!status && !list.json && !table_print(list.table, stdout))
        status = command_fail(CTL_NO, "out of memory");
    if (!status && *list.next)
        fprintf(stderr, "There are more: --after %s\n", list.next);
    list.table = table_free(list.table);
    return status;
}

/* ---- one ---- */

struct fetching {
    struct ctl_session session; /* first: see session.h */
    struct qiao_attachment attachment;
    bool known, ended;
    unsigned code;
};

static void take_fetched(void *context, const struct qiao_attachment *attachment, const char *path, unsigned code)
{
    struct fetching *fetching = context;

    (void)attachment;
    (void)path;
    fetching->code = code;
    fetching->ended = fetching->session.stop = true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What the node says of the one that was asked for. */
static int take_one(void *context, const Qiao__V1__AdminReply *reply)
{
    struct fetching *fetching = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_ATTACHMENT_LIST || reply->attachment_list->n_attachments != 1)
        return CTL_OK;
    const Qiao__V1__AttachmentEntry *entry = reply->attachment_list->attachments[0];
    fetching->attachment.size = entry->size;
    fetching->attachment.suite = entry->suite;
    fetching->known = strlen(entry->digest) == ATTACHMENT_HEX_SIZE - 1;
    for (size_t i = 0; fetching->known && i < sizeof(fetching->attachment.digest); i++)
        fetching->attachment.digest[i] = (uint8_t)(hex_digit(entry->digest[2 * i]) << 4 | hex_digit(entry->digest[2 * i + 1]));
    return CTL_OK;
}

static int find_one(const struct globals *globals, const char *digest, struct fetching *fetching)
{
    Qiao__V1__AttachmentListRequest one = QIAO__V1__ATTACHMENT_LIST_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    int status;

    one.digest = (char *)(uintptr_t)digest;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_ATTACHMENT_LIST;
    request.attachment_list = &one;
    status = admin_ask_once(globals, &request, take_one, fetching);
    if (!status && !fetching->known)
        status = command_fail(CTL_NO, "the node knows no attachment %s", digest);
    return status;
}

static int save(struct fetching *fetching, const char *path)
{
    uint64_t deadline_ns = clock_deadline_ns(fetching->session.globals->timeout_ms);
    int result = qiao_client_fetch(fetching->session.client, &fetching->attachment, path);

    if (result)
        return command_fail(CTL_NO, "cannot save: %s", qiao_client_error(fetching->session.client));
    while (!fetching->ended) {
        result = fetching->session.interrupted ? QIAO_CLIENT_TIMEOUT : ctl_session_run(&fetching->session, deadline_ns);
        if (result == QIAO_CLIENT_TIMEOUT)
            return command_fail(CTL_NO, "not whole yet; what came is in %s.part, and the same command goes on from there", path);
        if (result)
            return ctl_session_fail(&fetching->session, result);
    }
    return fetching->code ? command_fail(CTL_NO, "%s (%s)", qiao_code_text(fetching->code), qiao_code_name(fetching->code)) : CTL_OK;
}

static void fetching_close(struct fetching *fetching)
{
    ctl_session_close(&fetching->session);
}

static int run_fetch(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    static const struct qiao_client_handler handler = { .link = ctl_session_link, .fetched = take_fetched };
    __attribute__((cleanup(fetching_close))) struct fetching fetching = { .session.signal_fd = -1 };
    const struct ctl_session_options options = { .member = globals->member };
    int status;

    (void)values;
    (void)argument_count;
    if (!globals->member)
        return command_fail(CTL_WRONG_USE, "fetch as whom? Give --member NAME or set QIAO_MEMBER");
    status = find_one(globals, arguments[0], &fetching);
    if (!status)
        status = ctl_session_open(&fetching.session, globals, &options, &handler);
    if (!status)
        status = ctl_session_connect(&fetching.session);
    if (!status)
        status = save(&fetching, arguments[1]);
    if (!status)
        status = globals->json ? output_json_line(json_pack("{s:s, s:s}", "digest", arguments[0], "path", arguments[1])) : puts(arguments[1]) < 0 ? CTL_NO : CTL_OK;
    return status;
}

const struct command command_attachment_list = {
    .name = "attachment list",
    .arguments = "",
    .summary = "list the files that the node keeps beside messages, or waits for",
    .text = "CHUNKS tells how much of a file is here, UNTIL when it is let go of unless another message comes with it. With --json the answer also "
            "tells how much room they take and how many parts came twice or were wrong.",
    .example = "qiao attachment list",
    .options = list_options,
    .option_count = sizeof(list_options) / sizeof(list_options[0]),
    .values_size = sizeof(struct list_values),
    .run = run_list,
};

const struct command command_attachment_fetch = {
    .name = "attachment fetch",
    .arguments = "DIGEST FILE",
    .arguments_min = 2,
    .arguments_max = 2,
    .summary = "save a file that came with a message to this member",
    .text = "Only members that sent a message with the file, or were delivered one, are given it. FILE.part is written until it is whole and verified; "
            "an interrupted fetch goes on where it stopped. --timeout says how long to wait for a file that the node itself is waiting for.",
    .example = "qiao --member urban-mgmt attachment fetch 3b0c…e1 photo.jpg",
    .run = run_fetch,
};
