/* Fields of personal data that a body may hold, one bit each of Header.pi_mask. A sender declares what is in the body; a policy file
 * says which fields a kind may carry (minimisation: PIPL 个人信息保护法 Art 6, 19, 34). Bits never change and are never reused.
 * A field that is a mere token of another system (contact_token) is no personal data here: it cannot be turned into a person by whoever
 * does not hold that system. */
#ifndef QIAO_PERSONAL_DATA_H
#define QIAO_PERSONAL_DATA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, bit, text name, what it covers). From bit 32 on: sensitive in the sense of PIPL Art 28. */
#define QIAO_PERSONAL_DATA_MAP(X)                                                             \
    X(NAME, 0, "name", "name of a person, also in running text")                              \
    X(ID_NUMBER, 1, "id-number", "number of an identity card, passport or the like")          \
    X(CONTACT, 2, "contact", "telephone number, postal or electronic address to reach them")  \
    X(HOME, 3, "home", "where a person lives, to the dwelling")                               \
    X(BIRTH, 4, "birth", "date of birth or age")                                              \
    X(GENDER, 5, "gender", "gender")                                                          \
    X(FAMILY, 6, "family", "relatives and household")                                         \
    X(WORK, 7, "work", "employer, occupation, post")                                          \
    X(IMAGE, 8, "image", "picture or recording in which a person can be recognised")          \
    X(PLATE, 9, "plate", "number plate of a vehicle")                                         \
    X(SIGNATURE, 10, "signature", "signature or seal of a person")                            \
    X(STATEMENT, 11, "statement", "what a person said, as far as it tells of them or others") \
    X(HEALTH, 32, "health", "health, diagnosis, treatment")                                   \
    X(BIOMETRIC, 33, "biometric", "face, finger print, voice print and the like as templates") \
    X(BELIEF, 34, "belief", "religious belief")                                               \
    X(IDENTITY, 35, "identity", "particular identities, such as a criminal record")           \
    X(ACCOUNT, 36, "account", "financial accounts and income")                                \
    X(WHEREABOUTS, 37, "whereabouts", "movements of a person")                                \
    X(MINOR, 38, "minor", "any data of a person under 14")

#define X(name, bit, text, covers) static const uint64_t QIAO_PI_##name = (uint64_t)1 << bit;
QIAO_PERSONAL_DATA_MAP(X)
#undef X

/* The bit of a text name, or 0. */
uint64_t qiao_personal_data_from_name(const char *name);

/* "name", "health"; NULL if no such bit is known. Static storage. */
const char *qiao_personal_data_name(unsigned bit);

#ifdef __cplusplus
}
#endif
#endif
