#include "adapter.h"

#include "base/log.h"
#include "intake.h"
#include "pack.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WINDOW = 4096,            /* rows submitted and not acknowledged */
    ROWS_PER_STEP = 256,      /* so that the link is looked at in between */
    FILES_MAX = 256,          /* files with rows in flight; each keeps two descriptors */
    CANDIDATES_MAX = 65536
};

struct adapter {
    const struct config *config;
    struct journal journal;
    struct qiao_client *client;
    struct charset_decoder *names; /* file names must be UTF-8 */
    struct flights flights;
    struct work_file *files[FILES_MAX];
    size_t files_count;
    char **candidates;        /* names in the drop folder, to be taken in this order */
    size_t candidates_count;

    struct work_file *current;
    struct rows rows;
    bool read_to_end;
    uint64_t last_row;        /* read of the current file */
    struct flight *window[WINDOW]; /* of the current file, in the order of its rows */
    size_t window_first, window_count;
    bool blocked;             /* the node takes no more until it acknowledges */
    bool has_held;            /* held and record are a row that met the full outbox */
    struct reader_row held;
    size_t resume_at, resume_end; /* files of the journal that a crash may have interrupted */

    struct map_record record;
    struct packed packed;
    struct counters counters;
    int error;                /* of a callback */
};

static void on_link(void *context, bool up, unsigned code, const char *reason);
static void on_submitted(void *context, const struct qiao_id *id);
static void on_receipt(void *context, const struct qiao_receipt *receipt);
static int start_next(struct adapter *adapter);
static int read_rows(struct adapter *adapter);
static int note_progress(struct adapter *adapter);
static int settle_files(struct adapter *adapter);

/* ---- opening and closing */

static int open_folders(const struct config *config, char *reterr_text, size_t reterr_size)
{
    const char *const folders[] = { config->drop, config->done, config->quarantine, config->results, config->state };
    struct stat drop, other;
    for (size_t i = 0; i < 5; i++) {
        int r = durable_make_folder(folders[i]);
        if (r < 0) {
            snprintf(reterr_text, reterr_size, "folder %s: %s", folders[i], strerror(-r));
            return r;
        }
    }
    for (size_t i = 1; i < 3; i++)
        if (stat(config->drop, &drop) < 0 || stat(folders[i], &other) < 0 || drop.st_dev != other.st_dev) {
            snprintf(reterr_text, reterr_size, "folder %s is not on the same file system as %s", folders[i], config->drop);
            return -EXDEV;
        }
    int r = intake_prepare(config->drop, config->state);
    if (r < 0)
        snprintf(reterr_text, reterr_size, "folders under %s and %s: %s", config->drop, config->state, strerror(-r));
    return r;
}

static bool keep_copy(void *context, const struct digest *digest)
{
    const struct journal_file *file = journal_find(context, digest);
    return file && file->state == JOURNAL_SEEN;
}

static int open_journal(struct adapter *adapter, char *reterr_text, size_t reterr_size)
{
    int r = journal_open(&adapter->journal, adapter->config->state);
    if (r == -EBADMSG)
        snprintf(reterr_text, reterr_size, "%s/journal: line %llu is damaged; restore it from a backup", adapter->config->state,
                 (unsigned long long)adapter->journal.line_damaged);
    else if (r < 0)
        snprintf(reterr_text, reterr_size, "%s/journal: %s", adapter->config->state, strerror(-r));
    adapter->resume_end = adapter->journal.files_count;
    if (r == 0 && (r = intake_sweep(adapter->config->state, keep_copy, &adapter->journal)) < 0)
        snprintf(reterr_text, reterr_size, "%s/work: %s", adapter->config->state, strerror(-r));
    return r;
}

