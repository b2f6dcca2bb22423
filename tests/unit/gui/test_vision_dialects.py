"""What vision models say and are told: held against the providers' own packages, and back and forth without loss."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from opsagent_tools.gui.model import Box, Gesture, Point, Verb
from opsagent_tools.gui.vision import claude, lux, openai, ui_tars
from opsagent_tools.gui.vision.frames import Frame
from opsagent_tools.gui.vision.wanted import Answered, BadReply, Reply, Want, Wanted

SCREEN = Box(100, 50, 1920, 1080)
PNG = "cG5n"


def of_claude(written: Any) -> dict[str, Any]:
    return {"content": [{"type": "tool_use", "id": "t1", "name": "computer", "input": written}]}


def of_openai(written: Any) -> dict[str, Any]:
    return {"output": [{"type": "computer_call", "call_id": "c1", "action": written, "pending_safety_checks": []}]}


def of_lux(written: Any) -> dict[str, Any]:
    return {"reason": "", "actions": [written], "stop": False}


def of_ui_tars(written: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": f"Thought: the button\nAction: {written}"}}]}


Dialect = tuple[Any, Callable[[Any], dict[str, Any]]]
DIALECTS: dict[str, Dialect] = {
    "claude": (claude, of_claude),
    "openai": (openai, of_openai),
    "lux": (lux, of_lux),
    "ui_tars": (ui_tars, of_ui_tars),
}
points = st.builds(Point, st.integers(SCREEN.left, SCREEN.right - 1), st.integers(SCREEN.top, SCREEN.bottom - 1))
line = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
gestures = st.one_of(
    st.sampled_from([Gesture(verb=Verb.CLICK), Gesture(verb=Verb.DOUBLE), Gesture(verb=Verb.RIGHT), Gesture(verb=Verb.DRAG)]),
    line.map(lambda text: Gesture(verb=Verb.TYPE, text=text, replace=False)),
    st.sampled_from([("ctrl", "s"), ("alt", "f4"), ("return",), ("ctrl", "shift", "escape"), ("page_down",)]).map(
        lambda keys: Gesture(verb=Verb.HOTKEY, keys=keys)
    ),
)  # fmt: skip


@pytest.mark.parametrize("name", DIALECTS)
@given(gesture=gestures, at=points, to=points)
def test_what_is_written_is_read_as_it_was(name: str, gesture: Gesture, at: Point, to: Point) -> None:
    dialect, reply = DIALECTS[name]
    if name in {"lux", "ui_tars"} and gesture.verb is Verb.TYPE and gesture.text != gesture.text.strip("\"' "):
        return  # the quotes around a text may be the model's, or its own: both are written alike
    shown = dialect.frame(SCREEN)
    read = dialect.read(reply(dialect.write(gesture, at, to, shown)), shown)
    (wanted,) = read.wanted
    assert wanted.want is Want.GESTURE
    assert wanted.gesture == gesture
    if gesture.verb in {Verb.CLICK, Verb.DOUBLE, Verb.RIGHT, Verb.DRAG}:
        assert near(wanted.at, at, shown)
    if gesture.verb is Verb.DRAG:
        assert near(wanted.to, to, shown)


def near(found: Point | None, meant: Point, shown: Frame) -> bool:
    """No further apart than one of the model's own pixels is large."""
    assert found is not None
    across, down = SCREEN.width / shown.width + 1, SCREEN.height / shown.height + 1
    return abs(found.x - meant.x) <= across and abs(found.y - meant.y) <= down


@pytest.mark.parametrize("name", DIALECTS)
@given(st.recursive(st.none() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from(["action", "type", "argument", "coordinate", "x", "y", "path", "text", "keys", "count", "actions"]), inner,
    max_size=4)))  # fmt: skip
def test_nonsense_is_never_a_gesture_at_a_place_that_was_not_shown(name: str, nonsense: Any) -> None:
    dialect, reply = DIALECTS[name]
    shown = dialect.frame(SCREEN)
    try:
        read: Reply = dialect.read(reply(nonsense), shown)
    except BadReply:
        return
    for wanted in read.wanted:
        assert all(SCREEN.holds(place) for place in (wanted.at, wanted.to) if place is not None)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("claude", {"action": "left_click", "coordinate": [5000, 10]}),
        ("openai", {"type": "click", "button": "left", "x": -3, "y": 10}),
        ("lux", {"type": "click", "argument": "1001, 4", "count": 1}),
        ("ui_tars", "click(point='<point>9999 4</point>')"),
    ],
)
def test_a_place_outside_of_the_picture_is_no_place(name: str, written: Any) -> None:
    dialect, reply = DIALECTS[name]
    (wanted,) = dialect.read(reply(written), dialect.frame(SCREEN)).wanted
    assert wanted.want is Want.UNKNOWN
    assert "outside of the picture" in wanted.said


