#!/usr/bin/env python3
"""In its sandbox hangspy says what it says without, whoever runs it and whoever is read.

What it is while it reads is asked of the kernel: hangspy's own /proc/PID/status, taken while it
waits between two samples.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import end, exit_code_of, not_tested, pythons, run, some_python, statuses
from page_test import check, core_of, report_of, shape
from worker import Worker, die_with_parent, poll

STRANGER = 65534
PTRACE_ALONE = 1 << 19
NOTHING = 0
MODES = ("auto", "always", "never")


@contextlib.contextmanager
def sleeping(command, *arguments):
    """hangspy between two samples, long enough to be looked at."""
    with subprocess.Popen([command, *arguments, "--interval", "60000"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, preexec_fn=die_with_parent) as process:
        try:
            yield process.pid
        finally:
            end(process)


def filtered(pid):
    """Its main thread's status once the filter holds."""
    status = statuses(pid).get(pid, {})
    return status if status.get("Seccomp") == "2" else None


def check_powers(hangspy, worker, uid, capabilities):
    with sleeping(hangspy, str(worker.pid)) as pid:
        status = poll("a sandbox", 20, lambda: filtered(pid))
    check(set(status["Uid"].split()) == {str(uid)}, f"uids {status['Uid']}, not {uid}")
    for name in ("CapPrm", "CapEff"):
        check(int(status[name], 16) == capabilities, f"{name} {status[name]}")
    check(int(status["CapBnd"], 16) == 0 or os.geteuid() != 0, f"CapBnd {status['CapBnd']}")
    check(status["NoNewPrivs"] == "1", "new privileges")


def check_same(hangspy, worker):
    """The same report with the sandbox and without, in each mode and of a core."""
    pid = str(worker.pid)
    for mode in MODES:
        within = report_of(hangspy, pid, "--pause", mode)
        without = report_of(hangspy, pid, "--pause", mode, "--no-sandbox")
        check(shape(within) == shape(without), f"{mode}: {shape(within)}, {shape(without)}")
        check(within["target"] == without["target"], f"{within['target']}, {without['target']}")
        check(not within["missing"], f"{mode}: {within['missing']}")


def check_core(hangspy, worker, owner):
    with tempfile.TemporaryDirectory(prefix="hangspy-") as folder:
        os.chmod(folder, 0o755)
        core = core_of(worker.pid, folder)
        os.chown(core, owner, owner)
        said = run(hangspy, "core", core, "-v")
        check(f"sandbox: uid {owner}, " in said.stderr, said.stderr)
        within = report_of(hangspy, "core", core)
        without = report_of(hangspy, "core", core, "--no-sandbox")
        check(shape(within) == shape(without), f"core: {shape(within)}, {shape(without)}")
        check(within["target"] == without["target"], f"{within['target']}, {without['target']}")


def check_said(hangspy, worker):
    """-v says each measure in a line, and --no-sandbox sets none."""
    said = run(hangspy, str(worker.pid), "-v").stderr
    for words in ("sandbox: uid ", "sandbox: no_new_privs", "sandbox: system calls by seccomp",
                  "sandbox: not dumpable", "sandbox: a guard", "sandbox: without Landlock"):
        check(words in said, f"'{words}' is not in: {said}")
    said = run(hangspy, str(worker.pid), "-v", "--no-sandbox").stderr
    check("sandbox" not in said, said)


def check_as(uid, hangspy, worker):
    """Run by another user: what that user sees, and that the verdict is the same."""
    with tempfile.TemporaryDirectory(prefix="hangspy-") as folder:
        os.chmod(folder, 0o755)
        copy = shutil.copy(hangspy, folder)
        user = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
        done = run(*user, copy, str(worker.pid), "--format", "json")
        check(done.returncode == 1, f"as uid {uid}: exit {done.returncode}: {done.stderr}")
        check(shape(json.loads(done.stdout)) == shape(report_of(hangspy, str(worker.pid))),
              f"as uid {uid}: another verdict")


def python_for(uid):
    """A CPython that another user can start, which one below /root is not."""
    user = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
    for each in pythons.listing():
        if each.name in pythons.missing():
            continue
        interpreter = pythons.venv(each.name, "django")
        if run(*user, interpreter, "-c", "import django").returncode == 0:
            return each.name
    raise pythons.Missing(f"no CPython is here that uid {uid} can start")


@contextlib.contextmanager
def with_deleted_library(name):
    """A CPython whose libpython was deleted since it started, as an upgrade leaves it."""
    interpreter = pythons.venv(name, "django")
    maps = run(interpreter, "-c", "print(open('/proc/self/maps').read())").stdout
    library = next(line.split()[-1] for line in maps.splitlines() if "libpython3" in line)
    program = "import sys; print('ready', flush=True); sys.stdin.read()"
    with tempfile.TemporaryDirectory(prefix="hangspy-") as folder:
        copy = shutil.copy(library, folder)
        process = subprocess.Popen([interpreter, "-c", program], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, preexec_fn=die_with_parent,
                                   env={**os.environ, "LD_LIBRARY_PATH": folder})
        with process:
            try:
                process.stdout.readline()
                os.unlink(copy)
                yield process.pid
            finally:
                end(process)


def check_deleted(hangspy):
    with with_deleted_library("shared-3.12") as pid:
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
        check("(deleted)" in maps, "its libpython is still there")
        report = report_of(hangspy, str(pid))
        check(report["verdict"] == "healthy", report["headline"])


def test(hangspy):
    python, me = some_python(), os.geteuid()
    with Worker(python, page="stacked") as worker:
        check_same(hangspy, worker)
        check_said(hangspy, worker)
        check_core(hangspy, worker, me)
        check_powers(hangspy, worker, me, PTRACE_ALONE if me == 0 else NOTHING)
    if me != 0:
        return not_tested("a worker of another user, a deleted library: takes root")
    check_deleted(hangspy)
    with Worker(python_for(STRANGER), page="stacked", uid=STRANGER) as worker:
        check_same(hangspy, worker)
        check_core(hangspy, worker, STRANGER)
        check_powers(hangspy, worker, STRANGER, NOTHING)
        check_as(STRANGER, hangspy, worker)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    hangspy = str(pathlib.Path(parser.parse_args().hangspy).resolve())
    return exit_code_of(lambda: test(hangspy))


if __name__ == "__main__":
    raise SystemExit(main())
