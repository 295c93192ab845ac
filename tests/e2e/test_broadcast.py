#!/usr/bin/env python3
"""One message from the district to 200 members spread over street and community: each gets it exactly once, and the sender
one outcome from each."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Crowd, Federation, Node, last_json, program, run

HALF = 100
BULLETINS = 20


def tree():
    return {
        "district": Node("990101", None, ("urban",)),
        "street": Node("990101001", "district", tuple(f"m{i}" for i in range(HALF))),
        "community": Node("990101001001", "street", tuple(f"m{i}" for i in range(HALF))),
    }


def story(checks):
    with Federation(tree()) as fed:
        fed.start_all()
        crowds = [Crowd(fed, node, HALF, expect=BULLETINS) for node in ("street", "community")]
        for crowd in crowds:
            crowd.wait_up()
        sender = fed.spawn_program([program("resuming_sender"), "--node", fed["district"].ipc_url, "--member", "urban", "--to", "990101001/**",
                                    "--count", str(BULLETINS), "--recipients", str(2 * HALF)])
        status, sent, error = last_json(sender)
        checks.ok(status == 0, "the sender ends well", f"{status} {error}")
        checks.equal((sent.get("ended"), sent.get("accepted"), sent.get("outcomesRepeated")), (BULLETINS * 2 * HALF, BULLETINS * 2 * HALF, 0),
                     "one outcome from each recipient for each bulletin")
        for crowd, node in zip(crowds, ("street", "community")):
            got = crowd.finish()
            checks.equal((got["complete"], got["distinct"], got["duplicates"]), (HALF, HALF * BULLETINS, 0), f"each member at the {node} has each bulletin once")
            checks.note(f"{node}: {got.get('latencyMs')}")
        fed.stop_all()
        checks.sound_stores(fed)


run("e2e broadcast", story)
