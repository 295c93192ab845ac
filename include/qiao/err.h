/* Codes that travel: refusals, link closes, admin errors. Numbers never change and are never reused.
 * Inside a process, functions follow the two-sign rule: negative = fatal here, forwarded; 0 = done;
 * positive = an outcome of that function, named in its header, handled by the caller. */
#ifndef QIAO_ERR_H
#define QIAO_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number, text) */
#define QIAO_CODE_MAP(X)                                                                     \
    X(OK, 0, "no error")                                                                     \
    /* 1-99: frames and links */                                                             \
    X(FRAME_MAGIC, 1, "the bytes are not a Qiao frame")                                      \
    X(FRAME_VERSION, 2, "frame version not supported")                                       \
    X(FRAME_SIZE, 3, "frame larger than allowed")                                            \
    X(FRAME_TYPE, 4, "frame type unknown or not allowed in this state")                      \
    X(FRAME_BODY, 5, "frame content is not valid")                                           \
    X(LINK_VERSION, 6, "no common protocol version")                                         \
    X(LINK_IDENTITY, 7, "peer is not who it says, or is not configured here")                \
    X(LINK_SIGNATURE, 8, "handshake signature does not verify")                              \
    X(LINK_SEQUENCE, 9, "gap in the sequence of a lane")                                     \
    X(LINK_CREDIT, 10, "more sent than credit allows")                                       \
    X(LINK_TIMEOUT, 11, "peer was silent too long")                                          \
    X(LINK_REPLACED, 12, "a newer link of the same peer took over")                          \
    X(LINK_SHUTDOWN, 13, "node is shutting down")                                            \
    X(LINK_LIMIT, 14, "too many links or handshakes")                                        \
    X(LINK_CLOCK, 15, "clocks of the two sides differ too much")                             \
    X(LINK_CUSTODY, 16, "custody receipt does not fit what was sent")                        \
    /* 100-199: messages */                                                                  \
    X(MALFORMED, 100, "message cannot be decoded")                                           \
    X(TOO_LARGE, 101, "message or field larger than allowed")                                \
    X(DIGEST, 102, "body does not match the digest in the header")                           \
    X(CONFLICT, 103, "same id with other content")                                           \
    X(NO_ROUTE, 104, "no way to the destination area")                                       \
    X(UNKNOWN_MEMBER, 105, "destination organisation is not a member of its node")           \
    X(UNKNOWN_KIND, 106, "destination does not understand this kind")                        \
    X(HOPS, 107, "too many hops")                                                            \
    X(EXPIRED, 108, "time of expiry has passed")                                             \
    X(SOURCE, 109, "sender may not use this source address")                                 \
    X(BUSY, 110, "node cannot take more now, try again later")                               \
    X(QUOTA, 111, "sender's quota is used up")                                               \
    X(RETRIES, 112, "delivery was retried as often as allowed")                              \
    X(ADDRESS, 113, "address is not valid")                                                  \
    X(WILDCARD, 114, "area sets are for public notices only")                                \
    X(SECRET, 115, "state and work secrets may not travel on this bus")                      \
    X(UNSIGNED, 116, "message is not signed, and this node takes signed ones only")          \
    X(SIGNATURE, 117, "signature does not verify")                                           \
    X(UNKNOWN_KEY, 118, "certificate of the signer is not known, or not of this federation") \
    X(KEY_EXPIRED, 119, "certificate of the signer was not in force")                        \
    X(KEY_REVOKED, 120, "certificate of the signer is revoked")                              \
    X(SUITE, 121, "signature suite is not accepted here")                                    \
    X(FORGED, 122, "signer may not speak for this source")                                   \
    X(STALE, 123, "signed longer ago than this node takes messages")                         \
    X(AHEAD, 124, "signed at a time that has not come: a clock is wrong")                    \
    X(CRASHES, 140, "each delivery ended the session of the member without an answer")       \
    X(CANNOT_RECEIVE, 125, "encrypted for another key, or for one that cannot receive")      \
    X(NO_PROVIDER, 126, "no provider of the service is known")                               \
    X(UNKNOWN_SEAT, 127, "destination organisation has no such seat")                        \
    X(ATTACHMENT_PLAIN, 142, "a sealed message may not carry attachments: seal them into its body") \
    X(ATTACHMENT_GONE, 143, "attachment is not kept here any more, or its sender does not have it") \
    /* 200-299: verdicts of members */                                                       \
    X(REFUSED_BY_MEMBER, 200, "refused by the member without a code of its own")             \
    X(NOT_COMPETENT, 201, "matter is not within the remit of this organisation")             \
    X(INCOMPLETE, 202, "required content is missing")                                        \
    X(DUPLICATE_CASE, 203, "case is already known under another id")                         \
    /* 230-269: policy and sealed bodies (domain.md 20, without the E_) */                   \
    X(NO_BASIS, 230, "legal basis is missing or not in the catalogue")                       \
    X(BASIS_EXPIRED, 231, "legal basis was not in force on the day of the event")            \
    X(PURPOSE, 232, "purpose is not allowed for this kind")                                  \
    X(PI_EXCESS, 233, "more personal data than this kind may carry")                         \
    X(CONSENT, 234, "consent is missing, expired or for another recipient")                  \
    X(PLAINTEXT_SEALED, 235, "a body of this class must be sealed")                          \
    X(ROUTE_DENIED, 236, "policy does not let this sender send this kind there")             \
    X(RATE, 237, "more of these messages than policy allows")                                \
    X(RECIPIENT_CHANGED, 238, "sealed for an organisation that has changed: consent again")  \
    X(RETENTION, 239, "retention is longer than the rule allows")                            \
    X(RULE, 240, "refused by a rule of a node")                                              \
    X(DRILL, 241, "an exercise or a test, and the recipient takes none")                     \
    /* 270-299: registry of organisations */                                                 \
    X(ORG_UNREGISTERED, 270, "organisation is not registered")                               \
    X(ORG_SUSPENDED, 271, "organisation is suspended")                                       \
    X(ORG_CLOSED, 272, "organisation is closed: its successor takes over")                   \
    X(ORG_USCC, 273, "unified social credit code is not valid")                              \
    X(ORG_TAKEN, 274, "another live organisation has this code or name")                     \
    X(ORG_DUAL_CONTROL, 275, "a second registrar must agree")                                \
    X(ORG_SUCCESSOR, 276, "a closed organisation must name its successor")                   \
    /* 290-299: areas */                                                                     \
    X(AREA_VOID, 290, "area code was voided and no area took over")                          \
    X(AREA_AMBIGUOUS, 291, "area code was voided and the area divided: use the new code")    \
    X(AREA_OLD, 292, "area code was voided too long ago: use the new code")                  \
    X(AREA_BASE, 293, "change of the table of areas begins with another version")            \
    X(AREA_DELTA, 294, "change of the table of areas does not make what it promises")        \
    /* 300-399: administration */                                                            \
    X(ADMIN_REQUEST, 300, "request not understood")                                          \
    X(NOT_FOUND, 301, "not found")                                                           \
    X(NOT_ALLOWED, 302, "not allowed for this member")                                       \
    X(BUNDLE, 303, "not a bundle for this node")                                             \
    X(BUNDLE_GAP, 304, "an earlier bundle of this peer was not taken yet")

enum qiao_code {
#define X(name, number, text) QIAO_CODE_##name = number,
    QIAO_CODE_MAP(X)
#undef X
};

/* The stable name without prefix, such as "NO_ROUTE", or "UNKNOWN" for a number from a newer version. Static storage. */
const char *qiao_code_name(unsigned code);

/* One English sentence for people. Static storage. */
const char *qiao_code_text(unsigned code);

/* The number of a stable name, or -1. */
int qiao_code_from_name(const char *name);

#ifdef __cplusplus
}
#endif
#endif
