#!/usr/bin/env python3
"""Two tasks that wait for each other, in each way of waiting, and a timer that cancels one of them:
hangspy says that a timeout breaks the cycle just where it does. The program itself knows: it lets
its timers fire when it is told to, and says whether a task ended.
"""
import argparse

from harness import exit_code_of, not_tested, pythons, talking_child, wait_until_it_polls
from page_test import check, report_of

PYTHONS = ("shared-3.11", "shared-3.12", "shared-3.13")
WAYS = ("await", "gather", "wait_for", "shield", "wait")
TIMERS = ("cancel", "timeout", "above")
FAR = 86_400
PROGRAM = """
import asyncio, sys

async def await_(task):
    await task
async def gather(task):
    await asyncio.gather(task)
async def wait_for(task):
    await asyncio.wait_for(task, 86_400)
async def shield(task):
    await asyncio.shield(task)
async def wait(task):
    await asyncio.wait([task])

def fire(loop):
    for handle in list(loop._scheduled):
        loop.call_soon(handle._callback, *handle._args)

async def main(way, timer, far):
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    gate, told = loop.create_future(), asyncio.Event()
    tasks = []

    async def left():
        await gate
        await way(tasks[1])

    async def right():
        await gate
        async with asyncio.timeout(far if timer == "timeout" else None):
            await way(tasks[0])

    async def above():
        await tasks[0]

    tasks += [loop.create_task(left()), loop.create_task(right())]
    top = loop.create_task(above())
    gate.set_result(None)
    for _ in range(20):
        await asyncio.sleep(0)
    if timer != "timeout":
        loop.call_later(far, (top if timer == "above" else tasks[1]).cancel)
    loop.add_reader(0, told.set)
    print("waiting", flush=True)
    await told.wait()
    fire(loop)
    for _ in range(20):
        await asyncio.sleep(0)
    print("ended" if tasks[0].done() or tasks[1].done() else "hangs", flush=True)
    await loop.create_future()

way = {"await": await_}.get(sys.argv[1]) or globals()[sys.argv[1]]
asyncio.run(main(way, sys.argv[2], float(sys.argv[3])))
"""


def outcome(target):
    """What the program says once its timers have fired."""
    target.stdin.write(b"fire\n")
    target.stdin.flush()
    return target.stdout.readline().decode().strip()


def check_way(hangspy, python, way, timer):
    with talking_child([python, "-c", PROGRAM, way, timer, str(FAR)]) as target:
        wait_until_it_polls(target.pid)
        report = report_of(hangspy, str(target.pid))
        truth = {"ended": "timeout", "hangs": "none"}[outcome(target)]
        what = f"{way}, {timer}"
        said = (report["verdict"], report["certainty"], report["ending"])
        check(said == ("deadlock", "proven", truth), f"{what}: said {said}, and it is {truth}")
        return truth


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hangspy", required=True)
    options = parser.parse_args()

    def test():
        truths = set()
        for name in PYTHONS:
            if name in pythons.missing():
                not_tested(name)
                continue
            python = pythons.find(pythons.named(name))
            truths |= {check_way(options.hangspy, python, way, timer)
                       for way in WAYS for timer in TIMERS}
        check(truths in ({"timeout", "none"}, set()), f"the programs only ever said {truths}")
    return exit_code_of(test)


if __name__ == "__main__":
    raise SystemExit(main())
