/* The checks that need more than one value. Each is a row of the table; each speaks only of what parsed. */
#include "build.h"

#include "format.h"
#include "areas.h"
#include "policy.h"
#include "rules.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int check_tls(struct build *build);
static int check_plain_tcp(struct build *build);
static int check_listen_twice(struct build *build);
static int check_link_parts(struct build *build);
static int check_one_parent(struct build *build);
static int check_link_nodes(struct build *build);
static int check_member_names(struct build *build);
static int check_services(struct build *build);
static int check_times(struct build *build);
static int check_store_size(struct build *build);
static int check_trust(struct build *build);
static int check_policy(struct build *build);
static int check_rules(struct build *build);
static int check_process(struct build *build);
static int check_registry(struct build *build);
static int check_dead_letters(struct build *build);
static int check_areas(struct build *build);

int build_check(struct build *build)
{
    static int (*const checks[])(struct build *) = {
        check_tls,        check_plain_tcp,    check_listen_twice, check_link_parts, check_one_parent,
        check_link_nodes, check_member_names, check_services,     check_times,      check_store_size,
        check_trust,
        check_policy,
        check_rules,
        check_process,
        check_registry,
        check_dead_letters,
        check_areas,
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        int r = checks[i](build);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_given(const struct build *build, const char *name)
{
    return build->given[conf_item_index(conf_item_find(name))];
}

static bool is_wrong(const struct build *build, const char *name)
{
    return build->wrong[conf_item_index(conf_item_find(name))];
}

static struct conf_place place_of(const struct build *build, const char *name)
{
    return is_given(build, name) ? build->places[conf_item_index(conf_item_find(name))] : (struct conf_place){ build->trees[0].file, 0, 0 };
}

/* Calls for each URL of the configuration; stops at the first that satisfies. NULL: none. */
static const struct origin *find_url(const struct build *build, bool (*satisfies)(const char *url), size_t *from)
{
    const struct conf *conf = build->conf;
    for (; *from < conf->listen_count + conf->links_count; ++*from) {
        bool listen = *from < conf->listen_count;
        const char *url = listen ? conf->listen[*from] : conf->links[*from - conf->listen_count].to;
        if (url && satisfies(url))
            return listen ? &build->listen.items[*from] : &build->links.items[*from - conf->listen_count];
    }
    return NULL;
}

/* Certificate, key and authority belong together: needed by any tls+tcp address, and by each other. */
static int check_tls(struct build *build)
{
    static const char *const parts[] = { "tls.certificate", "tls.key", "tls.ca" };
    size_t from = 0;
    const struct origin *url = find_url(build, format_url_is_tls, &from);
    const char *given = NULL;
    for (size_t i = 0; i < 3; i++)
        given = is_given(build, parts[i]) ? parts[i] : given;
    for (size_t i = 0; i < 3; i++) {
        if (is_given(build, parts[i]))
            continue;
        if (url)
            conf_errors_add(&build->errors, url->place, parts[i], "is missing; %s uses tls+tcp://, which needs tls.certificate, tls.key and tls.ca", url->key);
        else if (given)
            conf_errors_add(&build->errors, place_of(build, given), parts[i], "is missing; %s is given, which is of use only with tls.certificate, tls.key and tls.ca together", given);
    }
    return 0;
}

static int check_plain_tcp(struct build *build)
{
    const struct origin *origin;
    if (build->conf->allow.plain_tcp || is_wrong(build, "allow.plain_tcp"))
        return 0;
    for (size_t from = 0; (origin = find_url(build, format_url_is_plain_beyond_loopback, &from)); from++)
        conf_errors_add(&build->errors, origin->place, origin->key,
                        "found tcp:// beyond this machine; expected tls+tcp://, or a loopback address, or allow: {plain_tcp: true} if the way is trusted");
    return 0;
}

/* Names of a list, to be sorted: equal ones become neighbours, the earlier first. */
struct name {
    const char *text;
    size_t index;
};

static int compare_names(const void *a, const void *b)
{
    const struct name *left = a, *right = b;
    int order = strcmp(left->text, right->text);
    return order != 0 ? order : left->index < right->index ? -1 : 1;
}

/* Adds an error for each element whose text another one before it has. origins NULL: everything stands at place, under key. */
static void refuse_twins(struct build *build, struct name *names, size_t count, const struct origins *origins, const struct origin *at, const char *field)
{
    char found[CONF_QUOTE_SIZE], key[96];
    qsort(names, count, sizeof *names, compare_names);
    size_t first = 0;
    for (size_t i = 1; i < count; i++) {
        if (strcmp(names[i].text, names[first].text) != 0) {
            first = i;
            continue;
        }
        const struct origin *here = origins ? &origins->items[names[i].index] : at;
        const struct origin *there = origins ? &origins->items[names[first].index] : at;
        (void)snprintf(key, sizeof key, "%s%s", here->key, field);
        conf_errors_add(&build->errors, here->place, key, "found %s twice, first in %s:%d; expected each once", conf_quote(names[i].text, found),
                        there->place.file, there->place.line);
    }
}

static const char *listen_text(const struct conf *conf, size_t i) { return conf->listen[i]; }
static const char *link_node(const struct conf *conf, size_t i) { return conf->links[i].node; }
static const char *member_name(const struct conf *conf, size_t i) { return conf->members[i].name; }

static int check_unique(struct build *build, const struct origins *origins, const char *(*text)(const struct conf *conf, size_t i), const char *field)
{
    if (origins->count < 2)
        return 0;
    struct name *names = calloc(origins->count, sizeof *names);
    if (!names)
        return -ENOMEM;
    size_t count = 0;
    for (size_t i = 0; i < origins->count; i++) {
        if (text(build->conf, i))
            names[count++] = (struct name){ text(build->conf, i), i };
    }
    refuse_twins(build, names, count, origins, NULL, field);
    free(names);
    return 0;
}

static int check_listen_twice(struct build *build) { return check_unique(build, &build->listen, listen_text, ""); }
static int check_link_nodes(struct build *build) { return check_unique(build, &build->links, link_node, ".node"); }
static int check_member_names(struct build *build) { return check_unique(build, &build->members, member_name, ".name"); }

static int check_services(struct build *build)
{
    struct name names[256]; /* the table's bound on services */
    for (size_t i = 0; i < build->conf->members_count; i++) {
        const struct conf_member *member = &build->conf->members[i];
        size_t count = 0;
        for (size_t j = 0; j < member->services_count && count < sizeof names / sizeof names[0]; j++) {
            if (member->services[j])
                names[count++] = (struct name){ member->services[j], j };
        }
        if (count > 1)
            refuse_twins(build, names, count, NULL, &build->members.items[i], ".services");
    }
    return 0;
}

static int check_link_parts(struct build *build)
{
    const struct conf *conf = build->conf;
    for (size_t i = 0; i < conf->links_count; i++) {
        const struct conf_link *link = &conf->links[i];
        const struct origin *origin = &build->links.items[i];
        char key[64];
        if (link->node && conf->node.id && strcmp(link->node, conf->node.id) == 0) {
            (void)snprintf(key, sizeof key, "%s.node", origin->key);
            conf_errors_add(&build->errors, origin->place, key, "found this node's own id \"%s\"; expected the neighbour's", link->node);
        }
        if (!link->to && conf->listen_count == 0 && !is_wrong(build, "listen") && !is_wrong(build, "links")) {
            (void)snprintf(key, sizeof key, "%s.to", origin->key);
            conf_errors_add(&build->errors, origin->place, key, "is missing, and this node listens nowhere; expected an address to dial, or listen: [...] so that the neighbour can dial");
        }
    }
    return 0;
}

static int check_one_parent(struct build *build)
{
    const struct origin *first = NULL;
    for (size_t i = 0; i < build->conf->links_count; i++) {
        const struct origin *origin = &build->links.items[i];
        char key[64];
        if (build->conf->links[i].role != CONF_ROLE_PARENT)
            continue;
        (void)snprintf(key, sizeof key, "%s.role", origin->key);
        if (first)
            conf_errors_add(&build->errors, origin->place, key, "found a second parent, the first is in %s:%d; expected at most one", first->place.file, first->place.line);
        else
            first = origin;
    }
    return 0;
}

static void check_order(struct build *build, const char *low_name, uint32_t low, uint32_t factor, const char *high_name, uint32_t high)
{
    if ((uint64_t)low * factor <= high || is_wrong(build, low_name) || is_wrong(build, high_name))
        return;
    const char *name = is_given(build, high_name) ? high_name : low_name;
    conf_errors_add(&build->errors, place_of(build, name), name, "%s is %" PRIu32 " ms and %s is %" PRIu32 " ms; expected %s to be at least %s%s", low_name,
                    low, high_name, high, high_name, factor == 2 ? "twice " : "", low_name);
}

static int check_times(struct build *build)
{
    const struct conf *conf = build->conf;
    check_order(build, "limits.retry_ms_min", conf->limits.retry_ms_min, 1, "limits.retry_ms_max", conf->limits.retry_ms_max);
    check_order(build, "limits.redial_ms_min", conf->limits.redial_ms_min, 1, "limits.redial_ms_max", conf->limits.redial_ms_max);
    check_order(build, "limits.heartbeat_ms", conf->limits.heartbeat_ms, 2, "limits.silence_ms", conf->limits.silence_ms);
    return 0;
}

#define STORE_BYTES_LEAST (UINT64_C(16) << 20)

static int check_store_size(struct build *build)
{
    uint64_t bytes = build->conf->limits.store_bytes_max;
    if (bytes > 0 && bytes < STORE_BYTES_LEAST)
        conf_errors_add(&build->errors, place_of(build, "limits.store_bytes_max"), "limits.store_bytes_max",
                        "found %" PRIu64 " bytes; expected 0 (the disk decides) or at least 16 MiB", bytes);
    return 0;
}

#define DAY_MS UINT64_C(86400000)

/* A pair of its own, or none: half of one would sign with a key that does not belong to the certificate. */
static int check_trust(struct build *build)
{
    const struct conf *conf = build->conf;
    const char *given = conf->trust.certificate ? "trust.certificate" : "trust.key", *missing = conf->trust.certificate ? "trust.key" : "trust.certificate";
    if (!conf->trust.certificate != !conf->trust.key && !is_wrong(build, missing))
        conf_errors_add(&build->errors, place_of(build, given), missing, "is missing beside %s; expected both, or neither (then tls.certificate signs)", given);
    uint64_t replay_ms = conf->trust.signed_age_days_max * DAY_MS + 2 * (uint64_t)conf->trust.signed_ahead_max;
    if (conf->trust.keep_evidence_days && conf->trust.keep_evidence_days * DAY_MS <= replay_ms && !is_wrong(build, "trust.keep_evidence_days"))
        conf_errors_add(&build->errors, place_of(build, "trust.keep_evidence_days"), "trust.keep_evidence_days",
                        "found %" PRIu32 "; expected more days than signed_age_days_max and twice signed_ahead_max are together, or 0: what was forgotten could be taken again",
                        conf->trust.keep_evidence_days);
    if (conf->trust.certificate && !conf->tls.ca && !is_wrong(build, "tls.ca"))
        conf_errors_add(&build->errors, place_of(build, "trust.certificate"), "tls.ca", "is missing; expected the federation's authority, which vouches for signers");
    return 0;
}

/* Both files are read with the rest: a broker never starts on a policy it cannot use. */
static int check_policy(struct build *build)
{
    struct conf *conf = build->conf;
    char key[64];
    if (!is_given(build, "policy.file") && !is_given(build, "policy.catalogue"))
        return 0;
    if (!is_given(build, "policy.file") || !is_given(build, "policy.catalogue")) {
        const char *given = is_given(build, "policy.file") ? "policy.file" : "policy.catalogue", *missing = given[7] == 'f' ? "policy.catalogue" : "policy.file";
        conf_errors_add(&build->errors, place_of(build, given), missing, "is missing; %s is of use only with it", given);
        return 0;
    }
    for (size_t i = 0; i < conf->members_count; i++) {
        if (conf->members[i].type || is_wrong(build, "members"))
            continue;
        (void)snprintf(key, sizeof key, "%s.type", build->members.items[i].key);
        conf_errors_add(&build->errors, build->members.items[i].place, key, "is missing; the policy's rules ask what an organisation is, for example type: gov");
    }
    if (is_wrong(build, "policy.file") || is_wrong(build, "policy.catalogue"))
        return 0;
    return conf_policy_load(conf->policy.file, conf->policy.catalogue, &build->errors, &conf->policy.read);
}

static int check_rules(struct build *build)
{
    struct conf *conf = build->conf;
    if (!is_given(build, "rules.file") || is_wrong(build, "rules.file"))
        return 0;
    return conf_rules_load(conf->rules.file, &build->errors, &conf->rules.read);
}

static int check_process(struct build *build)
{
    if (is_given(build, "process.group") && !is_given(build, "process.user"))
        conf_errors_add(&build->errors, place_of(build, "process.group"), "process.group", "is given without process.user, with which it is of use; add the user");
    return 0;
}

/* Two seats of one office are one registrar: the office chooses the seat it writes from. */
static bool is_same_office(const char *a, const char *b)
{
    size_t size = strcspn(a, "#");
    return size == strcspn(b, "#") && memcmp(a, b, size) == 0;
}

static int check_registry(struct build *build)
{
    const struct conf *conf = build->conf;
    char *const *registrars = conf->registry.registrars;
    size_t count = conf->registry.registrars_count;
    if (is_wrong(build, "registry.registrars"))
        return 0;
    struct conf_place place = place_of(build, "registry.registrars");
    if (count == 1)
        conf_errors_add(&build->errors, place, "registry.registrars", "found one registrar; expected at least two, so that a second one can agree to a change of keys");
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (!is_same_office(registrars[i], registrars[k]))
                continue;
            conf_errors_add(&build->errors, place, "registry.registrars", "found the office of \"%s\" twice; expected different offices, for one cannot agree with itself", registrars[i]);
            break;
        }
    }
    if (conf->registry.required && count == 0)
        conf_errors_add(&build->errors, place_of(build, "registry.required"), "registry.registrars", "is missing beside registry.required; expected at least two, or nobody could be registered");
    return 0;
}

