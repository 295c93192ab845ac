#!/usr/bin/env python3
"""Started as root, the broker becomes somebody else, in every thread, and cannot come back; what it may not have it does not keep."""
import glob
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Node, free_port, program, run, skip, wait_until
from peer import connect_tls

USER = "daemon"               # on every Debian, without a login and without files
ACCOUNT = pwd.getpwnam(USER)


def low_port():
    while True:
        port = random.randrange(600, 1024)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def give_to_user(folder):
    os.chmod(folder, 0o711)
    for path in glob.glob(folder + "/**", recursive=True):
        os.chown(path, ACCOUNT.pw_uid, ACCOUNT.pw_gid)


def threads(broker):
    """The status of each thread, as dictionaries."""
    found = []
    for task in glob.glob(f"/proc/{broker.process.pid}/task/*/status"):
        with open(task) as status:
            found.append({key: value.split() for key, value in (row.rstrip("\n").split(":", 1) for row in status)})
    return found


def is_filtered(broker):
    return "build with a sanitizer" not in broker.log()


def every(checks, broker, key, wanted, what):
    values = {tuple(thread[key]) for thread in threads(broker)}
    checks.equal(values, {wanted}, what)


def confined(broker, checks, what):
    number, group = str(ACCOUNT.pw_uid), str(ACCOUNT.pw_gid)
    checks.ok(len(threads(broker)) > 3, f"{what}: there are threads to look at", len(threads(broker)))
    every(checks, broker, "Uid", (number,) * 4, f"{what}: every thread is {USER}'s: real, effective, saved and file system user")
    every(checks, broker, "Gid", (group,) * 4, f"{what}: and its group's")
    every(checks, broker, "Groups", (group,), f"{what}: no further groups")
    for key in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"):
        every(checks, broker, key, ("0" * 16,), f"{what}: {key} is empty in every thread")
    every(checks, broker, "NoNewPrivs", ("1",), f"{what}: no new privileges")
    if is_filtered(broker):
        every(checks, broker, "Seccomp", ("2",), f"{what}: every thread has the filter")
    every(checks, broker, "Umask", ("0077",), f"{what}: new files are the owner's only")


def limits(broker, name):
    """Soft and hard, as the kernel writes them."""
    with open(f"/proc/{broker.process.pid}/limits") as rows:
        return tuple(next(row for row in rows if row.startswith(name))[len(name):].split()[:2])


def core_limits(broker):
    return limits(broker, "Max core file size")


def is_dumpable(broker):
    return os.stat(f"/proc/{broker.process.pid}/mem").st_uid == ACCOUNT.pw_uid


def node_of(user=USER, **more):
    return {"district": Node("990101", None, ("urban",), more={"process": {"user": user, **more}})}


def listen_at(broker, port):
    broker.port, broker.tls_url = port, f"tls+tcp://127.0.0.1:{port}"
    broker.write_configuration()


def becomes_user(checks):
    with Federation(node_of()) as fed:
        district = fed["district"]
        listen_at(district, low_port())
        give_to_user(fed.folder)
        district.start()
        confined(district, checks, f"port {district.port}")
        checks.equal(core_limits(district), ("0", "0"), "no core dumps")
        checks.ok(not is_dumpable(district), "and others of this user may not look into its memory")
        with connect_tls(district.port, district.tls_files()):
            checks.ok(True, "the low port is served")
        stored = [path for path in glob.glob(district.store + "/**", recursive=True)]
        checks.ok(len(stored) > 2 and all(os.stat(path).st_uid == ACCOUNT.pw_uid and not os.stat(path).st_mode & 0o077 for path in stored),
                  "the store is the user's, and only the user's", [(path, oct(os.stat(path).st_mode)) for path in stored])
        checks.equal(oct(os.stat(district.ipc_url.removeprefix("ipc://")).st_mode & 0o777), "0o660", "the local socket is for user and group")
        before = district.log().count("configuration reloaded")
        district.signal(signal.SIGHUP)
        wait_until(lambda: district.log().count("configuration reloaded") > before, "a reload without privileges")
        confined(district, checks, "after a reload")
        soft, hard = limits(district, "Max open files")
        checks.ok(int(soft) >= min(4096, int(hard)), "descriptors for the connections that are configured", (soft, hard))
        checks.equal(district.stop(), 0, "it ends with 0")
        checks.sound_stores(fed)
        stored = glob.glob(district.store + "/**", recursive=True)
        checks.ok(all(os.stat(path).st_uid == ACCOUNT.pw_uid for path in stored), "--check-store as root leaves nothing of root's")
        with open("/proc/self/limits") as rows:
            limits_here = next(row for row in rows if row.startswith("Max core")).split()[5]
        listen_at(district, free_port())
        district.start(extra=("--allow-core-dumps",))
        confined(district, checks, "without a low port, with core dumps")
        checks.ok(is_dumpable(district) and core_limits(district)[1] == limits_here, "--allow-core-dumps allows them", core_limits(district))
        district.stop()


def refused(fed, checks, what, said, **user):
    """The broker ends with 1 and says why; nothing was made."""
    fed["district"].write_configuration()
    shutil.rmtree(fed["district"].store, ignore_errors=True)
    done = subprocess.run([program("qiaod"), "--config", fed["district"].config_path], capture_output=True, text=True, timeout=30, **user)
    checks.ok(done.returncode == 1 and said in done.stderr, f"{what} is refused, with the cure", f"exit {done.returncode}: {done.stderr}")
    checks.ok(not os.path.exists(fed["district"].store), f"{what}: nothing was made")


def wrong_users(checks):
    with Federation(node_of()) as fed:
        give_to_user(fed.folder)
        sections = fed["district"].node.more
        for what, process, said in (("an unknown user", {"user": "no-such-user"}, "no such user"), ("root as the user", {"user": "root"}, "root itself"),
                                    ("an unknown group", {"user": USER, "group": "no-such-group"}, "no such group")):
            sections["process"] = process
            refused(fed, checks, what, said)
        sections["process"] = {"user": "nobody"}
        refused(fed, checks, "another user without being root", "start as root", user=ACCOUNT.pw_uid, group=ACCOUNT.pw_gid, extra_groups=[])


def stays_root(checks):
    with Federation({"district": Node("990101", None, ("urban",))}) as fed:
        district = fed["district"].start()
        checks.ok("runs as root" in district.log() and "process.user" in district.log(), "as root without process.user: a warning that names the cure")
        every(checks, district, "NoNewPrivs", ("1",), "no new privileges for root either")
        checks.equal(core_limits(district), ("0", "0"), "no core dumps for root either")
        checks.equal(district.stop(), 0, "it ends with 0")


def story(checks):
    becomes_user(checks)
    wrong_users(checks)
    stays_root(checks)


if os.geteuid() != 0:
    skip("e2e privileges", "needs root, to give it up")
run("e2e privileges", story)
