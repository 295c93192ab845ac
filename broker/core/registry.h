/* The register of organisations as one node keeps it (domain.md 1.1). Pure: messages come in, changes of records and decisions go out through a
 * sink. Registrars change it; a changed key and a closure take effect when a second one has confirmed the very same message.
 *
 * The node where a message enters the bus judges it first: versions follow each other there, and the time a change may wait for the second
 * registrar is measured there. Other nodes apply what was let through in the order of versions, and keep what comes too early. */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include "core/keys.h"

#include "schema/organisation.pb-c.h"

#include <qiao/err.h>
#include <qiao/kind.h>

#define REGISTRY_REASON_SIZE 512u
#define REGISTRY_BODY_SIZE_MAX (32u * 1024u)
#define REGISTRY_ORGANISATIONS_MAX 100000u
#define REGISTRY_WAITING_MAX 256u
/* Behind the node where messages enter: longer than any message stays on the way. */
#define REGISTRY_GRACE_MS (30ull * 24 * 3600 * 1000)

/* All strings are copied. */
struct registry_options {
    const char *const *registrars; /* area/org or area/org#seat */
    size_t registrars_count;
    bool required;                 /* who is not registered may not send */
    uint64_t confirm_within_ms;
};

struct registry_sink {
    void *context;
    void (*put)(void *context, const struct key *key, struct qiao_bytes value);
    void (*remove)(void *context, const struct key *key);
    /* The message has ended. code QIAO_CODE_OK: accepted. reason is a sentence, or "". */
    void (*decided)(void *context, const struct envelope *e, unsigned code, const char *reason);
};

/* One organisation, borrowed until the register changes. */
struct organisation {
    char *id, *code, *name, *area; /* code: unified social credit code, or "" */
    Qiao__V1__OrgState state;
    uint64_t version;
    uint32_t kind;                 /* of the last message applied */
    uint8_t digest[SEAL_DIGEST_SIZE];
    struct buf record;             /* packed OrgRecord, as stored */
};

/* A message that waits. */
struct registry_waiting {
    uint64_t number;               /* order of arrival, in the key */
    uint64_t since_ms, until_ms;
    bool for_version;              /* an earlier version has not come; else the second registrar is waited for */
    struct buf raw;                /* the envelope */
    char *org, *registrar;
    uint64_t version;
    uint32_t kind;
    uint8_t digest[SEAL_DIGEST_SIZE];
};

struct registry;

struct registry *registry_new(const struct registry_options *options);
struct registry *registry_free(struct registry *registry); /* returns NULL */
/* Takes over one record of the store. False: it is not sound. */
bool registry_load(struct registry *registry, struct qiao_bytes key, struct qiao_bytes value);
/* NULL if a record is sound, else what is wrong with it. */
const char *registry_check_record(struct qiao_bytes key, struct qiao_bytes value);

static inline bool registry_is_kind(uint32_t kind) { return kind >= QIAO_KIND_ORG_REGISTER && kind <= QIAO_KIND_ORG_CONFIRM; }

/* May a message from there change what registrars keep? */
bool registry_is_registrar(const struct registry *registry, const struct address *source);
bool registry_has_registrars(const struct registry *registry);

/* Would it be taken, at once or to wait? Changes nothing. Else the code of the refusal, with a sentence. */
unsigned registry_judge(struct registry *registry, const struct envelope *e, bool at_origin, uint64_t now_ms, char reason[REGISTRY_REASON_SIZE]);
/* Takes it. decided is called for it, now or once it has waited, and for each message that ends because of it. */
void registry_take(struct registry *registry, const struct envelope *e, bool at_origin, uint64_t now_ms, const struct registry_sink *sink);
/* Ends what has waited too long. */
void registry_tick(struct registry *registry, uint64_t now_ms, const struct registry_sink *sink);

/* The organisation a member belongs to: the one with its code, or, for a member without, the one of its name in its area. NULL: none. */
const struct organisation *registry_of_member(const struct registry *registry, const char *code, const char *name, const char *area);
/* May it take part? organisation NULL: not registered, which matters to senders only. */
unsigned registry_admits(const struct registry *registry, const struct organisation *organisation, bool sends, char reason[REGISTRY_REASON_SIZE]);

const struct organisation *registry_find(const struct registry *registry, const char *id);
/* The organisation at index in the order of ids, and the index of the first behind id. */
const struct organisation *registry_at(const struct registry *registry, size_t index);
size_t registry_behind(const struct registry *registry, const char *id);
const struct registry_waiting *registry_waiting_at(const struct registry *registry, size_t index);
/* Goes up with each change. Starts above 0. */
uint64_t registry_changes(const struct registry *registry);

#endif
