"""Procedures as YAML: read, written, and what is wrong with its line."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.gui.model import Anchor, Fingerprint, Gesture, SurfaceKind, Verb
from opsagent_tools.gui.procedure import (
    EffectCheck,
    Expectation,
    Parameter,
    ScreenProcedure,
    ScreenStep,
    WindowRule,
)
from opsagent_tools.gui.procedure_files import ProcedureFileError, read_procedure, write_procedure

WHOLE = dedent("""\
    name: export-report
    title: Export the report of a month
    surface: accessible
    window: {program: reports, wm_class: Reports, title: Console}
    start: [reports, --quiet]
    parameters:
      month: {example: march, pattern: "[a-z]+"}
      note: {default: none}
      pin: {secret: true}
    steps:
      - click: button "Export…" in "Reports"
        expect: {window: Save, within_s: 8}
      - type: "{month} {{x}}"
        on: text field labelled "Name"
        window: Save
        replace: false
      - {type: "{pin}", on: {role: password field, label: PIN, neighbours: [Name], place: 1 of 2}}
      - hotkey: ctrl+s
        note: keeps it
      - {wait: 5, expect: Saved}
      - {drag: 'list item "a"', to: 'list item "b"'}
      - {scroll: -3, on: 'list "x"'}
      - {click: {anchor: {text: Filter, dx: 2.5, dy: 0}, role: button}, risky: true}
    effects:
      - {file: "/tmp/{month}.csv", contains: total}
      - {port: 8080}
      - {exit_code: 0, within_s: 3}
    undo: remove-report
    version: 3
""")


def test_all_that_can_be_written_is_read_and_written_again() -> None:
    made = read_procedure(WHOLE)
    assert made.window == WindowRule(program="reports", wm_class="Reports", title="Console")
    assert made.surface is SurfaceKind.ACCESSIBLE
    assert made.parameters[2] == Parameter(name="pin", secret=True)
    click, name, pin = made.steps[:3]
    assert click == ScreenStep(
        gesture=Gesture(verb=Verb.CLICK),
        on=Fingerprint(role="button", name="Export…", within="Reports"),
        after=Expectation(window="Save", within_s=8),
    )
    assert name.gesture == Gesture(verb=Verb.TYPE, text="{month} {{x}}", replace=False)
    assert name.window == WindowRule(program="reports", title="Save")
    assert pin.gesture == Gesture(verb=Verb.TYPE, secret="pin")
    assert pin.on is not None
    assert pin.on.place == (1, 2)
    assert made.effects[2] == EffectCheck(exit_code=0, within_s=3)
    assert read_procedure(write_procedure(made)) == made


BROKEN = [
    ("undo:", "undoo:", 28, "“undoo” is not known here"),
    ("{month} {{x}}", "{mouth}", 13, "{mouth} is no parameter"),
    ("wait: 5", "wait: long", 19, "must be a number"),
    ("wait: 5", "wait: 5000", 19, "0 to 600"),
    ('button "Export…" in', "Export in", 11, "must be like"),
    ("risky: true", "risky: perhaps", 22, "true or false"),
    ("drag:", "drog:", 20, "a step has one of"),
    ("hotkey: ctrl+s", "hotkey: ctrl+", 17, "must be like"),
    ("name: export-report", "name: a/b", 1, "digits"),
    ("name: export-report", "name: &a export-report", 1, "anchors"),
    ("name: export-report", "name: a\nname: b", 2, "there twice"),
    ("place: 1 of 2", "place: 3 of 2", 16, "2 of 5"),
    ("expect: Saved", 'expect: "{pin}"', 19, "is a secret"),
    ("secret: true", "secret: true, example: x", 9, "no default and no example"),
    ('pattern: "[a-z]+"', 'pattern: "["', 7, "no regular expression"),
    ("port: 8080", "port: 99999", 25, "1 to 65535"),
    ("/tmp/{month}.csv", "out.csv", 24, "absolute path"),
    ("scroll: -3", "scroll: 0", 21, "1 to 100"),
    ("title: Export the", "title: [", 2, "no YAML"),
    ("{type: \"{pin}\", on: {role: password field, label: PIN, neighbours: [Name], place: 1 of 2}}", "type: {secret: pin}", 16, "needs `on`"),
]  # fmt: skip


@pytest.mark.parametrize(("was", "now", "line", "problem"), BROKEN, ids=[one[1][:20] for one in BROKEN])
def test_what_is_wrong_is_told_with_its_line(was: str, now: str, line: int, problem: str) -> None:
    assert was in WHOLE
    with pytest.raises(ProcedureFileError) as caught:
        read_procedure(WHOLE.replace(was, now), "report.yaml")
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"report.yaml:{caught.value.line}:")
    assert abs(caught.value.line - line) <= 1, caught.value


@pytest.mark.parametrize(
    "text", ["", "[]", "a: [", "x", "name: x", "- " * 3000, "a: &a [*a]", "name: x\nwindow: {}\nsteps: []"]
)
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(ProcedureFileError):
        read_procedure(text)


WORDS = st.text(st.characters(exclude_categories=["C"], exclude_characters="{}"), max_size=12).map(str.strip)
NAMES = WORDS.filter(bool)
FINGERPRINTS = st.builds(
    Fingerprint,
    role=st.sampled_from(["button", "text field", "menu item", ""]),
    name=NAMES,
    label=WORDS,
    within=WORDS,
    anchor=st.none() | st.builds(Anchor, text=NAMES, dx=st.floats(-50, 50), dy=st.floats(-50, 50)),
    neighbours=st.lists(NAMES, max_size=3).map(tuple),
    place=st.sampled_from([(0, 0), (1, 1), (2, 5)]),
    twins=st.integers(0, 3),
    text_height=st.sampled_from([0.0, 12.0]),
)
EXPECTATIONS = st.builds(
    Expectation, shows=NAMES, gone=WORDS, checked=st.none() | st.booleans(), within_s=st.floats(0.1, 60)
)
STEPS = st.one_of(
    st.builds(ScreenStep, gesture=st.builds(Gesture, verb=st.sampled_from([Verb.CLICK, Verb.DOUBLE, Verb.RIGHT])), on=FINGERPRINTS,
              after=st.none() | EXPECTATIONS, note=WORDS, risky=st.none() | st.booleans()),
    st.builds(ScreenStep, gesture=st.builds(Gesture, verb=st.just(Verb.TYPE), text=NAMES, replace=st.booleans()), on=st.none() | FINGERPRINTS),
    st.builds(ScreenStep, gesture=st.builds(Gesture, verb=st.just(Verb.DRAG)), on=FINGERPRINTS, to=FINGERPRINTS),
)  # fmt: skip


@settings(max_examples=20)
@given(st.lists(STEPS, min_size=1, max_size=2))
def test_whatever_was_recorded_is_read_back_as_it_was(steps: list[ScreenStep]) -> None:
    made = ScreenProcedure(name="recorded", window=WindowRule(program="x"), steps=tuple(steps))
    assert read_procedure(write_procedure(made)) == made
