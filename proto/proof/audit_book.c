#include "proof/audit_book.h"

#include "codec/pb.h"

const char *audit_fault_text(enum audit_fault fault)
{
    static const char *const texts[] = {
        [AUDIT_SOUND] = "nothing was altered", [AUDIT_UNREADABLE] = "cannot be read", [AUDIT_MISSING] = "is missing", [AUDIT_ALTERED] = "was altered",
        [AUDIT_MOVED] = "stands in the place of another", [AUDIT_REWRITTEN] = "was altered, removed or put in, and the log made anew behind it",
        [AUDIT_CUT_OFF] = "is missing with all behind it: the log was cut off", [AUDIT_HEAD_FORGED] = "the head is not signed by the node it names",
    };
    return texts[fault];
}

/* ---- reading ---- */

static bool copy_name(struct qiao_bytes text, char ret_name[QIAO_NAME_SIZE_MAX + 1])
{
    if (text.size > QIAO_NAME_SIZE_MAX) return false;
    if (text.size > 0) memcpy(ret_name, text.data, text.size);
    ret_name[text.size] = '\0';
    return true;
}

static bool copy_exactly(struct qiao_bytes bytes, void *to, size_t size)
{
    if (bytes.size != size) return false;
    memcpy(to, bytes.data, size);
    return true;
}

static bool copy_suite(uint64_t value, enum seal_suite *ret_suite)
{
    *ret_suite = value < SEAL_SUITES ? (enum seal_suite)value : SEAL_SUITE_NONE;
    return value < SEAL_SUITES;
}

static bool copy_signature(struct qiao_bytes bytes, struct audit_signature *s)
{
    s->bytes = bytes;
    return bytes.size <= SEAL_SIGNATURE_SIZE_MAX;
}

static bool read_head(struct qiao_bytes bytes, struct audit_book *b)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    bool ok = true;
    b->head = (struct audit_head){ 0 };
    while (ok && pb_next(&r, &f)) {
        if (f.number == 1) ok = copy_name(f.bytes, b->node);
        if (f.number == 2) ok = copy_suite(f.value, &b->head.log_suite);
        if (f.number == 3) b->head.size = f.value;
        if (f.number == 4) ok = copy_exactly(f.bytes, b->head.root.bytes, SEAL_DIGEST_SIZE);
        if (f.number == 5) b->head.at_ms = f.value;
        if (f.number == 6) ok = copy_suite(f.value, &b->signature.suite);
        if (f.number == 7) ok = copy_exactly(f.bytes, b->signature.key_id.bytes, SEAL_KEY_ID_SIZE);
        if (f.number == 8) ok = copy_signature(f.bytes, &b->signature);
    }
    b->head.node = b->node;
    b->has_head = true;
    return ok && !r.failed;
}

#define GROW(array, count, capacity)                                               \
    do {                                                                           \
        if ((count) < (capacity)) break;                                           \
        (capacity) = (capacity) ? (capacity) * 2 : 256;                            \
        (array) = base_realloc((array), (capacity) * sizeof *(array));             \
    } while (0)

static bool read_row(struct qiao_bytes bytes, struct audit_book *b)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    GROW(b->rows, b->rows_count, b->rows_capacity);
    struct audit_row *row = &b->rows[b->rows_count++];
    *row = (struct audit_row){ 0 };
    while (pb_next(&r, &f)) {
        if (f.number == 1 && f.type == PB_VARINT) row->index = f.value;
        if (f.number == 2 && f.type == PB_BYTES) row->leaf = f.bytes;
        if (f.number == 3 && f.type == PB_BYTES) row->record = f.bytes;
    }
    return !r.failed && row->leaf.size == SEAL_DIGEST_SIZE;
}

