#include <qiao/err.h>
#include <qiao/kind.h>
#include <qiao/org_type.h>
#include <qiao/personal_data.h>

#include <stddef.h>
#include <string.h>

struct named_number {
    unsigned number;
    const char *name;
    const char *text;
};

static const struct named_number codes[] = {
#define X(name, number, text) { number, #name, text },
    QIAO_CODE_MAP(X)
#undef X
};

static const struct named_number kinds[] = {
#define X(name, number, text) { number, text, NULL },
    QIAO_KIND_MAP(X)
#undef X
};

static const struct named_number org_types[] = {
#define X(name, number, text) { number, text, NULL },
    QIAO_ORG_TYPE_MAP(X)
#undef X
};

static const struct named_number personal_data[] = {
#define X(name, bit, text, covers) { bit, text, covers },
    QIAO_PERSONAL_DATA_MAP(X)
#undef X
};

static const struct named_number *by_number(const struct named_number *table, size_t count, unsigned number)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].number == number) return &table[i];
    return NULL;
}

static int by_name(const struct named_number *table, size_t count, const char *name)
{
    for (size_t i = 0; name && i < count; i++)
        if (strcmp(table[i].name, name) == 0) return (int)table[i].number;
    return -1;
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const char *qiao_code_name(unsigned code)
{
    const struct named_number *row = by_number(codes, COUNT(codes), code);
    return row ? row->name : "UNKNOWN";
}

const char *qiao_code_text(unsigned code)
{
    const struct named_number *row = by_number(codes, COUNT(codes), code);
    return row ? row->text : "a code of a newer version";
}

int qiao_code_from_name(const char *name)
{
    return by_name(codes, COUNT(codes), name);
}

const char *qiao_kind_name(unsigned kind)
{
    const struct named_number *row = by_number(kinds, COUNT(kinds), kind);
    return row ? row->name : "unknown";
}

int qiao_kind_from_name(const char *name)
{
    return by_name(kinds, COUNT(kinds), name);
}

const char *qiao_org_type_name(unsigned type)
{
    const struct named_number *row = by_number(org_types, COUNT(org_types), type);
    return row ? row->name : "unknown";
}

int qiao_org_type_from_name(const char *name)
{
    return by_name(org_types, COUNT(org_types), name);
}

const char *qiao_personal_data_name(unsigned bit)
{
    const struct named_number *row = by_number(personal_data, COUNT(personal_data), bit);
    return row ? row->name : NULL;
}

uint64_t qiao_personal_data_from_name(const char *name)
{
    int bit = by_name(personal_data, COUNT(personal_data), name);
    return bit < 0 ? 0 : (uint64_t)1 << bit;
}
