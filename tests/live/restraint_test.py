#!/usr/bin/env python3
"""Processes that somebody else traces, stops or freezes. What memory alone proves is still said,
and who has the process; that it is idle or blocked is not, for nobody runs who is halted.
"""
import argparse
import contextlib
import os
import pathlib
import signal
import subprocess
import sys

from harness import (child, exit_code_of, pythons, run, some_python, statuses, talking_child,
                     tracers)
from page_test import check, report_of
from worker import LOCKED, READING, is_in, poll, system_call

# Where, the file that is written with what to freeze and to thaw, and the file that says so.
FREEZERS = (("/sys/fs/cgroup/freezer", "freezer.state", "FROZEN", "THAWED", "freezer.state"),
            ("/sys/fs/cgroup/unified", "cgroup.freeze", "1", "0", "cgroup.events"),
            ("/sys/fs/cgroup", "cgroup.freeze", "1", "0", "cgroup.events"))
FROZEN = ("FROZEN\n", "populated 1\nfrozen 1\n")

# It waits for a line; one thread may wait for itself, another may never rest.
IDLE = "import sys; print(flush=True); sys.stdin.readline()"
HUNG = """
import sys, threading
lock = threading.Lock()
def twice():
    with lock:
        with lock:
            pass
thread = threading.Thread(target=twice, daemon=True)
thread.start()
print(flush=True)
sys.stdin.readline()
"""
BUSY = """
import sys, threading
def count():
    turns = 0
    while True:
        turns += 1
threading.Thread(target=count, daemon=True).start()
print(flush=True)
sys.stdin.readline()
"""

