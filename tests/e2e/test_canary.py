#!/usr/bin/env python3
"""What is in a sealed body is in no node's store, log or memory. The same of a plain body is found, so the search can fail."""
import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, last_json, line, run, skip, wait_until

CHUNK = 1 << 22
DESTINATION = "990101/urban"


def needles(canary):
    """The bytes and what they look like in base64 (at each alignment, without the characters that depend on neighbours) and hex."""
    raw = canary.encode()
    shifted = [base64.b64encode(b"x" * shift + raw)[4 if shift else 0:-4] for shift in range(3)]
    return [raw, raw.hex().encode(), *shifted]


def file_has(path, wanted):
    overlap = max(map(len, wanted))
    tail = b""
    with open(path, "rb") as file:
        while block := file.read(CHUNK):
            window = tail + block
            if any(needle in window for needle in wanted):
                return True
            tail = window[-overlap:]
    return False


def files_of(broker):
    """Store and log of a node."""
    found = [os.path.join(folder, name) for folder, _, names in os.walk(broker.store) for name in names]
    return found + [broker.log_path]


def nodes_with(fed, canary, cores):
    """Names of nodes that have the canary: in files, in memory."""
    wanted = needles(canary)
    in_files = {name for name, broker in fed.brokers.items() if any(file_has(path, wanted) for path in files_of(broker))}
    in_memory = {name for name, path in cores.items() if file_has(path, wanted)}
    return in_files, in_memory


def dump_cores(fed, folder):
    """A core dump of each running broker, which goes on running."""
    cores = {}
    for name, broker in fed.brokers.items():
        prefix = os.path.join(folder, name)
        done = subprocess.run(["gcore", "-o", prefix, str(broker.process.pid)], capture_output=True, text=True, timeout=120)
        cores[name] = f"{prefix}.{broker.process.pid}"
        if not os.path.exists(cores[name]):
            skip("e2e canary", f"gcore may not look into a process here: {done.stderr.strip()[-200:]}")
    return cores


class Story:
    def __init__(self, fed, checks, folder):
        self.fed, self.checks, self.folder = fed, checks, folder

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def send(self, *options):
        return self.fed.qiao("community", "intake", "send", "--to", DESTINATION, *options)

    def wait_queued(self, count):
        wait_until(lambda: self.fed.queued("district", "urban") == count, f"{count} messages wait for the member", pause_s=0.02)

    def search(self, canary):
        folder = tempfile.mkdtemp(dir=self.folder)
        try:
            return nodes_with(self.fed, canary, dump_cores(self.fed, folder))
        finally:
            shutil.rmtree(folder)

    def sealed(self, suite, certificate, key):
        """Sent while nobody receives, so that it lies at every hop, then delivered and opened."""
        canary = f"canary-{suite}-{secrets.token_hex(16)}"
        body = json.dumps({"title": canary})
        sent = self.send("--seal-to", certificate, "--kind", "case.open", "--body-json", "@" + self.write("sealed.json", body), "--json")
        self.checks.ok(sent.returncode == 0, f"{suite}: a sealed body is taken", sent.stderr)
        self.wait_queued(1)
        self.checks.equal(self.search(canary), (set(), set()), f"{suite}: while it waits, no store, log or memory of a node has the canary")
        recv = self.fed.spawn("district", "urban", "recv", "--open-with", f"{certificate},{key}", "--count", "1", "--json")
        _, delivery, error = last_json(recv)
        self.checks.equal(delivery.get("body", {}).get("title"), canary, f"{suite}: the recipient reads it, of the kind it was")
        self.checks.equal((delivery.get("privacy"), delivery.get("kindName")), ("sealed", "case.open"), f"{suite}: and sees that it was sealed {error}")
        self.wait_queued(0)
        self.checks.equal(self.search(canary), (set(), set()), f"{suite}: nor after it was delivered")

    def control(self):
        canary = "canary-plain-" + secrets.token_hex(16)
        self.send("--body-file", self.write("plain", canary))
        self.wait_queued(1)
        in_files, in_memory = self.search(canary)
        self.checks.equal(in_files, set(self.fed.brokers), "control: a plain body is found in the store of every node")
        self.checks.ok(in_memory, "control: and in the memory of some", in_memory)
        self.checks.note(f"plain body in memory of: {', '.join(sorted(in_memory))}")
        last_json(self.fed.spawn("district", "urban", "recv", "--count", "1", "--json"))
        self.wait_queued(0)

    def refused(self, certificate, other):
        canary = "canary-refused-" + secrets.token_hex(16)
        plain = self.send("--privacy", "sealed", "--body-file", self.write("refused", canary), "--wait")
        self.checks.ok(plain.returncode == 1 and "PLAINTEXT_SEALED" in plain.stderr, "a plain body of class sealed is refused", plain.stdout + plain.stderr)
        in_files, _ = nodes_with(self.fed, canary, {})
        self.checks.equal(in_files, set(), "and not kept")
        recv = self.fed.spawn("district", "urban", "recv", "--open-with", ",".join(other), "--count", "1", "--json")
        bounced = self.send("--seal-to", certificate, "--body", "for somebody", "--wait")
        self.checks.ok(bounced.returncode == 1 and "other keys" in bounced.stderr, "sealed for a key that the recipient has not: returns to the sender",
                       bounced.stdout + bounced.stderr)
        recv.communicate()
        changed = self.send("--seal-to", certificate, "--consented", other[0], "--body", "for somebody")
        self.checks.ok(changed.returncode == 1 and "consented" in changed.stderr, "not sealed for another organisation than was consented to", changed.stderr)


def sm2_seat(folder):
    certificate, key = os.path.join(folder, "sm2.crt"), os.path.join(folder, "sm2.key")
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", key], check=True, capture_output=True)
    subprocess.run(["openssl", "req", "-new", "-x509", "-sm3", "-key", key, "-out", certificate, "-subj", "/O=Clinic/CN=sm2", "-days", "30"],
                   check=True, capture_output=True)
    return certificate, key


def member_seat(fed, name):
    folder = fed.issue(name)
    stem = os.path.join(folder, name.replace("/", "_"))
    return stem + ".crt", stem + ".key"


def story(checks):
    if not shutil.which("gcore"):
        skip("e2e canary", "no gcore (package gdb)")
    with Federation(line()) as fed, tempfile.TemporaryDirectory(prefix="qiao-canary-", dir=os.environ.get("QIAO_TEST_FOLDER")) as folder:
        fed.start_all()
        tale = Story(fed, checks, folder)
        urban, housing = member_seat(fed, "990101/urban"), member_seat(fed, "990101/housing")
        tale.sealed("INT1", *urban)
        tale.sealed("GM1", *sm2_seat(folder))
        tale.control()
        tale.refused(urban[0], housing)
        checks.equal(set(fed.stop_all().values()), {0}, "brokers end with 0")
        checks.sound_stores(fed)


run("e2e canary", story)
