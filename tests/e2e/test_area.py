#!/usr/bin/env python3
"""What becomes of mail for areas that changed: one successor, several with triage at the old parent, none, too old; signed end to end.
The community has a table from before the change: the district sends on what it sends up. A broken file at reload changes nothing.
Then registrars give all nodes a new table by messages: one node is stopped meanwhile, one is killed, one has another file."""
import base64
import datetime
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Node, run, wait_until

HEAD = "code,name,valid_from,valid_to,successors\n"
AREAS = "990101000000,安和区,,,\n990101001,安澜街道,,,\n990101002000,安平街道,,,\n990101001001,安澜社区,,,\n"


def day(ago):
    return (datetime.date.today() - datetime.timedelta(days=ago)).isoformat()


def changes():
    return (f"990101005,merged,,{day(30)},990101001:MERGE\n990101006,divided,,{day(30)},990101001:SPLIT:0.5|990101002:SPLIT:50%\n"
            f"990101006001,told,,{day(30)},990101002\n990101007,gone,,{day(30)},\n990101008,long ago,,{day(600)},990101001\n")


def write(fed, name, text):
    path = os.path.join(fed.folder, name)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)
    return path


def tree():
    return {"district": Node("990101", None, ("reception",)), "street": Node("990101001", "district", ("office",)), "other": Node("990101002", "district", ("office",)),
            "community": Node("990101001001", "street", ("intake",))}


def send(fed, node, member, to, *more):
    return fed.qiao(node, member, "send", "--to", to, "--body", "x", "--wait", "--timeout", "20s", *more)


def delivered(checks, fed, node, member, to, reroute, what, sender=("community", "intake")):
    receiver = fed.spawn(node, member, "recv", "--count", "1", "--json")
    done = send(fed, *sender, to)
    checks.ok(done.returncode == 0, f"{what}: accepted, and the sender's node believes it", done.stdout + done.stderr)
    out, error = receiver.communicate(timeout=30)
    said = json.loads(out.splitlines()[0]) if out else {}
    checks.ok(said.get("reroutedFrom", "") == reroute, f"{what}: stamped {reroute or 'with nothing'}", f"{out} {error}")


def refused(checks, fed, to, code, what, *more, sender=("community", "intake")):
    done = send(fed, *sender, to, *more)
    checks.ok(done.returncode == 1 and f"({code})" in done.stderr, f"{what}: {code}", f"{done.returncode} {done.stdout} {done.stderr}")


def routing(checks, fed):
    delivered(checks, fed, "street", "office", "990101005/office", "990101005", "one successor")
    delivered(checks, fed, "street", "office", "990101001000/office", "990101001000", "a padded code")
    delivered(checks, fed, "other", "office", "990101002/office", "", "an area in force")
    delivered(checks, fed, "other", "office", "990101006001/office", "990101006001", "divided, and the longer code tells")
    delivered(checks, fed, "district", "reception", "990101006/office", "990101006", "divided: the old parent's triage")
    refused(checks, fed, "990101007/office", "AREA_VOID", "no successor")
    refused(checks, fed, "990101008/office", "AREA_OLD", "voided long ago")
    refused(checks, fed, "990101006/**", "AREA_AMBIGUOUS", "a set is never sent to all successors", "--kind", "bulletin", "--privacy", "public")
    done = fed.qiao("community", None, "route", "990101005/office", "--json")
    checks.ok(done.returncode == 0, "route tells the way of a voided code", done.stdout + done.stderr)


def proving(checks, fed):
    """Who checks a proof offline believes the successor only with a table that names it."""
    done = send(fed, "community", "intake", "990101006/office", "--json")
    message = json.loads(done.stdout.splitlines()[-1]).get("id") or json.loads(done.stdout.splitlines()[0])["id"]
    path = os.path.join(fed.folder, "proof.json")
    checks.equal(fed.qiao("community", None, "proof", message, "-o", path).returncode, 0, "a proof of a message that triage took")
    trust = ("verify", path, "--trust", fed["community"].tls_files()["ca"], "--json")
    checks.equal(json.loads(fed.qiao("community", None, *trust).stdout)["reason"], "NOT_ENTITLED", "without a table its decider is nobody")
    checks.equal(json.loads(fed.qiao("community", None, *trust, "--areas", os.path.join(fed.folder, "areas.csv")).stdout)["reason"], "GOOD", "with it it is the old parent")


