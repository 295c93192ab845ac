/* Writes the seeds of corpus/dossier: whole proofs, with all digests zero as fuzz_dossier takes them.
 *
 *   make_fuzz_dossiers tests/fuzz/corpus/dossier */
#include "../unit/proof/papers.h"

#include <stdio.h>

static void zeros(enum seal_suite suite, const struct qiao_bytes *parts, size_t parts_count, uint8_t ret_digest[SEAL_DIGEST_SIZE])
{
    (void)suite;
    (void)parts;
    (void)parts_count;
    memset(ret_digest, 0, SEAL_DIGEST_SIZE);
}

/* Key ids are zero as well: the digest of any certificate. */
static void flatten(struct sim_keys *keys)
{
    keys->seal.digest = zeros;
    memset(keys->known[0].id.bytes, 0, SEAL_KEY_ID_SIZE);
}

static void write_seed(const char *folder, const char *name, const struct papers *p, const struct papers_options *options)
{
    buf_auto dossier = { 0 };
    char path[4096];
    papers_dossier(p, options, &dossier);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(dossier.data, 1, dossier.size, file) != dossier.size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int count, char **words)
{
    static struct papers p;
    if (count != 2) return fprintf(stderr, "usage: %s FOLDER\n", words[0]), 2;
    papers_begin(&p);
    flatten(&p.street);
    flatten(&p.court);
    flatten(&p.district);
    write_seed(words[1], "accepted", &p, &(struct papers_options){ .status = QIAO_OUTCOME_ACCEPTED });
    write_seed(words[1], "refused", &p, &(struct papers_options){ .status = QIAO_OUTCOME_REFUSED, .code = QIAO_CODE_NOT_COMPETENT });
    write_seed(words[1], "open", &p, &(struct papers_options){ .by_member = true });
    papers_end(&p);
    return 0;
}
