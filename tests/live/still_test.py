#!/usr/bin/env python3
"""What hangspy does to a worker that hangs on one page, as strace and the kernel's own counters
tell it.

A worker that lies still is read without one call that touches it, and none of its threads runs
meanwhile. Told to stop it, hangspy seizes each thread, lets each go, and does nothing else.
"""
import argparse
import collections
import json
import pathlib
import re
import tempfile

import expectations
from harness import exit_code_of, pythons, run, run_counters, runs_free, some_python
from page_test import check, was_read_still
from worker import POLLING, Worker, poll

SIGNALS = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
           "pidfd_send_signal")
TOUCHING = ("ptrace", "process_vm_writev", "process_madvise", *SIGNALS)
# A seizure waits for hangspy's guard, which receives it as a question; strace sees only that.
ASKING = re.compile(r"\d+ +ioctl\(\d+, SECCOMP_IOCTL_NOTIF_RECV, .*__NR_ptrace.*= 0$")
OPENING = ("open", "openat", "openat2", "creat")
# Seizing changes nothing, unlike PTRACE_ATTACH; no POKE, no SETREGS.
ALLOWED_REQUESTS = {"PTRACE_INTERRUPT", "PTRACE_GETREGS", "PTRACE_GETREGSET", "PTRACE_DETACH"}
MAX_STOPS = 3
WRITING = re.compile(r"/proc/.*\b(O_WRONLY|O_RDWR|O_CREAT)\b")


def traced_run(command):
    """The report, and the lines that strace wrote of the calls above."""
    calls = ",".join((*TOUCHING, *OPENING, "ioctl"))
    with tempfile.TemporaryDirectory(prefix="hangspy-") as folder:
        log = pathlib.Path(folder) / "strace"
        # --seccomp-bpf: the other calls run at full speed, so the worker is read as ever.
        done = run("strace", "-f", "--seccomp-bpf", "-e", f"trace={calls}", "-o", log, *command,
                   "--format", "json")
        check(done.returncode == 1, f"exit {done.returncode}: {done.stderr}")
        lines = log.read_text().splitlines()
    check(any("openat" in line for line in lines), "strace saw nothing")
    return json.loads(done.stdout), lines


def seizures_in(lines):
    return [line for line in lines if ASKING.match(line)]


def calls_in(lines, names):
    return [line for line in lines if re.match(rf"\d+ +({'|'.join(names)})\(", line)]


def check_opens(lines):
    written = [line for line in calls_in(lines, OPENING) if WRITING.search(line)]
    check(not written, f"opened for writing: {written}")


def check_deadlock(report, certainty):
    said = report["verdict"], report["certainty"]
    check(said == ("deadlock", certainty), f"said {said}")


def sleepers_of(worker):
    """A server's loop that goes on wakes by itself; where its thread is in the cycle, nobody may."""
    if worker.expected.loop == POLLING:
        return {worker.truth["lane_thread"]["tid"]}
    return set(run_counters(worker.pid))


def still_run(command, worker):
    """The counters before and after it, its report and the calls. A loop that polls may be met
    awake; then it is read again."""
    def attempt():
        before = run_counters(worker.pid)
        report, lines = traced_run(command)
        was_awake = worker.expected.loop == POLLING and not was_read_still(report)
        return not was_awake and (before, run_counters(worker.pid), report, lines)
    return poll("a reading without a stop", 30, attempt)


def check_still(command, worker, certainty):
    """No call that touches the worker, and no thread of it that should sleep has run."""
    sleepers = sleepers_of(worker)
    before, after, report, lines = still_run(command, worker)
    check_deadlock(report, certainty)
    touched = calls_in(lines, TOUCHING) + seizures_in(lines)
    check(not touched, f"called {touched}")
    check_opens(lines)
    timing = report["timing"]
    check(timing["pause_us"] == 0 and was_read_still(report), f"not read still: {timing}")
    ran = {tid for tid in sleepers if before[tid] != after[tid]}
    check(not ran, f"threads {ran} of {sleepers} ran: {before}, {after}")
    check("worker not paused" in run(*command).stdout, "the text does not say: not paused")


def requests_in(lines):
    """How often each ptrace request was made, by its name; only those that were granted."""
    found = re.findall(r"ptrace\((\w+), .*= 0$", "\n".join(calls_in(lines, ["ptrace"])), re.M)
    return collections.Counter(found)


def check_requests(lines, stops, threads):
    requests = requests_in(lines)
    check(set(requests) <= ALLOWED_REQUESTS, f"requests {requests}")
    seized = len(seizures_in(lines))
    check(seized == stops * threads, f"{seized} seized in {stops} stops")
    check(requests["PTRACE_DETACH"] == stops * threads, f"{requests} in {stops} stops")


def check_stopped(command, worker, certainty):
    before = run_counters(worker.pid)
    report, lines = traced_run(command)
    check_deadlock(report, certainty)
    for sample in report["timing"]["samples"]:
        check(sample["read"] == "stopped" and sample["pause_us"] > 0, f"not stopped: {sample}")
        check(1 <= sample["stops"] <= MAX_STOPS, f"stops: {sample}")
    stops = sum(sample["stops"] for sample in report["timing"]["samples"])
    check_requests(lines, stops, len(before))
    check_opens(lines)
    signalled = calls_in(lines, [name for name in TOUCHING if name != "ptrace"])
    check(not signalled, f"called {signalled}")
    poll("a worker that runs free", 5, lambda: runs_free(worker.pid))
    # The proof that the counters would tell: a stop lets each thread run once more.
    after = run_counters(worker.pid)
    check(all(after[tid] > before[tid] for tid in before), f"nobody ran: {before}, {after}")
    check("worker paused" in run(*command).stdout, "the text does not say: paused")


def test(options):
    wanted = expectations.expected(options.fixture, options.page, "asyncio", options.asgiref,
                                   pythons.named(options.python).minor)
    with Worker(options.python, page=options.page, fixture=options.fixture,
                asgiref=options.asgiref) as worker:
        command = [options.hangspy, str(worker.pid)]
        for mode in ("auto", "never"):
            check_still([*command, "--pause", mode], worker, wanted.certainty)
        check_stopped([*command, "--pause", "always"], worker, wanted.certainty)
        check(not worker.request_answered(), "the hung request went on")
        if wanted.serves_others:
            check(worker.get("/ok", 20) == 200, "the worker does not answer any more")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    parser.add_argument("--page", required=True)
    parser.add_argument("--python", default=None)
    parser.add_argument("--fixture", default="django")
    parser.add_argument("--asgiref", default="3.8.1")
    options = parser.parse_args()

    def run_test():
        options.python = options.python or some_python()
        test(options)

    return exit_code_of(run_test)


if __name__ == "__main__":
    raise SystemExit(main())
