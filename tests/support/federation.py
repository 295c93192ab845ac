"""A real federation for tests and benches: certificates, configurations, brokers and clients as processes.

    with Federation(LINE) as fed:          # LINE: community -> street -> district
        fed.start_all()
        fed.qiao("community", "intake", "send", "--to", "990101/urban", "--body", "hello", "--wait")

Nothing waits by sleeping for a guessed time: readiness is the broker's --ready-fd, everything else is `wait_until` with a
deadline. Processes die with the test (PR_SET_PDEATHSIG) and are killed by id.
The programs are taken from $QIAO_BIN, else build/release/bin.
"""
import ctypes
import json
import mmap
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("QIAO_BIN", os.path.join(ROOT, "build", "release", "bin"))
PATIENCE_S = float(os.environ.get("QIAO_TEST_PATIENCE_S", "30"))  # a sanitizer build needs more
PR_SET_PDEATHSIG = 1
# Tests read /proc/PID/fd, which is root's as long as a broker is not dumpable.
LOOK_INSIDE = () if os.geteuid() == 0 else ("--allow-core-dumps",)
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_libc = ctypes.CDLL(None, use_errno=True)


class Overdue(Exception):
    """Something that had to happen did not, in time."""


def wait_until(happened, what, timeout_s=None, pause_s=0.002):
    """Returns the first true value of happened(), or raises Overdue."""
    end = time.monotonic() + (timeout_s or PATIENCE_S)
    while True:
        value = happened()
        if value:
            return value
        if time.monotonic() > end:
            raise Overdue(f"{what}: not within {timeout_s or PATIENCE_S:g} s")
        time.sleep(pause_s)


def program(name):
    return os.path.join(BIN, name)


