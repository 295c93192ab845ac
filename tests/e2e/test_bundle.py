#!/usr/bin/env python3
"""Two nodes without a line between them: messages and outcomes carried in files, in parts, twice, damaged, through kills, and then by a line."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Load, Node, free_port, messages, run, wait_until


def without_a_line():
    return {"district": Node("990101", None, ("urban",)), "street": Node("990101001", "district", ("intake",))}


def cut_line(fed):
    """The street dials where nobody listens."""
    broker, parent = fed["street"], fed["district"]
    text = broker.configuration().replace(f":{parent.port}", f":{free_port()}")
    with open(broker.config_path, "w") as out:
        out.write(text)


def bundle(fed, node, *arguments):
    """(exit status, JSON line or {}, standard error)"""
    done = fed.qiao(node, None, "bundle", *arguments, "--json")
    return done.returncode, json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}, done.stderr


def export(fed, node, peer, name, *more):
    path = os.path.join(fed.folder, name)
    # Neighbours that never met: each is encrypted for by the certificate that the operators exchanged.
    certificate = fed[peer].tls_files()["certificate"]
    return path, *bundle(fed, node, "export", peer, "-o", path, "--peer-certificate", certificate, *more)


def damaged_copies(fed, checks, path):
    whole = open(path, "rb").read()
    copies = {"cut short": whole[:300], "with one bit turned": whole[:400] + bytes([whole[400] ^ 4]) + whole[401:], "of noise": os.urandom(4000)}
    for what, content in copies.items():
        copy = os.path.join(fed.folder, "copy")
        with open(copy, "wb") as out:
            out.write(content)
        status, _, error = bundle(fed, "district", "import", copy)
        checks.ok(status != 0 and error, f"a bundle {what} is refused with a reason", (status, error))
    status, _, error = bundle(fed, "street", "import", path)
    checks.ok(status == 1 and "CANNOT_RECEIVE" in error, "a bundle is of no use to anybody but its receiver, its sender included", error)
    status, shown, _ = bundle(fed, "street", "show", path)
    checks.ok(status == 0 and shown["from"] == "street" and shown["to"] == "district" and shown["whole"], "a bundle tells from whom and for whom it is", shown)


def carried_in_parts(fed, checks, count):
    """Files of limited size, each going on behind the one before; the second is imported first."""
    paths, more, last = [], True, []
    while more and len(paths) < 50:
        path, status, made, error = export(fed, "street", "district", f"disc-{len(paths)}", "--size-max", f"{max(750, count * 75 // 1024)}k", *last)
        if not checks.ok(status == 0, f"disc {len(paths)} is written", error):
            return
        paths.append(path)
        last, more = ["--after", path], made["more"]
    checks.ok(len(paths) > 2, f"{count} messages fill more than two discs", len(paths))
    status, _, error = bundle(fed, "district", "import", paths[1])
    checks.ok(status == 1 and "BUNDLE_GAP" in error, "a disc whose predecessor is missing is refused", error)
    taken, parts = 0, {}
    for number, path in enumerate(paths):
        if number == 1:
            fed["district"].kill()
            fed["district"].start()
        status, result, error = bundle(fed, "district", "import", path)
        checks.ok(status == 0 and result["known"] == 0, f"disc {number} is taken", (result, error))
        taken += result.get("messages", 0)
        parts[path] = result.get("parts", 0)
    checks.equal(taken, count, "all messages came by disc")
    half = os.path.join(fed.folder, "half")
    with open(half, "wb") as out:
        out.write(open(max(parts, key=parts.get), "rb").read()[:-20])
    status, result, error = bundle(fed, "district", "import", half)
    checks.ok(status == 1 and result["parts"] > 0 and not result["whole"] and "cut short" in error, "of a disc that was cut short, the parts that are whole are taken", (result, error))
    status, result, error = bundle(fed, "district", "import", paths[0])
    checks.ok(status == 0 and result["known"] == result["messages"] > 0, "a disc that comes twice is recognised", (result, error))


def story(checks):
    count = max(4000, messages(20000))  # a disc of two parts at least, and more than two discs
    with Federation(without_a_line()) as fed:
        cut_line(fed)
        for name in ("district", "street"):
            fed[name].start()
        load = Load(fed, count, sender=("street", "intake"), receiver=("district", "urban"), to="990101/urban", send=["--idle-timeout", "10m", "--window", "30000"])
        wait_until(lambda: fed.queued("street", "district") == count, "all messages wait at the street")
        path, status, made, error = export(fed, "street", "district", "whole")
        checks.ok(status == 0 and made["messages"] == count and not made["more"], "everything that waits is in one bundle", (made, error))
        damaged_copies(fed, checks, path)
        fed["street"].kill()  # what was exported is still there afterwards
        fed["street"].start()
        carried_in_parts(fed, checks, count)
        wait_until(lambda: load.tally.received() == count, "the office has all messages")
        back, status, made, error = export(fed, "district", "street", "back")
        checks.ok(status == 0 and made["messages"] > 0, "outcomes and receipts go back in a bundle", (made, error))
        status, result, error = bundle(fed, "street", "import", back)
        checks.ok(status == 0, "and are taken", (result, error))
        wait_until(lambda: fed.queued("street", "district") == 0, "the street lets go of what is receipted")
        sent, received = load.finish()
        checks.clean_run(sent, received, count, "by hand")
        fed["street"].stop()
        fed["street"].write_configuration()
        fed["street"].start()
        fed.wait_links()
        load = Load(fed, 500, sender=("street", "intake"), receiver=("district", "urban"), to="990101/urban", name="line")
        sent, received = load.finish()
        checks.clean_run(sent, received, 500, "by the line that is there now")
        checks.equal(fed.queued("district", "street"), 0, "nothing is left at the district")
        for broker in fed.brokers.values():
            broker.stop()
        checks.sound_stores(fed)


if __name__ == "__main__":
    run("e2e bundle", story)
