/* Consent is given for an organisation: what is sealed for its successor bounces. */
#include "seats.h"

#include <criterion/criterion.h>
#include <qiao/err.h>

struct row {
    struct seat_draft before, after;
    unsigned code;
};

#define USCC_CLINIC "NTRCN-12990101QA00000306"
#define USCC_OTHER "NTRCN-91990101QA0000049X"

static const struct row rows[] = {
    /* a new key of the same organisation */
    { { .organisation = "Clinic", .member = "990101/clinic" }, { .organisation = "Clinic", .member = "990101/clinic" }, QIAO_CODE_OK },
    { { .member = "990101/clinic" }, { .kind = SEAT_RSA, .member = "990101/clinic" }, QIAO_CODE_OK },
    { { .organisation = "Clinic" }, { .kind = SEAT_SM2, .organisation = "Clinic" }, QIAO_CODE_OK },
    /* the code of the organisation decides alone, also when the area got another number and the house another name */
    { { .identifier = USCC_CLINIC, .member = "990101/clinic" }, { .identifier = USCC_CLINIC, .member = "990102/clinic", .organisation = "New" }, QIAO_CODE_OK },
    { { .identifier = USCC_CLINIC, .member = "990101/clinic" }, { .identifier = USCC_OTHER, .member = "990101/clinic" }, QIAO_CODE_RECIPIENT_CHANGED },
    /* another organisation behind the same member name, or the same one under another */
    { { .organisation = "Clinic", .member = "990101/clinic" }, { .organisation = "Holding", .member = "990101/clinic" }, QIAO_CODE_RECIPIENT_CHANGED },
    { { .organisation = "Clinic", .member = "990101/clinic" }, { .organisation = "Clinic", .member = "990102/clinic" }, QIAO_CODE_RECIPIENT_CHANGED },
    /* what cannot be known is not the same */
    { { .organisation = "Clinic", .member = "990101/clinic" }, { .member = "990101/clinic" }, QIAO_CODE_RECIPIENT_CHANGED },
    { { .member = "990101/clinic" }, { .organisation = "Clinic", .member = "990101/clinic" }, QIAO_CODE_RECIPIENT_CHANGED },
    { { .organisation = NULL }, { .organisation = NULL }, QIAO_CODE_RECIPIENT_CHANGED },
    { { .identifier = USCC_CLINIC }, { .identifier = NULL }, QIAO_CODE_RECIPIENT_CHANGED },
    { { .identifier = USCC_CLINIC, .member = "990101/clinic" }, { .member = "990101/clinic" }, QIAO_CODE_OK },
};

Test(organisation, same_or_changed)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct seat before, after;
        seat_init(&before, &rows[i].before);
        seat_init(&after, &rows[i].after);
        struct qiao_bytes old = buf_bytes(&before.certificate), current = buf_bytes(&after.certificate), container = { 0 };
        cr_assert_eq(qiao_sealed_check_organisation(old, current), rows[i].code, "row %zu", i);
        const struct qiao_sealed_request request = { .certificates = &current, .certificates_count = 1, .consented = old };
        int result = qiao_seal(&request, qiao_bytes("x", 1), &container, NULL);
        cr_assert_eq(result, rows[i].code == QIAO_CODE_OK ? QIAO_SEALED_DONE : QIAO_SEALED_RECIPIENT_CHANGED, "row %zu", i);
        qiao_sealed_free(&container);
        seat_deinit(&before);
        seat_deinit(&after);
    }
}

Test(organisation, what_cannot_be_read_is_changed)
{
    struct seat seat;
    seat_init(&seat, &(struct seat_draft){ .organisation = "Clinic" });
    struct qiao_bytes good = buf_bytes(&seat.certificate), bad = qiao_bytes("nonsense", 8), container = { 0 };
    cr_assert_eq(qiao_sealed_check_organisation(good, bad), QIAO_CODE_RECIPIENT_CHANGED);
    cr_assert_eq(qiao_sealed_check_organisation(bad, good), QIAO_CODE_RECIPIENT_CHANGED);
    cr_assert_eq(qiao_sealed_check_organisation(qiao_bytes(NULL, 0), good), QIAO_CODE_RECIPIENT_CHANGED);
    const struct qiao_sealed_request request = { .certificates = &good, .certificates_count = 1, .consented = bad };
    cr_assert_eq(qiao_seal(&request, qiao_bytes("x", 1), &container, NULL), QIAO_SEALED_RECIPIENT_CHANGED);
    seat_deinit(&seat);
}
