#!/usr/bin/python3
"""Proves that the fixtures do what the live tests take for granted.

The hangs hang, their twins end when what they wait for ends, and the truth names real lines.
Every page is tried on one CPython, the states alone on the others and on the other servers.
"""

import contextlib
import linecache
import os
import re
import select
import sys
import unittest

import worker
from worker import Worker, pythons


def first_present(*names):
    """The last name stands for itself: its absence is then reported test by test."""
    absent = pythons.missing()
    return next((name for name in names if name not in absent), names[-1])


MAIN_PYTHON = first_present("shared-3.12", "debian-3.11")
# On 3.11 wait_for makes a task of its own, so that all the nested shapes hang.
NESTED_PYTHON = first_present("shared-3.11", "debian-3.11")
# What a hang must outlast: several times every wait that would end by itself here.
HANG_SECONDS = 5
ANSWER_SECONDS = 20
SILENCE_SECONDS = 1
WAITING_LINE = re.compile(
    r"await |\.(result|wait|recv|sleep|execute)\("
    r"|(get_response|async_to_sync|ask_blocking|nap|run_report|result_of)\("
)
DEAD_WORKER = ("on-loop", "limit")
HANGS = ("stacked", "bridge", "event", *DEAD_WORKER)
BLOCKED = ("blocked", "blocked-socket", "on-loop-ok", "limit-ok")
# Each with the status of its answer once its wait is over.
TWINS = {
    "async-wait": 200,
    "stacked-ok": 200,
    "bridge-ok": 200,
    "on-loop-ok": 200,
    "limit-ok": 500,
    "blocked-socket": 200,
    "nested-ok": 200,
}
TIMED = {"slow-query": 200, "late-timeout": 504, "event-timer": 200, "blocked": 200}


def uses_other_fixture(page):
    return {"fixture": "asgi"} if page in worker.ASGI_PAGES and page != "ok" else {}


class Pages(unittest.TestCase):
    def setUp(self):
        self.servers = contextlib.ExitStack()
        self.addCleanup(self.servers.close)

    def start(self, page, python=MAIN_PYTHON, **options):
        try:
            started = self.servers.enter_context(Worker(python, page=page, **options))
        except pythons.Missing as reason:
            self.skipTest(f"{python}: {reason}")
        for place in started.truth["waits"]:
            line = linecache.getline(place["file"], place["line"])
            self.assertRegex(line, WAITING_LINE, place)
        return started

    def assert_silent(self, servers, seconds):
        requests = [server.request for server in servers]
        self.assertEqual(select.select(requests, [], [], seconds)[0], [])

    def test_hangs_hang(self):
        servers = [self.start(page) for page in HANGS]
        self.assert_silent(servers, HANG_SECONDS)
        for server in servers:
            expected = None if server.page in DEAD_WORKER else 200
            with self.subTest(server.page):
                self.assertEqual(server.get("/ok", SILENCE_SECONDS), expected)

    def test_nested_shapes_hang_on_old_asgiref(self):
        servers = [
            self.start(shape, NESTED_PYTHON, fixture="asgi", asgiref="3.7.2", limit=60)
            for shape in worker.SHAPES
        ]
        self.assert_silent(servers, HANG_SECONDS)
        for server in servers:
            self.assertEqual(server.get("/ok", SILENCE_SECONDS), 200)

    def test_nested_wait_for_breaks_at_its_deadline(self):
        server = self.start("wait-for", NESTED_PYTHON, fixture="asgi", asgiref="3.7.2", limit=2)
        self.assertEqual(server.answer(ANSWER_SECONDS), 200)

    def test_nested_shapes_run_on_new_asgiref(self):
        for shape in worker.SHAPES:
            server = self.start(shape, fixture="asgi", asgiref="3.8.1", seconds=1)
            self.assertEqual(server.answer(ANSWER_SECONDS), 200)

    def test_twins_end_with_their_input(self):
        for page, status in TWINS.items():
            with self.subTest(page):
                server = self.start(page, **uses_other_fixture(page))
                self.assertFalse(server.request_answered())
                answers = None if page in BLOCKED else 200
                self.assertEqual(server.get("/ok", SILENCE_SECONDS), answers)
                server.release()
                self.assertEqual(server.answer(ANSWER_SECONDS), status)
                self.assertEqual(server.get("/ok", ANSWER_SECONDS), 200)

    def test_timed_pages_end_by_themselves(self):
        for page, status in TIMED.items():
            with self.subTest(page):
                self.assertEqual(self.start(page, seconds=2).answer(ANSWER_SECONDS), status)

    def test_idle_worker_has_answered(self):
        self.assertEqual(self.start("ok").answer(ANSWER_SECONDS), 200)

    def test_other_servers(self):
        for server in ("daphne", "hypercorn"):
            for page in HANGS:
                with self.subTest(server=server, page=page):
                    self.start(page, server=server)

    def test_uvloop(self):
        for python in (MAIN_PYTHON, "shared-3.13"):
            for page in ("stacked", "bridge"):
                with self.subTest(python=python, page=page):
                    self.start(page, python, loop="uvloop")

    def test_stripped_library_is_the_one_in_use(self):
        server = self.start("ok", "stripped-3.12")
        with open(f"/proc/{server.pid}/maps") as maps:
            self.assertIn("/stripped-3.12/libpython", maps.read())

    def test_other_pythons(self):
        for python in pythons.listing():
            if python.name == MAIN_PYTHON:
                continue
            for page in HANGS:
                with self.subTest(python=python.name, page=page):
                    self.start(page, python.name)


def main():
    reasons = pythons.missing()
    for name, reason in reasons.items():
        print(f"not tested: {name}: {reason}", file=sys.stderr)
    if os.environ.get("CI") == "true" and reasons:
        return 1
    unittest.main()


if __name__ == "__main__":
    sys.exit(main())
