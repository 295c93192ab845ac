/* Message kinds. A node forwards kinds it does not know; only a destination must understand them. */
#ifndef QIAO_KIND_H
#define QIAO_KIND_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number, text name). Numbers below 100 belong to the bus itself. */
#define QIAO_KIND_MAP(X)                        \
    X(RECEIPT, 1, "receipt")                    \
    X(DEAD_LETTER, 2, "dead.letter")            \
    X(ORG_REGISTER, 20, "org.register")         \
    X(ORG_UPDATE, 21, "org.update")             \
    X(ORG_SUSPEND, 22, "org.suspend")           \
    X(ORG_CLOSE, 23, "org.close")               \
    X(ORG_CONFIRM, 24, "org.confirm")           \
    X(AREA_DELTA, 25, "area.delta")             \
    X(AREA_CONFIRM, 26, "area.confirm")         \
    X(ATTACHMENT, 30, "attachment")             \
    X(PAYLOAD, 100, "payload")                  \
    X(SEALED, 110, "sealed")                    \
    X(CASE_OPEN, 200, "case.open")              \
    X(CASE_UPDATE, 201, "case.update")          \
    X(CASE_CLOSE, 202, "case.close")            \
    X(REFERRAL_REQUEST, 300, "referral.request") \
    X(REFERRAL_ANSWER, 301, "referral.answer")  \
    X(ALLOCATION_GRANT, 400, "allocation.grant") \
    X(ALLOCATION_ANSWER, 401, "allocation.answer") \
    X(BULLETIN, 500, "bulletin")

enum qiao_kind {
#define X(name, number, text) QIAO_KIND_##name = number,
    QIAO_KIND_MAP(X)
#undef X
};

/* "case.open", or "unknown". Static storage. */
const char *qiao_kind_name(unsigned kind);

/* The number of a text name, or -1. */
int qiao_kind_from_name(const char *name);

#ifdef __cplusplus
}
#endif
#endif
