#!/usr/bin/env python3
"""Style as a test: what the tree promises about itself and a compiler does not see.

usage: tidy.py [ROOT] [CHECK...]        without CHECK: all of them
Prints one line a check, every offence with file and line, and at the end "N passed, N failed"."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import functions
import numbers_agree

FILE_LINES_MAX = 900
LINE_SIZE_MAX = 200
README_LINES_MAX = 40
FUNCTION_LINES_MAX = 100
FUNCTION_LINES_MEDIAN_MAX = 20

TOP_LEVEL = {'broker', 'proto', 'adapters', 'include', 'conf', 'tests', 'CMakeLists.txt', 'README.md'}
PRODUCT = ('include/', 'proto/', 'broker/', 'adapters/')

# ---- who may include whom: folder (or file) -> folders of the tree, "qiao" being include/qiao. Longest name wins. ----
INCLUDES = {
    'include': {'qiao'},
    'proto/base': {'qiao', 'proto/base'},
    'proto/codec': {'qiao', 'proto/base', 'proto/codec'},
    'proto/seal': {'qiao', 'proto/base', 'proto/codec', 'proto/seal'},
    'proto/proof': {'qiao', 'proto/base', 'proto/codec', 'proto/seal', 'proto/proof'},
    'proto/link': {'qiao', 'proto/base', 'proto/codec', 'proto/seal', 'proto/link', 'schema'},
    'proto/area': {'qiao', 'schema', 'proto/base', 'proto/area'},
    'proto/wire': {'qiao', 'proto/base', 'proto/codec', 'proto/wire'},
    'broker/conf': {'qiao', 'broker/conf'},
    'broker/plan': {'qiao', 'proto/area', 'proto/base', 'proto/codec', 'broker/conf', 'broker/core', 'broker/store', 'broker/plan'},
    'broker/core': {'qiao', 'proto/base', 'proto/area', 'proto/codec', 'proto/seal', 'proto/proof', 'proto/link', 'schema', 'broker/core'},
    'broker/store': {'qiao', 'broker/store'},
    'broker/edge': {'qiao', 'proto/base', 'proto/area', 'proto/codec', 'proto/seal', 'proto/proof', 'proto/link', 'proto/wire', 'broker/conf', 'broker/core', 'broker/store', 'broker/edge'},
    'broker': {'qiao', 'proto/base', 'proto/codec', 'proto/seal', 'proto/proof', 'proto/link', 'proto/wire', 'broker/conf', 'broker/core', 'broker/store', 'broker/edge', 'broker'},
    'adapters/base': {'qiao', 'adapters/base'},
    'adapters/sdk': {'qiao', 'proto/base', 'proto/codec', 'proto/seal', 'proto/proof', 'proto/link', 'proto/wire', 'adapters/sdk'},
    'adapters/ctl': {'qiao', 'schema', 'adapters/base', 'proto/base', 'proto/area', 'proto/codec', 'proto/seal', 'proto/proof', 'broker/plan', 'adapters/ctl', 'adapters/ctl/pki'},
    'adapters/ctl/pki': {'qiao', 'adapters/ctl/pki', 'proto/seal'},
    'adapters/csv': {'qiao', 'schema', 'proto/base', 'adapters/base'},
    'adapters': {'qiao', 'schema', 'adapters/base'},  # and their own folder
}
# file -> header it includes against the table above, and why.
INCLUDE_EXCEPTIONS = {
    ('broker/core/core.h', 'broker/store/store.h'): 'the interface of the store, no engine: the core reads committed state through it',
    ('broker/conf/policy.h', 'broker/core/policy_tables.h'): 'plain tables: what conf fills and core judges, so that neither copies the other',
    ('broker/conf/rules.h', 'broker/core/rules_tables.h'): 'the same',
    ('broker/conf/areas.c', 'proto/area/load.h'): 'the table of areas is read with the rest, so that a broken file is an error of the configuration',
    ('proto/base/arena.h', 'protobuf-c/protobuf-c.h'): 'the arena is an allocator of protobuf-c',
}

# seal.h, keyring.h and digest.h are for those who know no OpenSSL.
SEAL_OPENSSL = tuple(f'proto/seal/{name}.' for name in 'openssl certificate cleanup identity own private_key refuse signature token trust'.split())

# ---- libraries: header prefix -> where it may be included ----
LIBRARIES = {
    'uv.h': ('broker/edge/', 'broker/node.c', 'broker/main.c'),
    'nng/': ('proto/wire/',),
    'openssl/': ('proto/wire/', 'proto/seal/sealed', 'adapters/ctl/pki/', 'adapters/csv/digest.c', *SEAL_OPENSSL),
    'gcrypt.h': ('proto/seal/openssl.c',),
    'lmdb.h': ('broker/store/', 'adapters/sdk/outbox.c'),
    'libfyaml.h': ('broker/conf/', 'adapters/base/yaml.c'),
    'seccomp.h': ('broker/edge/seccomp.c',),
    'jansson.h': ('adapters/ctl/',),
    'protobuf-c/': ('proto/base/arena.h', 'adapters/ctl/'),
}

# ---- the core has no clock, no randomness, no files, no threads ----
CORE_HEADERS = {'assert.h', 'inttypes.h', 'limits.h', 'stdalign.h', 'stdarg.h', 'stdbool.h', 'stddef.h', 'stdint.h', 'stdio.h', 'stdlib.h', 'string.h'}
CORE_BANNED = ('time clock_gettime gettimeofday nanosleep rand random srand getrandom getenv fopen open read write close socket send recv '
               'printf fprintf puts fputs perror exit abort malloc calloc realloc strdup pthread_create system fork').split()
CORE_EXCEPTIONS = {}  # (file, call) -> why

BANNED = 'strcpy strcat sprintf vsprintf gets strtok atoi atol atof alloca strncpy tmpnam mktemp'.split()
BANNED_IN_TESTS = 'sleep usleep nanosleep'.split()
SLEEP_EXCEPTIONS = {}  # file -> why it has to let time pass

failures = []


def fail(where, text):
    failures.append(f'{where}: {text}')


def tree_files(root):
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith('.') and not f.startswith('__') and not (folder == root and f == 'build'))
        found += [os.path.relpath(os.path.join(folder, f), root) for f in sorted(files) if not f.startswith('.')]
    return found


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = tree_files(root)
        self.sources = [f for f in self.files if f.endswith(('.c', '.h'))]
        self.product = [f for f in self.sources if f.startswith(PRODUCT)]
        self.texts = {}

    def text(self, name):
        if name not in self.texts:
            with open(os.path.join(self.root, name), encoding='utf-8', errors='replace') as file:
                self.texts[name] = file.read()
        return self.texts[name]

    def code(self, name):
        """The text without comments and without what stands in literals; lines keep their numbers."""
        return functions.strip_comments(self.text(name))

    def includes(self, name):
        for number, line in enumerate(self.text(name).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
            if match:
                yield number, match.group(1)


def calls(tree, name, words):
    pattern = re.compile(r'(?<![\w.>])(' + '|'.join(words) + r')\s*\(')
    for number, line in enumerate(tree.code(name).splitlines(), 1):
        for match in pattern.finditer(line):
            yield number, match.group(1)


# ---- checks ----

def resolve(tree, name, header):
    """The folder of the tree a header lies in, or None for one of the system."""
    if header.startswith('schema/') and header.endswith('.pb-c.h'):
        return 'schema', None
    for folder in (os.path.dirname(name), 'include', 'proto', 'broker', 'adapters', 'adapters/ctl'):
        path = os.path.normpath(os.path.join(folder, header))
        if path in tree.files:
            parent = os.path.dirname(path)
            return ('qiao' if parent == 'include/qiao' else parent), path
    return None, None


def rule_for(name):
    folder = os.path.dirname(name)
    while folder and folder not in INCLUDES:
        folder = os.path.dirname(folder)
    return INCLUDES.get(folder, set())


def include_directions(tree):
    for name in tree.product:
        allowed = rule_for(name) | {os.path.dirname(name)}
        for number, header in tree.includes(name):
            where, path = resolve(tree, name, header)
            if where and where not in allowed and (name, path) not in INCLUDE_EXCEPTIONS:
                fail(f'{name}:{number}', f'may not include {header} ({where})')


def library_headers(tree):
    for name in tree.product:
        for number, header in tree.includes(name):
            for prefix, places in LIBRARIES.items():
                if header.startswith(prefix) and not name.startswith(places):
                    fail(f'{name}:{number}', f'only {", ".join(places)} may include {header}')


def core_is_pure(tree):
    for name in (f for f in tree.product if f.startswith('broker/core/')):
        for number, header in tree.includes(name):
            if not resolve(tree, name, header)[0] and header not in CORE_HEADERS:
                fail(f'{name}:{number}', f'the core may not include <{header}>')
        for number, call in calls(tree, name, CORE_BANNED):
            if (name, call) not in CORE_EXCEPTIONS:
                fail(f'{name}:{number}', f'the core may not call {call}()')


def banned_calls(tree):
    for name in tree.sources:
        for number, call in calls(tree, name, BANNED):
            fail(f'{name}:{number}', f'{call}() is banned')
    for name in (f for f in tree.sources if f.startswith('tests/') and f not in SLEEP_EXCEPTIONS):
        for number, call in calls(tree, name, BANNED_IN_TESTS):
            fail(f'{name}:{number}', f'{call}() is no synchronisation')
    for name in (f for f in tree.files if f.endswith('CMakeLists.txt')):
        if 'NDEBUG' in re.sub(r'#.*', '', tree.text(name)):
            fail(name, 'NDEBUG is never defined: assertions stay on')


def headers_alone(tree):
    """Each public header is enough for itself, in strict C11 and in C++11."""
    compilers = [(os.environ.get('CC', 'cc'), ['-x', 'c', '-std=c11'])]
    if shutil.which(os.environ.get('CXX', 'c++')):
        compilers.append((os.environ.get('CXX', 'c++'), ['-x', 'c++', '-std=c++11']))
    else:
        print('  skipped: no C++ compiler, headers are compiled as C only')
    for name in (f for f in tree.files if f.startswith('include/') and f.endswith('.h')):
        with tempfile.TemporaryDirectory() as folder:
            unit = os.path.join(folder, 'unit')
            with open(unit, 'w', encoding='utf-8') as file:
                file.write(f'#include <{name[len("include/"):]}>\n#include <{name[len("include/"):]}>\nint unit;\n')
            for compiler, options in compilers:
                run = subprocess.run([compiler, *options, '-pedantic', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-I', os.path.join(tree.root, 'include'), unit],
                                     capture_output=True, text=True, check=False)
                if run.returncode != 0:
                    fail(name, f'does not compile alone with {compiler} {options[-1]}: {run.stderr.strip().splitlines()[0]}')


def private_headers_alone(tree):
    """A header names what it needs: the first thing a .c includes is the header beside it, or the folder's inner header that does so."""
    for name in (f for f in tree.product if f.endswith('.c') and f[:-2] + '.h' in tree.files):
        own = os.path.basename(name)[:-2] + '.h'
        first = next((h for _, h in tree.includes(name)), '')
        path = resolve(tree, name, first)[1]
        inner = [os.path.basename(h) for _, h in tree.includes(path)] if path else []
        if os.path.basename(first) != own and own not in inner:
            fail(f'{name}:1', f'includes {first or "nothing"} before its own {own}')


