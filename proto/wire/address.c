#include "wire/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const struct scheme {
    const char *name;
    bool tls, local;
} schemes[] = {
    { "tls+tcp", true, false },  { "tls+tcp4", true, false }, { "tls+tcp6", true, false }, { "tcp", false, false },
    { "tcp4", false, false },    { "tcp6", false, false },    { "ipc", false, true },
};

static int refuse(char *reterr_text, size_t reterr_size, const char *url, const char *why)
{
    snprintf(reterr_text, reterr_size, "%.200s: %s", url, why);
    return WIRE_E_ADDRESS;
}

static const struct scheme *find_scheme(const char *url, const char **ret_rest)
{
    const char *colon = strstr(url, "://");
    if (!colon)
        return NULL;
    *ret_rest = colon + 3;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strlen(schemes[i].name) == (size_t)(colon - url) && strncmp(url, schemes[i].name, (size_t)(colon - url)) == 0)
            return &schemes[i];
    return NULL;
}

static const char *parse_path(const char *path, struct address *address)
{
    if (path[0] == '\0')
        return "the path is empty";
    if (strlen(path) >= sizeof address->path)
        return "the path is longer than a socket's name may be (103 bytes)";
    memcpy(address->path, path, strlen(path) + 1);
    return NULL;
}

static const char *parse_port(const char *text, bool listening, unsigned *ret_port)
{
    char *rest;
    if (text[0] < '0' || text[0] > '9')
        return "a port is missing after the host";
    unsigned long port = strtoul(text, &rest, 10);
    if (*rest == '/' && rest[1] == '\0')
        rest++;
    if (*rest != '\0' || port > 65535)
        return "the port is not a number up to 65535";
    if (port == 0 && !listening)
        return "port 0 is only for listening";
    *ret_port = (unsigned)port;
    return NULL;
}

static const char *parse_host(const char *text, bool listening, struct address *address)
{
    bool bracket = text[0] == '[';
    const char *end = bracket ? strchr(text, ']') : strrchr(text, ':');
    const char *start = text + bracket;
    if (!end || (bracket && end[1] != ':'))
        return "host:port was expected";
    size_t length = (size_t)(end - start);
    if (length >= sizeof address->host)
        return "the host is too long";
    memcpy(address->host, start, length);
    if (strcmp(address->host, "*") == 0)
        address->host[0] = '\0';
    if (!bracket && strpbrk(address->host, ":/@"))
        return "host:port was expected (an IPv6 address in brackets)";
    if (address->host[0] == '\0' && !listening)
        return "the host is missing";
    return parse_port(end + 1 + bracket, listening, &address->port);
}

int address_parse(const char *url, bool listening, struct address *ret_address, char *reterr_text, size_t reterr_size)
{
    const char *rest = NULL;
    const struct scheme *scheme = find_scheme(url, &rest);
    if (!scheme)
        return refuse(reterr_text, reterr_size, url, "tls+tcp://host:port, tcp://host:port or ipc://path was expected");
    struct address address = { .tls = scheme->tls, .local = scheme->local };
    snprintf(address.scheme, sizeof address.scheme, "%s", scheme->name);
    const char *wrong = address.local ? parse_path(rest, &address) : parse_host(rest, listening, &address);
    if (wrong)
        return refuse(reterr_text, reterr_size, url, wrong);
    *ret_address = address;
    return 0;
}

bool address_is_loopback(const struct address *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address->host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, address->host, &v6) == 1)
        return memcmp(&v6, &in6addr_loopback, sizeof v6) == 0;
    return strcmp(address->host, "localhost") == 0;
}

void address_format(const struct address *address, char *text, size_t size)
{
    bool bracket = strchr(address->host, ':') != NULL;
    if (address->local)
        snprintf(text, size, "%s://%s", address->scheme, address->path);
    else
        snprintf(text, size, "%s://%s%s%s:%u", address->scheme, bracket ? "[" : "", address->host[0] ? address->host : "*",
                 bracket ? "]" : "", address->port);
}

/* An address that cannot be read is zeros: all such share one. */
void address_of_peer(nng_stream *stream, bool local, struct wire_source *ret_source)
{
    nng_sockaddr peer;
    *ret_source = (struct wire_source){ .local = local };
    if (local || nng_stream_get_addr(stream, NNG_OPT_REMADDR, &peer) != 0)
        return;
    if (peer.s_family == NNG_AF_INET6) {
        memcpy(ret_source->address, peer.s_in6.sa_addr, sizeof ret_source->address);
    } else if (peer.s_family == NNG_AF_INET) {
        ret_source->address[10] = ret_source->address[11] = 0xff;
        memcpy(ret_source->address + 12, &peer.s_in.sa_addr, 4);
    }
}

static void describe_local_peer(nng_stream *stream, char *text, size_t size)
{
    uint64_t process = 0, user = 0;
    if (nng_stream_get_uint64(stream, NNG_OPT_IPC_PEER_PID, &process) == 0 &&
        nng_stream_get_uint64(stream, NNG_OPT_IPC_PEER_UID, &user) == 0)
        snprintf(text, size, "local process %llu of user %llu", (unsigned long long)process, (unsigned long long)user);
    else
        snprintf(text, size, "local process");
}

void address_describe_peer(nng_stream *stream, bool local, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    nng_sockaddr peer;
    if (local) {
        describe_local_peer(stream, text, size);
    } else if (nng_stream_get_addr(stream, NNG_OPT_REMADDR, &peer) != 0) {
        snprintf(text, size, "unknown");
    } else if (peer.s_family == NNG_AF_INET) {
        inet_ntop(AF_INET, &peer.s_in.sa_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, ntohs(peer.s_in.sa_port));
    } else {
        inet_ntop(AF_INET6, peer.s_in6.sa_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, ntohs(peer.s_in6.sa_port));
    }
}
