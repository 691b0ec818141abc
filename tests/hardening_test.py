#!/usr/bin/env python3
"""Reads from the program itself that it was built hardened: hardening_test.py HANGSPY."""
import re
import subprocess
import sys


def readelf(program, *options):
    command = ["readelf", "--wide", *options, program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def properties(program):
    """What must hold, and whether it does."""
    header, segments = readelf(program, "-h"), readelf(program, "-l")
    dynamic, symbols = readelf(program, "-d"), readelf(program, "--dyn-syms")
    code = subprocess.run(["objdump", "--disassemble=main", program], capture_output=True,
                          text=True, check=True).stdout
    stack = re.search(r"GNU_STACK .* (\S*) +0x\w+$", segments, re.M)
    return {
        "PIE": bool(re.search(r"Type: +DYN", header)) and "Flags: NOW PIE" in dynamic,
        "RELRO": "GNU_RELRO" in segments,
        "BIND_NOW": bool(re.search(r"\(FLAGS\) +BIND_NOW", dynamic)),
        "a stack that is not executable": bool(stack) and "E" not in stack[1],
        "no segment that is writable and executable": not re.search(r"LOAD .* RWE ", segments),
        "fortified calls": bool(re.search(r"\b__(?!stack)\w+_chk\b", symbols)),
        "stack protector": "__stack_chk_fail" in symbols,
        "control flow protection": "endbr64" in code,
        "no path to look for libraries in": not re.search(r"\((RPATH|RUNPATH)\)", dynamic),
    }


def main():
    missing = [name for name, holds in properties(sys.argv[1]).items() if not holds]
    print("missing:" if missing else "hardened", *missing, sep="\n  ")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
