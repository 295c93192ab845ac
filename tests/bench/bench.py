#!/usr/bin/env python3
"""Prints each bar as a line of JSON: name, value, unit, bar, ok, detail, machine. A missed bar is "ok": false and no failure;
the exit status is 1 only if a bench broke or a run lost, doubled or disordered something."""
import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import machine
from children import Children, children, most_in, need_room
from disk import LoopDisk, Unavailable
from federation import Crowd, Federation, Load, Node, Overdue, Tally, last_json, line, program, wait_until

NODES = ("community", "street", "district")
SIZE = 512
# Everybody comes from 127.0.0.1 here.
ONE_ADDRESS = {"handshakes_per_second_max": 5000, "handshakes_per_address_max": 5000, "connections_per_address_max": 5000, "unproven_per_address_max": 5000}


def plain(tree=None):
    """The spine's bars are about the way of a message without signatures; `trust` measures what those cost."""
    tree = tree or line()
    for node in tree.values():
        node.more = {**node.more, "trust": {"suites": ["none"]}}
    return tree


class Broken(Exception):
    """The run itself went wrong; its figures mean nothing."""


class Report:
    def __init__(self, quick):
        self.quick = quick
        with tempfile.TemporaryDirectory(dir=os.environ.get("QIAO_TEST_FOLDER")) as folder:
            self.machine = machine.limits(folder)

    def say(self, name, value, unit, bar, **detail):
        """bar: ("<=", number), or None for a figure that only stands beside others."""
        ok = None if bar is None else value <= bar[1] if bar[0] == "<=" else value >= bar[1] if bar[0] == ">=" else value < bar[1]
        row = {"name": name, "value": round(value, 3), "unit": unit, "bar": " ".join(map(str, bar)) if bar else None, "ok": ok}
        if detail:
            row["detail"] = detail
        row["machine"] = self.machine
        print(json.dumps(row), flush=True)

    def pick(self, full, quick):
        return quick if self.quick else full


def finished(load):
    """The JSON of sender and receiver of a run without fault."""
    (_, sent, send_error), (_, received, receive_error) = load.finish(300)
    wrong = (received.get("lost"), received.get("duplicates"), received.get("orderViolations"), sent.get("outcomeDuplicates"))
    if wrong != (0, 0, 0, 0) or sent.get("outcomes", {}).get("accepted") != load.count:
        raise Broken(f"lost, duplicates, order violations, outcomes twice: {wrong}; {send_error} {receive_error}")
    return sent, received


class Watch:
    """The largest anonymous memory of each broker while it is open."""

    def __init__(self, fed):
        self.fed, self.most_kib, self.over = fed, dict.fromkeys(NODES, 0), threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self.over.wait(0.05):
            for node in NODES:
                if self.fed[node].is_running():
                    self.most_kib[node] = max(self.most_kib[node], self.fed[node].anonymous_kib())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def flat_out(report):
    """Three hops as fast as they go, twice: with the window of the bar, and the largest memory seen meanwhile."""
    count, runs = report.pick(200000, 50000), report.pick(5, 2)
    rates, cpu_us = [], []
    with Federation(plain(), "qiao-bench") as fed:
        fed.start_all()
        with Watch(fed) as watch:
            for number in range(runs):
                before = sum(fed[node].cpu_s() for node in NODES)
                _, received = finished(Load(fed, count, outbox=False, send=("--window", "1024"), name=f"run{number}"))
                cpu_us.append((sum(fed[node].cpu_s() for node in NODES) - before) * 1e6 / count)
                rates.append(received["throughputPerSecond"])
    report.say("three_hops_throughput", statistics.median(rates), "messages/s", (">=", 60000), runs=rates, messages=count, size_bytes=SIZE, window=1024)
    report.say("three_hops_cpu", statistics.median(cpu_us), "us/message over three brokers", ("<=", 18), runs=[round(us, 2) for us in cpu_us])
    report.say("memory_flat_out", max(watch.most_kib.values()) / 1024, "MiB anonymous, largest broker", ("<=", 64), each_kib=watch.most_kib)


def explained(tree, enabled):
    for node in tree.values():
        node.more = {**node.more, "explain": {"enabled": enabled}}
    return tree


def search_ms(fed):
    """How long the street looks for a message that it never had: through the whole log."""
    began = time.monotonic()
    fed.qiao("street", None, "status")
    between = time.monotonic()
    fed.qiao("street", None, "why", "00000000-0000-7000-8000-000000000000")
    return 1000 * ((time.monotonic() - between) - (between - began))


