/* qiao bundle export: what waits for a neighbour, in a file. */
#include "admin.h"
#include "base64.h"
#include "bundle_file.h"
#include "clock.h"
#include "output.h"
#include "text.h"

#include <base/buf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct export_values {
    const char *output, *certificate, *after;
    uint64_t size_max;
};

#define AT(member) .offset = offsetof(struct export_values, member)

static const struct option_spec export_options[] = {
    { .name = "output", .letter = 'o', .type = OPTION_FILE, AT(output), .placeholder = "FILE", .help = "the bundle", .required = true },
    { .name = "peer-certificate", .type = OPTION_FILE, AT(certificate), .placeholder = "FILE",
      .help = "the neighbour's, PEM, for which the bundle is encrypted; else the one it last showed" },
    { .name = "size-max", .type = OPTION_SIZE, AT(size_max), .placeholder = "SIZE", .help = "end the bundle before it grows beyond this; 0: no limit", .standard = "0" },
    { .name = "after", .type = OPTION_FILE, AT(after), .placeholder = "FILE", .help = "go on behind this bundle, which was exported before and is still on its way" },
};

#undef AT

struct exporting {
    const struct globals *globals;
    struct admin admin;
    struct bundle_file file;
    const struct export_values *options;
    const char *peer;
    char beside[4096];      /* where the file grows */
    struct buf certificate;
    uint64_t from[QIAO_LANES];
    uint64_t size;
    bool more, full;
    char node[128];
};

static void exporting_close(struct exporting *x)
{
    bundle_file_close(&x->file);
    buf_deinit(&x->certificate);
    admin_close(&x->admin);
}

static int take_name(void *context, const Qiao__V1__AdminReply *reply)
{
    struct exporting *x = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_STATUS)
        return command_fail(CTL_NO, "the node answered something else than its status");
    snprintf(x->node, sizeof(x->node), "%s", reply->status->node);
    return CTL_OK;
}

static int take_page(void *context, const Qiao__V1__AdminReply *reply)
{
    struct exporting *x = context;
    const Qiao__V1__BundleExportReply *page = reply->bundle_export;
    struct bundle_part part;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_BUNDLE_EXPORT)
        return command_fail(CTL_NO, "the node answered something else than a page of a bundle");
    part = (struct bundle_part){ .wrapped = page->wrapped.data, .wrapped_size = page->wrapped.len, .messages = page->messages };
    for (size_t lane = 0; lane < QIAO_LANES && lane < page->n_next; lane++)
        part.next[lane] = page->next[lane];
    x->full = x->options->size_max && x->file.parts > 0 && x->size + page->wrapped.len > x->options->size_max;
    x->more = page->more || x->full;
    if (x->full)
        return CTL_OK;
    x->size += page->wrapped.len;
    memcpy(x->from, part.next, sizeof(x->from));
    return bundle_file_add(&x->file, &part);
}

static int write_pages(struct exporting *x)
{
    int status = CTL_OK;

    x->more = true;
    while (status == CTL_OK && x->more && !x->full) {
        Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
        Qiao__V1__BundleExportRequest wanted = QIAO__V1__BUNDLE_EXPORT_REQUEST__INIT;
        wanted.peer = (char *)(uintptr_t)x->peer;
        wanted.n_from = QIAO_LANES;
        wanted.from = x->from;
        wanted.certificate = (ProtobufCBinaryData){ x->certificate.size, x->certificate.data };
        request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_BUNDLE_EXPORT;
        request.bundle_export = &wanted;
        status = admin_ask_patiently(&x->admin, &request, take_page, x);
        bundle_file_progress(&x->file, "exported", status != CTL_OK || !x->more || x->full);
    }
    return status;
}

/* PEM becomes DER; DER stays. False: neither. */
static bool to_der(struct buf *bytes)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    uint8_t *der;
    size_t size = 0, der_size;
    char *text, *from, *to;

    if (bytes->size > 0 && bytes->data[0] == 0x30) /* SEQUENCE */
        return true;
    buf_append(bytes, "", 1);
    text = (char *)bytes->data;
    from = strstr(text, begin);
    to = from ? strstr(from, end) : NULL;
    if (!to)
        return false;
    for (from += sizeof(begin) - 1; from < to; from++)
        if (!strchr("\r\n\t ", *from))
            text[size++] = *from;
    if (!base64_decode(text, size, &der, &der_size))
        return false;
    bytes->size = 0;
    buf_append(bytes, der, der_size);
    free(der);
    return true;
}

static int read_certificate(const char *path, struct buf *ret)
{
    char chunk[4096];
    size_t size;
    FILE *file = fopen(path, "rb");

    if (!file)
        return command_fail(CTL_WRONG_USE, "cannot open %s: %s", path, strerror(errno));
    while ((size = fread(chunk, 1, sizeof(chunk), file)) > 0 && ret->size < 65536)
        buf_append(ret, chunk, size);
    fclose(file);
    return to_der(ret) ? CTL_OK : command_fail(CTL_WRONG_USE, "%s holds no certificate; PEM or DER is expected", path);
}

