"""What nothing else finds, a vision model may be asked for: once, and never for what is risky."""

from __future__ import annotations

import pytest

from opsagent_tools.gui import finding
from opsagent_tools.gui.fake import Control, FakeProgram, FakeScreens, FakeWindow
from opsagent_tools.gui.model import Box, Fingerprint, Gesture, Located, Look, NotLocated, Rung, Verb
from opsagent_tools.gui.port import Surface
from opsagent_tools.gui.procedure import RunReport, ScreenOutcome, ScreenProcedure, ScreenStep, WindowRule
from opsagent_tools.gui.replay import Allowed, Asked, replay

BUTTON = Box(100, 200, 100, 20)


@pytest.fixture(autouse=True)
def _what_is_missing_does_not_come_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_MAY_COME", frozenset[str]())


class NoSecrets:
    def fetch(self, name: str) -> str:
        raise KeyError(name)


async def played(drawn: str, wanted: Fingerprint, asked: list[Fingerprint]) -> tuple[RunReport, FakeProgram]:
    program = FakeProgram(windows=[FakeWindow("Export", [Control("go", "button", name=drawn, box=BUTTON)])])
    step = ScreenStep(gesture=Gesture(verb=Verb.CLICK), on=wanted)
    procedure = ScreenProcedure(name="export", window=WindowRule(program="form"), steps=(step,))

    async def last(fingerprint: Fingerprint, surface: Surface, look: Look) -> Located | NotLocated:
        asked.append(fingerprint)
        element = look.elements[0]
        return Located(
            point=element.box.center, box=element.box, rung=Rung.VISION, element=element, score=0.6, margin=0.0
        )

    async def guard(step: ScreenStep, at: Located | None, told: Asked) -> Allowed:
        return Allowed()

    report = await replay(procedure, FakeScreens(program), {}, guard=guard, secrets=NoSecrets(), last=last)
    return report, program


async def test_it_is_not_asked_where_the_target_is_found() -> None:
    asked: list[Fingerprint] = []
    report, _ = await played("Export", Fingerprint(role="button", name="Export"), asked)
    assert report.steps[0].rung is Rung.STRUCTURE
    assert not asked


async def test_what_it_names_is_used_once_and_proposed_as_a_better_fingerprint() -> None:
    asked: list[Fingerprint] = []
    report, program = await played("Ausgabe", Fingerprint(role="button", name="Export"), asked)
    assert report.outcome is ScreenOutcome.UNVERIFIED, report.why
    assert report.steps[0].rung is Rung.VISION
    assert [one.key for one in program.performed] == ["go"]
    assert len(asked) == 1
    assert report.steps[0].healed is not None
    assert report.steps[0].healed.name == "Ausgabe"


async def test_it_is_never_enough_for_what_is_risky() -> None:
    report, program = await played("Weg damit", Fingerprint(role="button", name="Delete all"), [])
    assert report.outcome in {ScreenOutcome.HALTED, ScreenOutcome.NEEDS_PERSON}
    assert not program.performed
