#!/usr/bin/env python3
"""Checks a proof as adapters/ctl/PROOF.md says, with openssl and sha256sum for all that is cryptography.

usage: by_hand.py PROOF.json CA.crt
Shares no code with the product. Prints what it has checked; ends with an AssertionError at the first thing that does not hold."""
import json
import os
import subprocess
import sys
import tempfile

LANES = {"LANE_NORMAL": 0, "LANE_URGENT": 1, "LANE_BULK": 2}
ACCEPTED = 1


def run(*command, data=b""):
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def sha256(data):
    return bytes.fromhex(run("sha256sum", data=data).split()[0].decode())


def decode(text):
    return run("openssl", "base64", "-d", "-A", data=text.encode()) if text else b""


def number(value, size):
    return int(value).to_bytes(size, "big")


class Checker:
    def __init__(self, proof, ca, folder):
        self.proof, self.ca, self.folder = proof, ca, folder
        self.certificates = {}
        for text in proof["certificates"]:
            der = decode(text)
            self.certificates[sha256(der)[:16]] = der

    def file(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as out:
            out.write(data)
        return path

    def certificate(self, key_id, at_ms):
        """Step 4: of the authority, in force at the time; (path of its key, common name, area)."""
        der = self.file("signer.der", self.certificates[key_id])
        pem = self.file("signer.pem", run("openssl", "x509", "-inform", "DER", "-in", der))
        run("openssl", "verify", "-CAfile", self.ca, "-attime", str(at_ms // 1000), pem)
        key = self.file("signer.pub", run("openssl", "x509", "-in", pem, "-noout", "-pubkey"))
        subject = run("openssl", "x509", "-in", pem, "-noout", "-subject", "-nameopt", "multiline").decode()
        names = run("openssl", "x509", "-in", pem, "-noout", "-ext", "subjectAltName").decode()
        area = names.split("urn:qiao:area:")[1].split(",")[0].strip() if "urn:qiao:area:" in names else ""
        return key, subject.split("commonName")[1].split("=")[1].strip(), area

    def signature(self, statement, part, at_ms):
        """Steps 3 and 4: who signed; P-256 or Ed25519."""
        key, name, area = self.certificate(decode(part["keyId"]), at_ms)
        signature = decode(part["signature"])
        words = self.file("statement", statement)
        if b"ED25519" in run("openssl", "pkey", "-pubin", "-in", key, "-noout", "-text"):
            run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", words, "-sigfile", self.file("signature", signature))
            return name, area
        conf = self.file("sign.conf", f"asn1=SEQUENCE:x\n[x]\nr=INTEGER:0x{signature[:32].hex()}\ns=INTEGER:0x{signature[32:].hex()}\n".encode())
        der = os.path.join(self.folder, "sign.der")
        run("openssl", "asn1parse", "-genconf", conf, "-noout", "-out", der)
        run("openssl", "dgst", "-sha256", "-verify", key, "-signature", der, words)
        return name, area

    def signed_header(self, part):
        """Steps 1 to 4; (leaf, root, name and area of the signer)."""
        leaf = sha256(b"\0" + decode(part["header"]))
        assert leaf == decode(part["leaf"]), "the leaf is not that of the header"
        here, size, index = leaf, part["groupSize"], int(part.get("leafIndex", 0))
        path = [decode(sibling) for sibling in part.get("merklePath", [])]
        while size > 1:
            if index ^ 1 < size:
                sibling = path.pop(0)
                here = sha256(b"\1" + sibling + here) if index & 1 else sha256(b"\1" + here + sibling)
            index, size = index // 2, (size + 1) // 2
        assert not path and here == decode(part["root"]), "the path does not lead to the root"
        statement = b"qiao origin 1\0" + number(part["suite"], 1) + number(part["signedAtMs"], 8) + number(part["groupSize"], 4) + here
        return leaf, here, *self.signature(statement, part, int(part["signedAtMs"]))

    def custody(self, hop, leaf, root, group_size):
        """Step 5."""
        units = [(unit["count"], decode(unit["hash"])) for unit in hop["units"]]
        assert units[0] in ((1, leaf), (group_size, root)), "the first unit is not the message"
        chain = decode(hop["chainBefore"])
        for count, unit in units:
            chain = sha256(b"\2" + chain + number(count, 4) + unit)
        assert chain == decode(hop["chain"]), "the chain does not follow"
        names = b"".join(number(len(name), 2) + name for name in (hop["receiver"].encode(), hop["sender"].encode()))
        statement = (b"qiao custody 1\0" + number(hop["suite"], 1) + names + number(LANES[hop.get("lane", "LANE_NORMAL")], 1) + number(hop["sequence"], 8) +
                     chain + number(hop["atMs"], 8) + number(hop.get("auditSize", 0), 8) + decode(hop["auditRoot"]))
        signer, _ = self.signature(statement, hop, int(hop["atMs"]))
        assert signer == hop["receiver"], "signed by another than the receiver"

    def outcome(self, leaf):
        """Step 6; (status, name and area of who decided)."""
        part, message_id = self.proof["outcome"], decode(self.proof["messageId"])
        _, _, name, area = self.signed_header(part["receipt"])
        body = decode(part["body"])
        assert b"\xa2\x01\x20" + sha256(body) in decode(part["receipt"]["header"]), "the body is not that of the receipt"
        at = body.index(b"\x0a\x10" + message_id)
        assert b"\x32\x10" + leaf[:16] in body[at:], "the outcome is about another header"
        assert body[at + 18] == 0x10, "the status stands behind the id"
        return body[at + 19], name, area

    def check(self):
        origin = self.proof["origin"]
        leaf, root, here, area = self.signed_header(origin)
        header = decode(origin["header"])
        assert header.startswith(b"\x0a\x10" + decode(self.proof["messageId"])), "the header is of another message"
        org = b""
        if "/" in here:  # a member, by AREA/ORG: it hands its messages to the node of its area, which is named by the first hop
            area, name = here.split("/")
            org = b"\x12" + bytes([len(name)]) + name.encode()
        assert b"\x0a" + bytes([len(area)]) + area.encode() + org in header, "the signer is another than the sender, and not of its area"
        print(f"origin: signed by {here}")
        if org:
            here = self.proof["custody"][0]["sender"]
        for hop in self.proof.get("custody", []):
            self.custody(hop, leaf, root, origin["groupSize"])
            assert hop["sender"] == here, "the hops do not connect"
            here = hop["receiver"]
            print(f"custody: {here}")
        status, decider, area = self.outcome(leaf)
        assert decider == here, "decided by another than who had it last"
        destination = b"\x2a"  # field 5, its length, then field 1: the area
        assert status != ACCEPTED or area.encode() in header.split(destination, 1)[1], "accepted by another area than the destination's"
        print(f"outcome: {status}, decided by {decider}")
        return status


def check(proof_path, ca):
    with open(proof_path) as file, tempfile.TemporaryDirectory(prefix="qiao-by-hand-") as folder:
        return Checker(json.load(file), ca, folder).check()


if __name__ == "__main__":
    check(*sys.argv[1:])
