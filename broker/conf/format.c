#include "format.h"

#include "suggest.h"

#include <arpa/inet.h>
#include <qiao/uscc.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#define REFUSE(...) ((void)snprintf(why, FORMAT_WHY_SIZE, __VA_ARGS__), false)

static bool consists_of(const char *text, const char *alphabet, size_t size_max)
{
    size_t size = strlen(text);
    return size > 0 && size <= size_max && strspn(text, alphabet) == size;
}

bool format_node_id(const char *text, char why[FORMAT_WHY_SIZE])
{
    return consists_of(text, LOWER DIGITS "-", 64) || REFUSE("expected a-z, 0-9 and -, 1 to 64 characters");
}

bool format_name(const char *text, char why[FORMAT_WHY_SIZE])
{
    return consists_of(text, LOWER DIGITS "-.", 64) || REFUSE("expected a-z, 0-9, - and ., 1 to 64 characters");
}

bool format_area(const char *text, char why[FORMAT_WHY_SIZE])
{
    size_t size = strlen(text);
    bool area = consists_of(text, DIGITS, 12) && (size == 6 || size == 9 || size == 12);
    return area || REFUSE("expected 6 digits (district), 9 (street) or 12 (community)");
}

bool format_text(const char *text, char why[FORMAT_WHY_SIZE])
{
    for (size_t i = 0; text[i]; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return REFUSE("expected text in one line");
    }
    return true;
}

bool format_org(const char *text, char why[FORMAT_WHY_SIZE])
{
    struct qiao_uscc_fault fault;
    char reason[QIAO_USCC_WHY_SIZE];
    if (qiao_uscc_check(text, strlen(text), &fault) == QIAO_USCC_OK)
        return true;
    qiao_uscc_explain(text, &fault, reason);
    return REFUSE("%s", reason);
}

/* The seats of one organisation cannot control each other, but a seat may be named to keep others of it away. */
bool format_registrar(const char *text, char why[FORMAT_WHY_SIZE])
{
    if (strspn(text, DIGITS) != 6)
        return REFUSE("expected the address of an office of the district, as in 990101/registry or 990101/registry#duty");
    return format_office(text, why);
}

bool format_office(const char *text, char why[FORMAT_WHY_SIZE])
{
    char name[130];
    size_t area = strspn(text, DIGITS), rest = strlen(text) - area;
    if ((area != 6 && area != 9 && area != 12) || text[area] != '/' || rest >= sizeof name)
        return REFUSE("expected the address of an office, as in 990101/registry or 990101/registry#duty");
    memcpy(name, text + area + 1, rest);
    char *seat = strchr(name, '#');
    if (seat)
        *seat++ = '\0';
    bool good = consists_of(name, LOWER DIGITS "-.", 64) && (!seat || consists_of(seat, LOWER UPPER DIGITS "-._", 64));
    return good || REFUSE("expected a member's name behind the area, and perhaps # and a seat, as in 990101/registry#duty");
}

static const char *const schemes[] = { "tls+tcp", "tcp", "ipc" };

static bool refuse_scheme(const char *text, char why[FORMAT_WHY_SIZE])
{
    char scheme[16];
    size_t size = strcspn(text, ":");
    (void)snprintf(scheme, sizeof scheme, "%.*s", (int)(size < sizeof scheme ? size : sizeof scheme - 1), text);
    struct conf_suggestion near = { .word = scheme };
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        conf_suggest(&near, schemes[i]);
    if (strcmp(scheme, "tls") == 0 || strcmp(scheme, "ssl") == 0 || strcmp(scheme, "https") == 0)
        near.best = "tls+tcp";
    return near.best ? REFUSE("expected tls+tcp://host:port, tcp://host:port or ipc:///path; did you mean \"%s://\"?", near.best)
                     : REFUSE("expected tls+tcp://host:port, tcp://host:port or ipc:///path");
}

static bool is_host(const char *host, size_t size, bool listen)
{
    char text[128];
    if (size == 0 || size >= sizeof text)
        return false;
    memcpy(text, host, size);
    text[size] = '\0';
    struct in6_addr address;
    if (text[0] == '[') {
        bool closed = text[size - 1] == ']';
        text[size - 1] = '\0';
        return closed && inet_pton(AF_INET6, text + 1, &address) == 1;
    }
    if (strspn(text, DIGITS ".") == size)
        return inet_pton(AF_INET, text, &address) == 1;
    return (listen && strcmp(text, "*") == 0) || (strspn(text, LOWER UPPER DIGITS "-._") == size && text[0] != '-' && text[0] != '.');
}

static bool is_port(const char *text)
{
    if (!consists_of(text, DIGITS, 5))
        return false;
    unsigned port = 0;
    for (; *text; text++)
        port = port * 10 + (unsigned)(*text - '0');
    return port >= 1 && port <= 65535;
}

static bool format_host_and_port(const char *rest, bool listen, char why[FORMAT_WHY_SIZE])
{
    const char *colon = strrchr(rest, ':');
    if (!colon || (rest[0] == '[' && colon < rest + strcspn(rest, "]")))
        return REFUSE("expected a port behind the host, as in tls+tcp://node.example:7700");
    if (!is_host(rest, (size_t)(colon - rest), listen))
        return REFUSE("expected a host name, an IPv4 address or an [IPv6 address] before the port");
    return is_port(colon + 1) || REFUSE("expected a port from 1 to 65535 at the end and nothing behind it");
}

static bool format_url(const char *text, bool listen, char why[FORMAT_WHY_SIZE])
{
    if (strlen(text) > 127)
        return REFUSE("expected at most 127 characters");
    if (strncmp(text, "tls+tcp://", 10) == 0)
        return format_host_and_port(text + 10, listen, why);
    if (strncmp(text, "tcp://", 6) == 0)
        return format_host_and_port(text + 6, listen, why);
    if (strncmp(text, "ipc://", 6) != 0)
        return refuse_scheme(text, why);
    if (text[6] != '/' || text[7] == '\0')
        return REFUSE("expected an absolute path, as in ipc:///run/qiao/node");
    return strlen(text + 6) <= 107 || REFUSE("expected a socket path of at most 107 characters");
}

bool format_listen_url(const char *text, char why[FORMAT_WHY_SIZE]) { return format_url(text, true, why); }
bool format_dial_url(const char *text, char why[FORMAT_WHY_SIZE]) { return format_url(text, false, why); }

bool format_url_is_tls(const char *url) { return strncmp(url, "tls+tcp://", 10) == 0; }

bool format_url_is_plain_beyond_loopback(const char *url)
{
    if (strncmp(url, "tcp://", 6) != 0)
        return false;
    const char *host = url + 6;
    size_t size = (size_t)(strrchr(url, ':') - host);
    bool loopback = (size > 4 && strncmp(host, "127.", 4) == 0 && strspn(host, DIGITS ".") == size) ||
                    (size == 9 && strncmp(host, "localhost", 9) == 0) || (size == 5 && strncmp(host, "[::1]", 5) == 0);
    return !loopback;
}
