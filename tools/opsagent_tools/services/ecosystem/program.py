"""What is started for an app: its script, with the interpreter that PM2 would take, and no shell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong
from opsagent_tools.services.words import NeedsShell, split_words

_BY_SUFFIX = {
    ".sh": "bash", ".py": "python", ".rb": "ruby", ".php": "php", ".pl": "perl", ".js": "node", ".mjs": "node",
    ".cjs": "node", ".coffee": "coffee", ".ls": "lsc", ".ts": "bun", ".tsx": "bun",
}  # fmt: skip
_TEXT_BYTES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an app says of its program."""

    script: str
    cwd: Path
    args: tuple[str, ...] = ()
    interpreter: str = ""
    interpreter_args: tuple[str, ...] = ()
    source_maps: bool = True
    variables: Mapping[str, str]
    """Its own variables: what `$NAME` in a command line means, and where programs are looked for (PATH)."""

    @property
    def path(self) -> str | None:
        return self.variables.get("PATH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start."""

    command: tuple[str, ...]
    is_node: bool


def program_of(asked: Asked) -> Program:
    """Return the command of an app. Raises Wrong, whose key is the app's key."""
    if asked.script == "serve":
        mend = "serve the folder with a web server of its own"
        raise Wrong("is PM2's own file server, which is not here", mend, "script")
    file = fields.path(asked.script, asked.cwd)
    if os.path.isfile(file):  # noqa: PTH113  # unlike Path's, it takes any name
        return _of_file(asked, file)
    if len(asked.script.split()) > 1:
        return _of_command_line(asked)
    found = shutil.which(asked.script, path=asked.path) if "/" not in asked.script else None
    if found is None:
        problem = f"{asked.script!r} is no file in {asked.cwd}, nor a program"
        raise Wrong(problem, "correct script or cwd, or put it there", "script")
    if asked.interpreter in ("", "none"):
        _refuse_arguments_for_nobody(asked)
        return Program(command=(asked.script, *asked.args), is_node=_is_node(asked.script))
    return _interpreted(asked, asked.interpreter, found)


def _of_file(asked: Asked, file: Path) -> Program:
    interpreter = asked.interpreter or _interpreter_of(asked, file)
    if interpreter != "none":
        return _interpreted(asked, interpreter, str(file))
    _refuse_arguments_for_nobody(asked)
    if not os.access(file, os.X_OK):
        raise Wrong(f"{file} may not be executed", f"chmod +x {file}, or name its interpreter", "script")
    return Program(command=(str(file), *asked.args), is_node=False)


def _of_command_line(asked: Asked) -> Program:
    if asked.args or asked.interpreter not in ("", "none"):
        problem = "is a whole command line, which goes with neither args nor an interpreter"
        raise Wrong(problem, "write its first word as script, and the rest as args", "script")
    try:
        command = split_words(asked.script, asked.variables)
    except NeedsShell as error:
        raise Wrong(str(error), error.mend, "script") from None
    _refuse_arguments_for_nobody(asked)
    return Program(command=command, is_node=_is_node(command[0]))


def _interpreted(asked: Asked, interpreter: str, script: str) -> Program:
    if "@" in interpreter and _is_node(interpreter.partition("@")[0]):
        raise Wrong(
            f"{interpreter!r} lets PM2 install a Node by nvm", "write the path of that node", "exec_interpreter"
        )
    if len(interpreter.split()) > 1 and shutil.which(interpreter, path=asked.path) is None:
        raise Wrong(f"{interpreter!r} is more than a program", "move the rest to interpreter_args", "exec_interpreter")
    name = str(fields.path(interpreter, asked.cwd)) if "/" in interpreter else interpreter
    if shutil.which(name, path=asked.path) is None:
        raise Wrong(f"there is no program {interpreter}", "install it, or name another", "exec_interpreter")
    is_node = _is_node(interpreter)
    own = ("--enable-source-maps",) if is_node and asked.source_maps else ()
    known = () if own and own[0] in asked.interpreter_args else own
    return Program(command=(name, *known, *asked.interpreter_args, script, *asked.args), is_node=is_node)


def _interpreter_of(asked: Asked, file: Path) -> str:
    found = _BY_SUFFIX.get(file.suffix)
    if found == "python" and shutil.which("python", path=asked.path) is None:
        return "python3"
    if found == "bun" and shutil.which("bun", path=asked.path) is None:
        raise Wrong(f"{file.name} is TypeScript, and there is no bun", "name its interpreter (tsx, ts-node)", "script")
    return found or ("none" if _runs_by_itself(file) else "node")


def _runs_by_itself(file: Path) -> bool:
    """Tell a binary, or a script that names its interpreter, from text that PM2 would give to node."""
    try:
        with file.open("rb") as opened:
            head = opened.read(_TEXT_BYTES)
    except OSError as error:
        raise Wrong(f"{file} cannot be read: {error.strerror}", "check its owner and its mode", "script") from None
    return head.startswith(b"#!") or b"\0" in head


def _is_node(program: str) -> bool:
    return Path(program).name in {"node", "nodejs"}


def _refuse_arguments_for_nobody(asked: Asked) -> None:
    if asked.interpreter_args:
        raise Wrong("are for an interpreter, and there is none", "move them to args", "node_args")
