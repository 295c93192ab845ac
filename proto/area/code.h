/* Area codes as one number: 6 digits a district, 9 a street or town, 12 a community or village (GB/T 2260, GB/T 10114, and the
 * statistical practice for the last three digits). Tables also know the units above: 4 digits a city, 2 a province. */
#ifndef AREA_CODE_H
#define AREA_CODE_H

#include <qiao/bytes.h>
#include <stdbool.h>

/* Twelve digits, zeros behind a shorter code, times 16, plus how many of them count: order of values is a walk of the tree, parents first. */
struct area_code {
    uint64_t value; /* 0: none */
};

/* X(name, text) */
#define AREA_CODE_FAULT_MAP(X)                                                                                          \
    X(NONE, "no fault")                                                                                                 \
    X(EMPTY, "is empty")                                                                                                \
    X(EXPONENT, "is a number as spreadsheets write it (1.1E+11): give the column the format text and export again")      \
    X(DIGITS, "holds something else than digits")                                                                       \
    X(LENGTH, "has neither 6 digits (district), 9 (street) nor 12 (community)")                                          \
    X(ZERO, "begins with 0, as no province does")                                                                       \
    X(STREET, "has street 000: a district has 6 digits, or six zeros behind them")                                       \
    X(GAP, "names a community of no street")

enum area_code_fault {
#define X(name, text) AREA_CODE_FAULT_##name,
    AREA_CODE_FAULT_MAP(X)
#undef X
};

/* What is wrong, to be put behind the value. Static storage. */
const char *area_code_fault_text(enum area_code_fault fault);

#define AREA_CODE_DIGITS_MAX 12u

/* Reads 6, 9 or 12 digits, full-width ones (U+FF10 to U+FF19) too; districts and streets padded with zeros to 12 digits lose them. */
enum area_code_fault area_code_read(struct qiao_bytes text, struct area_code *ret_code);
/* The same, and 2 and 4 digits: what may stand in a table above the districts. */
enum area_code_fault area_code_read_unit(struct qiao_bytes text, struct area_code *ret_code);

/* The digits with a NUL behind them; returns how many. */
size_t area_code_write(struct area_code code, char ret_text[AREA_CODE_DIGITS_MAX + 1]);

static inline bool area_code_is_same(struct area_code a, struct area_code b) { return a.value == b.value; }
static inline unsigned area_code_digits(struct area_code code) { return (unsigned)(code.value & 15); }
/* The code one level up by its digits: 12, 9, 6, 4, 2, none. */
struct area_code area_code_above(struct area_code code);
/* True if the digits of inner begin with all of outer's. */
bool area_code_covers(struct area_code outer, struct area_code inner);

#endif