def explain_turns(feds, count, rounds, rates, cpu_us):
    """On, off, off, on, after one of each that does not count."""
    for number in range(2 * rounds + 2):
        kept = number % 4 in (0, 3)
        fed = feds[kept]
        before = sum(fed[node].cpu_s() for node in NODES)
        _, received = finished(Load(fed, count, outbox=False, send=("--window", "1024"), name=f"run{number}"))
        if number > 1:
            cpu_us[kept].append((sum(fed[node].cpu_s() for node in NODES) - before) * 1e6 / count)
            rates[kept].append(received["throughputPerSecond"])


def explain(report):
    """What it costs to keep why: the same run with and without, in turns, since a machine has good and bad minutes; so what is compared are
    the two that ran one after the other. Processes have good and bad lives too: where their memory lies is worth some per cent, so there are
    several of each."""
    count, rounds, starts = report.pick(100000, 30000), report.pick(6, 3), report.pick(5, 1)
    rates, cpu_us = {True: [], False: []}, {True: [], False: []}
    for start in range(starts):
        with Federation(explained(plain(), True), "qiao-bench") as on, Federation(explained(plain(), False), "qiao-bench") as off:
            explain_turns({True: on.start_all(), False: off.start_all()}, count, rounds, rates, cpu_us)
            if start < starts - 1:
                continue
            searched = [search_ms(on), search_ms(on), search_ms(on)]
            on.stop_all()
            sizes = [int(size) for _, text in on.check_stores().values() for size in re.findall(r"deci(?:sions|ded messages).*? records +(\d+) bytes", text)]
    median, explained_messages = statistics.median, count * (rounds + 1)
    lost = 100 * (1 - median(on / off for on, off in zip(rates[True], rates[False])))
    report.say("explain_throughput", lost, "% of three hops' throughput", ("<=", 5), on=rates[True], off=rates[False])
    report.say("explain_cpu", median(on - off for on, off in zip(cpu_us[True], cpu_us[False])), "us/message over three brokers", None, on=cpu_us[True], off=cpu_us[False])
    report.say("explain_search", median(searched) * 1000000 / explained_messages, "ms to look through 1 000 000 messages", ("<=", 100), runs=searched, messages=explained_messages)
    report.say("explain_bytes", sum(sizes) / explained_messages, "bytes/message in three stores together", ("<=", 96), each=sizes)


def at_rate(report, rate, bars):
    count = rate * report.pick(20, 5)
    with Federation(plain(), "qiao-bench") as fed:
        fed.start_all()
        finished(Load(fed, rate, outbox=False, send=("--rate", str(rate)), name="warm"))
        sent, received = finished(Load(fed, count, outbox=False, send=("--rate", str(rate))))
    latency, name = received["latencyMs"], f"latency_at_{rate}"
    for share, bar in bars.items():
        report.say(f"{name}_{share}", latency[share], "ms, meant to be sent until delivered", ("<=", bar), all=latency, outcome=sent["outcomeLatencyMs"])
    report.say(f"carried_at_{rate}", received["throughputPerSecond"], "messages/s", (">=", rate * 0.98))


def latency_1000(report):
    at_rate(report, 1000, {"p50": 3, "p99": 10})


def latency_10000(report):
    at_rate(report, 10000, {"p99": 25})


def members(count):
    return tuple(f"m{number}" for number in range(count))


def broadcast(report):
    half, bulletins = 100, report.pick(100, 20)
    tree = {"district": Node("990101", None, ("urban",)), "street": Node("990101001", "district", members(half)),
            "community": Node("990101001001", "street", members(half))}
    with Federation(plain(tree), "qiao-bench") as fed:
        fed.start_all()
        files = {node: os.path.join(fed.folder, node + ".latencies") for node in ("street", "community")}
        crowds = [Crowd(fed, node, half, expect=bulletins, latencies=file) for node, file in files.items()]
        for crowd in crowds:
            crowd.wait_up()
        sender = fed.spawn_program([program("resuming_sender"), "--node", fed["district"].ipc_url, "--member", "urban", "--to", "990101001/**",
                                    "--count", str(bulletins), "--recipients", str(2 * half)])
        status, sent, error = last_json(sender, 300)
        got = [crowd.finish() for crowd in crowds]
        if status or any((one["complete"], one["duplicates"]) != (half, 0) for one in got):
            raise Broken(f"broadcast: {error} {got}")
        took = [float(row) for file in files.values() for row in open(file)]
    report.say("broadcast_200_p50", machine.percentile(took, 0.5), "ms until delivered", ("<=", 12), p99_ms=machine.percentile(took, 0.99),
               bulletins=bulletins, all_outcomes_ms=sent["outcomeLatencyMs"])


