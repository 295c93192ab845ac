#!/usr/bin/env python3
"""The store as an operator meets it: sound after use, one owner, damage reported, a newer version refused in words."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Load, line, program, run, wait_until

VERSION_MAGIC = b"qiao store\0"       # broker/store/lmdb_environment.c: followed by the version, four bytes, big endian
BODY = "a body that can be found again " * 20


def check(broker):
    done = subprocess.run([program("qiaod"), "--config", broker.config_path, "--check-store"], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def patch(path, change):
    """Replaces the file's bytes by change(bytes); returns how to undo it."""
    with open(path, "rb") as file:
        old = file.read()
    new = change(old)
    with open(path, "wb") as file:
        file.write(new)
    return old


def with_version_raised(data):
    at = data.find(VERSION_MAGIC)
    assert at >= 0, "no version record"
    while at >= 0:
        number = at + len(VERSION_MAGIC)
        version = int.from_bytes(data[number:number + 4], "big")
        data = data[:number] + (version + 1).to_bytes(4, "big") + data[number + 4:]
        at = data.find(VERSION_MAGIC, number)
    return data


def with_bodies_spoilt(data):
    """The bytes before every body: lengths and tags of what is stored around it."""
    mark, at = BODY.encode(), 0
    while (at := data.find(mark, at)) >= 0:
        data = data[:at - 48] + b"\xff" * 48 + data[at:]
        at += len(mark)
    return data


def only_owner(fed, checks):
    second = subprocess.run([program("qiaod"), "--config", fed["street"].config_path], capture_output=True, text=True, timeout=30)
    checks.ok(second.returncode == 1 and "store" in second.stderr, "a second broker on the same store is refused", f"{second.returncode} {second.stderr}")
    status, text = check(fed["street"])
    checks.ok(status == 1 and text, "--check-store of a running broker's store is refused in words", f"{status} {text}")


def newer_version(fed, checks):
    broker = fed["street"]
    path = os.path.join(broker.store, "data.mdb")
    old = patch(path, with_version_raised)
    started = subprocess.run([program("qiaod"), "--config", broker.config_path], capture_output=True, text=True, timeout=30)
    checks.ok(started.returncode == 1 and "version" in started.stderr, "a store of a newer version is refused in words", f"{started.returncode} {started.stderr}")
    status, text = check(broker)
    checks.ok(status == 1 and "version" in text, "--check-store says so too", f"{status} {text}")
    patch(path, lambda _: old)


def damage(fed, checks):
    """A message waits for the district; the bytes around it go bad."""
    broker = fed["street"]
    status, text = check(broker)
    checks.ok(status == 0, "before the damage the store is sound", text)
    path = os.path.join(broker.store, "data.mdb")
    with open(path, "rb") as file:
        found = BODY.encode() in file.read()
    if not checks.ok(found, "the waiting message lies in the store's table after a clean stop"):
        return
    old = patch(path, with_bodies_spoilt)
    status, text = check(broker)
    checks.ok(status == 1, "damage is reported", f"{status} {text}")
    patch(path, lambda _: old)


def story(checks):
    with Federation(line()) as fed:
        fed.start_all()
        load = Load(fed, 5000)
        sent, received = load.finish()
        checks.clean_run(sent, received, 5000, "before")
        only_owner(fed, checks)
        fed["district"].stop()
        fed.qiao("community", "intake", "send", "--to", "990101/urban", "--body", BODY)
        wait_until(lambda: fed.queued("street", "district") == 1, "the message waits at the street", pause_s=0.05)
        fed.stop_all()
        checks.sound_stores(fed)
        newer_version(fed, checks)
        damage(fed, checks)
        fed.start_all()
        recv = fed.spawn("district", "urban", "recv", "--count", "1", "--json")
        out, _ = recv.communicate(timeout=30)
        checks.ok(BODY in out, "and with the old bytes back the message arrives", out[:200])


run("e2e store", story)
