/* A node's configuration as numbers and tables. Made from YAML by conf_load; every key is one record in items.h. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct conf_link {
    char *to;             /* URL to dial, or NULL: the peer dials us */
    char *node;           /* node id the certificate must name */
    char *area;           /* the peer's area; what lies under it is reached through a child */
    int role;             /* what the peer is to us: enum conf_role */
    uint32_t drain_messages_per_s; /* 0: limits' */
    const char *file;     /* one of conf's files, */
    int line;             /* and where in it: for explanations */
};

enum conf_role { CONF_ROLE_PEER = 0, CONF_ROLE_PARENT = 1, CONF_ROLE_CHILD = 2 };

struct conf_member {
    char *name;           /* org of its address */
    char *type;           /* qiao/org_type.h, or NULL */
    char *org;            /* unified social credit code, or NULL */
    char **services;
    size_t services_count;
    bool drills;          /* takes exercises and tests */
    const char *file;     /* one of conf's files */
    char **seats;
    size_t seats_count;
    int line;
};

struct conf_policy; /* policy.h */
struct area_table;  /* proto/area/table.h */
struct conf_rules;  /* rules.h */

/* Strings and arrays are owned by the struct. NULL or 0 stand for "not given" where no default applies. */
struct conf {
    struct {
        char *id;
        char *area;
        char *store;               /* directory */
        char *engine;              /* "lmdb" */
    } node;
    char **listen;
    size_t listen_count;
    struct conf_link *links;
    size_t links_count;
    struct conf_member *members;
    size_t members_count;
    struct {
        char *certificate, *key, *ca, *crl, *passphrase_file;
    } tls;
    struct {
        char *certificate, *key, *passphrase_file; /* NULL: those of tls */
        char **suites;             /* int1, gm1, none; empty: int1 and gm1 */
        size_t suites_count;
        char *sm2_signer_id;
        uint32_t signed_age_days_max; /* 0: however old */
        uint32_t signed_ahead_max; /* ms */
        uint32_t keep_evidence_days; /* 0: for ever */
    } trust;
    struct {
        bool plain_tcp;            /* tcp:// beyond loopback, in so many words */
        bool local_members_any;    /* ipc:// members may use any configured member name without a certificate */
    } allow;
    struct {
        uint64_t store_bytes_max;          /* 0: the disk decides */
        uint32_t link_window_messages;     /* per lane */
        uint64_t link_window_bytes;
        uint32_t member_window_messages;   /* delivered and without verdict, per lane */
        uint64_t member_window_bytes;
        uint32_t connections_max;
        uint32_t handshakes_per_second_max;
        uint32_t connections_per_address_max, unproven_per_address_max, handshakes_per_address_max;
        uint64_t unproven_bytes_max;
        uint32_t retry_ms_min, retry_ms_max;
        uint32_t heartbeat_ms, silence_ms, handshake_ms;
        uint32_t drain_messages_per_s;     /* 0: no limit */
        uint32_t reroute_after, order_wait; /* milliseconds */
        uint32_t clock_skew_ms_max;        /* 0: not looked at */
        uint32_t redial_ms_min, redial_ms_max;
        uint32_t shutdown_ms;              /* SIGTERM: at most this until exit */
    } limits;
    struct {
        uint64_t bytes_max, bytes_per_member; /* kept files; per_member 0: no limit of its own */
        uint32_t keep_days;
    } attachments;
    struct {
        char **registrars;         /* area/org or area/org#seat; none, or at least two */
        size_t registrars_count;
        bool required;             /* unregistered members may not send */
        uint32_t confirm_within;   /* milliseconds */
    } registry;
    struct {
        char *level;               /* error warning info debug */
        char *format;              /* logfmt json */
    } log;
    struct {
        char *file, *catalogue;
        struct conf_policy *read;  /* both files, or NULL: everything is allowed */
    } policy;
    struct {
        char *file;
        struct conf_rules *read;   /* the file, or NULL: everything goes as it is routed */
    } rules;
    struct {
        char *file, *charset;
        uint32_t accept_old_days;
        char *triage;              /* member, or NULL */
        struct area_table *read;   /* the file, or NULL */
    } areas;
    struct {
        uint32_t keep_headers;
    } plan;
    struct {
        char *user, *group;        /* to become when started as root; NULL: stay */
        char *seccomp;             /* off log enforce */
    } process;
    struct {
        char *owner;               /* who is told: member of this node, or area/org or area/org#seat; NULL: nobody */
        char *contact;             /* who looks after them, in words, for receipts */
        uint32_t attempts_max;     /* deliveries that failed before a message is dead */
        uint32_t age_max;          /* milliseconds since the first of them; 0: no limit */
        uint32_t crash_within;     /* milliseconds from a delivery in which a session that ends is blamed on it */
        uint32_t messages_max;     /* kept */
        uint64_t bytes_max;
    } dead_letters;
    struct {
        bool enabled;
        uint32_t keep_days;
        uint64_t bytes_max;
    } explain;
    char *path;                    /* the file it came from */
    char **files;                  /* that one and those of conf.d, in the order they were read */
    size_t files_count;
};

/* One thing wrong with a configuration. */
struct conf_error {
    char file[256];
    int line, column;              /* from 1; 0 if the file as a whole is meant */
    char key[128];                 /* "limits.heartbeat_ms" */
    char text[512];                /* what was found, what was expected, the cure */
};

enum conf_result { CONF_OK = 0, CONF_INVALID = 1 };

/* Reads the file and conf.d/ beside it (names ending .yaml, in name order). Unknown keys are errors. On CONF_INVALID *ret_errors
 * (malloc'd, caller frees) holds every error found, not only the first. Negative: -errno (out of memory). */
int conf_load(const char *path, struct conf **ret_conf, struct conf_error **ret_errors, size_t *ret_errors_count);
struct conf *conf_free(struct conf *conf); /* returns NULL */

/* "file:line:column: key: text" to a person. */
void conf_error_print(const struct conf_error *error, FILE *out);

/* The effective configuration as YAML, defaults included (secrets are paths only). */
void conf_dump(const struct conf *conf, FILE *out);
/* A commented sample from the item table; JSON Schema from the same table. */
void conf_sample(FILE *out);
void conf_schema(FILE *out);

/* Keys that differ and may not change while running (reload scope "restart"), one a line into text. Returns their number. */
size_t conf_reload_conflicts(const struct conf *running, const struct conf *wanted, char *text, size_t text_size);

#endif
