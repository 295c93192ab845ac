/* Every configuration key, one record each. The parser, the checks, the dump, the sample, the JSON Schema and the reload rule all read
 * this table; nothing else in the tree lists keys. Sections are the parts of a name before a dot; "links[]" is one element of links. */
#ifndef CONF_ITEMS_H
#define CONF_ITEMS_H

#include "conf.h"

#include <string.h>

enum conf_type {
    CONF_TYPE_TEXT,
    CONF_TYPE_NODE_ID,
    CONF_TYPE_AREA,
    CONF_TYPE_NAME,
    CONF_TYPE_ORG,
    CONF_TYPE_REGISTRAR,
    CONF_TYPE_LISTEN_URL,
    CONF_TYPE_DIAL_URL,
    CONF_TYPE_FILE,        /* must exist and be readable */
    CONF_TYPE_KEY,         /* a file, or a token's key by its URI */
    CONF_TYPE_SUITE,
    CONF_TYPE_DIRECTORY,   /* made later if absent */
    CONF_TYPE_ENGINE,
    CONF_TYPE_LOG_LEVEL,
    CONF_TYPE_LOG_FORMAT,
    CONF_TYPE_SECCOMP,
    CONF_TYPE_CHARSET,
    CONF_TYPE_ROLE,
    CONF_TYPE_ORG_TYPE,
    CONF_TYPE_BOOL,
    CONF_TYPE_COUNT,       /* uint32_t */
    CONF_TYPE_BYTES,       /* uint64_t, KiB MiB GiB */
    CONF_TYPE_DURATION,    /* uint32_t milliseconds, ms s m h d */
    CONF_TYPE_LINK,        /* a mapping: struct conf_link */
    CONF_TYPE_MEMBER,      /* a mapping: struct conf_member */
    CONF_TYPES
};

enum conf_base { CONF_BASE_CONF, CONF_BASE_LINK, CONF_BASE_MEMBER };
enum conf_reload { CONF_RELOAD_LIVE, CONF_RELOAD_RESTART };
enum conf_need { CONF_OPTIONAL, CONF_REQUIRED };

/* V(base, field, name, type, default, min, max, unit, reload, need, example, prose): one value. min and max bound the number, or the length of a text.
 * L(base, field, name, type of an element, most elements, reload, example, prose): a list; the field's length stands in field_count. */
