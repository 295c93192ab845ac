#include "files.h"

#include "report.h"

#include "seal/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX (1u << 20)

static int complain_errno(const char *what, const char *path)
{
    pki_complain("%s: %s: %s", path, what, strerror(errno));
    return PKI_FAILED;
}

int pki_path(char path[PKI_PATH_SIZE], const char *folder, const char *name, const char *ending)
{
    if (snprintf(path, PKI_PATH_SIZE, "%s/%s%s", folder, name, ending) < (int)PKI_PATH_SIZE - 16)
        return PKI_OK;
    pki_complain("%s: the path is too long", folder);
    return PKI_FAILED;
}

int pki_folder_make(const char *folder, mode_t mode)
{
    char path[PKI_PATH_SIZE];
    if (folder[0] == '\0' || snprintf(path, sizeof path, "%s", folder) >= (int)sizeof path) {
        pki_complain("\"%.64s\" is no folder", folder);
        return PKI_FAILED;
    }
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return complain_errno("cannot be made", path);
        *slash = '/';
    }
    struct stat status;
    if (mkdir(path, mode) < 0 && errno != EEXIST && errno != EISDIR)
        return complain_errno("cannot be made", path);
    if (stat(path, &status) < 0)
        return complain_errno("cannot be used", path);
    if (S_ISDIR(status.st_mode))
        return PKI_OK;
    pki_complain("%s: is not a folder", path);
    return PKI_FAILED;
}

bool pki_file_exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int sync_folder_of(const char *path)
{
    char folder[PKI_PATH_SIZE];
    const char *slash = strrchr(path, '/');
    (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return r < 0 ? complain_errno("cannot be synced", folder) : PKI_OK;
}

static int fill(int fd, const char *temporary, BIO *content, mode_t mode)
{
    char *bytes = NULL;
    long size = BIO_get_mem_data(content, &bytes);
    bool ok = size >= 0 && fchmod(fd, mode) == 0 && write_all(fd, bytes, (size_t)size) == 0 && fsync(fd) == 0;
    int failure = ok ? 0 : errno;
    if (close(fd) < 0 && ok)
        failure = errno;
    errno = failure;
    return failure == 0 ? PKI_OK : complain_errno("cannot be written", temporary);
}

int pki_file_write(const char *path, BIO *content, mode_t mode, bool replace)
{
    char temporary[PKI_PATH_SIZE + 8];
    (void)snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 from the first moment */
    if (fd < 0)
        return complain_errno("cannot be written", path);
    int r = fill(fd, temporary, content, mode);
    if (r == PKI_OK && replace && rename(temporary, path) < 0)
        r = complain_errno("cannot be replaced", path);
    else if (r == PKI_OK && !replace && link(temporary, path) < 0)
        r = complain_errno(errno == EEXIST ? "stays as it is (--force replaces)" : "cannot be written", path);
    if (r != PKI_OK || !replace)
        unlink(temporary);
    return r == PKI_OK ? sync_folder_of(path) : r;
}

BIO *pki_file_read(const char *path)
{
    CLEANUP(bio_freep) BIO *content = BIO_new(BIO_s_mem());
    char *bytes = malloc(FILE_SIZE_MAX + 1);
    FILE *file = fopen(path, "rbe");
    size_t size = file && bytes ? fread(bytes, 1, FILE_SIZE_MAX + 1, file) : 0;
    bool readable = file && bytes && !ferror(file);
    if (!readable)
        complain_errno("cannot be read", path);
    else if (size > FILE_SIZE_MAX)
        pki_complain("%s: is larger than 1 MiB", path);
    BIO *ret = NULL;
    if (readable && size <= FILE_SIZE_MAX && content && (size == 0 || BIO_write(content, bytes, (int)size) == (int)size)) {
        ret = content;
        content = NULL;
    }
    if (bytes)
        OPENSSL_cleanse(bytes, size);
    free(bytes);
    if (file)
        fclose(file);
    return ret;
}

int pki_secret_read(const char *path, char **ret_secret)
{
    char line[1024];
    CLEANUP(bio_freep) BIO *content = pki_file_read(path);
    *ret_secret = NULL;
    if (!content)
        return PKI_FAILED;
    if (BIO_gets(content, line, sizeof line) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        *ret_secret = line[0] ? strdup(line) : NULL;
    }
    OPENSSL_cleanse(line, sizeof line);
    if (*ret_secret)
        return PKI_OK;
    pki_complain("%s: expected a passphrase in the first line", path);
    return PKI_FAILED;
}

char *pki_secret_free(char *secret)
{
    if (secret)
        OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
    return NULL;
}