static int open_file(struct adapter *adapter, struct journal_file *journal, struct work_file **ret_file)
{
    assert(adapter->files_count < FILES_MAX);
    struct work_file *file = calloc(1, sizeof *file);
    if (!file)
        return -ENOMEM;
    int r = work_file_open(file, adapter->config, journal, &adapter->flights);
    if (r < 0) {
        log_line(LOG_LEVEL_ERROR, "file.open", "file", journal->name, "text", strerror(-r), NULL);
        work_file_close(file);
        free(file);
        return r;
    }
    adapter->files[adapter->files_count++] = file;
    *ret_file = file;
    return 0;
}

/* Files with rows that lack their outcome, before there is a link: receipts that come at once must find their rows. */
static int open_unsettled(struct adapter *adapter, char *reterr_text, size_t reterr_size)
{
    struct work_file *file;
    for (size_t i = 0; i < adapter->journal.files_count && adapter->files_count < FILES_MAX; i++) {
        enum journal_state state = adapter->journal.files[i]->state;
        int r = state == JOURNAL_DONE || state == JOURNAL_SEEN ? open_file(adapter, adapter->journal.files[i], &file) : 0;
        if (r < 0) {
            snprintf(reterr_text, reterr_size, "results of %s: %s", adapter->journal.files[i]->name, strerror(-r));
            return r;
        }
    }
    return 0;
}

static int open_client(struct adapter *adapter, char *reterr_text, size_t reterr_size)
{
    static const struct qiao_client_handler handler = { .link = on_link, .submitted = on_submitted, .receipt = on_receipt };
    const struct config *config = adapter->config;
    /* No durable outbox: the copy of the file and the journal are one. */
    struct qiao_client_options options = {
        .node = config->node[0] ? config->node : NULL,
        .member = config->member,
        .certificate_file = config->certificate[0] ? config->certificate : NULL,
        .key_file = config->key[0] ? config->key : NULL,
        .ca_file = config->ca[0] ? config->ca : NULL,
        .window_messages = WINDOW,
        .owns_nng = true,
    };
    return qiao_client_new(&options, &handler, adapter, &adapter->client, reterr_text, reterr_size);
}

int adapter_new(const struct config *config, struct adapter **ret_adapter, char *reterr_text, size_t reterr_size)
{
    struct adapter *adapter = calloc(1, sizeof *adapter);
    if (!adapter)
        return -ENOMEM;
    adapter->config = config;
    adapter->rows.fd = -1;
    adapter->journal.lines.fd = -1;
    flights_init(&adapter->flights);
    adapter->names = charset_decoder_new(CHARSET_UTF_8);
    int r = adapter->names ? open_folders(config, reterr_text, reterr_size) : -errno;
    if (r == 0)
        r = open_journal(adapter, reterr_text, reterr_size);
    if (r == 0)
        r = open_unsettled(adapter, reterr_text, reterr_size);
    if (r == 0)
        r = open_client(adapter, reterr_text, reterr_size);
    if (r != 0)
        adapter = adapter_free(adapter);
    *ret_adapter = adapter;
    return r;
}

static void file_free(struct work_file *file)
{
    work_file_close(file);
    free(file);
}

struct adapter *adapter_free(struct adapter *adapter)
{
    if (!adapter)
        return NULL;
    qiao_client_free(adapter->client);
    if (adapter->current)
        rows_close(&adapter->rows);
    for (size_t i = 0; i < adapter->files_count; i++)
        file_free(adapter->files[i]);
    for (size_t i = 0; i < adapter->candidates_count; i++)
        free(adapter->candidates[i]);
    free(adapter->candidates);
    flights_deinit(&adapter->flights);
    journal_close(&adapter->journal);
    charset_decoder_free(adapter->names);
    map_record_deinit(&adapter->record);
    packed_deinit(&adapter->packed);
    free(adapter);
    return NULL;
}

/* ---- what others ask */

struct qiao_client *adapter_client(struct adapter *adapter) { return adapter->client; }
const struct counters *adapter_counters(const struct adapter *adapter) { return &adapter->counters; }

