#!/usr/bin/env python3
"""Processes that become another while they are read: one that executes another program (a Python
one, too), ends by itself, forks a child that stays, or starts and ends threads all the time. What
comes is right or a clear error.
"""
import argparse
import collections
import contextlib
import os
import random
import signal
import time

from harness import (end, exit_code_of, pythons, run, runs_free, some_python, talking_child,
                     time_of, tracers)
from ending_test import SHORT, check_output, output_of, start
from native_test import native_library
from page_test import check, cycle_nodes
from worker import LOCKED, is_in, poll, system_call

ROUNDS = 100
CHURN_RUNS = 10
MODES = ("auto", "always", "never")
FIXED = ("setarch", "-R")

# One thread waits for itself. The main thread does what it is told by lines of code, and the others
# are there to end with it.
HUNG = """
import ctypes, os, sys, threading, time
lock, parked = threading.Lock(), threading.Semaphore(0)
def twice():
    with lock:
        with lock:
            pass
for _ in range(10):
    threading.Thread(target=parked.acquire, name="before").start()
hanging = threading.Thread(target=twice, daemon=True, name="hangs")
hanging.start()
print(hanging.native_id, flush=True)
for line in sys.stdin:
    exec(line)
"""
# Something to take down at the end of the interpreter: tasks, their loop, and a heap of objects.
RUBBLE = """
import asyncio, atexit, gc
loop = asyncio.new_event_loop()
tasks = [loop.create_task(asyncio.sleep(600)) for _ in range(200)]
heap = [[{}] for _ in range(50_000)]
atexit.register(gc.collect)
"""
# Threads that start and end all the time, and how many have.
CHURN = {
    "native": """
import ctypes, sys, threading
native = ctypes.CDLL(sys.argv[1])
counted = ctypes.c_long.in_dll(native, "ended")
ended = lambda: counted.value
for _ in range(2):
    threading.Thread(target=native.churn, daemon=True).start()
""",
    "python": """
import threading
counts = [0, 0]
ended = lambda: sum(counts)
def churn(which):
    while True:
        threads = [threading.Thread(target=int) for _ in range(10)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        counts[which] += len(threads)
for which in range(2):
    threading.Thread(target=churn, args=(which,), daemon=True).start()
"""}
ALIVE = 20  # at most, of these at once: when more have ended, one of those was started meanwhile
# Threads that wait for nobody: what is said to hang was in the program before.
HEALTHY = """
import sys, threading
for _ in range(10):
    threading.Thread(target=threading.Semaphore(0).acquire, daemon=True, name="after").start()
sys.stdin.readline()
"""
CHANGES = {
    "sleep": 'os.execv("/bin/sleep", ["sleep", "600"])',
    "python": f"os.execv(sys.executable, [sys.executable, '-ISc', {HEALTHY!r}])",
    "exit": "parked.release(10); sys.exit()",
    "fork": "os.fork() == 0 and (ctypes.CDLL(None).prctl(1, 9), time.sleep(600))",
}


@contextlib.contextmanager
def hung(python, *words, program=HUNG, fixed=False):
    """Fixed, each program that it executes has the addresses of the one before."""
    with talking_child([*FIXED * fixed, python, "-c", program, *words]) as target:
        tid = int(target.first_line)
        poll("a thread that hangs", 10, lambda: is_in(LOCKED, system_call(target.pid, tid)))
        yield target


def time_of_a_run(hangspy, python):
    """In seconds, of a process that does not change."""
    with hung(python) as target:
        return time_of([hangspy, str(target.pid), "--pause", "always", "--all", *SHORT])


def change_meanwhile(hangspy, target, word, mode, moment):
    """Exit code of a hangspy during whose run the target was told to change."""
    process = start([hangspy, str(target.pid), "--pause", mode, "--all", *SHORT])
    try:
        time.sleep(moment)  # the moment itself is what varies here
        target.stdin.write(f"{CHANGES[word]}\n".encode())
        target.stdin.flush()
        output = process.communicate(timeout=30)
    finally:
        end(process)
    # It hung before; after some changes it is a Python process that does not.
    report = check_output(process, *output, may_be_healthy=word in ("python", "exit"))
    if report:
        check_program(report)
    return process.returncode


def check_program(report):
    """It speaks of one program: what hangs is of the first, and what is healthy knows it no more.
    An interpreter that ends forgets its daemon threads before it takes down its modules."""
    names = {thread["name"] for thread in report["threads"]}
    hanging = {node["name"] for node in cycle_nodes(report) if node["kind"] == "thread"}
    if report["verdict"] == "deadlock":
        check(hanging == {"hangs"} and "after" not in names, f"{hanging} hang of {names}")
    if report["verdict"] == "healthy":
        check(not names & {"hangs", "before"}, f"healthy are {names}")


def children_of(pid):
    with contextlib.suppress(OSError):
        return [int(each) for each in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    return []


def check_change(hangspy, python, word, moments, fixed=False):
    """At any moment of a run, from its start on."""
    codes, longest = collections.Counter(), time_of_a_run(hangspy, python)
    program = RUBBLE + HUNG if word == "exit" else HUNG
    for turn in range(ROUNDS):
        with hung(python, program=program, fixed=fixed) as target:
            mode = MODES[turn % len(MODES)]
            codes[change_meanwhile(hangspy, target, word, mode, moments.uniform(0, longest))] += 1
            if word == "exit":
                check(target.wait(30) == 0, f"it ended with {target.returncode}")
                continue
            poll("a process that runs free", 10, lambda: runs_free(target.pid))
            if word == "fork":
                check_child(target)
    print(f"{word}, within {longest * 1e3:.1f} ms: exit codes {dict(codes)}")
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


def ended(target):
    target.stdin.write(b"print(ended(), flush=True)\n")
    target.stdin.flush()
    return int(target.stdout.readline())


def read_amid_churn(hangspy, target, mode):
    """The exit code of a run while threads were started and ended. On a busy machine the target may
    have no CPU for all of one, and is read again."""
    def attempt():
        before = ended(target)
        process = start([hangspy, str(target.pid), "--pause", mode, *SHORT])
        check_output(process, *output_of(process))
        return ended(target) - before > ALIVE and process.returncode
    return poll("threads that start and end while they are read", 30, attempt)


def check_churn(hangspy, python, library, kind):
    with hung(python, library, program=CHURN[kind] + HUNG) as target:
        began, before = time.monotonic(), ended(target)
        codes = collections.Counter((mode, read_amid_churn(hangspy, target, mode))
                                    for _ in range(CHURN_RUNS) for mode in MODES)
        rate = (ended(target) - before) / (time.monotonic() - began) / 1e3
        poll("a process that runs free", 10, lambda: not tracers(target.pid))
        check(target.poll() is None, "the process has ended")
    print(f"{rate:.1f} {kind} threads a ms that come and go: exit codes {dict(codes)}")
    for mode in MODES:
        check(codes[mode, 1] > CHURN_RUNS // 2, f"the churn hid the deadlock: {codes}")


def test(options):
    python = pythons.find(pythons.named(some_python()))
    moments = random.Random(options.seed)
    may_fix = run(*FIXED, "true").returncode == 0
    if not may_fix:
        print("another Python has other addresses: a container may not ask for the same ones")
    for word in ("sleep", "python", "exit"):
        changed = check_change(options.hangspy, python, word, moments, may_fix and word == "python")
        check(0 < changed[1] < ROUNDS, f"the moments met no change: {changed}")
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