static bool read_receipt(struct qiao_bytes bytes, struct audit_book *b)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    bool ok = true;
    GROW(b->receipts, b->receipts_count, b->receipts_capacity);
    struct audit_receipt *x = &b->receipts[b->receipts_count++];
    memset(x, 0, sizeof *x);
    while (ok && pb_next(&r, &f)) {
        if (f.number == 1) ok = copy_name(f.bytes, x->receiver);
        if (f.number == 2) ok = copy_name(f.bytes, x->sender);
        if (f.number == 3) x->custody.lane = (unsigned)f.value;
        if (f.number == 4) x->custody.sequence = f.value;
        if (f.number == 5) ok = copy_exactly(f.bytes, x->custody.chain.bytes, SEAL_DIGEST_SIZE);
        if (f.number == 6) x->custody.at_ms = f.value;
        if (f.number == 7) x->custody.audit_size = f.value;
        if (f.number == 8) ok = copy_exactly(f.bytes, x->custody.audit_root.bytes, SEAL_DIGEST_SIZE);
        if (f.number == 9) ok = copy_suite(f.value, &x->signature.suite);
        if (f.number == 10) ok = copy_exactly(f.bytes, x->signature.key_id.bytes, SEAL_KEY_ID_SIZE);
        if (f.number == 11) ok = copy_signature(f.bytes, &x->signature);
    }
    return ok && !r.failed;
}

static bool read_certificate(struct qiao_bytes bytes, struct audit_book *b)
{
    GROW(b->certificates, b->certificates_count, b->certificates_capacity);
    b->certificates[b->certificates_count++] = bytes;
    return true;
}

bool audit_book_open(struct qiao_bytes data, struct audit_book *ret_book)
{
    static bool (*const readers[])(struct qiao_bytes, struct audit_book *) = { NULL, read_head, read_row, read_receipt, read_certificate };
    struct pb_reader r = pb_reader(data);
    struct pb_field f;
    bool ok = true;
    *ret_book = (struct audit_book){ 0 };
    while (ok && pb_next(&r, &f)) {
        bool known = f.type == PB_BYTES && f.number >= 1 && f.number < sizeof readers / sizeof readers[0];
        if (known) ok = readers[f.number](f.bytes, ret_book);
    }
    if (ok && !r.failed && ret_book->has_head) return true;
    audit_book_deinit(ret_book);
    return false;
}

void audit_book_deinit(struct audit_book *book)
{
    free(book->rows);
    free(book->receipts);
    free(book->certificates);
    free(book->leaves);
    *book = (struct audit_book){ 0 };
}

void audit_book_learn(const struct audit_book *book, const struct seal *seal)
{
    struct seal_key_id id;
    for (size_t i = 0; i < book->certificates_count; i++) seal->learn(seal->context, book->certificates[i], &id);
}

bool audit_record_read(struct qiao_bytes packed, struct audit_record *ret_record)
{
    struct pb_reader r = pb_reader(packed);
    struct pb_field f;
    struct audit_record *x = ret_record;
    struct qiao_bytes *const texts[] = { [3] = &x->peer, [7] = &x->hash, [8] = &x->id, [10] = &x->text };
    *x = (struct audit_record){ 0 };
    while (pb_next(&r, &f)) {
        if (f.type == PB_BYTES && f.number < sizeof texts / sizeof texts[0] && texts[f.number]) *texts[f.number] = f.bytes;
        if (f.number == 1) x->at_ms = f.value;
        if (f.number == 2) x->kind = (unsigned)f.value;
        if (f.number == 4) x->lane = (unsigned)f.value;
        if (f.number == 5) x->first = f.value;
        if (f.number == 6) x->last = f.value;
        if (f.number == 9) x->code = (unsigned)f.value;
        if (f.number == 15) x->index = f.value;
    }
    return !r.failed;
}

/* ---- signatures ---- */

static bool is_signed_by(const struct seal *seal, const struct audit_signature *s, uint64_t at_ms, const struct buf *words, const char *node)
{
    struct seal_identity signer;
    unsigned code = seal->verify(seal->context, s->suite, &s->key_id, at_ms, buf_bytes(words), s->bytes, &signer);
    return code == QIAO_CODE_OK && !signer.member && strcmp(signer.name, node) == 0;
}

bool audit_receipt_is_signed(const struct seal *seal, const struct audit_receipt *receipt)
{
    buf_auto words = { 0 };
    struct custody custody = receipt->custody;
    custody.receiver = receipt->receiver;
    custody.sender = receipt->sender;
    custody_statement(&words, receipt->signature.suite, &custody);
    return is_signed_by(seal, &receipt->signature, custody.at_ms, &words, receipt->receiver);
}

