/* What a message of the register says, and whether it makes sense by itself. */
#ifndef CORE_REGISTRY_CONTENT_H
#define CORE_REGISTRY_CONTENT_H

#include "base/arena.h"
#include "core/registry.h"

#define REGISTRAR_SIZE (QIAO_AREA_SIZE_MAX + QIAO_ORG_SIZE_MAX + 2)

/* Strings lie in the arena it was read with, or in the envelope. */
struct org_change {
    const struct envelope *e;
    uint32_t kind;
    const char *org;
    uint64_t version;
    Qiao__V1__Organisation *organisation; /* REGISTER, UPDATE */
    bool lifted;                           /* SUSPEND */
    const char *reason;                    /* SUSPEND, CLOSE */
    char **succession;                     /* CLOSE */
    size_t succession_count;
    uint32_t confirmed_kind;               /* CONFIRM */
    ProtobufCBinaryData confirmed_digest;
    const uint8_t *digest;                 /* of the body, SEAL_DIGEST_SIZE */
    char registrar[REGISTRAR_SIZE];        /* area/org */
};

/* QIAO_CODE_OK, or why the message cannot be an entry of anybody's register, with a sentence. */
unsigned content_read(struct arena *arena, const struct envelope *e, struct org_change *ret_change, char reason[REGISTRY_REASON_SIZE]);

/* Whether seats that have keys differ in name, keys or time. */
bool content_keys_differ(const Qiao__V1__Organisation *a, const Qiao__V1__Organisation *b);

unsigned content_refuse(char reason[REGISTRY_REASON_SIZE], unsigned code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