#define CONF_ITEMS(V, L) \
    V(conf, node.id, "node.id", NODE_ID, NULL, 1, 64, "", RESTART, REQUIRED, "street-anlan", \
      "Name of this node in the federation, as in its certificate: a-z, 0-9 and -, at most 64.") \
    V(conf, node.area, "node.area", AREA, NULL, 6, 12, "", RESTART, REQUIRED, "\"990101001\"", \
      "Area code this node serves: 6 digits for a district, 9 for a street, 12 for a community.") \
    V(conf, node.store, "node.store", DIRECTORY, NULL, 1, 4000, "", RESTART, REQUIRED, "/var/lib/qiao", \
      "Directory of the durable store; made at the first start.") \
    V(conf, node.engine, "node.engine", ENGINE, "lmdb", 0, 0, "", RESTART, OPTIONAL, "lmdb", \
      "Storage engine.") \
    L(conf, listen, "listen", LISTEN_URL, 64, RESTART, "[\"tls+tcp://0.0.0.0:7701\", \"ipc:///run/qiao/node\"]", \
      "Addresses where links and members may reach this node: tls+tcp://host:port, tcp://host:port (loopback only), ipc:///path.") \
    L(conf, links, "links", LINK, 4096, RESTART, "[{to: \"tls+tcp://district.example:7700\", node: district-anlan, area: \"990101\", role: parent}]", \
      "Neighbouring nodes. At most one of them is the parent.") \
    V(link, to, "links[].to", DIAL_URL, NULL, 1, 127, "", RESTART, OPTIONAL, "tls+tcp://district.example:7700", \
      "Address to dial. Left out: the neighbour dials us.") \
    V(link, node, "links[].node", NODE_ID, NULL, 1, 64, "", RESTART, REQUIRED, "district-anlan", \
      "The neighbour's node id; its certificate must name it.") \
    V(link, area, "links[].area", AREA, NULL, 6, 12, "", RESTART, REQUIRED, "\"990101\"", \
      "The neighbour's area code, as in its own configuration. What lies under a child's area is reached through that child.") \
    V(link, role, "links[].role", ROLE, NULL, 0, 0, "", RESTART, REQUIRED, "parent", \
      "What the neighbour is to this node.") \
    V(link, drain_messages_per_s, "links[].drain_messages_per_s", COUNT, "0", 0, 1000000, "messages a second", RESTART, OPTIONAL, "200", \
      "limits.drain_messages_per_s for this link. 0: as that says.") \
    L(conf, members, "members", MEMBER, 65536, RESTART, "[{name: urban-management, org: 11990101QA0000014K, services: [noise, street-order]}]", \
      "Offices, committees and systems that hang on this node.") \
    V(member, name, "members[].name", NAME, NULL, 1, 64, "", RESTART, REQUIRED, "urban-management", \
      "The member's name in addresses, unique on this node: a-z, 0-9, - and ., at most 64.") \
    V(member, org, "members[].org", ORG, NULL, 18, 18, "", RESTART, OPTIONAL, "11990101QA0000014K", \
      "Unified social credit code of the organisation (GB 32100-2015, 18 characters).") \
    V(member, type, "members[].type", ORG_TYPE, NULL, 0, 0, "", RESTART, OPTIONAL, "gov", \
      "What the organisation is; rules of the policy ask for it. Required when there is a policy.") \
    L(member, services, "members[].services", NAME, 256, RESTART, "[noise, street-order]", \
      "Services the member offers: svc:NAME reaches the nearest member that does, going up from the sender's area.") \
    V(member, drills, "members[].drills", BOOL, "false", 0, 0, "", RESTART, OPTIONAL, "false", \
      "Exercises and tests are delivered to this member. To all others they are refused, for they must never be taken for real.") \
    L(member, seats, "members[].seats", NAME, 256, RESTART, "[duty, director]", \
      "Seats of the member; messages to another seat are refused. Left out: any seat will do.") \
    V(conf, tls.certificate, "tls.certificate", FILE, NULL, 1, 4000, "", LIVE, OPTIONAL, "pki/street-anlan.crt", \
      "This node's certificate, PEM, with intermediates if there are any. Required when a tls+tcp address is used.") \
    V(conf, tls.key, "tls.key", FILE, NULL, 1, 4000, "", LIVE, OPTIONAL, "pki/street-anlan.key", \
      "The private key of the certificate, PEM.") \
    V(conf, tls.ca, "tls.ca", FILE, NULL, 1, 4000, "", LIVE, OPTIONAL, "pki/ca.crt", \
      "The federation's certificate authority, PEM.") \
    V(conf, tls.crl, "tls.crl", FILE, NULL, 1, 4000, "", LIVE, OPTIONAL, "pki/ca.crl", \
      "Revoked certificates, PEM.") \
    V(conf, tls.passphrase_file, "tls.passphrase_file", FILE, NULL, 1, 4000, "", LIVE, OPTIONAL, "pki/passphrase", \
      "File whose first line opens the private key.") \
    V(conf, trust.certificate, "trust.certificate", FILE, NULL, 1, 4000, "", LIVE, OPTIONAL, "pki/street-anlan-sm2.crt", \
      "Certificate this node signs messages and custody receipts with, PEM: Ed25519 or P-256 (suite int1), or SM2 (gm1). Left out: tls.certificate.") \
    V(conf, trust.key, "trust.key", KEY, NULL, 1, 4000, "", LIVE, OPTIONAL, "pki/street-anlan-sm2.key", \
      "Its private key: a PEM file, or a token's key by its URI (pkcs11:…, RFC 7512).") \
    V(conf, trust.passphrase_file, "trust.passphrase_file", FILE, NULL, 1, 4000, "", LIVE, OPTIONAL, "pki/passphrase", \
      "File whose first line opens that key, or is the token's PIN.") \
    L(conf, trust.suites, "trust.suites", SUITE, 3, RESTART, "[int1, gm1]", \
      "Signature suites taken from others: int1, gm1; none takes unsigned messages too, and alone switches signatures off. Left out: int1 and gm1.") \
    V(conf, trust.sm2_signer_id, "trust.sm2_signer_id", TEXT, NULL, 1, 64, "", RESTART, OPTIONAL, "\"1234567812345678\"", \
      "What SM2 signatures digest with each message (GB/T 35276). The same in the whole federation.") \
    V(conf, trust.signed_age_days_max, "trust.signed_age_days_max", COUNT, "90", 0, 36500, "days", LIVE, OPTIONAL, "90", \
      "Messages signed longer ago are refused as STALE: a node may be cut off this long. Duplicates are known by records at least as old. 0: however old.") \
    V(conf, trust.signed_ahead_max, "trust.signed_ahead_max", DURATION, "24h", 0, 2592000000, "milliseconds", LIVE, OPTIONAL, "24h", \
      "Messages signed further in the future are refused as AHEAD: the clock of their signer, or of this node, is wrong. 0: not looked at.") \
    V(conf, trust.keep_evidence_days, "trust.keep_evidence_days", COUNT, "1095", 0, 36500, "days", LIVE, OPTIONAL, "1095", \
      "What proofs are made of, and records of messages that ended, are kept this long; the audit log is kept for ever. Longer than signed_age_days_max. 0: for ever.") \
    V(conf, allow.plain_tcp, "allow.plain_tcp", BOOL, "false", 0, 0, "", RESTART, OPTIONAL, "false", \
      "Allow tcp:// without TLS beyond this machine. Anyone on the way can then read and change what is not sealed.") \
    V(conf, allow.local_members_any, "allow.local_members_any", BOOL, "false", 0, 0, "", RESTART, OPTIONAL, "false", \
      "Let members over ipc:// take any configured member name without a certificate.") \
    V(conf, limits.store_bytes_max, "limits.store_bytes_max", BYTES, "0", 0, UINT64_C(1) << 50, "bytes", RESTART, OPTIONAL, "20 GiB", \
      "Size the store may grow to; beyond it senders are told BUSY. 0: the disk decides.") \
    V(conf, limits.link_window_messages, "limits.link_window_messages", COUNT, "16384", 1, 1048576, "messages", LIVE, OPTIONAL, "16384", \
      "Messages a neighbour may have on the way to us without acknowledgement, per lane.") \
    V(conf, limits.link_window_bytes, "limits.link_window_bytes", BYTES, "8 MiB", 2097152, UINT64_C(1) << 32, "bytes", LIVE, OPTIONAL, "8 MiB", \
      "The same in bytes.") \
    V(conf, limits.member_window_messages, "limits.member_window_messages", COUNT, "4096", 1, 1048576, "messages", LIVE, OPTIONAL, "4096", \
      "Messages delivered to a member and still without a verdict, per lane.") \
    V(conf, limits.member_window_bytes, "limits.member_window_bytes", BYTES, "8 MiB", 2097152, UINT64_C(1) << 32, "bytes", LIVE, OPTIONAL, "8 MiB", \
      "The same in bytes.") \
    V(conf, limits.connections_max, "limits.connections_max", COUNT, "4096", 1, 1000000, "connections", LIVE, OPTIONAL, "4096", \
      "Open connections of links and members together; more are closed at once.") \
    V(conf, limits.handshakes_per_second_max, "limits.handshakes_per_second_max", COUNT, "200", 1, 100000, "handshakes a second", LIVE, OPTIONAL, "200", \
      "New connections served in a second; more are closed at once. Calm and known addresses are served before noisy ones. As many over ipc:// besides.") \
    V(conf, limits.connections_per_address_max, "limits.connections_per_address_max", COUNT, "256", 1, 1000000, "connections", LIVE, OPTIONAL, "256", \
      "Open connections from one address (IPv6: one /64 network); more are closed at once. Connections over ipc:// have no address.") \
    V(conf, limits.unproven_per_address_max, "limits.unproven_per_address_max", COUNT, "64", 1, 1000000, "connections", LIVE, OPTIONAL, "64", \
      "Of these, connections that have not yet proved who they are.") \
    V(conf, limits.handshakes_per_address_max, "limits.handshakes_per_address_max", COUNT, "50", 1, 100000, "handshakes a second", LIVE, OPTIONAL, "50", \
      "New connections served in a second from one address.") \
    V(conf, limits.unproven_bytes_max, "limits.unproven_bytes_max", BYTES, "128 KiB", 8192, UINT64_C(1) << 30, "bytes", LIVE, OPTIONAL, "128 KiB", \
      "What a connection may send in all before it has proved who it is. Messages are never taken before that.") \
    V(conf, limits.retry_ms_min, "limits.retry_ms_min", DURATION, "500ms", 1, 86400000, "milliseconds", LIVE, OPTIONAL, "500ms", \
      "Wait before the first new delivery after \"retry\"; it doubles up to retry_ms_max.") \
    V(conf, limits.retry_ms_max, "limits.retry_ms_max", DURATION, "60s", 1, 86400000, "milliseconds", LIVE, OPTIONAL, "60s", \
      "Longest wait between deliveries.") \
    V(conf, limits.heartbeat_ms, "limits.heartbeat_ms", DURATION, "10s", 10, 3600000, "milliseconds", LIVE, OPTIONAL, "10s", \
      "A silent link sends a sign of life after this time.") \
    V(conf, limits.silence_ms, "limits.silence_ms", DURATION, "35s", 20, 86400000, "milliseconds", LIVE, OPTIONAL, "35s", \
      "A link that was silent this long is taken for dead. At least twice heartbeat_ms.") \
    V(conf, limits.handshake_ms, "limits.handshake_ms", DURATION, "10s", 10, 600000, "milliseconds", LIVE, OPTIONAL, "10s", \
      "Each step by which a new connection proves who it is (TLS, hello, proof) must be done within this time.") \
    V(conf, limits.drain_messages_per_s, "limits.drain_messages_per_s", COUNT, "0", 0, 1000000, "messages a second", LIVE, OPTIONAL, "500", \
      "When a neighbour is back, what has waited for it is sent no faster than this, urgent first; new messages of other cases pass it. 0: no limit.") \
    V(conf, limits.reroute_after, "limits.reroute_after", DURATION, "30s", 0, 604800000, "milliseconds", LIVE, OPTIONAL, "30s", \
      "A neighbour that has been out of reach for so long is given up until it is back: what waits for it goes another way, if there is one.") \
    V(conf, limits.order_wait, "limits.order_wait", DURATION, "7d", 0, 7776000000, "milliseconds", LIVE, OPTIONAL, "7d", \
      "How long a message waits for the one before it in its case that took another way and has not come. Then it is delivered, and the log says so. 0: for ever.") \
    V(conf, limits.clock_skew_ms_max, "limits.clock_skew_ms_max", DURATION, "10m", 0, 86400000, "milliseconds", LIVE, OPTIONAL, "10m", \
      "A neighbour whose clock is off by more is refused by that name. 0: any clock will do.") \
    V(conf, limits.redial_ms_min, "limits.redial_ms_min", DURATION, "50ms", 1, 3600000, "milliseconds", RESTART, OPTIONAL, "50ms", \
      "Wait before a lost neighbour is dialled again; it doubles up to redial_ms_max.") \
    V(conf, limits.redial_ms_max, "limits.redial_ms_max", DURATION, "1s", 1, 3600000, "milliseconds", RESTART, OPTIONAL, "1s", \
      "Longest wait between two attempts to dial.") \
    V(conf, limits.shutdown_ms, "limits.shutdown_ms", DURATION, "5s", 1, 600000, "milliseconds", LIVE, OPTIONAL, "5s", \
      "After SIGTERM the node exits at the latest after this time.") \
    V(conf, attachments.bytes_max, "attachments.bytes_max", BYTES, "8 GiB", 1048576, UINT64_C(1) << 50, "bytes", LIVE, OPTIONAL, "8 GiB", \
      "Room in the store for files that come with messages; never more than half of limits.store_bytes_max. What does not fit is asked for when there is room.") \
    V(conf, attachments.bytes_per_member, "attachments.bytes_per_member", BYTES, "2 GiB", 0, UINT64_C(1) << 50, "bytes", LIVE, OPTIONAL, "2 GiB", \
      "Files that one member sent and this node still keeps; a message with more is refused with QUOTA. 0: only bytes_max counts.") \
    V(conf, attachments.keep_days, "attachments.keep_days", COUNT, "90", 1, 36500, "days", LIVE, OPTIONAL, "90", \
      "How long this node keeps a file after the last message that came with it.") \
    V(conf, policy.file, "policy.file", FILE, NULL, 1, 4000, "", LIVE, OPTIONAL, "policy/default.yaml", \
      "Who may send what to whom, what for. What no rule in it allows is refused. Left out: everything is allowed.") \
    V(conf, policy.catalogue, "policy.catalogue", FILE, NULL, 1, 4000, "", LIVE, OPTIONAL, "catalogues/legal-basis.yaml", \
      "The legal bases that messages may cite, with the days from and until which each is in force.") \
    V(conf, rules.file, "rules.file", FILE, NULL, 1, 4000, "", LIVE, OPTIONAL, "rules.yaml", \
      "What is sent elsewhere, copied, refused or slowed down, by the first rule that matches. Left out: everything goes as it is routed.") \
    V(conf, areas.file, "areas.file", FILE, NULL, 1, 4000, "", LIVE, OPTIONAL, "areas.csv", \
      "Administrative areas as CSV: code, and if known name, level, parent, valid_from, valid_to, successors, aliases. Mail for a voided code goes to its successor.") \
    V(conf, areas.charset, "areas.charset", CHARSET, "UTF-8", 0, 0, "", LIVE, OPTIONAL, "UTF-8", \
      "What the file is written in: UTF-8 or GB18030.") \
    V(conf, areas.accept_old_days, "areas.accept_old_days", COUNT, "548", 0, 36500, "days", LIVE, OPTIONAL, "548", \
      "How long a voided code is taken in new messages. What was sent while it was in force goes to the successor at any time.") \
    V(conf, areas.triage, "areas.triage", NAME, NULL, 1, 64, "", LIVE, OPTIONAL, "urban-management", \
      "Member who gets mail for an area right below this node's that was divided, when its code does not tell where to. Left out: such mail is refused.") \
    V(conf, plan.keep_headers, "plan.keep_headers", COUNT, "1000", 0, 100000, "headers", LIVE, OPTIONAL, "1000", \
      "Headers of the newest messages kept in memory, without bodies, to rehearse another configuration with (qiao plan).") \
    L(conf, registry.registrars, "registry.registrars", REGISTRAR, 64, RESTART, "[\"990101/registry\", \"990101/inspection\"]", \
      "Offices of the district whose messages change the register of organisations and the table of areas: AREA/ORG, or AREA/ORG#SEAT. " \
      "At least two, for keys and areas change and organisations close only if a second one agrees.") \
    V(conf, registry.required, "registry.required", BOOL, "false", 0, 0, "", RESTART, OPTIONAL, "false", \
      "Take messages only from members whose organisation is registered.") \
    V(conf, registry.confirm_within, "registry.confirm_within", DURATION, "72h", 1000, 2592000000, "milliseconds", RESTART, OPTIONAL, "72h", \
      "How long a change waits for the second registrar.") \
    V(conf, explain.enabled, "explain.enabled", BOOL, "true", 0, 0, "", RESTART, OPTIONAL, "true", \
      "Keep for each message what was decided about it and why: qiao why and qiao trace tell it.") \
    V(conf, explain.keep_days, "explain.keep_days", COUNT, "90", 0, 36500, "days", LIVE, OPTIONAL, "90", \
      "How long decisions are kept. 0: for ever.") \
    V(conf, explain.bytes_max, "explain.bytes_max", BYTES, "2 GiB", 0, UINT64_C(1) << 50, "bytes", LIVE, OPTIONAL, "2 GiB", \
      "Size they may take in the store; the oldest give way. A message takes about 20 bytes. 0: no bound.") \
    V(conf, log.level, "log.level", LOG_LEVEL, "info", 0, 0, "", LIVE, OPTIONAL, "info", \
      "Least important lines that are still written.") \
    V(conf, log.format, "log.format", LOG_FORMAT, "logfmt", 0, 0, "", LIVE, OPTIONAL, "logfmt", \
      "Form of a log line.") \
    V(conf, process.user, "process.user", TEXT, NULL, 1, 32, "", RESTART, OPTIONAL, "qiao", \
      "User to become when started as root, once what only root may open is open. The store and the key must be this user's.") \
    V(conf, process.group, "process.group", TEXT, NULL, 1, 32, "", RESTART, OPTIONAL, "qiao", \
      "Group to become with it; left out: the user's own. Who is in this group may reach the node over ipc://.") \
    V(conf, process.seccomp, "process.seccomp", SECCOMP, "enforce", 0, 0, "", RESTART, OPTIONAL, "enforce", \
      "System calls that a broker does not make: enforce refuses them, log lets them pass and tells the kernel's audit log, off does nothing.") \
    V(conf, dead_letters.owner, "dead_letters.owner", TEXT, NULL, 1, 256, "", RESTART, OPTIONAL, "urban-management", \
      "Who is sent a notice of each message that could not be delivered or expired here: a member of this node, or AREA/ORG, or AREA/ORG#SEAT. Left out: nobody.") \
    V(conf, dead_letters.contact, "dead_letters.contact", TEXT, NULL, 1, 256, "", RESTART, OPTIONAL, "\"duty desk, +86 990 1234567\"", \
      "Who looks after messages that could not be delivered, in words; named in their receipts.") \
    V(conf, dead_letters.attempts_max, "dead_letters.attempts_max", COUNT, "16", 1, 65535, "deliveries", LIVE, OPTIONAL, "16", \
      "Deliveries that failed, by a verdict of \"retry\" or because the member's session ended over them, before a message is a dead letter.") \
    V(conf, dead_letters.age_max, "dead_letters.age_max", DURATION, "0", 0, 4233600000, "milliseconds", LIVE, OPTIONAL, "2d", \
      "A message whose first failed delivery was so long ago is a dead letter at the next one, however few there were. 0: only their number counts.") \
    V(conf, dead_letters.crash_within, "dead_letters.crash_within", DURATION, "30s", 10, 86400000, "milliseconds", LIVE, OPTIONAL, "30s", \
      "A member's session that breaks so soon after a delivery without an answer is taken to have broken over that message.") \
    V(conf, dead_letters.messages_max, "dead_letters.messages_max", COUNT, "10000", 1, 1000000, "messages", LIVE, OPTIONAL, "10000", \
      "Dead letters kept. When there is no room for another, its message goes on being tried and the node says that it is degraded.") \
    V(conf, dead_letters.bytes_max, "dead_letters.bytes_max", BYTES, "256 MiB", 2097152, UINT64_C(1) << 40, "bytes", LIVE, OPTIONAL, "256 MiB", \
      "The same in bytes.")

