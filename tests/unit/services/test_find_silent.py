"""A service of a supervisor that does not answer is not called unknown for good."""

from __future__ import annotations

import pytest

from opsagent.cli.errors import Unclear
from opsagent.cli.hold import _seen
from opsagent.cli.services import find
from opsagent_tools.units import Unit, UnitId, UnitState


def test_a_name_that_is_not_known_may_be_of_a_supervisor_that_hangs() -> None:
    esc = Unit(id=UnitId.local("pm2", "esc-1"), state=UnitState.RUNNING)
    with pytest.raises(Unclear, match="no answer from supervisord"):
        find("esc", [esc], silent={"supervisord": "no answer"})
    with pytest.raises(Unclear, match="did you mean 'esc-1'"):
        find("esc", [esc])


def test_a_hold_goes_by_what_the_agent_saw_last_of_it() -> None:
    api, other = UnitId.local("pm2", "api"), UnitId.local("circus", "api")
    daemon = {"units": [{"id": str(api)}, {"id": str(other)}]}
    assert [unit.id for unit in _seen(daemon, {"pm2"})] == [api]
    assert _seen(None, {"pm2"}) == []
