/* Checking and signing off the deciding thread: batches are taken in the order they came, whenever each check ends. A signer whose
 * certificate is not known here is asked for at the peer that brought the message: it has checked it itself. */
#include "core/job.h"

#include "proof/bundle.h"

/* Certificates asked for, or given, at a time. */
#define KEYS_MAX 64u
#define KEY_NUMBER 0xfffcu /* in known_keys: peers' numbers do not matter there */

struct core_job *job_new(const struct core *core, const struct connection *c)
{
    struct core_job *job = base_zalloc(sizeof *job);
    job->seal = core->config.seal;
    job->connection = c->id;
    return job;
}

struct core_job *core_job_free(struct core_job *job)
{
    if (!job) return NULL;
    group_batch_deinit(&job->batch);
    buf_deinit(&job->payload);
    buf_deinit(&job->result);
    free(job);
    return NULL;
}

void jobs_add(struct core *core, struct core_job *job)
{
    struct core_job **at = core->jobs_last ? &core->jobs_last->next : &core->jobs_first;
    *at = job;
    core->jobs_last = job;
    job->next = NULL;
}

struct core_job *core_next_job(struct core *core)
{
    struct core_job *job = core->jobs_first;
    if (!job) return NULL;
    core->jobs_first = job->next;
    if (!core->jobs_first) core->jobs_last = NULL;
    job->next = NULL;
    return job;
}

const struct link_event *job_event(const struct core_job *job)
{
    return &job->event;
}

const struct group_batch *job_batch(const struct core_job *job)
{
    return job->readable ? &job->batch : NULL;
}

/* ---- any thread ---- */

static void run_custody(struct core_job *job, struct job_custody *c)
{
    buf_auto words = { 0 };
    struct seal_identity signer;
    const struct seal *seal = job->seal;
    c->custody.receiver = job->receiver;
    c->custody.sender = job->sender;
    custody_statement(&words, (enum seal_suite)c->suite, &c->custody);
    if (job->type == JOB_SIGN) {
        c->signature_size = SEAL_SIGNATURE_SIZE;
        c->code = seal->sign(seal->context, buf_bytes(&words), &c->key_id, c->signature) == 0 ? QIAO_CODE_OK : QIAO_CODE_SIGNATURE;
        return;
    }
    c->code = seal->verify(seal->context, (enum seal_suite)c->suite, &c->key_id, c->custody.at_ms, buf_bytes(&words), qiao_bytes(c->signature, c->signature_size), &signer);
    if (c->code == QIAO_CODE_OK && (signer.member || strcmp(signer.name, job->receiver) != 0)) c->code = QIAO_CODE_FORGED;
}

static void run_bundle(struct core_job *job)
{
    struct qiao_bytes in = buf_bytes(&job->payload);
    job->code = job->type == JOB_WRAP ? bundle_close(job->seal, &job->key_id, in, &job->result, &job->identity)
                                      : bundle_open(job->seal, in, job->at_ms, &job->result, &job->identity, &job->suite, &job->key_id);
}

void core_job_run(struct core_job *job)
{
    if (job->type == JOB_WRAP || job->type == JOB_UNWRAP) {
        run_bundle(job);
        return;
    }
    if (job->type == JOB_CHECK) {
        group_batch_deinit(&job->batch);
        job->readable = group_open(job->seal, job->event.batch.payload, job->event.batch.count, true, &job->batch);
        return;
    }
    for (unsigned lane = 0; lane < LINK_LANES; lane++)
        if (job->custody[lane].present) run_custody(job, &job->custody[lane]);
}

/* ---- batches ---- */

/* What a connection may have waiting here: what it was granted. One that sends on regardless is not heard any more. A job is much larger
 * than a small message, so that messages count as well. */
static bool exceeds_credit(const struct core *core, const struct connection *c, size_t more)
{
    if (c->bundle) return false; /* a page is bounded by itself */
    if (c->checks_count >= QIAO_LANES * (core->config.link_window_messages + 1)) return true;
    return c->checking_bytes + more > QIAO_LANES * (core->config.link_window_bytes + QIAO_FRAME_SIZE_MAX);
}

static void add_bytes(struct core *core, struct connection *c, size_t size)
{
    c->checking_bytes += size;
    if (!c->keys_asked) core->checking_bytes += size;
}

