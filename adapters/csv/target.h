/* What a row can be mapped to. One table: the name in the configuration, how the value is checked, and its largest size in bytes. */
#ifndef CSV_TARGET_H
#define CSV_TARGET_H

#include <qiao/limits.h>

enum target_type {
    TARGET_TYPE_TEXT,
    TARGET_TYPE_ID,        /* text that must not be a number rounded by a spreadsheet */
    TARGET_TYPE_ADDRESS,   /* area/org or area/org#seat */
    TARGET_TYPE_AREA,
    TARGET_TYPE_MATTER,
    TARGET_TYPE_TIME,
    TARGET_TYPE_BOOLEAN,   /* true or false */
    TARGET_TYPE_LONGITUDE,
    TARGET_TYPE_LATITUDE,
    TARGET_TYPE_CHOICE
};

/* X(name, key, type, required, largest size, initial value or NULL, choices or NULL) */
#define TARGET_MAP(X)                                                                                                         \
    X(DESTINATION, "destination", ADDRESS, true, QIAO_AREA_SIZE_MAX + QIAO_ORG_SIZE_MAX + QIAO_SEAT_SIZE_MAX, NULL, NULL)      \
    X(CASE_ID, "case_id", ID, true, QIAO_CASE_ID_SIZE_MAX, NULL, NULL)                                                         \
    X(IDEMPOTENCY_KEY, "idempotency_key", ID, true, 128, NULL, NULL)                                                           \
    X(MATTER, "matter", MATTER, true, QIAO_MATTER_SIZE_MAX, NULL, NULL)                                                        \
    X(LANE, "lane", CHOICE, false, 16, "normal", target_lanes)                                                                 \
    X(STATUS, "status", CHOICE, false, 16, "actual", target_statuses)                                                          \
    X(PRIVACY, "privacy", CHOICE, false, 16, "confidential", target_privacies)                                                 \
    X(TITLE, "title", TEXT, true, 256, NULL, NULL)                                                                             \
    X(TEXT, "text", TEXT, false, 65536, NULL, NULL)                                                                            \
    X(AREA, "place.area", AREA, true, 12, NULL, NULL)                                                                          \
    X(GRID, "place.grid", TEXT, false, 64, NULL, NULL)                                                                         \
    X(PLACE_ADDRESS, "place.address", TEXT, false, 1024, NULL, NULL)                                                           \
    X(LONGITUDE, "place.longitude", LONGITUDE, false, 16, NULL, NULL)                                                          \
    X(LATITUDE, "place.latitude", LATITUDE, false, 16, NULL, NULL)                                                             \
    X(PART_ID, "place.part_id", ID, false, 128, NULL, NULL)                                                                    \
    X(REPORTED_AT, "reported_at", TIME, true, 64, NULL, NULL)                                                                  \
    X(OCCURRED_AT, "occurred_at", TIME, false, 64, NULL, NULL)                                                                 \
    X(CHANNEL, "channel", CHOICE, false, 16, NULL, target_channels)                                                            \
    X(OBJECT, "object", CHOICE, false, 16, NULL, target_objects)                                                               \
    X(EXTERNAL_SYSTEM, "external.system", TEXT, false, 64, NULL, NULL)                                                         \
    X(EXTERNAL_ID, "external.id", ID, false, 128, NULL, NULL)                                                                  \
    X(CONTACT_TOKEN, "contact_token", ID, false, 128, NULL, NULL)                                                              \
    X(WANTS_REPLY, "wants_reply", BOOLEAN, false, 8, NULL, NULL)                                                               \
    X(WANTS_ANONYMITY, "wants_anonymity", BOOLEAN, false, 8, NULL, NULL)

enum target {
#define X(name, key, type, required, size, initial, choices) TARGET_##name,
    TARGET_MAP(X)
#undef X
    TARGET_COUNT
};

/* Ended by NULL, each in the order of its enum in the schema or in qiao/client.h. A CSV file cannot hold a sealed body. */
static const char *const target_lanes[] = { "normal", "urgent", "bulk", 0 };
static const char *const target_statuses[] = { "actual", "exercise", "test", 0 };
static const char *const target_privacies[] = { "internal", "public", "confidential", 0 };
static const char *const target_channels[] = { "unspecified", "hotline", "counter", "app", "web", "grid", "inspection", "letter", "sensor", "transfer", 0 };
static const char *const target_objects[] = { "unspecified", "event", "part", 0 };

#endif
