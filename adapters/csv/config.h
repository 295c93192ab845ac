/* The configuration of qiao-csv: one YAML file. The keys stand in the table in config.c. */
#ifndef CSV_CONFIG_H
#define CSV_CONFIG_H

#include "map.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct config {
    char *node, *member;                       /* node may be empty: environment QIAO_NODE */
    char *certificate, *key, *ca;
    char *drop, *done, *quarantine, *results, *state;
    char *pattern;                             /* shell pattern of file names */
    unsigned charset;                          /* enum charset */
    unsigned delimiter;                        /* index, see config_delimiter */
    char *zone;
    uint64_t row_bytes_max, field_bytes_max, columns_max, file_bytes_max;
    uint64_t settle_ms, rescan_ms;
    uint64_t expires_hours;                    /* 0: never */
    uint64_t in_flight_max;
    unsigned log_level;                        /* enum log_level */
    struct map *map;
};

/* Reads and checks the file; problems go to problems_to as "file:line:column: key: text". False if there was any. */
bool config_load(struct config *config, const char *path, FILE *problems_to);
void config_deinit(struct config *config);
char config_delimiter(const struct config *config);
void config_help(FILE *out);

#endif
