/* Who may come in from where: rates, counts, what noisy addresses leave to others, and a table that does not grow. */
#include "edge/gate.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#define SEED 7
#define SECOND 1000u

static const struct gate_limits usual = {
    .handshakes_per_second_max = 200, .handshakes_per_address_max = 50, .unproven_per_address_max = 64, .connections_per_address_max = 256,
};

struct address {
    uint8_t bytes[GATE_ADDRESS_SIZE];
};

static struct address v4(uint32_t number)
{
    return (struct address){ { [10] = 0xff, 0xff, (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number } };
}

static struct address v6(uint32_t network, uint8_t host)
{
    return (struct address){ { 0x20, 0x01, 0x0d, 0xb8, (uint8_t)(network >> 24), (uint8_t)(network >> 16), (uint8_t)(network >> 8), (uint8_t)network, [15] = host } };
}

static struct gate *gate_with(struct gate_limits limits)
{
    struct gate *gate = NULL;
    cr_assert_eq(gate_new(SEED, &limits, &gate), 0);
    return gate;
}

/* Comes in, proves itself if wanted, and leaves at once. */
static enum gate_verdict visit(struct gate *gate, struct address address, uint64_t now_ms, bool proves)
{
    uint32_t place;
    enum gate_verdict verdict = gate_enter(gate, address.bytes, now_ms, &place);
    if (verdict != GATE_OPEN) return verdict;
    if (proves) gate_proved(gate, place);
    gate_leave(gate, place, proves);
    return GATE_OPEN;
}

static unsigned visits(struct gate *gate, struct address address, uint64_t now_ms, unsigned count)
{
    unsigned served = 0;
    for (unsigned i = 0; i < count; i++) served += visit(gate, address, now_ms, false) == GATE_OPEN;
    return served;
}

Test(gate, an_address_gets_its_rate_and_not_more)
{
    struct gate *gate = gate_with(usual);
    cr_expect_eq(visits(gate, v4(1), 0, 1000), 50, "a second's worth at once");
    cr_expect_eq(visit(gate, v4(1), 19, false), GATE_ADDRESS_HANDSHAKES);
    cr_expect_eq(visit(gate, v4(1), 20, false), GATE_OPEN, "one more after a fiftieth of a second");
    unsigned served = 0;
    for (uint64_t now = 20; now < 20 + 10 * SECOND; now++) served += visits(gate, v4(1), now, 5);
    cr_expect(served >= 498 && served <= 501, "ten seconds of trying all the time give ten times the rate, not %u", served);
    cr_expect_eq(visits(gate, v4(1), 3600 * SECOND, 1000), 50, "an hour of calm saves up no more than a second");
    gate_free(gate);
}

Test(gate, open_connections_of_an_address_are_counted)
{
    struct gate_limits limits = usual;
    limits.handshakes_per_second_max = limits.handshakes_per_address_max = 100000;
    struct gate *gate = gate_with(limits);
    uint32_t places[300], place;
    for (unsigned i = 0; i < 64; i++) cr_assert_eq(gate_enter(gate, v4(1).bytes, 0, &places[i]), GATE_OPEN);
    cr_expect_eq(gate_enter(gate, v4(1).bytes, 0, &place), GATE_ADDRESS_UNPROVEN);
    cr_expect_eq(gate_enter(gate, v4(2).bytes, 0, &place), GATE_OPEN, "another address has counts of its own");
    gate_proved(gate, places[0]);
    cr_assert_eq(gate_enter(gate, v4(1).bytes, 0, &places[64]), GATE_OPEN, "who has proved itself makes room");
    gate_leave(gate, places[64], false);
    for (unsigned i = 1; i < 64; i++) gate_proved(gate, places[i]);
    for (unsigned i = 64; i < 256; i++) {
        cr_assert_eq(gate_enter(gate, v4(1).bytes, 0, &places[i]), GATE_OPEN);
        gate_proved(gate, places[i]);
    }
    cr_expect_eq(gate_enter(gate, v4(1).bytes, 0, &place), GATE_ADDRESS_CONNECTIONS);
    gate_leave(gate, places[255], true);
    cr_expect_eq(gate_enter(gate, v4(1).bytes, 0, &place), GATE_OPEN);
    gate_free(gate);
}

Test(gate, an_ipv6_network_is_one_address)
{
    struct gate *gate = gate_with(usual);
    unsigned served = 0;
    for (unsigned host = 0; host < 200; host++) served += visit(gate, v6(1, (uint8_t)host), 0, false) == GATE_OPEN;
    cr_expect_eq(served, 50);
    cr_expect_eq(visit(gate, v6(2, 0), 0, false), GATE_OPEN);
    gate_free(gate);
}

Test(gate, noisy_addresses_leave_room_for_calm_ones)
{
    struct gate *gate = gate_with(usual);
    unsigned calm_refused = 0;
    for (uint64_t now = 0; now < 60 * SECOND; now++) {
        for (uint32_t noisy = 1; noisy <= 20; noisy++) visits(gate, v4(noisy), now, 5);
        /* Forty a second that nobody has seen before or that were calm. */
        if (now % 25 == 0) calm_refused += visit(gate, v4(1000 + (uint32_t)(now / 25) % 500), now, false) != GATE_OPEN;
    }
    cr_expect_eq(calm_refused, 0, "%u of 2400 calm ones were refused", calm_refused);
    gate_free(gate);
}

Test(gate, a_crowd_of_new_addresses_leaves_room_for_known_ones)
{
    struct gate *gate = gate_with(usual);
    cr_assert_eq(visit(gate, v4(1), 0, true), GATE_OPEN);
    uint32_t stranger = 1000;
    unsigned known_refused = 0, strangers_served = 0;
    for (uint64_t now = 1; now < 60 * SECOND; now++) {
        for (unsigned i = 0; i < 5; i++) strangers_served += visit(gate, v4(stranger++), now, false) == GATE_OPEN;
        if (now % 100 == 0) known_refused += visit(gate, v4(1), now, true) != GATE_OPEN;
    }
    cr_expect_eq(known_refused, 0);
    cr_expect_leq(strangers_served, 200 * 60 + 200, "all of them together keep to the rate: %u", strangers_served);
    cr_expect_geq(strangers_served, 180 * 60);
    gate_free(gate);
}

Test(gate, connections_of_this_machine_share_only_the_common_rate)
{
    struct gate *gate = gate_with(usual);
    uint32_t place = 1;
    unsigned served = 0;
    for (unsigned i = 0; i < 1000; i++) {
        if (gate_enter(gate, NULL, 0, &place) != GATE_OPEN) continue;
        served++;
        cr_assert_eq(place, 0);
        gate_proved(gate, place);
        gate_leave(gate, place, true);
    }
    cr_expect_eq(served, 200);
    cr_expect_eq(gate_enter(gate, NULL, 0, &place), GATE_HANDSHAKES);
    gate_free(gate);
}

/* A thousand children that come back must not keep out whoever asks the node how it is. */
Test(gate, a_crowd_of_known_addresses_leaves_room_for_this_machine)
{
    struct gate *gate = gate_with(usual);
    unsigned refused = 0, served = 0;
    uint32_t place;
    for (uint32_t i = 0; i < 100; i++) visit(gate, v4(i), 0, true);
    for (uint64_t now = 1; now < 10 * SECOND; now++) {
        for (uint32_t i = 0; i < 100; i += 10) served += visit(gate, v4((uint32_t)(i + now % 10)), now, true) == GATE_OPEN;
        if (now % 100 == 0) refused += gate_enter(gate, NULL, now, &place) != GATE_OPEN;
    }
    cr_expect_eq(refused, 0, "%u of 99 local ones were refused", refused);
    cr_expect_leq(served, 200 * 10 + 200);
    cr_expect_geq(served, 190 * 10);
    gate_free(gate);
}

Test(gate, the_smallest_limits_still_let_one_in)
{
    struct gate *gate = gate_with((struct gate_limits){ 1, 1, 1, 1 });
    cr_expect_eq(visit(gate, v4(1), 0, false), GATE_OPEN);
    cr_expect_neq(visit(gate, v4(1), 999, false), GATE_OPEN);
    cr_expect_eq(visit(gate, v4(1), 1000, false), GATE_OPEN);
    gate_free(gate);
}

/* More addresses with open connections than the table has entries: those without one share. Nothing is lost count of. */
Test(gate, a_full_table_shares_one_entry)
{
    enum { MANY = 20000 };
    static uint32_t places[MANY];
    struct gate_limits limits = { 1000000, 1000, 64, 256 };
    struct gate *gate = gate_with(limits);
    unsigned entered = 0, refused = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        enum gate_verdict verdict = gate_enter(gate, v4(i).bytes, 10 * SECOND, &places[i]);
        entered += verdict == GATE_OPEN;
        refused += verdict == GATE_ADDRESS_UNPROVEN;
    }
    cr_expect_eq(entered + refused, MANY);
    cr_expect(entered > 3500 && entered <= 4096 + 64, "the table holds %u", entered);
    for (uint32_t i = 0; i < MANY; i++)
        if (places[i]) gate_leave(gate, places[i], false);
    for (uint32_t i = 0; i < 64; i++) cr_assert_eq(gate_enter(gate, v4(5).bytes, 20 * SECOND, &places[i]), GATE_OPEN, "all have left");
    cr_expect_eq(gate_enter(gate, v4(5).bytes, 20 * SECOND, &places[64]), GATE_ADDRESS_UNPROVEN);
    gate_free(gate);
}

/* An address that is known or busy is not forgotten for one that came by once. */
Test(gate, passers_by_do_not_push_out_the_known)
{
    struct gate_limits limits = usual;
    limits.handshakes_per_second_max = 100000;
    struct gate *gate = gate_with(limits);
    cr_assert_eq(visit(gate, v4(1), 0, true), GATE_OPEN);
    for (uint32_t i = 1000; i < 60000; i++) cr_assert_eq(visit(gate, v4(i), 1, false), GATE_OPEN);
    limits.handshakes_per_second_max = 4;
    gate_set_limits(gate, &limits);
    for (unsigned i = 0; i < 3; i++) visit(gate, v4(100000 + i), 1, false);
    cr_expect_eq(visit(gate, v4(100004), 1, false), GATE_HANDSHAKES, "the last quarter is not for strangers");
    cr_expect_eq(visit(gate, v4(1), 1, false), GATE_OPEN);
    gate_free(gate);
}

Test(gate, each_verdict_names_its_key)
{
    for (int verdict = GATE_OPEN + 1; verdict < GATE_VERDICTS; verdict++)
        cr_expect_not_null(strstr(gate_reason((enum gate_verdict)verdict), "limits."), "verdict %d", verdict);
}
