#!/usr/bin/env python3
"""The broker as a service: what it tells its manager over NOTIFY_SOCKET, and its unit: how much is left exposed, and whether the broker runs
under the unit's filter of system calls."""
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import unit
from federation import BIN, PATIENCE_S, ROOT, Federation, Node, Overdue, run, wait_until

EXPOSURE_MAX = 1.5           # systemd-analyze security, of 10
WATCHDOG_US = 200000
UNIT = os.path.join(ROOT, "conf", "systemd", "qiaod@.service")
ONE_NODE = {"district": Node("990101", None, ("urban",))}


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address, **more):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        self.environment = {"NOTIFY_SOCKET": address, **more}
        self.told = []

    def start(self, broker):
        os.environ.update(self.environment)
        try:
            broker.start()
        finally:
            for name in self.environment:
                del os.environ[name]

    def next(self):
        ready, _, _ = select.select([self.socket], [], [], PATIENCE_S)
        if not ready:
            raise Overdue(f"the manager was told no more than {self.told}")
        self.told.append(dict(row.split("=", 1) for row in self.socket.recv(4096).decode().splitlines()))
        return self.told[-1]

    def wait(self, name):
        """The next word of that name; others before it are remembered."""
        while True:
            if name in self.next():
                return self.told[-1]


def life(fed, checks, address):
    district, manager = fed["district"], Manager(address)
    kind = "an abstract name" if address.startswith("@") else "a path"
    manager.start(district)
    checks.equal(manager.next(), {"READY": "1"}, f"{kind}: READY when it takes connections")
    before_us = time.monotonic_ns() // 1000
    district.signal(signal.SIGHUP)
    reloading = manager.next()
    stamp_us = int(reloading.get("MONOTONIC_USEC", 0))
    checks.ok(reloading.get("RELOADING") == "1" and before_us <= stamp_us <= time.monotonic_ns() // 1000, f"{kind}: RELOADING with its time", reloading)
    checks.equal(manager.next(), {"READY": "1"}, f"{kind}: READY again after it")
    with open(district.config_path, "a") as out:
        out.write("no_such_key: 1\n")
    district.signal(signal.SIGHUP)
    checks.ok("RELOADING" in manager.next() and manager.next() == {"READY": "1"}, f"{kind}: READY too when the new configuration is refused")
    district.write_configuration()
    district.process.terminate()
    checks.equal(manager.next(), {"STOPPING": "1"}, f"{kind}: STOPPING after SIGTERM")
    checks.equal(district.process.wait(PATIENCE_S), 0, f"{kind}: it ends with 0")
    checks.ok(all("WATCHDOG" not in told for told in manager.told), f"{kind}: no watchdog without one", manager.told)


def is_stopped(broker):
    with open(f"/proc/{broker.process.pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


def watchdog(fed, checks):
    district = fed["district"]
    manager = Manager("@qiao-watchdog-%d" % os.getpid(), WATCHDOG_USEC=str(WATCHDOG_US))
    manager.start(district)
    manager.wait("READY")
    for _ in range(3):
        checks.equal(manager.wait("WATCHDOG"), {"WATCHDOG": "1"}, "the watchdog is fed")
    # A loop that does not turn feeds nobody: a stopped process stands for one that hangs.
    district.signal(signal.SIGSTOP)
    wait_until(lambda: is_stopped(district), "the process stands still")
    while select.select([manager.socket], [], [], 0)[0]:
        manager.socket.recv(4096)    # from before
    checks.ok(not select.select([manager.socket], [], [], WATCHDOG_US / 1e6 * 2)[0], "and is not when the loop hangs")
    district.signal(signal.SIGCONT)
    checks.equal(manager.wait("WATCHDOG"), {"WATCHDOG": "1"}, "and is again when it goes on")
    district.stop()
    other = Manager("@qiao-other-%d" % os.getpid(), WATCHDOG_USEC="2000", WATCHDOG_PID="1")
    other.start(district)
    other.wait("READY")
    district.process.terminate()
    other.wait("STOPPING")
    checks.ok(all("WATCHDOG" not in told for told in other.told), "a watchdog for another process is not fed", other.told)
    district.process.wait(PATIENCE_S)


def no_manager(fed, checks):
    district = fed["district"]
    for what, address in (("nobody listens", os.path.join(fed.folder, "nobody")), ("it is neither path nor name", "vsock:2:1234"), ("it is too long", "/" + "x" * 200)):
        os.environ["NOTIFY_SOCKET"] = address
        try:
            before = district.log().count("service manager not told") if os.path.exists(district.log_path) else 0
            district.start()
            wait_until(lambda: district.log().count("service manager not told") > before, f"a line in the log when {what}")
            checks.equal(district.stop(), 0, f"NOTIFY_SOCKET of which {what}: a warning, and the node runs")
        finally:
            del os.environ["NOTIFY_SOCKET"]


def unit_is_tight(fed, checks):
    path = os.path.join(fed.folder, "qiaod@street.service")
    with open(UNIT) as source, open(path, "w") as out:
        out.write(source.read().replace("@QIAO_BINDIR@", BIN))
    done = subprocess.run(["systemd-analyze", "--no-pager", "--offline=true", "security", path], capture_output=True, text=True)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    checks.ok(found and float(found[1]) <= EXPOSURE_MAX, f"systemd-analyze security: at most {EXPOSURE_MAX} exposed", found[1] if found else done.stdout + done.stderr)
    if found:
        checks.note(f"exposure {found[1]}")
    done = subprocess.run(["systemd-analyze", "--no-pager", "verify", path], capture_output=True, text=True)
    complaints = [row for row in done.stderr.splitlines() if "qiaod@" in row]
    checks.ok(not complaints, "systemd-analyze verify has nothing to say", complaints)


def runs_in_unit(fed, checks):
    """systemd itself is not there in a container: its list of system calls is put on the broker in the same way."""
    district, calls = fed["district"], unit.allowed_calls(UNIT)
    checks.ok("read" in calls and not calls & {"mount", "ptrace", "setresuid", "capset", "reboot", "init_module", "chown", "setrlimit"},
              "the unit's filter leaves out what it should", len(calls))
    reader, writer = os.pipe()
    with open(district.log_path, "ab") as log:
        district.process = subprocess.Popen([os.path.join(BIN, "qiaod"), "--config", district.config_path, "--ready-fd", str(writer)],
                                            stdout=log, stderr=log, pass_fds=(writer,), preexec_fn=lambda: unit.restrict_to(calls))
    os.close(writer)
    district._ready_fd = reader
    district.wait_ready()
    checks.equal(fed.status("district")["node"], "district", "the broker runs under the unit's filter")
    before = district.log().count("configuration reloaded")
    district.signal(signal.SIGHUP)
    wait_until(lambda: district.log().count("configuration reloaded") > before, "a reload under the unit's filter")
    checks.equal(district.stop(), 0, "and ends with 0")


def story(checks):
    with Federation(ONE_NODE) as fed:
        life(fed, checks, os.path.join(fed.folder, "notify"))
        life(fed, checks, "@qiao-notify-%d" % os.getpid())
        watchdog(fed, checks)
        no_manager(fed, checks)
        if shutil.which("systemd-analyze"):
            unit_is_tight(fed, checks)
            if "build with a sanitizer" in fed["district"].log():
                checks.note("skipped: the unit's filter is not for a sanitizer, which traces at the end")
            else:
                runs_in_unit(fed, checks)
        else:
            checks.note("skipped: no systemd-analyze for the unit")


run("e2e service", story)