uint64_t adapter_in_flight(const struct adapter *adapter)
{
    uint64_t count = 0;
    for (size_t i = 0; i < adapter->files_count; i++)
        count += adapter->files[i]->open_outcomes;
    return count;
}

bool adapter_is_busy(const struct adapter *adapter)
{
    bool room = adapter->flights.count < adapter->config->in_flight_max && adapter->window_count < WINDOW && !adapter->blocked;
    if (adapter->current)
        return adapter->read_to_end ? adapter->window_count == 0 : room;
    return adapter->resume_at < adapter->resume_end || (adapter->candidates_count > 0 && adapter->files_count < FILES_MAX);
}

bool adapter_is_idle(const struct adapter *adapter)
{
    return !adapter->current && adapter->candidates_count == 0 && adapter->files_count == 0 && adapter->resume_at == adapter->resume_end;
}

/* ---- the drop folder */

static bool is_name_good(struct adapter *adapter, const char *name)
{
    struct buf text = { 0 };
    size_t good;
    bool result = charset_decode(adapter->names, qiao_bytes_from_string(name), &text, &good) == CHARSET_FAULT_NONE && !strpbrk(name, "\n\r\t");
    buf_deinit(&text);
    if (!result)
        log_line(LOG_LEVEL_WARNING, "file.name", "text", "a file in the drop folder has a name that is not clean UTF-8; it stays where it is", NULL);
    return result;
}

void adapter_candidate(struct adapter *adapter, const char *name)
{
    if (name[0] == '.' || fnmatch(adapter->config->pattern, name, FNM_PERIOD) != 0 || adapter->candidates_count == CANDIDATES_MAX)
        return;
    for (size_t i = 0; i < adapter->candidates_count; i++)
        if (strcmp(adapter->candidates[i], name) == 0)
            return;
    if (!is_name_good(adapter, name))
        return;
    adapter->candidates = reallocarray(adapter->candidates, adapter->candidates_count + 1, sizeof *adapter->candidates);
    char *copy = strdup(name);
    if (!adapter->candidates || !copy)
        abort();
    adapter->candidates[adapter->candidates_count++] = copy;
}

static bool is_old_enough(const struct config *config, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    if (snprintf(path, sizeof path, "%s/%s", config->drop, name) >= (int)sizeof path || stat(path, &status) < 0)
        return false;
    uint64_t changed_ms = (uint64_t)status.st_mtim.tv_sec * 1000 + (uint64_t)status.st_mtim.tv_nsec / 1000000;
    return clock_wall_ms() >= changed_ms + config->settle_ms;
}

int adapter_scan(struct adapter *adapter, bool at_once)
{
    struct dirent **entries;
    int count = scandir(adapter->config->drop, &entries, NULL, alphasort);
    if (count < 0)
        return -errno;
    int young = 0;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        bool ready = at_once || is_old_enough(adapter->config, name);
        if (ready)
            adapter_candidate(adapter, name);
        else if (name[0] != '.' && fnmatch(adapter->config->pattern, name, FNM_PERIOD) == 0)
            young++;
        free(entries[i]);
    }
    free(entries);
    return young;
}

/* ---- one step */

int adapter_step(struct adapter *adapter)
{
    int r = qiao_client_dispatch(adapter->client);
    if (r == QIAO_CLIENT_REFUSED || r < 0)
        return r;
    if (adapter->error < 0)
        return adapter->error;
    if (!adapter->current)
        r = start_next(adapter);
    if (r >= 0 && adapter->current && !adapter->read_to_end)
        r = read_rows(adapter);
    if (r >= 0)
        r = note_progress(adapter);
    if (r >= 0)
        r = settle_files(adapter);
    return r < 0 ? r : 0;
}

int adapter_stop(struct adapter *adapter, int timeout_ms)
{
    int r = qiao_client_close(adapter->client, timeout_ms);
    if (adapter->error < 0)
        return adapter->error;
    int noted = note_progress(adapter);
    if (noted >= 0)
        noted = settle_files(adapter);
    return noted < 0 ? noted : r;
}

