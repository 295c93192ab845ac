#!/usr/bin/env python3
"""A full disk at a node on the way: it stops taking, its neighbour keeps what it has, senders wait, nothing is lost, and it goes
on without a restart when there is room."""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from disk import LoopDisk, Unavailable
from federation import Federation, Load, line, run, wait_until

DISK_MIB = 96
BALLAST_MIB = 48
COUNT = 150000          # of 512 bytes: more than the disk holds, even without the ballast


def is_full(fed, node):
    status = fed.status(node)
    return not status["ready"] and status["degraded"]


def fill(fed, disk):
    ballast = os.path.join(disk.mount_point, "ballast")
    handle = os.open(ballast, os.O_CREAT | os.O_WRONLY)
    os.posix_fallocate(handle, 0, BALLAST_MIB << 20)
    os.close(handle)
    return ballast


def full_in_the_middle(checks):
    with Federation(line(), "qiao-full") as fed:
        disk = LoopDisk(fed.folder, "street", DISK_MIB)
        fed.disks.append(disk)
        fed["street"].store = os.path.join(disk.mount_point, "store")
        fed["street"].write_configuration()
        ballast = fill(fed, disk)
        fed.start_all()
        fed["district"].stop()
        street_pid = fed["street"].process.pid
        load = Load(fed, COUNT)
        wait_until(lambda: is_full(fed, "street"), "the street's disk is full", pause_s=0.1)
        checks.ok(True, "a full store is shown: not ready, with the reason")
        # A checkpoint makes a little room from time to time; then one message more is rightly taken.
        wait_until(lambda: fed.qiao("street", "office", "send", "--to", "990101/urban", "--body", "x", "--timeout", "1s", "--json").returncode == 3,
                   "a member of the full node is held back, not answered as if all were well")
        checks.ok(True, "a member of the full node is held back, not answered as if all were well")
        wait_until(lambda: fed.peer("community", "intake")["lanes"][0]["received"] == COUNT, "the neighbour below takes all the same", pause_s=0.1)
        checks.ok(fed.queued("community", "street") > 0, "and keeps what the full node does not take")
        held = fed.peer("street", "community")["lanes"][0]["received"]
        os.unlink(ballast)
        wait_until(lambda: fed.peer("street", "community")["lanes"][0]["received"] > held, "it takes more when there is room", pause_s=0.1)
        checks.ok(fed["street"].process.pid == street_pid, "it takes more when there is room, without a restart")
        wait_until(lambda: is_full(fed, "street"), "full again", pause_s=0.1)
        fed["district"].start()
        sent, received = load.finish()
        checks.clean_run(sent, received, COUNT, "through a full disk")
        wait_until(lambda: fed.status("street")["ready"], "the street is ready again", pause_s=0.1)
        checks.ok(fed["street"].is_running() and fed["street"].process.pid == street_pid, "all without a restart")
        fed.stop_all()
        checks.sound_stores(fed)


def size_limit(checks):
    """limits.store_bytes_max is a full disk too, without root."""
    tree = line()
    tree["street"].limits = {"store_bytes_max": "32MiB"}
    with Federation(tree, "qiao-full") as fed:
        fed.start_all()
        fed["district"].stop()
        load = Load(fed, COUNT)
        wait_until(lambda: is_full(fed, "street"), "the street's allowance is used up", pause_s=0.1)
        used = fed.status("street")["storeBytes"]
        checks.ok(used <= 32 << 20, "the store stays within limits.store_bytes_max", used)
        fed["district"].start()
        sent, received = load.finish()
        checks.clean_run(sent, received, COUNT, "through a used-up allowance")
        fed.stop_all()
        checks.sound_stores(fed)


def story(checks):
    size_limit(checks)
    with tempfile.TemporaryDirectory() as folder:
        try:
            LoopDisk(folder, "probe", 8).remove()
        except (Unavailable, OSError) as reason:
            checks.note(f"skipped the loop disk: {reason}")
            return
    full_in_the_middle(checks)


run("e2e full", story)
