/* Streams made of arrays. A stream loses nothing but its end: bytes come late, in pieces of any size, or not at all. */
#include "courier.h"

#define PACKET_SIZE 1400u /* of a line with a rate */

int pipe_open(struct sim *sim, struct sim_end a, struct sim_end b, const uint64_t *blocked_until)
{
    uint32_t index = 0;
    while (index < sim->pipes_count && sim->pipes[index]->used) index++;
    if (index == sim->pipes_capacity) {
        sim->pipes_capacity = sim->pipes_capacity ? sim->pipes_capacity * 2 : 32;
        sim->pipes = base_realloc(sim->pipes, sim->pipes_capacity * sizeof(struct sim_pipe *));
    }
    if (index == sim->pipes_count) sim->pipes[sim->pipes_count++] = base_zalloc(sizeof(struct sim_pipe));
    struct sim_pipe *pipe = sim->pipes[index];
    *pipe = (struct sim_pipe){ .used = true, .life = ++sim->lives, .ends = { a, b }, .blocked_until = blocked_until };
    pipe->ends[0].open = pipe->ends[1].open = true;
    pipe->flows[0].eof_ms = pipe->flows[1].eof_ms = SIM_NEVER;
    pipe->latency_ms = 1 + (uint32_t)sim_random(sim, sim->latency_ms_max);
    pipe->jitter_ms = (uint32_t)sim_random(sim, sim->latency_ms_max);
    return (int)index;
}

static void flow_clear(struct sim_flow *flow)
{
    while (flow->first) {
        struct sim_segment *next = flow->first->next;
        free(flow->first);
        flow->first = next;
    }
    flow->last = NULL;
    flow->bytes = 0;
}

void pipe_free(struct sim *sim, int index)
{
    struct sim_pipe *pipe = sim->pipes[index];
    for (unsigned i = 0; i < 2; i++) {
        flow_clear(&pipe->flows[i]);
        frame_reader_deinit(&pipe->ends[i].reader);
    }
    *pipe = (struct sim_pipe){ 0 };
}

unsigned pipe_end_of(const struct sim *sim, int index, enum sim_end_kind kind, uint32_t of)
{
    const struct sim_pipe *pipe = sim->pipes[index];
    return pipe->ends[0].kind == kind && pipe->ends[0].index == of ? 0 : 1;
}

static uint64_t travel_ms(struct sim *sim, const struct sim_pipe *pipe, size_t size)
{
    uint64_t ms = pipe->latency_ms + sim_random(sim, pipe->jitter_ms);
    return pipe->bytes_per_ms ? ms + size / pipe->bytes_per_ms : ms;
}

static void add_segment(struct sim *sim, int index, unsigned to, const uint8_t *data, size_t size, uint64_t arrive)
{
    struct sim_pipe *pipe = sim->pipes[index];
    struct sim_flow *flow = &pipe->flows[to];
    struct sim_segment *segment = base_alloc(sizeof *segment + size);
    *segment = (struct sim_segment){ .arrive_ms = arrive > flow->arrive_ms ? arrive : flow->arrive_ms, .size = size };
    memcpy(segment->data, data, size);
    if (flow->last) flow->last->next = segment;
    else flow->first = segment;
    flow->last = segment;
    flow->arrive_ms = segment->arrive_ms;
    flow->bytes += size;
    if (flow->bytes > sim->bytes_on_wire_max) sim->bytes_on_wire_max = flow->bytes;
    sim_at(sim, segment->arrive_ms - sim->now_ms, SIM_CHUNK, (uint32_t)index, pipe->life, 0);
}

/* When a packet that is handed to a line has arrived. Lines have dice of their own: a calm world may have a bad line. */
static uint64_t packet_arrives_ms(struct sim *sim, const struct sim_line *line, struct sim_flow *flow, size_t size)
{
    uint64_t takes_us = size * 1000000 / line->bytes_per_s, late_us = 0;
    if (flow->free_us < sim->now_ms * 1000) flow->free_us = sim->now_ms * 1000;
    flow->free_us += takes_us;
    while (prng_below(&sim->prng, 100) < line->loss_percent) {
        flow->free_us += takes_us;
        late_us += 2000u * line->latency_ms;
    }
    return (flow->free_us + late_us) / 1000 + line->latency_ms;
}

void pipe_send(struct sim *sim, int index, unsigned from, const uint8_t *data, size_t size)
{
    struct sim_pipe *pipe = sim->pipes[index];
    struct sim_flow *flow = &pipe->flows[!from];
    if (!pipe->ends[!from].open || flow->eof_ms != SIM_NEVER || size == 0) return;
    if (pipe->line.bytes_per_s == 0) {
        add_segment(sim, index, !from, data, size, sim->now_ms + travel_ms(sim, pipe, size));
        return;
    }
    for (size_t done = 0, part; done < size; done += part) {
        part = size - done < PACKET_SIZE ? size - done : PACKET_SIZE;
        add_segment(sim, index, !from, data + done, part, packet_arrives_ms(sim, &pipe->line, flow, part));
    }
}

