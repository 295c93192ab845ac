#!/usr/bin/env python3
"""SIGTERM under load ends in time and loses nothing; SIGHUP takes new certificates without touching links, and a reload with
errors changes nothing."""
import os
import signal
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Load, last_json, line, messages, run, wait_until
from peer import certificate_of

SHUTDOWN_S = 5.0     # limits.shutdown_ms, and a second for the process to leave
GRACE_S = 1.0


def terminate_each(checks, count):
    with Federation(line()) as fed:
        fed.start_all()
        load = Load(fed, count, send=("--rate", "15000"))
        for number, node in enumerate(("street", "community", "district"), 1):
            load.wait_received(count * number // 5)
            started = time.monotonic()
            status = fed[node].stop()
            took_s = time.monotonic() - started
            checks.equal(status, 0, f"SIGTERM under load: {node} exits 0")
            checks.ok(took_s < SHUTDOWN_S + GRACE_S, f"SIGTERM under load: {node} within its bound", f"{took_s:.2f} s")
            fed[node].start()
        sent, received = load.finish()
        checks.clean_run(sent, received, count, "SIGTERM at each node")
        fed.stop_all()
        checks.sound_stores(fed)


def reload(broker, said):
    """SIGHUP, and wait for a new log line about it."""
    before = broker.log().count(said)
    broker.signal(signal.SIGHUP)
    wait_until(lambda: broker.log().count(said) > before, f'"{said}" in the log of {broker.name}', pause_s=0.01)


def renewed_certificates(fed, checks):
    street, files = fed["street"], fed["street"].tls_files()
    since = fed.peer("street", "district")["sinceMs"], fed.peer("community", "street")["sinceMs"]
    before = certificate_of(street.port, fed["community"].tls_files())
    fed.pki("renew", "--ca", os.path.join(fed.folder, "ca"), "--certificate", files["certificate"])
    with open(files["certificate"]) as file:
        wanted = ssl.PEM_cert_to_DER_cert(file.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
    checks.equal(certificate_of(street.port, fed["community"].tls_files()), before, "before SIGHUP the old certificate is shown")
    reload(street, "configuration reloaded")
    checks.ok(before != wanted and certificate_of(street.port, fed["community"].tls_files()) == wanted, "after SIGHUP new connections see the new certificate")
    checks.equal((fed.peer("street", "district")["sinceMs"], fed.peer("community", "street")["sinceMs"]), since, "the links that stood still stand")
    fed["community"].stop()
    fed["community"].start()
    fed.wait_links()
    checks.ok(True, "a node that dials now comes up against the new certificate")


def spoilt(path, text, broker, said):
    """The reload of a spoilt file, which is mended afterwards."""
    with open(path) as file:
        good = file.read()
    with open(path, "w") as file:
        file.write(text(good))
    reload(broker, said)
    with open(path, "w") as file:
        file.write(good)


def reload_with_errors(fed, checks):
    street = fed["street"]
    since = fed.peer("street", "district")["sinceMs"]
    spoilt(street.config_path, lambda good: good + "no_such_key: 1\n", street, "configuration not reloaded")
    checks.ok("no_such_key" in street.log(), "a reload with an unknown key is refused and says so")
    spoilt(street.config_path, lambda good: good.replace('"990101001"', '"990101009"', 1), street, "these keys need a restart")
    checks.ok(True, "a reload of what needs a restart is refused")
    spoilt(street.tls_files()["key"], lambda good: "this is no key\n", street, "certificates not reloaded")
    checks.ok(True, "a reload with a broken key is refused")
    with open(street.config_path, "a") as file:
        file.write('log: {"level": "debug"}\n')
    reload(street, "configuration reloaded")
    checks.ok(True, "a good reload after the bad ones is taken")
    checks.equal(fed.peer("street", "district")["sinceMs"], since, "the link stood through all of them")
    recv = fed.spawn("district", "urban", "recv", "--count", "1")
    sent = fed.qiao("community", "intake", "send", "--to", "990101/urban", "--body", "x", "--wait")
    checks.equal(sent.returncode, 0, "and messages go through")
    recv.communicate()


def stopped_in_a_flood(fed, checks):
    """Whoever floods a node is told to end, and then the brokers, while signatures are being checked and nobody takes what waits."""
    bench = fed.spawn("community", "intake", "bench", "send", "--to", "990101/urban", "--count", "1000000000", "--rate", "10000000", "--json")
    wait_until(lambda: fed.peer("community", "intake")["lanes"][0]["received"] > 1000, "messages of bench send", pause_s=0.01)
    bench.terminate()
    status, sent, error = last_json(bench)
    checks.ok(status == 1 and 1000 < sent.get("sent", 0) < 1000000000, "bench send ends when it is told to, and says what it sent", f"{status} {sent} {error}")


def story(checks):
    terminate_each(checks, messages(60000))
    with Federation(line()) as fed:
        fed.start_all()
        renewed_certificates(fed, checks)
        reload_with_errors(fed, checks)
        stopped_in_a_flood(fed, checks)
        checks.equal(set(fed.stop_all().values()), {0}, "brokers end with 0")


run("e2e signals", story)
