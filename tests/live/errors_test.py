#!/usr/bin/env python3
"""What hangspy answers when there is nothing to diagnose: exit 2, the reason, the next step."""
import os
import pathlib
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "fixtures")]

import pythons  # noqa: E402
from page_test import SKIPPED, Wrong, check, report_of  # noqa: E402
from worker import Failed, Worker, die_with_parent, poll  # noqa: E402

PYTHON = "shared-3.12"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def refuses(done, *words):
    check(done.returncode == 2, f"exit {done.returncode}, not 2: {done.stderr}")
    check(not done.stdout, f"a refusal printed {done.stdout}")
    for word in ("error: ", *words):
        check(word in done.stderr, f"'{word}' is not in: {done.stderr}")


def check_no_process(hangspy):
    refuses(run(hangspy, "4194000"), "4194000")


def check_not_python(hangspy):
    with subprocess.Popen(["sleep", "60"], preexec_fn=die_with_parent) as process:
        try:
            refuses(run(hangspy, str(process.pid)), "not CPython")
        finally:
            process.kill()


def check_usage(hangspy):
    check(run(hangspy, "nonsense").returncode == 2, "a word for a pid is no usage error")
    check(run(hangspy, "--pause", "sometimes", "1").returncode == 2, "an unknown pause mode")
    check(run(hangspy, "--help").returncode == 0, "--help")
    check("hangspy" in run(hangspy, "--version").stdout, "--version")


def check_other_user(hangspy, worker):
    done = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", hangspy,
               str(worker.pid))
    refuses(done, "uid", "help: ")


def check_other_tracer(hangspy, worker):
    """Somebody else's debugger does not keep hangspy from reading; only from stopping."""
    tracer = subprocess.Popen(["gdb", "-q", "-nx", "-p", str(worker.pid)], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              preexec_fn=die_with_parent)
    status = pathlib.Path(f"/proc/{worker.pid}/status")
    try:
        poll("gdb traces", 30, lambda: f"TracerPid:\t{tracer.pid}\n" in status.read_text())
        refuses(run(hangspy, str(worker.pid), "--pause", "always"), str(tracer.pid))
    finally:
        tracer.kill()
        tracer.wait()
    poll("the worker runs free", 10, lambda: "TracerPid:\t0\n" in status.read_text())


def check_exit_codes(hangspy, worker):
    pid = str(worker.pid)
    check(run(hangspy, pid).returncode == 1, "a deadlock is exit 1")
    check(run(hangspy, pid, "--exit-zero").returncode == 0, "--exit-zero")
    check(run(hangspy, pid, "--fail-on", "blocked-loop").returncode == 0, "--fail-on another")
    check(run(hangspy, pid, "--fail-on", "deadlock").returncode == 1, "--fail-on this")


def children_of(pid):
    found = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for each in found if b"resource_tracker" not in
            pathlib.Path(f"/proc/{each}/cmdline").read_bytes()]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def check_supervisor(hangspy, arguments):
    """A parent that only supervises: the answer names the workers' pids, and no other."""
    python = pythons.venv(PYTHON, "django")
    process = subprocess.Popen([python, *arguments], cwd=ROOT / "fixtures" / "asgi",
                               env={**os.environ, "PYTHONPATH": str(ROOT / "fixtures" / "common")},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=die_with_parent)
    try:
        poll("two workers", 60, lambda: len(children_of(process.pid)) == 2)
        said = poll("the supervisor's answer", 60, lambda: supervisor_answer(hangspy, process.pid))
        named = set(said.split("help:")[1].split(":")[1].replace(",", " ").split())
        check(named == set(children_of(process.pid)), f"named {named}")
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def supervisor_answer(hangspy, pid):
    """Once it has come as far as supervising."""
    done = run(hangspy, str(pid))
    return done.stderr if done.returncode == 2 and "supervises" in done.stderr else None


def check_gone(hangspy):
    """The process ends while it is read: a verdict or exit 2, never a crash."""
    for step in range(20):
        with subprocess.Popen([pythons.find(pythons.named(PYTHON)), "-c", "input()"],
                              stdin=subprocess.PIPE, preexec_fn=die_with_parent) as target:
            reader = subprocess.Popen([hangspy, str(target.pid), "--samples", "3"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            time.sleep(step * 0.002)  # the moment itself is what varies here
            target.kill()
            error = reader.communicate()[1]
            check(reader.returncode in (0, 2, 3), f"exit {reader.returncode}: {error}")


def main():
    hangspy = sys.argv[1]
    if PYTHON in pythons.missing():
        print(f"NOT TESTED: {PYTHON} is not on this machine")
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    port = str(free_port())
    try:
        check_no_process(hangspy)
        check_not_python(hangspy)
        check_usage(hangspy)
        check_gone(hangspy)
        with Worker(PYTHON, page="stacked") as worker:
            check_exit_codes(hangspy, worker)
            check_other_user(hangspy, worker)
            check_other_tracer(hangspy, worker)
            check(report_of(hangspy, str(worker.pid))["verdict"] == "deadlock", "after the tracer")
        check_supervisor(hangspy, ["-m", "uvicorn", "--workers", "2", "--port", port, "app:application"])
        check_supervisor(hangspy, ["-m", "hypercorn", "-w", "2", "-b", f"127.0.0.1:{port}",
                                   "app:application"])
    except (Wrong, Failed) as wrong:
        print(f"WRONG: {wrong}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