/* ---- taking a file */

static struct work_file *find_file(struct adapter *adapter, const struct journal_file *journal)
{
    for (size_t i = 0; i < adapter->files_count; i++)
        if (adapter->files[i]->journal == journal)
            return adapter->files[i];
    return NULL;
}

static void drop_file(struct adapter *adapter, struct work_file *file)
{
    size_t i = 0;
    while (adapter->files[i] != file)
        i++;
    adapter->files[i] = adapter->files[--adapter->files_count];
    file_free(file);
}

static int refuse_file(struct adapter *adapter, struct work_file *file, const struct rows_fault *fault)
{
    const struct config *config = adapter->config;
    log_line(LOG_LEVEL_ERROR, "file.refused", "file", file->name, "reason", fault->entry.reason, "text", fault->explanation, NULL);
    int r = quarantine_add(&file->quarantine, &fault->entry);
    if (r >= 0)
        r = quarantine_sync(&file->quarantine);
    if (r >= 0)
        r = journal_refused(&adapter->journal, file->journal);
    if (r >= 0)
        r = intake_retire(config->drop, file->name, &file->journal->digest, config->quarantine);
    if (r >= 0)
        r = intake_remove_copy(config->state, &file->journal->digest);
    adapter->counters.files_refused++;
    drop_file(adapter, file);
    return r < 0 ? r : 0;
}

static int start_file(struct adapter *adapter, struct journal_file *journal)
{
    struct work_file *file = find_file(adapter, journal);
    struct rows_fault fault;
    int fd = intake_open_copy(adapter->config->state, &journal->digest);
    int r = fd < 0 ? fd : file ? 0 : open_file(adapter, journal, &file);
    if (r < 0) {
        if (fd >= 0)
            close(fd);
        return r;
    }
    r = rows_open(&adapter->rows, fd, adapter->config, file->name, file->digest_text, &fault);
    if (r == ROWS_REFUSED) {
        r = refuse_file(adapter, file, &fault);
        rows_close(&adapter->rows);
        return r;
    }
    if (r < 0)
        return r;
    adapter->current = file;
    adapter->read_to_end = false;
    adapter->last_row = 0;
    adapter->counters.files++;
    log_line(LOG_LEVEL_INFO, "file.begun", "file", file->name, "digest", file->digest_text, "through", LOG_NUMBER(journal->through), NULL);
    return 0;
}

/* The same content once more, under whatever name. */
static int retire_repeated(struct adapter *adapter, const char *name, const struct journal_file *journal)
{
    const struct config *config = adapter->config;
    int r = intake_retire(config->drop, name, &journal->digest, config->done);
    if (r == INTAKE_OK) {
        adapter->counters.files_repeated++;
        log_line(LOG_LEVEL_INFO, "file.repeated", "file", name, "first", journal->name, NULL);
    }
    return r < 0 ? r : intake_remove_copy(config->state, &journal->digest);
}

static int set_aside(struct adapter *adapter, const char *name)
{
    log_line(LOG_LEVEL_ERROR, "file.refused", "file", name, "reason", "FILE_SIZE", "text", "larger than file.bytes_max", NULL);
    adapter->counters.files_refused++;
    return intake_set_aside(adapter->config->drop, name, adapter->config->quarantine);
}

static int take_copied(struct adapter *adapter, const char *name, const struct digest *digest)
{
    struct journal_file *journal = journal_find(&adapter->journal, digest);
    if (journal && (journal->state == JOURNAL_DONE || journal->state == JOURNAL_SETTLED))
        return retire_repeated(adapter, name, journal);
    int r = journal && journal->state == JOURNAL_SEEN ? 0 : journal_seen(&adapter->journal, digest, clock_wall_ms(), name, &journal);
    return r < 0 ? r : start_file(adapter, journal);
}

