#include "versions.h"

#include "command.h"

#include "seal/seal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define FILE_SIZE_MAX (16u * 1024 * 1024)
#define MAIN_NAME "configuration" /* in a kept version */

static bool fail(const char *what, const char *path)
{
    command_fail(CTL_NO, "%s %s: %s", path, what, strerror(errno));
    return false;
}

static void close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

/* ---- reading ---- */

static bool read_all(const char *path, struct buf *out)
{
    __attribute__((cleanup(close_file))) FILE *file = fopen(path, "re");
    size_t size;

    out->size = 0;
    if (!file)
        return fail("cannot be read", path);
    while ((size = fread(buf_reserve(out, 65536), 1, 65536, file)) > 0 && out->size < FILE_SIZE_MAX)
        out->size += size;
    return ferror(file) ? fail("cannot be read", path) : true;
}

bool versions_digest(const struct plan_files *files, char ret_digest[VERSIONS_DIGEST_SIZE])
{
    buf_auto whole = { 0 };
    buf_auto content = { 0 };
    uint8_t digest[SEAL_DIGEST_SIZE];

    for (size_t i = 0; i < files->count; i++) {
        uint8_t size[8];
        if (!read_all(files->items[i].path, &content))
            return false;
        put_u64(size, content.size);
        buf_append(&whole, files->items[i].relative, strlen(files->items[i].relative) + 1);
        buf_append(&whole, size, sizeof(size));
        buf_append(&whole, content.data, content.size);
    }
    seal_digest(&seal_openssl_digest, SEAL_SUITE_INT1, buf_bytes(&whole), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(ret_digest + 2 * i, 3, "%02x", digest[i]);
    return true;
}

/* ---- writing ---- */

static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int result = mkdir(path, 0755);
        *slash = '/';
        if (result != 0 && errno != EEXIST)
            return fail("cannot be made", path);
    }
    return true;
}

