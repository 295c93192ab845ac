/* Work on signatures that any thread may do. Used by jobs.c and custody.c. */
#ifndef CORE_JOB_H
#define CORE_JOB_H

#include "core/state.h"

/* A custody receipt to sign or to verify; who signs whom stands in the job. */
struct job_custody {
    bool present;
    unsigned suite;
    struct custody custody;        /* names are set when the job runs */
    struct seal_key_id key_id;
    uint8_t signature[SEAL_SIGNATURE_SIZE_MAX];
    size_t signature_size;
    unsigned code;                 /* after the job: OK, or why not */
};

struct core_job {
    enum { JOB_CHECK, JOB_SIGN, JOB_VERIFY, JOB_WRAP, JOB_UNWRAP } type;
    const struct seal *seal;
    struct core_connection_id connection;
    struct core_job *next;         /* ready for the shell */
    struct core_job *next_check;   /* of its connection, in order of arrival */
    bool done;
    bool gone;                     /* its connection is: nobody waits for it */
    /* JOB_CHECK */
    struct link_event event;
    struct buf payload;            /* what the event's batch borrows from */
    struct group_batch batch;
    bool readable;
    bool asked;                    /* the peer was asked for certificates once */
    /* JOB_SIGN, JOB_VERIFY */
    struct job_custody custody[LINK_LANES];
    char receiver[QIAO_NAME_SIZE_MAX + 1], sender[QIAO_NAME_SIZE_MAX + 1];
    /* JOB_WRAP: payload is the page, for receiver; JOB_UNWRAP: what was wrapped. connection is the asker's */
    struct buf result;
    uint32_t request;              /* the asker's number */
    struct seal_key_id key_id;     /* of the receiver; of the signer */
    struct seal_identity identity; /* of the same, after the job */
    unsigned suite, code;
    uint64_t at_ms;
    uint64_t next_sequence[QIAO_LANES];
    uint32_t messages;
    bool more, receipts;
};

struct core_job *job_new(const struct core *core, const struct connection *connection);

#endif
