/* One message out, and if asked for how it ended. */
#ifndef CTL_POST_H
#define CTL_POST_H

#include "session.h"

#include <protobuf-c/protobuf-c.h>

struct post_options {
    const char *outbox;    /* directory, or NULL */
    const char *sign_with, *sign_key, *sign_passphrase_file; /* as in session.h */
    bool wait;             /* for the outcome, and print it */
    const struct option_list *attach; /* files to attach, or NULL: returns when the node has them too */
    const char *decided_in; /* of an area set: the outcome of the node in this area is waited for; NULL: the first that comes */
};

/* Prints the message's id, and with wait how it ended. The exit status: CTL_NO if it was not accepted. */
int post_message(const struct globals *globals, const struct qiao_message *message, const struct post_options *options);

/* A registrar's word to every node of the area, which ends in that area's own node. seat: NULL, or the one it is written from. */
int post_to_nodes(const struct globals *globals, const char *area, const char *seat, bool wait, unsigned kind, const ProtobufCMessage *body);

#endif
