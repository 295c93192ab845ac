#include "audit.h"

#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fetching {
    FILE *file;
    uint64_t next, size;  /* of the log; size from the head of the first page */
    bool any;             /* the page held a record */
    uint8_t after[16];    /* of heads */
    size_t after_size;
};

static int write_page(struct fetching *f, const Qiao__V1__AdminReply *reply)
{
    size_t size;
    uint8_t *packed;
    bool written;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_AUDIT)
        return command_fail(CTL_NO, "the node answered something else than its audit log");
    size = qiao__v1__audit_export__get_packed_size(reply->audit);
    packed = malloc(size + 1);
    if (!packed)
        return command_fail(CTL_NO, "out of memory");
    qiao__v1__audit_export__pack(reply->audit, packed);
    written = fwrite(packed, 1, size, f->file) == size;
    free(packed);
    return written ? CTL_OK : command_fail(CTL_NO, "the export cannot be written");
}

static int take_page(void *context, const Qiao__V1__AdminReply *reply)
{
    struct fetching *f = context;
    const Qiao__V1__AuditExport *page = reply->audit;
    int status = write_page(f, reply);

    if (status)
        return status;
    if (page->head)
        f->size = page->head->size;
    f->any = page->n_entries > 0;
    if (f->any)
        f->next = page->entries[page->n_entries - 1]->index + 1;
    f->after_size = page->next.len <= sizeof(f->after) ? page->next.len : 0;
    memcpy(f->after, page->next.data ? page->next.data : (const uint8_t *)"", f->after_size);
    return CTL_OK;
}

static int fetch_records(const struct globals *globals, struct admin *admin, struct fetching *f)
{
    bool first = true, progress = isatty(STDERR_FILENO);
    int status = CTL_OK;

    while (status == CTL_OK && (first || (f->any && f->next < f->size))) {
        Qiao__V1__AuditExportRequest wanted = QIAO__V1__AUDIT_EXPORT_REQUEST__INIT;
        Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
        /* A page may not reach beyond the head that was signed. */
        uint64_t left = f->size - f->next;
        wanted.from = f->next;
        wanted.most = first ? 1 : left < 4096 ? (uint32_t)left : 4096;
        wanted.head = first;
        request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_AUDIT_EXPORT;
        request.audit_export = &wanted;
        status = admin_ask(admin, &request, take_page, f, globals->timeout_ms);
        first = false;
        if (progress)
            fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " records", f->next, f->size);
    }
    if (progress)
        fputs("\n", stderr);
    return status;
}

static int fetch_heads(const struct globals *globals, struct admin *admin, struct fetching *f)
{
    int status;

    f->after_size = 0;
    do {
        Qiao__V1__AuditHeadsRequest wanted = QIAO__V1__AUDIT_HEADS_REQUEST__INIT;
        Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
        uint8_t after[sizeof(f->after)];
        memcpy(after, f->after, f->after_size);
        wanted.after = (ProtobufCBinaryData){ f->after_size, after };
        request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_AUDIT_HEADS;
        request.audit_heads = &wanted;
        status = admin_ask(admin, &request, take_page, f, globals->timeout_ms);
    } while (status == CTL_OK && f->after_size > 0);
    return status;
}

int audit_fetch(const struct globals *globals, uint64_t from, FILE *file)
{
    __attribute__((cleanup(admin_close))) struct admin admin = { 0 };
    struct fetching f = { .file = file, .next = from };
    int status = admin_open(&admin, globals);

    if (status == CTL_OK)
        status = fetch_records(globals, &admin, &f);
    if (status == CTL_OK)
        status = fetch_heads(globals, &admin, &f);
    if (status == CTL_OK && fflush(file))
        status = command_fail(CTL_NO, "the export cannot be written");
    return status;
}

static int fetch_live(const struct globals *globals, struct audit_source *source)
{
    FILE *file = open_memstream(&source->data, &source->size);
    int status;

    if (!file)
        return command_fail(CTL_NO, "out of memory");
    status = audit_fetch(globals, 0, file);
    if (fclose(file) && status == CTL_OK)
        status = command_fail(CTL_NO, "out of memory");
    return status;
}

static int read_file(const char *path, struct audit_source *source)
{
    FILE *file = fopen(path, "rb");
    struct stat stat;

    if (!file || fstat(fileno(file), &stat)) {
        if (file)
            fclose(file);
        return command_fail(CTL_WRONG_USE, "cannot open %s: %s", path, strerror(errno));
    }
    source->size = (size_t)stat.st_size;
    source->data = malloc(source->size + 1);
    if (source->data)
        source->size = fread(source->data, 1, source->size, file);
    fclose(file);
    return source->data ? CTL_OK : command_fail(CTL_NO, "out of memory for %s", path);
}

int audit_source_open(const struct globals *globals, const char *path, struct audit_source *ret_source)
{
    int status = strcmp(path, "live") == 0 ? fetch_live(globals, ret_source) : read_file(path, ret_source);

    if (status)
        return status;
    if (!audit_book_open(qiao_bytes(ret_source->data, ret_source->size), &ret_source->book))
        return command_fail(CTL_NO, "UNREADABLE: %s is no export of an audit log", path);
    return CTL_OK;
}

void audit_source_close(struct audit_source *source)
{
    audit_book_deinit(&source->book);
    free(source->data);
    source->data = NULL;
}

int audit_trust_open(const struct globals *globals, const char *trust, const char *crl, struct keyring **ret_keyring)
{
    const struct keyring_options options = { .ca_file = trust ? trust : globals->ca_file, .crl_file = crl, .accepted = 1u << SEAL_SUITE_INT1 | 1u << SEAL_SUITE_GM1 };
    char error[512];

    if (!options.ca_file)
        return command_fail(CTL_WRONG_USE, "whose signatures count? Name the federation's certificate authority with --trust or --ca");
    return keyring_new_verifier(&options, ret_keyring, error, sizeof(error)) == 0 ? CTL_OK : command_fail(CTL_WRONG_USE, "%s", error);
}

void audit_trust_close(struct keyring **keyring)
{
    *keyring = keyring_free(*keyring);
}
