/* qiao org register, update, suspend, close, confirm: what registrars write to the register of organisations. */
#include "admin.h"
#include "paper.h"
#include "post.h"

#include <qiao/limits.h>
#include <schema/organisation.pb-c.h>
#include <stdlib.h>
#include <string.h>

struct change_values {
    const char *file, *code, *name, *type, *area, *parent, *remit, *duty_hours, *deputy;
    const char *reason, *successors, *digest, *seat;
    bool lift, wait;
};

#define AT(member) .offset = offsetof(struct change_values, member)
#define OPTION_WAIT \
    { .name = "wait", .letter = 'w', .type = OPTION_FLAG, AT(wait), .help = "wait for what this node decides; exit status 1 unless it accepts" }
#define OPTION_SEAT { .name = "seat", .type = OPTION_TEXT, AT(seat), .placeholder = "SEAT", .help = "seat you write from, if registry.registrars names one" }
#define OPTION_REASON { .name = "reason", .type = OPTION_TEXT, AT(reason), .placeholder = "TEXT", .help = "why, for everybody to read" }

static const struct option_spec paper_options[] = {
    { .name = "file", .letter = 'f', .type = OPTION_FILE, AT(file), .placeholder = "FILE", .help = "all of it, YAML or JSON with the names of organisation.proto" },
    { .name = "code", .type = OPTION_TEXT, AT(code), .placeholder = "CODE", .help = "unified social credit code" },
    { .name = "name", .type = OPTION_TEXT, AT(name), .placeholder = "TEXT", .help = "official name" },
    { .name = "type", .type = OPTION_TEXT, AT(type), .placeholder = "TYPE", .help = "coord, gov, subdistrict, selfgov, social, utility, judicial, arbitration, medical, oversight or gateway" },
    { .name = "area", .type = OPTION_TEXT, AT(area), .placeholder = "AREA", .help = "area code of 6, 9 or 12 digits; says the level too" },
    { .name = "parent", .type = OPTION_TEXT, AT(parent), .placeholder = "ORG", .help = "the organisation above it" },
    { .name = "remit", .type = OPTION_TEXT, AT(remit), .placeholder = "CODES", .help = "matter codes it is competent for, separated by commas" },
    { .name = "duty-hours", .type = OPTION_TEXT, AT(duty_hours), .placeholder = "TEXT", .help = "when somebody is there" },
    { .name = "deputy", .type = OPTION_TEXT, AT(deputy), .placeholder = "ORG", .help = "who stands in" },
    OPTION_SEAT,
    OPTION_WAIT,
};

static const struct option_spec suspend_options[] = {
    { .name = "lift", .type = OPTION_FLAG, AT(lift), .help = "end the suspension" },
    OPTION_REASON,
    OPTION_SEAT,
    OPTION_WAIT,
};

static const struct option_spec close_options[] = {
    { .name = "successor", .type = OPTION_TEXT, AT(successors), .placeholder = "ORGS", .help = "who takes over, separated by commas", .required = true },
    OPTION_REASON,
    OPTION_SEAT,
    OPTION_WAIT,
};

static const struct option_spec confirm_options[] = {
    { .name = "digest", .type = OPTION_TEXT, AT(digest), .placeholder = "HEX", .help = "only if the digest of what waits begins so" },
    OPTION_SEAT,
    OPTION_WAIT,
};

#undef AT

/* ---- what the node knows ---- */

struct known {
    struct admin admin;
    char area[QIAO_AREA_SIZE_MAX + 1]; /* of the node */
    Qiao__V1__AdminReply *shown;       /* of the organisation, owned, or NULL */
};

static void known_deinit(struct known *known)
{
    admin_close(&known->admin);
    if (known->shown)
        qiao__v1__admin_reply__free_unpacked(known->shown, NULL);
}

