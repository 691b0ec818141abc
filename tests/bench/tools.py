"""The programs that are measured: hangspy, the floor, and the peers from the package registry."""
import dataclasses
import pathlib
import shutil
import subprocess
import sys

PINNED = pathlib.Path(__file__).resolve().parent / "peers.txt"


@dataclasses.dataclass(frozen=True)
class Tool:
    name: str
    command: tuple = ()  # {pid} stands for the target's
    version: tuple = ()  # the command that prints its version
    absent: str = ""  # why there is none
    ok: tuple = (0,)  # the exits of a run that did its work


def said_by(command):
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except OSError as reason:
        return str(reason)
    lines = (ran.stdout + ran.stderr).strip().splitlines()
    return lines[0] if lines else f"exit {ran.returncode}"


def install(folder):
    """A virtual environment with the pinned peers; why not, or an empty word."""
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
    stamp = folder / "stamp"
    if stamp.exists() and stamp.read_text() == PINNED.read_text():
        return ""
    steps = [[sys.executable, "-m", "venv", folder],
             [*pip, "--disable-pip-version-check", "-r", PINNED]]
    for step in steps:
        ran = subprocess.run(step, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            return (ran.stderr.strip().splitlines() or [f"exit {ran.returncode}"])[-1]
    stamp.write_text(PINNED.read_text())
    return ""


def packaged(name, arguments, folder, refusal):
    program = str(folder / "bin" / name)
    if not pathlib.Path(program).exists():
        return Tool(name, absent=f"cannot be installed: {refusal}")
    return Tool(name, (program, *arguments), (program, "--version"))


def gdb():
    found = shutil.which("gdb")
    if found is None:
        return Tool("gdb", absent="not installed")
    command = (found, "-batch", "-p", "{pid}", "-ex", "thread apply all bt")
    return Tool("gdb", command, (found, "--version"))


VERDICTS = (0, 1, 3, 4)


def floor(build):
    return Tool("floor", (str(build / "bench_floor"), "{pid}"))


def hangspy(build):
    program = str(build / "hangspy")
    return Tool("hangspy", (program, "{pid}", "--samples", "1", "--format", "json"),
                (program, "--version"), ok=VERDICTS)


def ours(build):
    """hangspy in its two modes that may stop a worker, and the floor."""
    auto = hangspy(build)
    always = Tool("hangspy --pause always", (*auto.command, "--pause", "always"), ok=VERDICTS)
    return [floor(build), auto, always]


def peers(build):
    folder = build / "bench" / "peers"
    folder.parent.mkdir(parents=True, exist_ok=True)
    refusal = install(folder)
    return [packaged("py-spy", ("dump", "--pid", "{pid}"), folder, refusal),
            packaged("pystack", ("remote", "{pid}"), folder, refusal),
            gdb()]