static void wait_for_keys(struct core *core, struct connection *c, bool wait)
{
    if (wait == c->keys_asked) return;
    c->keys_asked = wait;
    c->keys_asked_ms = core->now_ms;
    if (wait) core->checking_bytes -= c->checking_bytes;
    else core->checking_bytes += c->checking_bytes;
}

void jobs_check(struct core *core, struct connection *c, const struct link_event *event)
{
    if (exceeds_credit(core, c, event->batch.payload.size)) {
        connection_drop(core, c, QIAO_CODE_LINK_CREDIT, qiao_code_text(QIAO_CODE_LINK_CREDIT));
        return;
    }
    struct core_job *job = job_new(core, c);
    job->type = JOB_CHECK;
    job->event = *event;
    buf_append(&job->payload, event->batch.payload.data, event->batch.payload.size);
    job->event.batch.payload = buf_bytes(&job->payload);
    add_bytes(core, c, job->payload.size);
    c->checks_count++;
    if (c->checks_last) c->checks_last->next_check = job;
    else c->checks_first = job;
    c->checks_last = job;
    jobs_add(core, job);
}

static struct core_job *shift_check(struct core *core, struct connection *c)
{
    struct core_job *job = c->checks_first;
    c->checks_first = job->next_check;
    if (!c->checks_first) c->checks_last = NULL;
    c->checks_count--;
    c->checking_bytes -= job->payload.size;
    if (!c->keys_asked) core->checking_bytes -= job->payload.size;
    return job;
}

/* The connection goes: what has not been taken comes again with the next one. */
void jobs_forget(struct core *core, struct connection *c)
{
    while (c->checks_first) {
        struct core_job *job = shift_check(core, c);
        if (job->done) core_job_free(job);
        else job->gone = true;
    }
    c->verifying = NULL; /* freed when it is done */
    c->verify_next = core_job_free(c->verify_next);
}

/* A peer that brings signatures has the certificates: it checked them. Until they are here nothing of what it sends can be taken.
 * On a slow line the answer comes behind what is under way: it may take as long as a line may be silent. */
uint64_t jobs_deadline_ms(const struct core *core, const struct connection *c)
{
    return c->keys_asked ? c->keys_asked_ms + core->config.silence_ms : LINK_NEVER;
}

void jobs_tick(struct core *core, struct connection *c)
{
    if (jobs_deadline_ms(core, c) <= core->now_ms) connection_drop(core, c, QIAO_CODE_UNKNOWN_KEY, "the peer does not show certificates of signers it brings");
}

static void send_keys_wanted(struct core *core, struct connection *c, const struct group_batch *batch)
{
    buf_auto packed = { 0 };
    unsigned count = 0;
    for (uint32_t i = 0; i < batch->units_count && count < KEYS_MAX; i++) {
        const struct group_unit *unit = &batch->units[i];
        if (unit->code != QIAO_CODE_UNKNOWN_KEY) continue;
        bool same = i > 0 && batch->units[i - 1].code == QIAO_CODE_UNKNOWN_KEY && memcmp(&batch->units[i - 1].proof.key_id, &unit->proof.key_id, SEAL_KEY_ID_SIZE) == 0;
        if (same) continue;
        pb_put_bytes(&packed, 1, qiao_bytes(unit->proof.key_id.bytes, SEAL_KEY_ID_SIZE));
        count++;
    }
    link_send_frame(&c->link, FRAME_KEYS_WANTED, buf_bytes(&packed), core->now_ms, connection_out(core, c));
    wait_for_keys(core, c, true);
}

static bool lacks_keys(const struct core_job *job)
{
    for (uint32_t i = 0; i < job->batch.units_count; i++)
        if (job->batch.units[i].code == QIAO_CODE_UNKNOWN_KEY) return true;
    return false;
}

static struct qiao_id id_of_key(const struct seal_key_id *key)
{
    struct qiao_id id;
    memcpy(id.bytes, key->bytes, sizeof id.bytes);
    return id;
}

