/* The engine against a node that is a file, killed at every step it takes. */
#include "csv/adapter.h"
#include "base/log.h"
#include "base/text.h"
#include "fake_client.h"
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- every call that changes the disk is a place to die at, before it and after it */

int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_rename(const char *from, const char *to);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __real_unlink(const char *path);
int __real_ftruncate(int fd, off_t size);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_unlink(const char *path);
int __wrap_ftruncate(int fd, off_t size);

#define DYING(call)    \
    fake_step();       \
    int r = call;      \
    fake_step();       \
    return r
int __wrap_fsync(int fd) { DYING(__real_fsync(fd)); }
int __wrap_fdatasync(int fd) { DYING(__real_fdatasync(fd)); }
int __wrap_rename(const char *from, const char *to) { DYING(__real_rename(from, to)); }
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    DYING(__real_renameat2(from_fd, from, to_fd, to, flags));
}
int __wrap_unlink(const char *path) { DYING(__real_unlink(path)); }
int __wrap_ftruncate(int fd, off_t size) { DYING(__real_ftruncate(fd, size)); }

/* ---- a place to run in */

static const char config_text[] =
    "node: \"file:%s/node\"\nmember: m\nlog: { level: error }\n"
    "directory: { drop: %s/drop, done: %s/done, quarantine: %s/quarantine, results: %s/results, state: %s/state }\n"
    "file: { charset: UTF-8 }\n"
    "case: { destination: 990101/housing, case_id: \"c-{id}\", idempotency_key: \"{id}\", matter: A, title: \"{title}\", place.area: 990101,\n"
    "  reported_at: { column: at, time: \"%%Y-%%m-%%d\" } }\n";

struct world {
    char *root;
    struct config config;
};

static struct world make_world(void)
{
    struct world world = { .root = make_folder() };
    log_set_level(LOG_LEVEL_ERROR);
    char text[2048], path[128];
    char *r = world.root;
    snprintf(text, sizeof text, config_text, r, r, r, r, r, r);
    write_file(r, "config.yaml", text, strlen(text));
    snprintf(path, sizeof path, "%s/config.yaml", r);
    cr_assert(config_load(&world.config, path, stderr));
    snprintf(path, sizeof path, "%s/drop", r);
    cr_assert_eq(mkdir(path, 0700), 0);
    return world;
}

static void end_world(struct world *world)
{
    config_deinit(&world->config);
    remove_folder(world->root);
}

/* Rows from … to; every fifth is bad. Returns how many bad ones. */
static size_t drop_rows(struct world *world, const char *name, int from, int to)
{
    char folder[128];
    struct text text = { 0 };
    size_t bad = 0;
    text_add_string(&text, "id,title,at\n");
    for (int i = from; i < to; i++) {
        bool is_bad = i % 5 == 3;
        text_add_format(&text, is_bad ? "k%d,\"title\n%d\",no time %d\n" : "k%d,\"title\n%d\",2020-01-02\n", i, i, i);
        bad += is_bad;
    }
    snprintf(folder, sizeof folder, "%s/drop", world->root);
    write_file(folder, name, text.data, text.size);
    text_deinit(&text);
    return bad;
}

/* 0 when everything has been done; the process is over otherwise. */
static int run_to_end(struct world *world)
{
    struct adapter *adapter;
    char text[256] = "";
    if (adapter_new(&world->config, &adapter, text, sizeof text) != 0) {
        fprintf(stderr, "%s\n", text);
        return 1;
    }
    if (adapter_scan(adapter, true) < 0)
        return 2;
    for (int steps = 0; !adapter_is_idle(adapter); steps++)
        if (adapter_step(adapter) != 0 || steps > 100000)
            return 3;
    if (adapter_stop(adapter, 100) != 0)
        return 4;
    adapter_free(adapter);
    return 0;
}

/* True if the child died of the step it was told to die at. */
static bool run_child(struct world *world, long steps)
{
    pid_t child = fork();
    if (child == 0) {
        fake_steps_until_death = steps;
        _exit(run_to_end(world));
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "run with %ld steps ended with status %x", steps, status);
    return false;
}

/* ---- what must be true at the end */

static size_t count_text(const char *text, const char *needle)
{
    size_t count = 0;
    for (const char *at = text; text && (at = strstr(at, needle)); at += strlen(needle))
        count++;
    return count;
}

/* All files of a folder, one after the other. */
static char *read_folder(const struct world *world, const char *name)
{
    char path[300];
    struct text all = { 0 };
    snprintf(path, sizeof path, "%s/%s", world->root, name);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "%s/%s/%s", world->root, name, entry->d_name);
        char *text = entry->d_type == DT_REG ? read_whole(path) : NULL;
        text_add_string(&all, text ? text : "");
        free(text);
    }
    if (folder)
        closedir(folder);
    return all.data ? all.data : strdup("");
}

