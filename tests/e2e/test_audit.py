#!/usr/bin/env python3
"""Audit logs of three nodes: sound after traffic; a record altered, removed, moved or kept out of a log is found, and by whose signature."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Load, line, messages, program, run

NODES = ("community", "street", "district")


def ask(fed, *arguments):
    """(exit status, JSON lines) of a command that needs no node."""
    done = subprocess.run([program("qiao"), "--json", "--ca", fed["street"].tls_files()["ca"], *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, [json.loads(row) for row in done.stdout.splitlines()] or [{"stderr": done.stderr}]


def export(fed, node, name=None, start=0):
    path = os.path.join(fed.folder, (name or node) + ".audit")
    subprocess.run([program("qiao"), "--node", fed[node].ipc_url, "audit", "export", "-o", path, "--from", str(start)], check=True, timeout=60, stderr=subprocess.DEVNULL)
    return path


def verify(fed, path, *neighbours):
    status, rows = ask(fed, "audit", "verify", path, *(word for file in neighbours for word in ("--heads", file)))
    return status, rows[0]


def tampered(fed, node, how, what):
    """The log of a node that was tampered with, as it gives it out itself; its store is as before afterwards."""
    broker, before = fed[node], fed[node].store + ".before"
    shutil.copytree(broker.store, before)
    subprocess.run([program("tamper_log"), broker.store, how, str(what)], check=True, timeout=60, stdout=subprocess.DEVNULL)
    broker.start()
    path = export(fed, node, f"{node}-{how}")
    broker.stop()
    shutil.rmtree(broker.store)
    shutil.move(before, broker.store)
    return path


def sound(fed, checks, files):
    neighbours = {"community": ("street",), "street": ("community", "district"), "district": ("street",)}
    for node in NODES:
        status, found = verify(fed, files[node], *(files[other] for other in neighbours[node]))
        checks.ok(status == 0 and found["good"] and found["headsAgreeing"] > 0, f"the log of {node} is sound, and neighbours' heads agree", found)
    for one, other in (("community", "street"), ("street", "district")):
        status, gaps = ask(fed, "audit", "gaps", files[one], "--peer", files[other])
        checks.ok(status == 0, f"no gaps between {one} and {other}", gaps)
    status, rows = ask(fed, "audit", "prove", "3", "--log", files["street"])
    checks.ok(status == 0 and rows[0]["index"] == 3 and rows[0]["path"], "a record is proved", rows)


def altered_records(fed, checks, files):
    for how, fault in (("alter", "ALTERED"), ("delete", "MISSING"), ("swap", "MOVED")):
        path = tampered(fed, "street", how, 7)
        status, found = verify(fed, path, files["community"], files["district"])
        checks.ok(status == 1 and found.get("fault") == fault and found["first"] == found["last"] == 7, f"{how}: record 7 is named", found)
        checks.ok(found.get("ownHead") is True, f"{how}: the street's own signature proves it", found)
        checks.ok(found.get("witness", {}).get("signer") == "street", f"{how}: so does what it signed for a neighbour", found)


def suppressed_records(fed, checks, files):
    """A record is kept out and the log made anew: it is in order by itself, and only what was signed for others tells."""
    for node, peer in (("street", "community"), ("district", "street"), ("community", "street")):
        path = tampered(fed, node, "suppress", peer)
        status, alone = verify(fed, path)
        checks.ok(status == 0 and alone["good"], f"{node}: a log made anew is in order by itself", alone)
        status, found = verify(fed, path, files[peer])
        witness = found.get("witness", {})
        checks.ok(status == 1 and found["fault"] in ("REWRITTEN", "CUT_OFF") and (witness.get("signer"), witness.get("holder")) == (node, peer),
                  f"{node}: what it signed for {peer} contradicts it", found)
        for own, other in ((path, files[peer]), (files[peer], path)):
            status, gaps = ask(fed, "audit", "gaps", own, "--peer", other)
            checks.ok(status == 1 and {gap.get("fault") for gap in gaps} == {node}, f"the gap is {node}'s, whichever side asks", gaps)


def refusals(fed, checks):
    """What was turned away stands in the log, and its message can be looked up."""
    done = fed.qiao("community", "intake", "send", "--to", "990999/nobody", "--body", "x", "--wait", "--json")
    sent = json.loads(done.stdout.splitlines()[0])
    message = sent.get("messageId") or sent.get("id")
    fed.stop_all()
    fed.start_all()
    status, rows = ask(fed, "audit", "prove", message, "--log", export(fed, "district", "refused"))
    checks.ok(status == 0 and rows[0].get("kind") == 13, "a refused message is in the log of who refused it", rows)


def resumed(fed, checks):
    """An export goes on where the last one ended."""
    _, before = verify(fed, export(fed, "street", "resumed"))
    fed.qiao("community", "intake", "send", "--to", "990101/housing", "--body", "x")
    fed.stop_all()
    fed.start_all()
    status, after = verify(fed, export(fed, "street", "resumed", before["size"]))
    checks.ok(status == 0 and after["good"] and after["size"] > before["size"], "an export that goes on is one log", (before, after))


def story(checks):
    with Federation(line()) as fed:
        fed.start_all()
        count = messages(5000)
        sent, received = Load(fed, count).finish()
        checks.clean_run(sent, received, count, "traffic")
        refusals(fed, checks)
        resumed(fed, checks)
        files = {node: export(fed, node) for node in NODES}
        fed.stop_all()
        sound(fed, checks, files)
        altered_records(fed, checks, files)
        suppressed_records(fed, checks, files)
        checks.sound_stores(fed)


run("e2e audit", story)
