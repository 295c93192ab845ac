#include "output.h"

#include "command.h"

#include <stdio.h>

/* 15 digits: 0.1 stays 0.1. */
#define REAL_DIGITS 15

int output_json_line(json_t *json)
{
    int failed = !json || json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));

    json_decref(json);
    if (failed || putchar('\n') == EOF || fflush(stdout))
        return command_fail(CTL_NO, "cannot print JSON: standard output is closed or memory is out");
    return CTL_OK;
}