def schemas_compile(tree):
    """The schemas are protobuf for everybody, not only for protobuf-c."""
    if not shutil.which('protoc'):
        print('  skipped: no protoc')
        return
    names = [f for f in tree.files if f.startswith('proto/schema/') and f.endswith('.proto')]
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(['protoc', f'--proto_path={os.path.join(tree.root, "proto/schema")}', f'--descriptor_set_out={folder}/set',
                              *[os.path.basename(n) for n in names]], capture_output=True, text=True, check=False)
    if run.returncode != 0 or run.stderr.strip():
        fail('proto/schema', run.stderr.strip())


def numbers_are_one(tree):
    for where, text in numbers_agree.check(tree.text):
        fail(where, text)


def readmes(tree):
    folders = {os.path.dirname(f) for f in tree.files if f.endswith(('.c', '.h', '.proto', '.sh', '.py')) and '/corpus/' not in f}
    for folder in sorted(folders):
        if re.match(r'tests/(unit|support|vectors|sim)/', folder):
            continue  # described by the README of their parent
        name = os.path.join(folder, 'README.md')
        if name not in tree.files:
            fail(folder, 'has no README.md')
        elif len(tree.text(name).splitlines()) > README_LINES_MAX:
            fail(name, f'is longer than {README_LINES_MAX} lines')


