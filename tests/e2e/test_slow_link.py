#!/usr/bin/env python3
"""Ten megabytes over 2 Mbit/s with 5 % of the packets lost and a cut every so often, as real processes in network namespaces: all of it
arrives once, at most 5 % goes out twice, and what is urgent does not wait for it."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Load, Node, run, skip, wait_until
from slow_line import SlowLine, Unavailable

SIZE = 4096
TOTAL = 1000 * 1000 if os.environ.get("QIAO_E2E_QUICK") else 10 * 1000 * 1000
CUT_EVERY_S, CUT_S = 15, 3     # longer than silence: both ends give the link up
LIMITS = {"heartbeat_ms": "500ms", "silence_ms": "2s"}
LARGE = 1024 * 1024            # one message as large as they may be
URGENT_MS_MAX = 5000           # there and back; a cut in between is waited for


def place(fed, node, prefix, address):
    """The broker runs behind the prefix, at this address."""
    broker = fed[node]
    broker.prefix, broker.tls_url = prefix, f"tls+tcp://{address}:{broker.port}"


def urgent(fed):
    """Milliseconds until an urgent message from the street is accepted at the district and the street's member knows."""
    started = time.monotonic()
    done = fed.qiao("street", "desk", "send", "--to", "990101/housing", "--lane", "urgent", "--body", "water rises", "--wait", "--timeout", "30s")
    return (time.monotonic() - started) * 1000 if done.returncode == 0 else float("inf")


def watch(fed, line, load, checks):
    """Cuts and urgent messages while the load runs; the urgent ones' milliseconds."""
    took, cut_at = [], time.monotonic() + CUT_EVERY_S
    while load.send.poll() is None:
        if time.monotonic() > cut_at:
            line.cut(CUT_S)
            cut_at = time.monotonic() + CUT_EVERY_S + CUT_S
            time.sleep(CUT_S)          # the outage itself
            wait_until(lambda: fed.peer("street", "district")["up"], "the link after a cut", 20, 0.1)
        took.append(urgent(fed))
    return took


def story(checks, line):
    tree = {"district": Node("990101", None, ("urban", "housing"), LIMITS), "street": Node("990101001", "district", ("office", "desk", "camera"), LIMITS)}
    with Federation(tree) as fed:
        place(fed, "district", line.inside(line.far), line.FAR)
        place(fed, "street", line.inside(line.near), line.NEAR)
        for name in tree:
            fed[name].write_configuration()
        fed.start_all()
        housing = fed.spawn("district", "housing", "bench", "recv", "--expect", "1000000", "--idle-timeout", "1h", "--json")   # takes whatever comes
        large = os.path.join(fed.folder, "large")
        with open(large, "wb") as out:
            out.write(os.urandom(LARGE - 4096))
        photo = fed.spawn("street", "camera", "send", "--to", "990101/housing", "--lane", "bulk", "--body-file", large, "--wait", "--timeout", "10m")
        started, count = time.monotonic(), TOTAL // SIZE
        load = Load(fed, count, sender=("street", "office"), send=("--size", str(SIZE), "--idle-timeout", "5m"))
        took = watch(fed, line, load, checks)
        sent, received = load.finish(600)
        seconds = time.monotonic() - started
        checks.clean_run(sent, received, count, f"{TOTAL} bytes")
        checks.equal(photo.wait(300), 0, "one message of a megabyte is accepted too")
        link = fed.peer("street", "district")
        resent = link["resentBytes"] / link["sentBytes"] if link.get("resentBytes") else 0
        checks.ok(link["sentBytes"] > TOTAL and resent <= 0.05, "at most 5 % went out twice", link)
        took.sort()
        checks.ok(took and took[-1] < URGENT_MS_MAX, f"{len(took)} urgent ones overtake", took)
        checks.note(f"{seconds:.0f} s, {line.cuts} cuts, {line.lost} of {line.packets} packets lost, {link['sentBytes']} bytes sent, {resent:.2%} of them again, "
                    f"urgent {took[len(took) // 2]:.0f} ms, at most {took[-1]:.0f}")
        housing.terminate()
        fed.stop_all()
        checks.sound_stores(fed)


def main():
    try:
        with SlowLine("2mbit", 5, 10) as line:
            run("slow_link", lambda checks: story(checks, line))
    except Unavailable as reason:
        skip("slow_link", str(reason))


main()
