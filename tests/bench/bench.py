#!/usr/bin/env python3
"""Measures hangspy, its peers and the floor side by side, and writes docs/performance.md.

Each tool gets a target of its own of each case, all alive at the same time. They take turns, so
that what else the machine does meets all of them. A turn is two runs: one with the target's watcher
asleep (the target lies still), one with it reading the clock (the longest gap is the pause).
"""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import loaded
import page
import targets
import tools

sys.path.insert(0, str(targets.HERE.parent.parent / "fixtures"))
import pythons  # noqa: E402
from harness import exit_code_of, some_python  # noqa: E402
from page_test import check  # noqa: E402

ROOT = targets.HERE.parent.parent
LIMIT_SECONDS = 60  # for one run of a tool
PATIENCE_SECONDS = 15  # for all runs of a tool in one case; the minimum is made in any case
MINIMUM = 3
NOTHING_US = 20_000  # how long the window is open while nothing runs
LOADED_RUNS = 4  # under load, where no two stops are alike, so many times the runs


def ended(code):
    if code < 0:
        return f"did not end in {LIMIT_SECONDS} s"
    return signal.Signals(code - 128).name if code > 128 else f"exit {code}"


def priority_of(group):
    """`/autogroup-7 nice 0`. The kernel may have no such groups, and a process may be in none: its
    session began before they were switched on, or it is init's own."""
    words = group.read_text().split() if group.exists() else []
    return words[-1] if words else ""


@contextlib.contextmanager
def before_others():
    """What else the machine does must not be measured: nothing else gets a processor that is wanted
    here. Only root may, and the page says which it was. Where the kernel groups processes by
    session, the group's priority counts, and not the process's own."""
    group = pathlib.Path("/proc/self/autogroup")
    said, own = priority_of(group), os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        if said:
            group.write_text("-20")
    except PermissionError:
        pass
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, own)
        if said and priority_of(group) != said:
            group.write_text(said)


