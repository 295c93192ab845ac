#include "edge/cadence.h"

/* A hop has CADENCE_URGENT messages in this time, or more: then the next one is near. */
#define OFTEN_US 8000u
#define COMPANY_US 3000u
/* A batch this large is worth a thread of its own: the loop reads on meanwhile. */
#define BRIEF_BYTES_MAX (32u * 1024u)
/* A disk that took longer may do so again, and the loop must not stand still for it. */
#define BRIEF_US_MAX 5000u
/* With a slow key that many signatures fit between two commits that sign: each is checked at every hop too. */
#define SIGNATURES_AN_INTERVAL 15u
#define SIGNATURE_INTERVAL_MS_MIN 3u /* below it is not worth waiting */
#define SIGNATURE_INTERVAL_MS_MAX 25u

void cadence_init(struct cadence *cadence, uint64_t signature_us)
{
    uint64_t interval_ms = signature_us * SIGNATURES_AN_INTERVAL / 1000;
    *cadence = (struct cadence){ .took_us = BRIEF_US_MAX + 1 };
    if (interval_ms > SIGNATURE_INTERVAL_MS_MAX) interval_ms = SIGNATURE_INTERVAL_MS_MAX;
    if (interval_ms >= SIGNATURE_INTERVAL_MS_MIN) cadence->signature_interval_ms = (uint32_t)interval_ms;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* When a batch without a message goes, if none joins it. */
static uint64_t company_due(const struct cadence *cadence, uint64_t now_us)
{
    uint64_t oldest_us = cadence->urgent_us[cadence->urgent_next];
    return oldest_us > 0 && now_us < oldest_us + OFTEN_US ? cadence->began_us + COMPANY_US : 0;
}

uint32_t cadence_wait_ms(const struct cadence *cadence, const struct cadence_batch *batch, uint64_t now_us)
{
    uint64_t due_us = 0;
    if (batch->closed) return 0;
    if (batch->signs && cadence->signature_interval_ms > 0) due_us = cadence->signed_us + cadence->signature_interval_ms * 1000u;
    if (!batch->urgent && batch->bytes < BRIEF_BYTES_MAX) due_us = later(due_us, company_due(cadence, now_us));
    return due_us > now_us ? (uint32_t)((due_us - now_us + 999) / 1000) : 0;
}

bool cadence_is_brief(const struct cadence *cadence, const struct cadence_batch *batch)
{
    return batch->bytes < BRIEF_BYTES_MAX && cadence->took_us <= BRIEF_US_MAX && cadence->signature_interval_ms == 0;
}

void cadence_begins(struct cadence *cadence, const struct cadence_batch *batch, uint64_t now_us)
{
    cadence->began_us = now_us;
    if (batch->signs) cadence->signed_us = now_us;
    if (!batch->urgent) return;
    cadence->urgent_us[cadence->urgent_next] = now_us;
    cadence->urgent_next = (cadence->urgent_next + 1) % CADENCE_URGENT;
}

void cadence_ended(struct cadence *cadence, bool quick, uint64_t now_us)
{
    cadence->took_us = quick ? now_us - cadence->began_us : BRIEF_US_MAX + 1;
}