def sizes(tree):
    for name in tree.sources:
        lines = tree.text(name).splitlines()
        if len(lines) > FILE_LINES_MAX:
            fail(name, f'{len(lines)} lines, at most {FILE_LINES_MAX}')
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_SIZE_MAX:
                fail(f'{name}:{number}', f'line of {len(line)} characters, at most {LINE_SIZE_MAX}')
            if line.rstrip() != line or '\t' in line:
                fail(f'{name}:{number}', 'white space at the end or a tab')


def function_lengths(tree):
    lengths = []
    for name in (f for f in tree.product if f.endswith('.c')):
        for line, function, length in functions.find(tree.text(name)):
            lengths.append(length)
            if length > FUNCTION_LINES_MAX:
                fail(f'{name}:{line}', f'{function}() has {length} lines, at most {FUNCTION_LINES_MAX}')
    lengths.sort()
    if not lengths:
        fail('product code', 'no functions found')
        return
    at = lambda part: lengths[min(len(lengths) - 1, int(len(lengths) * part))]
    print(f'  {len(lengths)} functions, lines: median {at(0.5)}, 90 % {at(0.9)}, 99 % {at(0.99)}, longest {lengths[-1]}')
    if at(0.5) > FUNCTION_LINES_MEDIAN_MAX:
        fail('product code', f'median function has {at(0.5)} lines, at most {FUNCTION_LINES_MEDIAN_MAX}')


