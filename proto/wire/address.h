/* URLs of the transports: scheme://host:port or ipc://path. */
#ifndef WIRE_ADDRESS_H
#define WIRE_ADDRESS_H

#include "wire/wire.h"

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>

struct address {
    char scheme[12];
    char host[256]; /* of a tcp scheme; without brackets; "" means every interface */
    unsigned port;
    char path[104]; /* of ipc */
    bool tls;
    bool local;     /* ipc */
};

/* 0 or WIRE_E_ADDRESS with a sentence. listening allows port 0 and an empty host. */
int address_parse(const char *url, bool listening, struct address *ret_address, char *reterr_text, size_t reterr_size);
/* A tcp address that cannot leave this machine. Names other than localhost are not looked up: they count as remote. */
bool address_is_loopback(const struct address *address);
/* The URL again, with the port in the address. */
void address_format(const struct address *address, char *text, size_t size);
void address_of_peer(nng_stream *stream, bool local, struct wire_source *ret_source);
/* For people. */
void address_describe_peer(nng_stream *stream, bool local, char *text, size_t size);

#endif
