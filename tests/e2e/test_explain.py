#!/usr/bin/env python3
"""Why and where, asked of real nodes: each node on the way tells the same, only those concerned are told, a message that waits is found
where it waits, and every decision of a run is taken again here, slowly, from the configuration files alone."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, last_json, line, run, wait_until

BODY = "the lamp at the gate is out"
NODES = ("community", "street", "district")


def send(fed, to, *more, node="community", member="intake"):
    sent = fed.qiao(node, member, "send", "--to", to, "--body", BODY, "--json", *more)
    return json.loads(sent.stdout.splitlines()[-1])["id"]


def ask(fed, node, member, command, message_id):
    """(exit status, the way as JSON or None, standard error)."""
    done = fed.qiao(node, member, command, message_id, "--json")
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


# ---- a second opinion, which knows nothing of the router but what a configuration says ----

def configuration(fed, node):
    found = {}
    with open(fed[node].config_path) as file:
        for row in file:
            if not row.startswith("#"):
                key, value = row.split(": ", 1)
                found[key] = json.loads(value)
    return found


def decide_again(conf, area, org, came_from):
    """(code, names chosen, {name: why it lost}) of a message to one member."""
    own, links = conf["node"]["area"], conf.get("links", [])
    why = {}
    for link in links:
        parent, around = link["role"] == "parent", area.startswith(link["area"])
        if parent:
            why[link["node"]] = "LOST_CAME_FROM" if link["node"] == came_from else "LOST_BELOW" if area.startswith(own) else "LOST_NEARER"
        elif around:
            why[link["node"]] = "LOST_CAME_FROM" if link["node"] == came_from else "LOST_FARTHER"
    if area == own:
        chosen = [member["name"] for member in conf.get("members", []) if member["name"] == org]
        return ("OK" if chosen else "UNKNOWN_MEMBER"), chosen, why
    below = sorted((link for link in links if link["role"] != "parent" and area.startswith(link["area"])), key=lambda link: -len(link["area"]))
    above = [link for link in links if link["role"] == "parent" and not area.startswith(own)]
    chosen = [link["node"] for link in (below or above)[:1] if link["node"] != came_from]
    for name in chosen:
        why.pop(name, None)
    return ("OK" if chosen else "NO_ROUTE"), chosen, why


def code_of(decision):
    return decision["codeName"] if decision["code"] else "OK"


def agrees(fed, hop):
    d = hop["decision"]
    code, chosen, why = decide_again(configuration(fed, hop["node"]), d["destination"]["area"], d["destination"]["org"], None if d["fromMember"] else d["from"])
    told = {choice["name"]: choice["lost"] for choice in d["lost"]}
    return (code_of(d), [choice["name"] for choice in d["chosen"]], told) == (code, chosen, why)


# ---- stories ----

def names_its_line(fed, hop):
    """The file and line that a choice names hold what was chosen."""
    choice = hop["decision"]["chosen"][0]
    with open(os.path.join(fed.folder, choice["file"])) as file:
        return choice["name"] in file.read().splitlines()[choice["line"] - 1]


def delivered(fed, checks):
    recv = fed.spawn("district", "urban", "recv", "--count", "1", "--json")
    message_id = send(fed, "990101/urban", "--wait")
    last_json(recv)
    ways = []
    for node in NODES:
        status, way, error = ask(fed, node, None, "why", message_id)
        checks.equal((status, error, [hop["node"] for hop in way["hops"]], way["gaps"]), (0, "", list(NODES), []), f"{node} tells the whole way")
        ways.append([(hop["node"], hop["atMs"], hop["decisionName"], hop["decision"], [step["state"] for step in hop["steps"]]) for hop in way["hops"]])
    checks.ok(ways[0] == ways[1] == ways[2], "asked anywhere, the answer is the same")
    checks.equal([step["state"] for hop in way["hops"] for step in hop["steps"]], ["WAY_HANDED_OVER", "WAY_HANDED_OVER", "WAY_ENDED"], "each hop says what became of it")
    checks.equal((way["hops"][0]["origin"], way["hops"][0]["outcome"]), (True, "OUTCOME_ACCEPTED"), "the origin says what its sender was told")
    checks.ok(all(agrees(fed, hop) for hop in way["hops"]), "a second opinion agrees")
    checks.ok(all(names_its_line(fed, hop) for hop in way["hops"]), "each choice names the line of the file that speaks for it")
    checks.ok(BODY not in json.dumps(way), "the content is not part of it")
    return message_id


def rights(fed, checks, message_id):
    for node, member, may in (("community", "intake", True), ("community", "desk", False), ("street", "office", False), ("district", "urban", True), ("district", "housing", False)):
        status, way, error = ask(fed, node, member, "why", message_id)
        if may:
            checks.equal((status, [hop["node"] for hop in way["hops"]]), (0, list(NODES)), f"{member}, whose message it is, is told")
        else:
            checks.ok(status == 1 and way is None and "NOT_ALLOWED" in error, f"{member} is told nothing", error)
    status, way, error = ask(fed, "street", None, "why", "01890a5d-ac96-774b-bcce-b302099a8057")
    checks.ok(status == 1 and "NOT_FOUND" in error, "a message nobody sent is found by nobody", error)


def refused(fed, checks):
    for to, code, way_of_it in (("990101/nobody", "UNKNOWN_MEMBER", list(NODES)), ("990101001001/nobody", "UNKNOWN_MEMBER", ["community"]), ("880202/urban", "NO_ROUTE", list(NODES))):
        status, way, _ = ask(fed, "community", "intake", "why", send(fed, to, "--wait"))
        last = way["hops"][-1]
        checks.equal((status, [hop["node"] for hop in way["hops"]], last["decision"]["codeName"], [step["state"] for step in last["steps"]]), (0, way_of_it, code, ["WAY_REFUSED"]),
                     f"to {to}: refused, and told where and why")
        checks.ok(all(agrees(fed, hop) for hop in way["hops"]), f"to {to}: a second opinion agrees")


def waiting(fed, checks):
    """Where a message waits, what for, and that it expired there."""
    fed["district"].stop()
    wait_until(lambda: not fed.peer("street", "district")["up"], "street notices", pause_s=0.02)
    first, second = send(fed, "990101/urban"), send(fed, "990101/urban", "--expires", "1s")
    wait_until(lambda: fed.queued("street", "district") == 2, "both wait at the street", pause_s=0.02)
    status, way, _ = ask(fed, "community", "intake", "trace", second)
    step = way["hops"][-1]["steps"][0]
    checks.equal((status, way["hops"][-1]["node"], step["state"], step["to"], step["ahead"], step["linkUp"]), (0, "street", "WAY_QUEUED", "district", "1", False),
                 "a message that waits is found where it waits, behind another")
    shown = fed.qiao("community", "intake", "trace", second)
    checks.ok(any(row.startswith("*  street") and "in the queue to district, 1 before it" in row for row in shown.stdout.splitlines()), "and a person is told so", shown.stdout)
    wait_until(lambda: ask(fed, "street", None, "trace", second)[1]["hops"][-1]["steps"][0]["state"] == "WAY_ENDED", "it expires there", pause_s=0.1)
    step = ask(fed, "street", None, "trace", second)[1]["hops"][-1]["steps"][0]
    checks.equal((step["outcome"], step["codeName"]), ("OUTCOME_EXPIRED", "EXPIRED"), "it is told where it expired")
    fed["district"].start()
    fed.wait_links()
    recv = fed.spawn("district", "urban", "recv", "--count", "1")
    recv.communicate()
    wait_until(lambda: ask(fed, "community", "intake", "trace", first)[1]["hops"][0]["outcome"] == "OUTCOME_ACCEPTED", "the other arrives", pause_s=0.05)
    fed["district"].stop()
    wait_until(lambda: not fed.peer("street", "district")["up"], "street notices", pause_s=0.02)
    status, way, _ = ask(fed, "community", "intake", "why", first)
    checks.equal((status, [gap["node"] for gap in way["gaps"]]), (1, ["district"]), "a part that cannot be had is named")
    fed["district"].start()
    fed.wait_links()


def restarted(fed, checks, message_id):
    """Decisions outlive the process, and a configuration that changed."""
    before = ask(fed, "street", None, "why", message_id)[1]["hops"][1]["decision"]
    fed["street"].kill()
    with open(fed["street"].config_path, "a") as file:
        file.write("# a comment\n")
    fed["street"].start()
    fed.wait_links()
    after = ask(fed, "street", None, "why", message_id)[1]["hops"][1]["decision"]
    checks.equal(after, before, "after a kill the same is told")
    recv = fed.spawn("district", "urban", "recv", "--count", "1")
    fresh = ask(fed, "street", None, "why", send(fed, "990101/urban", "--wait"))[1]["hops"][1]["decision"]
    recv.communicate()
    checks.ok(before["configuration"].startswith("1-") and fresh["configuration"].startswith("2-"), "each decision names the configuration it was made with",
              (before["configuration"], fresh["configuration"]))


def dry_run(fed, node, *arguments):
    done = fed.qiao(node, None, "route", "--dry-run", "--json", *arguments)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def rehearsed(fed, checks):
    """What would be decided, and then is: the same but for the time."""
    for to, code in (("990101/urban", "OK"), ("990101001001/nobody", "UNKNOWN_MEMBER"), ("990101001001/desk", "OK")):
        before = fed.status("community")["accepted"]
        status, told, error = dry_run(fed, "community", "--from", "990101001001/intake", "--to", to)
        checks.equal((status, code_of(told["decision"]), fed.status("community")["accepted"]), (0 if code == "OK" else 1, code, before), f"rehearsed to {to}: told, nothing sent")
        way = ask(fed, "community", None, "why", send(fed, to))[1]
        checks.equal(way["hops"][0]["decision"], told["decision"], f"to {to}: it is decided as it was told")
    status, told, _ = dry_run(fed, "street", "--from", "990101001001/intake", "--to", "990101/urban")
    checks.equal((status, told["decision"]["from"], [choice["name"] for choice in told["decision"]["chosen"]]), (0, "community", ["district"]), "on the way too")
    status, told, error = dry_run(fed, "community", "--from", "990101001001/nobody", "--to", "990101/urban")
    checks.ok(status == 1 and "SOURCE" in error, "a source that nobody is", error)
    checks.equal(fed.qiao("community", None, "route", "--dry-run", "990101/urban").returncode, 2, "without a source it is wrong use")
    recv = [fed.spawn("district", "urban", "recv", "--count", "1"), fed.spawn("community", "desk", "recv", "--count", "1")]
    for child in recv:
        child.communicate()


RULES = """rules:
  - name: lamps-to-housing
    when: {matter: "LAMP*"}
    do: {to: 990101/housing}
  - name: no-drafts
    when: {matter: DRAFT}
    do: {refuse: {code: NOT_COMPETENT, reason: "drafts stay at home"}}
