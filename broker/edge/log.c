#include "edge/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    int priority; /* sd-daemon(3) */
} levels[] = { { "error", 3 }, { "warning", 4 }, { "info", 6 }, { "debug", 7 } };

static enum log_level threshold = LOG_LEVEL_INFO;
static bool json, under_manager;
static char node_name[80] = "";

void log_configure(const char *level, const char *format, const char *node)
{
    for (int i = LOG_LEVEL_ERROR; level && i <= LOG_LEVEL_DEBUG; i++)
        if (strcmp(levels[i].name, level) == 0) threshold = (enum log_level)i;
    json = format && strcmp(format, "json") == 0;
    under_manager = getenv("JOURNAL_STREAM") != NULL;
    if (node) snprintf(node_name, sizeof node_name, "%s", node);
}

static void put_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
        else if (c < 0x20) fprintf(out, "\\u%04x", c);
        else fputc(c, out);
    }
    fputc('"', out);
}

static void put_pair(FILE *out, const char *key, const char *value)
{
    if (json) {
        fputs(", ", out);
        put_quoted(out, key);
        fputs(": ", out);
        put_quoted(out, value);
        return;
    }
    fprintf(out, " %s=", key);
    if (*value && strcspn(value, " \"=\\\t\n\r") == strlen(value)) fputs(value, out);
    else put_quoted(out, value);
}

static void put_time(FILE *out)
{
    struct timespec now;
    struct tm tm;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    fprintf(out, json ? "{\"time\": \"%s.%03ldZ\"" : "time=%s.%03ldZ", text, now.tv_nsec / 1000000);
}

void log_event(enum log_level level, const char *event, ...)
{
    if (level > threshold) return;
    flockfile(stderr);
    if (under_manager) fprintf(stderr, "<%d>", levels[level].priority);
    put_time(stderr);
    put_pair(stderr, "level", levels[level].name);
    if (node_name[0]) put_pair(stderr, "node", node_name);
    put_pair(stderr, "event", event);
    va_list arguments;
    va_start(arguments, event);
    for (const char *key = va_arg(arguments, const char *); key; key = va_arg(arguments, const char *)) {
        const char *value = va_arg(arguments, const char *);
        put_pair(stderr, key, value ? value : "");
    }
    va_end(arguments);
    fputs(json ? "}\n" : "\n", stderr);
    funlockfile(stderr);
}
