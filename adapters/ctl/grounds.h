/* Why a message may be sent, as people type it: legal bases, personal data, the day of the event. */
#ifndef CTL_GROUNDS_H
#define CTL_GROUNDS_H

#include <qiao/client.h>
#include <qiao/limits.h>

/* The strings of a message's legal bases. */
struct grounds {
    struct qiao_legal_basis bases[QIAO_BASES_MAX];
    char text[QIAO_BASES_MAX * (3 * QIAO_BASIS_SIZE_MAX + 4)];
};

/* "ECO-CODE#599,PIPL#13(4)@2026-11": law, article, and the catalogue's version if it matters. Each: CTL_OK, or CTL_WRONG_USE after a message. */
int grounds_read_bases(const char *text, struct grounds *grounds, struct qiao_message *message);

/* "name,contact" to bits. */
int grounds_read_personal_data(const char *text, uint64_t *ret_mask);

/* "2026-08-15": noon of that day at +08:00. */
int grounds_read_day(const char *text, uint64_t *ret_ms);

#endif
