"""The source of a service, as text and never run: its script and the files of its own that the script loads, bounded.

Only files of the user who looks are read, and nothing below `node_modules`, `site-packages` or outside the folder of the
service. Comments are blanked, so that a line keeps its number.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_tools.files import UnsafeFile
from opsagent_tools.trust import open_owned
from opsagent_tools.units import UnitSetup

_MOST_FILES = 60
_MOST_BYTES = 1024 * 1024
"""Of one file; a longer one is read as far as that."""
_MOST_TOGETHER = 8 * 1024 * 1024
_ENDINGS = ("", ".js", ".mjs", ".cjs", ".ts", "/index.js", "/index.mjs", "/index.cjs", "/index.ts")
_NODE = frozenset({".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"})
_FOREIGN = frozenset({"node_modules", "site-packages", "dist-packages"})

_JS_QUOTED = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`"
_JS_COMMENTS = re.compile(rf"(?P<code>{_JS_QUOTED})|(?<!\\)/\*.*?\*/|(?<![:\\])//[^\n]*", re.DOTALL)
"""What is quoted is code: `'*/*'` and `'/api/*'` begin no comment."""
_PY_COMMENTS = re.compile(r"(?m)(?P<code>\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')|(?:(?<=\s)|^)#[^\n]*")
_JS_LOADS = re.compile(
    r"""(?:\brequire|\bimport)\s*\(\s*['"](\.{1,2}/[^'"]+)['"]|\bfrom\s*['"](\.{1,2}/[^'"]+)['"]|\bimport\s*['"](\.{1,2}/[^'"]+)['"]"""
)
_PY_LOADS = re.compile(r"(?m)^\s*(?:from\s+(\.{0,2}[\w.]*)\s+import|import\s+([\w.]+))")
_PY_APP = re.compile(r"([A-Za-z_][\w.]*):[A-Za-z_]\w*(?:\(\))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file."""

    path: Path
    text: str = field(repr=False)
    """Comments are blanked."""

    def line_of(self, at: int) -> int:
        """Return the number of the line in which a place of the text is."""
        return self.text.count("\n", 0, at) + 1

    @property
    def is_node(self) -> bool:
        return self.path.suffix in _NODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Where something stands."""

    source: Source
    line: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What could be read of a service."""

    sources: tuple[Source, ...] = ()
    """The script itself first."""
    package: Mapping[str, object] = field(default_factory=dict)
    """The nearest `package.json`, parsed."""
    package_file: Path | None = None
    unread: str = ""
    """Why the script could not be read; empty where it could."""

    @property
    def text(self) -> str:
        """Return everything together."""
        return "\n".join(source.text for source in self.sources)

    def find(self, pattern: re.Pattern[str]) -> Hit | None:
        """Return the first place where a pattern stands."""
        return next(self.every(pattern), None)

    def every(self, pattern: re.Pattern[str]) -> Iterator[Hit]:
        """Yield every place where a pattern stands."""
        for source in self.sources:
            for match in pattern.finditer(source.text):
                yield Hit(source=source, line=source.line_of(match.start()), text=match[0])

    def loads(self, *packages: str) -> Hit | None:
        """Return where one of these packages is loaded."""
        names = "|".join(re.escape(name) for name in packages)
        pattern = rf"""(?:require\s*\(\s*|from\s*|import\s*\(?\s*)['"](?:{names})(?:/[^'"]*)?['"]"""
        return self.find(re.compile(pattern))


def read_project(setup: UnitSetup) -> Project:
    """Read the service's script and what it loads of its own. Never raises for what cannot be read: `unread` says why."""
    script = script_of(setup)
    if script is None:
        return Project(unread="which file it runs is not known")
    try:
        first = _read(script)
    except (OSError, UnsafeFile) as error:
        return Project(unread=str(error))
    package_file, package = _package(script)
    root = _root(script, package_file, setup.cwd)
    sources, waiting, together = {script: first}, [first], len(first.text)
    while waiting and len(sources) < _MOST_FILES and together < _MOST_TOGETHER:
        for path in _loaded_by(waiting.pop(0), root):
            if path in sources or len(sources) >= _MOST_FILES:
                continue
            try:
                sources[path] = _read(path)
            except (OSError, UnsafeFile):
                continue
            waiting.append(sources[path])
            together += len(sources[path].text)
    return Project(sources=tuple(sources.values()), package=package, package_file=package_file)


def script_of(setup: UnitSetup) -> Path | None:
    """Return the file that a service runs, by its setup, else by its command; None where that does not tell."""
    if setup.script is not None:
        return setup.script if setup.script.is_absolute() or setup.cwd is None else setup.cwd / setup.script
    for argument in setup.command[1:] if len(setup.command) > 1 else setup.command:
        if argument.startswith("-") or not argument:
            continue
        path = _below(setup.cwd, argument)
        if path.suffix in _NODE | {".py"} and path.is_file():
            return path
        app = _PY_APP.fullmatch(argument)
        if app is not None:
            module = _below(setup.cwd, app[1].replace(".", "/"))
            found = [one for one in (module.with_suffix(".py"), module / "__init__.py") if one.is_file()]
            if found:
                return found[0]
    return None


def _below(cwd: Path | None, argument: str) -> Path:
    return Path(argument) if cwd is None else cwd / argument


def _read(path: Path) -> Source:
    with os.fdopen(open_owned(path, os.geteuid()), "rb") as file:
        text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    return Source(path=path, text=without_comments(text, python=path.suffix == ".py"))


def without_comments(text: str, *, python: bool = False) -> str:
    """Return source with its comments blanked, each line at its number."""
    return (_PY_COMMENTS if python else _JS_COMMENTS).sub(_blanked, text)


def _blanked(match: re.Match[str]) -> str:
    if match["code"]:
        return match[0]
    return "\n" * match[0].count("\n") or " "


def _package(script: Path) -> tuple[Path | None, Mapping[str, object]]:
    for folder in script.parents:
        file = folder / "package.json"
        if not file.is_file():
            continue
        try:
            with os.fdopen(open_owned(file, os.geteuid()), "rb") as opened:
                found = json.loads(opened.read(_MOST_BYTES))
        except (OSError, UnsafeFile, ValueError, RecursionError):
            return file, {}
        return file, found if isinstance(found, dict) else {}
    return None, {}


def _root(script: Path, package_file: Path | None, cwd: Path | None) -> Path:
    """Return the folder outside which nothing is read."""
    if package_file is not None:
        return package_file.parent
    return cwd if cwd is not None and cwd in script.parents and len(cwd.parts) > 2 else script.parent


def _loaded_by(source: Source, root: Path) -> Iterator[Path]:
    for base in _bases(source, root):
        path = Path(os.path.normpath(base))
        if root not in path.parents or _FOREIGN & set(path.relative_to(root).parts):
            continue
        for candidate in _candidates(path, node=source.is_node):
            if candidate.suffix in _NODE | {".py"} and candidate.is_file():
                yield candidate
                break


def _candidates(path: Path, *, node: bool) -> list[Path]:
    """Return the files that a name may mean; TypeScript names what it becomes (`./server.js` is server.ts)."""
    found = [Path(f"{path}{ending}") for ending in (_ENDINGS if node else (".py", "/__init__.py"))]
    return [*found, path.with_suffix(path.suffix.replace("j", "t"))] if node and path.suffix else found


def _bases(source: Source, root: Path) -> Iterator[Path]:
    if source.is_node:
        for match in _JS_LOADS.finditer(source.text):
            yield source.path.parent / (match[1] or match[2] or match[3])
        return
    for match in _PY_LOADS.finditer(source.text):
        name = match[1] or match[2]
        dots = len(name) - len(name.lstrip("."))
        folder = source.path.parent if dots < 2 else source.path.parent.parent
        yield folder / name[dots:].replace(".", "/")
        if not dots:
            yield root / name.replace(".", "/")