static size_t count_files(const struct world *world, const char *name)
{
    char path[300];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/%s", world->root, name);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_type == DT_REG;
    if (folder)
        closedir(folder);
    return count;
}

/* Each row from … to once at the node, or once in quarantine, never both; one line that it was submitted and one outcome for each. */
static void check_rows(const struct world *world, int from, int to, long moment)
{
    char path[128], needle[64];
    snprintf(path, sizeof path, "%s/node", world->root);
    char *node = read_whole(path), *quarantine = read_folder(world, "quarantine"), *results = read_folder(world, "results");
    cr_assert_not_null(node);
    for (int i = from; i < to; i++) {
        bool is_bad = i % 5 == 3;
        snprintf(needle, sizeof needle, " k%d\n", i);
        cr_assert_eq(count_text(node, needle), !is_bad, "moment %ld: row %d is %zu times at the node", moment, i, count_text(node, needle));
        snprintf(needle, sizeof needle, "\"\"no time %d\"\"", i);
        cr_assert_eq(count_text(quarantine, needle), is_bad, "moment %ld: row %d in quarantine", moment, i);
        snprintf(needle, sizeof needle, ",k%d,", i);
        cr_assert_eq(count_text(results, needle), is_bad ? 0u : 2u, "moment %ld: row %d has %zu lines of results", moment, i, count_text(results, needle));
    }
    cr_assert_eq(count_text(node, "conflict"), 0u, "moment %ld: the same id came with other content", moment);
    cr_assert_eq(count_text(results, ",submitted,"), count_text(node, "store "), "moment %ld", moment);
    cr_assert_eq(count_text(results, ",accepted,") + count_text(results, ",refused,"), count_text(node, "store "), "moment %ld", moment);
    free(node);
    free(quarantine);
    free(results);
}

static void check_folders(const struct world *world, size_t done, long moment)
{
    cr_assert_eq(count_files(world, "drop"), 0u, "moment %ld: something stays in the drop folder", moment);
    cr_assert_eq(count_files(world, "drop/.leaving"), 0u, "moment %ld", moment);
    cr_assert_eq(count_files(world, "state/work"), 0u, "moment %ld: a copy stays", moment);
    cr_assert_eq(count_files(world, "done"), done, "moment %ld: %zu files are done", moment, count_files(world, "done"));
}

Test(csv_adapter, takes_each_row_once)
{
    struct world world = make_world();
    cr_assert_eq(drop_rows(&world, "a.csv", 0, 1000), 200u);
    cr_assert_eq(run_to_end(&world), 0);
    check_rows(&world, 0, 1000, 0);
    check_folders(&world, 1, 0);
    end_world(&world);
}

/* Killed at its first step, its second, … until a run needs no more; every time another process goes on, is killed once more a little later,
 * and a third one ends the work. */
Test(csv_adapter, a_kill_at_any_step_loses_nothing_and_repeats_nothing, .timeout = 240)
{
    bool died = true;
    long moment = 0;
    fake_window = 7;
    while (died) {
        struct world world = make_world();
        moment++;
        drop_rows(&world, "a.csv", 0, 24);
        died = run_child(&world, moment);
        run_child(&world, 1 + moment * 7 % 61);
        cr_assert_not(run_child(&world, 0));
        check_rows(&world, 0, 24, moment);
        check_folders(&world, 1, moment);
        end_world(&world);
    }
    cr_assert_gt(moment, 100, "the run takes only %ld steps", moment);
}

Test(csv_adapter, killed_again_and_again_it_still_comes_to_an_end, .timeout = 240)
{
    for (unsigned seed = 1; seed <= 12; seed++) {
        struct world world = make_world();
        unsigned random = seed;
        int kills = 0;
        fake_window = 1 + seed * 37;
        drop_rows(&world, "a.csv", 0, 700);
        while (run_child(&world, 400 + rand_r(&random) % 1500))
            cr_assert_lt(++kills, 200, "seed %u makes no progress", seed);
        check_rows(&world, 0, 700, (long)seed);
        check_folders(&world, 1, (long)seed);
        end_world(&world);
    }
}

Test(csv_adapter, the_same_content_under_another_name_has_no_effect)
{
    struct world world = make_world();
    drop_rows(&world, "a.csv", 0, 50);
    cr_assert_eq(run_to_end(&world), 0);
    drop_rows(&world, "b.csv", 0, 50);
    drop_rows(&world, "a.csv", 0, 50);
    cr_assert_eq(run_to_end(&world), 0);
    check_rows(&world, 0, 50, 0);
    check_folders(&world, 3, 0);
    end_world(&world);
}

