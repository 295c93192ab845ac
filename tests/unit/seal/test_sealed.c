/* Sealed bodies: what goes in comes out for whom it is meant, and for nobody else. */
#include "seats.h"

#include "codec/sealed_form.h"

#include <criterion/criterion.h>
#include <qiao/err.h>
#include <qiao/limits.h>
#include <time.h>

static const struct qiao_id id = { { 1, 144, 3, 4, 5, 6, 0x70, 8, 0x80, 1 } };
static const enum seat_kind kinds[] = { SEAT_P256, SEAT_RSA, SEAT_SM2 };
#define KINDS (sizeof kinds / sizeof kinds[0])

static struct qiao_bytes text(const char *string) { return qiao_bytes_from_string(string); }

static int open_one(struct qiao_bytes container, const struct qiao_sealed_key *key, const struct qiao_id *message_id, struct qiao_sealed_content *ret_content)
{
    return qiao_sealed_open(container, &key, 1, message_id, ret_content);
}

/* ---- there and back ---- */

static void round_trip(const struct seat *seat, const struct qiao_sealed_key *key, size_t size)
{
    struct qiao_sealed_content opened;
    uint8_t *content = malloc(size + 1);
    for (size_t i = 0; i < size; i++) content[i] = (uint8_t)(i * 31 + size);
    struct qiao_bytes container = seats_seal(seat, 1, &id, qiao_bytes(content, size));
    cr_assert(container.size <= QIAO_BODY_SIZE_MAX);
    cr_assert(sealed_looks_sealed(container));
    cr_assert_eq(open_one(container, key, &id, &opened), QIAO_SEALED_DONE, "%zu bytes", size);
    cr_assert(qiao_bytes_equal(opened.content, qiao_bytes(content, size)));
    cr_assert(opened.bound && qiao_id_equal(&opened.message_id, &id));
    qiao_sealed_free(&opened.content);
    qiao_sealed_free(&container);
    free(content);
}

Test(sealed, round_trips)
{
    static const size_t sizes[] = { 0, 1, 960, 961, 16320, 16321, 32704, 100000, QIAO_SEALED_CONTENT_SIZE_MAX };
    for (size_t k = 0; k < KINDS; k++) {
        struct seat seat;
        seat_init(&seat, &(struct seat_draft){ .kind = kinds[k] });
        struct qiao_sealed_key *key = seat_key(&seat);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) round_trip(&seat, key, sizes[i]);
        qiao_sealed_key_free(key);
        seat_deinit(&seat);
    }
}

static void several(const struct seat *seats, size_t count)
{
    struct qiao_sealed_content opened;
    struct qiao_bytes container = seats_seal(seats, count - 1, &id, text("to some")); /* the last one is not among them */
    for (size_t i = 0; i < count; i++) {
        struct qiao_sealed_key *key = seat_key(&seats[i]);
        int result = open_one(container, key, &id, &opened);
        cr_assert_eq(result, i < count - 1 ? QIAO_SEALED_DONE : QIAO_SEALED_NOT_FOR_US);
        cr_assert(qiao_bytes_equal(opened.content, text(i < count - 1 ? "to some" : "")));
        qiao_sealed_free(&opened.content);
        qiao_sealed_key_free(key);
    }
    qiao_sealed_free(&container);
}

Test(sealed, several_recipients)
{
    struct seat seats[17];
    for (size_t i = 0; i < 17; i++) seat_init(&seats[i], &(struct seat_draft){ .kind = i % 4 == 3 ? SEAT_RSA : SEAT_P256 });
    several(seats, 17);
    several(seats, 2);
    for (size_t i = 0; i < 17; i++) seat_deinit(&seats[i]);
    for (size_t i = 0; i < 17; i++) seat_init(&seats[i], &(struct seat_draft){ .kind = SEAT_SM2 });
    several(seats, 17);
    several(seats, 3);
    for (size_t i = 0; i < 17; i++) seat_deinit(&seats[i]);
}

/* ---- what is not as it was ---- */

static void must_not_open(struct qiao_bytes container, const struct qiao_sealed_key *key, const char *what, size_t at)
{
    struct qiao_sealed_content opened;
    int result = open_one(container, key, NULL, &opened);
    cr_assert(result > 0, "%s %zu: %s", what, at, qiao_sealed_text(result));
    cr_assert_null(opened.content.data);
}

