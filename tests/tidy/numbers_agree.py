"""Numbers that are written down twice: public headers, link.h, the hand-written codec and the schemas must agree."""
import re

from functions import strip_comments

# C enum (file, name, prefix) <-> protobuf enum (file, name, prefix); names that stand for each other where they differ.
PAIRS = [
    (('include/qiao/client.h', 'qiao_lane', 'QIAO_LANE_'), ('envelope', 'Lane', 'LANE_'), {}),
    (('include/qiao/client.h', 'qiao_status', 'QIAO_STATUS_'), ('envelope', 'Status', 'STATUS_'), {}),
    (('include/qiao/client.h', 'qiao_privacy', 'QIAO_PRIVACY_'), ('envelope', 'PrivacyClass', 'PRIVACY_CLASS_'), {}),
    (('include/qiao/client.h', 'qiao_outcome', 'QIAO_OUTCOME_'), ('receipt', 'OutcomeStatus', 'OUTCOME_'), {}),
    (('include/qiao/client.h', 'qiao_verdict', 'QIAO_VERDICT_'), ('link', 'VerdictStatus', 'VERDICT_'),
     {'ACCEPT': 'ACCEPTED', 'REFUSE': 'REFUSED', 'RETRY': 'RETRY', 'LATER': None}),
    (('proto/link/link.h', 'link_role', 'LINK_ROLE_'), ('link', 'LinkRole', 'LINK_ROLE_'),
     {'PEER_NODE': 'PEER', 'PARENT_NODE': 'PARENT', 'CHILD_NODE': 'CHILD', 'MEMBER_ONLY': 'MEMBER'}),
    (('proto/proof/audit.h', 'audit_kind', 'AUDIT_'), ('audit', 'AuditKind', 'AUDIT_'), {}),
    (('broker/conf/conf.h', 'conf_role', 'CONF_ROLE_'), ('link', 'LinkRole', 'LINK_ROLE_'), {}),
]
# Kinds without a body of their own in the schemas.
KINDS_WITHOUT_SCHEMA = {'PAYLOAD', 'SEALED', 'BULLETIN'}


def c_enum(text, name):
    match = re.search(r'enum\s+' + name + r'\s*{(.*?)}', strip_comments(text), re.S)
    return {n: int(v) for n, v in re.findall(r'(\w+)\s*=\s*(\d+)', match.group(1))} if match else None


def proto_block(text, word, name):
    match = re.search(word + r'\s+' + name + r'\s*{(.*?)\n}', re.sub(r'//.*', '', text), re.S)
    return match.group(1) if match else None


def proto_enum(text, name):
    block = proto_block(text, 'enum', name)
    return {n: int(v) for n, v in re.findall(r'(\w+)\s*=\s*(\d+)\s*;', block)} if block else None


def check_pair(read, c, proto, other_names):
    c_file, c_name, c_prefix = c
    proto_file, proto_name, proto_prefix = proto
    ours, theirs = c_enum(read(c_file), c_name), proto_enum(read(f'proto/schema/{proto_file}.proto'), proto_name)
    if not ours or not theirs:
        yield c_file, f'enum {c_name} or {proto_file}.proto {proto_name} not found'
        return
    for name, number in ours.items():
        short = name[len(c_prefix):]
        short = other_names.get(short, short)
        if short is not None and theirs.get(proto_prefix + short) != number:
            yield c_file, f'{name} is {number}, {proto_prefix + short} in {proto_file}.proto is {theirs.get(proto_prefix + short)}'


def check_map(read, name, macro):
    text = read(name)
    rows = re.findall(r'X\((\w+),\s*(\d+),\s*"([^"]*)"[,)]', text[text.index(macro):])
    if len(rows) < 5:
        yield name, f'{macro} not found'
    for column, what in ((0, 'name'), (1, 'number'), (2, 'text')):
        seen = [row[column] for row in rows]
        for twice in sorted({s for s in seen if seen.count(s) > 1}):
            yield name, f'{what} {twice} stands twice in {macro}'