# Seizes one thread, stops nothing, and lets go by its end.
TRACER = """
import ctypes, sys
ptrace = ctypes.CDLL(None).ptrace
ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
assert ptrace(0x4206, int(sys.argv[1]), None, None) == 0
print("traces", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def program(python, code):
    with talking_child([python, "-c", code]) as target:
        poll("a line to be waited for", 10,
             lambda: is_in(READING, system_call(target.pid, target.pid)))
        if code == HUNG:
            poll("a thread that hangs", 10, lambda: any(
                is_in(LOCKED, system_call(target.pid, tid)) for tid in statuses(target.pid)))
        yield target


@contextlib.contextmanager
def stopped(target):
    os.kill(target.pid, signal.SIGSTOP)
    poll("a stopped process", 10, lambda: {status["State"][0] for status
                                           in statuses(target.pid).values()} == {"T"})
    try:
        yield "stopped by a signal (SIGSTOP)"
    finally:
        os.kill(target.pid, signal.SIGCONT)


def halted_as(hangspy, target):
    return report_of(hangspy, str(target.pid))["target"]["halted"]


@contextlib.contextmanager
def frozen(target, freezer):
    """In a cgroup of its own, which goes away with it."""
    root, switch, on, off, events = freezer
    cgroup = pathlib.Path(root, f"hangspy-test-{target.pid}")
    home = pathlib.Path(root, "cgroup.procs")
    cgroup.mkdir()
    try:
        (cgroup / "cgroup.procs").write_text(str(target.pid))
        (cgroup / switch).write_text(on)
        try:
            poll("a frozen cgroup", 10, lambda: (cgroup / events).read_text() in FROZEN)
            yield "frozen by its cgroup"
        finally:
            (cgroup / switch).write_text(off)
            home.write_text(str(target.pid))
    finally:
        cgroup.rmdir()


def freezers_here():
    """Version 1 and 2 as this machine has them, and lets this user use them."""
    for freezer in FREEZERS:
        trial = pathlib.Path(freezer[0], f"hangspy-trial-{os.getpid()}")
        with contextlib.suppress(OSError):
            trial.mkdir()
            has_switch = (trial / freezer[1]).exists()
            trial.rmdir()
            if has_switch:
                yield freezer


def check_halted(hangspy, target, halted, verdict):
    pid = str(target.pid)
    for mode in ("auto", "never"):
        report = report_of(hangspy, pid, "--pause", mode)
        said = report["verdict"], report["target"]["halted"]
        check(said == (verdict, halted), f"{mode}: said {said}, not {(verdict, halted)}")
    check(halted in run(hangspy, pid).stdout, "the text does not say that it is halted")


def check_all_halted(hangspy, python, halt):
    for code, verdict in ((IDLE, "inconclusive"), (HUNG, "deadlock"), (BUSY, "inconclusive")):
        with program(python, code) as target:
            with halt(target) as halted:
                check_halted(hangspy, target, halted, verdict)
            check(halted_as(hangspy, target) == "", "it goes on, and is said to be halted")


def check_comes_back(hangspy, python):
    """Let go after a stop of ours, what a signal has stopped runs until it is back in that stop.
    Where all processors are busy that takes a while."""
    with contextlib.ExitStack() as crowd, program(python, IDLE) as target, stopped(target) as halted:
        for _ in range(2 * os.cpu_count()):
            crowd.enter_context(child([python, "-c", "while True: pass"]))
        for _ in range(20):
            report = report_of(hangspy, str(target.pid), "--pause", "always")
            said = report["verdict"], report["target"]["halted"]
            check(said == ("inconclusive", halted), f"said {said}")


def check_tracer(hangspy, python, command):
    """A deadlock is proven beside a tracer, which is named; a stop is refused, and it is why."""
    name = command[0]
    with program(python, HUNG) as target:
        with child([*command, str(target.pid)], stdin=subprocess.PIPE) as tracer:
            poll(f"{name} traces", 30, lambda: tracers(target.pid) == {tracer.pid})
            report = report_of(hangspy, str(target.pid))
            check(report["verdict"] == "deadlock", f"said {report['verdict']}")
            named = {"pid": tracer.pid, "name": name}
            check(report["target"]["tracer"] == named, f"tracer {report['target']['tracer']}")
            words = f"tracer  pid {tracer.pid} ({name}) traces it"
            check(words in run(hangspy, str(target.pid)).stdout, "the text names no tracer")
    with program(python, HUNG) as target:
        check(report_of(hangspy, str(target.pid))["target"]["tracer"] is None, "a tracer too many")


def check_needed_stop(hangspy, python):
    """One thread never rests, so a stop is needed; somebody traces the one thread or the other."""
    with program(python, BUSY) as target:
        for tid in statuses(target.pid):
            check_needed_stop_beside(hangspy, target, tid)


def check_needed_stop_beside(hangspy, target, traced):
    pid = str(target.pid)
    with talking_child([sys.executable, "-c", TRACER, str(traced)]) as tracer:
        refused = run(hangspy, pid, "--pause", "always")
        words = f"process {tracer.pid} traces it already"
        check(refused.returncode == 2 and words in refused.stderr, f"refused: {refused}")
        report = report_of(hangspy, pid)
        check(report["verdict"] == "inconclusive", f"said {report['verdict']}")
        check(any(words in each for each in report["missing"]), f"missing {report['missing']}")
    poll("a process without a tracer", 10, lambda: not tracers(target.pid))
    check(report_of(hangspy, pid)["verdict"] == "healthy", "not healthy without its tracer")


def test(hangspy):
    python = pythons.find(pythons.named(some_python()))
    check_all_halted(hangspy, python, stopped)
    check_comes_back(hangspy, python)
    tried = 0
    for freezer in freezers_here():
        check_all_halted(hangspy, python, lambda target, freezer=freezer: frozen(target, freezer))
        tried += 1
    print(f"{tried} kinds of freezer are here")
    check_tracer(hangspy, python, ["strace", "-f", "-q", "-o", "/dev/null", "-p"])
    check_tracer(hangspy, python, ["gdb", "-q", "-nx", "-p"])
    check_needed_stop(hangspy, python)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    hangspy = parser.parse_args().hangspy
    return exit_code_of(lambda: test(hangspy))


if __name__ == "__main__":
    raise SystemExit(main())
