"""The check of `doctor` for chat models: whether those that are configured may be asked. Asks none of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from opsagent.cli.finding import Finding

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.model_settings import ModelSettings


def models(home: Home, settings: ModelSettings) -> Iterator[Finding]:
    """Yield what there is to say of the models that are configured; nothing where none is, since none is needed."""
    from opsagent.brain.orders import why_not

    for one in settings.models:
        why = why_not(home, settings, one)
        if why:
            yield Finding(about="model", level="note", detail=why, mend="see docs/models.md; none is needed")
        else:
            where = "elsewhere" if one.leaves else "on this machine"
            yield Finding(about="model", level="ok", detail=f"{one.name} may be asked, {where} (opsagent model)")