static int take_candidate(struct adapter *adapter, const char *name)
{
    struct digest digest;
    int r = intake_copy(adapter->config->drop, name, adapter->config->state, adapter->config->file_bytes_max, &digest);
    if (r == INTAKE_OK)
        return take_copied(adapter, name, &digest);
    if (r == INTAKE_TOO_LARGE)
        return set_aside(adapter, name);
    if (r == INTAKE_WRITING) {
        adapter->counters.files_waiting++;
        log_line(LOG_LEVEL_INFO, "file.waiting", "file", name, "text", "is being written", NULL);
    }
    if (r < 0)
        log_line(LOG_LEVEL_ERROR, "file.unreadable", "file", name, "text", strerror(-r), NULL);
    /* One file that cannot be read must not stop the others; a state folder that cannot be written does. */
    return r == -EACCES || r == -EPERM || r == -EIO ? 0 : r < 0 ? r : 0;
}

/* First what a crash interrupted, then what lies in the drop folder. */
static int start_next(struct adapter *adapter)
{
    while (adapter->resume_at < adapter->resume_end) {
        struct journal_file *interrupted = adapter->journal.files[adapter->resume_at++];
        if (interrupted->state == JOURNAL_SEEN)
            return start_file(adapter, interrupted);
    }
    if (adapter->candidates_count == 0 || adapter->files_count == FILES_MAX)
        return 0;
    char *name = adapter->candidates[0];
    memmove(adapter->candidates, adapter->candidates + 1, --adapter->candidates_count * sizeof *adapter->candidates);
    int r = take_candidate(adapter, name);
    free(name);
    return r;
}

/* ---- rows to the node */

static void add_to_window(struct adapter *adapter, struct flight *flight)
{
    assert(adapter->window_count < WINDOW);
    flight->in_window = true;
    flight->loaded = false;
    adapter->window[(adapter->window_first + adapter->window_count++) % WINDOW] = flight;
}

static char *copy_value(const struct map_record *record, enum target target)
{
    char *copy = strdup(text_string(&record->values[target].text));
    if (!copy)
        abort();
    return copy;
}

static struct flight *flight_of_row(struct adapter *adapter, const struct qiao_id *id, const struct reader_row *row)
{
    struct flight *flight = flights_find(&adapter->flights, id);
    if (flight)
        return flight;
    struct flight made = { .id = *id, .file = adapter->current, .row = row->number, .line = row->line,
                           .key = copy_value(&adapter->record, TARGET_IDEMPOTENCY_KEY), .case_id = copy_value(&adapter->record, TARGET_CASE_ID) };
    adapter->current->open_outcomes++;
    return flights_add(&adapter->flights, &made);
}

static int quarantine_row(struct adapter *adapter, const struct quarantine_entry *entry)
{
    int r = quarantine_add(&adapter->current->quarantine, entry);
    adapter->counters.quarantined += r == 1;
    if (r == 1)
        log_line(LOG_LEVEL_WARNING, "row.bad", "file", entry->file, "line", LOG_NUMBER(entry->line), "reason", entry->reason, NULL);
    return r < 0 ? r : 0;
}

/* What the SDK will not take is a bad row like any other. */
static int quarantine_invalid(struct adapter *adapter, const struct reader_row *row)
{
    struct quarantine_entry entry = { adapter->current->name, row->line, row->number, "INVALID", qiao_client_error(adapter->client), row->raw };
    return quarantine_row(adapter, &entry);
}

static int submit_new(struct adapter *adapter, const struct reader_row *row, const struct qiao_id *id)
{
    const struct config *config = adapter->config;
    uint64_t sent_at_ms = adapter->current->journal->first_seen_ms;
    uint64_t expires_at_ms = config->expires_hours ? sent_at_ms + config->expires_hours * 3600000 : 0;
    pack_case(config->map, &adapter->record, id, sent_at_ms, expires_at_ms, &adapter->packed);
    int r = qiao_client_submit(adapter->client, &adapter->packed.message, NULL);
    if (r == QIAO_CLIENT_INVALID)
        return quarantine_invalid(adapter, row);
    if (r != QIAO_CLIENT_OK)
        return r;
    struct flight *flight = flight_of_row(adapter, id, row);
    flight->submitted_us = clock_monotonic_us();
    flight->acknowledged = false;
    add_to_window(adapter, flight);
    adapter->counters.submitted++;
    return 0;
}