static int keep_shown(void *context, const Qiao__V1__AdminReply *reply)
{
    struct known *known = context;
    size_t size = qiao__v1__admin_reply__get_packed_size(reply);
    uint8_t *packed;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_ORG_SHOW)
        return command_fail(CTL_NO, "the node answered something else than an organisation");
    packed = malloc(size);
    if (packed) {
        qiao__v1__admin_reply__pack(reply, packed);
        known->shown = qiao__v1__admin_reply__unpack(NULL, size, packed);
    }
    free(packed);
    return known->shown ? CTL_OK : command_fail(CTL_NO, "out of memory");
}

/* org NULL: the area only. */
static int ask_known(struct known *known, const struct globals *globals, const char *org)
{
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    Qiao__V1__StatusRequest area = QIAO__V1__STATUS_REQUEST__INIT;
    Qiao__V1__OrgShowRequest show = QIAO__V1__ORG_SHOW_REQUEST__INIT;
    int status = globals->member ? CTL_OK : command_fail(CTL_WRONG_USE, "write to the register as whom? Give --member NAME or set QIAO_MEMBER");

    if (!status)
        status = admin_open(&known->admin, globals);
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_STATUS;
    request.status = &area;
    if (!status)
        status = admin_ask(&known->admin, &request, admin_take_area, known->area, globals->timeout_ms);
    if (status || !org)
        return status;
    show.org_id = (char *)org;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_ORG_SHOW;
    request.org_show = &show;
    return admin_ask(&known->admin, &request, keep_shown, known, globals->timeout_ms);
}

/* ---- sending ---- */

/* To the whole district, for every node to keep. The connection that asked is closed: it may have been as the same member. */
static int send_change(struct known *known, const struct globals *globals, const struct change_values *options, unsigned kind, const ProtobufCMessage *body)
{
    admin_close(&known->admin);
    known->admin = (struct admin){ .session.signal_fd = -1 };
    return post_to_nodes(globals, known->area, options->seat, options->wait, kind, body);
}

/* ---- register, update ---- */

/* An array of the words between commas. NULL without memory. */
static json_t *split(const char *text)
{
    json_t *words = json_array();

    while (words && *text) {
        size_t size = strcspn(text, ",");
        if (size > 0 && json_array_append_new(words, json_stringn(text, size))) {
            json_decref(words);
            return NULL;
        }
        text += size + (text[size] == ',');
    }
    return words;
}

static int set_type(json_t *json, const char *type)
{
    char name[64] = "ORG_TYPE_";
    size_t used = strlen(name);

    for (; *type && used + 1 < sizeof(name); type++)
        name[used++] = (char)(*type >= 'a' && *type <= 'z' ? *type - ('a' - 'A') : *type);
    name[used] = '\0';
    return json_object_set_new(json, "type", json_string(name));
}

/* A wrong length is for the node to refuse: it says what is expected. */
static int set_area(json_t *json, const char *area)
{
    size_t size = strlen(area);
    const char *level = size <= 6 ? "ORG_LEVEL_DISTRICT" : size <= 9 ? "ORG_LEVEL_STREET" : "ORG_LEVEL_COMMUNITY";

    return json_object_set_new(json, "areaCode", json_string(area)) | json_object_set_new(json, "level", json_string(level));
}

