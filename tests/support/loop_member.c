/* A member whose client lives in a libuv loop, as client.h says it can: uv_poll on its descriptor, uv_timer for its time-outs.
 * Accepts COUNT deliveries, sends each back to its sender's address as an answer, waits for the answers' outcomes, and ends with 0.
 * Usage: loop_member NODE MEMBER COUNT */
#include <qiao/client.h>

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct member {
    uv_loop_t loop;
    uv_poll_t poll;
    uv_timer_t timer;
    struct qiao_client *client;
    unsigned wanted, delivered, ended;
    int status;
};

static void turn(struct member *member);

static enum qiao_verdict on_deliver(void *context, const struct qiao_delivery *delivery)
{
    struct member *member = context;
    struct qiao_message answer = {
        .kind = QIAO_KIND_PAYLOAD, .destination = delivery->message.source, .case_id = delivery->message.case_id,
        .correlation_id = delivery->message.id, .body = delivery->message.body,
    };
    if (qiao_client_submit(member->client, &answer, NULL) != QIAO_CLIENT_OK) return QIAO_VERDICT_RETRY;
    member->delivered++;
    return QIAO_VERDICT_ACCEPT;
}

static void on_receipt(void *context, const struct qiao_receipt *receipt)
{
    struct member *member = context;
    member->ended += receipt->outcome == QIAO_OUTCOME_ACCEPTED;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    turn(poll->data);
}

static void on_time(uv_timer_t *timer)
{
    turn(timer->data);
}

static void turn(struct member *member)
{
    int result = qiao_client_dispatch(member->client);
    int wait_ms = qiao_client_timeout_ms(member->client);
    if (result != QIAO_CLIENT_OK || (member->delivered >= member->wanted && member->ended >= member->wanted)) {
        member->status = result;
        uv_stop(&member->loop);
        return;
    }
    if (wait_ms >= 0) uv_timer_start(&member->timer, on_time, (uint64_t)wait_ms, 0);
    else uv_timer_stop(&member->timer);
}

int main(int argc, char **argv)
{
    static const struct qiao_client_handler handler = { .receipt = on_receipt, .deliver = on_deliver };
    struct member member = { .status = 1 };
    char error[256] = "";
    if (argc != 4) return 2;
    struct qiao_client_options options = { .node = argv[1], .member = argv[2] };
    member.wanted = (unsigned)strtoul(argv[3], NULL, 10);
    if (qiao_client_new(&options, &handler, &member, &member.client, error, sizeof error) != 0) {
        fprintf(stderr, "loop_member: %s\n", error);
        return 3;
    }
    uv_loop_init(&member.loop);
    uv_poll_init(&member.loop, &member.poll, qiao_client_fd(member.client));
    uv_timer_init(&member.loop, &member.timer);
    member.poll.data = member.timer.data = &member;
    uv_poll_start(&member.poll, UV_READABLE, on_readable);
    turn(&member);
    uv_run(&member.loop, UV_RUN_DEFAULT);
    printf("delivered %u ended %u\n", member.delivered, member.ended);
    uv_poll_stop(&member.poll);
    uv_close((uv_handle_t *)&member.poll, NULL);
    uv_close((uv_handle_t *)&member.timer, NULL);
    uv_run(&member.loop, UV_RUN_DEFAULT);
    uv_loop_close(&member.loop);
    if (member.status == 0) member.status = qiao_client_close(member.client, 5000);
    qiao_client_free(member.client);
    return member.status == 0 ? 0 : 1;
}
