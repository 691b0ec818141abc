"""A healthy asyncio program of a given size, which lies still until its window is opened.

    target.py WATCH_LIBRARY WINDOW_FILE THREADS TASKS DEPTH

THREADS counts all threads of the process: the loop's, the watcher's, and those that wait for an
event. DEPTH is how many Python frames the last of these has. Prints `ready`, then waits for ever.
"""
import asyncio
import ctypes
import sys
import threading


def wait_at(depth, reached, event):
    if depth > 1:
        wait_at(depth - 1, reached, event)
    else:
        reached.release()
        event.wait()


async def suspended(future):
    await future


async def main(library, window, threads, tasks, depth):
    event, reached = threading.Event(), threading.Semaphore(0)
    depths = [1] * max(threads - 2, 0)
    depths[-1:] = [depth] * len(depths[-1:])
    for each in depths:
        threading.Thread(target=wait_at, args=(each, reached, event), daemon=True).start()
    for _ in depths:
        reached.acquire()
    future = asyncio.get_running_loop().create_future()
    kept = [asyncio.create_task(suspended(future)) for _ in range(tasks)]
    await asyncio.sleep(0)
    watch = ctypes.CDLL(library).watch
    threading.Thread(target=watch, args=(window.encode(),), name="watcher", daemon=True).start()
    print("ready", flush=True)
    await future
    return kept


if __name__ == "__main__":
    sys.setrecursionlimit(1_000_000)
    asyncio.run(main(*sys.argv[1:3], *map(int, sys.argv[3:6])))
