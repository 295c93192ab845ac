#include "fake_client.h"

#include <inttypes.h>
#include <qiao/client.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

long fake_steps_until_death;
size_t fake_window;
bool fake_link_is_down;

struct stored {
    struct qiao_id id;
    uint64_t content;
    bool told;      /* its receipt has been handled */
};

struct queued {
    struct qiao_id id;
    uint64_t content;
    char key[128];
};

struct qiao_client {
    struct qiao_client_handler handler;
    void *context;
    FILE *log;
    struct stored *stored;
    size_t stored_count;
    struct queued *queue;
    size_t queue_count;
    struct qiao_id *told;   /* receipts handed out by the last dispatch */
    size_t told_count;
    size_t window;
    bool greeted;
    int pipe[2];
};

void fake_step(void)
{
    if (fake_steps_until_death > 0 && --fake_steps_until_death == 0)
        raise(SIGKILL);
}

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)data)[i]) * 1099511628211u;
    return hash;
}

static uint64_t mix_string(uint64_t hash, const char *text) { return mix(hash, text ? text : "", text ? strlen(text) + 1 : 1); }

/* Everything that the header's digest and signature would cover. */
static uint64_t content_of(const struct qiao_message *message)
{
    uint64_t hash = mix(14695981039346656037u, message->body.data, message->body.size);
    hash = mix_string(hash, message->case_id);
    hash = mix_string(hash, message->idempotency_key);
    hash = mix_string(hash, message->matter);
    hash = mix_string(hash, message->destination.area);
    hash = mix_string(hash, message->destination.org);
    hash = mix(hash, &message->sent_at_ms, sizeof message->sent_at_ms);
    return mix(hash, &message->expires_at_ms, sizeof message->expires_at_ms);
}

static struct stored *find(struct qiao_client *client, const struct qiao_id *id)
{
    for (size_t i = 0; i < client->stored_count; i++)
        if (qiao_id_equal(&client->stored[i].id, id))
            return &client->stored[i];
    return NULL;
}

static struct stored *store(struct qiao_client *client, const struct qiao_id *id, uint64_t content)
{
    client->stored = reallocarray(client->stored, client->stored_count + 1, sizeof *client->stored);
    client->stored[client->stored_count] = (struct stored){ *id, content, false };
    return &client->stored[client->stored_count++];
}

static void load(struct qiao_client *client)
{
    char line[512], word[16], text[64];
    uint64_t content;
    struct qiao_id id;
    rewind(client->log);
    while (fgets(line, sizeof line, client->log)) {
        content = 0;
        if (sscanf(line, "%15s %63s %" SCNx64, word, text, &content) < 2 || !qiao_id_parse(text, &id))
            continue;
        if (strcmp(word, "store") == 0)
            store(client, &id, content);
        struct stored *known = find(client, &id);
        if (known && strcmp(word, "told") == 0)
            known->told = true;
    }
    fseek(client->log, 0, SEEK_END);
}

int qiao_client_new(const struct qiao_client_options *options, const struct qiao_client_handler *handler, void *context,
                    struct qiao_client **ret_client, char *reterr_text, size_t reterr_size)
{
    struct qiao_client *client = calloc(1, sizeof *client);
    (void)reterr_text;
    (void)reterr_size;
    client->handler = *handler;
    client->context = context;
    client->window = fake_window ? fake_window : options->window_messages;
    client->log = fopen(options->node + strlen("file:"), "a+");
    if (!client->log || pipe(client->pipe) < 0)
        abort();
    load(client);
    *ret_client = client;
    return 0;
}

struct qiao_client *qiao_client_free(struct qiao_client *client)
{
    if (client) {
        fclose(client->log);
        close(client->pipe[0]);
        close(client->pipe[1]);
        free(client->stored);
        free(client->queue);
        free(client->told);
        free(client);
    }
    return NULL;
}