/* A member of this node by its name, or an office anywhere by its address. */
static int check_dead_letters(struct build *build)
{
    const char *owner = build->conf->dead_letters.owner;
    char why[FORMAT_WHY_SIZE];
    if (!owner || is_wrong(build, "dead_letters.owner") || is_wrong(build, "members"))
        return 0;
    struct conf_place place = place_of(build, "dead_letters.owner");
    if (strchr(owner, '/')) {
        if (!format_office(owner, why))
            conf_errors_add(&build->errors, place, "dead_letters.owner", "found \"%s\"; %s", owner, why);
        return 0;
    }
    for (size_t i = 0; i < build->conf->members_count; i++)
        if (build->conf->members[i].name && strcmp(build->conf->members[i].name, owner) == 0)
            return 0;
    conf_errors_add(&build->errors, place, "dead_letters.owner", "found \"%s\", which is no member of this node; expected one of members, or an address such as 990101001/urban-mgmt", owner);
    return 0;
}

static bool is_member(const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->members_count; i++)
        if (conf->members[i].name && strcmp(conf->members[i].name, name) == 0)
            return true;
    return false;
}

/* Read with the rest, as the policy is: a reload with a broken file changes nothing. */
static int check_areas(struct build *build)
{
    struct conf *conf = build->conf;
    if (conf->areas.triage && !is_wrong(build, "areas.triage") && !is_wrong(build, "members") && !is_member(conf, conf->areas.triage))
        conf_errors_add(&build->errors, place_of(build, "areas.triage"), "areas.triage", "names no member of this node; add it to members, or name one that is there");
    if (!is_given(build, "areas.file") || is_wrong(build, "areas.file") || is_wrong(build, "areas.charset"))
        return 0;
    return conf_areas_load(conf->areas.file, conf->areas.charset, &build->errors, &conf->areas.read);
}
