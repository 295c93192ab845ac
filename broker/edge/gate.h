/* Who may come in from where: decides for each stranger at a listener, before a byte of it is read. Pure: time is an argument.
 *
 * Each address (IPv6: each /64 network, what one subscriber is given, RFC 6177) has a bucket of handshakes that fills again at its rate, and
 * counts of its connections. All addresses share one bucket more, and not to its ground: who has just been busy must leave half
 * of it to others, who was calm a quarter, and the last quarter is for addresses from which a peer has proved itself. So one noisy
 * address, or a few, cannot keep the others out, and a crowd of new ones cannot keep out the known. Whoever comes from this machine shares a
 * bucket of the same size with others here, not with the network: while a thousand children come back, people can ask the node how it is. */
#ifndef EDGE_GATE_H
#define EDGE_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct gate;

struct gate_limits {
    uint32_t handshakes_per_second_max;  /* of all addresses together */
    uint32_t handshakes_per_address_max; /* a second */
    uint32_t unproven_per_address_max;   /* open connections that have not proved who they are */
    uint32_t connections_per_address_max;
};

enum gate_verdict {
    GATE_OPEN = 0,
    GATE_ADDRESS_CONNECTIONS,
    GATE_ADDRESS_UNPROVEN,
    GATE_ADDRESS_HANDSHAKES,
    GATE_HANDSHAKES,
    GATE_VERDICTS
};

#define GATE_ADDRESS_SIZE 16u

/* seed: from a random source, so that nobody can choose addresses that meet in one row of the table. -ENOMEM. */
int gate_new(uint64_t seed, const struct gate_limits *limits, struct gate **ret_gate);
struct gate *gate_free(struct gate *gate); /* returns NULL */
void gate_set_limits(struct gate *gate, const struct gate_limits *limits);

/* address: GATE_ADDRESS_SIZE bytes, an IPv6 address or an IPv4 one in its mapped form (RFC 4291, 2.5.5.2); NULL: of this machine, where
 * only the bucket of its own counts. After GATE_OPEN *ret_place is to be given back with gate_leave. now_ms never goes back. */
enum gate_verdict gate_enter(struct gate *gate, const uint8_t *address, uint64_t now_ms, uint32_t *ret_place);
/* A connection of the place has proved who it is. At most once for each. */
void gate_proved(struct gate *gate, uint32_t place);
void gate_leave(struct gate *gate, uint32_t place, bool proved);

/* A sentence that names the key. */
const char *gate_reason(enum gate_verdict verdict);

#endif
