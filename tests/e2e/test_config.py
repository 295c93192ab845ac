#!/usr/bin/env python3
"""Errors in the configuration: exit status 2, and for each the file, line, column, the key and what was expected."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import program, run

GOOD = '''node:
  id: street
  area: "990101001"
  store: store
listen: ["ipc:///tmp/qiao-not-started.sock"]
members:
  - name: office
allow: { local_members_any: true }
limits:
  connections_max: 100
'''

# what is wrong, from, to, line, and what the message must name
SPOILT = (
    ("unknown key", "  connections_max: 100", "  conections_max: 100", 10, "conections_max"),
    ("unknown section", "limits:", "limitz:", 9, "limitz"),
    ("wrong type", "connections_max: 100", "connections_max: many", 10, "connections_max"),
    ("out of range", "connections_max: 100", "connections_max: 0", 10, "connections_max"),
    ("bad area", '"990101001"', '"99010"', 3, "area"),
    ("bad name", "id: street", "id: Street!", 2, "id"),
    ("required key missing", "  store: store\n", "", None, "store"),
    ("bad url", "ipc:///tmp/qiao-not-started.sock", "http://x", 5, "listen"),
    ("plain tcp beyond this machine", "ipc:///tmp/qiao-not-started.sock", "tcp://0.0.0.0:7701", 5, "plain_tcp"),
    ("tls without certificates", "ipc:///tmp/qiao-not-started.sock", "tls+tcp://127.0.0.1:7701", None, "certificate"),
    ("same member twice", "  - name: office\n", "  - name: office\n  - name: office\n", 8, "office"),
    ("same key twice", "  connections_max: 100", "  connections_max: 100\n  connections_max: 200", 11, "connections_max"),
    ("no YAML", "members:", "members: [", None, ""),
    ("control characters", "id: street", "id: str\x01eet", None, ""),
    ("not UTF-8", "id: street", b"id: str\xffeet", None, ""),
)


def qiaod(*arguments):
    return subprocess.run([program("qiaod"), *arguments], capture_output=True, timeout=30)


def check_one(checks, path, what, text, line_number, named):
    with open(path, "wb") as out:
        out.write(text)
    for mode in ((), ("--check-config",)):
        done = qiaod("--config", path, *mode)
        said = done.stderr.decode(errors="replace")
        place = re.search(re.escape(path) + r":(\d+):(\d+)", said)
        right = done.returncode == 2 and place and named in said and (line_number is None or int(place[1]) == line_number)
        checks.ok(right, f"{what}: refused with its place{' by --check-config' if mode else ''}", f"exit {done.returncode}: {said.strip()}")


def story(checks):
    with tempfile.TemporaryDirectory(prefix="qiao-config-") as folder:
        path = os.path.join(folder, "node.yaml")
        for what, old, new, line_number, named in SPOILT:
            assert old in GOOD
            text = GOOD.encode().replace(old.encode(), new if isinstance(new, bytes) else new.encode(), 1)
            check_one(checks, path, what, text, line_number, named)
        with open(path, "w") as out:
            out.write(GOOD)
        checks.equal(qiaod("--config", path, "--check-config").returncode, 0, "the good one passes --check-config")
        checks.equal(qiaod("--config", os.path.join(folder, "absent.yaml")).returncode, 2, "an absent file is 2")
        checks.equal(qiaod().returncode, 2, "no --config is 2")
        checks.equal(qiaod("--config", path, "--no-such-option").returncode, 2, "an unknown option is 2")
        checks.ok(not os.path.exists(os.path.join(folder, "store")), "nothing was started or made")


run("e2e config", story)
