#!/usr/bin/env python3
"""A worker under load has to be stopped: at most three times a sample, and a stop is a copy. From
the first thread that is seized to the last that is let go, strace sees only the calls that stop,
list the threads and copy pages, as many at once as the kernel takes; no file is opened and no
memory is asked for. A stop copies what moves, so many pages a thread, never more. The load goes on:
every request is answered. Amid such noise what hangs is found, and never called healthy.
"""
import argparse
import collections
import contextlib
import http.client
import pathlib
import re
import tempfile
import threading

from harness import exit_code_of, run, runs_free, some_python
from page_test import check, report_of
from worker import Worker, poll

CLIENTS = 4
RUNS = 5
TRACED_RUNS = 2
CONCLUSIVE = {"healthy", "slow"}
# No view of the fixture writes its truth there, which is made for one request at a time.
PATH, STATUS = "/absent", 404
MAX_STOPS = 3
PAGES_A_CALL = 1024
# 24 that move, and the top of its stack; of a few threads that are new, more of that.
PAGES_A_THREAD, PAGES_BESIDES = 24 + 3, 16 * 16 + 64
PAGE = 4096
# The thread list is one open directory, read to its fixed point. poll asks whether the process
# still lives; the rest is waiting for the threads to stop.
IN_A_STOP = {"ptrace", "wait4", "getdents64", "lseek", "process_vm_readv", "poll", "sched_yield",
             "nanosleep", "clock_nanosleep", "restart_syscall"}
# Whether a thread that could not be seized, or does not stop for long, has ended is told by no
# other means.
OF_AN_ENDED_THREAD = re.compile(
    r'openat\(\d+, "task/\d+/stat"|read\(\d+, (?:"\d+ \(|""| *<unfinished)|close\(\d+|'
    r"<\.\.\. (?:openat|read|close) resumed>")
CALL = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)[( ]")
# The room that a call has, which is as large as all that it asks for, and what it got.
COPIED = re.compile(r"process_vm_readv.*?iov_len=(\d+)\}\], 1, \[.*, \d+, 0\) += (-?\d+)")


class Load:
    """Clients that ask for a page again and again until they are told to end."""

    def __init__(self, port):
        self.port, self.statuses = port, collections.Counter()
        self.over = threading.Event()
        self.clients = [threading.Thread(target=self.ask) for _ in range(CLIENTS)]

    def ask(self):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(link):
            while not self.over.is_set():
                try:
                    link.request("GET", PATH)
                    answer = link.getresponse()
                    answer.read()
                    self.statuses[answer.status] += 1
                except OSError as failed:
                    self.statuses[repr(failed)] += 1
                    return

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *unused):
        self.over.set()
        for client in self.clients:
            client.join()


@contextlib.contextmanager
def under_load(worker):
    with Load(worker.port) as load:
        poll("the load", 30, lambda: load.statuses[STATUS] > 20 * CLIENTS)
        yield load


def check_account(report):
    """What the report says of its stops; a worker that answers is not hung."""
    check(report["verdict"] in CONCLUSIVE | {"inconclusive"}, f"said {report['verdict']}")
    for sample in report["timing"]["samples"]:
        check(sample["stops"] <= MAX_STOPS, f"stops: {sample}")
    return report


def stops_of(report):
    return sum(sample["stops"] for sample in report["timing"]["samples"])


def stops_in(lines):
    """What the thread that traces did in each stop: from its first PTRACE_SEIZE to its last
    PTRACE_DETACH. The others wait for it."""
    start = end = None
    for at, line in enumerate(lines):
        if "ptrace(PTRACE_DETACH" in line:
            end = at
        elif "ptrace(PTRACE_SEIZE" in line and (start is None or end is not None):
            if end is not None:
                yield of_tracer(lines[start:end + 1])
            start, end = at, None
    if end is not None:
        yield of_tracer(lines[start:end + 1])


def of_tracer(lines):
    tracer = lines[0].split()[0]
    return [line for line in lines if line.split()[0] == tracer]


def check_stop(lines):
    """Only what a stop needs, and as few calls for its pages as there can be."""
    for line in lines:
        name = CALL.match(line)
        known = name and name[1] in IN_A_STOP or OF_AN_ENDED_THREAD.search(line)
        check(known or "+++" in line or "---" in line, f"in a stop: {line}")
    copied = [(int(asked), int(got)) for asked, got in COPIED.findall("\n".join(lines))]
    check(copied, "a stop that copied nothing")
    # What cannot be read ends a call before its end, and another one goes on.
    short = sum(got != asked for asked, got in copied)
    pages = sum(max(got, 0) // PAGE for _, got in copied) + short
    needed = -(-pages // PAGES_A_CALL)
    check(len(copied) <= needed + short, f"{len(copied)} calls for {pages} pages, {short} short")
    return pages, len(copied)


def thread_count(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))


def check_traced(hangspy, pid):
    with tempfile.TemporaryDirectory(prefix="hangspy-") as folder:
        log = pathlib.Path(folder, "strace")
        command = [hangspy, str(pid), "--pause", "always", "--samples", "1"]
        done = run("strace", "-f", "-o", log, *command)
        check(done.returncode in (0, 3), f"exit {done.returncode}: {done.stderr}")
        return [check_stop(stop) for stop in stops_in(log.read_text().splitlines())]


def check_amid_noise(hangspy):
    with Worker(some_python(), page="stacked") as worker, under_load(worker):
        for _ in range(RUNS):
            report = report_of(hangspy, str(worker.pid))
            check(report["verdict"] in ("deadlock", "inconclusive"), f"said {report['verdict']}")
            if report["certainty"] == "proven":
                return
    check(False, f"in {RUNS} runs the hang was not proven: {report['missing']}")


def check_load(hangspy):
    with Worker(some_python(), page="ok") as worker:
        with under_load(worker) as load:
            reports = [check_account(report_of(hangspy, str(worker.pid), "--pause", mode))
                       for _ in range(RUNS) for mode in ("auto", "always", "never")]
            stops = [stops_of(report) for report in reports]
            told = [report["verdict"] for report in reports if stops_of(report)]
            check(CONCLUSIVE & set(told), f"of what was stopped it told nothing: {told}")
            before = thread_count(worker.pid)
            copies = [copy for _ in range(TRACED_RUNS)
                      for copy in check_traced(hangspy, worker.pid)]
            check(copies, "strace saw no stop")
            threads = max(before, thread_count(worker.pid)) + CLIENTS  # each may have a new one
            most = max(pages for pages, _ in copies)
            check(most <= PAGES_A_THREAD * threads + PAGES_BESIDES,
                  f"a stop copied {most} pages of {threads} threads")
            # What is more than may be copied ahead makes it know less; it is no failure.
            report = check_account(report_of(hangspy, str(worker.pid), "--pause", "always",
                                             "--max-copy", "1"))
            told = report["verdict"] in CONCLUSIVE
            check(told or "--max-copy" in str(report["missing"]), f"missing: {report['missing']}")
        check(set(load.statuses) == {STATUS}, f"answers {load.statuses}")
        poll("a worker that runs free", 5, lambda: runs_free(worker.pid))
    print(f"{sum(stops)} stops in {len(stops)} runs under a load of {load.statuses[STATUS]} requests; "
          f"(pages, calls) of the traced ones: {copies}")


def test(hangspy):
    check_load(hangspy)
    check_amid_noise(hangspy)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    options = parser.parse_args()
    return exit_code_of(lambda: test(options.hangspy))


if __name__ == "__main__":
    raise SystemExit(main())
