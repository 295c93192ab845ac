#!/usr/bin/env python3
"""Suites, renewal, revocation and clocks between real nodes: what may go wrong with keys is refused by name and costs no message."""
import glob
import json
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Load, line, messages, run, wait_until


def sm2_keys(fed, name):
    """A signing certificate of the national algorithms beside the one of TLS."""
    out = os.path.join(fed.folder, "sm2", name)
    fed.pki("issue", "--ca", os.path.join(fed.folder, "ca"), "--out", out, "--name", name, "--area", fed.nodes[name].area, "--algorithm", "sm2")
    return {"certificate": f"{out}/{name}.crt", "key": f"{out}/{name}.key"}


def configure(fed, name, **trust):
    fed.nodes[name].more = {**fed.nodes[name].more, "trust": {**fed.nodes[name].more.get("trust", {}), **trust}}
    fed[name].write_configuration()


def send(fed, body="hello"):
    """What became of one message from the community to the district, as (exit status, JSON)."""
    done = fed.qiao("community", "intake", "--json", "send", "--to", "990101/urban", "--body", body, "--wait")
    rows = [json.loads(row) for row in done.stdout.splitlines() if row.startswith("{")]
    return done.returncode, (rows[-1] if rows else {}), done.stderr


def national_suite(checks, count):
    with Federation(line()) as fed:
        for name in fed.nodes:
            configure(fed, name, suites=["gm1"], **sm2_keys(fed, name))
        fed.start_all()
        checks.clean_run(*Load(fed, count).finish(), count, "SM2 and SM3 at every node")
        fed.stop_all()
        checks.sound_stores(fed)


def no_downgrade(checks):
    """The district takes GM1 only; the community signs INT1; the street speaks both. Nobody quietly takes less than it asks for."""
    with Federation(line()) as fed:
        configure(fed, "district", suites=["gm1"], **sm2_keys(fed, "district"))
        configure(fed, "street", suites=["int1", "gm1"], **sm2_keys(fed, "street"))
        configure(fed, "community", suites=["int1", "gm1"])
        fed.start_all()
        status, told, error = send(fed)
        checks.ok(status == 1 and "SUITE" in json.dumps(told) + error, "a message in a suite the destination does not take is refused with SUITE", (status, told, error))
        configure(fed, "community", suites=["none"])
        fed["community"].stop()
        fed["community"].start(wait=True)
        wait_until(lambda: "LINK_SIGNATURE" in fed["street"].log(), "the street refuses a node that does not sign")
        checks.ok(not fed.peer("street", "community")["up"], "a node that does not sign gets no link to one that wants signatures")


def hang_up(broker, said="configuration reloaded"):
    before = broker.log().count(said)
    broker.signal(signal.SIGHUP)
    wait_until(lambda: broker.log().count(said) > before, f'"{said}" in the log of {broker.name}', pause_s=0.01)


def renewal_under_load(checks, count):
    """A new key and a new certificate for the street while messages pass through it."""
    with Federation(line()) as fed:
        fed.start_all()
        load = Load(fed, count, send=("--rate", "5000"))
        for part in (1, 2, 3):
            load.wait_received(count * part // 4)
            files = fed["street"].tls_files()
            fed.pki("issue", "--ca", os.path.join(fed.folder, "ca"), "--out", os.path.dirname(files["key"]), "--name", "street", "--area", fed.nodes["street"].area, "--force")
            hang_up(fed["street"])
        checks.clean_run(*load.finish(), count, "new keys under load")
        fed.stop_all()
        checks.sound_stores(fed)


def give_list(fed):
    for folder in glob.glob(os.path.join(fed.folder, "pki", "*")):
        shutil.copy(os.path.join(fed.folder, "ca", "ca.crl"), os.path.join(folder, "ca.crl"))


def revocation(checks):
    """Within one reload the link of a revoked node is cut; with a new certificate it goes on where it was."""
    with Federation(line()) as fed:
        for name in fed.nodes:
            fed.nodes[name].more = {"tls": {**fed[name].tls_files(), "crl": os.path.join(fed.folder, "pki", name, "ca.crl")}}
            fed[name].write_configuration()
        fed.start_all()
        receiver = fed.spawn("district", "urban", "recv", "--count", "2", "--json")
        checks.equal(send(fed, "before")[0], 0, "before: accepted")
        certificate = fed["community"].tls_files()["certificate"]
        fed.pki("revoke", "--ca", os.path.join(fed.folder, "ca"), "--certificate", certificate, "--reason", "key-compromise")
        give_list(fed)
        hang_up(fed["street"])
        wait_until(lambda: not fed.peer("street", "community")["up"], "the link of the revoked node is cut")
        checks.ok("KEY_REVOKED" in fed["street"].log(), "and the log says why: KEY_REVOKED")
        waiting = fed.spawn("community", "intake", "send", "--to", "990101/urban", "--body", "meanwhile", "--wait", "--timeout", "60s")
        wait_until(lambda: fed.queued("community", "street") == 1, "what is sent meanwhile waits")
        checks.ok(not fed.peer("street", "community")["up"], "the revoked certificate does not come back")
        fed.pki("issue", "--ca", os.path.join(fed.folder, "ca"), "--out", os.path.dirname(certificate), "--name", "community", "--area", fed.nodes["community"].area, "--force")
        give_list(fed)
        hang_up(fed["community"])
        out, error = waiting.communicate(timeout=60)
        outcome = out + error
        checks.ok(waiting.returncode == 0 or "KEY_REVOKED" in outcome, "what waited ends: accepted, or refused by name because the revoked key had signed it", outcome)
        checks.equal(send(fed, "after")[0], 0, "with a new certificate messages are accepted again")
        receiver.kill()


def wrong_clock(checks):
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not library or os.environ.get("QIAO_E2E_QUICK"):
        checks.note("skipped: libfaketime is not installed, or this is a sanitizer build, whose own library has to come first")
        return
    with Federation(line()) as fed:
        for name in fed.nodes:
            fed.nodes[name].more = {"process": {"seccomp": "off"}}    # the library that turns the clock makes calls of its own
            fed[name].write_configuration()
        fed["district"].start()
        fed["street"].start()
        turned = {"LD_PRELOAD": library[0], "FAKETIME": "+3h", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1"}
        os.environ.update(turned)
        try:
            fed["community"].start()
        finally:
            for name in turned:
                del os.environ[name]
        wait_until(lambda: "LINK_CLOCK" in fed["street"].log() + fed["community"].log(), "a clock that is three hours ahead is named")
        logs = fed["street"].log() + fed["community"].log()
        checks.ok("LINK_CLOCK" in logs and ("ahead" in logs or "behind" in logs), "the log names the clocks and by how much", logs[-600:])
        checks.ok(not fed.peer("street", "community")["up"], "no link between clocks that are hours apart")


def story(checks):
    national_suite(checks, messages(20000))
    no_downgrade(checks)
    renewal_under_load(checks, messages(30000))
    revocation(checks)
    wrong_clock(checks)


run("e2e trust", story)