Test(sealed, every_bit_matters, .timeout = 240)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct seat seat;
        seat_init(&seat, &(struct seat_draft){ .kind = kinds[k], .with_key_id = true });
        struct qiao_sealed_key *key = seat_key(&seat);
        struct qiao_bytes container = seats_seal(&seat, 1, &id, text("small"));
        uint8_t *bytes = malloc(container.size);
        memcpy(bytes, container.data, container.size);
        for (size_t bit = 0; bit < container.size * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            must_not_open(qiao_bytes(bytes, container.size), key, "bit", bit);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        free(bytes);
        qiao_sealed_free(&container);
        qiao_sealed_key_free(key);
        seat_deinit(&seat);
    }
}

/* Copies of the exact size: a sanitizer sees a read beyond the end. */
Test(sealed, cut_short_or_longer)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct seat seat;
        seat_init(&seat, &(struct seat_draft){ .kind = kinds[k] });
        struct qiao_sealed_key *key = seat_key(&seat);
        struct qiao_bytes container = seats_seal(&seat, 1, &id, text("small"));
        for (size_t size = 0; size < container.size; size++) {
            uint8_t *cut = malloc(size ? size : 1);
            memcpy(cut, container.data, size);
            must_not_open(qiao_bytes(cut, size), key, "size", size);
            free(cut);
        }
        uint8_t *longer = calloc(1, container.size + 1);
        memcpy(longer, container.data, container.size);
        must_not_open(qiao_bytes(longer, container.size + 1), key, "longer than", container.size);
        free(longer);
        qiao_sealed_free(&container);
        qiao_sealed_key_free(key);
        seat_deinit(&seat);
    }
}

/* The container with only its index-th RecipientInfo left, everything else to the byte. */
static void keep_recipient(struct qiao_bytes container, size_t index, struct buf *out)
{
    struct der_item version, recipients, content, mac, info;
    struct der_reader outer = der_reader(container), r = der_enter(&outer, DER_SEQUENCE);
    cr_assert(der_expect(&r, DER_OID, &info));
    r = der_enter(&r, DER_CONTEXT_CONSTRUCTED);
    r = der_enter(&r, DER_SEQUENCE);
    cr_assert(der_expect(&r, DER_INTEGER, &version) && der_expect(&r, DER_SET, &recipients) && der_expect(&r, DER_SEQUENCE, &content) && der_expect(&r, DER_OCTET_STRING, &mac));
    struct der_reader infos = der_reader(recipients.content);
    for (size_t i = 0; i <= index; i++) cr_assert(der_next(&infos, &info));
    size_t enveloped = version.whole.size + der_size(info.whole.size) + content.whole.size + mac.whole.size;
    der_put_head(out, DER_SEQUENCE, der_size(sealed_oid_auth_enveloped_data.size) + der_size(der_size(enveloped)));
    der_put(out, DER_OID, sealed_oid_auth_enveloped_data);
    der_put_head(out, DER_CONTEXT_CONSTRUCTED, der_size(enveloped));
    der_put_head(out, DER_SEQUENCE, enveloped);
    buf_append(out, version.whole.data, version.whole.size);
    der_put(out, DER_SET, info.whole);
    buf_append(out, content.whole.data, content.whole.size);
    buf_append(out, mac.whole.data, mac.whole.size);
}

Test(sealed, a_recipient_taken_out_is_noticed)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct seat seats[2];
        struct qiao_sealed_content opened;
        seat_init(&seats[0], &(struct seat_draft){ .kind = kinds[k] });
        seat_init(&seats[1], &(struct seat_draft){ .kind = kinds[k] });
        for (size_t count = 1; count <= 2; count++) {
            struct qiao_bytes container = seats_seal(seats, count, &id, text("for two"));
            unsigned opens = 0;
            for (size_t i = 0; i < 2; i++) {
                struct qiao_sealed_key *key = seat_key(&seats[i]);
                buf_auto kept = { 0 };
                keep_recipient(container, 0, &kept);
                cr_assert(sealed_looks_sealed(buf_bytes(&kept)));
                int result = open_one(buf_bytes(&kept), key, &id, &opened);
                cr_assert(result == QIAO_SEALED_NOT_FOR_US || result == (count == 1 ? QIAO_SEALED_DONE : QIAO_SEALED_DAMAGED), "%s", qiao_sealed_text(result));
                opens += result == QIAO_SEALED_DONE;
                qiao_sealed_free(&opened.content);
                qiao_sealed_key_free(key);
            }
            cr_assert_eq(opens, count == 1); /* so the rebuilding itself breaks nothing */
            qiao_sealed_free(&container);
        }
        seat_deinit(&seats[0]);
        seat_deinit(&seats[1]);
    }
}