def asking(checks, fed):
    def area(*arguments):
        done = fed.qiao("community", None, "area", *arguments, "--json")
        return done.returncode, [json.loads(row) for row in done.stdout.splitlines()], done.stderr

    status, (said,), _ = area("find", "990101005")
    checks.equal((status, said["answer"], said["deliverTo"], said["area"]["name"]), (0, "SUCCESSOR", "990101001", "merged"), "the node tells where a voided code goes")
    status, (said,), _ = area("find", "990101008", "--at", day(590))
    checks.equal((status, said["answer"], said["deliverTo"]), (0, "SUCCESSOR", "990101001"), "and as of another day")
    status, (said,), _ = area("find", "990101006")
    checks.equal((status, said["answer"], sorted(said["candidates"]), said["decides"]), (1, "AMBIGUOUS", ["990101001", "990101002"], "990101"), "no one of several is chosen")
    status, (said,), _ = area("show", "990101000000")
    checks.equal((status, said["area"]["code"], said["area"]["name"]), (0, "990101", "安和区"), "a row, asked for in its padded form")
    status, (said,), _ = area("status")
    checks.equal((status, said["areas"], said["acceptOldDays"]), (0, "9", 548), "the node's table")
    old, new = write(fed, "old.csv", HEAD + AREAS), write(fed, "new.csv", HEAD + AREAS + changes())
    status, rows, _ = area("diff", old, new)
    checks.equal((status, [row["change"] for row in rows]), (1, ["added"] * 5), "two files compared")
    status, (said,), _ = area("check", new)
    checks.equal((status, said["areas"], said["voided"]), (0, 9, 5), "a file checked")
    status, rows, error = area("check", write(fed, "bad.csv", HEAD + "99010x,a,,,\n"))
    checks.ok(status == 1 and not rows and 'bad.csv:2:1: code "99010x" holds something else than digits' in error, "a bad one told with its place", error)
    status, rows, _ = area("find", "990101005", "--at", "yesterday")
    checks.equal(status, 2, "what is no day is wrong use")


def reloading(checks, fed):
    broker = fed["district"]
    write(fed, "district.csv", HEAD + AREAS + "99010100,short,,,\n")
    broker.signal(signal.SIGHUP)
    wait_until(lambda: "configuration not reloaded" in broker.log(), "the district says that it did not take the file")
    checks.ok("district.csv:6:1: areas.file: code \"99010100\" has neither" in broker.log(), "with file, line, column and value", broker.log()[-800:])
    delivered(checks, fed, "street", "office", "990101005/office", "990101005", "the table in force stays", sender=("district", "reception"))
    write(fed, "district.csv", HEAD + AREAS + changes() + f"990101009,new merge,,{day(1)},990101002\n")
    broker.signal(signal.SIGHUP)
    wait_until(lambda: "areas=10" in broker.log(), "the district has the new table")
    done = send(fed, "district", "reception", "990101009/office")
    checks.ok(done.returncode == 1 and "(NO_ROUTE)" in done.stderr, "a node that does not know of the change cannot take it, and is believed", done.stderr)
    write(fed, "areas.csv", HEAD + AREAS + changes() + f"990101009,new merge,,{day(1)},990101002\n")
    fed["other"].signal(signal.SIGHUP)
    wait_until(lambda: "areas=10" in fed["other"].log(), "the other street has it too")
    delivered(checks, fed, "other", "office", "990101009/office", "990101009", "after the reload", sender=("district", "reception"))


# ---- the table changes by messages ----