class Bench:
    def __init__(self, options):
        self.options = options
        self.build = pathlib.Path(options.hangspy).resolve().parent
        self.measure = self.build / "bench_measure"
        self.tools = [*tools.ours(self.build), *([] if options.no_peers else tools.peers(self.build))]
        self.python = pythons.find(pythons.named(some_python()))

    def run(self, command, output, window="-"):
        """What one run cost; with `failed` when it did not do its work."""
        ran = subprocess.run([self.measure, window, output, str(LIMIT_SECONDS), *command],
                             capture_output=True, check=False, timeout=LIMIT_SECONDS + 60)
        errors = ran.stderr.decode(errors="replace").strip().splitlines()
        if ran.returncode != 0:
            raise RuntimeError(f"bench_measure: exit {ran.returncode}: {errors}")
        return json.loads(ran.stdout), errors[0] if errors else "says nothing"

    def one(self, tool, target, output, window="-"):
        command = [word.format(pid=target.pid) for word in tool.command]
        cost, error = self.run(command, output, window)
        if cost["exit"] not in tool.ok:
            return {"failed": f"{ended(cost['exit'])}: {error}"}
        if tool.name.startswith("hangspy"):
            report = json.loads(output.read_text())
            cost.update(timing=report["timing"], verdict=report["verdict"])
        return cost

    def turn(self, tool, target, output):
        before = targets.state_of(target.pid)
        still = self.one(tool, target, output)
        after = targets.state_of(target.pid)
        still.update(targets.difference(before, after))
        return {"still": still, "watched": self.one(tool, target, output, target.window)}

    def nothing(self, target, output):
        cost, _ = self.run(["nothing", str(NOTHING_US)], output, target.window)
        return {"watched": cost}

    def case(self, case):
        """All runs of all tools on one case: a list of turns for each tool's name."""
        here = [tool for tool in self.tools if not tool.absent]
        turns = {tool.name: [] for tool in [*here, tools.Tool("nothing")]}
        spent = dict.fromkeys(turns, 0.0)
        with contextlib.ExitStack() as stack:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            open_one = lambda name: stack.enter_context(  # noqa: E731
                targets.running(case, self.python, self.build, folder, name))
            of = {name: open_one(name) for name in turns}
            output = folder / "output"
            for tool in here:  # files become warm, pages learned; not counted
                self.one(tool, of[tool.name], output)
            for number in range(self.options.runs):
                turns["nothing"].append(self.nothing(of["nothing"], output))
                for tool in here:
                    if number >= MINIMUM and spent[tool.name] > PATIENCE_SECONDS:
                        continue
                    began = time.monotonic()
                    turns[tool.name].append(self.turn(tool, of[tool.name], output))
                    spent[tool.name] += time.monotonic() - began
                print(f"{case.name}: {number + 1} of {self.options.runs}", file=sys.stderr)
        return turns

    def wants(self, name):
        return any(word in name for word in self.options.only.split(","))

    def under_load(self):
        if not self.wants(loaded.NAME):
            return {}
        with tempfile.TemporaryDirectory() as folder:
            return loaded.measured(self, self.options.runs * LOADED_RUNS,
                                   pathlib.Path(folder) / "output")

    def starts(self):
        """What it takes each program to say its version, in wall time. They take turns, too."""
        here = [each for each in self.tools if each.version]
        found = {tool.name: [] for tool in here}
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder) / "output"
            for _ in range(self.options.runs + 1):
                for tool in here:
                    found[tool.name].append(self.run(tool.version, output)[0])
        return {name: costs[1:] for name, costs in found.items()}

    def all(self):
        cases = [case for case in targets.CASES if self.wants(case.name)]
        return {
            "date": datetime.date.today().isoformat(),
            "runs": self.options.runs,
            "nice": os.getpriority(os.PRIO_PROCESS, 0),
            "python": tools.said_by([self.python, "--version"]),
            "versions": {tool.name: tools.said_by(tool.version)
                         for tool in self.tools if tool.version},
            "absent": {tool.name: tool.absent for tool in self.tools if tool.absent},
            "tools": [tool.name for tool in self.tools],
            "load": pathlib.Path("/proc/loadavg").read_text().split()[0],
            "starts": self.starts(),
            "cases": {case.name: self.case(case) for case in cases},
        }


def failures(results):
    """What our own programs could not do; what a peer cannot do stands on the page."""
    return [f"{case}: {name}: {run['failed']}"
            for case, found in results["cases"].items() for name, turns in found.items()
            if name not in page.PEERS for turn in turns for run in turn.values()
            if "failed" in run] + [run["failed"] for runs in results[loaded.NAME].values()
                                   for run in runs if "failed" in run]


def bench(options):
    measured = Bench(options)
    with before_others():
        results = measured.all()
    results[loaded.NAME] = measured.under_load()
    if options.results:
        options.results.write_text(json.dumps(results))
    words = page.written(results)
    if options.quick or options.only or options.no_peers:
        print(words)  # not the whole, so it is not the page
    else:
        options.page.write_text(words)
    wrong = failures(results)
    check(not wrong, "; ".join(wrong))
    check(results["cases"] or results[loaded.NAME], f"no case is called {options.only}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hangspy", default=ROOT / "build" / "hangspy")
    parser.add_argument("--runs", type=int, help="of each tool on each case (10, or 5)")
    parser.add_argument("--only", default="",
                        help="the cases whose name contains one of these, comma separated")
    parser.add_argument("--quick", action="store_true", help="fewer runs, printed")
    parser.add_argument("--no-peers", action="store_true", help="hangspy and the floor alone")
    parser.add_argument("--page", type=pathlib.Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument("--results", type=pathlib.Path, help="keep the single figures, as JSON")
    options = parser.parse_args()
    options.runs = options.runs or (5 if options.quick else 10)
    return exit_code_of(lambda: bench(options))


if __name__ == "__main__":
    sys.exit(main())
