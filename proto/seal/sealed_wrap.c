#include "seal/sealed_wrap.h"

#include "seal/sealed.h"

static_assert(SEAL_WRAP_SIZE_MAX <= QIAO_SEALED_CONTENT_SIZE_MAX, "what may be wrapped can be sealed");

static unsigned code_of(int result)
{
    static const struct { int result; unsigned code; } map[] = {
        { QIAO_SEALED_DONE, QIAO_CODE_OK },
        { QIAO_SEALED_NOT_FOR_US, QIAO_CODE_CANNOT_RECEIVE },
        { QIAO_SEALED_CERTIFICATE, QIAO_CODE_CANNOT_RECEIVE },
        { QIAO_SEALED_CANNOT_RECEIVE, QIAO_CODE_CANNOT_RECEIVE },
        { QIAO_SEALED_USAGE, QIAO_CODE_CANNOT_RECEIVE },
        { QIAO_SEALED_DAMAGED, QIAO_CODE_DIGEST },
    };
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
        if (map[i].result == result) return map[i].code;
    return result < 0 ? QIAO_CODE_BUSY : QIAO_CODE_MALFORMED;
}

unsigned wrap_content(struct qiao_bytes certificate, struct qiao_bytes content, struct buf *out)
{
    struct qiao_sealed_request request = { .certificates = &certificate, .certificates_count = 1 };
    struct qiao_bytes container = { 0 };
    int result = qiao_seal(&request, content, &container, NULL);
    if (result == QIAO_SEALED_DONE) buf_append(out, container.data, container.size);
    qiao_sealed_free(&container);
    return code_of(result);
}

unsigned unwrap_content(EVP_PKEY *key, struct qiao_bytes certificate, struct qiao_bytes wrapped, struct buf *out)
{
    struct qiao_sealed_key own = { .key = key };
    const struct qiao_sealed_key *keys[] = { &own };
    struct qiao_sealed_content content = { 0 };
    int result = sealed_certificate_init(&own.certificate, certificate);
    if (result == QIAO_SEALED_DONE) result = qiao_sealed_open(wrapped, keys, 1, NULL, &content);
    if (result == QIAO_SEALED_DONE) buf_append(out, content.content.data, content.content.size);
    qiao_sealed_free(&content.content);
    sealed_certificate_deinit(&own.certificate);
    return code_of(result);
}
