#!/usr/bin/env python3
"""hangspy is killed by SIGKILL at random moments while it attaches, reads and lets go, 200 times in
one pause mode. Afterwards no thread of the worker may be stopped or traced, the worker must still
answer, and a diagnosis must still say what it said before.
"""
import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "fixtures")]

import pythons  # noqa: E402
from page_test import SKIPPED, Wrong, check, report_of  # noqa: E402
from worker import Failed, Worker, poll  # noqa: E402

KILLS = 200
PYTHON = "shared-3.12"


def status_of(task):
    lines = (task / "status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def runs_free(pid):
    """No thread is stopped (T, t) and none has a tracer."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        status = status_of(task)
        if status["State"][0] in "Tt" or status["TracerPid"] != "0":
            return False
    return True


def kill_once(command, delay):
    """Whether the kill came before the end. The kernel detaches a dead tracer's threads."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay)  # the moment itself is what varies here
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def duration_of(command):
    start = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    return time.monotonic() - start


def kill_often(command, pid, seed):
    moments = random.Random(seed)
    longest = max(duration_of(command) for _ in range(3))
    hits = 0
    for _ in range(KILLS):
        hits += kill_once(command, moments.uniform(0, longest))
        poll("the worker runs free", 5, lambda: runs_free(pid))
    return hits


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    parser.add_argument("--pause", required=True, choices=("auto", "always", "never"))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    return parser.parse_args()


def main():
    options = parse()
    if PYTHON in pythons.missing():
        print(f"NOT TESTED: {PYTHON} is not on this machine")
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    print(f"seed {options.seed}", flush=True)
    try:
        with Worker(PYTHON, page="stacked") as worker:
            command = [options.hangspy, str(worker.pid), "--pause", options.pause, "--samples", "1"]
            before = report_of(*command)
            hits = kill_often(command, worker.pid, options.seed)
            print(f"{hits} of {KILLS} kills met a running hangspy")
            check(hits > KILLS // 4, "too few kills met a running hangspy")
            check(worker.get("/ok", 20) == 200, "the worker does not answer any more")
            after = report_of(*command)
            same = [(each["verdict"], each["rule"]) for each in (before, after)]
            check(same[0] == same[1], f"said {same[0]}, then {same[1]}")
    except (Wrong, Failed) as wrong:
        print(f"WRONG: {wrong}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
