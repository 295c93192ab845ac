/* libqiao: how an adapter is a member of its node.
 *
 * A client owns no thread. Call qiao_client_run() from a plain thread, or watch qiao_client_fd() for reading in an event loop
 * (libuv: uv_poll) and call qiao_client_dispatch() when it is readable or qiao_client_timeout_ms() has passed.
 * All calls and all callbacks of one client happen on one thread; only qiao_client_wake() may be called from another.
 *
 * Several clients may be one member at a time. Deliveries go to the last that came with a deliver callback. Receipts are let go of by one
 * of them, preferably that one; the others get copies. While an adapter is away, a tool under its member name takes its receipts:
 * give tools a member name of their own.
 *
 * Results: 0 is success, positive values are enum qiao_client_result, negative values are -errno. */
#ifndef QIAO_CLIENT_H
#define QIAO_CLIENT_H

#include <qiao/bytes.h>
#include <qiao/err.h>
#include <qiao/id.h>
#include <qiao/kind.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct qiao_client;

enum qiao_client_result {
    QIAO_CLIENT_OK = 0,
    QIAO_CLIENT_BUSY = 1,      /* the outbox holds window_messages or window_bytes unacknowledged: wait for submitted callbacks */
    QIAO_CLIENT_INVALID = 2,   /* a field of the message or option is not valid; qiao_client_error() says which */
    QIAO_CLIENT_TIMEOUT = 3,   /* qiao_client_run: the time is over */
    QIAO_CLIENT_REFUSED = 4,   /* the node will not have this client; qiao_client_error() says why. It does not try again */
    QIAO_CLIENT_UNREACHABLE = 5 /* no link to the node yet */
};

enum qiao_lane { QIAO_LANE_NORMAL = 0, QIAO_LANE_URGENT = 1, QIAO_LANE_BULK = 2 };
enum qiao_status { QIAO_STATUS_ACTUAL = 0, QIAO_STATUS_EXERCISE = 1, QIAO_STATUS_TEST = 2 };
enum qiao_privacy { QIAO_PRIVACY_INTERNAL = 0, QIAO_PRIVACY_PUBLIC = 1, QIAO_PRIVACY_CONFIDENTIAL = 2, QIAO_PRIVACY_SEALED = 3 };
enum qiao_outcome { QIAO_OUTCOME_NONE = 0, QIAO_OUTCOME_ACCEPTED = 1, QIAO_OUTCOME_REFUSED = 2, QIAO_OUTCOME_EXPIRED = 3, QIAO_OUTCOME_DEAD = 4 };
enum qiao_verdict { QIAO_VERDICT_ACCEPT = 0, QIAO_VERDICT_REFUSE = 1, QIAO_VERDICT_RETRY = 2, QIAO_VERDICT_LATER = 3 };

/* area "990101001", org "urban-management", seat "" or "duty". As text: area/org or area/org#seat; "990101/" followed by two
 * asterisks is an area set; svc:mediation.labour is the nearest provider of a service, looked for from the sender's area, or from
 * AREA in AREA/svc:mediation.labour. NULL counts as empty. */
struct qiao_address {
    const char *area;
    const char *org;
    const char *seat;
    const char *service;
};

/* An article of a law in the catalogue of legal bases: "ECO-CODE", "599", and the catalogue's version ("" or NULL: the one in force). */
struct qiao_legal_basis {
    const char *catalogue;
    const char *article;
    const char *version;
};

/* A file that goes beside a message, and after it: qiao_client_attach fills it in. */
struct qiao_attachment {
    uint8_t digest[32];                /* head of the Merkle tree (RFC 9162, 2.1) over its chunks of QIAO_ATTACHMENT_CHUNK_SIZE */
    uint64_t size;                     /* bytes, 1 to QIAO_ATTACHMENT_SIZE_MAX */
    unsigned suite;                    /* 0: SHA-256, 2: SM3 */
};

