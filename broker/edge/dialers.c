#include "edge/dialers.h"

#include "base/buf.h"
#include "base/prng.h"

/* A link that lived this long was a good one: the next attempt comes soon. A peer that will not have us says so sooner. */
#define GOOD_MS 250u

struct dialer {
    struct dialers *all;
    struct wire_endpoint *endpoint;
    char *node;
    uv_timer_t timer;
    uint64_t pause_ms;
    uint64_t dialled_at_ms;
};

struct dialers {
    struct dialer *items;
    size_t count;
    uint64_t pause_ms_min, pause_ms_max;
    struct prng prng;
    bool stopped;
    size_t open_timers;
};

static void dial(uv_timer_t *timer)
{
    struct dialer *d = timer->data;
    d->dialled_at_ms = uv_now(timer->loop);
    if (!d->all->stopped) wire_dial(d->endpoint);
}

/* A random part of the pause keeps a thousand children from coming back in step. */
static void dial_later(struct dialer *d)
{
    struct dialers *all = d->all;
    uint64_t pause = d->pause_ms / 2 + prng_below(&all->prng, d->pause_ms / 2 + 1);
    d->pause_ms = d->pause_ms * 2 > all->pause_ms_max ? all->pause_ms_max : d->pause_ms * 2;
    if (!all->stopped) uv_timer_start(&d->timer, dial, pause, 0);
}

void dialer_failed(struct dialer *d)
{
    dial_later(d);
}

void dialer_ended(struct dialer *d)
{
    if (uv_now(d->timer.loop) - d->dialled_at_ms >= GOOD_MS) d->pause_ms = d->all->pause_ms_min;
    dial_later(d);
}

const char *dialer_node(const struct dialer *d)
{
    return d->node;
}

int dialers_new(uv_loop_t *loop, struct wire *wire, const struct conf *conf, struct dialers **ret_dialers, char *reterr_text, size_t reterr_size)
{
    struct dialers *all = base_zalloc(sizeof *all);
    all->items = base_zalloc(conf->links_count * sizeof *all->items);
    all->pause_ms_min = conf->limits.redial_ms_min ? conf->limits.redial_ms_min : 1;
    all->pause_ms_max = conf->limits.redial_ms_max;
    prng_init(&all->prng, uv_hrtime());
    *ret_dialers = all;
    for (size_t i = 0; i < conf->links_count; i++) {
        if (!conf->links[i].to) continue;
        struct dialer *d = &all->items[all->count];
        *d = (struct dialer){ .all = all, .pause_ms = all->pause_ms_min };
        int result = wire_dialer(wire, conf->links[i].to, NULL, d, &d->endpoint, reterr_text, reterr_size);
        if (result != 0) return result;
        d->node = base_strdup(conf->links[i].node);
        uv_timer_init(loop, &d->timer);
        d->timer.data = d;
        all->count++;
        all->open_timers++;
        uv_timer_start(&d->timer, dial, 0, 0);
    }
    return 0;
}

void dialers_stop(struct dialers *all)
{
    all->stopped = true;
    for (size_t i = 0; i < all->count; i++) uv_timer_stop(&all->items[i].timer);
}

static void release(struct dialers *all)
{
    for (size_t i = 0; i < all->count; i++) free(all->items[i].node);
    free(all->items);
    free(all);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct dialer *d = handle->data;
    if (--d->all->open_timers == 0) release(d->all);
}

struct dialers *dialers_free(struct dialers *all)
{
    if (!all) return NULL;
    all->stopped = true;
    if (all->open_timers == 0) release(all);
    else
        for (size_t i = 0, count = all->count; i < count; i++) uv_close((uv_handle_t *)&all->items[i].timer, on_timer_closed);
    return NULL;
}
