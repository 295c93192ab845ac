/* qiao proof: fetches the proof of a message from its origin's node and writes it as a document. */
#include "admin.h"
#include "pbjson.h"

#include <errno.h>
#include <schema/dossier.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct proof_values {
    const char *output;
};

static const struct option_spec proof_options[] = {
    { .name = "output", .letter = 'o', .type = OPTION_FILE, .offset = offsetof(struct proof_values, output), .placeholder = "FILE",
      .help = "where the proof goes; without it, to standard output" },
};

static int take_proof(void *context, const Qiao__V1__AdminReply *reply);

static int run_proof(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct proof_values *options = values;
    Qiao__V1__ProofRequest proof = QIAO__V1__PROOF_REQUEST__INIT;
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    const char *output = options->output;
    struct qiao_id id;

    (void)argument_count;
    if (!qiao_id_parse(arguments[0], &id))
        return command_fail(CTL_WRONG_USE, "\"%.60s\" is not a message id; one looks like 01890a5d-ac96-774b-bcce-b302099a8057", arguments[0]);
    proof.id = (ProtobufCBinaryData){ sizeof(id.bytes), id.bytes };
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_PROOF;
    request.proof = &proof;
    return admin_ask_once(globals, &request, take_proof, &output);
}

/* Written beside and renamed: nobody finds half a proof. */
static int write_file(const char *path, json_t *json)
{
    char beside[4096];
    int size = snprintf(beside, sizeof(beside), "%s.new", path);

    if (size < 0 || (size_t)size >= sizeof(beside))
        return command_fail(CTL_WRONG_USE, "the name of the output file is too long");
    if (json_dump_file(json, beside, JSON_INDENT(1)) || rename(beside, path)) {
        int error = errno;
        unlink(beside);
        return command_fail(CTL_NO, "cannot write %s: %s", path, strerror(error));
    }
    return CTL_OK;
}

static int write_proof(const char *output, const Qiao__V1__Dossier *dossier)
{
    json_t *json = pbjson_from_message(&dossier->base, 0);
    int status = CTL_OK;

    if (!json)
        return command_fail(CTL_NO, "out of memory");
    if (output)
        status = write_file(output, json);
    else if (json_dumpf(json, stdout, JSON_INDENT(1)) || putchar('\n') == EOF)
        status = command_fail(CTL_NO, "cannot print JSON: standard output is closed or memory is out");
    json_decref(json);
    return status;
}

static int take_proof(void *context, const Qiao__V1__AdminReply *reply)
{
    const char *const *output = context;
    const Qiao__V1__ProofReply *proof = reply->proof;
    Qiao__V1__Dossier *dossier;
    int status;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_PROOF)
        return command_fail(CTL_NO, "the node answered something else than a proof");
    dossier = qiao__v1__dossier__unpack(NULL, proof->dossier.len, proof->dossier.data);
    if (!dossier)
        return command_fail(CTL_NO, "the proof that the node sent is not understood; is it of another version? (qiao status shows it)");
    status = write_proof(*output, dossier);
    qiao__v1__dossier__free_unpacked(dossier, NULL);
    if (status == CTL_OK && *proof->missing)
        return command_fail(CTL_NO, "the part of %s is missing, so it will not verify yet: %s", proof->missing, proof->why_missing);
    return status;
}

const struct command command_proof = {
    .name = "proof",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "write the proof of a message: who sent it, who had it, how it ended",
    .text = "Ask the node that took the message from its sender. It asks the nodes behind it for their parts. The proof is JSON; \"qiao verify\" "
            "checks it without any node, and PROOF.md tells how to check it with openssl and sha256sum alone. The body is not in it, only "
            "its digest. Exit status 1 means that there is no such message, or that a part is missing; what there is, is written all the same.",
    .example = "qiao proof 01890a5d-ac96-774b-bcce-b302099a8057 -o proof.json",
    .options = proof_options,
    .option_count = sizeof(proof_options) / sizeof(proof_options[0]),
    .values_size = sizeof(struct proof_values),
    .run = run_proof,
};