/* ---- the tree ---- */

/* Receipts of this node by the size of log they tell. */
struct order {
    const struct audit_receipt **receipts;
    size_t count;
};

static int by_size(const void *a, const void *b)
{
    const struct audit_receipt *const *x = a, *const *y = b;
    return ((*x)->custody.audit_size > (*y)->custody.audit_size) - ((*x)->custody.audit_size < (*y)->custody.audit_size);
}

static struct order order_receipts(const char *node, const struct audit_book *const *witnesses, size_t witnesses_count)
{
    struct order o = { 0 };
    size_t most = 0;
    for (size_t i = 0; i < witnesses_count; i++) most += witnesses[i]->receipts_count;
    o.receipts = base_alloc((most + 1) * sizeof(const struct audit_receipt *));
    for (size_t i = 0; i < witnesses_count; i++)
        for (size_t k = 0; k < witnesses[i]->receipts_count; k++)
            if (strcmp(witnesses[i]->receipts[k].receiver, node) == 0) o.receipts[o.count++] = &witnesses[i]->receipts[k];
    qsort(o.receipts, o.count, sizeof(const struct audit_receipt *), by_size);
    return o;
}

/* What is wrong with the record at a place, by itself. */
static enum audit_fault check_row(struct audit_book *b, const struct seal *seal, uint64_t index)
{
    struct audit_record record;
    if (index >= b->rows_count) return AUDIT_CUT_OFF;
    const struct audit_row *row = &b->rows[index];
    if (row->index != index) return row->index > index ? AUDIT_MISSING : AUDIT_MOVED;
    merkle_leaf(seal, b->head.log_suite, row->record, &b->leaves[index]);
    if (!audit_record_read(row->record, &record)) return AUDIT_UNREADABLE;
    if (memcmp(b->leaves[index].bytes, row->leaf.data, SEAL_DIGEST_SIZE) != 0) return AUDIT_ALTERED;
    return record.index == index ? AUDIT_SOUND : AUDIT_MOVED;
}

struct checking {
    struct audit_book *book;
    const struct seal *seal;
    struct order order;
    size_t next;                   /* receipt */
    uint64_t agreed;               /* up to this size a receipt says the same */
    struct merkle_log log;
    struct audit_finding *found;
};

/* Receipts that tell the log's head at the size it has reached. */
static void ask_witnesses(struct checking *c)
{
    struct merkle_hash root;
    bool known = false;
    for (; c->next < c->order.count && c->order.receipts[c->next]->custody.audit_size == c->log.size; c->next++) {
        const struct audit_receipt *receipt = c->order.receipts[c->next];
        if (!known) merkle_log_root(c->seal, c->book->head.log_suite, &c->log, &root);
        known = true;
        if (memcmp(root.bytes, receipt->custody.audit_root.bytes, SEAL_DIGEST_SIZE) == 0) {
            c->found->agreeing++;
            if (!c->found->witness) c->agreed = c->log.size;
        } else if (!audit_receipt_is_signed(c->seal, receipt)) {
            c->found->unproved++;
        } else if (!c->found->witness) {
            c->found->witness = receipt;
        }
    }
}

/* Receipts about a larger log than there is. */
static void ask_about_the_rest(struct checking *c)
{
    for (; c->next < c->order.count && !c->found->witness; c->next++) {
        const struct audit_receipt *receipt = c->order.receipts[c->next];
        if (receipt->custody.audit_size <= c->log.size) continue;
        if (audit_receipt_is_signed(c->seal, receipt)) c->found->witness = receipt;
        else c->found->unproved++;
    }
}

static void walk(struct checking *c)
{
    struct audit_book *b = c->book;
    while (c->log.size < b->head.size) {
        ask_witnesses(c);
        if (c->found->witness) return;
        enum audit_fault fault = check_row(b, c->seal, c->log.size);
        if (fault != AUDIT_SOUND) {
            c->found->fault = fault;
            c->found->first = c->found->last = c->log.size;
            return;
        }
        b->leaves_count = (size_t)c->log.size + 1;
        merkle_log_add(c->seal, b->head.log_suite, &c->log, &b->leaves[c->log.size]);
    }
    ask_witnesses(c);
}

