#!/usr/bin/env python3
"""Threads and tasks that wait inside a `with` of a lock, in every shape of fixtures/locks: a hang
is proven, with the very locks that the program wrote down, and its twin, which has lent the lock
meanwhile, is no finding and ends when it is let go.
"""
import argparse
import json

from harness import ROOT, exit_code_of, not_tested, pythons, statuses, talking_child
from page_test import (Wrong, check, check_closed, addresses, cycle_nodes, reports,
                       was_read_still)
from worker import LOCKED, POLLING, READING, STATE_SECONDS, Settled, poll

PROGRAM = ROOT / "fixtures" / "locks" / "program.py"
HUNG = ("plain", "again", "manager", "manager-before", "logged", "joined", "generator", "stacked",
        "task", "task-generator")
LENT = ("plain-lent", "again-lent", "function-lent", "methods-lent", "property-lent", "class-lent",
        "class-by-function-lent", "manager-lent", "generator-lent", "in-generator-lent",
        "stacked-lent", "task-lent")
RULES = {"task": "lock-across-bridge", "task-generator": "lock-across-bridge"}


def settled(pid):
    """All threads wait, for good as far as the kernel knows."""
    tids = statuses(pid)
    calls = dict.fromkeys(tids, {**READING, **POLLING, **LOCKED})
    look = Settled(pid, calls)
    return poll("threads that wait", STATE_SECONDS, lambda: statuses(pid).keys() == tids.keys()
                and look())


def check_hung(report, shape, truth):
    said = (report["verdict"], report["certainty"], report["rule"])
    wanted = ("deadlock", "proven", RULES.get(shape, "lock-cycle"))
    check(said == wanted, f"said {said}, wanted {wanted}")
    check_closed(report)
    nodes = cycle_nodes(report)
    locks = addresses(nodes, "lock")
    check(locks == set(truth["locks"]), f"locks {locks} are not {truth['locks']}")
    tids = {node["tid"] for node in nodes if node["kind"] == "thread"}
    check(tids and truth["pid"] not in tids, f"threads {tids} in the cycle")


def check_lent(report):
    check(report["verdict"] in ("healthy", "slow"), f"a healthy program was {report['verdict']}")


def check_shape(hangspy, python, shape):
    with talking_child([python, PROGRAM, shape]) as target:
        truth = json.loads(target.first_line)
        check(truth["hangs"] == (shape in HUNG), "the program has another opinion")
        settled(target.pid)
        for name, report in reports(hangspy, target.pid):
            try:
                check_hung(report, shape, truth) if truth["hangs"] else check_lent(report)
                check(name != "live" or was_read_still(report), "not read still")
            except Wrong as wrong:
                raise Wrong(f"{shape}, {name}: {wrong}\n{json.dumps(report, indent=1)}") from wrong
        check_end(target, truth)


def check_end(target, truth):
    """A hung one stays where it is, though it is told to go on; its twin ends."""
    target.stdin.write(b"\n")
    target.stdin.flush()
    if truth["hangs"]:
        settled(target.pid)
        check(target.poll() is None, "it has ended")
    else:
        check(target.stdout.readline() == b"done\n", "it has not ended")


def test(options):
    reason = pythons.missing().get(options.python)
    if reason:
        not_tested(reason)
        return
    python = pythons.find(pythons.named(options.python))
    for shape in options.shape or HUNG + LENT:
        print(shape, flush=True)
        check_shape(options.hangspy, python, shape)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--shape", action="append")
    options = parser.parse_args()
    return exit_code_of(lambda: test(options))


if __name__ == "__main__":
    raise SystemExit(main())
