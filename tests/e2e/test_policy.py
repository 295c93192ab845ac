#!/usr/bin/env python3
"""The shipped policy on real nodes: what is allowed arrives with its grounds, each refusal comes back with its code and rule, and what is
marked secret is found nowhere in any store. Reload, and errors in the policy's files."""
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import ROOT, Federation, Node, last_json, program, run, wait_until

CONF = os.path.join(ROOT, "conf")
SECRET, CONTROL = "canary-of-a-secret-7f3a91", "canary-of-the-control-b06d25"
COMPLAINT = ("--kind", "case.open", "--purpose", "HANDLE_COMPLAINT", "--basis", "QHJH-BJ#11")
BULLETIN = ("--kind", "bulletin", "--privacy", "public", "--purpose", "INFORM_PUBLIC")

# what, sender, options, code, the rule or file that decided
REFUSED = (
    ("no rule for this sender", "visitors", ("--to", "990101/urban-mgmt", *COMPLAINT), "ROUTE_DENIED", "rule default, default.yaml"),
    ("a kind without rules", "hotline", ("--to", "990101/urban-mgmt", "--body", "x"), "ROUTE_DENIED", "rule kinds, default.yaml"),
    ("a rule that refuses", "street", ("--to", "990101/court", *COMPLAINT), "ROUTE_DENIED", "rule no-orders-to-independent-seats, default.yaml"),
    ("no purpose", "hotline", ("--to", "990101/urban-mgmt", "--kind", "case.open", "--basis", "QHJH-BJ#11"), "PURPOSE", "default.yaml"),
    ("another kind's purpose", "hotline", ("--to", "990101/urban-mgmt", *COMPLAINT[:2], "--purpose", "INFORM_PUBLIC"), "PURPOSE", "default.yaml"),
    ("no basis", "hotline", ("--to", "990101/urban-mgmt", *COMPLAINT[:4]), "NO_BASIS", "rule intake, default.yaml"),
    ("a basis nobody knows", "hotline", ("--to", "990101/urban-mgmt", *COMPLAINT[:4], "--basis", "QHJH-BJ#99"), "NO_BASIS", "legal-basis.yaml"),
    ("a basis on the day of its repeal", "hotline", ("--to", "990101/urban-mgmt", *COMPLAINT[:4], "--basis", "PSPL#58", "--event-day", "2026-01-01"),
     "BASIS_EXPIRED", "legal-basis.yaml"),
    ("a basis on the day before its force", "hotline", ("--to", "990101/urban-mgmt", *COMPLAINT[:4], "--basis", "PSPL#88", "--event-day", "2025-12-31"),
     "BASIS_EXPIRED", "legal-basis.yaml"),
    ("personal data the kind may not carry", "hotline", ("--to", "990101/urban-mgmt", *COMPLAINT, "--privacy", "confidential", "--personal-data", "name"),
     "PI_EXCESS", "name"),
    ("personal data as internal", "hotline", ("--to", "990101/urban-mgmt", *COMPLAINT, "--personal-data", "home"), "PI_EXCESS", "home"),
    ("kept too long", "hotline", ("--to", "990101/urban-mgmt", *COMPLAINT, "--retention", "CASE.30Y"), "RETENTION", "default.yaml"),
    ("no consent", "mediators", ("--to", "990101/court", "--kind", "referral.request", "--purpose", "CONFIRM_AGREEMENT", "--basis", "MED-LAW#33",
                                 "--privacy", "confidential"), "CONSENT", "rule confirmation, default.yaml"),
    ("what must be sealed", "street", ("--to", "990101/hospital#psych", "--kind", "110", "--purpose", "PSYCH_REFERRAL", "--basis", "PIPL#23",
                                       "--privacy", "confidential"), "PLAINTEXT_SEALED", "default.yaml"),
    ("confidential to an area set", "street", ("--to", "990101/**", "--kind", "bulletin", "--purpose", "INFORM_PUBLIC", "--privacy", "confidential"),
     "ROUTE_DENIED", "named organisation"),
)

SECRETS = (
    ("by its purpose", ("--purpose", "STATE_SECRET", "--matter", SECRET)),
    ("by its matter's prefix", ("--purpose", "HANDLE_COMPLAINT", "--matter", "SECRET." + SECRET)),
    ("by a word in its matter", ("--purpose", "HANDLE_COMPLAINT", "--matter", "绝密 " + SECRET)),
)


