/* Figures of the transport alone: wire_bench stream|pingpong|idle URL [count]. Prints one JSON line. */
#include "harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME_SIZE ((size_t)256 * 1024)

static double cpu_seconds(void)
{
    struct rusage own;
    getrusage(RUSAGE_SELF, &own);
    return (double)own.ru_utime.tv_sec + (double)own.ru_stime.tv_sec + ((double)own.ru_utime.tv_usec + (double)own.ru_stime.tv_usec) / 1e6;
}

static long anonymous_kib(void)
{
    char line[200];
    long size = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "RssAnon: %ld", &size) == 1)
            break;
    if (status)
        fclose(status);
    return size;
}

static void count_only(struct node *node, struct link *link, struct qiao_bytes bytes)
{
    (void)node;
    link->received_size += bytes.size;
}

static void echo(struct node *node, struct link *link, struct qiao_bytes bytes)
{
    (void)node;
    link_send(link, bytes.data, bytes.size);
}

struct pair {
    struct certificates *certificates;
    struct node *server, *client;
    char url[320];
};

static void pair_start(struct pair *pair, const char *url, bool dial)
{
    pair->certificates = certificates_new();
    certificates_issue(pair->certificates, "server", CERTIFICATE_P256, CERTIFICATE_GOOD);
    certificates_issue(pair->certificates, "client", CERTIFICATE_P256, CERTIFICATE_GOOD);
    pair->server = node_new(pair->certificates, "server", false);
    pair->client = node_new(pair->certificates, "client", false);
    snprintf(pair->url, sizeof pair->url, "%s", wire_endpoint_url(node_listen(pair->server, url)));
    if (!dial)
        return;
    node_dial(pair->client, pair->url);
    if (!REACHED(pair->server->open_count == 1 && pair->client->open_count == 1, pair->server, pair->client))
        abort();
}

static void pair_stop(struct pair *pair)
{
    node_free(pair->client);
    node_free(pair->server);
    certificates_free(pair->certificates);
}

static atomic_bool stop_server;

static void *run_server(void *context)
{
    struct node *server = context;
    while (!atomic_load(&stop_server) || server->open_count > 0)
        pump(&server, 1, 50);
    return NULL;
}

