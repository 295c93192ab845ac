#include "sdk/outbox.h"

#include "codec/envelope.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WALL_MS 1700000000000u

static const struct qiao_client_handler handler;
static char folder[64];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/qiao-outbox-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *where)
{
    (void)status;
    (void)flag;
    (void)where;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(outbox, .init = make_folder, .fini = remove_folder);

/* ---- a process with an outbox ---- */

struct process {
    struct outbox *outbox;
    struct session session;
};

static void start(struct process *p)
{
    char error[256] = "";
    cr_assert_eq(outbox_new(folder, &p->outbox, error, sizeof error), 0, "%s", error);
    struct session_outbox calls = outbox_calls(p->outbox);
    struct session_options options = {
        .area = "990101", .member = "desk", .seal = &seal_null, .incarnation = outbox_incarnation(p->outbox), .window_messages = 1000, .window_bytes = 1 << 20,
        .delivery_messages = 10, .heartbeat_ms = 1000, .silence_ms = 3000, .handshake_ms = 3000,
    };
    session_init(&p->session, &options, &handler, p, &calls);
    cr_assert_eq(outbox_restore(p->outbox, &p->session), 0);
}

static void end(struct process *p)
{
    session_deinit(&p->session);
    p->outbox = outbox_free(p->outbox);
}

static struct qiao_id submit(struct process *p, enum qiao_lane lane, const char *body)
{
    struct qiao_message message = { .kind = QIAO_KIND_PAYLOAD, .destination = { "990102", "court", NULL, NULL }, .lane = lane, .body = qiao_bytes_from_string(body) };
    struct qiao_id id;
    cr_assert_eq(session_submit(&p->session, &message, WALL_MS, &id), QIAO_CLIENT_OK);
    return id;
}

/* The bodies of a lane's messages in order, a space behind each; an entry without content is a dot. */
static const char *bodies(const struct process *p, unsigned lane, char text[256])
{
    const struct session_lane *l = &p->session.lanes[lane];
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < l->runs_count; i++) {
        const struct session_run *run = &l->runs[(l->runs_first + i) % l->runs_capacity];
        struct pb_reader r = pb_reader(buf_bytes(&run->entries));
        struct qiao_bytes raw;
        struct envelope e;
        while (run_next(&r, &raw)) {
            bool whole = raw.size > 0 && envelope_open(raw, &e) == QIAO_CODE_OK;
            used += (size_t)snprintf(text + used, 256 - used, "%.*s ", whole ? (int)e.body.size : 1, whole ? (const char *)e.body.data : ".");
        }
    }
    return text;
}

/* ---- stories ---- */

Test(outbox, what_was_flushed_is_there_for_the_next_process)
{
    struct process p;
    char text[256];
    start(&p);
    uint64_t incarnation = outbox_incarnation(p.outbox);
    struct qiao_id first = submit(&p, QIAO_LANE_NORMAL, "one");
    submit(&p, QIAO_LANE_NORMAL, "two");
    submit(&p, QIAO_LANE_BULK, "slow");
    cr_assert_eq(session_flush(&p.session, 0), 0);
    end(&p);
    start(&p);
    cr_expect_eq(outbox_incarnation(p.outbox), incarnation);
    cr_expect_eq(p.session.unacknowledged, 3u);
    cr_expect_str_eq(bodies(&p, QIAO_LANE_NORMAL, text), "one two ");
    cr_expect_str_eq(bodies(&p, QIAO_LANE_BULK, text), "slow ");
    cr_expect(qiao_id_equal(&p.session.lanes[QIAO_LANE_NORMAL].runs[0].ids[0], &first));
    cr_expect_eq(p.session.lanes[QIAO_LANE_NORMAL].next, 3u);
    cr_expect_eq(p.session.lanes[QIAO_LANE_URGENT].next, 1u);
    end(&p);
}

/* The process dies between two flushes: exactly what was flushed is left. */
Test(outbox, a_killed_process_leaves_what_it_flushed)
{
    struct process p;
    char text[256];
    pid_t child = fork();
    if (child == 0) {
        start(&p);
        submit(&p, QIAO_LANE_NORMAL, "flushed");
        if (session_flush(&p.session, 0) != 0) _exit(1);
        submit(&p, QIAO_LANE_NORMAL, "not");
        _exit(0);
    }
    int status = 1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    start(&p);
    cr_expect_str_eq(bodies(&p, QIAO_LANE_NORMAL, text), "flushed ");
    cr_expect_eq(p.session.lanes[QIAO_LANE_NORMAL].next, 2u);
    end(&p);
}

Test(outbox, what_the_node_has_is_gone_and_its_sequences_are_not_given_again)
{
    struct process p;
    char text[256];
    start(&p);
    for (int i = 0; i < 5; i++) submit(&p, QIAO_LANE_URGENT, "x");
    submit(&p, QIAO_LANE_NORMAL, "stays");
    cr_assert_eq(session_flush(&p.session, 0), 0);
    struct session_outbox calls = outbox_calls(p.outbox);
    calls.remove(calls.context, QIAO_LANE_URGENT, 5);
    cr_assert_eq(calls.sync(calls.context), 0);
    end(&p);
    start(&p);
    cr_expect_str_eq(bodies(&p, QIAO_LANE_URGENT, text), "");
    cr_expect_str_eq(bodies(&p, QIAO_LANE_NORMAL, text), "stays ");
    cr_expect_eq(p.session.lanes[QIAO_LANE_URGENT].next, 6u);
    end(&p);
}

