#!/usr/bin/env python3
"""The pid of a server's parent process: hangspy refuses it and names its workers' pids, and no
other child of it (multiprocessing starts one of its own that only tidies up). The workers
themselves are diagnosed.
"""
import argparse
import contextlib
import os
import pathlib
import re
import signal
import socket

from harness import ROOT, child, exit_code_of, pythons, run, some_python
from page_test import check, report_of
from worker import listening_port, poll

WORKERS = 2
SECONDS = 60
SERVERS = {
    "uvicorn": ["-m", "uvicorn", "app:application", "--host", "127.0.0.1", "--port", "{port}",
                "--workers", str(WORKERS)],
    "hypercorn": ["-m", "hypercorn", "app:application", "-b", "127.0.0.1:{port}",
                  "-w", str(WORKERS)],
}
FIXTURE = ROOT / "fixtures"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def children_of(pid):
    """By pid; each thread lists the children that it made."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for each in (task / "children").read_text().split():
                found[int(each)] = command_line(each)
    return found


def workers_of(pid):
    """The children that serve, once there are all: they have the listening socket open."""
    found = {each for each, command in children_of(pid).items()
             if b"resource_tracker" not in command and listening_port(each)}
    return found if len(found) == WORKERS else None


@contextlib.contextmanager
def ended_with(pids):
    """Ends processes that are not our children: by descriptors, for a pid may be used again."""
    descriptors = [os.pidfd_open(pid) for pid in pids]
    try:
        yield
    finally:
        for descriptor in descriptors:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            os.close(descriptor)


@contextlib.contextmanager
def supervisor(python, server):
    """A server's parent and its workers; they end with it, and whatever else it has started."""
    port = str(free_port())
    words = [word.format(port=port) for word in SERVERS[server]]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(FIXTURE / "common"),
                   **pythons.environment(python)}
    interpreter = pythons.venv(python, "django")
    with contextlib.ExitStack() as cleanup:
        process = cleanup.enter_context(
            child([interpreter, *words], cwd=FIXTURE / "asgi", env=environment))
        # In reverse: the parent ends first, so it cannot replace a worker that was ended.
        cleanup.callback(end_children, process.pid)
        workers = poll(f"{server}'s workers", SECONDS, lambda: workers_of(process.pid))
        yield process.pid, workers


def end_children(pid):
    """Stops the parent from starting others, then ends it after its children are known."""
    os.kill(pid, signal.SIGSTOP)
    with ended_with(children_of(pid)):
        os.kill(pid, signal.SIGKILL)


def refusal(hangspy, pid):
    """Once the parent has come as far as supervising."""
    done = run(hangspy, str(pid))
    return done if "supervises" in done.stderr else None


def check_refusal(hangspy, pid, workers):
    done = poll("the refusal", SECONDS, lambda: refusal(hangspy, pid))
    check(done.returncode == 2, f"exit {done.returncode}: {done.stderr}")
    check(not done.stdout, f"a refusal printed {done.stdout}")
    error, advice = done.stderr.split("help: ")
    check(str(pid) in error, f"does not name {pid}: {error}")
    named = set(map(int, re.findall(r"\d+", advice)))
    check(named == workers, f"named {named}, the workers are {workers}: {done.stderr}")


def healthy(hangspy, pid):
    """A worker may still be starting, and load its modules; then it is idle."""
    return report_of(hangspy, str(pid))["verdict"] == "healthy"


def check_server(hangspy, python, server):
    with supervisor(python, server) as (pid, workers):
        check_refusal(hangspy, pid, workers)
        for worker in workers:
            poll(f"a healthy worker {worker}", SECONDS, lambda: healthy(hangspy, worker))
        others = set(children_of(pid)) - workers
        print(f"{server}: {WORKERS} workers named, {len(others)} other children not")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    hangspy = parser.parse_args().hangspy

    def test():
        python = some_python()
        for server in SERVERS:
            check_server(hangspy, python, server)

    return exit_code_of(test)


if __name__ == "__main__":
    raise SystemExit(main())