Test(sealed, belongs_to_one_message)
{
    static const struct qiao_id other = { { 1, 144, 3, 4, 5, 6, 0x70, 8, 0x80, 2 } };
    for (size_t k = 0; k < KINDS; k++) {
        struct seat seat;
        struct qiao_sealed_content opened;
        seat_init(&seat, &(struct seat_draft){ .kind = kinds[k] });
        struct qiao_sealed_key *key = seat_key(&seat);
        struct qiao_bytes bound = seats_seal(&seat, 1, &id, text("bound")), unbound = seats_seal(&seat, 1, NULL, text("free"));
        cr_assert_eq(open_one(bound, key, &other, &opened), QIAO_SEALED_OTHER_MESSAGE);
        cr_assert_null(opened.content.data);
        cr_assert_eq(open_one(unbound, key, &id, &opened), QIAO_SEALED_UNBOUND);
        cr_assert_null(opened.content.data);
        cr_assert_eq(open_one(unbound, key, NULL, &opened), QIAO_SEALED_DONE);
        cr_assert(!opened.bound && qiao_bytes_equal(opened.content, text("free")));
        qiao_sealed_free(&opened.content);
        qiao_sealed_free(&bound);
        qiao_sealed_free(&unbound);
        qiao_sealed_key_free(key);
        seat_deinit(&seat);
    }
}

/* ---- keys ---- */

Test(sealed, key_rollover_in_mid_case)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct seat seats[3];
        struct qiao_sealed_key *keys[3];
        struct qiao_sealed_content opened;
        for (size_t i = 0; i < 3; i++) {
            seat_init(&seats[i], &(struct seat_draft){ .kind = kinds[k], .with_key_id = true });
            keys[i] = seat_key(&seats[i]);
        }
        for (size_t i = 0; i < 3; i++) {
            struct qiao_bytes container = seats_seal(&seats[i], 1, &id, text("before or after"));
            int result = qiao_sealed_open(container, (const struct qiao_sealed_key *const *)keys, 2, &id, &opened); /* without the third */
            cr_assert_eq(result, i < 2 ? QIAO_SEALED_DONE : QIAO_SEALED_NOT_FOR_US);
            cr_assert(i == 2 || (opened.key == i && qiao_bytes_equal(opened.content, text("before or after"))));
            qiao_sealed_free(&opened.content);
            ((uint8_t *)container.data)[container.size - 1] ^= 1;
            result = qiao_sealed_open(container, (const struct qiao_sealed_key *const *)keys, 2, &id, &opened);
            cr_assert_eq(result, i < 2 ? QIAO_SEALED_DAMAGED : QIAO_SEALED_NOT_FOR_US, "damage of what is for the second key is not hidden by the first");
            qiao_sealed_free(&container);
        }
        cr_assert_eq(qiao_sealed_open(text("x"), NULL, 0, NULL, &opened), QIAO_SEALED_NOT_SEALED);
        for (size_t i = 0; i < 3; i++) {
            qiao_sealed_key_free(keys[i]);
            seat_deinit(&seats[i]);
        }
    }
}

