#!/usr/bin/env python3
"""Holds the design's include table: which folder of src may include which.

A folder may include itself and what the table names. A public header belongs to the folder of the
same noun. In src/sync a read (K_read) may see memory and CPython; its twin (K_waits) may not.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEFORE = {}


def after(folder, *earlier):
    """`folder` may include these, and all that they may include."""
    BEFORE[folder] = set(earlier).union(*(BEFORE[each] for each in earlier)) if earlier else set()


after("result")
after("text", "result")
after("memory", "result")
after("elf", "text", "memory")
after("target", "elf")
after("sandbox", "target")
after("snapshot", "text")
after("native", "target", "snapshot")
after("python", "native")
after("graph", "text")
after("sync", "python", "graph")
after("diagnosis", "snapshot", "graph", "sync")
BEFORE["diagnosis"] = {"result", "text", "snapshot", "graph", "sync"}
BEFORE["session"] = BEFORE["diagnosis"] | BEFORE["python"] | {"python", "diagnosis"}
BEFORE["report"] = {"result", "text", "snapshot", "graph", "diagnosis"}
BEFORE["cli"] = BEFORE["session"] | {"session", "report", "sandbox"}

READ = BEFORE["python"] | {"python", "sync"}
WAITS = {"result", "text", "snapshot", "graph", "sync"}
# Headers that are not named like their folder.
PUBLIC = {"phrase": "text", "wait_graph": "graph", "account": "snapshot", "shared": "result"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def folder_of(path):
    """The folder that an included path belongs to, or None for a header beside the file."""
    if path.startswith("hangspy/"):
        noun = path.removeprefix("hangspy/").removesuffix(".hpp")
        return PUBLIC.get(noun, noun)
    return path.split("/")[0] if "/" in path else None


def allowed(folder, name):
    if folder == "sync" and ("_waits" in name or name == "waits.hpp"):
        return WAITS
    if folder == "sync":
        return READ
    return BEFORE[folder] | {folder}


def sources():
    for path in sorted((ROOT / "src").rglob("*.[ch]pp")):
        parts = path.relative_to(ROOT / "src").parts
        if len(parts) > 1 and "generator" not in parts:  # main.cpp may include all
            yield path, parts[0]
    for path in sorted((ROOT / "include").rglob("*.hpp")):
        yield path, folder_of("hangspy/" + path.name)


def main():
    wrong = []
    for path, folder in sources():
        if folder not in BEFORE:
            wrong.append(f"{path.relative_to(ROOT)}: folder {folder} is not in the table")
            continue
        for included in INCLUDE.findall(path.read_text()):
            other = folder_of(included)
            if other and other != folder and other not in allowed(folder, path.name):
                wrong.append(f"{path.relative_to(ROOT)}: {folder} may not include {included}")
    print("\n".join(wrong) or "every include is in the table")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
