#!/usr/bin/python3
"""Runs a fixture's server until it is really in the state that a page brings it into.

`worker.py --python shared-3.12 --page stacked -- CMD {pid} {truth}` runs CMD meanwhile and
passes its exit code on; without CMD it prints both values and waits for Enter. A state counts
as reached when the fixture has written its truth and the kernel, asked several times, finds
the named threads in the system calls of that state. The server dies with the test.
"""

import argparse
import contextlib
import ctypes
import dataclasses
import fcntl
import http.client
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "fixtures"))
import pythons  # noqa: E402

START_SECONDS = 60
STATE_SECONDS = 30
POLL_SECONDS = 0.02
# So many looks in a row must find every thread at the very same instruction.
SETTLED_LOOKS = 5

# Numbers of x86-64, as /proc/PID/task/TID/syscall gives them.
READING = {"read": 0, "recvfrom": 45}
POLLING = {"epoll_wait": 232, "epoll_pwait": 281}
SLEEPING = {"clock_nanosleep": 230}
# Only a futex without a timeout: a thread that wants the GIL waits in a timed one.
LOCKED = {"futex": 202}
GONE = None
CALL_NAMES = {
    str(number): name
    for calls in (READING, POLLING, SLEEPING, LOCKED)
    for name, number in calls.items()
}


@dataclasses.dataclass(frozen=True)
class Page:
    """A page, and where the kernel finds the two threads once its state is reached."""

    lane: dict
    loop: dict
    path: str = ""
    answered: bool = False
    module: str = "shop.asgi"
    # What the service answers when the loop's thread has come to join the lane's.
    answer_at_join: str = ""
    # What release() makes the service answer.
    release: str = "11"


DJANGO_PAGES = {
    "ok": Page(lane=GONE, loop=POLLING, answered=True),
    "slow-query": Page(lane=SLEEPING, loop=POLLING, path="/slow-query?seconds={seconds}"),
    "async-wait": Page(lane=LOCKED, loop=POLLING),
    "late-timeout": Page(lane=SLEEPING, loop=POLLING, path="/late-timeout?seconds={seconds}"),
    "stacked": Page(lane=LOCKED, loop=POLLING),
    "stacked-ok": Page(lane=LOCKED, loop=POLLING),
    "event": Page(lane=LOCKED, loop=POLLING),
    "event-timer": Page(lane=LOCKED, loop=POLLING, path="/event-timer?seconds={seconds}"),
    "bridge": Page(lane=LOCKED, loop=POLLING),
    "bridge-ok": Page(lane=LOCKED, loop=POLLING),
    "on-loop": Page(lane=LOCKED, loop=LOCKED),
    "on-loop-ok": Page(lane=LOCKED, loop=LOCKED),
    "limit": Page(lane=LOCKED, loop=LOCKED, module="shop.limited_asgi", answer_at_join="go"),
    "limit-ok": Page(lane=READING, loop=LOCKED, module="shop.limited_asgi", release="refuse"),
    "blocked": Page(lane=LOCKED, loop=SLEEPING, path="/blocked?seconds={seconds}"),
    "blocked-socket": Page(lane=LOCKED, loop=READING, path="/blocked?how=socket"),
}
SHAPES = ("create-task", "gather", "shield", "wait-for")
ASGI_PAGES = {
    "ok": Page(lane=GONE, loop=POLLING, answered=True, module="app"),
    "nested-ok": Page(lane=LOCKED, loop=POLLING, module="app"),
}


def nested_page(shape, asgiref, minor):
    """wait_for makes a new task on CPython 3.11 only; asgiref 3.8 finds its thread anyway."""
    hangs = asgiref == "3.7.2" and (shape != "wait-for" or minor == "3.11")
    lane = LOCKED if hangs else SLEEPING
    path = "/" + shape + "?seconds={seconds}&limit={limit}"
    return Page(lane=lane, loop=POLLING, path=path, module="app")


