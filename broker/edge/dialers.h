/* Links this node dials: again and again, with growing pauses, for as long as the process lives. */
#ifndef EDGE_DIALERS_H
#define EDGE_DIALERS_H

#include "conf/conf.h"
#include "wire/wire.h"

#include <uv.h>

struct dialers;
struct dialer;

/* Prepares one dialer for each link with an address, and starts them. */
int dialers_new(uv_loop_t *loop, struct wire *wire, const struct conf *conf, struct dialers **ret_dialers, char *reterr_text, size_t reterr_size);
/* No more attempts. */
void dialers_stop(struct dialers *dialers);
/* After the wire's endpoints are no longer used; the timers are closed by the loop's walk. Returns NULL. */
struct dialers *dialers_free(struct dialers *dialers);

const char *dialer_node(const struct dialer *dialer);
void dialer_failed(struct dialer *dialer);
/* The stream it had made has ended. */
void dialer_ended(struct dialer *dialer);

#endif
