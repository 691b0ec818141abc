#!/usr/bin/env python3
"""A worker with so many tasks that they are read by two threads, and that not all pages are held:
each task is reported as the program itself knows it, and two that wait for each other are found,
one in either half. In its twin one of them waits for a future. With --handles: two whose cycle a
timer ends, behind so many others that it is read, or that not all are.
"""
import argparse
import contextlib
import json

from harness import exit_code_of, pythons, some_python, talking_child, wait_until_it_polls
from page_test import Wrong, addresses, check, check_closed, cycle_nodes, reports

CROWD = 12_000
CLOSED, OPEN = "closed", "open"
MAX_HANDLES = 120_000  # of one event loop
PROGRAM = """
import asyncio, json, sys

async def one(name, gate, waits, timers):
    await gate
    # Of a cycle without a shield a cancellation comes back for ever, and ends nothing.
    await (asyncio.shield(waits[name]) if timers else waits[name])

async def main(closed, count, timers):
    loop = asyncio.get_running_loop()
    gate = loop.create_future()
    waits = {f"crowd-{number}": loop.create_future() for number in range(count)}
    tasks = {name: loop.create_task(one(name, gate, waits, timers), name=name) for name in waits}
    await asyncio.sleep(0)
    ordered = sorted(tasks, key=lambda each: id(tasks[each]))
    low, high = ordered[count // 10], ordered[-count // 10]
    waits[low] = tasks[high]
    if closed:
        waits[high] = tasks[low]
    gate.set_result(None)
    while any(task._fut_waiter in (None, gate) for task in tasks.values()):
        await asyncio.sleep(0)
    for _ in range(timers):
        loop.call_later(3_600, print)
    if timers:
        loop.call_later(7_200, tasks[high].cancel)
    known = {name: [hex(id(tasks[name])), hex(id(waits[name]))] for name in tasks}
    print(json.dumps({"tasks": known, "pair": [known[low][0], known[high][0]]}), flush=True)
    await waits[ordered[0]]

asyncio.run(main(sys.argv[1] == "closed", *map(int, sys.argv[2:])))
"""


def check_report(report, shape, truth):
    found = {each["name"]: [each["address"], each["waits_for"]] for each in report["tasks"]}
    told = {name: what for name, what in found.items() if name.startswith("crowd-")}
    wrong = {name for name, what in truth["tasks"].items() if told.get(name) != what}
    check(not wrong, f"{len(wrong)} tasks are others, {sorted(wrong)[:3]}")
    check(len(told) == len(truth["tasks"]), f"{len(told)} tasks instead of {len(truth['tasks'])}")
    check(not report["missing"], f"{report['missing']} is missing")
    if shape == OPEN:
        return check(report["verdict"] == "healthy", f"the twin is {report['verdict']}")
    said = (report["verdict"], report["certainty"])
    check(said == ("deadlock", "proven"), f"said {said}")
    check_closed(report)
    pair = addresses(cycle_nodes(report), "task")
    check(pair == set(truth["pair"]), f"{pair} are not {truth['pair']}")


def check_ending(report, shape, is_read):
    if shape == OPEN:
        expected = ("healthy" if is_read else "inconclusive", None)
    else:
        expected = ("deadlock", "timeout" if is_read else "unknown")
    said = (report["verdict"], report["ending"])
    check(said == expected, f"said {said} instead of {expected}")
    check(bool(report["missing"]) != is_read, f"{report['missing']} is missing")


def check_stops(name, report):
    stops = sum(each["stops"] for each in report["timing"]["samples"])
    check((stops == 0) != (name == "always"), f"{stops} stops")


@contextlib.contextmanager
def crowd(shape, count=CROWD, timers=0):
    """The program once it lies still, and what it knows of itself."""
    python = pythons.find(pythons.named(some_python()))
    with talking_child([python, "-c", PROGRAM, shape, str(count), str(timers)]) as target:
        truth = json.loads(target.first_line)
        wait_until_it_polls(target.pid)
        yield target, truth


def check_each(hangspy, pid, what, check_one, *arguments):
    for name, report in reports(hangspy, pid, *arguments):
        try:
            check_one(name, report)
        except Wrong as wrong:
            raise Wrong(f"{what}, {name}: {wrong}") from None


def check_shape(hangspy, shape):
    with crowd(shape) as (target, truth):
        check_each(hangspy, target.pid, shape,
                   lambda _, report: check_report(report, shape, truth), "--all")


def check_timers(hangspy, shape, timers, is_read):
    def check_one(name, report):
        check_ending(report, shape, is_read)
        check_stops(name, report)

    with crowd(shape, 20, timers) as (target, _):
        check_each(hangspy, target.pid, f"{shape}, {timers} timers", check_one)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hangspy", required=True)
    parser.add_argument("--handles", action="store_true")
    options = parser.parse_args()

    def test():
        for shape in (CLOSED, OPEN):
            if options.handles:
                check_timers(options.hangspy, shape, MAX_HANDLES - 100, is_read=True)
                check_timers(options.hangspy, shape, MAX_HANDLES, is_read=False)
            else:
                check_shape(options.hangspy, shape)
    return exit_code_of(test)


if __name__ == "__main__":
    raise SystemExit(main())
