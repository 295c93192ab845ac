#include "work.h"

#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of the results file. */
enum { AT, ROW, LINE, KEY, CASE_ID, MESSAGE_ID, EVENT, CODE, REASON, TOOK, COLUMNS };
static const char header[] = "at_ms,row,line,idempotency_key,case_id,message_id,event,code,reason,took_ms\n";

struct load {
    struct work_file *file;
    struct flights *flights;
};

static int load_line(void *context, char *line);

static int open_results(struct work_file *file, const struct config *config, struct load *load)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/%s.%.12s.csv", config->results, file->name, file->digest_text);
    if (size < 0 || (size_t)size >= sizeof path)
        return -ENAMETOOLONG;
    int r = line_file_open(&file->results, config->results, path, load_line, load);
    if (r == 0 && file->results.fresh)
        r = line_file_append(&file->results, qiao_bytes(header, sizeof header - 1));
    return r;
}

int work_file_open(struct work_file *file, const struct config *config, struct journal_file *journal, struct flights *flights)
{
    *file = (struct work_file){ .journal = journal, .name = strdup(journal->name), .quarantine.lines.fd = -1, .results.fd = -1 };
    if (!file->name)
        return -ENOMEM;
    digest_format(&journal->digest, file->digest_text);
    struct load load = { file, flights };
    int r = quarantine_open(&file->quarantine, config->quarantine, file->name, &journal->digest);
    if (r == 0)
        r = open_results(file, config, &load);
    return r;
}

void work_file_close(struct work_file *file)
{
    quarantine_close(&file->quarantine);
    line_file_close(&file->results);
    free(file->name);
    *file = (struct work_file){ .quarantine.lines.fd = -1, .results.fd = -1 };
}

static char *copy(const char *text)
{
    char *made = strdup(text);
    if (!made)
        abort();
    return made;
}

static struct flight *load_flight(struct load *load, const struct qiao_id *id, char *const *fields)
{
    struct flight *flight = flights_find(load->flights, id);
    if (flight)
        return flight;
    struct flight made = { .id = *id, .file = load->file, .row = strtoull(fields[ROW], NULL, 10), .line = strtoull(fields[LINE], NULL, 10),
                           .key = copy(fields[KEY]), .case_id = copy(fields[CASE_ID]), .acknowledged = true, .loaded = true };
    load->file->open_outcomes++;
    return flights_add(load->flights, &made);
}

/* A row is forgotten again once it has its outcome, unless the journal does not count it yet: then it will be read once more. The line that
 * a row was submitted is on disk before the journal counts it, so no row is missed here. */
static int load_line(void *context, char *line)
{
    struct load *load = context;
    char *fields[COLUMNS];
    struct qiao_id id;
    if (strncmp(line, "at_ms,", 6) == 0)
        return 0;
    if (text_split_fields(line, fields, COLUMNS) != COLUMNS || !qiao_id_parse(fields[MESSAGE_ID], &id))
        return -EBADMSG;
    struct flight *flight = load_flight(load, &id, fields);
    if (strcmp(fields[EVENT], "submitted") == 0) {
        flight->noted = true;
    } else if (!flight->ended) {
        flight->ended = true;
        load->file->open_outcomes--;
    }
    if (flight->noted && flight->ended && flight->row <= load->file->journal->through)
        flights_remove(load->flights, flight);
    return 0;
}

static void add_number(struct text *line, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    text_add_field(line, text);
}

int work_file_note(struct work_file *file, const struct flight *flight, const char *event, const char *code, const char *reason)
{
    char id[QIAO_ID_TEXT_SIZE], took[32] = "";
    qiao_id_format(&flight->id, id);
    if (flight->submitted_us)
        snprintf(took, sizeof took, "%.3f", (double)(clock_monotonic_us() - flight->submitted_us) / 1000.0);
    struct text line = { 0 };
    add_number(&line, clock_wall_ms());
    add_number(&line, flight->row);
    add_number(&line, flight->line);
    text_add_field(&line, flight->key);
    text_add_field(&line, flight->case_id);
    text_add_field(&line, id);
    text_add_field(&line, event);
    text_add_field(&line, code);
    text_add_field(&line, reason);
    text_add_field(&line, took);
    text_add_string(&line, "\n");
    int r = line_file_append(&file->results, qiao_bytes(line.data, line.size));
    text_deinit(&line);
    return r;
}
