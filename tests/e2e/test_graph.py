#!/usr/bin/env python3
"""Four streets in a ring. A broker in between is killed: messages and outcomes go round the other way, in order within the case. A line is
killed: notices to an area set reach everybody once all the same, and cross no line twice."""
import json
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Node, free_port, last_json, program, run, wait_until

RING = ("north", "east", "south", "west")
AREAS = dict(zip(RING, ("990101", "990201", "990202", "990203")))
SET = "9902/**"  # all but north
LIMITS = {"reroute_after": "500ms", "redial_ms_max": "200ms"}


def ring():
    members = {"north": ("office", "desk")}
    return {name: Node(AREAS[name], None, members.get(name, ("office",)), dict(LIMITS), {}) for name in RING}


class Line:
    """Passes bytes on to a port until it is killed."""

    def __init__(self, to):
        self.to, self.port, self.open, self.lock = to, free_port(), [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError: # not listening yet
                near.close()
                continue
            with self.lock:
                self.open += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(a, b), daemon=True).start()

    @staticmethod
    def _pass(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def kill(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for end in self.open:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def join(fed, line):
    """Each dials the next one; all links are lateral. East reaches south over a line that can be killed."""
    for i, name in enumerate(RING):
        after, before = RING[(i + 1) % 4], RING[i - 1]
        url = fed[after].tls_url
        fed.nodes[name].more["links"] = [{"to": f"{url.rsplit(':', 1)[0]}:{line.port}" if name == "east" else url, "node": after, "area": AREAS[after], "role": "peer"},
                                         {"node": before, "area": AREAS[before], "role": "peer"}]
        fed[name].write_configuration()


def way(fed, at, to):
    route = fed.qiao(at, None, "route", to, "--json")
    return [c["via"] for c in json.loads(route.stdout).get("candidates", []) if c.get("chosen")] if route.stdout else None


def send(fed, body):
    return fed.qiao("north", "office", "send", "--to", AREAS["south"] + "/office", "--case", "round", "--body", body, "--wait", "--json")


def given(fed, at):
    """What each neighbour would be given of a notice to the set."""
    route = fed.qiao(at, None, "route", SET, "--json")
    chosen = [c for c in json.loads(route.stdout).get("candidates", []) if c.get("chosen")] if route.stdout else []
    return {c["via"]: c["rule"].split("is given ")[-1] for c in chosen}


def crossings(fed, message):
    """Which lines the notice went over, as each node explains it afterwards."""
    why = json.loads(fed.qiao("north", None, "why", message, "--json").stdout)
    return sorted(tuple(sorted((hop["node"], chosen["name"]))) for hop in why["hops"] for chosen in hop["decision"]["chosen"] if not chosen["member"])


def broadcast(fed, checks, before, what):
    """One notice, while `before` happens behind it; the recipients' rows."""
    offices = [fed.spawn(name, "office", "recv", "--count", "1", "--json") for name in RING[1:]]
    sender = fed.spawn_program([program("resuming_sender"), "--node", fed["north"].ipc_url, "--member", "desk", "--to", SET, "--count", "1", "--recipients", "3"])
    before()
    status, sent, error = last_json(sender)
    checks.ok(status == 0, f"{what}: the sender ends well", f"{status} {error}")
    checks.equal((sent.get("ended"), sent.get("accepted"), sent.get("outcomesRepeated")), (3, 3, 0), f"{what}: one outcome from each")
    rows = [json.loads(office.communicate(timeout=60)[0]) for office in offices]
    checks.equal(len({row["id"] for row in rows}), 1, f"{what}: each has it")
    return rows[0]["id"]


def nothing():
    """No trouble meanwhile."""


def sets(checks):
    with Federation(ring()) as fed:
        line = Line(int(fed["south"].tls_url.rsplit(":", 1)[1]))
        join(fed, line)
        fed.start_all()
        wait_until(lambda: given(fed, "north") == {"east": "990201/**, 990202/**", "west": "990203/**"}, "north knows all three", None, 0.05)
        over = crossings(fed, broadcast(fed, checks, nothing, "a whole ring"))
        checks.equal(over, [("east", "north"), ("east", "south"), ("north", "west")], "three lines, each once")
        broadcast(fed, checks, line.kill, "a line breaks")
        wait_until(lambda: given(fed, "north") == {"east": "990201/**", "west": "990203/**, 990202/**"}, "south is behind west now", None, 0.05)
        over = crossings(fed, broadcast(fed, checks, nothing, "a broken ring"))
        checks.equal(over, [("east", "north"), ("north", "west"), ("south", "west")], "the other three lines, each once")
        for name in RING[1:]:
            more = fed.qiao(name, "office", "recv", "--count", "1", "--idle-timeout", "1s", "--json").stdout
            checks.equal(more, "", f"nothing comes twice at {name}")
        checks.equal(set(fed.stop_all().values()), {0}, "brokers end with 0")
        checks.sound_stores(fed)


def story(checks):
    with Federation(ring()) as fed:
        join(fed, Line(int(fed["south"].tls_url.rsplit(":", 1)[1])))
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
    sets(checks)


run("e2e graph", story)