/* Where an earlier export ended. */
static int read_position(const char *path, const char *peer, uint64_t from[QIAO_LANES])
{
    __attribute__((cleanup(bundle_file_close))) struct bundle_file file = { 0 };
    struct bundle_part part;
    int status = bundle_file_open(&file, path), result = 1;

    if (status)
        return status;
    while (result == 1)
        result = bundle_file_next(&file, &part);
    if (result < 0 || !file.whole)
        return command_fail(CTL_NO, "%s is not whole: nothing can go on behind it", path);
    if (strcmp(file.to, peer) != 0)
        return command_fail(CTL_WRONG_USE, "%s is for %s, not for %s", path, file.to, peer);
    memcpy(from, file.next, sizeof(file.next));
    return CTL_OK;
}

static int open_file(struct exporting *x)
{
    int status;

    if (access(x->beside, F_OK) != 0)
        return bundle_file_create(&x->file, x->beside, x->node, x->peer, clock_wall_ns() / CLOCK_NS_PER_MS);
    status = bundle_file_go_on(&x->file, x->beside);
    if (status == CTL_OK && strcmp(x->file.to, x->peer) != 0)
        return command_fail(CTL_WRONG_USE, "%s was begun for %s. Remove it, or choose another --output", x->beside, x->file.to);
    if (status == CTL_OK && x->file.parts > 0) {
        memcpy(x->from, x->file.next, sizeof(x->from));
        fprintf(stderr, "qiao: going on behind part %" PRIu32 " of %s\n", x->file.parts, x->beside);
    }
    x->size = (uint64_t)x->file.good;
    return status;
}

static int tell_exported(const struct globals *globals, const struct exporting *x)
{
    char size[TEXT_SIZE_SIZE];
    bool more = x->more;

    if (globals->json)
        return output_json_line(json_pack("{sssssssIsIsIsb}", "file", x->options->output, "from", x->node, "to", x->peer, "parts", (json_int_t)x->file.parts, "messages",
                                          (json_int_t)x->file.messages, "sizeBytes", (json_int_t)x->size, "more", more));
    text_size_format(x->size, size);
    printf("%s: %" PRIu64 " messages for %s, %s\n", x->options->output, x->file.messages, x->peer, size);
    if (more)
        printf("More waits: go on with qiao bundle export %s --after %s -o FILE\n", x->peer, x->options->output);
    return CTL_OK;
}

static int prepare(struct exporting *x)
{
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    Qiao__V1__StatusRequest status_request = QIAO__V1__STATUS_REQUEST__INIT;
    int size = snprintf(x->beside, sizeof(x->beside), "%s.part", x->options->output), status = CTL_OK;

    if (size < 0 || (size_t)size >= sizeof(x->beside))
        return command_fail(CTL_WRONG_USE, "the name of the output file is too long");
    if (x->options->certificate)
        status = read_certificate(x->options->certificate, &x->certificate);
    if (status == CTL_OK && x->options->after)
        status = read_position(x->options->after, x->peer, x->from);
    if (status == CTL_OK)
        status = admin_open(&x->admin, x->globals);
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_STATUS;
    request.status = &status_request;
    return status ? status : admin_ask(&x->admin, &request, take_name, x, x->globals->timeout_ms);
}

static int run_export(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(exporting_close))) struct exporting x = { .globals = globals, .options = values, .peer = arguments[0] };
    int status = prepare(&x);

    (void)argument_count;
    if (status == CTL_OK)
        status = open_file(&x);
    if (status == CTL_OK)
        status = write_pages(&x);
    if (status != CTL_OK && x.file.file && x.file.parts == 0)
        unlink(x.beside);
    if (status == CTL_OK)
        status = bundle_file_finish(&x.file, x.options->output);
    return status ? status : tell_exported(globals, &x);
}

const struct command command_bundle_export = {
    .name = "bundle export",
    .arguments = "PEER",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "write what waits for a neighbour to a file, to be carried by hand",
    .text = "For neighbours without a line: the messages in this node's queue for PEER, and its receipts for what PEER sent, signed by this node and "
            "encrypted for PEER's key. The queue keeps the messages until a bundle of PEER, or a link, brings its receipts; so a bundle that is lost is "
            "exported again. An export that was broken off goes on where it ended when the same command is given again (its file is called FILE.part "
            "until then). While it is written a link to PEER is interrupted.",
    .example = "qiao bundle export street-3 -o /media/disc/street-3.bundle",
    .options = export_options,
    .option_count = sizeof(export_options) / sizeof(export_options[0]),
    .values_size = sizeof(struct export_values),
    .run = run_export,
};
