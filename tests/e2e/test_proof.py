#!/usr/bin/env python3
"""Proofs of real messages: made by `qiao proof`, checked by `qiao verify` and, without a line of the product, by hand; every way to
tamper with one is found and called by its name; and what a run left behind in which links and nodes died is proved all the same."""
import base64
import copy
import json
import os
import random
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import by_hand
from federation import PATIENCE_S, Federation, last_json, line, program, run, wait_until

BODY = "the lamp at the gate is out"
RUN_MESSAGES, PROVED, CHECKED_BY_HAND = 20000, 100, 5


class Workshop:
    """Proofs of one federation."""

    def __init__(self, fed, checks):
        self.fed, self.checks = fed, checks
        self.ca = os.path.join(fed.folder, "ca", "ca.crt")

    def fetch(self, message_id, name="proof"):
        """(path of the proof, the CompletedProcess of qiao proof)."""
        path = os.path.join(self.fed.folder, name + ".json")
        return path, self.fed.qiao("community", None, "proof", message_id, "-o", path)

    def verify(self, path, *more, ca=None):
        return subprocess.run([program("qiao"), "verify", path, "--trust", ca or self.ca, "--json", *more], capture_output=True, text=True)

    def prove(self, message_id, what, outcome, way, name="proof"):
        """Fetches, verifies, checks by hand; returns the proof as a dictionary."""
        path, fetched = self.fetch(message_id, name)
        self.checks.equal((fetched.returncode, fetched.stderr), (0, ""), f"{what}: qiao proof gives a whole proof")
        verified = self.verify(path, "--message", message_id)
        told = json.loads(verified.stdout)
        self.checks.equal((verified.returncode, told["reason"]), (0, "GOOD"), f"{what}: it verifies")
        self.checks.equal(([hop["node"] for hop in told["custody"]], told["outcome"], told["decider"]), (way, outcome, ([told["signer"]] + way)[-1]),
                          f"{what}: it tells who had it and how it ended")
        by_hand.check(path, self.ca)
        self.checks.ok(True, f"{what}: openssl and sha256sum agree")
        with open(path) as file:
            return json.load(file)

    def expect(self, proof, reason, what, *more, ca=None):
        path = os.path.join(self.fed.folder, "tampered.json")
        with open(path, "w") as out:
            json.dump(proof, out)
        verified = self.verify(path, *more, ca=ca)
        found = json.loads(verified.stdout)["reason"] if verified.stdout else verified.stderr
        self.checks.equal((verified.returncode, found), (1, reason), f"tampered: {what}")


def send(fed, to, *more):
    sent = fed.qiao("community", "intake", "send", "--to", to, "--body", BODY, "--wait", "--json", *more)
    return json.loads(sent.stdout.splitlines()[-1])["id"]


def send_accepted(fed):
    recv = fed.spawn("district", "urban", "recv", "--count", "1", "--json")
    message_id = send(fed, "990101/urban")
    last_json(recv)
    return message_id


def send_refused(fed):
    recv = fed.spawn("district", "housing", "recv", "--count", "1", "--verdict", "refuse:NOT_COMPETENT:not ours")
    message_id = send(fed, "990101/housing")
    recv.communicate()
    return message_id


def endings(fed, shop, checks):
    accepted = send_accepted(fed)
    proof = shop.prove(accepted, "accepted", "accepted", ["street", "district"])
    shop.prove(send_refused(fed), "refused by the member", "refused", ["street", "district"])
    shop.prove(send(fed, "990101/nobody"), "refused by the node", "refused", ["street", "district"])
    fed["district"].stop()
    wait_until(lambda: not fed.peer("street", "district")["up"], "street notices", pause_s=0.02)
    shop.prove(send(fed, "990101/urban", "--expires", "1s"), "expired on the way", "expired", ["street"])
    fed["district"].start()
    fed["street"].stop()
    shop.prove(send(fed, "990101/urban", "--expires", "1s"), "expired at its origin", "expired", [])
    fed["street"].start()
    fed.wait_links()
    recv = fed.spawn("community", "desk", "recv", "--count", "1")
    shop.prove(send(fed, "990101001001/desk"), "accepted next door", "accepted", [])
    recv.communicate()
    return accepted, proof


