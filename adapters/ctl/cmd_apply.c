/* qiao apply, qiao rollback: a plan comes into force, and back to what was before. */
#include "admin.h"
#include "command.h"
#include "planned.h"
#include "versions.h"

#include <stdio.h>
#include <string.h>

struct answer {
    bool in_force;
    char said[1024];
};

static int take_reload(void *context, const Qiao__V1__AdminReply *reply)
{
    struct answer *answer = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_RELOAD)
        return command_fail(CTL_NO, "the node answered something else than what became of its configuration");
    answer->in_force = reply->reload->in_force;
    snprintf(answer->said, sizeof(answer->said), "%s", reply->reload->said);
    return CTL_OK;
}

static int tell_node(const struct globals *globals, struct answer *answer)
{
    Qiao__V1__ReloadRequest reload = QIAO__V1__RELOAD_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;

    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_RELOAD;
    request.reload = &reload;
    return admin_ask_once(globals, &request, take_reload, answer);
}

static int print_done(const struct globals *globals, const char *id, const char *configuration, unsigned version, bool restart)
{
    if (globals->json)
        printf("{\"plan\":\"%s\",\"version\":%u,\"inForce\":%s}\n", id, version, restart ? "false" : "true");
    else if (restart)
        printf("%s: installed, in force with the node's next start; what was before is version %04u\n", configuration, version);
    else
        printf("%s: in force; what was before is version %04u\n", configuration, version);
    return CTL_OK;
}

/* ---- apply ---- */

struct apply_values {
    bool restart;
};

static const struct option_spec apply_options[] = {
    { .name = "restart", .type = OPTION_FLAG, .offset = offsetof(struct apply_values, restart),
      .help = "install also what comes into force with the node's next start only; the node is not told" },
};

/* A plan is about files as they were. */
static int check_plan(const struct planned *p, bool restart)
{
    struct planned now = { 0 };

    if (p->has_errors)
        return command_fail(CTL_NO, "the plan has errors; correct them and plan again");
    if (!planned_describe(&now, p->configuration, p->wanted))
        return CTL_NO;
    if (strcmp(now.before, p->before) != 0)
        return command_fail(CTL_NO, "%s is not what it was when the plan was made; plan again", p->configuration);
    if (strcmp(now.after, p->after) != 0)
        return command_fail(CTL_NO, "%s has changed since the plan was made; plan again", p->wanted);
    if (p->restart[0] && !restart)
        return command_fail(CTL_NO, "these keys come into force with a restart only: %s. Use --restart, then restart the node", p->restart);
    return CTL_OK;
}

static unsigned install(const struct planned *p)
{
    struct plan_files before, after;
    unsigned version = 0;
    bool readable = plan_files_init(&before, p->configuration) == 0;

    if (plan_files_init(&after, p->wanted) == 0 && readable)
        version = versions_keep(p->configuration, &before);
    if (version > 0 && !versions_install(p->configuration, &after)) {
        versions_restore(p->configuration);
        version = 0;
    }
    plan_files_deinit(&before);
    plan_files_deinit(&after);
    return version;
}

static int run_apply(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct apply_values *options = values;
    struct planned planned;
    struct answer answer = { 0 };
    unsigned version;
    int status;

    (void)argument_count;
    if (!planned_read(&planned, arguments[0]))
        return CTL_NO;
    status = check_plan(&planned, options->restart);
    if (status)
        return status;
    version = install(&planned);
    if (version == 0)
        return CTL_NO;
    bool restart = planned.restart[0] != '\0';
    if (!restart)
        status = tell_node(globals, &answer);
    if (restart || (!status && answer.in_force))
        return print_done(globals, planned.id, planned.configuration, version, restart);
    versions_restore(planned.configuration);
    return status ? status : command_fail(CTL_NO, "the node keeps what it had: %s. The files are back as they were", answer.said);
}

const struct command command_apply = {
    .name = "apply",
    .arguments = "PLAN",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "bring a plan of qiao plan into force",
    .text = "Nothing happens without a plan, with one that has errors, or when a file has changed since it was made. The files in force are copied "
            "to versions/NNNN beside the configuration, the new ones take their places, and the node is told to read them. While it reads, messages go "
            "on; none is lost and none overtakes another. If the node will not have them, the files are put back and its reason is told.",
    .example = "qiao apply new/node.yaml.plan",
    .options = apply_options,
    .option_count = sizeof(apply_options) / sizeof(apply_options[0]),
    .values_size = sizeof(struct apply_values),
    .run = run_apply,
};

/* ---- rollback ---- */

static int run_rollback(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    struct answer answer = { 0 };
    unsigned version = versions_restore(arguments[0]);
    int status = version > 0 ? tell_node(globals, &answer) : CTL_NO;

    (void)values;
    (void)argument_count;
    if (status)
        return status;
    if (!answer.in_force)
        return command_fail(CTL_NO, "version %04u is back in its place, and the node keeps what it had: %s", version, answer.said);
    if (globals->json)
        printf("{\"version\":%u,\"inForce\":true}\n", version);
    else
        printf("%s: version %04u is in force again\n", arguments[0], version);
    return CTL_OK;
}

const struct command command_rollback = {
    .name = "rollback",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "bring back the configuration that was in force before the last qiao apply",
    .text = "The newest folder of versions/ beside the configuration FILE is put back and the node is told to read it. Again: the one before.",
    .example = "qiao rollback /etc/qiao/street-anlan.yaml",
    .run = run_rollback,
};
