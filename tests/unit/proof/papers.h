/* Whole proofs as documents, by the simulator's keys: 990101/court, whose node is street, to 990102/office, whose node is district. */
#ifndef PROOF_PAPERS_H
#define PROOF_PAPERS_H

#include "sim.h"

struct papers {
    struct sim *sim;               /* keys hang on its seed */
    struct sim_keys street, court, district;
};

/* Keys point into papers: it stays where it is. */
void papers_begin(struct papers *papers);
void papers_end(struct papers *papers);

struct papers_options {
    bool by_member;                /* the court signs itself; else its node */
    const struct sim_keys *decider; /* NULL: district */
    unsigned status, code;
    uint64_t received_ms;          /* when custody was signed */
};

/* Appends the dossier. */
void papers_dossier(const struct papers *papers, const struct papers_options *options, struct buf *dossier);

#endif
