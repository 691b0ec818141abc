"""The stops of a real worker that answers requests all the time, beside the floor's on the same one.

Nobody watches the clock in it: how long it stood is what hangspy and the floor themselves say, each
from the first thread that is interrupted to the last that is let go. They run at the priority that
they are started with: nobody pushes a busy worker aside to look at it.
"""
import collections
import pathlib
import statistics
import sys

import tools
from cells import spread, table, times

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))

import load_test  # noqa: E402
from harness import some_python  # noqa: E402
from worker import Worker, poll  # noqa: E402

NAME = "a worker under load"
FLOORS = 5  # a turn: one takes 2 ms, and what the worker does just then decides how long it stands
HEADS = ["under load", "pause of a stop, ms", "x floor", "wall, ms", "stops", "verdicts"]


def pause_of_floor(bench, floor, worker, output):
    cost = bench.one(floor, worker, output)
    return cost if "failed" in cost else {**cost, "pause_us": int(output.read_text())}


def measured(bench, runs, output):
    """Runs of the floor and of hangspy on one worker, in turns."""
    found = {"floor": [], "hangspy": []}
    floor, hangspy = tools.floor(bench.build), tools.hangspy(bench.build)
    with Worker(some_python(), page="ok") as worker, load_test.Load(worker.port) as load:
        poll("the load", 30, lambda: load.statuses[load_test.STATUS] > 20 * load_test.CLIENTS)
        for _ in range(runs):
            found["floor"] += [pause_of_floor(bench, floor, worker, output)
                               for _ in range(FLOORS)]
            found["hangspy"].append(bench.one(hangspy, worker, output))
    return found


def done(found, tool):
    return [cost for cost in found.get(tool, []) if "failed" not in cost]


def samples(found):
    """Of hangspy; each run took one."""
    return [cost["timing"]["samples"][0] for cost in done(found, "hangspy")]


def pauses(found, tool):
    """Of each stop, in ms; of a sample with several stops, their mean."""
    if tool == "floor":
        return [cost["pause_us"] / 1000 for cost in done(found, tool)]
    return [cost["timing"]["pause_us"] / 1000 / sample["stops"]
            for cost, sample in zip(done(found, tool), samples(found)) if sample["stops"]]


def counted(values):
    return ", ".join(f"{what}: {many}" for what, many in sorted(collections.Counter(values).items()))


def goal(found):
    ours, floor = pauses(found, "hangspy"), pauses(found, "floor")
    if not ours or not floor:
        return None
    ratio = statistics.median(ours) / statistics.median(floor)
    least = min(ours) / min(floor)
    most = max(sample["stops"] for sample in samples(found))
    said = f"{ratio:.1f} (minima {least:.1f}) times {statistics.median(floor):.2f} ms, {most} stops"
    return said, ratio <= 3 and most <= 3


def section(found):
    base = statistics.median(pauses(found, "floor") or [0])
    rows = [(tool, spread(pauses(found, tool)),
             times(statistics.median(pauses(found, tool) or [0]), base),
             spread([cost["wall_ns"] / 1e6 for cost in done(found, tool)], 1),
             counted(sample["stops"] for sample in samples(found)) if tool == "hangspy" else "-",
             counted(cost["verdict"] for cost in done(found, tool)) if tool == "hangspy" else "-")
            for tool in found]
    return table(HEADS, rows)
