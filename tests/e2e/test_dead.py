#!/usr/bin/env python3
"""Dead letters: a message that kills its member each time, one that is always asked for again, one that expires; their owner, retry and discard."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import Federation, last_json, line, run, wait_until

LIMITS = {"retry_ms_min": "20ms", "retry_ms_max": "200ms"}
ATTEMPTS = 4
DEAD_LETTERS = {"attempts_max": ATTEMPTS, "owner": "990101001/office"}


def send(fed, case, body, *more):
    done = fed.qiao("community", "intake", "send", "--to", "990101/urban", "--case", case, "--body", body, "--json", *more)
    return json.loads(done.stdout.splitlines()[0])["id"]


def outcome(fed, message_id):
    return json.loads(fed.qiao("community", None, "message", message_id, "--json").stdout)["outcome"]


def letters(fed, *more):
    return [json.loads(row) for row in fed.qiao("district", None, "dead", "list", "--json", *more).stdout.splitlines()]


class Urban:
    """A receiver that is started again whenever it died: each message of case `deadly` kills it, until it is healed."""

    def __init__(self, fed):
        self.healed, self.taken, self.deaths = (os.path.join(fed.folder, name) for name in ("healed", "taken", "deaths"))
        script = os.path.join(fed.folder, "take.sh")
        with open(script, "w") as out:
            out.write(f'if [ "$QIAO_CASE_ID" = deadly ] && [ ! -e {self.healed} ]; then echo x >> {self.deaths}; kill -9 $PPID; exit 1; fi\n'
                      f'if [ "$QIAO_CASE_ID" = later ] && [ ! -e {self.healed} ]; then exit 75; fi\n'
                      f'echo "$QIAO_MESSAGE_ID" >> {self.taken}\ncat > /dev/null\n')
        command = " ".join(fed.command("district", "urban", "recv", "--exec", f"'exec sh {script}'"))
        self.child = fed.spawn_program(["sh", "-c", f'trap "kill \\$child; exit" TERM; while :; do {command} & child=$!; wait $child; done'])

    def lines(self, path):
        if not os.path.exists(path):
            return []
        with open(path) as rows:
            return rows.read().split()

    def stop(self):
        self.child.terminate()
        self.child.communicate()


def next_notice(fed, node, member):
    child = fed.spawn(node, member, "recv", "--count", "1", "--json")
    return last_json(child)[1]


def kills_its_member(fed, checks, urban):
    deadly = send(fed, "deadly", "canary body")
    behind = send(fed, "deadly-not", "fine")
    others = [send(fed, f"case-{number}", "fine") for number in range(8)] + [behind]
    begin = time.monotonic()
    wait_until(lambda: all(outcome(fed, id) == "OUTCOME_ACCEPTED" for id in others), "other cases go on", pause_s=0.05)
    checks.note(f"the others were accepted within {time.monotonic() - begin:.1f} s")
    wait_until(lambda: outcome(fed, deadly) == "OUTCOME_DEAD", "the deadly one ends", pause_s=0.05)
    checks.equal(len(urban.lines(urban.deaths)), ATTEMPTS, "deaths of the member")
    notice = next_notice(fed, "street", "office")
    entries = notice["body"]["entries"]
    checks.ok(notice["kindName"] == "dead.letter" and [entry["messageId"] for entry in entries] == [deadly], "its owner on another node is told", notice)
    checks.equal((entries[0]["status"], entries[0]["attempts"], "canary" in json.dumps(notice)), ("OUTCOME_DEAD", ATTEMPTS, False), "what is told")
    return deadly


def is_shown(fed, checks, deadly):
    found = letters(fed)
    checks.equal([(letter["messageId"], letter["codeName"], letter["attempts"], letter["recipient"]) for letter in found],
                 [(deadly, "CRASHES", ATTEMPTS, "urban")], "qiao dead list")
    checks.equal((len(letters(fed, "--reason", "RETRIES")), len(letters(fed, "--older-than", "1h")), len(letters(fed, "--owner", "office"))), (0, 0, 1), "its filters")
    status = fed.status("district")
    checks.equal(status["deadLetters"], 1, "qiao status counts it")
    shown = fed.qiao("district", None, "dead", "show", deadly)
    checks.ok(shown.returncode == 0 and "CRASHES" in shown.stdout and "canary" not in shown.stdout, "qiao dead show tells all but the body", shown.stdout)
    stranger = fed.qiao("district", "housing", "dead", "list")
    checks.ok(stranger.returncode == 1 and "NOT_ALLOWED" in stranger.stderr, "another member may not look", stranger.stderr)
    unknown = fed.qiao("district", None, "dead", "show", "01890a5d-ac96-774b-bcce-b302099a8057")
    checks.equal(unknown.returncode, 1, "an id that is not there")


def is_tried_again(fed, checks, urban, deadly):
    open(urban.healed, "w").close()
    done = fed.qiao("district", None, "dead", "retry", "--all", "--because", "adapter repaired", "--json")
    checks.equal(json.loads(done.stdout), {"retried": 1, "left": 0}, "qiao dead retry --all")
    wait_until(lambda: deadly in urban.lines(urban.taken), "it is delivered", pause_s=0.05)
    news = next_notice(fed, "community", "intake")
    entry = news["body"]["entries"][0]
    checks.equal((entry["messageId"], entry["status"], entry.get("retried")), (deadly, "OUTCOME_ACCEPTED", True), "its sender hears what came of it")
    checks.equal(outcome(fed, deadly), "OUTCOME_DEAD", "its one outcome stays what it was")
    again = fed.qiao("district", None, "dead", "retry", deadly)
    checks.ok(again.returncode == 1 and "NOT_FOUND" in again.stderr, "there is nothing to try again", again.stderr)
    checks.equal(urban.lines(urban.taken).count(deadly), 1, "deliveries after the repair")
    os.unlink(urban.healed)


def is_discarded(fed, checks):
    later = send(fed, "later", "x")
    wait_until(lambda: outcome(fed, later) == "OUTCOME_DEAD", "what is always asked for again ends", pause_s=0.05)
    checks.equal([letter["codeName"] for letter in letters(fed)], ["RETRIES"], "its reason")
    checks.equal(next_notice(fed, "street", "office")["body"]["entries"][0]["messageId"], later, "its owner is told")
    checks.equal(fed.qiao("district", None, "dead", "discard", later).returncode, 2, "nothing is discarded without a reason")
    done = fed.qiao("district", None, "dead", "discard", later, "--reason", "handled by telephone")
    checks.ok(done.returncode == 0 and letters(fed) == [], "discarded", done.stderr)
    log = os.path.join(fed.folder, "district.audit")
    export = fed.qiao("district", None, "audit", "export", "--output", log)
    with open(log, "rb") as book:
        text = book.read()
    checks.ok(b"handled by telephone" in text and b"adapter repaired" in text, "who and why are in the audit log", export.stderr)


def is_kept(fed, checks):
    """One stays in the store, for --check-store to look at."""
    kept = send(fed, "later", "y")
    wait_until(lambda: outcome(fed, kept) == "OUTCOME_DEAD", "it ends", pause_s=0.05)
    checks.equal(next_notice(fed, "street", "office")["body"]["entries"][0]["messageId"], kept, "its owner is told too")


def expires(fed, checks, urban):
    urban.stop()
    wait_until(lambda: not fed.peer("district", "urban")["up"], "urban is away", pause_s=0.05)
    message_id = send(fed, "late", "x", "--expires", "1s")
    wait_until(lambda: outcome(fed, message_id) == "OUTCOME_EXPIRED", "it expires where it waits", pause_s=0.05)
    entry = next_notice(fed, "street", "office")["body"]["entries"][0]
    checks.equal((entry["messageId"], entry["status"]), (message_id, "OUTCOME_EXPIRED"), "the owner is told of what expired")


def story(checks):
    with Federation(line(limits=LIMITS, dead_letters=DEAD_LETTERS)) as fed:
        fed.start_all()
        urban = Urban(fed)
        deadly = kills_its_member(fed, checks, urban)
        is_shown(fed, checks, deadly)
        is_tried_again(fed, checks, urban, deadly)
        is_discarded(fed, checks)
        is_kept(fed, checks)
        expires(fed, checks, urban)
        fed.stop_all()
        checks.sound_stores(fed)


run("e2e dead letters", story)
