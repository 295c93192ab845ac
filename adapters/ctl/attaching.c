#include "attaching.h"

#include "codec/pb.h"
#include "command.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which field of a body names its attachments (case.proto); 0: none does. */
static uint32_t field_of(unsigned kind)
{
    return kind == QIAO_KIND_CASE_OPEN || kind == QIAO_KIND_CASE_UPDATE ? 11 : kind == QIAO_KIND_CASE_CLOSE ? 8 : 0;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Attachment { name = 1, size = 3, digest = 4 } */
static void put_name(struct buf *body, uint32_t field, const char *path, const struct qiao_attachment *attachment)
{
    buf_auto one = { 0 };
    pb_put_string(&one, 1, name_of(path));
    pb_put_varint(&one, 3, attachment->size);
    pb_put_bytes(&one, 4, qiao_bytes(attachment->digest, sizeof(attachment->digest)));
    pb_put_bytes_head(body, field, one.size);
    buf_append(body, one.data, one.size);
}

/* Protobuf appends what stands behind to a repeated field: the body is not taken apart. */
static void name_files(struct attaching *attaching, const struct option_list *files, struct qiao_message *message)
{
    struct buf body = { 0 };
    size_t size;

    if (!field_of(message->kind))
        return;
    buf_append(&body, message->body.data, message->body.size);
    for (size_t i = 0; i < attaching->count; i++)
        put_name(&body, field_of(message->kind), files->items[i], &attaching->attachments[i]);
    attaching->body = buf_take(&body, &size);
    message->body = qiao_bytes(attaching->body, size);
}

int attaching_begin(struct attaching *attaching, struct qiao_client *client, const struct option_list *files, struct qiao_message *message)
{
    for (size_t i = 0; i < files->count; i++) {
        if (qiao_client_attach(client, files->items[i], &attaching->attachments[i]) != QIAO_CLIENT_OK)
            return command_fail(CTL_WRONG_USE, "--attach: %s", qiao_client_error(client));
        attaching->count++;
    }
    message->attachments = attaching->attachments;
    message->attachments_count = attaching->count;
    name_files(attaching, files, message);
    return CTL_OK;
}

/* The same file given twice is offered once. */
void attaching_take(struct attaching *attaching, const struct qiao_attachment *attachment, unsigned code)
{
    for (size_t i = 0; i < attaching->count; i++)
        attaching->done += memcmp(attaching->attachments[i].digest, attachment->digest, sizeof(attachment->digest)) == 0;
    if (code)
        attaching->failed = code;
}

void attaching_end(struct attaching *attaching)
{
    free(attaching->body);
    attaching->body = NULL;
}

void attachment_hex(const struct qiao_attachment *attachment, char text[ATTACHMENT_HEX_SIZE])
{
    for (size_t i = 0; i < sizeof(attachment->digest); i++)
        snprintf(text + 2 * i, 3, "%02x", attachment->digest[i]);
}

/* ---- saving ---- */

/* Names come from other people: nothing that leaves the folder, hides, or cannot be typed. */
static bool is_usable(struct qiao_bytes name)
{
    if (name.size == 0 || name.size > 200 || name.data[0] == '.' || !utf8_valid(name))
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f || name.data[i] == '/' || name.data[i] == '\\')
            return false;
    return true;
}

static bool read_name(struct qiao_bytes raw, const struct qiao_attachment *attachment, struct qiao_bytes *ret_name)
{
    struct pb_reader reader = pb_reader(raw);
    struct pb_field field;
    struct qiao_bytes name = { 0 };
    bool same = false;

    while (pb_next(&reader, &field)) {
        if (field.number == 1 && field.type == PB_BYTES)
            name = field.bytes;
        if (field.number == 4 && field.type == PB_BYTES)
            same = qiao_bytes_equal(field.bytes, qiao_bytes(attachment->digest, sizeof(attachment->digest)));
    }
    *ret_name = name;
    return same && is_usable(name);
}

static bool find_name(const struct qiao_message *message, const struct qiao_attachment *attachment, struct qiao_bytes *ret_name)
{
    struct pb_reader reader = pb_reader(message->body);
    struct pb_field field;

    if (!field_of(message->kind))
        return false;
    while (pb_next(&reader, &field))
        if (field.number == field_of(message->kind) && field.type == PB_BYTES && read_name(field.bytes, attachment, ret_name))
            return true;
    return false;
}

char *attachment_path(const char *folder, const struct qiao_message *message, const struct qiao_attachment *attachment)
{
    char hex[ATTACHMENT_HEX_SIZE], *path = NULL;
    struct qiao_bytes name;
    int size;

    attachment_hex(attachment, hex);
    if (find_name(message, attachment, &name))
        size = asprintf(&path, "%s/%.16s-%.*s", folder, hex, (int)name.size, (const char *)name.data);
    else
        size = asprintf(&path, "%s/%s", folder, hex);
    return size < 0 ? NULL : path;
}
