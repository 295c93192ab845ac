#include <qiao/uscc.h>

#include <stdio.h>
#include <string.h>

/* GB 32100-2015, table 1: digits and capital letters without I, O, S, V and Z; a character's value is its place. */
static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";

#define MODULUS 31u

static int value_of(char character)
{
    const char *at = character ? strchr(alphabet, character) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* GB 32100-2015, 5.2 and annex A: the weight of position i is 3^(i-1) mod 31; the check character makes the weighted sum a multiple of 31. */
char qiao_uscc_check_character(const char *text)
{
    unsigned sum = 0, weight = 1;
    for (size_t i = 0; i < QIAO_USCC_SIZE - 1; i++) {
        int value = value_of(text[i]);
        if (value < 0) return 0;
        sum += (unsigned)value * weight;
        weight = weight * 3 % MODULUS;
    }
    return alphabet[(MODULUS - sum % MODULUS) % MODULUS];
}

static struct qiao_uscc_fault look(const char *text, size_t size)
{
    if (size != QIAO_USCC_SIZE) return (struct qiao_uscc_fault){ QIAO_USCC_LENGTH, size, 0 };
    for (size_t i = 0; i < size; i++)
        if (value_of(text[i]) < 0) return (struct qiao_uscc_fault){ QIAO_USCC_CHARACTER, i + 1, 0 };
    char expected = qiao_uscc_check_character(text);
    if (text[size - 1] != expected) return (struct qiao_uscc_fault){ QIAO_USCC_CHECK, size, expected };
    return (struct qiao_uscc_fault){ QIAO_USCC_OK, 0, 0 };
}

enum qiao_uscc_result qiao_uscc_check(const char *text, size_t size, struct qiao_uscc_fault *ret_fault)
{
    struct qiao_uscc_fault fault = look(text, size);
    if (ret_fault) *ret_fault = fault;
    return fault.result;
}

void qiao_uscc_explain(const char *text, const struct qiao_uscc_fault *fault, char why[QIAO_USCC_WHY_SIZE])
{
    why[0] = '\0';
    switch (fault->result) {
    case QIAO_USCC_OK: break;
    case QIAO_USCC_LENGTH:
        snprintf(why, QIAO_USCC_WHY_SIZE, "expected the 18 characters of a unified social credit code, not %zu", fault->position);
        break;
    case QIAO_USCC_CHARACTER:
        snprintf(why, QIAO_USCC_WHY_SIZE, "character %zu of a unified social credit code is a digit or a capital letter other than I, O, S, V, Z", fault->position);
        break;
    case QIAO_USCC_CHECK:
        snprintf(why, QIAO_USCC_WHY_SIZE, "its check character does not fit: with these 17 characters it is '%c', found '%c'; look for a typing error",
                 fault->expected, text[QIAO_USCC_SIZE - 1]);
        break;
    }
}
