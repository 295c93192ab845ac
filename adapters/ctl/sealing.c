#include "sealing.h"

#include "clock.h"
#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define FILE_SIZE_MAX (64u * 1024u)

void ctl_sealing_protect(void)
{
    const struct rlimit none = { 0, 0 };

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

void ctl_secret_free(char *data, size_t size)
{
    if (data)
        explicit_bzero(data, size);
    free(data);
}

/* ---- sealing ---- */

/* Which outcomes are about a recipient's certificate, and which mean that the command line was wrong. */
static int explain(const struct ctl_sealing *sealing, int result, size_t certificate)
{
    bool names_file = result == QIAO_SEALED_CERTIFICATE || (result >= QIAO_SEALED_CANNOT_RECEIVE && result <= QIAO_SEALED_SUITE_OTHER) ||
                      result == QIAO_SEALED_RECIPIENT_CHANGED;

    if (names_file && certificate < sealing->to->count)
        return command_fail(CTL_NO, "%s: %s", sealing->to->items[certificate], qiao_sealed_text(result));
    if (result == QIAO_SEALED_TOO_LARGE)
        return command_fail(CTL_NO, "the content is too large: at most %u bytes can be sealed", QIAO_SEALED_CONTENT_SIZE_MAX);
    return command_fail(CTL_NO, "cannot seal: %s", qiao_sealed_text(result));
}

struct files {
    struct qiao_bytes contents[OPTION_LIST_MAX + 1];
    size_t count;
};

static void files_free(struct files *files)
{
    while (files->count)
        free((char *)(uintptr_t)files->contents[--files->count].data);
}

static int files_add(struct files *files, const char *path)
{
    char *data;
    size_t size;
    int status = input_read(path, FILE_SIZE_MAX, &data, &size);

    if (!status)
        files->contents[files->count++] = qiao_bytes(data, size);
    return status;
}

int ctl_seal(const struct ctl_sealing *sealing, struct qiao_bytes content, struct qiao_bytes *ret_container)
{
    __attribute__((cleanup(files_free))) struct files files = { 0 };
    struct qiao_sealed_request request = { .suite = sealing->suite, .message_id = sealing->message_id, .kind = sealing->kind };
    size_t certificate = SIZE_MAX;
    int status = CTL_OK, result;

    for (size_t i = 0; i < sealing->to->count && !status; i++)
        status = files_add(&files, sealing->to->items[i]);
    request.certificates = files.contents;
    request.certificates_count = files.count;
    if (!status && sealing->consented)
        status = files_add(&files, sealing->consented);
    if (status)
        return status;
    if (sealing->consented)
        request.consented = files.contents[files.count - 1];
    request.at_ms = clock_wall_ns() / CLOCK_NS_PER_MS;
    result = qiao_seal(&request, content, ret_container, &certificate);
    return result ? explain(sealing, result, certificate) : CTL_OK;
}

/* ---- keys ---- */

struct key_files {
    char *certificate, *key, *passphrase;
    size_t certificate_size, key_size, passphrase_size;
};

static void key_files_free(struct key_files *files)
{
    free(files->certificate);
    ctl_secret_free(files->key, files->key_size);
    ctl_secret_free(files->passphrase, files->passphrase_size);
}

/* The first line, as qiao pki reads it. */
static int read_passphrase(struct key_files *files, const char *path)
{
    size_t size;
    int status = input_read(path, FILE_SIZE_MAX, &files->passphrase, &size);

    if (status)
        return status;
    files->passphrase_size = size + 1; /* input_read leaves room for one more than it may read */
    files->passphrase[size] = '\0';
    files->passphrase[strcspn(files->passphrase, "\r\n")] = '\0';
    return *files->passphrase ? CTL_OK : command_fail(CTL_WRONG_USE, "%s: a passphrase is expected in the first line", path);
}

static int load(struct ctl_keys *keys, const char *certificate, const char *key, const char *passphrase_file)
{
    __attribute__((cleanup(key_files_free))) struct key_files files = { 0 };
    int status = input_read(certificate, FILE_SIZE_MAX, &files.certificate, &files.certificate_size), result;

    if (!status)
        status = input_read(key, FILE_SIZE_MAX, &files.key, &files.key_size);
    if (!status && passphrase_file)
        status = read_passphrase(&files, passphrase_file);
    if (status)
        return status;
    if (keys->count == QIAO_SEALED_KEYS_MAX)
        return command_fail(CTL_WRONG_USE, "at most %d keys can be tried", QIAO_SEALED_KEYS_MAX);
    result = qiao_sealed_key_new(qiao_bytes(files.certificate, files.certificate_size), qiao_bytes(files.key, files.key_size), files.passphrase,
                                 &keys->keys[keys->count]);
    if (result)
        return command_fail(CTL_NO, "%s: %s", result == QIAO_SEALED_KEY || result == QIAO_SEALED_KEY_OTHER ? key : certificate, qiao_sealed_text(result));
    keys->count++;
    return CTL_OK;
}

static int load_pair(struct ctl_keys *keys, const char *pair, const char *passphrase_file)
{
    char certificate[4096];
    const char *comma = strchr(pair, ',');

    if (!comma || comma == pair || !comma[1] || (size_t)(comma - pair) >= sizeof(certificate))
        return command_fail(CTL_WRONG_USE, "\"%.100s\" is not CERTIFICATE,KEY: two files with a comma between them", pair);
    snprintf(certificate, sizeof(certificate), "%.*s", (int)(comma - pair), pair);
    return load(keys, certificate, comma + 1, passphrase_file);
}

int ctl_keys_load(struct ctl_keys *keys, const struct globals *globals, bool use_globals, const struct option_list *pairs, const char *passphrase_file)
{
    int status = CTL_OK;

    if (use_globals && !!globals->certificate_file != !!globals->key_file)
        return command_fail(CTL_WRONG_USE, "give both --certificate and --key");
    if (use_globals && globals->certificate_file)
        status = load(keys, globals->certificate_file, globals->key_file, passphrase_file);
    for (size_t i = 0; i < pairs->count && !status; i++)
        status = load_pair(keys, pairs->items[i], passphrase_file);
    return status;
}

void ctl_keys_free(struct ctl_keys *keys)
{
    while (keys->count)
        qiao_sealed_key_free(keys->keys[--keys->count]);
}
