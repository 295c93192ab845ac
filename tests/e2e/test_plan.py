#!/usr/bin/env python3
"""Plan, apply and roll back on real nodes: what would go elsewhere is told before, comes true after, and while traffic runs nothing is
lost, doubled or reordered by it."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Load, last_json, line, run

QUICK = os.environ.get("QIAO_E2E_QUICK") == "1"
COUNT = 20000 if QUICK else 120000
ROUNDS = 4 if QUICK else 8
HOUSING = """rules:
  - name: housing-first
    when: { matter: "HOUSING.*", to: 990101/urban }
    do: { to: 990101/housing }
  - { name: not-so-fast, do: { rate: { per_s: 1000000 } } }
"""
LOOP = """rules:
  - { name: there, when: { to: 990101001001/desk }, do: { to: 990101001001/intake } }
  - { name: back, when: { to: 990101001001/intake }, do: { to: 990101001001/desk } }
"""


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def wanted(fed, name, rules):
    """A new configuration of the community in a folder of its own."""
    folder = os.path.join(fed.folder, name)
    write(os.path.join(folder, "rules.yaml"), rules)
    return write(os.path.join(folder, "community.yaml"), fed["community"].configuration() + "rules: { file: rules.yaml }\n")


def send(fed, matter, *more):
    done = fed.qiao("community", "intake", "send", "--to", "990101/urban", "--kind", "case.open", "--matter", matter, "--body-json", '{"title":"x"}', *more)
    return done.returncode, done.stdout


def rehearsed(fed, checks):
    for _ in range(14):
        send(fed, "HOUSING.ROOF")
    for _ in range(6):
        send(fed, "NOISE")
    new = wanted(fed, "new", HOUSING)
    done = fed.qiao("community", None, "plan", new)
    checks.equal(done.returncode, 0, "a plan is made: " + done.stderr.strip())
    checks.ok("14 of the node's last 20 messages would fare otherwise" in done.stdout, "it tells how many messages would go elsewhere", done.stdout)
    checks.ok("14 × case.open from intake" in done.stdout and "990101/housing by street (rule housing-first, rules.yaml:2)" in done.stdout, "where to, and by which rule", done.stdout)
    lines = [json.loads(row) for row in fed.qiao("community", None, "plan", new, "--json").stdout.splitlines()]
    checks.equal((lines[0]["count"], lines[-1]["changed"], lines[-1]["headers"], lines[-1]["errors"]), (14, 14, 20, False), "the same as JSON")
    return new


def refused(fed, checks, new):
    broken = wanted(fed, "broken", LOOP)
    done = fed.qiao("community", None, "plan", broken)
    checks.ok(done.returncode == 1 and "rules.yaml:2:" in done.stdout and "loop" in done.stdout and not os.path.exists(broken + ".plan"),
              "a loop is found with its line, and there is no plan", done.stdout + done.stderr)
    done = fed.qiao("community", None, "apply", broken + ".plan")
    checks.ok(done.returncode == 1, "nothing is applied without a plan", done.stdout)
    rules = os.path.join(os.path.dirname(new), "rules.yaml")
    write(rules, HOUSING + "# later\n")
    done = fed.qiao("community", None, "apply", new + ".plan")
    checks.ok(done.returncode == 1 and "has changed since the plan" in done.stderr, "a plan of other files is stale", done.stderr)
    write(rules, HOUSING)
    with open(fed["community"].config_path, "a", encoding="utf-8") as out:
        out.write("# somebody else was here\n")
    done = fed.qiao("community", None, "apply", new + ".plan")
    checks.ok(done.returncode == 1 and "is not what it was" in done.stderr, "and so is one for a configuration that has changed", done.stderr)
    restart = write(os.path.join(fed.folder, "restart", "community.yaml"), fed["community"].configuration().replace('"desk"', '"counter"'))
    done = fed.qiao("community", None, "plan", restart)
    checks.ok(done.returncode == 0 and "with a restart only" in done.stdout, "what needs a restart is told", done.stdout + done.stderr)
    done = fed.qiao("community", None, "apply", restart + ".plan")
    checks.ok(done.returncode == 1 and "--restart" in done.stderr, "and not applied by the way", done.stderr)


def applied(fed, checks, new):
    """In force and back, several times, while messages flow."""
    load = Load(fed, COUNT)
    failed = []
    for i in range(ROUNDS):
        load.wait_received(COUNT * i // (ROUNDS + 1))
        for command in (("plan", new), ("apply", new + ".plan"), ("rollback", fed["community"].config_path)):
            done = fed.qiao("community", None, *command)
            failed += [(command[0], done.returncode, done.stderr)] if done.returncode else []
    checks.equal(failed, [], f"{ROUNDS} times planned, applied and rolled back under load")
    checks.equal(fed["community"].log().count("configuration reloaded"), 2 * ROUNDS, "the node has read it each time")
    checks.clean_run(*load.finish(), COUNT, "reloads under load")


def in_force(fed, checks, new):
    checks.equal(fed.qiao("community", None, "plan", new).returncode, 0, "planned again")
    done = fed.qiao("community", None, "apply", new + ".plan", "--json")
    checks.ok(done.returncode == 0 and json.loads(done.stdout)["inForce"], "applied", done.stdout + done.stderr)
    recv = fed.spawn("district", "housing", "recv", "--count", "1", "--json")
    code, out = send(fed, "HOUSING.DOOR", "--wait", "--json")
    checks.ok(code == 0 and json.loads(out)["outcome"] == "accepted", "a message goes where the plan said", out)
    checks.equal(last_json(recv)[1].get("matter"), "HOUSING.DOOR", "to housing")
    done = fed.qiao("community", None, "rollback", fed["community"].config_path)
    checks.ok(done.returncode == 0, "rolled back", done.stderr)
    recv = fed.spawn("district", "urban", "recv", "--count", "1", "--json")
    code, out = send(fed, "HOUSING.DOOR", "--wait", "--json")
    checks.ok(code == 0, "and it goes where it went before", out)
    checks.equal(last_json(recv)[1].get("matter"), "HOUSING.DOOR", "to urban")
    done = fed.qiao("community", None, "rollback", fed["community"].config_path)
    checks.ok(done.returncode == 1 and "no earlier version" in done.stderr, "before the first there is nothing", done.stdout + done.stderr)


def story(checks):
    with Federation(line()) as fed:
        fed.start_all()
        new = rehearsed(fed, checks)
        refused(fed, checks, new)
        applied(fed, checks, new)
        in_force(fed, checks, new)
        checks.equal(sorted(name for name in fed.nodes if not fed[name].is_running()), [], "all nodes are up")
        fed.stop_all()
        checks.sound_stores(fed)


if __name__ == "__main__":
    run("plan", story)
