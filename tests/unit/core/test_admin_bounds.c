/* Answers to people are bounded by what fits into a frame, whatever senders have put into their messages. */
#include "fuzz/core_world.h"

#include "core/keys.h"
#include "schema/admin.pb-c.h"

#include <criterion/criterion.h>

enum { ENTRIES = 500 };

/* An address that is mostly fields of a newer version: small on the wire, large once unpacked. */
static void put_padded_address(struct buf *out, size_t size)
{
    address_write(out, qiao_bytes_from_string("990101"), qiao_bytes_from_string("desk"), qiao_bytes(NULL, 0));
    while (out->size + 2 <= size) pb_put_varint(out, 9, 1);
}

static void put_sized(struct buf *out, struct qiao_bytes bytes)
{
    uint8_t size[2];
    put_u16(size, (uint16_t)bytes.size);
    buf_append(out, size, sizeof size);
    buf_append(out, bytes.data, bytes.size);
}

static void put_case_entry(struct store *store, unsigned number, struct qiao_bytes address)
{
    static const uint8_t head[13] = { 0, 0, 0, 200 };
    struct qiao_id id = { { 1, 2, 3, (uint8_t)(number >> 8), (uint8_t)number } };
    struct key key = key_case(qiao_bytes_from_string("C1"), &id);
    buf_auto value = { 0 };
    buf_append(&value, head, sizeof head);
    put_sized(&value, address);
    put_sized(&value, address);
    struct store_op op = { STORE_PUT, key_bytes(&key), buf_bytes(&value) };
    cr_assert_eq(store_commit(store, &(struct store_batch){ &op, 1 }), STORE_OK);
}

static void ask_for_case(struct caller *caller, uint64_t now_ms)
{
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    Qiao__V1__CaseShowRequest show = QIAO__V1__CASE_SHOW_REQUEST__INIT;
    uint8_t packed[64];
    show.case_id = (char *)"C1";
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_CASE_SHOW;
    request.case_show = &show;
    link_send_frame(&caller->link, FRAME_ADMIN_REQUEST, qiao_bytes(packed, qiao__v1__admin_request__pack(&request, packed)), now_ms, &caller->out);
}

static void show_case_of_addresses(size_t address_size)
{
    static struct world w;
    struct choices none = choices(NULL, 0);
    struct store *store;
    char error[128];
    buf_auto address = { 0 };
    cr_assert_eq(store_engine_array.open(&(struct store_options){ .version = 1 }, &store, error, sizeof error), 0);
    put_padded_address(&address, address_size);
    for (unsigned i = 0; i < ENTRIES; i++) put_case_entry(store, i, buf_bytes(&address));
    store_refresh(store);
    cr_assert(world_init(&w, &none, store));
    world_connect(&w, WHO_TOOL);
    for (int i = 0; i < 4; i++) world_exchange(&w);
    struct caller *tool = &w.callers[WHO_TOOL];
    cr_assert_eq(tool->link.state, LINK_STATE_UP);
    ask_for_case(tool, w.now_ms);
    world_exchange(&w); /* checks that what comes back fits into frames */
    cr_expect(tool->open && tool->link.state == LINK_STATE_UP, "the asker is answered and keeps its link");
    world_deinit(&w);
}

Test(core_admin, a_case_of_many_ordinary_messages_is_shown) { show_case_of_addresses(40); }
Test(core_admin, a_case_of_padded_addresses_is_shown_as_far_as_it_fits) { show_case_of_addresses(QIAO_ADDRESS_SIZE_MAX); }
Test(core_admin, a_store_of_an_older_version_with_larger_ones_does_no_harm) { show_case_of_addresses(8000); }