Test(sealed, keys_that_cannot_be_used)
{
    struct seat locked, other, edwards;
    struct qiao_sealed_key *key = NULL;
    seat_init(&locked, &(struct seat_draft){ .kind = SEAT_P256, .passphrase = "open sesame" });
    seat_init(&other, &(struct seat_draft){ .kind = SEAT_P256 });
    seat_init(&edwards, &(struct seat_draft){ .kind = SEAT_ED25519 });
    struct qiao_bytes certificate = buf_bytes(&locked.certificate), key_bytes = buf_bytes(&locked.key);
    cr_assert_eq(qiao_sealed_key_new(certificate, key_bytes, NULL, &key), QIAO_SEALED_KEY);
    cr_assert_eq(qiao_sealed_key_new(certificate, key_bytes, "wrong", &key), QIAO_SEALED_KEY);
    cr_assert_eq(qiao_sealed_key_new(certificate, text("nonsense"), NULL, &key), QIAO_SEALED_KEY);
    cr_assert_eq(qiao_sealed_key_new(certificate, qiao_bytes(NULL, 0), NULL, &key), QIAO_SEALED_KEY);
    cr_assert_eq(qiao_sealed_key_new(certificate, buf_bytes(&other.key), NULL, &key), QIAO_SEALED_KEY_OTHER);
    cr_assert_eq(qiao_sealed_key_new(text("nonsense"), key_bytes, NULL, &key), QIAO_SEALED_CERTIFICATE);
    cr_assert_eq(qiao_sealed_key_new(buf_bytes(&edwards.certificate), buf_bytes(&edwards.key), NULL, &key), QIAO_SEALED_CANNOT_RECEIVE);
    cr_assert_null(key);
    cr_assert_eq(qiao_sealed_key_new(certificate, key_bytes, "open sesame", &key), QIAO_SEALED_DONE);
    qiao_sealed_key_free(key);
    qiao_sealed_key_free(NULL);
    seat_deinit(&locked);
    seat_deinit(&other);
    seat_deinit(&edwards);
}

/* ---- who may not be sealed to ---- */

static int refuse(const struct seat *seats, size_t count, struct qiao_sealed_request request, size_t *ret_certificate)
{
    struct qiao_bytes certificates[QIAO_SEALED_RECIPIENTS_MAX + 1], container = { 0 };
    for (size_t i = 0; i < count; i++) certificates[i] = buf_bytes(&seats[i].certificate);
    request.certificates = certificates;
    request.certificates_count = count;
    int result = qiao_seal(&request, text("x"), &container, ret_certificate);
    cr_assert_eq(result == QIAO_SEALED_DONE, container.data != NULL);
    qiao_sealed_free(&container);
    return result;
}

#define TODAY_MS ((uint64_t)time(NULL) * 1000)

