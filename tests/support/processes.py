"""Finding the processes that a test left behind. Reads process tables only; ends what it is told to end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress

import psutil

_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver", "tests.support.forked")


def mentioning(needles: Iterable[str]) -> list[psutil.Process]:
    """Return the live processes whose environment, command line or working directory names one of `needles`."""
    wanted = tuple(needles)
    found = _mentioning_on_linux(wanted) if sys.platform == "linux" else psutil.process_iter()
    return [process for process in found if process.pid != os.getpid() and _mentions(process, wanted)]


def _mentioning_on_linux(needles: tuple[str, ...]) -> Iterator[psutil.Process]:
    """All processes are looked at after each of thousands of tests: what they have is searched as the kernel tells it."""
    wanted = [os.fsencode(needle) for needle in needles]
    for folder in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208  # it takes half the time
        told = b""
        with suppress(OSError):  # gone, or another user's: that is none of ours
            for name in ("environ", "cmdline"):
                with open(f"/proc/{folder}/{name}", "rb", buffering=0) as file:  # noqa: PTH123
                    told += file.read()
            told += os.fsencode(os.readlink(f"/proc/{folder}/cwd"))  # noqa: PTH115
        if any(needle in told for needle in wanted):
            with suppress(psutil.Error):
                yield psutil.Process(int(folder))


def descendants() -> list[psutil.Process]:
    """Return the live descendants of this process, the interpreter's own helpers and the process that forks apart."""
    return [process for process in psutil.Process().children(recursive=True) if _counts(process)]


def _mentions(process: psutil.Process, needles: tuple[str, ...]) -> bool:
    try:
        if not _counts(process):
            return False
        texts = [process.cwd(), *process.cmdline(), *process.environ().values()]
    except (psutil.Error, OSError):
        return False
    return any(needle in text for needle in needles for text in texts)


def _counts(process: psutil.Process) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return not any(helper in argument for argument in process.cmdline() for helper in _HELPERS)
    except psutil.Error:
        return False


def describe(processes: Iterable[psutil.Process]) -> str:
    """Return one line per process: pid and command line."""
    lines = []
    for process in processes:
        try:
            lines.append(f"  {process.pid}: {' '.join(process.cmdline())[:160]}")
        except psutil.Error:
            continue
    return "\n".join(lines)


def end(processes: Iterable[psutil.Process]) -> None:
    """Kill these processes and wait until they are gone."""
    doomed = list(processes)
    for process in doomed:
        try:
            process.kill()
        except psutil.Error:
            continue
    psutil.wait_procs(doomed, timeout=5)
