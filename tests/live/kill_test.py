#!/usr/bin/env python3
"""hangspy is killed by SIGKILL at random moments while it attaches, reads and lets go, as often as
asked for; half as often again while it traces, which random moments seldom meet: with `always`, and
with `auto` a worker under load, for it stops no other. With `core` it reads a core of the worker.
After each kill no thread of the worker may be stopped or traced; at the end the worker must still
answer, and a diagnosis of what hangs must say what it said before.
"""
import argparse
import contextlib
import os
import pathlib
import random
import tempfile
import time

from harness import (REPEATS, child, exit_code_of, run_counters, runs_free, some_python, time_of)
from load_test import STATUS, under_load
from page_test import Wrong, check, core_of, report_of
from worker import Worker, poll

KILLS = 200
ON_END = 20  # kills between two looks at how long a run takes


def tracer_of(pid):
    """Of the main thread: one small file, for this is asked again and again."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("TracerPid:"):
            return int(line.split()[1])
    raise Wrong("a status without a TracerPid")


def wait_for_tracing(hangspy, pid):
    """Whether hangspy traces. Never sleeps: a stop lasts a fraction of a millisecond."""
    while hangspy.poll() is None:
        if tracer_of(pid) != 0:
            return True
    return False


def kill_at(command, moment):
    """Whether the kill met a hangspy that ran."""
    with child(command) as hangspy:
        time.sleep(moment)  # the moment itself is what varies here
        return hangspy.poll() is None


def kill_while_tracing(command, pid, moment):
    with child(command) as hangspy:
        if not wait_for_tracing(hangspy, pid):
            return False
        until = time.monotonic() + moment
        while time.monotonic() < until:  # a sleep takes longer than a stop
            pass
        return hangspy.poll() is None and tracer_of(pid) != 0


def check_free(pid, moment):
    poll(f"a worker that runs free after a kill at {moment * 1e3:.3f} ms", 5,
         lambda: runs_free(pid))


def kill_often(command, pid, moments, kills):
    """A run takes longer or shorter as the machine's other work comes and goes."""
    hits, times = 0, []
    for done in range(kills):
        if done % ON_END == 0:
            times.append(time_of(command))
        moment = moments.uniform(0, times[-1])
        hits += kill_at(command, moment)
        check_free(pid, moment)
    print(f"{hits} of {kills} kills in {min(times) * 1e3:.1f} to {max(times) * 1e3:.1f} ms met a "
          "running hangspy")
    check(hits > kills // 4, "too few kills met a running hangspy")


def kill_often_while_tracing(command, pid, moments, kills):
    pauses = sorted(report_of(*command)["timing"]["pause_us"] for _ in range(REPEATS))
    pause = pauses[REPEATS // 2] / 1e6
    hits = 0
    for _ in range(kills):
        moment = moments.uniform(0, pause / 2)
        hits += kill_while_tracing(command, pid, moment)
        check_free(pid, moment)
    print(f"{hits} of {kills} kills met a worker that was traced")
    # The watcher looks now and then, and may lose its CPU: some must hit, not most.
    check(hits >= kills // 10, "too few kills met a worker that was traced")


def kill_under_load(options, moments):
    with Worker(some_python(), page="ok") as worker:
        with under_load(worker) as load, command_for(options, worker) as command:
            kill_often_while_tracing(command, worker.pid, moments, options.kills // 2)
        check(set(load.statuses) == {STATUS}, f"answers {load.statuses}")
        check(worker.get("/ok", 20) == 200, "the worker does not answer any more")


def said(report):
    return report["verdict"], report["certainty"], report["rule"], report["fingerprint"]


@contextlib.contextmanager
def command_for(options, worker):
    """Of one sample; a core is one anyway."""
    if options.mode != "core":
        yield [options.hangspy, str(worker.pid), "--pause", options.mode, "--samples", "1"]
        return
    with tempfile.TemporaryDirectory(prefix="hangspy-") as folder:
        yield [options.hangspy, "core", core_of(worker.pid, folder)]


def kill_what_hangs(options, moments):
    with Worker(some_python(), page="stacked") as worker:
        live = [options.hangspy, str(worker.pid)]
        before, threads = said(report_of(*live)), set(run_counters(worker.pid))
        with command_for(options, worker) as command:
            kill_often(command, worker.pid, moments, options.kills)
            if options.mode == "always":
                kill_often_while_tracing(command, worker.pid, moments, options.kills // 2)
        check(worker.get("/ok", 20) == 200, "the worker does not answer any more")
        check(not worker.request_answered(), "the hung request went on")
        check(threads <= set(run_counters(worker.pid)), "a thread of the worker has ended")
        after = said(report_of(*live))
        check(before == after, f"said {before}, then {after}")


def test(options):
    moments = random.Random(options.seed)
    kill_what_hangs(options, moments)
    if options.mode == "auto":
        kill_under_load(options, moments)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    parser.add_argument("--mode", required=True, choices=("auto", "always", "never", "core"))
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    return parser.parse_args()


def main():
    options = parse()
    print(f"seed {options.seed}", flush=True)
    return exit_code_of(lambda: test(options))


if __name__ == "__main__":
    raise SystemExit(main())