Test(sealed, certificates_that_may_not_receive)
{
    static const struct {
        struct seat_draft draft;
        struct qiao_sealed_request request;
        int result;
    } rows[] = {
        { { .kind = SEAT_ED25519 }, { .suite = QIAO_SEALED_SUITE_ANY }, QIAO_SEALED_CANNOT_RECEIVE },
        { { .kind = SEAT_P384 }, { .suite = QIAO_SEALED_SUITE_ANY }, QIAO_SEALED_CANNOT_RECEIVE },
        { { .kind = SEAT_RSA_SHORT }, { .suite = QIAO_SEALED_SUITE_ANY }, QIAO_SEALED_CANNOT_RECEIVE },
        { { .kind = SEAT_P256, .usage = "digitalSignature" }, { .suite = QIAO_SEALED_SUITE_ANY }, QIAO_SEALED_USAGE },
        { { .kind = SEAT_P256, .usage = "digitalSignature,keyAgreement" }, { .suite = QIAO_SEALED_SUITE_ANY }, QIAO_SEALED_DONE },
        { { .kind = SEAT_RSA, .usage = "digitalSignature,keyAgreement" }, { .suite = QIAO_SEALED_SUITE_ANY }, QIAO_SEALED_USAGE },
        { { .kind = SEAT_RSA, .usage = "keyEncipherment" }, { .suite = QIAO_SEALED_SUITE_ANY }, QIAO_SEALED_DONE },
        { { .kind = SEAT_SM2, .usage = "digitalSignature" }, { .suite = QIAO_SEALED_SUITE_ANY }, QIAO_SEALED_USAGE },
        { { .kind = SEAT_SM2, .usage = "keyEncipherment,dataEncipherment" }, { .suite = QIAO_SEALED_SUITE_GM1 }, QIAO_SEALED_DONE },
        { { .kind = SEAT_SM2 }, { .suite = QIAO_SEALED_SUITE_INT1 }, QIAO_SEALED_SUITE_OTHER },
        { { .kind = SEAT_P256 }, { .suite = QIAO_SEALED_SUITE_GM1 }, QIAO_SEALED_SUITE_OTHER },
        { { .kind = SEAT_P256, .first_day = -9, .last_day = -2 }, { .at_ms = 1 }, QIAO_SEALED_PERIOD },
        { { .kind = SEAT_P256, .first_day = 2, .last_day = 9 }, { .at_ms = 1 }, QIAO_SEALED_PERIOD },
        { { .kind = SEAT_P256, .first_day = -2, .last_day = 9 }, { .at_ms = 1 }, QIAO_SEALED_DONE },
        { { .kind = SEAT_P256, .first_day = -9, .last_day = -2 }, { .at_ms = 0 }, QIAO_SEALED_DONE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct seat seats[2];
        size_t certificate = 7;
        struct qiao_sealed_request request = rows[i].request;
        if (request.at_ms) request.at_ms = TODAY_MS;
        seat_init(&seats[0], &rows[i].draft);
        cr_assert_eq(refuse(seats, 1, request, &certificate), rows[i].result, "row %zu", i);
        cr_assert_eq(certificate, rows[i].result == QIAO_SEALED_DONE ? 7u : 0u);
        seat_deinit(&seats[0]);
    }
}

Test(sealed, recipients_are_some_and_each_once)
{
    struct seat seats[QIAO_SEALED_RECIPIENTS_MAX + 1], sm2, good[2];
    size_t certificate = 7;
    for (size_t i = 0; i <= QIAO_SEALED_RECIPIENTS_MAX; i++) seat_init(&seats[i], &(struct seat_draft){ .kind = SEAT_P256 });
    seat_init(&sm2, &(struct seat_draft){ .kind = SEAT_SM2 });
    cr_assert_eq(refuse(seats, 0, (struct qiao_sealed_request){ 0 }, NULL), QIAO_SEALED_RECIPIENTS);
    cr_assert_eq(refuse(seats, QIAO_SEALED_RECIPIENTS_MAX + 1, (struct qiao_sealed_request){ 0 }, NULL), QIAO_SEALED_RECIPIENTS);
    good[0] = good[1] = seats[0];
    cr_assert_eq(refuse(good, 2, (struct qiao_sealed_request){ 0 }, NULL), QIAO_SEALED_RECIPIENTS);
    good[1] = sm2;
    cr_assert_eq(refuse(good, 2, (struct qiao_sealed_request){ 0 }, &certificate), QIAO_SEALED_SUITE_OTHER);
    cr_assert_eq(certificate, 1);
    for (size_t i = 0; i <= QIAO_SEALED_RECIPIENTS_MAX; i++) seat_deinit(&seats[i]);
    seat_deinit(&sm2);
}

Test(sealed, too_large)
{
    struct seat seat;
    seat_init(&seat, &(struct seat_draft){ .kind = SEAT_P256 });
    struct qiao_bytes certificate = buf_bytes(&seat.certificate), container = { 0 };
    const struct qiao_sealed_request request = { .certificates = &certificate, .certificates_count = 1 };
    uint8_t *content = calloc(1, QIAO_BODY_SIZE_MAX + 1);
    struct qiao_sealed_content opened;
    cr_assert_eq(qiao_seal(&request, qiao_bytes(content, QIAO_SEALED_CONTENT_SIZE_MAX + 1), &container, NULL), QIAO_SEALED_TOO_LARGE);
    cr_assert_eq(qiao_sealed_open(qiao_bytes(content, QIAO_BODY_SIZE_MAX + 1), NULL, 0, NULL, &opened), QIAO_SEALED_TOO_LARGE);
    free(content);
    seat_deinit(&seat);
}

/* ---- what can be seen from outside ---- */

Test(sealed, size_tells_only_the_bucket)
{
    static const struct {
        size_t content, padded;
    } rows[] = {
        { 0, 1024 }, { 960, 1024 }, { 961, 2048 }, { 1984, 2048 }, { 1985, 4096 }, { 8128, 8192 }, { 8129, 16384 }, { 16320, 16384 }, { 16321, 32768 },
        { 32704, 32768 }, { 32705, 49152 }, { 900000, 901120 }, { QIAO_SEALED_CONTENT_SIZE_MAX, 1008 * 1024 },
    };
    struct seat seats[2];
    uint8_t *content = calloc(1, QIAO_SEALED_CONTENT_SIZE_MAX);
    seat_init(&seats[0], &(struct seat_draft){ .kind = SEAT_P256 });
    seat_init(&seats[1], &(struct seat_draft){ .kind = SEAT_SM2 });
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        struct qiao_sealed_description description;
        struct qiao_bytes container = seats_seal(&seats[i % 2], 1, &id, qiao_bytes(content, rows[i / 2].content));
        cr_assert_eq(qiao_sealed_describe(container, &description), QIAO_SEALED_DONE);
        cr_assert_eq(description.padded_size, rows[i / 2].padded, "%zu bytes are padded to %zu", rows[i / 2].content, description.padded_size);
        qiao_sealed_free(&container);
    }
    free(content);
    seat_deinit(&seats[0]);
    seat_deinit(&seats[1]);
}

