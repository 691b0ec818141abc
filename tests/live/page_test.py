#!/usr/bin/env python3
"""Diagnoses one page of a fixture, live in each pause mode and from a core, and compares what
hangspy says with what the page must give and with the truth that the fixture wrote itself.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "fixtures")]

import expectations  # noqa: E402
import pythons  # noqa: E402
from worker import POLLING, Failed, Worker  # noqa: E402

EXIT_CODES = {"healthy": 0, "slow": 0, "deadlock": 1, "inconclusive": 3, "orphan-wait": 4,
              "blocked-loop": 4}
SKIPPED = 77
MAX_LINES, MAX_COLUMNS = 40, 96
# Where the thread waits in the page's own code; elsewhere it is in a middleware or time limit
# above it, which the fixture does not write down.
OWN_THREAD_PLACES = ("stacked", "event", "bridge", "on-loop")


class Wrong(Exception):
    """hangspy said something else than what is so."""


def check(holds, what):
    if not holds:
        raise Wrong(what)


def hangspy(command, *arguments):
    done = subprocess.run([command, *arguments], capture_output=True, text=True, timeout=120,
                          check=False)
    check(done.returncode in (0, 1, 3, 4), f"exit {done.returncode}: {done.stderr}")
    return done


def report_of(command, *arguments):
    done = hangspy(command, *arguments, "--format", "json")
    report = json.loads(done.stdout)
    check(report["exit_code"] == done.returncode, "exit_code is not the exit code")
    check(EXIT_CODES[report["verdict"]] == done.returncode, "verdict and exit code differ")
    return report


def check_verdict(report, wanted, is_core):
    said = (report["verdict"], report["certainty"], report["rule"] or "")
    certainty = wanted.certainty
    if is_core and report["verdict"] == "blocked-loop":
        certainty = "likely"  # a core is one sample
    check(report["verdict"] in wanted.verdicts, f"said {said}, wanted {wanted.verdicts}")
    check(said[1:] == (certainty, wanted.rule), f"said {said}, wanted {certainty} {wanted.rule}")
    text = report["headline"] + " ".join(report["missing"])
    check(wanted.says in text, f"'{wanted.says}' is not in: {text}")
    if wanted.deadline:
        check(report["deadline_seconds"] > 0, "no deadline")
    else:
        check(report["deadline_seconds"] is None, f"deadline {report['deadline_seconds']}")


def cycle_nodes(report):
    ids = {edge["from"] for edge in report["cycle"]}
    return [node for node in report["nodes"] if node["id"] in ids]


def check_closed(report):
    cycle = report["cycle"]
    check(cycle, "a deadlock without a cycle")
    for edge, following in zip(cycle, cycle[1:] + cycle[:1]):
        check(edge["to"] == following["from"], f"the cycle is not closed at {edge}")
        check(edge["evidence"], f"an edge without evidence: {edge}")
        check(edge["grade"] == "seen" or report["certainty"] != "proven", f"proven by {edge}")


def addresses(nodes, kind):
    return {node["address"] for node in nodes if node["kind"] == kind}


def check_truth(report, truth, page):
    """The parties of the cycle are the very objects that the fixture wrote down."""
    nodes = cycle_nodes(report)
    known = {truth[role]["tid"] for role in ("loop_thread", "lane_thread") if truth[role]}
    tids = {node["tid"] for node in nodes if node["kind"] == "thread"}
    check(tids and tids <= known, f"threads {tids} are not among {known}")
    own = {task["id"] for task in truth["tasks"]}
    check(addresses(nodes, "task") <= own, f"tasks {addresses(nodes, 'task')} are not {own}")
    if truth["executor"]:
        check(addresses(nodes, "executor") == {truth["executor"]}, "another executor")
        function = truth["queued_function"].split(".")[-1]
        items = [node for node in nodes if node["kind"] == "work item"]
        check(any(item["function"].endswith(function) for item in items), "another function")
    for key, kind in (("event", "event"), ("future", "concurrent future")):
        if key in truth:
            check(truth[key] in addresses(nodes, kind), f"{key} {truth[key]} is not in the cycle")
    places = {(wait["file"], wait["line"]) for wait in truth["waits"]}
    check_places([node for node in nodes if node["kind"] == "task"], places)
    if page in OWN_THREAD_PLACES:
        check_places([node for node in nodes if node["kind"] == "thread"], places)


def check_places(nodes, places):
    named = {(node["file"], node["line"]) for node in nodes if node.get("file")}
    check(named <= places, f"{named - places} are not places of the wait")


def check_text(command, pid, report):
    text = hangspy(command, str(pid)).stdout
    lines = text.splitlines()
    check(lines[0].startswith(report["verdict"].upper().replace("-", " ")) or
          lines[0].lower().startswith(report["verdict"]), f"first line: {lines[0]}")
    check(len(lines) <= MAX_LINES, f"{len(lines)} lines")
    widest = max(len(line) for line in lines)
    check(widest <= MAX_COLUMNS, f"{widest} columns")


def shape(report):
    """What live and core must agree on."""
    return (report["verdict"], report["rule"],
            [(edge["relation"], edge["from"], edge["to"], edge["grade"]) for edge in report["cycle"]])


def core_of(pid, folder):
    prefix = os.path.join(folder, "core")
    subprocess.run(["gcore", "-o", prefix, str(pid)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=120)
    return f"{prefix}.{pid}"


def reports(command, pid, *arguments):
    """(name, report) of one frozen program: as it lies still, stopped, and from its core."""
    yield "live", report_of(command, str(pid), *arguments)
    yield "always", report_of(command, str(pid), "--pause", "always", *arguments)
    with tempfile.TemporaryDirectory(prefix="hangspy-") as folder:
        yield "core", report_of(command, "core", core_of(pid, folder), *arguments)


def mapped_files(pid):
    fields = (line.split(None, 5) for line in pathlib.Path(f"/proc/{pid}/maps").open())
    return sorted({each[5].strip() for each in fields if len(each) == 6 and each[5][0] == "/"})


def copy_of_files(pid, folder):
    """A folder with all that is mapped, as a core's files lie on another machine."""
    sysroot = pathlib.Path(folder) / "sysroot"
    for path in map(pathlib.Path, mapped_files(pid)):
        if path.is_file():
            copy = sysroot / path.relative_to("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return str(sysroot)


def was_read_still(report):
    return all((sample["read"], sample["pause_us"], sample["stops"]) == ("still", 0, 0)
               for sample in report["timing"]["samples"])


def core_report(options, worker):
    with tempfile.TemporaryDirectory(prefix="hangspy-") as folder:
        core = core_of(worker.pid, folder)
        report = report_of(options.hangspy, "core", core)
        if options.python.startswith("stripped"):
            files = copy_of_files(worker.pid, folder)
            elsewhere = report_of(options.hangspy, "core", core, "--sysroot", files)
            check(shape(elsewhere) == shape(report), "--sysroot changes the verdict")
            nothing = subprocess.run([options.hangspy, "core", core, "--sysroot", folder],
                                     capture_output=True, text=True, check=False)
            check(nothing.returncode == 2, f"an empty --sysroot gave exit {nothing.returncode}")
        return report


def check_one_stop(command, pid):
    """A busy loop is in some call at any moment, so that one stop cannot tell it from a blocked one."""
    report = report_of(command, str(pid), "--pause", "always", "--samples", "1")
    check(report["verdict"] == "inconclusive", f"one stop told a {report['verdict']}")


def diagnose(options, worker, wanted):
    answered = worker.request_answered()
    live = report_of(options.hangspy, str(worker.pid))
    reports = {"live": live,
               "always": report_of(options.hangspy, str(worker.pid), "--pause", "always"),
               "core": core_report(options, worker)}
    for name, report in reports.items():
        try:
            check_verdict(report, wanted, name == "core")
            check(shape(report) == shape(live), f"{shape(report)} is not {shape(live)}")
            if report["verdict"] == "deadlock":
                check_closed(report)
                check_truth(report, worker.truth, options.page)
                serves = report["stuck_behind"]["serves_others"]
                check(serves == wanted.serves_others, f"serves_others is {serves}")
        except Wrong as wrong:
            raise Wrong(f"{name}: {wrong}\n{json.dumps(report, indent=1)}") from wrong
    if not {"healthy", "slow"} & set(wanted.verdicts):
        # A server's loop that goes on wakes by itself, ten times a second; nobody else moves.
        check(worker.expected.loop == POLLING or was_read_still(live),
              f"not read still: {live['timing']}")
    check_text(options.hangspy, worker.pid, live)
    if live["verdict"] == "blocked-loop":
        check_one_stop(options.hangspy, worker.pid)
    check(worker.request_answered() == answered, "the worker went on, or did not")
    if wanted.serves_others and worker.page != "ok":
        check(worker.get("/ok", 20) == 200, "the worker does not answer any more")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--page", required=True)
    parser.add_argument("--server", default="uvicorn")
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--fixture", default="django")
    parser.add_argument("--asgiref", default="3.8.1")
    return parser.parse_args()


def main():
    options = parse()
    python = pythons.named(options.python)
    if python.name in pythons.missing():
        print(f"NOT TESTED: {python.name} is not on this machine")
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    wanted = expectations.expected(options.fixture, options.page, options.loop, options.asgiref,
                                   python.minor)
    try:
        with Worker(options.python, options.server, options.page, loop=options.loop,
                    fixture=options.fixture, asgiref=options.asgiref) as worker:
            diagnose(options, worker, wanted)
    except (Wrong, Failed) as wrong:
        print(f"WRONG: {wrong}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
