"""The process that talks to chat models, and to nothing else: `python -m opsagent.brain.worker`.

It talks JSON lines with whoever started it (`opsagent.brain.process`), over standard input and output. The first line
says which models there are, with their keys, and which hosts may be reached; then each line is one question. It carries
out nothing: what its tools read is read by whoever started it. It ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from opsagent.wall import Wall

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class _Line:
    """The line to whoever asked. Tools may run side by side; a question and its answer belong together."""

    def __init__(self, said: IO[bytes], heard: IO[bytes]) -> None:
        self._said, self._heard = said, heard
        self._lock = threading.Lock()

    def say(self, message: Mapping[str, Any]) -> None:
        with self._lock:
            self._write(message)

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._write(message)
            return self._read()

    def order(self) -> dict[str, Any]:
        return self._read()

    def _write(self, message: Mapping[str, Any]) -> None:
        self._said.write(json.dumps(message, default=str).encode() + b"\n")
        self._said.flush()

    def _read(self) -> dict[str, Any]:
        line = self._heard.readline()
        if not line:
            os._exit(0)  # nobody is there any more
        answer: dict[str, Any] = json.loads(line)
        return answer


class _Parent:
    """Whoever asked, as the loop sees them."""

    def __init__(self, line: _Line, wall: Wall) -> None:
        self._line = line
        self._wall = wall
        self._size = 0

    def may_call(self, model: str) -> None:
        from opsagent.brain.loop import Stopped

        refused = str(self._line.ask({"kind": "may_call", "model": model})["why"])
        if refused:
            raise Stopped(refused)
        self._size = self._wall.size

    def called(self, *, ok: bool, why: str, tokens_in: int, tokens_out: int) -> None:
        refused = [what for what in self._wall.refused if not what.startswith("a program")]
        self._wall.refused.clear()
        if refused and not ok:
            why = f"it wants to reach {refused[0]}, which [model] does not name among its hosts"
        size = self._wall.size - self._size
        told = {"ok": ok, "why": why, "tokens_in": tokens_in, "tokens_out": tokens_out, "bytes": size}
        self._line.ask({"kind": "called", **told})

    def look(self, tool: str, args: Mapping[str, Any]) -> str:
        return str(self._line.ask({"kind": "look", "tool": tool, "args": dict(args)})["text"])

    def propose(self, args: Mapping[str, Any]) -> str:
        return str(self._line.ask({"kind": "propose", "args": dict(args)})["why"])


def _main() -> None:
    said = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no part of the talk
    line = _Line(said, sys.stdin.buffer)
    order = line.order()
    wall = Wall(order["hosts"])
    parent = _Parent(line, wall)
    models, missing = _models(order["models"], parent)
    wall.arm()
    line.say({"kind": "ready", "missing": missing, "models": len(models)})
    while True:
        question = line.order()
        last = threading.Timer(float(question["ends_s"]), os._exit, [1])
        last.daemon = True
        last.start()
        line.say({"kind": "over", **_asked(question, models, parent)})
        last.cancel()


def _models(orders: list[dict[str, Any]], parent: _Parent) -> tuple[list[BaseChatModel], list[dict[str, str]]]:
    """Return the models, and why some of them cannot be used."""
    try:
        from opsagent.brain.chat_model import made, warm
        from opsagent.brain.loop import Watcher
    except ImportError as error:
        return [], [{"name": str(one["name"]), "why": f"LangChain cannot be loaded: {error.name}"} for one in orders]
    found: list[BaseChatModel] = []
    missing: list[dict[str, str]] = []
    for one in orders:
        try:
            warm(str(one["provider"]))
            found.append(made(one, Watcher(parent, str(one["name"]))))
        except ImportError:
            missing.append(
                {"name": str(one["name"]), "why": f"needs a package: pip install 'opsagent[{one['extra']}]'"}
            )
        except Exception as error:  # noqa: BLE001  # libraries raise whatever they like of settings
            missing.append({"name": str(one["name"]), "why": f"cannot be set up ({type(error).__name__})"})
    return found, missing


def _asked(question: Mapping[str, Any], models: list[BaseChatModel], parent: _Parent) -> dict[str, Any]:
    from opsagent.brain.loop import ask

    return ask(question, models, parent)


if __name__ == "__main__":
    _main()
