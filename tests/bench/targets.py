"""Targets of the cases, and what the kernel says of them: threads that ran, pages that are there."""
import contextlib
import dataclasses
import mmap
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))

from harness import run_counters, talking_child  # noqa: E402

WINDOW_BYTES = 16
PAGE = mmap.PAGESIZE
PRESENT = bytes(each >> 7 for each in range(256))  # bit 63 of a pagemap entry, in its last byte


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    threads: int
    tasks: int
    depth: int


CASES = [
    Case("2 threads", 2, 0, 1),
    Case("51 threads", 51, 0, 1),
    Case("501 threads", 501, 0, 1),
    Case("30 tasks", 3, 30, 1),
    Case("100,000 tasks", 3, 100_000, 1),
    Case("200 frames", 3, 0, 200),
    Case("100,000 frames", 3, 0, 100_000),
]


@dataclasses.dataclass(frozen=True)
class Target:
    pid: int
    window: pathlib.Path


@contextlib.contextmanager
def running(case, python, build, folder, name):
    """One target of the case, ready; ended on every way out."""
    window = pathlib.Path(folder) / f"window-{name.replace(' ', '-')}"
    window.write_bytes(bytes(WINDOW_BYTES))
    size = map(str, (case.threads, case.tasks, case.depth))
    command = [python, HERE / "target.py", build / "bench_watch.so", window, *size]
    with talking_child(command) as process:
        yield Target(process.pid, window)


def mapped_ranges(pid):
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        begin, end = (int(word, 16) for word in line.split()[0].split("-"))
        if end < 1 << 63:  # not the kernel's own page
            yield begin, end


def present_pages(pid):
    """Pages with something mapped in, the shared page of zeroes too, which Rss does not count."""
    count = 0
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        for begin, end in mapped_ranges(pid):
            pagemap.seek(begin // PAGE * 8)
            entries = pagemap.read((end - begin) // PAGE * 8)
            count += sum(entries[7::8].translate(PRESENT))
    return count


def resident_kb(pid):
    """Rss as the page tables have it."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))


@dataclasses.dataclass(frozen=True)
class State:
    runs: dict
    pages: int
    resident_kb: int


def state_of(pid):
    return State(run_counters(pid), present_pages(pid), resident_kb(pid))


def difference(before, after):
    """How many threads ran, how many pages are there more, and kB of Rss more."""
    ran = sum(before.runs[tid] != after.runs.get(tid) for tid in before.runs)
    return {"ran": ran, "pages": after.pages - before.pages,
            "resident_kb": after.resident_kb - before.resident_kb}