class Change:
    """Two registrars of the district and the files they have."""

    def __init__(self, checks, fed, old, new):
        self.checks, self.fed, self.old, self.new = checks, fed, write(fed, "published-old.csv", old), write(fed, "published-new.csv", new)

    def area(self, node, member, *arguments):
        return self.fed.qiao(node, member, "area", *arguments)

    def version(self, path):
        done = self.area("district", None, "check", path, "--json")
        return json.loads(done.stdout)["version"]

    def status(self, node):
        done = self.area(node, None, "status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def everywhere(self, nodes, path):
        for node in nodes:
            wait_until(lambda: hexadecimal(self.status(node).get("version")) == self.version(path), f"the {node} has the table of {os.path.basename(path)}", None, 0.05)
        self.checks.ok(True, f"{', '.join(nodes)}: the table of {os.path.basename(path)}")

    def refused(self, done, words, what):
        self.checks.ok(done.returncode == 1 and words in done.stderr, what, f"{done.returncode} {done.stdout} {done.stderr}")

    def accepted(self, done, what):
        self.checks.ok(done.returncode == 0, what, f"{done.returncode} {done.stdout} {done.stderr}")


def hexadecimal(text):
    """Bytes in JSON are base64 (ProtoJSON)."""
    return base64.b64decode(text).hex() if text else ""


def refusals(change):
    change.refused(change.area("district", "reception", "publish", change.old, change.new, "--wait"), "(NOT_ALLOWED)", "who is no registrar proposes nothing")
    change.refused(change.area("district", "registry", "publish", change.new, change.old, "--wait"), "begin with the file that the nodes have", "a change of another table is not sent")
    change.refused(change.area("district", "registry", "publish", change.old, change.old, "--wait"), "the same table", "no change is none")
    change.refused(change.area("district", "inspection", "confirm", change.new, "--wait"), "no change", "what was not proposed is not confirmed")


def changing(change):
    fed = change.fed
    fed["community"].stop()
    change.accepted(change.area("district", "registry", "publish", change.old, change.new, "--wait"), "a registrar proposes")
    change.refused(change.area("district", "registry", "confirm", change.new, "--wait"), "(ORG_DUAL_CONTROL)", "who proposes does not confirm")
    status = change.status("district")
    change.checks.equal((len(status["changes"]), status["changes"][0]["registrar"]), (1, "990101/registry"), "what waits is shown")
    wait_until(lambda: change.status("street").get("changes"), "the street keeps it")
    fed["street"].kill()
    fed["street"].start()
    change.accepted(change.area("district", "inspection", "confirm", change.new, "--wait"), "another one confirms")
    change.everywhere(("district", "street"), change.new)
    fed["community"].start()
    change.everywhere(("community",), change.new)
    wait_until(lambda: peers(change.status("street")) == {"district": change.version(change.new), "community": change.version(change.new)}, "the street knows which tables its neighbours have")
    change.checks.ok("the same version" in change.area("street", None, "status").stdout, "and says so")


def peers(status):
    return {peer["node"]: hexadecimal(peer.get("version")) for peer in status.get("peers", [])}


def behind(change):
    """The other street had another file: it refused, and is sent the change when an operator has given it the one that the others had."""
    checks, fed = change.checks, change.fed
    checks.ok(hexadecimal(change.status("other")["version"]) != change.version(change.new), "a node with another file stays as it is")
    write(fed, "other.csv", HEAD + AREAS)
    fed["other"].signal(signal.SIGHUP)
    change.everywhere(("other",), change.new)
    fed["other"].kill()
    fed["other"].start()
    change.everywhere(("other",), change.new)


def learning(checks):
    nodes = tree()
    nodes["district"].members = ("reception", "registry", "inspection")
    with Federation(nodes) as fed:
        for name in fed.nodes:
            extra = "990101009,of another file,,,\n" if name == "other" else ""
            path = write(fed, f"{name}.csv", HEAD + AREAS + extra)
            fed.nodes[name].more = {"areas": {"file": path}, "registry": {"registrars": ["990101/registry", "990101/inspection"]}}
            fed[name].write_configuration()
        fed.start_all()
        change = Change(checks, fed, HEAD + AREAS, HEAD + AREAS + changes())
        refusals(change)
        changing(change)
        fed.wait_links()
        delivered(checks, fed, "street", "office", "990101005/office", "990101005", "by the new table")
        behind(change)
        checks.equal(set(fed.stop_all().values()), {0}, "all end well")
        checks.sound_stores(fed)


def story(checks):
    routing_story(checks)
    learning(checks)


def routing_story(checks):
    with Federation(tree()) as fed:
        path = write(fed, "areas.csv", HEAD + AREAS + changes())
        write(fed, "district.csv", HEAD + AREAS + changes())
        for name in fed.nodes:
            file = {"district": os.path.join(fed.folder, "district.csv")}.get(name, path)
            fed.nodes[name].more = {"areas": {"file": file, **({"triage": "reception"} if name == "district" else {})}}
            fed[name].write_configuration()
        fed.start_all()
        routing(checks, fed)
        receiver = fed.spawn("district", "reception", "recv", "--count", "1")
        proving(checks, fed)
        checks.equal(receiver.wait(30), 0, "triage has it")
        asking(checks, fed)
        reloading(checks, fed)
        checks.equal(set(fed.stop_all().values()), {0}, "all end well")
        checks.sound_stores(fed)


run("e2e area", story)
