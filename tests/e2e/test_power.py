#!/usr/bin/env python3
"""A power cut at each broker in turn, under load: its store lies on an ext4 image that is shut down without flushing, so that
what was not synced is gone; then the image is mounted again (journal recovery) and the broker started."""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from disk import LoopDisk, Unavailable
from federation import Federation, Load, line, messages, run, skip, wait_until

CUTS = 3


def cut_and_restore(fed, load, node, disk):
    broker = fed[node]
    disk.cut_power()
    broker.kill()
    disk.remount()
    broker.start()
    return load.wait_caught_up(broker)


def power_cuts(checks, node, count):
    tree = line()
    with Federation(tree, "qiao-power") as fed:
        disk = LoopDisk(fed.folder, node, 1024)
        fed.disks.append(disk)
        fed[node].store = os.path.join(disk.mount_point, "store")
        fed[node].write_configuration()
        fed.start_all()
        load = Load(fed, count, send=("--rate", "10000"))
        took_s = []
        for number in range(1, CUTS + 1):
            load.wait_received(count * number // (CUTS + 2))
            took_s.append(cut_and_restore(fed, load, node, disk))
        sent, received = load.finish()
        checks.clean_run(sent, received, count, f"{CUTS} power cuts at {node}")
        checks.note(f"{node}: caught up {', '.join(f'{s:.2f}' for s in took_s)} s after listening again")
        wait_until(lambda: fed.queued("community", "street") == 0, "queues empty", pause_s=0.02)
        fed.stop_all()
        checks.sound_stores(fed)


def require_loop_devices():
    with tempfile.TemporaryDirectory() as folder:
        try:
            LoopDisk(folder, "probe", 8).remove()
        except (Unavailable, OSError) as reason:
            skip("e2e power", str(reason))


def the_cut_is_real(checks):
    """What was synced is there after the cut, what was only written is not: otherwise the rest of this test proves nothing."""
    with tempfile.TemporaryDirectory() as folder:
        disk = LoopDisk(folder, "probe", 64)
        for name, synced in (("synced", True), ("written", False)):
            handle = os.open(os.path.join(disk.mount_point, name), os.O_CREAT | os.O_WRONLY)
            os.write(handle, b"x" * 8192)
            if synced:
                os.fsync(handle)
            os.close(handle)
        disk.cut_power()
        disk.remount()
        sizes = {name: os.path.getsize(os.path.join(disk.mount_point, name)) for name in os.listdir(disk.mount_point) if name != "lost+found"}
        disk.remove()
    checks.ok(sizes.get("synced") == 8192 and not sizes.get("written"), "the power cut is real: written without a sync is gone", sizes)


def story(checks):
    the_cut_is_real(checks)
    for node in ("community", "street", "district"):
        power_cuts(checks, node, messages(30000))


require_loop_devices()
run("e2e power", story)
