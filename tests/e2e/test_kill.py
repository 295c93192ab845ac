#!/usr/bin/env python3
"""kill -9 at every node and client in the middle of a load: nothing acknowledged is lost, doubled or out of order.

Only the kill of a receiver excuses duplicates: dead after it counted, it does not know that it counted. They are bounded by the
deliveries under way. A killed node delivers again what it has no durable verdict for, and libqiao knows what it accepted."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, Load, line, messages, program, run, wait_until

DELIVERY_WINDOW = 4096      # libqiao's default: deliveries without a verdict at most
CAUGHT_UP_S_MAX = 2.0       # printed, not asserted: a shared machine may stall


def kill_and_restart(fed, load, node):
    broker = fed[node]
    broker.kill()
    broker.start()
    return load.wait_caught_up(broker)


def kill_node(checks, node, count, kills):
    with Federation(line()) as fed:
        fed.start_all()
        load = Load(fed, count, send=("--rate", "20000"))
        took_s = []
        for number in range(1, kills + 1):
            load.wait_received(count * number // (kills + 2))
            took_s.append(kill_and_restart(fed, load, node))
        sent, received = load.finish()
        checks.clean_run(sent, received, count, f"{kills} kills of {node}")
        checks.note(f"{node}: caught up {', '.join(f'{s:.2f}' for s in took_s)} s after listening again "
                    f"(worst {max(took_s):.2f}, bar {CAUGHT_UP_S_MAX})")
        wait_until(lambda: fed.queued("community", "street") == 0 and fed.queued("street", "community") == 0, "queues empty", pause_s=0.02)
        fed.stop_all()
        checks.sound_stores(fed)


def kill_receiver(checks, count, kills):
    with Federation(line()) as fed:
        fed.start_all()
        load = Load(fed, count, send=("--rate", "20000"))
        for number in range(1, kills + 1):
            load.wait_received(count * number // (kills + 2))
            load.recv.kill()
            load.recv.communicate()
            load.start_receiver()
        sent, received = load.finish()
        repeated = received[1].get("duplicates", 0)
        checks.note(f"receiver: {repeated} deliveries repeated over {kills} kills")
        checks.ok(repeated <= kills * DELIVERY_WINDOW, "receiver: repeated deliveries are bounded", repeated)
        received[1]["duplicates"] = 0
        checks.clean_run(sent, received, count, f"{kills} kills of the receiver")
        fed.stop_all()
        checks.sound_stores(fed)


def kill_sender(checks, count, kills):
    """The sender keeps its own ledger in a mapped file: what it had promised must arrive, what it sends again must count once."""
    with Federation(line()) as fed:
        fed.start_all()
        ledger, outbox = os.path.join(fed.folder, "ledger"), os.path.join(fed.folder, "outbox")
        command = [program("resuming_sender"), "--node", fed["community"].ipc_url, "--member", "intake", "--to", "990101/urban",
                   "--count", str(count), "--rate", "20000", "--outbox", outbox, "--ledger", ledger]
        load = Load(fed, count, program_of_sender=command)
        for number in range(1, kills + 1):
            load.wait_received(count * number // (kills + 2))
            load.send.kill()
            load.send.communicate()
            load.start_sender()
        (status, sent, error), (_, received, _) = load.finish()
        checks.ok(status == 0, "the last sender ends well", f"{status} {error} {sent}")
        checks.equal((received.get("received"), received.get("lost"), received.get("duplicates"), received.get("orderViolations")),
                     (count, 0, 0, 0), f"{kills} kills of the sender: every message once and in order")
        checks.equal((sent.get("ended"), sent.get("accepted")), (count, count), f"{kills} kills of the sender: every outcome known")
        checks.note(f"sender: {sent.get('starts')} starts, {sent.get('outcomesRepeated')} outcomes repeated")
        fed.stop_all()
        checks.sound_stores(fed)


def story(checks):
    kill_node(checks, "street", messages(100000), 10)
    kill_node(checks, "community", messages(50000), 5)
    kill_node(checks, "district", messages(50000), 5)
    kill_receiver(checks, messages(50000), 5)
    kill_sender(checks, messages(50000), 5)


run("e2e kill", story)