void jobs_keep_key(struct core *core, const struct seal_key_id *key_id)
{
    static const uint8_t nothing[FINGERPRINT_SIZE] = { 0 };
    struct qiao_id id = id_of_key(key_id);
    buf_auto certificate = { 0 };
    struct key key = key_certificate(key_id);
    if (id_set_find(&core->known_keys, &id, KEY_NUMBER)) return;
    if (!core->config.seal->certificate(core->config.seal->context, key_id, &certificate)) return;
    batch_put(core, &key, buf_bytes(&certificate));
    id_set_add(&core->known_keys, &id, KEY_NUMBER, nothing);
}

/* Certificates of signers are kept as long as what they signed: a later node, or a proof, will ask for them. */
static void keep_keys(struct core *core, const struct group_batch *batch)
{
    for (uint32_t i = 0; i < batch->units_count; i++) {
        const struct group_unit *unit = &batch->units[i];
        if (!unit->ended && unit->proof.suite != SEAL_SUITE_NONE && unit->code == QIAO_CODE_OK) jobs_keep_key(core, &unit->proof.key_id);
    }
}

static void take_checked(struct core *core, struct connection *c)
{
    while (c->checks_first && c->checks_first->done && !c->closing) {
        struct core_job *job = c->checks_first;
        if (job->readable && lacks_keys(job)) {
            if (!c->keys_asked && !job->asked) {
                job->asked = true;
                send_keys_wanted(core, c, &job->batch);
                return;
            }
            if (c->keys_asked) return;
        }
        shift_check(core, c);
        if (job->readable) keep_keys(core, &job->batch);
        recv_checked(core, c, job);
        core_job_free(job);
    }
}

void jobs_done(struct core *core, struct core_job *job)
{
    struct connection *c = core_connection(core, job->connection);
    if (job->gone) c = NULL;
    bool usable = c && !c->closing;
    if (job->type == JOB_CHECK && usable) {
        job->done = true;
        take_checked(core, c);
        return;
    }
    if (job->type == JOB_SIGN && usable) custody_signed(core, c, job);
    if (job->type == JOB_WRAP) bundle_wrapped(core, job);
    if (job->type == JOB_UNWRAP && usable) bundle_unwrapped(core, job);
    if (job->type == JOB_VERIFY && usable) custody_verified(core, c, job);
    core_job_free(job);
}

/* ---- certificates ---- */

void jobs_keys_wanted(struct core *core, struct connection *c, struct qiao_bytes payload)
{
    buf_auto packed = { 0 };
    struct pb_reader r = pb_reader(payload);
    struct pb_field f;
    for (unsigned count = 0; count < KEYS_MAX && pb_next(&r, &f);) {
        struct seal_key_id id;
        buf_auto certificate = { 0 };
        if (f.number != 1 || f.type != PB_BYTES || f.bytes.size != SEAL_KEY_ID_SIZE) continue;
        count++;
        memcpy(id.bytes, f.bytes.data, SEAL_KEY_ID_SIZE);
        if (core->config.seal->certificate(core->config.seal->context, &id, &certificate)) pb_put_bytes(&packed, 1, buf_bytes(&certificate));
    }
    link_send_frame(&c->link, FRAME_KEYS, buf_bytes(&packed), core->now_ms, connection_out(core, c));
}

/* The batch is checked once more; a signer who is unknown even now is refused. */
void jobs_keys(struct core *core, struct connection *c, struct qiao_bytes payload)
{
    struct pb_reader r = pb_reader(payload);
    struct pb_field f;
    struct seal_key_id id;
    if (!c->keys_asked) return;
    for (unsigned count = 0; count < KEYS_MAX && pb_next(&r, &f); count++)
        if (f.number == 1 && f.type == PB_BYTES) core->config.seal->learn(core->config.seal->context, f.bytes, &id);
    wait_for_keys(core, c, false);
    c->checks_first->done = false;
    jobs_add(core, c->checks_first);
}

static bool load_key(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    static const uint8_t nothing[FINGERPRINT_SIZE] = { 0 };
    struct core *core = context;
    struct seal_key_id id;
    (void)key;
    if (core->config.seal->learn(core->config.seal->context, value, &id) != QIAO_CODE_UNKNOWN_KEY) {
        struct qiao_id known = id_of_key(&id);
        id_set_add(&core->known_keys, &known, KEY_NUMBER, nothing);
    }
    return true;
}

void jobs_load_keys(struct core *core)
{
    if (core_checks(core)) store_scan(core->store, qiao_bytes("K", 1), qiao_bytes("L", 1), load_key, core);
}
