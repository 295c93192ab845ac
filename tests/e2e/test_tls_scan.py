#!/usr/bin/env python3
"""What outside scanners find at a node's TLS port: nothing worse than information. They only ever talk to 127.0.0.1."""
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Node, run, skip

# A scanner comes often, and does not prove who it is.
LIMITS = {"handshakes_per_second_max": 5000, "handshakes_per_address_max": 5000, "unproven_per_address_max": 5000, "connections_per_address_max": 5000}
PROTOCOLS_WANTED = {("tls", "1.3")}
CIPHERS = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
GROUPS = {"x25519", "secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)", "X25519MLKEM768"}
BITS_MIN = 128
HARMLESS = {"OK", "INFO", "DEBUG"}   # testssl.sh; above it WARN, LOW, MEDIUM, HIGH, CRITICAL
NOT_IN_TLS_1_3 = {"NPN"}             # testssl.sh 3.2 warns that it cannot look for what TLS 1.3 does not have
SCAN_S_MAX = 500
# What `qiao pki` leaves out of certificates, because nodes find each other by node id and get their list of revoked ones as a file, and what
# a scanner looks for: the host's name, and where that list is.
EXTENSIONS = """basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=URI:urn:qiao:node:district,URI:urn:qiao:area:990101,DNS:localhost,IP:127.0.0.1
crlDistributionPoints=URI:http://127.0.0.1/ca.crl
authorityKeyIdentifier=keyid
"""


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def issue_with_host(fed):
    """The node's key under a certificate of the federation's authority that names the host too."""
    files = fed["district"].tls_files()
    request, extensions = os.path.join(fed.folder, "district.csr"), os.path.join(fed.folder, "extensions")
    with open(extensions, "w") as out:
        out.write(EXTENSIONS)
    openssl("req", "-new", "-key", files["key"], "-subj", "/CN=district", "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", os.path.join(fed.folder, "ca", "ca.crt"), "-CAkey", os.path.join(fed.folder, "ca", "ca.key"),
            "-days", "200", "-extfile", extensions, "-out", files["certificate"])


def openssl_with_certificate(fed):
    """For testssl.sh, which before 3.2 has no option for it: an openssl whose s_client shows the node's own certificate."""
    files, path = fed["district"].tls_files(), os.path.join(fed.folder, "openssl-with-certificate")
    with open(path, "w") as out:
        out.write(f'''#!/bin/sh
if [ "$1" = s_client ]; then
    shift
    exec openssl s_client -cert "{files["certificate"]}" -key "{files["key"]}" "$@"
fi
exec openssl "$@"
''')
    os.chmod(path, 0o755)
    return path


def sslscan(fed, checks):
    district, path = fed["district"], os.path.join(fed.folder, "sslscan.xml")
    files = district.tls_files()
    subprocess.run(["sslscan", f"--xml={path}", "--no-colour", "--show-certificate", f"--certs={files['certificate']}", f"--pk={files['key']}",
                    f"127.0.0.1:{district.port}"], check=True, capture_output=True, timeout=SCAN_S_MAX)
    found = xml.etree.ElementTree.parse(path).getroot().find("ssltest")
    enabled = {(protocol.get("type"), protocol.get("version")) for protocol in found.iter("protocol") if protocol.get("enabled") == "1"}
    checks.equal(enabled, PROTOCOLS_WANTED, "sslscan: TLS 1.3 and nothing else")
    ciphers = list(found.iter("cipher"))
    names = {cipher.get("cipher") for cipher in ciphers}
    checks.ok(names and names <= CIPHERS, "sslscan: ciphers", names)
    checks.ok(all(int(cipher.get("bits")) >= BITS_MIN for cipher in ciphers), "sslscan: their strength", [cipher.attrib for cipher in ciphers])
    groups = {group.get("name"): int(group.get("bits")) for group in found.iter("group")}
    checks.ok(groups and set(groups) <= GROUPS and min(groups.values()) >= BITS_MIN, "sslscan: groups", groups)
    checks.ok(all(one.get("supported") == "0" for one in found.iter("renegotiation")), "sslscan: no renegotiation")
    checks.ok(all(one.get("supported") == "0" for one in found.iter("compression")), "sslscan: no compression")
    checks.ok(all(one.get("vulnerable") == "0" for one in found.iter("heartbleed")), "sslscan: no heartbleed")
    certificates = list(found.iter("certificate"))
    checks.ok(certificates and all(one.findtext("self-signed") in ("false", None) and one.findtext("expired") in ("false", None) for one in certificates),
              "sslscan: the certificate is neither self-signed nor expired")


def testssl(fed, checks):
    district, path = fed["district"], os.path.join(fed.folder, "testssl.json")
    command = shutil.which("testssl") or shutil.which("testssl.sh")
    done = subprocess.run([command, "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none", "--jsonfile", path, "--openssl", openssl_with_certificate(fed), "--add-ca", district.tls_files()["ca"],
                           "--protocols", "--std", "--fs", "--server-preference", "--server-defaults", "--vulnerable", f"127.0.0.1:{district.port}"],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SCAN_S_MAX)
    with open(path) as report:
        rows = [row for row in json.load(report) if row["ip"].startswith("127.0.0.1")]   # others speak of the scanner's own machine
    checks.ok(len(rows) > 60, "testssl.sh looked at everything", f"{len(rows)} findings, exit {done.returncode}: {done.stdout[-500:]}")
    about = {row["id"]: row for row in rows}
    checks.ok("offered" in about.get("TLS1_3", {}).get("finding", ""), "testssl.sh saw TLS 1.3", about.get("TLS1_3"))
    worse = [row for row in rows if row["severity"] not in HARMLESS and not (row["severity"] == "WARN" and row["id"] in NOT_IN_TLS_1_3)]
    for row in worse:
        checks.ok(False, f"testssl.sh: {row['id']}", f"{row['severity']}: {row['finding']}")
    checks.ok(not worse, f"testssl.sh: {len(rows)} findings, none worse than information")


def story(checks):
    with Federation({"district": Node("990101", None, ("urban",), LIMITS)}) as fed:
        fed["district"].start()
        if shutil.which("sslscan"):
            sslscan(fed, checks)
        fed["district"].stop()
        issue_with_host(fed)
        fed["district"].start()
        if shutil.which("testssl") or shutil.which("testssl.sh"):
            testssl(fed, checks)
        checks.equal(fed["district"].stop(), 0, "the node lived through it")


if not shutil.which("sslscan") and not shutil.which("testssl") and not shutil.which("testssl.sh"):
    skip("e2e tls scan", "neither sslscan nor testssl.sh is installed")
run("e2e tls scan", story)
