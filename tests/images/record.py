#!/usr/bin/env python3
"""Records the memory images of this folder anew: record.py RECORD_IMAGE.

One archive a CPython, one image a page. Addresses and hashes are not randomised, so that what the
workers of one CPython have in common is compressed once.
"""
import ctypes
import io
import lzma
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))

import worker  # noqa: E402

ADDR_NO_RANDOMIZE = 0x0040000
MINORS = ("3.11", "3.12", "3.13")
DJANGO = ("ok", "slow-query", "stacked", "stacked-ok", "event", "bridge", "bridge-ok", "on-loop")
ASGI = ("gather", "wait-for")


def pages():
    for page in DJANGO:
        yield page, {}
    for page in ASGI:
        yield page, {"fixture": "asgi", "asgiref": "3.7.2"}


def without_places(image):
    """The same image with other folders: where this machine keeps things is nobody's business."""
    own = {
        worker.ROOT: b"/project",
        worker.pythons.BUILD.resolve().parent.parent: b"/build",
        pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")): b"/python",
    }
    for folder, other in own.items():
        place = bytes(folder)
        image = image.replace(place, other.ljust(len(place), b"-")[: len(place)])
    return image


def record(recorder, minor, folder):
    images = []
    for page, options in pages():
        path = pathlib.Path(folder, f"{minor}-{page}.image")
        print(path.name, flush=True)
        with worker.Worker(f"shared-{minor}", "uvicorn", page, **options) as started:
            subprocess.run([recorder, str(started.pid), path], check=True)
        path.write_bytes(without_places(path.read_bytes()))
        images.append(path)
    return images


def pack(images, archive):
    """The same bytes for the same images: no times, no owners."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in images:
            entry = tarfile.TarInfo(path.name)
            entry.size = path.stat().st_size
            tar.addfile(entry, io.BytesIO(path.read_bytes()))
    archive.write_bytes(lzma.compress(text.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def main():
    ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)
    own = worker.Worker._environment
    worker.Worker._environment = lambda self: {**own(self), "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory(prefix="hangspy-images-") as folder:
        for minor in MINORS:
            pack(record(sys.argv[1], minor, folder), HERE / f"cpython-{minor}.tar.xz")


if __name__ == "__main__":
    main()