static bool has_own_root(const struct checking *c)
{
    struct merkle_hash root;
    merkle_log_root(c->seal, c->book->head.log_suite, &c->log, &root);
    return c->log.size == c->book->head.size && memcmp(&root, &c->book->head.root, sizeof root) == 0;
}

static void conclude(struct checking *c)
{
    struct audit_finding *f = c->found;
    bool whole = f->fault == AUDIT_SOUND && c->log.size == c->book->head.size;
    f->own_head = f->fault != AUDIT_SOUND || (whole && !has_own_root(c));
    if (!f->witness) ask_about_the_rest(c);
    if (f->fault != AUDIT_SOUND || (!f->witness && !f->own_head)) return;
    uint64_t told = f->witness ? f->witness->custody.audit_size : c->book->head.size;
    f->fault = f->witness && told > c->log.size ? AUDIT_CUT_OFF : AUDIT_REWRITTEN;
    f->first = f->fault == AUDIT_CUT_OFF ? c->log.size : c->agreed;
    f->last = told > 0 ? told - 1 : 0;
}

void audit_book_check(struct audit_book *book, const struct seal *seal, const struct audit_book *const *witnesses, size_t witnesses_count, struct audit_finding *ret_finding)
{
    struct checking c = { .book = book, .seal = seal, .found = ret_finding };
    buf_auto words = { 0 };
    *ret_finding = (struct audit_finding){ 0 };
    audit_statement(&words, book->signature.suite, &book->head);
    if (!is_signed_by(seal, &book->signature, book->head.at_ms, &words, book->node)) {
        ret_finding->fault = AUDIT_HEAD_FORGED;
        return;
    }
    c.order = order_receipts(book->node, witnesses, witnesses_count);
    free(book->leaves);
    book->leaves = base_alloc((book->rows_count + 1) * sizeof *book->leaves);
    walk(&c);
    conclude(&c);
    free(c.order.receipts);
}

/* ---- what both sides say of the same messages ---- */

struct taken {
    unsigned lane;
    uint64_t last;
    const uint8_t *chain;
};

static int by_place(const void *a, const void *b)
{
    const struct taken *x = a, *y = b;
    if (x->lane != y->lane) return x->lane < y->lane ? -1 : 1;
    if (x->last != y->last) return x->last < y->last ? -1 : 1;
    return memcmp(x->chain, y->chain, SEAL_DIGEST_SIZE);
}

static struct taken *taken_from(const struct audit_book *book, const char *sender, size_t *ret_count)
{
    struct taken *all = base_alloc((book->rows_count + 1) * sizeof *all);
    size_t count = 0;
    for (size_t i = 0; i < book->rows_count; i++) {
        struct audit_record r;
        bool read = audit_record_read(book->rows[i].record, &r) && (r.kind == AUDIT_TAKEN || r.kind == AUDIT_RESUMED) && r.hash.size == SEAL_DIGEST_SIZE;
        if (read && qiao_bytes_equal(r.peer, qiao_bytes_from_string(sender))) all[count++] = (struct taken){ r.lane, r.last, r.hash.data };
    }
    qsort(all, count, sizeof *all, by_place);
    *ret_count = count;
    return all;
}

uint64_t audit_book_gaps(const struct audit_book *book, const struct audit_book *holder, const struct seal *seal,
                         void (*visit)(void *context, const struct audit_receipt *receipt), void *context)
{
    size_t count;
    uint64_t gaps = 0;
    struct taken *all = taken_from(book, holder->node, &count);
    for (size_t i = 0; i < holder->receipts_count; i++) {
        const struct audit_receipt *receipt = &holder->receipts[i];
        struct taken wanted = { receipt->custody.lane, receipt->custody.sequence, receipt->custody.chain.bytes };
        /* What was signed after the export was made stands behind it. */
        bool counts = strcmp(receipt->receiver, book->node) == 0 && strcmp(receipt->sender, holder->node) == 0 && receipt->custody.audit_size <= book->head.size;
        if (!counts || bsearch(&wanted, all, count, sizeof *all, by_place) || !audit_receipt_is_signed(seal, receipt)) continue;
        gaps++;
        visit(context, receipt);
    }
    free(all);
    return gaps;
}
