#!/usr/bin/env python3
"""What hangspy answers when there is nothing to diagnose: exit 2, the reason, the next step.
And what its exit code is when there is: with --fail-on, --exit-zero, and a reader that leaves.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import (child, exit_code_of, pythons, run, runs_free, some_python, talking_child,
                     statuses, tracers)
from page_test import check, report_of
from worker import Worker, poll

UNSUPPORTED = ("3.10", "3.9", "3.8", "3.7")
SUPPORTED_RANGE = "3.11, 3.12 and 3.13"
MISUSES = (
    ("PID", ),
    ("PID", "nonsense"),
    ("'0'", "0"),
    ("'-7'", "-7"),
    ("99999999999999", "99999999999999"),
    ("2", "1", "2"),
    ("--pause", "--pause", "sometimes", "1"),
    ("--format", "--format", "xml", "1"),
    ("--samples", "--samples", "0", "1"),
    ("--interval", "--interval", "-1", "1"),
    ("--fail-on", "--fail-on", "trouble", "1"),
    ("--nonsense", "--nonsense", "1"),
    ("CORE", "core"),
    ("no-such-core", "core", "no-such-core"),
    ("PID", "1", "explain"),
    ("no-such-rule", "explain", "no-such-rule"),
)


def refuses(done, *words):
    check(done.returncode == 2, f"exit {done.returncode}, not 2: {done.args} {done.stderr}")
    check(not done.stdout, f"{done.args}: a refusal printed {done.stdout}")
    check(done.stderr.startswith("error: "), f"{done.args}: {done.stderr}")
    for word in words:
        check(word in done.stderr, f"{done.args}: '{word}' is not in: {done.stderr}")


def check_usage(hangspy):
    for word, *arguments in MISUSES:
        refuses(run(hangspy, *arguments), word, "help: ")
    for question in (["--help"], ["--version"], ["core", "--help"], ["explain"]):
        done = run(hangspy, *question)
        check((done.returncode, done.stderr) == (0, ""), f"{question}: {done}")
        check(done.stdout, f"{question} says nothing")


def check_no_process(hangspy):
    with child(["true"]) as process:
        process.wait()
    refuses(run(hangspy, str(process.pid)), f"no process {process.pid}")


def check_not_python(hangspy):
    with child(["sleep", "600"]) as process:
        refuses(run(hangspy, str(process.pid)), f"process {process.pid} is not CPython", "help: ")


def check_thread(hangspy, worker):
    thread = worker.truth["lane_thread"]["tid"]
    refuses(run(hangspy, str(thread)), f"{thread} is a thread of process {worker.pid}", "help: ")


def check_unsupported(hangspy):
    """The refusal names the version that is there, and those that would do."""
    here = {minor: next(pythons.shared_candidates(minor), None) for minor in UNSUPPORTED}
    for minor, python in here.items():
        if python is None:
            print(f"no CPython {minor} is here to be refused")
            continue
        with talking_child([python, "-c", "print(flush=True); input()"]) as process:
            refuses(run(hangspy, str(process.pid)), f"CPython {minor} is not supported",
                    SUPPORTED_RANGE)


def check_permission(hangspy, worker):
    """Another user, and root without the capability: both are told who lacks what."""
    if os.geteuid() != 0:
        return refuses(run(hangspy, "1"), "uid", "help: ")
    with tempfile.TemporaryDirectory(prefix="hangspy-") as folder:
        # Where the other user can reach it, wherever it was built.
        os.chmod(folder, 0o755)
        copy = shutil.copy(hangspy, folder)
        stranger = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        refuses(run(*stranger, copy, str(worker.pid)), "uid 0", "uid 65534", "help: ")
        weak = ("setpriv", "--bounding-set=-sys_ptrace")
        refuses(run(*weak, copy, str(worker.pid)), "capabilities", "CAP_SYS_PTRACE", "help: ")


def traces_all(tracer, pid):
    return {int(each["TracerPid"]) for each in statuses(pid).values()} == {tracer}


def check_other_tracer(hangspy, worker, command):
    """Somebody else's tracer does not keep hangspy from reading; only from stopping."""
    pid = str(worker.pid)
    with child([*command, pid], stdin=subprocess.PIPE) as tracer:
        poll(f"{command[0]} traces", 30, lambda: traces_all(tracer.pid, worker.pid))
        worker.settle()  # who is seized, or let go, runs once more
        refuses(run(hangspy, pid, "--pause", "always"), f"process {tracer.pid} traces it", "help: ")
        for mode in ("auto", "never"):
            check_still_deadlock(report_of(hangspy, pid, "--pause", mode), mode)
        check(tracers(worker.pid) == {tracer.pid}, f"{command[0]} lost the worker")
    poll("the worker runs free", 10, lambda: runs_free(worker.pid))
    worker.settle()
    check_still_deadlock(report_of(hangspy, pid), "after the tracer")


def check_still_deadlock(report, when):
    reads = {sample["read"] for sample in report["timing"]["samples"]}
    check(report["verdict"] == "deadlock" and reads == {"still"},
          f"{when}: {report['verdict']}, read {reads}")


def check_exit_codes(hangspy, worker, verdict, code):
    """The exit code of one verdict, as it is and as the options map it."""
    pid = str(worker.pid)
    mapped = {(): code, ("--exit-zero", ): 0, ("--fail-on", verdict): code,
              ("--fail-on", "orphan-wait,inconclusive"): 0,
              ("--fail-on", f"inconclusive,{verdict}"): code,
              ("--fail-on", verdict, "--exit-zero"): 0}
    for options, wanted in mapped.items():
        done = run(hangspy, pid, *options)
        check(done.returncode == wanted, f"{verdict} {options}: exit {done.returncode}")
        check(done.stdout.lower().startswith(verdict), f"{verdict} {options}: {done.stdout}")


def run_into(hangspy, worker, output):
    return subprocess.run([hangspy, str(worker.pid)], stdout=output, stderr=subprocess.PIPE,
                          text=True, timeout=60, check=False)


def check_output(hangspy, worker, code):
    """A reader that leaves is no failure; a report that is lost is one."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run_into(hangspy, worker, writing)
    finally:
        os.close(writing)
    check((done.returncode, done.stderr) == (code, ""), f"into a closed pipe: {done}")
    with open("/dev/full", "wb") as full:
        done = run_into(hangspy, worker, full)
    check(done.returncode == 2 and "could not be written" in done.stderr, f"disk full: {done}")
    closed = run("sh", "-c", 'exec "$0" "$1" >&-', hangspy, str(worker.pid))
    refuses(closed, "could not be written")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    return parser.parse_args()


def test(hangspy):
    check_usage(hangspy)
    check_no_process(hangspy)
    check_not_python(hangspy)
    check_unsupported(hangspy)
    python = some_python()
    with Worker(python, page="ok") as worker:
        check_exit_codes(hangspy, worker, "healthy", 0)
    with Worker(python, page="stacked") as worker:
        check_thread(hangspy, worker)
        check_exit_codes(hangspy, worker, "deadlock", 1)
        check_output(hangspy, worker, 1)
        check_permission(hangspy, worker)
    # A page whose loop never wakes by itself, so that every look finds it still.
    with Worker(python, page="on-loop") as worker:
        check_other_tracer(hangspy, worker, ["strace", "-f", "-q", "-o", "/dev/null", "-p"])
        check_other_tracer(hangspy, worker, ["gdb", "-q", "-nx", "-p"])


def main():
    hangspy = str(pathlib.Path(parse().hangspy).resolve())
    return exit_code_of(lambda: test(hangspy))


if __name__ == "__main__":
    raise SystemExit(main())
