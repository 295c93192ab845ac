/* qiao bundle import, show: what a neighbour wrote to a file. */
#include "admin.h"
#include "bundle_file.h"
#include "output.h"
#include "text.h"

#include <inttypes.h>

/* ---- import ---- */

struct importing {
    uint64_t messages, known;
    uint32_t parts;
};

static int take_receipt(void *context, const Qiao__V1__AdminReply *reply)
{
    struct importing *x = context;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_BUNDLE_IMPORT)
        return command_fail(CTL_NO, "the node answered something else than that it took the page");
    x->messages += reply->bundle_import->messages;
    x->known += reply->bundle_import->known;
    x->parts++;
    return CTL_OK;
}

static int give_parts(struct admin *admin, struct bundle_file *file, struct importing *x)
{
    struct bundle_part part;
    int result, status = CTL_OK;

    while (status == CTL_OK && (result = bundle_file_next(file, &part)) != 0) {
        Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
        Qiao__V1__BundleImportRequest given = QIAO__V1__BUNDLE_IMPORT_REQUEST__INIT;
        if (result < 0)
            return CTL_NO;
        given.wrapped = (ProtobufCBinaryData){ part.wrapped_size, (uint8_t *)(uintptr_t)part.wrapped };
        request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_BUNDLE_IMPORT;
        request.bundle_import = &given;
        status = admin_ask_patiently(admin, &request, take_receipt, x);
        bundle_file_progress(file, "imported", false);
    }
    bundle_file_progress(file, "imported", true);
    if (status == CTL_OK && !file->whole)
        return command_fail(CTL_NO, "%s was cut short behind part %" PRIu32 ": what is there was taken. Copy it anew and import it again", file->path, file->parts);
    return status;
}

static int run_import(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(bundle_file_close))) struct bundle_file file = { 0 };
    __attribute__((cleanup(admin_close))) struct admin admin = { 0 };
    struct importing x = { 0 };
    int status = bundle_file_open(&file, arguments[0]);

    (void)values;
    (void)argument_count;
    if (status == CTL_OK)
        status = admin_open(&admin, globals);
    if (status == CTL_OK)
        status = give_parts(&admin, &file, &x);
    if (globals->json) {
        int printed = output_json_line(json_pack("{sssssssIsIsIsb}", "file", file.path ? file.path : arguments[0], "from", file.from, "to", file.to, "parts",
                                                 (json_int_t)x.parts, "messages", (json_int_t)x.messages, "known", (json_int_t)x.known, "whole", file.whole));
        return status ? status : printed;
    }
    if (x.parts > 0)
        printf("%s: %" PRIu64 " messages of %s, of which %" PRIu64 " were here already\n", arguments[0], x.messages, file.from, x.known);
    return status;
}

const struct command command_bundle_import = {
    .name = "bundle import",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "take a bundle that a neighbour made",
    .text = "The node checks that the bundle is for it and that one of its neighbours signed it, and takes the messages and receipts as if a link "
            "had brought them: each message is checked, on disk before it counts, and known when it comes again. So a bundle may be imported twice, "
            "after a link has brought the same, or again after an import was broken off. Bundles of one neighbour are taken in the order they were made: "
            "BUNDLE_GAP says that an earlier one is missing. Carry a bundle of this node back: it holds the receipts.",
    .example = "qiao bundle import /media/disc/street-3.bundle",
    .run = run_import,
};

/* ---- show ---- */

static int run_show(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    __attribute__((cleanup(bundle_file_close))) struct bundle_file file = { 0 };
    struct bundle_part part;
    char at[TEXT_TIME_SIZE];
    int status = bundle_file_open(&file, arguments[0]), result = 1;

    (void)values;
    (void)argument_count;
    if (status)
        return status;
    while (result == 1)
        result = bundle_file_next(&file, &part);
    if (globals->json) {
        status = output_json_line(json_pack("{sssssIsIsIsb}", "from", file.from, "to", file.to, "madeAtMs", (json_int_t)file.made_at_ms, "parts", (json_int_t)file.parts, "messages",
                                            (json_int_t)file.messages, "whole", file.whole));
    } else {
        text_time_format(file.made_at_ms, at);
        printf("from %s to %s, made at %s\n%" PRIu32 " parts, %" PRIu64 " messages, %s\n", file.from, file.to, at, file.parts, file.messages, file.whole ? "whole" : "cut short");
    }
    return status ? status : file.whole ? CTL_OK : CTL_NO;
}

const struct command command_bundle_show = {
    .name = "bundle show",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "tell from whom and for whom a bundle is, and whether it is whole",
    .text = "What can be told without the receiver's key. Exit status 1 means that the file was cut short.",
    .example = "qiao bundle show /media/disc/street-3.bundle",
    .run = run_show,
};
