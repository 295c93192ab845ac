#!/usr/bin/env python3
"""A street that was cut off sends what has waited at no more than limits.drain_messages_per_s: urgent messages first, new ones past it, cases in
order; and all the rest at once when SIGHUP takes the limit away."""
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Tally, last_json, line, run, wait_until

RATE, BACKLOG, URGENT = 5, 1000, 3
DRAINS_S = BACKLOG / RATE


def tree(rate):
    nodes = line(members=("office", "desk"))
    nodes["street"].limits = {"drain_messages_per_s": rate, "reroute_after": "0s"}    # any break is an outage
    return nodes


def cut_off(fed, checks):
    fed["district"].stop()
    wait_until(lambda: not fed.peer("street", "district")["up"], "the street sees that the district is gone", pause_s=0.02)
    sender = fed.spawn("street", "office", "bench", "send", "--to", "990101/urban", "--count", str(BACKLOG), "--cases", "8", "--json")
    status, sent, error = last_json(sender)
    checks.equal((status, sent.get("submitted")), (0, BACKLOG), f"{BACKLOG} messages wait at the street" + (f" ({error})" if status else ""))
    for number in range(URGENT):
        done = fed.qiao("street", "desk", "send", "--to", "990101/housing", "--lane", "urgent", "--body", f"fire {number}")
        checks.equal(done.returncode, 0, "and an urgent one")
    checks.equal(fed.queued("street", "district"), BACKLOG + URGENT, "all of them on its disk")


def taken(fed):
    """What the district has taken from the street: urgent, and in all."""
    received = {lane["lane"]: lane["received"] for lane in fed.peer("district", "street")["lanes"]}
    return received.get("LANE_URGENT", 0), sum(received.values())


def back(fed, checks):
    """The count is read before the time, and time runs from before the district is there: a slow machine makes the bound wider only."""
    began = time.monotonic()
    fed["district"].start()
    urgent, most, allowed = 0, 0, 0

    def is_seen():
        nonlocal urgent, most, allowed
        urgent, most = taken(fed)
        allowed = RATE * (time.monotonic() - began) + RATE
        return most >= 4 * RATE or most > allowed or (most > urgent and urgent < URGENT)

    wait_until(is_seen, "the district takes what four seconds allow, or more", pause_s=0.05)
    checks.ok(most <= allowed, f"at most {RATE} a second", f"{most} within {allowed / RATE - 1:.2f} s")
    checks.equal(urgent, URGENT, "urgent ones before all others")
    peer = fed.peer("street", "district")
    checks.ok(peer.get("draining") and peer["drainMessagesPerS"] == RATE, "qiao status --json says so", peer)
    checks.ok(f"drains {RATE}/s" in fed.qiao("street", None, "status").stdout, "and qiao status")
    return began


def what_is_new(fed, checks, began):
    answering = fed.spawn("district", "housing", "recv", "--json", "--count", str(URGENT + 2))
    for lane in ("normal", "urgent"):
        done = fed.qiao("street", "desk", "send", "--to", "990101/housing", "--lane", lane, "--body", "new", "--wait", timeout_s=DRAINS_S / 2)
        checks.equal(done.returncode, 0, f"a new {lane} message has its outcome" + (f" ({done.stderr})" if done.returncode else ""))
    bodies = [json.loads(row).get("bodyText") for row in answering.communicate()[0].splitlines()]
    checks.equal(bodies, [f"fire {number}" for number in range(URGENT)] + ["new", "new"], "and those that waited came before them")
    waiting = fed.queued("street", "district")
    late = time.monotonic() - began > DRAINS_S - 10
    checks.ok(waiting > 0 or late, "while the backlog waits")
    checks.note(f"{waiting} wait, {time.monotonic() - began:.1f} s after")


def without_limit(fed, checks, tally):
    street = fed["street"]
    street.node.limits["drain_messages_per_s"] = 0
    street.write_configuration()
    street.signal(signal.SIGHUP)
    wait_until(lambda: tally.received() >= BACKLOG, "all the rest without a limit", DRAINS_S / 2, 0.02)
    checks.ok(not fed.peer("street", "district").get("draining"), "nothing drains any more")


def story(checks):
    with Federation(tree(RATE)) as fed:
        fed.start_all()
        cut_off(fed, checks)
        began = back(fed, checks)
        what_is_new(fed, checks, began)
        tally = Tally(os.path.join(fed.folder, "drain.tally"))
        receiver = fed.spawn("district", "urban", "bench", "recv", "--expect", str(BACKLOG), "--resume-file", tally.path, "--idle-timeout", "1h", "--json")
        without_limit(fed, checks, tally)
        receiver.send_signal(signal.SIGTERM)
        _, got, error = last_json(receiver)
        checks.equal((got.get("duplicates"), got.get("orderViolations")), (0, 0), "nothing twice, cases in order" + (f" ({error})" if not got else ""))
        checks.equal(set(fed.stop_all().values()), {0}, "brokers end with 0")
        checks.sound_stores(fed)


run("e2e drain", story)
