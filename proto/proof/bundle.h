/* A page of a bundle: what one node would send another over a link, signed and encrypted (schema/bundle.proto). */
#ifndef PROOF_BUNDLE_H
#define PROOF_BUNDLE_H

#include "seal/seal.h"

#include <qiao/client.h>

struct bundle_lane {
    uint64_t received, next;
    struct qiao_bytes next_chain;  /* SEAL_DIGEST_SIZE bytes, or empty */
};

/* Bytes are borrowed. */
struct bundle_page {
    struct qiao_bytes from, area, to;
    uint64_t incarnation, to_incarnation, made_at_ms;
    struct bundle_lane lanes[QIAO_LANES];
    struct qiao_bytes certificates; /* packed fields 8, for bundle_next_certificate */
    struct qiao_bytes frames;
};

void bundle_page_write(const struct bundle_page *page, struct buf *out);
/* False if the bytes are no page. */
bool bundle_page_read(struct qiao_bytes bytes, struct bundle_page *ret_page);
void bundle_put_certificate(struct buf *certificates, struct qiao_bytes certificate);
/* Walks page->certificates; *at begins at 0. */
bool bundle_next_certificate(const struct bundle_page *page, size_t *at, struct qiao_bytes *ret_certificate);

/* Signs a page with the own key and encrypts it for the holder of a certificate that is known. Appends to out; *ret_holder says whose the
 * certificate is. OK, SIGNATURE (the own key cannot sign), or wrap's. */
unsigned bundle_close(const struct seal *seal, const struct seal_key_id *to, struct qiao_bytes page, struct buf *out, struct seal_identity *ret_holder);
/* The way back: appends the page to out and says who signed it, with which key. OK, BUNDLE, or unwrap's, learn's and verify's. */
unsigned bundle_open(const struct seal *seal, struct qiao_bytes wrapped, uint64_t now_ms, struct buf *out, struct seal_identity *ret_signer, unsigned *ret_suite,
                     struct seal_key_id *ret_key_id);

#endif
