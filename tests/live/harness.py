"""What the live tests share that need some CPython, whichever it is, and not each of them."""
import contextlib
import os
import pathlib
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "fixtures")]

import pythons  # noqa: E402
from page_test import SKIPPED, Wrong  # noqa: E402
from worker import POLLING, STATE_SECONDS, Failed, Settled, die_with_parent, poll  # noqa: E402

PREFERRED = "shared-3.12"
REPEATS = 5
UNTESTED = []


def some_python():
    """The name of a CPython that is here; raises Missing."""
    here = [each.name for each in pythons.listing() if each.name not in pythons.missing()]
    if not here:
        raise pythons.Missing("not one of the CPythons of tests/pythons.txt is here")
    return PREFERRED if PREFERRED in here else here[0]


def not_tested(what):
    """Said at once and again in the exit code, so that nothing is left out in silence."""
    print(f"NOT TESTED: {what}", flush=True)
    UNTESTED.append(what)


def exit_code_of(test):
    """1 for what is wrong; for what could not be tested 1 in CI, elsewhere ctest's skip."""
    try:
        test()
    except (Wrong, Failed, subprocess.TimeoutExpired) as wrong:
        print(f"WRONG: {wrong}")
        return 1
    except pythons.Missing as reason:
        not_tested(reason)
    if not UNTESTED:
        return 0
    return 1 if os.environ.get("CI") == "true" else SKIPPED


def end(process):
    """Ends a child by its own pid, and collects it."""
    process.kill()
    process.wait()


@contextlib.contextmanager
def child(command, **options):
    """A child that is ended on every way out, and by the kernel when this test is killed."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
    with subprocess.Popen(command, preexec_fn=die_with_parent, **quiet) as process:
        try:
            yield process
        finally:
            end(process)


@contextlib.contextmanager
def talking_child(command, **options):
    """A child that has written its first line (`first_line`), and has a pipe for its input."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with child(command, **pipes, **options) as process:
        process.first_line = process.stdout.readline()
        if not process.first_line:
            raise Failed(f"{command[0]} ended before it said a word")
        yield process


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                          **options)


def time_of(command):
    """The median of several runs, in seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.monotonic()
        with child(command, stdout=subprocess.DEVNULL) as process:
            # With a timeout Python would look whether it has ended only now and then.
            bound = threading.Timer(60, process.kill)
            bound.start()
            process.wait()
            bound.cancel()
        times.append(time.monotonic() - start)
    return sorted(times)[REPEATS // 2]


def statuses(pid):
    """The /proc status of each thread, by tid; without those that end meanwhile."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            lines = (task / "status").read_text().splitlines()
            found[int(task.name)] = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return found


def tracers(pid):
    return {int(status["TracerPid"]) for status in statuses(pid).values()} - {0}


def runs_free(pid):
    """No thread is stopped (T, t) and none has a tracer."""
    states = {status["State"][0] for status in statuses(pid).values()}
    return bool(states) and not states & {"T", "t"} and not tracers(pid)


def wait_until_it_polls(pid):
    """Until all threads of a program that runs one event loop sleep in its selector."""
    poll("a loop that sleeps", STATE_SECONDS, Settled(pid, dict.fromkeys(statuses(pid), POLLING)))


def run_counters(pid):
    """How often each thread was scheduled: the third field of schedstat."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found[int(task.name)] = int((task / "schedstat").read_text().split()[2])
    return found
