#!/usr/bin/env python3
"""The process is killed at random moments while hangspy reads or stops it. What comes is a whole
report or a refusal, with its exit code; never a crash, a signal, a bug's 70, a wait for ever, or
the word that a process which hung was healthy.
"""
import argparse
import collections
import contextlib
import json
import os
import random
import subprocess
import time

from harness import end, exit_code_of, pythons, some_python, talking_child
from page_test import EXIT_CODES, check
from worker import LOCKED, is_in, poll, system_call

RUNS = 120
MODES = ("auto", "always", "never")
COULD_NOT_RUN = 2
# So that most of a run is reading, not sleeping between two samples.
SHORT = ("--format", "json", "--interval", "5")

# It waits for itself, so hangspy reads it more than once; threads make the stop longer.
HUNG = """
import threading

parked = threading.Semaphore(0)
for _ in range(20):
    threading.Thread(target=parked.acquire, daemon=True).start()
lock = threading.Lock()
with lock:
    print(flush=True)
    with lock:
        pass
"""


def start(command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def output_of(hangspy):
    """Its report and its errors; it is ended when it does not end by itself."""
    try:
        return hangspy.communicate(timeout=30)
    finally:
        end(hangspy)


@contextlib.contextmanager
def hung(python):
    with talking_child([python, "-c", HUNG]) as target:
        poll("a hung process", 10, lambda: is_in(LOCKED, system_call(target.pid, target.pid)))
        yield target


def run_length(hangspy, python, mode):
    with hung(python) as target:
        began = time.monotonic()
        process = start([hangspy, str(target.pid), "--pause", mode, *SHORT])
        check_output(process, *output_of(process))
        return time.monotonic() - began


def check_output(process, report, errors, may_be_healthy=False):
    """The report, if there is one."""
    code = process.returncode
    if code == COULD_NOT_RUN:
        check(not report and errors.startswith("error: "), f"a refusal said {report} {errors}")
        return None
    check(code in EXIT_CODES.values(), f"exit {code}: {errors}")
    found = json.loads(report)
    verdict = found["verdict"]
    right = ("deadlock", "inconclusive", *["healthy"] * may_be_healthy)
    check(verdict in right, f"a process that hung was {verdict}: {report}")
    check(EXIT_CODES[verdict] == code, f"{verdict} with exit {code}")
    return found


def kill_meanwhile(hangspy, python, mode, moment, collected):
    """Uncollected, the process stays as a zombie; collected, its pid is gone."""
    with hung(python) as target:
        process = start([hangspy, str(target.pid), "--pause", mode, *SHORT])
        time.sleep(moment)  # the moment itself is what varies here
        target.kill()
        if collected:
            target.wait()
        output = output_of(process)
    check_output(process, *output)
    return process.returncode


def test(options):
    python = pythons.find(pythons.named(some_python()))
    moments = random.Random(options.seed)
    lengths = {mode: run_length(options.hangspy, python, mode) for mode in MODES}
    codes = collections.Counter()
    for turn in range(RUNS):
        mode = MODES[turn % len(MODES)]
        moment = moments.uniform(0, lengths[mode])
        codes[kill_meanwhile(options.hangspy, python, mode, moment, turn % 2 == 0)] += 1
    print(f"exit codes {dict(codes)}, runs of", *(f"{each * 1e3:.0f}" for each in lengths.values()),
          "ms")
    check(codes[COULD_NOT_RUN] > RUNS // 5, f"too few kills met a running hangspy: {codes}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    return exit_code_of(lambda: test(options))


if __name__ == "__main__":
    raise SystemExit(main())