static void set_eof(struct sim *sim, int index, unsigned to, uint64_t in_ms)
{
    struct sim_pipe *pipe = sim->pipes[index];
    struct sim_flow *flow = &pipe->flows[to];
    if (flow->eof_ms != SIM_NEVER) return;
    flow->eof_ms = sim->now_ms + in_ms > flow->arrive_ms ? sim->now_ms + in_ms : flow->arrive_ms;
    sim_at(sim, flow->eof_ms - sim->now_ms, SIM_CHUNK, (uint32_t)index, pipe->life, 0);
}

void pipe_close(struct sim *sim, int index, unsigned from)
{
    struct sim_pipe *pipe = sim->pipes[index];
    pipe->ends[from].open = false;
    flow_clear(&pipe->flows[from]);
    if (!pipe->ends[!from].open) {
        pipe_free(sim, index);
        return;
    }
    set_eof(sim, index, !from, travel_ms(sim, pipe, 0));
}

/* Keeps a random number of the bytes under way. */
static void flow_cut(struct sim *sim, struct sim_flow *flow)
{
    size_t keep = (size_t)sim_random(sim, flow->bytes + 1);
    struct sim_segment **at = &flow->first;
    flow->last = NULL;
    flow->bytes = keep;
    flow->arrive_ms = sim->now_ms;
    while (*at && keep > 0) {
        if ((*at)->size > keep) (*at)->size = keep;
        keep -= (*at)->size;
        flow->last = *at;
        flow->arrive_ms = (*at)->arrive_ms;
        at = &(*at)->next;
    }
    struct sim_flow rest = { .first = *at };
    *at = NULL;
    flow_clear(&rest);
}

void pipe_cut(struct sim *sim, int index)
{
    struct sim_pipe *pipe = sim->pipes[index];
    sim->counts.cuts++;
    sim_trace(sim, "wire %d is cut", index);
    for (unsigned to = 0; to < 2; to++) {
        flow_cut(sim, &pipe->flows[to]);
        /* Most ends hear of it at once; some find out much later, or by silence. */
        set_eof(sim, index, to, sim_chance(sim, 80) ? sim_random(sim, 20) : sim_random(sim, 20000));
    }
}

/* Gives the end one segment in pieces of random size. False if the end reads nothing more. */
static bool give(struct sim *sim, int index, unsigned to)
{
    struct sim_pipe *pipe = sim->pipes[index];
    struct sim_flow *flow = &pipe->flows[to];
    struct sim_segment *segment = flow->first;
    uint64_t life = pipe->life;
    size_t done = 0;
    if (pipe->ends[to].kind == SIM_END_NODE && sim->nodes[pipe->ends[to].index].stalled) return false;
    flow->first = segment->next;
    if (!flow->first) flow->last = NULL;
    flow->bytes -= segment->size;
    while (done < segment->size && pipe->used && pipe->life == life && pipe->ends[to].open) {
        size_t part = segment->size - done;
        if (sim_random(sim, 4) == 0) part = 1 + (size_t)sim_random(sim, part);
        struct qiao_bytes bytes = qiao_bytes(segment->data + done, part);
        if (pipe->ends[to].kind == SIM_END_NODE) node_feed(sim, &sim->nodes[pipe->ends[to].index], &pipe->ends[to], bytes);
        else if (pipe->ends[to].kind == SIM_END_ADVERSARY) adversary_feed(sim, &pipe->ends[to], bytes);
        else if (pipe->ends[to].kind == SIM_END_COURIER) courier_feed(sim, &pipe->ends[to], bytes);
        else member_feed(sim, &sim->members[pipe->ends[to].index], &pipe->ends[to], bytes);
        done += part;
    }
    free(segment);
    return pipe->used && pipe->life == life && pipe->ends[to].open;
}

static void arrive_at(struct sim *sim, int index, unsigned to)
{
    struct sim_pipe *pipe = sim->pipes[index];
    struct sim_flow *flow = &pipe->flows[to];
    while (flow->first && flow->first->arrive_ms <= sim->now_ms)
        if (!give(sim, index, to)) return;
    if (flow->first || flow->eof_ms > sim->now_ms || !pipe->ends[to].open) return;
    if (pipe->ends[to].kind == SIM_END_NODE) node_eof(sim, &sim->nodes[pipe->ends[to].index], &pipe->ends[to]);
    else if (pipe->ends[to].kind == SIM_END_ADVERSARY) adversary_eof(sim, &pipe->ends[to]);
    else if (pipe->ends[to].kind == SIM_END_COURIER) courier_eof(sim);
    else member_eof(sim, &sim->members[pipe->ends[to].index]);
}

void pipe_arrive(struct sim *sim, int index)
{
    struct sim_pipe *pipe = sim->pipes[index];
    uint64_t life = pipe->life;
    if (sim->now_ms < *pipe->blocked_until) { /* what is under way waits for the partition to end */
        sim_at(sim, *pipe->blocked_until - sim->now_ms, SIM_CHUNK, (uint32_t)index, life, 0);
        return;
    }
    for (unsigned to = 0; to < 2; to++)
        if (pipe->used && pipe->life == life && pipe->ends[to].open) arrive_at(sim, index, to);
}
