"""Answers the reading tools of the registry. Looks only: at the supervisors, the logs, the journal and the machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsagent.answering.answer import Answer
from opsagent.answering.ground import Ground
from opsagent.answering.host import host_metrics
from opsagent.answering.past import recall_incidents
from opsagent.answering.process import describe_process
from opsagent.answering.processes import list_processes
from opsagent.answering.search import search_logs
from opsagent.answering.tail import tail_logs
from opsagent.answering.words import Say
from opsagent.running import Running, look, read_config
from opsagent.telling.words import Words
from opsagent_tools.redact import redact, redact_data

if TYPE_CHECKING:
    from opsagent.commands.reading import CommandStep, Language
    from opsagent.home import Home

_TOOLS: Mapping[str, Callable[[CommandStep, Ground], Answer]] = {
    "list_processes": list_processes,
    "describe_process": describe_process,
    "tail_logs": tail_logs,
    "search_logs": search_logs,
    "recall_incidents": recall_incidents,
    "host_metrics": host_metrics,
}
"""One function for each of `opsagent_tools.registry.READING` (a test compares them)."""


class Answers:
    """Answers questions about one home. Without `running` each answer looks anew at what runs."""

    def __init__(
        self,
        home: Home,
        running: Running | None = None,
        daemon: Mapping[str, Any] | None = None,
        *,
        zone: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`zone`: IANA name of the person's; None: that of the configuration, else the machine's."""
        self._home = home
        self._running = running
        self._daemon = daemon
        self._zone = zone
        self._clock = clock

    async def answer(self, step: CommandStep, language: Language = "en") -> Answer:
        """Return the answer to one reading step, in that language.

        Raises UnknownService for a target that there is not; ValueError for a tool that does not read, or an argument
        that cannot be used.
        """
        return await asyncio.to_thread(self.answer_now, step, language)

    def answer_now(self, step: CommandStep, language: Language = "en") -> Answer:
        """Return the same, blocking: a moment, some seconds where a supervisor is slow."""
        tool = _TOOLS.get(str(step.tool))
        if tool is None:
            raise ValueError(f"{step.tool} is no tool that reads")
        found = tool(step, self._ground(language))
        headline, lines = redact(found.headline), tuple(redact(line) for line in found.lines)
        data = {"headline": headline, "said": list(lines), **redact_data(dict(found.data))}
        return replace(found, data=data, headline=headline, lines=lines)

    def _ground(self, language: Language) -> Ground:
        running, daemon = self._running, self._daemon
        if running is None:
            from opsagent.api.ask import status

            daemon = status(self._home)
            running = look(self._home, daemon=daemon)
        words = Words(language, self._zone or self._configured_zone())
        return Ground(home=self._home, running=running, daemon=daemon, say=Say(words), now=self._clock())

    def _configured_zone(self) -> str:
        from opsagent.notify_settings import Notify

        config = read_config(self._home)
        return (Notify() if isinstance(config, str) else config.notify).local_zone
