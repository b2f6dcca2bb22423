"""Texts that lean on the turn before: a closed list of forms, and no question becomes a change."""

from __future__ import annotations

import pytest

from opsagent.chat.following import followed, with_its_name
from opsagent.commands.known import Known
from opsagent.commands.reading import CommandStep, Context
from tests.support.talking import unit

UNITS = Known.of((unit("web", 2), unit("api"), unit("worker", 3), unit("결제")))
LOGS = CommandStep(tool="tail_logs", target="web", args={"lines": 5})
RESTART = CommandStep(tool="restart", target="web")


def after(last: CommandStep, text: str) -> list[tuple[str, str | None]]:
    context = Context(last=(last,), spoken_of=("web",), groups={"backend": ("api", "worker")}, aliases={"front": "web"})
    steps = followed(text, UNITS, context)
    assert all(dict(step.args) == dict(last.args) for step in steps)
    return [(str(step.tool), step.target) for step in steps]


SAME = (
    "and api? | and api | what about api? | How about api | same for api | the same for api please | also api | and api too"
    " | api는? | api도 | 그럼 api는? | api는요? | api도 해줘 | api는 어때?"
).split(" | ")
OTHER = (
    "and api? | what about api? | api는? | api도? | and not api | and api unless it is busy | and the api | and apu"
    " | and stop api | don't do the same for api | same for | and | api | api는 말고 | api는 하지 마 | again | 다시 | and all"
    " | same for everything"
).split(" | ")


@pytest.mark.parametrize("text", SAME)
def test_the_same_is_asked_of_another_unit(text: str) -> None:
    assert after(LOGS, text) == [("tail_logs", "api")]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("and api and worker?", ["api", "worker"]),
        ("same for api, worker", ["api", "worker"]),
        ("and backend?", ["api", "worker"]),
        ("and front?", ["web"]),
        ("api랑 worker는?", ["api", "worker"]),
        ("결제는?", ["결제"]),
    ],
)
def test_of_several_of_a_group_by_another_name(text: str, names: list[str]) -> None:
    assert [name for _, name in after(LOGS, text)] == names


@pytest.mark.parametrize("text", ["same for api", "and api", "api도 해줘", "do the same for api"])
def test_a_change_follows_where_it_is_told(text: str) -> None:
    assert after(RESTART, text) == [("restart", "api")]


@pytest.mark.parametrize("text", OTHER)
def test_no_change_follows_from_a_question_or_from_words_that_are_not_in_the_list(text: str) -> None:
    assert after(RESTART, text) == []


def test_again_repeats_what_reads_and_nothing_else() -> None:
    assert after(LOGS, "again") == after(LOGS, "한 번 더") == [("tail_logs", "web")]


@pytest.mark.parametrize(
    "last",
    [
        (),
        (LOGS, RESTART),
        (CommandStep(tool="restart", target="web", args={"at": "03:00"}),),
        (CommandStep(tool="restart", target="web", args={"if": "web is down"}),),
        (CommandStep(tool="pause"),),
        (CommandStep(tool="restart", target="all"),),
        (CommandStep(tool="approve", target=None, args={"id": "7f3a"}),),
        (CommandStep(tool="run_gui_procedure", target="web"),),
    ],
)
def test_what_is_not_one_thing_done_to_units_is_not_followed(last: tuple[CommandStep, ...]) -> None:
    assert followed("and api", UNITS, Context(last=last)) == ()


def test_it_is_what_was_spoken_of() -> None:
    one = Context(spoken_of=("web",))
    assert with_its_name("show me its logs", one) == "show me web logs"
    assert with_its_name("그거 로그 보여줘", one) == "web 로그 보여줘"
    assert with_its_name("그건 어때?", one) == "web 어때?"
    assert with_its_name("it is what it is", one) == ""
    assert with_its_name("show me its logs", Context(spoken_of=("web", "api"))) == ""
    assert with_its_name("wait for the item", one) == ""
