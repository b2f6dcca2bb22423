"""Which program a process is: its executable as the kernel knows it, and what an interpreter runs.

The executable is the kernel's word. What an interpreter runs is read from the command line, which a process may forge:
it tells one console from another among programs of the same user, and is never taken for more.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_READ_MOST = 1 << 17


@dataclass(frozen=True, slots=True)
class ProgramName:
    """What is known of a process that owns a window."""

    exe: str
    """Absolute path of its executable; empty where the kernel does not let us know."""
    name: str
    """What people call it: see `Window.program`."""
    uid: int
    """Effective user id; -1: unknown."""
    script: str = ""
    """What an interpreter runs, as a path where it is a file; empty for other programs."""
    scale: float = 1.0
    """Pixels of the screen per pixel as it counts them, by its environment and command line."""


NOBODY = ProgramName("", "", -1)
"""There is no such process, or it may not be looked at: such a window is never used."""


@dataclass(frozen=True, slots=True)
class _Interpreter:
    with_value: frozenset[str]
    """Options that take the next argument as their value."""
    inline: frozenset[str] = frozenset()
    """Options whose value is the program text itself: there is no script then."""
    module: frozenset[str] = frozenset()
    """Options whose value names what is run."""


def _options(with_value: str = "", inline: str = "", module: str = "") -> _Interpreter:
    return _Interpreter(frozenset(with_value.split()), frozenset(inline.split()), frozenset(module.split()))


_JAVA = _options(
    "-cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules --add-reads --add-exports "
    "--add-opens --limit-modules --patch-module --source --describe-module -d",
    module="-jar -m --module",
)
_INTERPRETERS = (
    (re.compile(r"javaw?"), _JAVA),
    (re.compile(r"(pythonw?|pypy)[\d.]*t?"), _options("-W -X --check-hash-based-pycs", "-c", "-m")),
    (re.compile(r"(wish|tclsh|itkwish|expect(k)?)[\d.]*"), _options("-encoding", "-c")),
    (re.compile(r"perl[\d.]*"), _options(inline="-e -E")),
    (re.compile(r"ruby[\d.]*"), _options("-I -r -C -E --encoding", "-e")),
    (re.compile(r"node(js)?"), _options("-r --require --import --loader", "-e --eval -p --print")),
    (re.compile(r"(ba|da|z|k|mk)?sh"), _options("-o -O --rcfile --init-file", "-c")),
    (re.compile(r"php[\d.]*"), _options("-c -d -z", "-r", "-f")),
    (re.compile(r"(gjs|gjs-console|guile|lua|luajit|mono|Rscript|electron)[\d.]*"), _options(inline="-e -c")),
)
_READ_BY = {
    "GDK_SCALE": re.compile(rb"/lib(gtk-[34]|gdk-3|awt_xawt)\.so"),
    "QT_SCALE_FACTOR": re.compile(rb"/libQt[56]Gui\.so"),
}
"""Variables that scale a program, and the libraries that read them: others do not care."""
_LAUNCHED_CLASS = re.compile(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*")


def program_of(pid: int) -> ProgramName:
    """Return what a process is; `NOBODY` where there is none."""
    if pid <= 0:
        return NOBODY
    folder = Path(f"/proc/{pid}")
    try:
        uid = _effective_uid(folder)
        exe = os.readlink(folder / "exe").removesuffix(" (deleted)")  # noqa: PTH115 (a path may end in anything)
        argv, env = _strings(folder / "cmdline"), _environment(folder)
    except PermissionError:
        return ProgramName("", "", uid)
    except (OSError, ValueError):
        return NOBODY
    script = script_of(exe, argv)
    name = _called(script) or Path(exe).name
    return ProgramName(exe, name, uid, _absolute(folder, script), scale_of(_heeded(folder, env), argv))


def script_of(exe: str, argv: Sequence[str]) -> str:
    """Return what an interpreter runs: a script's path, a jar's, a module or a class; empty: it is no interpreter."""
    name = Path(exe).name
    kind = next((kind for pattern, kind in _INTERPRETERS if pattern.fullmatch(name)), None)
    if kind is None:
        return ""
    words = iter(argv[1:])
    for word in words:
        option, _, value = word.partition("=")
        if word in kind.inline:
            return ""
        if option in kind.module:
            return value or next(words, "")
        if word in kind.with_value:
            next(words, None)
        elif word == "--":
            return next(words, "")
        elif not word.startswith(("-", "@")):
            return word if kind is not _JAVA or _LAUNCHED_CLASS.fullmatch(word) or word.endswith(".java") else ""
    return ""


def scale_of(env: Mapping[str, str], argv: Sequence[str]) -> float:
    """Return the scale that a program was told to draw in: GTK, Qt, Java and Chromium, each by its own way of saying it."""
    words = argv[0].split(" ") if len(argv) == 1 else argv  # Chromium joins its own
    for word in words:
        for said in ("--force-device-scale-factor=", "-Dsun.java2d.uiScale=", "-Dsun.java2d.uiScale.x="):
            if word.startswith(said):
                return _factor(word.removeprefix(said))
    for name in _READ_BY:
        if name in env:
            return _factor(env[name])
    return 1.0


def _factor(text: str) -> float:
    try:
        value = float(text.strip().removesuffix("x").removesuffix("dpi"))
    except ValueError:
        return 1.0
    return value if 0.25 <= value <= 8 else 1.0


def _called(script: str) -> str:
    """Return what people call a script, a jar, a module or a class."""
    name = script.rpartition("/")[2]
    return name.removesuffix(".jar")


def _effective_uid(folder: Path) -> int:
    """Return it from the status: the folder of a process that may not be dumped belongs to root whatever it runs as."""
    for line in (folder / "status").read_text(errors="replace").splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[2])
    raise ValueError("no Uid")


def _strings(path: Path) -> list[str]:
    with path.open("rb") as file:
        raw = file.read(_READ_MOST)
    return [os.fsdecode(word) for word in raw.split(b"\0")[:-1]]


def _heeded(folder: Path, env: Mapping[str, str]) -> Mapping[str, str]:
    """Return an environment without the variables that the program's toolkit does not read."""
    if not env.keys() & _READ_BY.keys():
        return env
    mapped = (folder / "maps").read_bytes()
    return {name: value for name, value in env.items() if name not in _READ_BY or _READ_BY[name].search(mapped)}


def _environment(folder: Path) -> dict[str, str]:
    pairs = (word.partition("=") for word in _strings(folder / "environ"))
    return {name: value for name, _, value in pairs}


def _absolute(folder: Path, script: str) -> str:
    """Return the path of a script that is a file below the process's folder; a class or a module as it is."""
    with contextlib.suppress(OSError):
        path = Path(os.readlink(folder / "cwd")) / script  # noqa: PTH115
        if script and path.is_file():
            return str(path)
    return script
