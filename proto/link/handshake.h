/* The two frames that bring a link up. Used by link.c only. */
#ifndef LINK_HANDSHAKE_H
#define LINK_HANDSHAKE_H

#include "link/link.h"

void handshake_put_hello(const struct link *link, struct buf *out);
/* Fills link->peer and link->version. Returns a QIAO_CODE. */
unsigned handshake_take_hello(struct link *link, struct qiao_bytes payload);
/* False if the own key cannot sign. */
bool handshake_put_auth(const struct link *link, struct buf *out);
/* Checks the signature and sets where every lane goes on. Returns a QIAO_CODE. */
unsigned handshake_take_auth(struct link *link, struct qiao_bytes payload);

/* The peer's side of a lane: what it has (received), where it goes on (next), its custody chain there. */
void handshake_take_resume(struct link *link, unsigned lane, const struct link_resume *theirs);

#endif
