#!/usr/bin/env python3
"""Peers that mean harm or are broken, while a well-behaved link carries a load: each is refused, counted and logged with
restraint, and the load does not notice."""
import os
import socket
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Load, line, run, wait_until
from peer import AUTH, BATCH, FRAME_SIZE_MAX_BEFORE_UP, HELLO, PING, closes, connect, connect_tls, frame, tls_context

# Good and evil come from one address here; test_gate.py tells them apart.
LIMITS = {"handshake_ms": "700ms", "connections_max": 300, "handshakes_per_second_max": 5000, "handshakes_per_address_max": 5000,
          "connections_per_address_max": 5000, "unproven_per_address_max": 5000}
TLS_PATIENCE_S = 30
SECONDS_OF_SLOWNESS = 20      # how long a slow peer would go on if it were let
LINES_OF_A_FLOOD_MAX = 40
MEMORY_KIB_MAX = 96 * 1024    # what 1 000 TLS handshakes at once take, and the allocator keeps; more under a sanitizer
ENDLESS = 10000000            # the load is ended by hand

GARBAGE = bytes((index * 73 + 41) % 256 for index in range(4096))
FRAMES = (
    ("garbage", GARBAGE),
    ("zeros", b"\0" * 512),
    ("the head of another protocol", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a wrong version", frame(HELLO, b"", version=9)),
    ("a frame larger than allowed", frame(HELLO, b"", size=FRAME_SIZE_MAX_BEFORE_UP + 1) + b"x" * 1024),
    ("a frame of 4 GiB", frame(HELLO, b"", size=0xffffffff)),
    ("an unknown type", frame(200, b"")),
    ("type 0", frame(0, b"")),
    ("a batch before the hello", frame(BATCH, b"\x0a\x02hi")),
    ("a ping before the hello", frame(PING, b"")),
    ("an auth before the hello", frame(AUTH, b"\x08\x01")),
    ("a hello that is no protobuf", frame(HELLO, b"\xff" * 64)),
    ("a hello nested 200 deep", frame(HELLO, b"\x0a\x7e" * 200)),
    ("an empty hello", frame(HELLO, b"")),
)


def stranger_files(fed):
    """A certificate of the federation for a node nobody has configured."""
    folder = fed.issue("stranger")
    return {"certificate": f"{folder}/stranger.crt", "key": f"{folder}/stranger.key", "ca": f"{folder}/ca.crt"}


def foreign_files(fed):
    """The right name, from another authority."""
    fed.pki("init", "--out", os.path.join(fed.folder, "other-ca"), "--name", "other")
    folder = os.path.join(fed.folder, "other")
    fed.pki("issue", "--ca", os.path.join(fed.folder, "other-ca"), "--out", folder, "--name", "community")
    return {"certificate": f"{folder}/community.crt", "key": f"{folder}/community.key", "ca": fed["street"].tls_files()["ca"]}


def broken_frames(fed, checks):
    street, files = fed["street"], stranger_files(fed)
    before = fed.status("street")["rejectedFrames"]
    for what, data in FRAMES:
        with connect_tls(street.port, files) as link:
            link.sendall(data)
            checks.ok(closes(link), f"over TLS: {what} ends the connection")
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(street.ipc_url.removeprefix("ipc://"))
            link.sendall(data)
            checks.ok(closes(link), f"over ipc: {what} ends the connection")
    counted = fed.status("street")["rejectedFrames"] - before
    checks.ok(counted >= len(FRAMES), "rejected frames are counted", f"{counted} of {2 * len(FRAMES)}")
    for size in (1, 4, 7, 12, 60):
        with connect_tls(street.port, files) as link:
            link.sendall(frame(HELLO, GARBAGE[:64])[:size])
    checks.ok(True, "frames cut off by the end of the stream")


def wrong_certificates(fed, checks):
    street, own = fed["street"], fed["community"].tls_files()
    for what, files in (("another authority's certificate", foreign_files(fed)), ("no certificate", {"ca": own["ca"]})):
        try:
            with connect_tls(street.port, files) as link:
                link.sendall(frame(HELLO, b""))
                got = link.recv(1)
        except (OSError, ssl.SSLError):
            got = b""
        checks.equal(got, b"", f"{what} gets nowhere")
    with connect(street.port) as link:
        link.sendall(GARBAGE)
        checks.ok(closes(link), "no TLS at all ends the connection")


def slow_peers(fed, checks):
    street, files = fed["street"], stranger_files(fed)
    with connect(street.port, TLS_PATIENCE_S) as silent, connect(street.port, TLS_PATIENCE_S) as half:
        half.sendall(b"\x16\x03\x01\x02\x00\x01")   # the first bytes of a ClientHello
        for what, link in (("a peer that never starts TLS", silent), ("a peer that stops in the middle of TLS", half)):
            checks.ok(closes(link), f"{what} is cut off")
    hello = frame(HELLO, b"\x0a" * 4000)
    with connect_tls(street.port, files, timeout_s=0.1) as link:
        sent = 0
        try:
            for sent in range(SECONDS_OF_SLOWNESS * 10):
                link.sendall(hello[sent:sent + 1])
                try:
                    if not link.recv(1024):
                        break
                except TimeoutError:
                    continue
        except OSError:
            pass
        checks.ok(sent < SECONDS_OF_SLOWNESS * 10 - 1, "a peer that drips its hello is cut off", f"{sent} bytes")


def thousand_connects(fed, checks):
    street = fed["street"]
    before = street.log().count("\n")
    links = []
    for _ in range(1000):
        try:
            links.append(connect(street.port))
        except OSError:
            pass
    checks.ok(street.is_running() and fed.status("street")["node"] == "street", "1 000 connections: the node still answers", len(links))
    for link in links:
        link.close()
    wait_until(lambda: open_sockets(street) < 100, "the connections are given up", pause_s=0.05)
    lines = street.log().count("\n") - before
    checks.ok(lines <= LINES_OF_A_FLOOD_MAX, "1 000 connections: few log lines", lines)


def open_sockets(broker):
    return len(os.listdir(f"/proc/{broker.process.pid}/fd"))


def flood_is_logged_with_restraint(fed, checks):
    street, files = fed["street"], stranger_files(fed)
    before = street.log().count("\n")
    context = tls_context(files)
    for _ in range(300):
        try:
            with context.wrap_socket(connect(street.port)) as link:
                link.sendall(GARBAGE)
                closes(link)
        except OSError:
            continue    # refused even earlier
    lines = street.log().count("\n") - before
    checks.ok(0 < lines <= LINES_OF_A_FLOOD_MAX, "300 bad peers make few log lines", lines)


def story(checks):
    with Federation(line(limits=LIMITS)) as fed:
        fed.start_all()
        load = Load(fed, ENDLESS, send=("--rate", "2000"))
        load.wait_received(1)
        since = fed.peer("street", "community")["sinceMs"], fed.peer("street", "district")["sinceMs"]
        for attack in (broken_frames, wrong_certificates, slow_peers, thousand_connects, flood_is_logged_with_restraint):
            attack(fed, checks)
        checks.ok(load.send.poll() is None, "the load ran all the while")
        for _ in range(3):
            thousand_connects(fed, checks)
        anonymous_kib = fed["street"].anonymous_kib()
        checks.note(f"{anonymous_kib} KiB after them")
        checks.ok(anonymous_kib < MEMORY_KIB_MAX or os.environ.get("QIAO_E2E_QUICK"), "the attacks again and again do not pile up memory", f"{anonymous_kib} KiB")
        checks.equal((fed.peer("street", "community")["sinceMs"], fed.peer("street", "district")["sinceMs"]), since, "the good links stood through it all")
        load.send.terminate()
        load.send.communicate()
        recv_status = load.recv.poll()
        checks.ok(recv_status is None and load.tally.received() > 1000 and load.tally.duplicates() == 0, "the load went through", load.tally.received())
        checks.equal(set(fed.stop_all().values()), {0}, "brokers end with 0")
        checks.sound_stores(fed)


run("e2e hostile", story)