struct qiao_message {
    struct qiao_id id;                 /* all zero: made on submit */
    unsigned kind;                     /* enum qiao_kind or a kind of your own */
    struct qiao_address source;        /* empty: the client's own address */
    struct qiao_address destination;
    const char *case_id;               /* or NULL; messages of one case keep their order */
    uint64_t case_sequence;
    const char *matter;                /* matter code, or NULL */
    const char *idempotency_key;       /* business id of the legacy record, or NULL */
    struct qiao_id correlation_id;     /* all zero: none */
    uint64_t sent_at_ms;               /* milliseconds since 1970; 0: now */
    uint64_t expires_at_ms;            /* 0: never */
    enum qiao_lane lane;
    enum qiao_status status;
    enum qiao_privacy privacy;
    const struct qiao_legal_basis *legal_basis; /* legal_basis_count of them, at most QIAO_BASES_MAX; or NULL */
    size_t legal_basis_count;
    const char *purpose;               /* or NULL */
    const char *retention_rule;        /* or NULL */
    uint64_t retention_not_after_ms;   /* 0: as long as the rule says */
    uint64_t pi_mask;                  /* personal data in the body: QIAO_PI_… of qiao/personal_data.h */
    const char *consent_ref;           /* the consent this relies on, or NULL */
    uint64_t event_at_ms;              /* the day the legal basis is judged on; 0: sent_at_ms */
    const struct qiao_attachment *attachments; /* attachments_count of them, at most QIAO_ATTACHMENTS_MAX; or NULL */
    size_t attachments_count;
    struct qiao_bytes body;            /* protobuf of the kind; at most QIAO_BODY_SIZE_MAX */
};

/* A delivered message. Everything in it is borrowed for the callback. */
struct qiao_delivery {
    struct qiao_message message;
    uint64_t token;                    /* for qiao_client_verdict */
    unsigned attempt;                  /* 1, 2, … */
    const char *rerouted_from;         /* the area the sender wrote, if it was voided and this node's took over; "" if not */
};

struct qiao_receipt {
    struct qiao_id message_id;
    enum qiao_outcome outcome;
    unsigned code;                     /* enum qiao_code, of REFUSED and DEAD */
    const char *reason;                /* "" without one */
    struct qiao_address recipient;
    uint64_t at_ms;
};

struct qiao_client_handler {
    /* The link came up or went down; code tells why it went down. The client dials again by itself. May be NULL. */
    void (*link)(void *context, bool up, unsigned code, const char *reason);
    /* The node has the message on disk; the outbox has let go of it. Called once per submitted message, in order of submission per lane. May be NULL. */
    void (*submitted)(void *context, const struct qiao_id *id);
    /* The terminal outcome of a message this client submitted. The node lets go of it with the next qiao_client_dispatch: what the
     * adapter keeps of it should be on disk by then. Repeated after a crash of this process before that. May be NULL. */
    void (*receipt)(void *context, const struct qiao_receipt *receipt);
    /* A message for this member. Answer QIAO_VERDICT_ACCEPT; QIAO_VERDICT_REFUSE or _RETRY after qiao_client_explain(); or
     * QIAO_VERDICT_LATER and call qiao_client_verdict() with the token afterwards. The node delivers again until there is a verdict,
     * so the same message id can come twice: make its effect once. NULL: this client receives nothing. */
    enum qiao_verdict (*deliver)(void *context, const struct qiao_delivery *delivery);
    /* A file of qiao_client_attach is with the node, whole and on disk (code 0), or will not be: the node gave up, or the file has changed
     * or cannot be read any more. It is not offered any longer. May be NULL. */
    void (*attached)(void *context, const struct qiao_attachment *attachment, unsigned code);
    /* A file of qiao_client_fetch lies under path, whole, verified and on disk (code 0), or will not: QIAO_CODE_ATTACHMENT_GONE, _NOT_FOUND
     * (no message with it was delivered to this member), _DIGEST, or _BUSY: it cannot be written here. May be NULL. */
    void (*fetched)(void *context, const struct qiao_attachment *attachment, const char *path, unsigned code);
};

struct qiao_client_options {
    const char *node;                  /* "ipc:///run/qiao/node" or "tls+tcp://host:7701"; NULL: environment QIAO_NODE */
    const char *member;                /* member name at that node; NULL for a tool that only asks (qiao status) */
    const char *certificate_file, *key_file, *ca_file; /* for tls+tcp */
    const char *outbox;                /* directory of the durable outbox; NULL: kept in memory, lost with the process */
    uint32_t window_messages;          /* unacknowledged at most; 0: 4096 */
    uint64_t window_bytes;             /* 0: 8 MiB */
    uint32_t delivery_messages;        /* deliveries without verdict this client takes at most; 0: 4096 */
    uint32_t redial_ms_max;            /* 0: 2000 */
    /* The member signs its messages itself, and ca_file is needed over any transport; NULL: its node signs for it. The certificate names
     * AREA/ORG; the key is a PEM file, or a token's key by its URI (pkcs11:…, RFC 7512); passphrase or PIN stand in a file's first line. */
    const char *sign_certificate_file, *sign_key_file, *sign_passphrase_file;
    bool owns_nng;                     /* nothing else in this process uses NNG: of its threads one is left to work, which makes it quicker */
};

