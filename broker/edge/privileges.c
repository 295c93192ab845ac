#include "edge/privileges.h"

#include "edge/log.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PORT_FOR_ALL 1024u
#define ACCOUNT_SIZE_MAX (64u * 1024u)
#define DESCRIPTORS_MAX (64u * 1024u) /* a connection each, and a few files */

static bool fail(const char *what, const char *reason)
{
    log_event(LOG_LEVEL_ERROR, "privileges not dropped", "step", what, "reason", reason, NULL);
    return false;
}

static bool fail_errno(const char *what)
{
    return fail(what, strerror(errno));
}

/* ---- who to become ---- */

struct account {
    uid_t user;
    gid_t group;
};

static bool find_group(const char *name, struct account *account, char *buffer)
{
    struct group record, *found = NULL;
    int error = name ? getgrnam_r(name, &record, buffer, ACCOUNT_SIZE_MAX, &found) : 0;
    if (name && !found) return fail("process.group", error ? strerror(error) : "no such group on this machine");
    if (found) account->group = found->gr_gid;
    return true;
}

static bool find_account(const struct conf *conf, struct account *account)
{
    struct passwd record, *found = NULL;
    char *buffer = malloc(ACCOUNT_SIZE_MAX);
    int error = buffer ? getpwnam_r(conf->process.user, &record, buffer, ACCOUNT_SIZE_MAX, &found) : ENOMEM;
    bool ok = found != NULL;
    if (ok) *account = (struct account){ found->pw_uid, found->pw_gid };
    else fail("process.user", error ? strerror(error) : "no such user on this machine");
    if (ok && account->user == 0) ok = fail("process.user", "this user is root itself; name one without privileges");
    ok = ok && find_group(conf->process.group, account, buffer);
    free(buffer);
    return ok;
}

/* ---- capabilities (capabilities(7)); by system call, for the two calls that are needed ---- */

static bool set_capabilities(uint64_t mask)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        { .effective = (uint32_t)mask, .permitted = (uint32_t)mask }, { .effective = (uint32_t)(mask >> 32), .permitted = (uint32_t)(mask >> 32) },
    };
    return syscall(SYS_capset, &header, data) == 0;
}

static uint64_t permitted_capabilities(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
    if (syscall(SYS_capget, &header, data) != 0) return UINT64_MAX;
    return (uint64_t)(data[1].permitted | data[1].effective) << 32 | data[0].permitted | data[0].effective;
}

/* What a program started from here could get. Who may not change the set has none to give. */
static void empty_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static bool is_low_port(const char *url)
{
    const char *colon = strstr(url, "tcp") ? strrchr(url, ':') : NULL;
    unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
    return port > 0 && port < PORT_FOR_ALL;
}

static bool needs_low_port(const struct conf *conf, const struct privileges_options *options)
{
    for (size_t i = 0; options->listens && i < conf->listen_count; i++)
        if (is_low_port(conf->listen[i])) return true;
    return false;
}

/* ---- the two steps ---- */

/* The soft limit of descriptors is often 1024 where 4096 connections are configured. */
static void set_limits(const struct privileges_options *options)
{
    struct rlimit descriptors;
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur < DESCRIPTORS_MAX) {
        descriptors.rlim_cur = descriptors.rlim_max < DESCRIPTORS_MAX ? descriptors.rlim_max : DESCRIPTORS_MAX;
        setrlimit(RLIMIT_NOFILE, &descriptors);
    }
    if (!options->core_dumps) setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    umask(0077);
}

/* After each change of user, which resets it. Not dumpable also means that other processes of the user may not look into this one. */
static void set_dumpable(const struct privileges_options *options)
{
    prctl(PR_SET_DUMPABLE, options->core_dumps ? 1 : 0, 0, 0, 0);
}

/* Saved and real user stay root for a low port; everything done meanwhile, new files too, is the user's. */
static bool become(const struct conf *conf, const struct account *account, bool low_port)
{
    if (initgroups(conf->process.user, account->group) != 0) return fail_errno("initgroups");
    if (setresgid(account->group, account->group, account->group) != 0) return fail_errno("setresgid");
    empty_bounding_set();
    uid_t kept = low_port ? 0 : account->user;
    if (setresuid(kept, account->user, kept) != 0) return fail_errno("setresuid");
    if (!set_capabilities(low_port ? UINT64_C(1) << CAP_NET_BIND_SERVICE : 0)) return fail_errno("capset");
    return true;
}

static bool reduce_root(const struct conf *conf, const struct privileges_options *options)
{
    struct account account;
    if (conf->process.user) return find_account(conf, &account) && become(conf, &account, needs_low_port(conf, options));
    log_event(LOG_LEVEL_WARNING, "runs as root", "reason", "set process.user to a user without privileges, or User= in the service's unit", NULL);
    return true;
}

/* A unit with User= and AmbientCapabilities=CAP_NET_BIND_SERVICE comes here too. */
static bool reduce_user(const struct conf *conf, const struct privileges_options *options)
{
    struct account account = { .user = geteuid() };
    if (conf->process.user && !find_account(conf, &account)) return false;
    if (account.user != geteuid()) return fail("process.user", "only root can become another user: start as root, start as that user, or leave the key out");
    uint64_t kept = needs_low_port(conf, options) ? permitted_capabilities() & UINT64_C(1) << CAP_NET_BIND_SERVICE : 0;
    empty_bounding_set();
    return permitted_capabilities() == kept || set_capabilities(kept) || fail_errno("capset");
}

bool privileges_reduce(const struct conf *conf, const struct privileges_options *options)
{
    set_limits(options);
    if (!(geteuid() == 0 ? reduce_root(conf, options) : reduce_user(conf, options))) return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("no_new_privs");
    set_dumpable(options);
    return true;
}

static bool is_user(uid_t user)
{
    uid_t real, effective, saved;
    return getresuid(&real, &effective, &saved) == 0 && real == user && effective == user && saved == user;
}

static bool is_group(gid_t group)
{
    gid_t real, effective, saved;
    return getresgid(&real, &effective, &saved) == 0 && real == group && effective == group && saved == group;
}

static bool is_gone(const struct account *account)
{
    if (!is_user(account->user) || !is_group(account->group)) return fail("check", "a user or group id is still another one");
    if (setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0) return fail("check", "the way back to root is still open");
    return permitted_capabilities() == 0 || fail("check", "capabilities are left");
}

/* From a saved user of root to none: the kernel takes all capabilities, and the C library does it in every thread. */
bool privileges_drop(const struct conf *conf, const struct privileges_options *options)
{
    struct account account = { geteuid(), getegid() };
    if (account.user == 0) return true; /* as told at the start */
    if (!is_user(account.user) && setresuid(account.user, account.user, account.user) != 0) return fail_errno("setresuid");
    if (permitted_capabilities() != 0 && !set_capabilities(0)) return fail_errno("capset");
    set_dumpable(options);
    if (!is_gone(&account)) return false;
    if (conf->process.user) log_event(LOG_LEVEL_INFO, "privileges dropped", "user", conf->process.user, NULL);
    return true;
}