def turned_away(fed, shop, checks):
    """Refused before it was signed: its own node says so, and nobody else would be believed."""
    message_id = send(fed, "990101001001/nobody")
    path, _ = shop.fetch(message_id)
    told = json.loads(shop.verify(path, "--message", message_id).stdout)
    checks.equal((told["reason"], told["outcome"], told["code"], told["decider"]), ("GOOD", "refused", "UNKNOWN_MEMBER", "community"), "refused at once: its node says so")
    unknown = fed.qiao("district", None, "proof", message_id)
    checks.ok(unknown.returncode == 1 and "NOT_FOUND" in unknown.stderr, "another node than the origin's has no proof", unknown.stderr)


def not_complete(fed, shop, checks):
    """A node that cannot be asked is named, and what there is does not pass for a whole proof."""
    message_id = send_accepted(fed)
    fed["street"].stop()
    wait_until(lambda: not fed.peer("community", "street")["up"], "community notices", pause_s=0.02)
    path, fetched = shop.fetch(message_id)
    checks.ok(fetched.returncode == 1 and "the part of street is missing" in fetched.stderr, "a part that cannot be had is named", fetched.stderr)
    checks.equal(json.loads(shop.verify(path).stdout)["reason"], "HOP_REMOVED", "without it the proof does not hold")
    fed["street"].start()
    fed.wait_links()
    shop.prove(message_id, "asked again", "accepted", ["street", "district"])


def signed_by_itself(fed, shop, checks):
    """A member with keys of its own: the proof says so, and neither its node nor another member could have made it."""
    name = "990101001001/intake"
    folder = fed.issue(name)
    files = [os.path.join(folder, "990101001001_intake" + end) for end in (".crt", ".key")]
    keys = ["--sign-with", files[0], "--sign-key", files[1]]
    told = json.loads(shop.verify(shop.fetch(send_accepted(fed), "by-node")[0]).stdout)
    checks.equal((told["signedBy"], told["signer"]), ("node", "community"), "without keys of its own its node signs for the member, and the proof says so")
    recv = fed.spawn("district", "urban", "recv", "--count", "1", "--json")
    sent = fed.qiao("community", "intake", "--ca", shop.ca, "send", "--to", "990101/urban", "--body", BODY, "--wait", "--json", *keys)
    checks.equal((sent.returncode, sent.stderr), (0, ""), "a message signed by the member itself is accepted")
    if sent.returncode != 0:
        return
    last_json(recv)
    message_id = json.loads(sent.stdout.splitlines()[-1])["id"]
    path, fetched = shop.fetch(message_id, "by-member")
    checks.equal((fetched.returncode, fetched.stderr), (0, ""), "qiao proof gives a whole proof of it")
    told = json.loads(shop.verify(path, "--message", message_id).stdout)
    checks.equal((told["reason"], told["signedBy"], told["signer"], [hop["node"] for hop in told["custody"]], told["outcome"], told["decider"]),
                 ("GOOD", "member", name, ["street", "district"], "accepted", "district"), "it verifies: the member itself, the way, the outcome")
    by_hand.check(path, shop.ca)
    checks.ok(True, "openssl and sha256sum agree")
    with open(path) as file:
        proof = json.load(file)
    shop.expect(changed(proof, set_field("origin", "signature", flip)), "BAD_SIGNATURE", "the member's signature")
    shop.expect(changed(proof, lambda p: p["custody"].pop()), "HOP_REMOVED", "the last hop of what a member signed")
    with open(shop.fetch(send_accepted(fed), "by-node")[0]) as file:
        shop.expect(changed(proof, set_field("origin", "keyId", json.load(file)["origin"]["keyId"])), "WRONG_REFERENCE", "the node in the member's place")
    other = fed.issue("990101001001/desk")
    wrong = fed.qiao("community", "intake", "--ca", shop.ca, "--timeout", "3s", "send", "--to", "990101/urban", "--body", BODY, "--sign-with", os.path.join(other, "990101001001_desk.crt"),
                     "--sign-key", os.path.join(other, "990101001001_desk.key"))
    checks.ok(wrong.returncode != 0 and "who it says" in wrong.stderr, "another member's key does not open the link", wrong.stderr)


