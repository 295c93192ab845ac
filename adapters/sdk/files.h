/* The files of attachments on disk: those offered are read, those fetched are written as PATH.part and renamed when they are whole. */
#ifndef SDK_FILES_H
#define SDK_FILES_H

#include "codec/attachment.h"
#include "seal/seal.h"

struct file {
    struct attachment_ref ref;
    bool fetched;
    int fd;
    char *path;   /* owned */
};

struct files {
    struct file *files;
    size_t count, capacity;
};

/* Reads the file and fills in ret_ref (suite is given). *ret_leaves: malloc'd, one a chunk. Positive: empty or too large; negative: -errno. */
int files_offer(struct files *files, const struct seal *seal, const char *path, struct attachment_ref *ret_ref, uint8_t **ret_leaves);
/* *ret_there: whole chunks that lie in PATH.part. 0, also when it is being fetched already, or -errno. */
int files_fetch(struct files *files, const char *path, const struct attachment_ref *ref, uint32_t *ret_there);
bool files_read(struct files *files, const struct attachment_ref *ref, bool fetched, uint32_t index, uint8_t *ret_data, size_t size);
bool files_write(struct files *files, const struct attachment_ref *ref, uint32_t index, struct qiao_bytes data);
/* A fetched file with code 0 gets its name; if that fails, *code says so. Returns its path, malloc'd. */
char *files_end(struct files *files, const struct attachment_ref *ref, bool fetched, unsigned *code);
void files_deinit(struct files *files);

#endif