/* 0, QIAO_CLIENT_BUSY (the row comes again), or -errno. */
static int submit_row(struct adapter *adapter, const struct reader_row *row)
{
    const struct journal_file *journal = adapter->current->journal;
    struct qiao_id id = digest_row_id(adapter->journal.salt, &journal->digest, journal->first_seen_ms, row->number);
    struct flight *known = flights_find(&adapter->flights, &id);
    if (!known || !(known->noted || known->ended))
        return submit_new(adapter, row, &id);
    /* An earlier process wrote down that the node has it, and died before the journal counted it. */
    known->acknowledged = true;
    add_to_window(adapter, known);
    return 0;
}

static int handle_row(struct adapter *adapter, int kind, const struct reader_row *row, const struct rows_fault *fault)
{
    if (row->number <= adapter->current->journal->through)
        return 0;
    int r = kind == ROWS_BAD ? quarantine_row(adapter, &fault->entry) : submit_row(adapter, row);
    adapter->counters.rows += r == 0;
    return r;
}

/* The next row of the file, or the one that is held: reader and record still have it. */
static int next_row(struct adapter *adapter, struct reader_row *ret_row, struct rows_fault *ret_fault)
{
    if (!adapter->has_held)
        return rows_next(&adapter->rows, adapter->config, &adapter->record, ret_row, ret_fault);
    adapter->has_held = false;
    *ret_row = adapter->held;
    return ROWS_GOOD;
}

static bool has_room(const struct adapter *adapter)
{
    return adapter->window_count < WINDOW && adapter->flights.count < adapter->config->in_flight_max && !adapter->blocked;
}

static int read_rows(struct adapter *adapter)
{
    struct reader_row row;
    struct rows_fault fault;
    for (int i = 0; i < ROWS_PER_STEP && has_room(adapter); i++) {
        int kind = next_row(adapter, &row, &fault);
        if (kind < 0)
            return kind;
        if (kind == ROWS_END) {
            adapter->read_to_end = true;
            return 0;
        }
        int r = handle_row(adapter, kind, &row, &fault);
        if (r < 0)
            return r;
        if (r == QIAO_CLIENT_BUSY || r == QIAO_CLIENT_UNREACHABLE) {
            adapter->blocked = adapter->has_held = true;
            adapter->held = row;
            return 0;
        }
        adapter->last_row = row.number;
    }
    return 0;
}

/* ---- what comes back */

static void on_link(void *context, bool up, unsigned code, const char *reason)
{
    struct adapter *adapter = context;
    adapter->blocked = false;
    log_line(up ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, up ? "link.up" : "link.down", "node", adapter->config->node, "code", qiao_code_name(code), "reason",
             reason ? reason : "", NULL);
}

static void keep_error(struct adapter *adapter, int r)
{
    if (r < 0 && adapter->error == 0)
        adapter->error = r;
}

static void on_submitted(void *context, const struct qiao_id *id)
{
    struct adapter *adapter = context;
    struct flight *flight = flights_find(&adapter->flights, id);
    adapter->blocked = false;
    if (!flight || flight->acknowledged)
        return;
    flight->acknowledged = true;
    if (!flight->noted)
        keep_error(adapter, work_file_note(flight->file, flight, "submitted", "", ""));
    flight->noted = true;
}

static void count_outcome(struct counters *counters, enum qiao_outcome outcome)
{
    counters->accepted += outcome == QIAO_OUTCOME_ACCEPTED;
    counters->refused += outcome == QIAO_OUTCOME_REFUSED;
    counters->expired += outcome == QIAO_OUTCOME_EXPIRED;
    counters->dead += outcome == QIAO_OUTCOME_DEAD;
}

