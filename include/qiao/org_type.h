/* Types of organisations (domain 1.1): what an organisation is in the common frame of leadership, government, society, public and law.
 * Numbers never change and are never reused. */
#ifndef QIAO_ORG_TYPE_H
#define QIAO_ORG_TYPE_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number, text name) */
#define QIAO_ORG_TYPE_MAP(X)            \
    X(COORD, 1, "coord")                \
    X(GOV, 2, "gov")                    \
    X(SUBDISTRICT, 3, "subdistrict")    \
    X(SELFGOV, 4, "selfgov")            \
    X(SOCIAL, 5, "social")              \
    X(UTILITY, 6, "utility")            \
    X(JUDICIAL, 7, "judicial")          \
    X(ARBITRATION, 8, "arbitration")    \
    X(MEDICAL, 9, "medical")            \
    X(OVERSIGHT, 10, "oversight")       \
    X(GATEWAY, 11, "gateway")

enum qiao_org_type {
    QIAO_ORG_TYPE_UNKNOWN = 0,
#define X(name, number, text) QIAO_ORG_TYPE_##name = number,
    QIAO_ORG_TYPE_MAP(X)
#undef X
};

/* "gov", or "unknown". Static storage. */
const char *qiao_org_type_name(unsigned type);

/* The number of a text name, or -1. */
int qiao_org_type_from_name(const char *name);

#ifdef __cplusplus
}
#endif
#endif
