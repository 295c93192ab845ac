/* Options as records: one table gives parsing, --help, completion and the man page. */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_type {
    OPTION_FLAG,      /* bool */
    OPTION_TEXT,      /* const char * */
    OPTION_FILE,      /* const char *, completed as a file */
    OPTION_FILES,     /* struct option_list: may be given again */
    OPTION_DIRECTORY, /* const char *, completed as a directory */
    OPTION_NUMBER,    /* uint64_t */
    OPTION_SIZE,      /* uint64_t, bytes */
    OPTION_DURATION,  /* uint64_t, milliseconds */
    OPTION_CHOICE     /* unsigned, the index of the word in choices */
};

#define OPTION_LIST_MAX 16

struct option_list {
    const char *items[OPTION_LIST_MAX];
    size_t count;
};

struct option_spec {
    const char *name; /* long name without dashes */
    char letter;      /* short name, or 0 */
    enum option_type type;
    size_t offset;            /* of the value in the struct that the set points at */
    const char *placeholder;  /* "ADDRESS"; NULL for a flag */
    const char *help;         /* a sentence without full stop */
    const char *const *choices; /* of a CHOICE, ended by NULL */
    uint64_t min, max;        /* of numbers, in the unit of the value; max 0: no limit */
    const char *standard;     /* the value when nothing is given, written as on the command line; or NULL */
    const char *environment;  /* the variable that is asked before standard; or NULL */
    bool required;
};

/* A table and the struct its values go to. */
struct option_set {
    const struct option_spec *specs;
    size_t count;
    void *values;
};

#define OPTIONS_ERROR_SIZE 512

/* Fills every value from environment or standard. False, with a sentence in reterr_text, if the environment holds nonsense. */
bool options_prepare(const struct option_set *set, char reterr_text[OPTIONS_ERROR_SIZE]);

/* Reads argv[1…]. With stop_at_word the first word that is no option ends it, otherwise words and options may be mixed and argv is
 * reordered so that words come last. Returns the index of the first word, or -1 with a sentence in reterr_text.
 * Texts are borrowed from argv. Not thread safe (getopt). */
int options_parse(const struct option_set *sets, size_t set_count, int argc, char **argv, bool stop_at_word,
                  char reterr_text[OPTIONS_ERROR_SIZE]);

/* False, with a sentence, if a required option has no value. */
bool options_complete(const struct option_set *set, char reterr_text[OPTIONS_ERROR_SIZE]);

/* The indented list for --help. */
void options_print_help(FILE *file, const struct option_spec *specs, size_t count);

/* "--lane LANE" or "--lane normal|urgent|bulk" or "--json". */
#define OPTIONS_SYNOPSIS_SIZE 128
void options_synopsis(const struct option_spec *spec, char text[OPTIONS_SYNOPSIS_SIZE]);

#endif
