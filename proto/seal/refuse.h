/* The words for KEYRING_E_UNUSABLE. */
#ifndef SEAL_REFUSE_H
#define SEAL_REFUSE_H

#include <stddef.h>

/* Writes the message, with the operating system's or OpenSSL's reason behind it if there is one, and empties OpenSSL's list of errors. Returns KEYRING_E_UNUSABLE. */
int keyring_refuse(char *reterr_text, size_t reterr_size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
