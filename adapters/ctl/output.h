/* One line of JSON on standard output. */
#ifndef CTL_OUTPUT_H
#define CTL_OUTPUT_H

#include <jansson.h>

/* Prints and releases json (NULL: memory ran out where it was made). CTL_OK, or CTL_NO after a message. Flushed: whoever reads a pipe sees
 * the line at once. */
int output_json_line(json_t *json);

#endif
