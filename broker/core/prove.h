/* What the store knows of a message's way, as parts of a dossier (proto/schema/dossier.proto). */
#ifndef CORE_PROVE_H
#define CORE_PROVE_H

#include "core/state.h"

/* A dossier has to fit a frame, with room around it. */
#define DOSSIER_SIZE_MAX (3u * 1024u * 1024u)

/* A message as units of custody name it: alone, or with its group. */
struct prove_name {
    struct merkle_hash leaf, root;
};

struct prove_hop {
    const struct peer *peer;       /* it was handed to this node; NULL: it went no further from here */
    const char *why_missing;       /* the receipt for that cannot be shown; NULL: it was appended */
};

/* At the origin: everything but the custody. OK, NOT_FOUND or NOT_ALLOWED with a reason. *ret_is_named: false for a message that was
 * refused before it was signed, which has no name and was handed to nobody. */
unsigned prove_origin(struct core *core, const struct qiao_id *id, struct buf *dossier, struct prove_name *ret_name, bool *ret_is_named, const char **ret_reason);
/* The custody of the next node, as its receipts and this node's books have it. */
struct prove_hop prove_custody(struct core *core, const struct prove_name *name, struct buf *dossier);

#endif
