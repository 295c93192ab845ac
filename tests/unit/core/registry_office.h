/* A register by itself, with a store that is a list, registrars who write to it, and what became of their messages. */
#ifndef TEST_REGISTRY_OFFICE_H
#define TEST_REGISTRY_OFFICE_H

#include "core/registry.h"

enum { RECORDS_MAX = 300, DECISIONS_MAX = 64 };

struct office_record {
    struct key key;
    struct buf value;
};

struct office {
    struct registry *registry;
    struct office_record records[RECORDS_MAX];
    size_t records_count;
    struct {
        struct qiao_id id;
        unsigned code;
        char reason[REGISTRY_REASON_SIZE];
    } decisions[DECISIONS_MAX];
    size_t decisions_count;
    bool at_origin;
    bool required;
    uint64_t now_ms;
    uint8_t last_id;
    char reason[REGISTRY_REASON_SIZE]; /* of the last office_judge */
};

void office_init(struct office *office);
void office_deinit(struct office *office);
/* The process ends; what was put is loaded again. */
void office_restart(struct office *office);

/* A message of AREA/ORG (perhaps #SEAT). Its id has the returned number in its last byte. */
struct letter {
    const char *from;
    unsigned kind;
    const ProtobufCMessage *body;
    const char *to;            /* NULL: 990101, all of it */
    unsigned lane, status;
    uint64_t expires_at_ms;
};
/* Takes it as a node does: at the origin judged first, and not taken if refused. Returns its number. */
uint8_t office_take(struct office *office, const struct letter *letter);
/* The same with any bytes for a body. */
uint8_t office_take_bytes(struct office *office, const char *from, unsigned kind, struct qiao_bytes body);
bool office_waits(const struct office *office, uint8_t number);
/* The code of the decision on a message, or -1: none yet. It must not have been decided twice. */
int office_decision(const struct office *office, uint8_t number);
const char *office_reason(const struct office *office, uint8_t number);
void office_tick(struct office *office);
/* The digest of a body, for who confirms it. Borrowed until the next call. */
ProtobufCBinaryData office_digest(const ProtobufCMessage *body);

#endif