int qiao_client_submit(struct qiao_client *client, const struct qiao_message *message, struct qiao_id *ret_id)
{
    fake_step();
    if (client->queue_count >= client->window)
        return QIAO_CLIENT_BUSY;
    client->queue = reallocarray(client->queue, client->queue_count + 1, sizeof *client->queue);
    struct queued *queued = &client->queue[client->queue_count++];
    *queued = (struct queued){ .id = message->id, .content = content_of(message) };
    snprintf(queued->key, sizeof queued->key, "%s", message->idempotency_key);
    if (ret_id)
        *ret_id = message->id;
    return QIAO_CLIENT_OK;
}

static void write_line(struct qiao_client *client, const char *word, const struct qiao_id *id, uint64_t content, const char *key)
{
    char text[QIAO_ID_TEXT_SIZE];
    qiao_id_format(id, text);
    fprintf(client->log, "%s %s %" PRIx64 " %s\n", word, text, content, key);
    fflush(client->log);
    fake_step();
}

static void tell(struct qiao_client *client, const struct stored *stored)
{
    bool accepted = stored->id.bytes[15] & 1;
    struct qiao_receipt receipt = { .message_id = stored->id, .outcome = accepted ? QIAO_OUTCOME_ACCEPTED : QIAO_OUTCOME_REFUSED,
                                    .code = accepted ? 0 : QIAO_CODE_NOT_COMPETENT, .reason = accepted ? "" : "not ours" };
    client->handler.receipt(client->context, &receipt);
    client->told = reallocarray(client->told, client->told_count + 1, sizeof *client->told);
    client->told[client->told_count++] = stored->id;
    fake_step();
}

/* Receipts of the last dispatch count as handled now, not before. */
static void note_told(struct qiao_client *client)
{
    for (size_t i = 0; i < client->told_count; i++) {
        struct stored *stored = find(client, &client->told[i]);
        if (!stored || stored->told)
            continue;
        write_line(client, "told", &stored->id, 0, "");
        stored->told = true;
    }
    client->told_count = 0;
}

static void take(struct qiao_client *client, const struct queued *queued)
{
    struct stored *stored = find(client, &queued->id);
    bool again = stored != NULL;
    if (again && stored->content != queued->content)
        write_line(client, "conflict", &queued->id, queued->content, queued->key);
    if (!again) {
        write_line(client, "store", &queued->id, queued->content, queued->key);
        stored = store(client, &queued->id, queued->content);
    }
    client->handler.submitted(client->context, &queued->id);
    fake_step();
    if (again)
        tell(client, stored); /* a duplicate is answered with the original receipt */
}

int qiao_client_dispatch(struct qiao_client *client)
{
    fake_step();
    if (fake_link_is_down)
        return 0;
    if (!client->greeted)
        client->handler.link(client->context, true, 0, "");
    client->greeted = true;
    note_told(client);
    for (size_t i = 0; i < client->stored_count; i++)
        if (!client->stored[i].told)
            tell(client, &client->stored[i]);
    struct queued *queue = client->queue;
    size_t count = client->queue_count;
    client->queue = NULL;
    client->queue_count = 0;
    for (size_t i = 0; i < count; i++)
        take(client, &queue[i]);
    free(queue);
    return 0;
}

int qiao_client_close(struct qiao_client *client, int timeout_ms)
{
    (void)timeout_ms;
    qiao_client_dispatch(client);
    return client->queue_count ? QIAO_CLIENT_TIMEOUT : 0;
}

int qiao_client_verdict(struct qiao_client *client, uint64_t token, enum qiao_verdict verdict, unsigned code, const char *reason, uint64_t retry_after_ms)
{
    (void)client;
    (void)token;
    (void)verdict;
    (void)code;
    (void)reason;
    (void)retry_after_ms;
    return 0;
}

int qiao_client_fd(const struct qiao_client *client) { return client->pipe[0]; }
int qiao_client_timeout_ms(struct qiao_client *client) { return client->queue_count || !client->greeted ? 0 : 1; }
bool qiao_client_is_up(const struct qiao_client *client) { return client->greeted; }
const char *qiao_client_error(const struct qiao_client *client)
{
    (void)client;
    return "";
}