Test(csv_adapter, two_files_at_once_with_the_same_content_count_once)
{
    struct world world = make_world();
    drop_rows(&world, "a.csv", 0, 50);
    drop_rows(&world, "b.csv", 0, 50);
    drop_rows(&world, "c.csv", 50, 60);
    cr_assert_eq(run_to_end(&world), 0);
    check_rows(&world, 0, 50, 0);
    check_rows(&world, 50, 60, 0);
    check_folders(&world, 3, 0);
    end_world(&world);
}

/* The link is down after the first file has been taken; the legacy system writes its next export over it. */
Test(csv_adapter, a_file_overwritten_while_it_is_read_gives_both_contents_once)
{
    struct world world = make_world();
    struct adapter *adapter;
    char text[256];
    fake_window = 3;
    drop_rows(&world, "a.csv", 0, 40);
    cr_assert_eq(adapter_new(&world.config, &adapter, text, sizeof text), 0);
    cr_assert_geq(adapter_scan(adapter, true), 0);
    fake_link_is_down = true;
    for (int i = 0; i < 5; i++)
        cr_assert_eq(adapter_step(adapter), 0);
    drop_rows(&world, "a.csv", 100, 140);
    fake_link_is_down = false;
    for (int i = 0; i < 1000 && !adapter_is_idle(adapter); i++)
        cr_assert_eq(adapter_step(adapter), 0);
    adapter_free(adapter);
    cr_assert_eq(run_to_end(&world), 0);
    check_rows(&world, 0, 40, 0);
    check_rows(&world, 100, 140, 0);
    check_folders(&world, 1, 0);
    end_world(&world);
}

/* Reading stops at in_flight_max rows without outcome; what is not read stays in the file. */
Test(csv_adapter, a_node_that_does_not_answer_stops_the_reading)
{
    struct world world = make_world();
    struct adapter *adapter;
    char text[256];
    world.config.in_flight_max = 20;
    drop_rows(&world, "a.csv", 0, 1000);
    cr_assert_eq(adapter_new(&world.config, &adapter, text, sizeof text), 0);
    cr_assert_geq(adapter_scan(adapter, true), 0);
    fake_link_is_down = true;
    for (int i = 0; i < 100; i++)
        cr_assert_eq(adapter_step(adapter), 0);
    cr_expect_eq(adapter_in_flight(adapter), 20u);
    cr_expect_not(adapter_is_busy(adapter));
    fake_link_is_down = false;
    for (int i = 0; i < 10000 && !adapter_is_idle(adapter); i++)
        cr_assert_eq(adapter_step(adapter), 0);
    cr_expect(adapter_is_idle(adapter));
    adapter_free(adapter);
    check_rows(&world, 0, 1000, 0);
    end_world(&world);
}

static const struct { const char *name, *content; size_t size; const char *reason; } unreadable[] = {
    { "empty.csv", "", 0, ",FILE_EMPTY," },
    { "columns.csv", "id,title\n1,2\n", 13, ",FILE_COLUMNS," },
    { "twice.csv", "id,title,at,id\n", 15, ",FILE_COLUMNS," },
    { "utf16.csv", "\xff\xfei\0d\0", 6, ",FILE_UTF_16," },
    { "header.csv", "\xff,b\n", 4, ",FILE_HEADER," },
};

Test(csv_adapter, files_that_cannot_be_read_go_to_quarantine_and_others_go_on)
{
    struct world world = make_world();
    char folder[128];
    snprintf(folder, sizeof folder, "%s/drop", world.root);
    for (size_t i = 0; i < sizeof unreadable / sizeof *unreadable; i++)
        write_file(folder, unreadable[i].name, unreadable[i].content, unreadable[i].size);
    drop_rows(&world, "z.csv", 0, 10);
    cr_assert_eq(run_to_end(&world), 0);
    check_rows(&world, 0, 10, 0);
    check_folders(&world, 1, 0);
    char *quarantine = read_folder(&world, "quarantine");
    for (size_t i = 0; i < sizeof unreadable / sizeof *unreadable; i++)
        cr_expect(strstr(quarantine, unreadable[i].reason), "%s", unreadable[i].name);
    cr_expect_eq(count_files(&world, "quarantine"), 2 * sizeof unreadable / sizeof *unreadable + 1);
    free(quarantine);
    write_file(folder, "columns.csv", unreadable[1].content, unreadable[1].size);
    cr_assert_eq(run_to_end(&world), 0, "a refused file that comes again is tried again");
    cr_expect_eq(count_files(&world, "drop"), 0u);
    end_world(&world);
}