static int bench_stream(const char *url, long mebibytes)
{
    struct pair pair;
    pair_start(&pair, url, true);
    pair.server->received = count_only;
    uint64_t total = (uint64_t)mebibytes << 20, sent = 0;
    pthread_t thread;
    double cpu = cpu_seconds(), start = now_seconds();
    pthread_create(&thread, NULL, run_server, pair.server);
    struct link *link = &pair.client->links[0];
    while (sent < total || wire_pending(link->connection) > 0) {
        while (sent < total && wire_pending(link->connection) < 4 * FRAME_SIZE) {
            uint8_t *frame = malloc(FRAME_SIZE);
            memset(frame, (int)(sent >> 18), FRAME_SIZE);
            wire_send(link->connection, frame, FRAME_SIZE);
            sent += FRAME_SIZE;
        }
        pump(&pair.client, 1, 1);
    }
    wire_close(link->connection, false);
    while (pair.client->open_count > 0)
        pump(&pair.client, 1, 100);
    atomic_store(&stop_server, true);
    pthread_join(thread, NULL);
    double seconds = now_seconds() - start;
    cpu = cpu_seconds() - cpu;
    double size_mb = (double)total / 1e6;
    printf("{\"bench\":\"stream\",\"url\":\"%s\",\"mb_per_s\":%.0f,\"cpu_s_per_gb\":%.2f,\"complete\":%s}\n", url, size_mb / seconds,
           cpu / (size_mb / 1e3), pair.server->links[0].received_size == total ? "true" : "false");
    pair_stop(&pair);
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int bench_pingpong(const char *url, long count)
{
    struct pair pair;
    pair_start(&pair, url, true);
    pair.server->received = echo;
    pair.client->received = count_only;
    pthread_t thread;
    pthread_create(&thread, NULL, run_server, pair.server);
    double *took_us = calloc((size_t)count, sizeof *took_us);
    double cpu = cpu_seconds();
    struct link *link = &pair.client->links[0];
    uint8_t message[512] = { 1 };
    for (long i = 0; i < count; i++) {
        double start = now_seconds();
        uint64_t goal = link->received_size + sizeof message;
        link_send(link, message, sizeof message);
        while (link->received_size < goal)
            pump(&pair.client, 1, 100);
        took_us[i] = (now_seconds() - start) * 1e6;
    }
    cpu = cpu_seconds() - cpu;
    wire_close(link->connection, true);
    while (pair.client->open_count > 0)
        pump(&pair.client, 1, 100);
    atomic_store(&stop_server, true);
    pthread_join(thread, NULL);
    qsort(took_us, (size_t)count, sizeof *took_us, compare);
    printf("{\"bench\":\"pingpong\",\"url\":\"%s\",\"p50_us\":%.0f,\"p99_us\":%.0f,\"cpu_us_per_round\":%.0f}\n", url, took_us[count / 2],
           took_us[count * 99 / 100], cpu / (double)count * 1e6);
    free(took_us);
    pair_stop(&pair);
    return 0;
}

/* The clients live in another process, so that only the accepting side is weighed. */
static void idle_clients(struct pair *pair, long count, int go_fd)
{
    struct node *client = node_new(pair->certificates, "client", false);
    char byte;
    client->received = count_only;
    for (long i = 0; i < count; i++) {
        struct wire_endpoint *dialer = node_dial(client, pair->url);
        for (size_t failed = client->dial_failed_count; client->open_count < (size_t)i + 1; pump(&client, 1, 100))
            if (client->dial_failed_count > failed) { /* the backlog of a local socket is short */
                failed++;
                wire_dial(dialer);
            }
        uint8_t hello[300] = { 7 };
        link_send(&client->links[i], hello, sizeof hello);
    }
    while (read(go_fd, &byte, 1) < 0)
        pump(&client, 1, 50);
    _exit(0);
}

static int bench_idle(const char *url, long count)
{
    struct pair pair = { .certificates = certificates_new() };
    int go[2];
    certificates_issue(pair.certificates, "server", CERTIFICATE_P256, CERTIFICATE_GOOD);
    certificates_issue(pair.certificates, "client", CERTIFICATE_P256, CERTIFICATE_GOOD);
    char port_url[320];
    /* The fork comes before NNG is started here: the port is told through a pipe. */
    int port_pipe[2];
    if (pipe(go) != 0 || pipe(port_pipe) != 0)
        return 1;
    pid_t child = fork();
    if (child == 0) {
        close(go[1]);
        ssize_t size = read(port_pipe[0], pair.url, sizeof pair.url - 1);
        pair.url[size > 0 ? size : 0] = '\0';
        fcntl(go[0], F_SETFL, O_NONBLOCK);
        idle_clients(&pair, count, go[0]);
    }
    pair.server = node_new(pair.certificates, "server", false);
    snprintf(port_url, sizeof port_url, "%s", wire_endpoint_url(node_listen(pair.server, url)));
    long before = anonymous_kib();
    pair.server->received = count_only;
    if (write(port_pipe[1], port_url, strlen(port_url)) < 0)
        return 1;
    while (pair.server->open_count < (size_t)count || pair.server->links[count - 1].received_size == 0)
        pump(&pair.server, 1, 100);
    double until = now_seconds() + 2;
    while (now_seconds() < until)
        pump(&pair.server, 1, 100);
    long after = anonymous_kib();
    double cpu = cpu_seconds();
    until = now_seconds() + 5;
    while (now_seconds() < until)
        pump(&pair.server, 1, 5000);
    cpu = cpu_seconds() - cpu;
    printf("{\"bench\":\"idle\",\"url\":\"%s\",\"connections\":%ld,\"before_kib\":%ld,\"kib_each\":%.1f,\"idle_cpu_percent\":%.3f}\n", url, count,
           before, (double)(after - before) / (double)count, cpu / 5 * 100);
    close(go[1]);
    waitpid(child, NULL, 0);
    node_free(pair.server);
    certificates_free(pair.certificates);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const char *url, long count);
        long count;
    } benches[] = { { "stream", bench_stream, 1024 }, { "pingpong", bench_pingpong, 20000 }, { "idle", bench_idle, 1000 } };
    for (size_t i = 0; argc >= 3 && i < sizeof benches / sizeof *benches; i++)
        if (strcmp(argv[1], benches[i].name) == 0)
            return benches[i].run(argv[2], argc > 3 ? strtol(argv[3], NULL, 10) : benches[i].count);
    fprintf(stderr, "usage: wire_bench stream|pingpong|idle URL [count]\n");
    return 2;
}
