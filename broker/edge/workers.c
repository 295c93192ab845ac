#include "edge/workers.h"

#include "base/buf.h"

struct work {
    uv_work_t request;
    struct workers *workers;
    struct core_job *job;
};

static void run(uv_work_t *request)
{
    struct work *work = request->data;
    core_job_run(work->job);
}

static void after(uv_work_t *request, int status)
{
    struct work *work = request->data;
    struct workers *workers = work->workers;
    (void)status;
    workers->under_way--;
    if (workers->done) workers->done(workers->context, work->job);
    else core_job_free(work->job);
    free(work);
}

void workers_start(struct workers *workers, struct core *core)
{
    for (struct core_job *job; (job = core_next_job(core));) {
        struct work *work = base_zalloc(sizeof *work);
        *work = (struct work){ .request.data = work, .workers = workers, .job = job };
        workers->under_way++;
        int result = uv_queue_work(workers->loop, &work->request, run, after);
        assert(result == 0); /* fails only without a function to run */
        (void)result;
    }
}

void workers_stop(struct workers *workers)
{
    workers->done = NULL;
    while (workers->under_way > 0) uv_run(workers->loop, UV_RUN_ONCE);
}
