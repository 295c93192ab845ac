/* The file of a bundle (schema/bundle.proto), written and read part by part, so that it may be larger than memory. */
#ifndef CTL_BUNDLE_FILE_H
#define CTL_BUNDLE_FILE_H

#include <qiao/limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct bundle_part {
    const uint8_t *wrapped; /* good until the next part is read */
    size_t wrapped_size;
    uint64_t next[QIAO_LANES];
    uint32_t messages;
};

struct bundle_file {
    FILE *file;
    const char *path;       /* borrowed */
    char from[128], to[128];
    uint64_t made_at_ms;
    uint32_t parts;         /* read or written so far */
    uint64_t messages;
    uint64_t next[QIAO_LANES]; /* behind the last part */
    bool whole;             /* the end was read, and it has the parts it should have */
    long good;              /* where the last whole part ends */
    uint8_t *bytes;         /* owned: of the part read last */
};

/* For __attribute__((cleanup)). */
void bundle_file_close(struct bundle_file *file);

/* Reads the head. CTL_OK, or the exit status after a message. */
int bundle_file_open(struct bundle_file *file, const char *path);
/* The next part: 1. 0 at the end: whole says whether it is the end. Negative: the file is damaged (a message was printed). */
int bundle_file_next(struct bundle_file *file, struct bundle_part *ret_part);

/* A new file with its head. */
int bundle_file_create(struct bundle_file *file, const char *path, const char *from, const char *to, uint64_t made_at_ms);
/* Opens what bundle_file_create began and nobody ended, and goes on behind its last whole part. */
int bundle_file_go_on(struct bundle_file *file, const char *path);
int bundle_file_add(struct bundle_file *file, const struct bundle_part *part);
/* Writes the end, syncs, and gives the file its name: nobody finds half a bundle under it. */
int bundle_file_finish(struct bundle_file *file, const char *name);

/* On a terminal, one line that is written over. */
void bundle_file_progress(const struct bundle_file *file, const char *word, bool last);

#endif
