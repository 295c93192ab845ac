/* Sealed containers and certificates of strangers. What opens is what was sealed, whole. */
#include "fuzz.h"

#include "codec/sealed_form.h"
#include "seal/sealed.h"
#include "sealed_keys.h"

#include <qiao/limits.h>

enum { KEYS = sizeof sealed_keys / sizeof sealed_keys[0] };

static struct qiao_sealed_key *keys[KEYS];

static void load_keys(void)
{
    for (size_t i = 0; i < KEYS && !keys[i]; i++)
        FUZZ_CHECK(qiao_sealed_key_new(qiao_bytes_from_string(sealed_keys[i].certificate), qiao_bytes_from_string(sealed_keys[i].key), NULL, &keys[i]) == QIAO_SEALED_DONE);
}

static bool lies_within(struct qiao_bytes part, struct qiao_bytes whole)
{
    return part.size == 0 || (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

/* Nobody without the plain text can make a container that opens, so it is one of the corpus, which all say the same. */
static void open_container(struct qiao_bytes container)
{
    struct qiao_sealed_description description;
    struct qiao_sealed_content opened;
    char text[QIAO_SEALED_TEXT_SIZE];
    int described = qiao_sealed_describe(container, &description);
    FUZZ_CHECK(described >= 0 && described <= QIAO_SEALED_TOO_LARGE);
    FUZZ_CHECK(described != QIAO_SEALED_DONE || sealed_looks_sealed(container));
    FUZZ_CHECK(description.recipients_count <= QIAO_SEALED_RECIPIENTS_MAX && (described == QIAO_SEALED_DONE) == (description.recipients_count > 0));
    for (size_t i = 0; i < description.recipients_count; i++) {
        const struct qiao_sealed_recipient *to = &description.recipients[i];
        FUZZ_CHECK(lies_within(to->key_id, container) && lies_within(to->issuer, container) && lies_within(to->serial, container));
        qiao_sealed_recipient_format(to, text);
        FUZZ_CHECK(memchr(text, '\0', sizeof text) != NULL);
    }
    int result = qiao_sealed_open(container, (const struct qiao_sealed_key *const *)keys, KEYS, NULL, &opened);
    FUZZ_CHECK(described == QIAO_SEALED_DONE || result == described);
    FUZZ_CHECK((result == QIAO_SEALED_DONE) == (opened.content.data != NULL));
    FUZZ_CHECK(result != QIAO_SEALED_DONE || qiao_bytes_equal(opened.content, qiao_bytes_from_string("sealed for the fuzzer")));
    qiao_sealed_free(&opened.content);
}

/* Behind the tag of a sender who is a recipient's contact and means harm. */
static void read_frame(struct qiao_bytes inside)
{
    static const uint8_t digest[SEAL_DIGEST_SIZE];
    struct sealed_frame frame;
    for (unsigned suite = QIAO_SEALED_SUITE_INT1; suite <= QIAO_SEALED_SUITE_GM1; suite++) {
        enum qiao_sealed_result result = sealed_frame_read(inside, (enum qiao_sealed_suite)suite, digest, &frame);
        FUZZ_CHECK(result == QIAO_SEALED_DONE || result == QIAO_SEALED_DAMAGED);
        FUZZ_CHECK(result != QIAO_SEALED_DONE || lies_within(frame.content, inside));
    }
}

static void there_and_back(unsigned which, struct qiao_bytes content)
{
    struct qiao_bytes certificate = qiao_bytes_from_string(sealed_keys[which].certificate), container = { 0 };
    struct qiao_sealed_content opened;
    const struct qiao_sealed_request request = { .certificates = &certificate, .certificates_count = 1, .kind = which };
    FUZZ_CHECK(qiao_seal(&request, content, &container, NULL) == QIAO_SEALED_DONE);
    FUZZ_CHECK(container.size <= QIAO_BODY_SIZE_MAX);
    FUZZ_CHECK(qiao_sealed_open(container, (const struct qiao_sealed_key *const *)keys, KEYS, NULL, &opened) == QIAO_SEALED_DONE);
    FUZZ_CHECK(qiao_bytes_equal(opened.content, content) && opened.kind == which && opened.key == which && !opened.bound);
    qiao_sealed_free(&opened.content);
    qiao_sealed_free(&container);
}

static void read_certificate(struct qiao_bytes certificate)
{
    struct qiao_sealed_key *key = NULL;
    struct qiao_bytes container = { 0 };
    const struct qiao_sealed_request request = { .certificates = &certificate, .certificates_count = 1, .at_ms = 1800000000000u };
    unsigned same = qiao_sealed_check_organisation(certificate, certificate);
    FUZZ_CHECK(same == QIAO_CODE_OK || same == QIAO_CODE_RECIPIENT_CHANGED);
    int result = qiao_seal(&request, qiao_bytes("x", 1), &container, NULL);
    FUZZ_CHECK((result == QIAO_SEALED_DONE) == (container.data != NULL));
    qiao_sealed_free(&container);
    result = qiao_sealed_key_new(certificate, qiao_bytes_from_string(sealed_keys[0].key), NULL, &key);
    FUZZ_CHECK((result == QIAO_SEALED_DONE) == (key != NULL));
    qiao_sealed_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices c = choices(data, size);
    unsigned what = choose_below(&c, 8);
    struct qiao_bytes rest = qiao_bytes(c.at, c.left);
    load_keys();
    if (what < 4) open_container(rest);
    else if (what == 4) read_frame(rest);
    else if (what == 5) read_certificate(rest);
    else there_and_back(choose_below(&c, KEYS), choose_bytes(&c, QIAO_SEALED_CONTENT_SIZE_MAX));
    return 0;
}
