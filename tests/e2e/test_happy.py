#!/usr/bin/env python3
"""A case goes from community to district over TLS, its outcome comes back, and the tools tell about it."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, last_json, line, run, wait_until

CASE = "2026-0001"


def send_and_receive(fed, checks):
    recv = fed.spawn("district", "urban", "recv", "--count", "1", "--json")
    sent = fed.qiao("community", "intake", "send", "--to", "990101/urban", "--case", CASE, "--kind", "case.open", "--matter", "NOISE.NIGHT",
                    "--body-json", '{"title": "Noise at night"}', "--wait", "--json")
    checks.equal(sent.returncode, 0, "send --wait: accepted is exit 0")
    _, delivery, _ = last_json(recv)
    checks.equal(delivery.get("source"), "990101001001/intake", "the receiver sees who sent it")
    checks.equal(delivery.get("caseId"), CASE, "and of which case")
    checks.equal(delivery.get("matter"), "NOISE.NIGHT", "and of which matter")
    checks.equal(delivery.get("body", {}).get("title"), "Noise at night", "and the body")
    return delivery["id"]


def tools(fed, checks, message_id):
    for node in ("community", "district"):
        shown = fed.qiao(node, None, "case", "show", CASE, "--json")
        entries = json.loads(shown.stdout.splitlines()[0]).get("entries", []) if shown.stdout else []
        checks.ok(len(entries) == 1 and entries[0]["outcome"] == "OUTCOME_ACCEPTED", f"case show at {node}", shown.stdout + shown.stderr)
        listed = fed.qiao(node, None, "case", "list", "--json")
        checks.ok(CASE in listed.stdout, f"case list at {node}", listed.stdout + listed.stderr)
        known = fed.qiao(node, None, "message", message_id, "--json")
        checks.ok(known.returncode == 0 and json.loads(known.stdout)["outcome"] == "OUTCOME_ACCEPTED", f"message at {node}", known.stdout + known.stderr)
    route = fed.qiao("community", None, "route", "990101/urban", "--json")
    chosen = [candidate["via"] for candidate in json.loads(route.stdout)["candidates"] if candidate.get("chosen")]
    checks.equal(chosen, ["street"], "route goes by the street")
    status = fed.status("community")
    checks.equal((status["node"], status["ready"], status["outcomesAccepted"]), ("community", True, 1), "status --json counts the outcome at the origin")
    status = fed.status("district")
    checks.equal((status["delivered"], status["rejectedFrames"]), (1, 0), "status --json counts the delivery at the destination")
    checks.equal([peer["up"] for peer in status["peers"] if peer["name"] == "street"], [True], "status --json shows the link")


def exit_statuses(fed, checks):
    for what, wanted, command in (
            ("an unknown case is 1", 1, ("community", None, "case", "show", "nobody-knows")),
            ("an unknown message is 1", 1, ("community", None, "message", "01890a5d-ac96-774b-bcce-b302099a8057")),
            ("no way is 1", 1, ("district", None, "route", "880101/urban")),
            ("an unknown member of the destination is 1", 1, ("community", "intake", "send", "--to", "990101/nobody", "--body", "x", "--wait")),
            ("no destination is 2", 2, ("community", "intake", "send", "--body", "x")),
            ("an unknown option is 2", 2, ("community", None, "status", "--no-such-option")),
            ("a bad address is 2", 2, ("community", "intake", "send", "--to", "///", "--body", "x"))):
        done = fed.qiao(*command)
        checks.ok(done.returncode == wanted, f"exit status: {what}", f"{done.returncode}: {done.stdout}{done.stderr}")
    refusing = fed.spawn("district", "housing", "recv", "--count", "1", "--verdict", "refuse:NOT_COMPETENT:not ours")
    refused = fed.qiao("community", "intake", "send", "--to", "990101/housing", "--body", "x", "--wait", "--json")
    checks.ok(refused.returncode == 1 and "NOT_COMPETENT" in refused.stdout + refused.stderr, "exit status: refused is 1 and says why",
              refused.stdout + refused.stderr)
    refusing.communicate()
    fed["community"].stop()
    done = fed.qiao("community", "intake", "send", "--to", "990101/urban", "--body", "x", "--timeout", "1s")
    checks.equal(done.returncode, 3, "exit status: no node is 3")
    fed["community"].start()


def outbox_without_node(fed, checks):
    outbox = os.path.join(fed.folder, "outbox")
    recv = fed.spawn("district", "urban", "recv", "--count", "3", "--json")
    fed.qiao("community", "intake", "send", "--to", "990101/urban", "--case", "kept", "--body", "first", "--outbox", outbox)
    fed["community"].stop()
    kept = fed.qiao("community", "intake", "send", "--to", "990101/urban", "--case", "kept", "--body", "later", "--outbox", outbox, "--timeout", "1s")
    checks.ok(kept.returncode == 3 and "is kept in" in kept.stderr, "send --outbox without a node keeps the message", f"{kept.returncode}: {kept.stderr}")
    fed["community"].start()
    fed.qiao("community", "intake", "send", "--to", "990101/urban", "--case", "kept", "--body", "second", "--outbox", outbox)
    out, _ = recv.communicate(timeout=30)
    checks.equal([json.loads(row)["bodyText"] for row in out.splitlines()], ["first", "later", "second"], "it goes with the next client of the outbox, in order")


def story(checks):
    with Federation(line()) as fed:
        fed.start_all()
        message_id = send_and_receive(fed, checks)
        tools(fed, checks, message_id)
        exit_statuses(fed, checks)
        outbox_without_node(fed, checks)
        wait_until(lambda: fed.queued("community", "street") == 0, "queues empty")
        checks.equal(set(fed.stop_all().values()), {0}, "brokers end with 0")
        checks.sound_stores(fed)


run("e2e happy", story)
