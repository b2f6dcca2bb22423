"""Completion for the prompt: what `completing` knows, as prompt_toolkit takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from opsagent.chat.completing import Known, completions
from opsagent.views.terminal import one_line


class Suggesting(Completer):
    """Suggests verbs, names and ids as they are known now."""

    def __init__(self, known: Callable[[], Known]) -> None:
        self._known = known

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield what may follow what stands before the cursor."""
        asked = complete_event.completion_requested
        for one in completions(document.text_before_cursor, self._known(), asked=asked):
            yield Completion(one.text, start_position=-one.back, display_meta=one_line(one.about))
