#!/usr/bin/env python3
"""A real process that hangs, in which every name is chosen to break a terminal, a parser or a CI
runner: of its threads, tasks, functions, files, classes, modules, packages and words of its command
line. hangspy says what it says of any other, harmlessly, and no longer than on one screen.
"""
import argparse
import json
import re
import unicodedata

from harness import exit_code_of, pythons, run, some_python, statuses, talking_child
from page_test import MAX_COLUMNS, MAX_LINES, check
from worker import LOCKED, POLLING, is_in, poll, system_call

NAMES = {
    "every byte": "''.join(map(chr, range(256)))",
    "escapes": "'\\x1b[2J\\x1b]0;owned\\x07\\x9b31m'",
    "marks": "'\\u202eevil\\u2066\\u200b\\ufeff\\ud800\\udfff'",
    "commands": "'::error::owned\\n::set-output name=a::b'",
    "markup": "'</script><script>alert(1)</script>'",
    "a megabyte": "'x' * (1 << 20)",
    "a wide megabyte": "'\\U0001f600' * (1 << 20)",
}
# A name is cut after so many characters; in JSON each may take two escapes, "\\ud83d\\ude00". No
# name stands in a report more than twenty times here.
LONGEST_OUTPUT = 16_384 * 12 * 20
# One thread hangs in a lock, a loop turns in the main thread with a task that awaits an object.
HOSTILE = """
import asyncio, sys, threading, types
name = eval(sys.argv[1])
sys.argv = [name, name + ":app"]
def renamed(function):
    code = function.__code__
    no_zero = name.replace(chr(0), "") if sys.version_info < (3, 12) else name
    function.__code__ = code.replace(co_name=name, co_qualname=name, co_filename="/" + no_zero)
    return function
for package in ("django", "asgiref"):
    sys.modules[package] = types.ModuleType(package)
    sys.modules[package].__version__ = name
lock = threading.Lock()
@renamed
def twice():
    with lock:
        with lock:
            pass
class Awaited:
    def __await__(self):
        return (yield from asyncio.get_running_loop().create_future())
Awaited.__name__ = Awaited.__qualname__ = Awaited.__module__ = name.replace(chr(0), "").encode(
    "utf-8", "replace").decode()
@renamed
async def wait():
    await Awaited()
async def main():
    threading.Thread(target=twice, name=name, daemon=True).start()
    task = asyncio.create_task(wait(), name=name)
    print(flush=True)
    await task
asyncio.run(main())
"""


def check_harmless(what, words):
    """Nothing that acts on a terminal, and no line that is a command to a CI runner."""
    for each in set(words) - {"\n"}:
        check(unicodedata.category(each) not in ("Cc", "Cf", "Cs", "Zl", "Zp"),
              f"{what}: prints U+{ord(each):04X}")
    for line in words.splitlines():
        check(not line.lstrip().startswith("::"), f"{what}: a command: {line}")


def check_screen(what, words):
    lines = words.splitlines()
    check(len(lines) <= MAX_LINES, f"{what}: {len(lines)} lines")
    check(max(map(len, lines)) <= MAX_COLUMNS, f"{what}: a line too wide")


def check_names(hangspy, python, what, name):
    with talking_child([python, "-c", HOSTILE, name]) as target:
        def hangs():
            calls = [system_call(target.pid, tid) for tid in statuses(target.pid)]
            return any(is_in(LOCKED, call) for call in calls) and any(
                is_in(POLLING, call) for call in calls)

        poll("a process that hangs", 30, hangs)
        pid = str(target.pid)
        screen = run(hangspy, pid, "-vv")
        check(screen.returncode == 1, f"{what}: {screen.returncode} {screen.stderr[-500:]}")
        check_screen(what, screen.stdout)
        everything = run(hangspy, pid, "--all")
        as_json = run(hangspy, pid, "--all", "--format", "json", "--pause", "always")
        for words in (screen.stdout, screen.stderr, everything.stdout, as_json.stdout):
            check_harmless(what, words)
            check(len(words) < LONGEST_OUTPUT, f"{what}: {len(words)} characters")
        report = json.loads(as_json.stdout)
        check(report["verdict"] == "deadlock", f"{what}: said {report['verdict']}")
        named = [thread["name"] for thread in report["threads"] if thread["wait"] == "lock"]
        check(len(named) == 1, f"{what}: {len(named)} threads in a lock")
        if "megabyte" in what:
            check(re.search(r"… \(cut; \d+ characters\)$", named[0]), f"{what}: cut in silence")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hangspy", required=True)
    hangspy = parser.parse_args().hangspy

    def test():
        python = pythons.find(pythons.named(some_python()))
        for what, name in NAMES.items():
            check_names(hangspy, python, what, name)

    return exit_code_of(test)


if __name__ == "__main__":
    raise SystemExit(main())
