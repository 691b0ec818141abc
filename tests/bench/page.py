"""The page docs/performance.md, from the figures of one run."""
import pathlib
import platform
import statistics

import loaded
from cells import spread, table, times

HOW = """\
# Performance

`make bench` measures hangspy beside py-spy, pystack and gdb, and beside the *floor*: a program that only seizes,
interrupts, waits for and lets go all threads. It writes this page. `make bench ARGUMENTS="--only tasks --runs 5"`
prints a part.

## How the figures are taken

- Every tool has a target of its own in each case: an asyncio program that waits, with that many threads, suspended
  tasks, or Python frames on one thread. Tools take turns. The first run of each is not counted.
- **gap**: the pause as the target sees it. A thread in native code does nothing there but read the clock; this is the
  longest time between two readings while the tool ran. *nothing* is the same for {nothing} ms in which no tool ran:
  what the machine itself does. Such a target never lies still, so hangspy must stop it.
- **wall**: from before the start of the program until it has been waited for. **peak**: its peak memory (`ru_maxrss`).
- **still**: the same with that thread asleep. **ran** is how many threads of the target the kernel scheduled
  while the tool ran, **pages** how many pages of the target are present that were not (`/proc/PID/pagemap`; it counts
  the shared page of zeroes), **Rss** the kB more in `smaps_rollup`: the most of any run.
- **under load**: a Django worker that four clients keep busy. Nobody watches the clock in it: the pause is what hangspy
  and the floor themselves say, from the first thread interrupted to the last let go; of several stops, their mean.
  The floor runs five times a turn.
  All at the priority they were started with.
- Commands: `hangspy PID --samples 1 --format json`, `py-spy dump --pid PID`, `pystack remote PID`,
  `gdb -batch -p PID -ex 'thread apply all bt'`. Files are warm.
- Cells are minimum / **median** / maximum. `x floor` and `x hangspy` are ratios of medians. Where the machine has other
  work (see its load), gaps of a few ms are turns of the scheduler; the minima are free of them.
"""


class Results:
    """The figures of one run, by case, tool and kind (still, watched)."""

    def __init__(self, results):
        self.raw = results

    def __getattr__(self, name):
        return self.raw[name]

    def costs(self, case, tool, kind):
        turns = self.raw["cases"].get(case, {}).get(tool, [])
        return [turn[kind] for turn in turns if kind in turn and "failed" not in turn[kind]]

    def failure(self, case, tool, kind):
        turns = self.raw["cases"].get(case, {}).get(tool, [])
        return next((turn[kind]["failed"] for turn in turns if "failed" in turn.get(kind, {})), "")

    def values(self, case, tool, kind, what):
        scale = {"gap_ns": 1e6, "wall_ns": 1e6, "peak_kb": 1024}.get(what, 1)
        return [cost[what] / scale for cost in self.costs(case, tool, kind)]

    def median(self, case, tool, kind, what):
        values = self.values(case, tool, kind, what)
        return statistics.median(values) if values else None

    def timing(self, case, tool, kind, what):
        """The median of a figure that hangspy itself reports."""
        values = [cost["timing"][what] for cost in self.costs(case, tool, kind) if "timing" in cost]
        return statistics.median(values) if values else None

    def how(self, case, tool, kind):
        """How hangspy's samples were read, and in how many stops and tries, at the most."""
        samples = [each for cost in self.costs(case, tool, kind) if "timing" in cost
                   for each in cost["timing"]["samples"]]
        if not samples:
            return "-"
        read = "/".join(sorted({each["read"] for each in samples}))
        most = {what: max(each[what] for each in samples) for what in ("stops", "tries")}
        return f"{read}, {most['stops']} stops, {most['tries']} tries"


def without(results, case, tool, kind):
    """Why a row has no figures, or an empty word."""
    failed = results.failure(case, tool, kind)
    return results.absent.get(tool) or (f"fails: {failed}" if failed else "")


def watched_table(results, case):
    base = results.median(case, "floor", "watched", "gap_ns")
    wall = results.median(case, "hangspy", "watched", "wall_ns")
    rows = []
    for tool in ["nothing", *results.tools]:
        gap = results.median(case, tool, "watched", "gap_ns")
        own = results.timing(case, tool, "watched", "pause_us")
        rows.append([
            tool, spread(results.values(case, tool, "watched", "gap_ns")), times(gap, base),
            "-" if own is None else f"{own / 1000:.2f}",
            "-" if tool == "nothing" else spread(
                results.values(case, tool, "watched", "wall_ns"), 1),
            "-" if tool == "nothing" else times(
                results.median(case, tool, "watched", "wall_ns"), wall),
            without(results, case, tool, "watched") or results.how(case, tool, "watched")])
    heads = ["stopped", "gap, ms", "x floor", "own pause, ms", "wall, ms", "x hangspy", "how"]
    return table(heads, rows)


def most(values):
    return f"{max(values):.0f}" if values else "-"


def still_table(results, case):
    wall = results.median(case, "hangspy", "still", "wall_ns")
    rows = []
    for tool in results.tools:
        values = {what: results.values(case, tool, "still", what)
                  for what in ("wall_ns", "peak_kb", "ran", "pages", "resident_kb")}
        read = results.timing(case, tool, "still", "bytes_read")
        rows.append([
            tool, spread(values["wall_ns"], 1),
            times(results.median(case, tool, "still", "wall_ns"), wall),
            spread(values["peak_kb"], 1), "-" if read is None else f"{read / 2**20:.1f}",
            most(values["ran"]), most(values["pages"]), most(values["resident_kb"]),
            without(results, case, tool, "still") or results.how(case, tool, "still")])
    heads = ["still", "wall, ms", "x hangspy", "peak, MB", "read, MB", "ran", "pages", "Rss, kB",
             "how"]
    return table(heads, rows)


