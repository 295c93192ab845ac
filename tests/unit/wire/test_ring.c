#include "wire/ring.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint8_t expected_byte(size_t position)
{
    return (uint8_t)(position * 31 + position / 251);
}

static size_t fill(struct ring *ring, size_t written, size_t size, bool large)
{
    uint8_t *space;
    size_t room = ring_reserve(ring, large, &space);
    if (room == 0)
        return 0;
    if (size > room)
        size = room;
    for (size_t i = 0; i < size; i++)
        space[i] = expected_byte(written + i);
    ring_commit(ring, size);
    return size;
}

static size_t drain(struct ring *ring, size_t read, size_t size)
{
    const uint8_t *data;
    size_t have = ring_peek(ring, &data);
    if (size > have)
        size = have;
    for (size_t i = 0; i < size; i++)
        cr_assert(data[i] == expected_byte(read + i), "byte %zu", read + i);
    if (size > 0)
        ring_consume(ring, size);
    return size;
}

Test(wire_ring, bytes_come_out_as_they_went_in_and_never_more_than_the_bound)
{
    struct ring ring;
    ring_init(&ring, 100000);
    size_t written = 0, read = 0;
    srand(7);
    for (int i = 0; i < 20000; i++) {
        written += fill(&ring, written, (size_t)rand() % 9000, rand() % 2);
        cr_assert(ring.held_size <= 100000 && ring.unread_size == written - read);
        for (int j = rand() % 4; j > 0; j--)
            read += drain(&ring, read, (size_t)rand() % 20000);
    }
    while (read < written)
        read += drain(&ring, read, 70000);
    cr_assert(ring.held_size == 0, "an empty ring holds nothing");
    ring_deinit(&ring);
}

Test(wire_ring, a_full_ring_gives_no_room_until_a_chunk_is_drained)
{
    struct ring ring;
    uint8_t *space;
    ring_init(&ring, 128 * 1024);
    size_t written = 0;
    for (size_t size; (size = fill(&ring, written, SIZE_MAX, true)) > 0;)
        written += size;
    cr_assert(written == 128 * 1024);
    cr_assert(ring_reserve(&ring, true, &space) == 0);
    size_t read = 0;
    while (read < 64 * 1024)
        read += drain(&ring, read, 10000);
    cr_assert(fill(&ring, written, 1, true) == 1);
    ring_deinit(&ring);
}

Test(wire_ring, an_empty_reservation_leaves_nothing_behind)
{
    struct ring ring;
    uint8_t *space;
    ring_init(&ring, 4096);
    cr_assert(ring_reserve(&ring, false, &space) == 2048);
    ring_commit(&ring, 0);
    cr_assert(ring.held_size == 0 && ring.first == NULL);
}

Test(wire_ring, what_is_reserved_survives_draining_all_before_it)
{
    struct ring ring;
    uint8_t *space;
    const uint8_t *data;
    ring_init(&ring, 4096);
    fill(&ring, 0, 10, false);
    size_t room = ring_reserve(&ring, false, &space);
    cr_assert(drain(&ring, 0, 10) == 10 && ring_peek(&ring, &data) == 0);
    memset(space, 5, room);
    ring_commit(&ring, room);
    cr_assert(ring_peek(&ring, &data) == room && data[0] == 5 && data[room - 1] == 5);
    ring_deinit(&ring);
}
