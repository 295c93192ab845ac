#!/usr/bin/env python3
"""Four streets in a ring, a broker in between is killed: messages and outcomes go round the other way, in order within the case."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Node, run, wait_until

RING = ("north", "east", "south", "west")
AREAS = dict(zip(RING, ("990101", "990102", "990103", "990104")))
LIMITS = {"reroute_after": "500ms", "redial_ms_max": "200ms"}


def ring():
    return {name: Node(AREAS[name], None, ("office",), dict(LIMITS), {}) for name in RING}


def join(fed):
    """Each dials the next one; all links are lateral."""
    for i, name in enumerate(RING):
        after, before = RING[(i + 1) % 4], RING[i - 1]
        fed.nodes[name].more["links"] = [{"to": fed[after].tls_url, "node": after, "area": AREAS[after], "role": "peer"},
                                         {"node": before, "area": AREAS[before], "role": "peer"}]
        fed[name].write_configuration()


def way(fed, at, to):
    route = fed.qiao(at, None, "route", to, "--json")
    return [c["via"] for c in json.loads(route.stdout).get("candidates", []) if c.get("chosen")] if route.stdout else None


def send(fed, body):
    return fed.qiao("north", "office", "send", "--to", AREAS["south"] + "/office", "--case", "round", "--body", body, "--wait", "--json")


def story(checks):
    with Federation(ring()) as fed:
        join(fed)
        fed.start_all()
        wait_until(lambda: way(fed, "north", AREAS["south"] + "/office") == ["east"], "north knows the way to south", None, 0.05)
        recv = fed.spawn("south", "office", "recv", "--count", "3", "--json")
        checks.equal(send(fed, "first").returncode, 0, "over east")
        fed["east"].kill()
        done = send(fed, "second")
        checks.equal(done.returncode, 0, "east is dead: accepted over west")
        checks.equal(way(fed, "north", AREAS["south"] + "/office"), ["west"], "and qiao route says so")
        fed["east"].start()
        wait_until(lambda: way(fed, "north", AREAS["south"] + "/office") == ["east"], "east is back", None, 0.05)
        checks.equal(send(fed, "third").returncode, 0, "over east again")
        out, _ = recv.communicate(timeout=30)
        checks.equal([json.loads(row)["bodyText"] for row in out.splitlines()], ["first", "second", "third"], "each once, in order")
        checks.equal(set(fed.stop_all().values()), {0}, "brokers end with 0")
        checks.sound_stores(fed)


run("e2e graph", story)