PEERS = ("py-spy", "pystack", "gdb")


def below_peers(results, case, kind="still", limit=None):
    ours = results.median(case, "hangspy", kind, "wall_ns")
    theirs = {peer: results.median(case, peer, kind, "wall_ns") for peer in PEERS}
    theirs = {peer: value for peer, value in theirs.items() if value is not None}
    if ours is None or not theirs:
        return None
    best = min(theirs, key=theirs.get)
    held = ours < theirs[best] and (limit is None or ours <= limit)
    return f"{ours:.1f} ms; {best} {theirs[best]:.1f} ms", held


def still_pause(results):
    costs = [cost for case in results.cases for cost in results.costs(case, "hangspy", "still")]
    if not costs:
        return None
    pause = max(cost["timing"]["pause_us"] for cost in costs)
    ran = max(cost["ran"] for cost in costs)
    return f"{pause} us, {ran} threads ran, in {len(costs)} runs", pause == 0 and ran == 0


def stopped_pause(results, case):
    """Judged by the medians; the minima are what the least disturbed runs of each took."""
    gaps = {tool: results.values(case, tool, "watched", "gap_ns")
            for tool in ("floor", "hangspy", "hangspy --pause always")}
    floor = gaps.pop("floor")
    if not floor or not all(gaps.values()):
        return None
    middle = {tool: statistics.median(gap) / statistics.median(floor) for tool, gap in gaps.items()}
    least = {tool: min(gap) / min(floor) for tool, gap in gaps.items()}
    said = ", ".join(f"{tool} {middle[tool]:.1f} (minima {least[tool]:.1f})" for tool in gaps)
    return f"{said} times {statistics.median(floor):.2f} ms", max(middle.values()) <= 3


def many_tasks_wall(results):
    wall = results.median("100,000 tasks", "hangspy", "still", "wall_ns")
    return None if wall is None else (f"{wall:.0f} ms", wall <= 300)


def many_tasks_memory(results):
    peak = results.median("100,000 tasks", "hangspy", "still", "peak_kb")
    read = results.timing("100,000 tasks", "hangspy", "still", "bytes_read")
    if not read:
        return None
    ratio = peak * 2**20 / read
    return f"{ratio:.2f} times ({peak:.0f} of {read / 2**20:.0f} MB)", ratio <= 1.5


def target_memory(results):
    costs = [cost for case in results.cases for tool in ("hangspy", "hangspy --pause always")
             for cost in results.costs(case, tool, "still")]
    if not costs:
        return None
    pages, kb = (max(cost[what] for cost in costs) for what in ("pages", "resident_kb"))
    return f"{pages} pages, {kb} kB of Rss more, at the most", pages <= 0 and kb <= 0


def start(results):
    walls = [cost["wall_ns"] / 1e6 for cost in results.starts.get("hangspy", [])]
    return (spread(walls) + " ms", statistics.median(walls) <= 5) if walls else None


def goals(results):
    rows = [("pause, still worker", "0", still_pause(results))]
    for threads in (2, 51, 501):
        rows.append((f"pause, stopped, {threads} threads", "at most 3 times the floor",
                     stopped_pause(results, f"{threads} threads")))
    rows.append(("pause under load, of a stop", "at most 3 times the floor, at most 3 stops",
                 loaded.goal(results.raw[loaded.NAME])))
    rows.append(("wall, 3 threads and 30 tasks", "below every peer's, at most 20 ms",
                 below_peers(results, "30 tasks", limit=20)))
    for threads in (51, 501):
        rows.append((f"wall, {threads} threads", "below every peer's",
                     below_peers(results, f"{threads} threads")))
    rows += [("100,000 tasks, wall", "at most 300 ms", many_tasks_wall(results)),
             ("100,000 tasks, memory", "at most 1.5 times what is read",
              many_tasks_memory(results)),
             ("the target's own memory", "not a page more", target_memory(results)),
             ("start (`hangspy --version`)", "at most 5 ms", start(results))]
    cells = [(what, goal, *(("not measured", "") if not found else
                            (found[0], "yes" if found[1] else "**no**")))
             for what, goal, found in rows]
    return table(["", "goal", "measured (medians)", "reached"], cells)


def processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} x {models[0]}" if models else platform.machine()


def machine(results):
    versions = "; ".join(f"{name}: {said}" for name, said in results.versions.items())
    absent = "".join(f"\n- not here: {name}: {why}" for name, why in results.absent.items())
    return (f"- {processor()}, Linux {platform.release()}, target {results.python}\n"
            f"- {versions}{absent}\n"
            f"- {results.date}, {results.runs} turns each (fewer where a tool is slow), load"
            f" average {results.load} before, all at nice {results.nice}")


def starts_table(results):
    rows = [(tool, spread([cost["wall_ns"] / 1e6 for cost in costs]),
             spread([cost["peak_kb"] / 1024 for cost in costs], 1))
            for tool, costs in results.starts.items()]
    return table(["`--version`", "wall, ms", "peak, MB"], rows)


def written(raw):
    results = Results(raw)
    parts = [HOW.format(nothing=20).rstrip(), "## Machine", machine(results), "## Goals",
             goals(results), "## Start", starts_table(results)]
    for case in results.cases:
        parts += [f"## {case}", watched_table(results, case), still_table(results, case)]
    if results.raw[loaded.NAME]:
        parts += [f"## {loaded.NAME.capitalize()}", loaded.section(results.raw[loaded.NAME])]
    return "\n\n".join(parts) + "\n"