class TestClaude:
    @pytest.mark.parametrize(
        ("member", "given"),
        [
            ("left_click", {"coordinate": [10, 20]}),
            ("double_click", {"coordinate": [10, 20]}),
            ("right_click", {"coordinate": [10, 20]}),
            ("left_click_drag", {"start_coordinate": [1, 2], "coordinate": [3, 4]}),
            ("scroll", {"coordinate": [1, 2], "scroll_direction": "down", "scroll_amount": 3}),
            ("key", {"text": "ctrl+s"}),
            ("type", {"text": "März"}),
            ("wait", {"duration": 2}),
            ("zoom", {"region": [0, 0, 100, 100]}),
        ],
    )
    def test_inputs_of_the_package_are_understood(self, member: str, given: dict[str, Any]) -> None:
        camel = "".join(part.capitalize() for part in member.split("_"))
        module = importlib.import_module(f"anthropic.types.beta.beta_computer_{member}_input")
        checked = getattr(module, f"BetaComputer{camel}Input").model_validate(given)
        sent = {"action": member, **checked.model_dump(exclude_none=True)}
        read = claude.read(of_claude(sent), claude.frame(SCREEN))
        assert read.wanted[0].want in {Want.GESTURE, Want.ZOOM}

    def test_the_request_is_what_the_package_declares(self) -> None:
        from anthropic.types.beta import BetaToolComputerUse20251124Param

        shown = claude.frame(SCREEN)
        body = claude.request("claude-x", "be careful", claude.begin("export", PNG), shown)
        TypeAdapter(BetaToolComputerUse20251124Param).validate_python(body["tools"][0])
        assert body["betas"] == ["computer-use-2025-11-24"]
        assert max(shown.width, shown.height) <= 1568
        assert shown.width * shown.height <= 1_150_000

    def test_what_was_refused_is_said_to_be_an_error_and_the_last_call_gets_the_picture(self) -> None:
        calls = [Wanted(want=Want.GESTURE, id="a"), Wanted(want=Want.GESTURE, id="b")]
        answers = [Answered(to=calls[0]), Answered(to=calls[1], refused="no")]
        mine, results = claude.go_on({"content": [{"type": "text", "text": "hm"}]}, answers, PNG)
        assert mine["role"] == "assistant"
        first, second = results["content"]
        assert (first["tool_use_id"], first.get("is_error", False)) == ("a", False)
        assert (second["tool_use_id"], second["is_error"]) == ("b", True)
        assert second["content"][-1]["type"] == "image"

    def test_a_newline_is_the_key_that_sends_it_off_and_three_clicks_select(self) -> None:
        shown = claude.frame(SCREEN)
        typed = claude.read(of_claude({"action": "type", "text": "ls\n"}), shown).wanted
        assert [one.gesture.verb for one in typed if one.gesture] == [Verb.TYPE, Verb.HOTKEY]
        (thrice,) = claude.read(of_claude({"action": "triple_click", "coordinate": [5, 5]}), shown).wanted
        assert thrice.selects

    def test_pressing_and_releasing_by_halves_is_not_done_here(self) -> None:
        (wanted,) = claude.read(of_claude({"action": "left_mouse_down"}), claude.frame(SCREEN)).wanted
        assert wanted.want is Want.UNKNOWN


class TestOpenAI:
    @given(gesture=gestures, at=points, to=points)
    def test_actions_are_what_the_package_declares(self, gesture: Gesture, at: Point, to: Point) -> None:
        openai_action().validate_python(openai.write(gesture, at, to, openai.frame(SCREEN)))

    @pytest.mark.parametrize(
        ("model", "tool"), [("computer-use-preview", "computer_use_preview"), ("gpt-x", "computer")]
    )
    def test_the_tool_is_what_the_package_declares(self, model: str, tool: str) -> None:
        from openai.types.responses import ComputerToolParam, ComputerUsePreviewToolParam

        body = openai.request(model, "be careful", openai.begin("export", PNG), openai.frame(SCREEN))
        declared: Any = ComputerToolParam if tool == "computer" else ComputerUsePreviewToolParam
        TypeAdapter(declared).validate_python(body["tools"][0])
        assert body["tools"][0]["type"] == tool
        assert body["store"] is False

    def test_safety_checks_wait_for_a_person(self) -> None:
        call = {
            "type": "computer_call",
            "call_id": "c1",
            "action": {"type": "click", "button": "left", "x": 4, "y": 4},
            "pending_safety_checks": [{"id": "s1", "code": "malicious", "message": "a trap"}],
        }
        (wanted,) = openai.read({"output": [call]}, openai.frame(SCREEN)).wanted
        assert wanted.checks == (("s1", "a trap"),)
        (_, told) = openai.go_on({"output": [call]}, [Answered(to=wanted, acknowledged=True)], PNG)
        assert told["acknowledged_safety_checks"] == [{"id": "s1"}]
        (_, untold, why) = openai.go_on({"output": [call]}, [Answered(to=wanted, refused="no")], PNG)
        assert "acknowledged_safety_checks" not in untold
        assert why["content"] == "Not done: no"

    def test_several_actions_in_one_call(self) -> None:
        actions = [{"type": "click", "button": "left", "x": 4, "y": 4}, {"type": "type", "text": "a"}]
        read = openai.read(
            {"output": [{"type": "computer_call", "call_id": "c", "actions": actions}]}, openai.frame(SCREEN)
        )
        assert [one.gesture.verb for one in read.wanted if one.gesture] == [Verb.CLICK, Verb.TYPE]