Test(sealed, described_without_a_key)
{
    struct qiao_sealed_description description;
    char line[QIAO_SEALED_TEXT_SIZE];
    struct seat seats[2];
    for (size_t k = 0; k < KINDS; k++) {
        seat_init(&seats[0], &(struct seat_draft){ .kind = kinds[k] });
        seat_init(&seats[1], &(struct seat_draft){ .kind = kinds[k] });
        struct qiao_bytes container = seats_seal(seats, 2, &id, text("x"));
        cr_assert_eq(qiao_sealed_describe(container, &description), QIAO_SEALED_DONE);
        cr_assert_eq(description.suite, kinds[k] == SEAT_SM2 ? QIAO_SEALED_SUITE_GM1 : QIAO_SEALED_SUITE_INT1);
        cr_assert_eq(description.recipients_count, 2);
        qiao_sealed_recipient_format(&description.recipients[0], line);
        cr_assert(kinds[k] == SEAT_SM2 ? strncmp(line, "key id ", 7) == 0 && strlen(line) == 39 : strstr(line, " of O=Test federation") != NULL, "%s", line);
        qiao_sealed_free(&container);
        seat_deinit(&seats[0]);
        seat_deinit(&seats[1]);
    }
    cr_assert_eq(qiao_sealed_describe(text("{\"name\":\"plain\"}"), &description), QIAO_SEALED_NOT_SEALED);
}

Test(sealed, what_does_not_look_sealed)
{
    struct seat seat;
    seat_init(&seat, &(struct seat_draft){ .kind = SEAT_SM2 });
    struct qiao_bytes container = seats_seal(&seat, 1, &id, text("x"));
    uint8_t *altered = malloc(container.size);
    memcpy(altered, container.data, container.size);
    uint8_t *oid = memmem(altered, container.size, sealed_oid_gm1.data, sealed_oid_gm1.size);
    struct qiao_sealed_description description;
    oid[sealed_oid_gm1.size - 1] ^= 1;
    cr_assert(sealed_looks_sealed(container));
    cr_assert_eq(qiao_sealed_describe(qiao_bytes(altered, container.size), &description), QIAO_SEALED_SUITE_UNKNOWN);
    cr_assert(!sealed_looks_sealed(qiao_bytes(altered, container.size)), "of a suite that nobody here knows");
    cr_assert(!sealed_looks_sealed(qiao_bytes(NULL, 0)));
    cr_assert(!sealed_looks_sealed(text("plain text")));
    cr_assert(!sealed_looks_sealed(text("\x0a\x05title")));
    cr_assert(!sealed_looks_sealed(buf_bytes(&seat.certificate)));
    free(altered);
    qiao_sealed_free(&container);
    seat_deinit(&seat);
}

Test(sealed, every_outcome_has_a_text)
{
    for (int result = QIAO_SEALED_DONE; result <= QIAO_SEALED_RECIPIENT_CHANGED; result++)
        for (int other = -1; other < result; other++) cr_assert_str_neq(qiao_sealed_text(result), qiao_sealed_text(other));
}
