"""Runs a scenario's programs: in their folder, with their environment, for a limited time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LAST_WORDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """`inject`, `oracle` and `clear` of one scenario."""

    folder: Path
    env: Mapping[str, str]
    output: Path
    """What they print is appended here."""

    async def call(self, name: str, timeout_s: float) -> str:
        """Run one of them; return "" when it exited with 0, else in a few words what happened.

        The output goes to a file and not to a pipe, so that what `inject` leaves running holds nobody up.
        """
        with self.output.open("ab") as output:
            begun = output.tell()
            try:
                process = await asyncio.create_subprocess_exec(
                    str(self.folder / name),
                    cwd=self.folder,
                    env=dict(self.env),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except OSError as error:
                return f"{name} cannot be run ({error.strerror})"
        try:
            code = await asyncio.wait_for(process.wait(), timeout_s)
        except TimeoutError:
            return f"{name} took more than {timeout_s:g} s"
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return "" if code == 0 else f"{name} exited with {code}{self._last_words(begun)}"

    def _last_words(self, begun: int) -> str:
        with self.output.open("rb") as output:
            output.seek(begun)
            lines = output.read().decode("utf-8", "replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f": {said[:_LAST_WORDS]}" if said else ""
