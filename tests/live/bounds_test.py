#!/usr/bin/env python3
"""hangspy's own bounds. Over --timeout or --max-memory it is inconclusive, names the bound in text
and in JSON, and leaves no thread of the worker stopped.
"""
import argparse
import collections
import pathlib
import tempfile

from crowd_test import CLOSED, crowd
from harness import exit_code_of, run, runs_free, some_python
from page_test import check, core_of, report_of
from worker import Worker, poll

# Shorter than any reading, and less than any reading takes.
NO_TIME = ("--timeout", "0.000001")
NO_MEMORY = ("--max-memory", "1M")
# Enough for a reading, not for the interval before the next one: what was read is kept.
ONE_SAMPLE = ("--interval", "60000", "--timeout", "5")


def check_bound(hangspy, arguments, words):
    report = report_of(hangspy, *arguments)
    said = report["headline"], *report["missing"]
    check(report["verdict"] == "inconclusive" and report["exit_code"] == 3, f"{arguments}: {said}")
    check(report["certainty"] == "none" and not report["cycle"], f"{arguments}: a finding is left")
    check(all(words in line for line in said) and len(said) == 2, f"'{words}' is not in {said}")
    text = run(hangspy, *arguments)
    check(text.returncode == 3 and not text.stderr, f"{arguments}: {text}")
    check(words in text.stdout, f"'{words}' is not in {text.stdout}")
    return report


def test(hangspy):
    with Worker(some_python(), page="stacked") as worker:
        pid = str(worker.pid)
        for mode in ("auto", "always", "never"):
            for bound in (NO_TIME, NO_MEMORY):
                check_bound(hangspy, (pid, "--pause", mode, *bound), bound[0])
                poll("a worker that runs free", 5, lambda: runs_free(worker.pid))
        with tempfile.TemporaryDirectory(prefix="hangspy-") as folder:
            core = core_of(worker.pid, folder)
            for bound in (NO_TIME, NO_MEMORY):
                check_bound(hangspy, ("core", core, *bound), bound[0])
        kept = check_bound(hangspy, (pid, *ONE_SAMPLE, "--all"), "5 s (--timeout)")
        check(kept["threads"] and kept["tasks"], "what was read is not kept")
        wide = report_of(hangspy, pid, "--timeout", "600", "--max-memory", "1G")
        check(wide["verdict"] == "deadlock", f"with room to spare: {wide['verdict']}")
    check_reading_threads(hangspy)


def check_reading_threads(hangspy):
    """Two threads read a crowd: whichever meets the bound, and wherever, it is told once."""
    said = collections.Counter()
    with crowd(CLOSED) as (target, _):
        for megabytes in range(4, 60, 2):
            report = report_of(hangspy, str(target.pid), "--max-memory", f"{megabytes}M")
            said[report["verdict"]] += 1
            over = report["verdict"] == "inconclusive" and "--max-memory" in report["headline"]
            check(over or report["verdict"] == "deadlock", f"{megabytes} MB: {report['headline']}")
    check(len(said) == 2, f"bounds on one side only: {said}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    hangspy = str(pathlib.Path(parser.parse_args().hangspy).resolve())
    return exit_code_of(lambda: test(hangspy))


if __name__ == "__main__":
    raise SystemExit(main())
