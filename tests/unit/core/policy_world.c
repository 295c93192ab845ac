#include "policy_world.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* A file that lives as long as the test's process. */
static void write_file(const char *text, char path[64])
{
    int fd = memfd_create("policy", 0);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    snprintf(path, 64, "/proc/self/fd/%d", fd);
}

void policy_world_init(struct policy_world *w, const char *policy, const char *catalogue)
{
    char policy_path[64], catalogue_path[64];
    struct conf_errors errors = { 0 };
    *w = (struct policy_world){ 0 };
    if (policy) write_file(policy, policy_path);
    if (catalogue) write_file(catalogue, catalogue_path);
    int r = conf_policy_load(policy ? policy_path : SHIPPED "/policy/default.yaml", catalogue ? catalogue_path : SHIPPED "/catalogues/legal-basis.yaml", &errors, &w->files);
    for (size_t i = 0; i < errors.count; i++) conf_error_print(&errors.items[i], stderr);
    cr_assert(r == 0 && errors.count == 0);
    conf_errors_deinit(&errors);
    w->policy = policy_new(conf_policy_tables(w->files));
}

void policy_world_deinit(struct policy_world *w)
{
    w->policy = policy_free(w->policy);
    w->files = conf_policy_free(w->files);
}

uint64_t policy_world_day_ms(const char *day)
{
    struct tm tm = { 0 };
    const char *end = strptime(day, "%Y-%m-%d", &tm);
    cr_assert(end && *end == '\0');
    return ((uint64_t)timegm(&tm) + 4 * 3600) * 1000;
}

static struct qiao_bytes text(const char *string)
{
    return qiao_bytes_from_string(string);
}

/* The strings stay in copy. */
static size_t read_bases(char *copy, struct legal_basis bases[QIAO_BASES_MAX])
{
    size_t count = 0;
    char *one;
    while ((one = strsep(&copy, ",")) && *one) {
        char *law = strsep(&one, "#"), *article = strsep(&one, "@");
        bases[count++] = (struct legal_basis){ text(law), text(article), text(one) };
    }
    return count;
}

static void write_addresses(const struct asked *a, struct buf *out, size_t *ret_source_size)
{
    char to[128], area[64];
    snprintf(to, sizeof to, "%s", a->to ? a->to : "990101/urban");
    char *rest = to, *at = strrchr(to, '/') && strcmp(strrchr(to, '/'), "/**") == 0 ? to + strlen(to) : strchr(to, '/');
    snprintf(area, sizeof area, "%.*s", (int)(at ? (size_t)(at - rest) : strlen(rest)), rest);
    char *org = at && *at ? at + 1 : to + strlen(to), *seat = strchr(org, '#');
    if (seat) *seat++ = '\0';
    address_write(out, text("990101001"), text("intake"), text(NULL));
    *ret_source_size = out->size;
    address_write(out, text(area), text(org), text(seat));
    pb_put_string(out, 4, a->service ? a->service : "");
}

unsigned policy_world_ask(struct policy_world *w, const struct asked *a)
{
    buf_auto addresses = { 0 };
    buf_auto raw = { 0 };
    char copy[1024];
    struct legal_basis bases[QIAO_BASES_MAX];
    struct envelope e;
    size_t source_size;
    uint64_t wall_ms = policy_world_day_ms(a->today ? a->today : "2026-11-16");
    write_addresses(a, &addresses, &source_size);
    snprintf(copy, sizeof copy, "%s", a->basis ? a->basis : "LAW-A#1");
    struct envelope_draft draft = {
        .kind = a->kind ? a->kind : QIAO_KIND_CASE_OPEN, .source = qiao_bytes(addresses.data, source_size), .matter = text(a->matter),
        .destination = qiao_bytes(addresses.data + source_size, addresses.size - source_size), .sent_at_ms = wall_ms, .lane = a->lane, .privacy = a->privacy,
        .legal_basis = bases, .legal_basis_count = read_bases(copy, bases), .purpose = text(a->purpose ? a->purpose : "HANDLE"), .pi_mask = a->pi_mask,
        .consent_ref = text(a->consent), .retention_rule = text(a->retention), .event_at_ms = a->event_day ? policy_world_day_ms(a->event_day) : 0,
        .retention_not_after_ms = a->retention_days ? wall_ms + (uint64_t)a->retention_days * 24 * 3600 * 1000 : 0,
    };
    envelope_write(&raw, &draft);
    cr_assert_eq(envelope_open(buf_bytes(&raw), &e), QIAO_CODE_OK);
    struct policy_question question = {
        .header = &e.header, .sender = a->sender, .from_type = a->from_type ? a->from_type : QIAO_ORG_TYPE_GATEWAY, .to_type = a->to_type, .now_ms = a->now_ms, .wall_ms = wall_ms,
    };
    return policy_check(w->policy, &question, &w->answer);
}
