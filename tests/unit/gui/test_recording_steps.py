"""What was done becomes a procedure: values are parameters, secrets are names, places are fingerprints."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from opsagent_tools.gui.locating import locate
from opsagent_tools.gui.model import (
    Anchor,
    Box,
    Element,
    Fingerprint,
    Gesture,
    Look,
    NotLocated,
    Point,
    SurfaceKind,
    Verb,
    Window,
)
from opsagent_tools.gui.procedure import Expectation, ScreenProcedure
from opsagent_tools.gui.procedure_files import read_procedure, write_procedure
from opsagent_tools.gui.recording import Did, Recording, Seen
from opsagent_tools.gui.recording.pointed import focused_in, hit, same_in
from opsagent_tools.gui.recording.values import composed, is_secret, literal, settled, slug, without_typed

MAIN = Window(id="x11:0x1", pid=7, exe="/usr/bin/reports", program="reports", uid=1000, wm_class="reports.Reports",
              title="june.csv - Reports", box=Box(0, 0, 800, 600))  # fmt: skip
DIALOG = replace(MAIN, id="x11:0x2", title="Export", modal=True)
THERE = frozenset({"enabled", "visible"})


def element(
    role: str, name: str = "", *, label: str = "", row: int = 0, value: str | None = None, also: str = ""
) -> Element:
    return Element(id=f"{role} {name or label}", role=role, name=name, label=label, box=Box(100, 30 * row, 120, 24),
                   value=value, states=THERE | set(also.split()), source=SurfaceKind.ACCESSIBLE)  # fmt: skip


MONTH = element("text field", label="Month", row=1, value="May")
USER = element("text field", label="User name", row=2, value="")
PASSWORD = element("password field", label="Password", row=3, also="secret")
TOKEN = element("text field", label="API token", row=4)
DAILY = element("check box", "Daily", row=5)
EXPORT = element("button", "Export…", row=6)
ALL = (MONTH, USER, PASSWORD, TOKEN, DAILY, EXPORT)


def seen(one: Element, window: Window = MAIN, crop: bytes = b"") -> Seen:
    look = Look(window=window, at=datetime.now(UTC), source=SurfaceKind.ACCESSIBLE, elements=ALL)
    return Seen(one, look, crop)


def did(verb: Verb, on: Element | None, *, window: Window = MAIN, now: Element | None = None, crop: bytes = b"",
        **gesture: object) -> Did:  # fmt: skip
    where = seen(on, window, crop) if on is not None else None
    raw = Gesture(verb=verb, **gesture)  # type: ignore[arg-type]
    return Did(gesture=settled(raw, where, now), window=window, seen=where, now=now)


def procedure(*done: Did, keep: tuple[str, ...] = ()) -> ScreenProcedure:
    return Recording(done).procedure("export", keep=keep).procedure


def test_a_click_into_a_field_and_typing_are_one_step_with_a_parameter() -> None:
    made = procedure(
        did(Verb.CLICK, MONTH),
        did(Verb.TYPE, MONTH, text="March", now=replace(MONTH, value="March 2026")),
        did(Verb.CLICK, EXPORT),
    )
    assert [one.gesture for one in made.steps] == [
        Gesture(verb=Verb.TYPE, text="{month}", replace=True),
        Gesture(verb=Verb.CLICK),
    ]
    assert [(one.name, one.example) for one in made.parameters] == [("month", "March 2026")], "what the field held"
    assert made.steps[0].on is not None
    assert made.steps[0].on.label == "Month"
    assert made.window.program == "reports"
    assert made.surface is SurfaceKind.ACCESSIBLE


def test_a_click_that_was_too_fast_to_be_seen_is_part_of_the_typing_into_the_field_below_it() -> None:
    typed = did(Verb.TYPE, MONTH, text="March")
    fast = replace(did(Verb.CLICK, None), point=MONTH.box.center)
    assert [step.gesture.verb for step in procedure(fast, typed).steps] == [Verb.TYPE]
    elsewhere = replace(fast, point=EXPORT.box.center)
    assert [step.gesture.verb for step in procedure(elsewhere, typed).steps] == [Verb.CLICK, Verb.TYPE]


def test_two_fields_that_nothing_tells_apart_but_their_place_are_two_steps() -> None:
    upper, lower = (replace(element("text field", row=row), id=f"field {row}") for row in (1, 2))
    made = procedure(did(Verb.TYPE, upper, text="alpha"), did(Verb.TYPE, lower, text="gamma"))
    assert [step.gesture.verb for step in made.steps] == [Verb.TYPE, Verb.TYPE]


def test_a_value_may_stay_as_it_is() -> None:
    made = procedure(did(Verb.TYPE, MONTH, text="{x}", now=replace(MONTH, value="{x}")), keep=("month",))
    assert made.steps[0].gesture.text == literal("{x}") == "{{x}}"
    assert not made.parameters


def test_fields_reached_by_tab_need_no_tab() -> None:
    made = procedure(
        did(Verb.TYPE, MONTH, text="May"),
        did(Verb.HOTKEY, MONTH, keys=("tab",)),
        did(Verb.TYPE, USER, text="ann", now=replace(USER, value="ann")),
        did(Verb.HOTKEY, USER, keys=("return",)),
    )
    assert [one.gesture.text or one.gesture.keys for one in made.steps] == ["{month}", "{user_name}", ("return",)]
    assert made.steps[-1].on is not None
    assert made.steps[-1].on.label == "User name", "Return is said to that field"
    assert procedure(did(Verb.HOTKEY, USER, keys=("ctrl", "s"))).steps[0].on is None


def test_mending_a_text_with_the_carets_keys_is_part_of_typing_it() -> None:
    made = procedure(
        did(Verb.TYPE, USER, text="an", now=replace(USER, value="an")),
        did(Verb.HOTKEY, USER, keys=("left",)),
        did(Verb.TYPE, USER, text="n", now=replace(USER, value="ann")),
        did(Verb.HOTKEY, USER, keys=("ctrl", "a")),
    )
    assert len(made.steps) == 1
    assert made.parameters[0].example == "ann"


@pytest.mark.parametrize("field", [PASSWORD, TOKEN], ids=lambda one: one.label)
def test_what_is_typed_into_a_secret_field_is_nowhere(field: Element) -> None:
    one = did(Verb.TYPE, field, text="hunter2", now=field)
    recorded = Recording((did(Verb.CLICK, field), one)).procedure("export")
    assert "hunter2" not in repr((one, recorded))
    (step,) = recorded.procedure.steps
    (parameter,) = recorded.procedure.parameters
    assert step.gesture.secret == parameter.name
    assert parameter.secret
    assert not parameter.example


def test_nothing_is_kept_where_it_may_have_gone_into_a_secret_field() -> None:
    gone = did(Verb.TYPE, USER, text="annhunter2")  # the window is gone: what the field held cannot be read
    assert gone.gesture.text == ""
    recorded = Recording((gone,)).procedure("export")
    assert recorded.procedure.parameters[0].example == ""
    assert any("must be given" in note for note in recorded.notes)
    unknown = did(Verb.TYPE, None, text="hunter2")
    assert "hunter2" not in repr(unknown)


def test_focus_that_moved_while_typing_leaves_the_text_unknown() -> None:
    alone = Seen(USER, replace(seen(USER).look, elements=(USER,)))
    raw = Gesture(verb=Verb.TYPE, text="1234")
    assert settled(raw, alone, None).text == "1234"
    assert settled(raw, alone, None, moved=True).text == ""


def test_what_looks_like_a_secret_is_no_example() -> None:
    key = "ghp_" + "a1B2" * 9
    made = procedure(did(Verb.TYPE, USER, text=key, now=replace(USER, value=key)))
    assert made.parameters[0].example == ""


def test_what_was_typed_is_no_sign_to_know_a_place_by() -> None:
    known = Fingerprint(role="text field", label="Example.org", anchor=Anchor(text="example.org", dx=1, dy=0),
                        neighbours=("host", "example.org", "***", "connect"))  # fmt: skip
    plain = without_typed(known, ["example.org", "x"])
    assert plain == Fingerprint(role="text field", neighbours=("host", "connect"))
    assert without_typed(known, []).label == "Example.org"


def test_keys_on_a_button_are_clicks() -> None:
    made = procedure(did(Verb.HOTKEY, EXPORT, keys=("return",)), did(Verb.HOTKEY, DAILY, keys=("space",)))
    assert [one.gesture.verb for one in made.steps] == [Verb.CLICK, Verb.CLICK]
    assert [one.on.name for one in made.steps if one.on] == ["Export…", "Daily"]


def test_what_a_picture_does_not_tell_of_a_check_box_is_not_expected() -> None:
    untold = replace(DAILY, source=SurfaceKind.PIXEL, value=None)
    told = replace(untold, value="off")
    done = (did(Verb.CLICK, DAILY, now=untold), did(Verb.CLICK, DAILY, now=told))
    made = Recording(done).procedure("daily")
    assert [one.after for one in made.procedure.steps] == [None, Expectation(checked=False)]
    assert made.notes == ("step 1 (click): its picture does not tell whether it is set: a run clicks it",)


def test_what_follows_is_expected() -> None:
    checked = replace(DAILY, states=DAILY.states | {"checked"})
    made = procedure(
        did(Verb.CLICK, DAILY, now=checked),
        did(Verb.CLICK, EXPORT),
        replace(did(Verb.CLICK, EXPORT, window=DIALOG), closed=True),
    )
    assert [one.after for one in made.steps] == [
        Expectation(checked=True), Expectation(window="Export"), Expectation(closed=True)
    ]  # fmt: skip
    assert made.steps[1].window is None
    assert made.steps[2].window is not None
    assert made.steps[2].window.title == "Export"


def test_what_cannot_be_replayed_is_said() -> None:
    other = replace(MAIN, program="terminal", id="x11:0x9")
    recorded = Recording((did(Verb.CLICK, EXPORT), did(Verb.CLICK, None), did(Verb.CLICK, EXPORT, window=other)),
                         ("button 2 of the pointer",)).procedure("export")  # fmt: skip
    assert len(recorded.procedure.steps) == 2
    unknown = recorded.procedure.steps[1].on
    assert unknown is not None
    assert isinstance(locate(unknown, seen(EXPORT).look), NotLocated), "nobody knows what it was: it is never found"
    assert read_procedure(write_procedure(recorded.procedure)) == recorded.procedure, "a person can mend it"
    assert len(recorded.notes) == 3


def test_the_program_that_most_was_done_to_is_meant() -> None:
    shell = replace(MAIN, program="terminal", wm_class="t.T", id="x11:0x9")
    made = procedure(
        did(Verb.HOTKEY, EXPORT, keys=("ctrl", "l"), window=shell), did(Verb.CLICK, EXPORT), did(Verb.CLICK, DAILY)
    )
    assert made.window.program == "reports"
    assert len(made.steps) == 2


def test_a_drag_has_two_pictures() -> None:
    drag = replace(did(Verb.DRAG, EXPORT, crop=b"from"), to=seen(DAILY, crop=b"to"))
    again = replace(did(Verb.DRAG, EXPORT, crop=b"from"), to=seen(EXPORT, crop=b"to"))
    assert Recording((drag, again)).procedure("move").crops == {
        "01-export.png": b"from", "01-daily.png": b"to", "02-export.png": b"from", "02-export_2.png": b"to",
    }  # fmt: skip


def test_crops_are_named_by_their_step() -> None:
    recorded = Recording((did(Verb.CLICK, EXPORT, crop=b"png"),)).procedure("export")
    assert recorded.crops == {"01-export.png": b"png"}
    assert recorded.procedure.steps[0].on is not None
    assert recorded.procedure.steps[0].on.crop == "01-export.png"


def test_eyes_hit_the_smallest_that_can_be_used() -> None:
    around = replace(element("group", "all"), box=Box(0, 0, 800, 600))
    caption = replace(element("label", "Export…", row=6), box=Box(110, 182, 40, 10))
    hidden = replace(element("button", "Delete", row=6), states=frozenset())
    look = replace(seen(EXPORT).look, elements=(around, EXPORT, caption, hidden))
    assert hit(look, Point(115, 185)) == EXPORT
    assert hit(look, Point(700, 500)) == around
    assert hit(look, Point(900, 500)) is None
    assert hit(replace(look, elements=(replace(around, role="window"),)), Point(700, 500)) is None, "it was on nothing"
    assert focused_in(look) is None
    assert same_in(look, replace(EXPORT, id="another")) == EXPORT


def test_keys_go_to_the_field_though_the_chosen_row_of_a_list_says_focused_too() -> None:
    field = replace(element("text field", "Title", also="focused"), box=Box(200, 0, 500, 30))
    row = replace(element("list item", "Entry", also="focused"), box=Box(0, 0, 90, 90))
    assert focused_in(replace(seen(EXPORT).look, elements=(row, field))) == field
    assert focused_in(replace(seen(EXPORT).look, elements=(row, EXPORT))) == row


def test_texts_and_names_are_made_plain() -> None:
    assert composed("caf\u0301e") == "café"
    assert composed("\u0302 x\u0308u") == "^xü"
    assert [slug(name) for name in ("User name:", "Größe (cm)", "2nd host", "사용자")] == [
        "user_name",
        "groe_cm",
        "_2nd_host",
        "",
    ]
    assert not is_secret(USER)
    assert is_secret(replace(USER, value="••••"))


@pytest.mark.parametrize(
    "label", ["Password:", "비밀번호", "Kennwort", "Mot de passe", "PIN", "API key", "パスワード", "Private key"]
)
def test_a_field_that_asks_for_a_secret_is_known_by_its_label(label: str) -> None:
    assert is_secret(replace(USER, label=label))
    assert not is_secret(replace(DAILY, name=label)), "a box to tick"


@pytest.mark.parametrize("label", ["User name", "Spinning", "Monat", "Opinion", "이름"])
def test_other_fields_are_no_secrets(label: str) -> None:
    assert not is_secret(replace(USER, label=label))