static int write_options(json_t *json, const char *org, const struct change_values *options)
{
    const struct { const char *name, *value; } rows[] = {
        { "orgId", org }, { "uscc", options->code }, { "name", options->name }, { "parentOrg", options->parent },
        { "dutyHours", options->duty_hours }, { "deputyOrg", options->deputy },
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        failed |= rows[i].value && json_object_set_new(json, rows[i].name, json_string(rows[i].value));
    failed |= options->type && set_type(json, options->type);
    failed |= options->area && set_area(json, options->area);
    failed |= options->remit && json_object_set_new(json, "remit", split(options->remit));
    return failed ? command_fail(CTL_WRONG_USE, "an option is not text in UTF-8, or memory ran out") : CTL_OK;
}

/* before: what it is now, or NULL. NULL after a message. */
static Qiao__V1__Organisation *compose(const char *org, const struct change_values *options, const Qiao__V1__Organisation *before)
{
    Qiao__V1__Organisation *organisation = NULL;
    json_t *json = options->file ? paper_read(options->file) : before ? paper_of(before) : json_object();

    if (json) {
        json_object_del(json, "org_id"); /* the argument says it */
        if (write_options(json, org, options) == CTL_OK)
            organisation = paper_organisation(json);
    }
    json_decref(json);
    return organisation;
}

static int run_register(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(known_deinit))) struct known known = { .admin.session.signal_fd = -1 };
    Qiao__V1__OrgRegister body = QIAO__V1__ORG_REGISTER__INIT;
    int status = ask_known(&known, globals, NULL);

    (void)argument_count;
    if (status)
        return status;
    body.organisation = compose(arguments[0], values, NULL);
    if (!body.organisation)
        return CTL_WRONG_USE;
    status = send_change(&known, globals, values, QIAO_KIND_ORG_REGISTER, &body.base);
    qiao__v1__organisation__free_unpacked(body.organisation, NULL);
    return status;
}

/* What all changes of a registered organisation need first. NULL: *ret_status says why, after a message. */
static const Qiao__V1__OrgRecord *ask_record(struct known *known, const struct globals *globals, const char *org, int *ret_status)
{
    *ret_status = ask_known(known, globals, org);
    if (*ret_status)
        return NULL;
    if (!known->shown->org_show->record)
        *ret_status = command_fail(CTL_NO, "%s is not registered yet at this node", org);
    return known->shown->org_show->record;
}

static int run_update(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(known_deinit))) struct known known = { .admin.session.signal_fd = -1 };
    Qiao__V1__OrgUpdate body = QIAO__V1__ORG_UPDATE__INIT;
    int status;
    const Qiao__V1__OrgRecord *record = ask_record(&known, globals, arguments[0], &status);

    (void)argument_count;
    if (!record)
        return status;
    body.organisation = compose(arguments[0], values, record->organisation);
    if (!body.organisation)
        return CTL_WRONG_USE;
    body.version = record->version + 1;
    status = send_change(&known, globals, values, QIAO_KIND_ORG_UPDATE, &body.base);
    qiao__v1__organisation__free_unpacked(body.organisation, NULL);
    return status;
}

/* ---- suspend, close, confirm ---- */

static int run_suspend(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(known_deinit))) struct known known = { .admin.session.signal_fd = -1 };
    const struct change_values *options = values;
    Qiao__V1__OrgSuspend body = QIAO__V1__ORG_SUSPEND__INIT;
    int status;
    const Qiao__V1__OrgRecord *record = ask_record(&known, globals, arguments[0], &status);

    (void)argument_count;
    if (!record)
        return status;
    body.org_id = arguments[0];
    body.version = record->version + 1;
    body.lifted = options->lift;
    if (options->reason)
        body.reason = (char *)options->reason;
    return send_change(&known, globals, options, QIAO_KIND_ORG_SUSPEND, &body.base);
}

static int run_close(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(known_deinit))) struct known known = { .admin.session.signal_fd = -1 };
    const struct change_values *options = values;
    Qiao__V1__OrgClose body = QIAO__V1__ORG_CLOSE__INIT;
    char *successors[32];
    json_t *words, *word;
    size_t i;
    int status;
    const Qiao__V1__OrgRecord *record = ask_record(&known, globals, arguments[0], &status);

    (void)argument_count;
    if (!record)
        return status;
    words = split(options->successors);
    if (!words || json_array_size(words) > sizeof(successors) / sizeof(successors[0])) {
        json_decref(words);
        return command_fail(CTL_WRONG_USE, "--successor is not text in UTF-8, or names more than anybody needs");
    }
    json_array_foreach(words, i, word)
        successors[i] = (char *)json_string_value(word);
    body.org_id = arguments[0];
    body.version = record->version + 1;
    body.succession = successors;
    body.n_succession = json_array_size(words);
    if (options->reason)
        body.reason = (char *)options->reason;
    status = send_change(&known, globals, options, QIAO_KIND_ORG_CLOSE, &body.base);
    json_decref(words);
    return status;
}