/* A receipt that comes again, or of a row that is already settled, has no effect. */
static void on_receipt(void *context, const struct qiao_receipt *receipt)
{
    static const char *const events[] = { "none", "accepted", "refused", "expired", "dead" };
    struct adapter *adapter = context;
    struct flight *flight = flights_find(&adapter->flights, &receipt->message_id);
    if (!flight || flight->ended || receipt->outcome == QIAO_OUTCOME_NONE)
        return;
    bool positive = receipt->outcome == QIAO_OUTCOME_ACCEPTED;
    const char *code = positive ? "" : qiao_code_name(receipt->code);
    keep_error(adapter, work_file_note(flight->file, flight, events[receipt->outcome], code, receipt->reason ? receipt->reason : ""));
    count_outcome(&adapter->counters, receipt->outcome);
    flight->ended = true;
    flight->file->open_outcomes--;
    bool comes_again = flight->loaded && flight->row > flight->file->journal->through; /* when the file is read on, and must then be known */
    if (!flight->in_window && !comes_again)
        flights_remove(&adapter->flights, flight);
}

/* ---- progress */

/* Takes acknowledged rows off the front of the window. */
static void shrink_window(struct adapter *adapter)
{
    while (adapter->window_count > 0) {
        struct flight *flight = adapter->window[adapter->window_first];
        if (!flight->acknowledged)
            return;
        adapter->window_first = (adapter->window_first + 1) % WINDOW;
        adapter->window_count--;
        flight->in_window = false;
        if (flight->ended)
            flights_remove(&adapter->flights, flight);
    }
}

static int finish_file(struct adapter *adapter)
{
    const struct config *config = adapter->config;
    struct work_file *file = adapter->current;
    int r = journal_done(&adapter->journal, file->journal, adapter->last_row);
    if (r == 0)
        r = intake_retire(config->drop, file->name, &file->journal->digest, config->done);
    if (r == INTAKE_CHANGED || r == INTAKE_GONE)
        log_line(LOG_LEVEL_WARNING, "file.replaced", "file", file->name, "text", "changed or taken away while its rows were sent; what was read is done", NULL);
    if (r >= 0)
        r = intake_remove_copy(config->state, &file->journal->digest);
    log_line(LOG_LEVEL_INFO, "file.done", "file", file->name, "rows", LOG_NUMBER(adapter->last_row), "quarantined",
             LOG_NUMBER(file->quarantine.rows_count), NULL);
    rows_close(&adapter->rows);
    adapter->current = NULL;
    return r;
}

/* Everything that the rows caused is on disk before the journal counts them. */
static int note_progress(struct adapter *adapter)
{
    shrink_window(adapter);
    for (size_t i = 0; i < adapter->files_count; i++) {
        int r = line_file_sync(&adapter->files[i]->results);
        if (r < 0)
            return r;
    }
    struct work_file *file = adapter->current;
    if (!file)
        return 0;
    bool whole = adapter->read_to_end && adapter->window_count == 0;
    uint64_t through = adapter->window_count ? adapter->window[adapter->window_first]->row - 1 : adapter->last_row;
    if (!whole && through < file->journal->through + ROWS_PER_STEP)
        return 0;
    int r = quarantine_sync(&file->quarantine);
    if (r < 0)
        return r;
    return whole ? finish_file(adapter) : journal_through(&adapter->journal, file->journal, through);
}

static int settle_files(struct adapter *adapter)
{
    for (size_t i = 0; i < adapter->files_count;) {
        struct work_file *file = adapter->files[i];
        if (file->journal->state != JOURNAL_DONE || file->open_outcomes > 0) {
            i++;
            continue;
        }
        int r = journal_settled(&adapter->journal, file->journal);
        if (r < 0)
            return r;
        log_line(LOG_LEVEL_INFO, "file.settled", "file", file->name, NULL);
        drop_file(adapter, file);
    }
    return 0;
}