static bool sync_folder(const char *path)
{
    char folder[PATH_SIZE];
    int fd;

    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
    fd = open(folder[0] ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        fail("cannot be synchronised", folder);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* As the file that is replaced: readable by whom it was, owned by whom it was if that is allowed. */
static void take_after(int fd, const char *old)
{
    struct stat status;

    if (stat(old, &status) != 0) {
        fchmod(fd, 0644);
        return;
    }
    if (fchown(fd, status.st_uid, status.st_gid) == 0 || status.st_uid == geteuid())
        fchmod(fd, status.st_mode & 07777);
}

static bool write_new(const char *path, const char *old, const struct buf *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written;

    if (fd < 0)
        return fail("cannot be written", path);
    take_after(fd, old);
    written = write(fd, content->data, content->size) == (ssize_t)content->size && fsync(fd) == 0;
    if (!written)
        fail("cannot be written", path);
    close(fd);
    return written;
}

static bool copy_file(const char *from, const char *to)
{
    buf_auto content = { 0 };
    char path[PATH_SIZE], beside[PATH_SIZE + 8];

    snprintf(path, sizeof(path), "%s", to);
    snprintf(beside, sizeof(beside), "%s.new", to);
    if (!read_all(from, &content) || !make_folders(path) || !write_new(beside, to, &content))
        return false;
    if (rename(beside, to) != 0)
        return fail("cannot be replaced", to);
    return sync_folder(to);
}

/* Last is the configuration: it refers to the others. */
static bool copy_all(const struct plan_files *files, const char *folder, const char *main_path)
{
    char to[PATH_SIZE];

    for (size_t i = files->count; i-- > 0;) {
        const struct plan_file *file = &files->items[i];
        if (file->relative[0])
            snprintf(to, sizeof(to), "%s/%s", folder, file->relative);
        if (!copy_file(file->path, file->relative[0] ? to : main_path))
            return false;
    }
    return true;
}

static bool folder_of(const char *configuration, char folder[PATH_SIZE], char path[PATH_SIZE])
{
    if (!realpath(configuration, path))
        return fail("cannot be found", configuration);
    snprintf(folder, PATH_SIZE, "%.*s", (int)(strrchr(path, '/') - path), path);
    return true;
}

bool versions_install(const char *configuration, const struct plan_files *files)
{
    char folder[PATH_SIZE], path[PATH_SIZE];

    return folder_of(configuration, folder, path) && copy_all(files, folder, path);
}

/* ---- kept versions ---- */

static int is_kept(const struct dirent *entry)
{
    return strlen(entry->d_name) == 4 && strspn(entry->d_name, "0123456789") == 4;
}

/* Also one that was put back: numbers are given once. */
static int is_number(const struct dirent *entry)
{
    return strspn(entry->d_name, "0123456789") == 4;
}

/* The highest number of those; 0: there is none. */
static unsigned newest(const char *folder, int (*wanted)(const struct dirent *entry))
{
    char versions[PATH_SIZE + 16];
    struct dirent **entries;
    unsigned number = 0;
    int count;

    snprintf(versions, sizeof(versions), "%s/versions", folder);
    count = scandir(versions, &entries, wanted, alphasort);
    for (int i = 0; i < count; i++) {
        number = (unsigned)strtoul(entries[i]->d_name, NULL, 10);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return number;
}

unsigned versions_keep(const char *configuration, const struct plan_files *files)
{
    char folder[PATH_SIZE], path[PATH_SIZE], kept[PATH_SIZE + 32], main_path[PATH_SIZE + 64];
    unsigned number;

    if (!folder_of(configuration, folder, path))
        return 0;
    number = newest(folder, is_number) + 1;
    snprintf(kept, sizeof(kept), "%s/versions/%04u", folder, number);
    snprintf(main_path, sizeof(main_path), "%s/%s", kept, MAIN_NAME);
    return number <= 9999 && copy_all(files, kept, main_path) ? number : 0;
}

/* The files of a kept version, wherever they lie in it. */
static int add_kept(struct plan_files *files, const char *folder, const char *below)
{
    char path[PATH_SIZE + 300];
    struct dirent *entry;
    int result = 0;

    snprintf(path, sizeof(path), "%s/%s", folder, below);
    DIR *dir = opendir(path);
    if (!dir)
        return -errno;
    while (result == 0 && (entry = readdir(dir))) {
        char relative[PATH_SIZE];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(relative, sizeof(relative), "%.2000s%s%.255s", below, below[0] ? "/" : "", entry->d_name);
        snprintf(path, sizeof(path), "%s/%s", folder, relative);
        if (entry->d_type == DT_DIR) {
            result = add_kept(files, folder, relative);
            continue;
        }
        struct plan_file *grown = realloc(files->items, (files->count + 1) * sizeof(*grown));
        if (!grown)
            break;
        files->items = grown;
        files->items[files->count++] = (struct plan_file){ strdup(path), strdup(strcmp(relative, MAIN_NAME) == 0 ? "" : relative) };
    }
    closedir(dir);
    return result;
}

static int main_first(const void *a, const void *b)
{
    return strcmp(((const struct plan_file *)a)->relative, ((const struct plan_file *)b)->relative);
}

unsigned versions_restore(const char *configuration)
{
    char folder[PATH_SIZE], path[PATH_SIZE], kept[PATH_SIZE + 32], gone[PATH_SIZE + 48];
    struct plan_files files = { 0 };
    unsigned number;
    bool done;

    if (!folder_of(configuration, folder, path))
        return 0;
    number = newest(folder, is_kept);
    if (number == 0) {
        command_fail(CTL_NO, "there is no earlier version of %s", path);
        return 0;
    }
    snprintf(kept, sizeof(kept), "%s/versions/%04u", folder, number);
    snprintf(gone, sizeof(gone), "%s.restored", kept);
    done = add_kept(&files, kept, "") == 0 && files.count > 0;
    if (done)
        qsort(files.items, files.count, sizeof(*files.items), main_first);
    done = done && copy_all(&files, folder, path);
    if (done && rename(kept, gone) != 0)
        done = fail("cannot be renamed", kept);
    plan_files_deinit(&files);
    return done ? number : 0;
}
