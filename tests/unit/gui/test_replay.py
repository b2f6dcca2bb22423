"""Procedures played on scripted programs: what is done, what is not, and how a run ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from opsagent_tools.gui import awaiting, playing
from opsagent_tools.gui.fake import Control, FakeProgram, FakeScreens, FakeSurface, FakeWindow
from opsagent_tools.gui.model import Box, Fingerprint, Gesture, Located, Look, Rung, SurfaceKind, Verb
from opsagent_tools.gui.port import ScreenError, Stale, SurfaceGone, Unfinished
from opsagent_tools.gui.procedure import RunReport, ScreenOutcome, ScreenProcedure, ScreenStep, StepReport
from opsagent_tools.gui.procedure_files import read_procedure, write_procedure
from opsagent_tools.gui.replay import Allowed, Asked, NotAllowed, replay

EDIT = frozenset({"visible", "enabled", "editable"})


def form() -> FakeProgram:
    controls = []
    for number, label in enumerate(("Name", "Street", "Town")):
        top = 10 + 40 * number
        controls.append(Control(f"{label}.label", "label", f"{label}:", box=Box(10, top + 4, 80, 20)))
        controls.append(Control(label, "text field", "", label, "", Box(100, top, 300, 28), None, EDIT))
    controls.append(Control("pin", "password field", "", "PIN", "", Box(100, 130, 300, 28), None, EDIT | {"secret"}))
    controls.append(Control("keep", "check box", "Keep", box=Box(10, 170, 80, 20)))
    controls.append(Control("save", "button", "Save", box=Box(10, 200, 80, 28)))
    controls.append(Control("delete", "button", "Delete", box=Box(200, 200, 80, 28)))
    return FakeProgram([FakeWindow("Form", controls)], reactions={"save": saved})


def saved(program: FakeProgram) -> None:
    program.later(
        2, lambda now: now.windows[0].controls.append(Control("told", "label", "Saved", box=Box(10, 300, 80, 20)))
    )


def procedure(steps: str, more: str = "") -> ScreenProcedure:
    text = "name: demo\nwindow: {program: form}\n" + dedent(more) + "steps:\n" + dedent(steps)
    return read_procedure(text)


@dataclass
class Run:
    """A run of a procedure on a program, with all that was asked and told."""

    program: FakeProgram = field(default_factory=form)
    screens: FakeScreens | None = None
    known: Mapping[str, str] = field(default_factory=lambda: {"pin": "hunter-two"})
    answers: dict[int, NotAllowed] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    told: list[StepReport] = field(default_factory=list)
    stopped: str = ""
    refused: str = ""
    """What the guard does not allow, where a risk names it."""
    meanwhile: Callable[[], None] = lambda: None
    """What happens while the guard thinks."""

    def fetch(self, name: str) -> str:
        return self.known[name]

    async def guard(self, step: ScreenStep, at: Located | None, asked: Asked) -> Allowed | NotAllowed:
        assert step.gesture.verb is not Verb.WAIT
        assert (at is None) == (step.on is None)
        self.asked.append(asked)
        self.meanwhile()
        if self.refused and self.refused in asked.risk:
            return NotAllowed(f"nobody allowed {self.refused}")
        return self.answers.get(asked.number, Allowed())

    async def tell(self, report: StepReport) -> None:
        self.told.append(report)

    async def replayed(self, what: ScreenProcedure, **values: str) -> RunReport:
        screens = self.screens or FakeScreens(self.program)
        screens.secrets = self
        report = await replay(
            what, screens, values, guard=self.guard, secrets=self, tell=self.tell, stop=lambda: self.stopped
        )
        assert report.steps == tuple(self.told)
        assert "hunter-two" not in repr(report)
        return report

    def play(self, what: ScreenProcedure, **values: str) -> RunReport:
        return asyncio.run(self.replayed(what, **values))

    @property
    def done(self) -> list[tuple[str, str | None, str]]:
        return [(one.verb.value, one.key, one.text) for one in self.program.performed]


WHOLE = """
- type: "{who}"
  on: text field labelled "Name"