def free_port():
    """Outside the range the kernel hands to dialling sockets: a dialler could otherwise take a broker's port while it is down."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Node:
    """One node of a tree description."""
    area: str
    parent: str = None
    members: tuple = ()
    limits: dict = field(default_factory=dict)
    more: dict = field(default_factory=dict)   # further top-level keys of the configuration
    store: str = None                          # directory; else under the federation's folder
    dead_letters: dict = field(default_factory=dict)


def line(members=("office",), limits=None, dead_letters=None):
    """community -> street -> district, the tree of most tests."""
    limits, dead = limits or {}, dead_letters or {}
    return {
        "district": Node("990101", None, ("urban", "housing"), dict(limits), dead_letters=dict(dead)),
        "street": Node("990101001", "district", tuple(members), dict(limits), dead_letters=dict(dead)),
        "community": Node("990101001001", "street", ("intake", "desk"), dict(limits), dead_letters=dict(dead)),
    }


class Broker:
    """One qiaod process and the figures the kernel has about it."""

    def __init__(self, federation, name, node):
        self.federation, self.name, self.node = federation, name, node
        self.port = free_port()
        self.folder = federation.folder
        self.store = node.store or os.path.join(self.folder, "store-" + name)
        self.config_path = os.path.join(self.folder, name + ".yaml")
        self.log_path = os.path.join(self.folder, name + ".log")
        self.ipc_url = f"ipc://{self.folder}/{name}.sock"
        self.tls_url = f"tls+tcp://127.0.0.1:{self.port}"
        self.prefix = []                       # of the command: a network namespace to run in
        self.process = None
        self.ready_at = None                   # time.monotonic() when it said ready

    def tls_files(self, owner=None):
        folder = os.path.join(self.folder, "pki", owner or self.name)
        return {"certificate": f"{folder}/{owner or self.name}.crt", "key": f"{folder}/{owner or self.name}.key", "ca": f"{folder}/ca.crt"}

    def configuration(self):
        nodes, links = self.federation.nodes, []
        if self.node.parent:
            parent = self.federation.brokers[self.node.parent]
            links.append({"to": parent.tls_url, "node": self.node.parent, "area": parent.node.area, "role": "parent"})
        links += [{"node": child, "area": node.area, "role": "child"} for child, node in nodes.items() if node.parent == self.name]
        sections = {
            "node": {"id": self.name, "area": self.node.area, "store": self.store},
            "listen": [self.tls_url, self.ipc_url],
            "links": links,
            "members": [{"name": member, "drills": True} for member in self.node.members],  # qiao bench sends tests
            "tls": self.tls_files(),
            "allow": {"local_members_any": True},
            "limits": self.node.limits,
            "dead_letters": self.node.dead_letters,
        }
        sections.update(self.node.more)
        return "".join(f"{key}: {json.dumps(value)}\n" for key, value in sections.items() if value)

    def write_configuration(self):
        with open(self.config_path, "w") as out:
            out.write(self.configuration())

    def start(self, wait=True, extra=()):
        """Starts the broker; with wait, returns when it takes connections."""
        reader, writer = os.pipe()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, program("qiaod"), "--config", self.config_path, "--ready-fd", str(writer), *LOOK_INSIDE, *extra],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL, pass_fds=(writer,), preexec_fn=_die_with_parent)
        os.close(writer)
        self._ready_fd = reader
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout_s=None):
        timeout_s = timeout_s or PATIENCE_S
        try:
            ready, _, _ = select.select([self._ready_fd], [], [], timeout_s)
            said = os.read(self._ready_fd, 64) if ready else b""
        finally:
            os.close(self._ready_fd)
        if said != b"ready\n":
            raise Overdue(f"{self.name} did not become ready (exit {self.process.poll()}):\n{self.log()[-2000:]}")
        self.ready_at = time.monotonic()

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, timeout_s=None):
        """SIGTERM; returns the exit status."""
        self.process.terminate()
        return self.process.wait(timeout_s or PATIENCE_S)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    # ---- what the kernel knows ----

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def anonymous_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(row.split()[1]) for row in status if row.startswith("RssAnon"))


class Federation:
    """The nodes of a tree, in a folder of their own. Use as a context manager."""

    def __init__(self, nodes, name="qiao-e2e"):
        self.nodes = nodes
        self.folder = tempfile.mkdtemp(prefix=name + "-", dir=os.environ.get("QIAO_TEST_FOLDER"))
        self.children = []                     # client processes
        self.disks = []
        self.brokers = {}
        for node_name, node in nodes.items():
            self.brokers[node_name] = Broker(self, node_name, node)
        self._make_certificates()
        for broker in self.brokers.values():
            broker.write_configuration()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        for broker in self.brokers.values():
            if broker.is_running():
                broker.kill()
        for disk in self.disks:
            disk.remove()
        if kind is None and not os.environ.get("QIAO_TEST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"# kept: {self.folder}", flush=True)

    def __getitem__(self, name):
        return self.brokers[name]

    def pki(self, *arguments):
        subprocess.run([program("qiao"), "pki", *arguments], check=True, stdout=subprocess.DEVNULL)

    def issue(self, name, *more):
        """Certificate and key for a node or member; returns the folder they are in."""
        folder = os.path.join(self.folder, "pki", name.replace("/", "_"))
        if not os.path.exists(folder):
            area = ["--area", self.nodes[name].area] if name in self.nodes else []
            self.pki("issue", "--ca", os.path.join(self.folder, "ca"), "--out", folder, "--name", name, *area, *more)
        return folder

    def _make_certificates(self):
        self.pki("init", "--out", os.path.join(self.folder, "ca"), "--name", "test-federation")
        for name in self.nodes:
            self.issue(name)

    def start_all(self):
        """Parents first, all ready and all links up when it returns."""
        for broker in self.brokers.values():
            broker.start()
        self.wait_links()
        return self

    def wait_links(self, timeout_s=None):
        for name, node in self.nodes.items():
            if node.parent and self[name].is_running() and self[node.parent].is_running():
                wait_until(lambda: self.peer(name, node.parent)["up"], f"link {name} - {node.parent}", timeout_s, 0.02)

    def stop_all(self):
        return {name: broker.stop() for name, broker in self.brokers.items() if broker.is_running()}

    # ---- clients ----

    def command(self, node, member, *arguments):
        who = ["--member", member] if member else []
        return [program("qiao"), "--node", self[node].ipc_url, *who, *arguments]

    def qiao(self, node, member, *arguments, timeout_s=None, input=None):
        """Runs the qiao command to its end; returns the CompletedProcess with text output."""
        return subprocess.run(self.command(node, member, *arguments), capture_output=True, text=True, input=input,
                              timeout=timeout_s or PATIENCE_S * 2)

    def spawn(self, node, member, *arguments):
        return self.spawn_program(self.command(node, member, *arguments))

    def spawn_program(self, command, **more):
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 preexec_fn=_die_with_parent, **more)
        self.children.append(child)
        return child

    def status(self, node):
        done = self.qiao(node, None, "status", "--json", "--timeout", "5s")
        if not done.stdout:
            raise Overdue(f"status of {node}: {done.stderr}")
        return numbers(json.loads(done.stdout))

    def peer(self, node, name):
        return next(peer for peer in self.status(node)["peers"] if peer["name"] == name)

    def queued(self, node, peer):
        return sum(lane["queued"] for lane in self.peer(node, peer)["lanes"])

    def check_stores(self):
        """qiaod --check-store on every store, brokers stopped; {node: (exit status, output)}."""
        found = {}
        for name, broker in self.brokers.items():
            done = subprocess.run([program("qiaod"), "--config", broker.config_path, "--check-store"], capture_output=True, text=True)
            found[name] = (done.returncode, done.stdout + done.stderr)
        return found


def numbers(value):
    """proto3 JSON writes 64-bit numbers as text; back to numbers, through the whole reply."""
    if isinstance(value, dict):
        return {key: int(item) if isinstance(item, str) and item.isdigit() and key not in ("area", "node", "name") else numbers(item)
                for key, item in value.items()}
    return [numbers(item) for item in value] if isinstance(value, list) else value


def last_json(child, timeout_s=None):
    """Waits for the end of a client; (exit status, its last line as JSON or {}, standard error)."""
    try:
        out, err = child.communicate(timeout=timeout_s or PATIENCE_S * 4)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        raise Overdue(f"{child.args}: did not end; {err[-500:]}")
    lines = [row for row in out.splitlines() if row.startswith("{")]
    return child.returncode, json.loads(lines[-1]) if lines else {}, err


class Tally:
    """The running count of a `qiao bench recv --resume-file`, read while it runs (layout: adapters/ctl/bench_tally.h)."""

    def __init__(self, path):
        self.path, self.map = path, None

    def received(self):
        return self._number(2)

    def duplicates(self):
        return self._number(3)

    def run(self):
        return f"{self._number(1) & 0xffffffff:06x}"

    def _number(self, index):
        if self.map is None:
            if not os.path.exists(self.path) or os.path.getsize(self.path) < 4096:
                return 0
            with open(self.path, "rb") as file:
                self.map = mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ)
        return struct.unpack_from("=Q", self.map, index * 8)[0]


class Load:
    """bench send at one node, bench recv at another, with a count that can be read while they run."""

    def __init__(self, fed, count, sender=("community", "intake"), receiver=("district", "urban"), to="990101/urban", outbox=True,
                 send=(), receive=(), name="load", program_of_sender=None):
        self.fed, self.count, self.sender, self.receiver, self.to = fed, count, sender, receiver, to
        self.resume_file = os.path.join(fed.folder, name + ".tally")
        self.tally = Tally(self.resume_file)
        # It stays until it is ended: a receiver that leaves with its last message may leave verdicts behind that a kill undoes.
        self.receive_options = ["--expect", str(count), "--resume-file", self.resume_file, "--idle-timeout", "1h", "--json", *receive]
        self.send_options = ["--to", to, "--count", str(count), "--wait-outcomes", "--idle-timeout", f"{PATIENCE_S:g}s", "--json", *send]
        if outbox:
            self.send_options += ["--outbox", os.path.join(fed.folder, name + ".outbox")]
        self.send_command = program_of_sender or fed.command(*sender, "bench", "send", *self.send_options)
        self.start_receiver()
        self.start_sender()

    def start_sender(self):
        self.send = self.fed.spawn_program(self.send_command)

    def start_receiver(self):
        self.recv = self.fed.spawn(*self.receiver, "bench", "recv", *self.receive_options)

    def wait_received(self, count, timeout_s=None):
        wait_until(lambda: self.tally.received() >= count or self.send.poll() not in (None, 0), f"{count} messages at {self.receiver[0]}", timeout_s, 0.001)
        if self.tally.received() < count:
            raise Overdue(f"bench send ended early: {self.send.communicate()[1]}")

    def wait_caught_up(self, broker):
        """Seconds from the broker's listening again until everything handed in by then has arrived."""
        node, member = self.sender
        handed_in = min(self.fed.peer(node, member)["lanes"][0]["received"], self.count)
        wait_until(lambda: self.tally.received() >= handed_in, f"caught up after {broker.name} listens again", pause_s=0.001)
        return time.monotonic() - broker.ready_at

    def finish(self, timeout_s=None):
        """(exit status, JSON, standard error) of sender and receiver. With all outcomes back nothing is under way any more."""
        sent = last_json(self.send, timeout_s)
        self.recv.terminate()
        return sent, last_json(self.recv, timeout_s)