def no_dead_files(tree):
    """Every .c is named by, or lies under a glob of, the CMakeLists.txt of its folder or one above."""
    for name in (f for f in tree.sources if f.endswith('.c') and not f.startswith('tests/support/')):
        folder, known = os.path.dirname(name), False
        while True:
            lists = os.path.join(folder, 'CMakeLists.txt')
            if lists in tree.files:
                text = re.sub(r'#.*', '', tree.text(lists))
                relative = os.path.relpath(name, folder or '.')
                glob = os.path.join(os.path.dirname(relative), '*.c')
                known |= bool(re.search(r'(?<![\w/])' + re.escape(relative) + r'(?!\w)', text)) or bool(re.search(r'(?<![\w/])' + re.escape(glob), text))
                base = os.path.basename(name)[:-2]
                known |= folder == 'tests/fuzz' and base.startswith('fuzz_') and bool(re.search(r'qiao_fuzzer\(' + re.escape(base[len('fuzz_'):]) + r'\b', text))
            if not folder:
                break
            folder = os.path.dirname(folder)
        if not known:
            fail(name, 'no CMakeLists.txt builds it')


def tests_mirror_the_tree(tree):
    """tests/unit/<module> is about the folder of that name (proto: all of it; adapter_base: adapters/base); its programs' files are test_*.c or helpers they share."""
    folders = {os.path.dirname(f) for f in tree.product}
    modules = {os.path.basename(f) for f in folders} | {f.split('/')[0] for f in folders} | {'_'.join(f.split('/')).replace('adapters_', 'adapter_') for f in folders}
    for name in (f for f in tree.sources if f.startswith('tests/unit/')):
        module = name.split('/')[2]
        if module not in modules:
            fail(name, f'no folder of the product is called {module}')
        if 'Test(' in tree.code(name) and not os.path.basename(name).startswith('test_'):
            fail(name, 'holds tests and is not called test_*.c')


def no_traces(tree):
    """Nothing of one machine, and nothing left for later."""
    machine = re.compile(r'(?<![\w.])/(work|root|home/\w+|tmp/build)[/\s"\']')
    later = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')
    for name in tree.files:
        if '/corpus/' in name or name.startswith('tests/tidy/') or not name.endswith(('.c', '.h', '.txt', '.md', '.sh', '.py', '.proto', '.yaml', '.in', '.json')):
            continue
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            for pattern, what in ((machine, 'path of one machine'), (later, 'left for later')):
                match = pattern.search(line)
                if match:
                    fail(f'{name}:{number}', f'{what}: {match.group(0).strip()}')


def top_level(tree):
    there = {name for name in os.listdir(tree.root) if not name.startswith('.') and name != 'build'}
    for name in sorted(there - TOP_LEVEL):
        fail(name, 'does not belong at the top')
    for name in sorted(TOP_LEVEL - there):
        fail(name, 'is missing at the top')


CHECKS = [top_level, include_directions, library_headers, core_is_pure, banned_calls, headers_alone, private_headers_alone, schemas_compile, numbers_are_one,
          readmes, sizes, function_lengths, no_dead_files, tests_mirror_the_tree, no_traces]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(here))
    tree = Tree(root)
    passed = failed = 0
    for check in CHECKS:
        if sys.argv[2:] and check.__name__ not in sys.argv[2:]:
            continue
        del failures[:]
        check(tree)
        passed += not failures
        failed += bool(failures)
        print(f'{"FAILED" if failures else "ok    "} {check.__name__.replace("_", " ")}')
        for failure in failures:
            print(f'  {failure}')
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