@functools.cache
def openai_action() -> TypeAdapter[Any]:
    from openai.types.responses.response_computer_tool_call import Action

    return TypeAdapter(Action)


class TestLux:
    @given(gesture=gestures, at=points, to=points)
    def test_actions_are_what_the_package_declares(self, gesture: Gesture, at: Point, to: Point) -> None:
        from oagi.types.models.action import Action

        Action.model_validate(lux.write(gesture, at, to, lux.frame(SCREEN)))

    @pytest.mark.parametrize(
        ("raw", "verbs"),
        [
            ("click(500, 500)", [Verb.CLICK]),
            ("left_triple(10, 10) & type(hello)", [Verb.CLICK, Verb.TYPE]),
            ("hotkey(ctrl+s, 2)", [Verb.HOTKEY]),
            ("scroll(500, 500, up, 3)", [Verb.SCROLL]),
            ("drag(1, 2, 3, 4)", [Verb.DRAG]),
            ("wait()", [Verb.WAIT]),
        ],
    )
    def test_what_the_package_parses_is_understood(self, raw: str, verbs: list[Verb]) -> None:
        assert [one.gesture.verb for one in lux_read(raw).wanted if one.gesture] == verbs

    @pytest.mark.parametrize(
        ("raw", "want"),
        [("finish()", Want.FINISHED), ("fail()", Want.FAILED), ("call_user()", Want.PERSON), ("", Want.FAILED)],
    )
    def test_the_ends(self, raw: str, want: Want) -> None:
        assert lux_read(raw).wanted[-1].want is want


def lux_read(raw: str) -> Reply:
    from oagi.utils.output_parser import parse_raw_output

    step = parse_raw_output(f"<|think_start|>so<|think_end|><|action_start|>{raw}<|action_end|>")
    return lux.read(step.model_dump(mode="json"), lux.frame(SCREEN))


class TestUiTars:
    @given(gesture=gestures.filter(lambda one: one.verb in {Verb.CLICK, Verb.DOUBLE, Verb.DRAG}), at=points, to=points)
    def test_the_model_s_own_parser_reads_the_same_place(self, gesture: Gesture, at: Point, to: Point) -> None:
        from ui_tars.action_parser import parse_action_to_structure_output

        shown = ui_tars.frame(SCREEN)
        text = f"Thought: the button\nAction: {ui_tars.write(gesture, at, to, shown)}"
        (parsed,) = parse_action_to_structure_output(
            text, 1000, origin_resized_height=shown.height, origin_resized_width=shown.width, model_type="qwen25vl"
        )
        (read,) = ui_tars.read(of_ui_tars(ui_tars.write(gesture, at, to, shown)), shown).wanted
        assert read.at is not None
        left, top, *_ = (float(one) for one in parsed["action_inputs"]["start_box"].strip("[]").split(","))
        assert abs(left * SCREEN.width + SCREEN.left - read.at.x) <= 2
        assert abs(top * SCREEN.height + SCREEN.top - read.at.y) <= 2

    @pytest.mark.parametrize(
        ("action", "verb"),
        [
            ("click(start_box='(120,300)')", Verb.CLICK),
            ("click(start_box='<|box_start|>(120,300)<|box_end|>')", Verb.CLICK),
            ("hotkey(key='ctrl c')", Verb.HOTKEY),
            (r"type(content='it\'s (done)')", Verb.TYPE),
            ("scroll(point='<point>5 5</point>', direction='down')", Verb.SCROLL),
        ],
    )
    def test_ways_of_writing_it(self, action: str, verb: Verb) -> None:
        (wanted,) = ui_tars.read(of_ui_tars(action), ui_tars.frame(SCREEN)).wanted
        assert wanted.gesture is not None
        assert wanted.gesture.verb is verb

    def test_nothing_of_it_is_evaluated(self) -> None:
        (wanted,) = ui_tars.read(of_ui_tars("__import__('os').system('id')"), ui_tars.frame(SCREEN)).wanted[:1]
        assert wanted.want is Want.UNKNOWN

    def test_older_pictures_are_left_out(self) -> None:
        messages: list[Mapping[str, Any]] = [*ui_tars.begin("export", PNG)]
        for _ in range(5):
            messages += ui_tars.go_on(of_ui_tars("wait()"), [], PNG)
        sent = ui_tars.request("ui-tars", "", messages, ui_tars.frame(SCREEN))["messages"]
        assert sum(isinstance(one["content"], list) for one in sent) == 3
