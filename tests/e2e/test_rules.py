#!/usr/bin/env python3
"""Rules on real nodes that sign: what is sent elsewhere and copied arrives, with proofs; what is refused says why; exercises reach only who
takes them; what is held waits, over a restart too, until it is let go."""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Node, last_json, run, wait_until

COMMUNITY = """rules:
  - { name: housing-first, when: { matter: "HOUSING.*", to: 990101/urban }, do: { to: 990101/housing, copy: 990101001/office } }
  - { name: no-orders, when: { matter: ORDER }, do: { refuse: { code: NOT_COMPETENT, reason: ask the court } } }
  - { name: slow, when: { matter: MANY }, do: { rate: { per_s: 1, burst: 5, by: source } } }
  - { name: look-first, when: { matter: PRESS }, do: { hold: { until: release, for: 3d } } }
"""
STREET = """rules:
  - { name: not-through-here, when: { matter: STOP, hop: transit }, do: { refuse: { code: NOT_COMPETENT, reason: not through here } } }
  - { name: transit-look, when: { matter: LOOK, hop: transit }, do: { hold: { until: release, for: 3d } } }
"""


def tree(folder):
    rules = lambda name: {"rules": {"file": os.path.join(folder, name)}}
    return {
        "district": Node("990101", None, (), more={"members": [{"name": "urban"}, {"name": "housing"}, {"name": "training", "drills": True}]}),
        "street": Node("990101001", "district", ("office",), more=rules("street-rules.yaml")),
        "community": Node("990101001001", "street", ("intake", "desk"), more=rules("community-rules.yaml")),
    }


def send(fed, matter, *more, to="990101/urban"):
    done = fed.qiao("community", "intake", "send", "--to", to, "--kind", "case.open", "--matter", matter, "--body-json", '{"title":"x"}', "--json", *more)
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout.startswith("{") else {"error": done.stderr}


def listen(fed, node, member, count=1):
    return fed.spawn(node, member, "recv", "--count", str(count), "--json")


def elsewhere(fed, checks):
    housing, office = listen(fed, "district", "housing"), listen(fed, "street", "office")
    answer = send(fed, "HOUSING.ROOF", "--case", "C-1", "--wait")
    checks.equal(answer.get("outcome"), "accepted", "what is sent elsewhere is accepted there")
    got, copy = last_json(housing)[1], last_json(office)[1]
    checks.equal((got.get("id"), got.get("matter")), (answer.get("id"), "HOUSING.ROOF"), "it arrives under its own id")
    checks.ok(copy.get("matter") == "HOUSING.ROOF" and copy.get("id") != answer.get("id"), "its copy under another", str(copy))
    wait_until(lambda: '"outcome":"OUTCOME_ACCEPTED"' in fed.qiao("community", None, "message", copy["id"], "--json").stdout.replace(" ", ""), "the copy's outcome is known at its node")
    proof = os.path.join(fed.folder, "proof.json")
    with open(proof, "w", encoding="utf-8") as out:
        out.write(fed.qiao("community", "intake", "proof", answer["id"]).stdout)
    done = fed.qiao("community", None, "verify", proof, "--trust", fed["community"].tls_files()["ca"])
    checks.equal(done.returncode, 0, "the proof of its way holds: " + (done.stdout + done.stderr)[-300:])


def refused(fed, checks):
    answer = send(fed, "ORDER", "--wait")
    checks.ok(answer.get("codeName") == "NOT_COMPETENT" and "ask the court (rule no-orders, community-rules.yaml:3)" in answer.get("reason", ""), "refused at the origin, with rule and line", str(answer))
    answer = send(fed, "STOP", "--wait")
    checks.ok(answer.get("codeName") == "RULE" and "not through here" in answer.get("reason", ""), "refused on the way, with a code that is believed of it", str(answer))
    urban = listen(fed, "district", "urban", 100)
    codes = [send(fed, "MANY", "--wait").get("codeName") for _ in range(12)]
    checks.ok(codes[:5] == ["OK"] * 5 and "RATE" in codes[5:], "more than a rule's rate is refused", str(codes))
    urban.send_signal(signal.SIGTERM)
    urban.communicate()


def drills(fed, checks):
    checks.equal(send(fed, "NOISE", "--status", "exercise", "--wait").get("codeName"), "DRILL", "an exercise is refused by who takes none")
    training = listen(fed, "district", "training")
    checks.equal(send(fed, "NOISE", "--status", "exercise", "--wait", to="990101/training").get("outcome"), "accepted", "and taken by who takes them")
    last_json(training)


def held(fed, node):
    return [json.loads(row) for row in fed.qiao(node, None, "held", "list", "--json").stdout.splitlines()]


def holding(fed, checks, node, matter):
    first, second, third = send(fed, matter, "--case", "H-" + node), send(fed, "NOISE", "--case", "H-" + node), send(fed, matter)
    listed = wait_until(lambda: len(held(fed, node)) == 3 and held(fed, node), f"three are held at the {node}")
    checks.equal([bool(one.get("rule")) for one in listed], [True, False, True], f"{node}: what comes later in the case waits as well")
    fed[node].kill()
    fed[node].start()
    fed.wait_links()
    checks.equal(len(held(fed, node)), 3, "they are there after a crash")
    urban = listen(fed, "district", "urban", 2)
    checks.equal(fed.qiao(node, None, "held", "refuse", third["id"]).returncode, 0, "one is refused")
    checks.equal(fed.qiao(node, None, "held", "release", first["id"]).returncode, 0, "one is let go")
    out, _ = urban.communicate(timeout=60)
    checks.equal([json.loads(row).get("id") for row in out.splitlines()], [first["id"], second["id"]], "it goes first, what waited behind it second")
    wait_until(lambda: not held(fed, node), "nothing is held any more")
    for name, message, outcome in (("the one that went", first, "OUTCOME_ACCEPTED"), ("the refused one", third, "OUTCOME_REFUSED")):
        wait_until(lambda: outcome in fed.qiao("community", None, "message", message["id"], "--json").stdout, f"{name} has its outcome")
    checks.ok(True, "and each has one outcome")


def story(checks):
    with Federation(tree("")) as fed:
        for name, text in (("community", COMMUNITY), ("street", STREET)):
            path = os.path.join(fed.folder, name + "-rules.yaml")
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            fed[name].node.more["rules"] = {"file": path}
        fed.start_all()
        elsewhere(fed, checks)
        refused(fed, checks)
        drills(fed, checks)
        holding(fed, checks, "community", "PRESS")
        holding(fed, checks, "street", "LOOK")
        checks.equal(fed.qiao("community", None, "held", "release", "--rule", "look-first").returncode, 1, "nothing is left to let go")
        fed.stop_all()
        checks.sound_stores(fed)


if __name__ == "__main__":
    run("rules", story)