# ---- tampering ----

def changed(proof, change):
    copied = copy.deepcopy(proof)
    change(copied)
    return copied


def flip(text, at=-1):
    data = bytearray(base64.b64decode(text))
    data[at] ^= 1
    return base64.b64encode(data).decode()


def set_field(*path_and_value):
    *path, name, value = path_and_value

    def change(proof):
        part = proof
        for step in path:
            part = part[step]
        part[name] = value(part[name]) if callable(value) else value
    return change


def expired_certificate(fed):
    """A certificate for the street's key that ended years ago, signed by the authority: openssl's own, since `qiao pki` makes none."""
    folder, ca, key = os.path.join(fed.folder, "expired"), os.path.join(fed.folder, "ca"), os.path.join(fed.folder, "pki", "street", "street.key")
    os.makedirs(os.path.join(folder, "new"))
    for name, text in (("index", ""), ("serial", "77\n"), ("conf", f"""[ca]
default_ca = here
[here]
new_certs_dir = {folder}/new
database = {folder}/index
serial = {folder}/serial
default_md = sha256
policy = any
copy_extensions = copy
x509_extensions = node
[any]
commonName = supplied
[node]
keyUsage = critical,digitalSignature
subjectAltName = URI:urn:qiao:node:street,URI:urn:qiao:area:990101001
""")):
        with open(os.path.join(folder, name), "w") as out:
            out.write(text)
    request, certificate = os.path.join(folder, "request"), os.path.join(folder, "certificate.der")
    subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=street", "-out", request], check=True, capture_output=True)
    pem = subprocess.run(["openssl", "ca", "-batch", "-config", os.path.join(folder, "conf"), "-cert", f"{ca}/ca.crt", "-keyfile", f"{ca}/ca.key", "-in", request,
                          "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-notext"], check=True, capture_output=True).stdout
    subprocess.run(["openssl", "x509", "-outform", "DER", "-out", certificate], input=pem, check=True, capture_output=True)
    with open(certificate, "rb") as file:
        return file.read()


def with_certificate(der):
    """The same signature, under another certificate of the same key: the statement does not name the certificate."""
    def change(proof):
        proof["certificates"].append(base64.b64encode(der).decode())
        proof["custody"][0]["keyId"] = base64.b64encode(by_hand.sha256(der)[:16]).decode()
    return change