struct conf_item {
    const char *name;
    enum conf_type type;           /* of a value, or of one element of a list */
    bool list;
    enum conf_base base;           /* struct the offsets count from */
    size_t offset;
    size_t count_offset;           /* lists: size_t with the number of elements */
    const char *value_default;     /* as one would write it; NULL: none */
    uint64_t min, max;             /* number, length of text, or most elements */
    const char *unit;
    enum conf_reload reload;
    enum conf_need need;
    const char *example;           /* for the sample */
    const char *prose;
};

extern const struct conf_item conf_items[];
extern const size_t conf_items_count;

/* Room for a row an item. */
#define CONF_ITEMS_MAX 160u

/* NULL: no such key. */
const struct conf_item *conf_item_find(const char *name);
/* Whether keys of the form "<name>.…" exist. */
bool conf_item_is_section(const char *name);
/* Position of an item in the table, for bit masks. */
size_t conf_item_index(const struct conf_item *item);

static inline void *conf_item_field(const struct conf_item *item, void *base) { return (char *)base + item->offset; }
static inline const void *conf_item_field_const(const struct conf_item *item, const void *base) { return (const char *)base + item->offset; }
static inline size_t *conf_item_count(const struct conf_item *item, void *base) { return (size_t *)(void *)((char *)base + item->count_offset); }
static inline size_t conf_item_count_const(const struct conf_item *item, const void *base)
{
    return *(const size_t *)(const void *)((const char *)base + item->count_offset);
}
/* First element of a list of whatever type. Copied bytewise: the field is a char **, a struct conf_link * or a struct conf_member *. */
static inline void *conf_item_list_get(const struct conf_item *item, const void *base)
{
    void *elements;
    memcpy(&elements, conf_item_field_const(item, base), sizeof elements);
    return elements;
}
static inline void conf_item_list_set(const struct conf_item *item, void *base, void *elements)
{
    memcpy(conf_item_field(item, base), &elements, sizeof elements);
}

#endif
