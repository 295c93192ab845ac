#!/usr/bin/env python3
"""The register of organisations over three nodes: registered at the district and seen at the community, a changed key and a closure that
need two registrars, and what becomes of messages of those who are suspended, closed or not registered."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Node, run, wait_until

REGISTRY = {"registrars": ["990101/registry", "990101/inspection"]}
HOUSING, LABOUR, MEDIATION = "11990101QA0000022E", "11990101QA0000065U", "52990101QA0000057R"


def tree():
    def members(**codes):
        return [{"name": name, **({"org": code} if code else {})} for name, code in codes.items()]
    return {
        "district": Node("990101", None, (), {}, {"registry": REGISTRY, "members": members(registry="", inspection="", housing=HOUSING)}),
        "street": Node("990101001", "district", (), {}, {"registry": {**REGISTRY, "required": True}, "members": members(labour=LABOUR, unknown="")}),
        "community": Node("990101001001", "street", (), {}, {"registry": REGISTRY, "members": members(mediation=MEDIATION)}),
    }


class Story:
    def __init__(self, checks, fed):
        self.checks, self.fed = checks, fed

    def org(self, member, *arguments):
        return self.fed.qiao("district", member, "org", *arguments, "--json")

    def accepted(self, member, *arguments):
        done = self.org(member, *arguments, "--wait")
        self.checks.ok(done.returncode == 0, f"{member}: org {' '.join(arguments[:2])}", done.stdout + done.stderr)

    def refused(self, code, done, words=""):
        self.checks.ok(done.returncode == 1 and f"({code})" in done.stderr and words in done.stderr, f"refused with {code} {words}", f"{done.returncode} {done.stderr}")

    def show(self, node, name):
        done = self.fed.qiao(node, None, "org", "show", name, "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def everywhere(self, name, **wanted):
        """Every node has the organisation so."""
        for node in self.fed.nodes:
            wait_until(lambda: all(self.show(node, name).get("record", {}).get(key) == value for key, value in wanted.items()), f"{name} is {wanted} at the {node}", None, 0.02)
        self.checks.ok(True, f"{name} is {wanted} at every node")

    def send(self, node, member, to):
        return self.fed.qiao(node, member, "send", "--to", to, "--body", "x", "--wait", "--timeout", "20s")


def registering(story):
    for name, code, area in (("housing", HOUSING, "990101"), ("labour", LABOUR, "990101001"), ("mediation", MEDIATION, "990101001001")):
        story.accepted("registry", "register", name, "--code", code, "--name", name + " office", "--type", "gov", "--area", area)
    story.everywhere("housing", state="ORG_STATE_LIVE", version="1")
    story.everywhere("mediation", state="ORG_STATE_LIVE")
    listed = story.fed.qiao("community", None, "org", "list", "--json", "--all", "--most", "2").stdout.splitlines()
    story.checks.equal([json.loads(line)["organisation"]["orgId"] for line in listed], ["housing", "labour", "mediation"], "the community lists them")
    story.refused("ORG_TAKEN", story.org("inspection", "register", "other", "--code", HOUSING, "--name", "x", "--type", "gov", "--area", "990101", "--wait"))
    story.refused("ORG_USCC", story.org("inspection", "register", "other", "--code", HOUSING[:-1] + "F", "--name", "x", "--type", "gov", "--area", "990101", "--wait"), "'E', found 'F'")
    story.refused("NOT_ALLOWED", story.org("housing", "suspend", "labour", "--wait"))


def two_for_a_key(story):
    paper = os.path.join(story.fed.folder, "housing.yaml")
    with open(paper, "w") as out:
        out.write(f"uscc: {HOUSING}\nname: Housing bureau\ntype: ORG_TYPE_GOV\nlevel: ORG_LEVEL_DISTRICT\narea_code: \"990101\"\n"
                  "remit: [HOUSING.REPAIR]\nseats:\n  - name: duty\n    role: intake\n    keys: [000102030405060708090a0b0c0d0e0f]\n")
    proposal = story.fed.spawn("district", "registry", "org", "update", "housing", "--file", paper, "--wait", "--timeout", "60s")
    wait_until(lambda: story.show("district", "housing").get("open"), "the district holds the proposal", None, 0.02)
    story.checks.equal(story.show("district", "housing")["record"]["version"], "1", "a changed key waits")
    wait_until(lambda: story.show("community", "housing").get("open"), "the community holds it too", None, 0.02)
    story.refused("ORG_DUAL_CONTROL", story.org("registry", "confirm", "housing", "--wait"), "a different registrar")
    story.fed["district"].kill()
    story.fed["district"].start()
    story.fed.wait_links()
    story.accepted("inspection", "confirm", "housing")
    _, error = proposal.communicate(timeout=60)
    story.checks.equal((proposal.returncode, error.count("refused")), (0, 0), "the proposal is accepted once it is confirmed")
    story.everywhere("housing", version="2", confirmedBy="990101/inspection")
    seat = story.show("community", "housing")["record"]["organisation"]["seats"][0]
    story.checks.equal((seat["name"], seat["keys"]), ("duty", ["AAECAwQFBgcICQoLDA0ODw=="]), "the community has the key")


def members(story):
    story.refused("ORG_UNREGISTERED", story.send("street", "unknown", "990101/housing"))
    story.accepted("registry", "suspend", "labour", "--reason", "audit")
    story.everywhere("labour", state="ORG_STATE_SUSPENDED")
    story.refused("ORG_SUSPENDED", story.send("street", "labour", "990101/housing"))
    story.refused("ORG_SUSPENDED", story.send("district", "housing", "990101001/labour"))
    story.accepted("registry", "suspend", "labour", "--lift")
    story.everywhere("labour", state="ORG_STATE_LIVE", version="3")
    receiver = story.fed.spawn("district", "housing", "recv", "--count", "1", "--json")
    done = story.send("street", "labour", "990101/housing")
    story.checks.ok(done.returncode == 0, "once the suspension is lifted, labour is heard again", done.stderr)
    story.checks.equal(receiver.wait(60), 0, "housing has the message")


def closing(story):
    story.refused("ORG_SUCCESSOR", story.org("registry", "close", "mediation", "--successor", "nobody", "--wait"), "nobody is not registered")
    done = story.org("registry", "close", "mediation", "--successor", "labour", "--reason", "merged")
    story.checks.equal(done.returncode, 0, "the closure is on its way")
    wait_until(lambda: story.show("district", "mediation").get("open"), "the district holds it", None, 0.02)
    story.accepted("inspection", "confirm", "mediation")
    story.everywhere("mediation", state="ORG_STATE_CLOSED", succession=["labour"])
    words = "turn to labour in area 990101001"
    story.refused("ORG_CLOSED", story.send("district", "housing", "990101001001/mediation"), words)
    story.refused("ORG_CLOSED", story.send("community", "mediation", "990101/housing"), words)
    bulletin = story.fed.qiao("district", "housing", "send", "--to", "990101001001/**", "--kind", "bulletin", "--privacy", "public", "--body", "x", "--wait", "--timeout", "20s")
    story.refused("ORG_CLOSED", bulletin, words)
    story.refused("ORG_CLOSED", story.org("registry", "update", "mediation", "--duty-hours", "24/7", "--wait"))


def restart(story):
    story.checks.equal(set(story.fed.stop_all().values()), {0}, "all end well")
    story.checks.sound_stores(story.fed)
    story.fed.start_all()
    story.everywhere("mediation", state="ORG_STATE_CLOSED", version="2")
    story.everywhere("housing", version="2")
    story.refused("ORG_CLOSED", story.send("community", "mediation", "990101/housing"))


def story(checks):
    with Federation(tree()) as fed:
        fed.start_all()
        told = Story(checks, fed)
        for part in (registering, two_for_a_key, members, closing, restart):
            part(told)


run("e2e registry", story)