def check_kinds_have_schemas(read):
    text = ''.join(read(f'proto/schema/{n}.proto') for n in ('case', 'referral', 'allocation', 'organisation', 'area', 'receipt', 'dead'))
    for name, _, _ in re.findall(r'X\((\w+),\s*(\d+),\s*"([^"]*)"\)', read('include/qiao/kind.h')):
        message = ''.join(part.capitalize() for part in name.split('_'))
        if name not in KINDS_WITHOUT_SCHEMA and not re.search(r'message ' + message + r'\b', text):
            yield 'include/qiao/kind.h', f'kind {name}: no message {message} in the schemas'


def wire_type(kind):
    return {'fixed64': 'PB_FIXED64', 'uint32': 'PB_VARINT', 'uint64': 'PB_VARINT', 'bool': 'PB_VARINT',
            'Lane': 'PB_VARINT', 'Status': 'PB_VARINT', 'PrivacyClass': 'PB_VARINT'}.get(kind, 'PB_BYTES')


def check_header_types(read):
    """The table of wire types in codec/envelope.c against message Header."""
    fields = re.findall(r'^\s*(?:repeated\s+)?(\w+)\s+(\w+)\s*=\s*(\d+)\s*;', proto_block(read('proto/schema/envelope.proto'), 'message', 'Header'), re.M)
    code = strip_comments(read('proto/codec/envelope.c'))
    table = re.search(r'header_types\[\w+\]\s*=\s*{(.*?)}', code, re.S)
    types = [t.strip() for t in table.group(1).split(',') if t.strip()] if table else []
    if len(types) != 1 + max(int(number) for _, _, number in fields):
        yield 'proto/codec/envelope.c', f'header_types has {len(types)} rows, message Header has other fields'
        return
    for kind, name, number in fields:
        if types[int(number)] != wire_type(kind):
            yield 'proto/codec/envelope.c', f'header_types[{number}] is {types[int(number)]}, but {name} is {kind}'


def check_field_numbers(read):
    """No field number twice in one message."""
    for proto in ('envelope', 'link', 'receipt', 'case', 'referral', 'allocation', 'organisation', 'dossier', 'admin'):
        text = re.sub(r'//.*', '', read(f'proto/schema/{proto}.proto'))
        for message, block in re.findall(r'^message\s+(\w+)\s*{((?:[^{}]|{[^{}]*})*)}', text, re.S | re.M):
            numbers = re.findall(r'=\s*(\d+)\s*;', block)
            if len(numbers) != len(set(numbers)):
                yield f'proto/schema/{proto}.proto', f'message {message}: a field number stands twice'


def check_org_types(read):
    """Policy and the register mean the same by a type of organisation."""
    rows = re.findall(r'X\((\w+),\s*(\d+),\s*"([^"]*)"[,)]', read('include/qiao/org_type.h'))
    ours, theirs = {f'ORG_TYPE_{name}': int(number) for name, number, _ in rows}, proto_enum(read('proto/schema/organisation.proto'), 'OrgType')
    if not ours or not theirs or ours != {name: number for name, number in theirs.items() if number > 0}:
        yield 'include/qiao/org_type.h', 'QIAO_ORG_TYPE_MAP and OrgType in organisation.proto differ'


def check(read):
    for c, proto, other_names in PAIRS:
        yield from check_pair(read, c, proto, other_names)
    yield from check_map(read, 'include/qiao/err.h', 'QIAO_CODE_MAP')
    yield from check_map(read, 'include/qiao/kind.h', 'QIAO_KIND_MAP')
    yield from check_map(read, 'include/qiao/org_type.h', 'QIAO_ORG_TYPE_MAP')
    yield from check_map(read, 'include/qiao/personal_data.h', 'QIAO_PERSONAL_DATA_MAP')
    yield from check_org_types(read)
    yield from check_kinds_have_schemas(read)
    yield from check_header_types(read)
    yield from check_field_numbers(read)