def tree():
    policy = {"file": os.path.join(CONF, "policy", "default.yaml"), "catalogue": os.path.join(CONF, "catalogues", "legal-basis.yaml")}
    members = lambda **types: [{"name": name.replace("_", "-"), "type": kind} for name, kind in types.items()]
    return {
        "district": Node("990101", None, more={"policy": policy, "members": members(urban_mgmt="gov", court="judicial", hospital="medical", hub="coord")}),
        "street": Node("990101001", "district", more={"policy": policy, "members": members(
            hotline="gateway", street="subdistrict", mediators="social", visitors="oversight")}),
    }


def grep(fed, word):
    """Files of the stores that hold the word in the clear: bytes as they are, whatever the engine."""
    found = []
    for broker in fed.brokers.values():
        for folder, _, names in os.walk(broker.store):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    if word.encode() in file.read():
                        found.append(os.path.join(folder, name))
    return found


def send(fed, sender, *options):
    done = fed.qiao("street", sender, "send", *options, "--wait", "--json")
    answer = json.loads(done.stdout.splitlines()[-1]) if done.stdout.startswith("{") else {}
    return done, answer


def allowed(fed, checks):
    recv = fed.spawn("district", "urban-mgmt", "recv", "--count", "2", "--json")
    done, _ = send(fed, "hotline", "--to", "990101/urban-mgmt", *COMPLAINT[:4], "--basis", "QHJH-BJ#11,ECO-CODE#1190(3)@2026-11", "--privacy", "confidential",
                   "--personal-data", "home,statement", "--consent", "CON-9", "--retention", "CASE.10Y", "--retention-time", "90d",
                   "--case", "C-1", "--matter", CONTROL, "--body-json", json.dumps({"title": CONTROL}))
    checks.equal(done.returncode, 0, "an allowed case is accepted: " + done.stderr.strip())
    # On its last day a basis holds.
    done, _ = send(fed, "hotline", "--to", "990101/urban-mgmt", *COMPLAINT[:4], "--basis", "PSPL#58", "--event-day", "2025-12-31")
    checks.equal(done.returncode, 0, "the day before its repeal a basis holds: " + done.stderr.strip())
    out, _ = recv.communicate(timeout=30)
    got = json.loads(out.splitlines()[0])
    checks.equal((got.get("purpose"), got.get("consentRef"), got.get("retentionRule")), ("HANDLE_COMPLAINT", "CON-9", "CASE.10Y"), "the recipient sees the grounds")
    checks.equal(got.get("legalBasis", [{}])[-1], {"catalogue": "ECO-CODE", "article": "1190(3)", "version": "2026-11"}, "and the legal bases")
    checks.equal(got.get("personalData"), ["home", "statement"], "and which personal data it holds")
    reader = fed.spawn("street", "mediators", "recv", "--count", "1", "--json")
    fed.qiao("street", "street", "send", "--to", "990101001/**", *BULLETIN, "--body", "a notice")
    checks.equal(last_json(reader)[1].get("bodyText"), "a notice", "a public notice needs no basis and goes to an area")


def refusals(fed, checks):
    for what, sender, options, code, says in REFUSED:
        done, answer = send(fed, sender, *options)
        checks.ok(done.returncode == 1 and answer.get("codeName") == code and says in answer.get("reason", ""), f"refused: {what}: {code}",
                  f"{done.returncode}: {done.stdout}{done.stderr}")
    # The same message again has the same outcome.
    fixed = ("--id", "01890a5d-ac96-774b-bcce-b302099a8057", "--to", "990101/urban-mgmt", *COMPLAINT[:4])
    codes = [send(fed, "hotline", *fixed)[1].get("codeName") for _ in range(2)]
    checks.equal(codes, ["NO_BASIS", "NO_BASIS"], "a refused message sent again has the first outcome")


def rate(fed, checks):
    """psych-referral and confirmation let one sender send 60 a minute."""
    fed.spawn("district", "court", "recv", "--json")
    options = ("--to", "990101/court", "--kind", "referral.request", "--purpose", "CONFIRM_AGREEMENT", "--basis", "MED-LAW#33",
               "--privacy", "confidential", "--consent", "CON-1")
    codes = [send(fed, "mediators", *options)[1] for _ in range(100)]
    accepted = sum(answer.get("outcome") == "accepted" for answer in codes)
    over = [answer for answer in codes if answer.get("codeName") == "RATE"]
    checks.ok(60 <= accepted < 100 and len(over) == 100 - accepted, "60 a minute go through, the rest is RATE", f"{accepted} accepted, {len(over)} RATE")
    checks.ok(over and "rule confirmation, default.yaml:" in over[0]["reason"], "RATE names its rule", str(over[:1]))