def memory_queued(report):
    count = report.pick(1000000, 200000)
    with Federation(plain(), "qiao-bench") as fed:
        fed.start_all()
        idle = {node: fed[node].anonymous_kib() for node in NODES}
        report.say("memory_idle", max(idle.values()) / 1024, "MiB anonymous, largest broker", ("<=", 12), each_kib=idle)
        fed["street"].stop()
        sender = fed.spawn("community", "intake", "bench", "send", "--to", "990101/urban", "--count", str(count), "--json")
        with Watch(fed) as watch:
            status, sent, error = last_json(sender, 600)
        if status or fed.queued("community", "street") != count:
            raise Broken(f"queueing: {error} {sent}")
        grown = fed["community"].anonymous_kib() - idle["community"]
        report.say("memory_queued", grown / 1024, f"MiB more with {count} messages queued", ("<=", 32), most_while_queueing_kib=watch.most_kib["community"],
                   store_bytes=fed.status("community")["storeBytes"])


def memory_members(report, name, bar, tls):
    count = report.pick(1000, 200)
    tree = {"district": Node("990101", None, members(count), ONE_ADDRESS)}
    with Federation(plain(tree), "qiao-bench") as fed:
        fed.start_all()
        idle = fed["district"].anonymous_kib()
        crowd = Crowd(fed, "district", count, tls=tls).wait_up(300)
        wait_until(lambda: sum(peer["up"] for peer in fed.status("district")["peers"]) == count, "all members up", pause_s=0.2)
        report.say(name, (fed["district"].anonymous_kib() - idle) / count, "KiB each", ("<=", bar), members=count)
        crowd.finish(terminate=True)


def memory_tls(report):
    memory_members(report, "memory_member_tls", 64, True)


def memory_ipc(report):
    memory_members(report, "memory_member_ipc", 20, False)


def idle_cpu(report):
    """A hundred TLS links that only keep each other alive."""
    seconds, links = report.pick(30, 10), 100
    tree = {"district": Node("990101", None, members(links), ONE_ADDRESS)}
    with Federation(plain(tree), "qiao-bench") as fed:
        fed.start_all()
        crowd = Crowd(fed, "district", links, tls=True).wait_up(120)
        before, started = fed["district"].cpu_s(), time.monotonic()
        time.sleep(seconds)     # the time is what is measured
        share = (fed["district"].cpu_s() - before) / (time.monotonic() - started)
        crowd.finish(terminate=True)
    report.say("idle_cpu_100_links", share * 100, "% of a core", ("<", 1), seconds=seconds)


def reconnect(report):
    """A thousand TLS links lost at once by kill -9 of their node; bulletins wait above it and a message at each of them. The gate's rate
    is the default: it has to spread them, not to starve anybody."""
    count, bulletins = report.pick(1000, 200), 3
    limits = {key: value for key, value in ONE_ADDRESS.items() if key != "handshakes_per_second_max"}
    tree = {"district": Node("990101", None, ("urban", "housing")), "street": Node("990101001", "district", members(count), limits)}
    with Federation(tree, "qiao-bench") as fed:
        fed.start_all()
        street = fed["street"]
        crowd = Crowd(fed, "street", count, expect=bulletins, tls=True, say="990101/housing").wait_up(300)
        taker = fed.spawn("district", "housing", "bench", "recv", "--expect", str(count), "--idle-timeout", "120s", "--json")
        street.kill()
        sender = fed.spawn_program([program("resuming_sender"), "--node", fed["district"].ipc_url, "--member", "urban", "--to", "990101001/**",
                                    "--count", str(bulletins), "--recipients", str(count)])
        wait_until(lambda: fed.queued("district", "street") >= 1, "bulletins wait", 60, 0.05)
        street.start()
        crowd.wait_up(120)
        back = time.monotonic() - street.ready_at
        status, _, error = last_json(sender, 120)
        everything = time.monotonic() - street.ready_at
        got, (taken_status, taken, taken_error) = crowd.finish(), last_json(taker, 120)
        refused = street.log().count("too many new connections")
    if status or (got["complete"], got["duplicates"]) != (count, 0):
        raise Broken(f"bulletins: {error} {got}")
    if taken_status or (taken["received"], taken["lost"], taken["duplicates"]) != (count, 0, 0):
        raise Broken(f"messages of the links: {taken_error} {taken}")
    report.say("reconnect_1000", back, "s until all links are up again", ("<=", 10), links=count, all_messages_s=round(everything, 2), lines_of_refusals=refused)


