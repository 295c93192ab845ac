/* What one node wraps for another, in each kind of key. */
#include "rings.h"

#include <string.h>

TestSuite(seal_wrap, .init = rings_enter, .fini = rings_leave);

static const struct qiao_bytes content = { (const uint8_t *)"a page of a bundle", 18 };

struct pair {
    struct keyring *from, *to;
    struct seal_key_id id;         /* of the receiver, as the sender knows it */
};

static struct pair pair_of(const char *algorithm)
{
    struct pair pair;
    struct keyring_options a, b;
    OK("init --out ca --name F --algorithm %s", algorithm);
    OK("issue --ca ca --name a --area 990101 --out o --algorithm %s", algorithm);
    OK("issue --ca ca --name b --area 990101001 --out o --algorithm %s", algorithm);
    a = rings_options("a");
    b = rings_options("b");
    pair.from = rings_open(&a);
    pair.to = rings_open(&b);
    cr_assert_eq(rings_learn(pair.from, "o/b.crt", &pair.id), QIAO_CODE_OK);
    return pair;
}

static unsigned wrap(const struct pair *pair, struct buf *out)
{
    const struct seal *seal = keyring_seal(pair->from);
    struct seal_identity holder;
    unsigned code = seal->wrap(seal->context, &pair->id, content, out, &holder);
    if (code == QIAO_CODE_OK) cr_expect_str_eq(holder.name, "b");
    return code;
}

static unsigned unwrap(struct keyring *keyring, const struct buf *wrapped, struct buf *out)
{
    const struct seal *seal = keyring_seal(keyring);
    return seal->unwrap(seal->context, buf_bytes(wrapped), out);
}

static void goes_from_node_to_node(const char *algorithm)
{
    struct pair pair = pair_of(algorithm);
    buf_auto wrapped = { 0 };
    buf_auto got = { 0 };
    cr_assert_eq(wrap(&pair, &wrapped), QIAO_CODE_OK);
    cr_expect_null(memmem(wrapped.data, wrapped.size, content.data, content.size));
    cr_expect_eq(unwrap(pair.from, &wrapped, &got), QIAO_CODE_CANNOT_RECEIVE, "the sender is not the receiver");
    cr_assert_eq(unwrap(pair.to, &wrapped, &got), QIAO_CODE_OK);
    cr_expect(qiao_bytes_equal(buf_bytes(&got), content));
    wrapped.data[wrapped.size - 1] ^= 1;
    cr_expect_neq(unwrap(pair.to, &wrapped, &got), QIAO_CODE_OK);
    cr_expect_eq(got.size, content.size, "nothing is added to what was there");
}

Test(seal_wrap, p256) { goes_from_node_to_node("p256"); }
Test(seal_wrap, sm2) { goes_from_node_to_node("sm2"); }

Test(seal_wrap, an_ed25519_key_cannot_receive)
{
    struct pair pair = pair_of("ed25519");
    buf_auto wrapped = { 0 };
    cr_expect_eq(wrap(&pair, &wrapped), QIAO_CODE_CANNOT_RECEIVE);
    cr_expect_eq(wrapped.size, 0);
}

Test(seal_wrap, what_was_not_wrapped_is_malformed)
{
    struct pair pair = pair_of("p256");
    buf_auto noise = { 0 };
    buf_auto got = { 0 };
    buf_append(&noise, content.data, content.size);
    cr_expect_eq(unwrap(pair.to, &noise, &got), QIAO_CODE_MALFORMED);
    pair.id.bytes[0] ^= 1;
    cr_expect_eq(wrap(&pair, &noise), QIAO_CODE_UNKNOWN_KEY);
}