def secrets(fed, checks):
    for what, options in SECRETS:
        done, answer = send(fed, "hotline", "--to", "990101/urban-mgmt", "--kind", "case.open", "--case", "C-2", "--key", SECRET, "--basis", "QHJH-BJ#11",
                            "--body-json", json.dumps({"title": SECRET}), *options)
        checks.ok(done.returncode == 1 and answer.get("codeName") == "SECRET", f"a secret is refused {what}", done.stdout + done.stderr)
        checks.ok(SECRET not in answer.get("reason", SECRET), "and its refusal repeats nothing of it", answer.get("reason"))
        known = fed.qiao("street", None, "message", answer.get("id", ""), "--json")
        checks.ok('"codeName":"SECRET"' in known.stdout.replace(" ", "") and SECRET not in known.stdout, "the refusal itself is kept", known.stdout + known.stderr)
    shown = fed.qiao("street", None, "case", "show", "C-2")
    checks.ok(shown.returncode == 1, "no case knows of it", shown.stdout)


def nowhere(fed, checks):
    checks.ok(grep(fed, CONTROL), "control: what was allowed is found in the stores")
    checks.equal(grep(fed, SECRET), [], "of what is secret nothing is found in any store")
    logs = [name for name in fed.nodes if SECRET in fed[name].log()]
    checks.equal(logs, [], "nor in any log")


def files(fed, checks):
    """Errors in the two files are errors of the configuration, and a reload with one changes nothing."""
    broker = fed["street"]
    copy = os.path.join(fed.folder, "policy.yaml")
    with open(os.path.join(CONF, "policy", "default.yaml"), encoding="utf-8") as file:
        text = file.read()
    broker.node.more["policy"]["file"] = copy
    broker.write_configuration()
    lines = text.splitlines()
    number = next(i for i, row in enumerate(lines, 1) if row.startswith("  - id: intake"))

    def write(content):
        with open(copy, "w", encoding="utf-8") as out:
            out.write(content)

    write(text.replace("  - id: intake\n", "  - id: intake\n    kindz: [case.open]\n", 1))
    done = subprocess.run([program("qiaod"), "--config", broker.config_path, "--check-config"], capture_output=True, text=True, timeout=30)
    checks.ok(done.returncode == 2 and f"{copy}:{number + 1}:5: " in done.stderr and 'did you mean "kinds"' in done.stderr,
              "--check-config: an error in the policy has exit status 2, file, line and cure", f"{done.returncode}: {done.stderr}")
    broker.signal(signal.SIGHUP)
    wait_until(lambda: "configuration not reloaded" in broker.log(), "the reload is refused")
    checks.equal(send(fed, "visitors", "--to", "990101/urban-mgmt", *COMPLAINT)[1].get("codeName"), "ROUTE_DENIED", "the policy in force stays")
    write(text.replace("    from: { types: [gateway] }\n    to: { types: [coord, gov", "    from: { types: [gateway, oversight] }\n    to: { types: [coord, gov", 1))
    broker.signal(signal.SIGHUP)
    wait_until(lambda: "configuration reloaded" in broker.log(), "the reload is done")
    recv = fed.spawn("district", "urban-mgmt", "recv", "--count", "1", "--json")
    checks.equal(send(fed, "visitors", "--to", "990101/urban-mgmt", *COMPLAINT)[1].get("outcome"), "accepted", "a policy reloaded by SIGHUP is in force")
    last_json(recv)


def story(checks):
    with Federation(tree()) as fed:
        fed.start_all()
        checks.ok("policy in force" in fed["street"].log(), "the log tells which policy is in force", fed["street"].log())
        allowed(fed, checks)
        refusals(fed, checks)
        rate(fed, checks)
        secrets(fed, checks)
        files(fed, checks)
        wait_until(lambda: fed.queued("street", "district") == 0, "queues empty")
        checks.equal(set(fed.stop_all().values()), {0}, "brokers end with 0")
        nowhere(fed, checks)
        checks.sound_stores(fed)


run("e2e policy", story)
