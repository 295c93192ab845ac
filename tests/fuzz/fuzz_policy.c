/* A policy and a catalogue of any content are taken, or refused with a place and a reason; what is taken answers every question with a rule. */
#include "fuzz.h"

#include "conf/policy.h"
#include "core/policy.h"

#include <qiao/err.h>

#include <sys/mman.h>
#include <unistd.h>

/* libfyaml 0.7.12 loses 4 KiB of its own when some broken quoted strings end a file. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml\n";
}

static int write_file(struct qiao_bytes text, char path[64])
{
    int fd = memfd_create("policy", 0);
    if (fd < 0 || write(fd, text.data, text.size) != (ssize_t)text.size) abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void check_errors(const struct conf_errors *errors)
{
    FUZZ_CHECK(errors->count > 0);
    for (size_t i = 0; i < errors->count; i++) FUZZ_CHECK(errors->items[i].line >= 0 && errors->items[i].text[0] != '\0');
}

/* Asks about each kind, with the first purpose and the first basis there is. */
static void ask(const struct policy_tables *t)
{
    static const uint8_t address[] = { 10, 6, '9', '9', '0', '1', '0', '1', 18, 1, 'a' };
    struct policy *policy = policy_new(t);
    struct policy_answer answer;
    buf_auto raw = { 0 };
    for (size_t i = 0; i < t->kinds_count && i < 8; i++) {
        struct legal_basis basis = { 0 };
        struct envelope e;
        if (t->articles_count > 0) basis = (struct legal_basis){ qiao_bytes_from_string(t->articles[0].law), qiao_bytes_from_string(t->articles[0].article), qiao_bytes(NULL, 0) };
        struct envelope_draft draft = {
            .id = { { 1 } }, .kind = t->kinds[i].number, .source = qiao_bytes(address, sizeof address), .destination = qiao_bytes(address, sizeof address),
            .purpose = qiao_bytes_from_string(t->purposes_count > 0 ? t->purposes[0] : ""), .legal_basis = &basis, .legal_basis_count = t->articles_count > 0,
            .privacy = (unsigned)i % 4, .pi_mask = t->kinds[i].personal_data, .sent_at_ms = 1790000000000u,
        };
        raw.size = 0;
        envelope_write(&raw, &draft);
        FUZZ_CHECK(envelope_open(buf_bytes(&raw), &e) == QIAO_CODE_OK);
        struct policy_question question = { .header = &e.header, .sender = i, .from_type = (unsigned)i, .now_ms = i * 1000, .wall_ms = 1790000000000u };
        unsigned code = policy_check(policy, &question, &answer);
        FUZZ_CHECK(answer.rule && answer.file && answer.line >= 0 && answer.reason[0] != '\0' && qiao_code_from_name(qiao_code_name(code)) == (int)code);
        (void)policy_check_arrival(policy, &e.header, &answer);
        (void)policy_may_be_secret(policy, buf_bytes(&raw));
    }
    policy_free(policy);
}

/* The two files stand one behind the other; a line "%%" is between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char policy_path[64], catalogue_path[64];
    const uint8_t *between = size ? memmem(data, size, "%%\n", 3) : NULL;
    size_t first = between ? (size_t)(between - data) : size;
    struct qiao_bytes catalogue = between ? qiao_bytes(between + 3, size - first - 3) : qiao_bytes(NULL, 0);
    int policy_fd = write_file(qiao_bytes(data, first), policy_path), catalogue_fd = write_file(catalogue, catalogue_path);
    struct conf_errors errors = { 0 };
    struct conf_policy *policy = NULL;
    FUZZ_CHECK(conf_policy_load(policy_path, catalogue_path, &errors, &policy) == 0);
    if (policy) ask(conf_policy_tables(policy));
    else check_errors(&errors);
    conf_errors_deinit(&errors);
    conf_policy_free(policy);
    close(policy_fd);
    close(catalogue_fd);
    return 0;
}
