#include "area/code.h"

static const uint64_t powers[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000 };

const char *area_code_fault_text(enum area_code_fault fault)
{
    static const char *const texts[] = {
#define X(name, text) text,
        AREA_CODE_FAULT_MAP(X)
#undef X
    };
    return texts[fault];
}

static bool looks_like_a_float(struct qiao_bytes text)
{
    bool marked = false, all = text.size > 0 && text.data[0] >= '0' && text.data[0] <= '9';
    for (size_t i = 0; all && i < text.size; i++) {
        uint8_t c = text.data[i];
        marked |= c == 'E' || c == 'e' || c == '.';
        all = (c >= '0' && c <= '9') || c == '.' || c == '+' || c == 'E' || c == 'e';
    }
    return all && marked;
}

/* One digit at *at, ASCII or full-width; negative if there is none. */
static int digit(struct qiao_bytes text, size_t *at)
{
    const uint8_t *c = text.data + *at;
    if (*c >= '0' && *c <= '9') {
        *at += 1;
        return *c - '0';
    }
    if (text.size - *at < 3 || c[0] != 0xef || c[1] != 0xbc || c[2] < 0x90 || c[2] > 0x99) return -1;
    *at += 3;
    return c[2] - 0x90;
}

static struct area_code make(uint64_t number, unsigned digits)
{
    return (struct area_code){ number * powers[AREA_CODE_DIGITS_MAX - digits] * 16 + digits };
}

/* 12 and 9 digits: padding goes, holes are no code. */
static enum area_code_fault shorten(uint64_t *number, unsigned *digits)
{
    if (*digits == 12 && *number % 1000000 == 0) {
        *digits = 6;
        *number /= 1000000;
    } else if (*digits == 12 && *number % 1000 == 0) {
        *digits = 9;
        *number /= 1000;
    } else if (*digits == 12 && *number / 1000 % 1000 == 0) {
        return AREA_CODE_FAULT_GAP;
    }
    return *digits == 9 && *number % 1000 == 0 ? AREA_CODE_FAULT_STREET : AREA_CODE_FAULT_NONE;
}

static enum area_code_fault read_code(struct qiao_bytes text, bool units, struct area_code *ret_code)
{
    uint64_t number = 0;
    unsigned digits = 0;
    *ret_code = (struct area_code){ 0 };
    if (text.size == 0) return AREA_CODE_FAULT_EMPTY;
    for (size_t at = 0; at < text.size;) {
        int value = digit(text, &at);
        if (value < 0) return looks_like_a_float(text) ? AREA_CODE_FAULT_EXPONENT : AREA_CODE_FAULT_DIGITS;
        if (++digits > AREA_CODE_DIGITS_MAX) return AREA_CODE_FAULT_LENGTH;
        number = number * 10 + (unsigned)value;
    }
    bool known = digits == 6 || digits == 9 || digits == 12 || (units && (digits == 2 || digits == 4));
    if (!known) return AREA_CODE_FAULT_LENGTH;
    if (number < powers[digits - 1]) return AREA_CODE_FAULT_ZERO;
    enum area_code_fault fault = shorten(&number, &digits);
    if (fault == AREA_CODE_FAULT_NONE) *ret_code = make(number, digits);
    return fault;
}

enum area_code_fault area_code_read(struct qiao_bytes text, struct area_code *ret_code)
{
    return read_code(text, false, ret_code);
}

enum area_code_fault area_code_read_unit(struct qiao_bytes text, struct area_code *ret_code)
{
    return read_code(text, true, ret_code);
}

size_t area_code_write(struct area_code code, char ret_text[AREA_CODE_DIGITS_MAX + 1])
{
    unsigned digits = area_code_digits(code);
    uint64_t number = code.value / 16 / powers[AREA_CODE_DIGITS_MAX - digits];
    for (unsigned i = digits; i > 0; i--, number /= 10) ret_text[i - 1] = (char)('0' + number % 10);
    ret_text[digits] = '\0';
    return digits;
}

struct area_code area_code_above(struct area_code code)
{
    static const uint8_t above[] = { [12] = 9, [9] = 6, [6] = 4, [4] = 2 };
    unsigned digits = area_code_digits(code), fewer = digits < sizeof above ? above[digits] : 0;
    if (fewer == 0) return (struct area_code){ 0 };
    return make(code.value / 16 / powers[AREA_CODE_DIGITS_MAX - fewer], fewer);
}

bool area_code_covers(struct area_code outer, struct area_code inner)
{
    uint64_t unit = powers[AREA_CODE_DIGITS_MAX - area_code_digits(outer)];
    return outer.value != 0 && area_code_digits(outer) <= area_code_digits(inner) && outer.value / 16 / unit == inner.value / 16 / unit;
}