def ask_all(crowd, count):
    """Each member of the crowd hands in messages for the district."""
    crowd.child.send_signal(signal.SIGUSR1)
    said = json.loads(crowd.child.stdout.readline() or "{}").get("said")
    if said != count:
        raise Broken(f"members handed in {said} messages: {crowd.child.stderr.read() if said is None else ''}")


def reconnect_slowly(district, below, rate):
    """The same with a rate of handshakes that is what they wait for: the last comes little later than it has to."""
    count = len(below.brokers)
    district.node.limits["handshakes_per_second_max"] = rate
    district.write_configuration()
    district.kill()
    below.wait_down()
    district.start()
    began_ms = time.time() * 1000
    up_ms = below.wait_up()
    took, least = [(at - began_ms) / 1000 for at in up_ms], (count - rate) / rate
    return {"value": max(took) / least, "unit": "of the time that the rate allows", "bar": ("<=", 1.5), "rate": rate, "nodes": count, "rate_allows_s": round(least, 2), "last_s": round(max(took), 2),
            "p99_s": round(machine.percentile(took, 0.99), 2), "median_s": round(statistics.median(took), 2), "most_in_a_second": most_in(up_ms, 1000), "refusals": below.refusals()}


def reconnect_nodes(report):
    """A thousand nodes, each a process with a store and a certificate of its own, lose their parent by kill -9 while they hand it messages, and take
    more meanwhile. Only the limits of one address are lifted; the rate of handshakes is the default."""
    count, says = report.pick(1000, 100), 2
    need_room(os.environ.get("QIAO_TEST_FOLDER"), count)
    limits = {key: value for key, value in ONE_ADDRESS.items() if key != "handshakes_per_second_max"}
    with Federation({"district": Node("990101", None, ("urban",), limits), **children(count, "district")}, "qiao-bench") as fed:
        district, below = fed["district"], Children(fed, "district")
        district.start()
        below.start()
        below.wait_up()
        crowd = Crowd(fed, None, count, node_url=f"ipc://{fed.folder}/c%.sock", say="990101/urban", says=says).wait_up(300)
        tally = Tally(os.path.join(fed.folder, "reconnect.tally"))
        taker = fed.spawn("district", "urban", "bench", "recv", "--expect", str(2 * says * count), "--resume-file", tally.path, "--idle-timeout", "120s", "--json")
        ask_all(crowd, says * count)
        wait_until(lambda: tally.received() > says * count // 4, "some have arrived", 60, 0.001)
        district.kill()
        arrived = tally.received()
        ask_all(crowd, says * count)
        wait_until(lambda: all(fed.queued(f"c{number}", "district") >= says for number in range(0, count, 50)), "messages wait at the children", 60, 0.1)
        cpu_parent, cpu_below = 0, below.cpu_s()
        district.start()
        began_ms, cpu_parent = time.time() * 1000, district.cpu_s()
        up_ms = below.wait_up()
        cpu_parent, cpu_below = district.cpu_s() - cpu_parent, below.cpu_s() - cpu_below
        wait_until(lambda: tally.received() == 2 * says * count, "all messages", 120, 0.01)
        everything = time.time() * 1000 - began_ms
        taker.terminate()
        _, taken, error = last_json(taker)
        crowd.finish(terminate=True)
        memory_kib, refusals = below.anonymous_kib(), below.refusals()
        limited = reconnect_slowly(district, below, count // 20)
    if (taken["received"], taken["lost"], taken["duplicates"], taken["orderViolations"]) != (2 * says * count, 0, 0, 0):
        raise Broken(f"messages of the nodes: {error} {taken}")
    took = [(at - began_ms) / 1000 for at in up_ms]
    report.say("reconnect_1000_nodes", max(took), "s until all links are up again", ("<=", 10), nodes=count, median_s=round(statistics.median(took), 2),
               p99_s=round(machine.percentile(took, 0.99), 2), most_in_a_second=most_in(up_ms, 1000), messages=2 * says * count, had_arrived_before=arrived,
               all_messages_s=round(everything / 1000, 2), refusals=refusals, cpu_ms_a_link=round(1000 * cpu_parent / count, 2),
               cpu_ms_each_child=round(1000 * cpu_below / count, 2), child_kib=memory_kib)
    report.say("reconnect_limited", **limited)


def writes(report):
    """Each store on an ext4 image of its own: what reaches the loop device is what the node wrote, journal of the file system included."""
    count = report.pick(200000, 50000)
    with Federation(plain(), "qiao-bench") as fed:
        disks = {}
        for node in NODES:
            disks[node] = LoopDisk(fed.folder, node, 2048)
            fed.disks.append(disks[node])
            fed[node].store = os.path.join(disks[node].mount_point, "store")
            fed[node].write_configuration()
        fed.start_all()
        finished(Load(fed, count // 10, outbox=False, name="warm"))
        bytes_before = {node: disks[node].written_bytes() for node in NODES}
        flushes_before = {node: disks[node].flushes() for node in NODES}
        commits_before = {node: fed.status(node)["commits"] for node in NODES}
        _, received = finished(Load(fed, count, outbox=False))
        written = {node: (disks[node].written_bytes() - bytes_before[node]) / (count * SIZE) for node in NODES}
        flushes = {node: disks[node].flushes() - flushes_before[node] for node in NODES}
        commits = {node: fed.status(node)["commits"] - commits_before[node] for node in NODES}
    report.say("bytes_written", max(written.values()), "bytes written per payload byte, worst node", ("<=", 2.5),
               each={node: round(value, 2) for node, value in written.items()}, throughput=received["throughputPerSecond"])
    report.say("syncs", max(commits.values()) / count, "commits per message, worst node", ("<=", 1 / 32), commits=commits, device_flushes=flushes)


def catch_up(report):
    kills, took = report.pick(10, 3), []
    count = kills * 10000
    with Federation(plain(), "qiao-bench") as fed:
        fed.start_all()
        load = Load(fed, count, send=("--rate", "10000"))
        for number in range(1, kills + 1):
            load.wait_received(count * number // (kills + 2))
            fed["street"].kill()
            fed["street"].start()
            took.append(load.wait_caught_up(fed["street"]))
        finished(load)
    report.say("catch_up_after_kill", max(took), "s from listening again, worst", ("<=", 2), all=[round(s, 2) for s in took])


def sign_with(fed, suite):
    """Every node signs with this suite from its next start on; none: it signs nothing."""
    for name, node in fed.nodes.items():
        node.more = {"trust": {"suites": [suite]}}
        if suite == "gm1":
            out = os.path.join(fed.folder, "sm2", name)
            fed.pki("issue", "--ca", os.path.join(fed.folder, "ca"), "--out", out, "--name", name, "--area", node.area, "--algorithm", "sm2")
            node.more["trust"].update(certificate=f"{out}/{name}.crt", key=f"{out}/{name}.key")
        fed[name].write_configuration()


def trust(report):
    """Signatures, custody receipts and audit, on against off, and SM2/SM3 against the international suite. One run of each in turn, since a
    machine has good and bad minutes; so what is compared are those that ran one after the other."""
    count, rounds = report.pick(150000, 50000), report.pick(9, 1)
    suites = ["none", "int1", "gm1"]
    rates = {suite: [] for suite in suites}
    with Federation(line(), "qiao-bench") as none, Federation(line(), "qiao-bench") as int1, Federation(line(), "qiao-bench") as gm1:
        feds = dict(zip(suites, (none, int1, gm1)))
        for suite, fed in feds.items():
            sign_with(fed, suite)
            fed.start_all()
            finished(Load(fed, count // 10, outbox=False, name="warm"))
        for number in range(rounds):
            for suite in (suites, suites[::-1])[number % 2]:
                _, received = finished(Load(feds[suite], count, outbox=False, send=("--window", "1024"), name=f"run{number}"))
                rates[suite].append(received["throughputPerSecond"])
    of = lambda suite, other: statistics.median(a / b for a, b in zip(rates[suite], rates[other]))
    report.say("trust_throughput", of("int1", "none"), "of the throughput without signatures", (">=", 0.7), runs=rates)
    report.say("trust_gm1", of("gm1", "int1"), "of the throughput with INT1", (">=", 0.6), runs=rates)


def sent_bytes(port):
    """Payload bytes that went to this port over the connections that are open now, by the kernel's own count."""
    text = subprocess.run(["ss", "-tinH", "state", "established", f"( dport = :{port} )"], capture_output=True, text=True, check=True).stdout
    return sum(int(number) for number in re.findall(r"bytes_sent:(\d+)", text))


def bytes_with(suite, count):
    """(stored at the street for a message that waits there, sent by the street to the district for one that goes on)."""
    with Federation(line(), "qiao-bench") as fed:
        sign_with(fed, suite)
        fed.start_all()
        finished(Load(fed, count // 10, outbox=False, name="warm"))
        before = sent_bytes(fed["district"].port)
        finished(Load(fed, count, outbox=False, send=("--window", "1024")))
        wire = (sent_bytes(fed["district"].port) - before) / count
        fed["district"].stop()
        started = fed.status("street")["storeBytes"]
        sender = fed.spawn("community", "intake", "bench", "send", "--to", "990101/urban", "--count", str(count), "--json")
        last_json(sender, 300)
        wait_until(lambda: fed.queued("street", "district") == count, "all messages wait at the street", 120, 0.1)
        return (fed.status("street")["storeBytes"] - started) / count, wire


def trust_bytes(report):
    count = report.pick(200000, 50000)
    (stored_off, wire_off), (stored_on, wire_on) = bytes_with("none", count), bytes_with("int1", count)
    report.say("trust_bytes_stored", stored_on - stored_off, "bytes more a message stored at a hop", ("<=", 400), off=round(stored_off), on=round(stored_on))
    report.say("trust_bytes_wire", wire_on - wire_off, "bytes more a message sent to the next hop", ("<=", 350), off=round(wire_off, 1), on=round(wire_on, 1))


def audit(report):
    """A log of a million records, checked from its export: the whole tree and the signed head."""
    count = report.pick(1000000, 100000)
    with Federation(line(), "qiao-bench") as fed:
        broker = fed["street"]
        broker.start()
        broker.stop()
        subprocess.run([program("tamper_log"), broker.store, "fill", str(count)], check=True, timeout=300)
        broker.start()
        path = os.path.join(fed.folder, "street.audit")
        began = time.monotonic()
        subprocess.run([program("qiao"), "--node", broker.ipc_url, "audit", "export", "-o", path], check=True, timeout=300, stderr=subprocess.DEVNULL)
        exported = time.monotonic()
        done = subprocess.run([program("qiao"), "--json", "audit", "verify", path, "--trust", broker.tls_files()["ca"]], capture_output=True, text=True, timeout=300)
        took = time.monotonic() - exported
    found = json.loads(done.stdout or "{}")
    if done.returncode or found.get("size", 0) < count:
        raise Broken(f"audit: {found} {done.stderr}")
    report.say("audit_verify", took, f"s for {count} records", ("<=", 5 * count / 1000000), export_s=round(exported - began, 2), records=found["size"])


def areas(report):
    """The table of a whole country, in one process."""
    done = subprocess.run([program("area_bench")], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise Broken(f"areas: {done.stderr}")
    found = json.loads(done.stdout)
    report.say("areas_load", found["loadSeconds"], "s from CSV", ("<=", 2), cpu_s=found["loadCpuSeconds"], areas=found["areas"], csv_bytes=found["csvBytes"])
    report.say("areas_bytes", found["bytesPerArea"], "bytes allocated an area", ("<=", 64), counted_by_the_table=found["ownCountBytesPerArea"])
    for which in ("hit", "miss"):
        report.say(f"areas_lookup_{which}", found[which + "Ns"], "ns a lookup of a random code, median", ("<=", 150), caches_emptied_before_ns=found["coldHitNs"],
                   one_random_access_to_memory_ns=found["memoryNs"])
    report.say("areas_resolve", found["resolveNs"], "ns to resolve a random code, median", None)


BENCHES = (flat_out, explain, latency_1000, latency_10000, broadcast, memory_queued, memory_tls, memory_ipc, idle_cpu, reconnect, reconnect_nodes, writes, catch_up, trust, trust_bytes, audit, areas)


def main():
    by_name = {bench.__name__: bench for bench in BENCHES}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs: good enough to see that it works")
    parser.add_argument("--only", action="append", choices=sorted(by_name), metavar="NAME", help="one of " + ", ".join(by_name))
    parser.add_argument("--list", action="store_true", help="print the names and end")
    options = parser.parse_args()
    if options.list:
        print("\n".join(by_name))
        return 0
    report, broken = Report(options.quick), 0
    for name in options.only or by_name:
        try:
            by_name[name](report)
        except Unavailable as reason:
            print(json.dumps({"name": name, "skipped": str(reason)}), flush=True)
        except (Broken, Overdue, OSError, KeyError, ValueError) as problem:
            broken += 1
            print(json.dumps({"name": name, "broken": f"{type(problem).__name__}: {problem}"}), flush=True)
    return 1 if broken else 0


sys.exit(main())