- click: check box "Keep"
  expect: {checked: true}
- click: button "Save"
  expect: Saved
"""
WHO = "parameters: {who: {example: Ada}}\n"


def test_all_steps_are_done_on_what_is_meant_and_read_back() -> None:
    run = Run()
    report = run.play(procedure(WHOLE, WHO), who="Ada {x}")
    assert report.outcome is ScreenOutcome.UNVERIFIED  # it names no effect
    assert run.done == [("type", "Name", "Ada {x}"), ("click", "keep", ""), ("click", "save", "")]
    assert report.values == {"1": "Ada {x}"}
    assert report.halted_at is None
    assert len(report.strip) == 3
    assert [one.text for one in run.asked] == [
        "type “Ada {x}” into text field “Name”",
        "click check box “Keep”",
        "click button “Save”",
    ]
    assert all(one.done and one.score > 0.5 and one.margin > 0 and one.before and one.after for one in report.steps)


def test_an_effect_outside_the_screen_verifies(tmp_path: Path) -> None:
    run, path = Run(), tmp_path / "Ada.txt"

    def written(_: FakeProgram) -> None:
        path.write_text("done: yes")

    run.program.reactions["save"] = written
    effects = WHO + f"effects: [{{file: '{tmp_path}/{{who}}.txt', contains: 'done: yes', within_s: 1}}]\n"
    steps = '- click: button "Save"\n'
    assert run.play(procedure(steps, effects), who="Ada").outcome is ScreenOutcome.VERIFIED
    again = Run(program=form())
    again.program.reactions.clear()
    report = again.play(procedure(steps, effects.replace("within_s: 1", "within_s: 0.1")), who="Ada")
    assert report.outcome is ScreenOutcome.UNVERIFIED  # the file is there, but was not written by this run
    assert "Ada.txt" in report.why


def test_it_halts_before_what_it_does_not_find_and_has_done_nothing_of_it() -> None:
    run = Run()
    del run.program.windows[0].controls[-1]
    before = [(one.key, one.value, one.states) for one in run.program.windows[0].controls if one.key != "Name"]
    what = procedure('- {type: x, on: text field labelled "Name"}\n- click: button "Delete"\n- click: button "Save"\n')
    report = asyncio.run(impatient(run, what))
    assert report.outcome is ScreenOutcome.HALTED
    assert report.halted_at == 2
    assert "Delete" in report.why
    assert [one.done for one in report.steps] == [True, False]
    assert run.done == [("type", "Name", "x")]
    after = [(one.key, one.value, one.states) for one in run.program.windows[0].controls if one.key != "Name"]
    assert [(key, value, states - {"focused"}) for key, value, states in after] == before


async def impatient(run: Run, what: ScreenProcedure, **values: str) -> RunReport:
    """Play with a clock that runs fast: what is waited for in vain costs no time of the tests."""
    loop = asyncio.get_running_loop()
    real, start = loop.time, loop.time()
    loop.time = lambda: start + 40 * (real() - start)  # type: ignore[method-assign]
    try:
        return await run.replayed(what, **values)
    finally:
        loop.time = real  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("needs_person", "outcome"), [(True, ScreenOutcome.NEEDS_PERSON), (False, ScreenOutcome.HALTED)]
)
def test_a_guard_that_says_no_ends_it_before_the_step(needs_person: bool, outcome: ScreenOutcome) -> None:
    run = Run(answers={2: NotAllowed("not tonight", needs_person=needs_person)})
    report = run.play(procedure(WHOLE, WHO), who="Ada")
    assert (report.outcome, report.why, report.halted_at) == (outcome, "not tonight", 2)
    assert [one[0] for one in run.done] == ["type"]


def test_a_risky_step_wants_two_signs_and_tells_the_guard_why() -> None:
    what = procedure('- click: button "Delete"\n')
    both = Run()
    assert both.play(what).outcome is ScreenOutcome.UNVERIFIED
    assert "delete" in both.asked[0].risk
    alone = Run()
    alone.screens = FakeScreens(alone.program, kinds=(SurfaceKind.ACCESSIBLE,))
    report = alone.play(what)
    assert report.outcome is ScreenOutcome.HALTED
    assert "only one sign" in report.why
    assert alone.done == [] == alone.asked
    terminal = Run()
    terminal.screens = FakeScreens(terminal.program, kinds=(SurfaceKind.TERMINAL,))
    assert terminal.play(what).outcome is ScreenOutcome.UNVERIFIED


def two_views(run: Run, made: type[FakeSurface]) -> FakeScreens:
    """Return screens whose first window is seen as a tree and as pixels, by surfaces of that class."""

    class Screens(FakeScreens):
        async def surfaces(self, window):  # type: ignore[no-untyped-def]
            shown = self.programs[0].windows[0]
            return [made(self.programs[0], shown, kind=kind) for kind in (SurfaceKind.ACCESSIBLE, SurfaceKind.PIXEL)]

    return Screens(run.program)


def test_a_risky_step_is_not_done_where_the_views_disagree() -> None:
    class Elsewhere(FakeSurface):
        async def locate(self, fingerprint, look):  # type: ignore[no-untyped-def]
            found = await super().locate(fingerprint, look)
            assert isinstance(found, Located)
            return (
                found
                if self.kind is SurfaceKind.ACCESSIBLE
                else Located(
                    point=Box(400, 400, 8, 8).center, box=Box(400, 400, 8, 8), rung=found.rung, score=0.9, margin=0.9
                )
            )

    run = Run()
    run.screens = two_views(run, Elsewhere)
    report = run.play(procedure('- click: button "Delete"\n'))
    assert report.outcome is ScreenOutcome.HALTED
    assert "elsewhere" in report.why
    assert run.done == []


def test_what_agreed_before_a_person_said_yes_must_agree_still_where_the_screen_changed() -> None:
    class Elsewhere(FakeSurface):
        async def locate(self, fingerprint, look):  # type: ignore[no-untyped-def]
            found = await super().locate(fingerprint, look)
            assert isinstance(found, Located)
            if self.kind is SurfaceKind.PIXEL and run.asked:
                return replace(found, point=Box(400, 400, 8, 8).center)
            return found

    run = Run()
    run.screens = two_views(run, Elsewhere)
    run.meanwhile = lambda: setattr(run.program.control("Town"), "value", "another record")
    report = run.play(procedure('- click: button "Delete"\n'))
    assert report.outcome is ScreenOutcome.HALTED
    assert "elsewhere" in report.why
    assert run.done == []


@pytest.mark.parametrize("keys", ["return", "space"])
def test_a_key_that_presses_a_risky_button_is_risky(keys: str) -> None:
    run = Run()
    run.program.control("delete").states |= {"focused"}
    run.play(procedure(f"- hotkey: {keys}\n"))
    assert "Delete" in run.asked[0].risk
    other = Run()
    other.program.control("save").states |= {"focused"}
    other.play(procedure(f"- hotkey: {keys}\n"))
    assert other.asked[0].risk == ""


def test_what_changed_while_a_person_thought_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "_STALE_S", -1.0)
    run = Run()
    run.meanwhile = lambda: setattr(run.program.control("save"), "name", "Delete")
    report = run.play(procedure('- click: button "Save"\n'))
    assert report.outcome is ScreenOutcome.HALTED
    assert run.done == []
    same = Run()
    assert same.play(procedure('- click: button "Save"\n')).steps[0].done


def test_what_keys_would_press_by_the_time_of_the_answer_is_not_what_was_asked_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(playing, "_STALE_S", -1.0)
    run = Run()
    run.meanwhile = lambda: setattr(run.program.control("delete"), "states", EDIT | {"focused"})
    report = run.play(procedure("- hotkey: return\n"))
    assert (report.outcome, run.done) == (ScreenOutcome.HALTED, [])
    assert "another one now" in report.why
    ticked = Run()
    ticked.meanwhile = lambda: setattr(ticked.program.control("keep"), "states", EDIT | {"checked"})
    report = ticked.play(procedure('- click: check box "Keep"\n  expect: {checked: true}\n'))
    assert (report.outcome, ticked.done) == (ScreenOutcome.HALTED, [])
    assert "already" in report.why


def test_what_changes_right_before_a_risky_step_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "_AGAIN_S", 0.01)
    run = Run()
    run.meanwhile = lambda: setattr(run.program.control("delete"), "name", "Delete all")
    report = run.play(procedure('- click: button "Delete"\n'))
    assert report.outcome is ScreenOutcome.HALTED
    assert "right before" in report.why
    keys = Run()
    keys.meanwhile = lambda: setattr(keys.program.control("delete"), "states", EDIT | {"focused"})
    keys.refused = "Delete"
    assert keys.play(procedure("- hotkey: return\n")).outcome is ScreenOutcome.NEEDS_PERSON
    assert [bool(one.risk) for one in keys.asked] == [False, True]
    assert run.done == keys.done == []


def test_what_keys_press_must_stay_the_same_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "_AGAIN_S", 0.01)
    moving = Run()
    moving.screens = FakeScreens(moving.program, kinds=[SurfaceKind.TERMINAL])
    clock = Control("clock", "text", "10:00", box=Box(10, 300, 80, 20))
    moving.program.windows[0].controls.append(clock)
    moving.meanwhile = lambda: setattr(clock, "name", "10:01")
    assert moving.play(procedure("- hotkey: return\n")).steps[0].done
    rows = Run()
    rows.screens = FakeScreens(rows.program, kinds=[SurfaceKind.TERMINAL])
    row = Control("row", "menu item", "billing", box=Box(10, 300, 80, 20), states=EDIT | {"selected"})
    rows.program.windows[0].controls.append(row)

    def sort(program: FakeProgram) -> None:
        row.name = f"{row.name}."
        program.later(1, sort)

    rows.program.later(1, sort)
    report = rows.play(procedure("- hotkey: return\n"))
    assert report.outcome is ScreenOutcome.HALTED
    assert "another one" in report.why
    assert rows.done == []


def test_a_secret_that_is_read_elsewhere_is_blackened_in_pictures() -> None:
    run = Run()
    place = Box(10, 400, 200, 20)
    shows = Control("echo", "label", "PIN: hunter-two", box=place)
    run.program.reactions["keep"] = lambda program: program.windows[0].controls.append(shows)
    screens = run.screens = FakeScreens(run.program)
    steps = '- {type: {secret: pin}, on: password field labelled "PIN"}\n- click: check box "Keep"\n'
    assert run.play(procedure(steps)).steps[1].done
    surfaces = asyncio.run(screens.surfaces(asyncio.run(screens.windows())[0]))
    assert any(place.grown(2) in boxes for one in surfaces for boxes in one.pictures)


def test_a_check_box_that_is_set_already_is_left_alone() -> None:
    run = Run()
    run.program.control("keep").states |= {"checked"}
    report = run.play(procedure('- click: check box "Keep"\n  expect: {checked: true}\n'))
    assert report.steps[0].done
    assert run.done == []


def test_a_check_box_that_does_not_show_whether_it_is_set_is_not_taken_for_clear() -> None:
    run = Run()
    run.screens = FakeScreens(run.program, kinds=[SurfaceKind.PIXEL])
    run.program.control("keep").value = None
    report = run.play(procedure('- click: check box "Keep"\n  expect: {checked: false}\n'))
    assert (report.outcome, report.why) == (
        ScreenOutcome.HALTED, "it cannot be told whether it is set, and it is to be clear"
    )  # fmt: skip
    assert run.done == []


def test_a_secret_goes_into_a_field_that_hides_it_and_nowhere_else() -> None:
    run = Run()
    report = run.play(procedure('- {type: {secret: pin}, on: password field labelled "PIN"}\n'))
    assert report.outcome is ScreenOutcome.UNVERIFIED
    assert run.program.control("pin").value == "hunter-two"
    assert run.done == [("type", "pin", "<pin>")]
    assert report.values == {}
    open_field = Run()
    report = open_field.play(procedure('- {type: {secret: pin}, on: text field labelled "Street"}\n'))
    assert report.outcome is ScreenOutcome.HALTED
    assert "does not hide" in report.why
    assert open_field.done == []


def test_secrets_and_parameters_are_made_sure_of_before_anything_is_done() -> None:
    missing = Run(known={})
    report = missing.play(
        procedure('- click: button "Save"\n- {type: {secret: pin}, on: password field labelled "PIN"}\n')
    )
    assert (report.outcome, report.steps) == (ScreenOutcome.NEEDS_PERSON, ())
    for values in ({}, {"who": "a\nb"}, {"who": "Ada", "x": "1"}):
        run = Run()
        assert run.play(procedure(WHOLE, WHO), **values).outcome is ScreenOutcome.HALTED
        assert run.done == []
    strict = procedure(WHOLE, "parameters: {who: {pattern: '[a-z]+'}}\n")
    assert Run().play(strict, who="Ada").outcome is ScreenOutcome.HALTED
    assert Run().play(procedure(WHOLE, "parameters: {who: {default: Eve}}\n")).values == {"1": "Eve"}


def test_a_value_that_did_not_arrive_needs_a_person() -> None:
    run = Run()
    name = run.program.control("Name")
    run.program.later(5, lambda _: setattr(name, "value", "something else"))
    report = run.play(procedure('- {type: Ada, on: text field labelled "Name"}\n'))
    assert report.outcome is ScreenOutcome.NEEDS_PERSON
    assert "something else" in report.why
    assert report.steps[0].done


def test_an_expectation_in_vain_needs_a_person() -> None:
    run = Run()
    run.program.reactions.clear()
    report = run.play(
        procedure('- click: button "Save"\n  expect: {shows: Saved, within_s: 0.2}\n- click: button "Delete"\n')
    )
    assert report.outcome is ScreenOutcome.NEEDS_PERSON
    assert "“Saved” was not seen" in report.why
    assert (report.halted_at, run.done) == (2, [("click", "save", "")])


def test_saved_is_not_seen_in_unsaved() -> None:
    run = Run()
    run.program.windows[0].controls.append(Control("u", "label", "Unsaved changes", box=Box(10, 300, 80, 20)))
    run.program.reactions.clear()
    report = run.play(procedure('- click: button "Save"\n  expect: {shows: saved, within_s: 0.1}\n'))
    assert report.outcome is ScreenOutcome.NEEDS_PERSON


def dialog(title: str) -> FakeWindow:
    return FakeWindow(title, [Control("ok", "button", "OK", box=Box(10, 10, 80, 28))], modal=True)


def test_a_dialog_that_the_step_does_not_mean_is_not_touched() -> None:
    run = Run()
    run.program.windows.append(dialog("The disk is full"))
    run.program.windows[0].controls.append(Control("main", "button", "OK", box=Box(300, 200, 80, 28)))
    report = asyncio.run(impatient(run, procedure('- click: button "OK"\n')))
    assert report.outcome is ScreenOutcome.HALTED
    assert "The disk is full" in report.why
    assert run.done == []
    meant = Run()
    meant.program.windows.append(dialog("The disk is full"))
    meant.program.reactions["ok"] = lambda program: program.windows.__delitem__(-1)
    report = meant.play(procedure('- click: button "OK"\n  window: disk is full\n  expect: {closed: true}\n'))
    assert report.steps[0].done
    assert meant.done == [("click", "ok", "")]


def test_a_dialog_without_a_title_is_meant_by_being_one() -> None:
    run = Run()
    run.program.windows.append(dialog(""))
    run.program.windows[0].controls.append(Control("main", "button", "OK", box=Box(300, 200, 80, 28)))
    run.program.reactions["ok"] = lambda program: program.windows.__delitem__(-1)
    steps = '- click: button "OK"\n  window: {dialog: true}\n  expect: {closed: true}\n'
    assert write_procedure(procedure(steps)).count("dialog: true") == 1
    assert run.play(procedure(steps)).steps[0].done
    assert run.done == [("click", "ok", "")]
    other = Run()
    assert "no dialog of" in asyncio.run(impatient(other, procedure(steps))).why
    other.program.windows.append(dialog(""))
    other.told.clear()
    unnamed = asyncio.run(impatient(other, procedure('- click: button "OK"\n')))
    assert "a dialog without a title is in front; a step that means it says `window: {dialog: true}`" in unnamed.why
    assert other.done == []


def test_what_is_on_two_windows_is_on_none() -> None:
    run = Run()
    run.program.windows.append(FakeWindow("Other form", [Control("s2", "button", "Save", box=Box(10, 10, 80, 28))]))
    assert run.play(procedure('- click: button "Save"\n')).outcome is ScreenOutcome.HALTED
    assert run.done == []
    told = Run(program=run.program)
    assert told.play(procedure('- click: button "Save"\n  window: Other\n')).steps[0].done
    assert told.done == [("click", "s2", "")]


def test_a_window_of_another_program_with_the_right_title_is_not_used() -> None:
    run = Run(program=form())
    run.program.program = "evil"
    report = asyncio.run(impatient(run, procedure('- click: button "Save"\n')))
    assert report.outcome is ScreenOutcome.HALTED
    assert run.done == []


def test_a_program_that_is_not_open_is_started() -> None:
    run = Run()
    run.screens = FakeScreens()
    run.screens.startable["form-gtk"] = run.program
    report = run.play(procedure('- click: button "Save"\n', "start: [form-gtk]\n"))
    assert report.steps[0].done


def test_what_takes_its_time_is_waited_for() -> None:
    run = Run()
    button = run.program.windows[0].controls.pop(-2)
    run.program.later(6, lambda program: program.windows[0].controls.append(button))
    assert run.play(procedure('- click: button "Save"\n')).steps[0].done
    waited = Run()
    waited.program.later(5, saved)
    assert waited.play(procedure("- wait: 5\n  expect: Saved\n")).steps[0].done
    vain = asyncio.run(impatient(Run(), procedure("- wait: 3\n  expect: Saved\n")))
    assert vain.outcome is ScreenOutcome.HALTED


def test_a_blank_window_is_not_used() -> None:
    run = Run()
    run.program.windows[0].blank = True
    report = asyncio.run(impatient(run, procedure("- hotkey: ctrl+s\n")))
    assert report.outcome is ScreenOutcome.HALTED
    assert run.done == []


def test_a_person_who_takes_the_mouse_ends_it_between_two_gestures() -> None:
    run = Run()
    run.program.reactions["keep"] = lambda _: setattr(run, "stopped", "a person took the mouse")
    report = run.play(procedure('- click: check box "Keep"\n- click: button "Save"\n'))
    assert (report.outcome, report.why) == (ScreenOutcome.NEEDS_PERSON, "a person took the mouse")
    assert run.done == [("click", "keep", "")]


def test_a_gesture_is_finished_before_a_cancellation_is_heard() -> None:
    class Slow(FakeSurface):
        async def perform(self, gesture: Gesture, at: Located | None = None, to: Located | None = None) -> None:
            begun.set()
            await asyncio.sleep(0.05)
            await super().perform(gesture, at, to)

    class Screens(FakeScreens):
        async def surfaces(self, window):  # type: ignore[no-untyped-def]
            return [Slow(self.programs[0], self.programs[0].windows[0])]

    begun = asyncio.Event()
    run = Run()
    run.screens = Screens(run.program)

    async def cancelled() -> None:
        task = asyncio.ensure_future(run.replayed(procedure('- click: button "Save"\n- click: check box "Keep"\n')))
        await begun.wait()
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert run.done == [("click", "save", "")]


@pytest.mark.parametrize(
    ("error", "touched", "outcome"),
    [
        (ScreenError("it is covered"), False, ScreenOutcome.HALTED),
        (ScreenError("it broke off"), True, ScreenOutcome.NEEDS_PERSON),
        (Unfinished("the server hung"), False, ScreenOutcome.NEEDS_PERSON),
        (SurfaceGone("gone"), True, ScreenOutcome.UNVERIFIED),  # by the click, as the window was there
        (Stale("it looks otherwise"), False, ScreenOutcome.HALTED),
    ],
)
def test_a_gesture_that_fails_halts_only_where_nothing_changed(
    error: ScreenError, touched: bool, outcome: ScreenOutcome
) -> None:
    class Failing(FakeSurface):
        async def perform(self, gesture: Gesture, at: Located | None = None, to: Located | None = None) -> None:
            if touched:
                run.program.control("Street").value = "half"
            raise error

    class Screens(FakeScreens):
        async def surfaces(self, window):  # type: ignore[no-untyped-def]
            return [Failing(self.programs[0], self.programs[0].windows[0])]

    run = Run()
    run.screens = Screens(run.program)
    assert run.play(procedure('- click: button "Save"\n')).outcome is outcome


def test_what_looks_otherwise_right_before_the_gesture_is_found_anew() -> None:
    class Flickering(FakeSurface):
        left = 1

        async def perform(self, gesture: Gesture, at: Located | None = None, to: Located | None = None) -> None:
            if Flickering.left:
                Flickering.left -= 1
                run.program.control("save").box = Box(10, 230, 80, 28)
                raise Stale("it does not look as it did: nothing was done")
            await super().perform(gesture, at, to)

    class Screens(FakeScreens):
        async def surfaces(self, window):  # type: ignore[no-untyped-def]
            return [Flickering(self.programs[0], self.programs[0].windows[0])]

    run = Run()
    run.screens = Screens(run.program)
    assert run.play(procedure('- click: button "Save"\n')).outcome is ScreenOutcome.UNVERIFIED
    assert run.done == [("click", "save", "")]
    assert len(run.asked) == 1, "it is the same target: nobody is asked again"


def test_what_vanishes_right_before_the_gesture_is_not_taken_from_another_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(playing, "_AGAIN_S", 0.01)
    run = Run()

    def moved() -> None:
        delete = run.program.windows[0].controls.pop()
        run.program.windows.append(FakeWindow("Other form", [delete]))

    run.meanwhile = moved
    report = run.play(procedure('- click: button "Delete"\n'))
    assert report.outcome is ScreenOutcome.HALTED
    assert "another window" in report.why
    assert run.done == []


def test_what_has_another_role_right_before_the_gesture_is_asked_about_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "_AGAIN_S", 0.01)
    run = Run()

    def changed() -> None:
        run.program.control("delete").role = "toggle button"
        run.meanwhile = lambda: None

    run.meanwhile = changed
    report = run.play(procedure("- click: {name: Delete, neighbours: [save, keep, town]}\n"))
    assert (report.steps[0].done, len(run.asked)) == (True, 2), report.why


@pytest.mark.parametrize("steps", ['- click: button "Save"\n', '- {type: x, on: text field labelled "Name"}\n'])
def test_a_window_that_is_gone_before_the_gesture_is_no_window_that_ended_by_it(steps: str) -> None:
    run = Run()
    run.meanwhile = run.program.windows.clear
    report = run.play(procedure(steps))
    assert (report.outcome, report.halted_at) == (ScreenOutcome.HALTED, 1)
    assert run.done == []


def test_a_gesture_that_does_not_end_needs_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(FakeSurface):
        async def perform(self, gesture: Gesture, at: Located | None = None, to: Located | None = None) -> None:
            await super().perform(gesture, at, to)
            await asyncio.Event().wait()

    class Screens(FakeScreens):
        async def surfaces(self, window):  # type: ignore[no-untyped-def]
            return [Hanging(self.programs[0], self.programs[0].windows[0])]

    monkeypatch.setattr(awaiting, "_LONGEST_GESTURE_S", 0.05)
    run = Run()
    run.screens = Screens(run.program)
    report = run.play(procedure('- click: button "Save"\n'))
    assert report.outcome is ScreenOutcome.NEEDS_PERSON
    assert "did not end" in report.why


def test_what_a_better_view_knows_as_something_else_is_not_taken_from_a_lower_one() -> None:
    run = Run()
    run.program.windows[0].controls[-2] = Control("l", "label", "Save", box=Box(10, 200, 80, 28))
    report = asyncio.run(impatient(run, procedure('- click: button "Save"\n')))
    assert report.outcome is ScreenOutcome.HALTED
    assert run.done == []


def test_a_renamed_field_is_proposed_as_a_change_and_a_renamed_secret_field_halts() -> None:
    recorded = """
    - type: Main Street
      on: {role: text field, label: Street, neighbours: [name, town, keep, save, delete], place: 2 of 3}
    """
    run = Run()
    field = run.program.control("Street")
    field.label = "Street or lane"
    run.program.control("Street.label").name = "Street or lane:"
    report = run.play(procedure(recorded))
    assert run.done == [("type", "Street", "Main Street")]
    healed = report.steps[0].healed
    assert healed is not None
    assert (healed.label, healed.role) == ("Street or lane", "text field")
    as_it_was = Run()
    assert as_it_was.play(procedure(recorded)).steps[0].healed is None


def test_what_only_a_lower_view_shows_is_used_there_and_proposed() -> None:
    class Partly(FakeSurface):
        async def look(self, near: Box | None = None) -> Look:
            whole = await super().look(near)
            told = tuple(one for one in whole.elements if one.id != "save")
            return replace(whole, elements=told) if self.kind is SurfaceKind.ACCESSIBLE else whole

    class Screens(FakeScreens):
        async def surfaces(self, window):  # type: ignore[no-untyped-def]
            shown = self.programs[0].windows[0]
            return [Partly(self.programs[0], shown, kind=kind) for kind in (SurfaceKind.ACCESSIBLE, SurfaceKind.PIXEL)]

    run = Run()
    run.screens = Screens(run.program)
    report = run.play(procedure('- click: button "Save"\n'))
    assert run.done == [("click", "save", "")]
    assert report.steps[0].rung is Rung.TEXT
    assert report.steps[0].healed is not None


def test_a_step_without_a_target_says_so() -> None:
    run = Run()
    what = procedure('- click: button "Save"\n')
    nameless = replace(what, steps=(replace(what.steps[0], on=Fingerprint()),))
    report = asyncio.run(impatient(run, nameless))
    assert report.outcome is ScreenOutcome.HALTED
    assert "describe it" in report.why


def test_a_program_that_is_busy_for_a_while_is_asked_again() -> None:
    class Busy(FakeSurface):
        silent = 0

        async def settle(self, *, timeout_s: float = 5.0, quiet_s: float = 0.3) -> Look:
            self.silent += 1
            if self.silent % 2:
                raise ScreenError("it did not tell all within 1.5 s")
            return await super().settle(timeout_s=timeout_s, quiet_s=quiet_s)

    class Screens(FakeScreens):
        busy: Busy | None = None

        async def surfaces(self, window):  # type: ignore[no-untyped-def]
            self.busy = self.busy or Busy(self.programs[0], self.programs[0].windows[0])
            return [self.busy]

    run = Run()
    run.screens = Screens(run.program)
    report = asyncio.run(impatient(run, procedure('- click: button "Save"\n- click: check box "Keep"\n')))
    assert report.outcome is ScreenOutcome.UNVERIFIED
    assert run.done == [("click", "save", ""), ("click", "keep", "")]


def test_what_reading_a_picture_takes_is_our_own_time_though_the_program_is_waited_for() -> None:
    class Slow(FakeSurface):
        async def settle(self, *, timeout_s: float = 5.0, quiet_s: float = 0.3) -> Look:
            taken = datetime.now(UTC)
            look = await super().settle(timeout_s=timeout_s, quiet_s=quiet_s)
            await asyncio.sleep(0.05)  # it is read
            return replace(look, at=taken)

    class Screens(FakeScreens):
        async def surfaces(self, window):  # type: ignore[no-untyped-def]
            return [Slow(self.programs[0], self.programs[0].windows[0])]

    run = Run()
    run.screens = Screens(run.program)
    report = run.play(procedure('- click: check box "Keep"'))
    assert report.steps[0].seconds >= 0.1, "read once to find it, once to see what became of it"