/* Opens the outbox and starts dialling. Strings in options are copied. reterr_text gets a sentence on failure. */
int qiao_client_new(const struct qiao_client_options *options, const struct qiao_client_handler *handler, void *context,
                    struct qiao_client **ret_client, char *reterr_text, size_t reterr_size);

/* Ends without waiting. What is in a durable outbox is sent by the next client. Returns NULL. */
struct qiao_client *qiao_client_free(struct qiao_client *client);

/* Puts a message into the outbox and sends it as soon as credit allows; copied. *ret_id (may be NULL) gets the id.
 * With a durable outbox the message is on disk when the next qiao_client_flush, _run or _dispatch returns, and is sent only then. */
int qiao_client_submit(struct qiao_client *client, const struct qiao_message *message, struct qiao_id *ret_id);

/* The outbox made durable now. */
int qiao_client_flush(struct qiao_client *client);

/* Messages in the outbox that the node has not acknowledged. */
size_t qiao_client_unacknowledged(const struct qiao_client *client);

/* Reason and code for the REFUSE or RETRY that the running deliver callback returns. Copied. retry_after_ms only for RETRY; 0: the node decides. */
void qiao_client_explain(struct qiao_client *client, unsigned code, const char *reason, uint64_t retry_after_ms);

/* The verdict of a delivery that was answered with QIAO_VERDICT_LATER. A token of an older link is ignored: the message comes again. */
int qiao_client_verdict(struct qiao_client *client, uint64_t token, enum qiao_verdict verdict, unsigned code, const char *reason, uint64_t retry_after_ms);

/* Reads the file once, in bounded memory, fills in *ret_attachment for the messages that are to carry it, and offers it to the node until
 * that has it whole. The message may be submitted at once: it goes ahead. The file must stay as it is until the attached callback. After a
 * restart attach it again: only what the node lacks is sent. QIAO_CLIENT_INVALID (empty, too large), or -errno. */
int qiao_client_attach(struct qiao_client *client, const char *path, struct qiao_attachment *ret_attachment);
/* Files attached and not with the node yet, and files being fetched. */
size_t qiao_client_files(const struct qiao_client *client);
/* Asks the node for an attachment of a delivered message and saves it under path, as path.part until it is whole; a .part of an earlier
 * attempt is gone on with. The node may still be waiting for it: then it comes when it is there. -errno if it cannot be made. */
int qiao_client_fetch(struct qiao_client *client, const struct qiao_attachment *attachment, const char *path);

/* Readable when qiao_client_dispatch has something to do. Borrowed. */
int qiao_client_fd(const struct qiao_client *client);
/* Milliseconds until qiao_client_dispatch must be called anyway; -1: no limit. */
int qiao_client_timeout_ms(struct qiao_client *client);
/* Does what is due without waiting. QIAO_CLIENT_REFUSED when the node will not have this client. */
int qiao_client_dispatch(struct qiao_client *client);
/* Waits for and handles events for timeout_ms (-1: for ever) or until qiao_client_stop() is called from a callback. */
int qiao_client_run(struct qiao_client *client, int timeout_ms);
void qiao_client_stop(struct qiao_client *client);
/* Makes qiao_client_run return early; any thread. */
void qiao_client_wake(struct qiao_client *client);
/* Lets the node acknowledge everything submitted, gives open verdicts back for redelivery, and says goodbye; QIAO_CLIENT_TIMEOUT when not all was acknowledged in time. */
int qiao_client_close(struct qiao_client *client, int timeout_ms);

bool qiao_client_is_up(const struct qiao_client *client);
/* The last error in words, for people. Borrowed, overwritten by the next call. */
const char *qiao_client_error(const struct qiao_client *client);

/* A request of the administration protocol (admin.proto), already packed; the reply callback gets each packed AdminReply. For `qiao`. */
typedef void (*qiao_admin_reply)(void *context, struct qiao_bytes packed);
int qiao_client_admin(struct qiao_client *client, struct qiao_bytes packed_request, qiao_admin_reply reply, void *context);

/* Reads "area/org#seat", an area set or a service into address; the strings point into buffer, which must hold at least strlen(text) + 3 bytes. False if not valid. */
bool qiao_address_parse(const char *text, char *buffer, size_t buffer_size, struct qiao_address *ret_address);

#ifdef __cplusplus
}
#endif
#endif