def page_of(fixture, name, asgiref, minor):
    if fixture == "asgi" and name in SHAPES:
        return nested_page(name, asgiref, minor)
    return {"django": DJANGO_PAGES, "asgi": ASGI_PAGES}[fixture][name]


class Failed(Exception):
    """The state was not reached."""


def poll(what, seconds, attempt):
    """Calls `attempt` until it gives something; a deadline turns a hang into a failure."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = attempt()
        if result:
            return result
        time.sleep(POLL_SECONDS)
    raise Failed(f"{what}: not within {seconds} s")


def die_with_parent():
    """Run in the child before exec: the kernel ends it when the driver ends, however."""
    parent_death_signal = 1
    ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)


def system_call(pid, tid):
    """The line of /proc/PID/task/TID/syscall, or '' if there is no such thread (any more)."""
    try:
        return pathlib.Path(f"/proc/{pid}/task/{tid}/syscall").read_text().strip()
    except OSError:
        return ""


def listening_port(pid):
    """The TCP port on 127.0.0.1 at which the process listens by now, or None."""
    loopback, listening = "0100007F", "0A"
    try:
        descriptors = list(pathlib.Path(f"/proc/{pid}/fd").iterdir())
        own = {os.readlink(descriptor) for descriptor in descriptors}
    except OSError:
        return None
    for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_, inode = line.split()[:10]
        address, port = local.split(":")
        if address == loopback and state == listening and f"socket:[{inode}]" in own:
            return int(port, 16)
    return None


def is_in(calls, line):
    if calls is GONE:
        return line == ""
    words = line.split()
    if not words or not words[0].isdigit() or int(words[0]) not in calls.values():
        return False
    timeout = int(words[4], 16)
    return int(words[0]) != LOCKED["futex"] or timeout == 0


class Service:
    """The one service that the fixtures ask; it is silent until told what to answer."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.callers = []

    def accept(self):
        """The next caller's first line (its pid and tid), or None."""
        try:
            connection, _ = self.listener.accept()
        except BlockingIOError:
            return None
        connection.setblocking(True)
        connection.settimeout(STATE_SECONDS)
        self.callers.append(connection)
        return json.loads(connection.makefile("rb").readline())

    def answer(self, line):
        """Answers all who asked; the first may still be about to."""
        poll("a question to the service", STATE_SECONDS, lambda: self.accept() or self.callers)
        while self.accept():
            pass
        for connection in self.callers:
            connection.sendall(line.encode() + b"\n")
            connection.close()
        self.callers.clear()

    def close(self):
        for connection in (*self.callers, self.listener):
            connection.close()