static bool digest_begins(const ProtobufCBinaryData *digest, const char *wanted)
{
    char text[2 * 32 + 1] = "";

    for (size_t i = 0; i < digest->len && i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned)digest->data[i]);
    return !wanted || strncmp(text, wanted, strlen(wanted)) == 0;
}

static int run_confirm(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(known_deinit))) struct known known = { .admin.session.signal_fd = -1 };
    const struct change_values *options = values;
    Qiao__V1__OrgConfirm body = QIAO__V1__ORG_CONFIRM__INIT;
    const Qiao__V1__OrgOpen *open = NULL;
    int status = ask_known(&known, globals, arguments[0]);

    (void)argument_count;
    if (status)
        return status;
    for (size_t i = 0; i < known.shown->org_show->n_open; i++)
        if (!known.shown->org_show->open[i]->for_version)
            open = known.shown->org_show->open[i];
    if (!open)
        return command_fail(CTL_NO, "no change of %s waits for a second registrar", arguments[0]);
    if (!digest_begins(&open->digest, options->digest))
        return command_fail(CTL_NO, "what waits now has another digest than %.64s; look at it with qiao org show", options->digest);
    body.org_id = arguments[0];
    body.version = open->version;
    body.kind = open->kind;
    body.digest = open->digest;
    fprintf(stderr, "confirms %s, version %llu, from %s\n", qiao_kind_name(open->kind), (unsigned long long)open->version, open->registrar);
    return send_change(&known, globals, options, QIAO_KIND_ORG_CONFIRM, &body.base);
}

#define CHANGE(options_, run_) \
    .arguments = "ORG", .arguments_min = 1, .arguments_max = 1, .options = options_, .option_count = sizeof(options_) / sizeof(options_[0]), \
    .values_size = sizeof(struct change_values), .run = run_

const struct command command_org_register = {
    .name = "org register",
    .summary = "register an organisation",
    .text = "Run it as a registrar, at the district's node. The message goes to every node of the district. ORG is the id by which the register knows "
            "the organisation for ever: a-z, 0-9, - and .; seats and their keys are given with --file.",
    .example = "qiao org register housing --code 11990101QA0000022E --name 'Housing bureau' --type gov --area 990101 --wait",
    CHANGE(paper_options, run_register),
};

const struct command command_org_update = {
    .name = "org update",
    .summary = "change what is registered of an organisation",
    .text = "What no option names stays as it is; --file replaces everything. If a seat's key changes, or its time, the change takes effect when a second, "
            "different registrar has confirmed it; --wait waits for that too.",
    .example = "qiao org update housing --duty-hours 'Mo-Fr 09:00-17:00' --wait",
    CHANGE(paper_options, run_update),
};

const struct command command_org_suspend = {
    .name = "org suspend",
    .summary = "suspend an organisation, or lift its suspension",
    .text = "Its members can neither send nor be sent to until it is lifted.",
    .example = "qiao org suspend housing --reason 'keys lost' --wait",
    CHANGE(suspend_options, run_suspend),
};

const struct command command_org_close = {
    .name = "org close",
    .summary = "close an organisation for ever and name who takes over",
    .text = "Takes effect when a second, different registrar has confirmed it; --wait waits for that too. Whoever writes to it afterwards is told its successor.",
    .example = "qiao org close housing --successor urban-renewal --reason 'merged'",
    CHANGE(close_options, run_close),
};

const struct command command_org_confirm = {
    .name = "org confirm",
    .summary = "agree to a change that another registrar has proposed",
    .text = "Look at it first with qiao org show. What is confirmed is exactly what this node holds at the moment; with --digest only that content.",
    .example = "qiao org confirm housing --wait",
    CHANGE(confirm_options, run_confirm),
};
