#!/usr/bin/env python3
"""Processes that become another while they are read: one that executes another program, forks a
child that stays, or starts and ends threads all the time. What comes is right or a clear error.
"""
import argparse
import collections
import contextlib
import json
import os
import random
import signal
import time

from harness import child, end, exit_code_of, pythons, run, runs_free, some_python, statuses, \
    talking_child, tracers
from ending_test import SHORT, check_output, start
from native_test import native_library
from page_test import check
from worker import LOCKED, is_in, poll, system_call

ROUNDS = 100
CHURN_RUNS = 10
MODES = ("auto", "always", "never")
LONGEST = 0.08  # of the time between hangspy's start and the change, in seconds

# One thread waits for itself. The main thread does what it is told by the word on its input.
HUNG = """
import ctypes, os, sys, threading, time
lock = threading.Lock()
def twice():
    with lock:
        with lock:
            pass
threading.Thread(target=twice, daemon=True).start()
def churn_python():
    while True:
        for each in [threading.Thread(target=int) for _ in range(10)]:
            each.start()
        time.sleep(0.001)
if len(sys.argv) > 1:
    native = ctypes.CDLL(sys.argv[1]).churn
    threading.Thread(target={"native": native, "python": churn_python}[sys.argv[2]],
                     daemon=True).start()
print(flush=True)
word = sys.stdin.readline().strip()
if word == "exec":
    os.execv("/bin/sleep", ["sleep", "600"])
if word == "fork" and os.fork() == 0:
    ctypes.CDLL(None).prctl(1, 9)
    time.sleep(600)
sys.stdin.readline()
"""


@contextlib.contextmanager
def hung(python, *words):
    with talking_child([python, "-c", HUNG, *words]) as target:
        poll("a thread that hangs", 10, lambda: any(
            is_in(LOCKED, system_call(target.pid, tid)) for tid in statuses(target.pid)))
        yield target


def change_meanwhile(hangspy, target, word, mode, moment):
    """Exit code and output of a hangspy during whose run the target was told to change."""
    process = start([hangspy, str(target.pid), "--pause", mode, *SHORT])
    try:
        time.sleep(moment)  # the moment itself is what varies here
        target.stdin.write(f"{word}\n".encode())
        target.stdin.flush()
        output = process.communicate(timeout=30)
    finally:
        end(process)
    # It hung before and never does anything else as a Python process.
    check_output(process, *output)
    return process.returncode


def children_of(pid):
    with contextlib.suppress(OSError):
        return [int(each) for each in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    return []


def check_change(hangspy, python, word, moments):
    codes = collections.Counter()
    for turn in range(ROUNDS):
        with hung(python) as target:
            mode = MODES[turn % len(MODES)]
            codes[change_meanwhile(hangspy, target, word, mode, moments.uniform(0, LONGEST))] += 1
            poll("a process that runs free", 10, lambda: runs_free(target.pid))
            if word == "fork":
                check_child(target)
    print(f"{word}: exit codes {dict(codes)}")
    return codes


def check_child(target):
    """It is left behind by the fork, and nobody holds it."""
    left = poll("a forked child", 10, lambda: children_of(target.pid))
    try:
        for pid in left:
            poll("a child that runs free", 10, lambda pid=pid: runs_free(pid) and not tracers(pid))
    finally:
        for pid in left:
            os.kill(pid, signal.SIGKILL)


def check_churn(hangspy, python, library, kind):
    codes = collections.Counter()
    with hung(python, library, kind) as target:
        for turn in range(CHURN_RUNS * len(MODES)):
            mode = MODES[turn % len(MODES)]
            process = start([hangspy, str(target.pid), "--pause", mode, *SHORT])
            try:
                output = process.communicate(timeout=30)
            finally:
                end(process)
            check_output(process, *output)
            codes[process.returncode] += 1
        poll("a process that runs free", 10, lambda: not tracers(target.pid))
        check(target.poll() is None, "the process has ended")
    print(f"threads of {kind} that come and go: exit codes {dict(codes)}")
    return codes


def test(options):
    python = pythons.find(pythons.named(some_python()))
    moments = random.Random(options.seed)
    check_change(options.hangspy, python, "exec", moments)
    forked = check_change(options.hangspy, python, "fork", moments)
    check(forked[1] > ROUNDS // 2, f"a fork hid the deadlock: {forked}")
    with native_library() as library:
        for kind in ("native", "python"):
            check_churn(options.hangspy, python, library, kind)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    return exit_code_of(lambda: test(options))


if __name__ == "__main__":
    raise SystemExit(main())
