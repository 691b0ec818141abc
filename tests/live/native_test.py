#!/usr/bin/env python3
"""What native threads of a hung process notice of hangspy. In the default mode: nothing. None is
scheduled and no system call of theirs comes back, though each is of a kind that a stop interrupts
or restarts. A stop is seen by those three whose call the kernel does not restart, once a stop at
most. And a thread that spins on a CPU, whose run counter need not move, is not taken for a sleeper.
"""
import argparse
import contextlib
import json
import os
import subprocess
import tempfile
import time

from harness import HERE, exit_code_of, pythons, run_counters, runs_free, some_python, talking_child
from page_test import check, report_of
from worker import poll, system_call

RUNS = 5
SPINS = 20
# As native.c has them: the number of the system call on x86-64.
WAITS = {"epoll_wait": 232, "rt_sigtimedwait": 128, "recvfrom": 45, "poll": 7,
         "clock_nanosleep": 230, "futex": 202}
# What signal(7) says of a stop by a signal holds of one by ptrace: these end with EINTR.
INTERRUPTIBLE = {"epoll_wait", "rt_sigtimedwait", "recvfrom"}

# Two threads in a deadlock and the native ones; the main thread answers a line with the counts.
WAITING = """
import ctypes, json, sys, threading
class Waiting(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("tid", "interrupted", "returned")]
native = ctypes.CDLL(sys.argv[1])
waiting = (Waiting * int(sys.argv[2])).in_dll(native, "waiting")
assert native.start_waiters() == 0
locks, both = (threading.Lock(), threading.Lock()), threading.Barrier(2)
def cross(first, second):
    with first:
        both.wait()
        with second:
            pass
for order in (locks, locks[::-1]):
    threading.Thread(target=cross, args=order, daemon=True).start()
print(flush=True)
for line in sys.stdin:
    print(json.dumps([[each.tid, each.interrupted, each.returned] for each in waiting]), flush=True)
"""
SPINNING = """
import ctypes, sys, threading
native = ctypes.CDLL(sys.argv[1])
threading.Thread(target=native.spin, daemon=True).start()
print(flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def native_library():
    with tempfile.TemporaryDirectory(prefix="hangspy-") as folder:
        library = f"{folder}/native.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-pthread", HERE / "native.c", "-o", library],
                       check=True)
        yield library


def ask(target):
    """Tid, EINTRs and other returns, by the name of the system call."""
    target.stdin.write(b"\n")
    target.stdin.flush()
    return dict(zip(WAITS, json.loads(target.stdout.readline())))


def is_settled(target):
    """Each waiter is in its call, the main thread waits for the next line, the two others for each
    other's lock; and nobody has run since that was seen first."""
    calls = {tid: WAITS[name] for name, (tid, *_) in ask(target).items()}
    calls[target.pid] = 0
    before = run_counters(target.pid)
    for tid in before.keys() - calls.keys():
        calls[tid] = WAITS["futex"]
    rests = all(system_call(target.pid, tid).startswith(f"{call} ") for tid, call in calls.items())
    time.sleep(0.05)
    return rests and run_counters(target.pid) == before


def noticed(target):
    return {name: (interrupted, returned)
            for name, (_, interrupted, returned) in ask(target).items()}


def check_still(hangspy, target):
    before = run_counters(target.pid)
    for _ in range(RUNS):
        report = report_of(hangspy, str(target.pid))
        check(report["verdict"] == "deadlock", f"said {report['verdict']}")
        reads = {sample["read"] for sample in report["timing"]["samples"]}
        check(reads == {"still"}, f"read {reads}")
    after = run_counters(target.pid)
    check(before == after, f"threads ran: {before}, {after}")
    check(set(noticed(target).values()) == {(0, 0)}, f"they noticed: {noticed(target)}")


def check_stopped(hangspy, target):
    """The proof that the waiters would notice."""
    stops = 0
    for _ in range(RUNS):
        report = report_of(hangspy, str(target.pid), "--pause", "always")
        check(report["verdict"] == "deadlock", f"said {report['verdict']}")
        stops += sum(sample["stops"] for sample in report["timing"]["samples"])
    poll("a process that runs free", 5, lambda: runs_free(target.pid))
    counts = noticed(target)
    print(f"{stops} stops were noticed (EINTR, returned): {counts}")
    for name, (interrupted, returned) in counts.items():
        check(returned == 0, f"{name} came back without an error: {counts}")
        wanted = range(1, stops + 1) if name in INTERRUPTIBLE else [0]
        check(interrupted in wanted, f"{name}: {interrupted} EINTRs in {stops} stops")


def slept(report, tid):
    return next(thread["slept"] for thread in report["threads"] if thread["tid"] == tid)


def check_spinner(hangspy, target, tid):
    poll("a thread that spins", 10, lambda: system_call(target.pid, tid) == "running")
    with contextlib.suppress(PermissionError):  # so that it is seldom taken off its CPU
        os.setpriority(os.PRIO_PROCESS, tid, -20)
    unmoved = 0
    for _ in range(SPINS):
        before = run_counters(target.pid)[tid]
        report = report_of(hangspy, str(target.pid), "--pause", "never", "--all")
        unmoved += run_counters(target.pid)[tid] == before
        said = report["verdict"], slept(report, tid)
        check(said == ("inconclusive", False), f"without a stop: {said}")
    print(f"in {unmoved} of {SPINS} runs the spinner's run counter did not move")
    report = report_of(hangspy, str(target.pid))
    said = report["verdict"], {sample["read"] for sample in report["timing"]["samples"]}
    check(said == ("healthy", {"stopped"}), f"said {said}")


def test(hangspy):
    python = pythons.find(pythons.named(some_python()))
    with native_library() as library:
        with talking_child([python, "-c", WAITING, library, str(len(WAITS))]) as target:
            poll("native threads that wait", 10, lambda: is_settled(target))
            check_still(hangspy, target)
            poll("native threads that wait", 10, lambda: is_settled(target))
            check_stopped(hangspy, target)
        with talking_child([python, "-c", SPINNING, library]) as target:
            check_spinner(hangspy, target, tid=max(run_counters(target.pid)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    options = parser.parse_args()
    return exit_code_of(lambda: test(options.hangspy))


if __name__ == "__main__":
    raise SystemExit(main())
