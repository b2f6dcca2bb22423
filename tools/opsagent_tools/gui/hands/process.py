"""The process that pyautogui runs in, as `Hands` sees it: started when needed, ended when it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from opsagent_tools.gui.hands.errors import KINDS, Unfinished
from opsagent_tools.gui.port import NotUsable, ScreenError
from opsagent_tools.patience import within

_PER_CHAR_S = 0.05
_START_S = 15.0
_LINE_BYTES = 16 << 20
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONPATH", "VIRTUAL_ENV", "TMPDIR", "XDG_RUNTIME_DIR")


class Worker:
    """One process, one question at a time, JSON lines over its standard input and output."""

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        private: bool,
        patience_s: float,
        module: str = "opsagent_tools.gui.hands.worker",
    ) -> None:
        self._env = {**{name: os.environ[name] for name in _PASSED_ON if name in os.environ}, **env}
        self._private = private
        self._patience_s = patience_s
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._was_ended = False

    async def ask(self, what: str, *, for_chars: int = 0, **details: Any) -> dict[str, Any]:
        """Return the answer. What has begun is ended even if the caller is cancelled; the next one waits for that."""
        return await asyncio.shield(asyncio.ensure_future(self._in_turn(what, for_chars, details)))

    async def close(self) -> None:
        """End it gently; by force where it does not answer."""
        async with self._turn:
            if self._process is None:
                return
            with contextlib.suppress(OSError, RuntimeError):
                assert self._process.stdin is not None
                self._process.stdin.close()  # it lets go of the keys and ends
            with contextlib.suppress(TimeoutError):
                await within(self._process.wait(), self._patience_s)
            await self._end()

    async def _in_turn(self, what: str, for_chars: int, details: Mapping[str, Any]) -> dict[str, Any]:
        async with self._turn:
            process = await self._started()
            patience_s = self._patience_s + for_chars * _PER_CHAR_S
            try:
                answer = await within(_exchange(process, {"do": what, **details}), patience_s)
            except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError) as error:
                await self._end()
                self._was_ended = True
                why = "the X server does not answer" if isinstance(error, TimeoutError) else "the hands' process ended"
                raise Unfinished(f"{why}: how far “{what}” came is not known") from None
        if "error" in answer:
            raise KINDS.get(answer["error"], ScreenError)(answer["why"])
        return answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", self._module,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env=self._env, limit=_LINE_BYTES, start_new_session=True,
        )  # fmt: skip
        first = {"private": self._private, "after_a_fall": self._was_ended}
        try:
            answer = await within(_exchange(self._process, first), _START_S)
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            await self._end()
            why = "does not answer" if isinstance(error, TimeoutError) else "cannot be reached"
            raise ScreenError(f"the X server of display {self._env['DISPLAY']} {why}; nothing was done") from None
        if "error" in answer:
            await self._end()
            raise KINDS.get(answer["error"], NotUsable)(answer["why"])
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()


async def _exchange(process: asyncio.subprocess.Process, question: Mapping[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(question).encode() + b"\n")
    await process.stdin.drain()
    answer: dict[str, Any] = json.loads(await process.stdout.readuntil(b"\n"))
    return answer
