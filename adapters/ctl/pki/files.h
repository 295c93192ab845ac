/* Files that are there as a whole or not at all. */
#ifndef CTL_PKI_FILES_H
#define CTL_PKI_FILES_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <sys/types.h>

#define PKI_PATH_SIZE 4096u

/* PKI_OK, or PKI_FAILED after a message. */

/* folder/name.ending into path. */
int pki_path(char path[PKI_PATH_SIZE], const char *folder, const char *name, const char *ending);
/* Makes the folder and those above it. */
int pki_folder_make(const char *folder, mode_t mode);
/* Writes the memory BIO's bytes to a temporary file beside path, syncs, moves it into place, syncs the folder. replace false: a file that is already
 * there stays, and that is a failure. */
int pki_file_write(const char *path, BIO *content, mode_t mode, bool replace);
/* A readable BIO of the file, at most 1 MiB of it; NULL after a message. The caller frees. */
BIO *pki_file_read(const char *path);
bool pki_file_exists(const char *path);
/* First line of a file, without its end, for passphrases. PKI_FAILED if it is empty. The caller frees with pki_secret_free. */
int pki_secret_read(const char *path, char **ret_secret);
char *pki_secret_free(char *secret);

#endif
