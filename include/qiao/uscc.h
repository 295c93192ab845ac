/* Unified social credit codes of organisations: GB 32100-2015, 18 characters, the last of which checks the others. */
#ifndef QIAO_USCC_H
#define QIAO_USCC_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QIAO_USCC_SIZE 18u

enum qiao_uscc_result {
    QIAO_USCC_OK = 0,
    QIAO_USCC_LENGTH = 1,     /* not 18 characters: position is how many there are */
    QIAO_USCC_CHARACTER = 2,  /* the character at position, from 1, is none of the code's 31 */
    QIAO_USCC_CHECK = 3       /* the last character does not check the first 17: expected is the one that would */
};

struct qiao_uscc_fault {
    enum qiao_uscc_result result;
    size_t position;
    char expected;
};

/* Looks at size characters (text need not end in 0). ret_fault may be NULL. Capital letters only: a code is compared byte by byte. */
enum qiao_uscc_result qiao_uscc_check(const char *text, size_t size, struct qiao_uscc_fault *ret_fault);

/* The check character of the first 17 characters, or 0 if one of them cannot stand in a code. */
char qiao_uscc_check_character(const char *text);

#define QIAO_USCC_WHY_SIZE 192u

/* What is wrong and what was expected, as a sentence without full stop; "" for QIAO_USCC_OK. text as it was looked at. */
void qiao_uscc_explain(const char *text, const struct qiao_uscc_fault *fault, char why[QIAO_USCC_WHY_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