class Checks:
    """Counts what was checked; a test's main ends with `sys.exit(checks.finish())`."""

    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, 0

    def ok(self, condition, what, detail=""):
        if condition:
            self.passed += 1
            print(f"ok - {what}", flush=True)
        else:
            self.failed += 1
            print(f"not ok - {what}" + (f": {detail}" if detail != "" else ""), flush=True)
        return bool(condition)

    def equal(self, value, wanted, what):
        return self.ok(value == wanted, what, f"{value!r} instead of {wanted!r}")

    def note(self, text):
        print("# " + text, flush=True)

    def clean_run(self, sent, received, count, what):
        """Nothing lost, doubled or out of order, and every outcome back exactly once."""
        (send_status, send, send_error), (receive_status, receive, receive_error) = sent, received
        self.equal(receive.get("received"), count, f"{what}: every message came")
        self.equal(receive.get("lost"), 0, f"{what}: none lost")
        self.equal(receive.get("duplicates"), 0, f"{what}: none twice")
        self.equal(receive.get("orderViolations"), 0, f"{what}: order within cases kept")
        self.equal(send.get("outcomes", {}).get("accepted"), count, f"{what}: every outcome came back")
        self.equal(send.get("outcomeDuplicates"), 0, f"{what}: no outcome twice")
        if send_status or receive_status:
            self.note(f"sender: exit {send_status}, {send}, {send_error.strip()}; receiver: exit {receive_status}, {receive}, {receive_error.strip()}")

    def sound_stores(self, fed):
        for name, (status, text) in fed.check_stores().items():
            self.ok(status == 0, f"store of {name} is sound", text[-400:])

    def finish(self):
        print(f"{self.name}: {self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def run(name, story):
    """Runs story(checks) as a whole program: an exception is a failure with its text."""
    checks = Checks(name)
    try:
        story(checks)
    except (Overdue, subprocess.SubprocessError, OSError, KeyError, StopIteration, ValueError) as problem:
        checks.ok(False, "the story ran to its end", f"{type(problem).__name__}: {problem}")
    raise SystemExit(checks.finish())


def skip(name, reason):
    print(f"{name}: skipped: {reason}", flush=True)
    raise SystemExit(77)


def messages(standard):
    """How many messages a test sends; a tenth with QIAO_E2E_QUICK, for sanitizer builds."""
    return max(1000, standard // 10) if os.environ.get("QIAO_E2E_QUICK") else standard


class Crowd:
    """Members m0, m1, … of one node, or of a node each (node_url with a % for their number), in one process (many_members.c)."""

    def __init__(self, fed, node, count, expect=0, tls=False, latencies=None, say=None, says=0, node_url=None):
        url = node_url or (fed[node].tls_url if tls else fed[node].ipc_url)
        command = [program("many_members"), "--node", url, "--prefix", "m", "--count", str(count)]
        if expect:
            command += ["--expect", str(expect)]
        if latencies:
            command += ["--latencies", latencies]
        if say:
            command += ["--say", say]
        if says:
            command += ["--says", str(says)]
        if tls:
            command += ["--certificates", os.path.join(fed.folder, "pki", "crowd"), "--area", fed[node].node.area]
            issue_crowd(fed, fed[node].node.area, count)
        self.child = fed.spawn_program(command)

    def wait_up(self, timeout_s=None):
        ready, _, _ = select.select([self.child.stdout], [], [], timeout_s or PATIENCE_S * 4)
        first = self.child.stdout.readline() if ready else ""
        if '"up"' not in first:
            self.child.kill()
            raise Overdue(f"members did not come up: {first}{self.child.stderr.read()[-500:]}")
        return self

    def finish(self, terminate=False):
        if terminate:
            self.child.terminate()
        return last_json(self.child)[1]


def issue_crowd(fed, area, count):
    folder = os.path.join(fed.folder, "pki", "crowd")
    for number in range(count):
        fed.pki("issue", "--ca", os.path.join(fed.folder, "ca"), "--out", folder, "--name", f"{area}/m{number}")