def tampering(fed, shop, checks, message_id, proof):
    _, other_run = shop.fetch(send_accepted(fed), "other")
    checks.equal(other_run.returncode, 0, "another message's proof")
    with open(os.path.join(fed.folder, "other.json")) as file:
        other = json.load(file)
    header = proof["origin"]["header"]
    for what, reason, change in (
            ("a bit of the header", "MODIFIED_DIGEST", set_field("origin", "header", lambda text: flip(text, len(base64.b64decode(header)) // 2))),
            ("a bit of the leaf", "MODIFIED_DIGEST", set_field("origin", "leaf", flip)),
            ("a bit of the root", "MODIFIED_PATH", set_field("origin", "root", flip)),
            ("a bit of the outcome", "MODIFIED_DIGEST", set_field("outcome", "body", flip)),
            ("a bit of the origin's signature", "BAD_SIGNATURE", set_field("origin", "signature", flip)),
            ("another time of signing", "BAD_SIGNATURE", set_field("origin", "signedAtMs", lambda text: str(int(text) - 1))),
            ("a chain that begins elsewhere", "MODIFIED_CHAIN", set_field("custody", 1, "chainBefore", flip)),
            ("a chain that ends elsewhere", "MODIFIED_CHAIN", set_field("custody", 0, "chain", flip)),
            ("another sequence", "BAD_SIGNATURE", set_field("custody", 0, "sequence", lambda text: str(int(text) + 1))),
            ("a unit that is another's", "OTHER_MESSAGE", set_field("custody", 0, "units", 0, "hash", flip)),
            ("a key that is not there", "WRONG_REFERENCE", set_field("custody", 0, "keyId", flip)),
            ("another message id on the cover", "WRONG_REFERENCE", set_field("messageId", other["messageId"])),
            ("a chain without its signature", "UNSIGNED_CHAIN", lambda p: p["custody"][1].pop("signature")),
            ("no signature of the origin", "MISSING_SIGNATURE", lambda p: p["origin"].pop("signature")),
            ("no signature of the outcome", "MISSING_SIGNATURE", lambda p: p["outcome"]["receipt"].pop("signature")),
            ("no origin", "MISSING_SIGNATURE", lambda p: p.pop("origin")),
            ("nothing but the outcome", "MISSING_SIGNATURE", lambda p: (p.pop("origin"), p.pop("custody"))),
            ("hops the other way round", "HOPS_REORDERED", lambda p: p["custody"].reverse()),
            ("without the first hop", "HOP_REMOVED", lambda p: p["custody"].pop(0)),
            ("without the last hop", "HOP_REMOVED", lambda p: p["custody"].pop()),
            ("without any hop", "HOP_REMOVED", lambda p: p.pop("custody")),
            ("another message's custody", "OTHER_MESSAGE", lambda p: p.update(custody=other["custody"])),
            ("another message's outcome", "OTHER_MESSAGE", lambda p: p.update(outcome=other["outcome"])),
            ("another message's origin", "WRONG_REFERENCE", lambda p: p.update(origin=other["origin"])),
            ("without certificates", "WRONG_REFERENCE", lambda p: p.pop("certificates")),
            ("a key that had ended", "KEY_EXPIRED", with_certificate(expired_certificate(fed)))):
        shop.expect(changed(proof, change), reason, what)
    shop.expect(proof, "OTHER_MESSAGE", "the proof of another message than the one asked about", "--message", send_refused(fed))
    keys_and_bodies(fed, shop, checks, proof)


def keys_and_bodies(fed, shop, checks, proof):
    body = os.path.join(fed.folder, "body")
    path = os.path.join(fed.folder, "good.json")
    with open(path, "w") as out:
        json.dump(proof, out)
    with open(body, "w") as out:
        out.write(BODY)
    checks.equal(shop.verify(path, "--body", body).returncode, 0, "the body is the one that was sent")
    with open(body, "a") as out:
        out.write("!")
    shop.expect(proof, "MODIFIED_DIGEST", "another body", "--body", body)
    fed.pki("init", "--out", os.path.join(fed.folder, "strangers"), "--name", "strangers")
    shop.expect(proof, "UNKNOWN_KEY", "the authority of others", ca=os.path.join(fed.folder, "strangers", "ca.crt"))
    revoked = os.path.join(fed.folder, "ca", "ca.crl")
    checks.equal(shop.verify(path, "--crl", revoked).returncode, 0, "nothing is revoked yet")
    fed.pki("revoke", "--ca", os.path.join(fed.folder, "ca"), "--certificate", os.path.join(fed.folder, "pki", "street", "street.crt"))
    shop.expect(proof, "KEY_REVOKED", "a key that was revoked", "--crl", revoked)
    for text in ("", "{", "[]", "{}", '{"messageId": 7}', "[" * 100000, '{"version": 1, "messageId": "AAAAAAAAAAAAAAAAAAAAAA==", "origin": {}}'):
        with open(path, "w") as out:
            out.write(text)
        told = shop.verify(path)
        checks.ok(told.returncode == 1 and "UNREADABLE" in told.stdout + told.stderr, f"no proof at all: {text[:12]!r}", told.stdout + told.stderr)
    checks.equal(shop.verify(os.path.join(fed.folder, "none.json")).returncode, 2, "no file is wrong use")


# ---- after a run in which much broke ----

def interrupt_link(fed):
    """The street stands still until both sides have cut their links to it."""
    fed["street"].signal(signal.SIGSTOP)
    wait_until(lambda: not fed.peer("community", "street")["up"] and not fed.peer("district", "street")["up"], "links are cut", pause_s=0.02)
    fed["street"].signal(signal.SIGCONT)


def random_messages(checks, count):
    limits = {"heartbeat_ms": "300ms", "silence_ms": "1s"}
    with Federation(line(limits=limits)) as fed:
        fed.start_all()
        shop = Workshop(fed, checks)
        deliveries = os.path.join(fed.folder, "deliveries")
        with open(deliveries, "w") as out:
            recv = subprocess.Popen(fed.command("district", "urban", "recv", "--json"), stdout=out, stdin=subprocess.DEVNULL)
        fed.children.append(recv)
        load = fed.spawn("community", "intake", "bench", "send", "--to", "990101/urban", "--count", str(count), "--rate", "8000", "--wait-outcomes",
                         "--idle-timeout", "120s", "--json")

        def arrived():
            with open(deliveries, "rb") as file:
                return file.read().count(b"\n")
        for step in range(1, 5):
            wait_until(lambda: arrived() >= count * step // 6, "messages arrive", pause_s=0.01)
            if step % 2:
                fed["street"].kill()
                fed["street"].start()
            else:
                interrupt_link(fed)
        status, told, error = last_json(load)
        recv.terminate() # not after so many deliveries: when its session breaks, some come twice
        recv.wait(PATIENCE_S)
        checks.equal((status, told.get("outcomes", {}).get("accepted")), (0, count), "every message was accepted, with two kills of the street and two cuts of its links")
        wait_until(lambda: fed.queued("community", "street") == 0 and fed.queued("street", "district") == 0, "queues empty", pause_s=0.02)
        fed.wait_links()
        with open(deliveries) as file:
            ids = [json.loads(row)["id"] for row in file if row.startswith("{")]
        prove_some(checks, fed, shop, ids)
        fed.stop_all()
        checks.sound_stores(fed)


def prove_some(checks, fed, shop, ids):
    chosen, good, sizes, failures = random.Random(1).sample(sorted(set(ids)), PROVED), 0, [], []
    for number, message_id in enumerate(chosen):
        path, fetched = shop.fetch(message_id, "some")
        told = shop.verify(path, "--message", message_id)
        ok = fetched.returncode == 0 and told.returncode == 0 and len(json.loads(told.stdout)["custody"]) == 2
        good += ok
        if not ok:
            failures.append((message_id, fetched.stderr, told.stdout, told.stderr))
        sizes.append(os.path.getsize(path))
        if ok and number < CHECKED_BY_HAND:
            by_hand.check(path, shop.ca)
    checks.ok(good == PROVED, f"{PROVED} random messages of the run are proved", failures[:3])
    checks.note(f"proofs: {min(sizes)} to {max(sizes)} bytes, median {sorted(sizes)[len(sizes) // 2]}")


def story(checks):
    with Federation(line()) as fed:
        fed.start_all()
        shop = Workshop(fed, checks)
        message_id, proof = endings(fed, shop, checks)
        turned_away(fed, shop, checks)
        not_complete(fed, shop, checks)
        signed_by_itself(fed, shop, checks)
        tampering(fed, shop, checks, message_id, proof)
        fed.stop_all()
        checks.sound_stores(fed)
    random_messages(checks, RUN_MESSAGES)


run("e2e proof", story)
