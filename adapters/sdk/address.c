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

#define SERVICE_PREFIX "svc:"

static bool begins_service(const char *text) { return strncmp(text, SERVICE_PREFIX, sizeof SERVICE_PREFIX - 1) == 0; }

/* What stands behind the slash, or the whole text of a service without an area. */
static bool read_rest(char *rest, struct qiao_address *address)
{
    if (begins_service(rest)) {
        address->service = rest + sizeof SERVICE_PREFIX - 1;
        return part_ok(address->service, QIAO_SERVICE_SIZE_MAX);
    }
    char *hash = strchr(rest, '#');
    address->org = rest;
    if (hash) *hash = '\0';
    if (hash) address->seat = hash + 1;
    return part_ok(address->org, QIAO_ORG_SIZE_MAX) && (!hash || part_ok(address->seat, QIAO_SEAT_SIZE_MAX));
}

bool qiao_address_parse(const char *text, char *buffer, size_t buffer_size, struct qiao_address *ret_address)
{
    size_t size = strlen(text);
    if (size + 3 > buffer_size) return false;
    memcpy(buffer, text, size + 1);
    struct qiao_address address = { buffer, "", "", "" };
    bool anywhere = begins_service(buffer);
    char *slash = anywhere || is_set(buffer) ? NULL : strchr(buffer, '/');
    if (slash) *slash = '\0';
    if (anywhere) address.area = "";
    if (!slash && !anywhere && !is_set(buffer)) return false;
    if ((slash || anywhere) && !read_rest(slash ? slash + 1 : buffer, &address)) return false;
    if (!anywhere && !part_ok(address.area, QIAO_AREA_SIZE_MAX)) return false;
    *ret_address = address;
    return true;
}
