/* A whole file or standard input in memory. */
#ifndef CTL_INPUT_H
#define CTL_INPUT_H

#include <stddef.h>

/* Reads at most size_max bytes of path ("-": standard input); caller frees *ret_data. CTL_OK, or the exit status after a message. */
int input_read(const char *path, size_t size_max, char **ret_data, size_t *ret_size);

#endif
