#!/usr/bin/env python3
"""What members may do: refuse, ask for a retry (which holds up only that case), die before the verdict, appear twice."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from federation import PATIENCE_S, Federation, Load, Tally, last_json, line, messages, program, run, wait_until

LIMITS = {"retry_ms_min": "20ms", "retry_ms_max": "100ms"}
DEAD_LETTERS = {"attempts_max": 200}
BENCH_SEQUENCES_MAX = 1 << 30   # the bit map at the end of a tally file has a bit for each


def outcome(fed, message_id):
    return json.loads(fed.qiao("community", None, "message", message_id, "--json").stdout)["outcome"]


def send(fed, case, body, to="990101/urban"):
    done = fed.qiao("community", "intake", "send", "--to", to, "--case", case, "--body", body, "--json")
    return json.loads(done.stdout)["id"]


def refuses(fed, checks):
    recv = fed.spawn("district", "housing", "recv", "--count", "1", "--verdict", "refuse:INCOMPLETE:no address given")
    done = fed.qiao("community", "intake", "send", "--to", "990101/housing", "--body", "x", "--wait", "--json")
    answer = json.loads(done.stdout.splitlines()[-1])
    checks.ok(done.returncode == 1 and "INCOMPLETE" in done.stdout and "no address given" in done.stdout, "a refusal comes back with code and reason", answer)
    recv.communicate()


def poisoned_case(fed, checks):
    healed, log = os.path.join(fed.folder, "healed"), os.path.join(fed.folder, "taken")
    script = os.path.join(fed.folder, "decide.sh")
    with open(script, "w") as out:
        out.write(f'[ "$QIAO_CASE_ID" != poison ] || [ -e {healed} ] || exit 75\n'
                  f'cat > {log}.$$ && cat {log}.$$ >> {log} && echo >> {log} && rm {log}.$$\n')
    recv = fed.spawn("district", "urban", "recv", "--exec", f"sh {script}")
    poison = [send(fed, "poison", f"p{number}") for number in (1, 2, 3)]
    others = [send(fed, f"case-{number}", "fine") for number in range(10)]
    wait_until(lambda: all(outcome(fed, id) == "OUTCOME_ACCEPTED" for id in others), "other cases go on", pause_s=0.05)
    checks.ok(True, "other cases go on while one is retried")
    checks.equal({outcome(fed, id) for id in poison}, {"OUTCOME_NONE"}, "the whole poisoned case waits")
    held = wait_until(lambda: max(lane["held"] for lane in fed.peer("district", "urban")["lanes"]), "held messages shown", pause_s=0.05)
    checks.ok(1 <= held <= 3, "status shows what is held", held)
    open(healed, "w").close()
    wait_until(lambda: all(outcome(fed, id) == "OUTCOME_ACCEPTED" for id in poison), "the case goes on when healed", pause_s=0.05)
    with open(log) as taken:
        bodies = [json.loads(row).get("bodyText") for row in taken.read().replace("}{", "}\n{").splitlines() if row.strip()]
    checks.equal([body for body in bodies if body.startswith("p")], ["p1", "p2", "p3"], "in its order, each once")
    recv.terminate()
    recv.communicate()


def retried_to_death(fed, checks):
    recv = fed.spawn("district", "urban", "recv", "--verdict", "retry:1")
    done = fed.qiao("community", "intake", "send", "--to", "990101/urban", "--body", "x", "--wait", "--json", "--timeout", f"{PATIENCE_S:g}s")
    checks.ok(done.returncode == 1 and "RETRIES" in done.stdout + done.stderr, "after the allowed attempts it is a dead letter", done.stdout + done.stderr)
    recv.terminate()
    recv.communicate()


def dies_before_verdict(fed, checks):
    recv = fed.spawn("district", "urban", "recv", "--exec", "kill -9 $PPID")
    message_id = send(fed, "crash", "survives")
    recv.communicate(timeout=30)
    checks.ok(recv.returncode == -9, "the receiver died before its verdict", recv.returncode)
    checks.equal(outcome(fed, message_id), "OUTCOME_NONE", "so the message has not ended")
    again = fed.spawn("district", "urban", "recv", "--count", "1", "--json")
    _, delivery, _ = last_json(again)
    checks.equal((delivery.get("id"), delivery.get("bodyText")), (message_id, "survives"), "the next receiver gets it")
    wait_until(lambda: outcome(fed, message_id) == "OUTCOME_ACCEPTED", "its outcome", pause_s=0.05)


def seen(path, count):
    with open(path, "rb") as file:
        file.seek(-(BENCH_SEQUENCES_MAX // 8), os.SEEK_END)
        return int.from_bytes(file.read((count + 7) // 8), "little")


def two_sessions(fed, checks):
    """The newer one takes over; between them every message, none lost on the way."""
    count = messages(30000)
    # However few they are: most of them are still to come when the second one has started.
    load = Load(fed, count, send=("--rate", str(count // 5)), name="first")
    load.wait_received(count // 3)
    second_file = os.path.join(fed.folder, "second.tally")
    second = fed.spawn("district", "urban", "bench", "recv", "--resume-file", second_file, "--run", load.tally.run(), "--idle-timeout", "3s", "--json")
    status, _, error = last_json(load.recv)
    checks.ok(status != 0 and "took over" in error, "the older session is told that a newer took over", f"{status} {error}")
    sender_status, sent, error = last_json(load.send)
    checks.equal((sender_status, sent.get("outcomes", {}).get("accepted"), sent.get("outcomeDuplicates")), (0, count, 0), "each outcome once")
    last_json(second)
    both = seen(load.resume_file, count) | seen(second_file, count)
    checks.equal(bin(both).count("1"), count, "between the two every message came")
    checks.ok(Tally(second_file).received() > 0, "the newer one got its share", Tally(second_file).received())


def in_a_libuv_loop(fed, checks):
    """A client driven by uv_poll and uv_timer receives, accepts and answers; the answers come to the asking member."""
    count = 20
    asker = fed.spawn("community", "intake", "recv", "--count", str(count), "--json")
    member = fed.spawn_program([program("loop_member"), fed["district"].ipc_url, "urban", str(count)])
    for i in range(count):
        fed.qiao("community", "intake", "send", "--to", "990101/urban", "--case", f"LOOP-{i % 3}", "--body", f"question {i}")
    out, error = member.communicate(timeout=PATIENCE_S * 2)
    checks.equal((member.returncode, out.strip()), (0, f"delivered {count} ended {count}"), "a member in a libuv loop receives, accepts and answers")
    answers, error = asker.communicate(timeout=PATIENCE_S * 2)
    checks.equal(len(answers.splitlines()), count, "its answers come to the sender")


def story(checks):
    with Federation(line(limits=LIMITS, dead_letters=DEAD_LETTERS)) as fed:
        fed.start_all()
        refuses(fed, checks)
        poisoned_case(fed, checks)
        retried_to_death(fed, checks)
        dies_before_verdict(fed, checks)
        two_sessions(fed, checks)
        in_a_libuv_loop(fed, checks)
        fed.stop_all()
        checks.sound_stores(fed)


run("e2e members", story)
