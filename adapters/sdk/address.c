#include <qiao/client.h>
#include <qiao/limits.h>

#include <string.h>

static bool part_ok(const char *text, size_t size_max)
{
    size_t size = strlen(text);
    return size > 0 && size <= size_max && strpbrk(text, " \t\r\n") == NULL;
}

/* "990101/" and two asterisks is an area set and has no organisation. */
static bool is_set(const char *text)
{
    size_t size = strlen(text);
    return size > 3 && strcmp(text + size - 3, "/**") == 0;
}

bool qiao_address_parse(const char *text, char *buffer, size_t buffer_size, struct qiao_address *ret_address)
{
    size_t size = strlen(text);
    if (size + 3 > buffer_size) return false;
    memcpy(buffer, text, size + 1);
    struct qiao_address address = { buffer, "", "" };
    if (!is_set(buffer)) {
        char *slash = strchr(buffer, '/');
        if (!slash) return false;
        *slash = '\0';
        address.org = slash + 1;
        char *hash = strchr(slash + 1, '#');
        if (hash) *hash = '\0';
        if (hash) address.seat = hash + 1;
        if (!part_ok(address.org, QIAO_ORG_SIZE_MAX) || (hash && !part_ok(address.seat, QIAO_SEAT_SIZE_MAX))) return false;
    }
    if (!part_ok(address.area, QIAO_AREA_SIZE_MAX)) return false;
    *ret_address = address;
    return true;
}