Test(outbox, removal_stops_at_the_sequence_it_was_told)
{
    struct process p;
    char text[256];
    start(&p);
    submit(&p, QIAO_LANE_NORMAL, "a");
    submit(&p, QIAO_LANE_NORMAL, "b");
    submit(&p, QIAO_LANE_NORMAL, "c");
    cr_assert_eq(session_flush(&p.session, 0), 0);
    struct session_outbox calls = outbox_calls(p.outbox);
    calls.remove(calls.context, QIAO_LANE_NORMAL, 2);
    calls.remove(calls.context, QIAO_LANE_NORMAL, 2);
    cr_assert_eq(calls.sync(calls.context), 0);
    end(&p);
    start(&p);
    cr_expect_str_eq(bodies(&p, QIAO_LANE_NORMAL, text), "c ");
    cr_expect_eq(p.session.lanes[QIAO_LANE_NORMAL].runs[0].first, 3u);
    end(&p);
}

/* A removal that a crash took back is harmless: the message is offered again and the node knows it. */
Test(outbox, a_removal_that_was_not_flushed_comes_back)
{
    struct process p;
    char text[256];
    start(&p);
    submit(&p, QIAO_LANE_NORMAL, "again");
    cr_assert_eq(session_flush(&p.session, 0), 0);
    struct session_outbox calls = outbox_calls(p.outbox);
    calls.remove(calls.context, QIAO_LANE_NORMAL, 1);
    end(&p);
    start(&p);
    cr_expect_str_eq(bodies(&p, QIAO_LANE_NORMAL, text), "again ");
    end(&p);
}

/* An envelope of an older version that is not readable any more must not leave a hole in the lane's sequence. */
Test(outbox, an_unreadable_message_keeps_its_place)
{
    struct process p;
    char text[256];
    start(&p);
    submit(&p, QIAO_LANE_NORMAL, "before");
    struct session_outbox calls = outbox_calls(p.outbox);
    cr_assert_eq(calls.append(calls.context, QIAO_LANE_NORMAL, 2, qiao_bytes_from_string("no envelope")), 0);
    p.session.lanes[QIAO_LANE_NORMAL].next = 3;
    submit(&p, QIAO_LANE_NORMAL, "behind");
    cr_assert_eq(session_flush(&p.session, 0), 0);
    end(&p);
    start(&p);
    cr_expect_str_eq(bodies(&p, QIAO_LANE_NORMAL, text), "before . behind ");
    cr_expect_eq(p.session.lanes[QIAO_LANE_NORMAL].runs_count, 1u, "one run, so one row of sequences");
    cr_expect_eq(p.session.lanes[QIAO_LANE_NORMAL].next, 4u);
    end(&p);
}

Test(outbox, the_area_is_remembered)
{
    struct process p;
    start(&p);
    cr_expect_str_eq(outbox_area(p.outbox), "");
    cr_assert_eq(outbox_set_area(p.outbox, "990101001"), 0);
    struct session_outbox calls = outbox_calls(p.outbox);
    cr_assert_eq(calls.sync(calls.context), 0);
    end(&p);
    start(&p);
    cr_expect_str_eq(outbox_area(p.outbox), "990101001");
    end(&p);
}

Test(outbox, two_outboxes_are_told_apart)
{
    struct outbox *other;
    struct process p;
    char path[128], error[256];
    start(&p);
    snprintf(path, sizeof path, "%s/other", folder);
    cr_assert_eq(outbox_new(path, &other, error, sizeof error), 0);
    cr_expect_neq(outbox_incarnation(other), outbox_incarnation(p.outbox));
    outbox_free(other);
    end(&p);
}

Test(outbox, one_process_at_a_time)
{
    struct process p;
    start(&p);
    pid_t child = fork();
    if (child == 0) {
        struct outbox *second;
        char error[256] = "";
        int result = outbox_new(folder, &second, error, sizeof error);
        _exit(result == -EWOULDBLOCK && strstr(error, "another process has it open") && strstr(error, folder) ? 0 : 1);
    }
    int status = 1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0, "the second process is told why it cannot have it");
    end(&p);
}

Test(outbox, a_place_that_cannot_be_is_told_with_its_name)
{
    struct outbox *outbox;
    char error[256] = "";
    cr_expect_lt(outbox_new("/dev/null/outbox", &outbox, error, sizeof error), 0);
    cr_expect_not_null(strstr(error, "/dev/null/outbox"), "%s", error);
}

Test(outbox, a_file_that_is_no_outbox_is_told)
{
    struct outbox *outbox;
    char path[128], error[256] = "";
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    for (int i = 0; i < 4096; i++) fputs("nothing of the kind ", file);
    fclose(file);
    cr_expect_lt(outbox_new(folder, &outbox, error, sizeof error), 0);
    cr_expect_not_null(strstr(error, folder), "%s", error);
}
