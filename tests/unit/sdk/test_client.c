/* What client.h promises to whoever has a loop of their own. */
#include <qiao/client.h>

#include <criterion/criterion.h>
#include <poll.h>

static bool is_readable(struct qiao_client *client)
{
    struct pollfd fd = { .fd = qiao_client_fd(client), .events = POLLIN };
    return poll(&fd, 1, 0) == 1;
}

/* Of a node that is not there. */
static struct qiao_client *alone(void)
{
    static const struct qiao_client_handler handler;
    struct qiao_client_options options = { .node = "ipc:///nowhere/node", .member = "desk" };
    struct qiao_client *client;
    char error[256] = "";
    cr_assert_eq(qiao_client_new(&options, &handler, NULL, &client, error, sizeof error), QIAO_CLIENT_OK, "%s", error);
    return client;
}

static int submit(struct qiao_client *client)
{
    struct qiao_message message = { .kind = QIAO_KIND_PAYLOAD, .source = { "990101", "desk", NULL }, .destination = { "990101", "office", NULL } };
    return qiao_client_submit(client, &message, NULL);
}

Test(client, what_is_submitted_between_dispatches_makes_the_descriptor_readable)
{
    struct qiao_client *client = alone();
    for (int i = 0; i < 3; i++) {
        do cr_assert_eq(qiao_client_dispatch(client), QIAO_CLIENT_OK);
        while (is_readable(client));
        cr_assert_eq(submit(client), QIAO_CLIENT_OK);
        cr_assert(is_readable(client), "who waits for it would not dispatch, and the message would not leave");
        cr_assert_eq(submit(client), QIAO_CLIENT_OK);
    }
    cr_assert_eq(qiao_client_unacknowledged(client), 6);
    qiao_client_free(client);
}

Test(client, what_is_refused_wakes_nobody)
{
    struct qiao_client *client = alone();
    struct qiao_message nowhere = { .kind = QIAO_KIND_PAYLOAD, .source = { "990101", "desk", NULL } };
    /* Now and then a dial that fails makes it readable; it must not be so each time. */
    for (int rounds = 0; rounds < 1000; rounds++) {
        cr_assert_eq(qiao_client_dispatch(client), QIAO_CLIENT_OK);
        cr_assert_neq(qiao_client_submit(client, &nowhere, NULL), QIAO_CLIENT_OK);
        if (!is_readable(client)) break;
        cr_assert_lt(rounds, 999, "who tries again at every event would never rest");
    }
    qiao_client_free(client);
}