"""


def by_rules(fed, checks):
    """A rule that sends elsewhere, and one that refuses: named with file and line, before and afterwards."""
    with open(os.path.join(fed.folder, "rules.yaml"), "w") as file:
        file.write(RULES)
    fed["community"].stop()
    with open(fed["community"].config_path, "a") as file:
        file.write(f'rules: {json.dumps({"file": os.path.join(fed.folder, "rules.yaml")})}\n')
    fed["community"].start()
    fed.wait_links()
    for matter, rule, number, code in (("LAMP.STREET", "lamps-to-housing", 2, "OK"), ("DRAFT", "no-drafts", 5, "NOT_COMPETENT")):
        status, told, error = dry_run(fed, "community", "--from", "990101001001/intake", "--to", "990101/urban", "--matter", matter)
        way = ask(fed, "community", None, "why", send(fed, "990101/urban", "--matter", matter))[1]
        decision = way["hops"][0]["decision"]
        checks.equal((code_of(decision), decision["rule"]["name"], decision["rule"]["file"], decision["rule"]["line"]), (code, rule, "rules.yaml", number),
                     f"{rule} is named with its line")
        checks.equal(told["decision"], decision, f"{rule}: told before as afterwards")
        if code == "OK":
            checks.equal((decision["destination"]["org"], decision["redirectedFrom"]["org"]), ("housing", "urban"), "where it was sent to before is told")
    fed.spawn("district", "housing", "recv", "--count", "1").communicate()


def a_run(fed, checks, count):
    """Many messages: every one that is asked for is found, and decided as the second opinion decides."""
    path = os.path.join(fed.folder, "deliveries")
    with open(path, "w") as out:
        deliveries = subprocess.Popen(fed.command("district", "urban", "recv", "--count", str(count), "--json"), stdout=out, stdin=subprocess.DEVNULL)
    fed.children.append(deliveries)
    load = fed.spawn("community", "intake", "bench", "send", "--to", "990101/urban", "--count", str(count), "--wait-outcomes", "--idle-timeout", "60s", "--json")
    told = last_json(load)[1]
    checks.equal(told.get("outcomes", {}).get("accepted"), count, f"a run of {count} messages is accepted")
    deliveries.terminate()
    deliveries.wait()
    with open(path) as file:
        ids = [json.loads(row)["id"] for row in file if row.startswith("{")]
    wrong = []
    for message_id in ids[:: max(1, len(ids) // 60)]:
        status, way, error = ask(fed, "street", None, "why", message_id)
        if status != 0 or len(way["hops"]) != 3 or not all(agrees(fed, hop) for hop in way["hops"]):
            wrong.append((message_id, status, error))
    checks.ok(len(ids) == count and not wrong, f"of a run of {count} messages those asked for are found and decided alike", wrong[:3])


def story(checks):
    with Federation(line()) as fed:
        fed.start_all()
        message_id = delivered(fed, checks)
        rights(fed, checks, message_id)
        refused(fed, checks)
        waiting(fed, checks)
        restarted(fed, checks, message_id)
        rehearsed(fed, checks)
        by_rules(fed, checks)
        a_run(fed, checks, 2000 if os.environ.get("QIAO_E2E_QUICK") else 20000)
        fed.stop_all()
        checks.sound_stores(fed)


run("e2e explain", story)
