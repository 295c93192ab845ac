#include "edge/notices.h"

#include <qiao/err.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#define QUIET_NS 10000000000u
/* A table of the last events by hash: a flood of different peers overwrites entries, it does not grow. */
#define SLOTS 256u

struct slot {
    uint64_t hash;
    uint64_t since;
    unsigned suppressed;
};

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash;
}

/* An address without its port: each new connection of a host has another one. */
static uint64_t hash_peer(uint64_t hash, const char *peer)
{
    const char *port = strrchr(peer, ':');
    size_t size = port ? (size_t)(port - peer) : strlen(peer);
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)peer[i]) * 0x100000001b3u;
    return hash;
}

/* True if it is to be said now; *ret_suppressed: how often it was not said since the last time. */
static bool may_say(const char *event, const char *peer, unsigned *ret_suppressed)
{
    static struct slot slots[SLOTS];
    uint64_t hash = hash_peer(hash_text(0xcbf29ce484222325u, event), peer), now = uv_hrtime();
    struct slot *slot = &slots[hash % SLOTS];
    if (slot->hash == hash && now - slot->since < QUIET_NS) {
        slot->suppressed++;
        return false;
    }
    *ret_suppressed = slot->hash == hash ? slot->suppressed : 0;
    *slot = (struct slot){ hash, now, 0 };
    return true;
}

void notice(enum log_level level, const char *event, const char *peer, const char *reason)
{
    unsigned suppressed;
    char count[16];
    if (!may_say(event, peer, &suppressed)) return;
    if (suppressed == 0) {
        log_event(level, event, "peer", peer, "reason", reason, NULL);
        return;
    }
    snprintf(count, sizeof count, "%u", suppressed);
    log_event(level, event, "peer", peer, "reason", reason, "not_shown", count, NULL);
}

void notice_core(void *context, const char *event, const char *peer, unsigned code, const char *reason)
{
    (void)context;
    char text[192];
    snprintf(text, sizeof text, "%s%s%s", code ? qiao_code_name(code) : "", code && *reason ? ": " : "", reason);
    notice(code ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, event, peer, text);
}

void notice_trace(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "%s\n", line);
}