class Worker:
    """A server in the state of one page, from __enter__ to __exit__."""

    def __init__(
        self,
        python_name,
        server="uvicorn",
        page="ok",
        loop="asyncio",
        fixture="django",
        asgiref="3.8.1",
        seconds=600,
        limit=600,
        request_limit=1,
        uid=None,
    ):
        self.python = pythons.named(python_name)
        self.server, self.loop, self.fixture, self.asgiref = server, loop, fixture, asgiref
        self.page = page
        self.expected = page_of(fixture, page, asgiref, self.python.minor)
        path = self.expected.path or f"/{page}"
        self.path = path.format(seconds=seconds, limit=limit)
        self._request_limit = request_limit
        self._uid = uid
        self.pid = self.truth = self.truth_path = self.port = None
        self._cleanup = contextlib.ExitStack()

    def __enter__(self):
        try:
            self._start()
            self.request = socket.create_connection(("127.0.0.1", self.port))
            self._cleanup.callback(self.request.close)
            self.request.sendall(
                f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
            )
            if self.expected.answer_at_join:
                self._answer_at_join()
            self.truth = poll("the fixture's truth", STATE_SECONDS, self._read_truth)
            self.pid = self.truth["pid"]
            if self.expected.answered:
                poll("the answer", STATE_SECONDS, self.request_answered)
            self.settle()
        except BaseException:
            self._report()
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        self._cleanup.close()

    def settle(self):
        """Waits until the threads of the page lie in the system calls that it ends in."""
        roles = {"loop_thread": self.expected.loop, "lane_thread": self.expected.lane}
        calls = {
            self.truth[role]["tid"]: awaited
            for role, awaited in roles.items()
            if self.truth[role]
        }
        poll("the awaited system calls", STATE_SECONDS, Settled(self.pid, calls))

    def request_answered(self):
        return bool(select.select([self.request], [], [], 0)[0])

    def answer(self, timeout):
        """The status of the page's own answer, or None if there was none in that time."""
        self.request.settimeout(timeout)
        try:
            head = self.request.recv(4096, socket.MSG_PEEK)
        except TimeoutError:
            return None
        return int(head.split()[1]) if head else None

    def get(self, path, timeout):
        """The status of another page of the same server, or None if it doesn't answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except TimeoutError:
            return None
        finally:
            connection.close()

    def release(self):
        """Lets the service answer, so that the wait of a healthy page ends."""
        self.service.answer(self.expected.release)

    def system_calls(self):
        """The name (or number) of the system call that each known thread is in."""
        found = {}
        for role in ("loop_thread", "lane_thread"):
            line = self.truth[role] and system_call(self.pid, self.truth[role]["tid"])
            if line:
                number = line.split()[0]
                found[role] = CALL_NAMES.get(number, number)
        return found

    def log(self):
        return self._log_path.read_text(errors="replace")

    def _start(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="hangspy-"))
        self._cleanup.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self.truth_path = self._folder / "truth.json"
        self._log_path = self._folder / "server.log"
        self.service = Service()
        self._cleanup.callback(self.service.close)
        packages = "django" if self.fixture == "django" else f"asgi-{self.asgiref}"
        interpreter = pythons.venv(self.python.name, packages)
        environment = self._environment()
        if self.fixture == "django":
            shutil.copy(template_database(interpreter, environment), self._folder / "db")
        as_user = []
        if self._uid is not None:
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, self._uid, self._uid)
            as_user = ["setpriv", f"--reuid={self._uid}", f"--regid={self._uid}", "--clear-groups",
                       "--pdeathsig=KILL"]
        with open(self._log_path, "wb") as log:
            self._process = subprocess.Popen(
                [*as_user, interpreter, *self._server_arguments()],
                env=environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        self._cleanup.callback(self._end)
        self.pid = self._process.pid
        self.port = poll("the server's port", START_SECONDS, self._open_port)

    def _environment(self):
        fixture = ROOT / "fixtures" / self.fixture
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{fixture}:{ROOT / 'fixtures' / 'common'}",
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "shop.settings",
            "SHOP_DATABASE": str(self._folder / "db"),
            "SHOP_SERVICE_PORT": str(self.service.port),
            "SHOP_REQUEST_LIMIT": str(self._request_limit),
            "HANGSPY_TRUTH": str(self.truth_path),
            "HANGSPY_PAGE": self.page.removesuffix("-socket"),
            **pythons.environment(self.python.name),
        }

    def _server_arguments(self):
        """Each server takes a free port itself; none makes a child process."""
        application = f"{self.expected.module}:application"
        return {
            "uvicorn": [
                *("-m", "uvicorn", application, "--host", "127.0.0.1", "--port", "0"),
                *("--loop", self.loop),
            ],
            "daphne": ["-m", "daphne", "-b", "127.0.0.1", "-p", "0", application],
            "hypercorn": [
                *("-m", "hypercorn", "-b", "127.0.0.1:0", "-w", "0", "-k", self.loop),
                application,
            ],
        }[self.server]

    def _open_port(self):
        if self._process.poll() is not None:
            raise Failed(f"the server ended with {self._process.returncode}")
        return listening_port(self.pid)

    def _answer_at_join(self):
        """Answers the lane's thread once the limit has struck: the loop's joins it."""
        caller = poll("the fixture's question", STATE_SECONDS, self.service.accept)
        main_thread = caller["pid"]
        calls = {main_thread: LOCKED, caller["tid"]: READING}
        poll("the join on the loop", STATE_SECONDS, Settled(caller["pid"], calls))
        self.service.answer(self.expected.answer_at_join)

    def _read_truth(self):
        if not self.truth_path.exists():
            return None
        return json.loads(self.truth_path.read_text())

    def _report(self):
        """Says on standard error what is known, because the folder goes away."""
        if self.pid is None:
            return
        print(self.log(), file=sys.stderr)
        for thread in pathlib.Path("/proc", str(self.pid), "task").glob("*"):
            print(thread.name, system_call(self.pid, thread.name), file=sys.stderr)

    def _end(self):
        self._process.kill()
        self._process.wait()


class Settled:
    """True when each thread was found in its call, unmoved, at several looks in a row."""

    def __init__(self, pid, calls):
        self.pid, self.calls = pid, calls
        self.before, self.same = None, 0

    def __call__(self):
        lines = {tid: system_call(self.pid, tid) for tid in self.calls}
        if not all(is_in(calls, lines[tid]) for tid, calls in self.calls.items()):
            self.before, self.same = None, 0
            return False
        self.same = self.same + 1 if lines == self.before else 1
        self.before = lines
        return self.same >= SETTLED_LOOKS


def template_database(interpreter, environment):
    """The migrated database that each server gets a copy of; made once."""
    template = pythons.BUILD / "shop.sqlite3"
    migrations = ROOT / "fixtures" / "django" / "shop" / "migrations" / "0001_initial.py"
    with open(pythons.BUILD / "shop.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists() or template.stat().st_mtime < migrations.stat().st_mtime:
            partial = template.with_suffix(".partial")
            partial.unlink(missing_ok=True)
            manage = ROOT / "fixtures" / "django" / "manage.py"
            subprocess.run(
                [interpreter, manage, "migrate", "--verbosity", "0"],
                env={**environment, "SHOP_DATABASE": str(partial)},
                check=True,
            )
            partial.rename(template)
    return template


def run_command(worker, command):
    values = {"{pid}": str(worker.pid), "{truth}": str(worker.truth_path)}
    for placeholder, value in values.items():
        command = [word.replace(placeholder, value) for word in command]
    return subprocess.run(command).returncode


def wait_for_enter(worker):
    print(f"pid {worker.pid}", f"truth {worker.truth_path}", f"port {worker.port}", sep="\n")
    for role, call in worker.system_calls().items():
        print(role, worker.truth[role]["tid"], call)
    print("Enter ends the server.", flush=True)
    sys.stdin.readline()
    return 0


def parsed_arguments(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default="shared-3.12", dest="python_name")
    servers = ("uvicorn", "daphne", "hypercorn")
    parser.add_argument("--server", default="uvicorn", choices=servers)
    parser.add_argument("--page", required=True)
    parser.add_argument("--loop", default="asyncio", choices=("asyncio", "uvloop"))
    parser.add_argument("--fixture", default="django", choices=("django", "asgi"))
    parser.add_argument("--asgiref", default="3.8.1", choices=("3.7.2", "3.8.1"))
    parser.add_argument("--seconds", type=float, default=600, help="of a query, nap or timer")
    parser.add_argument("--limit", type=float, default=600, help="of wait_for in fixtures/asgi")
    own, command = words, []
    if "--" in words:
        cut = words.index("--")
        own, command = words[:cut], words[cut + 1:]
    return vars(parser.parse_args(own)), command


def main():
    # SIGTERM as an exception, so that the server is ended on that way out too.
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))
    arguments, command = parsed_arguments(sys.argv[1:])
    try:
        with Worker(**arguments) as worker:
            return run_command(worker, command) if command else wait_for_enter(worker)
    except (Failed, pythons.Missing) as reason:
        print(f"worker.py: {reason}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
